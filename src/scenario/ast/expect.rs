//! Expectations as they are written.

use indexmap::IndexMap;
use serde::Deserialize;

use super::{Condition, ModelName, Raw};
use crate::scenario::expect::Counted;
use crate::time::Duration;

/// What must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Expect {
    /// The makespan.
    Elapsed {
        /// Exactly.
        #[serde(default)]
        is: Option<Duration>,
        /// Not less.
        #[serde(default)]
        at_least: Option<Duration>,
        /// Not more.
        #[serde(default)]
        at_most: Option<Duration>,
    },
    /// Completed jobs per second.
    Throughput {
        /// Of this task; of all if left out.
        #[serde(default)]
        task: Option<String>,
        /// Exactly.
        #[serde(default)]
        is: Option<f64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<f64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<f64>,
    },
    /// Response times.
    Latency {
        /// Of this task; of all if left out.
        #[serde(default)]
        task: Option<String>,
        /// Percentile, 0 to 100.
        p: f64,
        /// Exactly.
        #[serde(default)]
        is: Option<Duration>,
        /// Not less.
        #[serde(default)]
        at_least: Option<Duration>,
        /// Not more.
        #[serde(default)]
        at_most: Option<Duration>,
    },
    /// The mean response time.
    Response {
        /// Of this task; of all if left out.
        #[serde(default)]
        task: Option<String>,
        /// Exactly.
        #[serde(default)]
        is: Option<Duration>,
        /// Not less.
        #[serde(default)]
        at_least: Option<Duration>,
        /// Not more.
        #[serde(default)]
        at_most: Option<Duration>,
    },
    /// Jobs that were not complete at their deadlines.
    Missed {
        /// Of this task; of all with deadlines if left out.
        #[serde(default)]
        task: Option<String>,
        /// Exactly.
        #[serde(default)]
        is: Option<u64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<u64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<u64>,
    },
    /// Jobs that ended with an exception.
    Failed {
        /// Of this task; of all if left out.
        #[serde(default)]
        task: Option<String>,
        /// Exactly.
        #[serde(default)]
        is: Option<u64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<u64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<u64>,
    },
    /// Jobs that were refused because there was no room for them.
    Refused {
        /// Of this task; of all with a capacity if left out.
        #[serde(default)]
        task: Option<String>,
        /// Exactly.
        #[serde(default)]
        is: Option<u64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<u64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<u64>,
    },
    /// What became of connections.
    Sockets {
        /// The peer.
        of: String,
        /// What is counted.
        count: Counted,
        /// Exactly.
        #[serde(default)]
        is: Option<u64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<u64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<u64>,
    },
    /// How late an event loop is.
    LoopLag {
        /// Percentile, 0 to 100.
        p: f64,
        /// Exactly.
        #[serde(default)]
        is: Option<Duration>,
        /// Not less.
        #[serde(default)]
        at_least: Option<Duration>,
        /// Not more.
        #[serde(default)]
        at_most: Option<Duration>,
    },
    /// The longest time that a thread could run and was not let.
    Starvation {
        /// Exactly.
        #[serde(default)]
        is: Option<Duration>,
        /// Not less.
        #[serde(default)]
        at_least: Option<Duration>,
        /// Not more.
        #[serde(default)]
        at_most: Option<Duration>,
    },
    /// In all schedules: how often a thread that could go on is passed over.
    Bypass {
        /// Not more often.
        at_most: u32,
    },
    /// Busy share of `cpu`, `gil` or a device, 0 to 1.
    Utilization {
        /// What is asked about.
        of: String,
        /// Exactly.
        #[serde(default)]
        is: Option<f64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<f64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<f64>,
    },
    /// Steps of coroutines that take 100 ms or longer.
    SlowCallbacks {
        /// Exactly.
        #[serde(default)]
        is: Option<u64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<u64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<u64>,
    },
    /// How often the GIL changes hands.
    GilSwitches {
        /// Exactly.
        #[serde(default)]
        is: Option<f64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<f64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<f64>,
    },
    /// The last value of a variable.
    Final {
        /// The variable.
        var: String,
        /// Exactly.
        #[serde(default)]
        is: Option<i64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<i64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<i64>,
    },
    /// At every moment: a condition on variables by name.
    Always(Condition),
    /// At no moment.
    Never(Condition),
    /// At some moment.
    Eventually(Condition),
    /// At some moment of at least one run or schedule.
    Possible(Condition),
    /// At the end.
    AtEnd(Condition),
    /// How many times faster `of` is than `over`.
    Speedup {
        /// What is asked about.
        of: ModelName,
        /// What it is compared with.
        over: ModelName,
        /// Exactly.
        #[serde(default)]
        is: Option<f64>,
        /// Not less.
        #[serde(default)]
        at_least: Option<f64>,
        /// Not more.
        #[serde(default)]
        at_most: Option<f64>,
    },
    /// The longest chain of tasks.
    CriticalPath {
        /// Exactly.
        #[serde(default)]
        is: Option<Duration>,
        /// Not less.
        #[serde(default)]
        at_least: Option<Duration>,
        /// Not more.
        #[serde(default)]
        at_most: Option<Duration>,
    },
    /// The run ends in a deadlock.
    Deadlock,
    /// All references to this object are dropped and it is not freed.
    Leaked(String),
    /// This object is touched after it was freed.
    UsedAfterFree(String),
    /// Holds in at least one run.
    Sometimes(Box<Expect>),
    /// Holds in this model.
    In(ModelName, Vec<Expect>),
    /// Holds at the sweep points with these settings.
    At(IndexMap<String, Raw>, Vec<Expect>),
}
