//! Locks. A release wakes one waiter and lets it compete; nobody is handed anything.

use std::collections::VecDeque;

use crate::id::ContextId;
use crate::time::{Duration, Time};

/// A mutex: barging for threads, as CPython's `Lock`; no barging past waiting coroutines, as `asyncio.Lock`.
#[derive(Clone, Debug, Default, Hash)]
pub struct Lock {
    owner: Option<ContextId>,
    waiters: VecDeque<ContextId>,
    /// A coroutine that was woken to take the lock; other coroutines do not overtake it. Threads do: they could wait for it
    /// while they keep its loop from running it.
    promised: Option<ContextId>,
    /// Who asked and has not got it yet, and when, where it is handed over after a while.
    asked: Vec<(ContextId, Time)>,
    /// How often the owner holds it beyond the first time: of a lock that its owner may take again.
    again: u32,
}

/// What a context that asked for the lock gets.
#[must_use = "a context that did not get the lock must wait"]
#[derive(Debug, PartialEq, Eq)]
pub enum Acquire {
    /// The lock is its own.
    Taken,
    /// It waits.
    Queued,
}

impl Lock {
    /// Who holds it.
    pub fn owner(&self) -> Option<ContextId> {
        self.owner
    }

    /// A thread asks. `again` if it was woken by a release: it then keeps its place in front.
    pub fn acquire(&mut self, context: ContextId, again: bool) -> Acquire {
        if self.try_acquire(context) {
            return Acquire::Taken;
        }
        match again {
            true => self.waiters.push_front(context),
            false => self.waiters.push_back(context),
        }
        Acquire::Queued
    }

    /// A thread waits for a lock that is given to those who have waited for long: behind all others.
    pub fn park(&mut self, context: ContextId, now: Time) {
        self.waiters.push_back(context);
        if self.asked.iter().all(|(who, _)| *who != context) {
            self.asked.push((context, now));
        }
    }

    /// The owner gives the lock to the longest waiter, if it asked so long ago.
    pub fn hand_to_patient(&mut self, now: Time, fair_after: Duration) -> Option<ContextId> {
        let first = *self.waiters.front()?;
        let (_, since) = *self.asked.iter().find(|(who, _)| *who == first)?;
        if now.since(since) <= fair_after {
            return None;
        }
        self.waiters.pop_front();
        self.owner = Some(first);
        self.again = 0;
        self.asked.retain(|(who, _)| *who != first);
        Some(first)
    }

    /// The owner takes the lock once more. How often it holds it now.
    pub fn reenter(&mut self) -> u32 {
        self.again += 1;
        self.again + 1
    }

    /// The owner holds the lock once less. How often it holds it now; `None` if it has to release it.
    pub fn leave_once(&mut self) -> Option<u32> {
        self.again = self.again.checked_sub(1)?;
        Some(self.again + 1)
    }

    /// A thread takes the lock if that needs no waiting.
    #[must_use = "the lock may not have been taken"]
    pub fn try_acquire(&mut self, context: ContextId) -> bool {
        let free = self.owner.is_none();
        if free {
            self.owner = Some(context);
            self.promised = None;
            self.asked.retain(|(who, _)| *who != context);
        }
        free
    }

    /// A coroutine asks: it does not overtake those who wait.
    pub fn acquire_fair(&mut self, context: ContextId, again: bool) -> Acquire {
        let promised = self.promised.is_some_and(|promised| promised != context);
        if !again && (promised || !self.waiters.is_empty()) {
            self.waiters.push_back(context);
            return Acquire::Queued;
        }
        self.acquire(context, again)
    }

    /// The owner lets go. One of those who wait, if there are any, is to be woken: see [`Lock::wake`].
    pub fn release(&mut self, context: ContextId) {
        debug_assert!(self.owner == Some(context), "{context:?} released a lock it does not own");
        self.owner = None;
        self.again = 0;
    }

    /// The context does not want the lock any more.
    pub fn leave(&mut self, context: ContextId) {
        self.waiters.retain(|waiter| *waiter != context);
        self.asked.retain(|(who, _)| *who != context);
        if self.promised == Some(context) {
            self.promised = None;
        }
    }

    /// Those who wait, who waits for longest first.
    pub fn waiters(&self) -> impl ExactSizeIterator<Item = ContextId> + '_ {
        self.waiters.iter().copied()
    }

    /// The owner gives the lock to the `n`-th longest waiter; to nobody if there is none such.
    pub fn hand_over(&mut self, context: ContextId, n: usize) -> Option<ContextId> {
        debug_assert!(self.owner == Some(context), "{context:?} released a lock it does not own");
        self.owner = self.waiters.remove(n);
        self.again = 0;
        self.owner
    }

    /// The `n`-th longest waiter stops waiting and competes for the lock. `promise` if nobody may overtake it.
    pub fn wake(&mut self, n: usize, promise: impl FnOnce(ContextId) -> bool) -> Option<ContextId> {
        let waiter = self.waiters.remove(n)?;
        if promise(waiter) {
            self.promised = Some(waiter);
        }
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ContextId = ContextId(0);
    const B: ContextId = ContextId(1);
    const C: ContextId = ContextId(2);

    #[test]
    fn a_thread_can_overtake_the_woken_one() {
        let mut lock = Lock::default();
        assert_eq!(lock.acquire(A, false), Acquire::Taken);
        assert_eq!(lock.acquire(B, false), Acquire::Queued);
        lock.release(A);
        assert_eq!(lock.wake(0, |_| false), Some(B));
        assert_eq!(lock.acquire(C, false), Acquire::Taken);
        assert_eq!(lock.acquire(B, true), Acquire::Queued);
    }

    /// The clock of a waiter runs from its first asking, also if it was woken in vain meanwhile.
    #[test]
    fn who_has_waited_for_long_is_given_the_lock() {
        let mut lock = Lock::default();
        let fair = Duration(100);
        assert_eq!(lock.acquire(A, false), Acquire::Taken);
        lock.park(B, Time(10));
        assert_eq!(lock.hand_to_patient(Time(110), fair), None, "no longer than that");
        lock.release(A);
        assert_eq!(lock.wake(0, |_| false), Some(B));
        assert_eq!(lock.acquire(C, false), Acquire::Taken);
        lock.park(B, Time(60));
        assert_eq!(lock.hand_to_patient(Time(111), fair), Some(B));
        assert_eq!(lock.owner(), Some(B));
        lock.release(B);
        assert!(lock.try_acquire(A));
        lock.park(B, Time(120));
        assert_eq!(lock.hand_to_patient(Time(200), fair), None, "a new clock for each asking");
    }

    #[test]
    fn a_lock_that_is_held_twice_is_released_twice() {
        let mut lock = Lock::default();
        assert_eq!(lock.acquire(A, false), Acquire::Taken);
        assert_eq!(lock.reenter(), 2);
        assert_eq!(lock.leave_once(), Some(1));
        assert_eq!(lock.leave_once(), None);
        lock.release(A);
        assert_eq!(lock.owner(), None);
    }

    #[test]
    fn a_coroutine_is_not_overtaken() {
        let mut lock = Lock::default();
        assert_eq!(lock.acquire_fair(A, false), Acquire::Taken);
        assert_eq!(lock.acquire_fair(B, false), Acquire::Queued);
        lock.release(A);
        assert_eq!(lock.wake(0, |_| true), Some(B));
        assert_eq!(lock.acquire_fair(C, false), Acquire::Queued);
        assert_eq!(lock.acquire_fair(B, true), Acquire::Taken);
    }
}
