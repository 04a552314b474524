//! The end of a broken `ProcessPoolExecutor`: nobody gets a result any more, and the workers that are left are terminated.
//!
//! As `terminate_broken` of `Lib/concurrent/futures/process.py` (3.7 to 3.14): all futures fail, and then each worker gets a `SIGTERM`.

use super::parent::Act;
use crate::id::{ChunkId, ContextId, ThreadId};
use crate::sim::cancel::NOBODY;
use crate::sim::world::{Phase, State};
use crate::sim::{Chooser, Sim};
use crate::time::Duration;
use crate::trace::{CpuKind, On, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// A worker has died, and the manager knows. Then it makes a system call for each of the others, which keeps the GIL.
    pub(super) fn break_pool(&mut self, manager: ThreadId) -> bool {
        let pool = self.pool();
        pool.broken = true;
        (pool.to_start, pool.open) = (0, None);
        let mut chunks: Vec<ChunkId> = Vec::new();
        chunks.extend(pool.workers.iter_mut().filter_map(|worker| worker.chunk.take()));
        for queue in [&mut pool.calls, &mut pool.buffer, &mut pool.pending] {
            chunks.extend(queue.drain(..));
        }
        let left = pool.workers.iter().filter(|worker| worker.thread.is_some()).count();
        for chunk in chunks {
            self.conclude_chunk(chunk, None);
        }
        let own = self.world.threads[manager].own;
        let time = Duration(self.model.machine.costs.syscall.0.saturating_mul(left as u64));
        self.start_burst(manager, own, CpuKind::HoldGil, time, Phase::Pool(Act::Terminated));
        true
    }

    pub(super) fn terminate_all(&mut self, manager: ThreadId) -> bool {
        self.world.threads[manager].phase = Phase::Job;
        for number in 0..self.pool().workers.len() {
            if let Some(worker) = self.pool().workers[number].thread.take() {
                self.terminate(worker);
            }
        }
        true
    }

    /// The process of the worker, which has no other thread, is to end, whatever it is about: at once if it runs, else as soon as
    /// it has a core. What it holds of others stays held.
    fn terminate(&mut self, worker: ThreadId) {
        let context = self.world.threads[worker].own;
        self.note(What::Kill { context });
        if let State::Running = self.world.threads[worker].state {
            self.account(worker);
        }
        let wanted = self.lock_wanted_by(context);
        self.world.contexts[context].take_job();
        self.carry_nothing(worker);
        self.forget_counts(context);
        // It was not counted among those whose end the run waits for.
        self.world.work.unfinished += 1;
        let state = &mut self.world.threads[worker];
        (state.phase, state.burst.left) = (Phase::End, Duration::ZERO);
        if let Some(lock) = wanted {
            self.leave_lock(context, lock);
        }
        self.stop_waiting_for_anything(context, worker);
        let state = &self.world.threads[worker];
        match (state.state, state.core) {
            (State::Blocked(_), _) => self.wake(worker),
            (State::Running, Some(core)) => {
                let acting = self.acting;
                self.execute(core, worker);
                self.acting = acting;
            }
            _ => {}
        }
    }

    fn stop_waiting_for_anything(&mut self, context: ContextId, worker: ThreadId) {
        match self.world.threads[worker].state {
            State::Blocked(On::Sync(sync)) => self.leave_shared(context, sync),
            // The device serves the request, and nobody hears of it.
            State::Blocked(On::Io(_)) => {
                let own = self.world.requests.values_mut().filter(|request| request.context == context);
                own.for_each(|request| request.context = NOBODY);
            }
            _ => {}
        }
        if self.has_network() {
            self.abandon_sockets(context);
        }
    }
}
