//! E05: a task whose late jobs are dropped and that has no deadline.

use super::{Finding, Findings, Subject, entry};
use crate::scenario::ast::{Arrive, Late, Scenario, Task};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for (name, task) in &subject.scenario.tasks {
        if task.late == Late::Abort && task.deadline.is_none() && !matches!(task.arrive, Arrive::Every(_)) {
            let title = format!("jobs of \"{name}\" are dropped at their deadline, and have none");
            let finding = Finding::error("E05", title, entry("tasks", name).name("late"), "late for what?");
            found.push(finding.help("write for instance `deadline: \"10ms\"`, or `arrive: Every(\"10ms\")`, in which each is due when the next arrives"));
        }
    }
}

/// Whether figures count the jobs of a task that miss their deadlines: it says one, or is periodic and either the policy
/// asks for deadlines or late jobs are dropped.
pub fn is_due(scenario: &Scenario, task: &Task) -> bool {
    let asked = scenario.machine.scheduler.promises().deadlines;
    let periodic = matches!(task.arrive, Arrive::Every(_));
    task.deadline.is_some() || periodic && (asked || task.late == Late::Abort)
}
