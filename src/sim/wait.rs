//! Steps that wait: devices, the clock, locks, children. A thread releases the GIL and blocks; a coroutine is suspended.

use super::world::{Phase, Request, Resume};
use super::{Chooser, Sim};
use crate::engine::Class;
use crate::id::{ContextId, CoreId, DeviceId, DistId, LockId, ProcessId, ProgramId, RequestId, ThreadId};
use crate::model::{Parking, Protocol};
use crate::sync::Acquire;
use crate::time::Duration;
use crate::trace::{CpuKind, On, Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    #[inline]
    pub(super) fn io(&mut self, thread: ThreadId, context: ContextId, device: DeviceId, time: Option<DistId>) -> bool {
        let time = time.unwrap_or(self.model.devices[device.index()].latency);
        let latency = self.sample(context, time);
        let submit = Phase::Submit(device, latency);
        let syscall = self.model.machine.costs.syscall;
        if self.awaits(context) {
            // Simplification: a non-blocking call keeps the GIL (CPython releases it even then).
            self.start_burst(thread, context, CpuKind::Loop, syscall, submit);
            return true;
        }
        if !self.has_gil && syscall == Duration::ZERO {
            return self.submit(thread, device, latency);
        }
        self.start_burst(thread, context, CpuKind::System, syscall, submit);
        let then = self.world.threads[thread].phase;
        self.leave_gil(thread, then)
    }

    /// The request goes to the device; whoever made it waits.
    #[inline(always)]
    pub(super) fn submit(&mut self, thread: ThreadId, device: DeviceId, latency: Duration) -> bool {
        let context = self.world.threads[thread].current;
        let new = Request { device, latency, context };
        let request = self.world.requests.claim(|| new.clone());
        self.world.requests[request] = new;
        self.note(What::IoSubmit { device, request, context });
        if self.world.devices[device.index()].submit(request) {
            self.serve(request);
        }
        let costs = self.model.machine.costs.completion > Duration::ZERO;
        if self.awaits(context) {
            if self.tracks {
                self.world.loop_task(context).request = Some(request);
            }
            return self.suspend(thread, context, On::Io(device), if costs { Resume::Complete } else { Resume::Step });
        }
        self.block(thread, On::Io(device), if costs { Phase::Complete } else { Phase::Gil });
        false
    }

    /// The request is done: the same call into the system goes on, and ends.
    pub(super) fn complete(&mut self, thread: ThreadId) -> bool {
        let (context, cost) = (self.world.threads[thread].current, self.model.machine.costs.completion);
        match self.awaits(context) {
            true => self.start_burst(thread, context, CpuKind::Loop, cost, Phase::Step),
            false => self.start_burst(thread, context, CpuKind::System, cost, Phase::Gil),
        }
        true
    }

    #[inline(always)]
    fn serve(&mut self, request: RequestId) {
        let Request { device, latency, .. } = self.world.requests[request];
        self.note(What::IoStart { device, request, latency });
        self.world.engine.schedule(self.world.now + latency, Class::Completion, request.0);
    }

    /// The device has served a request.
    pub(super) fn served(&mut self, request: RequestId) {
        let Request { device, context, .. } = self.world.requests[request];
        self.note(What::IoDone { device, request });
        self.world.requests.release(request);
        if let Some(next) = self.world.devices[device.index()].finish() {
            self.serve(next);
        }
        if context != super::cancel::NOBODY {
            self.wake_context(context);
        }
    }

    pub(super) fn begin_sleep(&mut self, thread: ThreadId, context: ContextId, time: DistId) -> bool {
        let time = self.sample(context, time);
        if self.awaits(context) {
            return self.sleep(thread, time);
        }
        self.leave_gil(thread, Phase::Sleep(time))
    }

    pub(super) fn sleep(&mut self, thread: ThreadId, time: Duration) -> bool {
        let context = self.world.threads[thread].current;
        let at = self.world.now + time;
        self.note(What::Sleep { context, time });
        if self.awaits(context) {
            let alarm = self.event_loop(thread).call_at(at, context);
            if self.tracks {
                self.world.loop_task(context).alarm = alarm;
            }
            return self.suspend(thread, context, On::Sleep, Resume::Step);
        }
        self.block(thread, On::Sleep, Phase::Gil);
        self.set_timeout(thread, at);
        false
    }

    pub(super) fn yield_now(&mut self, thread: ThreadId, context: ContextId) -> bool {
        if self.awaits(context) {
            self.event_loop(thread).call_soon(context);
            return self.suspend(thread, context, On::Nothing, Resume::Step);
        }
        if self.model.interpreter.sleeps_at_yield && self.model.machine.costs.timer_slack > Duration::ZERO {
            return self.leave_gil(thread, Phase::Sleep(Duration::ZERO));
        }
        self.leave_gil(thread, Phase::Yield)
    }

    pub(super) fn give_way_to_waiting(&mut self, core: CoreId, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Gil;
        if !self.world.kernel.should_yield(core) {
            return true;
        }
        self.give_way(core, thread);
        false
    }

    pub(super) fn acquire(&mut self, thread: ThreadId, context: ContextId, lock: LockId) -> bool {
        if self.awaits(context) {
            self.world.threads[thread].phase = Phase::Lock(lock);
            return true;
        }
        let process = self.home_of_lock(context, lock);
        // It may be here again because it was woken for the lock.
        self.world.contexts[context].woken = false;
        if self.world.processes[process.index()].locks[lock.index()].try_acquire(context) {
            self.note(What::LockTake { lock, process, context });
            self.inherit_by(context, lock, process);
            return true;
        }
        if self.is_out_of_time(thread, context) {
            self.world.processes[process.index()].locks[lock.index()].leave(context);
            return self.give_up_at_once(thread, context);
        }
        self.leave_gil(thread, Phase::Lock(lock))
    }

    pub(super) fn wait_for_lock(&mut self, thread: ThreadId, lock: LockId) -> bool {
        let context = self.world.threads[thread].current;
        let awaits = self.awaits(context);
        let process = self.home_of_lock(context, lock);
        let woken = std::mem::take(&mut self.world.contexts[context].woken);
        if !awaits && self.parks(lock) {
            return self.park(thread, context, lock);
        }
        let state = &mut self.world.processes[process.index()].locks[lock.index()];
        let verdict = if awaits { state.acquire_fair(context, woken) } else { state.acquire(context, woken) };
        match (verdict, awaits) {
            (Acquire::Taken, _) => {
                self.note(What::LockTake { lock, process, context });
                self.inherit_by(context, lock, process);
                self.world.threads[thread].phase = if awaits { Phase::Step } else { Phase::Gil };
                true
            }
            (Acquire::Queued, true) => self.suspend(thread, context, On::Lock(lock), Resume::Lock(lock)),
            (Acquire::Queued, false) => {
                self.block(thread, On::Lock(lock), Phase::Lock(lock));
                self.limit_wait(thread);
                self.lend(context);
                false
            }
        }
    }

    /// Whether a thread that was woken for the lock asks for it again only when it has the GIL.
    pub(super) fn parks(&self, lock: LockId) -> bool {
        matches!(self.model.interpreter.parking, Parking::Mutex { .. }) && self.protocol(lock) == Protocol::None
    }

    /// The thread has released the GIL to wait for the lock. Afterwards it takes the GIL and does the step again, unless it
    /// was given the lock.
    fn park(&mut self, thread: ThreadId, context: ContextId, lock: LockId) -> bool {
        let process = self.home_of_lock(context, lock);
        let now = self.world.now;
        self.world.contexts[context].pc -= 1;
        let state = &mut self.world.processes[process.index()].locks[lock.index()];
        if state.owner().is_none() {
            self.world.threads[thread].phase = Phase::Gil;
            return true;
        }
        state.park(context, now);
        self.block(thread, On::Lock(lock), Phase::Gil);
        self.limit_wait(thread);
        false
    }

    /// The owner gives the lock up: to whoever has waited for it for long. Whether there is such a one.
    pub(super) fn hand_to_patient(&mut self, context: ContextId, lock: LockId, process: ProcessId) -> bool {
        let Parking::Mutex { fair_after } = self.model.interpreter.parking else { return false };
        let now = self.world.now;
        let state = &mut self.world.processes[process.index()].locks[lock.index()];
        let Some(waiter) = state.hand_to_patient(now, fair_after) else { return false };
        self.note(What::LockRelease { lock, process, context });
        self.note(What::LockTake { lock, process, context: waiter });
        // It goes on behind the step that it would have done again.
        self.world.contexts[waiter].pc += 1;
        self.wake_context(waiter);
        true
    }

    pub(super) fn join(&mut self, thread: ThreadId, context: ContextId, program: ProgramId) -> bool {
        if !self.has_children(context, program) {
            self.know_ended(context, program);
            return true;
        }
        if self.awaits(context) {
            return self.suspend(thread, context, On::Join(program), Resume::Step);
        }
        if self.is_out_of_time(thread, context) {
            return self.give_up_at_once(thread, context);
        }
        self.leave_gil(thread, Phase::Join(program))
    }

    pub(super) fn wait_for_children(&mut self, thread: ThreadId, program: ProgramId) -> bool {
        if !self.has_children(self.world.threads[thread].current, program) {
            self.world.threads[thread].phase = Phase::Gil;
            return true;
        }
        self.block(thread, On::Join(program), Phase::Gil);
        self.limit_wait(thread);
        false
    }

    fn has_children(&self, context: ContextId, program: ProgramId) -> bool {
        let family = self.world.contexts[context].family.as_ref();
        family.is_some_and(|family| family.children.iter().any(|(of, live)| *of == program && *live > 0))
    }
}
