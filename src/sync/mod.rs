//! What threads and coroutines wait for each other with: one file per kind, each a state machine that knows neither the
//! clock nor its neighbours.

mod barrier;
mod condition;
mod event;
mod lock;
mod queue;
mod rw_lock;
mod semaphore;

pub use barrier::{Barrier, Come};
pub use condition::Condition;
pub use event::Event;
pub use lock::{Acquire, Lock};
pub use queue::{Get, Put, Queue};
pub use rw_lock::{Mode, Preference, RwLock};
pub use semaphore::{Released, Semaphore};

use crate::id::LockId;

/// What is declared: everything about a thing that never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Config {
    /// So many permits; `bounded`: never more than at first.
    Semaphore { permits: u32, bounded: bool },
    /// A flag that is set once for all who wait.
    Event,
    /// A place to wait for a notification, under this lock.
    Condition { lock: LockId },
    /// A meeting of so many, at least 1.
    Barrier { parties: u32 },
    /// Items in order; at most `capacity` (at least 1) of them if given.
    Queue { capacity: Option<u32> },
    /// Many readers or one writer.
    RwLock(Preference),
}

/// The state of such a thing.
#[derive(Clone, Debug, Hash)]
pub enum Primitive {
    /// See [`Semaphore`].
    Semaphore(Semaphore),
    /// See [`Event`].
    Event(Event),
    /// See [`Condition`].
    Condition(Condition),
    /// See [`Barrier`].
    Barrier(Barrier),
    /// See [`Queue`].
    Queue(Queue),
    /// See [`RwLock`].
    RwLock(RwLock),
}

impl Config {
    /// Whether who waits for it waits for something that others do, and not for its turn.
    pub fn is_signal(self) -> bool {
        matches!(self, Config::Event | Config::Condition { .. } | Config::Barrier { .. } | Config::Queue { .. })
    }

    /// Before anybody has used it.
    pub fn build(self) -> Primitive {
        match self {
            Config::Semaphore { permits, bounded } => Primitive::Semaphore(Semaphore::new(permits, bounded)),
            Config::Event => Primitive::Event(Event::default()),
            Config::Condition { .. } => Primitive::Condition(Condition::default()),
            Config::Barrier { parties } => Primitive::Barrier(Barrier::new(parties)),
            Config::Queue { capacity } => Primitive::Queue(Queue::new(capacity)),
            Config::RwLock(preference) => Primitive::RwLock(RwLock::new(preference)),
        }
    }
}
