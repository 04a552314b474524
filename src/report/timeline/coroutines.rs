//! Which coroutine a loop runs.

use super::{State, Timeline};
use crate::id::ContextId;
use crate::time::Time;

impl Timeline {
    /// The loop runs the coroutine.
    pub(super) fn resume(&mut self, context: ContextId, now: Time) {
        let Some(key) = self.rows.of(context) else { return };
        let Some(loop_thread) = self.contexts.get(&context).copied() else { return };
        self.set(key, now, Some(State::Run), 0);
        if let Some(thread) = self.threads.get_mut(&loop_thread) {
            thread.coroutine = Some(key);
            thread.hosted = self.roles.get(&context).copied();
        }
        self.works(loop_thread, now);
    }

    /// The new coroutine begins inside of the step of its creator, which stands still meanwhile.
    pub(super) fn start_eagerly(&mut self, creator: ContextId, child: ContextId, now: Time) {
        if let Some(key) = self.rows.of(creator) {
            self.set(key, now, Some(State::Ready), 0);
        }
        self.creators.insert(child, creator);
        self.resume(child, now);
    }

    /// The coroutine awaits something, or ends; who created it goes on if it was inside of that one's step.
    pub(super) fn leave_coroutine(&mut self, context: ContextId, now: Time, state: Option<State>) {
        self.leave(context, now, state);
        if let Some(creator) = self.creators.remove(&context) {
            self.resume(creator, now);
        }
    }

    fn leave(&mut self, context: ContextId, now: Time, state: Option<State>) {
        let Some(key) = self.rows.of(context) else { return };
        self.set(key, now, state, 0);
        let Some(loop_thread) = self.contexts.get(&context).copied() else { return };
        if let Some(thread) = self.threads.get_mut(&loop_thread).filter(|thread| thread.coroutine == Some(key)) {
            (thread.coroutine, thread.hosted) = (None, None);
            self.works(loop_thread, now);
        }
    }
}
