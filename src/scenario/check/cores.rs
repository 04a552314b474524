//! E05: cores that are not there, and settings of cores and run queues that cannot be.

use super::{Finding, Findings, Path, Subject, entry};
use crate::kernel::Queues;
use crate::scenario::ast::Machine;
use crate::time::Duration;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let machine = &subject.scenario.machine;
    for (name, task) in &subject.scenario.tasks {
        let Some(affinity) = &task.affinity else { continue };
        let path = entry("tasks", name).name("affinity");
        if affinity.is_empty() {
            let title = "a task that may run on no core never runs";
            found.push(Finding::error("E05", title, &path, "such as [0, 1], or leave it out"));
        }
        for (place, core) in affinity.iter().enumerate().filter(|(place, core)| affinity[..*place].contains(core)) {
            let title = format!("core {core} is named twice");
            found.push(Finding::error("E05", title, path.index(place), "leave it out"));
        }
        for (place, core) in affinity.iter().enumerate().filter(|(_, core)| **core >= machine.cores) {
            let title = format!("there is no core {core}");
            let label = match machine.cores {
                0 | 1 => "the only core is 0".to_owned(),
                cores => format!("cores are 0 to {}", cores - 1),
            };
            found.push(Finding::error("E05", title, path.index(place), label));
        }
    }
    let path = Path::root().name("machine");
    queues(subject, &path.name("queues"), found);
    if machine.interrupt == Some(Duration::ZERO) {
        let title = "an interrupt cannot come all the time";
        found.push(Finding::error("E05", title, path.name("interrupt"), "such as \"10ms\""));
    }
    speeds(machine, &path, found);
    siblings(machine, &path.name("smt"), found);
    caches(machine, &path.name("caches"), found);
    for (path, time) in [
        (path.name("interrupt"), machine.interrupt),
        (path.name("caches").name("warm_up"), machine.caches.map(|caches| caches.warm_up)),
        (path.name("caches").name("tick"), machine.caches.and_then(|caches| caches.tick)),
    ] {
        if let Some(time) = time {
            super::times::length(time, &path, found);
        }
    }
}

/// A factor is a whole number of thousandths, and not beyond reason.
fn factor(value: f64, path: Path, found: &mut Findings) {
    if !(0.001..=1_000.0).contains(&value) {
        let shown = if value.abs() < 1e9 { value.to_string() } else { format!("{value:e}") };
        let title = format!("a core cannot be {shown} times as fast");
        found.push(Finding::error("E05", title, path, "0.001 to 1000"));
        return;
    }
    let counts = (value * 1_000.0).round() / 1_000.0;
    if (value - counts).abs() > 1e-9 {
        let title = "speeds are whole numbers of thousandths";
        found.push(Finding::warning("clamped", title, path, format!("counts as {counts}")));
    }
}

fn speeds(machine: &Machine, path: &Path, found: &mut Findings) {
    let Some(speeds) = &machine.speeds else { return };
    let path = path.name("speeds");
    if speeds.len() != machine.cores as usize {
        let title = format!("{} cores have {} speeds", machine.cores, speeds.len());
        found.push(Finding::error("E05", title, &path, "one for each core, such as [1.0, 1.0, 0.5, 0.5]"));
    }
    for (core, speed) in speeds.iter().enumerate() {
        factor(*speed, path.index(core), found);
    }
}

fn siblings(machine: &Machine, path: &Path, found: &mut Findings) {
    let Some(smt) = machine.smt else { return };
    factor(smt.factor, path.name("factor"), found);
    if smt.factor > 1.0 {
        let title = "cores that share a physical core do not speed each other up";
        found.push(Finding::error("E05", title, path.name("factor"), "at most 1, such as 0.65"));
    }
    if smt.siblings < 2 {
        let title = "a physical core is shared by two cores at least";
        found.push(Finding::error("E05", title, path.name("siblings"), "such as 2"));
    } else if !machine.cores.is_multiple_of(smt.siblings) {
        let title = format!("{} cores cannot share physical cores by {}", machine.cores, smt.siblings);
        let finding = Finding::error("E05", title, path.name("siblings"), "must divide the number of cores");
        found.push(finding.and(Path::root().name("machine").name("cores"), "so many cores"));
    }
}

fn caches(machine: &Machine, path: &Path, found: &mut Findings) {
    let Some(caches) = machine.caches else { return };
    factor(caches.warm, path.name("warm"), found);
    factor(caches.cold, path.name("cold"), found);
    for (field, zero) in [("warm_up", caches.warm_up == Duration::ZERO), ("tick", caches.tick == Some(Duration::ZERO))]
    {
        if zero {
            let title = format!("`{field}` cannot be zero");
            found.push(Finding::error("E05", title, path.name(field), "such as \"10ms\""));
        }
    }
}

fn queues(subject: &Subject<'_>, path: &Path, found: &mut Findings) {
    let machine = &subject.scenario.machine;
    if machine.scheduler.promises().idles {
        let title = format!("{} decides for all cores at once", machine.scheduler);
        if matches!(machine.queues, Some(Queues::PerCore { .. })) {
            found.push(Finding::error("E05", title.clone(), path, "it has one queue: `Global`, or leave it out"));
        }
        for (field, given) in
            [("speeds", machine.speeds.is_some()), ("smt", machine.smt.is_some()), ("caches", machine.caches.is_some())]
        {
            let title = format!("{} counts quanta of work on a core of speed 1", machine.scheduler);
            let finding = Finding::error(
                "E05",
                title,
                Path::root().name("machine").name(field),
                "on these it would miss deadlines",
            );
            if given {
                found.push(finding);
            }
        }
        if machine.interrupt.is_some() {
            let path = Path::root().name("machine").name("interrupt");
            found.push(Finding::error("E05", title, path, "its own timer is the quantum: leave this out"));
        }
    }
    let Some(Queues::PerCore { balance, hot, .. }) = subject.scenario.machine.queues else { return };
    if balance == Some(Duration::ZERO) {
        let title = "queues cannot be balanced all the time";
        found.push(Finding::error("E05", title, path.name("balance"), "such as \"4ms\", or leave it out"));
    }
    for (field, time) in [("balance", balance), ("hot", hot)] {
        if let Some(time) = time {
            super::times::length(time, &path.name(field), found);
        }
    }
}
