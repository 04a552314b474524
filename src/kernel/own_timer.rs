//! What a kernel does by itself: timers of policies, the comparison of queues, the interrupt of all cores. One timer beside
//! those of the cores serves them all.

use super::Kernel;
use super::policy::{AnyPolicy, Policy};
use crate::id::{CoreId, ThreadId};
use crate::time::Time;

impl Kernel {
    /// Whether the kernel does anything by itself.
    #[inline(always)]
    pub fn has_own_timer(&self) -> bool {
        self.has_own_timer
    }

    /// Whether the timer is that of the kernel rather than that of a core.
    #[inline(always)]
    pub fn is_own_timer(&self, core: CoreId) -> bool {
        core.index() == self.cores.len()
    }

    /// Whether the one policy does what is due before slices end at that instant.
    #[inline(always)]
    pub fn timer_before_slices(&self) -> bool {
        self.has_own_timer && self.spread.is_none() && self.policy.timer_before_slices()
    }

    /// Lets the policies do what is due; `executing` says which threads use core time. Whether anything was.
    pub fn run_policy_timers(&mut self, now: Time, executing: impl Fn(ThreadId) -> bool) -> bool {
        if self.next_policy_timer() > now {
            return false;
        }
        let Kernel { policy, spread, cores, .. } = self;
        let mut queues: Vec<&mut AnyPolicy> = match spread {
            None => vec![policy],
            Some(spread) => spread.queues.iter_mut().collect(),
        };
        let last = queues.len() - 1;
        for (core, state) in cores.iter_mut().enumerate() {
            if let Some(thread) = state.occupant.filter(|thread| executing(*thread)) {
                queues[core.min(last)].ran(thread, now.since(state.slice_from), now);
                state.slice_from = now;
            }
        }
        for queue in queues.into_iter().filter(|queue| queue.next_timer() <= now) {
            queue.timer(now);
        }
        true
    }

    fn next_policy_timer(&self) -> Time {
        match &self.spread {
            None => self.policy.next_timer(),
            Some(spread) => spread.queues.iter().map(Policy::next_timer).min().unwrap_or(Time::NEVER),
        }
    }

    /// Sets the kernel's own timer, as far as anything depends on it: a run may end. Whether it was moved.
    pub fn arm_own_timer(&mut self, now: Time) -> bool {
        let idle = self.idle_count == self.cores.len() && self.waiting == 0;
        let policy = if idle { Time::NEVER } else { self.next_policy_timer() };
        if let Some(spread) = &self.spread
            && self.balance <= now
        {
            self.balance = spread.next_balance(now);
        }
        let balance = if self.waiting == 0 { Time::NEVER } else { self.balance };
        let interrupt = match &mut self.interrupt {
            Some((every, next)) if !idle => {
                if *next <= now {
                    *next = Time((now.0 / every.0 + 1).saturating_mul(every.0));
                }
                *next
            }
            _ => Time::NEVER,
        };
        let (slot, at) = (CoreId::from(self.cores.len()), policy.min(balance).min(interrupt));
        let moved = self.timers.get(slot) != at;
        self.timers.set(slot, at, true);
        moved
    }
}
