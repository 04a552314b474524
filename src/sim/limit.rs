//! Waits of threads that are given up after a while: `lock.acquire(timeout=..)` and its like.
//!
//! A `Timeout` limits the one wait inside of it. When its time is over, the thread leaves the queue in which it stands, takes the
//! GIL again as after any wait (after a wait for a notification also the lock), and `TimeoutError` is raised. A wait that would
//! begin when the time is over, as with a timeout of zero, does not begin: the thread keeps the GIL.

use super::world::Phase;
use super::{Chooser, Sim};
use crate::id::{ContextId, DistId, ThreadId};
use crate::model::Op;
use crate::time::Time;
use crate::trace::{Cause, On, Raised, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The thread begins its `Timeout`.
    pub(super) fn begin_limit(&mut self, thread: ThreadId, context: ContextId, time: DistId) -> bool {
        let time = self.sample(context, time);
        self.note(What::Timeout { context, time });
        let state = &mut self.world.threads[thread];
        (state.limit, state.expired) = (self.world.now + time, false);
        true
    }

    /// The end of it. If the wait was given up, that is an exception inside of it.
    pub(super) fn end_limit(&mut self, thread: ThreadId, context: ContextId) -> bool {
        self.note(What::TimeoutEnd { context });
        let state = &mut self.world.threads[thread];
        state.limit = Time::NEVER;
        match std::mem::take(&mut state.expired) {
            true => self.raise(context, Raised::Timeout, self.world.contexts[context].pc - 2),
            false => true,
        }
    }

    /// Whether the thread must not begin to wait, because its time is over.
    pub(super) fn is_out_of_time(&self, thread: ThreadId, context: ContextId) -> bool {
        self.world.threads[thread].limit <= self.world.now && !self.world.contexts[context].coroutine
    }

    /// It does not begin to wait.
    #[cold]
    pub(super) fn give_up_at_once(&mut self, thread: ThreadId, context: ContextId) -> bool {
        self.note(What::Cancel { context, why: Cause::Timeout });
        self.world.threads[thread].expired = true;
        let state = &mut self.world.contexts[context];
        while self.model.code[state.pc as usize] != Op::EndTimeout {
            state.pc += 1;
        }
        true
    }

    /// The thread has begun to wait: not for longer than it may.
    #[inline]
    pub(super) fn limit_wait(&mut self, thread: ThreadId) {
        let limit = self.world.threads[thread].limit;
        if limit != Time::NEVER {
            self.set_timeout(thread, limit.max(self.world.now));
        }
    }

    /// Its time is over: it waits no more.
    #[cold]
    pub(super) fn give_up_wait(&mut self, thread: ThreadId, on: On) {
        let context = self.world.threads[thread].current;
        self.note(What::Cancel { context, why: Cause::Timeout });
        let state = &mut self.world.threads[thread];
        (state.expired, state.limit, state.phase) = (true, Time::NEVER, Phase::Gil);
        match on {
            On::Lock(lock) => {
                let process = self.home_of_lock(context, lock);
                self.world.processes[process.index()].locks[lock.index()].leave(context);
                self.lend_less(lock, process);
            }
            On::Sync(sync) => self.leave_shared(context, sync),
            _ => {}
        }
        // It does not ask again. What comes after a wait for a notification, it does.
        let state = &mut self.world.contexts[context];
        let asks = matches!(
            (self.model.code[state.pc as usize], on),
            (Op::Acquire { .. } | Op::Reenter { .. }, On::Lock(_)) | (Op::Sync { .. }, On::Sync(_))
        );
        state.pc += u32::from(asks);
    }
}
