//! CPython's GIL from 3.2 on: `take_gil` and `drop_gil` of `Python/ceval_gil.c`, as a state machine.
//!
//! Nothing here hands the lock over. A release wakes one waiter, and whoever asks first once it runs gets the lock. A
//! waiter that has waited a whole switch interval without seeing a switch asks the holder to drop; the holder does so at
//! its next check point and then waits until somebody else has taken the lock.

use std::collections::VecDeque;

use crate::id::ThreadId;
use crate::time::{Duration, Time};

/// One lock.
#[derive(Clone, Debug, Hash)]
pub struct Gil {
    interval: Duration,
    holder: Option<ThreadId>,
    last_holder: Option<ThreadId>,
    switches: u64,
    /// When a waiter asked the holder to drop, if one did.
    requested: Option<Time>,
    /// Timed waiters, longest wait first.
    waiters: VecDeque<ThreadId>,
    /// A thread that was made to drop the lock and waits until another takes it.
    forced_out: Option<ThreadId>,
}

/// What a thread that asks for the lock gets.
#[must_use = "a thread that did not get the GIL must wait"]
pub enum Take {
    /// The lock. Wake the thread that was forced out, if there is one.
    Taken { wake: Option<ThreadId> },
    /// It is held. Wait one interval from now; `seen` identifies the tenure that is waited for.
    Held { seen: u64 },
}

/// What follows from a release.
#[must_use = "a waiter may have to be woken"]
pub struct Released {
    /// Number of waiters, one of which to signal; see [`Gil::signal`].
    pub waiters: usize,
    /// Whether the releaser must wait until another thread takes the lock.
    pub wait_for_switch: bool,
}

impl Gil {
    /// A free lock.
    pub fn new(interval: Duration) -> Gil {
        Gil {
            interval,
            holder: None,
            last_holder: None,
            switches: 0,
            requested: None,
            waiters: VecDeque::new(),
            forced_out: None,
        }
    }

    /// The switch interval.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Who holds the lock.
    pub fn holder(&self) -> Option<ThreadId> {
        self.holder
    }

    /// When a waiter asked the present holder to drop the lock.
    pub fn requested(&self) -> Option<Time> {
        self.requested
    }

    /// The thread, running, asks for the lock.
    pub fn take(&mut self, thread: ThreadId) -> Take {
        debug_assert!(self.holder != Some(thread), "{thread:?} takes the GIL twice");
        if self.holder.is_some() {
            self.waiters.push_back(thread);
            return Take::Held { seen: self.switches };
        }
        self.holder = Some(thread);
        self.requested = None;
        if self.last_holder == Some(thread) {
            return Take::Taken { wake: None };
        }
        self.last_holder = Some(thread);
        self.switches += 1;
        Take::Taken { wake: self.forced_out.take() }
    }

    /// The holder gives the lock up. `last` if the thread ends.
    pub fn release(&mut self, thread: ThreadId, last: bool) -> Released {
        debug_assert!(self.holder == Some(thread), "{thread:?} releases a GIL it does not hold");
        self.holder = None;
        let requested = self.requested.take().is_some();
        let wait_for_switch = requested && !last;
        if wait_for_switch {
            debug_assert!(self.forced_out.is_none(), "only a holder can be forced out");
            self.forced_out = Some(thread);
        }
        if last && self.last_holder == Some(thread) {
            // Its number will be used again by another thread.
            self.last_holder = None;
        }
        Released { waiters: self.waiters.len(), wait_for_switch }
    }

    /// The `n`-th longest waiter stops waiting: it is woken by a release.
    pub fn signal(&mut self, n: usize) -> Option<ThreadId> {
        self.waiters.remove(n)
    }

    /// The thread's timed wait is over; it is no longer among the waiters.
    pub fn stop_waiting(&mut self, thread: ThreadId) {
        // The longest waiter times out first, so this looks at one entry.
        if let Some(place) = self.waiters.iter().position(|waiter| *waiter == thread) {
            self.waiters.remove(place);
        }
    }

    /// The thread timed out and now runs. If no switch has happened since it began to wait for the tenure `seen`, it asks
    /// the holder to drop the lock; that holder is returned.
    pub fn request(&mut self, seen: u64, now: Time) -> Option<ThreadId> {
        let holder = self.holder?;
        if self.switches != seen {
            return None;
        }
        if self.requested.is_none() {
            self.requested = Some(now);
        }
        Some(holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    fn taken(take: Take) -> bool {
        matches!(take, Take::Taken { .. })
    }

    #[test]
    fn a_release_hands_nothing_over() {
        let mut gil = Gil::new(Duration::ms(5));
        assert!(taken(gil.take(A)));
        assert!(!taken(gil.take(B)));
        let released = gil.release(A, false);
        assert_eq!((released.waiters, released.wait_for_switch), (1, false));
        assert_eq!(gil.signal(0), Some(B));
        assert!(taken(gil.take(A)), "the releaser may barge in before the waiter runs");
        assert!(!taken(gil.take(B)));
    }

    #[test]
    fn a_forced_drop_waits_until_another_thread_takes_the_lock() {
        let mut gil = Gil::new(Duration::ms(5));
        assert!(taken(gil.take(A)));
        let Take::Held { seen } = gil.take(B) else { panic!("the lock is held") };
        gil.stop_waiting(B);
        assert_eq!(gil.request(seen, Time(5)), Some(A));
        assert!(!taken(gil.take(B)));
        assert!(gil.release(A, false).wait_for_switch);
        assert_eq!(gil.signal(0), Some(B));
        let Take::Taken { wake } = gil.take(B) else { panic!("the lock is free") };
        assert_eq!(wake, Some(A));
        assert_eq!(gil.requested(), None);
    }

    #[test]
    fn a_request_is_not_made_if_a_switch_was_seen() {
        let mut gil = Gil::new(Duration::ms(5));
        assert!(taken(gil.take(A)));
        let Take::Held { seen } = gil.take(B) else { panic!("the lock is held") };
        let _ = gil.release(A, false);
        assert!(taken(gil.take(ThreadId(2))));
        assert_eq!(gil.request(seen, Time(5)), None);
    }
}
