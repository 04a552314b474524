//! Models that cannot be searched.

use std::fmt;

use super::machine::{MOST_JOBS, Machine};
use crate::id::TaskId;
use crate::model::{Arrivals, Home, Late, Model, Op};

/// Why a model cannot be explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// The number of its jobs has no end.
    Endless {
        /// The task whose jobs never end to arrive.
        task: String,
    },
    /// The clock decides whether its jobs are done: they can be refused, or dropped when they are late.
    Timed {
        /// The task.
        task: String,
    },
    /// A coroutine waits without awaiting, which stops its loop: that is not searched yet.
    Blocking,
    /// It has connections, which are not searched yet.
    Sockets,
    /// It has threads do steps of its coroutines: that is not searched yet.
    Executor,
    /// It gathers coroutines or cancels them by name, or workers exit: that is not searched yet.
    Exceptions,
    /// It asks its event loop for callbacks: that is not searched yet.
    Callbacks,
    /// Coroutines begin inside of the steps that create them: that is not searched yet.
    Eager,
    /// There are more jobs than anybody could explore.
    Crowded {
        /// How many.
        jobs: u64,
    },
}

impl fmt::Display for Unfit {
    /// As it goes on behind "not searched, ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::Endless { task } => write!(f, "since the jobs of \"{task}\" have no end: give it a `count`"),
            Unfit::Timed { task } => write!(f, "since the clock decides which jobs of \"{task}\" are done"),
            Unfit::Blocking => f.write_str("since a coroutine waits without awaiting (`Blocking`)"),
            Unfit::Sockets => f.write_str("since it uses the network"),
            Unfit::Executor => f.write_str("since threads do steps of its coroutines"),
            Unfit::Exceptions => {
                f.write_str("since it gathers, awaits the first of, cancels or calls back coroutines, or workers exit")
            }
            Unfit::Callbacks => f.write_str("since it asks its event loop for callbacks"),
            Unfit::Eager => f.write_str("since its tasks are eager"),
            Unfit::Crowded { jobs } => write!(f, "since {jobs} jobs are more than anybody could look at"),
        }
    }
}

impl Machine<'_> {
    /// The jobs of a model that can be searched: task and number within it.
    pub(super) fn fit(model: &Model) -> Result<Vec<(TaskId, u32)>, Unfit> {
        let loops = model.execution.has_loops();
        if !model.peers.is_empty() {
            return Err(Unfit::Sockets);
        }
        if loops && model.code.contains(&Op::BeginBlocking) {
            return Err(Unfit::Blocking);
        }
        if model.has_executor() {
            return Err(Unfit::Executor);
        }
        let gathers = |op: &Op| {
            matches!(
                op,
                Op::Begin { .. }
                    | Op::Await
                    | Op::Cancel { .. }
                    | Op::Exit
                    | Op::WaitTasks { .. }
                    | Op::TasksWaited { .. }
                    | Op::CallBack { .. }
            )
        };
        if model.code.iter().any(gathers) {
            return Err(Unfit::Exceptions);
        }
        if model.calls_back() {
            return Err(Unfit::Callbacks);
        }
        if model.starts_eagerly() {
            return Err(Unfit::Eager);
        }
        let mut jobs = Vec::new();
        let mut all = 0u64;
        for (index, task) in model.tasks.iter().enumerate() {
            if task.capacity.is_some() || task.late == Late::Abort {
                return Err(Unfit::Timed { task: task.name.clone() });
            }
            let count = match (&task.arrivals, task.count) {
                (Arrivals::Closed { .. }, None) | (_, None) => return Err(Unfit::Endless { task: task.name.clone() }),
                (_, Some(count)) => count,
            };
            all += u64::from(count);
            if all <= MOST_JOBS {
                jobs.extend((0..count).map(|number| (TaskId::from(index), number)));
            }
        }
        if all > MOST_JOBS { Err(Unfit::Crowded { jobs: all }) } else { Ok(jobs) }
    }

    /// How many variables there are of which every thread has its own: all, so that their numbers are theirs, or none.
    pub(super) fn locals_of(model: &Model) -> usize {
        if model.vars.iter().any(|var| var.home == Home::Thread) { model.vars.len() } else { 0 }
    }
}
