//! Warning `idle-workers`: more workers than there can ever be jobs at once.

use super::model::execution;
use super::{Finding, Findings, Path, Subject};
use crate::scenario::ast::{Arrive, Each, ModelName, Task};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let jobs = subject.scenario.tasks.values().map(at_once).try_fold(0u64, |sum, jobs| Some(sum + jobs?));
    let Some(jobs) = jobs else { return };
    for (index, model) in subject.scenario.models.iter().enumerate() {
        let workers = workers(model);
        if workers > 1.max(jobs) {
            let title = format!("{} has more workers than there are jobs", execution(model));
            let plural = if jobs == 1 { "" } else { "s" };
            let text = format!("{workers} workers, {jobs} job{plural} at once");
            found.push(Finding::warning("idle-workers", title, Path::root().name("models").index(index), text));
        }
    }
}

/// The most jobs of a task that can be there at once; `None` for any number.
fn at_once(task: &Task) -> Option<u64> {
    match &task.arrive {
        Arrive::AtOnce => Some(u64::from(task.count.unwrap_or(1))),
        Arrive::Closed { users, .. } => Some(u64::from(task.count.unwrap_or(*users).min(*users))),
        Arrive::Recorded(times) => Some(u64::from(task.count.unwrap_or(u32::MAX)).min(times.len() as u64)),
        Arrive::Every(_) | Arrive::Poisson(_) => task.count.map(u64::from),
    }
}

fn workers(model: &ModelName) -> u64 {
    match model {
        ModelName::Threads(n)
        | ModelName::FreeThreaded(n)
        | ModelName::Processes(n)
        | ModelName::Subinterpreters(n) => u64::from(*n),
        // They start no more than they need, or their size follows the machine.
        ModelName::ProcessPool { .. } | ModelName::MultiprocessingPool { .. } | ModelName::InterpreterPool { .. } => 1,
        ModelName::Hybrid { processes, each: Each::Threads(threads) } => u64::from(*processes) * u64::from(*threads),
        ModelName::Hybrid { processes, each: Each::Asyncio } => u64::from(*processes),
        ModelName::Serial
        | ModelName::ThreadPool
        | ModelName::ThreadPerTask
        | ModelName::Asyncio
        | ModelName::Polling => 1,
    }
}
