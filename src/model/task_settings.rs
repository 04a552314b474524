//! What a task says besides what it does: settings that most tasks leave out.

use super::{Builder, Late, Urgency};
use crate::id::TaskId;

impl Builder {
    /// Bytes that each job of the task takes along to a worker process, and brings back.
    pub fn messages(&mut self, task: TaskId, argument: u64, result: u64) {
        let task = &mut self.model.tasks[task.index()];
        (task.argument, task.result) = (argument, result);
    }

    /// Says which cores threads with jobs of a task may run on: some of those there are.
    pub fn affinity(&mut self, task: TaskId, cores: &[u32]) {
        self.model_mut().tasks[task.index()].affinity = cores.to_vec();
    }

    /// Says how much of a cache the data of jobs of a task needs.
    pub fn working_set(&mut self, task: TaskId, size: u32) {
        self.model_mut().tasks[task.index()].working_set = size;
    }

    /// Says how urgent the jobs of a task are.
    pub fn urgency(&mut self, task: TaskId, urgency: Urgency) {
        self.model_mut().tasks[task.index()].urgency = urgency;
    }

    /// Says what becomes of jobs that are not complete at their deadlines.
    pub fn late(&mut self, task: TaskId, late: Late) {
        self.model_mut().tasks[task.index()].late = late;
    }

    /// Says how many jobs of a task can be in the system; more are refused.
    pub fn capacity(&mut self, task: TaskId, capacity: u32) {
        self.model_mut().tasks[task.index()].capacity = Some(capacity);
    }
}
