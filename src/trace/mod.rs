//! What happened, in order: the only view of the past.
//!
//! The simulator hands every [`Record`] to one [`Sink`]. Figures, timelines, the digest and the auditor are sinks;
//! none of them reaches into the simulator. Records are `Copy` and small; keeping them is a choice of the sink.

mod decision;
mod digest;
mod pool;
mod raising;
mod socket;
mod words;

pub use decision::{Decided, Decision};
pub use digest::{BEHAVIOUR, Digest};
pub use pool::{PoolPart, Stage};
pub use raising::{Called, Cause, Raised, Together};
pub use socket::{Call, Wire};

use crate::id::{
    ChunkId, ContextId, CoreId, DeviceId, JobId, LockId, ObjectId, PeerId, ProcessId, ProgramId, RequestId, SocketId,
    SyncId, TaskId, TextId, ThreadId, VarId, WaitId,
};
use crate::time::{Duration, Time};

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// When.
    pub time: Time,
    /// What.
    pub what: What,
}

/// The kinds of things that happen.
///
/// A thread is *new* from `ThreadStart`, *waking* from `Wake`, *ready* from `Ready`, `Preempt` or `Yield`, *switching*
/// from `Switch` (only when a context switch costs time), *running* from `Run`, *blocked* from `Block`, and gone after
/// `ThreadEnd`. From *new* or *blocked* it becomes *waking* or, when waking takes no time, *ready* at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A process exists, or an interpreter of a process that has a GIL and variables of its own.
    ProcessStart { process: ProcessId, parent: Option<ProcessId> },
    /// Its last thread has ended.
    ProcessEnd { process: ProcessId },

    /// A thread exists, with the context `context` of its own.
    ThreadStart { thread: ThreadId, process: ProcessId, context: ContextId, role: Role },
    /// Something made the thread runnable; its wake latency passes before it is ready.
    Wake { thread: ThreadId },
    /// The thread stands in the run queue.
    Ready { thread: ThreadId },
    /// The core begins the switch to the thread; `Run` follows after the cost of a context switch.
    Switch { core: CoreId, thread: ThreadId },
    /// The thread executes on the core.
    Run { core: CoreId, thread: ThreadId },
    /// Its slice is over and others wait: back to the run queue (involuntary context switch).
    Preempt { core: CoreId, thread: ThreadId },
    /// It gave up its core but stays ready (voluntary context switch).
    Yield { core: CoreId, thread: ThreadId },
    /// It waits in a run queue, and goes to that of another core. Only if cores have queues of their own.
    Migrate { thread: ThreadId, core: CoreId },
    /// It waits and leaves its core (voluntary context switch).
    Block { core: CoreId, thread: ThreadId, on: On },
    /// It is over and leaves its core.
    ThreadEnd { core: CoreId, thread: ThreadId },

    /// A waiter timed out and asks the holder to drop the GIL of the process.
    GilRequest { process: ProcessId, thread: ThreadId },
    /// The thread takes the GIL of its process.
    GilTake { process: ProcessId, thread: ThreadId },
    /// The thread releases it, or loses it; `forced` at a check point because its turn is over.
    GilDrop { process: ProcessId, thread: ThreadId, forced: bool },
    /// The thread, which goes on with the GIL, offers it: it wakes the longest waiter, and its burst gets longer by `cost`.
    GilOffer { process: ProcessId, thread: ThreadId, cost: Duration },

    /// The thread stops all others of its process for a collection.
    Pause { process: ProcessId, thread: ThreadId, pause: Pause },

    /// The context begins a burst of `demand` nanoseconds of core time on its thread.
    Compute { context: ContextId, kind: CpuKind, demand: Duration },
    /// The burst has received all of its demand.
    ComputeEnd { context: ContextId },
    /// The context asks to be woken after `time`; `Block` or `Suspend` follows.
    Sleep { context: ContextId, time: Duration },

    /// The context hands a request to a device.
    IoSubmit { device: DeviceId, request: RequestId, context: ContextId },
    /// A slot of the device takes the request and will serve it for `latency`.
    IoStart { device: DeviceId, request: RequestId, latency: Duration },
    /// The request is served. What waited for it wakes.
    IoDone { device: DeviceId, request: RequestId },
    /// Who waits for the request does so no more: one in the queue leaves it, one that is served is served to its end.
    IoWithdraw { device: DeviceId, request: RequestId },

    /// What a context does to its end of a connection. `socket` is `u32::MAX` where it has none yet.
    Socket { peer: PeerId, socket: SocketId, context: ContextId, call: Call, amount: u64 },
    /// What happens to an end of a connection by itself.
    Wire { peer: PeerId, socket: SocketId, wire: Wire, amount: u64 },

    /// The context takes the lock. `process` is 0 for an interprocess lock.
    LockTake { lock: LockId, process: ProcessId, context: ContextId },
    /// The context releases it.
    LockRelease { lock: LockId, process: ProcessId, context: ContextId },
    /// The context, which holds the lock, now holds it so many times: it took it once more, or released it once.
    LockDepth { lock: LockId, process: ProcessId, context: ContextId, times: u32 },
    /// What the context does to a shared thing, or is given of it. `process` is 0 for an interprocess thing; `amount` is the
    /// value of an item, or how many are notified at most, else 0.
    Sync { sync: SyncId, process: ProcessId, context: ContextId, deed: Deed, amount: i64 },
    /// The context reads a variable into its own copy. `process` is 0 for an interprocess variable.
    Load { var: VarId, process: ProcessId, context: ContextId, value: i64 },
    /// The context writes its own copy to the variable.
    Store { var: VarId, process: ProcessId, context: ContextId, value: i64 },
    /// The context writes the variable in one atomic operation with its `Load`, which is the record before.
    Update { var: VarId, process: ProcessId, context: ContextId, value: i64 },

    /// What the context does to an object with a reference count, right after it has changed the count. `process` is 0 for an
    /// interprocess object.
    Object { object: ObjectId, process: ProcessId, context: ContextId, handled: Handled },

    /// A coroutine exists on the event loop that runs on `thread`. It is *ready* from `CoroutineReady`,
    /// *running* from `Resume`, *suspended* from `Suspend`, gone after `CoroutineEnd`.
    CoroutineStart { context: ContextId, thread: ThreadId, role: Role },
    /// What the coroutine waited for has happened: it can run as soon as its loop gets to it.
    CoroutineReady { context: ContextId },
    /// The loop runs the coroutine.
    Resume { context: ContextId },
    /// The coroutine awaits something (`on`), or gave way (`On::Nothing`, it is ready at once).
    Suspend { context: ContextId, on: On },
    /// The coroutine is over.
    CoroutineEnd { context: ContextId },
    /// An iteration of the event loop on `thread` begins to run its snapshot, in which `ready` coroutines are resumed.
    Iteration { thread: ThreadId, ready: u32 },

    /// A job arrives: instance `index` of the task. It waits until `JobStart`.
    JobArrive { job: JobId, task: TaskId, index: u32 },
    /// A job arrives and there is no room for it: instance `index` of the task, which never exists.
    JobRefuse { task: TaskId, index: u32 },
    /// A context begins the job: a worker when it takes it, a thread or coroutine of the job's own when it is made.
    JobStart { job: JobId, context: ContextId },
    /// The job is complete.
    JobEnd { job: JobId, context: ContextId },
    /// The job is dropped at its deadline: it is over and not complete. `by` did it, if anybody did; as a thread of its own
    /// it stops computing, without `ComputeEnd`.
    JobDrop { job: JobId, by: Option<ContextId> },
    /// The job ends with an exception: it is over and not complete.
    JobFail { job: JobId, context: ContextId },
    /// The coroutine is to be cancelled: what it awaits is withdrawn, and at its next step `Raise` follows. One that awaits
    /// others together goes on to wait for them.
    Cancel { context: ContextId, why: Cause },
    /// An exception is raised in the context, which goes on at a handler or ends.
    Raise { context: ContextId, raised: Raised },
    /// The exception has left the context's program: the context ends, or a worker goes to its next job.
    Uncaught { context: ContextId, raised: Raised },
    /// The coroutine will be cancelled after `time`, unless `TimeoutEnd` comes before.
    Timeout { context: ContextId, time: Duration },
    /// Its innermost timeout is over.
    TimeoutEnd { context: ContextId },
    /// What the coroutine creates from here to its `Suspend` on them, it awaits together.
    Together { context: ContextId, how: Together },
    /// What the coroutine was to await together has ended, or failed, while it was created: it goes on at once.
    TogetherAlready { context: ContextId },
    /// The coroutine is to wait for those that it has spawned from the programs of `Model::task_waits[wait]`, as long as they are
    /// not over or nobody knows; `time` is the most that it waits, [`Duration::FOREVER`] without such a time.
    WaitTasks { context: ContextId, wait: WaitId, time: Duration },
    /// It goes on, and knows who is over; `late` if its time was over first.
    TasksWaited { context: ContextId, late: bool },
    /// The coroutine knows that all that it has spawned from the program are over, some of which no wait has told it of.
    TasksKnown { context: ContextId, program: ProgramId },
    /// The context asks for a callback, which is the new context `child`, `after` so long: its loop calls it as it resumes a
    /// coroutine, and it never awaits anything.
    CallBack { context: ContextId, child: ContextId, how: Called, after: Duration },
    /// The new coroutine `child` begins inside of the step of `context`, which goes on when it awaits or ends.
    StartEagerly { context: ContextId, child: ContextId },
    /// The coroutine hands steps to the threads of its executor: as the new context `child`, the last of their queue.
    Submit { context: ContextId, child: ContextId },
    /// A thread of the executor takes the first context of the queue and executes it.
    TakeUp { thread: ThreadId, context: ContextId },
    /// The context, which is no more, has done its steps on a thread of the executor, or was left by an exception there.
    HandBack { context: ContextId, raised: Option<Raised> },
    /// Nobody waits any more for what stands in the queue of the executor: the context leaves it, and is no more.
    Unsubmit { context: ContextId },
    /// The event loop on `thread` is called from another thread, which has written to its self-pipe.
    SelfPipe { thread: ThreadId },
    /// The job joins the chunk, which is new if it has no other job, of a pool of processes.
    Chunk { chunk: ChunkId, job: JobId },
    /// The thread of the pool, or of a worker, has brought the chunk to this stage.
    Pass { chunk: ChunkId, stage: Stage, thread: ThreadId },
    /// A worker of a pool of processes has done the job: `JobEnd` follows when the parent has its result.
    JobReturn { job: JobId, context: ContextId },
    /// The job is over and not complete, wherever it stands: another one of its chunk failed, or the pool is broken.
    JobLost { job: JobId },
    /// The context ends its process, whatever it was about to do; `ThreadEnd` follows.
    Exit { context: ContextId },
    /// The process of the context, the own one of its only thread, is terminated: `ThreadEnd` follows when that has a core, whatever
    /// it was about; a burst ends without `ComputeEnd`.
    Kill { context: ContextId },
    /// The context created the context `child`.
    Spawn { context: ContextId, child: ContextId },
    /// The context, the record before of which says that it was created, is a daemon: the run is over although it goes on.
    Daemon { context: ContextId },
    /// The context prints.
    Print { context: ContextId, text: TextId },
    /// What the context asserted does not hold, which ends the run.
    Fail { context: ContextId, text: TextId },
}

/// What a blocked thread or a suspended coroutine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum On {
    /// Nothing: a coroutine that gave way.
    Nothing,
    /// The GIL of its process; where waiters ask for it, with a timeout of one switch interval.
    Gil,
    /// That another thread takes the GIL it was forced to drop.
    GilSwitch,
    /// That the world goes on, or that it stands still.
    World,
    /// A lock (of process 0 if it is interprocess).
    Lock(LockId),
    /// A semaphore, event, condition, barrier, queue or lock for readers and writers.
    Sync(SyncId),
    /// A request to a device.
    Io(DeviceId),
    /// Its connection with a peer, or a new one.
    Socket(PeerId),
    /// The clock.
    Sleep,
    /// The end of the contexts it spawned from this program.
    Join(ProgramId),
    /// That the thread it has started, with this context of its own, comes up: that it takes the GIL for the first time, or
    /// runs where there is none.
    Start(ContextId),
    /// The coroutines that it gathers, or that are its task group.
    Together,
    /// Steps of its own in a thread of the executor, which are this context.
    Executor(ContextId),
    /// A worker without a job.
    Job,
    /// An event loop in its selector.
    Poll,
}

/// What is done to a shared thing that is neither a lock nor a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// It takes a permit, or the lock to write.
    Take,
    /// It takes the lock to read.
    TakeRead,
    /// It gives back a permit, or the lock.
    Release,
    /// A release gave it a permit, or the lock to write: it does not have to ask again.
    Given,
    /// A release gave it the lock to read.
    GivenRead,
    /// It joins those who wait: for a permit, the event, a notification, an item, or to write.
    Wait,
    /// It joins those who wait to read.
    WaitRead,
    /// It joins those who wait for a place in the queue.
    WaitToPut,
    /// It comes to the barrier, and waits unless it is the last.
    Come,
    /// It counts no more at the barrier: the last one of the round has let it go, or it is cancelled.
    Leave,
    /// It sets the event.
    Set,
    /// It clears the event.
    Clear,
    /// It notifies the longest waiters of the condition.
    Notify,
    /// It puts an item into the queue.
    Put,
    /// It takes the oldest item out of the queue.
    Get,
    /// It is cancelled and waits no more.
    Withdraw,
}

/// What is done to an object with a reference count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handled {
    /// A reference to it is taken.
    Take,
    /// One is dropped.
    Drop,
    /// It is used, by somebody who has one.
    Use,
    /// Its count has come down to zero: it is there no more.
    Free,
}

/// The course of a stop-the-world pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pause {
    /// All others are asked to stop at their next check point.
    Asked,
    /// The last one has stopped: the work begins.
    Begins,
    /// It is done, and the others go on.
    Over,
}

/// What kind of core time a burst is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuKind {
    /// Interpreted code: needs the GIL, and hands it over at a check point when asked.
    Python,
    /// Native code that released the GIL.
    NoGil,
    /// Native code that holds the GIL: no check points inside.
    HoldGil,
    /// Interpreted code between two check points.
    Atomic,
    /// Work of the operating system or the event loop on behalf of the context, without the GIL.
    System,
    /// Work of the event loop that holds the GIL.
    Loop,
}

/// What a thread or coroutine is for; gives it its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The n-th worker of its process.
    Worker(u32),
    /// The thread of an event loop.
    Loop,
    /// A thread of the parent of a pool of processes.
    Pool(PoolPart),
    /// Instance `index` of a task.
    Task { task: TaskId, index: u32 },
    /// The n-th context spawned from this program, counted over the whole run.
    Spawned { program: ProgramId, index: u32 },
}

/// Where records go.
///
/// A sink that is inlined into the simulator pays for the kind of each record nothing: it is known where it is made.
pub trait Sink {
    /// Whether it wants to hear of decisions, which takes time.
    #[inline(always)]
    fn explains(&self) -> bool {
        false
    }

    /// Takes the next record. Records come in order of time.
    fn record(&mut self, record: &Record);

    /// Hears why a core runs whom it runs, if it [explains](Sink::explains).
    fn decided(&mut self, _decision: Decision) {}
}

/// Drops everything.
impl Sink for () {
    #[inline(always)]
    fn record(&mut self, _: &Record) {}
}

/// Keeps everything.
impl Sink for Vec<Record> {
    #[inline]
    fn record(&mut self, record: &Record) {
        self.push(*record);
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    #[inline(always)]
    fn record(&mut self, record: &Record) {
        (**self).record(record);
    }

    #[inline(always)]
    fn explains(&self) -> bool {
        (**self).explains()
    }

    fn decided(&mut self, decision: Decision) {
        (**self).decided(decision);
    }
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn record(&mut self, record: &Record) {
        (**self).record(record);
    }

    #[inline(always)]
    fn explains(&self) -> bool {
        (**self).explains()
    }

    fn decided(&mut self, decision: Decision) {
        (**self).decided(decision);
    }
}

impl<A: Sink, B: Sink> Sink for (A, B) {
    #[inline(always)]
    fn record(&mut self, record: &Record) {
        self.0.record(record);
        self.1.record(record);
    }

    #[inline(always)]
    fn explains(&self) -> bool {
        self.0.explains() || self.1.explains()
    }

    fn decided(&mut self, decision: Decision) {
        self.0.decided(decision.clone());
        self.1.decided(decision);
    }
}

impl<S: Sink> Sink for Option<S> {
    #[inline(always)]
    fn record(&mut self, record: &Record) {
        if let Some(sink) = self {
            sink.record(record);
        }
    }

    #[inline(always)]
    fn explains(&self) -> bool {
        self.as_ref().is_some_and(Sink::explains)
    }

    fn decided(&mut self, decision: Decision) {
        if let Some(sink) = self {
            sink.decided(decision);
        }
    }
}
