//! `SCHED_FIFO` and `SCHED_RR` of POSIX and Linux (`man 7 sched`): one list for each priority, the most urgent list first.
//!
//! A thread that becomes ready or yields joins the tail of its list; one that is preempted by a more urgent thread goes back
//! to the head and keeps what is left of its slice; under `SCHED_RR` one whose slice is over joins the tail with a new one.
//! A ready thread that inherits urgency joins the tail of the more urgent list; one that loses it the head of the other, as
//! `rt_mutex_setprio` has it.
//!
//! Simplification: no throttling (Linux keeps 5 % of each second for threads of other classes; here there are none).

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, At, Bounds, Carried, Entry, Known, Policy, Promises, Rank, Rivals, Settings, Site, Why, pop_among};
use crate::id::ThreadId;
use crate::kernel::attributes::{Attributes, Needs};
use crate::time::{Duration, Time};

/// Priorities of POSIX, first come first served within each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct SchedFifo;

/// Priorities of POSIX, round robin within each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct SchedRr {
    /// The longest a thread runs while another of its priority waits.
    #[serde(default = "rr_slice")]
    pub slice: Duration,
}

/// `RR_TIMESLICE` of Linux.
fn rr_slice() -> Duration {
    Duration::ms(100)
}

const PROMISES: Promises = Promises { preempts: true, order: Some(Rank::Priority), ..Promises::NONE };

impl Settings for SchedFifo {
    type State = RealTimeQueue;

    const ABOUT: About = About {
        spelling: "SchedFifo",
        example: "SchedFifo",
        line: "priorities of POSIX; runs until it blocks or a more urgent thread is ready",
    };

    fn build(&self, _: &Site) -> RealTimeQueue {
        RealTimeQueue::new(None)
    }

    fn promises(&self) -> Promises {
        PROMISES
    }
}

impl Settings for SchedRr {
    type State = RealTimeQueue;

    const ABOUT: About = About {
        spelling: "SchedRr([slice: \"100ms\"])",
        example: "SchedRr()",
        line: "the same, round robin among threads of one priority",
    };

    fn build(&self, _: &Site) -> RealTimeQueue {
        RealTimeQueue::new(Some(self.slice))
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Field("slice")], self.slice);
    }

    fn promises(&self) -> Promises {
        PROMISES
    }
}

impl fmt::Display for SchedFifo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SchedFifo")
    }
}

impl fmt::Display for SchedRr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchedRr(slice: \"{}\")", self.slice)
    }
}

/// A place in a list. Heads count down, tails count up.
type Place = (bool, u64);

#[derive(Clone, Copy, Debug, Hash)]
struct Standing {
    /// With what it inherits.
    priority: u64,
    place: Place,
    /// Of the slice; zero if it ended at this very moment.
    left: Duration,
}

/// The ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct RealTimeQueue {
    /// `None` under `SCHED_FIFO`.
    slice: Option<Duration>,
    /// By thread number.
    threads: Vec<Standing>,
    queue: BTreeSet<(u64, Place, ThreadId)>,
    joined: u64,
}

impl RealTimeQueue {
    /// Empty lists.
    pub fn new(slice: Option<Duration>) -> RealTimeQueue {
        RealTimeQueue { slice, threads: Vec::new(), queue: BTreeSet::new(), joined: 0 }
    }

    /// A whole slice.
    fn full(&self) -> Duration {
        self.slice.unwrap_or(Duration::FOREVER)
    }
}

/// The priority of a thread, with what it inherits.
fn urgency(of: &Attributes) -> u64 {
    Rank::Priority.of(of, Duration::ZERO)
}

impl Policy for RealTimeQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        let full = self.full();
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, Standing { priority: 0, place: (false, 0), left: full });
        }
        let standing = &mut self.threads[thread.index()];
        standing.priority = urgency(entry.of);
        if let Some([left, ..]) = entry.carried {
            standing.left = Duration(left as u64);
        }
        let over = standing.left == Duration::ZERO;
        if over || entry.why == Why::New {
            standing.left = full;
        }
        self.joined += 1;
        let place = match entry.why {
            Why::Preempted if !over => (false, u64::MAX - self.joined),
            Why::Preempted | Why::New | Why::Woken | Why::Yielded | Why::Moved => (true, self.joined),
        };
        standing.place = place;
        self.queue.insert((standing.priority, place, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_first().map(|first| first.2)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        pop_among(&mut self.queue, most, |key| may(key.2)).map(|key| key.2)
    }

    /// What is left of the slice.
    fn carried(&mut self, thread: ThreadId, _: Time) -> Carried {
        [self.threads[thread.index()].left.0 as i64, 0, 0, 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        self.slice
    }

    fn slice_end(&self, thread: ThreadId, ran: Duration, _: Time) -> Option<Duration> {
        let (slice, left) = (self.slice?, self.threads[thread.index()].left);
        let beyond = ran.0.saturating_sub(left.0);
        Some(Duration(left.0.saturating_add(beyond.div_ceil(slice.0).saturating_mul(slice.0))))
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Attributes
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, _: Time) {
        let Some(slice) = self.slice else { return };
        let left = &mut self.threads[thread.index()].left;
        *left = match time.0.checked_sub(left.0) {
            None => *left - time,
            // Slices that ended while nobody waited; zero if the last of them ends now.
            Some(beyond) if beyond.is_multiple_of(slice.0) => Duration::ZERO,
            Some(beyond) => Duration(slice.0 - beyond % slice.0),
        };
    }

    fn renew(&mut self, thread: ThreadId, _: Duration, _: Time) -> bool {
        let full = self.full();
        let standing = &mut self.threads[thread.index()];
        let alone = self.queue.first().is_none_or(|first| first.0 > standing.priority);
        if alone {
            standing.left = full;
        }
        alone
    }

    fn contender(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.2)
    }

    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        self.queue.iter().map(|key| key.2).find(|thread| may(*thread))
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, _: Duration, _: Time) -> Option<u64> {
        urgency(running.of).checked_sub(urgency(ready.of)).filter(|by| *by > 0)
    }

    fn update(&mut self, thread: ThreadId, of: &Attributes, queued: bool) {
        let Some(standing) = self.threads.get_mut(thread.index()) else { return };
        let before = std::mem::replace(&mut standing.priority, urgency(of));
        if !queued {
            return;
        }
        let was_there = self.queue.remove(&(before, standing.place, thread));
        debug_assert!(was_there, "{thread:?} is in the queue");
        self.joined += 1;
        standing.place = match standing.priority < before {
            true => (true, self.joined),
            false => (false, u64::MAX - self.joined),
        };
        self.queue.insert((standing.priority, standing.place, thread));
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let own = urgency(rivals.chosen.of);
        match rivals.over.map(|over| urgency(over.of)) {
            Some(other) if other != own => format!("its priority {own} goes before {other}"),
            _ => format!("it stands first in the list of priority {own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    fn order(ran: u64) -> [Option<ThreadId>; 2] {
        let mut policy = RealTimeQueue::new(Some(Duration(10)));
        policy.enqueue(A, entry(Why::New));
        assert_eq!(policy.pick(), Some(A));
        policy.enqueue(B, entry(Why::New));
        policy.ran(A, Duration(ran), Time::ZERO);
        policy.enqueue(A, entry(Why::Preempted));
        [policy.pick(), policy.pick()]
    }

    #[test]
    fn a_thread_that_inherits_urgency_joins_the_tail_and_goes_back_to_the_head() {
        let mut policy = RealTimeQueue::new(None);
        let of = |priority, inherited| Attributes { priority, inherited, ..Attributes::DEFAULT };
        for (thread, priority) in [(0, 1), (1, 2), (2, 2)] {
            policy.enqueue(ThreadId(thread), Entry { of: &of(priority, u64::MAX), ..entry(Why::Woken) });
        }
        policy.update(ThreadId(2), &of(2, 1), true);
        let order = |policy: &mut RealTimeQueue| [policy.pick(), policy.pick(), policy.pick()].map(|n| n.unwrap().0);
        assert_eq!(order(&mut policy.clone()), [0, 2, 1]);
        policy.update(ThreadId(2), &of(2, u64::MAX), true);
        assert_eq!(order(&mut policy), [0, 2, 1]);
    }

    #[test]
    fn a_preempted_thread_goes_to_the_head_and_one_whose_slice_is_over_to_the_tail() {
        assert_eq!(order(4), [Some(A), Some(B)]);
        assert_eq!(order(10), [Some(B), Some(A)]);
        assert_eq!(order(30), [Some(B), Some(A)]);
        assert_eq!(order(31), [Some(A), Some(B)]);
    }
}
