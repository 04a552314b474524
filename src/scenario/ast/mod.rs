//! A scenario as it is written: plain data that serde reads. `lower` gives it its meaning.

mod expect;
mod quantity;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::kernel::policy::PolicyConfig;
use crate::time::Duration;

pub use expect::Expect;
pub(in crate::scenario) use quantity::address;
pub use quantity::{Branches, Random, Rate, RateError, Raw, When};

/// A whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub machine: Machine,
    #[serde(default)]
    pub interpreter: Interpreter,
    #[serde(default)]
    pub devices: IndexMap<String, Device>,
    #[serde(default)]
    pub shared: IndexMap<String, Shared>,
    #[serde(default)]
    pub programs: IndexMap<String, Vec<Step>>,
    pub tasks: IndexMap<String, Task>,
    #[serde(default = "serial")]
    pub models: Vec<ModelName>,
    #[serde(default)]
    pub sweep: Option<Sweep>,
    #[serde(default = "one")]
    pub seed: u64,
    #[serde(default = "one_run")]
    pub runs: u32,
    #[serde(default)]
    pub until: Option<Duration>,
    #[serde(default)]
    pub warm_up: Duration,
    #[serde(default = "many_events")]
    pub max_events: u64,
    #[serde(default = "all_charts")]
    pub charts: Vec<ChartName>,
    #[serde(default)]
    pub allow: Vec<String>,
    #[serde(default)]
    pub expect: Vec<Expect>,
}

fn serial() -> Vec<ModelName> {
    vec![ModelName::Serial]
}

fn one() -> u64 {
    1
}

fn one_run() -> u32 {
    1
}

fn many_events() -> u64 {
    100_000_000
}

fn all_charts() -> Vec<ChartName> {
    vec![ChartName::Timeline, ChartName::Throughput, ChartName::Latency, ChartName::States]
}

/// The computer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Machine {
    pub cores: u32,
    pub scheduler: PolicyConfig,
    pub costs: CostsName,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine { cores: 4, scheduler: PolicyConfig::Fair, costs: CostsName::Linux }
    }
}

/// What the machine's mechanisms cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::large_enum_variant)]
pub enum CostsName {
    Zero,
    Linux,
    Set {
        #[serde(default)]
        context_switch: Option<Duration>,
        #[serde(default)]
        wake_latency: Option<When>,
        #[serde(default)]
        timer_slack: Option<Duration>,
        #[serde(default)]
        syscall: Option<Duration>,
        #[serde(default)]
        thread_start: Option<Duration>,
        #[serde(default)]
        process_start: Option<Duration>,
        #[serde(default)]
        process_boot: Option<Duration>,
        #[serde(default)]
        callback: Option<Duration>,
        #[serde(default)]
        iteration: Option<Duration>,
        #[serde(default)]
        timer_granularity: Option<Duration>,
        #[serde(default)]
        check_point: Option<Duration>,
    },
}

/// What runs the code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Interpreter {
    CPython {
        #[serde(default = "five_ms")]
        switch_interval: Duration,
        #[serde(default = "fifty_ns")]
        increment: Duration,
        #[serde(default)]
        increment_can_switch: bool,
        #[serde(default = "free_threading")]
        free_threading: f64,
    },
    Native,
}

impl Default for Interpreter {
    fn default() -> Interpreter {
        Interpreter::CPython {
            switch_interval: five_ms(),
            increment: fifty_ns(),
            increment_can_switch: false,
            free_threading: free_threading(),
        }
    }
}

/// `DEFAULT_INTERVAL` of CPython's `ceval_gil.c`.
fn five_ms() -> Duration {
    Duration::ms(5)
}

pub fn fifty_ns() -> Duration {
    Duration(50)
}

/// CPython 3.14: "roughly 5-10 %" by its documentation.
fn free_threading() -> f64 {
    1.08
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    pub latency: When,
    #[serde(default)]
    pub slots: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
pub enum Shared {
    Int(i64),
    Lock,
    Interprocess(Box<Shared>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    #[serde(default)]
    pub count: Option<u32>,
    #[serde(default)]
    pub arrive: Arrive,
    #[serde(default)]
    pub after: Vec<String>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Arrive {
    #[default]
    AtOnce,
    Every(Duration),
    Poisson(Rate),
    Closed {
        users: u32,
        think: When,
    },
    Recorded(Vec<Duration>),
}

/// One step of a program.
#[derive(Clone, Debug, Deserialize)]
pub enum Step {
    Cpu(When),
    CpuNoGil(When),
    CpuHoldGil(When),
    Io(String, #[serde(default)] Option<When>),
    Sleep(When),
    Yield,
    Acquire(String),
    Release(String),
    With(String, Vec<Step>),
    Load(String),
    Add(String, i64),
    Store(String),
    Incr(String, #[serde(default = "one_more")] i64),
    Repeat(u32, Vec<Step>),
    Forever(Vec<Step>),
    Choose(Branches),
    Call(String),
    Spawn(SpawnWhat, String, #[serde(default = "one_run")] u32),
    Join(String),
    Print(String),
    Blocking(Vec<Step>),
}

fn one_more() -> i64 {
    1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SpawnWhat {
    Thread,
    Process,
    Coroutine,
}

/// An execution model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ModelName {
    Serial,
    Threads(u32),
    ThreadPerTask,
    Processes(u32),
    Asyncio,
    FreeThreaded(u32),
    Hybrid { processes: u32, each: Each },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Each {
    Asyncio,
    Threads(u32),
}

#[derive(Clone, Debug, Deserialize)]
pub enum Sweep {
    /// Every combination of the values.
    Grid(IndexMap<String, Vec<Raw>>),
    /// The first values together, then the second ones, and so on.
    Zip(IndexMap<String, Vec<Raw>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ChartName {
    Timeline,
    Throughput,
    Latency,
    States,
}
