//! The default executor of an event loop: `asyncio.to_thread`, `loop.run_in_executor(None, ..)`.
//!
//! As `Lib/asyncio/base_events.py` and `Lib/concurrent/futures/thread.py` of CPython 3.14: one queue for each process, threads
//! that are started when they are needed, and results that come back by `call_soon_threadsafe`. What a thread has begun, it
//! does to the end, whether anybody still waits for it or not.

use std::collections::VecDeque;

use super::create::Origin;
use super::world::{Body, Phase, Resume, State};
use super::{Chooser, Sim};
use crate::id::{ContextId, ProcessId, ProgramId, ThreadId};
use crate::time::Duration;
use crate::trace::{CpuKind, On, Raised, Role, Sink, What};

/// The executor of one process.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Executor {
    /// Steps that no thread has taken yet, each as a context of its own.
    queue: VecDeque<ContextId>,
    idle: VecDeque<ThreadId>,
    started: u32,
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    fn executor(&mut self, process: ProcessId) -> &mut Executor {
        let executors = &mut self.world.executors;
        if executors.len() <= process.index() {
            executors.resize_with(process.index() + 1, Executor::default);
        }
        &mut executors[process.index()]
    }

    /// The coroutine hands the steps up to `end` to its executor and waits. To start a thread comes first, if one is needed.
    #[cold]
    pub(super) fn submit_steps(&mut self, thread: ThreadId, context: ContextId, end: u32) -> bool {
        if !self.awaits(context) {
            return true; // A thread does them itself.
        }
        let process = self.world.threads[thread].process;
        let most = self.model.executor_threads();
        let lacks = |executor: &Executor| executor.idle.is_empty() && executor.started < most;
        let lacks_one = lacks(self.executor(process));
        let cost = self.model.machine.costs.thread_start;
        let state = &mut self.world.contexts[context];
        if lacks_one && cost > Duration::ZERO && !state.paid {
            state.paid = true;
            state.pc -= 1;
            self.start_burst(thread, context, CpuKind::HoldGil, cost, Phase::Step);
            return true;
        }
        state.paid = false;
        let child = self.split_off(context, thread);
        self.world.contexts[context].pc = end;
        self.world.work.unfinished += 1;
        self.note(What::Submit { context, child });
        self.limit_crowd();
        let executor = self.executor(process);
        executor.queue.push_back(child);
        let mut new = None;
        if let Some(worker) = executor.idle.pop_front() {
            self.wake(worker);
        } else if executor.started < most {
            let number = executor.started;
            executor.started += 1;
            let origin = Origin { role: Role::Worker(number), program: ProgramId(u32::MAX), parent: None, key: 0 };
            let worker = self.thread(process, Body::Executor, origin);
            self.wake_after(worker, Duration::ZERO);
            new = Some(worker);
        }
        self.suspend(thread, context, On::Executor(child), Resume::Step);
        match new {
            Some(worker) if self.handshake => {
                self.event_loop(thread).stop_midway();
                self.leave_until_start(thread, worker)
            }
            _ => true,
        }
    }

    /// A context that goes on where this one stands, with copies of all it has.
    fn split_off(&mut self, context: ContextId, thread: ThreadId) -> ContextId {
        let parent = &mut self.world.contexts[context];
        let (role, key, pc, program) = (parent.role, parent.key, parent.pc, parent.program);
        let (family, draws) = (Some((context, parent.generation)), parent.draws.clone());
        let spawned = parent.family.as_ref().map_or(0, |family| family.spawned);
        let registers = std::mem::take(&mut parent.registers);
        let child = self.context(Origin { role, program: ProgramId(u32::MAX), parent: family, key });
        let state = &mut self.world.contexts[child];
        state.generation += 1;
        (state.thread, state.program, state.pc, state.draws) = (thread, program, pc, draws);
        state.stack.clear();
        state.family().children.clear();
        state.family().spawned = spawned;
        state.registers.clone_from(&registers);
        (state.blocking, state.paid, state.woken) = (0, false, false);
        self.world.contexts[context].registers = registers;
        child
    }

    /// The thread of the executor takes the first steps of the queue, or goes to wait for some.
    pub(super) fn next_steps(&mut self, thread: ThreadId) -> bool {
        let process = self.world.threads[thread].process;
        let Some(context) = self.executor(process).queue.pop_front() else {
            return self.leave_gil(thread, Phase::Idle);
        };
        self.world.contexts[context].thread = thread;
        let state = &mut self.world.threads[thread];
        (state.current, state.phase) = (context, Phase::Step);
        self.note(What::TakeUp { thread, context });
        true
    }

    /// There may be steps now, after the thread has released the GIL.
    pub(super) fn wait_for_steps(&mut self, thread: ThreadId) -> bool {
        let process = self.world.threads[thread].process;
        let executor = self.executor(process);
        if !executor.queue.is_empty() {
            self.world.threads[thread].phase = Phase::Gil;
            return true;
        }
        executor.idle.push_back(thread);
        self.block(thread, On::Job, Phase::Gil);
        false
    }

    /// Whether a thread of an executor executes the context.
    pub(super) fn is_in_executor(&self, thread: ThreadId) -> bool {
        matches!(self.world.threads[thread].body, Body::Executor)
    }

    /// Whether the context is steps that no thread of an executor has taken.
    pub(super) fn stands_in_queue(&self, context: ContextId) -> bool {
        let state = &self.world.contexts[context];
        !state.coroutine && self.world.threads[state.thread].own != context && !self.is_in_executor(state.thread)
    }

    /// Who still waits for the steps.
    fn waits_for(&self, steps: ContextId) -> Option<ContextId> {
        let (parent, _) = self.world.contexts[steps].parent()?;
        let waits = self.world.contexts[parent].waits;
        waits.is_some_and(|(on, _)| on == On::Executor(steps)).then_some(parent)
    }

    /// The thread has done the steps, or an exception has left them: it hands over what has come of them, and then writes
    /// to the self-pipe of the loop, without the GIL.
    #[cold]
    pub(super) fn hand_back(&mut self, thread: ThreadId, context: ContextId, raised: Option<Raised>) -> bool {
        if self.has_network() {
            self.close_all(context);
        }
        self.note(What::HandBack { context, raised });
        if let Some(parent) = self.waits_for(context) {
            let state = &mut self.world.contexts[context];
            let registers = std::mem::take(&mut state.registers);
            let (draws, spawned) = (state.draws.clone(), state.family().spawned);
            let waiting = &mut self.world.contexts[parent];
            waiting.draws = draws;
            if spawned > 0 {
                waiting.family().spawned = spawned;
            }
            let spare = std::mem::replace(&mut waiting.registers, registers);
            self.world.contexts[context].registers = spare;
            if let Some(raised) = raised {
                self.world.loop_task(parent).pending = Some(raised);
            }
        }
        let own = self.world.threads[thread].own;
        self.world.threads[thread].current = own;
        let cost = self.model.machine.costs.self_pipe;
        self.start_burst(thread, own, CpuKind::System, cost, Phase::Written(context));
        let then = self.world.threads[thread].phase;
        self.leave_gil(thread, then)
    }

    /// The loop hears of the end of the steps.
    #[cold]
    pub(super) fn written(&mut self, thread: ThreadId, steps: ContextId) -> bool {
        let process = self.world.threads[thread].process;
        let looper = self.world.work.loops[process.index()];
        let parent = self.waits_for(steps);
        self.note(What::SelfPipe { thread: looper });
        if let Some(parent) = parent {
            self.world.contexts[parent].waits = None;
            self.note(What::CoroutineReady { context: parent });
        }
        self.event_loop(looper).call_threadsafe(parent);
        if self.world.threads[looper].state == State::Blocked(On::Poll) {
            self.wake(looper);
        }
        self.free_context(steps);
        self.world.work.unfinished -= 1;
        self.world.threads[thread].phase = Phase::Gil;
        true
    }

    /// The coroutine waits no more. Steps that no thread has taken are never done.
    #[cold]
    pub(super) fn leave_executor(&mut self, steps: ContextId) {
        let process = self.process_of(steps);
        let queue = &mut self.executor(process).queue;
        if let Some(place) = queue.iter().position(|queued| *queued == steps) {
            queue.remove(place);
            self.note(What::Unsubmit { context: steps });
            self.free_context(steps);
            self.world.work.unfinished -= 1;
        }
    }

    /// What keeps the steps from being done: nothing if a thread does them.
    pub(super) fn queued_behind(&self, steps: ContextId) -> Option<String> {
        let executor = self.world.executors.get(self.process_of(steps).index())?;
        executor.queue.contains(&steps).then(|| match executor.started {
            1 => "the only thread of the executor, which is busy".to_owned(),
            n => format!("one of the {n} threads of the executor, which are all busy"),
        })
    }
}
