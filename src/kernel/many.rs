//! What a kernel does only if there are several run queues, or threads that are bound to cores.

use super::pace::UNIT;
use super::policy::Policy;
use super::{Kernel, Move};
use crate::id::{CoreId, ThreadId};
use crate::time::{Duration, Time};

impl Kernel {
    /// A thread leaves its queue for a free core.
    pub fn next_dispatch(&mut self) -> Option<(CoreId, ThreadId)> {
        if self.waiting == 0 || self.idle_count == 0 {
            return None;
        }
        let next = self.spread.as_mut()?.next(&self.idle)?;
        self.waiting -= 1;
        Some(next)
    }

    /// A core that became free and has nobody waiting takes a thread from another queue into its own.
    pub fn steal(&mut self, now: Time) -> Option<Move> {
        self.spread.as_mut()?.steal(&self.idle, &self.attributes, now)
    }

    /// From where to where how many threads should go, if it is time to compare queues; free cores then steal again.
    pub fn start_balance(&mut self, now: Time) -> Option<(CoreId, CoreId, u32)> {
        if self.balance > now {
            return None;
        }
        let spread = self.spread.as_mut()?;
        // Nobody may have waited for a while.
        let due = spread.next_balance(Time(now.0.saturating_sub(1))) == now;
        self.balance = spread.next_balance(now);
        if due { spread.start_balance(&self.idle, now) } else { None }
    }

    /// One thread goes from one queue to another, if there is one that may.
    pub fn even_out(&mut self, from: CoreId, to: CoreId, now: Time) -> Option<Move> {
        self.spread.as_mut()?.even_out(from, to, &self.attributes, now)
    }

    /// The thread on the core has ended and is about to leave: who is woken by that may take its place.
    pub fn end(&mut self, core: CoreId) {
        if let Some(spread) = &mut self.spread {
            spread.end(core);
        }
    }

    /// Binds a thread that does not wait to one of the sets of cores of the [`Setup`](super::Setup), counted from 1, or frees
    /// it (0).
    pub fn bind(&mut self, thread: ThreadId, affinity: u32) {
        if let Some(spread) = &mut self.spread {
            spread.bind(thread, affinity);
        }
    }

    /// Binds a thread to what another one is bound to.
    pub fn bind_like(&mut self, thread: ThreadId, other: ThreadId) {
        if let Some(spread) = &mut self.spread {
            spread.bind_like(thread, other);
        }
    }

    /// Whether the thread may run on the core.
    #[inline]
    pub fn may_run(&self, thread: ThreadId, core: CoreId) -> bool {
        self.spread.as_ref().is_none_or(|spread| spread.may(thread, core))
    }

    /// Whether the timer interrupt of all cores is due.
    pub fn take_interrupt(&mut self, now: Time) -> bool {
        match &mut self.interrupt {
            Some((every, next)) if *next == now => {
                *next = *next + *every;
                true
            }
            _ => false,
        }
    }

    /// Whether some core is not always as fast as its bursts are long.
    pub fn is_paced(&self) -> bool {
        self.pace.is_some()
    }

    /// A core whose rate may have changed since it was last asked.
    pub fn take_stale(&mut self) -> Option<CoreId> {
        self.pace.as_mut()?.take_stale()
    }

    /// The thread is about to execute on the core, or goes on at another rate.
    pub fn enter(&mut self, core: CoreId, thread: ThreadId) {
        if let Some(pace) = &mut self.pace {
            pace.enter(core, thread);
        }
    }

    /// When a burst that has `left` to do, of which `rest` billionths are done, ends on the core, or its rate changes.
    pub fn burst_end(&self, core: CoreId, thread: ThreadId, since: Time, left: Duration, rest: u32) -> Time {
        self.pace.as_ref().map_or(since + left, |pace| pace.next(core, thread, since, left, rest))
    }

    /// The thread has executed on the core for so long. What it has done, in billionths of a nanosecond.
    pub fn work_done(&mut self, core: CoreId, thread: ThreadId, time: Duration) -> u128 {
        let even = u128::from(time.0) * u128::from(UNIT);
        self.pace.as_mut().map_or(even, |pace| pace.ran(core, thread, time))
    }

    /// What the thread works on from now on, by its size.
    pub fn work_on(&mut self, thread: ThreadId, set: u32) {
        if let Some(pace) = &mut self.pace {
            pace.work_on(thread, set);
        }
    }

    /// A core for which somebody has come since it was last asked.
    pub fn take_touched(&mut self) -> Option<CoreId> {
        self.spread.as_mut()?.take_touched()
    }

    /// Something has changed for the core, or for all.
    pub fn touch(&mut self, core: Option<CoreId>) {
        if let Some(spread) = &mut self.spread {
            spread.touch(core);
        }
    }

    /// The core on which the first waiting thread that could have it is more deserving than who executes: the one with the
    /// greatest difference, of those that share a queue with `core`.
    pub fn contended(&self, core: CoreId, now: Time, executing: impl Fn(ThreadId) -> bool) -> Option<CoreId> {
        let spread = self.spread.as_ref()?;
        if spread.per_core() {
            let first = self.queue(core).contender()?;
            return self.excess(core, first, now, executing).map(|_| core);
        }
        self.queue(core).contender()?;
        let beaten = (0..self.cores.len()).map(CoreId::from).filter_map(|core| {
            let first = self.queue(core).contender_among(&|thread| spread.may(thread, core))?;
            Some((self.excess(core, first, now, &executing)?, core))
        });
        beaten.max_by_key(|(by, core)| (*by, u32::MAX - core.0)).map(|(_, core)| core)
    }
}
