//! Stop-the-world pauses: nobody else executes interpreted code meanwhile.

use std::collections::BTreeMap;

use super::bursts::Bursts;
use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ProcessId, ThreadId};
use crate::trace::{CpuKind, Pause, Record, What};

/// Who has stopped the world of each process, and whether it stands still.
#[derive(Debug, Default)]
pub(super) struct Stops {
    stops: BTreeMap<ProcessId, (ThreadId, bool)>,
}

impl Stops {
    pub fn record(&mut self, record: &Record, reports: &mut Reports) {
        let What::Pause { process, thread, pause } = record.what else { return };
        let before = match pause {
            Pause::Asked => self.stops.insert(process, (thread, false)),
            Pause::Begins => self.stops.insert(process, (thread, true)),
            Pause::Over => self.stops.remove(&process),
        };
        let right = match pause {
            Pause::Asked => before.is_none(),
            Pause::Begins => before == Some((thread, false)),
            Pause::Over => before.is_some_and(|(by, _)| by == thread),
        };
        reports.require(right, Rule::WorldStopped, || format!("{thread:?}: {pause:?}, and before {before:?}"));
    }

    pub fn settle(&self, threads: &Threads, bursts: &Bursts, running: &[ThreadId], reports: &mut Reports) {
        if self.stops.is_empty() {
            return;
        }
        for thread in running {
            let process = threads.threads.get(thread).map(|thread| thread.process);
            let by = process.and_then(|process| self.stops.get(&process)).filter(|(_, still)| *still);
            let native = |kind| matches!(kind, CpuKind::NoGil | CpuKind::System);
            let interprets = bursts.of(*thread).is_some_and(|burst| !native(burst.kind));
            let wrong = interprets && by.is_some_and(|(by, _)| by != thread);
            reports
                .require(!wrong, Rule::WorldStopped, || format!("{thread:?} goes on although {by:?} has stopped it"));
        }
    }

    pub fn finish(&self, finished: bool, reports: &mut Reports) {
        let left = self.stops.iter().next().filter(|_| finished);
        reports.require(left.is_none(), Rule::WorldStopped, || format!("the world stands still in the end: {left:?}"));
    }
}
