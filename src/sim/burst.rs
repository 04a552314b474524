//! Core time: when a burst goes on, when it stops, and what stops it.

use super::world::{Body, Phase, State};
use super::{Chooser, Sim};
use crate::id::{ContextId, CoreId, ThreadId};
use crate::kernel::pace::UNIT;
use crate::runtime::gil::Turn;
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The thread needs core time for the context, and does `then` after it. Nothing is recorded if it needs none.
    #[inline(always)]
    pub(super) fn start_burst(
        &mut self,
        thread: ThreadId,
        context: ContextId,
        kind: CpuKind,
        demand: Duration,
        then: Phase,
    ) {
        let state = &mut self.world.threads[thread];
        if demand == Duration::ZERO {
            state.phase = then;
            return;
        }
        state.phase = Phase::Burst;
        let burst = &mut state.burst;
        (burst.kind, burst.context, burst.left, burst.then) = (kind, context, demand, then);
        burst.rest = 0;
        self.note(What::Compute { context, kind, demand });
    }

    /// The running thread goes on with its burst. Whether it is over at once.
    #[inline(always)]
    pub(super) fn go_on(&mut self, core: CoreId, thread: ThreadId) -> bool {
        let now = self.world.now;
        let state = &mut self.world.threads[thread];
        if state.burst.left == Duration::ZERO {
            state.phase = state.burst.then;
            let (context, kind) = (state.burst.context, state.burst.kind);
            self.note(What::ComputeEnd { context });
            if self.world.threads[thread].offers_until > Time::ZERO {
                self.ask_again_if_lost(thread);
            }
            // The return from a native call is a check point.
            return kind != CpuKind::HoldGil || !self.drop_at_check_point(core, thread);
        }
        state.burst.since = now;
        self.set_timer(core, thread);
        false
    }

    /// Sets the core's timer to the first thing that can stop the burst: its end, the end of the slice if somebody waits,
    /// or the check point after a drop request. Without waiters there are no events for ends of slices.
    #[inline]
    pub(super) fn arm(&mut self, core: CoreId, thread: ThreadId) {
        if self.world.threads[thread].phase == Phase::Burst {
            self.set_timer(core, thread);
        }
    }

    #[inline(always)]
    fn set_timer(&mut self, core: CoreId, thread: ThreadId) {
        let state = &self.world.threads[thread];
        let now = self.world.now;
        let burst = &state.burst;
        let mut at = match self.paced {
            false => burst.since + burst.left,
            true => self.world.kernel.burst_end(core, thread, burst.since, burst.left, burst.rest),
        };
        if let Some(due) = self.check_point(thread) {
            at = at.min(due.max(now));
        }
        if self.world.kernel.ends_slices(core) {
            let end = self.world.kernel.slice_end(core, now);
            if end < at {
                return self.world.kernel.set_slice_timer(core, end);
            }
        }
        self.world.kernel.set_timer(core, at);
    }

    /// When the thread drops its GIL because a waiter asked: at the next check point, if this burst has any.
    #[inline]
    fn check_point(&self, thread: ThreadId) -> Option<Time> {
        if !self.has_gil && !self.stops {
            return None;
        }
        let state = &self.world.threads[thread];
        if !matches!(state.burst.kind, CpuKind::Python | CpuKind::Loop) {
            return None;
        }
        if !self.has_gil {
            return self.stop_due(thread);
        }
        let gil = self.world.processes[state.process.index()].gil.as_ref()?;
        match gil.rules().turn {
            Turn::Asked(_) => gil.due(self.model.machine.costs.check_point),
            _ => self.end_of_turn(gil, thread),
        }
    }

    /// The timer of the core has gone off.
    ///
    /// Whatever happens next sets the timer again: to something else if the thread goes on, to never if it leaves.
    pub(super) fn core_timer(&mut self, core: CoreId) {
        if self.world.kernel.is_own_timer(core) {
            // It is done at the end of the instant.
            self.world.kernel.set_timer(core, Time::NEVER);
            self.unsettled = true;
            return;
        }
        let thread = self.world.kernel.occupant(core).expect("only an occupied core has a timer");
        if self.world.threads[thread].state == State::Switching {
            // Somebody more urgent may have come during the switch.
            self.unsettled = true;
            self.world.kernel.touch(Some(core));
            self.begin(core, thread);
            return;
        }
        self.account(thread);
        if self.world.threads[thread].burst.left == Duration::ZERO {
            self.execute(core, thread);
        } else if self.check_point(thread).is_some_and(|due| due <= self.world.now) {
            self.forced_drop(core, thread);
        } else if self.world.kernel.ends_slices(core)
            && self.world.kernel.slice_end(core, self.world.now) == self.world.now
        {
            // Boosts come first, then whoever waits takes a free core; then all slices that end now do so in order.
            let boosted = self.world.kernel.timer_before_slices() && self.policy_timers();
            if !self.world.kernel.is_spread() && boosted | self.take_free_cores() | self.watch_slices() {
                return self.arm(core, thread);
            }
            let reasons = self.sink.explains().then(|| self.reasons_at_slice_end(core, thread));
            let keeps = self.world.kernel.renew(core, self.world.now);
            if let Some(reasons) = reasons {
                self.explain_slice_end(core, thread, keeps, reasons);
            }
            if keeps {
                self.arm(core, thread);
            } else {
                self.preempt(core, thread);
            }
        } else {
            self.arm(core, thread);
        }
    }

    /// Subtracts what the running burst has received so far.
    pub(super) fn account(&mut self, thread: ThreadId) {
        let now = self.world.now;
        if self.paced {
            return self.account_work(thread);
        }
        let burst = &mut self.world.threads[thread].burst;
        burst.left = burst.left - now.since(burst.since);
        burst.since = now;
    }

    /// As `account`, on a core of any rate.
    #[cold]
    fn account_work(&mut self, thread: ThreadId) {
        let now = self.world.now;
        let state = &mut self.world.threads[thread];
        let core = state.core.expect("an executing thread has a core");
        let burst = &mut state.burst;
        let done = self.world.kernel.work_done(core, thread, now.since(burst.since)) + u128::from(burst.rest);
        let unit = u128::from(UNIT);
        let left = u128::from(burst.left.0).checked_sub(done / unit).filter(|left| *left > 0);
        // What a core does in the nanosecond in which a burst ends is its own.
        burst.left = Duration(left.unwrap_or(0) as u64);
        burst.rest = if left.is_some() { (done % unit) as u32 } else { 0 };
        burst.since = now;
    }

    /// Cores whose siblings have come or gone work at another rate. Whether there are any.
    #[cold]
    pub(super) fn change_rates(&mut self) -> bool {
        let mut done = false;
        while let Some(core) = self.world.kernel.take_stale() {
            let Some(thread) = self.world.kernel.occupant(core) else { continue };
            let state = &self.world.threads[thread];
            if state.state == State::Running && state.phase == Phase::Burst {
                self.account(thread);
                self.world.kernel.enter(core, thread);
                self.arm(core, thread);
                done = true;
            }
        }
        done
    }

    /// The thread executes on its core until it needs time, waits, or ends.
    pub(super) fn execute(&mut self, core: CoreId, thread: ThreadId) {
        self.acting = Some(thread);
        while self.advance(core, thread) {
            self.steps += 1;
            if self.steps > super::STEPS_PER_INSTANT {
                self.give_up(thread);
                break;
            }
        }
        self.acting = None;
    }

    #[cold]
    fn give_up(&mut self, thread: ThreadId) {
        let who = self.who(self.world.threads[thread].current);
        self.outcome = Some(super::Outcome::Livelock { who });
    }

    /// Does what the thread's phase says. Whether the thread can go on at this instant.
    #[inline]
    fn advance(&mut self, core: CoreId, thread: ThreadId) -> bool {
        // The phases that are most of all, before the jump that the processor cannot foresee.
        match self.world.threads[thread].phase {
            Phase::Step => self.step(core, thread),
            Phase::Burst => self.go_on(core, thread),
            Phase::Gil if !self.has_gil => {
                self.comes_up(thread);
                if self.stops && self.stands_still(thread) {
                    return false;
                }
                self.world.threads[thread].phase = self.home(thread);
                true
            }
            _ => self.advance_otherwise(core, thread),
        }
    }

    #[inline(never)]
    fn advance_otherwise(&mut self, core: CoreId, thread: ThreadId) -> bool {
        match self.world.threads[thread].phase {
            Phase::Step | Phase::Burst => unreachable!("compiled into the caller"),
            Phase::Gil => self.take_gil(thread),
            Phase::Submit(device, latency) => self.submit(thread, device, latency),
            Phase::Complete => self.complete(thread),
            Phase::Sleep(time) => self.sleep(thread, time),
            Phase::Yield => self.give_way_to_waiting(core, thread),
            Phase::Lock(lock) => self.wait_for_lock(thread, lock),
            Phase::Sync(sync) => self.wait_for_shared(thread, sync),
            Phase::Socket(call) => self.in_call(thread, call),
            Phase::Join(program) => self.wait_for_children(thread, program),
            Phase::Start(child) => self.wait_for_start(thread, child),
            Phase::Pool(act) => self.pool_act(thread, act),
            Phase::Job if self.is_in_executor(thread) => self.next_steps(thread),
            Phase::Job => match self.world.threads[thread].body {
                Body::Pool(part) => self.pool_job(thread, part),
                _ => self.next_job(thread),
            },
            Phase::Idle if self.is_in_executor(thread) => self.wait_for_steps(thread),
            Phase::Idle => match self.world.threads[thread].body {
                Body::Pool(part) => self.pool_idle(thread, part),
                _ => self.wait_for_job(thread),
            },
            Phase::Poll => self.leave_gil(thread, Phase::Select),
            Phase::Select => self.select(thread),
            Phase::Selected => self.wait_for_events(thread),
            Phase::Polled => self.polled(thread),
            Phase::Collect => self.collect(thread),
            Phase::Handle => self.next_handle(thread),
            Phase::Wakeup(context) => self.wakeup(thread, context),
            Phase::Resume(context) => self.resume_coroutine(thread, context),
            Phase::Drained => self.drained(thread),
            Phase::Written(steps) => self.written(thread, steps),
            Phase::Called(child) => self.called(thread, child),
            Phase::Callback => self.call_back(thread),
            Phase::End => {
                self.end_thread(core, thread);
                false
            }
        }
    }
}
