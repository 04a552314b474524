//! Jobs: they arrive as the model says, start and end once, and in the order of their tasks.

use std::collections::BTreeMap;

use super::rule::{Reports, Rule};
use crate::id::{ContextId, JobId, TaskId};
use crate::model::{Arrivals, Model, Task};
use crate::time::Time;
use crate::trace::{Record, What};

/// What has become of a task.
#[derive(Clone, Debug, Default)]
struct Progress {
    arrived: u32,
    ended: u32,
    last_end: Time,
}

#[derive(Debug)]
struct Job {
    task: TaskId,
    arrived: Time,
    by: Option<ContextId>,
}

/// All tasks, and the jobs in the system.
#[derive(Debug)]
pub(super) struct Jobs {
    tasks: Vec<Task>,
    until: Option<Time>,
    progress: Vec<Progress>,
    jobs: BTreeMap<JobId, Job>,
    /// The integral of the number of jobs over time.
    area: u128,
    /// The sum of the times of ended jobs.
    times: u128,
    in_system: u64,
}

impl Jobs {
    pub fn new(model: &Model) -> Jobs {
        Jobs {
            tasks: model.tasks.clone(),
            until: model.until.map(|until| Time(until.0)),
            progress: vec![Progress::default(); model.tasks.len()],
            jobs: BTreeMap::new(),
            area: 0,
            times: 0,
            in_system: 0,
        }
    }

    pub fn settle(&mut self, next: Time, reports: &Reports) {
        self.area += u128::from(self.in_system) * u128::from(next.0.saturating_sub(reports.now.0));
    }

    pub fn record(&mut self, record: &Record, reports: &mut Reports) {
        match record.what {
            What::JobArrive { job, task, index } => self.arrive(job, task, index, reports),
            What::JobStart { job, context } => self.start(job, context, reports),
            What::JobEnd { job, context } => self.end(job, context, reports),
            _ => {}
        }
    }

    fn arrive(&mut self, job: JobId, task: TaskId, index: u32, reports: &mut Reports) {
        self.in_system += 1;
        let arrived = reports.now;
        let twice = self.jobs.insert(job, Job { task, arrived, by: None }).is_some();
        reports.require(!twice, Rule::JobOnce, || format!("{job:?} arrives a second time"));
        if task.index() >= self.tasks.len() {
            return reports.require(false, Rule::Existence, || format!("there is no {task:?}"));
        }
        let expected = self.progress[task.index()].arrived;
        reports.require(index == expected, Rule::JobArrivals, || {
            format!("job {index} of {task:?} arrives, {expected} is next")
        });
        self.progress[task.index()].arrived += 1;
        self.check_arrival(task, expected, reports);
    }

    fn check_arrival(&self, id: TaskId, index: u32, reports: &mut Reports) {
        let task = &self.tasks[id.index()];
        let known = task.count.is_none_or(|count| index < count);
        reports.require(known, Rule::JobArrivals, || format!("{id:?} has no job {index}"));
        let due = match &task.arrivals {
            Arrivals::AtOnce => {
                let ends = task.after.iter().map(|before| self.progress[before.index()].last_end);
                Some(ends.max().unwrap_or(Time::ZERO))
            }
            Arrivals::Every(period) => Some(Time(period.0.saturating_mul(u64::from(index)))),
            Arrivals::Recorded(times) => times.get(index as usize).map(|time| Time(time.0)),
            Arrivals::Poisson { .. } | Arrivals::Closed { .. } => None,
        };
        let now = reports.now;
        reports.require(due.is_none_or(|due| due == now), Rule::JobArrivals, || {
            format!("job {index} of {id:?} arrives at {} ns instead of {due:?}", now.0)
        });
        if let Arrivals::Closed { users, .. } = task.arrivals {
            let progress = &self.progress[id.index()];
            let there = progress.arrived - progress.ended.min(progress.arrived);
            reports.require(there <= users, Rule::JobArrivals, || {
                format!("{users} users of {id:?} have {there} jobs in the system")
            });
        }
    }

    fn start(&mut self, job: JobId, context: ContextId, reports: &mut Reports) {
        let Some(found) = self.jobs.get_mut(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} starts before it arrives"));
        };
        let before = found.by.replace(context);
        reports.require(before.is_none(), Rule::JobOnce, || format!("{job:?} starts a second time"));
        let task = found.task;
        let Some(rules) = self.tasks.get(task.index()) else { return };
        for first in &rules.after {
            let Some(count) = self.expected(*first) else { continue };
            let ended = self.progress[first.index()].ended;
            reports.require(ended == count, Rule::JobAfter, || {
                format!("{job:?} of {task:?} starts after {ended} of {count} jobs of {first:?}")
            });
        }
    }

    /// How many jobs the task has in all, if that is known.
    fn expected(&self, task: TaskId) -> Option<u32> {
        let task = &self.tasks[task.index()];
        match &task.arrivals {
            Arrivals::Recorded(times) => {
                Some(task.count.unwrap_or(u32::MAX).min(u32::try_from(times.len()).unwrap_or(u32::MAX)))
            }
            _ => task.count,
        }
    }

    fn end(&mut self, job: JobId, context: ContextId, reports: &mut Reports) {
        self.in_system = self.in_system.saturating_sub(1);
        let Some(found) = self.jobs.remove(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} ends but is not in the system"));
        };
        let by = found.by;
        reports.require(by == Some(context), Rule::JobOnce, || format!("{context:?} ends {job:?}, begun by {by:?}"));
        self.times += u128::from(reports.now.0.saturating_sub(found.arrived.0));
        if let Some(progress) = self.progress.get_mut(found.task.index()) {
            progress.ended += 1;
            progress.last_end = reports.now;
        }
    }

    pub fn finish(&self, finished: bool, regular: bool, reports: &mut Reports) {
        let open = self.jobs.values().map(|job| u128::from(reports.now.0.saturating_sub(job.arrived.0)));
        let (area, times) = (self.area, self.times + open.sum::<u128>());
        reports.require(area == times, Rule::LittlesLaw, || format!("{area} ns of jobs, {times} ns of times"));
        for number in 0..self.tasks.len() {
            self.check_all_arrived(TaskId::from(number), finished, regular, reports);
        }
        let left = self.jobs.keys().next().filter(|_| finished);
        reports.require(left.is_none(), Rule::Ending, || format!("{left:?} is not complete"));
    }

    fn check_all_arrived(&self, id: TaskId, finished: bool, regular: bool, reports: &mut Reports) {
        let arrived = self.progress[id.index()].arrived;
        let expected = self.expected(id);
        let complete = expected.is_none_or(|count| count == arrived);
        reports.require(complete || !finished, Rule::Ending, || {
            format!("{arrived} of {expected:?} jobs of {id:?} have arrived")
        });
        let Arrivals::Every(period) = self.tasks[id.index()].arrivals else { return };
        let next = Time(period.0.saturating_mul(u64::from(arrived)));
        let over = expected == Some(arrived) || self.until.is_none_or(|until| next >= until);
        reports.require(over || !regular, Rule::JobArrivals, || {
            format!("job {arrived} of {id:?} is missing, due at {} ns", next.0)
        });
    }
}
