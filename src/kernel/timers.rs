//! The timers of cores: a flat array, and the earliest of them.

use std::hash::{Hash, Hasher};

use crate::id::CoreId;
use crate::time::Time;

/// One timer for each core. Of those that go off at one instant ends of slices come last, and of the same kind that of whoever
/// has had its core for longest is first: if the number of the core decided, a thread that always gets the same core back
/// would win all ties against others.
#[derive(Clone, Debug)]
pub struct Timers {
    at: Vec<Time>,
    /// When each core was last given away, counted in dispatches; with `SLICE` if a slice ends.
    given: Vec<u64>,
    dispatches: u64,
    /// The earliest timer and the core it belongs to, unless `stale`.
    first: (Time, u64, CoreId),
    /// The first timer was moved back, and nobody has looked for another yet.
    stale: bool,
}

/// Marks the end of a slice.
const SLICE: u64 = 1 << 63;

impl Timers {
    /// All stopped. The last one belongs to no core: it comes after all others of its instant.
    pub fn new(timers: u32) -> Timers {
        let mut given = vec![0; timers as usize];
        given[timers as usize - 1] = SLICE - 1;
        let at = vec![Time::NEVER; timers as usize];
        Timers { at, given, dispatches: 0, first: (Time::NEVER, 0, CoreId(0)), stale: false }
    }

    /// Sets the timer of a core, to the end of a slice or to something else; [`Time::NEVER`] stops it.
    #[inline]
    pub fn set(&mut self, core: CoreId, at: Time, slice: bool) {
        self.at[core.index()] = at;
        let order = self.given[core.index()] & !SLICE | if slice { SLICE } else { 0 };
        self.given[core.index()] = order;
        if core == self.first.2 {
            // A timer is often stopped and set again before the next event: look for another only then.
            self.stale |= (at, order) > (self.first.0, self.first.1);
            (self.first.0, self.first.1) = (self.first.0, self.first.1).min((at, order));
        } else if (at, order, core) < self.first {
            self.first = (at, order, core);
        }
    }

    /// The core, whose timer is stopped, is given to another thread.
    #[inline]
    pub fn give(&mut self, core: CoreId) {
        self.dispatches += 1;
        self.given[core.index()] = self.dispatches;
        // It may still count as the first.
        self.stale |= core == self.first.2;
    }

    /// When the timer of a core goes off.
    pub fn get(&self, core: CoreId) -> Time {
        self.at[core.index()]
    }

    /// The earliest timer, and the core it belongs to.
    #[inline]
    pub fn first(&mut self) -> (Time, CoreId) {
        if self.stale {
            self.stale = false;
            let mut first = (Time::NEVER, u64::MAX, 0);
            for (core, (at, given)) in self.at.iter().zip(&self.given).enumerate() {
                if *at < first.0 || *at == first.0 && *given < first.1 {
                    first = (*at, *given, core);
                }
            }
            self.first = (first.0, first.1, CoreId(first.2 as u32));
        }
        (self.first.0, self.first.2)
    }
}

impl Hash for Timers {
    /// The timers; not whether the first of them is known.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.at.hash(state);
        self.given.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_timer_is_known_at_all_times() {
        let mut timers = Timers::new(4);
        [1, 0, 2].into_iter().for_each(|core| timers.give(CoreId(core)));
        for (core, at, first) in [(0, 9, (9, 0)), (1, 9, (9, 1)), (2, 7, (7, 2)), (2, 9, (9, 1)), (1, 99, (9, 0))] {
            timers.set(CoreId(core), Time(at), false);
            assert_eq!(timers.first(), (Time(first.0), CoreId(first.1)));
        }
        timers.set(CoreId(0), Time::NEVER, false);
        timers.give(CoreId(0));
        timers.set(CoreId(0), Time(9), false);
        assert_eq!(timers.first(), (Time(9), CoreId(2)), "it has had its core for longer now");
        timers.set(CoreId(3), Time(9), false);
        assert_eq!(timers.first(), (Time(9), CoreId(2)));
        timers.set(CoreId(2), Time(9), true);
        assert_eq!(timers.first(), (Time(9), CoreId(0)), "slices end last");
    }

    #[test]
    fn the_first_timer_is_right_after_any_changes() {
        let mut timers = Timers::new(5);
        let mut stream = crate::rng::Stream::new(1, 1);
        for _ in 0..10_000 {
            let bits = stream.draw();
            let at = if bits.is_multiple_of(4) { Time::NEVER } else { Time(bits >> 8 & 15) };
            let core = CoreId((bits >> 32) as u32 % 5);
            if bits >> 40 & 3 == 0 && core.0 < 4 {
                timers.set(core, Time::NEVER, false);
                timers.give(core);
            }
            timers.set(core, at, bits >> 48 & 1 == 1);
            if bits >> 60 < 8 {
                let all = (0..5).map(|core| (timers.at[core], timers.given[core], CoreId(core as u32)));
                let expected = all.min().map(|first| (first.0, first.2)).expect("five timers");
                let found = timers.first();
                assert!(found == expected || found.0 == Time::NEVER && expected.0 == Time::NEVER);
            }
        }
    }
}
