//! Daemons: the run is over as soon as nobody else is left, and says how many it has cut off.

use std::collections::BTreeSet;

use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::ThreadId;
use crate::sim::Ended;
use crate::time::Time;
use crate::trace::{Record, What};

/// Who is a daemon, and when the last of the others ended.
#[derive(Debug, Default)]
pub(super) struct Daemons {
    living: BTreeSet<ThreadId>,
    last: Time,
}

impl Daemons {
    pub fn record(&mut self, record: &Record, threads: &Threads) {
        match record.what {
            What::Daemon { context } => self.living.extend(threads.thread_of(context)),
            What::ThreadEnd { thread, .. } if self.living.remove(&thread) => {}
            What::ThreadEnd { .. }
            | What::CoroutineEnd { .. }
            | What::JobEnd { .. }
            | What::JobFail { .. }
            | What::JobDrop { .. }
            | What::JobLost { .. }
            | What::JobRefuse { .. }
            | What::SelfPipe { .. }
            | What::Unsubmit { .. } => self.last = record.time,
            _ => {}
        }
    }

    pub fn contains(&self, thread: ThreadId) -> bool {
        self.living.contains(&thread)
    }

    pub fn are_left(&self) -> bool {
        !self.living.is_empty()
    }

    pub fn finish(&self, ended: &Ended, finished: bool, reports: &mut Reports) {
        let left = if finished { self.living.len() } else { 0 };
        reports.require(ended.daemons as usize == left, Rule::Daemons, || {
            format!("the run says that it has cut off {} daemons, and {left} are left", ended.daemons)
        });
        reports.require(left == 0 || ended.at == self.last, Rule::Daemons, || {
            format!("the last that is no daemon ended at {} ns, the run at {} ns", self.last.0, ended.at.0)
        });
    }
}
