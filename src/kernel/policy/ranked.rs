//! The ready thread with the smallest number of some kind runs next: its next burst (shortest job first, shortest remaining
//! time), its priority, its deadline. In the preemptive form no thread runs while one of a smaller number is ready.
//!
//! A thread of the same number does not take a core: who runs goes on.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, Entry, Equals, Known, Policy, Promises, Rivals, Settings, Site, pop_among};
use crate::id::ThreadId;
use crate::kernel::attributes::{Attributes, Needs};
use crate::time::{Duration, Time};

/// What threads are ordered by, the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    /// Core time of the next burst, or what is left of it.
    Demand,
    /// The priority of the task.
    Priority,
    /// When the job is due: earliest deadline first.
    Deadline,
    /// From one job of the task to the next: rate monotonic.
    Period,
    /// From the arrival of a job to its deadline: deadline monotonic.
    RelativeDeadline,
}

impl Rank {
    /// The number of a thread that has had `ran` of core time since it was last looked at.
    pub fn of(self, of: &Attributes, ran: Duration) -> u64 {
        let own = match self {
            Rank::Demand => return of.remaining.0.saturating_sub(ran.0),
            Rank::Priority => u64::from(of.priority),
            Rank::Deadline => of.deadline.0,
            Rank::Period => of.period.0,
            Rank::RelativeDeadline => of.relative_deadline().0,
        };
        own.min(of.inherited)
    }
}

/// The smallest `priority` of a task first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Priority {
    /// Whether a more urgent thread takes the core of another at once.
    #[serde(default = "yes")]
    pub preemptive: bool,
    /// Who goes first among equals.
    #[serde(default)]
    pub equals: Equals,
}

fn yes() -> bool {
    true
}

impl Settings for Priority {
    type State = RankedQueue;

    const ABOUT: About = About {
        spelling: "Priority([preemptive: true], [equals: ByArrival])",
        example: "Priority(preemptive: true)",
        line: "the smallest `priority` of a task first",
    };

    fn build(&self, _: &Site) -> RankedQueue {
        RankedQueue::new(Rank::Priority, self.preemptive, self.equals)
    }

    fn conventions(&self) -> Vec<Priority> {
        self.equals.others().map(|equals| Priority { equals, ..*self }).collect()
    }

    fn promises(&self) -> Promises {
        Promises { preempts: self.preemptive, order: Some(Rank::Priority), ..Promises::default() }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equals = self.equals.argument();
        let comma = if equals.is_empty() { "" } else { ", " };
        write!(f, "Priority(preemptive: {}{comma}{equals})", self.preemptive)
    }
}

/// The policies that have no setting but who goes first among equals.
macro_rules! by {
    ($($(#[$doc:meta])* $name:ident($rank:ident, preemptive: $preemptive:literal, $line:literal),)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Who goes first among equals.
            #[serde(default)]
            pub equals: Equals,
        }

        impl Settings for $name {
            type State = RankedQueue;

            const ABOUT: About = About {
                spelling: concat!(stringify!($name), "([equals: ByArrival])"),
                example: concat!(stringify!($name), "()"),
                line: $line,
            };

            fn build(&self, _: &Site) -> RankedQueue {
                RankedQueue::new(Rank::$rank, $preemptive, self.equals)
            }

            fn conventions(&self) -> Vec<$name> {
                self.equals.others().map(|equals| $name { equals }).collect()
            }

            fn promises(&self) -> Promises {
                Promises { preempts: $preemptive, order: Some(Rank::$rank), ..Promises::default() }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.equals.argument())
            }
        })*
    };
}

by! {
    /// The ready thread whose next burst is shortest; it keeps its core until it blocks or ends.
    ShortestJobFirst(Demand, preemptive: false, "the shortest next burst first; runs until it blocks or ends"),
    /// The thread that has least left of its burst, preemptive.
    ShortestRemainingTime(Demand, preemptive: true, "who has least left of its burst, preemptive"),
    /// Earliest deadline first, preemptive: jobs are due at their arrival and the `deadline` of their task, else its period.
    Edf(Deadline, preemptive: true, "the earliest deadline first, preemptive"),
    /// The shortest period first, preemptive.
    RateMonotonic(Period, preemptive: true, "the shortest period first, preemptive"),
    /// The shortest deadline first, counted from the arrival, preemptive.
    DeadlineMonotonic(RelativeDeadline, preemptive: true, "the shortest relative deadline first, preemptive"),
}

impl Rank {
    /// The number of a thread, as a person would read it.
    fn value(self, number: u64) -> String {
        match self {
            Rank::Priority => number.to_string(),
            _ if number == u64::MAX => "none".to_owned(),
            _ => Duration(number).to_string(),
        }
    }

    /// The same with what it is.
    fn words(self, number: u64) -> String {
        let what = match self {
            Rank::Demand => return format!("{} left of its burst", self.value(number)),
            Rank::Priority => "priority",
            Rank::Deadline => "deadline",
            Rank::Period => "period",
            Rank::RelativeDeadline => "relative deadline",
        };
        if number == u64::MAX { format!("no {what}") } else { format!("{what} {}", self.value(number)) }
    }
}

/// Number, place among equals, order of joining.
type Place = (u64, (u64, u64), u64);

/// The ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct RankedQueue {
    rank: Rank,
    preemptive: bool,
    equals: Equals,
    queue: BTreeSet<(Place, ThreadId)>,
    joined: u64,
    /// By thread number: where it stands, if it does.
    places: Vec<Place>,
}

impl RankedQueue {
    /// An empty queue.
    pub fn new(rank: Rank, preemptive: bool, equals: Equals) -> RankedQueue {
        RankedQueue { rank, preemptive, equals, queue: BTreeSet::new(), joined: 0, places: Vec::new() }
    }
}

impl Policy for RankedQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.joined += 1;
        let place = (self.rank.of(entry.of, Duration::ZERO), self.equals.key(entry.of), self.joined);
        if self.places.len() <= thread.index() {
            self.places.resize(thread.index() + 1, place);
        }
        self.places[thread.index()] = place;
        self.queue.insert((place, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_first().map(|first| first.1)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        pop_among(&mut self.queue, most, |key| may(key.1)).map(|key| key.1)
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        None
    }

    fn honors_yield(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        match self.rank {
            Rank::Demand => Needs::Demand,
            _ => Needs::Attributes,
        }
    }

    fn contender(&self) -> Option<ThreadId> {
        self.queue.first().filter(|_| self.preemptive).map(|first| first.1)
    }

    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        self.queue.iter().filter(|_| self.preemptive).map(|key| key.1).find(|thread| may(*thread))
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, _: Time) -> Option<u64> {
        let (ready, running) = (self.rank.of(ready.of, Duration::ZERO), self.rank.of(running.of, ran));
        running.checked_sub(ready).filter(|by| *by > 0)
    }

    fn update(&mut self, thread: ThreadId, of: &Attributes, queued: bool) {
        if !queued {
            return;
        }
        let place = &mut self.places[thread.index()];
        let was_there = self.queue.remove(&(*place, thread));
        debug_assert!(was_there, "{thread:?} is in the queue");
        place.0 = self.rank.of(of, Duration::ZERO);
        self.queue.insert((*place, thread));
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.1)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let number = |known: Known<'_>| self.rank.of(known.of, rivals.ran(known.thread));
        let own = number(rivals.chosen);
        let words = self.rank.words(own);
        let runs = rivals.executing.is_some_and(|(running, _)| running == rivals.chosen.thread);
        match rivals.over.map(number) {
            None => format!("{words} is the least"),
            Some(other) if other != own => format!("{words} goes before {}", self.rank.value(other)),
            Some(_) if runs => format!("both have {words}, and who runs keeps its core against equals"),
            Some(_) => format!("both have {words}, and {}", self.equals.words()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Why;
    use super::*;

    fn order(equals: Equals, entries: &[(u32, u64)]) -> Vec<u32> {
        let mut policy = RankedQueue::new(Rank::Priority, true, equals);
        for (number, (priority, release)) in entries.iter().enumerate() {
            let of = Attributes { priority: *priority, release: Time(*release), ..Attributes::DEFAULT };
            policy.enqueue(ThreadId(number as u32), Entry { why: Why::Woken, now: Time::ZERO, of: &of, carried: None });
        }
        std::iter::from_fn(|| policy.pick()).map(|thread| thread.0).collect()
    }

    #[test]
    fn the_smallest_number_goes_first_and_equals_by_their_arrival_or_their_place() {
        let entries = [(3, 0), (2, 9), (2, 5), (1, 7)];
        assert_eq!(order(Equals::ByArrival, &entries), [3, 2, 1, 0]);
        assert_eq!(order(Equals::ByQueue, &entries), [3, 1, 2, 0]);
    }

    #[test]
    fn a_thread_that_inherits_urgency_moves_up_and_back() {
        let mut policy = RankedQueue::new(Rank::Priority, true, Equals::ByArrival);
        let of = |priority, inherited| Attributes { priority, inherited, ..Attributes::DEFAULT };
        for (thread, priority) in [(0, 1), (1, 2), (2, 3)] {
            let of = of(priority, u64::MAX);
            let entry = Entry { why: Why::Woken, now: Time::ZERO, of: &of, carried: None };
            policy.enqueue(ThreadId(thread), entry);
        }
        policy.update(ThreadId(2), &of(3, 0), true);
        assert_eq!(policy.contender(), Some(ThreadId(2)));
        policy.update(ThreadId(2), &of(3, u64::MAX), true);
        assert_eq!([policy.pick(), policy.pick(), policy.pick()], [0, 1, 2].map(|n| Some(ThreadId(n))));
    }

    #[test]
    fn equals_do_not_preempt_and_what_has_run_counts() {
        let policy = RankedQueue::new(Rank::Demand, true, Equals::ByArrival);
        let left = |ms| Attributes { remaining: Duration::ms(ms), ..Attributes::DEFAULT };
        let (ready, running) = (left(3), left(5));
        let by = |ran| {
            let (ready, running) =
                (Known { thread: ThreadId(0), of: &ready }, Known { thread: ThreadId(1), of: &running });
            policy.preempts(ready, running, Duration::ms(ran), Time::ZERO)
        };
        assert_eq!([by(0), by(1), by(2), by(3)], [Some(2_000_000), Some(1_000_000), None, None]);
    }
}
