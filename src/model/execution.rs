//! Execution models: how the tasks are carried.

use std::fmt;

use super::ProcessPool;

/// How the tasks are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Execution {
    /// One thread, one job after the other.
    Serial,
    /// One process with this many worker threads.
    Threads(u32),
    /// As `Threads`, with as many workers as the interpreter starts if nobody says how many: `Model::default_workers`.
    ThreadPool,
    /// One process, one thread for each job.
    ThreadPerTask,
    /// A parent process whose threads hand jobs to worker processes.
    ProcessPool(ProcessPool),
    /// As `ThreadPool`, with an interpreter for each worker; so many workers if given.
    InterpreterPool(Option<u32>),
    /// This many processes with one worker thread each.
    Processes(u32),
    /// One process with this many worker threads, each in an interpreter of its own, with a GIL and objects of its own.
    Subinterpreters(u32),
    /// One thread with an event loop, one coroutine for each job.
    Asyncio,
    /// One thread that has all jobs under way at once, and asks each of their connections again and again.
    Polling,
    /// As `Threads`, in a build without a GIL.
    FreeThreaded(u32),
    /// Several processes, each with an event loop.
    HybridAsyncio { processes: u32 },
    /// Several processes with several worker threads each.
    HybridThreads { processes: u32, threads: u32 },
}

impl Execution {
    /// Whether jobs are coroutines of event loops.
    pub fn has_loops(self) -> bool {
        matches!(self, Execution::Asyncio | Execution::Polling | Execution::HybridAsyncio { .. })
    }

    /// What there are several of, each with a GIL and variables of its own.
    pub fn domain(self) -> &'static str {
        if let Execution::Subinterpreters(_) | Execution::InterpreterPool(_) = self { "interpreter" } else { "process" }
    }
}

impl fmt::Display for Execution {
    /// As a scenario writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Execution::Serial => write!(f, "Serial"),
            Execution::Threads(n) => write!(f, "Threads({n})"),
            Execution::ThreadPool => write!(f, "ThreadPool"),
            Execution::ProcessPool(pool) => write!(f, "{pool}"),
            Execution::InterpreterPool(None) => write!(f, "InterpreterPool()"),
            Execution::InterpreterPool(Some(n)) => write!(f, "InterpreterPool(workers: {n})"),
            Execution::ThreadPerTask => write!(f, "ThreadPerTask"),
            Execution::Processes(n) => write!(f, "Processes({n})"),
            Execution::Subinterpreters(n) => write!(f, "Subinterpreters({n})"),
            Execution::Asyncio => write!(f, "Asyncio"),
            Execution::Polling => write!(f, "Polling"),
            Execution::FreeThreaded(n) => write!(f, "FreeThreaded({n})"),
            Execution::HybridAsyncio { processes } => {
                write!(f, "Hybrid(processes: {processes}, each: Asyncio)")
            }
            Execution::HybridThreads { processes, threads } => {
                write!(f, "Hybrid(processes: {processes}, each: Threads({threads}))")
            }
        }
    }
}
