//! Exceptions, and timeouts: whenever a coroutine awaits inside of one, its time may be over, for times do not count; and
//! whenever a thread has to wait inside of one.

use super::machine::Machine;
use super::state::{Deadline, Life, NOBODY, Origin, Pause, State, Thing, Thread};
use super::step::Choice;
use crate::model::{Act, Guard, Op};
use crate::sync::Config;

/// Exceptions as numbers on the stack of a thread, as in the simulator.
pub(super) const RAISED: u32 = 0;
pub(super) const TIMEOUT: u32 = 1;
pub(super) const CANCELLED: u32 = 2;

/// Branches from here on: that the innermost timeout is over, the one around it, ...
pub(super) const EXPIRE: u16 = 0x8000;
/// The branch that the time of a wait for some coroutines is over.
pub(super) const LATE: u16 = 0xffff;

impl Choice {
    /// Whether the step is that a timeout is over.
    pub fn expires(self) -> bool {
        self.branch >= EXPIRE
    }
}

impl Machine<'_> {
    /// The timeouts that may be over now: of a coroutine while nobody has its loop, of a thread while it has to wait.
    pub(super) fn timeouts(&self, state: &State, number: usize, out: &mut Vec<Choice>) {
        let thread = &state.threads[number];
        let late = self.tracks && thread.pause == Pause::Together;
        if thread.deadlines.is_empty() && !late {
            return;
        }
        let mut push = |branch: u16| out.push(Choice { thread: number as u16, branch });
        if !thread.coroutine {
            if self.has_to_wait(state, number) {
                push(EXPIRE);
            }
            return;
        }
        if thread.life != Life::Going || state.busy[thread.process as usize] != NOBODY {
            return;
        }
        let open = thread.deadlines.iter().rev().enumerate().filter(|(_, deadline)| !deadline.over);
        open.for_each(|(place, _)| push(EXPIRE + place as u16));
        if late && thread.task.as_ref().is_some_and(|task| task.group.timed) {
            push(LATE);
        }
    }

    /// Whether the thread is in a wait, or at one that would not end at once.
    fn has_to_wait(&self, state: &State, number: usize) -> bool {
        let thread = &state.threads[number];
        if thread.life != Life::Going
            || thread.pause == Pause::Begin
            || thread.deadlines.last().is_some_and(|limit| limit.over)
        {
            return false;
        }
        match self.model.code[thread.pc as usize] {
            _ if thread.pause == Pause::Until => true,
            Op::Sync { sync, act: Act::Wait } => {
                let waits = matches!(self.model.syncs[sync.index()].initial, Config::Condition { .. });
                waits || !self.is_ready(state, number)
            }
            Op::Acquire { .. } | Op::Reenter { .. } | Op::Sync { .. } | Op::Join { .. } => {
                !self.is_ready(state, number)
            }
            _ => false,
        }
    }

    /// The time of the thread is over: it waits no more, or does not begin to.
    fn give_up(&self, state: &mut State, number: usize) {
        self.leave_waiting(state, number);
        let thread = &mut state.threads[number];
        if let Some(limit) = thread.deadlines.last_mut() {
            limit.over = true;
        }
        if thread.pause == Pause::Until {
            // What comes after a wait for a notification, it does.
            thread.pause = Pause::No;
            return;
        }
        while self.model.code[thread.pc as usize] != Op::EndTimeout {
            thread.pc += 1;
        }
    }

    /// Nobody notifies the thread any more.
    pub(super) fn leave_waiting(&self, state: &mut State, number: usize) {
        for thing in &mut state.things {
            match thing {
                Thing::Waiting(waiting) => waiting.retain(|waiting| *waiting as usize != number),
                // A coroutine counts until it leaves.
                Thing::Meeting { come, .. } if !state.threads[number].coroutine => {
                    come.retain(|waiting| *waiting as usize != number);
                }
                _ => {}
            }
        }
    }

    /// A time is over: the coroutine is cancelled, or waits no longer for some others.
    pub(super) fn expire(&self, state: &mut State, number: usize, branch: u16) {
        if branch == LATE {
            return self.end_late(state, number);
        }
        if !state.threads[number].coroutine {
            return self.give_up(state, number);
        }
        let deadlines = &mut state.threads[number].deadlines;
        let place = deadlines.len() - 1 - (branch - EXPIRE) as usize;
        deadlines[place].over = true;
        self.cancel(state, number);
    }

    pub(super) fn begin_timeout(&self, state: &mut State, number: usize) {
        let thread = &mut state.threads[number];
        let before = thread.task.as_ref().map_or(0, |task| task.cancelling);
        thread.deadlines.push(Deadline { over: false, before });
    }

    pub(super) fn end_timeout(&self, state: &mut State, number: usize, pc: u32) {
        let thread = &mut state.threads[number];
        if thread.coroutine {
            if Machine::leave_timeout(thread) {
                state.task(number).pending = None;
            }
        } else if thread.deadlines.pop().is_some_and(|limit| limit.over) {
            // A thread has given up its wait, which is an exception inside.
            self.unwind(state, number, TIMEOUT, pc - 1);
        }
    }

    /// The innermost timeout is left. Whether it alone cancelled the coroutine.
    fn leave_timeout(thread: &mut Thread) -> bool {
        let (Some(deadline), Some(task)) = (thread.deadlines.pop(), &mut thread.task) else { return false };
        task.cancelling -= u16::from(deadline.over);
        deadline.over && task.cancelling <= deadline.before
    }

    /// After a time in which the coroutine could not be cancelled.
    pub(super) fn deliver(&self, state: &mut State, number: usize, pc: u32) {
        let thread = &mut state.threads[number];
        let awaits = thread.blocking == 0;
        let pending = thread.task.as_mut().filter(|_| awaits).and_then(|task| task.pending.take());
        if let Some(raised) = pending {
            self.unwind(state, number, raised, pc);
        }
    }

    /// The end of a handler that catches nothing. If the coroutine was cancelled (again) meanwhile, that goes on.
    pub(super) fn reraise(&self, state: &mut State, number: usize, pc: u32) {
        let thread = &mut state.threads[number];
        let pending = thread.task.as_mut().and_then(|task| task.pending.take());
        let raised = *thread.stack.last().expect("a handler is entered with the exception");
        self.unwind(state, number, pending.unwrap_or(raised), pc);
    }

    /// The exception leaves what is around the op, from the inside out, up to a handler.
    pub(super) fn unwind(&self, state: &mut State, number: usize, mut raised: u32, mut at: u32) {
        loop {
            for region in self.model.regions_around(at) {
                let thread = &mut state.threads[number];
                match region.guard {
                    Guard::Slot => drop(thread.stack.pop()),
                    Guard::Blocking => thread.blocking -= 1,
                    Guard::Thread if matches!(thread.origin, Origin::Steps { .. }) => {
                        return self.hand_back(state, number, Some(raised));
                    }
                    Guard::Shield | Guard::Thread => {}
                    Guard::Except(_) if raised == CANCELLED => {}
                    Guard::Except(handler) => {
                        thread.pc = handler;
                        return;
                    }
                    Guard::Finally(handler) => {
                        thread.stack.push(raised);
                        thread.pc = handler;
                        return;
                    }
                    // A thread has left it already, and waits for nothing else there.
                    Guard::Timeout(handler) if !thread.coroutine => {
                        if let (TIMEOUT, Some(handler)) = (raised, handler) {
                            thread.pc = handler;
                            return;
                        }
                    }
                    Guard::Timeout(handler) => {
                        if !Machine::leave_timeout(thread) || raised != CANCELLED {
                            continue;
                        }
                        raised = TIMEOUT;
                        if let Some(handler) = handler {
                            thread.pc = handler;
                            return;
                        }
                    }
                }
            }
            match state.threads[number].stack.pop() {
                Some(back) => at = back - 1,
                // Nobody has caught it: the job has failed.
                None => return self.end(state, number, Some(raised)),
            }
        }
    }
}
