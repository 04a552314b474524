//! What is marked on rows: deadlines that are missed, jobs that are dropped, threads that come from another core.

use std::collections::BTreeMap;

use super::rows::Key;
use crate::id::{CoreId, JobId, TaskId, ThreadId};
use crate::metrics::deadline;
use crate::model::Model;
use crate::trace::Role;

/// Most marks that are kept, of all rows together.
const MARKS_MAX: usize = 20_000;

/// A moment to be marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// When, in nanoseconds.
    pub at: u64,
    /// What happens there.
    pub what: Mark,
}

/// Kinds of marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A job that the row carries is not complete at its deadline, or begins after it.
    Missed,
    /// The job is dropped at its deadline.
    Dropped,
    /// The thread that comes to the core was on another one before.
    Migrated,
}

/// Jobs that are not over, and where threads were.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    /// By task: from the arrival of a job to its deadline.
    deadlines: Vec<Option<u64>>,
    jobs: BTreeMap<JobId, Job>,
    cores: BTreeMap<ThreadId, CoreId>,
    kept: usize,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    role: Role,
    due: u64,
    /// Since when which row carries it.
    begun: Option<(u64, Key)>,
}

impl Marks {
    pub fn new(model: &Model) -> Marks {
        let deadlines = model.tasks.iter().map(|task| deadline(model, task)).collect();
        Marks { deadlines, jobs: BTreeMap::new(), cores: BTreeMap::new(), kept: 0 }
    }

    pub fn arrive(&mut self, job: JobId, task: TaskId, index: u32, now: u64) {
        let relative = self.deadlines.get(task.index()).copied().flatten();
        let due = relative.map_or(u64::MAX, |relative| now.saturating_add(relative));
        self.jobs.insert(job, Job { role: Role::Task { task, index }, due, begun: None });
    }

    /// The row begins the job.
    pub fn begin(&mut self, job: JobId, row: Option<Key>, now: u64) -> Option<Role> {
        let begun = self.jobs.get_mut(&job)?;
        begun.begun = row.map(|row| (now, row));
        Some(begun.role)
    }

    /// The job is over. What is to be marked on which row, if its deadline was before.
    pub fn end(&mut self, job: JobId, now: u64) -> Option<(Key, Marked)> {
        let job = self.jobs.remove(&job)?;
        job.missed(now).filter(|_| job.due < now)
    }

    /// The job is dropped at its deadline.
    pub fn drop(&mut self, job: JobId, now: u64) -> Option<(Key, Marked)> {
        let (_, row) = self.jobs.remove(&job)?.begun?;
        Some((row, Marked { at: now, what: Mark::Dropped }))
    }

    /// The run is over, and what is not complete now never will be.
    pub fn finish(&mut self, now: u64) -> Vec<(Key, Marked)> {
        let jobs = std::mem::take(&mut self.jobs);
        jobs.values().filter(|job| job.due <= now).filter_map(|job| job.missed(now)).collect()
    }

    /// Whether the thread comes to the core from another one.
    pub fn comes(&mut self, thread: ThreadId, core: CoreId) -> bool {
        self.cores.insert(thread, core).is_some_and(|last| last != core)
    }

    /// A new thread has the number.
    pub fn forget(&mut self, thread: ThreadId) {
        self.cores.remove(&thread);
    }

    /// Whether there is room for another mark.
    pub fn keeps(&mut self) -> bool {
        self.kept += 1;
        self.kept <= MARKS_MAX
    }
}

impl Job {
    fn missed(&self, now: u64) -> Option<(Key, Marked)> {
        let (since, row) = self.begun?;
        Some((row, Marked { at: self.due.max(since).min(now), what: Mark::Missed }))
    }
}

impl super::Timeline {
    /// The job is over.
    pub(super) fn mark_end(&mut self, job: JobId, now: crate::time::Time) {
        let mark = self.marks.end(job, now.0);
        mark.into_iter().for_each(|(row, mark)| self.mark(row, mark));
    }
}
