//! StrideQueue scheduling: shares proportional to tickets without luck. Every thread has a pass, which grows by its core time
//! divided by its tickets; the ready thread with the least pass runs next (Waldspurger and Weihl, 1995).
//!
//! A thread that becomes ready again starts at the pass of whoever was picked last, if its own is less: time spent waiting
//! is no credit.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{
    About, Ask, At, Bounds, Carried, Entry, Equals, Known, Policy, Promises, Rivals, Settings, Site, Why, pop_among,
};
use crate::id::ThreadId;
use crate::kernel::attributes::Needs;
use crate::time::{Duration, Time};

/// Slices in proportion to tickets, without luck. The second value says who goes first among equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Stride(pub Duration, #[serde(default)] pub Equals);

impl Settings for Stride {
    type State = StrideQueue;

    const ABOUT: About = About {
        spelling: "Stride(\"4ms\", [ByArrival | ByQueue | ByTask])",
        example: "Stride(\"4ms\")",
        line: "slices in proportion to tickets, without luck",
    };

    const ASKS: &'static [Ask] = &[Ask::Tickets];

    fn build(&self, _: &Site) -> StrideQueue {
        StrideQueue::new(self.0, self.1)
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Index(0)], self.0);
    }

    fn conventions(&self) -> Vec<Stride> {
        self.1.others().map(|equals| Stride(self.0, equals)).collect()
    }

    fn promises(&self) -> Promises {
        Promises { preempts: true, slice: Some(self.0), ..Promises::default() }
    }
}

impl fmt::Display for Stride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Equals::ByArrival => write!(f, "Stride(\"{}\")", self.0),
            equals => write!(f, "Stride(\"{}\", {equals:?})", self.0),
        }
    }
}

/// Nanoseconds of a thread with one ticket are this much pass.
const UNIT: u128 = 1 << 32;

/// The passes of all threads, and the ready ones in their order.
#[derive(Clone, Debug, Hash)]
pub struct StrideQueue {
    quantum: Duration,
    equals: Equals,
    /// Pass and tickets by thread number.
    threads: Vec<(u128, u32)>,
    /// (pass, place among equals, order of joining, thread).
    queue: BTreeSet<(u128, (u64, u64), u64, ThreadId)>,
    joined: u64,
    floor: u128,
}

impl StrideQueue {
    /// Nobody ready.
    pub fn new(quantum: Duration, equals: Equals) -> StrideQueue {
        StrideQueue { quantum, equals, threads: Vec::new(), queue: BTreeSet::new(), joined: 0, floor: 0 }
    }
}

impl Policy for StrideQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, (0, 1));
        }
        let (pass, tickets) = &mut self.threads[thread.index()];
        *tickets = entry.of.tickets;
        if let Some([low, high, ..]) = entry.carried {
            let beyond = i128::from(high) << 64 | i128::from(low as u64);
            *pass = self.floor.saturating_add_signed(beyond);
        }
        match entry.why {
            Why::New => *pass = self.floor,
            Why::Woken => *pass = self.floor.max(*pass),
            Why::Preempted | Why::Yielded | Why::Moved => {}
        }
        self.joined += 1;
        self.queue.insert((*pass, self.equals.key(entry.of), self.joined, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        let (pass, .., thread) = self.queue.pop_first()?;
        self.floor = self.floor.max(pass);
        Some(thread)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        pop_among(&mut self.queue, most, |key| may(key.3)).map(|key| key.3)
    }

    /// Pass beyond the floor, in two halves.
    fn carried(&mut self, thread: ThreadId, _: Time) -> Carried {
        let beyond = self.threads[thread.index()].0.wrapping_sub(self.floor);
        [beyond as i64, (beyond >> 64) as i64, 0, 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        Some(self.quantum)
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Attributes
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, _: Time) {
        let (pass, tickets) = &mut self.threads[thread.index()];
        *pass += u128::from(time.0) * UNIT / u128::from(*tickets);
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.3)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let had = |known: Known<'_>| {
            let (pass, tickets) = self.threads[known.thread.index()];
            pass + u128::from(rivals.ran(known.thread).0) * UNIT / u128::from(tickets)
        };
        let words = |pass: u128| Duration((pass / UNIT) as u64).to_string();
        let own = had(rivals.chosen);
        match rivals.over.map(had) {
            Some(other) if other == own => {
                format!("both have had {} for a ticket, and {}", words(own), self.equals.words())
            }
            Some(other) => format!("it has had {} for a ticket, the other {}", words(own), words(other)),
            None => format!("it has had {} for a ticket, which is least", words(own)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::attributes::Attributes;

    #[test]
    fn turns_are_as_many_as_tickets() {
        let mut stride = StrideQueue::new(Duration(10), Equals::ByArrival);
        let tickets = [100, 50, 250];
        let of = |thread: usize| Attributes { tickets: tickets[thread], order: thread as u64, ..Attributes::DEFAULT };
        for thread in 0..3 {
            stride.enqueue(
                ThreadId::from(thread),
                Entry { why: Why::New, now: Time::ZERO, of: &of(thread), carried: None },
            );
        }
        let mut turns = Vec::new();
        for _ in 0..8 {
            let thread = stride.pick().expect("three are ready");
            stride.ran(thread, Duration(10), Time::ZERO);
            let entry = Entry { why: Why::Preempted, now: Time::ZERO, of: &of(thread.index()), carried: None };
            stride.enqueue(thread, entry);
            turns.push(thread.0);
        }
        assert_eq!(turns, [0, 1, 2, 2, 2, 0, 2, 2], "the example of the textbook");
    }
}
