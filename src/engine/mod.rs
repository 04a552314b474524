//! The clock's queue: pending events in a total order.
//!
//! Events are ordered by time, then by class, then by when they were scheduled. The whole order is packed into one
//! `u128` (time 64 bits, class 4, sequence 36, slot 24), so that a comparison is one instruction pair and an event is 16
//! bytes. Timers of cores are not here: they stand in a flat array beside the queue (see `kernel`), in the last class.

mod queue;

use std::hash::{Hash, Hasher};

use crate::time::Time;
pub use queue::Queue;

/// The order of classes at one instant: what the outside world did, then clocks, then wake-ups, then new work. Cores
/// come last, so that whoever becomes ready at the very end of a slice is seen by the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A device has served a request.
    Completion = 0,
    /// Something arrives at the end of a connection.
    Packet = 1,
    /// A timed wait is over.
    Timer = 2,
    /// A wake-up takes effect.
    Wakeup = 3,
    /// New work arrives.
    Arrival = 4,
}

/// An event that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub time: Time,
    /// What kind.
    pub class: Class,
    /// The number it was scheduled under; never 0.
    pub sequence: u64,
    /// Whom it concerns.
    pub slot: u32,
}

const SLOT_BITS: u32 = 24;
const SEQUENCE_BITS: u32 = 36;

/// Pending events.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    queue: Queue,
    scheduled: u64,
}

impl Engine {
    /// Schedules an event and returns its sequence number. To cancel it, forget the number.
    ///
    /// # Panics
    /// If the slot needs more than 24 bits: a run has at most 16 million threads, contexts or requests at once.
    #[inline]
    pub fn schedule(&mut self, time: Time, class: Class, slot: u32) -> u64 {
        assert!(slot < 1 << SLOT_BITS, "more than 16 million entities at once");
        self.scheduled += 1;
        debug_assert!(self.scheduled < 1 << SEQUENCE_BITS, "more than 2^36 events");
        let low = ((class as u64) << (SEQUENCE_BITS + SLOT_BITS)) | (self.scheduled << SLOT_BITS) | u64::from(slot);
        self.queue.push(u128::from(time.0) << 64 | u128::from(low));
        self.scheduled
    }

    /// The time of the next event, [`Time::NEVER`] if there is none.
    #[inline]
    pub fn next_time(&self) -> Time {
        self.queue.peek().map_or(Time::NEVER, |key| Time((key >> 64) as u64))
    }

    /// The next event.
    pub fn peek(&self) -> Option<Due> {
        self.queue.peek().map(unpack)
    }

    /// The next event leaves the queue.
    #[inline]
    pub fn pop(&mut self) -> Option<Due> {
        self.queue.pop().map(unpack)
    }

    /// How many events stand first together: same time, same class. Costs a walk over the queue; for explorers.
    pub fn ties(&self) -> usize {
        let Some(first) = self.queue.peek() else { return 0 };
        let rank = first >> (SEQUENCE_BITS + SLOT_BITS);
        self.queue.nearest().filter(|key| key >> (SEQUENCE_BITS + SLOT_BITS) == rank).count()
    }

    /// The `n`-th of the events that stand first together leaves the queue.
    pub fn pop_tie(&mut self, n: usize) -> Option<Due> {
        let passed: Vec<u128> = (0..n).filter_map(|_| self.queue.pop()).collect();
        let chosen = self.pop();
        passed.into_iter().for_each(|key| self.queue.push(key));
        chosen
    }
}

#[inline]
fn unpack(key: u128) -> Due {
    let low = key as u64;
    let class = match low >> (SEQUENCE_BITS + SLOT_BITS) {
        0 => Class::Completion,
        1 => Class::Packet,
        2 => Class::Timer,
        3 => Class::Wakeup,
        _ => Class::Arrival,
    };
    Due {
        time: Time((key >> 64) as u64),
        class,
        sequence: (low >> SLOT_BITS) & ((1 << SEQUENCE_BITS) - 1),
        slot: (low & ((1 << SLOT_BITS) - 1)) as u32,
    }
}

impl Hash for Engine {
    /// What is pending, in order; not how the queue happens to be laid out, nor how often something was scheduled.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut keys: Vec<u128> = self.queue.iter().collect();
        keys.sort_unstable();
        for key in keys {
            let due = unpack(key);
            (due.time, due.class, due.slot).hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_class_then_order_of_scheduling() {
        let mut engine = Engine::default();
        engine.schedule(Time(5), Class::Arrival, 1);
        engine.schedule(Time(5), Class::Completion, 2);
        engine.schedule(Time(3), Class::Arrival, 3);
        engine.schedule(Time(5), Class::Arrival, 0);
        let order: Vec<u32> = std::iter::from_fn(|| engine.pop()).map(|due| due.slot).collect();
        assert_eq!(order, [3, 2, 1, 0]);
    }

    #[test]
    fn a_tie_can_be_taken_out_of_turn() {
        let mut engine = Engine::default();
        for slot in 0..3 {
            engine.schedule(Time(5), Class::Timer, slot);
        }
        engine.schedule(Time(5), Class::Arrival, 9);
        assert_eq!(engine.ties(), 3);
        assert_eq!(engine.pop_tie(1).map(|due| due.slot), Some(1));
        let rest: Vec<u32> = std::iter::from_fn(|| engine.pop()).map(|due| due.slot).collect();
        assert_eq!(rest, [0, 2, 9]);
    }
}
