//! Equal shares, like Linux: the thread that has had the least core time runs next.
//!
//! The rules and figures are those of the Completely FairQueue Scheduler (`kernel/sched/fair.c`, 2.6.23 to 6.5) for threads of
//! equal weight. A thread that slept gets at most half a period of credit, and preempts at once if it is far enough behind
//! whoever runs: that is why interactive threads see little of the hogs beside them.
//!
//! Simplification: one run queue for all cores, where Linux has one for each and balances; ticks are counted from the
//! dispatch of a thread, where Linux has one fixed grid.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, Entry, Known, Policy, Promises, Settings, Why};
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

    fn build(&self, cores: u32, _: u64) -> FairQueue {
        FairQueue::new(cores)
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
    cores: u64,
    /// By thread number.
    virtual_time: Vec<u64>,
    /// (virtual time, order of arrival, thread).
    queue: BTreeSet<(u64, u64, ThreadId)>,
    arrivals: u64,
    /// The least virtual time of the ready threads, as far as it has come: never runs back.
    floor: u64,
}

impl FairQueue {
    /// An empty queue for a machine of so many cores.
    pub fn new(cores: u32) -> FairQueue {
        FairQueue {
            factor: 1 + u64::from(cores.min(8).ilog2()),
            cores: u64::from(cores),
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
        match entry.why {
            Why::New => *time = floor,
            Why::Woken => *time = (*time).max(credit),
            Why::Preempted | Why::Yielded => {}
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

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        // Everyone ready on a core shares a period; the running thread is one of them.
        let sharing = (self.queue.len() as u64).div_ceil(self.cores) + 1;
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

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    #[test]
    fn who_had_least_runs_next() {
        let mut fair = FairQueue::new(1);
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.pick(), Some(A));
        fair.ran(A, Duration::ms(4), Time::ZERO);
        fair.enqueue(B, entry(Why::New));
        fair.enqueue(A, entry(Why::Preempted));
        assert_eq!([fair.pick(), fair.pick()], [Some(B), Some(A)]);
    }

    #[test]
    fn a_sleeper_gets_half_a_period_of_credit_and_preempts_whoever_is_far_ahead() {
        let mut fair = FairQueue::new(1);
        fair.floor = 100_000_000;
        fair.enqueue(B, entry(Why::Woken));
        assert_eq!(fair.virtual_time[1], 97_000_000);
        fair.virtual_time[0] = 98_000_000;
        assert_eq!(fair.preempts(known(B), known(A), Duration::ZERO, Time::ZERO), None);
        assert_eq!(fair.preempts(known(B), known(A), Duration::us(1), Time::ZERO), Some(1_001_000));
    }

    #[test]
    fn slices_are_rounded_up_to_ticks() {
        let mut fair = FairQueue::new(1);
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.slice(A), Some(Duration::ms(4)));
        let mut fair = FairQueue::new(8);
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.slice(A), Some(Duration::ms(12)));
    }
}
