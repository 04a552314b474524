//! What those who wait wait for, in words: who has it, who last let somebody go, and who could.

use super::outcome::Waiting;
use super::{Chooser, Sim};
use crate::id::{ContextId, ProgramId, SyncId};
use crate::model::{Act, Op};
use crate::sync::{Config, Primitive};
use crate::time::{Duration, Time};
use crate::trace::{On, Role, Sink};

/// How many waits are explained: nobody reads more.
const HINTS: usize = 20;

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Everyone who waits for a lock, another shared thing, a child or a turn, now that nothing more can happen.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = Vec::new();
        for context in self.living() {
            let hint = if waiting.len() < HINTS { self.hint(context) } else { None };
            waiting.extend(self.describe(context).map(|found| Waiting { hint, ..found }));
        }
        let lost = self.world.pool.as_ref().map_or(&[][..], |pool| &pool.lost);
        waiting.extend(lost.iter().map(|lost| Waiting {
            who: self.model.role_name(Role::Task { task: lost.task, index: lost.index }),
            on: "a result that never comes".to_owned(),
            held_by: None,
            since: lost.at,
            hint: Some(format!("worker {} has died with it, and its pool only starts another worker", lost.worker)),
        }));
        waiting
    }

    fn living(&self) -> impl Iterator<Item = ContextId> {
        let living = self.world.contexts.iter().filter(|(_, state)| state.program.0 != u32::MAX);
        living.map(|(context, _)| context)
    }

    /// The name of a context, with its process if there are several.
    pub(super) fn who(&self, context: ContextId) -> String {
        let state = &self.world.contexts[context];
        let mut name = self.model.role_name(self.role_of(context));
        let thread = &self.world.threads[state.thread];
        if self.is_in_executor(state.thread) {
            name = format!("{name} in {}", self.model.role_name(thread.role));
        }
        match self.world.processes.len() {
            0 | 1 => name,
            _ => {
                let domain = self.model.execution.domain();
                format!("{name} ({domain} {})", self.world.threads[state.thread].process.0)
            }
        }
    }

    pub(super) fn describe(&self, context: ContextId) -> Option<Waiting> {
        let (on, since) = self.world.contexts[context].waits?;
        let on = match on {
            On::Lock(lock) => format!("the lock \"{}\"", self.model.locks[lock.index()].name),
            On::Join(program) => format!("the end of \"{}\"", self.model.programs[program.index()].name),
            On::Sync(sync) => self.name_shared(context, sync),
            On::Socket(peer) => self.name_wait(context, peer),
            On::Executor(steps) => self.queued_behind(steps).unwrap_or_else(|| "what it has a thread do".to_owned()),
            _ => return None,
        };
        let waits_for_itself = matches!(self.world.contexts[context].waits, Some((On::Executor(_), _)));
        let holders = self.blockers(context).into_iter().filter(|_| !waits_for_itself);
        let holders: Vec<String> = holders.map(|holder| self.holder(context, holder)).collect();
        let held_by = (!holders.is_empty()).then(|| list(&holders));
        Some(Waiting { who: self.who(context), on, held_by, since: Time(since.0), hint: None })
    }

    fn holder(&self, waiter: ContextId, holder: ContextId) -> String {
        match self.world.contexts[holder].program.0 == u32::MAX {
            true => "a thread or coroutine that has ended".to_owned(),
            // A worker whose earlier job ended with the lock holds it still.
            false if holder == waiter => "the same thread".to_owned(),
            false => self.who(holder),
        }
    }

    /// What the context wants of a shared thing. Where it asks again after its wait, the step is still to come.
    fn name_shared(&self, context: ContextId, sync: SyncId) -> String {
        let name = &self.model.syncs[sync.index()].name;
        match self.state_of_shared(context, sync) {
            Primitive::Semaphore(_) => format!("a permit of the semaphore \"{name}\""),
            Primitive::Event(_) => format!("the event \"{name}\""),
            Primitive::Condition(_) => format!("a notification of \"{name}\""),
            Primitive::Barrier(state) if state.leaving() > 0 => {
                format!("the barrier \"{name}\", which {} of the last round have not left", state.leaving())
            }
            Primitive::Barrier(state) => {
                let (come, parties) = state.come();
                format!("the barrier \"{name}\", to which {come} of {parties} have come")
            }
            Primitive::Queue(state) if state.is_empty() => format!("an item in the queue \"{name}\""),
            Primitive::Queue(_) => format!("a place in the queue \"{name}\""),
            Primitive::RwLock(_) => format!("the lock \"{name}\""),
        }
    }

    /// Why nobody has come to let it go.
    fn hint(&self, context: ContextId) -> Option<String> {
        let sync = match self.world.contexts[context].waits?.0 {
            On::Sync(sync) => sync,
            On::Socket(peer) => return self.who_could_send(context, peer),
            _ => return None,
        };
        let (verb, frees): (&str, fn(Act) -> bool) =
            match (self.model.syncs[sync.index()].initial, self.state_of_shared(context, sync)) {
                (Config::Semaphore { .. }, _) => ("released", |act| act == Act::Release),
                (Config::Event, _) => ("set", |act| act == Act::Set),
                (Config::Condition { .. }, _) => ("notified", |act| matches!(act, Act::Notify(_))),
                (_, Primitive::Queue(state)) if state.is_empty() => ("", |act| matches!(act, Act::Put(_))),
                (_, Primitive::Queue(_)) => ("", |act| matches!(act, Act::Get(_))),
                _ => return None,
            };
        let mut hints = Vec::new();
        if !verb.is_empty() {
            let process = self.home_of_sync(context, sync);
            hints.push(match self.world.processes[process.index()].syncs[sync.index()].last {
                Some((who, at)) => format!("last {verb} at {} by {}", Duration(at.0), self.model.role_name(who)),
                None => format!("never {verb}"),
            });
        }
        hints.push(self.who_could(context, sync, frees));
        Some(hints.join("; "))
    }

    fn who_could(&self, waiter: ContextId, sync: SyncId, frees: fn(Act) -> bool) -> String {
        let could = self.programs_that(sync, frees);
        let could = |program: ProgramId| could.get(program.index()).copied().unwrap_or(false);
        let living = self.living().filter(|other| !self.stands_in_queue(*other));
        let living = living.filter(|other| *other != waiter && could(self.world.contexts[*other].program));
        let living: Vec<String> = living.take(4).map(|other| self.who(other)).collect();
        if !living.is_empty() {
            let (most, more) = (&living[..living.len().min(3)], living.len() > 3);
            let waits = if living.len() == 1 { "waits" } else { "wait" };
            return format!("{}{} could, and {waits}, too", most.join(", "), if more { ", …" } else { "" });
        }
        let mut queued = self.world.work.queue.iter().map(|job| self.world.work.jobs[*job].task);
        match queued.find(|task| could(self.model.tasks[task.index()].program)) {
            Some(task) => {
                format!("a job of \"{}\" could, and no worker is free to begin it", self.model.tasks[task.index()].name)
            }
            None => self.held_up(waiter).unwrap_or_else(|| "nobody is left who could".to_owned()),
        }
    }

    /// Who could run if the coroutine did not block its event loop.
    fn held_up(&self, waiter: ContextId) -> Option<String> {
        let contexts = &self.world.contexts;
        let thread = contexts[waiter].thread;
        let blocks = contexts[waiter].coroutine && contexts[waiter].blocking > 0;
        let ready = |other: &ContextId| {
            *other != waiter && contexts[*other].thread == thread && contexts[*other].waits.is_none()
        };
        let ready: Vec<String> =
            self.living().filter(|other| blocks && ready(other)).map(|other| self.who(other)).collect();
        (!ready.is_empty()).then(|| format!("the event loop, which it blocks, has {} to run", list(&ready)))
    }

    /// By program: whether it does something to the thing, itself or by what it calls.
    fn programs_that(&self, sync: SyncId, does: fn(Act) -> bool) -> Vec<bool> {
        let programs = &self.model.programs;
        let body = |program: usize| {
            let code = self.model.code[programs[program].entry as usize..].iter();
            code.take_while(|op| !matches!(op, Op::Return))
        };
        let own = |op: &Op| matches!(op, Op::Sync { sync: used, act } if *used == sync && does(*act));
        let mut can: Vec<bool> = (0..programs.len()).map(|program| body(program).any(own)).collect();
        let called = |op: &Op| match op {
            Op::Call { entry } => programs.iter().position(|program| program.entry == *entry),
            _ => None,
        };
        let callees: Vec<Vec<usize>> =
            (0..programs.len()).map(|program| body(program).filter_map(called).collect()).collect();
        loop {
            let more = |program: &usize| !can[*program] && callees[*program].iter().any(|callee| can[*callee]);
            let Some(program) = (0..programs.len()).find(more) else { return can };
            can[program] = true;
        }
    }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first, second] => format!("{first} and {second}"),
        [first, second, rest @ ..] => format!("{first}, {second} and {} more", rest.len()),
    }
}
