//! What the GIL's verdicts mean for threads.

use super::world::{Body, Phase, State};
use super::{Chooser, Sim};
use crate::choice::Choice;
use crate::id::{CoreId, ProcessId, ThreadId};
use crate::runtime::gil::{Forced, Gil, Next, Take, Turn, Why};
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On, PoolPart, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The running thread takes the GIL of its process and goes on where it stopped, or waits for it.
    pub(super) fn take_gil(&mut self, thread: ThreadId) -> bool {
        let now = self.world.now;
        let state = &mut self.world.threads[thread];
        let process = state.process;
        let timed_out = std::mem::take(&mut state.timed_out);
        let seen = state.seen;
        let Some(gil) = &mut self.world.processes[process.index()].gil else {
            self.world.threads[thread].phase = self.home(thread);
            self.comes_up(thread);
            return true;
        };
        if timed_out && let Some(holder) = gil.request(seen, now) {
            self.note(What::GilRequest { process, thread });
            self.arm_running(holder);
        }
        self.slip_in(process, thread);
        let gil = self.gil(process);
        match gil.take(thread, now, timed_out) {
            Take::Taken { wake } => {
                self.note(What::GilTake { process, thread });
                self.world.threads[thread].phase = self.home(thread);
                self.comes_up(thread);
                if let Some(forced_out) = wake {
                    self.wake(forced_out);
                }
                true
            }
            Take::Held { seen } => {
                let turn = gil.rules().turn;
                self.world.threads[thread].seen = seen;
                self.block(thread, On::Gil, Phase::Gil);
                match turn {
                    Turn::Asked(interval) => self.set_timeout(thread, now + interval),
                    _ => self.begin_turn(process),
                }
                false
            }
        }
    }

    fn gil(&mut self, process: ProcessId) -> &mut Gil {
        self.world.processes[process.index()].gil.as_mut().expect("the process has a GIL")
    }

    /// A waiter has come: if it is the first, the holder's turn is measured from now on.
    fn begin_turn(&mut self, process: ProcessId) {
        let gil = self.gil(process);
        if let (1, Some(holder)) = (gil.waiting(), gil.holder()) {
            self.arm_running(holder);
        }
    }

    /// The holder may have to let go before its burst ends.
    fn arm_running(&mut self, holder: ThreadId) {
        if self.world.threads[holder].state == State::Running {
            let core = self.world.threads[holder].core.expect("a running thread has a core");
            self.arm(core, holder);
        }
    }

    /// Where a thread that has the GIL goes on.
    #[inline]
    pub(super) fn home(&self, thread: ThreadId) -> Phase {
        let state = &self.world.threads[thread];
        if state.burst.left.0 > 0 {
            return Phase::Burst;
        }
        match state.body {
            Body::Program => Phase::Step,
            Body::Worker if self.world.contexts[state.own].job().is_some() => Phase::Step,
            Body::Pool(PoolPart::Worker(_)) if self.world.contexts[state.own].job().is_some() => Phase::Step,
            Body::Executor if state.current != state.own => Phase::Step,
            Body::Worker | Body::Executor | Body::Pool(_) => Phase::Job,
            Body::Loop(_) if state.current != state.own => Phase::Step,
            Body::Loop(ref event_loop) if event_loop.is_midway() => Phase::Handle,
            Body::Loop(_) => Phase::Collect,
        }
    }

    /// Releases the GIL if the thread holds it, and sees to who is next. Whether the thread must wait for a switch first.
    pub(super) fn release_gil(&mut self, thread: ThreadId, why: Why) -> bool {
        let process = self.world.threads[thread].process;
        let now = self.world.now;
        let Some(gil) = &mut self.world.processes[process.index()].gil else { return false };
        if gil.holder() != Some(thread) {
            return false;
        }
        let released = gil.release(thread, why, now);
        // With the lock goes the offer of it.
        self.world.threads[thread].offers_until = Time::ZERO;
        self.note(What::GilDrop { process, thread, forced: why == Why::Forced });
        match released.next {
            Next::Nobody => {}
            Next::Signal(waiters) => self.signal(process, waiters),
            Next::Heir(heir) => self.wake(heir),
            Next::Poll(waiter, at) => {
                if self.world.threads[waiter].timer == 0 {
                    self.set_timeout(waiter, at);
                }
            }
        }
        released.wait_for_switch
    }

    fn signal(&mut self, process: ProcessId, waiters: usize) {
        let chosen = self.choose(Choice::GilWaiter, waiters);
        let waiter = self.gil(process).signal(chosen).expect("there is a waiter");
        self.wake(waiter);
    }

    /// Releases the GIL and does `then` without it. Whether the thread can do so at once.
    #[inline]
    pub(super) fn leave_gil(&mut self, thread: ThreadId, then: Phase) -> bool {
        if !self.has_gil {
            self.world.threads[thread].phase = then;
            if self.stops {
                self.detach(thread);
            }
            return true;
        }
        let must_wait = self.release_gil(thread, Why::Leaves);
        if must_wait {
            self.block(thread, On::GilSwitch, then);
        } else {
            self.world.threads[thread].phase = then;
        }
        !must_wait
    }

    /// A check point between two ops. Whether the thread had to drop the GIL and waits.
    pub(super) fn drop_at_check_point(&mut self, core: CoreId, thread: ThreadId) -> bool {
        let now = self.world.now;
        let process = self.world.threads[thread].process;
        let Some(gil) = &self.world.processes[process.index()].gil else {
            return self.stops && self.stands_still(thread);
        };
        let due = gil.holder() == Some(thread) && gil.due(Duration::ZERO).is_some_and(|due| due <= now);
        due && self.forced_drop(core, thread)
    }

    /// At a check point, because the turn of the thread is over: what it is doing stops, and it queues for the GIL again.
    /// Whether it has to wait.
    pub(super) fn forced_drop(&mut self, core: CoreId, thread: ThreadId) -> bool {
        debug_assert!(self.world.threads[thread].core == Some(core));
        if !self.has_gil {
            self.stand_still(thread);
            return true;
        }
        let now = self.world.now;
        let process = self.world.threads[thread].process;
        let gil = self.gil(process);
        let forced = gil.rules().forced;
        if gil.holder() != Some(thread) {
            // It lost the lock while it offered it, and asks for it again.
            self.world.threads[thread].phase = Phase::Gil;
            self.execute(core, thread);
            return true;
        }
        if let Forced::TakeAgain { signal, .. } = forced {
            self.offer_gil(core, thread, signal);
            return false;
        }
        let must_wait = self.release_gil(thread, Why::Forced);
        debug_assert!(must_wait == (forced == Forced::WaitForSwitch), "a drop is forced by a request");
        if must_wait {
            self.block(thread, On::GilSwitch, Phase::Gil);
        } else {
            self.gil(process).queue(thread, now);
            self.block(thread, On::Gil, Phase::Gil);
        }
        true
    }

    /// When the thread, which executes interpreted code, stops because its turn is over. If it has lost the GIL during an
    /// offer, it notices after that.
    #[cold]
    pub(super) fn end_of_turn(&self, gil: &Gil, thread: ThreadId) -> Option<Time> {
        match gil.holder() == Some(thread) {
            true => gil.due(self.model.machine.costs.check_point),
            false => Some(self.world.threads[thread].offers_until),
        }
    }

    /// The holder wakes a waiter and goes on. To wake it takes time, during which the GIL is open; between two bursts this
    /// time is not charged.
    fn offer_gil(&mut self, core: CoreId, thread: ThreadId, signal: Duration) {
        let now = self.world.now;
        let process = self.world.threads[thread].process;
        let waiters = self.gil(process).offer(now);
        let state = &mut self.world.threads[thread];
        let cost = if state.burst.left > Duration::ZERO { signal } else { Duration::ZERO };
        state.burst.left += cost;
        state.offers_until = now + cost;
        self.note(What::GilOffer { process, thread, cost });
        self.signal(process, waiters);
        self.arm(core, thread);
    }

    /// The thread, running, may find the GIL open for a moment although somebody holds it: then the holder, which is about
    /// to take it again, loses it.
    fn slip_in(&mut self, process: ProcessId, thread: ThreadId) {
        let now = self.world.now;
        let Some(gil) = &self.world.processes[process.index()].gil else { return };
        let rules = gil.rules();
        let (Forced::TakeAgain { window, .. }, Some(holder)) = (rules.forced, gil.holder()) else { return };
        let state = &self.world.threads[holder];
        if state.phase != Phase::Burst || !matches!(state.burst.kind, CpuKind::Python | CpuKind::Loop) {
            return;
        }
        let running = state.state == State::Running;
        // One that was preempted stands where it stood then.
        let at = if running { now } else { state.burst.since };
        let offered = at < state.offers_until;
        let open = offered || {
            let draw = u128::from(self.wake_stream(thread).draw());
            (draw * u128::from(rules.interval().0)) >> 64 < u128::from(window.0)
        };
        if running {
            self.account(holder);
        }
        if open && self.world.threads[holder].burst.left > Duration::ZERO {
            self.lose_gil(process, holder, running, offered);
        }
    }

    /// A thread that offers the lock goes on with that and notices afterwards.
    fn lose_gil(&mut self, process: ProcessId, holder: ThreadId, running: bool, offers: bool) {
        let now = self.world.now;
        self.note(What::GilDrop { process, thread: holder, forced: true });
        self.gil(process).lose();
        if running && offers {
            self.arm_running(holder);
        } else if running {
            self.gil(process).queue(holder, now);
            self.block(holder, On::Gil, Phase::Gil);
        } else {
            // It does not go on with an offer in which it was preempted.
            let state = &mut self.world.threads[holder];
            (state.phase, state.offers_until) = (Phase::Gil, Time::ZERO);
        }
    }

    /// A burst of interpreted code is over. If the thread lost the GIL while it offered it, and a fast core was done before
    /// it could notice, it asks for it again.
    #[cold]
    pub(super) fn ask_again_if_lost(&mut self, thread: ThreadId) {
        let state = &mut self.world.threads[thread];
        // What it offered is no matter of the next burst.
        state.offers_until = Time::ZERO;
        let gil = self.world.processes[state.process.index()].gil.as_ref();
        if state.phase == Phase::Step && gil.is_some_and(|gil| gil.holder() != Some(thread)) {
            self.world.threads[thread].phase = Phase::Gil;
        }
    }

    /// The thread's timed wait for the GIL is over. Whether it stops waiting, to ask as soon as it runs.
    pub(super) fn looks_for_gil(&mut self, thread: ThreadId) -> bool {
        let process = self.world.threads[thread].process;
        let stops = self.gil(process).looks(thread);
        let state = &mut self.world.threads[thread];
        state.timed_out = stops;
        if !stops {
            state.timer = 0;
        }
        stops
    }
}
