//! Waits for coroutines that were spawned before: nobody goes on too early, is forgotten, or is told the wrong thing.

use std::collections::BTreeMap;

use super::rule::{Reports, Rule};
use super::threads::{Progress, Threads};
use crate::id::{ContextId, ProgramId, ThreadId, WaitId};
use crate::model::{Model, TaskWait};
use crate::time::Time;
use crate::trace::{On, Raised, Record, Role, Together, What};

/// One wait under way.
#[derive(Debug)]
struct Open {
    wait: WaitId,
    due: Time,
    /// Who waits is ready.
    ready: bool,
}

/// What one coroutine has spawned and can wait for.
#[derive(Debug, Default)]
struct Brood {
    living: BTreeMap<ContextId, ProgramId>,
    /// Those that it does not know to be over, and whether with an exception.
    ended: Vec<(ProgramId, bool)>,
    /// How it awaits what it creates at present, or has just created.
    together: Option<Together>,
    /// The one of them that it awaits as a shield, and hears of by that.
    shielded: Option<ContextId>,
    open: Option<Open>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct TaskWaits {
    waits: Vec<TaskWait>,
    broods: BTreeMap<ContextId, Brood>,
    parents: BTreeMap<ContextId, ContextId>,
    raised: BTreeMap<ContextId, Raised>,
}

impl TaskWaits {
    /// `None` if no coroutine of the model waits so.
    pub fn new(model: &Model) -> Option<TaskWaits> {
        model.waits_for_tasks().then(|| TaskWaits {
            waits: model.task_waits.clone(),
            broods: BTreeMap::new(),
            parents: BTreeMap::new(),
            raised: BTreeMap::new(),
        })
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        match record.what {
            What::Together { context, how } => self.broods.entry(context).or_default().together = Some(how),
            What::TogetherAlready { context } => {
                let brood = self.broods.entry(context).or_default();
                (brood.together, brood.shielded) = (None, None);
            }
            What::Spawn { context, child } => self.spawn(context, child, threads),
            What::Uncaught { context, raised } => drop(self.raised.insert(context, raised)),
            What::CoroutineEnd { context } => self.end(context),
            What::WaitTasks { context, wait, time } => {
                let open = Open { wait, due: Time(reports.now.0.saturating_add(time.0)), ready: false };
                self.broods.entry(context).or_default().open = Some(open);
            }
            What::CoroutineReady { context } => self.ready(context, threads, reports),
            What::TasksWaited { context, late } => self.waited(context, late, reports),
            What::TasksKnown { context, program } => {
                let brood = self.broods.entry(context).or_default();
                let living = brood.living.values().any(|of| *of == program);
                brood.ended.retain(|(of, _)| *of != program);
                reports.require(!living, Rule::TaskWaits, || format!("{context:?} takes {program:?} for over"));
            }
            What::Cancel { context, .. } => {
                if let Some(brood) = self.broods.get_mut(&context) {
                    (brood.open, brood.together, brood.shielded) = (None, None, None);
                }
            }
            What::JobDrop { by: Some(context), .. } => drop(self.broods.remove(&context)),
            What::Block { thread, on: On::Poll, .. } => self.polls(thread, threads, reports),
            _ => {}
        }
    }

    fn spawn(&mut self, context: ContextId, child: ContextId, threads: &Threads) {
        let born = threads.contexts.get(&child);
        let Some((Role::Spawned { program, .. }, Some(_))) = born.map(|born| (born.role, born.progress)) else {
            return;
        };
        let brood = self.broods.entry(context).or_default();
        if brood.together == Some(Together::Shield) {
            brood.shielded = Some(child);
        }
        if brood.together.is_none_or(Together::apart) {
            brood.living.insert(child, program);
            self.parents.insert(child, context);
        }
    }

    fn end(&mut self, context: ContextId) {
        let failed = self.raised.remove(&context).is_some_and(|raised| raised != Raised::Cancelled);
        for child in self.broods.remove(&context).into_iter().flat_map(|brood| brood.living.into_keys()) {
            self.parents.remove(&child);
        }
        let Some(brood) = self.parents.remove(&context).and_then(|parent| self.broods.get_mut(&parent)) else { return };
        if let Some(program) = brood.living.remove(&context)
            && brood.shielded != Some(context)
        {
            brood.ended.push((program, failed));
        }
    }

    /// Whether what the wait is for has come about.
    fn is_over(&self, brood: &Brood, wait: WaitId) -> bool {
        let TaskWait { how, programs, .. } = &self.waits[wait.index()];
        let mut ended = brood.ended.iter().filter(|(program, _)| programs.contains(program));
        let none_left = !brood.living.values().any(|program| programs.contains(program));
        match how {
            Together::FirstCompleted => ended.next().is_some(),
            Together::FirstException => none_left || ended.any(|(_, failed)| *failed),
            _ => none_left,
        }
    }

    fn ready(&mut self, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let waits = threads.contexts.get(&context).and_then(|found| found.progress);
        let Some(brood) = self.broods.get(&context).filter(|_| waits == Some(Progress::Suspended(On::Together))) else {
            return;
        };
        if let Some(open) = &brood.open {
            let right = reports.now >= open.due || self.is_over(brood, open.wait);
            reports.require(right, Rule::TaskWaits, || format!("{context:?} goes on too early: {brood:?}"));
        }
        if let Some(brood) = self.broods.get_mut(&context) {
            (brood.together, brood.shielded) = (None, None);
            brood.open.iter_mut().for_each(|open| open.ready = true);
        }
    }

    fn waited(&mut self, context: ContextId, late: bool, reports: &mut Reports) {
        let Some(open) = self.broods.get_mut(&context).and_then(|brood| brood.open.take()) else {
            return reports.require(false, Rule::TaskWaits, || format!("{context:?} has not waited"));
        };
        let brood = &self.broods[&context];
        let right = if late { reports.now >= open.due } else { self.is_over(brood, open.wait) };
        reports.require(right, Rule::TaskWaits, || {
            format!("{context:?} is told that its time is over: {late}; {open:?}, {brood:?}")
        });
        let programs = &self.waits[open.wait.index()].programs;
        if let Some(brood) = self.broods.get_mut(&context) {
            brood.ended.retain(|(program, _)| !programs.contains(program));
        }
    }

    /// The loop has nothing to do: so nobody can go on.
    fn polls(&self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        for (context, brood) in &self.broods {
            let open = brood.open.as_ref().filter(|open| !open.ready);
            let Some(open) = open.filter(|_| threads.thread_of(*context) == Some(thread)) else { continue };
            let over = reports.now >= open.due || self.is_over(brood, open.wait);
            reports.require(!over, Rule::TaskWaits, || format!("{context:?} does not go on: {brood:?}"));
        }
    }
}
