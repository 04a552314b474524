//! Locks: one owner each, and no waiter of a free lock is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::gil::Gils;
use super::rule::{Reports, Rule};
use super::threads::{Progress, State, Threads};
use crate::id::{ContextId, LockId, ProcessId, ThreadId};
use crate::model::{Model, Parking, Protocol};
use crate::time::{Duration, Time};
use crate::trace::{On, Record, What};

/// A lock of one process, or of all if it is interprocess.
pub(super) type Key = (LockId, ProcessId);

/// All locks that somebody owns or waits for.
#[derive(Debug)]
pub(super) struct Locks {
    interprocess: Vec<bool>,
    /// The owners, with their serial numbers.
    owners: BTreeMap<Key, (ContextId, u64)>,
    /// Since when.
    since: BTreeMap<Key, Time>,
    /// How often, of those that are held more than once or were.
    depths: BTreeMap<Key, u32>,
    waiters: BTreeMap<Key, BTreeSet<ContextId>>,
    /// Who was woken for a lock and has neither taken it nor waits again.
    woken: BTreeMap<ContextId, Key>,
    /// After how long a thread that waits for a lock is given it, where locks are parked on.
    fair_after: Option<Duration>,
    /// By lock: whether it has no protocol.
    plain: Vec<bool>,
    /// Since when threads want the lock that they wait for, or have waited for in vain.
    asked: BTreeMap<ContextId, (Key, Time)>,
    /// Whether a job was dropped: one that was woken for a lock may be dropped before it has it, and the next one is woken by
    /// that rather than by a release, which would have given it the lock.
    drops: bool,
}

impl Locks {
    pub fn new(model: &Model) -> Locks {
        Locks {
            interprocess: model.locks.iter().map(|lock| lock.is_interprocess()).collect(),
            owners: BTreeMap::new(),
            since: BTreeMap::new(),
            depths: BTreeMap::new(),
            waiters: BTreeMap::new(),
            woken: BTreeMap::new(),
            fair_after: match model.interpreter.parking {
                Parking::Semaphore => None,
                Parking::Mutex { fair_after } => Some(fair_after),
            },
            plain: model.locks.iter().map(|lock| lock.initial == Protocol::None).collect(),
            asked: BTreeMap::new(),
            drops: false,
        }
    }

    fn key(&self, lock: LockId, context: ContextId, threads: &Threads) -> Option<Key> {
        match self.interprocess.get(lock.index())? {
            true => Some((lock, ProcessId(0))),
            false => Some((lock, threads.process_of(context)?)),
        }
    }

    /// The locks that the context owns, and since when.
    pub fn owned_by(&self, context: ContextId, serial: u64) -> impl Iterator<Item = (Key, Time)> + '_ {
        let own = self.owners.iter().filter(move |(_, owner)| **owner == (context, serial));
        own.map(|(key, _)| (*key, self.since.get(key).copied().unwrap_or(Time::ZERO)))
    }

    /// Who waits for the lock.
    pub fn waiting(&self, key: Key) -> impl Iterator<Item = ContextId> + '_ {
        self.waiters.get(&key).into_iter().flatten().copied()
    }

    pub fn settle(&self, threads: &Threads, reports: &mut Reports) {
        for (key, waiters) in &self.waiters {
            let free = !self.owners.contains_key(key);
            let forgotten = free
                && !self.woken.values().any(|woken| woken == key)
                && waiters.iter().all(|waiter| !loop_will_look(*waiter, threads));
            reports
                .require(!forgotten, Rule::LockWakeUp, || format!("{:?} is free and nobody wakes {waiters:?}", key.0));
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, gils: &Gils, reports: &mut Reports) {
        match record.what {
            What::JobDrop { .. } => self.drops = true,
            // It gives up.
            What::Cancel { context, .. } => drop(self.asked.remove(&context)),
            What::LockTake { lock, process, context } => {
                self.check_key((lock, process), context, threads, reports);
                self.check_parking((lock, process), context, threads, gils, reports);
                self.take((lock, process), context, threads, reports);
            }
            What::LockDepth { lock, process, context, times } => {
                let serial = threads.contexts.get(&context).map_or(0, |context| context.serial);
                let key = (lock, process);
                let owns = self.owners.get(&key) == Some(&(context, serial));
                let before = self.depths.insert(key, times).unwrap_or(1);
                reports.require(owns && times > 0 && times.abs_diff(before) == 1, Rule::LockExclusive, || {
                    format!("{context:?} holds {lock:?} {times} times after {before}")
                });
            }
            What::LockRelease { lock, process, context } => {
                // A job that is dropped lets go at once, however often it holds the lock.
                let times = self.depths.remove(&(lock, process)).unwrap_or(1);
                reports.require(times == 1 || threads.is_dropped(context), Rule::LockExclusive, || {
                    format!("{context:?} releases {lock:?}, which it holds {times} times")
                });
                self.check_key((lock, process), context, threads, reports);
                self.release((lock, process), context, threads, reports);
            }
            What::ThreadEnd { thread, .. } => {
                if let Some(own) = threads.threads.get(&thread).map(|thread| thread.own) {
                    self.woken.remove(&own);
                    self.asked.remove(&own);
                }
            }
            What::CoroutineEnd { context } | What::Raise { context, .. } => drop(self.woken.remove(&context)),
            _ => {}
        }
        if let Some((context, on)) = threads.waiting(&record.what) {
            self.wait(context, on, threads, reports.now);
        }
        if let Some((context, On::Lock(lock))) = threads.woken(&record.what) {
            self.wake(context, lock, threads, reports);
        }
    }

    /// Where locks are parked on, a thread asks with the GIL, or it has waited for long and is given the lock.
    fn check_parking(&self, key: Key, context: ContextId, threads: &Threads, gils: &Gils, reports: &mut Reports) {
        let Some(thread) = self.parks(key, context, threads) else { return };
        let given = self.waiters.get(&key).is_some_and(|waiters| waiters.contains(&context));
        let right =
            if given { self.is_patient(key, context, reports.now) } else { gils.may_interpret(thread, threads) };
        reports.require(right, Rule::LockParked, || {
            let how = if given { "is given" } else { "takes, without the GIL," };
            format!("{context:?} {how} {:?}", key.0)
        });
    }

    /// The thread of a context that waits for such a lock by blocking.
    fn parks(&self, key: Key, context: ContextId, threads: &Threads) -> Option<ThreadId> {
        self.fair_after?;
        let state = threads.contexts.get(&context)?;
        (state.progress.is_none() && self.plain.get(key.0.index()) == Some(&true)).then_some(state.thread)
    }

    /// Whether it has waited for so long that a release gives it the lock.
    fn is_patient(&self, key: Key, context: ContextId, now: Time) -> bool {
        let Some(fair_after) = self.fair_after else { return false };
        self.asked.get(&context).is_some_and(|(of, since)| *of == key && now.0 - since.0 > fair_after.0)
    }

    fn check_key(&self, key: Key, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let right = self.key(key.0, context, threads) == Some(key);
        reports.require(right, Rule::LockExclusive, || format!("{context:?} uses the lock {key:?} of others"));
    }

    fn take(&mut self, key: Key, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let serial = threads.contexts.get(&context).map_or(0, |context| context.serial);
        let before = self.owners.insert(key, (context, serial));
        self.since.insert(key, reports.now);
        reports.require(before.is_none(), Rule::LockExclusive, || {
            format!("{context:?} takes {:?}, which {:?} owns", key.0, before.map(|(owner, _)| owner))
        });
        self.woken.remove(&context);
        self.asked.remove(&context);
        self.forget(key, context);
    }

    fn release(&mut self, key: Key, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let serial = threads.contexts.get(&context).map_or(0, |context| context.serial);
        let owner = self.owners.remove(&key);
        reports.require(owner == Some((context, serial)), Rule::LockExclusive, || {
            format!("{context:?} releases {:?}, which {:?} owns", key.0, owner.map(|(owner, _)| owner))
        });
    }

    fn wait(&mut self, context: ContextId, on: On, threads: &Threads, now: Time) {
        // A wait for the GIL does not end the attempt to get the lock.
        if !matches!(on, On::Gil | On::GilSwitch) {
            self.woken.remove(&context);
        }
        if let On::Lock(lock) = on
            && let Some(key) = self.key(lock, context, threads)
        {
            // Who was given the lock before it went to sleep does not wait for it.
            if self.owners.get(&key).is_none_or(|(owner, _)| *owner != context) {
                self.waiters.entry(key).or_default().insert(context);
                if self.asked.get(&context).is_none_or(|(of, _)| *of != key) {
                    self.asked.insert(context, (key, now));
                }
            }
        }
    }

    fn wake(&mut self, context: ContextId, lock: LockId, threads: &Threads, reports: &mut Reports) {
        if let Some(key) = self.key(lock, context, threads) {
            self.forget(key, context);
            if self.owners.get(&key).is_none_or(|(owner, _)| *owner != context) {
                self.woken.insert(context, key);
                let fair = self.parks(key, context, threads).is_none()
                    || threads.is_dropped(context)
                    || self.drops
                    || !self.is_patient(key, context, reports.now);
                reports.require(fair, Rule::LockParked, || {
                    format!("{context:?}, which has waited for long, is woken and not given {:?}", key.0)
                });
            }
        }
    }

    fn forget(&mut self, key: Key, context: ContextId) {
        if let Some(waiters) = self.waiters.get_mut(&key) {
            waiters.remove(&context);
            if waiters.is_empty() {
                self.waiters.remove(&key);
            }
        }
    }
}

/// A suspended coroutine is found by its loop as long as that does not sleep in its selector.
fn loop_will_look(waiter: ContextId, threads: &Threads) -> bool {
    let Some(context) = threads.contexts.get(&waiter) else { return false };
    let suspended = matches!(context.progress, Some(Progress::Suspended(_)));
    suspended && !matches!(threads.state(context.thread), Some(State::Blocked(On::Poll)))
}
