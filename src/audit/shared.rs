//! Semaphores, events, conditions, barriers, queues and locks for readers and writers: rebuilt with everybody who waits, so
//! that whom each release, notification or item frees is known.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rule::{Reports, Rule};
use super::threads::{Progress, State, Threads};
use crate::id::{ContextId, LockId, ProcessId, SyncId};
use crate::model::Model;
use crate::sync::{Config, Preference};
use crate::trace::{Deed, On, Record, What};

/// A thing of one process, or of all if it is interprocess.
type Key = (SyncId, ProcessId);

/// All shared things that somebody has used.
#[derive(Debug)]
pub(super) struct Shared {
    declared: Vec<(Config, bool)>,
    things: BTreeMap<Key, Thing>,
    /// Who stands in a line.
    waiting: BTreeSet<ContextId>,
    /// Who was freed and has not gone on.
    freed: BTreeMap<ContextId, Key>,
    /// Who was freed at this instant.
    fresh: Vec<ContextId>,
    /// Who was notified and has to take the lock before anything else.
    relocking: BTreeMap<ContextId, LockId>,
    /// Who was let go at a barrier and has to leave it before anything else.
    leaving: BTreeSet<ContextId>,
    /// Whether who is cancelled while it waits for a notification passes one on.
    passes_on: bool,
    /// Who was, and has not done so.
    owes: BTreeMap<ContextId, SyncId>,
}

#[derive(Debug)]
struct Thing {
    /// Who waits, and as what, longest first.
    line: VecDeque<(ContextId, Deed)>,
    permits: i64,
    set: bool,
    items: VecDeque<i64>,
    writer: Option<ContextId>,
    readers: BTreeMap<ContextId, u32>,
    /// Whom the last one at a barrier has let go, and who has not left.
    leaving: BTreeSet<ContextId>,
}

impl Thing {
    fn new(config: Config) -> Thing {
        let permits = match config {
            Config::Semaphore { permits, .. } => permits.into(),
            _ => 0,
        };
        let (line, items, readers) = (VecDeque::new(), VecDeque::new(), BTreeMap::new());
        Thing { line, permits, set: false, items, writer: None, readers, leaving: BTreeSet::new() }
    }

    /// Takes at most so many out of the line that wait as `deed`.
    fn free(&mut self, most: usize, deed: Deed) -> Vec<ContextId> {
        let places = self.line.iter().enumerate().filter(|(_, (_, waits))| *waits == deed).map(|(place, _)| place);
        let places: Vec<usize> = places.take(most).collect();
        let freed = places.iter().map(|place| self.line[*place].0).collect();
        for place in places.into_iter().rev() {
            self.line.remove(place);
        }
        freed
    }

    fn waits(&self, deed: Deed) -> bool {
        self.line.iter().any(|(_, waits)| *waits == deed)
    }
}

impl Shared {
    pub fn new(model: &Model) -> Shared {
        Shared {
            declared: model.syncs.iter().map(|sync| (sync.initial, sync.is_interprocess())).collect(),
            things: BTreeMap::new(),
            waiting: BTreeSet::new(),
            freed: BTreeMap::new(),
            fresh: Vec::new(),
            relocking: BTreeMap::new(),
            leaving: BTreeSet::new(),
            passes_on: model.interpreter.passes_notifications_on && model.execution.has_loops(),
            owes: BTreeMap::new(),
        }
    }

    fn key(&self, sync: SyncId, context: ContextId, threads: &Threads) -> Option<Key> {
        match self.declared.get(sync.index())?.1 {
            true => Some((sync, ProcessId(0))),
            false => Some((sync, threads.process_of(context)?)),
        }
    }

    pub fn settle(&mut self, threads: &Threads, reports: &mut Reports) {
        for context in self.fresh.drain(..) {
            let Some((sync, _)) = self.freed.get(&context) else { continue };
            let Some(found) = threads.contexts.get(&context) else { continue };
            let suspended = found.progress == Some(Progress::Suspended(On::Sync(*sync)));
            let host = threads.threads.get(&found.thread);
            let blocked =
                host.is_some_and(|host| host.current() == context && host.state == State::Blocked(On::Sync(*sync)));
            reports.require(!suspended && !blocked, Rule::SharedWakeUp, || {
                format!("{context:?} is not woken from its wait for {sync:?}")
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        self.check_relocking(&record.what, threads, reports);
        match record.what {
            What::Sync { sync, process, context, deed, amount } => {
                let key = (sync, process);
                let right = self.key(sync, context, threads) == Some(key);
                reports.require(right, Rule::SharedWaits, || format!("{context:?} uses {key:?} of others"));
                if right {
                    self.use_thing(key, context, deed, amount, reports);
                }
            }
            What::ThreadEnd { thread, .. } => {
                if let Some(own) = threads.threads.get(&thread).map(|thread| thread.own) {
                    self.freed.remove(&own);
                }
            }
            What::CoroutineEnd { context } => drop(self.freed.remove(&context)),
            _ => {}
        }
        if let Some((context, On::Sync(sync))) = threads.waiting(&record.what) {
            let freed = self.freed.contains_key(&context);
            reports.require(!freed, Rule::SharedWakeUp, || {
                format!("{context:?} begins to wait for {sync:?}, freed before")
            });
        }
        if let Some((context, On::Sync(sync))) = threads.woken(&record.what) {
            self.wake(context, sync, threads, reports);
        }
    }

    /// The lock of a condition, and to leave a barrier, come before everything else.
    fn check_relocking(&mut self, what: &What, threads: &Threads, reports: &mut Reports) {
        match *what {
            What::CoroutineEnd { context } => {
                self.relocking.remove(&context);
                self.owes.remove(&context);
            }
            What::LockRelease { context, .. } if threads.is_dropped(context) => {}
            What::Sync { deed: Deed::Withdraw, .. } => {}
            What::Sync { context, deed: Deed::Leave, .. } => drop(self.leaving.remove(&context)),
            What::Sync { context, deed: Deed::Notify, sync, .. } if self.owes.get(&context) == Some(&sync) => {
                self.owes.remove(&context);
            }
            What::LockTake { lock, context, .. } if self.relocking.get(&context) == Some(&lock) => {
                self.relocking.remove(&context);
            }
            What::Compute { context, .. }
            | What::Sync { context, .. }
            | What::Load { context, .. }
            | What::Store { context, .. }
            | What::LockRelease { context, .. }
            | What::JobReturn { context, .. }
            | What::JobEnd { context, .. } => {
                let open = self.relocking.remove(&context);
                reports.require(open.is_none(), Rule::ConditionMatched, || {
                    format!("{context:?} goes on without its lock {open:?}: {what:?}")
                });
                let owes = self.owes.remove(&context).is_some() && !threads.is_dropped(context);
                reports.require(!owes, Rule::ConditionMatched, || {
                    format!("{context:?} was cancelled and passes no notification on: {what:?}")
                });
                let stays = self.leaving.remove(&context);
                reports.require(!stays, Rule::BarrierRound, || {
                    format!("{context:?} goes on without leaving its barrier: {what:?}")
                });
            }
            _ => {}
        }
    }

    fn wake(&mut self, context: ContextId, sync: SyncId, threads: &Threads, reports: &mut Reports) {
        let Some(key) = self.key(sync, context, threads) else { return };
        let config = self.declared[sync.index()].0;
        let rule = match config {
            Config::Condition { .. } => Rule::ConditionMatched,
            Config::Barrier { .. } => Rule::BarrierRound,
            _ => Rule::SharedWaits,
        };
        let freed = self.freed.remove(&context) == Some(key);
        reports.require(freed, rule, || format!("{context:?} goes on although nothing freed it from {sync:?}"));
        if let Config::Condition { lock } = config {
            self.relocking.insert(context, lock);
        }
    }

    fn use_thing(&mut self, key: Key, context: ContextId, deed: Deed, amount: i64, reports: &mut Reports) {
        let config = self.declared[key.0.index()].0;
        let thing = self.things.entry(key).or_insert_with(|| Thing::new(config));
        let mut line = Line { sync: key.0, context, deed, freed: Vec::new() };
        if deed == Deed::Withdraw {
            return self.withdraw(key, context, amount != 0, reports);
        }
        let given = matches!(deed, Deed::Given | Deed::GivenRead);
        line.require(given || !self.waiting.contains(&context), Rule::SharedWaits, reports);
        match config {
            Config::Semaphore { permits, bounded } => {
                let most = if bounded { permits.into() } else { i64::MAX };
                thing.semaphore(&mut line, most, self.freed.contains_key(&context), reports);
            }
            Config::Event => thing.event(&mut line, reports),
            Config::Condition { .. } if deed == Deed::Notify => line.freed = thing.free(amount as usize, Deed::Wait),
            Config::Condition { .. } => thing.line.push_back((context, deed)),
            Config::Barrier { parties } => {
                thing.barrier(&mut line, parties, reports);
                line.freed.retain(|context| self.waiting.contains(context));
                if deed == Deed::Come {
                    self.leaving.extend(&thing.leaving);
                }
            }
            Config::Queue { capacity } => thing.queue(&mut line, capacity, amount, reports),
            Config::RwLock(preference) => thing.rw_lock(&mut line, preference, reports),
        }
        // It has gone on since it was freed, or waits anew.
        if !given {
            self.freed.remove(&context);
        }
        let comes = deed == Deed::Come && !thing.line.is_empty();
        if comes || matches!(deed, Deed::Wait | Deed::WaitRead | Deed::WaitToPut) {
            self.waiting.insert(context);
        }
        for context in &line.freed {
            self.waiting.remove(context);
        }
        self.fresh.extend(&line.freed);
        self.freed.extend(line.freed.into_iter().map(|context| (context, key)));
    }
}

impl Shared {
    /// A cancelled coroutine leaves the line; one that was freed lets somebody else have what it was freed for.
    fn withdraw(&mut self, key: Key, context: ContextId, puts: bool, reports: &mut Reports) {
        let Some(thing) = self.things.get_mut(&key) else { return };
        let (config, before) = (self.declared[key.0.index()].0, thing.line.len());
        // Who is cancelled at a barrier counts there until it has left.
        let counts = matches!(config, Config::Barrier { .. }) && !puts;
        thing.line.retain(|(waiter, deed)| *waiter != context || counts && *deed == Deed::Come);
        if self.waiting.remove(&context) {
            let left = counts || before > thing.line.len();
            reports.require(left, Rule::SharedWaits, || format!("{context:?} leaves {:?} and was not there", key.0));
            self.freed.insert(context, key);
            if self.passes_on && matches!(config, Config::Condition { .. }) {
                self.owes.insert(context, key.0);
            }
            return;
        }
        let freed = match config {
            Config::Condition { .. } => thing.free(1, Deed::Wait),
            Config::Queue { capacity } if puts => {
                let room = capacity.is_none_or(|capacity| thing.items.len() < capacity as usize);
                thing.free(room.into(), Deed::WaitToPut)
            }
            Config::Queue { .. } => thing.free((!thing.items.is_empty()).into(), Deed::Wait),
            _ => Vec::new(),
        };
        for context in &freed {
            self.waiting.remove(context);
        }
        self.fresh.extend(&freed);
        self.freed.extend(freed.into_iter().map(|context| (context, key)));
    }
}

/// Who does what to which thing, and whom that frees.
struct Line {
    sync: SyncId,
    context: ContextId,
    deed: Deed,
    freed: Vec<ContextId>,
}

impl Line {
    fn require(&self, holds: bool, rule: Rule, reports: &mut Reports) {
        reports.require(holds, rule, || format!("{:?} may not do {:?} to {:?}", self.context, self.deed, self.sync));
    }
}

impl Thing {
    fn semaphore(&mut self, line: &mut Line, most: i64, was_freed: bool, reports: &mut Reports) {
        match line.deed {
            Deed::Take | Deed::Given => {
                self.permits -= 1;
                line.require(self.permits >= 0, Rule::SemaphorePermits, reports);
                line.require(line.deed == Deed::Take || was_freed, Rule::SharedWakeUp, reports);
            }
            Deed::Release => {
                self.permits += 1;
                line.require(self.permits <= most, Rule::SemaphorePermits, reports);
                line.freed = self.free(1, Deed::Wait);
            }
            _ => {
                // A coroutine does not overtake those who wait.
                line.require(self.permits == 0 || !self.line.is_empty(), Rule::SharedWaits, reports);
                self.line.push_back((line.context, line.deed));
            }
        }
    }

    fn event(&mut self, line: &mut Line, reports: &mut Reports) {
        match line.deed {
            Deed::Set => {
                self.set = true;
                line.freed = self.free(usize::MAX, Deed::Wait);
            }
            Deed::Clear => self.set = false,
            _ => {
                line.require(!self.set, Rule::SharedWaits, reports);
                self.line.push_back((line.context, line.deed));
            }
        }
    }

    fn barrier(&mut self, line: &mut Line, parties: u32, reports: &mut Reports) {
        let context = line.context;
        match line.deed {
            Deed::Leave => {
                let come = self.line.iter().position(|(waiter, deed)| *waiter == context && *deed == Deed::Come);
                let left = self.leaving.remove(&context);
                line.require(left || come.is_some(), Rule::BarrierRound, reports);
                come.and_then(|place| self.line.remove(place));
                if left && self.leaving.is_empty() {
                    line.freed = self.free(usize::MAX, Deed::Wait);
                }
                return;
            }
            // Nobody comes before those of the last round have left.
            deed => line.require(self.leaving.is_empty() == (deed == Deed::Come), Rule::BarrierRound, reports),
        }
        if line.deed == Deed::Come && self.line.len() + 1 == parties as usize {
            line.freed = self.free(usize::MAX, Deed::Come);
            self.leaving.extend(&line.freed);
        } else {
            self.line.push_back((context, line.deed));
        }
    }

    fn queue(&mut self, line: &mut Line, capacity: Option<u32>, value: i64, reports: &mut Reports) {
        let room = |items: usize| capacity.is_none_or(|capacity| items < capacity as usize);
        match line.deed {
            Deed::Put => {
                line.require(room(self.items.len()), Rule::QueueCapacity, reports);
                self.items.push_back(value);
                line.freed = self.free(1, Deed::Wait);
            }
            Deed::Get => {
                let oldest = self.items.pop_front();
                line.require(oldest == Some(value), Rule::QueueOrder, reports);
                line.freed = self.free(1, Deed::WaitToPut);
            }
            waits => {
                let there = if waits == Deed::Wait { !self.items.is_empty() } else { room(self.items.len()) };
                line.require(!there, Rule::SharedWaits, reports);
                self.line.push_back((line.context, waits));
            }
        }
    }

    fn rw_lock(&mut self, line: &mut Line, preference: Preference, reports: &mut Reports) {
        let context = line.context;
        match line.deed {
            Deed::Wait | Deed::WaitRead => {
                let read = line.deed == Deed::WaitRead;
                let taken = self.writer.is_some() || (!read && !self.readers.is_empty());
                let behind = match preference {
                    Preference::Readers => !read && !self.line.is_empty(),
                    Preference::FirstCome => !self.line.is_empty(),
                    Preference::Writers => self.waits(Deed::Wait),
                };
                line.require(taken || behind, Rule::SharedWaits, reports);
                self.line.push_back((context, line.deed));
            }
            Deed::Release if self.writer == Some(context) => self.writer = None,
            Deed::Release => {
                let holds = self.readers.contains_key(&context);
                line.require(holds, Rule::RwExclusive, reports);
                if let Some(times) = self.readers.get_mut(&context) {
                    *times -= 1;
                    self.readers.retain(|_, times| *times > 0);
                }
            }
            deed => {
                let read = matches!(deed, Deed::TakeRead | Deed::GivenRead);
                if matches!(deed, Deed::Given | Deed::GivenRead) {
                    let place = self.line.iter().position(|(waiter, _)| *waiter == context);
                    let first = preference != Preference::FirstCome || place == Some(0);
                    line.require(place.is_some() && first, Rule::RwOrder, reports);
                    place.and_then(|place| self.line.remove(place));
                    line.freed.push(context);
                } else {
                    let overtakes = preference == Preference::FirstCome && !self.line.is_empty();
                    line.require(!overtakes, Rule::RwOrder, reports);
                }
                let other = if read { Deed::Wait } else { Deed::WaitRead };
                let gives_way = preference == if read { Preference::Writers } else { Preference::Readers };
                line.require(!gives_way || !self.waits(other), Rule::RwOrder, reports);
                let alone = self.writer.is_none() && (read || self.readers.is_empty());
                line.require(alone, Rule::RwExclusive, reports);
                match read {
                    true => *self.readers.entry(context).or_default() += 1,
                    false => self.writer = Some(context),
                }
            }
        }
    }
}
