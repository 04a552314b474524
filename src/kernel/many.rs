//! What a kernel does only if there are several run queues, or threads that are bound to cores.

use super::policy::Policy;
use super::{Kernel, Move};
use crate::id::{CoreId, ThreadId};
use crate::time::Time;

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
