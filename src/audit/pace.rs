//! How fast each core works: its speed, whether a sibling is busy, what is in its cache. From the records alone.

use std::collections::BTreeMap;

use crate::id::{CoreId, JobId, TaskId, ThreadId};
use crate::kernel::pace::{Caches, Paces};
use crate::model::Model;
use crate::trace::{Record, What};

use super::threads::Threads;

/// Work is counted in billionths of a nanosecond: the product of three factors in thousandths.
pub(super) const UNIT: u128 = 1_000_000_000;

/// What a cache holds, the last to have become warm first, and how long others have run.
#[derive(Clone, Debug, Default)]
struct Cache {
    warm: Vec<(Owner, u64)>,
    ran: BTreeMap<u64, u64>,
}

/// A thread and what it works on, under a number of its own; `None` when it has ended or changed to something else.
type Owner = Option<u64>;

/// The rates of cores, as they come from who runs where.
#[derive(Debug)]
pub(super) struct Rates {
    paces: Paces,
    sets: Vec<u64>,
    caches: Vec<Cache>,
    occupied: Vec<bool>,
    jobs: BTreeMap<JobId, TaskId>,
    /// The number of what a thread works on, and its size.
    owners: BTreeMap<ThreadId, (u64, u64)>,
    numbers: u64,
}

impl Rates {
    pub fn new(model: &Model) -> Rates {
        let cores = model.machine.cores as usize;
        Rates {
            paces: model.machine.paces.clone(),
            sets: model.tasks.iter().map(|task| u64::from(task.working_set)).collect(),
            caches: vec![Cache::default(); cores],
            occupied: vec![false; cores],
            jobs: BTreeMap::new(),
            owners: BTreeMap::new(),
            numbers: 0,
        }
    }

    /// The greatest rate that any core can have, in billionths.
    pub fn fastest(&self) -> u128 {
        let speed = self.paces.speeds.iter().copied().max().unwrap_or(1_000);
        let smt = self.paces.smt.map_or(1_000, |smt| smt.factor.max(1_000));
        let cache = self.paces.caches.map_or(1_000, |caches| caches.warm.max(caches.cold).max(1_000));
        u128::from(speed) * u128::from(smt) * u128::from(cache)
    }

    /// Whether every nanosecond of core time is one of work.
    pub fn is_even(&self) -> bool {
        self.paces.is_even()
    }

    /// The grid on which bursts end.
    pub fn tick(&self) -> u64 {
        self.paces.caches.and_then(|caches| caches.tick).map_or(1, |tick| tick.0)
    }

    pub fn record(&mut self, record: &Record, threads: &Threads) {
        match record.what {
            What::Switch { core, .. } | What::Run { core, .. } => self.set_occupied(core, true),
            What::Preempt { core, .. } | What::Yield { core, .. } | What::Block { core, .. } => {
                self.set_occupied(core, false);
            }
            What::ThreadEnd { core, thread } => {
                self.set_occupied(core, false);
                self.drop_owner(thread);
            }
            What::JobArrive { job, task, .. } => drop(self.jobs.insert(job, task)),
            What::JobDrop { job, .. } | What::JobLost { job } => drop(self.jobs.remove(&job)),
            What::JobStart { job, context } => {
                let own = threads.contexts.get(&context).filter(|found| found.progress.is_none());
                if let (Some(found), Some(task)) = (own, self.jobs.remove(&job)) {
                    let size = self.sets.get(task.index()).copied().unwrap_or(0);
                    self.work_on(found.thread, size);
                }
            }
            _ => {}
        }
    }

    fn set_occupied(&mut self, core: CoreId, occupied: bool) {
        if let Some(found) = self.occupied.get_mut(core.index()) {
            *found = occupied;
        }
    }

    /// The thread works on something of this size; if that is another size, on something else.
    fn work_on(&mut self, thread: ThreadId, size: u64) {
        if self.owners.get(&thread).map_or(0, |(_, size)| *size) == size {
            return;
        }
        self.drop_owner(thread);
        if size > 0 {
            self.numbers += 1;
            self.owners.insert(thread, (self.numbers, size));
        }
    }

    fn drop_owner(&mut self, thread: ThreadId) {
        let Some((number, _)) = self.owners.remove(&thread) else { return };
        for cache in &mut self.caches {
            cache.ran.remove(&number);
            for (owner, _) in &mut cache.warm {
                owner.take_if(|owner| *owner == number);
            }
        }
    }

    /// What the thread does on the core in so many nanoseconds, in billionths; it warms the cache meanwhile.
    pub fn work(&mut self, core: CoreId, thread: ThreadId, time: u64) -> u128 {
        let speed = u128::from(self.paces.speeds.get(core.index()).copied().unwrap_or(1_000));
        let shared = |siblings: u32| {
            let first = (core.0 / siblings * siblings) as usize;
            let others = self.occupied.iter().enumerate().skip(first).take(siblings as usize);
            others.filter(|(other, _)| *other != core.index()).any(|(_, occupied)| *occupied)
        };
        let smt = match self.paces.smt {
            Some(smt) if shared(smt.siblings) => u128::from(smt.factor),
            _ => 1_000,
        };
        let (Some(caches), Some(owner)) = (self.paces.caches, self.owners.get(&thread).copied()) else {
            return speed * smt * 1_000 * u128::from(time);
        };
        let Some(cache) = self.caches.get_mut(core.index()) else { return 0 };
        speed * smt * cache.factor_times_time(owner, time, &caches)
    }
}

impl Cache {
    /// The factor of the cache times the time, summed over the times between changes.
    fn factor_times_time(&mut self, (number, size): (u64, u64), time: u64, caches: &Caches) -> u128 {
        let mut left = time;
        let mut sum = 0;
        while left > 0 {
            if self.warm.iter().any(|(owner, _)| *owner == Some(number)) {
                return sum + u128::from(caches.warm) * u128::from(left);
            }
            let ran = self.ran.entry(number).or_insert(0);
            let part = left.min(caches.warm_up.0 - *ran);
            *ran += part;
            left -= part;
            sum += u128::from(caches.cold) * u128::from(part);
            if *ran == caches.warm_up.0 {
                self.ran.remove(&number);
                self.warm.insert(0, (Some(number), size));
                while self.warm.iter().map(|(_, size)| size).sum::<u64>() > caches.size {
                    self.warm.pop();
                }
            }
        }
        sum
    }
}
