//! What the GIL's verdicts mean for threads.

use super::world::{Body, Phase, State};
use super::{Chooser, Sim};
use crate::choice::Choice;
use crate::id::{CoreId, ThreadId};
use crate::runtime::gil::Take;
use crate::trace::{On, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The running thread takes the GIL of its process and goes on where it stopped, or waits for one interval.
    pub(super) fn take_gil(&mut self, thread: ThreadId) -> bool {
        let now = self.world.now;
        let state = &mut self.world.threads[thread];
        let process = state.process;
        let timed_out = std::mem::take(&mut state.timed_out);
        let seen = state.seen;
        let Some(gil) = &mut self.world.processes[process.index()].gil else {
            self.world.threads[thread].phase = self.home(thread);
            return true;
        };
        if timed_out && let Some(holder) = gil.request(seen, now) {
            self.note(What::GilRequest { process, thread });
            if self.world.threads[holder].state == State::Running {
                let core = self.world.threads[holder].core.expect("a running thread has a core");
                self.arm(core, holder);
            }
        }
        let gil = self.world.processes[process.index()].gil.as_mut().expect("checked above");
        match gil.take(thread) {
            Take::Taken { wake } => {
                self.note(What::GilTake { process, thread });
                self.world.threads[thread].phase = self.home(thread);
                if let Some(forced_out) = wake {
                    self.wake(forced_out);
                }
                true
            }
            Take::Held { seen } => {
                let deadline = now + gil.interval();
                self.world.threads[thread].seen = seen;
                self.block(thread, On::Gil, Phase::Gil);
                self.set_timeout(thread, deadline);
                false
            }
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
            Body::Worker if self.world.contexts[state.own].job.is_some() => Phase::Step,
            Body::Worker => Phase::Job,
            Body::Loop(_) if state.current != state.own => Phase::Step,
            Body::Loop(_) => Phase::Collect,
        }
    }

    /// Releases the GIL if the thread holds it, and wakes a waiter. Whether the thread must wait for a switch first.
    pub(super) fn release_gil(&mut self, thread: ThreadId, forced: bool, last: bool) -> bool {
        let process = self.world.threads[thread].process;
        let Some(gil) = &mut self.world.processes[process.index()].gil else { return false };
        if gil.holder() != Some(thread) {
            return false;
        }
        let released = gil.release(thread, last);
        self.note(What::GilDrop { process, thread, forced });
        if released.waiters > 0 {
            let chosen = self.choose(Choice::GilWaiter, released.waiters);
            let gil = self.world.processes[process.index()].gil.as_mut().expect("checked above");
            let waiter = gil.signal(chosen).expect("there is a waiter");
            self.wake(waiter);
        }
        released.wait_for_switch
    }

    /// Releases the GIL and does `then` without it. Whether the thread can do so at once.
    #[inline]
    pub(super) fn leave_gil(&mut self, thread: ThreadId, then: Phase) -> bool {
        if !self.has_gil {
            self.world.threads[thread].phase = then;
            return true;
        }
        let must_wait = self.release_gil(thread, false, false);
        if must_wait {
            self.block(thread, On::GilSwitch, then);
        } else {
            self.world.threads[thread].phase = then;
        }
        !must_wait
    }

    /// A check point between two ops. Whether the thread had to drop the GIL and waits.
    pub(super) fn drop_at_check_point(&mut self, core: CoreId, thread: ThreadId) -> bool {
        let process = self.world.threads[thread].process;
        let gil = self.world.processes[process.index()].gil.as_ref();
        let asked = gil.is_some_and(|gil| gil.holder() == Some(thread) && gil.requested().is_some());
        if asked {
            self.forced_drop(core, thread);
        }
        asked
    }

    /// At a check point, because a waiter asked: the burst stops, and the thread queues for the GIL again after somebody
    /// else had it.
    pub(super) fn forced_drop(&mut self, core: CoreId, thread: ThreadId) {
        debug_assert!(self.world.threads[thread].core == Some(core));
        let must_wait = self.release_gil(thread, true, false);
        debug_assert!(must_wait, "a drop is forced by a request");
        self.block(thread, On::GilSwitch, Phase::Gil);
    }

    /// The thread's timed wait for the GIL is over; it asks for a drop as soon as it runs.
    pub(super) fn stop_waiting_for_gil(&mut self, thread: ThreadId) {
        let process = self.world.threads[thread].process;
        if let Some(gil) = &mut self.world.processes[process.index()].gil {
            gil.stop_waiting(thread);
        }
        self.world.threads[thread].timed_out = true;
    }
}
