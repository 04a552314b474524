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
    /// It has connections, which are not searched yet.
    Sockets,
    /// Threads of an executor do steps of its coroutines, and have variables of their own: which thread does which steps is not
    /// searched.
    Locals,
    /// Workers exit, which is not searched.
    Exits,
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
            Unfit::Sockets => f.write_str("since it uses the network: write a `Queue` for each direction"),
            Unfit::Locals => f.write_str(
                "since it does not look at which thread of the executor does which steps, and there are `ThreadLocal` variables",
            ),
            Unfit::Exits => f.write_str("since a worker exits in the middle of a job: write `Raise` for a job that fails"),
            Unfit::Crowded { jobs } => write!(f, "since {jobs} jobs are more than anybody could look at"),
        }
    }
}

impl Machine<'_> {
    /// The jobs of a model that can be searched: task and number within it.
    pub(super) fn fit(model: &Model) -> Result<Vec<(TaskId, u32)>, Unfit> {
        if !model.peers.is_empty() {
            return Err(Unfit::Sockets);
        }
        if model.has_executor() && Machine::locals_of(model) > 0 {
            return Err(Unfit::Locals);
        }
        if model.code.contains(&Op::Exit) {
            return Err(Unfit::Exits);
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
