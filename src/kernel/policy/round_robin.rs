//! Round robin: every ready thread gets the same slice in turn. Who wakes joins the tail and preempts nobody.

use std::collections::VecDeque;
use std::fmt;

use serde::Deserialize;

use super::{About, At, Bounds, Entry, Policy, Promises, Rivals, Settings, Site, Ties, Timer, Why, remove_among};
use crate::id::ThreadId;
use crate::time::Duration;

/// Everyone in turn, each for at most a slice. The second value says who queues first at the end of a slice, the third when
/// the timer is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RoundRobin(pub Duration, #[serde(default)] pub Ties, #[serde(default)] pub Timer);

impl Settings for RoundRobin {
    type State = RoundRobinQueue;

    const ABOUT: About = About {
        spelling: "RoundRobin(\"4ms\", [ArrivalsFirst | PreemptedFirst], [Fresh | Inherited])",
        example: "RoundRobin(\"4ms\")",
        line: "everyone in turn, each for at most a slice",
    };

    fn build(&self, _: &Site) -> RoundRobinQueue {
        RoundRobinQueue::new(self.0, self.1)
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Index(0)], self.0);
    }

    fn conventions(&self) -> Vec<RoundRobin> {
        vec![RoundRobin(self.0, self.1.other(), self.2), RoundRobin(self.0, self.1, self.2.other())]
    }

    fn timer(&self) -> Timer {
        self.2
    }

    fn promises(&self) -> Promises {
        // One thread whose slice ends may stand before those who came during it.
        let overtaken = u32::from(self.1 == Ties::PreemptedFirst);
        Promises { preempts: true, slice: Some(self.0), overtaken: Some(overtaken), ..Promises::default() }
    }
}

impl fmt::Display for RoundRobin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.1, self.2) {
            (Ties::ArrivalsFirst, Timer::Fresh) => write!(f, "RoundRobin(\"{}\")", self.0),
            (ties, Timer::Fresh) => write!(f, "RoundRobin(\"{}\", {ties:?})", self.0),
            (ties, timer) => write!(f, "RoundRobin(\"{}\", {ties:?}, {timer:?})", self.0),
        }
    }
}

/// Processor sharing, nearly: slices so short that all ready threads seem to run at once, each at its share of the cores.
/// Switches between them cost nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorSharing {
    /// Means of response times are off by about as much; every slice while somebody waits is an event.
    #[serde(default = "short")]
    pub slice: Duration,
}

/// A hundredth of a burst of a millisecond.
fn short() -> Duration {
    Duration::us(10)
}

impl Settings for ProcessorSharing {
    type State = RoundRobinQueue;

    const ABOUT: About = About {
        spelling: "ProcessorSharing([slice: \"10us\"])",
        example: "ProcessorSharing()",
        line: "all at once, each at its share of the cores: very short slices whose switches cost nothing",
    };

    fn build(&self, _: &Site) -> RoundRobinQueue {
        RoundRobinQueue::new(self.slice, Ties::ArrivalsFirst)
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Field("slice")], self.slice);
    }

    fn promises(&self) -> Promises {
        let slice = Some(self.slice);
        Promises { preempts: true, slice, overtaken: Some(0), free_switches: true, ..Promises::default() }
    }
}

impl fmt::Display for ProcessorSharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProcessorSharing(slice: \"{}\")", self.slice)
    }
}

/// The ready threads in order, and the slice they all get.
#[derive(Clone, Debug, Hash)]
pub struct RoundRobinQueue {
    slice: Duration,
    ties: Ties,
    queue: VecDeque<ThreadId>,
    /// Under `PreemptedFirst`: who became ready since a thread last left a core.
    unseen: VecDeque<ThreadId>,
}

impl RoundRobinQueue {
    /// An empty queue.
    pub fn new(slice: Duration, ties: Ties) -> RoundRobinQueue {
        RoundRobinQueue { slice, ties, queue: VecDeque::new(), unseen: VecDeque::new() }
    }
}

impl RoundRobinQueue {
    #[cold]
    fn enqueue_unseen(&mut self, thread: ThreadId, why: Why) {
        if matches!(why, Why::New | Why::Woken) {
            self.unseen.push_back(thread);
        } else {
            self.queue.push_back(thread);
            self.queue.append(&mut self.unseen);
        }
    }
}

impl Policy for RoundRobinQueue {
    #[inline]
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        if self.ties == Ties::PreemptedFirst {
            self.enqueue_unseen(thread, entry.why);
        } else {
            self.queue.push_back(thread);
        }
    }

    fn pick(&mut self) -> Option<ThreadId> {
        // Whoever ended or waits leaves its core, too: who has come until then stands in the queue.
        self.queue.append(&mut self.unseen);
        self.queue.pop_front()
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        self.queue.append(&mut self.unseen);
        remove_among(&mut self.queue, most, may)
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.unseen.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        Some(self.slice)
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.front().or(self.unseen.front()).copied()
    }

    fn because(&self, _: Rivals<'_>) -> String {
        "it is its turn".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    fn order(ties: Ties) -> Vec<u32> {
        let mut policy = RoundRobinQueue::new(Duration(2), ties);
        policy.enqueue(ThreadId(1), entry(Why::Woken));
        policy.enqueue(ThreadId(0), entry(Why::Preempted));
        policy.enqueue(ThreadId(2), entry(Why::Woken));
        std::iter::from_fn(|| policy.pick()).map(|thread| thread.0).collect()
    }

    #[test]
    fn arrivals_during_a_slice_stand_before_or_behind_the_preempted_thread() {
        assert_eq!(order(Ties::ArrivalsFirst), [1, 0, 2]);
        assert_eq!(order(Ties::PreemptedFirst), [0, 1, 2]);
    }

    /// 2 comes while 0 runs, which ends; then 1 runs to the end of its slice.
    #[test]
    fn who_came_before_the_slice_stands_before_the_preempted_thread() {
        for ties in [Ties::ArrivalsFirst, Ties::PreemptedFirst] {
            let mut policy = RoundRobinQueue::new(Duration(2), ties);
            policy.enqueue(ThreadId(1), entry(Why::New));
            policy.enqueue(ThreadId(2), entry(Why::New));
            assert_eq!(policy.pick(), Some(ThreadId(1)));
            policy.enqueue(ThreadId(1), entry(Why::Preempted));
            assert_eq!(policy.pick(), Some(ThreadId(2)), "{ties:?}");
        }
    }
}
