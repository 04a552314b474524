//! Queues, as `queue.Queue` and `asyncio.Queue` are: items first in, first out, with or without a capacity.
//!
//! A `put` wakes the longest waiting getter, a `get` the longest waiting putter. Who is woken asks again; whoever was faster
//! has the item or the place, and the woken one waits again behind all others. Threads and coroutines are alike in this.

use std::collections::VecDeque;

use crate::id::ContextId;

/// Items, and who waits for one or for a place.
#[derive(Clone, Debug, Hash)]
pub struct Queue {
    capacity: Option<u32>,
    items: VecDeque<i64>,
    getters: VecDeque<ContextId>,
    putters: VecDeque<ContextId>,
}

/// What a context that brings an item gets.
#[must_use = "a context may have to wait or be woken"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The item is in; this one stops waiting and asks again.
    Done { woken: Option<ContextId> },
    /// It waits for a place.
    Full,
}

/// What a context that wants an item gets.
#[must_use = "a context may have to wait or be woken"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Get {
    /// An item; this one stops waiting and asks again.
    Item { value: i64, woken: Option<ContextId> },
    /// It waits for an item.
    Empty,
}

impl Queue {
    /// For at most `capacity` items, or any number.
    pub fn new(capacity: Option<u32>) -> Queue {
        Queue { capacity, items: VecDeque::new(), getters: VecDeque::new(), putters: VecDeque::new() }
    }

    /// Brings an item, or waits for a place.
    pub fn put(&mut self, context: ContextId, value: i64) -> Put {
        if self.capacity.is_some_and(|capacity| self.items.len() >= capacity as usize) {
            self.putters.push_back(context);
            return Put::Full;
        }
        self.items.push_back(value);
        Put::Done { woken: self.getters.pop_front() }
    }

    /// Takes the oldest item, or waits for one.
    pub fn get(&mut self, context: ContextId) -> Get {
        match self.items.pop_front() {
            Some(value) => Get::Item { value, woken: self.putters.pop_front() },
            None => {
                self.getters.push_back(context);
                Get::Empty
            }
        }
    }

    /// The context waits no more.
    pub fn leave(&mut self, context: ContextId) {
        self.getters.retain(|waiter| *waiter != context);
        self.putters.retain(|waiter| *waiter != context);
    }

    /// One that was woken does not go on: the next one who waits for the same, if it is there, is woken.
    pub fn pass_on(&mut self, puts: bool) -> Option<ContextId> {
        let room = self.capacity.is_none_or(|capacity| self.items.len() < capacity as usize);
        match puts {
            true if room => self.putters.pop_front(),
            false if !self.items.is_empty() => self.getters.pop_front(),
            _ => None,
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ContextId = ContextId(0);
    const B: ContextId = ContextId(1);

    #[test]
    fn items_come_out_as_they_went_in() {
        let mut queue = Queue::new(None);
        for value in [3, 1, 2] {
            assert_eq!(queue.put(A, value), Put::Done { woken: None });
        }
        for value in [3, 1, 2] {
            assert_eq!(queue.get(B), Get::Item { value, woken: None });
        }
        assert!(queue.is_empty());
    }

    #[test]
    fn a_woken_getter_can_find_nothing() {
        let mut queue = Queue::new(None);
        assert_eq!(queue.get(A), Get::Empty);
        assert_eq!(queue.put(B, 7), Put::Done { woken: Some(A) });
        assert_eq!(queue.get(B), Get::Item { value: 7, woken: None });
        assert_eq!(queue.get(A), Get::Empty);
        assert_eq!(queue.put(B, 8), Put::Done { woken: Some(A) });
    }

    #[test]
    fn a_full_queue_makes_putters_wait() {
        let mut queue = Queue::new(Some(1));
        assert_eq!(queue.put(A, 1), Put::Done { woken: None });
        assert_eq!(queue.put(A, 2), Put::Full);
        assert_eq!(queue.get(B), Get::Item { value: 1, woken: Some(A) });
        assert_eq!(queue.put(A, 2), Put::Done { woken: None });
    }
}
