//! Pools of processes: chunks go their way in order and once, no queue takes more than it may, and jobs are over when the
//! parent has their results, or never can have them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ChunkId, ContextId, JobId, ThreadId};
use crate::model::{Model, PoolKind};
use crate::trace::{Record, Role, Stage, What};

#[derive(Debug, Default)]
struct Chunk {
    jobs: Vec<JobId>,
    returned: usize,
    /// Who has it, once a worker has received it.
    by: Option<ThreadId>,
    stage: Option<Stage>,
}

/// The pool.
#[derive(Debug)]
pub(super) struct ProcessPool {
    kind: PoolKind,
    most: usize,
    workers: usize,
    chunks: BTreeMap<ChunkId, Chunk>,
    /// Chunks that have come as far as each stage and not further; the first is for those that were submitted.
    lines: [VecDeque<ChunkId>; 5],
    settling: BTreeSet<JobId>,
    /// A worker that has died.
    died: bool,
    /// Who is to end, and has not ended.
    ending: BTreeSet<ThreadId>,
}

impl ProcessPool {
    /// `None` if no pool of processes carries the jobs.
    pub fn new(model: &Model) -> Option<ProcessPool> {
        let pool = model.process_pool()?;
        Some(ProcessPool {
            kind: pool.kind,
            most: model.pool_workers(pool) as usize,
            workers: 0,
            chunks: BTreeMap::new(),
            lines: Default::default(),
            settling: BTreeSet::new(),
            died: false,
            ending: BTreeSet::new(),
        })
    }

    /// Whether results may never come because somebody has died.
    pub fn has_lost(&self) -> bool {
        self.died
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        self.check_end(record, threads, reports);
        match record.what {
            What::ThreadStart { role: Role::Worker(_), .. } => {
                self.workers += 1;
                reports.require(self.workers <= self.most, Rule::ProcessPoolWorkers, || {
                    format!("the pool has {} workers and may have {}", self.workers, self.most)
                });
            }
            What::Chunk { chunk, job } => {
                let found = self.chunks.entry(chunk).or_default();
                if found.jobs.is_empty() {
                    self.lines[0].push_back(chunk);
                }
                found.jobs.push(job);
                let late = found.stage;
                reports
                    .require(late.is_none(), Rule::ProcessPoolOrder, || format!("{job:?} joins {chunk:?} at {late:?}"));
            }
            What::Pass { chunk, stage, thread } => self.pass(chunk, stage, thread, reports),
            What::JobStart { job, context } => self.begin(job, context, threads, reports),
            What::JobReturn { job, context } => {
                let by = threads.thread_of(context);
                let own = self.chunks.values_mut().find(|chunk| chunk.by == by && chunk.jobs.contains(&job));
                reports
                    .require(own.is_some(), Rule::ProcessPoolJobs, || format!("{by:?} returns {job:?}, not its own"));
                own.into_iter().for_each(|chunk| chunk.returned += 1);
            }
            What::JobEnd { job, .. } => {
                let settled = self.settling.remove(&job);
                reports.require(settled, Rule::ProcessPoolJobs, || format!("{job:?} is over without a result"));
            }
            What::JobLost { job } => {
                let known = self.settling.remove(&job) || self.died;
                reports.require(known, Rule::ProcessPoolJobs, || format!("{job:?} is lost, and nobody has died"));
            }
            What::Exit { context } => {
                self.died = true;
                self.workers -= usize::from(self.kind == PoolKind::Multiprocessing);
                let by = threads.thread_of(context);
                self.chunks.retain(|_, chunk| by.is_none() || chunk.by != by);
                self.ending.extend(by);
            }
            What::Kill { context } => {
                let by = threads.thread_of(context);
                self.chunks.retain(|_, chunk| by.is_none() || chunk.by != by);
                reports.require(self.died && self.kind == PoolKind::Executor, Rule::ProcessPoolBroken, || {
                    format!("{by:?} is terminated, and the pool is not broken")
                });
                self.ending.extend(by);
            }
            _ => {}
        }
    }

    /// A worker ends only by its own death or by that of another, and then does nothing else.
    fn check_end(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if let What::ThreadEnd { thread, .. } = record.what {
            let ends = self.ending.remove(&thread);
            reports.require(ends, Rule::ProcessPoolBroken, || format!("{thread:?} ends, and nobody has terminated it"));
        } else if let Some(by) = threads.stepping(&record.what).and_then(|context| threads.thread_of(context)) {
            let ends = self.ending.contains(&by);
            reports.require(!ends, Rule::ProcessPoolBroken, || format!("{by:?} is terminated, yet {:?}", record.what));
        }
    }

    fn pass(&mut self, id: ChunkId, stage: Stage, thread: ThreadId, reports: &mut Reports) {
        let executor = self.kind == PoolKind::Executor;
        let (from, to) = match stage {
            Stage::Handed => (0, Some(1)),
            Stage::Sent => (usize::from(executor), Some(2)),
            Stage::Received => (2, None),
            Stage::Replied => (3, Some(4)),
            Stage::Settled => (4, None),
        };
        let Some(chunk) = self.chunks.get_mut(&id) else {
            return reports.require(false, Rule::ProcessPoolOrder, || format!("{id:?} does not exist, yet {stage:?}"));
        };
        chunk.stage = Some(stage);
        match stage {
            Stage::Replied => {
                let (by, done) = (chunk.by, chunk.returned);
                reports.require(by == Some(thread) && done > 0, Rule::ProcessPoolJobs, || {
                    format!("{thread:?} answers {id:?}, which {by:?} has, with {done} jobs done")
                });
            }
            _ => {
                let first = self.lines[from].pop_front();
                reports.require(first == Some(id), Rule::ProcessPoolOrder, || {
                    format!("{id:?} comes to {stage:?}, and {first:?} is first")
                });
            }
        }
        match (stage, to) {
            (Stage::Received, _) => {
                let busy = self.chunks.values().any(|other| other.by == Some(thread));
                reports
                    .require(!busy, Rule::ProcessPoolOrder, || format!("{thread:?} receives {id:?} and has another"));
                self.chunks.entry(id).or_default().by = Some(thread);
            }
            (Stage::Settled, _) => {
                let jobs = self.chunks.remove(&id).map(|chunk| chunk.jobs);
                self.settling.extend(jobs.into_iter().flatten());
            }
            (_, Some(to)) => {
                self.lines[to].push_back(id);
                if let (Stage::Replied, Some(chunk)) = (stage, self.chunks.get_mut(&id)) {
                    chunk.by = None;
                }
            }
            (_, None) => {}
        }
        let waiting = self.lines[1].len() + self.lines[2].len();
        reports.require(!executor || waiting <= self.most + 1, Rule::ProcessPoolBound, || {
            format!("{waiting} chunks wait outside of {} workers", self.most)
        });
    }

    /// A worker does the jobs of the chunk that it has received, in order.
    fn begin(&self, job: JobId, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let by = threads.thread_of(context);
        let own = self.chunks.values().find(|chunk| chunk.by == by && chunk.stage == Some(Stage::Received));
        let next = own.and_then(|chunk| chunk.jobs.get(chunk.returned));
        reports.require(next == Some(&job), Rule::ProcessPoolJobs, || {
            format!("{by:?} begins {job:?}, and {next:?} is the next of its chunk")
        });
    }

    pub fn finish(&self, finished: bool, threads: &Threads, reports: &mut Reports) {
        let worker = |context: &&super::threads::Context| matches!(context.role, Role::Worker(_));
        let left = threads.contexts.values().find(worker).filter(|_| finished && self.died);
        reports.require(left.is_none() || self.kind != PoolKind::Executor, Rule::ProcessPoolBroken, || {
            format!("a worker has died, and {left:?} is left")
        });
        let open = self.chunks.keys().next().filter(|_| finished && !self.died);
        reports.require(open.is_none(), Rule::Ending, || format!("{open:?} is not over"));
        let settling = self.settling.iter().next().filter(|_| finished);
        reports.require(settling.is_none(), Rule::ProcessPoolJobs, || format!("{settling:?} has a result and goes on"));
    }
}
