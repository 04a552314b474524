//! A pool of threads starts a worker when a job finds none idle, as long as there are fewer than it may have.

use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::model::{Execution, Model};
use crate::trace::{On, Record, Role, What};

/// The pool, if the model has one that starts its workers when it needs them.
#[derive(Debug)]
pub(super) struct Pool {
    size: u32,
    started: u32,
    /// The record before was a job for which a worker has to be started.
    due: bool,
}

impl Pool {
    pub fn new(model: &Model) -> Option<Pool> {
        let size = match model.execution {
            Execution::Threads(size) | Execution::FreeThreaded(size) => size,
            Execution::InterpreterPool(Some(size)) => size,
            Execution::ThreadPool | Execution::InterpreterPool(None) => model.default_workers(),
            _ => return None,
        };
        Some(Pool { size, started: 0, due: false })
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if let What::ProcessStart { .. } = record.what {
            return; // The interpreter of the worker that follows.
        }
        let starts = matches!(record.what, What::ThreadStart { role: Role::Worker(_), .. });
        let due = std::mem::take(&mut self.due);
        reports.require(starts == due, Rule::PoolStarts, || {
            let did = if starts { "starts a worker that no job needs" } else { "does not start the worker of a job" };
            format!("the pool has {} workers, may have {}, and {did}", self.started, self.size)
        });
        self.started += u32::from(starts);
        if matches!(record.what, What::JobArrive { .. }) && self.started < self.size {
            self.due = threads.threads.values().all(|thread| thread.state != State::Blocked(On::Job));
        }
    }

    pub fn finish(&self, reports: &mut Reports) {
        reports.require(!self.due, Rule::PoolStarts, || "the last job has no worker".to_owned());
    }
}
