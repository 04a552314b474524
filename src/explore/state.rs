//! What a schedule can change.

use std::collections::BTreeMap;

use crate::id::{LockId, ProgramId, TaskId};

/// A state between two steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// By process, then by variable.
    pub(super) vars: Vec<i64>,
    /// By process, then by lock: who holds it.
    pub(super) owners: Vec<Option<u16>>,
    /// How often, beyond the first time, of those that are held more than once.
    pub(super) again: BTreeMap<usize, u16>,
    /// By process, then by thing.
    pub(super) things: Vec<Thing>,
    /// By process, then by object: references that are there, and whether it is freed.
    pub(super) objects: Vec<(i32, bool)>,
    pub(super) threads: Vec<Thread>,
    /// Jobs by number: whether a worker has taken them.
    pub(super) taken: Vec<bool>,
    /// By task: how many jobs have ended.
    pub(super) ended: Vec<u32>,
    /// By program: how many have been spawned.
    pub(super) spawned: Vec<u32>,
    pub(super) processes: u16,
    /// Something went wrong on the way: the op that said so.
    pub(super) wrong: Option<u32>,
}

/// A thread, coroutine or worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Thread {
    pub origin: Origin,
    pub process: u16,
    pub pc: u32,
    /// Rounds left of loops, and return addresses.
    pub stack: Vec<u32>,
    pub registers: Vec<i64>,
    pub life: Life,
    pub pause: Pause,
    /// The spawning thread.
    pub parent: Option<u16>,
    /// Depth of steps that block the whole loop.
    pub blocking: u16,
}

/// Whether a thread that is going waits for something other than its next op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pause {
    No,
    /// It has not begun: others may come first.
    Begin,
    /// Until somebody notifies it, or comes to the barrier.
    Until,
    /// Until it has this lock again.
    Retake(LockId),
}

/// The state of something that threads wait for each other with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    /// Of a semaphore.
    Permits(u32),
    /// Of an event.
    Flag(bool),
    /// At a condition or barrier, in order.
    Waiting(Vec<u16>),
    /// Of a queue, the oldest first.
    Items(Vec<i64>),
    /// Of a lock for readers and writers.
    Holders { readers: Vec<u16>, writer: Option<u16> },
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Life {
    /// Not before other tasks have ended, or a job is there.
    Waiting,
    /// At the op of its program counter.
    Going,
    Over,
}
