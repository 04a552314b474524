//! LotteryQueue scheduling: each slice goes to the holder of a ticket drawn at random from those of all ready threads
//! (Waldspurger and Weihl, OSDI 1994). Shares are proportional to tickets on average, and over any short time by luck.
//!
//! Simplification: no compensation tickets; a thread that blocks before its slice is over gets less than its share.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use super::{About, Ask, At, Bounds, Entry, Policy, Promises, Rivals, Settings, Site};
use crate::id::ThreadId;
use crate::kernel::attributes::Needs;
use crate::rng::{Stream, numbered, stream_id};
use crate::time::Duration;

/// Each slice goes to a ticket drawn at random. The second value: draws to use before random ones, for replays; ticket
/// numbers are their remainders by the number of tickets of ready threads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Lottery(pub Duration, #[serde(default)] pub Vec<u64>);

impl Settings for Lottery {
    type State = LotteryQueue;

    const ABOUT: About = About {
        spelling: "Lottery(\"4ms\", [draws])",
        example: "Lottery(\"4ms\")",
        line: "each slice to a ticket drawn at random",
    };

    const ASKS: &'static [Ask] = &[Ask::Tickets];

    fn build(&self, site: &Site) -> LotteryQueue {
        LotteryQueue::new(self.0, &self.1, site)
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Index(0)], self.0);
    }

    fn promises(&self) -> Promises {
        Promises { preempts: true, slice: Some(self.0), ..Promises::default() }
    }
}

impl fmt::Display for Lottery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.1[..] {
            [] => write!(f, "Lottery(\"{}\")", self.0),
            draws => write!(f, "Lottery(\"{}\", {draws:?})", self.0),
        }
    }
}

/// The tickets of ready threads, and the draws.
#[derive(Clone, Debug, Hash)]
pub struct LotteryQueue {
    quantum: Duration,
    /// Tickets of each ready thread, 0 for others, as a Fenwick tree over thread numbers: entry `i` (from 1) is the sum of
    /// the `i & -i` entries up to `i`.
    tree: Vec<u64>,
    tickets: Vec<u32>,
    total: u64,
    waiting: usize,
    stream: Stream,
    /// Draws to use before those of the stream.
    recorded: Arc<[u64]>,
    drawn: usize,
    /// For explanations: the last ticket, and of how many.
    drawn_last: (u64, u64),
}

impl LotteryQueue {
    /// Nobody ready.
    pub fn new(quantum: Duration, recorded: &[u64], site: &Site) -> LotteryQueue {
        let first = stream_id("kernel#lottery");
        let stream = if site.number == 0 { first } else { numbered(first, u64::from(site.number)) };
        LotteryQueue {
            quantum,
            tree: vec![0],
            tickets: Vec::new(),
            total: 0,
            waiting: 0,
            stream: Stream::new(site.seed, stream),
            recorded: recorded.into(),
            drawn: 0,
            drawn_last: (0, 0),
        }
    }

    fn grow(&mut self, threads: usize) {
        if self.tickets.len() >= threads {
            return;
        }
        // Doubling keeps the rebuilds rare.
        let size = threads.next_power_of_two();
        self.tickets.resize(size, 0);
        self.tree = vec![0; size + 1];
        for index in 0..size {
            self.add(index, i64::from(self.tickets[index]));
        }
    }

    fn add(&mut self, index: usize, change: i64) {
        let mut node = index + 1;
        while node < self.tree.len() {
            self.tree[node] = self.tree[node].wrapping_add_signed(change);
            node += node & node.wrapping_neg();
        }
    }

    /// The thread that holds the ticket with this number, counted from 0 in the order of threads.
    fn holder(&self, mut ticket: u64) -> usize {
        let mut index = 0;
        let mut step = self.tickets.len();
        while step > 0 {
            if index + step < self.tree.len() && self.tree[index + step] <= ticket {
                index += step;
                ticket -= self.tree[index];
            }
            step /= 2;
        }
        index
    }

    fn leave(&mut self, index: usize) -> ThreadId {
        let tickets = std::mem::take(&mut self.tickets[index]);
        self.add(index, -i64::from(tickets));
        self.total -= u64::from(tickets);
        self.waiting -= 1;
        ThreadId::from(index)
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        match self.recorded.get(self.drawn - 1) {
            Some(draw) => *draw,
            None => self.stream.draw(),
        }
    }
}

impl Policy for LotteryQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.grow(thread.index() + 1);
        let tickets = entry.of.tickets;
        self.tickets[thread.index()] = tickets;
        self.add(thread.index(), i64::from(tickets));
        self.total += u64::from(tickets);
        self.waiting += 1;
    }

    fn pick(&mut self) -> Option<ThreadId> {
        if self.waiting == 0 {
            return None;
        }
        // The bias of the remainder is below one in 2^24 for the most tickets there can be.
        let ticket = self.draw() % self.total;
        self.drawn_last = (ticket, self.total);
        let index = self.holder(ticket);
        Some(self.leave(index))
    }

    /// Draws among the tickets of those who may, of the first `most` ready threads in the order of their numbers.
    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let holders = self.tickets.iter().enumerate().filter(|(_, tickets)| **tickets > 0).take(most);
        let able: Vec<(usize, u64)> = holders
            .filter(|(index, _)| may(ThreadId::from(*index)))
            .map(|(index, tickets)| (index, u64::from(*tickets)))
            .collect();
        let total: u64 = able.iter().map(|(_, tickets)| tickets).sum();
        if total == 0 {
            return None;
        }
        let ticket = self.draw() % total;
        self.drawn_last = (ticket, total);
        let mut upto = 0;
        let winner = able.into_iter().find(|(_, tickets)| {
            upto += tickets;
            ticket < upto
        });
        winner.map(|(index, _)| self.leave(index))
    }

    fn waiting(&self) -> usize {
        self.waiting
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

    fn because(&self, rivals: Rivals<'_>) -> String {
        let (ticket, total) = self.drawn_last;
        format!("ticket {ticket} of {total} was drawn, one of its {}", rivals.chosen.of.tickets)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Why;
    use super::*;
    use crate::kernel::attributes::Attributes;
    use crate::time::Time;

    #[test]
    fn every_ticket_has_its_holder() {
        let recorded: Vec<u64> = vec![0, 1, 2, 3, 4, 5, 6];
        for ticket in recorded {
            let site = Site { cores: 1, serves: 1, number: 0, seed: 1 };
            let mut lottery = LotteryQueue::new(Duration(1), &[ticket], &site);
            for (thread, tickets) in [(0, 1), (2, 2), (5, 3), (6, 1)] {
                let of = Attributes { tickets, ..Attributes::DEFAULT };
                lottery.enqueue(ThreadId(thread), Entry { why: Why::New, now: Time::ZERO, of: &of, carried: None });
            }
            let holders = [0, 2, 2, 5, 5, 5, 6];
            assert_eq!(lottery.pick(), Some(ThreadId(holders[ticket as usize])));
            assert_eq!(lottery.waiting(), 3);
        }
    }
}
