//! Whose turn it is in an event loop, and where a thread or coroutine stops so that others may come.
//!
//! A loop does one thing at a time. A coroutine that stops where it awaits gives the loop back; one that stops elsewhere,
//! because threads and other processes may come in between there, keeps it, and so does one that waits without awaiting.

use super::machine::Machine;
use super::state::{Life, NOBODY, Origin, Pause, State, Thread};
use crate::id::SyncId;
use crate::model::Op;
use crate::sync::Config;

impl Machine<'_> {
    /// Whether the thread can take a step.
    pub(super) fn is_enabled(&self, state: &State, number: usize) -> bool {
        let thread = &state.threads[number];
        let busy = if thread.coroutine { state.busy[thread.process as usize] } else { NOBODY };
        let own = busy == number as u16;
        if busy != NOBODY && !own {
            return false;
        }
        match (thread.life, thread.pause) {
            (Life::Over, _) => false,
            (_, Pause::Begin | Pause::Resume) => true,
            (_, Pause::Until | Pause::Steps | Pause::Creates) => false,
            (_, Pause::Together) => thread.task.as_ref().is_some_and(|task| !task.calls.is_empty()),
            (Life::Waiting, Pause::No) => match thread.origin {
                Origin::Worker { .. } => self.next_job(state).is_some(),
                Origin::Steps { .. } => self.has_thread(state, thread.process),
                _ => false,
            },
            // One that has the loop can always begin to wait.
            (Life::Going, Pause::No) => own && thread.blocking == 0 || self.is_ready(state, number),
        }
    }

    /// Whether the op at the program counter can be done now.
    pub(super) fn is_ready(&self, state: &State, number: usize) -> bool {
        match self.model.code[state.threads[number].pc as usize] {
            Op::Acquire { lock } => state.owners[self.lock(state, number, lock)].is_none(),
            Op::Reenter { lock } => {
                let owner = state.owners[self.lock(state, number, lock)];
                owner.is_none() || owner.thread == number as u16
            }
            Op::Sync { sync, act } => self.can_share(state, number, sync, act),
            Op::Join { program } => !self.has_children(state, number, program),
            _ => true,
        }
    }

    /// Whether the thread stops here, and if so, whether a coroutine keeps its loop meanwhile.
    #[inline]
    pub(super) fn stop_at(&self, state: &State, number: usize, thread: &Thread) -> Option<bool> {
        let point = self.is_point(thread.pc);
        if !thread.coroutine {
            return point.then_some(true);
        }
        let blocks = thread.blocking > 0;
        if !blocks && self.awaits[thread.pc as usize] || self.has_to_stand(state, number) {
            return Some(blocks);
        }
        point.then_some(true)
    }

    /// Whether the coroutine has to wait before the op. asyncio lets nobody overtake those who wait: who comes to what others
    /// wait for has to wait, too.
    fn has_to_stand(&self, state: &State, number: usize) -> bool {
        let thread = &state.threads[number];
        let op = self.model.code[thread.pc as usize];
        let waits = matches!(op, Op::Acquire { .. } | Op::Reenter { .. } | Op::Join { .. } | Op::Sync { .. });
        let meets = matches!(op, Op::Sync { sync, .. } if self.is_barrier(sync));
        waits
            && (!self.is_ready(state, number) || !meets && thread.blocking == 0 && self.others_wait(state, number, op))
    }

    fn is_barrier(&self, sync: SyncId) -> bool {
        matches!(self.model.syncs[sync.index()].initial, Config::Barrier { .. })
    }

    /// Whether some other coroutine stands before an op with the same lock or thing.
    fn others_wait(&self, state: &State, number: usize, op: Op) -> bool {
        let process = state.threads[number].process;
        state.threads.iter().enumerate().any(|(other, thread)| {
            let stands = thread.coroutine && thread.life == Life::Going && thread.pause == Pause::No;
            other != number
                && stands
                && thread.process == process
                && match (self.model.code[thread.pc as usize], op) {
                    (
                        Op::Acquire { lock: a } | Op::Reenter { lock: a },
                        Op::Acquire { lock: b } | Op::Reenter { lock: b },
                    ) => a == b,
                    (Op::Sync { sync: a, .. }, Op::Sync { sync: b, .. }) => a == b,
                    _ => false,
                }
        })
    }

    /// A coroutine that takes a step has the loop. Whether all that it does is to give it back, because it has to wait.
    pub(super) fn take_turn(&self, state: &mut State, number: usize) -> bool {
        let thread = &state.threads[number];
        let process = thread.process as usize;
        let stands = thread.life == Life::Going && thread.pause == Pause::No && thread.blocking == 0;
        if state.busy[process] == number as u16 && stands && self.has_to_stand(state, number) {
            self.end_turn(state, number);
            return true;
        }
        state.busy[process] = number as u16;
        false
    }

    /// The thread goes no further now: a coroutine gives the loop back, unless it keeps it.
    #[inline]
    pub(super) fn rest(&self, state: &mut State, number: usize, keeps: bool) {
        let thread = &state.threads[number];
        if thread.coroutine && state.busy[thread.process as usize] == number as u16 {
            let blocks = thread.blocking > 0 && thread.life == Life::Going && thread.pause == Pause::Until;
            if !keeps && !blocks {
                self.end_turn(state, number);
            }
        }
    }

    /// The loop is free, or goes on with the coroutine that has created this one, which began at once.
    fn end_turn(&self, state: &mut State, number: usize) {
        let process = state.threads[number].process as usize;
        let created = |creator: &Thread| {
            creator.pause == Pause::Creates && creator.task.as_ref().is_some_and(|task| task.creates == number as u16)
        };
        let creator = if self.eager { state.threads.iter().position(created) } else { None };
        state.busy[process] = creator.map_or(NOBODY, |creator| creator as u16);
        if let Some(creator) = creator {
            state.threads[creator].pause = Pause::Resume;
        }
    }
}
