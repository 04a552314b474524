//! Variables: of processes, of all, and of single threads.

use super::machine::Machine;
use super::state::{State, Thread};
use crate::id::VarId;
use crate::model::Home;

impl Machine<'_> {
    /// Where the variable is in [`State::vars`]; those of threads are not there, but for that of the thread of a loop.
    pub(super) fn var(&self, state: &State, number: usize, var: VarId) -> usize {
        let shared = self.model.vars[var.index()].is_interprocess();
        let process = if shared { 0 } else { state.threads[number].process as usize };
        process * self.model.vars.len() + var.index()
    }

    /// What the thread finds in the variable.
    #[inline]
    pub(super) fn read(&self, state: &State, number: usize, var: VarId) -> i64 {
        match self.own(state, number, var) {
            Some(at) => state.locals[at],
            None => state.vars[self.var(state, number, var)],
        }
    }

    #[inline]
    pub(super) fn write(&self, state: &mut State, number: usize, var: VarId, value: i64) {
        match self.own(state, number, var) {
            Some(at) => state.locals[at] = value,
            None => {
                let at = self.var(state, number, var);
                state.vars[at] = value;
            }
        }
    }

    /// Where a variable of the thread alone is in [`State::locals`]. Coroutines of a process have one thread: its process's.
    fn own(&self, state: &State, number: usize, var: VarId) -> Option<usize> {
        let own =
            self.locals > 0 && !state.threads[number].coroutine && self.model.vars[var.index()].home == Home::Thread;
        own.then(|| number * self.locals + var.index())
    }

    /// Adds a thread, with first values of its own.
    pub(super) fn push(&self, state: &mut State, thread: Thread) {
        state.threads.push(thread);
        if self.locals > 0 {
            state.locals.extend(self.model.vars.iter().map(|var| var.initial));
        }
    }

    /// The thread is over, and what only it could see is of no interest any more.
    pub(super) fn forget_own(&self, state: &mut State, number: usize) {
        state.locals[number * self.locals..][..self.locals].fill(0);
    }
}
