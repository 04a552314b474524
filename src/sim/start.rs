//! The handshake of `Thread.start`: who starts a thread goes on when that has come up.
//!
//! As `Lib/threading.py` of CPython 2.7 to 3.15: `start` waits for the event `_started`, with the GIL released, and the new
//! thread sets it as the first thing it does when it has the GIL. So the one that starts needs the GIL twice, and where others
//! compute that takes about a switch interval for each thread.

use super::world::{Phase, Starter, State};
use super::{Chooser, Sim};
use crate::id::{ContextId, ProgramId, ThreadId};
use crate::model::SpawnKind;
use crate::time::Duration;
use crate::trace::{CpuKind, On, Sink};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// `Spawn` of threads, one after the other. The op is executed again for each, and once more after the cost of each.
    pub(super) fn start_threads(
        &mut self,
        thread: ThreadId,
        context: ContextId,
        (kind, program): (SpawnKind, ProgramId),
        count: u32,
    ) -> bool {
        if count == 0 {
            return true;
        }
        let cost = self.model.machine.costs.thread_start;
        let state = &mut self.world.contexts[context];
        if cost > Duration::ZERO && !state.paid {
            state.paid = true;
            state.pc -= 1;
            self.start_burst(thread, context, CpuKind::HoldGil, cost, Phase::Step);
            return true;
        }
        state.paid = false;
        let family = state.family();
        family.starting += 1;
        if family.starting == count {
            family.starting = 0;
        } else {
            state.pc -= 1;
        }
        let child = self.spawn(context, kind, program);
        self.leave_until_start(thread, self.world.contexts[child].thread)
    }

    /// The thread has started this one: it releases the GIL, and waits until that comes up.
    pub(super) fn leave_until_start(&mut self, thread: ThreadId, child: ThreadId) -> bool {
        self.world.threads[child].starter = Starter::Thread(thread);
        self.leave_gil(thread, Phase::Start(child))
    }

    /// To release the GIL can take a while, in which the other may have come up.
    pub(super) fn wait_for_start(&mut self, thread: ThreadId, child: ThreadId) -> bool {
        let state = &self.world.threads[child];
        if state.starter != Starter::Thread(thread) {
            self.world.threads[thread].phase = Phase::Gil;
            return true;
        }
        let own = state.own;
        self.block(thread, On::Start(own), Phase::Gil);
        false
    }

    /// The thread has the GIL, or runs where there is none.
    #[inline(always)]
    pub(super) fn comes_up(&mut self, thread: ThreadId) {
        if self.world.threads[thread].starter != Starter::Nobody {
            self.has_come_up(thread);
        }
    }

    /// For the first time: who has started it goes on.
    #[cold]
    fn has_come_up(&mut self, thread: ThreadId) {
        let state = &mut self.world.threads[thread];
        let own = state.own;
        match std::mem::replace(&mut state.starter, Starter::Nobody) {
            Starter::Thread(starter) if self.world.threads[starter].state == State::Blocked(On::Start(own)) => {
                self.wake(starter);
            }
            Starter::Thread(_) | Starter::Nobody => {}
            Starter::Pool => self.submit_held(),
        }
    }

    /// A worker of the pool has come up: whoever submits goes on to do so, up to the next worker that has to be started.
    /// Simplification: it neither needs the GIL for that nor a core.
    fn submit_held(&mut self) {
        let (now, cost) = (self.world.now, self.model.machine.costs.thread_start);
        let unstarted = &mut self.world.work.unstarted;
        unstarted.waits = false;
        if !unstarted.held.is_empty() {
            unstarted.busy = unstarted.busy.max(now + cost);
        }
        while !self.world.work.unstarted.waits
            && let Some(job) = self.world.work.unstarted.held.pop_front()
        {
            if !self.aborts || !self.was_dropped(job) {
                self.queue_job(job);
            }
        }
    }
}
