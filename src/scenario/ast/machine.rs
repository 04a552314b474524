//! The computer, as a scenario writes it.

use serde::Deserialize;

use super::When;
use crate::kernel::policy::{Fair, PolicyConfig};
use crate::kernel::{Loses, Queues};
use crate::model::{Selector, SwitchCharged};
use crate::time::Duration;

/// The computer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machine {
    /// Cores.
    pub cores: u32,
    /// The scheduling policy of the operating system.
    pub scheduler: PolicyConfig,
    /// Which cores share a run queue; what is usual with the policy if left out.
    pub queues: Option<Queues>,
    /// One timer interrupt for all cores so often, at which threads change, instead of slices.
    pub interrupt: Option<Duration>,
    /// Which of several equal running threads loses its core to a more urgent one.
    pub loses: Option<Loses>,
    /// How fast each core is; all 1.0 if left out.
    pub speeds: Option<Vec<f64>>,
    /// Cores that share a physical core.
    pub smt: Option<Smt>,
    /// A cache for each core.
    pub caches: Option<Caches>,
    /// How event loops learn of ready sockets.
    pub selector: Selector,
    /// What its mechanisms cost.
    pub costs: CostsName,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine {
            cores: 4,
            scheduler: Fair.into(),
            queues: None,
            interrupt: None,
            loses: None,
            speeds: None,
            smt: None,
            caches: None,
            selector: Selector::default(),
            costs: CostsName::Linux,
        }
    }
}

/// Simultaneous multithreading: so many cores that follow each other share a physical core.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smt {
    /// How many.
    #[serde(default = "two")]
    pub siblings: u32,
    /// How fast each is while another one is busy.
    #[serde(default = "smt_factor")]
    pub factor: f64,
}

fn two() -> u32 {
    2
}

/// Together they do 1.2 times the work of one.
fn smt_factor() -> f64 {
    0.6
}

/// A cache for each core.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caches {
    /// In the unit of `working_set`.
    pub size: u32,
    /// How fast a core is for a thread that is warm there.
    pub warm: f64,
    /// How fast it is for others that have a working set.
    #[serde(default = "one_time")]
    pub cold: f64,
    /// How long a thread has to run on a core until it is warm.
    pub warm_up: Duration,
    /// Bursts end at multiples of this, as in programs that count in ticks.
    #[serde(default)]
    pub tick: Option<Duration>,
}

fn one_time() -> f64 {
    1.0
}

/// What the machine's mechanisms cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::large_enum_variant)]
pub enum CostsName {
    /// Nothing costs anything: the picture of the textbooks.
    Zero,
    /// Measured on Linux.
    Linux,
    /// `Linux` with an event loop of uvloop.
    Uvloop,
    /// `Linux` with these changes.
    Set {
        /// Core time of a context switch.
        #[serde(default)]
        context_switch: Option<Duration>,
        /// When that is charged.
        #[serde(default)]
        switch_charged: Option<SwitchCharged>,
        /// Core time when a thread begins on another core than its last.
        #[serde(default)]
        migration: Option<Duration>,
        /// From "made runnable" to "in the run queue", for a thread that was blocked.
        #[serde(default)]
        wake_latency: Option<When>,
        /// How late a timed wait fires.
        #[serde(default)]
        timer_slack: Option<Duration>,
        /// Core time of a system call.
        #[serde(default)]
        syscall: Option<Duration>,
        /// Core time of a thread after a request of its own is done.
        #[serde(default)]
        completion: Option<Duration>,
        /// Core time the parent spends to create a thread.
        #[serde(default)]
        thread_start: Option<Duration>,
        /// Core time the parent spends to create a process.
        #[serde(default)]
        process_start: Option<Duration>,
        /// From the creation of a process until its main thread is runnable.
        #[serde(default)]
        process_boot: Option<Duration>,
        /// From the start of a thread in an interpreter of its own until it is runnable.
        #[serde(default)]
        interpreter_boot: Option<Duration>,
        /// Core time of the parent for each chunk of a `ProcessPoolExecutor`, a third each to hand it on, to send it, and to take its result.
        #[serde(default)]
        dispatch: Option<Duration>,
        /// The same of a `multiprocessing.Pool`, half each to send it and to take its result.
        #[serde(default)]
        pool_dispatch: Option<Duration>,
        /// Core time of a worker process to receive a chunk, and to send its results, besides their bytes.
        #[serde(default)]
        message: Option<Duration>,
        /// Core time for each job in a message, at each end.
        #[serde(default)]
        pickle: Option<Duration>,
        /// Core time for each 1,000 bytes of a message, half of it at each end.
        #[serde(default)]
        kilobyte: Option<Duration>,
        /// Core time the parent spends to start a process by `spawn` or `forkserver`.
        #[serde(default)]
        spawn_start: Option<Duration>,
        /// From there until a spawned process can run.
        #[serde(default)]
        spawn_boot: Option<Duration>,
        /// From the first start of a process by `forkserver` until the server can fork.
        #[serde(default)]
        forkserver_start: Option<Duration>,
        /// From there, or from the start, until a process of the server can run.
        #[serde(default)]
        forkserver_boot: Option<Duration>,
        /// Core time of the event loop for one handle.
        #[serde(default)]
        callback: Option<Duration>,
        /// Core time of the event loop for one iteration.
        #[serde(default)]
        iteration: Option<Duration>,
        /// Core time of `select` and `poll` for each descriptor they watch.
        #[serde(default)]
        watched: Option<Duration>,
        /// Core time of a selector for each ready socket.
        #[serde(default)]
        reported: Option<Duration>,
        /// Core time to write to the self-pipe of an event loop, and to read it.
        #[serde(default)]
        self_pipe: Option<Duration>,
        /// The selector's timeouts are rounded up to a multiple of this.
        #[serde(default)]
        timer_granularity: Option<Duration>,
        /// From a drop request to the holder's next check point.
        #[serde(default)]
        check_point: Option<Duration>,
    },
}
