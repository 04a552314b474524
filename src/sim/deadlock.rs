//! Who waits for whom, when nobody can go on.

use super::outcome::Waiting;
use super::{Chooser, Outcome, Sim};
use crate::id::ContextId;
use crate::time::Time;
use crate::trace::{On, Sink};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The context has begun to wait for a lock. If that closes a circle, the run is over.
    pub(super) fn look_for_cycle(&mut self, context: ContextId) {
        let mut circle = vec![context];
        let mut at = context;
        while let Some(holder) = self.holder_of_what_it_waits_for(at) {
            if holder == context {
                let waiting = circle.iter().filter_map(|context| self.describe(*context)).collect();
                self.outcome = Some(Outcome::Deadlock(waiting));
                return;
            }
            if circle.contains(&holder) {
                return; // A circle that this one is not part of was reported when it closed.
            }
            circle.push(holder);
            at = holder;
        }
    }

    /// Everyone who waits for a lock, a child or a turn, now that nothing more can happen.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let live = self.world.contexts.iter().filter(|(_, state)| state.program.0 != u32::MAX);
        live.filter_map(|(context, _)| self.describe(context)).collect()
    }

    /// The name of a context, with its process if there are several.
    pub(super) fn who(&self, context: ContextId) -> String {
        let state = &self.world.contexts[context];
        let role = match state.job {
            Some(job) => {
                let job = &self.world.work.jobs[job];
                crate::trace::Role::Task { task: job.task, index: job.index }
            }
            None => state.role,
        };
        let name = self.model.role_name(role);
        match self.world.processes.len() {
            0 | 1 => name,
            _ => format!("{name} (process {})", self.world.threads[state.thread].process.0),
        }
    }

    fn holder_of_what_it_waits_for(&self, context: ContextId) -> Option<ContextId> {
        match self.world.contexts[context].waits {
            Some((On::Lock(lock), _)) => {
                let process = self.home_of_lock(context, lock);
                self.world.processes[process.index()].locks[lock.index()].owner()
            }
            _ => None,
        }
    }

    fn describe(&self, context: ContextId) -> Option<Waiting> {
        let (on, since) = self.world.contexts[context].waits?;
        let on = match on {
            On::Lock(lock) => format!("the lock \"{}\"", self.model.locks[lock.index()].name),
            On::Join(program) => format!("the end of \"{}\"", self.model.programs[program.index()].name),
            _ => return None,
        };
        let holder = self.holder_of_what_it_waits_for(context);
        let held_by = holder.map(|holder| {
            let ended = self.world.contexts[holder].program.0 == u32::MAX;
            match ended {
                true => "a thread or coroutine that has ended".to_owned(),
                // A worker whose earlier job ended with the lock holds it still.
                false if holder == context => "the same thread".to_owned(),
                false => self.who(holder),
            }
        });
        Some(Waiting { who: self.who(context), on, held_by, since: Time(since.0) })
    }
}
