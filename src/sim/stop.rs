//! Stop-the-world pauses without a GIL: the cyclic collector of the free-threaded build.
//!
//! Who collects asks all threads of its process that execute interpreted code to stop, waits until the last of them has come to
//! a check point or let go, collects, and lets them go on. Threads that wait for something else are as good as stopped: they
//! do not get on as long as the world stands still.

use super::world::{Phase, State};
use super::{Chooser, Sim};
use crate::id::{ContextId, DistId, ProcessId, ThreadId};
use crate::model::{Model, Op};
use crate::time::Time;
use crate::trace::{CpuKind, On, Pause, Sink, What};

/// The world of a process stands still, or is about to.
#[derive(Clone, Debug, Hash)]
pub(super) struct Stop {
    by: ThreadId,
    since: Time,
    /// Who still has to come to a check point.
    going: Vec<ThreadId>,
    stopped: Vec<ThreadId>,
}

/// Whether the world can stop in this model. With a GIL a collection is a call like any other.
pub(super) fn any(model: &Model) -> bool {
    !model.has_gil() && model.code.iter().any(|op| matches!(op, Op::Collect { .. }))
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Collects what nobody refers to. The op is executed again when the world has stopped, and when the work is done.
    #[inline(never)]
    pub(super) fn collect_garbage(&mut self, thread: ThreadId, context: ContextId, time: DistId) -> bool {
        if !self.stops {
            let demand = self.sample(context, time);
            self.start_burst(thread, context, CpuKind::HoldGil, demand, Phase::Step);
            return true;
        }
        let process = self.world.threads[thread].process;
        if std::mem::take(&mut self.world.contexts[context].paid) {
            self.start_the_world(process);
            return true;
        }
        let by = self.world.processes[process.index()].stop.as_ref().map(|stop| stop.by);
        if by.is_none() {
            self.stop_the_world(process, thread);
        }
        self.world.contexts[context].pc -= 1;
        let stop = self.world.processes[process.index()].stop.as_ref().expect("somebody has stopped the world");
        if stop.by != thread {
            self.stand_still(thread);
            return false;
        }
        if !stop.going.is_empty() {
            self.block(thread, On::World, Phase::Step);
            return false;
        }
        self.note(What::Pause { process, thread, pause: Pause::Begins });
        self.world.contexts[context].paid = true;
        let demand = self.sample(context, time);
        self.start_burst(thread, context, CpuKind::HoldGil, demand, Phase::Step);
        true
    }

    fn stop_the_world(&mut self, process: ProcessId, by: ThreadId) {
        let attached = |(id, thread): (ThreadId, &super::world::Thread)| {
            let here = thread.process == process && id != by;
            let on = matches!(thread.state, State::Running | State::Ready | State::Switching);
            let native = matches!(thread.burst.kind, CpuKind::NoGil | CpuKind::System);
            let interprets = match thread.phase {
                Phase::Step | Phase::Job => true,
                Phase::Burst => !native,
                _ => false,
            };
            (here && on && interprets).then_some(id)
        };
        let going: Vec<ThreadId> = self.world.threads.iter().filter_map(attached).collect();
        self.note(What::Pause { process, thread: by, pause: Pause::Asked });
        let stop = Stop { by, since: self.world.now, going: going.clone(), stopped: Vec::new() };
        self.world.processes[process.index()].stop = Some(stop);
        for thread in going {
            if self.world.threads[thread].state == State::Running {
                let core = self.world.threads[thread].core.expect("a running thread has a core");
                self.arm(core, thread);
            }
        }
    }

    fn start_the_world(&mut self, process: ProcessId) {
        let Some(stop) = self.world.processes[process.index()].stop.take() else { return };
        self.note(What::Pause { process, thread: stop.by, pause: Pause::Over });
        for thread in stop.stopped {
            self.wake(thread);
        }
    }

    /// At a check point: the thread waits until the world goes on.
    pub(super) fn stand_still(&mut self, thread: ThreadId) {
        let process = self.world.threads[thread].process;
        let stop = self.world.processes[process.index()].stop.as_mut().expect("the world is to stop");
        stop.stopped.push(thread);
        self.block(thread, On::World, Phase::Gil);
    }

    /// The thread blocks, leaves for native code, or ends: nobody has to wait for it.
    #[cold]
    pub(super) fn detach(&mut self, thread: ThreadId) {
        let process = self.world.threads[thread].process;
        let Some(stop) = &mut self.world.processes[process.index()].stop else { return };
        let Some(place) = stop.going.iter().position(|going| *going == thread) else { return };
        stop.going.swap_remove(place);
        let (by, last) = (stop.by, stop.going.is_empty());
        if last && self.world.threads[by].state == State::Blocked(On::World) {
            self.wake(by);
        }
    }

    /// When the thread, which executes interpreted code, has to stand still; `None` if the world goes on.
    #[cold]
    pub(super) fn stop_due(&self, thread: ThreadId) -> Option<Time> {
        let process = self.world.threads[thread].process;
        let stop = self.world.processes[process.index()].stop.as_ref().filter(|stop| stop.by != thread)?;
        Some(stop.since + self.model.machine.costs.check_point)
    }

    /// At a check point between two bursts. Whether the thread stands still.
    #[cold]
    pub(super) fn stands_still(&mut self, thread: ThreadId) -> bool {
        let stands = self.stop_due(thread).is_some();
        if stands {
            self.stand_still(thread);
        }
        stands
    }

    /// A job is dropped in the middle of a collection.
    #[cold]
    pub(super) fn end_pause(&mut self, context: ContextId) {
        let thread = self.world.contexts[context].thread;
        let process = self.world.threads[thread].process;
        if self.world.processes[process.index()].stop.as_ref().is_some_and(|stop| stop.by == thread) {
            if self.world.threads[thread].state == State::Blocked(On::World) {
                self.wake(thread);
            }
            self.start_the_world(process);
        }
    }
}
