//! What `asyncio.Task` knows beyond the coroutine that it runs. Kept only where a model cancels coroutines, awaits several
//! together, or drops late ones.

use super::world::{Context, World};
use crate::id::{ContextId, ProgramId, RequestId, SyncId, ThreadId};
use crate::runtime::event_loop::Alarm;
use crate::slab::Slab;
use crate::trace::{Raised, Together};

/// One coroutine, by the number of its context.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct LoopTask {
    /// Raised in it at its next step.
    pub pending: Option<Raised>,
    /// It was cancelled while it runs: `CancelledError` is raised where it next gives its loop back.
    pub must_cancel: bool,
    /// Requests to cancel it that no timeout has taken back.
    pub cancelling: u32,
    /// After its wait it does the op at its program counter, which it has begun before.
    pub again: bool,
    /// The shared thing that let it go, until it goes on.
    pub freed: Option<SyncId>,
    /// Its request to a device.
    pub request: Option<RequestId>,
    /// The timer that ends its sleep; 0 if there is none.
    pub alarm: u64,
    /// Innermost last.
    pub deadlines: Vec<Deadline>,
    /// Its creator awaits it, perhaps together with others: the how-many-th time that one does so.
    pub bond: Option<u32>,
    /// Its creator has a name for it: it can be joined and cancelled, and outlive a wait for it.
    pub named: bool,
    /// Those of its children with names that are over, and that it does not know of yet.
    pub ended: Vec<(ProgramId, Option<Raised>)>,
    /// How many it is still to create in one step.
    pub spawning: u32,
    /// What it awaits together itself.
    pub group: Group,
    first: Option<ContextId>,
    last: Option<ContextId>,
    next: Option<ContextId>,
    previous: Option<ContextId>,
}

/// Coroutines that one awaits together.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(super) struct Group {
    pub how: Option<Together>,
    /// They are being created.
    pub starting: bool,
    /// How often the coroutine, and whoever had its number, has awaited several. Callbacks for an earlier time do nothing.
    pub round: u32,
    /// How many have not been reported as ended.
    pub live: u32,
    pub failed: bool,
    /// Those of a gather were cancelled with the one who awaits them.
    pub cancelled: bool,
    /// What a wait for some of them was for has come about.
    pub over: bool,
    /// How far a task group is whose parent was cancelled.
    pub abort: Abort,
    /// The parent of a task group is woken to look whether all have ended, and waits again if not.
    pub looks: bool,
}

impl Group {
    /// What is raised in who awaits them, now that all have ended: exceptions of their own go before its cancellation.
    pub fn raises(&self) -> Option<Raised> {
        let cancelled = self.cancelled || self.abort != Abort::No;
        self.failed.then_some(Raised::Exception).or(cancelled.then_some(Raised::Cancelled))
    }
}

/// `TaskGroup._abort`, which the parent calls at its next step.
#[derive(Clone, Copy, Debug, Default, Hash, PartialEq, Eq)]
pub(super) enum Abort {
    #[default]
    No,
    /// The parent was cancelled and has not had its step.
    Asked,
    Done,
}

/// A timeout.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Deadline {
    /// Its timer; 0 once that has gone off.
    pub timer: u64,
    /// `cancelling` before it: more than one beyond that is somebody else's request.
    pub before: u32,
}

impl World {
    /// A new coroutine has this number.
    pub(super) fn new_loop_task(&mut self, context: ContextId) {
        if self.loop_tasks.len() <= context.index() {
            self.loop_tasks.resize_with(context.index() + 1, LoopTask::default);
        }
        let task = &mut self.loop_tasks[context.index()];
        let (mut deadlines, round) = (std::mem::take(&mut task.deadlines), task.group.round + 1);
        deadlines.clear();
        *task = LoopTask { deadlines, group: Group { round, ..Group::default() }, ..LoopTask::default() };
    }

    pub(super) fn loop_task(&mut self, context: ContextId) -> &mut LoopTask {
        &mut self.loop_tasks[context.index()]
    }

    /// The coroutine is the youngest child of its parent.
    pub(super) fn adopt(&mut self, parent: ContextId, child: ContextId) {
        let before = self.loop_task(parent).last.replace(child);
        match before {
            Some(before) => self.loop_task(before).next = Some(child),
            None => self.loop_task(parent).first = Some(child),
        }
        self.loop_task(child).previous = before;
        let group = self.loop_task(parent).group;
        self.loop_task(child).named = !group.starting || group.how == Some(Together::Shield);
        let group = &mut self.loop_task(parent).group;
        if group.starting {
            group.live += 1;
            self.loop_task(child).bond = Some(self.loop_task(parent).group.round);
        }
    }

    /// The coroutine is over; its parent may be, too.
    pub(super) fn disown(&mut self, child: ContextId) {
        let task = self.loop_task(child);
        let (previous, next) = (task.previous.take(), task.next.take());
        let state = &self.contexts[child];
        let parent = state.parent().filter(|(parent, generation)| self.contexts[*parent].generation == *generation);
        match (previous, parent) {
            (Some(previous), _) => self.loop_task(previous).next = next,
            (None, Some((parent, _))) => self.loop_task(parent).first = next,
            (None, None) => {}
        }
        match (next, parent) {
            (Some(next), _) => self.loop_task(next).previous = previous,
            (None, Some((parent, _))) => self.loop_task(parent).last = previous,
            (None, None) => {}
        }
    }

    /// The living children, oldest first.
    pub(super) fn brood(&self, parent: ContextId) -> impl Iterator<Item = ContextId> + '_ {
        let first = self.loop_tasks[parent.index()].first;
        std::iter::successors(first, |child| self.loop_tasks[child.index()].next)
    }
}

/// Whether somebody waits for the timer of the loop on the thread: numbers of coroutines are used again, and loops number their
/// timers each for itself.
pub(super) fn is_wanted(
    contexts: &Slab<ContextId, Context>,
    tasks: &[LoopTask],
    thread: ThreadId,
    alarm: Alarm,
) -> bool {
    let (Alarm::Sleep(context, number) | Alarm::Timeout(context, number)) = alarm else { return true };
    let task = &tasks[context.index()];
    contexts[context].thread == thread
        && match alarm {
            Alarm::Sleep(..) => task.alarm == number,
            _ => task.deadlines.iter().any(|one| one.timer == number),
        }
}
