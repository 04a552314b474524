//! Time by state, clipped at the end of the warm-up.

use super::figures::StateTimes;
use crate::time::{Duration, Time};

/// Where the time of a thread or coroutine goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Running,
    Native,
    Switching,
    Ready,
    Gil,
    Lock,
    Io,
    Sleeping,
    Join,
    Idle,
}

const KINDS: usize = Kind::Idle as usize + 1;

/// Sums by state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times([u64; KINDS]);

impl Times {
    pub fn add(&mut self, kind: Kind, ns: u64) {
        self.0[kind as usize] += ns;
    }

    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl From<Times> for StateTimes {
    fn from(times: Times) -> StateTimes {
        let of = |kind: Kind| Duration(times.0[kind as usize]);
        StateTimes {
            running: of(Kind::Running),
            native: of(Kind::Native),
            switching: of(Kind::Switching),
            ready: of(Kind::Ready),
            gil: of(Kind::Gil),
            lock: of(Kind::Lock),
            io: of(Kind::Io),
            sleeping: of(Kind::Sleeping),
            join: of(Kind::Join),
            idle: of(Kind::Idle),
        }
    }
}

/// What one entity is doing, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Doing {
    pub kind: Kind,
    pub since: u64,
}

impl Doing {
    /// From `now` on it does something else. The time it did the former within the window.
    pub fn change(&mut self, kind: Kind, now: Time, warm_up: u64) -> (Kind, u64) {
        let spent = clipped(self.since, now.0, warm_up);
        let former = self.kind;
        *self = Doing { kind, since: now.0 };
        (former, spent)
    }
}

/// The part of the interval that lies after the warm-up.
pub fn clipped(from: u64, to: u64, warm_up: u64) -> u64 {
    to.saturating_sub(from.max(warm_up))
}
