//! Priorities and deadlines: the most urgent thread runs.

use std::collections::BTreeMap;

use super::cores::Cores;
use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ContextId, CoreId, JobId, TaskId, ThreadId};
use crate::kernel::policy::Rank;
use crate::model::{Arrivals, Model, Task};
use crate::time::Time;
use crate::trace::{Record, What};

/// How urgent each thread is: by the job that it carries, or that its parent carried when it was spawned.
#[derive(Debug)]
pub(super) struct Urgencies {
    /// `None` if the policy promises no order that can be seen in the records.
    by: Option<Rank>,
    preemptive: bool,
    tasks: Vec<Task>,
    jobs: BTreeMap<JobId, (TaskId, Time)>,
    /// Smaller is more urgent. Threads that are not here carry nothing.
    threads: BTreeMap<ThreadId, u64>,
}

impl Urgencies {
    pub fn new(model: &Model) -> Urgencies {
        let promises = model.machine.policy.promises();
        // The demands of the future are in no record.
        let by = promises.order.filter(|order| *order != Rank::Demand);
        let tasks = model.tasks.clone();
        Urgencies { by, preemptive: promises.preempts, tasks, jobs: BTreeMap::new(), threads: BTreeMap::new() }
    }

    /// Of a thread without a job: the default priority, and no deadline.
    fn nothing(&self) -> u64 {
        if matches!(self.by, Some(Rank::Priority)) { 100 } else { u64::MAX }
    }

    fn of(&self, thread: ThreadId) -> u64 {
        self.threads.get(&thread).copied().unwrap_or(self.nothing())
    }

    fn of_job(&self, job: JobId) -> Option<u64> {
        let (task, arrived) = *self.jobs.get(&job)?;
        let task = self.tasks.get(task.index())?;
        let period = match task.arrivals {
            Arrivals::Every(period) => period.0,
            _ => u64::MAX,
        };
        let deadline = task.urgency.deadline.map_or(period, |deadline| deadline.0);
        Some(match self.by? {
            Rank::Demand => return None,
            Rank::Priority => u64::from(task.urgency.priority),
            Rank::Deadline => arrived.0.saturating_add(deadline),
            Rank::Period => period,
            Rank::RelativeDeadline => deadline,
        })
    }

    /// Sees a record before the cores do.
    pub fn record(&mut self, record: &Record, threads: &Threads, cores: &Cores, reports: &mut Reports) {
        if self.by.is_none() {
            return;
        }
        match record.what {
            What::JobArrive { job, task, .. } => {
                self.jobs.insert(job, (task, record.time));
            }
            What::JobStart { job, context } => {
                if let (Some(thread), Some(urgency)) = (own_thread(context, threads), self.of_job(job)) {
                    self.threads.insert(thread, urgency);
                }
            }
            What::JobEnd { job, context } => {
                self.jobs.remove(&job);
                if let Some(thread) = own_thread(context, threads) {
                    self.threads.remove(&thread);
                }
            }
            What::Spawn { context, child } => {
                if let (Some(parent), Some(child)) = (threads.thread_of(context), own_thread(child, threads)) {
                    self.threads.insert(child, self.of(parent));
                }
            }
            What::ThreadEnd { thread, .. } => {
                self.threads.remove(&thread);
            }
            What::Switch { core, thread } | What::Run { core, thread } => self.dispatch(core, thread, cores, reports),
            _ => {}
        }
    }

    fn dispatch(&self, core: CoreId, thread: ThreadId, cores: &Cores, reports: &mut Reports) {
        // The end of a switch is no decision.
        if !cores.waits(thread) {
            return;
        }
        let mine = self.of(thread);
        let first = cores.ready(core).min_by_key(|ready| self.of(*ready));
        let passed = first.filter(|first| self.of(*first) < mine);
        reports.require(passed.is_none(), Rule::Urgency, || {
            format!("{thread:?} ({mine}) is dispatched, {passed:?} is more urgent")
        });
    }

    /// Time passes with this state.
    pub fn settle(&self, cores: &Cores, reports: &mut Reports) {
        if self.by.is_none() || !self.preemptive {
            return;
        }
        for core in (0..cores.count()).map(CoreId) {
            let Some(running) = cores.on(core) else { continue };
            let Some(ready) = cores.ready(core).min_by_key(|thread| self.of(*thread)) else { continue };
            reports.require(self.of(ready) >= self.of(running), Rule::Urgency, || {
                format!("{running:?} ({}) runs, {ready:?} ({}) is ready", self.of(running), self.of(ready))
            });
        }
    }
}

/// The thread of the context, if the context is its own.
fn own_thread(context: ContextId, threads: &Threads) -> Option<ThreadId> {
    let found = threads.contexts.get(&context)?;
    found.progress.is_none().then_some(found.thread)
}
