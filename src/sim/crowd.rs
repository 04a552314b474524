//! How much may exist at once: a scenario that only ever creates must end with an outcome, not with the memory.

use super::{Chooser, Outcome, Sim};
use crate::trace::Sink;

/// Threads and coroutines alive at once.
const MOST_CONTEXTS: usize = 2_000_000;
/// Processes of one run, ended ones included: they keep their variables.
const MOST_PROCESSES: usize = 1_000_000;
/// Jobs that have arrived and not ended.
const MOST_JOBS: usize = 20_000_000;
/// Items in one queue.
const MOST_ITEMS: usize = 20_000_000;

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Ends the run if a queue has grown beyond all bounds.
    pub(super) fn limit_items(&mut self, items: usize) {
        if items > MOST_ITEMS {
            self.outcome = Some(Outcome::Crowded { most: MOST_ITEMS, what: "items in a queue" });
        }
    }

    /// Ends the run if there is too much of something. Called whenever something comes to be.
    pub(super) fn limit_crowd(&mut self) {
        let world = &self.world;
        let crowd = if world.contexts.live() > MOST_CONTEXTS {
            (MOST_CONTEXTS, "threads and coroutines alive at once")
        } else if world.processes.len() > MOST_PROCESSES {
            (MOST_PROCESSES, "processes in one run")
        } else if world.work.jobs.live() > MOST_JOBS {
            (MOST_JOBS, "jobs waiting or under way")
        } else {
            return;
        };
        self.outcome = Some(Outcome::Crowded { most: crowd.0, what: crowd.1 });
    }
}
