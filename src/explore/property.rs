//! What must hold at the end of every schedule.

use super::machine::Machine;
use super::state::{Life, Origin, State};
use crate::id::VarId;
use crate::scenario::expect::Bounds;

/// What must hold.
#[derive(Clone, Debug, Default)]
pub struct Property {
    /// Bounds on last values of variables of the first process, each with its text.
    pub finals: Vec<(VarId, Bounds<i64>, String)>,
    /// Whether a deadlock is what is expected.
    pub deadlock: bool,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Some threads wait for ever; their names.
    Deadlock(Vec<String>),
    /// A step that must not be: release of a lock that is not held, or a loop that never gets on; its op.
    Wrong(u32),
    /// A last value out of its bounds: the expectation, and the value.
    Final(String, i64),
    /// From some state on no schedule ever ends.
    Livelock,
}

impl Property {
    /// What is wrong with a state in which nobody can take a step.
    pub fn at_end(&self, machine: &Machine<'_>, state: &State) -> Option<Failure> {
        if let Some(op) = state.wrong {
            return Some(Failure::Wrong(op));
        }
        let left = |number: &usize| {
            let thread = &state.threads[*number];
            let idle = matches!(thread.origin, Origin::Worker { job: None, .. });
            thread.life != Life::Over && !idle
        };
        let left: Vec<String> =
            (0..state.threads.len()).filter(left).map(|number| machine.name(state, number as u16)).collect();
        if !left.is_empty() {
            return (!self.deadlock).then_some(Failure::Deadlock(left));
        }
        self.finals.iter().find_map(|(var, bounds, text)| {
            let value = state.vars[var.index()];
            (!bounds.contain(&value)).then(|| Failure::Final(text.clone(), value))
        })
    }
}
