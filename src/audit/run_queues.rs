//! Run queues: who waits, for which core, since when, and who comes and goes.

use std::collections::{BTreeMap, VecDeque};

use super::affinity::Affinities;
use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{CoreId, ThreadId};
use crate::kernel::Queues;
use crate::kernel::policy::Promises;
use crate::model::Model;
use crate::time::{Duration, Time};
use crate::trace::{Record, What};

/// Queues of busy cores are compared every so many times that idle cores look for work.
const BUSY_FACTOR: u64 = 15;

/// A thread in a run queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub thread: ThreadId,
    /// Since when it is in this queue.
    pub since: Time,
    /// How many have overtaken it there.
    overtaken: u32,
    /// It comes from a core.
    stays: bool,
    /// Whose queue it is, if each core has one.
    core: Option<CoreId>,
}

/// How threads may go from queue to queue.
#[derive(Clone, Copy, Debug)]
struct PerCore {
    steal: bool,
    balance: Option<Duration>,
    hot: Duration,
}

/// All who wait, in the order in which they came to where they wait.
#[derive(Debug)]
pub(super) struct RunQueues {
    cores: u32,
    /// So many cores share a physical core.
    siblings: u32,
    affinities: Affinities,
    waiting: VecDeque<Waiting>,
    per_core: Option<PerCore>,
    /// Which core a thread ran on last, and when it left it.
    last: BTreeMap<ThreadId, (CoreId, Time)>,
}

impl RunQueues {
    pub fn new(model: &Model) -> RunQueues {
        let machine = &model.machine;
        let per_core = match machine.queues() {
            Queues::PerCore { steal, balance, hot } if machine.cores > 1 => {
                Some(PerCore { steal, balance, hot: hot.unwrap_or(Duration::ZERO) })
            }
            _ => None,
        };
        RunQueues {
            cores: machine.cores,
            siblings: machine.paces.smt.map_or(1, |smt| smt.siblings),
            affinities: Affinities::new(model),
            waiting: VecDeque::new(),
            per_core,
            last: BTreeMap::new(),
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The threads that the core can take from its queue, in order of their coming.
    pub fn of(&self, core: CoreId) -> impl Iterator<Item = &Waiting> + '_ {
        self.waiting.iter().filter(move |waiting| self.can(waiting, core))
    }

    fn can(&self, waiting: &Waiting, core: CoreId) -> bool {
        waiting.core.map_or_else(|| self.affinities.may(waiting.thread, core), |of| of == core)
    }

    /// Whether the thread may run on the core at all.
    pub fn may(&self, thread: ThreadId, core: CoreId) -> bool {
        self.affinities.may(thread, core)
    }

    /// The thread executes on the core while time passes.
    pub fn check_running(&self, thread: ThreadId, core: CoreId, reports: &mut Reports) {
        self.affinities.check(thread, core, reports);
    }

    /// The core that the thread last ran on.
    pub fn last(&self, thread: ThreadId) -> Option<CoreId> {
        self.last.get(&thread).map(|(core, _)| *core)
    }

    /// Whether the thread waits.
    pub fn holds(&self, thread: ThreadId) -> bool {
        self.waiting.iter().any(|waiting| waiting.thread == thread)
    }

    /// Sees a record after the cores have, of which `free` says who has nobody.
    pub fn record(
        &mut self,
        record: &Record,
        threads: &Threads,
        free: &impl Fn(CoreId) -> bool,
        reports: &mut Reports,
    ) {
        self.affinities.record(record, threads);
        match record.what {
            What::ThreadStart { thread, .. } => drop(self.last.remove(&thread)),
            What::Ready { thread } => self.join(thread, free, false, reports.now),
            What::Preempt { core, thread } | What::Yield { core, thread } => {
                self.last.insert(thread, (core, reports.now));
                self.join(thread, free, true, reports.now);
            }
            What::Block { core, thread, .. } => drop(self.last.insert(thread, (core, reports.now))),
            What::Migrate { core, thread } => self.migrate(thread, core, free, reports),
            _ => {}
        }
    }

    fn join(&mut self, thread: ThreadId, free: &impl Fn(CoreId) -> bool, stays: bool, now: Time) {
        let core = self.per_core.map(|_| self.place(thread, free, stays));
        self.waiting.push_back(Waiting { thread, since: now, overtaken: 0, stays, core });
    }

    /// The core that a thread has to wait for: the one it ran on last if it never left the run queues, or if that is free;
    /// else the lowest free one; else that of its last run, or the one with the fewest threads.
    fn place(&self, thread: ThreadId, free: &impl Fn(CoreId) -> bool, stays: bool) -> CoreId {
        let queued = |core: CoreId| self.of(core).count();
        let is_free = |core: &CoreId| free(*core) && queued(*core) == 0;
        let last = self.last(thread).filter(|last| self.may(thread, *last));
        let cores = || (0..self.cores).map(CoreId).filter(|core| self.may(thread, *core));
        let is_whole = |core: &CoreId| {
            let first = core.0 / self.siblings * self.siblings;
            (first..first + self.siblings).all(|sibling| is_free(&CoreId(sibling)))
        };
        let fewest = || cores().min_by_key(|core| queued(*core) + usize::from(!free(*core)));
        match last {
            Some(last) if stays || is_free(&last) => last,
            _ => cores().find(is_whole).or_else(|| cores().find(is_free)).or(last).or_else(fewest).unwrap_or(CoreId(0)),
        }
    }

    fn migrate(&mut self, thread: ThreadId, to: CoreId, free: &impl Fn(CoreId) -> bool, reports: &mut Reports) {
        let now = reports.now;
        let place = self.waiting.iter().position(|waiting| waiting.thread == thread);
        let (Some(settings), Some(place)) = (self.per_core, place) else {
            return reports.require(false, Rule::Migration, || format!("{thread:?} does not wait, and goes to {to:?}"));
        };
        let found = self.waiting.remove(place);
        let due = |factor: u64| {
            let every = settings.balance.map(|balance| balance.0.saturating_mul(factor));
            every.is_some_and(|every| every > 0 && now.0.is_multiple_of(every))
        };
        let idle = free(to) && self.of(to).next().is_none();
        let right = if idle { settings.steal || due(1) } else { due(BUSY_FACTOR) };
        reports.require(right, Rule::Migration, || format!("{thread:?} goes to {to:?} without a reason"));
        let warm = self.last.get(&thread).filter(|(_, left)| now.since(*left) < settings.hot);
        reports.require(warm.is_none(), Rule::Migration, || format!("{thread:?} goes to {to:?} while its data is hot"));
        self.affinities.check(thread, to, reports);
        let moves = found.is_some_and(|found| found.core != Some(to));
        reports.require(moves, Rule::Migration, || format!("{thread:?} goes to {to:?}, where it is"));
        self.waiting.push_back(Waiting { thread, since: now, overtaken: 0, stays: true, core: Some(to) });
    }

    /// The thread leaves for the core, past no others more often than is promised.
    pub fn leave(&mut self, thread: ThreadId, core: CoreId, promises: &Promises, reports: &mut Reports) {
        let place = self.waiting.iter().position(|waiting| waiting.thread == thread);
        // A thread that is not in a queue at all breaks its automaton, which is another rule.
        let Some(place) = place else { return };
        let found = self.waiting[place];
        reports.require(self.can(&found, core), Rule::Placement, || {
            format!("{thread:?} waits for {:?} and gets {core:?}", found.core)
        });
        // Who lost a core at the instant at which others came may stand before them.
        let first =
            |other: &Waiting| promises.preempted_first && found.stays && !other.stays && found.since == other.since;
        let before: Vec<bool> =
            self.waiting.iter().take(place).map(|other| self.can(other, core) && !first(other)).collect();
        for (overtaken, _) in self.waiting.iter_mut().zip(before).filter(|(_, could)| *could) {
            overtaken.overtaken += 1;
            let times = overtaken.overtaken;
            reports.require(promises.overtaken.is_none_or(|most| times <= most), Rule::RunQueueOrder, || {
                format!("{thread:?} is dispatched before {:?}, the {times}. to overtake it", overtaken.thread)
            });
        }
        self.waiting.remove(place);
    }

    /// A core that is free until `next`, since `since`: nobody waits for it, and nobody waits elsewhere for longer than it
    /// takes until the core looks again.
    pub fn check_idle(&self, core: CoreId, since: Time, next: Time, reports: &mut Reports) {
        let late = |waiting: &&Waiting| match self.per_core {
            Some(PerCore { steal: true, balance: Some(every), hot }) if !self.can(waiting, core) => {
                if !self.may(waiting.thread, core) {
                    return false;
                }
                let left = self.last.get(&waiting.thread).map_or(Time::ZERO, |(_, left)| *left + hot);
                let from = waiting.since.max(since).max(left);
                next > from + every
            }
            _ => self.can(waiting, core),
        };
        let waiting = self.waiting.iter().find(late);
        reports.require(waiting.is_none(), Rule::WorkConserving, || {
            let Waiting { thread, since, .. } = waiting.expect("the rule is broken only by a thread that waits");
            format!("core {} is idle although {thread:?} is ready since {} ns", core.0, since.0)
        });
    }
}
