//! Pools of processes, as `Lib/concurrent/futures/process.py` and `Lib/multiprocessing/pool.py` of CPython 3.14 work: threads of the
//! parent hand chunks of jobs to worker processes and take their results, one after the other, under the parent's GIL.

mod parent;
mod terminate;
mod worker;

use std::collections::VecDeque;

pub(super) use parent::Act;

use super::create::Origin;
use super::world::{Body, State};
use super::{Chooser, Sim};
use crate::id::{ChunkId, JobId, ProcessId, ProgramId, TaskId, ThreadId};
use crate::model::{PoolKind, ProcessPool, StartMethod};
use crate::slab::Slab;
use crate::time::{Duration, Time};
use crate::trace::{On, PoolPart, Role, Sink, Stage, What};

/// A pool and its parent.
#[derive(Clone, Debug, Hash)]
pub(super) struct Pool {
    pub settings: ProcessPool,
    pub most: u32,
    start: StartMethod,
    chunks: Slab<ChunkId, Chunk>,
    /// By task: jobs of a chunk.
    sizes: Vec<u32>,
    /// The chunk that jobs of this instant can still join.
    open: Option<(ChunkId, Time)>,
    /// Chunks that no thread of the parent has touched.
    pending: VecDeque<ChunkId>,
    /// Chunks that the manager has handed on and the feeder has not sent.
    buffer: VecDeque<ChunkId>,
    /// Messages to workers, and from workers.
    calls: VecDeque<ChunkId>,
    results: VecDeque<ChunkId>,
    /// Chunks handed on that no worker has received.
    handed: u32,
    /// The worker that has the lock of the pipe, and those that wait for it.
    reader: Option<ThreadId>,
    waiting: VecDeque<ThreadId>,
    workers: Vec<Worker>,
    /// Workers that are still to be started, and results since the last submission that could have one started.
    to_start: u32,
    idle: u32,
    /// The threads of the parent: the starter, the manager or task handler, the feeder, the result handler.
    starter: ThreadId,
    sender: ThreadId,
    feeder: Option<ThreadId>,
    receiver: ThreadId,
    /// The manager has looked which results there are, and has taken none since.
    polled: bool,
    /// The manager does not run before all workers are forked.
    holds_back: bool,
    server_boots: Option<Time>,
    /// Workers that have died and that the parent does not know of.
    died: u32,
    pub broken: bool,
    /// Jobs whose results never come.
    pub lost: Vec<Lost>,
}

/// Who died with a job.
#[derive(Clone, Debug, Hash)]
pub(super) struct Lost {
    pub task: TaskId,
    pub index: u32,
    pub worker: u32,
    pub at: Time,
}

/// Jobs that travel together.
#[derive(Clone, Debug, Default, Hash)]
struct Chunk {
    task: Option<TaskId>,
    jobs: Vec<JobId>,
    /// How many a worker has begun.
    begun: usize,
    failed: bool,
}

#[derive(Clone, Debug, Hash)]
struct Worker {
    chunk: Option<ChunkId>,
    unpickled: bool,
    /// `None` after its end.
    thread: Option<ThreadId>,
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The parent with its threads; workers come when they are needed.
    pub(super) fn process_pool(&mut self, settings: ProcessPool) {
        let parent = self.process(None);
        let thread = |sim: &mut Self, part| {
            let origin = Origin { role: Role::Pool(part), program: ProgramId(u32::MAX), parent: None, key: 0 };
            let thread = sim.thread(parent, Body::Pool(part), origin);
            sim.wake_after(thread, Duration::ZERO);
            thread
        };
        let starter = thread(self, PoolPart::Main);
        let (sender, feeder, receiver) = match settings.kind {
            PoolKind::Executor => {
                let manager = thread(self, PoolPart::Manager);
                (manager, Some(thread(self, PoolPart::Feeder)), manager)
            }
            PoolKind::Multiprocessing => {
                (thread(self, PoolPart::TaskHandler), None, thread(self, PoolPart::ResultHandler))
            }
        };
        let most = self.model.pool_workers(settings);
        let start = self.model.start_method(settings);
        let sizes = (0..self.model.tasks.len()).map(|task| self.model.chunk_of(settings, task)).collect();
        let at_once = settings.kind == PoolKind::Multiprocessing;
        self.world.pool = Some(Box::new(Pool {
            settings,
            most,
            start,
            chunks: Slab::default(),
            sizes,
            open: None,
            pending: VecDeque::new(),
            buffer: VecDeque::new(),
            calls: VecDeque::new(),
            results: VecDeque::new(),
            handed: 0,
            reader: None,
            waiting: VecDeque::new(),
            workers: Vec::new(),
            to_start: if at_once { most } else { 0 },
            idle: 0,
            starter,
            sender,
            feeder,
            receiver,
            polled: false,
            holds_back: !at_once && start == StartMethod::Fork,
            server_boots: None,
            died: 0,
            broken: false,
            lost: Vec::new(),
        }));
    }

    pub(super) fn pool(&mut self) -> &mut Pool {
        self.world.pool.as_mut().expect("the model has a pool of processes")
    }

    /// A job arrives: it joins the chunk of this instant, or is the first of a new one.
    pub(super) fn submit_to_pool(&mut self, job: JobId) {
        let (now, task) = (self.world.now, self.world.work.jobs[job].task);
        let pool = self.pool();
        if pool.broken {
            return self.lose(job);
        }
        let size = pool.sizes[task.index()] as usize;
        if let Some((open, at)) = pool.open
            && at == now
            && pool.chunks[open].task == Some(task)
            && pool.chunks[open].jobs.len() < size
        {
            pool.chunks[open].jobs.push(job);
            self.note(What::Chunk { chunk: open, job });
            return;
        }
        let chunk = pool.chunks.claim(Chunk::default);
        let new = &mut pool.chunks[chunk];
        new.jobs.clear();
        new.jobs.push(job);
        (new.task, new.begun, new.failed) = (Some(task), 0, false);
        pool.open = Some((chunk, now));
        pool.pending.push_back(chunk);
        self.note(What::Chunk { chunk, job });
        self.start_for_one_more();
        let pool = self.pool();
        let sender = pool.sender;
        if !pool.holds_back {
            self.stir(sender);
        }
    }

    /// A submission may need one more worker: all of them at the first if they are forked, else one for each that finds none idle.
    fn start_for_one_more(&mut self) {
        let pool = self.pool();
        if pool.settings.kind == PoolKind::Multiprocessing {
            return;
        }
        let started = pool.workers.len() as u32 + pool.to_start;
        if started >= pool.most {
            return;
        }
        match pool.start {
            StartMethod::Fork => pool.to_start = pool.most,
            _ if pool.idle > 0 => {
                pool.idle -= 1;
                return;
            }
            _ => pool.to_start += 1,
        }
        let starter = pool.starter;
        self.stir(starter);
    }

    /// The job is over and not complete, wherever it stands.
    pub(super) fn lose(&mut self, job: JobId) {
        self.note(What::JobLost { job });
        let lost = self.world.work.jobs[job].clone();
        self.world.work.jobs.release(job);
        self.conclude_as(lost, true);
    }

    fn pass(&mut self, chunk: ChunkId, stage: Stage, thread: ThreadId) {
        self.note(What::Pass { chunk, stage, thread });
    }

    /// Core time at one end of a message with so many items and bytes in all, besides what the parent's threads need anyway.
    fn at_one_end(&self, items: usize, bytes: u64) -> Duration {
        let costs = &self.model.machine.costs;
        let whole = u128::from(costs.kilobyte.0) * u128::from(bytes) * items as u128 / 2_000;
        let bytes = u64::try_from(whole).unwrap_or(u64::MAX / 4);
        Duration(costs.pickle.0.saturating_mul(items as u64).saturating_add(bytes))
    }

    fn call_message(&mut self, chunk: ChunkId) -> Duration {
        let (items, task) = self.sizes_of(chunk);
        self.at_one_end(items, self.model.tasks[task.index()].argument)
    }

    fn result_message(&mut self, chunk: ChunkId) -> Duration {
        let (items, task) = self.sizes_of(chunk);
        self.at_one_end(items, self.model.tasks[task.index()].result)
    }

    fn sizes_of(&mut self, chunk: ChunkId) -> (usize, TaskId) {
        let chunk = &self.pool().chunks[chunk];
        (chunk.jobs.len(), chunk.task.expect("a chunk in use has a task"))
    }

    /// Wakes the thread if it waits for work.
    fn stir(&mut self, thread: ThreadId) {
        if self.world.threads[thread].state == State::Blocked(On::Job) {
            self.wake(thread);
        }
    }

    /// Where a thread of the parent lives.
    const PARENT: ProcessId = ProcessId(0);
}
