//! Priorities and deadlines: the most urgent thread runs, with what it inherits by the locks that it holds.

use std::collections::BTreeMap;

use super::cores::Cores;
use super::locks::{Key, Locks};
use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ContextId, CoreId, JobId, TaskId, ThreadId};
use crate::kernel::policy::Rank;
use crate::model::{Arrivals, Model, Protocol, Task};
use crate::time::Time;
use crate::trace::{Record, What};

/// How urgent each thread is: by the job that it carries, or that its parent carried when it was spawned.
#[derive(Debug)]
pub(super) struct Urgencies {
    /// `None` if the policy promises no order that can be seen in the records.
    by: Option<Rank>,
    preemptive: bool,
    /// Threads without a priority may go before those with one.
    throttled: bool,
    tasks: Vec<Task>,
    /// By lock; empty if none has one.
    protocols: Vec<Protocol>,
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
        let mut protocols: Vec<Protocol> = model.locks.iter().map(|lock| lock.initial).collect();
        if protocols.iter().all(|protocol| *protocol == Protocol::None) {
            protocols.clear();
        }
        let (jobs, threads) = (BTreeMap::new(), BTreeMap::new());
        Urgencies { by, preemptive: promises.preempts, throttled: promises.throttled, tasks, protocols, jobs, threads }
    }

    /// Of a thread without a job: the default priority, and no deadline.
    fn nothing(&self) -> u64 {
        if matches!(self.by, Some(Rank::Priority)) { 100 } else { u64::MAX }
    }

    /// Without what it inherits.
    fn own(&self, thread: ThreadId) -> u64 {
        self.threads.get(&thread).copied().unwrap_or(self.nothing())
    }

    /// Whether a thread with the first number may be passed over for one with the second, whatever else holds.
    fn may_pass(&self, passed: u64, chosen: u64) -> bool {
        self.throttled && passed < 100 && chosen >= 100
    }

    fn of(&self, thread: ThreadId, seen: &Seen<'_>) -> u64 {
        match self.protocols.is_empty() {
            true => self.own(thread),
            false => self.with_inherited(thread, seen, &mut Vec::new()),
        }
    }

    /// The least of its own number and of those of all who wait for a lock that it holds, and so on.
    fn with_inherited(&self, thread: ThreadId, seen: &Seen<'_>, above: &mut Vec<ThreadId>) -> u64 {
        let mut least = self.own(thread);
        let Some(own) = seen.threads.threads.get(&thread).filter(|_| !above.contains(&thread)) else { return least };
        above.push(thread);
        for (key, since) in seen.locks.owned_by(own.own, own.serial) {
            least = least.min(match self.protocol(key) {
                Protocol::None => u64::MAX,
                Protocol::Inherit => {
                    let waiting = seen.locks.waiting(key).filter_map(|waiter| own_thread(waiter, seen.threads));
                    waiting.map(|waiter| self.with_inherited(waiter, seen, above)).min().unwrap_or(u64::MAX)
                }
                Protocol::Ceiling(ceiling) => match self.by {
                    None | Some(Rank::Demand) => u64::MAX,
                    Some(Rank::Priority) => u64::from(ceiling.priority),
                    Some(Rank::Deadline) => since.0.saturating_add(ceiling.deadline.0),
                    Some(Rank::Period) => ceiling.period.0,
                    Some(Rank::RelativeDeadline) => ceiling.deadline.0,
                },
            });
        }
        least
    }

    fn protocol(&self, (lock, _): Key) -> Protocol {
        self.protocols.get(lock.index()).copied().unwrap_or_default()
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
    pub fn record(&mut self, record: &Record, threads: &Threads, cores: &Cores, locks: &Locks, reports: &mut Reports) {
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
            What::JobEnd { job, context } | What::JobFail { job, context } => {
                self.jobs.remove(&job);
                if let Some(thread) = own_thread(context, threads) {
                    self.threads.remove(&thread);
                }
            }
            What::JobReturn { context, .. } => {
                if let Some(thread) = own_thread(context, threads) {
                    self.threads.remove(&thread);
                }
            }
            What::JobLost { job } => drop(self.jobs.remove(&job)),
            What::JobDrop { job, by } => {
                self.jobs.remove(&job);
                if let Some(thread) = by.and_then(|context| own_thread(context, threads)) {
                    self.threads.remove(&thread);
                }
            }
            What::Spawn { context, child } => {
                if let (Some(parent), Some(child)) = (threads.thread_of(context), own_thread(child, threads)) {
                    self.threads.insert(child, self.own(parent));
                }
            }
            What::ThreadEnd { thread, .. } => {
                self.threads.remove(&thread);
            }
            What::Switch { core, thread } | What::Run { core, thread } => {
                self.dispatch(core, thread, cores, &Seen { threads, locks }, reports);
            }
            What::LockTake { lock, process, context } => {
                self.hand_over((lock, process), context, &Seen { threads, locks }, reports);
            }
            _ => {}
        }
    }

    fn dispatch(&self, core: CoreId, thread: ThreadId, cores: &Cores, seen: &Seen<'_>, reports: &mut Reports) {
        // The end of a switch is no decision.
        if !cores.waits(thread) {
            return;
        }
        let mine = self.of(thread, seen);
        let rivals = cores.ready(core).filter(|ready| !self.may_pass(self.of(*ready, seen), mine));
        let first = rivals.min_by_key(|ready| self.of(*ready, seen));
        let passed = first.filter(|first| self.of(*first, seen) < mine);
        reports.require(passed.is_none(), Rule::Urgency, || {
            format!("{thread:?} ({mine}) is dispatched, {passed:?} is more urgent")
        });
    }

    /// A lock with a protocol goes to the most urgent of those who wait; nobody overtakes them.
    fn hand_over(&self, key: Key, context: ContextId, seen: &Seen<'_>, reports: &mut Reports) {
        if self.protocol(key) == Protocol::None {
            return;
        }
        let number = |context| own_thread(context, seen.threads).map_or(u64::MAX, |thread| self.of(thread, seen));
        let passed = match seen.locks.waiting(key).any(|waiter| waiter == context) {
            true => seen.locks.waiting(key).find(|waiter| number(*waiter) < number(context)),
            false => seen.locks.waiting(key).next(),
        };
        reports.require(passed.is_none(), Rule::LockOrder, || {
            format!("{context:?} takes {:?} before {passed:?}, which waits", key.0)
        });
    }

    /// Time passes with this state.
    pub fn settle(&self, cores: &Cores, threads: &Threads, locks: &Locks, reports: &mut Reports) {
        if self.by.is_none() || !self.preemptive {
            return;
        }
        let seen = Seen { threads, locks };
        for core in (0..cores.count()).map(CoreId) {
            let Some(running) = cores.on(core) else { continue };
            let runs = self.of(running, &seen);
            let rivals = cores.ready(core).filter(|ready| !self.may_pass(self.of(*ready, &seen), runs));
            let Some(ready) = rivals.min_by_key(|thread| self.of(*thread, &seen)) else { continue };
            let waits = self.of(ready, &seen);
            reports.require(waits >= runs, Rule::Urgency, || {
                format!("{running:?} ({runs}) runs, {ready:?} ({waits}) is ready")
            });
        }
    }
}

/// What urgency follows from, besides the jobs.
struct Seen<'a> {
    threads: &'a Threads,
    locks: &'a Locks,
}

/// The thread of the context, if the context is its own.
fn own_thread(context: ContextId, threads: &Threads) -> Option<ThreadId> {
    let found = threads.contexts.get(&context)?;
    found.progress.is_none().then_some(found.thread)
}
