//! What a lock does against priority inversion.

use std::collections::BTreeSet;

use super::{Model, Op, Task};
use crate::id::LockId;
use crate::time::Duration;

/// What a lock does for the urgency of its holder, under policies that order threads by urgency.
///
/// Both protocols also hand the lock to the most urgent waiter when it is released, as `FUTEX_UNLOCK_PI` of Linux does;
/// without one the lock is free, and whoever asks first gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Nothing: a holder of little urgency can be kept from its core, and with it all who wait.
    #[default]
    None,
    /// The holder is as urgent as the most urgent of those who wait, themselves with what they inherit
    /// (`PTHREAD_PRIO_INHERIT`).
    Inherit,
    /// The holder is at once as urgent as the most urgent task that uses the lock (`PTHREAD_PRIO_PROTECT`).
    Ceiling(Ceiling),
}

/// The urgency of the most urgent user of a lock, in the terms of every policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Smallest priority.
    pub priority: u32,
    /// Shortest period.
    pub period: Duration,
    /// Shortest relative deadline. Under earliest deadline first the holder is due so long after it took the lock (the
    /// deadline floor of Burns and others, 2012).
    pub deadline: Duration,
}

impl Default for Ceiling {
    /// Of a lock that nobody uses.
    fn default() -> Ceiling {
        Ceiling { priority: u32::MAX, period: Duration::FOREVER, deadline: Duration::FOREVER }
    }
}

impl Ceiling {
    /// As high as the task needs it.
    fn cover(&mut self, task: &Task) {
        self.priority = self.priority.min(task.urgency.priority);
        self.period = self.period.min(task.period().unwrap_or(Duration::FOREVER));
        self.deadline = self.deadline.min(task.relative_deadline().unwrap_or(Duration::FOREVER));
    }
}

/// Raises all ceilings to what the tasks that use the locks need.
pub(super) fn raise_ceilings(model: &mut Model) {
    for lock in (0..model.locks.len()).map(LockId::from) {
        let Protocol::Ceiling(mut ceiling) = model.locks[lock.index()].initial else { continue };
        model.tasks.iter().filter(|task| uses(model, task, lock)).for_each(|task| ceiling.cover(task));
        model.locks[lock.index()].initial = Protocol::Ceiling(ceiling);
    }
}

/// Whether the program of the task, or one that it calls or spawns, takes the lock.
fn uses(model: &Model, task: &Task, lock: LockId) -> bool {
    let mut seen = BTreeSet::from([task.program.index()]);
    let mut todo = vec![task.program.index()];
    while let Some(program) = todo.pop() {
        let start = model.programs[program].entry as usize;
        let end = model.programs.get(program + 1).map_or(model.code.len(), |next| next.entry as usize);
        for op in &model.code[start..end] {
            let other = match *op {
                Op::Acquire { lock: taken } if taken == lock => return true,
                Op::Call { entry } => model.programs.iter().position(|program| program.entry == entry),
                Op::Spawn { program, .. } => Some(program.index()),
                _ => None,
            };
            todo.extend(other.filter(|other| seen.insert(*other)));
        }
    }
    false
}
