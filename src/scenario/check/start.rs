//! E11: tasks that can never start.

use std::collections::BTreeSet;

use super::circles::of_after;
use super::loops::never_ending;
use super::{Finding, Findings, Subject, entry, key};
use crate::scenario::ast::Arrive;

const NEVER_STARTS: &str = "this task can never start";

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let tasks = &subject.scenario.tasks;
    let never_ends = never_ending(subject);
    let mut in_circle = vec![false; tasks.len()];
    of_after(subject).into_iter().flatten().for_each(|index| in_circle[index] = true);
    // Why nobody may wait for a task.
    let mut reasons: Vec<Option<&str>> = tasks
        .values()
        .enumerate()
        .map(|(index, task)| {
            if in_circle[index] {
                Some(NEVER_STARTS)
            } else if super::arrivals::is_endless(task) {
                Some("the jobs of this task never stop coming")
            } else if never_ends[subject.code.task(index)] == Some(true) {
                Some("this task never ends")
            } else {
                None
            }
        })
        .collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); tasks.len()];
    for (index, task) in tasks.values().enumerate() {
        for before in task.after.iter().filter_map(|name| tasks.get_index_of(name)) {
            followers[before].push(index);
        }
    }
    // What is found of a task concerns those that wait for it.
    let mut todo: BTreeSet<usize> = (0..tasks.len()).collect();
    while let Some(index) = todo.pop_first() {
        let Some((name, task)) = tasks.get_index(index) else { continue };
        if in_circle[index] || reasons[index] == Some(NEVER_STARTS) {
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
            reasons[index] = Some(NEVER_STARTS);
            todo.extend(&followers[index]);
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
