//! Time by state, clipped at the end of the warm-up.

use super::figures::StateTimes;
use crate::time::Duration;

/// Where the time of a thread or coroutine goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Running,
    Native,
    Switching,
    Ready,
    Gil,
    Lock,
    Signal,
    Io,
    Sleeping,
    Join,
    Idle,
}

const KINDS: usize = Kind::Idle as usize + 1;

/// Sums by state. The end of a period is added when it ends, and its beginning was subtracted when it began, so that
/// nobody has to remember when that was. The sums are right as soon as every period has ended. Many lives together can be
/// longer than the clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times([u128; KINDS]);

impl Times {
    #[inline]
    pub fn begin(&mut self, kind: Kind, now: u64) {
        self.0[kind as usize] = self.0[kind as usize].wrapping_sub(u128::from(now));
    }

    #[inline]
    pub fn end(&mut self, kind: Kind, now: u64) {
        self.0[kind as usize] = self.0[kind as usize].wrapping_add(u128::from(now));
    }
}

impl From<Times> for StateTimes {
    fn from(times: Times) -> StateTimes {
        let of = |kind: Kind| Duration(u64::try_from(times.0[kind as usize]).unwrap_or(u64::MAX));
        StateTimes {
            running: of(Kind::Running),
            native: of(Kind::Native),
            switching: of(Kind::Switching),
            ready: of(Kind::Ready),
            gil: of(Kind::Gil),
            lock: of(Kind::Lock),
            signal: of(Kind::Signal),
            io: of(Kind::Io),
            sleeping: of(Kind::Sleeping),
            join: of(Kind::Join),
            idle: of(Kind::Idle),
        }
    }
}

/// The part of the interval that lies after the warm-up.
#[inline]
pub fn clipped(from: u64, to: u64, warm_up: u64) -> u64 {
    to.saturating_sub(from.max(warm_up))
}
