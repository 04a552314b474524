//! The threads of the parent: they start workers, pickle and send chunks, and take results one at a time.

use super::Worker;
use crate::id::{ChunkId, ThreadId};
use crate::model::{PoolKind, StartMethod};
use crate::sim::create::Origin;
use crate::sim::world::{Body, Phase};
use crate::sim::{Chooser, Sim};
use crate::time::Duration;
use crate::trace::{CpuKind, On, PoolPart, Role, Sink, Stage, What};

/// What a thread of a pool, of the parent or of a worker, has just spent core time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sim) enum Act {
    /// The parent has started a worker.
    Started,
    /// The manager has handed a chunk to the feeder.
    Handed,
    /// A chunk is pickled.
    Pickled,
    /// A chunk is written to the pipe.
    Written,
    /// The manager has looked which results there are.
    Polled,
    /// A result is read, and known to those who wait for it.
    Settled,
    /// A worker has read a chunk.
    Read,
    /// It has unpickled it.
    Unpickled,
    /// It has pickled the results.
    Answered,
    /// It has written them.
    Replied,
    /// The manager has terminated all workers that are left.
    Terminated,
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// A thread of the pool looks for something to do, with the GIL.
    pub(in crate::sim) fn pool_job(&mut self, thread: ThreadId, part: PoolPart) -> bool {
        match part {
            PoolPart::Main => self.start_workers(thread),
            PoolPart::Manager => self.manage(thread),
            PoolPart::Feeder => self.feed(thread),
            PoolPart::TaskHandler => self.handle_tasks(thread),
            PoolPart::ResultHandler => self.handle_results(thread),
            PoolPart::Worker(number) => self.work(thread, number),
        }
    }

    /// It found nothing and has released the GIL: it waits, unless something has come meanwhile.
    pub(in crate::sim) fn pool_idle(&mut self, thread: ThreadId, part: PoolPart) -> bool {
        let pool = self.pool();
        let comes = match part {
            PoolPart::Main => pool.to_start > 0,
            PoolPart::Manager => {
                let comes = pool.has_results() || pool.can_hand() || pool.died > 0 && !pool.broken;
                if comes {
                    return self.poll_results(thread);
                }
                false
            }
            PoolPart::Feeder => !pool.buffer.is_empty(),
            PoolPart::TaskHandler => !pool.pending.is_empty(),
            PoolPart::ResultHandler => pool.has_results(),
            PoolPart::Worker(_) => return self.wait_for_chunk(thread),
        };
        if comes {
            self.world.threads[thread].phase = Phase::Gil;
            return true;
        }
        self.block(thread, On::Job, Phase::Idle);
        false
    }

    /// What the thread has spent core time for happens now.
    pub(in crate::sim) fn pool_act(&mut self, thread: ThreadId, act: Act) -> bool {
        match act {
            Act::Started => self.worker_started(thread),
            Act::Handed => self.handed(thread),
            Act::Pickled => self.write(thread, Act::Written),
            Act::Written => self.sent(thread),
            Act::Polled => {
                self.pool().polled = true;
                self.world.threads[thread].phase = Phase::Gil;
                true
            }
            Act::Settled => self.settled(thread),
            Act::Read => self.received(thread),
            Act::Unpickled => self.unpickled(thread),
            Act::Answered => self.write(thread, Act::Replied),
            Act::Replied => self.replied(thread),
            Act::Terminated => self.terminate_all(thread),
        }
    }

    /// Interpreted code of the thread's own.
    pub(super) fn spend(&mut self, thread: ThreadId, time: Duration, then: Act) -> bool {
        let own = self.world.threads[thread].own;
        self.start_burst(thread, own, CpuKind::Python, time, Phase::Pool(then));
        true
    }

    /// A system call, without the GIL.
    pub(super) fn write(&mut self, thread: ThreadId, then: Act) -> bool {
        let own = self.world.threads[thread].own;
        let cost = self.model.machine.costs.syscall;
        self.start_burst(thread, own, CpuKind::System, cost, Phase::Pool(then));
        let then = self.world.threads[thread].phase;
        self.leave_gil(thread, then)
    }

    /// A share of what the parent spends for each chunk.
    fn part_of(&self, of: u64) -> Duration {
        let costs = &self.model.machine.costs;
        let whole = match self.world.pool.as_ref().map(|pool| pool.settings.kind) {
            Some(PoolKind::Multiprocessing) => costs.pool_dispatch,
            _ => costs.dispatch,
        };
        Duration(whole.0 / of)
    }

    fn start_workers(&mut self, thread: ThreadId) -> bool {
        let pool = self.pool();
        if pool.to_start == 0 {
            if pool.holds_back && !pool.workers.is_empty() {
                pool.holds_back = false;
                let sender = pool.sender;
                self.stir(sender);
            }
            return self.leave_gil(thread, Phase::Idle);
        }
        let cost = match self.pool().start {
            StartMethod::Fork => self.model.machine.costs.process_start,
            StartMethod::Spawn | StartMethod::ForkServer => self.model.machine.costs.spawn_start,
        };
        self.spend(thread, cost, Act::Started)
    }

    fn worker_started(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Job;
        if self.pool().broken {
            return true;
        }
        let now = self.world.now;
        let costs = &self.model.machine.costs;
        let (fork, spawn, server, served) =
            (costs.process_boot, costs.spawn_boot, costs.forkserver_start, costs.forkserver_boot);
        let pool = self.pool();
        pool.to_start -= 1;
        let number = pool.workers.len() as u32;
        pool.workers.push(Worker { chunk: None, unpickled: false, thread: None });
        let boot = match pool.start {
            StartMethod::Fork => fork,
            StartMethod::Spawn => spawn,
            StartMethod::ForkServer => {
                let up = *pool.server_boots.get_or_insert(now + server);
                Duration(up.0.saturating_sub(now.0)) + served
            }
        };
        let process = self.process(Some(Self::PARENT));
        let part = PoolPart::Worker(number);
        let origin =
            Origin { role: Role::Worker(number), program: crate::id::ProgramId(u32::MAX), parent: None, key: 0 };
        let worker = self.thread(process, Body::Pool(part), origin);
        self.pool().workers[number as usize].thread = Some(worker);
        self.wake_after(worker, boot);
        true
    }

    /// The manager hands chunks to the feeder while there is room, then waits for results, takes one, and begins again.
    fn manage(&mut self, thread: ThreadId) -> bool {
        let pool = self.pool();
        if std::mem::take(&mut pool.polled) {
            if let Some(chunk) = pool.results.front().copied() {
                let time = self.part_of(3) + self.result_message(chunk);
                return self.spend(thread, time, Act::Settled);
            }
            if pool.died > 0 && !pool.broken {
                return self.break_pool(thread);
            }
        }
        if self.pool().can_hand() {
            let time = self.part_of(3);
            return self.spend(thread, time, Act::Handed);
        }
        self.leave_gil(thread, Phase::Idle)
    }

    fn poll_results(&mut self, thread: ThreadId) -> bool {
        let own = self.world.threads[thread].own;
        let cost = self.model.machine.costs.syscall;
        self.start_burst(thread, own, CpuKind::System, cost, Phase::Pool(Act::Polled));
        true
    }

    fn handed(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Job;
        let pool = self.pool();
        let Some(chunk) = pool.pending.pop_front() else { return true };
        pool.open = pool.open.filter(|(open, _)| *open != chunk);
        pool.handed += 1;
        pool.buffer.push_back(chunk);
        let feeder = pool.feeder;
        self.pass(chunk, Stage::Handed, thread);
        feeder.into_iter().for_each(|feeder| self.stir(feeder));
        true
    }

    fn feed(&mut self, thread: ThreadId) -> bool {
        let Some(chunk) = self.pool().buffer.front().copied() else {
            return self.leave_gil(thread, Phase::Idle);
        };
        let time = self.part_of(3) + self.call_message(chunk);
        self.spend(thread, time, Act::Pickled)
    }

    fn handle_tasks(&mut self, thread: ThreadId) -> bool {
        let pool = self.pool();
        let Some(chunk) = pool.pending.front().copied() else {
            return self.leave_gil(thread, Phase::Idle);
        };
        pool.open = pool.open.filter(|(open, _)| *open != chunk);
        let time = self.part_of(2) + self.call_message(chunk);
        self.spend(thread, time, Act::Pickled)
    }

    /// The message is in the pipe: the worker that reads wakes.
    fn sent(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Gil;
        let pool = self.pool();
        let from = if pool.feeder.is_some() { &mut pool.buffer } else { &mut pool.pending };
        let Some(chunk) = from.pop_front() else { return true };
        pool.calls.push_back(chunk);
        let reader = pool.reader;
        self.pass(chunk, Stage::Sent, thread);
        reader.into_iter().for_each(|reader| self.stir(reader));
        true
    }

    fn handle_results(&mut self, thread: ThreadId) -> bool {
        let Some(chunk) = self.pool().results.front().copied() else {
            return self.leave_gil(thread, Phase::Idle);
        };
        let time = self.part_of(2) + self.result_message(chunk);
        self.spend(thread, time, Act::Settled)
    }

    /// The jobs of the chunk are over: complete, or all of them failed because one of them has.
    fn settled(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Job;
        let pool = self.pool();
        let Some(chunk) = pool.results.pop_front() else { return true };
        pool.idle += 1;
        let failed = pool.chunks[chunk].failed;
        self.pass(chunk, Stage::Settled, thread);
        self.conclude_chunk(chunk, Some(thread).filter(|_| !failed));
        true
    }

    /// The end of all jobs of the chunk: by the thread that has their results, or without any.
    pub(super) fn conclude_chunk(&mut self, chunk: ChunkId, by: Option<ThreadId>) {
        let jobs = std::mem::take(&mut self.pool().chunks[chunk].jobs);
        for job in &jobs {
            match by {
                Some(thread) => {
                    let context = self.world.threads[thread].own;
                    self.note(What::JobEnd { job: *job, context });
                    let ended = self.world.work.jobs[*job].clone();
                    self.world.work.jobs.release(*job);
                    self.conclude(ended);
                }
                None => self.lose(*job),
            }
        }
        let pool = self.pool();
        pool.chunks[chunk].jobs = jobs;
        pool.chunks[chunk].task = None;
        pool.chunks.release(chunk);
    }
}

impl super::Pool {
    fn has_results(&self) -> bool {
        !self.results.is_empty()
    }

    /// Whether the manager can hand on one more chunk: the call queue takes one more than there are workers.
    fn can_hand(&self) -> bool {
        !self.holds_back && !self.pending.is_empty() && self.handed < self.most + 1
    }
}
