//! A scenario as it is written: plain data that serde reads. `lower` gives it its meaning.

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::kernel::policy::PolicyConfig;
use crate::time::Duration;

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
    Grid(IndexMap<String, Vec<Raw>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ChartName {
    Timeline,
    Throughput,
    Latency,
    States,
}

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

/// A duration, or a distribution of durations.
#[derive(Clone, Debug)]
pub enum When {
    Fixed(Duration),
    Random(Random),
}

/// A distribution as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Random {
    Exp(Duration),
    Uniform(Duration, Duration),
    Normal { mean: Duration, sd: Duration },
    LogNormal { median: Duration, p99: Duration },
    Pareto { min: Duration, alpha: f64 },
    Empirical(Vec<Duration>),
}

/// RON text that is kept as it stands.
#[derive(Clone, Debug)]
pub struct Raw(pub String);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        let raw = <&'de ron::value::RawValue>::deserialize(deserializer)?;
        Ok(Raw(raw.get_ron().trim().to_owned()))
    }
}

impl<'de> Deserialize<'de> for When {
    /// A text is a duration, everything else a distribution: ron cannot say which without looking at the raw value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<When, D::Error> {
        let raw = <&'de ron::value::RawValue>::deserialize(deserializer)?;
        let text = skip_comments(raw.get_ron());
        if text.starts_with('"') {
            return ron::from_str(text).map(When::Fixed).map_err(|error| at(text, &error));
        }
        super::load::dialect().from_str(text).map(When::Random).map_err(|error| at(text, &error))
    }
}

/// An error inside a raw value. Its text carries the address of the guilty place; `load` turns that into a position.
fn at<E: Error>(text: &str, error: &ron::error::SpannedError) -> E {
    let range = super::load::byte_range(text, &error.span);
    let address = text.as_ptr() as usize;
    E::custom(format!("\u{2}{:x}:{:x}\u{2}{}", address + range.start, address + range.end, error.code))
}

fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
        } else {
            return rest.trim_end();
        }
    }
}

/// So many per unit of time: `"200/s"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The mean gap between two.
    pub gap: Duration,
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (number, unit) =
            text.split_once('/').ok_or_else(|| D::Error::custom("a rate is a number per unit, such as \"200/s\""))?;
        let number: f64 = number
            .trim()
            .parse()
            .map_err(|_| D::Error::custom("a rate starts with a number, such as \"200/s\""))?;
        if !(number > 0.0 && number.is_finite()) {
            return Err(D::Error::custom("a rate is greater than zero"));
        }
        let unit = Duration::parse(&format!("1{}", unit.trim())).map_err(D::Error::custom)?;
        Ok(Rate { gap: Duration((unit.0 as f64 / number + 0.5) as u64) })
    }
}

/// `{ 0.8: [..], 0.2: [..] }`: a map with probabilities for keys, in the order written.
#[derive(Clone, Debug)]
pub struct Branches(pub Vec<(f64, Vec<Step>)>);

impl<'de> Deserialize<'de> for Branches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Branches, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Branches;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a map from probabilities to steps, such as {{ 0.8: [..], 0.2: [..] }}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Branches, A::Error> {
                let mut branches = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    branches.push(entry);
                }
                Ok(Branches(branches))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
