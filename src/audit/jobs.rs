//! Jobs: they arrive as the model says, start and end once, and in the order of their tasks.

use std::collections::BTreeMap;

use super::bursts::Bursts;
use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ContextId, JobId, RequestId, TaskId};
use crate::model::{Arrivals, Late, Model, Task};
use crate::time::Time;
use crate::trace::{Record, What};

/// What has become of a task.
#[derive(Clone, Debug, Default)]
struct Progress {
    arrived: u32,
    ended: u32,
    last_end: Time,
    /// The integral of the number of jobs over time, and the sum of the times of ended jobs.
    area: u128,
    times: u128,
}

#[derive(Debug)]
struct Job {
    task: TaskId,
    arrived: Time,
    by: Option<ContextId>,
    started: Time,
    /// A worker process has done it.
    returned: bool,
    /// How long its thread had run before, if the job has a thread for itself.
    ran: Option<u64>,
    /// Core time of its steps so far, and what else they took: devices and sleeps.
    demanded: u64,
    served: u64,
}

/// All tasks, and the jobs in the system.
#[derive(Debug)]
pub(super) struct Jobs {
    tasks: Vec<Task>,
    until: Option<Time>,
    progress: Vec<Progress>,
    jobs: BTreeMap<JobId, Job>,
    /// The job that a context does.
    doing: BTreeMap<ContextId, JobId>,
    /// Whether any task drops late jobs.
    aborts: bool,
    /// Whose request it is.
    requests: BTreeMap<RequestId, JobId>,
}

impl Jobs {
    pub fn new(model: &Model) -> Jobs {
        Jobs {
            tasks: model.tasks.clone(),
            until: model.until.map(|until| Time(until.0)),
            progress: vec![Progress::default(); model.tasks.len()],
            jobs: BTreeMap::new(),
            doing: BTreeMap::new(),
            aborts: model.tasks.iter().any(|task| task.late == Late::Abort),
            requests: BTreeMap::new(),
        }
    }

    pub fn settle(&mut self, next: Time, reports: &mut Reports) {
        if self.aborts {
            let late = self.jobs.iter().find(|(_, job)| self.dropped_at(job).is_some_and(|due| due < next));
            reports.require(late.is_none(), Rule::JobDropped, || format!("{late:?} goes on after its deadline"));
        }
        for progress in &mut self.progress {
            let there = progress.arrived.saturating_sub(progress.ended);
            progress.area += u128::from(there) * u128::from(next.0.saturating_sub(reports.now.0));
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, bursts: &Bursts, reports: &mut Reports) {
        match record.what {
            What::JobArrive { job, task, index } => self.arrive(job, task, index, reports),
            What::JobRefuse { task, index } => self.refuse(task, index, reports),
            What::JobStart { job, context } => self.start(job, context, threads, reports),
            What::JobEnd { job, context } | What::JobFail { job, context } => self.end(job, context, threads, reports),
            What::JobReturn { job, context } => self.give_back(job, context, threads, reports),
            What::JobLost { job } => self.lose(job, reports),
            What::JobDrop { job, by } => self.drop_job(job, by, reports),
            What::ComputeEnd { context } => {
                let burst = threads.thread_of(context).and_then(|thread| bursts.of(thread));
                if let (Some(job), Some(burst)) = (self.job_of(context), burst) {
                    // At another rate than 1 a burst takes another time than it demands; how long is judged with bursts.
                    job.demanded += if bursts.is_even() { burst.demand } else { burst.time };
                }
            }
            What::Sleep { context, time } => {
                if let Some(job) = self.job_of(context) {
                    job.served += time.0;
                }
            }
            What::IoSubmit { request, context, .. } => {
                if let Some(job) = self.doing.get(&context) {
                    self.requests.insert(request, *job);
                }
            }
            What::IoWithdraw { request, .. } => drop(self.requests.remove(&request)),
            // What it has not waited for to the end does not count.
            What::Cancel { context, .. } => {
                if let Some(job) = self.job_of(context) {
                    job.served = 0;
                }
            }
            What::IoStart { request, latency, .. } => {
                let job = self.requests.remove(&request);
                if let Some(job) = job.and_then(|job| self.jobs.get_mut(&job)) {
                    job.served += latency.0;
                }
            }
            _ => {}
        }
    }

    fn job_of(&mut self, context: ContextId) -> Option<&mut Job> {
        self.jobs.get_mut(self.doing.get(&context)?)
    }

    fn arrive(&mut self, job: JobId, task: TaskId, index: u32, reports: &mut Reports) {
        let arrived = reports.now;
        let new = Job { task, arrived, by: None, started: arrived, returned: false, ran: None, demanded: 0, served: 0 };
        let twice = self.jobs.insert(job, new).is_some();
        reports.require(!twice, Rule::JobOnce, || format!("{job:?} arrives a second time"));
        if task.index() >= self.tasks.len() {
            return reports.require(false, Rule::Existence, || format!("there is no {task:?}"));
        }
        self.check_room(task, true, reports);
        self.count(task, index, reports);
    }

    fn refuse(&mut self, task: TaskId, index: u32, reports: &mut Reports) {
        if task.index() >= self.tasks.len() {
            return reports.require(false, Rule::Existence, || format!("there is no {task:?}"));
        }
        self.check_room(task, false, reports);
        self.count(task, index, reports);
        let progress = &mut self.progress[task.index()];
        progress.ended += 1;
        progress.last_end = reports.now;
    }

    /// Whether there is room for one more job of the task.
    fn check_room(&self, task: TaskId, needed: bool, reports: &mut Reports) {
        let progress = &self.progress[task.index()];
        let inside = progress.arrived.saturating_sub(progress.ended);
        let room = self.tasks[task.index()].capacity.is_none_or(|most| inside < most);
        reports.require(room == needed, Rule::JobRefused, || format!("{task:?} has {inside} jobs in the system"));
    }

    fn count(&mut self, task: TaskId, index: u32, reports: &mut Reports) {
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

    fn start(&mut self, job: JobId, context: ContextId, threads: &Threads, reports: &mut Reports) {
        self.doing.insert(context, job);
        let Some(found) = self.jobs.get_mut(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} starts before it arrives"));
        };
        let before = found.by.replace(context);
        reports.require(before.is_none(), Rule::JobOnce, || format!("{job:?} starts a second time"));
        found.started = reports.now;
        found.ran = run_time(context, threads, reports.now);
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

    fn end(&mut self, job: JobId, context: ContextId, threads: &Threads, reports: &mut Reports) {
        self.doing.remove(&context);
        let Some(found) = self.jobs.remove(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} ends but is not in the system"));
        };
        let by = found.by;
        let right = by == Some(context) || found.returned;
        reports.require(right, Rule::JobOnce, || format!("{context:?} ends {job:?}, begun by {by:?}"));
        if !found.returned {
            check_service(job, &found, context, threads, reports);
        }
        self.leave(&found, reports.now);
    }

    /// A worker process has done the job.
    fn give_back(&mut self, job: JobId, context: ContextId, threads: &Threads, reports: &mut Reports) {
        self.doing.remove(&context);
        let Some(found) = self.jobs.get_mut(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} is done but is not in the system"));
        };
        let once = found.by == Some(context) && !std::mem::replace(&mut found.returned, true);
        reports.require(once, Rule::JobOnce, || format!("{context:?} has done {job:?}, begun by {:?}", found.by));
        let found = &self.jobs[&job];
        check_service(job, found, context, threads, reports);
    }

    /// The job is over wherever it stands.
    fn lose(&mut self, job: JobId, reports: &mut Reports) {
        self.doing.retain(|_, of| *of != job);
        self.requests.retain(|_, of| *of != job);
        let Some(found) = self.jobs.remove(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} is lost but is not in the system"));
        };
        self.leave(&found, reports.now);
    }

    /// When the job has to be complete or is dropped; `None` if it may be late.
    fn dropped_at(&self, job: &Job) -> Option<Time> {
        let task = self.tasks.get(job.task.index()).filter(|task| task.late == Late::Abort)?;
        let period = match task.arrivals {
            Arrivals::Every(period) => Some(period),
            _ => None,
        };
        Some(Time(job.arrived.0.saturating_add(task.urgency.deadline.or(period)?.0)))
    }

    fn drop_job(&mut self, job: JobId, by: Option<ContextId>, reports: &mut Reports) {
        if let Some(context) = by {
            self.doing.remove(&context);
        }
        // What it still has a device do is no part of whoever gets its number next.
        self.requests.retain(|_, of| *of != job);
        let Some(found) = self.jobs.remove(&job) else {
            return reports.require(false, Rule::JobOnce, || format!("{job:?} is dropped but is not in the system"));
        };
        reports.require(found.by == by, Rule::JobOnce, || format!("{by:?} drops {job:?}, begun by {:?}", found.by));
        let due = self.dropped_at(&found);
        reports.require(due == Some(reports.now), Rule::JobDropped, || format!("{job:?} is dropped, due at {due:?}"));
        self.leave(&found, reports.now);
    }

    fn leave(&mut self, job: &Job, now: Time) {
        if let Some(progress) = self.progress.get_mut(job.task.index()) {
            progress.ended += 1;
            progress.last_end = now;
            progress.times += u128::from(now.0.saturating_sub(job.arrived.0));
        }
    }

    pub fn finish(&self, finished: bool, regular: bool, reports: &mut Reports) {
        for (number, progress) in self.progress.iter().enumerate() {
            let open = self.jobs.values().filter(|job| job.task.index() == number);
            let open: u128 = open.map(|job| u128::from(reports.now.0.saturating_sub(job.arrived.0))).sum();
            let (area, times) = (progress.area, progress.times + open);
            reports.require(area == times, Rule::LittlesLaw, || {
                format!("task {number}: {area} ns of jobs, {times} ns of times")
            });
        }
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

/// How long the thread of the context has run, if the context is its own.
fn run_time(context: ContextId, threads: &Threads, now: Time) -> Option<u64> {
    let found = threads.contexts.get(&context).filter(|found| found.progress.is_none())?;
    Some(threads.threads.get(&found.thread)?.ran(now))
}

/// What the steps of the job took is part of its response, and a thread of its own ran for nothing else.
fn check_service(id: JobId, job: &Job, context: ContextId, threads: &Threads, reports: &mut Reports) {
    let span = reports.now.since(job.started).0;
    let least = job.demanded + job.served;
    reports.require(least <= span, Rule::JobSpan, || format!("{id:?} took {span} ns, its steps take {least} ns"));
    if let (Some(before), Some(after)) = (job.ran, run_time(context, threads, reports.now)) {
        let ran = after.saturating_sub(before);
        reports.require(ran == job.demanded, Rule::JobService, || {
            format!("{id:?} ran for {ran} ns, its steps demand {} ns", job.demanded)
        });
    }
}
