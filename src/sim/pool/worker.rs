//! Worker processes: they take turns to read chunks, do the jobs of theirs one after the other, and send the results.

use super::Lost;
use super::parent::Act;
use crate::id::{ContextId, CoreId, JobId, ThreadId};
use crate::model::PoolKind;
use crate::sim::world::{Body, Phase, State};
use crate::sim::{Chooser, Sim};
use crate::time::Time;
use crate::trace::{CpuKind, On, PoolPart, Raised, Sink, Stage, What};

/// How often `multiprocessing.Pool` looks for dead workers, in nanoseconds.
const LOOKS: u64 = 100_000_000;

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The next job of the chunk, the results of it, or the next chunk.
    pub(super) fn work(&mut self, thread: ThreadId, number: u32) -> bool {
        let pool = self.pool();
        let Some(chunk) = pool.workers[number as usize].chunk else {
            return self.leave_gil(thread, Phase::Idle);
        };
        if !pool.workers[number as usize].unpickled {
            let time = self.model.machine.costs.message + self.call_message(chunk);
            return self.spend(thread, time, Act::Unpickled);
        }
        let state = &mut pool.chunks[chunk];
        if let Some(job) = state.jobs.get(state.begun).copied().filter(|_| !state.failed) {
            state.begun += 1;
            let own = self.world.threads[thread].own;
            self.assign(job, own);
            self.world.threads[thread].phase = Phase::Step;
            return true;
        }
        let time = self.model.machine.costs.message + self.result_message(chunk);
        self.spend(thread, time, Act::Answered)
    }

    /// The worker takes the lock of the pipe and reads, or waits for one or the other.
    pub(super) fn wait_for_chunk(&mut self, thread: ThreadId) -> bool {
        let pool = self.pool();
        if *pool.reader.get_or_insert(thread) != thread {
            if !pool.waiting.contains(&thread) {
                pool.waiting.push_back(thread);
            }
            self.block(thread, On::Job, Phase::Idle);
            return false;
        }
        if pool.calls.is_empty() || pool.broken {
            self.block(thread, On::Job, Phase::Idle);
            return false;
        }
        let own = self.world.threads[thread].own;
        let cost = self.model.machine.costs.syscall;
        self.start_burst(thread, own, CpuKind::System, cost, Phase::Pool(Act::Read));
        true
    }

    /// The chunk is the worker's, and the next one can read.
    pub(super) fn received(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Gil;
        let Some(number) = self.worker_number(thread) else { return true };
        let pool = self.pool();
        let chunk = pool.calls.pop_front();
        pool.handed = pool.handed.saturating_sub(u32::from(chunk.is_some()));
        let worker = &mut pool.workers[number as usize];
        (worker.chunk, worker.unpickled) = (chunk, false);
        pool.reader = pool.waiting.pop_front();
        let next = pool.reader;
        if let Some(chunk) = chunk {
            self.pass(chunk, Stage::Received, thread);
        }
        next.into_iter().for_each(|next| self.stir(next));
        true
    }

    pub(super) fn unpickled(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Job;
        if let Some(number) = self.worker_number(thread) {
            self.pool().workers[number as usize].unpickled = true;
        }
        true
    }

    /// The results are in the pipe.
    pub(super) fn replied(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Gil;
        let Some(number) = self.worker_number(thread) else { return true };
        let pool = self.pool();
        if let Some(chunk) = pool.workers[number as usize].chunk.take() {
            pool.results.push_back(chunk);
            let receiver = pool.receiver;
            self.pass(chunk, Stage::Replied, thread);
            self.stir(receiver);
        }
        true
    }

    fn worker_number(&self, thread: ThreadId) -> Option<u32> {
        match self.world.threads[thread].body {
            Body::Pool(PoolPart::Worker(number)) => Some(number),
            _ => None,
        }
    }

    /// The worker has done the job, or an exception has left it; it is over when the parent has the result.
    pub(in crate::sim) fn return_job(&mut self, job: JobId, context: ContextId, raised: Option<Raised>) {
        let thread = self.world.contexts[context].thread;
        if self.pool().broken {
            return; // It was lost already.
        }
        self.carry_nothing(thread);
        self.note(What::JobReturn { job, context });
        if let (Some(_), Some(number)) = (raised, self.worker_number(thread)) {
            let pool = self.pool();
            if let Some(chunk) = pool.workers[number as usize].chunk {
                pool.chunks[chunk].failed = true;
            }
        }
    }

    /// Whether the context is that of a worker process of a pool.
    pub(in crate::sim) fn is_pool_worker(&self, context: ContextId) -> bool {
        self.worker_number(self.world.contexts[context].thread).is_some()
    }

    /// `os._exit`: the process of the worker is gone. A `ProcessPoolExecutor` is broken as soon as its manager knows; a
    /// `multiprocessing.Pool` starts another worker when it looks for dead ones, and never hears of the chunk.
    #[cold]
    pub(in crate::sim) fn exit(&mut self, core: CoreId, thread: ThreadId, context: ContextId) -> bool {
        let now = self.world.now;
        let Some(number) = self.worker_number(thread) else { return true };
        self.note(What::Exit { context });
        self.world.contexts[context].take_job();
        self.pool().workers[number as usize].thread = None;
        let kind = self.pool().settings.kind;
        match kind {
            PoolKind::Executor => {
                let pool = self.pool();
                pool.died += 1;
                let manager = pool.receiver;
                self.stir(manager);
            }
            PoolKind::Multiprocessing => self.lose_chunk(number, now),
        }
        if self.has_network() {
            self.close_all(context);
        }
        // It was not counted among those whose end the run waits for.
        self.world.work.unfinished += 1;
        self.end_thread(core, thread);
        false
    }

    fn lose_chunk(&mut self, number: u32, now: Time) {
        let pool = self.pool();
        let Some(chunk) = pool.workers[number as usize].chunk.take() else { return };
        for job in pool.chunks[chunk].jobs.clone() {
            let state = &self.world.work.jobs[job];
            let lost = Lost { task: state.task, index: state.index, worker: number, at: now };
            self.pool().lost.push(lost);
        }
        let pool = self.pool();
        pool.to_start += 1;
        let starter = pool.starter;
        if self.world.threads[starter].state == State::Blocked(On::Job) {
            self.set_timeout(starter, Time((now.0 / LOOKS + 1) * LOOKS));
        }
    }
}
