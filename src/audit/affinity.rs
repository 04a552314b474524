//! Which cores a thread may run on: by the task of the job that it carries, or that its parent carried.

use std::collections::BTreeMap;

use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ContextId, CoreId, JobId, TaskId, ThreadId};
use crate::model::Model;
use crate::trace::{Record, What};

/// The tasks that bind their threads, and who is bound.
#[derive(Debug)]
pub(super) struct Affinities {
    /// By task; empty for all cores.
    tasks: Vec<Vec<u32>>,
    jobs: BTreeMap<JobId, TaskId>,
    bound: BTreeMap<ThreadId, TaskId>,
}

impl Affinities {
    pub fn new(model: &Model) -> Affinities {
        let tasks = model.tasks.iter().map(|task| task.affinity.clone()).collect();
        Affinities { tasks, jobs: BTreeMap::new(), bound: BTreeMap::new() }
    }

    /// Whether the thread may run on the core.
    pub fn may(&self, thread: ThreadId, core: CoreId) -> bool {
        let task = self.bound.get(&thread).and_then(|task| self.tasks.get(task.index()));
        task.is_none_or(|cores| cores.is_empty() || cores.contains(&core.0))
    }

    pub fn record(&mut self, record: &Record, threads: &Threads) {
        match record.what {
            What::JobArrive { job, task, .. } => drop(self.jobs.insert(job, task)),
            What::JobStart { job, context } => {
                if let (Some(thread), Some(task)) = (own_thread(context, threads), self.jobs.get(&job)) {
                    self.bound.insert(thread, *task);
                }
            }
            What::JobEnd { job, context } | What::JobFail { job, context } => {
                self.jobs.remove(&job);
                if let Some(thread) = own_thread(context, threads) {
                    self.bound.remove(&thread);
                }
            }
            What::JobReturn { context, .. } => {
                if let Some(thread) = own_thread(context, threads) {
                    self.bound.remove(&thread);
                }
            }
            // Who carried it stays bound until it takes another one.
            What::JobDrop { job, .. } | What::JobLost { job } => drop(self.jobs.remove(&job)),
            What::Spawn { context, child } => {
                let parent = threads.thread_of(context).and_then(|parent| self.bound.get(&parent));
                if let (Some(task), Some(child)) = (parent.copied(), own_thread(child, threads)) {
                    self.bound.insert(child, task);
                }
            }
            What::ThreadEnd { thread, .. } => drop(self.bound.remove(&thread)),
            _ => {}
        }
    }

    /// The thread executes on the core while time passes.
    pub fn check(&self, thread: ThreadId, core: CoreId, reports: &mut Reports) {
        let may = self.may(thread, core);
        reports.require(may, Rule::Affinity, || format!("{thread:?} runs on {core:?}, which it may not"));
    }
}

/// The thread of the context, if the context is its own.
fn own_thread(context: ContextId, threads: &Threads) -> Option<ThreadId> {
    let found = threads.contexts.get(&context)?;
    found.progress.is_none().then_some(found.thread)
}
