//! Pools of processes: `concurrent.futures.ProcessPoolExecutor` and `multiprocessing.Pool`.

use std::fmt;

use serde::Deserialize;

use super::{Arrivals, Execution, Model};

/// A pool of processes as a scenario asks for it; what is `None` is as the interpreter has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessPool {
    /// Which of the two.
    pub kind: PoolKind,
    /// At most so many processes.
    pub workers: Option<u32>,
    /// So many jobs of a task that arrive together make up one message.
    pub chunk: Option<u32>,
    /// How processes start.
    pub start: Option<StartMethod>,
}

/// Which pool of Python's library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolKind {
    /// `concurrent.futures.ProcessPoolExecutor`.
    Executor,
    /// `multiprocessing.Pool`.
    Multiprocessing,
}

/// How processes start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum StartMethod {
    /// As a copy of the parent.
    Fork,
    /// As a new interpreter, which imports everything anew.
    Spawn,
    /// As a copy of a server process without threads, which is started by the first one.
    ForkServer,
}

impl fmt::Display for ProcessPool {
    /// As a scenario writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.kind {
            PoolKind::Executor => "ProcessPool",
            PoolKind::Multiprocessing => "MultiprocessingPool",
        };
        let fields = [
            self.workers.map(|workers| format!("workers: {workers}")),
            self.chunk.map(|chunk| format!("chunk: {chunk}")),
            self.start.map(|start| format!("start: {start:?}")),
        ];
        write!(f, "{name}({})", fields.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

impl Model {
    /// The pool of processes that carries the tasks.
    pub fn process_pool(&self) -> Option<ProcessPool> {
        match self.execution {
            Execution::ProcessPool(pool) => Some(pool),
            _ => None,
        }
    }

    /// How many processes the pool may have: as many as cores if nobody says how many.
    pub fn pool_workers(&self, pool: ProcessPool) -> u32 {
        pool.workers.unwrap_or(self.machine.cores)
    }

    /// How the processes of the pool start.
    pub fn start_method(&self, pool: ProcessPool) -> StartMethod {
        pool.start.unwrap_or(self.interpreter.start_method)
    }

    /// How many jobs of a task go into one message, as `map` of the pool decides.
    pub fn chunk_of(&self, pool: ProcessPool, task: usize) -> u32 {
        let task = &self.tasks[task];
        pool.chunk.unwrap_or_else(|| match (pool.kind, &task.arrivals, task.count) {
            (PoolKind::Multiprocessing, Arrivals::AtOnce, Some(count)) => {
                count.div_ceil(4 * self.pool_workers(pool)).max(1)
            }
            _ => 1,
        })
    }
}
