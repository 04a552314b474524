//! Expectations as they are written.

use indexmap::IndexMap;
use serde::Deserialize;

use super::{ModelName, Raw};
use crate::time::Duration;

/// What must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Expect {
    Elapsed {
        #[serde(default)]
        is: Option<Duration>,
        #[serde(default)]
        at_least: Option<Duration>,
        #[serde(default)]
        at_most: Option<Duration>,
    },
    Throughput {
        #[serde(default)]
        task: Option<String>,
        #[serde(default)]
        at_least: Option<f64>,
        #[serde(default)]
        at_most: Option<f64>,
    },
    Latency {
        #[serde(default)]
        task: Option<String>,
        p: f64,
        #[serde(default)]
        at_least: Option<Duration>,
        #[serde(default)]
        at_most: Option<Duration>,
    },
    LoopLag {
        p: f64,
        #[serde(default)]
        at_least: Option<Duration>,
        #[serde(default)]
        at_most: Option<Duration>,
    },
    Utilization {
        of: String,
        #[serde(default)]
        at_least: Option<f64>,
        #[serde(default)]
        at_most: Option<f64>,
    },
    GilSwitches {
        #[serde(default)]
        at_least: Option<f64>,
        #[serde(default)]
        at_most: Option<f64>,
    },
    Final {
        var: String,
        #[serde(default)]
        is: Option<i64>,
        #[serde(default)]
        at_least: Option<i64>,
        #[serde(default)]
        at_most: Option<i64>,
    },
    Speedup {
        of: ModelName,
        over: ModelName,
        #[serde(default)]
        at_least: Option<f64>,
        #[serde(default)]
        at_most: Option<f64>,
    },
    CriticalPath {
        #[serde(default)]
        is: Option<Duration>,
        #[serde(default)]
        at_least: Option<Duration>,
        #[serde(default)]
        at_most: Option<Duration>,
    },
    Deadlock,
    Sometimes(Box<Expect>),
    In(ModelName, Vec<Expect>),
    At(IndexMap<String, Raw>, Vec<Expect>),
}
