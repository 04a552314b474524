//! Exceptions, and timeouts: whenever a coroutine awaits inside of one, its time may be over, for times do not count; and
//! whenever a thread has to wait inside of one.

use super::machine::Machine;
use super::state::{Life, Pause, State, Thing, Thread};
use super::step::Choice;
use crate::model::{Act, Guard, Op};
use crate::sync::Config;

/// Exceptions as numbers on the stack of a thread, as in the simulator.
pub(super) const RAISED: u32 = 0;
pub(super) const TIMEOUT: u32 = 1;
const CANCELLED: u32 = 2;

/// Branches from here on: that the innermost timeout is over, the one around it, ...
pub(super) const EXPIRE: u16 = 0x8000;

impl Choice {
    /// Whether the step is that a timeout is over.
    pub fn expires(self) -> bool {
        self.branch >= EXPIRE
    }
}

impl Machine<'_> {
    /// How many timeouts are around what the thread awaits, each of which may be over now.
    pub(super) fn timeouts(&self, state: &State, number: usize) -> u16 {
        let thread = &state.threads[number];
        if !thread.coroutine {
            return u16::from(!thread.deadlines.is_empty() && self.has_to_wait(state, number));
        }
        let waits = thread.life == Life::Going && thread.pause != Pause::Begin && thread.blocking == 0;
        // Until it has got out, no other one matters.
        if thread.deadlines.is_empty() || !waits || thread.deadlines.contains(&true) {
            return 0;
        }
        let at = stands_at(thread);
        let awaits = matches!(
            self.model.code[at as usize],
            Op::Yield
                | Op::Io { .. }
                | Op::Sleep { .. }
                | Op::Join { .. }
                | Op::Acquire { .. }
                | Op::Reenter { .. }
                | Op::Sync { .. }
        );
        let shielded = self.model.regions_around(at).any(|region| region.guard == Guard::Shield);
        if awaits && !shielded { thread.deadlines.len() as u16 } else { 0 }
    }

    /// Whether the thread is in a wait, or at one that would not end at once.
    fn has_to_wait(&self, state: &State, number: usize) -> bool {
        let thread = &state.threads[number];
        if thread.life != Life::Going || thread.pause == Pause::Begin || thread.deadlines.last() == Some(&true) {
            return false;
        }
        match self.model.code[thread.pc as usize] {
            _ if thread.pause == Pause::Until => true,
            Op::Sync { sync, act: Act::Wait } => {
                let waits = matches!(self.model.syncs[sync.index()].initial, Config::Condition { .. });
                waits || !self.is_enabled(state, number)
            }
            Op::Acquire { .. } | Op::Reenter { .. } | Op::Sync { .. } | Op::Join { .. } => {
                !self.is_enabled(state, number)
            }
            _ => false,
        }
    }

    /// The time of the thread is over: it waits no more, or does not begin to.
    fn give_up(&self, state: &mut State, number: usize) {
        self.leave_waiting(state, number);
        let thread = &mut state.threads[number];
        if let Some(over) = thread.deadlines.last_mut() {
            *over = true;
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
    fn leave_waiting(&self, state: &mut State, number: usize) {
        for thing in &mut state.things {
            if let Thing::Waiting(waiting) = thing {
                waiting.retain(|waiting| *waiting as usize != number);
            }
        }
    }

    /// The time of a timeout is over: the coroutine is cancelled.
    pub(super) fn expire(&self, state: &mut State, number: usize, timeout: u16) {
        if !state.threads[number].coroutine {
            return self.give_up(state, number);
        }
        let thread = &mut state.threads[number];
        let place = thread.deadlines.len() - 1 - timeout as usize;
        thread.deadlines[place] = true;
        let at = stands_at(thread);
        if thread.pause == Pause::Until {
            thread.pause = Pause::No;
            self.leave_waiting(state, number);
        }
        self.unwind(state, number, CANCELLED, at);
    }

    /// The exception leaves what is around the op, from the inside out, up to a handler.
    pub(super) fn unwind(&self, state: &mut State, number: usize, mut raised: u32, mut at: u32) {
        loop {
            for region in self.model.regions_around(at) {
                let thread = &mut state.threads[number];
                match region.guard {
                    Guard::Slot => drop(thread.stack.pop()),
                    Guard::Blocking => thread.blocking -= 1,
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
                        let expired = thread.deadlines.pop() == Some(true);
                        if !expired || raised != CANCELLED {
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
                None => return self.end(state, number),
            }
        }
    }
}

/// The op that the thread waits in, or is about to do.
fn stands_at(thread: &Thread) -> u32 {
    if thread.pause == Pause::Until { thread.pc - 1 } else { thread.pc }
}
