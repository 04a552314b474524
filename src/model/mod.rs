//! What the simulator runs: dense ids and arrays of `Copy` ops. Text, names and units end before here.

mod builder;
mod control;
mod costs;
mod draws;
mod execution;
mod interpreter;
mod jitter;
mod names;
mod network;
mod object;
mod pool;
mod protocol;
mod raising;
mod shared;
mod task_settings;
mod value;

pub use builder::{Builder, Stmt};
pub use costs::{Costs, SwitchCharged};
pub use execution::Execution;
pub use interpreter::{CheckPoints, DefaultWorkers, Interpreter, Parking, Ticks, Version};
pub use network::{Peer, Selector, SocketAct, SocketCall};
pub use object::{CountTimes, Counting, Object};
pub use pool::{PoolKind, ProcessPool, StartMethod};
pub use protocol::{Ceiling, Protocol};
pub use raising::{Guard, Region, TaskWait};
pub use shared::{Home, Shared};
pub use value::{Arithmetic, Comparison, Condition, Operand, Value, evaluate};

use crate::dist::Dist;
use crate::id::{
    CallId, DeviceId, DistId, LockId, ObjectId, OperandId, ProgramId, SyncId, TaskId, TextId, VarId, WaitId,
};
use crate::kernel::core_set::CoreSet;
use crate::kernel::pace::Paces;
use crate::kernel::policy::PolicyConfig;
use crate::kernel::{Loses, Queues, Setup};
use crate::sync::Config;
use crate::time::Duration;
use crate::trace::{Called, CpuKind, Together};

/// One scenario under one execution model, ready to run. Whatever can be wrong was found before one exists.
#[derive(Clone, Debug)]
pub struct Model {
    /// The computer.
    pub machine: Machine,
    /// The interpreter.
    pub interpreter: Interpreter,
    /// How the tasks are carried.
    pub execution: Execution,
    /// How many threads the default executor of an event loop may have; `None` for as many as the interpreter's default.
    pub executor: Option<u32>,
    /// What `Io` talks to.
    pub devices: Vec<Device>,
    /// Whom socket calls talk to, by `PeerId`.
    pub peers: Vec<Peer>,
    /// Socket calls, by `CallId`.
    pub calls: Vec<SocketCall>,
    /// Locks with their protocols, by `LockId`.
    pub locks: Vec<Shared<Protocol>>,
    /// Semaphores, events, conditions, barriers, queues and locks for readers and writers, by `SyncId`.
    pub syncs: Vec<Shared<Config>>,
    /// Variables with their first values, by `VarId`.
    pub vars: Vec<Shared<i64>>,
    /// Objects with reference counts, by `ObjectId`.
    pub objects: Vec<Object>,
    /// The ops of all programs.
    pub code: Vec<Op>,
    /// Programs, by `ProgramId`.
    pub programs: Vec<Program>,
    /// What guards which ops against exceptions: sorted by their ends, inner ones first. Empty if no program can raise one.
    pub regions: Vec<Region>,
    /// Waits for some of the coroutines that one has spawned, by `WaitId`.
    pub task_waits: Vec<TaskWait>,
    /// Branch tables of `Op::Choose`.
    pub choices: Vec<Choice>,
    /// Numbers that ops compute with, by `OperandId`.
    pub operands: Vec<Operand>,
    /// Distributions, by `DistId`.
    pub dists: Vec<Dist>,
    /// What `Print` prints, by `TextId`.
    pub texts: Vec<String>,
    /// The work.
    pub tasks: Vec<Task>,
    /// The end of the clock; `None` if the work ends by itself.
    pub until: Option<Duration>,
    /// Jobs that arrive before this point, and all else that happens before it, are left out of the statistics.
    pub warm_up: Duration,
    /// The run stops with a limit after so many events.
    pub max_events: u64,
}

impl Model {
    /// What the kernel of a run is for.
    pub fn kernel(&self, seed: u64) -> Setup<'_> {
        let Machine { cores, policy, interrupt, loses, paces, .. } = &self.machine;
        let alike = self.tasks.iter().all(|task| task.urgency.nice == 0 && task.urgency.slice.is_none());
        let bound = self.tasks.iter().filter(|task| !task.affinity.is_empty());
        Setup {
            cores: *cores,
            policy,
            queues: self.machine.queues(),
            affinities: bound.map(|task| CoreSet::of(*cores, &task.affinity)).collect(),
            alike,
            interrupt: *interrupt,
            loses: *loses,
            paces,
            seed,
        }
    }

    /// Whether processes have a GIL.
    pub fn has_gil(&self) -> bool {
        self.interpreter.has_gil(self.execution)
    }

    /// By shared thing: whether who waits for it waits for something that others do, and not for its turn.
    pub fn signals(&self) -> Vec<bool> {
        self.syncs.iter().map(|sync| sync.initial.is_signal()).collect()
    }

    /// How many workers a pool of threads has if nobody says how many.
    pub fn default_workers(&self) -> u32 {
        self.interpreter.default_workers.on(self.machine.cores)
    }

    /// How many threads the default executor of an event loop may have.
    pub fn executor_threads(&self) -> u32 {
        self.executor.unwrap_or_else(|| self.default_workers())
    }

    /// What a demand for core time becomes in this build of the interpreter.
    #[inline]
    pub fn stretched(&self, kind: CpuKind, demand: Duration) -> Duration {
        let longer = matches!(kind, CpuKind::Python | CpuKind::Atomic | CpuKind::System | CpuKind::Loop);
        if !longer || !matches!(self.execution, Execution::FreeThreaded(_)) {
            return demand;
        }
        Duration((u128::from(demand.0) * u128::from(self.interpreter.free_threading_permille) / 1_000) as u64)
    }
}

/// The computer.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Number of cores, at least 1.
    pub cores: u32,
    /// Who runs next.
    pub policy: PolicyConfig,
    /// Which cores share a run queue; `None` for what is usual with the policy.
    pub queues: Option<Queues>,
    /// One timer interrupt for all cores so often, at which threads change, and no slices.
    pub interrupt: Option<Duration>,
    /// Which of several equal running threads loses its core.
    pub loses: Loses,
    /// What makes cores faster or slower.
    pub paces: Paces,
    /// How event loops learn of what is ready.
    pub selector: Selector,
    /// What things cost.
    pub costs: Costs,
}

impl Machine {
    /// Which cores share a run queue, with every setting written out.
    pub fn queues(&self) -> Queues {
        self.queues.unwrap_or(Queues::usual(&self.policy)).settled(self.cores, self.costs.migration)
    }
}

/// A device: requests are served in order, `slots` at a time.
#[derive(Clone, Debug)]
pub struct Device {
    /// As declared.
    pub name: String,
    /// Time to serve one request, unless the step brings its own.
    pub latency: DistId,
    /// Requests served at once; `None` for any number.
    pub slots: Option<u32>,
}

/// A named list of steps.
#[derive(Clone, Debug)]
pub struct Program {
    /// As declared; a task's own program has the task's name.
    pub name: String,
    /// Its first op.
    pub entry: u32,
    /// How many variables it and what it calls copy.
    pub registers: u16,
    /// The most random numbers one execution draws, if it has no loops.
    pub draws: Option<u32>,
}

/// A task: what is done, how often, and when.
#[derive(Clone, Debug)]
pub struct Task {
    /// As declared.
    pub name: String,
    /// Its steps.
    pub program: ProgramId,
    /// How many jobs; `None` for as many as arrive before the end of the clock.
    pub count: Option<u32>,
    /// When they arrive.
    pub arrivals: Arrivals,
    /// All jobs of these tasks must end before a job of this one begins. Never a cycle.
    pub after: Vec<TaskId>,
    /// What scheduling policies are told of its jobs.
    pub urgency: Urgency,
    /// What becomes of a job that is not complete at its deadline.
    pub late: Late,
    /// How many of its jobs can be in the system; more are refused.
    pub capacity: Option<u32>,
    /// The cores that threads with its jobs may run on; empty for all.
    pub affinity: Vec<u32>,
    /// How much of a cache its data needs; 0 if caches play no part.
    pub working_set: u32,
    /// Bytes that a job takes along to a worker process.
    pub argument: u64,
    /// Bytes of its result, on the way back.
    pub result: u64,
}

impl Task {
    /// From the arrival of a job to its deadline: as given, or the period.
    pub fn relative_deadline(&self) -> Option<Duration> {
        self.urgency.deadline.or(self.period())
    }

    /// From one job to the next.
    pub fn period(&self) -> Option<Duration> {
        match self.arrivals {
            Arrivals::Every(period) => Some(period),
            _ => None,
        }
    }
}

/// What becomes of a job that is not complete at its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Late {
    /// It goes on.
    #[default]
    Continue,
    /// It is dropped: its thread stops, its locks are released, and it is never complete.
    Abort,
}

/// How urgent the jobs of a task are, for policies that ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Urgency {
    /// Smaller is more urgent.
    pub priority: u32,
    /// Weight of a share: -20 (most) to 19 (least).
    pub nice: i8,
    /// Shares of a lottery, at least 1.
    pub tickets: u32,
    /// The slice that its threads ask for.
    pub slice: Option<Duration>,
    /// When a job has to be complete, counted from its arrival.
    pub deadline: Option<Duration>,
}

impl Default for Urgency {
    fn default() -> Urgency {
        Urgency { priority: 100, nice: 0, tickets: 100, slice: None, deadline: None }
    }
}

/// When the jobs of a task arrive.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrivals {
    /// All at time 0, or when the last task of `after` ends.
    AtOnce,
    /// One every so often, the first at time 0; the n-th at exactly n times the period.
    Every(Duration),
    /// Exponential gaps with this mean; the first comes after one gap.
    Poisson { mean_gap: Dist },
    /// So many users: each thinks, submits a job, and thinks again when it is complete. The first thought is at time 0.
    Closed { users: u32, think: DistId },
    /// At these times, in ascending order.
    Recorded(std::sync::Arc<[Duration]>),
}

/// The branches of one `Choose`.
#[derive(Clone, Debug)]
pub struct Choice {
    /// For each branch the upper end of its share of the 2^64 draws (inclusive), ascending, and its first op.
    pub branches: Vec<(u64, u32)>,
    /// The op after the step, for draws beyond the last branch.
    pub otherwise: u32,
}

/// One step of the virtual machine that every context is.
///
/// Loop counts and return addresses live on the context's stack. Programs are closed by `Return`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Core time.
    Compute { kind: CpuKind, time: DistId },
    /// A request to a device, and the wait for it.
    Io { device: DeviceId, time: Option<DistId> },
    /// A socket call, and the wait for it.
    Socket { call: CallId },
    /// The wait for the clock.
    Sleep { time: DistId },
    /// Way for others.
    Yield,
    /// Takes a lock.
    Acquire { lock: LockId },
    /// Releases it.
    Release { lock: LockId },
    /// Takes a lock, or holds it once more if the context has it.
    Reenter { lock: LockId },
    /// Holds the lock once less, or releases it.
    Leave { lock: LockId },
    /// Uses a shared thing that is neither a lock nor a variable.
    Sync { sync: SyncId, act: Act },
    /// Copies a variable to a register.
    Load { var: VarId, register: u16 },
    /// Changes a register.
    Set { register: u16, value: OperandId },
    /// Adds to a register.
    Add { register: u16, by: OperandId },
    /// Copies a register to a variable.
    Store { var: VarId, register: u16 },
    /// Copies a variable to a register and then changes the variable to `value`, which is computed before.
    Swap { var: VarId, register: u16, value: OperandId },
    /// Copies a variable to a register and then adds to the variable; `by` is computed before.
    FetchAdd { var: VarId, register: u16, by: OperandId },
    /// Copies a variable to a register. If it is `from` (computed before, as is `to`), changes it to `to` and goes on behind
    /// the next op.
    CompareAndSwap { var: VarId, register: u16, from: OperandId, to: OperandId },
    /// Takes the time to change a reference count by `by`.
    Touch { object: ObjectId, by: i8, kind: CpuKind },
    /// The reference is taken (`by` is 1) or dropped (-1), or the object used (0).
    Refer { object: ObjectId, by: i8 },
    /// Changes an object in place, which takes this time.
    Mutate { object: ObjectId, time: DistId },
    /// Collects what nobody refers to: everybody else in the interpreter stands still for this time.
    Collect { time: DistId },
    /// Begins a loop of `times` rounds (at least one): pushes the count.
    Repeat { times: u32 },
    /// Ends a round: back to `start` while rounds are left, else pops the count.
    Again { start: u32 },
    /// Goes on at `to`.
    Jump { to: u32 },
    /// Goes on at `to` if the comparison holds.
    Branch { left: OperandId, comparison: Comparison, right: OperandId, to: u32 },
    /// What was asserted does not hold.
    Fail { text: TextId },
    /// Goes on at a random branch of `Model::choices[table]`.
    Choose { table: u32 },
    /// Pushes the next op and goes on at `entry`.
    Call { entry: u32 },
    /// Pops and goes back, or ends the program.
    Return,
    /// Creates `count` contexts that execute the program.
    Spawn { kind: SpawnKind, program: ProgramId, count: u32 },
    /// Asks a loop to execute the program as a callback: this one's, or that of its process.
    CallBack { program: ProgramId, how: Called, after: Option<DistId> },
    /// Waits for all contexts that this one spawned from the program.
    Join { program: ProgramId },
    /// Prints.
    Print { text: TextId },
    /// From here on waiting steps block the whole thread, also in a coroutine.
    BeginBlocking,
    /// The end of that.
    EndBlocking,
    /// Ends the process of the context, which is a worker of a pool.
    Exit,
    /// A coroutine has a thread of the executor do what follows up to `EndThread`, and goes on at `end` when that is done.
    /// A thread does it itself.
    ToThread { end: u32 },
    /// The end of that.
    EndThread,
    /// Raises an exception: the context goes on at the handler of the innermost region that has one, or ends.
    Raise,
    /// The end of a handler that catches nothing: raises the exception that was pushed.
    Reraise,
    /// Raises the exception that the context was to get while it could not be cancelled.
    Deliver,
    /// What the coroutine spawns up to its `Await`, it awaits together.
    Begin { how: Together },
    /// Waits for these.
    Await,
    /// Waits for some of those that this one has spawned.
    WaitTasks { wait: WaitId },
    /// The end of that: goes on at `to` unless its time was over first.
    TasksWaited { wait: WaitId, to: u32 },
    /// From here to its `EndTimeout` the coroutine is cancelled when so much time has passed.
    BeginTimeout { time: DistId },
    /// The end of that.
    EndTimeout,
    /// Cancels all coroutines that this one spawned from the program and that are still there.
    Cancel { program: ProgramId },
}

/// How a shared thing is used. Not everything can be done to every kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Takes a permit of a semaphore, or a lock for readers and writers to write.
    Acquire,
    /// Takes a lock for readers and writers to read.
    AcquireRead,
    /// Gives a permit back, or the lock.
    Release,
    /// Waits for an event, a notification (whose lock it must hold, and does not hold afterwards), or the others at a barrier.
    Wait,
    /// Sets an event.
    Set,
    /// Clears it.
    Clear,
    /// Wakes at most so many of those who wait for a notification.
    Notify(u32),
    /// Puts a number into a queue.
    Put(OperandId),
    /// Takes the oldest item out of a queue, into a register if one is given.
    Get(Option<u16>),
}

/// What `Spawn` creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpawnKind {
    /// A thread of the same process.
    Thread,
    /// A process with a copy of the parent's variables (fork).
    Process,
    /// A coroutine of the same event loop.
    Coroutine,
    /// A thread of the same process that the run does not wait for.
    DaemonThread,
    /// A process that the run does not wait for.
    DaemonProcess,
}

impl SpawnKind {
    /// Whether the run is over although it goes on.
    pub fn is_daemon(self) -> bool {
        matches!(self, SpawnKind::DaemonThread | SpawnKind::DaemonProcess)
    }

    /// Whether it is a thread of the same process.
    pub fn is_thread(self) -> bool {
        matches!(self, SpawnKind::Thread | SpawnKind::DaemonThread)
    }
}
