//! How often a thread is passed over: the bounded bypass of mutual exclusion (N. Lynch, *Distributed Algorithms*, 10.2).

use super::machine::Machine;
use super::state::{Life, State, Wrong};

impl Machine<'_> {
    /// One takes a step: all others that could have taken one are passed over once more.
    pub(super) fn pass_over(&self, state: &mut State, by: usize, bound: u32) {
        // What is wrong stays so.
        if state.wrong.is_some() {
            return state.passed.fill(0);
        }
        state.passed.resize(state.threads.len(), 0);
        state.passed[by] = 0;
        for other in (0..state.threads.len()).filter(|other| *other != by) {
            if state.threads[other].life == Life::Over {
                state.passed[other] = 0;
            } else if self.is_enabled(state, other) {
                state.passed[other] += 1;
                if state.passed[other] > bound {
                    state.wrong.get_or_insert(Wrong::Passed(other as u16));
                }
            }
        }
    }
}
