//! Reads what tests ask about from records, without the library's own figures.

use gilsim::id::{ContextId, JobId, TaskId, ThreadId};
use gilsim::model::Model;
use gilsim::sim::Ended;
use gilsim::trace::{Record, Sink, What};

/// When each job arrived and ended, and what ran where.
#[derive(Default)]
pub struct Probe {
    jobs: Vec<(TaskId, u64)>,
    /// Task of each thread's job, for models with a thread per job.
    tasks: Vec<u32>,
    contexts: Vec<ThreadId>,
    running: Vec<Option<(u32, u64)>>,
    /// (task, arrival, end) in order of completion.
    pub ended: Vec<(u32, u64, u64)>,
    /// (task, arrival, end) of jobs that were dropped at their deadlines.
    pub dropped: Vec<(u32, u64, u64)>,
    /// From arrival to start, in order of starts.
    pub waits: Vec<u64>,
    /// (start, end, core, task), in order of their ends, touching ones of one task merged.
    pub segments: Vec<(u64, u64, u32, u32)>,
}

/// Runs a model and reads its records.
pub fn probe(model: &Model, seed: u64) -> (Ended, Probe) {
    let mut probe = Probe::default();
    let ended = gilsim::sim::run(model, seed, &mut probe);
    (ended, probe)
}

impl Probe {
    /// Completion of the first job of each task.
    pub fn completions(&self, tasks: usize) -> Vec<u64> {
        (0..tasks as u32)
            .map(|task| self.ended.iter().find(|ended| ended.0 == task).map_or(u64::MAX, |ended| ended.2))
            .collect()
    }

    /// First time each task ran.
    pub fn first_runs(&self, tasks: usize) -> Vec<u64> {
        (0..tasks as u32)
            .map(|task| self.segments.iter().filter(|s| s.3 == task).map(|s| s.0).min().unwrap_or(u64::MAX))
            .collect()
    }

    /// Mean response time in nanoseconds of the jobs after the first `skip`.
    pub fn mean_response(&self, skip: usize) -> f64 {
        let jobs = &self.ended[skip..];
        jobs.iter().map(|(_, arrival, end)| (end - arrival) as f64).sum::<f64>() / jobs.len() as f64
    }

    /// Mean wait in nanoseconds of the jobs after the first `skip`.
    pub fn mean_wait(&self, skip: usize) -> f64 {
        let waits = &self.waits[skip..];
        waits.iter().map(|wait| *wait as f64).sum::<f64>() / waits.len() as f64
    }

    fn stop(&mut self, core: u32, now: u64) {
        let Some((task, since)) = self.running[core as usize].take() else { return };
        if since == now {
            return;
        }
        match self.segments.iter_mut().rev().take(64).find(|s| s.2 == core) {
            Some(last) if last.1 == since && last.3 == task => last.1 = now,
            _ => self.segments.push((since, now, core, task)),
        }
    }

    fn context(&mut self, context: ContextId, thread: ThreadId) {
        if self.contexts.len() <= context.index() {
            self.contexts.resize(context.index() + 1, ThreadId(0));
        }
        self.contexts[context.index()] = thread;
    }
}

impl Sink for Probe {
    fn record(&mut self, record: &Record) {
        let now = record.time.0;
        match record.what {
            What::ThreadStart { thread, context, .. } => {
                self.context(context, thread);
                if self.tasks.len() <= thread.index() {
                    self.tasks.resize(thread.index() + 1, u32::MAX);
                }
            }
            What::CoroutineStart { context, thread, .. } => self.context(context, thread),
            What::JobArrive { job, task, .. } => {
                if self.jobs.len() <= job.index() {
                    self.jobs.resize(job.index() + 1, (task, 0));
                }
                self.jobs[job.index()] = (task, now);
            }
            What::JobStart { job, context } => {
                let thread = self.contexts[context.index()];
                let (task, arrival) = self.job(job);
                self.tasks[thread.index()] = task;
                self.waits.push(now - arrival);
            }
            What::JobEnd { job, .. } => {
                let (task, arrival) = self.job(job);
                self.ended.push((task, arrival, now));
            }
            What::JobDrop { job, .. } => {
                let (task, arrival) = self.job(job);
                self.dropped.push((task, arrival, now));
            }
            What::Run { core, thread } => {
                if self.running.len() <= core.index() {
                    self.running.resize(core.index() + 1, None);
                }
                self.running[core.index()] = Some((self.tasks[thread.index()], now));
            }
            What::Preempt { core, .. }
            | What::Yield { core, .. }
            | What::Block { core, .. }
            | What::ThreadEnd { core, .. } => self.stop(core.0, now),
            _ => {}
        }
    }
}

impl Probe {
    fn job(&self, job: JobId) -> (u32, u64) {
        let (task, arrival) = self.jobs[job.index()];
        (task.0, arrival)
    }
}
