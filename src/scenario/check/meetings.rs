//! E10: jobs that can be dropped where others count on them. E15: waits for what nobody ever does. Warning `never-read`: items
//! that nobody takes out of a queue.

use std::collections::BTreeMap;

use super::locks::expects_deadlock;
use super::model::{default_workers, execution};
use super::names::Kind;
use super::objects::objects;
use super::{Finding, Findings, Path, Subject, entry, key};
use crate::scenario::ast::{Arrive, Each, Late, ModelName, Shared, Step, Task};

/// Steps by what they are done to, with the number of their body.
type Uses<'a> = BTreeMap<&'a str, Vec<(Path, usize)>>;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    numbers(subject, found);
    dropped(subject, found);
    let mut waits = Uses::new();
    let mut frees = Uses::new();
    let used = subject.code.used();
    let shared = &subject.scenario.shared;
    let is_semaphore = |name: &str| shared.get(name).is_some_and(|it| matches!(it.plain(), Shared::Semaphore(_)));
    for (index, body) in subject.code.bodies().iter().enumerate().filter(|(index, _)| used[*index]) {
        body.each(&mut |path, step| {
            let (uses, name) = match step {
                Step::Wait(name) | Step::Get(name, _) => (&mut waits, name),
                Step::Acquire(name) if is_semaphore(name) => (&mut waits, name),
                Step::SetEvent(name) | Step::Notify(name, _) | Step::NotifyAll(name) | Step::Put(name, _) => {
                    (&mut frees, name)
                }
                Step::Release(name) => (&mut frees, name),
                _ => return,
            };
            uses.entry(name).or_default().push((path.index(0), index));
        });
    }
    let deadlock = expects_deadlock(&subject.scenario.expect);
    for (name, shared) in shared {
        let (waits, frees) = (waits.get(name.as_str()), frees.get(name.as_str()));
        let (what, by) = match shared.plain() {
            Shared::Event => ("is never set", "SetEvent"),
            Shared::Condition { .. } => ("is never notified", "Notify"),
            Shared::Queue { .. } => ("is never filled", "Put"),
            Shared::Semaphore(0) => ("has no permits and is never released", "Release"),
            Shared::Barrier(parties) => {
                if let (Some(waits), false) = (waits, deadlock) {
                    few(subject, name, *parties, waits, found);
                }
                continue;
            }
            _ => continue,
        };
        match (waits, frees) {
            (Some(waits), None) if !deadlock => {
                let title = format!("\"{name}\" {what}: this waits for ever");
                let finding = Finding::error("E15", title, &waits[0].0, "waits here");
                found.push(finding.help(format!(
                    "somebody has to do {by}(\"{name}\"), or write `expect: [Deadlock]` if it is the point"
                )));
            }
            (None, Some(frees)) if by == "Put" => {
                let title = format!("nobody takes anything out of the queue \"{name}\"");
                let finding = Finding::warning("never-read", title, &frees[0].0, "put here, and never taken out");
                found.push(finding.help(format!("Get(\"{name}\") takes the oldest item out")));
            }
            _ => {}
        }
    }
}

/// Of a job that is dropped only locks are released.
fn dropped(subject: &Subject<'_>, found: &mut Findings) {
    let tasks = || subject.scenario.tasks.values().enumerate().filter(|(_, task)| task.late == Late::Abort);
    let reached = subject.code.reach(tasks().map(|(index, _)| subject.code.task(index)), |r| r.spawn.is_none());
    for (_, body) in subject.code.bodies().iter().enumerate().filter(|(index, _)| reached[*index]) {
        body.each(&mut |path, step| {
            for named in objects(path, step) {
                let kind = subject.scenario.shared.get(named.name).map(Kind::of);
                if let Some(kind) =
                    kind.filter(|kind| !matches!(kind, Kind::Int | Kind::ThreadLocal | Kind::Lock | Kind::RLock))
                {
                    let title = format!("a job that can be dropped cannot use {}", kind.words().0);
                    let label = "what it has of it would be lost";
                    let help = "leave out `late: Abort`, or use a Lock, which is released";
                    found.push(Finding::error("E10", title, &named.path, label).help(help));
                }
            }
        });
    }
}

/// E05: things without room.
fn numbers(subject: &Subject<'_>, found: &mut Findings) {
    for (name, shared) in &subject.scenario.shared {
        let mut path = entry("shared", name);
        if matches!(shared, Shared::Interprocess(_)) {
            path = path.index(0);
        }
        let (title, path, help) = match shared.plain() {
            Shared::Barrier(0) => ("nobody can come to a barrier for nobody", path.index(0), "at least 1"),
            Shared::BoundedSemaphore(0) => {
                ("a bounded semaphore without permits is never free", path.index(0), "at least 1")
            }
            Shared::Queue { capacity: Some(0) } => {
                ("a queue without room takes no item", path.name("capacity"), "at least 1, or leave it out")
            }
            _ => continue,
        };
        found.push(Finding::error("E05", title, path, help));
    }
}

/// A barrier to which fewer can come at a time than it takes.
fn few(subject: &Subject<'_>, name: &str, parties: u32, waits: &[(Path, usize)], found: &mut Findings) {
    let bodies: Vec<usize> = waits.iter().map(|(_, body)| *body).collect();
    let comes = subject.code.reaching(&bodies, |reference| reference.spawn.is_none());
    if subject.code.references().iter().any(|r| r.spawn.is_some() && comes[r.to]) {
        return; // Children may be many.
    }
    let jobs = |(index, task): (usize, &Task)| match (comes[subject.code.task(index)], &task.arrive, task.count) {
        (false, ..) => 0,
        (true, Arrive::Closed { users, .. }, count) => u64::from(count.unwrap_or(u32::MAX).min(*users)),
        (true, Arrive::AtOnce, count) => u64::from(count.unwrap_or(1)),
        (true, _, count) => count.map_or(u64::MAX, u64::from),
    };
    let jobs = subject.scenario.tasks.values().enumerate().map(jobs).fold(0u64, u64::saturating_add);
    let everywhere = matches!(subject.scenario.shared[name], Shared::Interprocess(_));
    for (index, model) in subject.scenario.models.iter().enumerate() {
        let at_once = jobs.min(carriers(subject, model, everywhere));
        if at_once < u64::from(parties) {
            let title = format!(
                "under {} at most {at_once} can be at the barrier \"{name}\" at a time, and it takes {parties}",
                execution(model)
            );
            let finding = Finding::error("E15", title, &waits[0].0, "waits for ever");
            let finding = finding.and(key(&entry("shared", name)), "declared here");
            let finding = finding.and(Path::root().name("models").index(index), "in this model");
            found.push(
                finding.help("more workers or jobs, a smaller barrier, or `expect: [Deadlock]` if it is the point"),
            );
        }
    }
}

/// How many jobs can be under way at a time where they use the same thing.
fn carriers(subject: &Subject<'_>, model: &ModelName, everywhere: bool) -> u64 {
    let of = |processes: u32, each: u32| u64::from(each) * if everywhere { u64::from(processes) } else { 1 };
    match model {
        ModelName::Serial => 1,
        ModelName::Threads(threads) | ModelName::FreeThreaded(threads) => u64::from(*threads),
        ModelName::ThreadPool => u64::from(default_workers(subject.scenario)),
        ModelName::Processes(processes) | ModelName::Subinterpreters(processes) => of(*processes, 1),
        ModelName::ProcessPool { .. } | ModelName::MultiprocessingPool { .. } | ModelName::InterpreterPool { .. } => {
            of(super::model::processes(subject.scenario, model), 1)
        }
        ModelName::Hybrid { processes, each: Each::Threads(threads) } => of(*processes, *threads),
        ModelName::ThreadPerTask | ModelName::Asyncio | ModelName::Polling | ModelName::Hybrid { .. } => u64::MAX,
    }
}
