//! A pool of threads starts a worker when a job finds none idle, as long as there are fewer than it may have. With the handshake
//! of `Thread.start`, jobs that arrive while a worker is still to come up wait for whoever submits, who waits for that.

use std::collections::VecDeque;

use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::id::{JobId, ThreadId};
use crate::model::{Execution, Model};
use crate::trace::{On, Record, Role, What};

/// The pool, if the model has one that starts its workers when it needs them.
#[derive(Debug)]
pub(super) struct Pool {
    size: u32,
    started: u32,
    /// The record before was a job for which a worker has to be started.
    due: bool,
    handshake: bool,
    gil: bool,
    /// The worker that has not come up.
    coming: Option<ThreadId>,
    /// Jobs that have come since it was started.
    held: VecDeque<JobId>,
    /// So many idle workers are woken for jobs that were held, one record after the other.
    wakes: usize,
    due_then: bool,
}

impl Pool {
    pub fn new(model: &Model) -> Option<Pool> {
        let (size, own) = match model.execution {
            Execution::Threads(size) | Execution::FreeThreaded(size) => (size, false),
            Execution::InterpreterPool(Some(size)) => (size, true),
            Execution::ThreadPool => (model.default_workers(), false),
            Execution::InterpreterPool(None) => (model.default_workers(), true),
            _ => return None,
        };
        Some(Pool {
            size,
            started: 0,
            due: false,
            handshake: model.interpreter.start_handshake && !own,
            gil: model.has_gil(),
            coming: None,
            held: VecDeque::new(),
            wakes: 0,
            due_then: false,
        })
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if let What::ProcessStart { .. } = record.what {
            return; // The interpreter of the worker that follows.
        }
        if self.wakes > 0 {
            let idle = |thread| threads.state(thread) == Some(State::Blocked(On::Job));
            let wakes = matches!(record.what, What::Wake { thread } | What::Ready { thread } if idle(thread));
            reports.require(wakes, Rule::PoolStarts, || {
                format!("{} idle workers are not woken for jobs that are there", self.wakes)
            });
            self.wakes -= 1;
            self.due = self.wakes == 0 && std::mem::take(&mut self.due_then);
            return;
        }
        let starts = match record.what {
            What::ThreadStart { role: Role::Worker(_), thread, .. } => Some(thread),
            _ => None,
        };
        let due = std::mem::take(&mut self.due);
        reports.require(starts.is_some() == due, Rule::PoolStarts, || {
            let did = if due { "does not start the worker of a job" } else { "starts a worker that no job needs" };
            format!("the pool has {} workers, may have {}, and {did}", self.started, self.size)
        });
        if let Some(thread) = starts {
            self.started += 1;
            self.coming = Some(thread).filter(|_| self.handshake);
        }
        match record.what {
            What::JobArrive { job, .. } if self.coming.is_some() => self.held.push_back(job),
            What::JobArrive { .. } => self.due = self.started < self.size && idle(threads) == 0,
            What::JobDrop { job, by: None } => self.held.retain(|held| *held != job),
            What::GilTake { thread, .. } => self.comes_up(thread, threads),
            What::Run { thread, .. } if !self.gil => self.comes_up(thread, threads),
            _ => {}
        }
    }

    /// If this is the worker that whoever submits waits for, held jobs go into the queue, up to the next one that needs a worker.
    fn comes_up(&mut self, thread: ThreadId, threads: &Threads) {
        if self.coming != Some(thread) {
            return;
        }
        self.coming = None;
        let idle = idle(threads);
        let starts = self.held.len() > idle && self.started < self.size;
        self.wakes = self.held.len().min(idle);
        (self.due, self.due_then) = (starts && self.wakes == 0, starts);
        let submitted = if starts { idle + 1 } else { self.held.len() };
        self.held.drain(..submitted);
    }

    pub fn finish(&self, reports: &mut Reports) {
        let due = self.due || self.wakes > 0;
        reports.require(!due, Rule::PoolStarts, || "the last job has no worker".to_owned());
    }
}

fn idle(threads: &Threads) -> usize {
    threads.threads.values().filter(|thread| thread.state == State::Blocked(On::Job)).count()
}
