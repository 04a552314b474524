//! E05: ceilings that cannot be. Warning `no-urgency`: a protocol without effect.

use super::{Finding, Findings, Path, Subject, entry, key};
use crate::kernel::policy::Rank;
use crate::model::Urgency;
use crate::scenario::ast::{Lock, Protocol, Shared, Step};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for (name, shared) in &subject.scenario.shared {
        let Shared::Lock(lock) = shared.plain() else { continue };
        let path = entry("shared", name);
        let path = if matches!(shared, Shared::Interprocess(_)) { path.index(0) } else { path };
        protocol(subject, lock, &path, found);
        if let Some(ceiling) = lock.ceiling {
            of_ceiling(subject, name, (lock, ceiling), &path.name("ceiling"), found);
        }
    }
}

fn protocol(subject: &Subject<'_>, lock: &Lock, path: &Path, found: &mut Findings) {
    let scheduler = &subject.scenario.machine.scheduler;
    let order = scheduler.promises().order.filter(|order| *order != Rank::Demand);
    if lock.protocol == Protocol::None || order.is_some() {
        return;
    }
    let title = format!("a protocol lends urgency, and {scheduler} does not order threads by any");
    let finding = Finding::warning("no-urgency", title, path.name("protocol"), "has no effect");
    let finding = finding.and(Path::root().name("machine").name("scheduler"), "because of this");
    found.push(finding.help("schedulers with urgency: `Priority()`, `SchedFifo()`, `SchedRr()`, `Edf()`, `RateMonotonic()`, `DeadlineMonotonic()`"));
}

fn of_ceiling(subject: &Subject<'_>, name: &str, (lock, ceiling): (&Lock, u32), path: &Path, found: &mut Findings) {
    if lock.protocol != Protocol::Ceiling {
        let title = "only a lock with `protocol: Ceiling` has a ceiling";
        found.push(Finding::error("E05", title, path, "leave it out, or write `protocol: Ceiling`"));
        return;
    }
    let scheduler = &subject.scenario.machine.scheduler;
    if scheduler.promises().order.is_some_and(|order| !matches!(order, Rank::Demand | Rank::Priority)) {
        let title = format!("a ceiling is a priority, and {scheduler} has none");
        found.push(Finding::error("E05", title, path, "leave it out: it is computed from the tasks"));
        return;
    }
    // POSIX: EINVAL for a thread that is more urgent than the ceiling of the lock it wants.
    let mut takers = Vec::new();
    for (index, body) in subject.code.bodies().iter().enumerate() {
        body.each(&mut |_, step| {
            if let Step::Acquire(taken) | Step::With(taken, _) = step
                && taken == name
            {
                takers.push(index);
            }
        });
    }
    let users = subject.code.reaching(&takers, |_| true);
    for (index, (task, definition)) in subject.scenario.tasks.iter().enumerate() {
        let priority = definition.priority.unwrap_or(Urgency::default().priority);
        if users[subject.code.task(index)] && priority < ceiling {
            let title = format!("task \"{task}\" uses \"{name}\" and is more urgent than its ceiling");
            let finding = Finding::error("E05", title, path, format!("at most {priority}"));
            found.push(finding.and(key(&entry("tasks", task)), format!("priority {priority}")));
        }
    }
}
