//! E04: probabilities. E05: numbers that cannot be, or that no computer could simulate.

use super::{Finding, Findings, Path, Subject, entry};
use crate::scenario::ast::{Arrive, CostsName, Each, ModelName, Scenario, Step, Task};
use crate::time::Duration;

/// Cores of a machine.
pub const MOST_CORES: u32 = 4_096;
/// Worker threads of a model, over all its processes.
pub const MOST_THREADS: u32 = 100_000;
/// Processes of a model: each has a copy of everything shared.
pub const MOST_PROCESSES: u32 = 10_000;
/// Users of a closed task.
pub const MOST_USERS: u32 = 100_000;
/// Jobs that are all there from the start, over all tasks.
pub const MOST_JOBS: u64 = 10_000_000;
/// The same where every job has a thread or coroutine of its own.
pub const MOST_OWN: u64 = 1_000_000;
/// Children of one `Spawn`.
pub const MOST_CHILDREN: u32 = 100_000;
/// Tickets of a task: the sum over a million threads fits a draw.
const MOST_TICKETS: u32 = 1_000_000;
/// What `nice` can be.
const LEAST_NICE: i8 = -20;
/// What `nice` can be.
const MOST_NICE: i8 = 19;
/// Tasks.
const MOST_TASKS: usize = 10_000;
/// Programs.
const MOST_PROGRAMS: usize = 10_000;
/// Shared objects.
const MOST_SHARED: usize = 1_024;
/// Replications.
const MOST_RUNS: u32 = 100_000;

/// The least and the greatest whole number of a field, or of the values of a variant, where the language says more than
/// the type of the number.
pub fn range(of: &str) -> Option<(i128, i128)> {
    let (least, most) = match of {
        "cores" => (1, MOST_CORES),
        "Threads" | "FreeThreaded" => (1, MOST_THREADS),
        "Processes" | "Subinterpreters" | "processes" => (1, MOST_PROCESSES),
        "users" => (1, MOST_USERS),
        "Spawn" => (1, MOST_CHILDREN),
        "tickets" => (1, MOST_TICKETS),
        "runs" => (1, MOST_RUNS),
        "slots" => (1, u32::MAX),
        "nice" => return Some((i128::from(LEAST_NICE), i128::from(MOST_NICE))),
        _ => return None,
    };
    Some((least, i128::from(most)))
}

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    machine(subject, found);
    names(subject.scenario, found);
    workers(subject, found);
    jobs(subject, found);
    runs(subject, found);
    for (name, device) in &subject.scenario.devices {
        if device.slots == Some(0) {
            let path = entry("devices", name).name("slots");
            found.push(Finding::error(
                "E05",
                "a device without slots serves nothing",
                path,
                "at least 1, or leave it out",
            ));
        }
    }
    for body in subject.code.bodies() {
        body.each(&mut |path, step| steps(path, step, found));
    }
}

/// A count from 1 to a limit.
pub(super) fn count(value: u32, most: u32, what: &str, path: Path, found: &mut Findings) {
    if value == 0 {
        found.push(Finding::error("E05", format!("there cannot be zero {what}"), path, format!("1 to {most}")));
    } else if value > most {
        let title = format!("{value} {what} are too many");
        found.push(Finding::error("E05", title, path, format!("at most {most}")));
    }
}

fn machine(subject: &Subject<'_>, found: &mut Findings) {
    let machine = &subject.scenario.machine;
    let path = Path::root().name("machine");
    count(machine.cores, MOST_CORES, "cores", path.name("cores"), found);
    if let CostsName::Set { timer_granularity: Some(Duration::ZERO), .. } = machine.costs {
        let title = "timers cannot be rounded to a multiple of zero";
        found.push(Finding::error("E05", title, path.name("costs").name("timer_granularity"), "at least \"1ns\""));
    }
}

/// How many there are of what has a name.
fn names(scenario: &Scenario, found: &mut Findings) {
    for (section, what, count, most) in [
        ("shared", "shared objects", scenario.shared.len(), MOST_SHARED),
        ("programs", "programs", scenario.programs.len(), MOST_PROGRAMS),
        ("tasks", "tasks", scenario.tasks.len(), MOST_TASKS),
    ] {
        if count > most {
            let title = format!("{count} {what} are too many: at most {most}");
            let finding = Finding::error("E05", title, super::key(&Path::root().name(section)), "too many");
            found.push(finding.help("many jobs of the same kind are one task with a `count`"));
        }
    }
}

fn workers(subject: &Subject<'_>, found: &mut Findings) {
    for (index, model) in subject.scenario.models.iter().enumerate() {
        let path = Path::root().name("models").index(index);
        match model {
            ModelName::Threads(n) | ModelName::FreeThreaded(n) => {
                count(*n, MOST_THREADS, "threads", path.index(0), found);
            }
            ModelName::Processes(n) => count(*n, MOST_PROCESSES, "processes", path.index(0), found),
            ModelName::Subinterpreters(n) => count(*n, MOST_PROCESSES, "interpreters", path.index(0), found),
            ModelName::Hybrid { processes, each } => {
                count(*processes, MOST_PROCESSES, "processes", path.name("processes"), found);
                if let Each::Threads(n) = each {
                    count(*n, MOST_THREADS, "threads", path.name("each").index(0), found);
                    if u64::from(*n) * u64::from(*processes) > u64::from(MOST_THREADS) {
                        let title = format!("too many threads: at most {MOST_THREADS} over all processes");
                        found.push(Finding::error("E05", title, path, format!("{n} in each of {processes}")));
                    }
                }
            }
            ModelName::ProcessPool { workers, chunk, .. } | ModelName::MultiprocessingPool { workers, chunk, .. } => {
                if let Some(n) = workers {
                    count(*n, MOST_PROCESSES, "processes", path.name("workers"), found);
                }
                if *chunk == Some(0) {
                    let title = "a message takes along at least one job";
                    found.push(Finding::error("E05", title, path.name("chunk"), "at least 1"));
                }
            }
            ModelName::InterpreterPool { workers: Some(n) } => {
                count(*n, MOST_PROCESSES, "interpreters", path.name("workers"), found);
            }
            ModelName::InterpreterPool { workers: None }
            | ModelName::Serial
            | ModelName::ThreadPool
            | ModelName::ThreadPerTask
            | ModelName::Asyncio
            | ModelName::Polling => {}
        }
    }
}

fn jobs(subject: &Subject<'_>, found: &mut Findings) {
    let mut total = 0;
    let own = |model: &ModelName| matches!(model, ModelName::ThreadPerTask) || super::model::has_loop(model);
    let most = if subject.scenario.models.iter().any(own) { MOST_OWN } else { MOST_JOBS };
    for (name, task) in &subject.scenario.tasks {
        let path = entry("tasks", name);
        if task.count == Some(0) {
            let title = format!("task \"{name}\" has no jobs");
            found.push(Finding::error("E05", title, path.name("count"), "at least 1, or leave the task out"));
        }
        urgency(task, &path, found);
        match &task.arrive {
            Arrive::AtOnce => {
                total += u64::from(task.count.unwrap_or(1));
                if total > most {
                    let title = format!("too many jobs at once: at most {most} over all tasks");
                    found.push(Finding::error("E05", title, path.name("count"), "too many"));
                    return;
                }
            }
            Arrive::Closed { users, .. } => {
                count(*users, MOST_USERS, "users", path.name("arrive").name("users"), found);
            }
            Arrive::Every(_) | Arrive::Poisson(_) | Arrive::Recorded(_) => {}
        }
    }
}

/// What scheduling policies are told of a task.
fn urgency(task: &Task, path: &Path, found: &mut Findings) {
    if task.tickets.is_some_and(|tickets| tickets == 0 || tickets > MOST_TICKETS) {
        let title = format!("a task has 1 to {MOST_TICKETS} tickets");
        found.push(Finding::error("E05", title, path.name("tickets"), "such as 100, the default"));
    }
    if task.nice.is_some_and(|nice| !(LEAST_NICE..=MOST_NICE).contains(&nice)) {
        let title = "`nice` is between -20 (the largest share) and 19 (the smallest)";
        found.push(Finding::error("E05", title, path.name("nice"), "0 is the default"));
    }
    for (field, time) in [("slice", task.slice), ("deadline", task.deadline)] {
        if time == Some(Duration::ZERO) {
            let title = format!("a {field} cannot be zero");
            found.push(Finding::error("E05", title, path.name(field), "such as \"4ms\""));
        }
    }
}

fn runs(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let root = Path::root();
    count(scenario.runs, MOST_RUNS, "runs", root.name("runs"), found);
    if scenario.seed.checked_add(u64::from(scenario.runs.saturating_sub(1))).is_none() {
        let title = "the seeds of the runs count up from `seed`, which is too large for that";
        found.push(Finding::error("E05", title, root.name("seed"), "a smaller number"));
    }
    if scenario.max_events == 0 {
        let title = "a run without events does nothing";
        found.push(Finding::error("E05", title, root.name("max_events"), "at least 1; the default is 100000000"));
    }
}

fn steps(path: &Path, step: &Step, found: &mut Findings) {
    match step {
        Step::Choose(branches) => {
            let map = path.index(0);
            let mut sum = 0.0;
            for (index, (probability, _)) in branches.0.iter().enumerate() {
                if !(0.0..=1.0).contains(probability) {
                    let title = format!("a probability is between 0 and 1, not {probability}");
                    let text = match (1.0..=100.0).contains(probability) {
                        true => format!("{probability} percent is {}", probability / 100.0),
                        false => "between 0 and 1".to_owned(),
                    };
                    found.push(Finding::error("E04", title, super::key(&map.index(index)), text));
                    return;
                }
                sum += probability;
            }
            if sum > 1.0 + 1e-9 {
                let title = format!("the probabilities add up to {}, more than 1", (sum * 1e9 + 0.5).floor() / 1e9);
                found.push(Finding::error("E04", title, map, "at most 1 together; what is left over does nothing"));
            }
        }
        Step::Spawn(_, _, n) if *n == 0 || *n > MOST_CHILDREN => {
            count(*n, MOST_CHILDREN, "children", path.index(2), found);
        }
        Step::Gather(programs, n, _) | Step::TaskGroup(programs, n) => {
            if *n == 0 || u64::from(*n) * programs.len() as u64 > u64::from(MOST_CHILDREN) {
                count(*n, MOST_CHILDREN / (programs.len() as u32).max(1), "children", path.index(1), found);
            }
            if programs.is_empty() {
                let text = "write the names of programs: [\"a\", \"b\"]";
                found.push(Finding::error("E05", "there is nothing to await here", path.index(0), text));
            }
        }
        Step::WaitTasks(programs, ..) if programs.is_empty() => {
            let text = "write the names of programs: [\"a\", \"b\"]";
            found.push(Finding::error("E05", "there is nothing to wait for here", path.index(0), text));
        }
        Step::Notify(_, 0) => {
            let help = "at least 1, or NotifyAll(..)";
            found.push(Finding::error("E05", "this notifies nobody", path.index(1), help));
        }
        _ => {}
    }
}
