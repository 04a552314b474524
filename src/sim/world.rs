//! The simulated world: everything that a run can change. It can be cloned and hashed.

use std::collections::VecDeque;

use crate::engine::Engine;
use crate::id::{ContextId, CoreId, DeviceId, JobId, ProcessId, ProgramId, RequestId, SyncId, TaskId, ThreadId};
use crate::io::Device;
use crate::kernel::Kernel;
use crate::load::Source;
use crate::rng::{Pages, Shelf, Stream};
use crate::runtime::event_loop::EventLoop;
use crate::runtime::gil::Gil;
use crate::slab::Slab;
use crate::sync::{Lock, Primitive};
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On, PoolPart, Role};

/// The state of a run.
#[derive(Clone, Debug, Hash)]
pub struct World {
    pub(super) now: Time,
    pub(super) engine: Engine,
    pub(super) kernel: Kernel,
    pub(super) processes: Vec<Process>,
    pub(super) threads: Slab<ThreadId, Thread>,
    pub(super) contexts: Slab<ContextId, Context>,
    pub(super) devices: Vec<Device>,
    pub(super) requests: Slab<RequestId, Request>,
    pub(super) work: Work,
    pub(super) net: super::socket::Net,
    /// Random numbers of contexts with streams of their own.
    pub(super) shelf: Shelf,
    /// By thread number: the locks with a protocol that it holds. Empty if none has one.
    pub(super) held: Vec<Vec<super::inheritance::Held>>,
    /// The pool of processes, if that carries the jobs.
    pub(super) pool: Option<Box<super::pool::Pool>>,
    /// By process; empty as long as no coroutine has steps done by a thread.
    pub(super) executors: Vec<super::executor::Executor>,
    /// By thread number, values of all variables; empty if none is of threads.
    pub(super) locals: Vec<i64>,
    /// By context number; empty if no coroutine can be cancelled.
    pub(super) loop_tasks: Vec<super::loop_task::LoopTask>,
}

/// Jobs, and where they come from and go to.
#[derive(Clone, Debug, Hash)]
pub(super) struct Work {
    pub jobs: Slab<JobId, Job>,
    pub tasks: Vec<TaskState>,
    /// Jobs that no worker has taken yet.
    pub queue: VecDeque<JobId>,
    pub idle_workers: VecDeque<ThreadId>,
    /// Workers that a pool starts when it needs them.
    pub unstarted: Unstarted,
    /// Threads of event loops, in the order of their processes, and whose turn it is to get the next job.
    pub loops: Vec<ThreadId>,
    pub next_loop: usize,
    /// Contexts spawned so far, by program: gives them their numbers.
    pub spawned: Vec<u32>,
    /// Closed users: task and number within the task. Their events are numbered after those of the tasks.
    pub users: Vec<(TaskId, u32)>,
    /// When each job arrived, and the how-many-th it was; empty if the policy does not ask.
    pub births: Vec<(Time, u64)>,
    /// By job number; empty if no job is dropped at its deadline.
    pub expiries: Vec<super::late::Expiry>,
    pub arrivals: u64,
    /// Threads and coroutines that are neither workers nor loops nor daemons, and jobs.
    pub unfinished: u64,
    /// Threads that are daemons, or those of a process that is one.
    pub daemons: u32,
}

/// Workers that a pool of threads has not started yet.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Unstarted {
    /// How many are left, and the number of the next one.
    pub left: u32,
    pub next: u32,
    /// Until when whoever submits is busy starting others.
    pub busy: Time,
    /// Whoever submits waits for a worker to come up, and these jobs for whoever submits.
    pub waits: bool,
    pub held: VecDeque<JobId>,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct TaskState {
    pub source: Source,
    /// Names the streams of its jobs.
    pub key: u64,
    /// Draws of jobs, for programs without loops.
    pub pages: Pages,
    pub ended: u32,
    /// Jobs that have arrived, were not refused, and are not over.
    pub inside: u32,
    /// How many tasks of `after` are still to end.
    pub blockers: u32,
    /// The number of its set of cores for the kernel, 0 for all.
    pub affinity: u32,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Job {
    pub task: TaskId,
    pub index: u32,
    pub user: Option<u32>,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Request {
    pub device: DeviceId,
    pub latency: Duration,
    pub context: ContextId,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Process {
    pub gil: Option<Gil>,
    pub locks: Vec<Lock>,
    pub syncs: Vec<Sync>,
    pub vars: Vec<i64>,
    pub objects: Vec<super::object::Object>,
    pub stop: Option<super::stop::Stop>,
    pub threads: u32,
    pub daemon: bool,
}

/// A shared thing, and who last did what others wait for: released, set, notified, put or took.
#[derive(Clone, Debug, Hash)]
pub(super) struct Sync {
    pub state: Primitive,
    pub last: Option<(Role, Time)>,
}

#[derive(Clone, Debug, Hash)]
pub(super) struct Thread {
    pub process: ProcessId,
    /// The context that is the thread's own.
    pub own: ContextId,
    /// The context whose ops it executes: its own, or a coroutine.
    pub current: ContextId,
    pub body: Body,
    pub state: State,
    /// What to do next on a core.
    pub phase: Phase,
    pub burst: Burst,
    /// Sequence number of its pending timer, 0 for none.
    pub timer: u64,
    /// The core it is on, or was on last.
    pub core: Option<CoreId>,
    /// Waiting for the GIL: the tenure it waits for, and whether it waited a whole interval.
    pub seen: u64,
    pub timed_out: bool,
    /// Until when it wakes a waiter to whom it offers the GIL; the GIL is open meanwhile.
    pub offers_until: Time,
    /// Stream of its wake latencies, made at the first draw.
    pub wakes: Option<Box<Stream>>,
    pub role: Role,
    /// When its next wait is given up, and whether it was.
    pub limit: Time,
    pub expired: bool,
    pub daemon: bool,
    /// Who waits until it has come up.
    pub starter: Starter,
}

/// Who waits for a thread to come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Starter {
    /// Nobody, or it has come up.
    Nobody,
    /// The thread that has started it.
    Thread(ThreadId),
    /// Whoever submits jobs to the pool of threads.
    Pool,
}

/// Core time that a thread is about to use.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Burst {
    pub kind: CpuKind,
    pub context: ContextId,
    /// What was left at `since`.
    pub left: Duration,
    /// How many billionths of a nanosecond of that were done, on cores of other rates than 1.
    pub rest: u32,
    /// When it last began or went on, while the thread runs.
    pub since: Time,
    /// What the thread does after it.
    pub then: Phase,
}

/// What a thread is for.
#[derive(Clone, Debug, Hash)]
pub(super) enum Body {
    /// Takes jobs from the queue.
    Worker,
    /// Takes part in a pool of processes.
    Pool(PoolPart),
    /// Does what the coroutines of its process hand to their executor.
    Executor,
    /// Executes one program and ends.
    Program,
    /// Runs an event loop.
    Loop(Box<EventLoop>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    Ended,
    Waking,
    Ready,
    Switching,
    Running,
    /// Also: new.
    Blocked(On),
}

/// Where a thread stands between two instants on a core. What comes before the GIL is taken again needs no GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    /// Take the GIL, then go on where it stopped.
    Gil,
    /// Execute the next op of the current context.
    Step,
    /// Use core time.
    Burst,
    /// Hand a request to the device and wait for it.
    Submit(DeviceId, Duration),
    /// Take note that the request is done, which takes core time.
    Complete,
    /// Wait for the clock.
    Sleep(Duration),
    /// Leave the core if somebody waits for it.
    Yield,
    /// Test the lock, wait for it if it is taken.
    Lock(crate::id::LockId),
    /// Wait for the shared thing, unless that has come about in the meantime.
    Sync(SyncId),
    /// In a socket call.
    Socket(crate::id::CallId),
    /// Wait for children if there are any left.
    Join(ProgramId),
    /// Wait for the thread that it has started, unless that has come up.
    Start(ThreadId),
    /// Take the next job.
    Job,
    /// Wait for a job if there is none.
    Idle,
    /// Event loop: poll, collect, run the snapshot handle by handle.
    Poll,
    Select,
    Selected,
    Polled,
    Collect,
    Handle,
    Wakeup(ContextId),
    Resume(ContextId),
    /// A thread of a pool of processes has done what it spent core time for.
    Pool(super::pool::Act),
    /// The loop has read its self-pipe.
    Drained,
    /// The callback that the loop has come to.
    Callback,
    /// A thread of the executor has written to the self-pipe of the loop, for these steps.
    Written(ContextId),
    /// A thread has done so, for this callback.
    Called(ContextId),
    /// End the thread.
    End,
}

/// Where a coroutine goes on after a wait: a [`Phase`], without what only threads can be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Resume {
    Step,
    Complete,
    Lock(crate::id::LockId),
}

impl From<Resume> for Phase {
    fn from(resume: Resume) -> Phase {
        match resume {
            Resume::Step => Phase::Step,
            Resume::Complete => Phase::Complete,
            Resume::Lock(lock) => Phase::Lock(lock),
        }
    }
}

/// Something that executes a program: a program counter and what belongs to it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Context {
    /// The thread it runs on; for a coroutine that of its loop.
    pub thread: ThreadId,
    pub coroutine: bool,
    pub role: Role,
    pub pc: u32,
    /// Rounds left of loops, and return addresses.
    pub stack: Vec<u32>,
    pub registers: Vec<i64>,
    pub draws: Draws,
    job: JobId,
    /// From which program it was made.
    pub program: ProgramId,
    /// Most contexts have none.
    pub family: Option<Box<Family>>,
    /// Depth of `BeginBlocking`.
    pub blocking: u16,
    /// The cost of the `Spawn` or `Touch` at `pc` has been paid.
    pub paid: bool,
    /// It was woken by the release of the lock that it waits for.
    pub woken: bool,
    /// What it waits for, if it does, and since when.
    pub waits: Option<(On, Time)>,
    /// What a resumed coroutine does first.
    pub resume: Resume,
    /// Names its streams.
    pub key: u64,
    /// Counts the users of this slot.
    pub generation: u32,
}

/// A context without a job.
const NO_JOB: JobId = JobId(u32::MAX);

/// Whom a context comes from, and who comes from it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Family {
    /// Who spawned it, with its generation.
    pub parent: Option<(ContextId, u32)>,
    /// How many children live, by program.
    pub children: Vec<(ProgramId, u32)>,
    pub spawned: u32,
    /// How many threads the `Spawn` at `pc` has started so far.
    pub starting: u32,
}

impl Context {
    /// On the thread, with nothing to do.
    pub fn new(role: Role, program: ProgramId) -> Context {
        Context {
            thread: ThreadId(u32::MAX),
            coroutine: false,
            role,
            pc: 0,
            stack: Vec::new(),
            registers: Vec::new(),
            draws: Draws::None,
            job: NO_JOB,
            program,
            family: None,
            blocking: 0,
            paid: false,
            woken: false,
            waits: None,
            resume: Resume::Step,
            key: 0,
            generation: 0,
        }
    }

    /// The job that it does.
    pub fn job(&self) -> Option<JobId> {
        Some(self.job).filter(|job| *job != NO_JOB)
    }

    /// What it did until now.
    pub fn take_job(&mut self) -> Option<JobId> {
        let job = self.job();
        self.job = NO_JOB;
        job
    }

    pub fn begin_job(&mut self, job: JobId) {
        self.job = job;
    }

    /// Who spawned it, with its generation.
    pub fn parent(&self) -> Option<(ContextId, u32)> {
        self.family.as_ref()?.parent
    }

    pub fn family(&mut self) -> &mut Family {
        self.family.get_or_insert_default()
    }

    /// How many of its children of the program live.
    pub fn children(&mut self, program: ProgramId) -> Option<&mut u32> {
        let children = &mut self.family.as_mut()?.children;
        children.iter_mut().find(|(of, _)| *of == program).map(|(_, live)| live)
    }
}

/// Where a context's random numbers come from.
#[derive(Clone, Debug, Hash)]
pub(super) enum Draws {
    /// It never draws.
    None,
    /// Position in the pages of its task.
    Paged { task: TaskId, next: u64 },
    /// Position in a stream of its own, the one of its key.
    Own { next: u64 },
    /// The stream of a closed user.
    User { task: TaskId, user: u32 },
}
