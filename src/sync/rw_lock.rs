//! Readers and writers: many may read at once, who writes is alone.
//!
//! Python has none; this is POSIX' `pthread_rwlock_t`, whose preference glibc lets one choose. Whoever may go on when the
//! lock changes hands has it at once (glibc 2.25 and later hand it over), so nobody asks twice. Who reads and asks again waits
//! for the writers before it, except where readers are preferred; who reads and asks to write waits for itself.

use std::collections::VecDeque;

use crate::id::ContextId;

/// Who goes first when readers and writers wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum Preference {
    /// A reader never waits for a writer that waits: writers can starve.
    Readers,
    /// In order of their asking.
    #[default]
    FirstCome,
    /// A reader waits for all writers that wait: readers can starve.
    Writers,
}

/// What the lock is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Together with other readers.
    Read,
    /// Alone.
    Write,
}

/// A lock for readers and writers.
#[derive(Clone, Debug, Hash)]
pub struct RwLock {
    preference: Preference,
    writer: Option<ContextId>,
    /// A context that reads twice stands here twice.
    readers: Vec<ContextId>,
    /// Longest first.
    waiters: VecDeque<(ContextId, Mode)>,
}

impl RwLock {
    /// A free lock.
    pub fn new(preference: Preference) -> RwLock {
        RwLock { preference, writer: None, readers: Vec::new(), waiters: VecDeque::new() }
    }

    /// Whether the context has the lock; else it waits.
    #[must_use = "a context that did not get the lock must wait"]
    pub fn acquire(&mut self, context: ContextId, mode: Mode) -> bool {
        let free = self.writer.is_none() && self.may_overtake(mode) && (mode == Mode::Read || self.readers.is_empty());
        if free {
            self.give(context, mode);
        } else {
            self.waiters.push_back((context, mode));
        }
        free
    }

    fn may_overtake(&self, mode: Mode) -> bool {
        match (mode, self.preference) {
            (Mode::Read, Preference::Readers) => true,
            (Mode::Read, Preference::Writers) => self.waiters.iter().all(|(_, mode)| *mode == Mode::Read),
            _ => self.waiters.is_empty(),
        }
    }

    fn give(&mut self, context: ContextId, mode: Mode) {
        match mode {
            Mode::Read => self.readers.push(context),
            Mode::Write => self.writer = Some(context),
        }
    }

    /// Whether the context had the lock; who has it now is added to `given`.
    #[must_use = "who does not have the lock cannot release it"]
    pub fn release(&mut self, context: ContextId, given: &mut Vec<(ContextId, Mode)>) -> bool {
        if self.writer == Some(context) {
            self.writer = None;
        } else if let Some(place) = self.readers.iter().position(|reader| *reader == context) {
            self.readers.swap_remove(place);
        } else {
            return false;
        }
        self.give_on(given);
        true
    }

    /// The context waits no more; who does not have to wait any longer for that has the lock and is added to `given`.
    pub fn leave(&mut self, context: ContextId, given: &mut Vec<(ContextId, Mode)>) {
        self.waiters.retain(|(waiter, _)| *waiter != context);
        self.give_on(given);
    }

    fn give_on(&mut self, given: &mut Vec<(ContextId, Mode)>) {
        while let Some(place) = self.next() {
            let (waiter, mode) = self.waiters.remove(place).expect("it waits");
            self.give(waiter, mode);
            given.push((waiter, mode));
        }
    }

    /// The place of the waiter who may go on now, if any.
    fn next(&self) -> Option<usize> {
        let first = |wanted: Mode| self.waiters.iter().position(|(_, mode)| *mode == wanted);
        let place = match self.preference {
            Preference::Readers => first(Mode::Read).or(first(Mode::Write)),
            Preference::FirstCome => (!self.waiters.is_empty()).then_some(0),
            Preference::Writers => first(Mode::Write).or(first(Mode::Read)),
        }?;
        let reads = self.waiters[place].1 == Mode::Read;
        (self.writer.is_none() && (reads || self.readers.is_empty())).then_some(place)
    }

    /// Who must let go before the waiting context can go on: who has the lock, and who goes before it.
    pub fn blockers(&self, context: ContextId) -> Vec<ContextId> {
        let Some(place) = self.waiters.iter().position(|(waiter, _)| *waiter == context) else { return Vec::new() };
        let mut blockers: Vec<ContextId> = self.writer.into_iter().collect();
        if self.waiters[place].1 == Mode::Write {
            blockers.extend(&self.readers);
        }
        let before = |(n, (_, mode)): &(usize, &(ContextId, Mode))| match self.preference {
            Preference::FirstCome => *n < place && *mode == Mode::Write,
            Preference::Writers => *mode == Mode::Write && (*n < place || self.waiters[place].1 == Mode::Read),
            Preference::Readers => false,
        };
        blockers.extend(self.waiters.iter().enumerate().filter(before).map(|(_, (waiter, _))| *waiter));
        blockers
    }

    /// Who has it: the writer, or the readers in no particular order.
    pub fn holders(&self) -> impl Iterator<Item = ContextId> {
        self.writer.into_iter().chain(self.readers.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ContextId = ContextId(0);
    const B: ContextId = ContextId(1);
    const W: ContextId = ContextId(2);
    const V: ContextId = ContextId(3);

    /// A reads, W wants to write: does B read?
    fn overtakes(preference: Preference) -> (RwLock, bool) {
        let mut lock = RwLock::new(preference);
        assert!(lock.acquire(A, Mode::Read));
        assert!(!lock.acquire(W, Mode::Write));
        let read = lock.acquire(B, Mode::Read);
        (lock, read)
    }

    #[test]
    fn who_overtakes_whom() {
        for (preference, expected) in
            [(Preference::Readers, true), (Preference::FirstCome, false), (Preference::Writers, false)]
        {
            assert_eq!(overtakes(preference).1, expected, "{preference:?}");
        }
    }

    #[test]
    fn who_goes_on_after_a_release() {
        let (mut lock, _) = overtakes(Preference::FirstCome);
        assert!(!lock.acquire(V, Mode::Write));
        let mut given = Vec::new();
        assert!(lock.release(A, &mut given));
        assert_eq!(given, [(W, Mode::Write)]);
        given.clear();
        assert!(lock.release(W, &mut given));
        assert_eq!(given, [(B, Mode::Read)], "V came after B");

        let (mut lock, _) = overtakes(Preference::Writers);
        assert!(!lock.acquire(V, Mode::Write));
        given.clear();
        assert!(lock.release(A, &mut given) && lock.release(W, &mut given) && lock.release(V, &mut given));
        assert_eq!(given, [(W, Mode::Write), (V, Mode::Write), (B, Mode::Read)]);
        assert!(!lock.release(A, &mut given), "it has let go before");
    }

    #[test]
    fn a_reader_that_asks_again_waits_for_the_writer_that_waits_for_it() {
        let (mut lock, _) = overtakes(Preference::Writers);
        assert!(!lock.acquire(A, Mode::Read));
        assert_eq!(lock.blockers(A), [W]);
        assert_eq!(lock.blockers(W), [A]);
        assert_eq!(lock.holders().collect::<Vec<_>>(), [A]);
    }
}
