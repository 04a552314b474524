//! What a schedule can change.

use crate::id::{ProgramId, TaskId, VarId};
use crate::trace::Together;

/// A state between two steps.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// By process, then by variable.
    pub(super) vars: Vec<i64>,
    /// By process, then by lock.
    pub(super) owners: Vec<Owner>,
    /// By process, then by thing.
    pub(super) things: Vec<Thing>,
    /// By process, then by object: references that are there, and whether it is freed.
    pub(super) objects: Vec<(i32, bool)>,
    pub(super) threads: Vec<Thread>,
    /// By thread, then by variable: those of which every thread has its own. Empty if there are none.
    pub(super) locals: Vec<i64>,
    /// Jobs by number: whether a worker has taken them.
    pub(super) taken: Vec<bool>,
    /// By task: how many jobs have ended.
    pub(super) ended: Vec<u32>,
    /// By program: how many have been spawned.
    pub(super) spawned: Vec<u32>,
    /// By process: the coroutine that its loop is in the middle of, if it is. Empty without loops.
    pub(super) busy: Vec<u16>,
    pub(super) processes: u16,
    /// Something went wrong on the way.
    pub(super) wrong: Option<Wrong>,
    /// A bit for each condition that must hold at some moment: whether it has.
    pub(super) seen: u64,
    /// By thread: how often others went on where it could have, since its own last step. Empty if nobody asks.
    pub(super) passed: Vec<u32>,
}

/// What went wrong first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrong {
    /// The op that said so.
    Op(u32),
    /// A condition that must hold at every moment did not; its place in [`super::Property::moments`].
    Moment(u16),
    /// This thread was passed over too often.
    Passed(u16),
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    /// `NOBODY` if it is free.
    pub thread: u16,
    /// How often beyond the first time.
    pub again: u16,
}

/// No thread has this number.
pub(super) const NOBODY: u16 = u16::MAX;

impl Owner {
    pub const NONE: Owner = Owner { thread: NOBODY, again: 0 };

    pub fn is_none(self) -> bool {
        self.thread == NOBODY
    }
}

/// A thread, coroutine or worker.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Thread {
    pub origin: Origin,
    pub process: u16,
    pub pc: u32,
    /// Rounds left of loops, and return addresses.
    pub stack: Vec<u32>,
    pub registers: Vec<i64>,
    pub life: Life,
    pub pause: Pause,
    /// The spawning thread; `NOBODY` if there is none.
    pub parent: u16,
    /// Depth of steps that block the whole loop.
    pub blocking: u16,
    /// A coroutine, or a callback, of the loop of its process.
    pub coroutine: bool,
    /// The end of a run does not wait for it.
    pub daemon: bool,
    /// Timeouts around it, outermost first.
    pub deadlines: Vec<Deadline>,
    /// Of a coroutine, where any can be cancelled.
    pub task: Option<Box<Task>>,
}

/// Whether a thread that is going waits for something other than its next op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pause {
    No,
    /// It has not begun: others may come first.
    Begin,
    /// Until somebody notifies it, or comes to the barrier.
    Until,
    /// A coroutine, while it has not heard of the end of all that it awaits together.
    Together,
    /// A coroutine, until a thread has done its steps.
    Steps,
    /// A coroutine, until one that it has created, and that began at once, gives the loop back.
    Creates,
    /// A coroutine goes on behind its op, or an exception is raised there.
    Resume,
}

/// A timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Deadline {
    /// Its time is over.
    pub over: bool,
    /// Requests to cancel the coroutine before it: more than one beyond that is somebody else's.
    pub before: u16,
}

/// What `asyncio.Task` knows beyond the coroutine that it runs. Exceptions are numbers, as on the stack of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Task {
    /// Raised at its next step.
    pub pending: Option<u32>,
    /// Requests to cancel it that no timeout has taken back.
    pub cancelling: u16,
    /// Its creator awaits it now, perhaps together with others.
    pub bond: bool,
    /// Its creator has a name for it: it can be joined and cancelled.
    pub named: bool,
    /// How many it is still to create in one step.
    pub spawning: u32,
    /// The one that it has created and that has the loop.
    pub creates: u16,
    /// What it awaits together itself.
    pub group: Group,
    /// What it has not heard of yet, in order.
    pub calls: Vec<Call>,
    /// Those of its children with names that are over, and that it does not know of yet.
    pub ended: Vec<(ProgramId, Option<u32>)>,
}

/// Coroutines that one awaits together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub how: Option<Together>,
    /// They are being created.
    pub starting: bool,
    /// How many it has not heard of.
    pub live: u32,
    pub failed: bool,
    /// What a wait for some of them was for has come about.
    pub over: bool,
    /// The wait has a timeout.
    pub timed: bool,
    /// How far a task group is whose parent was cancelled.
    pub abort: Abort,
}

/// Whether a task group is cancelled with its parent, which does it at its next step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Abort {
    #[default]
    No,
    Asked,
    Done,
}

/// What somebody who awaits several is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Call {
    /// One has ended, perhaps with an exception.
    Ended(Option<u32>),
    /// The task group is to be cancelled.
    Abort,
}

/// The state of something that threads wait for each other with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// Of a semaphore.
    Permits(u32),
    /// Of an event.
    Flag(bool),
    /// At a condition, in order.
    Waiting(Vec<u16>),
    /// At a barrier: who has come, and which coroutines can go on and have not left.
    Meeting { come: Vec<u16>, leaving: Vec<u16> },
    /// Of a queue, the oldest first.
    Items(Vec<i64>),
    /// Of a lock for readers and writers.
    Holders { readers: Vec<u16>, writer: u16 },
}

/// What a thread is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// Takes jobs; with the one that it has.
    Worker { number: u32, job: Option<u32> },
    /// One job.
    Job { task: TaskId, index: u32 },
    /// Spawned from a program: the how-many-th.
    Spawned { program: ProgramId, index: u32 },
    /// A thread of an executor does steps of this coroutine: the how-many-th for it at once.
    Steps { of: u16, nth: u16 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    /// Not before other tasks have ended, or a job is there.
    Waiting,
    /// At the op of its program counter.
    Going,
    Over,
}

impl State {
    /// What the variable of the first process is.
    pub fn value(&self, var: VarId) -> i64 {
        self.vars[var.index()]
    }
}

impl Clone for State {
    fn clone(&self) -> State {
        State {
            vars: self.vars.clone(),
            owners: self.owners.clone(),
            things: self.things.clone(),
            objects: self.objects.clone(),
            threads: self.threads.clone(),
            locals: self.locals.clone(),
            taken: self.taken.clone(),
            ended: self.ended.clone(),
            spawned: self.spawned.clone(),
            busy: self.busy.clone(),
            processes: self.processes,
            wrong: self.wrong,
            seen: self.seen,
            passed: self.passed.clone(),
        }
    }

    /// Uses the memory that is there: millions of schedules begin with this.
    fn clone_from(&mut self, from: &State) {
        self.vars.clone_from(&from.vars);
        self.owners.clone_from(&from.owners);
        self.things.clone_from(&from.things);
        self.objects.clone_from(&from.objects);
        self.threads.clone_from(&from.threads);
        self.locals.clone_from(&from.locals);
        self.taken.clone_from(&from.taken);
        self.ended.clone_from(&from.ended);
        self.spawned.clone_from(&from.spawned);
        self.busy.clone_from(&from.busy);
        self.passed.clone_from(&from.passed);
        (self.processes, self.wrong, self.seen) = (from.processes, from.wrong, from.seen);
    }
}

impl Clone for Thread {
    fn clone(&self) -> Thread {
        Thread {
            stack: self.stack.clone(),
            registers: self.registers.clone(),
            deadlines: self.deadlines.clone(),
            task: self.task.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, from: &Thread) {
        self.stack.clone_from(&from.stack);
        self.registers.clone_from(&from.registers);
        self.deadlines.clone_from(&from.deadlines);
        match (&mut self.task, &from.task) {
            (Some(task), Some(from)) => (**task).clone_from(from),
            (task, from) => task.clone_from(from),
        }
        (self.origin, self.process, self.pc) = (from.origin, from.process, from.pc);
        (self.life, self.pause, self.parent, self.blocking) = (from.life, from.pause, from.parent, from.blocking);
        (self.coroutine, self.daemon) = (from.coroutine, from.daemon);
    }
}
