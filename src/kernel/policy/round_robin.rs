//! Round robin: every ready thread gets the same slice in turn. Who wakes joins the tail and preempts nobody.

use std::collections::VecDeque;
use std::fmt;

use serde::Deserialize;

use super::{About, At, Bounds, Entry, Policy, Promises, Rivals, Settings, Site, Timer, Why, remove_among};
use crate::id::ThreadId;
use crate::time::{Duration, Time};

/// Everyone in turn, each for at most a slice. The second value says who queues first at the end of a slice, the third when
/// the timer is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct RoundRobin(pub Duration, #[serde(default)] pub Joins, #[serde(default)] pub Timer);

/// Who joins the queue first at the end of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Joins {
    /// A thread that becomes ready during the slice, up to and including its last instant, stands before the preempted one.
    #[default]
    ArrivalsFirst,
    /// The preempted thread stands before those who become ready at the very instant in which its slice ends.
    PreemptedFirst,
    /// The preempted thread stands before everyone who became ready during its slice: the scheduler looks at arrivals only
    /// when a thread leaves the core, as some textbook programs do. No tie rule, but another algorithm.
    ArrivalsUnseen,
}

impl Settings for RoundRobin {
    type State = RoundRobinQueue;

    const ABOUT: About = About {
        spelling: "RoundRobin(\"4ms\", [ArrivalsFirst | PreemptedFirst | ArrivalsUnseen], [Fresh | Inherited])",
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
        let joins = match self.1 {
            Joins::ArrivalsFirst => Some(Joins::PreemptedFirst),
            Joins::PreemptedFirst => Some(Joins::ArrivalsFirst),
            Joins::ArrivalsUnseen => None,
        };
        let other = joins.map(|joins| RoundRobin(self.0, joins, self.2));
        other.into_iter().chain([RoundRobin(self.0, self.1, self.2.other())]).collect()
    }

    fn timer(&self) -> Timer {
        self.2
    }

    fn promises(&self) -> Promises {
        // One thread whose slice ends may stand before those who came during it.
        let overtaken = Some(u32::from(self.1 == Joins::ArrivalsUnseen));
        let preempted_first = self.1 == Joins::PreemptedFirst;
        Promises { preempts: true, slice: Some(self.0), overtaken, preempted_first, ..Promises::default() }
    }
}

impl fmt::Display for RoundRobin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.1, self.2) {
            (Joins::ArrivalsFirst, Timer::Fresh) => write!(f, "RoundRobin(\"{}\")", self.0),
            (joins, Timer::Fresh) => write!(f, "RoundRobin(\"{}\", {joins:?})", self.0),
            (joins, timer) => write!(f, "RoundRobin(\"{}\", {joins:?}, {timer:?})", self.0),
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
        RoundRobinQueue::new(self.slice, Joins::ArrivalsFirst)
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
    joins: Joins,
    queue: VecDeque<ThreadId>,
    /// Behind the queue. Under `PreemptedFirst` who became ready at the instant `since`, under `ArrivalsUnseen` who did so
    /// since a thread last left a core.
    late: VecDeque<ThreadId>,
    since: Time,
}

impl RoundRobinQueue {
    /// An empty queue.
    pub fn new(slice: Duration, joins: Joins) -> RoundRobinQueue {
        RoundRobinQueue { slice, joins, queue: VecDeque::new(), late: VecDeque::new(), since: Time::ZERO }
    }
}

impl RoundRobinQueue {
    #[cold]
    fn enqueue_behind(&mut self, thread: ThreadId, entry: Entry<'_>) {
        let at_once = self.joins == Joins::PreemptedFirst;
        if at_once && entry.now > self.since {
            self.queue.append(&mut self.late);
            self.since = entry.now;
        }
        if matches!(entry.why, Why::New | Why::Woken) {
            self.late.push_back(thread);
        } else {
            self.queue.push_back(thread);
            if !at_once {
                self.queue.append(&mut self.late);
            }
        }
    }
}

impl Policy for RoundRobinQueue {
    #[inline]
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        if self.joins == Joins::ArrivalsFirst {
            self.queue.push_back(thread);
        } else {
            self.enqueue_behind(thread, entry);
        }
    }

    fn pick(&mut self) -> Option<ThreadId> {
        if self.joins == Joins::ArrivalsUnseen {
            // Whoever ended or waits leaves its core, too: who has come until then stands in the queue.
            self.queue.append(&mut self.late);
        }
        self.queue.pop_front().or_else(|| self.late.pop_front())
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        if self.joins == Joins::ArrivalsUnseen {
            self.queue.append(&mut self.late);
        }
        let rest = most.saturating_sub(self.queue.len());
        remove_among(&mut self.queue, most, &mut *may).or_else(|| remove_among(&mut self.late, rest, may))
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.late.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        Some(self.slice)
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.front().or(self.late.front()).copied()
    }

    fn because(&self, _: Rivals<'_>) -> String {
        "it is its turn".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    /// 1 comes during the slice of 0, 2 at its end, 3 after it at the same instant.
    fn order(joins: Joins) -> Vec<u32> {
        let mut policy = RoundRobinQueue::new(Duration(2), joins);
        let at = |now, why| Entry { now: Time(now), ..entry(why) };
        policy.enqueue(ThreadId(1), at(1, Why::Woken));
        policy.enqueue(ThreadId(2), at(2, Why::New));
        policy.enqueue(ThreadId(0), at(2, Why::Preempted));
        policy.enqueue(ThreadId(3), at(2, Why::Woken));
        std::iter::from_fn(|| policy.pick()).map(|thread| thread.0).collect()
    }

    #[test]
    fn arrivals_during_a_slice_stand_before_or_behind_the_preempted_thread() {
        assert_eq!(order(Joins::ArrivalsFirst), [1, 2, 0, 3]);
        assert_eq!(order(Joins::PreemptedFirst), [1, 0, 2, 3]);
        assert_eq!(order(Joins::ArrivalsUnseen), [0, 1, 2, 3]);
    }

    /// 3 waits, two slices end at one instant, at which 2 comes, and a free core is filled in between.
    #[test]
    fn all_who_are_preempted_at_an_instant_stand_before_all_who_come_then() {
        let mut policy = RoundRobinQueue::new(Duration(2), Joins::PreemptedFirst);
        let at = |now, why| Entry { now: Time(now), ..entry(why) };
        policy.enqueue(ThreadId(3), at(1, Why::Woken));
        policy.enqueue(ThreadId(2), at(2, Why::Woken));
        policy.enqueue(ThreadId(0), at(2, Why::Preempted));
        assert_eq!(policy.pick_among(9, &mut |_| true), Some(ThreadId(3)));
        policy.enqueue(ThreadId(1), at(2, Why::Preempted));
        assert_eq!(policy.waiting(), 3);
        assert_eq!(policy.pick_among(9, &mut |thread| thread.0 == 2), Some(ThreadId(2)));
        assert_eq!([policy.pick(), policy.pick(), policy.pick()], [Some(ThreadId(0)), Some(ThreadId(1)), None]);
    }

    /// 2 comes while 0 runs, which ends; then 1 runs to the end of its slice.
    #[test]
    fn who_came_before_the_slice_stands_before_the_preempted_thread() {
        for joins in [Joins::ArrivalsFirst, Joins::PreemptedFirst, Joins::ArrivalsUnseen] {
            let mut policy = RoundRobinQueue::new(Duration(2), joins);
            policy.enqueue(ThreadId(1), entry(Why::New));
            policy.enqueue(ThreadId(2), entry(Why::New));
            assert_eq!(policy.pick(), Some(ThreadId(1)));
            policy.enqueue(ThreadId(1), Entry { now: Time(1), ..entry(Why::Preempted) });
            assert_eq!(policy.pick(), Some(ThreadId(2)), "{joins:?}");
        }
    }
}
