//! What threads share: variables, locks and what else they wait for each other with; and the part of [`Builder`] that is
//! about them.

use super::{Act, Builder, Op, Protocol};
use crate::id::{LockId, SyncId, VarId};
use crate::sync::Config;

/// A lock, a variable or another shared thing.
#[derive(Clone, Debug)]
pub struct Shared<T> {
    /// As declared.
    pub name: String,
    /// The first value; of a lock its protocol.
    pub initial: T,
    /// Who shares it.
    pub home: Home,
}

/// Who shares a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// The threads of a process; every process has its own.
    Process,
    /// All processes.
    Everywhere,
    /// Nobody: every thread has its own. Only variables.
    Thread,
}

impl Home {
    /// All processes, or those of one.
    pub fn of_processes(all: bool) -> Home {
        if all { Home::Everywhere } else { Home::Process }
    }
}

impl<T> Shared<T> {
    /// Whether there is one for all processes.
    pub fn is_interprocess(&self) -> bool {
        self.home == Home::Everywhere
    }
}

impl Builder {
    /// Declares a variable.
    pub fn var(&mut self, name: &str, initial: i64, interprocess: bool) -> VarId {
        self.model.vars.push(Shared { name: name.to_owned(), initial, home: Home::of_processes(interprocess) });
        VarId::from(self.model.vars.len() - 1)
    }

    /// Declares a variable of which every thread has its own.
    pub fn thread_local(&mut self, name: &str, initial: i64) -> VarId {
        self.model.vars.push(Shared { name: name.to_owned(), initial, home: Home::Thread });
        VarId::from(self.model.vars.len() - 1)
    }

    /// Declares a lock without a protocol.
    pub fn lock(&mut self, name: &str, interprocess: bool) -> LockId {
        self.model.locks.push(Shared {
            name: name.to_owned(),
            initial: Protocol::None,
            home: Home::of_processes(interprocess),
        });
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
        self.model.syncs.push(Shared {
            name: name.to_owned(),
            initial: config,
            home: Home::of_processes(interprocess),
        });
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
