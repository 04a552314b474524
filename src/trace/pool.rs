//! Pools of processes: who takes part, and the way of a chunk of jobs.

/// Threads of a pool of processes that are no workers of its jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PoolPart {
    /// The thread that submits, and starts workers.
    Main,
    /// The manager of a `ProcessPoolExecutor`.
    Manager,
    /// What sends from its call queue.
    Feeder,
    /// What sends for a `multiprocessing.Pool`.
    TaskHandler,
    /// What takes its results.
    ResultHandler,
    /// The n-th worker process.
    Worker(u32),
}

impl PoolPart {
    /// As a number.
    pub fn number(self) -> u64 {
        match self {
            PoolPart::Main => 0,
            PoolPart::Manager => 1,
            PoolPart::Feeder => 2,
            PoolPart::TaskHandler => 3,
            PoolPart::ResultHandler => 4,
            PoolPart::Worker(number) => 5 + u64::from(number),
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            PoolPart::Main => "main thread",
            PoolPart::Manager => "manager",
            PoolPart::Feeder => "feeder",
            PoolPart::TaskHandler => "task handler",
            PoolPart::ResultHandler => "result handler",
            PoolPart::Worker(_) => "worker",
        }
    }
}

/// How far a chunk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stage {
    /// It stands in the call queue of a `ProcessPoolExecutor`.
    Handed,
    /// It is in the pipe to the workers.
    Sent,
    /// A worker has it.
    Received,
    /// Its results are in the pipe to the parent.
    Replied,
    /// The parent has them.
    Settled,
}
