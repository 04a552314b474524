//! Threads between blocked, waking, ready, switching and running.

use super::world::{Phase, State};
use super::{Chooser, Sim};
use crate::dist::Dist;
use crate::engine::Class;
use crate::id::{ContextId, CoreId, ThreadId};
use crate::kernel::attributes::Needs;
use crate::kernel::policy::Why;
use crate::model::SwitchCharged;
use crate::rng::{Stream, numbered, stream_id};
use crate::time::{Duration, Time};
use crate::trace::{On, Role, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// What the thread waited for has happened.
    #[inline]
    pub(super) fn wake(&mut self, thread: ThreadId) {
        self.wake_after(thread, Duration::ZERO);
    }

    /// The thread becomes runnable after `delay` and its wake latency.
    pub(super) fn wake_after(&mut self, thread: ThreadId, delay: Duration) {
        debug_assert!(
            matches!(self.world.threads[thread].state, State::Blocked(_)),
            "only a blocked thread can be woken"
        );
        let latency = delay + self.wake_latency(thread);
        let state = &mut self.world.threads[thread];
        state.timer = 0;
        let own = state.current;
        self.world.contexts[own].waits = None;
        if latency == Duration::ZERO {
            self.ready(thread);
            return;
        }
        state_of(self, thread, State::Waking);
        self.note(What::Wake { thread });
        self.world.engine.schedule(self.world.now + latency, Class::Wakeup, thread.0);
    }

    /// A wake-up takes its time only where a core has to be roused for it: on a busy machine the thread just joins the
    /// run queue, and queueing does the rest.
    #[inline]
    fn wake_latency(&mut self, thread: ThreadId) -> Duration {
        if !self.world.kernel.has_idle_core(thread) {
            return Duration::ZERO;
        }
        let latency = &self.model.machine.costs.wake_latency;
        if let Dist::Const(latency) = latency {
            return *latency;
        }
        latency.sample(self.wake_stream(thread).draw())
    }

    /// The thread's own random numbers, for what the machine does to it.
    pub(super) fn wake_stream(&mut self, thread: ThreadId) -> &mut Stream {
        let state = &mut self.world.threads[thread];
        let (seed, process, role) = (self.seed, state.process, state.role);
        state.wakes.get_or_insert_with(|| {
            let id = numbered(stream_id("threads#wake"), u64::from(process.0));
            Box::new(Stream::new(seed, numbered(id, role_number(role))))
        })
    }

    /// The thread joins the run queue.
    #[inline(always)]
    pub(super) fn ready(&mut self, thread: ThreadId) {
        state_of(self, thread, State::Ready);
        self.unsettled = true;
        self.note(What::Ready { thread });
        let new = self.world.threads[thread].core.is_none();
        self.enqueue(thread, if new { Why::New } else { Why::Woken });
        if self.world.kernel.preempts_on_wake() {
            self.woken.push(thread);
        }
    }

    #[inline(always)]
    fn enqueue(&mut self, thread: ThreadId, why: Why) {
        if self.world.kernel.needs() == Needs::Demand {
            self.estimate(thread);
        }
        self.world.kernel.enqueue(thread, why, self.world.now);
    }

    /// At the end of an instant: free cores take waiting threads, and if some still wait, running threads get timers for
    /// the ends of their slices. Whether anything was done.
    pub(super) fn settle(&mut self) -> bool {
        let done = self.give_cores_away();
        if self.expired.is_empty() {
            return done;
        }
        if done {
            // Whoever was dispatched just now may yet complete a job at this instant.
            self.unsettled = true;
        } else {
            self.drop_expired();
        }
        true
    }

    fn give_cores_away(&mut self) -> bool {
        let mut done = self.world.kernel.has_own_timer() && self.policy_timers();
        if self.world.kernel.is_spread() {
            return self.settle_queues() || done;
        }
        done |= self.take_free_cores();
        if self.watch_slices() {
            // Those that end at this instant do so before anybody else loses a core.
            self.unsettled = true;
            return true;
        }
        if !self.woken.is_empty() {
            self.preempt_for_woken();
            done = true;
        }
        if self.world.kernel.contender().is_some() {
            done |= self.preempt_for_first();
        }
        if self.paced {
            done |= self.change_rates();
        }
        if self.world.kernel.has_own_timer() {
            done |= self.world.kernel.arm_own_timer(self.world.now);
        }
        done
    }

    /// While somebody waits, running threads have timers for the ends of their slices. Whether they are new.
    pub(super) fn watch_slices(&mut self) -> bool {
        let waits = self.world.kernel.waiting() > 0;
        let new = waits && !self.slicing;
        self.slicing = waits;
        if new {
            self.arm_all();
        }
        new
    }

    /// Waiting threads take free cores of the one run queue. Whether any did.
    pub(super) fn take_free_cores(&mut self) -> bool {
        let mut done = false;
        while self.world.kernel.can_dispatch() && self.outcome.is_none() {
            // Some policies let cores idle.
            let Some(thread) = self.world.kernel.pick() else { break };
            let core = self.world.kernel.place(self.world.threads[thread].core).expect("a core is free");
            if self.sink.explains() {
                self.explain_dispatch(core, thread);
            }
            self.dispatch(core, thread);
            done = true;
        }
        done
    }

    /// Policies do what is due by the clock. Whether anything was.
    #[cold]
    pub(super) fn policy_timers(&mut self) -> bool {
        let threads = &self.world.threads;
        let done =
            self.world.kernel.run_policy_timers(self.world.now, |thread| threads[thread].state == State::Running);
        if done {
            // They may have changed slices.
            self.slicing = false;
            self.world.kernel.touch(None);
        }
        done
    }

    #[cold]
    fn arm_all(&mut self) {
        for core in (0..self.world.kernel.cores()).map(CoreId) {
            if let Some(thread) = self.world.kernel.occupant(core)
                && self.world.threads[thread].state == State::Running
            {
                self.arm(core, thread);
            }
        }
    }

    /// Threads that woke at this instant and found no free core may take one from a thread that had more.
    pub(super) fn preempt_for_woken(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        for thread in woken.drain(..) {
            if self.world.threads[thread].state != State::Ready || self.outcome.is_some() {
                continue;
            }
            let threads = &self.world.threads;
            let executing = |thread: ThreadId| threads[thread].state == State::Running;
            if let Some(core) = self.world.kernel.preempted_by(thread, self.world.now, executing) {
                self.replace(core);
            }
        }
        if self.woken.is_empty() {
            self.woken = woken;
        }
    }

    /// As long as the first of the run queue is more urgent than somebody who executes, it takes that core. Whether
    /// anybody did.
    #[cold]
    fn preempt_for_first(&mut self) -> bool {
        let mut done = false;
        while let Some(first) = self.world.kernel.contender()
            && self.outcome.is_none()
        {
            let threads = &self.world.threads;
            let executing = |thread: ThreadId| threads[thread].state == State::Running;
            let Some(core) = self.world.kernel.preempted_by(first, self.world.now, executing) else { break };
            self.replace(core);
            done = true;
        }
        done
    }

    /// The thread that executes on the core goes back to the run queue, and the first of the queue takes its place.
    pub(super) fn replace(&mut self, core: CoreId) {
        let running = self.world.kernel.occupant(core).expect("an executing thread has a core");
        if self.sink.explains() {
            self.explain_preemption(core, running);
        }
        self.account(running);
        self.preempt(core, running);
        let next = self.world.kernel.pick_for(core).expect("a thread waits");
        self.dispatch(core, next);
    }

    #[inline(always)]
    pub(super) fn dispatch(&mut self, core: CoreId, thread: ThreadId) {
        let switched = self.world.kernel.occupy(core, thread);
        let last = self.world.threads[thread].core.replace(core);
        let costs = &self.model.machine.costs;
        let charged = switched || costs.switch_charged == SwitchCharged::Always;
        let mut cost = if charged { costs.context_switch } else { Duration::ZERO };
        if last.is_some_and(|last| last != core) {
            cost += costs.migration;
        }
        if cost > Duration::ZERO {
            state_of(self, thread, State::Switching);
            self.note(What::Switch { core, thread });
            self.world.kernel.set_timer(core, self.world.now + cost);
        } else {
            self.begin(core, thread);
        }
    }

    /// The thread executes from now on.
    #[inline(always)]
    pub(super) fn begin(&mut self, core: CoreId, thread: ThreadId) {
        state_of(self, thread, State::Running);
        self.note(What::Run { core, thread });
        self.world.kernel.start_slice(core, self.world.now);
        if self.paced {
            self.world.kernel.enter(core, thread);
        }
        self.execute(core, thread);
    }

    /// Back to the run queue at the end of the slice.
    #[inline(always)]
    pub(super) fn preempt(&mut self, core: CoreId, thread: ThreadId) {
        self.note(What::Preempt { core, thread });
        self.requeue(core, thread, Why::Preempted);
    }

    /// Back to the run queue because it gives way.
    pub(super) fn give_way(&mut self, core: CoreId, thread: ThreadId) {
        self.note(What::Yield { core, thread });
        self.requeue(core, thread, Why::Yielded);
    }

    #[inline(always)]
    fn requeue(&mut self, core: CoreId, thread: ThreadId, why: Why) {
        state_of(self, thread, State::Ready);
        self.unsettled = true;
        self.world.kernel.vacate(core, self.world.now);
        self.enqueue(thread, why);
    }

    /// The running thread leaves its core until it is woken, and then does `phase`.
    #[inline]
    pub(super) fn block(&mut self, thread: ThreadId, on: On, phase: Phase) {
        let state = &mut self.world.threads[thread];
        debug_assert!(state.state == State::Running, "only a running thread can block");
        state.state = State::Blocked(on);
        state.phase = phase;
        let core = state.core.expect("a running thread has a core");
        let context = state.current;
        self.world.contexts[context].waits = Some((on, self.world.now));
        self.note(What::Block { core, thread, on });
        if self.sink.explains() {
            self.explain_wait(core, thread, on);
        }
        if self.stops {
            self.detach(thread);
        }
        self.unsettled = true;
        self.world.kernel.leave_slice(core, self.world.now);
        self.world.kernel.vacate(core, self.world.now);
        if matches!(on, On::Lock(_) | On::Sync(_)) {
            self.look_for_cycle(context);
        }
    }

    /// Wakes the blocked thread at `at` unless something else does before.
    pub(super) fn set_timeout(&mut self, thread: ThreadId, at: Time) {
        let at = at + self.model.machine.costs.timer_slack;
        self.world.threads[thread].timer = self.world.engine.schedule(at, Class::Timer, thread.0);
    }

    /// The timed wait of the thread is over.
    pub(super) fn timed_out(&mut self, thread: ThreadId) {
        if self.world.threads[thread].state == State::Blocked(On::Gil) && !self.looks_for_gil(thread) {
            return;
        }
        match self.world.threads[thread].state {
            State::Blocked(On::Socket(_)) => self.give_up_socket(thread),
            State::Blocked(on @ (On::Lock(_) | On::Sync(_) | On::Join(_))) => self.give_up_wait(thread, on),
            _ => {}
        }
        self.wake(thread);
    }

    /// What the context waited for has happened: its thread wakes, or its loop hears of it.
    pub(super) fn wake_context(&mut self, context: ContextId) {
        let state = &self.world.contexts[context];
        if state.coroutine && state.blocking == 0 {
            self.make_ready(context);
        } else {
            self.wake(state.thread);
        }
    }
}

#[inline]
fn state_of<S: Sink, C: Chooser>(sim: &mut Sim<'_, S, C>, thread: ThreadId, state: State) {
    sim.world.threads[thread].state = state;
}

/// Tells roles apart, whatever number a thread happens to have.
fn role_number(role: Role) -> u64 {
    match role {
        Role::Worker(n) => u64::from(n),
        Role::Loop => 1 << 62,
        Role::Pool(part) => 1 << 62 | 1 << 40 | part.number(),
        Role::Task { task, index } => 1 << 63 | u64::from(task.0) << 32 | u64::from(index),
        Role::Spawned { program, index } => 3 << 62 | u64::from(program.0) << 32 | u64::from(index),
    }
}
