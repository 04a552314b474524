//! Equal shares, like Linux: the thread that has had the least core time runs next.
//!
//! The rules and figures are those of the Completely Fair Scheduler (`kernel/sched/fair.c`, 2.6.23 to 6.5) for threads of
//! equal weight. A thread that slept gets at most half a period of credit, and preempts at once if it is far enough behind
//! whoever runs: that is why interactive threads see little of the hogs beside them.
//!
//! A thread that goes to the queue of another core keeps its distance from the floor of the queue.
//!
//! Simplification: ticks are counted from the dispatch of a thread, where Linux has one fixed grid.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, Carried, Entry, Known, Policy, Promises, Settings, Site, Why, pop_among};
use crate::id::ThreadId;
use crate::time::{Duration, Time};

/// Slices are enforced at timer ticks (`CONFIG_HZ` 250).
const TICK: u64 = 4_000_000;
const LATENCY: u64 = 6_000_000;
const MIN_GRANULARITY: u64 = 750_000;
const WAKEUP_GRANULARITY: u64 = 1_000_000;

/// Equal shares, preemptive, like Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Fair;

impl Settings for Fair {
    type State = FairQueue;

    const ABOUT: About = About {
        spelling: "Fair",
        example: "Fair",
        line: "equal shares, preemptive, like Linux: who had least core time runs next",
    };

    const PER_CORE: bool = true;

    fn build(&self, site: &Site) -> FairQueue {
        FairQueue::new(site)
    }

    /// Fair shares are judged in figures, not record by record.
    fn promises(&self) -> Promises {
        Promises { preempts: true, ..Promises::default() }
    }
}

impl fmt::Display for Fair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fair")
    }
}

/// Virtual run times, and the ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct FairQueue {
    /// Scales all figures: 1 + log2 of the cores, at most 4 (`get_update_sysctl_factor`).
    factor: u64,
    /// Cores that take threads from this queue.
    serves: u64,
    /// By thread number.
    virtual_time: Vec<u64>,
    /// (virtual time, order of arrival, thread).
    queue: BTreeSet<(u64, u64, ThreadId)>,
    arrivals: u64,
    /// The least virtual time of the ready threads, as far as it has come: never runs back.
    floor: u64,
}

impl FairQueue {
    /// An empty queue.
    pub fn new(site: &Site) -> FairQueue {
        FairQueue {
            factor: 1 + u64::from(site.cores.min(8).ilog2()),
            serves: u64::from(site.serves),
            virtual_time: Vec::new(),
            queue: BTreeSet::new(),
            arrivals: 0,
            floor: 0,
        }
    }

    fn time_of(&mut self, thread: ThreadId) -> &mut u64 {
        if self.virtual_time.len() <= thread.index() {
            self.virtual_time.resize(thread.index() + 1, 0);
        }
        &mut self.virtual_time[thread.index()]
    }
}

impl Policy for FairQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        let credit = self.floor.saturating_sub(LATENCY * self.factor / 2);
        let floor = self.floor;
        let time = self.time_of(thread);
        if let Some([beyond, ..]) = entry.carried {
            *time = floor.saturating_add_signed(beyond);
        }
        match entry.why {
            Why::New => *time = floor,
            Why::Woken => *time = (*time).max(credit),
            Why::Preempted | Why::Yielded | Why::Moved => {}
        }
        let key = (*time, self.arrivals, thread);
        self.arrivals += 1;
        self.queue.insert(key);
    }

    fn pick(&mut self) -> Option<ThreadId> {
        let (time, _, thread) = self.queue.pop_first()?;
        self.floor = self.floor.max(time);
        Some(thread)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        pop_among(&mut self.queue, most, |key| may(key.2)).map(|key| key.2)
    }

    /// Virtual time beyond the floor.
    fn carried(&self, thread: ThreadId) -> Carried {
        [self.virtual_time[thread.index()] as i64 - self.floor as i64, 0, 0, 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        // Everyone ready on a core shares a period; the running thread is one of them.
        let sharing = (self.queue.len() as u64).div_ceil(self.serves) + 1;
        let ideal = (LATENCY * self.factor / sharing).max(MIN_GRANULARITY * self.factor);
        Some(Duration(ideal.div_ceil(TICK) * TICK))
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, _: Time) {
        *self.time_of(thread) += time.0;
    }

    fn preempts_on_wake(&self) -> bool {
        true
    }

    fn preempts(&self, woken: Known<'_>, running: Known<'_>, ran: Duration, _: Time) -> Option<u64> {
        let time = |thread: ThreadId| self.virtual_time.get(thread.index()).copied().unwrap_or(0);
        let behind = (time(running.thread) + ran.0).checked_sub(time(woken.thread))?;
        (behind > WAKEUP_GRANULARITY * self.factor).then_some(behind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{entry, known};
    use super::*;

    fn site(cores: u32) -> Site {
        Site { cores, serves: cores, number: 0, seed: 1 }
    }

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    #[test]
    fn who_had_least_runs_next() {
        let mut fair = FairQueue::new(&site(1));
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.pick(), Some(A));
        fair.ran(A, Duration::ms(4), Time::ZERO);
        fair.enqueue(B, entry(Why::New));
        fair.enqueue(A, entry(Why::Preempted));
        assert_eq!([fair.pick(), fair.pick()], [Some(B), Some(A)]);
    }

    #[test]
    fn a_sleeper_gets_half_a_period_of_credit_and_preempts_whoever_is_far_ahead() {
        let mut fair = FairQueue::new(&site(1));
        fair.floor = 100_000_000;
        fair.enqueue(B, entry(Why::Woken));
        assert_eq!(fair.virtual_time[1], 97_000_000);
        fair.virtual_time[0] = 98_000_000;
        assert_eq!(fair.preempts(known(B), known(A), Duration::ZERO, Time::ZERO), None);
        assert_eq!(fair.preempts(known(B), known(A), Duration::us(1), Time::ZERO), Some(1_001_000));
    }

    #[test]
    fn the_distance_from_the_floor_goes_along_to_another_queue() {
        let (mut here, mut there) = (FairQueue::new(&site(2)), FairQueue::new(&site(2)));
        (here.floor, there.floor) = (5_000_000, 90_000_000);
        here.enqueue(A, entry(Why::New));
        assert_eq!(here.pick_among(1, &mut |_| true), Some(A));
        here.ran(A, Duration::ms(2), Time::ZERO);
        let carried = Some(here.carried(A));
        there.enqueue(A, Entry { carried, ..entry(Why::Moved) });
        assert_eq!(there.virtual_time[0], 92_000_000);
    }

    #[test]
    fn slices_are_rounded_up_to_ticks() {
        let mut fair = FairQueue::new(&site(1));
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.slice(A), Some(Duration::ms(4)));
        let mut fair = FairQueue::new(&site(8));
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.slice(A), Some(Duration::ms(12)));
    }
}
