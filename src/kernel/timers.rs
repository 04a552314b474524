//! The timers of cores: a flat array, and the earliest of them.

use std::hash::{Hash, Hasher};

use crate::id::CoreId;
use crate::time::Time;

/// One timer for each core.
#[derive(Clone, Debug)]
pub struct Timers {
    at: Vec<Time>,
    /// The earliest timer and the lowest core it belongs to, unless `stale`.
    first: (Time, CoreId),
    /// The first timer was moved back, and nobody has looked for another yet.
    stale: bool,
}

impl Timers {
    /// All stopped.
    pub fn new(cores: u32) -> Timers {
        Timers { at: vec![Time::NEVER; cores as usize], first: (Time::NEVER, CoreId(0)), stale: false }
    }

    /// Sets the timer of a core; [`Time::NEVER`] stops it.
    #[inline]
    pub fn set(&mut self, core: CoreId, at: Time) {
        self.at[core.index()] = at;
        if core == self.first.1 {
            // A timer is often stopped and set again before the next event: look for another only then.
            self.stale |= at > self.first.0;
            self.first.0 = self.first.0.min(at);
        } else if (at, core) < self.first {
            self.first = (at, core);
        }
    }

    /// When the timer of a core goes off.
    pub fn get(&self, core: CoreId) -> Time {
        self.at[core.index()]
    }

    /// The earliest timer, and the lowest core it belongs to.
    #[inline]
    pub fn first(&mut self) -> (Time, CoreId) {
        if self.stale {
            self.stale = false;
            let mut first = (Time::NEVER, 0);
            for (core, at) in self.at.iter().enumerate() {
                if *at < first.0 {
                    first = (*at, core);
                }
            }
            self.first = (first.0, CoreId(first.1 as u32));
        }
        self.first
    }
}

impl Hash for Timers {
    /// The timers; not whether the first of them is known.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_timer_is_known_at_all_times() {
        let mut timers = Timers::new(3);
        for (core, at, first) in [(0, 9, (9, 0)), (1, 7, (7, 1)), (2, 7, (7, 1)), (1, 8, (7, 2)), (2, 99, (8, 1))] {
            timers.set(CoreId(core), Time(at));
            assert_eq!(timers.first(), (Time(first.0), CoreId(first.1)));
        }
    }

    #[test]
    fn the_first_timer_is_right_after_any_changes() {
        let mut timers = Timers::new(5);
        let mut stream = crate::rng::Stream::new(1, 1);
        for _ in 0..10_000 {
            let bits = stream.draw();
            let at = if bits.is_multiple_of(4) { Time::NEVER } else { Time(bits >> 8 & 15) };
            timers.set(CoreId((bits >> 32) as u32 % 5), at);
            if bits >> 60 < 8 {
                let expected = (0..5).map(|core| (timers.at[core], CoreId(core as u32))).min().expect("five cores");
                let found = timers.first();
                assert!(found == expected || found.0 == Time::NEVER && expected.0 == Time::NEVER);
            }
        }
    }
}
