//! E11: tasks that can never start.

use super::circles::of_after;
use super::loops::never_ending;
use super::{Finding, Findings, Subject, entry, key};
use crate::scenario::ast::Arrive;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let tasks = &subject.scenario.tasks;
    let never_ends = never_ending(subject);
    let in_circle: Vec<usize> = of_after(subject).into_iter().flatten().collect();
    // Why nobody may wait for a task.
    let mut reasons: Vec<Option<&str>> = tasks
        .values()
        .enumerate()
        .map(|(index, task)| {
            if in_circle.contains(&index) {
                Some("this task can never start")
            } else if super::arrivals::is_endless(task) {
                Some("the jobs of this task never stop coming")
            } else if never_ends[subject.code.task(index)] == Some(true) {
                Some("this task never ends")
            } else {
                None
            }
        })
        .collect();
    // Each round finds the tasks one further down; there are at most as many rounds as tasks.
    loop {
        let mut changed = false;
        for (index, (name, task)) in tasks.iter().enumerate() {
            if in_circle.contains(&index) || reasons[index] == Some("this task can never start") {
                continue;
            }
            let blocked = task.after.iter().enumerate().find_map(|(place, before)| {
                let before_index = tasks.get_index_of(before)?;
                reasons[before_index].map(|reason| (place, before, reason))
            });
            if let Some((place, before, reason)) = blocked {
                let path = entry("tasks", name).name("after").index(place);
                let title = format!("task \"{name}\" can never start");
                let finding = Finding::error("E11", title, path, format!("waits for \"{before}\""));
                found.push(finding.and(key(&entry("tasks", before)), reason));
                reasons[index] = Some("this task can never start");
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    for (name, task) in tasks {
        if matches!(task.arrive, Arrive::Closed { .. }) && !task.after.is_empty() {
            let title = format!("the users of \"{name}\" are there from the start: they cannot wait for other tasks");
            let path = entry("tasks", name);
            let finding = Finding::error("E11", title, path.name("after"), "cannot be combined with Closed");
            found.push(finding.and(path.name("arrive"), "closed users"));
        }
    }
}
