//! The part of [`Builder`] that is about locks and what else contexts wait for each other with.

use super::{Act, Builder, Op, Protocol, Shared};
use crate::id::{LockId, SyncId};
use crate::sync::Config;

impl Builder {
    /// Declares a lock without a protocol.
    pub fn lock(&mut self, name: &str, interprocess: bool) -> LockId {
        self.model.locks.push(Shared { name: name.to_owned(), initial: Protocol::None, interprocess });
        LockId::from(self.model.locks.len() - 1)
    }

    /// Lets the owner of a lock take it again: it is free after as many releases.
    pub fn reentrant(&mut self, lock: LockId) {
        self.reentrant.push(lock);
    }

    /// Says what a lock does against priority inversion. A ceiling is raised to what its users need.
    pub fn protocol(&mut self, lock: LockId, protocol: Protocol) {
        self.model.locks[lock.index()].initial = protocol;
    }

    /// Declares a shared thing that is neither a lock nor a variable.
    pub fn sync(&mut self, name: &str, config: Config, interprocess: bool) -> SyncId {
        self.model.syncs.push(Shared { name: name.to_owned(), initial: config, interprocess });
        SyncId::from(self.model.syncs.len() - 1)
    }

    pub(super) fn take(&mut self, lock: LockId) {
        let reentrant = self.reentrant.contains(&lock);
        self.emit(if reentrant { Op::Reenter { lock } } else { Op::Acquire { lock } });
    }

    pub(super) fn give_back(&mut self, lock: LockId) {
        let reentrant = self.reentrant.contains(&lock);
        self.emit(if reentrant { Op::Leave { lock } } else { Op::Release { lock } });
    }

    /// One use of a shared thing. After a wait for a notification the lock is taken again.
    pub(super) fn use_shared(&mut self, sync: SyncId, act: Act) {
        match (self.model.syncs[sync.index()].initial, act) {
            (Config::Condition { lock }, Act::Wait) => self.wait_for_notification(sync, lock),
            _ => drop(self.emit(Op::Sync { sync, act })),
        }
    }
}
