//! Coroutines that are awaited together or cancelled, as `src/sim/together.rs`, `cancel.rs` and `task_waits.rs` do it. Whoever
//! awaits several hears of each end in a step of its own, and goes on in another: others may come in between.

use super::machine::Machine;
use super::raise::{CANCELLED, RAISED, TIMEOUT};
use super::state::{Abort, Call, Group, Life, Origin, Pause, State, Task, Thread};
use crate::id::{ProgramId, WaitId};
use crate::model::Guard;
use crate::trace::Together;

impl State {
    pub(super) fn task(&mut self, number: usize) -> &mut Task {
        self.threads[number].task.as_mut().expect("coroutines have one where any can be cancelled")
    }
}

impl Machine<'_> {
    /// Those that the coroutine has created and that are not over, oldest first.
    fn children(state: &State, parent: usize, which: impl Fn(ProgramId, &Task) -> bool) -> Vec<usize> {
        let child = |(number, thread): (usize, &Thread)| match (thread.origin, &thread.task) {
            (Origin::Spawned { program, .. }, Some(task))
                if thread.parent == parent as u16 && thread.life != Life::Over && which(program, task) =>
            {
                Some(number)
            }
            _ => None,
        };
        state.threads.iter().enumerate().filter_map(child).collect()
    }

    /// What those that it awaits say from here on concerns it no more.
    fn end_round(state: &mut State, parent: usize) {
        for child in state.threads.iter_mut().filter(|child| child.parent == parent as u16) {
            if let Some(task) = &mut child.task {
                task.bond = false;
            }
        }
        state.task(parent).calls.clear();
    }

    /// It goes on, with the exception that is to be raised in it if there is one.
    fn make_ready(state: &mut State, number: usize) {
        Machine::end_round(state, number);
        state.threads[number].pause = Pause::Resume;
    }

    pub(super) fn begin_group(&self, state: &mut State, number: usize, how: Together) {
        Machine::end_round(state, number);
        state.task(number).group = Group { how: Some(how), starting: true, ..Group::default() };
    }

    /// A new child of the coroutine.
    pub(super) fn adopt(&self, state: &mut State, parent: usize, child: &mut Task) {
        let group = &mut state.task(parent).group;
        child.named = !group.starting || group.how == Some(Together::Shield);
        child.bond = group.starting;
        group.live += u32::from(group.starting);
    }

    pub(super) fn await_group(&self, state: &mut State, number: usize, pc: u32) {
        let group = &mut state.task(number).group;
        group.starting = false;
        let Group { how, failed, live, .. } = *group;
        if self.eager && how != Some(Together::TaskGroup) && (failed || live == 0) {
            Machine::end_round(state, number);
            if failed {
                self.unwind(state, number, RAISED, pc);
            }
            return;
        }
        state.threads[number].pause = Pause::Together;
    }

    pub(super) fn wait_tasks(&self, state: &mut State, number: usize, wait: WaitId) {
        let wait = &self.model.task_waits[wait.index()];
        let awaited = |program: ProgramId, task: &Task| task.named && wait.programs.contains(&program);
        let children = Machine::children(state, number, awaited);
        Machine::end_round(state, number);
        children.iter().for_each(|child| state.task(*child).bond = true);
        let task = state.task(number);
        let ended = task.ended.iter().filter(|(program, _)| wait.programs.contains(program));
        task.calls.extend(ended.map(|(_, raised)| Call::Ended(*raised)));
        let live = (children.len() + task.calls.len()) as u32;
        task.group = Group { how: Some(wait.how), live, timed: wait.time.is_some(), ..Group::default() };
        if live == 0 {
            task.group.how = None;
        } else {
            state.threads[number].pause = Pause::Together;
        }
    }

    /// After such a wait: goes on at `to` unless its time was over first.
    pub(super) fn tasks_waited(&self, state: &mut State, number: usize, wait: WaitId, to: u32) {
        let programs = &self.model.task_waits[wait.index()].programs;
        let task = state.task(number);
        let late = task.group.how.is_some() && !task.group.over;
        if task.group.how.take().is_some() {
            task.ended.retain(|(program, _)| !programs.contains(program));
            Machine::end_round(state, number);
        }
        if !late {
            state.threads[number].pc = to;
        }
    }

    /// It has joined all of them.
    pub(super) fn know_ended(&self, state: &mut State, number: usize, program: ProgramId) {
        if let Some(task) = &mut state.threads[number].task {
            task.ended.retain(|(of, _)| *of != program);
        }
    }

    /// A coroutine is over: whoever awaits it will hear of it.
    pub(super) fn leave_group(&self, state: &mut State, number: usize, raised: Option<u32>) {
        let Thread { parent, origin, task, .. } = &mut state.threads[number];
        let (Some(Task { bond, named, .. }), Origin::Spawned { program, .. }) =
            (task.take().map(|task| *task), *origin)
        else {
            return;
        };
        let parent = *parent as usize;
        let waits = self.model.waits_for_tasks();
        let Some(task) = state.threads.get_mut(parent).and_then(|parent| parent.task.as_mut()) else { return };
        let group = &mut task.group;
        if named && waits && !(bond && group.how == Some(Together::Shield)) {
            task.ended.push((program, raised));
        }
        if bond && group.starting && group.how != Some(Together::TaskGroup) {
            group.live -= 1;
            group.failed |= raised.is_some() && group.how != Some(Together::GatherAll);
        } else if bond {
            task.calls.push(Call::Ended(raised));
        }
    }

    /// The coroutine hears of one that it awaits, or has its step as a task group that is to be cancelled.
    pub(super) fn hear(&self, state: &mut State, number: usize) {
        let task = state.task(number);
        let group = &mut task.group;
        match task.calls.remove(0) {
            Call::Abort if group.failed => {}
            Call::Abort => {
                group.abort = Abort::Done;
                self.cancel_group(state, number);
            }
            Call::Ended(raised) => {
                group.live -= 1;
                let over = group.live == 0;
                let raises = matches!(raised, Some(RAISED | TIMEOUT));
                match group.how {
                    Some(Together::FirstCompleted) => self.end_wait(state, number, true),
                    Some(Together::FirstException) => self.end_wait(state, number, over || raises),
                    Some(Together::AllCompleted) => self.end_wait(state, number, over),
                    Some(Together::Gather | Together::Shield) if raised.is_some() => {
                        self.end_group(state, number, true);
                    }
                    Some(Together::TaskGroup) if raises && !group.failed => {
                        group.failed = true;
                        let aborted = group.abort == Abort::Done;
                        if over {
                            self.end_group(state, number, true);
                        } else if !aborted {
                            self.cancel_group(state, number);
                        }
                    }
                    _ if over => {
                        let failed = group.failed;
                        self.end_group(state, number, failed);
                    }
                    _ => {}
                }
            }
        }
    }

    fn end_wait(&self, state: &mut State, number: usize, over: bool) {
        if over {
            state.task(number).group.over = true;
            Machine::make_ready(state, number);
        }
    }

    fn end_group(&self, state: &mut State, number: usize, failed: bool) {
        if failed {
            state.task(number).pending.get_or_insert(RAISED);
        }
        Machine::make_ready(state, number);
    }

    /// The time of a wait for some is over.
    pub(super) fn end_late(&self, state: &mut State, number: usize) {
        Machine::make_ready(state, number);
    }

    fn cancel_group(&self, state: &mut State, number: usize) {
        let children = Machine::children(state, number, |_, task| task.bond);
        children.into_iter().for_each(|child| self.cancel(state, child));
    }

    /// Cancels all coroutines that this one has spawned from the program.
    pub(super) fn cancel_all(&self, state: &mut State, number: usize, program: ProgramId) {
        let children = Machine::children(state, number, |of, task| task.named && of == program);
        children.into_iter().for_each(|child| self.cancel(state, child));
    }

    /// `Task.cancel`: what the coroutine awaits is withdrawn, and the exception raised at its next step.
    pub(super) fn cancel(&self, state: &mut State, number: usize) {
        let task = state.task(number);
        task.pending = Some(CANCELLED);
        task.cancelling += 1;
        let thread = &state.threads[number];
        match thread.pause {
            Pause::Begin | Pause::Resume | Pause::Creates => {}
            Pause::Together => self.cancel_awaited(state, number),
            _ if thread.life == Life::Going && !self.is_shielded(thread) => self.withdraw(state, number),
            _ => {}
        }
    }

    /// Those of a gather are cancelled at once, those of a task group when their parent has its next step, and only once.
    fn cancel_awaited(&self, state: &mut State, number: usize) {
        let task = state.task(number);
        match task.group.how {
            Some(how) if how.apart() => Machine::make_ready(state, number),
            Some(Together::TaskGroup) => {
                if task.group.abort == Abort::No && !task.group.failed {
                    task.group.abort = Abort::Asked;
                    task.calls.push(Call::Abort);
                }
            }
            _ => self.cancel_group(state, number),
        }
    }

    /// The coroutine stops waiting and goes on behind its op.
    fn withdraw(&self, state: &mut State, number: usize) {
        match state.threads[number].pause {
            Pause::Until => self.leave_waiting(state, number),
            Pause::Steps => self.leave_steps(state, number),
            _ => state.threads[number].pc += 1,
        }
        state.threads[number].pause = Pause::Resume;
    }

    fn is_shielded(&self, thread: &Thread) -> bool {
        let at = thread.pc - u32::from(thread.pause != Pause::No);
        self.model.regions_around(at).any(|region| region.guard == Guard::Shield)
    }

    /// The loop goes on with the coroutine, which may have an exception raised instead of what it would do.
    pub(super) fn resume(&self, state: &mut State, number: usize) {
        let shielded = self.is_shielded(&state.threads[number]);
        self.leave_meeting(state, number);
        let thread = &mut state.threads[number];
        thread.pause = Pause::No;
        let at = thread.pc - 1;
        let raised = thread.task.as_mut().filter(|_| !shielded).and_then(|task| task.pending.take());
        if let Some(raised) = raised {
            self.unwind(state, number, raised, at);
        }
    }
}
