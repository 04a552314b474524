//! What a schedule can change.

use crate::id::{ProgramId, TaskId};

/// A state between two steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// By process, then by variable.
    pub(super) vars: Vec<i64>,
    /// By process, then by lock: who holds it.
    pub(super) owners: Vec<Option<u16>>,
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
    /// The spawning thread.
    pub parent: Option<u16>,
    /// Depth of steps that block the whole loop.
    pub blocking: u16,
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
