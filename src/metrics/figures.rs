//! The numbers of a run, a model and a scenario: what tables, charts, JSON and expectations are made from.

use indexmap::IndexMap;
use serde::Serialize;

use crate::time::Duration;

/// Everything one scenario gave: one entry per sweep point (one point if nothing is swept).
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The scenario's title, or its file name.
    pub title: String,
    /// Names that files are called by: the file name without its ending.
    pub name: String,
    /// The behaviour level of the simulator: digests can be compared within one.
    pub behaviour: u32,
    /// The sentence that says most: a failed expectation, a deadlock, a change over the sweep, or a comparison.
    pub verdict: String,
    /// One per point of the sweep, in order.
    pub points: Vec<Point>,
}

/// One point of the sweep: all models, run on the same work.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Swept paths with their values as written; empty if nothing is swept.
    pub settings: IndexMap<String, String>,
    /// The machine in words: "4 cores, RoundRobin(4ms), costs Linux".
    pub machine: String,
    /// The model that speed-ups are relative to: `Serial`, or the first one if that is not run.
    pub baseline: String,
    /// One per execution model, in the order of the scenario.
    pub models: Vec<ModelFigures>,
    /// One sentence per comparison.
    pub verdicts: Vec<String>,
    /// The expectations and what became of them.
    pub expectations: Vec<Checked>,
}

/// An expectation and whether it held.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// As written in the scenario.
    pub expectation: String,
    /// Whether it held.
    pub holds: bool,
    /// What happened instead, or what was found.
    pub found: String,
}

/// One execution model: its replications, and what they say together.
#[derive(Clone, Debug, Serialize)]
pub struct ModelFigures {
    /// As the scenario writes it: `Threads(4)`.
    pub model: String,
    /// One per seed, in order.
    pub runs: Vec<Figures>,
    /// Makespan in nanoseconds over the runs.
    pub makespan: Interval,
    /// Completed jobs per second of the measured window, over the runs.
    pub throughput: Interval,
    /// Mean response time in nanoseconds, over the runs.
    pub response: Interval,
    /// Makespan of the baseline divided by makespan of this model, run by run; `None` where a makespan says nothing
    /// about speed, because a run ended with the clock or irregularly.
    pub speedup: Option<Interval>,
}

/// A mean over replications with its 95 % confidence interval (Student's t); the half width is 0 for one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the width of the interval.
    pub half_width: f64,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// The seed.
    pub seed: u64,
    /// How it ended: "finished", "until", "deadlock", "limit", ...
    pub outcome: String,
    /// The explanation of an outcome that needs one (the cycle of a deadlock), line by line.
    pub explanation: Vec<String>,
    /// Daemons that the end of the run has cut off.
    #[serde(skip_serializing_if = "none")]
    pub daemons: u32,
    /// The objects that were leaked, or used after they were freed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<String>,
    /// Digest of the trace, 16 hexadecimal digits.
    pub digest: String,
    /// Events handled.
    pub events: u64,
    /// Time 0 to the end of the last job, or to `until`.
    pub makespan: Duration,
    /// The part of the run that is measured: from `warm_up` to the end.
    pub window: Duration,
    /// Jobs that arrived and were completed, all tasks, in the window: arrivals at its first instant count and completions
    /// at its last, not the other way round.
    pub arrived: u64,
    /// Jobs completed in the window.
    pub completed: u64,
    /// Jobs completed per second, from the end of the warm-up to the makespan.
    pub throughput: f64,
    /// All tasks together.
    pub response: Summary,
    /// Response minus service, all tasks together.
    pub wait: Summary,
    /// Time served: core time, device time and sleep of the job's own steps, all tasks together.
    pub service: Summary,
    /// By task, in the order of the scenario.
    pub tasks: Vec<TaskFigures>,
    /// By core.
    pub cores: Vec<CoreFigures>,
    /// Busy core time divided by cores times window.
    pub utilization: f64,
    /// Time of all threads by state, over the window.
    pub threads: StateTimes,
    /// Time of all coroutines by state, over the window.
    pub coroutines: StateTimes,
    /// Voluntary context switches (block, yield, end) in the window.
    pub voluntary: u64,
    /// Involuntary context switches (end of slice) in the window.
    pub involuntary: u64,
    /// Times in the window that a thread ran on another core than before.
    pub migrations: u64,
    /// By process that has a GIL and took it at least once.
    pub gils: Vec<GilFigures>,
    /// From the moment a coroutine could run to the moment it ran; `None` without an event loop.
    pub loop_lag: Option<Summary>,
    /// Steps of coroutines during which a loop stood still for 100 ms or more; `None` without an event loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_callbacks: Option<SlowCallbacks>,
    /// Busy time of each device's slots divided by slots (or by 1 if unlimited: mean requests in service).
    pub devices: Vec<DeviceFigures>,
    /// By peer, if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub network: Vec<PeerFigures>,
    /// The longest wait for a lock, a semaphore or a lock for readers and writers, if anybody had to wait for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_wait: Option<LongestWait>,
    /// The longest time that a thread could run and was not let, if one ever waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starved: Option<Starved>,
    /// Last values of the variables of the first process, and of interprocess ones.
    pub finals: IndexMap<String, i64>,
    /// What was printed: time, who, text. The first 1,000.
    pub prints: Vec<Printed>,
    /// How many lines were printed after these.
    #[serde(skip_serializing_if = "none_beyond")]
    pub prints_beyond: u64,
    /// Longest chain of tasks by measured durations; empty if no task has `after`.
    pub critical_path: Option<CriticalPath>,
}

/// A wait for something that others hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LongestWait {
    /// The job, thread or coroutine that waited.
    pub who: String,
    /// For what: `the lock "a"`.
    pub what: String,
    /// When it began to wait.
    pub since: Duration,
    /// How long it waited, in the window: until it had the thing, or until the end of the run.
    pub length: Duration,
    /// How often others that came after it were faster.
    pub overtaken: u64,
}

/// A time in which a thread could run and did not: it waited for a core or for the GIL, or was being switched to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Starved {
    /// The thread.
    pub who: String,
    /// When it began.
    pub since: Duration,
    /// How long it was, in the window.
    pub length: Duration,
}

/// A line that a program printed.
#[derive(Clone, Debug, Serialize)]
pub struct Printed {
    /// When.
    pub at: Duration,
    /// The thread or coroutine.
    pub who: String,
    /// What.
    pub text: String,
}

/// The chain of tasks that decides the makespan.
#[derive(Clone, Debug, Serialize)]
pub struct CriticalPath {
    /// Task names, first to last.
    pub tasks: Vec<String>,
    /// The sum of their service demands on the chain: no machine can be faster.
    pub length: Duration,
}

/// A task's share of a run.
#[derive(Clone, Debug, Serialize)]
pub struct TaskFigures {
    /// As declared.
    pub task: String,
    /// Jobs that arrived in the window.
    pub arrived: u64,
    /// Jobs completed in the window.
    pub completed: u64,
    /// Completed jobs per second of the window.
    pub throughput: f64,
    /// Arrival to completion.
    pub response: Summary,
    /// Response minus service.
    pub wait: Summary,
    /// Time served.
    pub service: Summary,
    /// Jobs that arrived in the window and were complete after their deadline, or are not although it has passed; for tasks
    /// with deadlines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missed: Option<u64>,
    /// Jobs that arrived in the window and were refused, which `arrived` counts, too; for tasks with a capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// Jobs that arrived in the window and ended with an exception; where any step can raise one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
}

/// Steps of coroutines that took 100 ms or longer, as asyncio's debug mode reports them.
#[derive(Clone, Debug, Serialize)]
pub struct SlowCallbacks {
    /// How many ended in the window.
    pub count: u64,
    /// The longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<Duration>,
    /// Whose that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// A core's share of a run, in nanoseconds of the window; the sum is the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CoreFigures {
    /// A thread ran.
    pub busy: Duration,
    /// A context switch was under way.
    pub switching: Duration,
    /// Neither.
    pub idle: Duration,
}

/// Where time went. For one thread the sum is its life; here summed over threads (or coroutines).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateTimes {
    /// Ran interpreted code (or any code, without an interpreter).
    pub running: Duration,
    /// Ran native code or system calls with the GIL released.
    pub native: Duration,
    /// Its core switched to it.
    pub switching: Duration,
    /// Runnable, or made runnable and on its way into the run queue; for a coroutine: waited for its loop.
    pub ready: Duration,
    /// Waited for the GIL.
    pub gil: Duration,
    /// Waited for a lock, or a permit.
    pub lock: Duration,
    /// Waited for an event, a notification, an item or a place in a queue, or others at a barrier.
    pub signal: Duration,
    /// Waited for a device.
    pub io: Duration,
    /// Slept.
    pub sleeping: Duration,
    /// Waited for the end of what it spawned.
    pub join: Duration,
    /// A worker without a job, or an event loop in its selector.
    pub idle: Duration,
}

impl StateTimes {
    /// All of them, in order.
    pub fn parts(&self) -> [Duration; 11] {
        let StateTimes { running, native, switching, ready, gil, lock, signal, io, sleeping, join, idle } = *self;
        [running, native, switching, ready, gil, lock, signal, io, sleeping, join, idle]
    }
}

/// A GIL's share of a run.
#[derive(Clone, Debug, Serialize)]
pub struct GilFigures {
    /// Number of the process.
    pub process: u32,
    /// Held time divided by the window.
    pub held: f64,
    /// Times the GIL changed hands: takes by another thread than the last holder. The first take of all is none.
    pub switches: u64,
    /// Drop requests by waiters that timed out.
    pub requests: u64,
    /// Drops at a check point because of a request.
    pub forced: u64,
    /// Length of each tenure.
    pub hold: Summary,
    /// Length of each wait for it.
    pub wait: Summary,
}

/// A device's share of a run.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceFigures {
    /// As declared.
    pub device: String,
    /// Requests completed in the window.
    pub completed: u64,
    /// Mean number of requests in service, divided by the slots if they are limited.
    pub utilization: f64,
    /// Submission to completion.
    pub response: Summary,
}

/// What became of connections with a peer, in the window.
#[derive(Clone, Debug, Serialize)]
pub struct PeerFigures {
    /// As declared.
    pub peer: String,
    /// Connections that tasks made.
    pub connected: u64,
    /// Connections that tasks accepted.
    pub accepted: u64,
    /// Connections that found the queue of the listener full.
    pub refused: u64,
    /// Calls that found nothing to do (`EAGAIN`).
    pub in_vain: u64,
    /// Waits that their timeouts ended.
    pub timed_out: u64,
    /// Bytes that tasks sent.
    pub sent: u64,
    /// Bytes that tasks received.
    pub received: u64,
    /// Of clients outside: from the beginning of the connection to the end of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served: Option<Summary>,
}

/// A sample of durations: exact count, mean, least and greatest; percentiles to three significant digits.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Sample size.
    pub count: u64,
    /// Mean in nanoseconds.
    pub mean: f64,
    /// Least.
    pub min: Duration,
    /// 50th percentile.
    pub p50: Duration,
    /// 90th percentile.
    pub p90: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// 99.9th percentile.
    pub p999: Duration,
    /// Greatest.
    pub max: Duration,
}

/// By reference, as serde asks.
fn none(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls takes a reference")]
fn none_beyond(lines: &u64) -> bool {
    *lines == 0
}
