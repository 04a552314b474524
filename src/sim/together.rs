//! Coroutines that are awaited together, as they are created: `asyncio.gather`, `asyncio.TaskGroup`, and `asyncio.shield`.
//!
//! The end of each is a callback of the loop, in the iteration after; who awaits them goes on in the one after that.

use super::loop_task::{Abort, Group};
use super::world::Resume;
use super::{Chooser, Sim};
use crate::id::{ContextId, ThreadId};
use crate::runtime::event_loop::Call;
use crate::trace::{Cause, On, Raised, Sink, Together, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    #[cold]
    pub(super) fn begin_group(&mut self, context: ContextId, how: Together) -> bool {
        let group = &mut self.world.loop_task(context).group;
        *group = Group { how: Some(how), starting: true, round: group.round, ..Group::default() };
        group.round += 1;
        self.note(What::Together { context, how });
        true
    }

    #[cold]
    pub(super) fn await_group(&mut self, thread: ThreadId, context: ContextId) -> bool {
        let eager = self.eager;
        let group = &mut self.world.loop_task(context).group;
        group.starting = false;
        let failed = group.failed;
        if eager && group.how != Some(Together::TaskGroup) && (failed || group.live == 0) {
            // Nobody asks for the others any more.
            group.round += 1;
            self.note(What::TogetherAlready { context });
            return !failed || self.raise(context, Raised::Exception, self.world.contexts[context].pc - 1);
        }
        self.suspend(thread, context, On::Together, Resume::Step)
    }

    /// Whether the context creates what it will await together, and has no name for.
    pub(super) fn starts_group(&self, context: ContextId) -> bool {
        self.tracks && {
            let group = &self.world.loop_tasks[context.index()].group;
            group.starting && group.how != Some(Together::Shield)
        }
    }

    /// The coroutine is over. Whether its parent has a name for it, and can join it.
    #[cold]
    pub(super) fn leave_group(&mut self, context: ContextId, raised: Option<Raised>) -> bool {
        self.world.disown(context);
        let task = self.world.loop_task(context);
        let (bond, named) = (task.bond.take(), task.named);
        let state = &self.world.contexts[context];
        let (Some((parent, generation)), program, thread) = (state.parent(), state.program, state.thread) else {
            return named;
        };
        let group = self.world.loop_task(parent).group;
        let present = bond == Some(group.round);
        let heard = present && group.how == Some(Together::Shield);
        if named && !heard && self.waits_for_tasks && self.world.contexts[parent].generation == generation {
            self.world.loop_task(parent).ended.push((program, raised));
        }
        if present && group.starting && group.how != Some(Together::TaskGroup) {
            // It began and ended while it was created: that is seen when it is awaited.
            let group = &mut self.world.loop_task(parent).group;
            group.live -= 1;
            group.failed |= raised.is_some() && group.how != Some(Together::GatherAll);
        } else if let Some(round) = bond.filter(|_| present || !named) {
            // Who waits no more for one that goes on has taken back the callback.
            self.event_loop(thread).call(Call::Ended { parent, round, raised });
        }
        named
    }

    /// The callback of a coroutine that has ended.
    #[cold]
    pub(super) fn child_ended(&mut self, parent: ContextId, round: u32, raised: Option<Raised>) {
        let waits = matches!(self.world.contexts[parent].waits, Some((On::Together, _)));
        let group = &mut self.world.loop_task(parent).group;
        if group.round != round {
            return;
        }
        group.live -= 1;
        let last = group.live == 0;
        match (group.how, raised) {
            (Some(Together::FirstCompleted), _)
            | (Some(Together::FirstException), Some(Raised::Exception | Raised::Timeout)) => {
                return self.end_wait(parent, waits);
            }
            (Some(Together::FirstException | Together::AllCompleted), _) => {
                return self.end_wait(parent, waits && last);
            }
            (Some(Together::Gather | Together::Shield), Some(_)) => {
                // Nobody asks for the others any more.
                group.round += 1;
                let raised = if raised == Some(Raised::Cancelled) { Raised::Cancelled } else { Raised::Exception };
                return self.end_group(parent, Some(raised));
            }
            (Some(Together::TaskGroup), Some(Raised::Exception | Raised::Timeout)) if !group.failed => {
                group.failed = true;
                if group.abort != Abort::Done {
                    self.cancel_group(parent, Cause::Sibling);
                    // The group cancels its parent, too, and takes that back in the end, but for the versions that forget it.
                    let forgets = !self.model.interpreter.groups_uncancel;
                    self.world.loop_task(parent).cancelling += u32::from(forgets);
                    if !last {
                        self.look_soon(parent);
                    }
                }
            }
            _ => {}
        }
        let group = self.world.loop_task(parent).group;
        if group.live == 0 && !group.looks {
            self.end_group(parent, group.raises());
        }
    }

    /// The parent of a task group, which is cancelled, has a step, if it has none before it yet.
    fn look_soon(&mut self, parent: ContextId) {
        if !std::mem::replace(&mut self.world.loop_task(parent).group.looks, true) {
            self.make_ready(parent);
        }
    }

    /// A task group's parent has been woken because it was cancelled. Whether it waits on.
    pub(super) fn waits_on(&mut self, thread: ThreadId, context: ContextId) -> bool {
        let group = &mut self.world.loop_task(context).group;
        if !std::mem::take(&mut group.looks) {
            return false;
        }
        if group.abort == Abort::Asked && !group.failed {
            group.abort = Abort::Done;
            self.cancel_group(context, Cause::Parent);
        }
        let task = self.world.loop_task(context);
        if task.group.live > 0 {
            return self.suspend(thread, context, On::Together, Resume::Step);
        }
        task.pending = task.pending.or(task.group.raises());
        false
    }

    /// Who awaits several is cancelled: those of a gather are at once, those of a task group when their parent has its next
    /// step, in the iteration after, and only once.
    #[cold]
    pub(super) fn cancel_awaited(&mut self, parent: ContextId) {
        let group = &mut self.world.loop_task(parent).group;
        if group.how != Some(Together::TaskGroup) {
            let cancelled = self.cancel_group(parent, Cause::Parent);
            let task = self.world.loop_task(parent);
            task.group.cancelled |= cancelled;
            if !cancelled {
                // All have ended, and it has not heard of the last.
                task.pending = Some(Raised::Cancelled);
            }
            return;
        }
        if group.abort == Abort::No && !group.failed {
            group.abort = Abort::Asked;
        }
        self.look_soon(parent);
    }

    /// Cancels those that have not ended. Whether there are any.
    #[cold]
    fn cancel_group(&mut self, parent: ContextId, why: Cause) -> bool {
        let round = self.world.loop_task(parent).group.round;
        let awaited = |child: &ContextId| self.world.loop_tasks[child.index()].bond == Some(round);
        let children: Vec<ContextId> = self.world.brood(parent).filter(awaited).collect();
        children.iter().for_each(|child| self.cancel(*child, why));
        !children.is_empty()
    }

    fn end_group(&mut self, parent: ContextId, raised: Option<Raised>) {
        let task = self.world.loop_task(parent);
        task.pending = task.pending.or(raised);
        if task.group.how == Some(Together::Shield) {
            // The future between the two has a callback of its own.
            let thread = self.world.contexts[parent].thread;
            self.event_loop(thread).call(Call::InVain);
        }
        self.make_ready(parent);
    }
}
