//! A scenario as it is written: plain data that serde reads. `lower` gives it its meaning.

mod expect;
mod interpreter;
mod machine;
mod network;
mod quantity;
mod shared;
mod spawn;
mod value;

use indexmap::IndexMap;
use serde::Deserialize;

use crate::model::StartMethod;
use crate::time::Duration;

pub use expect::Expect;
pub use interpreter::Interpreter;
pub use machine::{Caches, CostsName, Machine, Smt};
pub use network::{Bandwidth, Clients, Peer, Size};
pub(in crate::scenario) use quantity::address;
pub use quantity::{Branches, Random, Rate, RateError, Raw, When};
#[cfg(test)]
pub(crate) use shared::Written;
pub use shared::{Lock, Protocol, Shared};
pub use spawn::SpawnWhat;
pub use value::{Computed, Condition, Value};

/// A whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Heading; the file name if left out.
    #[serde(default)]
    pub title: Option<String>,
    /// The computer.
    #[serde(default)]
    pub machine: Machine,
    /// What runs the code.
    #[serde(default)]
    pub interpreter: Interpreter,
    /// How many threads the default executor of an event loop may have; as many as the interpreter's default if left out.
    #[serde(default)]
    pub executor: Option<u32>,
    /// What serves `Io`, by name.
    #[serde(default)]
    pub devices: IndexMap<String, Device>,
    /// Whom socket calls talk to, by name.
    #[serde(default)]
    pub network: IndexMap<String, Peer>,
    /// Variables and locks, by name.
    #[serde(default)]
    pub shared: IndexMap<String, Shared>,
    /// Steps for `Call` and `Spawn`, by name.
    #[serde(default)]
    pub programs: IndexMap<String, Vec<Step>>,
    /// The work, by name.
    pub tasks: IndexMap<String, Task>,
    /// Execution models, compared side by side.
    #[serde(default = "serial")]
    pub models: Vec<ModelName>,
    /// Settings to repeat everything over.
    #[serde(default)]
    pub sweep: Option<Sweep>,
    /// Seed of the first run; run i has `seed + i`.
    #[serde(default = "one")]
    pub seed: u64,
    /// Replications.
    #[serde(default = "one_run")]
    pub runs: u32,
    /// The end of the clock; needed when work never ends.
    #[serde(default)]
    pub until: Option<Duration>,
    /// Left out of the statistics.
    #[serde(default)]
    pub warm_up: Duration,
    /// A run that has not ended after so many events is given up.
    #[serde(default = "many_events")]
    pub max_events: u64,
    /// Pictures.
    #[serde(default = "all_charts")]
    pub charts: Vec<ChartName>,
    /// Names of warnings that this file means to cause.
    #[serde(default)]
    pub allow: Vec<String>,
    /// What must hold.
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

/// What serves requests, such as a disk or a network.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// How long one request takes.
    pub latency: When,
    /// Requests served at once, the others queue; any number if left out.
    #[serde(default)]
    pub slots: Option<u32>,
}

/// A piece of work, of which there may be many.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// How many; 1 for tasks that are there at once, unlimited for others.
    #[serde(default)]
    pub count: Option<u32>,
    /// When they arrive.
    #[serde(default)]
    pub arrive: Arrive,
    /// Tasks that have to end first.
    #[serde(default)]
    pub after: Vec<String>,
    /// For policies that know priorities: smaller is more urgent.
    #[serde(default)]
    pub priority: Option<u32>,
    /// For policies that share by weight: -20 (most) to 19 (least).
    #[serde(default)]
    pub nice: Option<i8>,
    /// For policies that share by tickets.
    #[serde(default)]
    pub tickets: Option<u32>,
    /// The slice that its threads ask for, for policies that grant it.
    #[serde(default)]
    pub slice: Option<Duration>,
    /// When each has to be complete, counted from its arrival.
    #[serde(default)]
    pub deadline: Option<Duration>,
    /// What becomes of one that is not complete by then.
    #[serde(default)]
    pub late: Late,
    /// How many can be in the system, waiting or under way; more are refused.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// How much of a cache its data needs; without it caches play no part.
    #[serde(default)]
    pub working_set: Option<u32>,
    /// What a job takes along to a worker process of a pool, pickled.
    #[serde(default)]
    pub argument: Option<Size>,
    /// What it brings back.
    #[serde(default)]
    pub result: Option<Size>,
    /// The cores that its threads may run on, counted from 0; all if left out.
    #[serde(default)]
    pub affinity: Option<Vec<u32>>,
    /// What each does.
    pub steps: Vec<Step>,
}

/// What becomes of a job that is not complete at its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Late {
    /// It goes on.
    #[default]
    Continue,
    /// It is dropped.
    Abort,
}

/// When the jobs of a task arrive.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Arrive {
    /// At the start.
    #[default]
    AtOnce,
    /// One after each such time.
    Every(Duration),
    /// At random, independent of each other, at this mean rate.
    Poisson(Rate),
    /// A fixed number of users.
    Closed {
        /// Users, each of which waits for its job to end.
        users: u32,
        /// How long a user thinks before the next job.
        think: When,
    },
    /// At these times.
    Recorded(Vec<Duration>),
}

/// One step of a program.
#[derive(Clone, Debug, Deserialize)]
pub enum Step {
    /// Python code: holds the GIL if there is one.
    Cpu(When),
    /// Native code that releases the GIL.
    CpuNoGil(When),
    /// Native code that keeps the GIL.
    CpuHoldGil(When),
    /// A request to a device; the time replaces its latency.
    Io(String, #[serde(default)] Option<When>),
    /// Makes a connection; the steps if that fails.
    Connect(String, #[serde(default)] Option<Vec<Step>>),
    /// Takes a connection that a listener has; the steps if that fails.
    Accept(String, #[serde(default)] Option<Vec<Step>>),
    /// Sends so much; the steps if that fails.
    Send(String, Size, #[serde(default)] Option<Vec<Step>>),
    /// Receives so much; the steps if that fails.
    Recv(String, Size, #[serde(default)] Option<Vec<Step>>),
    /// Closes a connection.
    Close(String),
    /// Waits.
    Sleep(When),
    /// Gives way.
    Yield,
    /// Takes a lock or a permit of a semaphore, or waits for it.
    Acquire(String),
    /// Takes a lock for readers and writers to read.
    AcquireRead(String),
    /// Gives it back.
    Release(String),
    /// Steps while holding a lock or a permit.
    With(String, Vec<Step>),
    /// Steps while reading.
    WithRead(String, Vec<Step>),
    /// Waits for an event, a notification or the others at a barrier.
    Wait(String),
    /// Sets an event: all who wait for it go on.
    SetEvent(String),
    /// Clears it.
    ClearEvent(String),
    /// Wakes so many who wait for a notification, longest first; 1 if left out.
    Notify(String, #[serde(default = "one_run")] u32),
    /// Wakes all of them.
    NotifyAll(String),
    /// Puts a number into a queue, 0 if left out; waits for a place.
    Put(String, #[serde(default = "zero_value")] Value),
    /// Takes the oldest number out of a queue, into the own copy of a variable if given; waits for one.
    Get(String, #[serde(default)] Option<String>),
    /// Reads a variable into the own copy.
    Load(String),
    /// Changes the own copy to this.
    Let(String, Value),
    /// Adds to the own copy.
    Add(String, Value),
    /// Writes the own copy back, or this, which then is the own copy.
    Store(String, #[serde(default)] Option<Value>),
    /// Writes this, or the own copy if left out, and reads what was there before into the own copy, in one atomic operation.
    Swap(String, #[serde(default)] Option<Value>),
    /// Adds this, 1 if left out, and reads what was there before into the own copy, in one atomic operation.
    FetchAdd(String, #[serde(default = "one_value")] Value),
    /// `Load`, `Add`, `Store`; by 1 if left out.
    Incr(String, #[serde(default = "one_more")] i64),
    /// Takes a reference to an object.
    IncRef(String),
    /// Drops one; the last one frees the object.
    DecRef(String),
    /// Uses an object, which must be there.
    Use(String),
    /// The cyclic collector: everybody else in the interpreter stands still.
    Collect(When),
    /// Changes an object in place, as `list.append` does: one call of C code.
    Mutate(String, When),
    /// So many times.
    Repeat(u32, Vec<Step>),
    /// Without end.
    Forever(Vec<Step>),
    /// The first steps if the condition holds, else the others.
    If(Condition, Vec<Step>, #[serde(default)] Vec<Step>),
    /// As long as the condition holds, which is asked before each round.
    While(Condition, Vec<Step>),
    /// Until the condition holds, which is asked after each round.
    RepeatUntil(Condition, Vec<Step>),
    /// Must hold here; else the run ends, or the schedule is a bad one.
    Assert(Condition),
    /// One of these, with these probabilities; nothing with what is left over.
    Choose(Branches),
    /// The steps of a program.
    Call(String),
    /// Starts so many children that run a program.
    Spawn(SpawnWhat, String, #[serde(default = "one_run")] u32),
    /// Asks the loop to run a program as a callback.
    CallSoon(String),
    /// The same, after a time.
    CallLater(When, String),
    /// The same from any thread of its process.
    CallSoonThreadsafe(String),
    /// Waits for the children that run a program.
    Join(String),
    /// A line in the log.
    Print(String),
    /// Called without await: an event loop stands still meanwhile.
    Blocking(Vec<Step>),
    /// A coroutine awaits these steps, which a thread of the executor does.
    ToThread(Vec<Step>),
    /// Without a check point in between: the GIL does not change hands.
    Atomic(Vec<Step>),
    /// Ends the process at once, as a crash does.
    Exit,
    /// Raises an exception.
    Raise,
    /// The first steps; after an exception in them the second ones.
    Try(Vec<Step>, Vec<Step>),
    /// The first steps, and then the second ones, however the first have ended.
    Finally(Vec<Step>, Vec<Step>),
    /// Runs so many coroutines of each program at once and awaits them all.
    Gather(Vec<String>, #[serde(default = "one_run")] u32, #[serde(default)] Exceptions),
    /// The same, but an exception of one cancels the others.
    TaskGroup(Vec<String>, #[serde(default = "one_run")] u32),
    /// Runs a coroutine of a program and awaits it; who is cancelled meanwhile does not cancel it.
    Shield(String),
    /// Waits for coroutines that it has spawned from the programs, for no longer than this; then the steps if it was that long.
    WaitTasks(
        Vec<String>,
        #[serde(default)] ReturnWhen,
        #[serde(default)] Option<When>,
        #[serde(default)] Option<Vec<Step>>,
    ),
    /// The first steps, cancelled after this time; then the second ones, or an exception if left out.
    Timeout(When, Vec<Step>, #[serde(default)] Option<Vec<Step>>),
    /// Cancels the coroutines that it spawned from a program.
    Cancel(String),
}

fn one_more() -> i64 {
    1
}

fn zero_value() -> Value {
    Value::Number(0)
}

fn one_value() -> Value {
    Value::Number(1)
}

/// What becomes of an exception of what is gathered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Exceptions {
    /// It is raised at once where all are awaited.
    #[default]
    Raise,
    /// It counts as a result.
    Return,
}

/// How many of them a wait is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ReturnWhen {
    /// All.
    #[default]
    AllCompleted,
    /// One.
    FirstCompleted,
    /// One that ends with an exception; all if none does.
    FirstException,
}

/// An execution model.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ModelName {
    /// One after the other.
    Serial,
    /// A pool of so many threads.
    Threads(u32),
    /// A pool of as many threads as the interpreter takes if nobody says how many.
    ThreadPool,
    /// A thread each.
    ThreadPerTask,
    /// A pool of so many processes.
    Processes(u32),
    /// `concurrent.futures.ProcessPoolExecutor`.
    ProcessPool {
        /// Processes; as many as cores if left out.
        #[serde(default)]
        workers: Option<u32>,
        /// Jobs in one message; 1 if left out.
        #[serde(default)]
        chunk: Option<u32>,
        /// How processes start; as the version of the interpreter has it if left out.
        #[serde(default)]
        start: Option<StartMethod>,
    },
    /// `multiprocessing.Pool`.
    MultiprocessingPool {
        /// Processes; as many as cores if left out.
        #[serde(default)]
        workers: Option<u32>,
        /// Jobs in one message; if left out, a quarter of what each worker has to do.
        #[serde(default)]
        chunk: Option<u32>,
        /// How processes start; as the version of the interpreter has it if left out.
        #[serde(default)]
        start: Option<StartMethod>,
    },
    /// `concurrent.futures.InterpreterPoolExecutor`.
    InterpreterPool {
        /// Threads, each with an interpreter; as many as `ThreadPool` has if left out.
        #[serde(default)]
        workers: Option<u32>,
    },
    /// A pool of so many threads, each in an interpreter of its own.
    Subinterpreters(u32),
    /// An event loop on one thread.
    Asyncio,
    /// One thread that asks the connections of all jobs again and again.
    Polling,
    /// A pool of threads without a GIL.
    FreeThreaded(u32),
    /// Several processes with threads or an event loop each.
    Hybrid { processes: u32, each: Each },
}

/// How each process of a hybrid works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Each {
    /// An event loop on one thread.
    Asyncio,
    /// A pool of so many threads.
    Threads(u32),
}

/// Settings, by path, with the values they take.
#[derive(Clone, Debug, Deserialize)]
pub enum Sweep {
    /// Every combination of the values.
    Grid(IndexMap<String, Vec<Raw>>),
    /// The first values together, then the second ones, and so on.
    Zip(IndexMap<String, Vec<Raw>>),
}

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ChartName {
    /// Who ran where, and when.
    Timeline,
    /// Completed jobs per second.
    Throughput,
    /// Response times.
    Latency,
    /// What the threads did with their time.
    States,
}
