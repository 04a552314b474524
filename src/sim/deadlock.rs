//! Who waits for whom in a circle.

use std::collections::BTreeSet;

use super::{Chooser, Outcome, Sim};
use crate::id::{ContextId, SyncId};
use crate::sync::Primitive;
use crate::trace::{On, Sink};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The context has begun to wait. If that closes a circle of those who must all let go before anybody of them can go on,
    /// the run is over.
    pub(super) fn look_for_cycle(&mut self, context: ContextId) {
        // Breadth first, so that the shortest circle is found; where everything has one holder, this is a chain.
        let mut reached = vec![(context, 0)];
        let mut known = BTreeSet::new();
        let mut at = 0;
        while at < reached.len() {
            for blocker in self.blockers(reached[at].0) {
                if blocker == context {
                    // Who can still be cancelled may let go: then there is an end only when nothing else happens any more.
                    let daemons = way(&reached, at).all(|who| self.is_daemon(who));
                    if !daemons && !way(&reached, at).any(|who| self.may_be_cancelled(who)) {
                        let circle = way(&reached, at);
                        self.outcome = Some(Outcome::Deadlock(circle.filter_map(|who| self.describe(who)).collect()));
                    }
                    return;
                }
                if known.insert(blocker) {
                    reached.push((blocker, at));
                }
            }
            at += 1;
        }
    }

    /// Whether the run does not wait for it: then it may wait for ever.
    fn is_daemon(&self, context: ContextId) -> bool {
        self.world.threads[self.world.contexts[context].thread].daemon
    }

    /// Who must let go of something before the context can go on; nobody if it does not wait for such a thing.
    pub(super) fn blockers(&self, context: ContextId) -> Blockers {
        match self.world.contexts[context].waits {
            Some((On::Lock(lock), _)) => {
                let process = self.home_of_lock(context, lock);
                let owner = self.world.processes[process.index()].locks[lock.index()].owner();
                Blockers { one: owner, more: Vec::new() }
            }
            Some((On::Executor(steps), _)) if self.queued_behind(steps).is_none() => {
                Blockers { one: Some(steps), more: Vec::new() }
            }
            Some((On::Sync(sync), _)) => match self.state_of_shared(context, sync) {
                Primitive::RwLock(state) => Blockers { one: None, more: state.blockers(context) },
                _ => Blockers::default(),
            },
            _ => Blockers::default(),
        }
    }

    pub(super) fn state_of_shared(&self, context: ContextId, sync: SyncId) -> &Primitive {
        let process = self.home_of_sync(context, sync);
        &self.world.processes[process.index()].syncs[sync.index()].state
    }
}

/// Contexts that another waits for: one without any allocation, or several.
#[derive(Default)]
pub(super) struct Blockers {
    one: Option<ContextId>,
    more: Vec<ContextId>,
}

impl IntoIterator for Blockers {
    type Item = ContextId;
    type IntoIter = std::iter::Chain<std::option::IntoIter<ContextId>, std::vec::IntoIter<ContextId>>;

    fn into_iter(self) -> Self::IntoIter {
        self.one.into_iter().chain(self.more)
    }
}

/// From the first that was reached to the one at `at`.
fn way(reached: &[(ContextId, usize)], at: usize) -> impl Iterator<Item = ContextId> {
    let mut way = vec![at];
    while let Some(&place) = way.last()
        && place != 0
    {
        way.push(reached[place].1);
    }
    way.into_iter().rev().map(|place| reached[place].0)
}
