//! Event loops on their threads: poll, collect, run the snapshot.

use super::loop_task::is_wanted;
use super::world::{Body, Phase, State, Thread, World};
use super::{Chooser, Sim};
use crate::id::{ContextId, ThreadId};
use crate::runtime::event_loop::{Alarm, EventLoop, Handle};
use crate::time::Time;
use crate::trace::{CpuKind, On, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The loop that runs on the thread.
    pub(super) fn event_loop(&mut self, thread: ThreadId) -> &mut EventLoop {
        own_loop(&mut self.world.threads[thread])
    }

    /// The coroutine can run: its loop hears of it, by `call_soon` on its own thread and through the selector otherwise.
    pub(super) fn make_ready(&mut self, context: ContextId) {
        self.world.contexts[context].waits = None;
        self.note(What::CoroutineReady { context });
        let thread = self.world.contexts[context].thread;
        match self.world.threads[thread].state {
            _ if self.acting == Some(thread) => self.event_loop(thread).call_soon(context),
            State::Blocked(On::Poll) => {
                self.event_loop(thread).notify(context);
                self.wake(thread);
            }
            _ => self.event_loop(thread).notify(context),
        }
    }

    /// The selector, without the GIL: one system call and the loop's bookkeeping.
    pub(super) fn select(&mut self, thread: ThreadId) -> bool {
        let own = self.world.threads[thread].own;
        let mut cost = self.model.machine.costs.iteration;
        if self.has_network() {
            cost += self.cost_of_selecting(thread);
        }
        self.start_burst(thread, own, CpuKind::System, cost, Phase::Selected);
        true
    }

    /// Returns at once if something is ready; else sleeps until an event or the first timer, whose timeout is rounded up.
    pub(super) fn wait_for_events(&mut self, thread: ThreadId) -> bool {
        let now = self.world.now;
        if self.tracks {
            let World { threads, contexts, loop_tasks, .. } = &mut self.world;
            own_loop(&mut threads[thread]).drop_timers(|alarm| is_wanted(contexts, loop_tasks, thread, alarm));
        }
        let until = self.event_loop(thread).poll_until(now);
        let polls = self.model.execution == crate::model::Execution::Polling;
        let asks_on = polls && self.world.work.unfinished > 0 && (until.is_some() || self.can_change(thread));
        if asks_on || until.is_some_and(|until| until <= now) {
            return self.polled(thread);
        }
        self.block(thread, On::Poll, Phase::Polled);
        if let Some(until) = until {
            let granularity = self.model.machine.costs.timer_granularity.0.max(1);
            let timeout = until.since(now).0.div_ceil(granularity).saturating_mul(granularity);
            self.set_timeout(thread, Time(now.0.saturating_add(timeout)));
        }
        false
    }

    /// Whether anything can still happen while this thread does nothing but ask. If not, the run is a deadlock, though a real
    /// program would ask for ever.
    fn can_change(&self, thread: ThreadId) -> bool {
        let waits = |(other, thing): (ThreadId, &Thread)| {
            other == thread || matches!(thing.state, State::Blocked(_) | State::Ended)
        };
        self.world.engine.peek().is_some() || !self.world.threads.iter().all(waits)
    }

    /// The selector returns, and the loop needs the GIL again.
    pub(super) fn polled(&mut self, thread: ThreadId) -> bool {
        self.event_loop(thread).report();
        self.world.threads[thread].phase = Phase::Gil;
        true
    }

    /// After the poll, with the GIL: what is ready and due makes up this iteration.
    pub(super) fn collect(&mut self, thread: ThreadId) -> bool {
        let now = self.world.now;
        let mut due = std::mem::take(&mut self.due);
        let World { threads, contexts, loop_tasks, .. } = &mut self.world;
        let tracks = self.tracks;
        let ready = own_loop(&mut threads[thread]).collect(now, |alarm| {
            let wanted = !tracks || is_wanted(contexts, loop_tasks, thread, alarm);
            if let (Alarm::Sleep(context, _) | Alarm::Call(context), true) = (alarm, wanted) {
                due.push(context);
            }
            wanted
        });
        for context in due.drain(..) {
            self.world.contexts[context].waits = None;
            self.note(What::CoroutineReady { context });
        }
        self.due = due;
        self.note(What::Iteration { thread, ready: ready as u32 });
        self.world.threads[thread].phase = Phase::Handle;
        true
    }

    pub(super) fn next_handle(&mut self, thread: ThreadId) -> bool {
        let own = self.world.threads[thread].own;
        match self.event_loop(thread).next_handle() {
            Some(handle) => {
                let costs = &self.model.machine.costs;
                let (cost, then) = match handle {
                    Handle::Wakeup(context) => (costs.callback, Phase::Wakeup(context)),
                    Handle::Step(context) => (costs.callback, Phase::Resume(context)),
                    Handle::Drain => (costs.callback + costs.self_pipe, Phase::Drained),
                    Handle::Call => (costs.callback, Phase::Callback),
                };
                self.start_burst(thread, own, CpuKind::Loop, cost, then);
            }
            None => self.world.threads[thread].phase = Phase::Poll,
        }
        true
    }

    /// The loop has read its self-pipe, which other threads wrote to.
    pub(super) fn drained(&mut self, thread: ThreadId) -> bool {
        self.event_loop(thread).drain();
        self.world.threads[thread].phase = Phase::Handle;
        true
    }

    /// The future that the coroutine awaits has its result: the step that follows is called soon.
    pub(super) fn wakeup(&mut self, thread: ThreadId, context: ContextId) -> bool {
        self.event_loop(thread).call_soon(context);
        self.world.threads[thread].phase = Phase::Handle;
        true
    }

    pub(super) fn resume_coroutine(&mut self, thread: ThreadId, context: ContextId) -> bool {
        self.note(What::Resume { context });
        self.world.threads[thread].current = context;
        if self.tracks && self.waits_on(thread, context) {
            return true;
        }
        if !self.tracks || !self.interrupted(context) {
            self.world.threads[thread].phase = self.world.contexts[context].resume.into();
        }
        true
    }
}

fn own_loop(thread: &mut Thread) -> &mut EventLoop {
    match &mut thread.body {
        Body::Loop(event_loop) => event_loop,
        Body::Pool(_) | Body::Worker | Body::Executor | Body::Program => {
            unreachable!("a model without event loops has no coroutines")
        }
    }
}
