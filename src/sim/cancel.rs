//! Cancellation, as `asyncio.Task.cancel` does it: what the coroutine awaits is withdrawn at once, and `CancelledError` is
//! raised in it at its next step. Timeouts cancel, too, and make a `TimeoutError` of it.

use super::loop_task::Deadline;
use super::world::{Phase, Resume};
use super::{Chooser, Sim};
use crate::id::{ContextId, DeviceId, DistId, ProgramId, ThreadId};
use crate::model::{Guard, Model};
use crate::runtime::event_loop::Call;
use crate::time::Time;
use crate::trace::{Cause, On, Raised, Sink, Together, What};

/// Whether any coroutine of this model can be cancelled, or dropped with its job.
pub(super) fn any(model: &Model) -> bool {
    let fails = model.raises() && model.has_executor();
    model.execution.has_loops() && (model.cancels() || super::late::any(model) || fails) || model.starts_eagerly()
}

/// Nobody waits for the request.
pub(super) const NOBODY: ContextId = ContextId(u32::MAX);

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The step that cancels coroutines, which are children of the context.
    #[cold]
    pub(super) fn cancel_all(&mut self, context: ContextId, program: ProgramId) -> bool {
        let spawned = |child: &ContextId| {
            self.world.contexts[*child].program == program && self.world.loop_tasks[child.index()].named
        };
        let children: Vec<ContextId> = self.world.brood(context).filter(spawned).collect();
        children.into_iter().for_each(|child| self.cancel(child, Cause::Asked));
        true
    }

    /// `Task.cancel`.
    #[cold]
    pub(super) fn cancel(&mut self, context: ContextId, why: Cause) {
        self.note(What::Cancel { context, why });
        self.world.loop_task(context).cancelling += 1;
        self.cancel_wait(context);
    }

    /// What the coroutine waits for is cancelled; if it does not wait, `CancelledError` is raised at its next step.
    fn cancel_wait(&mut self, context: ContextId) {
        let waits = self.world.contexts[context].waits;
        if let Some((On::Together, _)) = waits
            && !self.awaits_apart(context)
        {
            return self.cancel_awaited(context);
        }
        let task = self.world.loop_task(context);
        if task.group.looks {
            return;
        }
        // A task group that ends with exceptions of its own raises those.
        let fails = task.group.how == Some(Together::TaskGroup) && task.pending == Some(Raised::Exception);
        if !fails {
            task.pending = Some(Raised::Cancelled);
        }
        match waits {
            Some((on, _)) if on != On::Nothing && !self.is_shielded(context) => self.withdraw(context),
            _ => {}
        }
    }

    /// A coroutine that was cancelled while it ran gives its loop back.
    #[cold]
    pub(super) fn cancel_at_last(&mut self, context: ContextId) {
        self.world.loop_task(context).must_cancel = false;
        self.cancel_wait(context);
    }

    /// A task group raises exceptions of its own in a coroutine that is cancelled: the cancellation is still to come.
    fn cancel_again(&mut self, context: ContextId) {
        let recancels = self.model.interpreter.groups_uncancel;
        let task = self.world.loop_task(context);
        if recancels && task.cancelling > 0 && task.group.how == Some(Together::TaskGroup) {
            task.must_cancel = true;
            self.note(What::Cancel { context, why: Cause::Again });
        }
    }

    /// Whether a timeout, or who created the context, could end its wait.
    pub(super) fn may_be_cancelled(&self, context: ContextId) -> bool {
        let state = &self.world.contexts[context];
        if !state.coroutine {
            return self.world.threads[state.thread].limit != Time::NEVER;
        }
        self.tracks && (state.parent().is_some() || !self.world.loop_tasks[context.index()].deadlines.is_empty())
    }

    /// The op that the coroutine, which does not run, stands at.
    fn stands_at(&self, context: ContextId) -> u32 {
        let again = self.world.loop_tasks[context.index()].again;
        self.world.contexts[context].pc - u32::from(!again)
    }

    fn is_shielded(&self, context: ContextId) -> bool {
        self.model.regions_around(self.stands_at(context)).any(|region| region.guard == Guard::Shield)
    }

    /// The suspended coroutine stops waiting and is ready.
    #[cold]
    pub(super) fn withdraw(&mut self, context: ContextId) {
        let Some((on, _)) = self.world.contexts[context].waits else { return };
        self.world.contexts[context].resume = Resume::Step;
        match on {
            On::Lock(lock) => return self.leave_lock(context, lock),
            On::Sync(sync) => self.leave_shared(context, sync),
            On::Io(device) => self.withdraw_request(context, device),
            On::Socket(_) => self.leave_socket(context),
            On::Sleep => self.world.loop_task(context).alarm = 0,
            On::Executor(steps) => self.leave_executor(steps),
            On::Join(_) => {}
            On::Together if self.awaits_apart(context) => self.stop_listening(context),
            On::Nothing | On::Gil | On::GilSwitch | On::World | On::Together | On::Job | On::Poll | On::Start(_) => {
                return;
            }
        }
        self.make_ready(context);
    }

    fn withdraw_request(&mut self, context: ContextId, device: DeviceId) {
        let Some(request) = self.world.loop_task(context).request.take() else { return };
        self.note(What::IoWithdraw { device, request });
        if self.world.devices[device.index()].withdraw(request) {
            self.world.requests.release(request);
        } else {
            self.world.requests[request].context = NOBODY;
        }
    }

    /// The loop has resumed the coroutine. Whether an exception is raised in it instead of what it would do.
    pub(super) fn interrupted(&mut self, context: ContextId) -> bool {
        if let Some(raised) = self.world.loop_task(context).pending
            && !self.is_shielded(context)
        {
            let at = self.stands_at(context);
            self.give_back(context);
            if self.has_network() {
                self.unwatch(context);
                self.end_call(context);
            }
            let task = self.world.loop_task(context);
            (task.pending, task.again, task.request) = (None, false, None);
            if raised == Raised::Exception {
                self.cancel_again(context);
            }
            self.raise(context, raised, at);
            return true;
        }
        let task = self.world.loop_task(context);
        (task.again, task.freed, task.request) = (false, None, None);
        false
    }

    /// What it was woken for goes to somebody else.
    #[cold]
    pub(super) fn give_back(&mut self, context: ContextId) {
        if let Resume::Lock(lock) = self.world.contexts[context].resume {
            self.leave_lock(context, lock);
        }
        if let Some(sync) = self.world.loop_task(context).freed.take() {
            self.return_shared(context, sync);
        }
    }

    #[cold]
    pub(super) fn begin_timeout(&mut self, thread: ThreadId, context: ContextId, time: DistId) -> bool {
        if !self.world.contexts[context].coroutine {
            return self.begin_limit(thread, context, time);
        }
        let time = self.sample(context, time);
        self.note(What::Timeout { context, time });
        let at = self.world.now + time;
        let timer = self.event_loop(thread).expire_at(at, context);
        let task = self.world.loop_task(context);
        let before = task.cancelling;
        task.deadlines.push(Deadline { timer, before });
        true
    }

    #[cold]
    pub(super) fn end_timeout(&mut self, thread: ThreadId, context: ContextId) -> bool {
        if !self.world.contexts[context].coroutine {
            return self.end_limit(thread, context);
        }
        if self.leave_timeout(context) {
            self.world.loop_task(context).pending = None;
        }
        true
    }

    /// The innermost timeout is over. Whether it alone cancelled the coroutine.
    pub(super) fn leave_timeout(&mut self, context: ContextId) -> bool {
        self.note(What::TimeoutEnd { context });
        let task = self.world.loop_task(context);
        let Some(Deadline { timer, before }) = task.deadlines.pop() else { return false };
        let expired = timer == 0;
        task.cancelling -= u32::from(expired);
        task.must_cancel &= task.cancelling > 0;
        expired && task.cancelling <= before
    }

    /// A callback of the loop that is no step of a coroutine.
    #[cold]
    pub(super) fn call_back(&mut self, thread: ThreadId) -> bool {
        self.world.threads[thread].phase = Phase::Handle;
        match self.event_loop(thread).next_call().expect("there are as many calls as handles for them") {
            Call::Ended { parent, round, raised } => self.child_ended(parent, round, raised),
            Call::Expire { context, number } if self.world.contexts[context].thread == thread => {
                self.expire(context, number);
            }
            Call::Expire { .. } | Call::InVain => {}
        }
        true
    }

    fn expire(&mut self, context: ContextId, number: u32) {
        let deadlines = &mut self.world.loop_task(context).deadlines;
        if let Some(deadline) = deadlines.iter_mut().find(|one| one.timer != 0 && one.timer as u32 == number) {
            deadline.timer = 0;
            self.cancel(context, Cause::Timeout);
        }
    }
}
