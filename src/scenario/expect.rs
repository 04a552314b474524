//! What must hold: expectations, names checked, units gone. `metrics` evaluates them.

use crate::model::Execution;
use crate::time::Duration;

/// One expectation. Asked of every model, every sweep point and every run, unless narrowed by `In`, `At` or `Sometimes`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// As written, on one line.
    pub text: String,
    /// What is asked.
    pub what: Asked,
}

/// What an expectation asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// Bounds on the makespan.
    Elapsed(Bounds<Duration>),
    /// Bounds on completed jobs per second, of one task or of all.
    Throughput { task: Option<String>, bounds: Bounds<f64> },
    /// Bounds on a percentile (0 to 100) of the response time, of one task or of all.
    Latency { task: Option<String>, p: f64, bounds: Bounds<Duration> },
    /// Bounds on the number of jobs that missed their deadlines, of one task or of all that have any.
    Missed { task: Option<String>, bounds: Bounds<u64> },
    /// Bounds on the number of jobs that ended with an exception, of one task or of all.
    Failed { task: Option<String>, bounds: Bounds<u64> },
    /// Bounds on the number of jobs that were refused, of one task or of all that have a capacity.
    Refused { task: Option<String>, bounds: Bounds<u64> },
    /// Bounds on what became of connections with a peer.
    Sockets { of: String, count: Counted, bounds: Bounds<u64> },
    /// Bounds on a percentile of the loop lag.
    LoopLag { p: f64, bounds: Bounds<Duration> },
    /// Bounds on the busy share of the cores (`cpu`), of the time the GIL was held (`gil`), or of a device.
    Utilization { of: String, bounds: Bounds<f64> },
    /// Bounds on the number of steps of coroutines that were slow.
    SlowCallbacks(Bounds<u64>),
    /// Bounds on the number of GIL switches.
    GilSwitches(Bounds<f64>),
    /// Bounds on the last value of a variable (of the first process, unless it is interprocess).
    Final { var: String, bounds: Bounds<i64> },
    /// Bounds on the makespan of `over` divided by the makespan of `of`, run by run.
    Speedup { of: Execution, over: Execution, bounds: Bounds<f64> },
    /// The length of the critical path.
    CriticalPath(Bounds<Duration>),
    /// The run ends in a deadlock. Without this, a deadlock (or any other irregular end) fails the scenario.
    Deadlock,
    /// The run ends in this way because of an object.
    Object { name: String, end: ObjectEnd },
    /// Holds in at least one run.
    Sometimes(Box<Expect>),
    /// Holds in this model.
    In(Execution, Vec<Expect>),
    /// Holds at the sweep points with these settings (path, value as written).
    At(Vec<(String, String)>, Vec<Expect>),
}

/// What can become of an object with a reference count, wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectEnd {
    /// It is never freed although all references to it are dropped.
    Leaked,
    /// It is touched after it was freed.
    UsedAfterFree,
}

/// What is counted of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
pub enum Counted {
    /// Connections that tasks made.
    Connected,
    /// Connections that tasks accepted.
    Accepted,
    /// Connections for which the listener had no room.
    Refused,
    /// Calls that found nothing to do.
    InVain,
    /// Waits that their timeouts ended.
    TimedOut,
    /// Clients outside that got all of their answer.
    Served,
}

/// Bounds, both inclusive. At least one is given. `is` in a scenario sets both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds<T> {
    /// Least allowed value.
    pub at_least: Option<T>,
    /// Greatest allowed value.
    pub at_most: Option<T>,
}

impl<T: PartialOrd> Bounds<T> {
    /// Whether the value is within the bounds.
    pub fn contain(&self, value: &T) -> bool {
        self.at_least.as_ref().is_none_or(|least| value >= least)
            && self.at_most.as_ref().is_none_or(|most| value <= most)
    }
}
