//! E05: capacities that cannot be.

use super::{Finding, Findings, Subject, entry};
use crate::scenario::ast::{Arrive, When};
use crate::time::Duration;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for (name, task) in &subject.scenario.tasks {
        let Some(capacity) = task.capacity else { continue };
        let path = entry("tasks", name).name("capacity");
        if capacity == 0 {
            let title = format!("with a capacity of 0 every job of \"{name}\" is refused");
            found.push(Finding::error("E05", title, path, "at least 1"));
        } else if let Arrive::Closed { users, think: When::Fixed(Duration::ZERO) } = &task.arrive
            && *users > capacity
        {
            let title =
                format!("users of \"{name}\" who do not think are refused again at the same instant, without end");
            let finding = Finding::error("E05", title, path, format!("room for {capacity} of {users} users"));
            let arrive = entry("tasks", name).name("arrive").name("think");
            found.push(finding.and(arrive, "no time passes between two tries"));
        }
    }
}
