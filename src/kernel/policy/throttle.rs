//! How much of each period threads with priorities get at most while normal ones are ready (`sched_rt_runtime_us`).

use std::fmt;

use serde::Deserialize;

use super::{At, Bounds};
use crate::time::{Duration, Time};

/// Core time of threads with priorities, on each core, in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// At most so much.
    pub runtime: Duration,
    /// In so long.
    pub period: Duration,
}

impl fmt::Display for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "(runtime: \"{}\", period: \"{}\")", self.runtime, self.period)
    }
}

impl Throttle {
    /// Tells of its times whether they can be.
    pub(super) fn check(throttle: Option<Throttle>, bounds: &mut Bounds) {
        let Some(Throttle { runtime, period }) = throttle else { return };
        let at = |field| [At::Field("throttle"), At::Field(field)];
        bounds.time(
            &at("runtime"),
            runtime,
            "a runtime of zero leaves threads with priorities nothing",
            "such as \"950ms\"",
        );
        bounds.time(&at("period"), period, "a period cannot be zero", "such as \"1s\"");
        bounds.require(runtime <= period, &at("runtime"), "more than the whole period", "such as \"950ms\" of \"1s\"");
    }
}

/// What threads with priorities may still use.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Budget {
    throttle: Throttle,
    /// That share it.
    pub cores: u64,
    /// Core time of this period.
    pub used: u64,
    /// The end of the period.
    pub next: Time,
}

impl Budget {
    /// What is left of this period, of all cores together.
    pub fn left(&self) -> u64 {
        self.throttle.runtime.0.saturating_mul(self.cores).saturating_sub(self.used)
    }

    /// All of it, for so many cores.
    pub fn new(throttle: Throttle, cores: u32) -> Budget {
        Budget { throttle, cores: u64::from(cores), used: 0, next: Time::ZERO + throttle.period }
    }

    /// So much was used.
    pub fn spend(&mut self, time: Duration) {
        self.used = self.used.saturating_add(time.0);
    }

    /// A new period begins.
    pub fn renew(&mut self, now: Time) {
        self.used = 0;
        self.next = Time((now.0 / self.throttle.period.0 + 1).saturating_mul(self.throttle.period.0));
    }
}
