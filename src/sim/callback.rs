//! Callbacks: `loop.call_soon`, `loop.call_later`, and `loop.call_soon_threadsafe` from any thread.
//!
//! A callback is a context that its loop runs as it runs the step of a coroutine, and that never awaits anything.

use super::create::Origin;
use super::world::{Phase, State};
use super::{Chooser, Sim};
use crate::id::{ContextId, DistId, ProgramId, ThreadId};
use crate::rng::{numbered, stream_id};
use crate::time::Duration;
use crate::trace::{Called, CpuKind, Role, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The step that asks for a callback.
    #[cold]
    pub(super) fn call_loop(
        &mut self,
        thread: ThreadId,
        context: ContextId,
        (program, how, after): (ProgramId, Called, Option<DistId>),
    ) -> bool {
        let after = after.map_or(Duration::ZERO, |after| self.sample(context, after));
        let process = self.world.threads[thread].process;
        let looper = self.world.work.loops[process.index()];
        let index = self.world.work.spawned[program.index()];
        self.world.work.spawned[program.index()] += 1;
        let state = &mut self.world.contexts[context];
        let family = state.family();
        family.spawned += 1;
        let number = u64::from(family.spawned);
        let key = numbered(state.key ^ stream_id(&self.model.programs[program.index()].name), number);
        let origin = Origin { role: Role::Spawned { program, index }, program, parent: None, key };
        let child = self.coroutine(looper, origin);
        self.note(What::CallBack { context, child, how, after });
        match how {
            Called::Soon => self.make_ready(child),
            Called::Later => {
                let at = self.world.now + after;
                self.event_loop(looper).call_later(at, child);
            }
            Called::Threadsafe => {
                let cost = self.model.machine.costs.self_pipe;
                if self.awaits(context) {
                    // Simplification: a non-blocking call keeps the GIL (CPython releases it even then).
                    self.start_burst(thread, context, CpuKind::Loop, cost, Phase::Called(child));
                    return true;
                }
                self.start_burst(thread, context, CpuKind::System, cost, Phase::Called(child));
                let then = self.world.threads[thread].phase;
                return self.leave_gil(thread, then);
            }
        }
        true
    }

    /// The thread has written to the self-pipe of the loop, for the callback.
    #[cold]
    pub(super) fn called(&mut self, thread: ThreadId, child: ContextId) -> bool {
        let looper = self.world.contexts[child].thread;
        self.note(What::SelfPipe { thread: looper });
        self.note(What::CoroutineReady { context: child });
        self.event_loop(looper).call_soon_threadsafe(child);
        if self.world.threads[looper].state == State::Blocked(crate::trace::On::Poll) {
            self.wake(looper);
        }
        let awaits = self.awaits(self.world.threads[thread].current);
        self.world.threads[thread].phase = if awaits { Phase::Step } else { Phase::Gil };
        true
    }
}
