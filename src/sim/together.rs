//! Coroutines that are awaited together: `asyncio.gather` and `asyncio.TaskGroup`.
//!
//! The end of each is a callback of the loop, in the iteration after; who awaits them goes on in the one after that.

use super::world::Resume;
use super::{Chooser, Sim};
use crate::id::{ContextId, ThreadId};
use crate::runtime::event_loop::Call;
use crate::trace::{Cause, On, Raised, Sink, Together, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    #[cold]
    pub(super) fn begin_group(&mut self, context: ContextId, how: Together) -> bool {
        let group = &mut self.world.loop_task(context).group;
        (group.how, group.starting, group.live, group.failed) = (Some(how), true, 0, false);
        group.round += 1;
        self.note(What::Together { context, how });
        true
    }

    #[cold]
    pub(super) fn await_group(&mut self, thread: ThreadId, context: ContextId) -> bool {
        self.world.loop_task(context).group.starting = false;
        self.suspend(thread, context, On::Together, Resume::Step)
    }

    /// Whether the context creates what it will await together.
    pub(super) fn starts_group(&self, context: ContextId) -> bool {
        self.tracks && self.world.loop_tasks[context.index()].group.starting
    }

    /// The coroutine, which has a parent, is over. Whether somebody awaits it together with others, and will hear of it.
    #[cold]
    pub(super) fn leave_group(&mut self, context: ContextId, raised: Option<Raised>) -> bool {
        self.world.disown(context);
        let Some(round) = self.world.loop_task(context).bond.take() else { return false };
        let state = &self.world.contexts[context];
        let (Some((parent, _)), thread) = (state.parent(), state.thread) else { return false };
        self.event_loop(thread).call(Call::Ended { parent, round, raised });
        true
    }

    /// The callback of a coroutine that has ended.
    #[cold]
    pub(super) fn child_ended(&mut self, parent: ContextId, round: u32, raised: Option<Raised>) {
        let group = &mut self.world.loop_task(parent).group;
        if group.round != round {
            return;
        }
        group.live -= 1;
        match (group.how, raised) {
            (Some(Together::Gather), Some(_)) => {
                // Nobody asks for the others any more.
                group.round += 1;
                return self.end_group(parent, true);
            }
            (Some(Together::TaskGroup), Some(Raised::Exception | Raised::Timeout)) if !group.failed => {
                group.failed = true;
                self.cancel_group(parent, Cause::Sibling);
            }
            _ => {}
        }
        let group = self.world.loop_task(parent).group;
        if group.live == 0 {
            self.end_group(parent, group.failed);
        }
    }

    /// Cancels those that have not ended.
    #[cold]
    pub(super) fn cancel_group(&mut self, parent: ContextId, why: Cause) {
        let round = self.world.loop_task(parent).group.round;
        let awaited = |child: &ContextId| self.world.loop_tasks[child.index()].bond == Some(round);
        let children: Vec<ContextId> = self.world.brood(parent).filter(awaited).collect();
        children.into_iter().for_each(|child| self.cancel(child, why));
    }

    fn end_group(&mut self, parent: ContextId, failed: bool) {
        if failed {
            self.world.loop_task(parent).pending.get_or_insert(Raised::Exception);
        }
        self.make_ready(parent);
    }
}
