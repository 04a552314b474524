//! Which ready thread runs next. One file per policy; see `docs/extending.md`.

use serde::Deserialize;

use crate::time::Duration;

/// A scheduling policy, as a scenario names it: `RoundRobin("4ms")`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub enum PolicyConfig {
    /// Everyone in turn, each for at most a slice. The second value says who queues first at the end of a slice.
    RoundRobin(Duration, #[serde(default)] Ties),
    /// In order of arrival; a thread keeps its core until it blocks or ends, and `Yield` changes nothing.
    FirstCome,
    /// A thread keeps its core until it blocks, ends or yields.
    Cooperative,
}

/// Who enters the run queue first at the end of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Ties {
    /// A thread that becomes ready during the slice, up to and including its last instant, stands before the preempted one.
    #[default]
    ArrivalsFirst,
    /// The preempted thread stands before everyone who became ready during its slice: the scheduler looks at arrivals
    /// only at the end of a slice, as some textbook programs do.
    PreemptedFirst,
}

/// Name and one line of explanation of every policy, for `gilsim list`.
pub const POLICIES: &[(&str, &str)] = &[
    ("RoundRobin(\"4ms\", [ties])", "everyone in turn, each for at most a slice"),
    ("FirstCome", "in order of arrival; runs until it blocks or ends"),
    ("Cooperative", "runs until it blocks, ends or yields"),
];
