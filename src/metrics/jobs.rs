//! Jobs and device requests: arrivals, completions, response, wait and service times.

use super::clock::clipped;
use super::figures::{CriticalPath, DeviceFigures, TaskFigures};
use super::sample::Sample;
use super::threads::put;
use crate::id::{ContextId, DeviceId, JobId, RequestId, TaskId};
use crate::model::{Late, Model};
use crate::time::{Duration, Time};

/// Accounts of jobs and devices.
#[derive(Clone, Debug)]
pub struct Jobs {
    warm_up: u64,
    until: Option<u64>,
    jobs: Vec<Job>,
    /// By context: its job, and the demand of its present burst.
    contexts: Vec<(Option<JobId>, u64)>,
    requests: Vec<Request>,
    tasks: Vec<Task>,
    devices: Vec<Device>,
    /// Whether sleeps can be cut short, and when each context wakes then.
    cancels: bool,
    raises: bool,
    alarms: Vec<u64>,
    /// By context: the steps that it has a thread do. By these: whose they are.
    handed: Vec<Option<ContextId>>,
    owners: Vec<Option<ContextId>>,
    /// All tasks together.
    pub all: Task,
    pub last_end: Time,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    task: TaskId,
    arrived: u64,
    service: u64,
    /// Not complete; kept for tasks with deadlines only.
    open: bool,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    device: DeviceId,
    context: ContextId,
    submitted: u64,
    started: u64,
    latency: u64,
}

/// Sums over the jobs of a task.
#[derive(Clone, Debug, Default)]
pub struct Task {
    pub arrived: u64,
    pub completed: u64,
    pub response: Sample,
    pub wait: Sample,
    pub service: Sample,
    longest: u64,
    /// Counted from the arrival of a job; `None` without deadlines.
    deadline: Option<u64>,
    missed: u64,
    refused: u64,
    failed: u64,
}

#[derive(Clone, Debug, Default)]
struct Device {
    completed: u64,
    busy: u128,
    response: Sample,
}

impl Jobs {
    pub fn new(model: &Model) -> Jobs {
        Jobs {
            warm_up: model.warm_up.0,
            until: model.until.map(|until| until.0),
            jobs: Vec::new(),
            contexts: Vec::new(),
            requests: Vec::new(),
            tasks: model.tasks.iter().map(|task| Task { deadline: deadline(model, task), ..Task::default() }).collect(),
            devices: vec![Device::default(); model.devices.len()],
            cancels: model.cancels(),
            raises: model.fails(),
            alarms: Vec::new(),
            handed: Vec::new(),
            owners: Vec::new(),
            all: Task::default(),
            last_end: Time::ZERO,
        }
    }

    #[inline]
    pub fn arrive(&mut self, job: JobId, task: TaskId, now: Time) {
        put(&mut self.jobs, job.index(), Job { task, arrived: now.0, service: 0, open: true });
        if now.0 >= self.warm_up && Some(now.0) != self.until {
            self.all.arrived += 1;
            self.tasks[task.index()].arrived += 1;
        }
    }

    /// A job arrives and is turned away.
    pub fn refuse(&mut self, task: TaskId, now: Time) {
        if now.0 >= self.warm_up && Some(now.0) != self.until {
            self.all.arrived += 1;
            let task = &mut self.tasks[task.index()];
            task.arrived += 1;
            task.refused += 1;
        }
    }

    /// Whether a completion belongs to the window. Of its two ends it has the last instant and arrivals have the first, so
    /// that a server that is always busy completes what fits and not one more.
    #[inline]
    fn counts(&self, now: Time) -> bool {
        now.0 > self.warm_up || self.warm_up == 0
    }

    /// Response times of one task, or of all together.
    pub fn response(&self, task: Option<usize>) -> &Sample {
        match (task, self.tasks.as_slice()) {
            // With one task, all tasks together are that task: see `end`.
            (None, [only]) => &only.response,
            (None, _) => &self.all.response,
            (Some(task), tasks) => &tasks[task].response,
        }
    }

    #[inline]
    pub fn start(&mut self, job: JobId, context: ContextId) {
        put(&mut self.contexts, context.index(), (Some(job), 0));
    }

    #[inline]
    pub fn end(&mut self, job: JobId, context: ContextId, now: Time) {
        if let Some(slot) = self.contexts.get_mut(context.index()) {
            slot.0 = None;
        }
        self.last_end = now;
        let Job { task, arrived, service, .. } = self.jobs[job.index()];
        if !self.counts(now) {
            return;
        }
        let single = self.tasks.len() == 1;
        let task = &mut self.tasks[task.index()];
        task.completed += 1;
        task.longest = task.longest.max(service);
        self.all.completed += 1;
        if arrived < self.warm_up {
            return;
        }
        let response = now.0 - arrived;
        if let Some(deadline) = task.deadline {
            task.missed += u64::from(response > deadline);
            // It is not open any more.
            self.jobs[job.index()].open = false;
        }
        // With one task, all tasks together are that task: `finish` copies.
        task.add(response, service);
        if !single {
            self.all.add(response, service);
        }
    }

    /// The job is over and not complete.
    pub fn drop_at_deadline(&mut self, job: JobId, by: Option<ContextId>, now: Time) {
        if let Some(context) = by {
            self.let_go(context);
            self.contexts[context.index()].0 = None;
        }
        self.last_end = now;
        let Job { task, arrived, .. } = self.jobs[job.index()];
        self.jobs[job.index()].open = false;
        if arrived >= self.warm_up {
            self.tasks[task.index()].missed += 1;
        }
    }

    /// A worker process has done the job.
    pub fn give_back(&mut self, context: ContextId) {
        if let Some((job, _)) = self.contexts.get_mut(context.index()) {
            *job = None;
        }
    }

    /// The job is over and not complete, wherever it stands.
    pub fn lose(&mut self, job: JobId, now: Time) {
        self.contexts.iter_mut().filter(|(of, _)| *of == Some(job)).for_each(|(of, _)| *of = None);
        self.count_failed(job, now);
    }

    /// The job ends with an exception: it is over and not complete.
    pub fn fail(&mut self, job: JobId, context: ContextId, now: Time) {
        self.contexts[context.index()].0 = None;
        self.count_failed(job, now);
    }

    fn count_failed(&mut self, job: JobId, now: Time) {
        self.last_end = now;
        let Job { task, arrived, .. } = self.jobs[job.index()];
        self.jobs[job.index()].open = false;
        let task = &mut self.tasks[task.index()];
        if arrived >= self.warm_up {
            task.failed += 1;
            task.missed += u64::from(task.deadline.is_some());
        }
    }

    #[inline]
    pub fn sleep(&mut self, context: ContextId, time: Duration, now: Time) {
        self.serve(context, time.0);
        if self.cancels {
            put(&mut self.alarms, context.index(), now.0.saturating_add(time.0));
        }
    }

    /// What is left of its sleep, if it sleeps, is not slept.
    pub fn cancel(&mut self, context: ContextId, now: Time) {
        self.let_go(context);
        let Some(alarm) = self.alarms.get_mut(context.index()) else { return };
        let left = std::mem::take(alarm).saturating_sub(now.0);
        if let Some((Some(job), _)) = self.contexts.get(context.index()) {
            let job = &mut self.jobs[job.index()];
            job.service = job.service.saturating_sub(left);
        }
    }

    /// The context has a thread do some of its steps, as the context `steps`: they serve the same job.
    pub fn hand_over(&mut self, context: ContextId, steps: ContextId) {
        let job = self.contexts.get(context.index()).and_then(|(job, _)| *job);
        grow(&mut self.contexts, steps.index(), (job, 0));
        grow(&mut self.handed, context.index(), Some(steps));
        grow(&mut self.owners, steps.index(), Some(context));
    }

    /// They are done.
    pub fn hand_back(&mut self, steps: ContextId) {
        self.contexts[steps.index()].0 = None;
        self.owners[steps.index()] = None;
    }

    /// The context does not wait for them any more.
    fn let_go(&mut self, context: ContextId) {
        let steps = self.handed.get_mut(context.index()).and_then(Option::take);
        if let Some(steps) = steps.filter(|steps| self.owners[steps.index()] == Some(context)) {
            self.hand_back(steps);
        }
    }

    /// Nobody waits for the request any more.
    pub fn withdraw(&mut self, request: RequestId) {
        self.requests[request.index()].context = ContextId(u32::MAX);
    }

    #[inline]
    pub fn demand(&mut self, context: ContextId, demand: Duration) {
        if let Some(slot) = self.contexts.get_mut(context.index()) {
            slot.1 = demand.0;
        }
    }

    #[inline]
    pub fn computed(&mut self, context: ContextId) {
        if let Some((Some(job), demand)) = self.contexts.get(context.index()) {
            let job = &mut self.jobs[job.index()];
            job.service = job.service.saturating_add(*demand);
        }
    }

    #[inline]
    pub fn serve(&mut self, context: ContextId, time: u64) {
        if let Some((Some(job), _)) = self.contexts.get(context.index()) {
            let job = &mut self.jobs[job.index()];
            job.service = job.service.saturating_add(time);
        }
    }

    #[inline]
    pub fn submit(&mut self, device: DeviceId, request: RequestId, context: ContextId, now: Time) {
        let new = Request { device, context, submitted: now.0, started: now.0, latency: 0 };
        put(&mut self.requests, request.index(), new);
    }

    #[inline]
    pub fn start_request(&mut self, request: RequestId, latency: Duration, now: Time) {
        let request = &mut self.requests[request.index()];
        (request.started, request.latency) = (now.0, latency.0);
    }

    #[inline(always)]
    pub fn end_request(&mut self, device: DeviceId, request: RequestId, now: Time) {
        let Request { context, submitted, started, latency, .. } = self.requests[request.index()];
        self.requests[request.index()].latency = 0;
        self.serve(context, latency);
        let counts = self.counts(now);
        let device = &mut self.devices[device.index()];
        device.busy += u128::from(clipped(started, now.0, self.warm_up));
        if counts {
            device.completed += 1;
            if submitted >= self.warm_up {
                device.response.add(now.0 - submitted);
            }
        }
    }

    /// Jobs that are not complete at their deadlines, up to and including the last instant.
    fn count_overdue(&mut self, now: Time) {
        for job in self.jobs.iter().filter(|job| job.open && job.arrived >= self.warm_up) {
            let task = &mut self.tasks[job.task.index()];
            task.missed +=
                u64::from(task.deadline.is_some_and(|deadline| job.arrived.saturating_add(deadline) <= now.0));
        }
    }

    /// The figures of tasks over `done` nanoseconds and of devices over a window that ends now.
    pub fn finish(&mut self, model: &Model, done: f64, now: Time) -> (Vec<TaskFigures>, Vec<DeviceFigures>) {
        self.count_overdue(now);
        for request in self.requests.iter().filter(|request| request.latency > 0) {
            // Still being served.
            self.devices[request.device.index()].busy += u128::from(clipped(request.started, now.0, self.warm_up));
        }
        if let [only] = self.tasks.as_slice() {
            let arrived = self.all.arrived;
            self.all = Task { arrived, ..only.clone() };
        }
        let window = now.0.saturating_sub(self.warm_up) as f64;
        let raises = self.raises;
        let tasks = self.tasks.iter().zip(&model.tasks).map(|(task, definition)| TaskFigures {
            task: definition.name.clone(),
            arrived: task.arrived,
            completed: task.completed,
            throughput: rate(task.completed, done),
            response: task.response.summary(),
            wait: task.wait.summary(),
            service: task.service.summary(),
            missed: task.deadline.map(|_| task.missed),
            refused: definition.capacity.map(|_| task.refused),
            failed: raises.then_some(task.failed),
        });
        let devices = self.devices.iter().zip(&model.devices).map(|(device, definition)| DeviceFigures {
            device: definition.name.clone(),
            completed: device.completed,
            utilization: match window > 0.0 {
                true => device.busy as f64 / window / f64::from(definition.slots.unwrap_or(1)),
                false => 0.0,
            },
            response: device.response.summary(),
        });
        (tasks.collect(), devices.collect())
    }

    /// The chain of tasks with the greatest sum of service times. The length of a task is its longest job.
    pub fn critical_path(&self, model: &Model) -> Option<CriticalPath> {
        if model.tasks.iter().all(|task| task.after.is_empty()) {
            return None;
        }
        let mut graph = petgraph::graph::DiGraph::<TaskId, ()>::new();
        let nodes: Vec<_> = (0..model.tasks.len()).map(|task| graph.add_node(TaskId::from(task))).collect();
        for (task, definition) in model.tasks.iter().enumerate() {
            for before in &definition.after {
                graph.add_edge(nodes[before.index()], nodes[task], ());
            }
        }
        let order = petgraph::algo::toposort(&graph, None).expect("the compiler rejects cycles");
        let mut best: Vec<(u64, Option<usize>)> = vec![(0, None); model.tasks.len()];
        for node in order {
            let task = graph[node].index();
            let before = model.tasks[task].after.iter().map(|before| (best[before.index()].0, before.index()));
            let longest = before.max_by_key(|(length, task)| (*length, usize::MAX - task));
            let own = self.tasks[task].longest;
            best[task] = (own + longest.map_or(0, |(length, _)| length), longest.map(|(_, task)| task));
        }
        let last = (0..best.len()).max_by_key(|task| (best[*task].0, usize::MAX - task))?;
        let chain = std::iter::successors(Some(last), |task| best[*task].1);
        let mut tasks: Vec<String> = chain.map(|task| model.tasks[task].name.clone()).collect();
        tasks.reverse();
        Some(CriticalPath { tasks, length: Duration(best[last].0) })
    }
}

impl Task {
    fn add(&mut self, response: u64, service: u64) {
        self.response.add(response);
        self.wait.add(response.saturating_sub(service));
        self.service.add(service);
    }
}

/// From the arrival of a job of the task to its deadline, in nanoseconds, if it is written down or the policy is one of
/// deadlines and periods.
pub fn deadline(model: &Model, task: &crate::model::Task) -> Option<u64> {
    let deadline = if model.machine.policy.promises().deadlines || task.late == Late::Abort {
        task.relative_deadline()
    } else {
        task.urgency.deadline
    };
    deadline.map(|deadline| deadline.0)
}

/// Stores a value at an index; what is new before it is empty.
fn grow<T: Clone + Default>(list: &mut Vec<T>, index: usize, value: T) {
    if list.len() <= index {
        list.resize(index + 1, T::default());
    }
    list[index] = value;
}

/// Per second.
pub fn rate(count: u64, window_ns: f64) -> f64 {
    if window_ns > 0.0 { count as f64 * 1e9 / window_ns } else { 0.0 }
}
