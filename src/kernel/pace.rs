//! How fast cores work: their own speeds, siblings that share a physical core, and caches.
//!
//! A burst of 10 ms is 10 ms of work at rate 1. The rate of a core is the product of three factors, each a whole number of
//! thousandths: its speed, `smt.factor` while a sibling is busy too, and that of the cache, cold or warm. Products of three
//! such numbers are whole billionths, so nothing is ever rounded but the end of a burst, up to the next nanosecond.
//!
//! Caches are those of `multi.py` (Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapter 10): a thread that has
//! run for `warm_up` on a core is warm there and stands first in its cache; while working sets do not fit, the last ones
//! are evicted and have to warm up again. What an ended thread leaves behind stays until it is evicted.

use std::collections::BTreeMap;

use crate::id::{CoreId, ThreadId};
use crate::time::{Duration, Time};

/// The rate of a core that is as fast as its bursts are long.
pub const UNIT: u64 = 1_000_000_000;
const NOBODY: ThreadId = ThreadId(u32::MAX);

/// What makes cores faster or slower; factors are in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Paces {
    /// One for each core; empty if all are 1000.
    pub speeds: Vec<u32>,
    /// Cores that share a physical core.
    pub smt: Option<Smt>,
    /// A cache for each core.
    pub caches: Option<Caches>,
}

impl Paces {
    /// Whether all cores work at rate 1 at all times.
    pub fn is_even(&self) -> bool {
        self.speeds.is_empty() && self.smt.is_none() && self.caches.is_none()
    }
}

/// Simultaneous multithreading: so many cores that follow each other share a physical core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Smt {
    /// How many, at least 2.
    pub siblings: u32,
    /// How fast each is while another one of them is busy.
    pub factor: u32,
}

/// A cache for each core, for threads that have a working set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Caches {
    /// Of the cache, in the unit of working sets.
    pub size: u64,
    /// The factor of a warm cache.
    pub warm: u32,
    /// The factor of a cold one.
    pub cold: u32,
    /// How long a thread has to run on a core until it is warm there.
    pub warm_up: Duration,
    /// Bursts end at multiples of this.
    pub tick: Option<Duration>,
}

/// The rates of cores.
#[derive(Clone, Debug, Hash)]
pub(super) struct Pace {
    settings: Paces,
    /// By core: that at which its thread executes.
    rates: Vec<u64>,
    /// By physical core: how many of its cores are occupied.
    busy: Vec<u32>,
    /// Cores whose rate may have changed.
    stale: Vec<CoreId>,
    /// By core.
    caches: Vec<Cache>,
    /// Working sets by thread; 0 for none.
    sets: Vec<u32>,
}

#[derive(Clone, Debug, Default, Hash)]
struct Cache {
    /// Who is warm, the last one to become so first.
    warm: Vec<(ThreadId, u32)>,
    /// How long the others have run.
    warming: BTreeMap<ThreadId, Duration>,
}

impl Pace {
    pub fn new(cores: u32, settings: &Paces) -> Pace {
        let physical = settings.smt.map_or(0, |smt| cores.div_ceil(smt.siblings));
        let caches = if settings.caches.is_some() { cores } else { 0 };
        Pace {
            settings: settings.clone(),
            rates: vec![UNIT; cores as usize],
            busy: vec![0; physical as usize],
            stale: Vec::new(),
            caches: vec![Cache::default(); caches as usize],
            sets: Vec::new(),
        }
    }

    /// The core is occupied from now on, or free.
    pub fn occupy(&mut self, core: CoreId, occupied: bool) {
        let Some(smt) = self.settings.smt else { return };
        let physical = core.0 / smt.siblings;
        let busy = &mut self.busy[physical as usize];
        *busy = if occupied { *busy + 1 } else { *busy - 1 };
        let cores = self.rates.len() as u32;
        let siblings = (physical * smt.siblings..(physical + 1) * smt.siblings).filter(|other| *other < cores);
        self.stale.extend(siblings.map(CoreId).filter(|other| *other != core));
    }

    /// A core whose rate may have changed since it was last asked.
    pub fn take_stale(&mut self) -> Option<CoreId> {
        self.stale.pop()
    }

    /// The thread executes on the core at the rate that holds now.
    pub fn start(&mut self, core: CoreId, thread: ThreadId) {
        let Paces { speeds, smt, caches } = &self.settings;
        let speed = speeds.get(core.index()).copied().unwrap_or(1_000);
        let shared = smt.filter(|smt| self.busy[(core.0 / smt.siblings) as usize] > 1);
        let smt = shared.map_or(1_000, |smt| smt.factor);
        let cache = caches.filter(|_| self.set(thread) > 0).map_or(1_000, |caches| {
            let warm = self.caches[core.index()].warm.iter().any(|(owner, _)| *owner == thread);
            if warm { caches.warm } else { caches.cold }
        });
        self.rates[core.index()] = u64::from(speed) * u64::from(smt) * u64::from(cache);
    }

    fn set(&self, thread: ThreadId) -> u32 {
        self.sets.get(thread.index()).copied().unwrap_or(0)
    }

    /// When a burst that has `left` to do, of which `rest` billionths are done, ends on the core, or its rate changes.
    pub fn next(&self, core: CoreId, thread: ThreadId, since: Time, left: Duration, rest: u32) -> Time {
        let work = u128::from(left.0) * u128::from(UNIT) - u128::from(rest);
        let time = work.div_ceil(u128::from(self.rates[core.index()]));
        let mut end = Time(since.0.saturating_add(u64::try_from(time).unwrap_or(u64::MAX)));
        let Some(caches) = self.settings.caches else { return end };
        if let Some(tick) = caches.tick {
            end = Time(end.0.div_ceil(tick.0).saturating_mul(tick.0));
        }
        match self.caches[core.index()].warming.get(&thread) {
            Some(ran) => end.min(since + Duration(caches.warm_up.0 - ran.0)),
            None => end,
        }
    }

    /// The thread has executed on the core for so long. What it has done, in billionths of a nanosecond.
    pub fn ran(&mut self, core: CoreId, thread: ThreadId, time: Duration) -> u128 {
        let done = u128::from(time.0) * u128::from(self.rates[core.index()]);
        if let Some(caches) = self.settings.caches
            && let Some(ran) = self.caches[core.index()].warming.get_mut(&thread)
        {
            ran.0 += time.0;
            if *ran >= caches.warm_up {
                let set = self.set(thread);
                self.caches[core.index()].warm_up(thread, set, caches.size);
                self.start(core, thread);
            }
        }
        done
    }

    /// The thread is about to execute on the core.
    pub fn enter(&mut self, core: CoreId, thread: ThreadId) {
        if self.set(thread) > 0
            && let Some(cache) = self.caches.get_mut(core.index())
            && cache.warm.iter().all(|(owner, _)| *owner != thread)
        {
            cache.warming.entry(thread).or_default();
        }
        self.start(core, thread);
    }

    /// What the thread works on from now on. Other data is cold everywhere.
    pub fn work_on(&mut self, thread: ThreadId, set: u32) {
        if self.set(thread) == set {
            return;
        }
        self.forget(thread);
        if self.sets.len() <= thread.index() {
            self.sets.resize(thread.index() + 1, 0);
        }
        self.sets[thread.index()] = set;
    }

    /// The thread has ended. What it leaves in caches is nobody's.
    pub fn forget(&mut self, thread: ThreadId) {
        if self.set(thread) == 0 {
            return;
        }
        self.sets[thread.index()] = 0;
        for cache in &mut self.caches {
            cache.warming.remove(&thread);
            for (owner, _) in cache.warm.iter_mut().filter(|(owner, _)| *owner == thread) {
                *owner = NOBODY;
            }
        }
    }
}

impl Cache {
    /// The thread becomes warm; others, and in the end itself, are evicted as long as working sets do not fit.
    fn warm_up(&mut self, thread: ThreadId, set: u32, size: u64) {
        self.warming.remove(&thread);
        self.warm.insert(0, (thread, set));
        let mut total: u64 = self.warm.iter().map(|(_, set)| u64::from(*set)).sum();
        while total > size
            && let Some((evicted, set)) = self.warm.pop()
        {
            total -= u64::from(set);
            if evicted != NOBODY {
                self.warming.insert(evicted, Duration::ZERO);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(pace: &mut Pace, thread: u32, time: u64) -> u128 {
        pace.enter(CoreId(0), ThreadId(thread));
        pace.ran(CoreId(0), ThreadId(thread), Duration(time)) / u128::from(UNIT)
    }

    #[test]
    fn a_thread_that_has_run_for_long_enough_is_warm_until_others_need_the_room() {
        let caches = Caches { size: 100, warm: 2_000, cold: 1_000, warm_up: Duration(10), tick: None };
        let mut pace = Pace::new(1, &Paces { caches: Some(caches), ..Paces::default() });
        for (thread, set) in [(0, 60), (1, 40), (2, 50)] {
            pace.work_on(ThreadId(thread), set);
        }
        let work = [(0, 10), (0, 10), (1, 6), (1, 4), (1, 1), (0, 1), (2, 10), (1, 1), (0, 1)];
        let done = work.map(|(thread, time)| ran(&mut pace, thread, time));
        // The third evicts the first, which has been warm for longest; the second still fits beside it.
        assert_eq!(done, [10, 20, 6, 4, 2, 2, 10, 2, 1]);
    }

    #[test]
    fn rates_are_products_and_ends_are_rounded_up() {
        let smt = Smt { siblings: 2, factor: 600 };
        let mut pace = Pace::new(4, &Paces { speeds: vec![1_000, 500, 300, 1_000], smt: Some(smt), caches: None });
        pace.occupy(CoreId(1), true);
        pace.enter(CoreId(1), ThreadId(0));
        assert_eq!(pace.next(CoreId(1), ThreadId(0), Time(5), Duration(10), 0), Time(25));
        pace.occupy(CoreId(0), true);
        assert_eq!((pace.take_stale(), pace.take_stale()), (Some(CoreId(1)), Some(CoreId(0))));
        pace.start(CoreId(1), ThreadId(0));
        assert_eq!(pace.next(CoreId(1), ThreadId(0), Time(0), Duration(10), 0), Time(34));
        assert_eq!(pace.ran(CoreId(1), ThreadId(0), Duration(7)), 2_100_000_000);
        assert_eq!(pace.next(CoreId(1), ThreadId(0), Time(0), Duration(8), 100_000_000), Time(27));
    }
}
