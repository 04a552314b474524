//! Names of rows, and of what runs on them.

use super::Timeline;
use super::rows::Key;
use crate::trace::Role;

/// So many different tasks are named before a row.
const USERS_MAX: usize = 3;

impl Timeline {
    /// Names the lane after its first role; a row that is used again after what all its users have in common.
    pub(super) fn name(&mut self, key: Key, role: Role) {
        let Some(lane) = self.lane(key) else { return };
        self.lanes[lane].kin = self.lane_of.get(&key.first()).copied().flatten().unwrap_or(lane);
        let number = key.number();
        match self.named.insert(key, role) {
            None => self.lanes[lane].name = self.model.role_name(role),
            // As it was: the same worker, say.
            Some(last) if last == role && !self.lanes[lane].shared => {}
            Some(_) => {
                let name = self.listed(&[role]);
                self.lanes[lane].shared = true;
                self.lanes[lane].name = if number == 0 { name } else { format!("{name} ({})", number + 1) };
            }
        }
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
