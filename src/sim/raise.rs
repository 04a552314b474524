//! Exceptions: they leave what is around the op that raised them, from the inside out, up to a handler.

use super::world::Phase;
use super::{Chooser, Sim};
use crate::id::{ContextId, ThreadId};
use crate::model::Guard;
use crate::trace::{Raised, Sink, What};

/// As numbers on the stack of a context.
const RAISED: [Raised; 3] = [Raised::Exception, Raised::Timeout, Raised::Cancelled];

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The step that raises an exception.
    #[cold]
    pub(super) fn raise_here(&mut self, context: ContextId) -> bool {
        self.raise(context, Raised::Exception, self.world.contexts[context].pc - 1)
    }

    /// The end of a handler that catches nothing.
    #[cold]
    pub(super) fn raise_again(&mut self, context: ContextId) -> bool {
        if self.tracks && self.world.loop_task(context).pending.is_some() {
            // It was cancelled (again) while it could not be: that is the one exception that goes on.
            return self.deliver(context);
        }
        let state = &self.world.contexts[context];
        let number = state.stack.last().expect("a handler is entered with the exception");
        let raised = RAISED[*number as usize];
        self.unwind(context, raised, state.pc - 1)
    }

    /// After a time in which the coroutine could not be cancelled.
    #[cold]
    pub(super) fn deliver(&mut self, context: ContextId) -> bool {
        let awaits = self.tracks && self.awaits(context);
        match if awaits { self.world.loop_task(context).pending.take() } else { None } {
            Some(raised) => self.raise(context, raised, self.world.contexts[context].pc - 1),
            None => true,
        }
    }

    /// Raises the exception at the op. The thread can go on at this instant.
    #[cold]
    pub(super) fn raise(&mut self, context: ContextId, raised: Raised, at: u32) -> bool {
        self.note(What::Raise { context, raised });
        self.unwind(context, raised, at)
    }

    fn unwind(&mut self, context: ContextId, mut raised: Raised, mut at: u32) -> bool {
        let thread = self.world.contexts[context].thread;
        let in_executor = self.is_in_executor(thread);
        self.world.threads[thread].phase = Phase::Step;
        loop {
            for region in self.model.regions_around(at) {
                let state = &mut self.world.contexts[context];
                match region.guard {
                    Guard::Slot => drop(state.stack.pop()),
                    Guard::Blocking => state.blocking -= 1,
                    Guard::Except(handler) if raised != Raised::Cancelled => {
                        state.pc = handler;
                        return true;
                    }
                    Guard::Thread if in_executor => {
                        return self.hand_back(thread, context, Some(raised));
                    }
                    Guard::Shield | Guard::Thread | Guard::Except(_) => {}
                    Guard::Finally(handler) => {
                        state.stack.push(raised as u32);
                        state.pc = handler;
                        return true;
                    }
                    // A thread has left it already, and waits for nothing else there.
                    Guard::Timeout(handler) if !state.coroutine => {
                        if let (Raised::Timeout, Some(handler)) = (raised, handler) {
                            state.pc = handler;
                            return true;
                        }
                    }
                    Guard::Timeout(handler) => {
                        if !self.leave_timeout(context) || raised != Raised::Cancelled {
                            continue;
                        }
                        raised = Raised::Timeout;
                        self.note(What::Raise { context, raised });
                        if let Some(handler) = handler {
                            self.world.contexts[context].pc = handler;
                            return true;
                        }
                    }
                }
            }
            match self.world.contexts[context].stack.pop() {
                Some(back) => at = back - 1,
                None => return self.end_with(thread, context, raised),
            }
        }
    }

    /// Nobody has caught it.
    fn end_with(&mut self, thread: ThreadId, context: ContextId, raised: Raised) -> bool {
        self.note(What::Uncaught { context, raised });
        let core = self.world.threads[thread].core.expect("a context that takes steps is on a core");
        self.finish(core, context, Some(raised));
        true
    }
}
