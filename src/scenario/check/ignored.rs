//! Warning `ignored`: settings of cores, schedulers and tasks that something else leaves without effect. Warning `clamped`:
//! slices that count as others.

use super::model::has_loop;
use super::{Finding, Findings, Path, Subject, entry};
use crate::kernel::policy::{ASKS, Ask, POLICIES, Rank};
use crate::kernel::{Loses, Queues};
use crate::scenario::ast::{Arrive, Interpreter, SpawnWhat, Task};
use crate::time::Duration;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    unheard(subject, found);
    eager(subject, found);
    let machine = &subject.scenario.machine;
    let tasks = &subject.scenario.tasks;
    let path = Path::root().name("machine");
    let mut ignored = |title: String, path: Path, label: &str| {
        found.push(Finding::warning("ignored", title, &path, label));
    };
    let sets = |task: &Task| task.working_set.is_some_and(|size| size > 0);
    match machine.caches {
        None => {
            for (name, _) in tasks.iter().filter(|(_, task)| sets(task)) {
                let title = "a working set is of use only on a machine with caches".to_owned();
                ignored(title, entry("tasks", name).name("working_set"), "the machine has no `caches`");
            }
        }
        Some(caches) if caches.size == 0 => {
            ignored("nothing fits into these caches".to_owned(), path.name("caches").name("size"), "no core gets warm");
        }
        Some(_) if !tasks.values().any(sets) => {
            let title = "no task has a working set, so caches play no part".to_owned();
            ignored(title, path.name("caches"), "write `working_set: ..` at a task");
        }
        Some(_) => {}
    }
    let promises = machine.scheduler.promises();
    if machine.interrupt.is_some() && promises.slice.is_some() {
        let title = format!("the interrupt ends the turns of threads, not the slices of {}", machine.scheduler);
        ignored(title, path.name("interrupt"), "slices have no effect beside it");
    }
    if machine.loses.is_some() && !Loses::matters(machine.cores, machine.queues, &machine.scheduler) {
        let title = match machine.cores {
            1 => "there is only one core to lose".to_owned(),
            _ => format!("under {} with these queues no thread chooses whose core it takes", machine.scheduler),
        };
        ignored(title, path.name("loses"), "has no effect");
    }
    if let Some(Queues::PerCore { steal, balance, hot }) = machine.queues {
        let path = path.name("queues");
        if machine.cores == 1 {
            let title = "one core has one run queue, however it is written".to_owned();
            ignored(title, path, "the machine has one core");
        } else if hot.is_some() && !steal && balance.is_none() {
            let title = "no thread is ever taken from its queue, hot or not".to_owned();
            ignored(title, path.name("hot"), "neither `steal` nor `balance` would");
        }
    }
    if promises.throttled && !tasks.values().any(|task| task.priority.is_some()) {
        let title = "a throttle is for tasks with a `priority`, and no task has one".to_owned();
        ignored(title, path.name("scheduler").name("throttle"), "all tasks are normal ones");
    }
    let by_deadline = |task: &Task| task.deadline.is_some();
    let periodic = |task: &Task| matches!(task.arrive, Arrive::Every(every) if every > Duration::ZERO);
    let (what, without) = match promises.order {
        Some(Rank::Deadline | Rank::RelativeDeadline) => {
            ("deadline", !tasks.values().any(|task| by_deadline(task) || periodic(task)))
        }
        None if promises.deadlines => ("deadline", !tasks.values().any(|task| by_deadline(task) || periodic(task))),
        Some(Rank::Period) => ("period (`arrive: Every(..)`)", !tasks.values().any(periodic)),
        _ => return,
    };
    if without {
        let title = format!("{} orders threads by deadlines or periods, and no task has any", machine.scheduler);
        ignored(title, path.name("scheduler"), &format!("no task has a {what}"));
    }
}

/// Eager tasks where nobody creates any.
fn eager(subject: &Subject<'_>, found: &mut Findings) {
    let Interpreter::CPython { eager_tasks: true, .. } = subject.scenario.interpreter else { return };
    let loops = subject.models.iter().any(has_loop);
    let creates = subject.code.references().iter().any(|reference| reference.spawn == Some(SpawnWhat::Coroutine));
    if (loops && creates) || !subject.is_whole("tasks") || !subject.is_whole("programs") {
        return;
    }
    let label = if loops { "no step creates a coroutine" } else { "no model here has an event loop" };
    let path = Path::root().name("interpreter").name("eager_tasks");
    found.push(Finding::warning("ignored", "there is no task that could begin at once", path, label));
}

/// What tasks say to a scheduler that does not ask for it.
fn unheard(subject: &Subject<'_>, found: &mut Findings) {
    let scheduler = &subject.scenario.machine.scheduler;
    let asks = |asks: &[Ask], field: &str| asks.iter().any(|ask| asked(*ask) == field);
    for (name, task) in &subject.scenario.tasks {
        for (field, says) in [
            ("priority", task.priority.is_some()),
            ("nice", task.nice.is_some()),
            ("tickets", task.tickets.is_some()),
            ("slice", task.slice.is_some()),
        ] {
            if !says || asks(scheduler.asks(), field) {
                continue;
            }
            let others = POLICIES.iter().zip(ASKS).filter(|(_, others)| asks(others, field));
            let others: Vec<String> = others.map(|(policy, _)| format!("`{}`", policy.example)).collect();
            let title = format!("{scheduler} does not look at the `{field}` of tasks");
            let finding = Finding::warning("ignored", title, entry("tasks", name).name(field), "has no effect");
            found.push(finding.help(format!("schedulers that do: {}", others.join(", "))));
        }
        for ask in scheduler.asks() {
            if let (Ask::Slice(least, most), Some(slice)) = (ask, task.slice)
                && !(*least..=*most).contains(&slice)
            {
                let title = format!("slices of threads are {least} to {most} under {scheduler}, as in Linux");
                let label = format!("counts as \"{}\"", slice.clamp(*least, *most));
                found.push(Finding::warning("clamped", title, entry("tasks", name).name("slice"), label));
            }
        }
    }
}

/// The field of a task.
fn asked(ask: Ask) -> &'static str {
    match ask {
        Ask::Priority => "priority",
        Ask::Nice => "nice",
        Ask::Tickets => "tickets",
        Ask::Slice(..) => "slice",
    }
}
