//! E06: nothing to do, or nobody to do it. E10: steps that an execution model cannot carry.

use super::code::Reference;
use super::walk::Body;
use super::{Finding, Findings, Path, Spot, Subject, head};
use crate::model::{Execution, PoolKind, ProcessPool};
use crate::scenario::ast::{Each, ModelName, Scenario, Shared, SpawnWhat, Step};
use crate::scenario::lower;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let models = Path::root().name("models");
    if scenario.tasks.is_empty() && subject.is_whole("tasks") {
        let finding = Finding::error("E06", "nothing to do: there are no tasks", Path::root().name("tasks"), "empty");
        found.push(finding.help("declare one: \"job\": (steps: [Cpu(\"10ms\")])"));
    }
    if scenario.models.is_empty() && subject.is_whole("models") {
        let finding = Finding::error("E06", "no execution model", &models, "empty");
        found.push(finding.help("write `models: [Serial]`, or leave it out"));
    }
    for (index, model) in scenario.models.iter().enumerate() {
        if let Some(first) = scenario.models[..index].iter().position(|other| other == model) {
            let title = format!("{} is listed twice", execution(model));
            let finding = Finding::error("E06", title, models.index(index), "again");
            found.push(finding.and(models.index(first), "first here"));
        }
    }
    coroutines(subject, &models, found);
    awaits_in_blocking(subject, found);
}

/// The execution model of a name.
pub fn execution(name: &ModelName) -> Execution {
    match *name {
        ModelName::Serial => Execution::Serial,
        ModelName::Threads(threads) => Execution::Threads(threads),
        ModelName::ThreadPool => Execution::ThreadPool,
        ModelName::ThreadPerTask => Execution::ThreadPerTask,
        ModelName::Processes(processes) => Execution::Processes(processes),
        ModelName::ProcessPool { workers, chunk, start } => {
            Execution::ProcessPool(ProcessPool { kind: PoolKind::Executor, workers, chunk, start })
        }
        ModelName::MultiprocessingPool { workers, chunk, start } => {
            Execution::ProcessPool(ProcessPool { kind: PoolKind::Multiprocessing, workers, chunk, start })
        }
        ModelName::InterpreterPool { workers } => Execution::InterpreterPool(workers),
        ModelName::Subinterpreters(interpreters) => Execution::Subinterpreters(interpreters),
        ModelName::Asyncio => Execution::Asyncio,
        ModelName::Polling => Execution::Polling,
        ModelName::FreeThreaded(threads) => Execution::FreeThreaded(threads),
        ModelName::Hybrid { processes, each: Each::Asyncio } => Execution::HybridAsyncio { processes },
        ModelName::Hybrid { processes, each: Each::Threads(threads) } => {
            Execution::HybridThreads { processes, threads }
        }
    }
}

/// How many workers `ThreadPool` has.
pub fn default_workers(scenario: &Scenario) -> u32 {
    lower::interpreter::interpreter(&scenario.interpreter).default_workers.on(scenario.machine.cores)
}

/// Whether the step makes sense only where coroutines are awaited.
pub fn awaits_others(step: &Step) -> bool {
    matches!(
        step,
        Step::Gather(..)
            | Step::TaskGroup(..)
            | Step::Shield(_)
            | Step::WaitTasks(..)
            | Step::Timeout(..)
            | Step::ToThread(_)
    )
}

/// Whether tasks are coroutines of an event loop.
pub fn has_loop(model: &ModelName) -> bool {
    matches!(model, ModelName::Asyncio | ModelName::Polling | ModelName::Hybrid { each: Each::Asyncio, .. })
}

/// Processes, or interpreters, that the model starts: each has a GIL and variables of its own.
pub fn processes(scenario: &Scenario, model: &ModelName) -> u32 {
    match model {
        ModelName::ProcessPool { workers, .. } | ModelName::MultiprocessingPool { workers, .. } => {
            workers.unwrap_or(scenario.machine.cores)
        }
        ModelName::InterpreterPool { workers } => workers.unwrap_or_else(|| default_workers(scenario)),
        ModelName::Processes(n) | ModelName::Subinterpreters(n) | ModelName::Hybrid { processes: n, .. } => *n,
        ModelName::Serial
        | ModelName::Threads(_)
        | ModelName::ThreadPool
        | ModelName::ThreadPerTask
        | ModelName::Asyncio
        | ModelName::Polling
        | ModelName::FreeThreaded(_) => 1,
    }
}

/// Coroutines can be spawned only by coroutines.
fn coroutines(subject: &Subject<'_>, models: &Path, found: &mut Findings) {
    let code = &subject.code;
    let same_context = |spawn: Option<SpawnWhat>| matches!(spawn, None | Some(SpawnWhat::Coroutine));
    let threads: Vec<usize> = code.references().iter().filter(|r| !same_context(r.spawn)).map(|r| r.to).collect();
    let used = code.used();
    let called = code.references().iter().filter(|r| r.threadsafe && used[r.from]).map(|r| r.to);
    let from_task = code.reach(code.tasks().chain(called), |r| same_context(r.spawn));
    let same_thread = |r: &Reference| same_context(r.spawn) && !r.threadsafe;
    let from_thread = code.reach(threads.into_iter().filter(|&index| used[index]), same_thread);
    let spawned = code.references().iter().filter(|r| r.spawn == Some(SpawnWhat::Coroutine) && !r.threadsafe);
    let of = |r: &Reference| if r.callback { CALL } else { SPAWN };
    let mut needs: Vec<Need> = spawned.map(|r| Need { body: r.from, path: r.path.clone(), of: of(r) }).collect();
    for (body, list) in code.bodies().iter().enumerate() {
        list.each(&mut |path, step| {
            let of = match step {
                Step::Timeout(_, steps, _) if !is_one_wait(subject, steps) => TIMEOUT,
                Step::Cancel(_) => CANCEL,
                Step::WaitTasks(..) => WAIT_TASKS,
                _ => return,
            };
            needs.push(Need { body, path: path.clone(), of });
        });
    }
    for need in needs {
        let Need { body, of: (title, text, help), .. } = need;
        let loopless = subject.scenario.models.iter().position(|model| !has_loop(model));
        if let (true, Some(index)) = (from_task[body], loopless) {
            let model = execution(&subject.scenario.models[index]);
            let title = format!("{title} needs an event loop, and {model} has none");
            let finding = Finding::error("E10", title, need.spot(), text);
            found.push(finding.and(models.index(index), "this model has no event loop").help(help));
        } else if from_thread[body] {
            let title = format!("{title} needs an event loop, and a spawned thread or process has none");
            let mut finding = Finding::error("E10", title, need.spot(), text);
            if let Some(thread) = code.references().iter().find(|r| !same_context(r.spawn)) {
                finding = finding.and(head(&thread.path), "threads and processes are spawned here");
            }
            found.push(finding);
        }
    }
}

/// Whether the steps are one wait that a thread can give up, as by `timeout=..`.
fn is_one_wait(subject: &Subject<'_>, steps: &[Step]) -> bool {
    match steps {
        [Step::Wait(name)] => !matches!(subject.scenario.shared.get(name).map(Shared::plain), Some(Shared::Barrier(_))),
        [only] => {
            matches!(only, Step::Acquire(_) | Step::AcquireRead(_) | Step::Put(..) | Step::Get(..) | Step::Join(_))
        }
        _ => false,
    }
}

/// Something that only a coroutine can do.
struct Need {
    body: usize,
    path: Path,
    /// What, in the words of a title, a label and advice.
    of: (&'static str, &'static str, &'static str),
}

impl Need {
    /// All of a step without steps inside.
    fn spot(&self) -> Spot {
        if self.of == TIMEOUT || self.of == WAIT_TASKS { head(&self.path) } else { Spot::from(&self.path) }
    }
}

const SPAWN: (&str, &str, &str) =
    ("a coroutine", "spawned here", "use Spawn(Thread, ..) and Join, or list only models with an event loop");
const TIMEOUT: (&str, &str, &str) = (
    "Timeout around more than one wait",
    "cancels a coroutine",
    "a thread can limit one Acquire, AcquireRead, Wait, Put, Get or Join, but no wait at a barrier; `deadline` and `late: Abort` \
     drop a whole job; or list only models with an event loop",
);
const CANCEL: (&str, &str, &str) = (
    "Cancel",
    "cancels coroutines",
    "nobody can cancel a thread: set an Event that it waits for, or list only models with an event loop",
);

const CALL: (&str, &str, &str) = (
    "a callback",
    "asked for here",
    "CallSoonThreadsafe(\"program\") asks a loop from any thread of its process; or list only models with an event loop",
);
const WAIT_TASKS: (&str, &str, &str) = (
    "WaitTasks",
    "awaits coroutines",
    "Join waits for threads and processes, all of them, or list only models with an event loop",
);

/// What awaits cannot stand where waiting means blocking.
fn awaits_in_blocking(subject: &Subject<'_>, found: &mut Findings) {
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            let Step::Blocking(steps) = step else { return };
            Body { path: path.index(0), steps }.each(&mut |inner, step| {
                if awaits_others(step) {
                    let title = "this awaits, inside of Blocking, where nothing is awaited";
                    let finding = Finding::error("E10", title, head(inner), "move it out");
                    found.push(finding.and(head(path), "in this call without await"));
                }
            });
        });
    }
}
