//! Names of what a run creates.

use super::Model;
use crate::trace::Role;

impl Model {
    /// The name of a thread or coroutine: `fetch[2]`, `worker 3`, `loop`.
    pub fn role_name(&self, role: Role) -> String {
        match role {
            Role::Worker(n) => format!("worker {n}"),
            Role::Pool(part) => part.name().to_owned(),
            Role::Loop => "loop".to_owned(),
            Role::Task { task, index } => {
                let task = &self.tasks[task.index()];
                if task.count == Some(1) { task.name.clone() } else { format!("{}[{index}]", task.name) }
            }
            Role::Spawned { program, index } => format!("{}#{index}", self.programs[program.index()].name),
        }
    }
}
