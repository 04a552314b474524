//! StrideQueue scheduling: shares proportional to tickets without luck. Every thread has a pass, which grows by its core time
//! divided by its tickets; the ready thread with the least pass runs next (Waldspurger and Weihl, 1995).
//!
//! A thread that becomes ready starts at the least pass of those who run, or of whoever was picked last, if its own is less:
//! time spent waiting is no credit.

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

/// Nanoseconds of a thread with one ticket are this much pass: a multiple of all numbers up to 40, and of 1,000 and 1,024, so
/// that two passes are nearly always equal only if they are in truth. 584 years of it fit.
const UNIT: u128 = 5_342_931_457_063_200 * 32 * 5;

/// What a thread has had.
#[derive(Clone, Copy, Debug, Hash)]
struct Share {
    pass: u128,
    /// What the last division by its tickets left.
    rest: u128,
    tickets: u32,
}

impl Share {
    /// After so much more core time.
    fn after(self, time: Duration) -> Share {
        let (more, tickets) = (u128::from(time.0) * UNIT + self.rest, u128::from(self.tickets));
        Share { pass: self.pass + more / tickets, rest: more % tickets, ..self }
    }
}

/// The passes of all threads, and the ready ones in their order.
#[derive(Clone, Debug, Hash)]
pub struct StrideQueue {
    quantum: Duration,
    equals: Equals,
    /// By thread number.
    threads: Vec<Share>,
    /// (pass, place among equals, order of joining, thread).
    queue: BTreeSet<(u128, (u64, u64), u64, ThreadId)>,
    joined: u64,
    /// The least pass of those who are ready or run, as far as it has ever come.
    floor: u128,
    /// Who executes, and since when.
    running: Vec<(ThreadId, Time)>,
}

impl StrideQueue {
    /// Nobody ready.
    pub fn new(quantum: Duration, equals: Equals) -> StrideQueue {
        let (threads, queue) = (Vec::new(), BTreeSet::new());
        StrideQueue { quantum, equals, threads, queue, joined: 0, floor: 0, running: Vec::new() }
    }

    /// Where a newcomer starts: nobody who competes is behind it for ever, or ahead.
    fn start(&mut self, now: Time) -> u128 {
        let of = |(thread, since): &(ThreadId, Time)| self.threads[thread.index()].after(now.since(*since)).pass;
        let ready = self.queue.first().map(|first| first.0);
        let least = self.running.iter().map(of).chain(ready).min().unwrap_or(0);
        self.floor = self.floor.max(least);
        self.floor
    }
}

impl Policy for StrideQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, Share { pass: 0, rest: 0, tickets: 1 });
        }
        let Share { mut pass, mut rest, tickets } = self.threads[thread.index()];
        if let Some([low, high, ..]) = entry.carried {
            let beyond = i128::from(high) << 64 | i128::from(low as u64);
            pass = self.floor.saturating_add_signed(beyond);
        }
        match entry.why {
            Why::New => pass = self.start(entry.now),
            Why::Woken => pass = self.start(entry.now).max(pass),
            Why::Preempted | Why::Yielded | Why::Moved => {}
        }
        if entry.why == Why::New || tickets != entry.of.tickets {
            rest = 0;
        }
        self.threads[thread.index()] = Share { pass, rest, tickets: entry.of.tickets };
        self.joined += 1;
        self.queue.insert((pass, self.equals.key(entry.of), self.joined, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_first().map(|first| first.3)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        pop_among(&mut self.queue, most, |key| may(key.3)).map(|key| key.3)
    }

    /// Pass beyond the floor, in two halves.
    fn carried(&mut self, thread: ThreadId, _: Time) -> Carried {
        let beyond = self.threads[thread.index()].pass.wrapping_sub(self.floor);
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

    fn began(&mut self, thread: ThreadId, now: Time) {
        self.running.push((thread, now));
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, now: Time) {
        self.start(now);
        self.threads[thread.index()] = self.threads[thread.index()].after(time);
        self.running.retain(|(running, _)| *running != thread);
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.3)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let had = |known: Known<'_>| self.threads[known.thread.index()].after(rivals.ran(known.thread)).pass;
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

    #[test]
    fn slices_of_a_third_of_a_ticket_add_up() {
        let mut stride = StrideQueue::new(Duration::ms(1), Equals::ByArrival);
        let of = |thread: usize| Attributes { tickets: [1, 3][thread], order: thread as u64, ..Attributes::DEFAULT };
        let enqueue = |stride: &mut StrideQueue, thread: usize, why| {
            let of = of(thread);
            stride.enqueue(ThreadId::from(thread), Entry { why, now: Time::ZERO, of: &of, carried: None });
        };
        enqueue(&mut stride, 0, Why::New);
        enqueue(&mut stride, 1, Why::New);
        let turns = (0..12).map(|_| {
            let thread = stride.pick().expect("two are ready");
            stride.ran(thread, Duration::ms(1), Time::ZERO);
            enqueue(&mut stride, thread.index(), Why::Preempted);
            thread.0
        });
        assert_eq!(turns.collect::<Vec<_>>(), [0, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1, 1]);
    }

    #[test]
    fn who_comes_to_a_thread_that_ran_alone_takes_turns_with_it() {
        let mut stride = StrideQueue::new(Duration::ms(1), Equals::ByArrival);
        let enqueue = |stride: &mut StrideQueue, thread, why, now| {
            let of = Attributes { order: u64::from(thread), ..Attributes::DEFAULT };
            stride.enqueue(ThreadId(thread), Entry { why, now, of: &of, carried: None });
        };
        enqueue(&mut stride, 0, Why::New, Time::ZERO);
        assert_eq!(stride.pick(), Some(ThreadId(0)));
        stride.began(ThreadId(0), Time::ZERO);
        let later = Time(1_000_000_000);
        enqueue(&mut stride, 1, Why::New, later);
        stride.ran(ThreadId(0), Duration::s(1), later);
        enqueue(&mut stride, 0, Why::Preempted, later);
        assert_eq!(stride.threads[0].pass, stride.threads[1].pass);
    }
}
