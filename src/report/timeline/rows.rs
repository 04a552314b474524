//! Which row a thread or coroutine has: each task and program has its own, and more of them while several of its threads are
//! there at once. So a row is used again, but never by another task.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ContextId, CoreId, ProcessId, ProgramId, TaskId, ThreadId};
use crate::trace::Role;

/// What a lane belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Core(CoreId),
    Gil(ProcessId),
    Thread(ProcessId, Family, u32),
    Coroutine(ProcessId, ThreadId, Family, u32),
}

impl Key {
    /// The first row of its kind.
    pub fn first(self) -> Key {
        match self {
            Key::Thread(process, family, _) => Key::Thread(process, family, 0),
            Key::Coroutine(process, thread, family, _) => Key::Coroutine(process, thread, family, 0),
            Key::Core(_) | Key::Gil(_) => self,
        }
    }

    /// How many rows of its kind stand before it.
    pub fn number(self) -> u32 {
        match self {
            Key::Thread(.., number) | Key::Coroutine(.., number) => number,
            Key::Core(_) | Key::Gil(_) => 0,
        }
    }
}

/// What the users of a row have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Worker,
    Pool,
    Loop,
    Task(TaskId),
    Program(ProgramId),
}

impl Family {
    fn of(role: Role) -> Family {
        match role {
            Role::Worker(_) => Family::Worker,
            Role::Pool(_) => Family::Pool,
            Role::Loop => Family::Loop,
            Role::Task { task, .. } => Family::Task(task),
            Role::Spawned { program, .. } => Family::Program(program),
        }
    }
}

/// Who has which row: of threads by their number, of coroutines by that of their context.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    /// For each kind of row (its first key): how many there are, and which of them nobody has.
    kinds: BTreeMap<Key, (u32, BTreeSet<u32>)>,
    coroutines: BTreeMap<ContextId, Key>,
    /// Threads and coroutines that were started.
    started: [usize; 2],
    /// The last instant at which any was, and how many of them at that.
    newest: (u64, [usize; 2]),
}

impl Rows {
    /// A row for a new thread.
    pub fn thread(&mut self, process: ProcessId, role: Role, now: u64) -> Key {
        self.start(0, now);
        self.take(|number| Key::Thread(process, Family::of(role), number))
    }

    /// A row for a new coroutine on the loop of a thread.
    pub fn coroutine(&mut self, of: (ProcessId, ThreadId), context: ContextId, role: Role, now: u64) -> Key {
        self.start(1, now);
        let (process, thread) = of;
        let key = self.take(|number| Key::Coroutine(process, thread, Family::of(role), number));
        self.coroutines.insert(context, key);
        key
    }

    /// The row of a coroutine.
    pub fn of(&self, context: ContextId) -> Option<Key> {
        self.coroutines.get(&context).copied()
    }

    /// The coroutine is over.
    pub fn end(&mut self, context: ContextId) {
        if let Some(key) = self.coroutines.remove(&context) {
            self.free(key);
        }
    }

    /// The one who had the row is over.
    pub fn free(&mut self, key: Key) {
        if let Some((_, free)) = self.kinds.get_mut(&key.first()) {
            free.insert(key.number());
        }
    }

    /// How many threads and coroutines were started before the end; those that come with it do nothing.
    pub fn started(&self, end: u64) -> [usize; 2] {
        let (at, new) = self.newest;
        let late = if at == end && at > 0 { new } else { [0; 2] };
        [self.started[0] - late[0], self.started[1] - late[1]]
    }

    fn start(&mut self, kind: usize, now: u64) {
        self.started[kind] += 1;
        if self.newest.0 != now {
            self.newest = (now, [0; 2]);
        }
        self.newest.1[kind] += 1;
    }

    fn take(&mut self, key: impl Fn(u32) -> Key) -> Key {
        let (there, free) = self.kinds.entry(key(0)).or_default();
        let number = free.pop_first().unwrap_or_else(|| {
            *there += 1;
            *there - 1
        });
        key(number)
    }
}
