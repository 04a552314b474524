//! Semaphores, as `threading.Semaphore` and `asyncio.Semaphore` (CPython 3.11 and later) are.
//!
//! A thread takes a permit if there is one, whoever waits. A release wakes the longest waiter: a thread then asks again, and
//! if somebody was faster it waits again behind all others (`threading` builds on a condition); a coroutine is given the
//! permit at once.

use std::collections::VecDeque;

use crate::id::ContextId;

/// Permits, and who waits for one.
#[derive(Clone, Debug, Hash)]
pub struct Semaphore {
    permits: u32,
    /// The most permits that there may be.
    bound: u32,
    /// Longest first, with whether it is to be given its permit.
    waiters: VecDeque<(ContextId, bool)>,
}

/// What a release means for those who wait.
#[must_use = "a waiter may have to be woken"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// Nobody waits.
    Kept,
    /// This one stops waiting and asks again.
    Woken(ContextId),
    /// This one has the permit.
    Given(ContextId),
    /// There are as many permits as there may be.
    TooMany,
}

impl Semaphore {
    /// With so many permits; `bounded` if there may never be more.
    pub fn new(permits: u32, bounded: bool) -> Semaphore {
        Semaphore { permits, bound: if bounded { permits } else { u32::MAX }, waiters: VecDeque::new() }
    }

    /// A thread asks for a permit. Whether it has one; else it waits.
    #[must_use = "a context without a permit must wait"]
    pub fn acquire(&mut self, context: ContextId) -> bool {
        self.take_or_wait(context, self.permits > 0, false)
    }

    /// A coroutine asks: it does not overtake those who wait.
    #[must_use = "a context without a permit must wait"]
    pub fn acquire_fair(&mut self, context: ContextId) -> bool {
        self.take_or_wait(context, self.permits > 0 && self.waiters.is_empty(), true)
    }

    fn take_or_wait(&mut self, context: ContextId, free: bool, fair: bool) -> bool {
        if free {
            self.permits -= 1;
        } else {
            self.waiters.push_back((context, fair));
        }
        free
    }

    /// The context waits no more.
    pub fn leave(&mut self, context: ContextId) {
        self.waiters.retain(|(waiter, _)| *waiter != context);
    }

    /// One more permit, whoever had it.
    pub fn release(&mut self) -> Released {
        if self.permits == self.bound {
            return Released::TooMany;
        }
        match self.waiters.pop_front() {
            Some((waiter, true)) => Released::Given(waiter),
            Some((waiter, false)) => {
                self.permits += 1;
                Released::Woken(waiter)
            }
            None => {
                self.permits += 1;
                Released::Kept
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ContextId = ContextId(0);
    const B: ContextId = ContextId(1);
    const C: ContextId = ContextId(2);

    #[test]
    fn a_thread_that_was_overtaken_waits_behind_all_others() {
        let mut semaphore = Semaphore::new(1, false);
        assert!(semaphore.acquire(A));
        assert!(!semaphore.acquire(B));
        assert_eq!(semaphore.release(), Released::Woken(B));
        assert!(semaphore.acquire(A), "barging");
        assert!(!semaphore.acquire(C));
        assert!(!semaphore.acquire(B));
        assert_eq!(semaphore.release(), Released::Woken(C));
    }

    #[test]
    fn a_coroutine_is_given_its_permit() {
        let mut semaphore = Semaphore::new(1, false);
        assert!(semaphore.acquire_fair(A));
        assert!(!semaphore.acquire_fair(B));
        assert_eq!(semaphore.release(), Released::Given(B));
        assert!(!semaphore.acquire_fair(C), "the permit is B's");
        assert_eq!(semaphore.release(), Released::Given(C));
    }

    #[test]
    fn only_a_bounded_semaphore_counts_releases() {
        let mut free = Semaphore::new(0, false);
        assert_eq!(free.release(), Released::Kept);
        assert!(free.acquire(A));
        let mut bounded = Semaphore::new(1, true);
        assert_eq!(bounded.release(), Released::TooMany);
    }
}
