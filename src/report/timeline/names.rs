//! Names of rows, and of what runs on them.

use super::{Key, Timeline};
use crate::trace::Role;

/// So many different tasks are named before a row that is used again.
const USERS_MAX: usize = 3;

impl Timeline {
    /// Names the lane after its first role; a row that is used again after all the tasks that it was used for.
    pub(super) fn name(&mut self, key: Key, role: Role) {
        let Some(lane) = self.lane(key) else { return };
        let number = match key {
            Key::Thread(_, thread) => thread.0,
            Key::Coroutine(_, _, context) => context.0,
            Key::Core(_) | Key::Gil(_) => 0,
        };
        let users = self.users.entry(key).or_default();
        let first = users.is_empty();
        if !self.lanes[lane].shared && users.first() == Some(&role) {
            return;
        }
        if !users.iter().any(|user| alike(*user, role)) && users.len() <= USERS_MAX {
            users.push(role);
        }
        self.lanes[lane].shared = !first;
        let users = &self.users[&key];
        self.lanes[lane].name =
            if first { self.model.role_name(role) } else { format!("{} (place {number})", self.listed(users)) };
    }

    /// What threads belong to, if there are several.
    pub fn domain(&self) -> &'static str {
        self.model.execution.domain()
    }

    /// The name of a thread, coroutine or job.
    pub fn role_name(&self, role: Role) -> String {
        self.model.role_name(role)
    }

    /// The name of the task, if it is one.
    pub fn task_name(&self, role: Role) -> Option<&str> {
        match role {
            Role::Task { task, .. } => self.model.tasks.get(task.index()).map(|task| task.name.as_str()),
            Role::Worker(_) | Role::Loop | Role::Pool(_) | Role::Spawned { .. } => None,
        }
    }

    /// The names of what these have in common, each once: `report, ping`.
    pub fn listed(&self, roles: &[Role]) -> String {
        let mut names: Vec<&str> = Vec::new();
        for role in roles {
            let name = match *role {
                Role::Task { .. } => self.task_name(*role).unwrap_or("task"),
                Role::Spawned { program, .. } => {
                    self.model.programs.get(program.index()).map_or("program", |program| program.name.as_str())
                }
                Role::Worker(_) => "worker",
                Role::Loop => "loop",
                Role::Pool(part) => part.name(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let more = if names.len() > USERS_MAX { ", …" } else { "" };
        names.truncate(USERS_MAX);
        names.join(", ") + more
    }
}

/// Whether two have a task or a program in common.
fn alike(a: Role, b: Role) -> bool {
    match (a, b) {
        (Role::Task { task, .. }, Role::Task { task: other, .. }) => task == other,
        (Role::Spawned { program, .. }, Role::Spawned { program: other, .. }) => program == other,
        (Role::Worker(_), Role::Worker(_)) | (Role::Loop, Role::Loop) => true,
        _ => false,
    }
}
