//! Eager tasks: `asyncio.eager_task_factory`. A coroutine begins inside of the step that creates it, and only if it awaits
//! something is it left to the loop. Then, or when it ends, who created it goes on.

use super::{Chooser, Sim};
use crate::id::{ContextId, ProgramId, ThreadId};
use crate::model::SpawnKind;
use crate::sim::world::Phase;
use crate::trace::{Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Creates one of `count` coroutines, and comes back for the next when that one has given the loop back.
    #[cold]
    pub(super) fn spawn_eagerly(&mut self, context: ContextId, program: ProgramId, count: u32) -> bool {
        let task = self.world.loop_task(context);
        if task.spawning == 0 {
            task.spawning = count;
        }
        task.spawning = task.spawning.saturating_sub(1);
        if task.spawning > 0 {
            self.world.contexts[context].pc -= 1;
        }
        if count > 0 {
            self.spawn(context, SpawnKind::Coroutine, program);
        }
        true
    }

    /// The new coroutine takes its first step.
    #[cold]
    pub(super) fn start_eagerly(&mut self, context: ContextId, child: ContextId) {
        let thread = self.world.contexts[context].thread;
        self.note(What::StartEagerly { context, child });
        self.event_loop(thread).enter(context);
        let state = &mut self.world.threads[thread];
        (state.current, state.phase) = (child, Phase::Step);
    }

    /// The coroutine that the thread runs awaits something, or has ended.
    pub(super) fn leave_coroutine(&mut self, thread: ThreadId) {
        let creator = if self.eager { self.event_loop(thread).leave() } else { None };
        let state = &mut self.world.threads[thread];
        (state.current, state.phase) = match creator {
            Some(creator) => (creator, Phase::Step),
            None => (state.own, Phase::Handle),
        };
    }
}
