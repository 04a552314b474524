//! Priority inversion, and the locks that do something against it: see [`Protocol`].
//!
//! A thread inherits urgency by the locks it holds, and gives what it has to the holder of the lock it waits for, over any
//! number of holders. Coroutines neither give nor inherit: their loop is as urgent as it is.

use super::world::{Phase, Resume, State};
use super::{Chooser, Sim};
use crate::id::{ContextId, LockId, ProcessId, ThreadId};
use crate::kernel::policy::Rank;
use crate::model::{Ceiling, Model, Protocol};
use crate::time::Duration;
use crate::trace::{On, Sink, What};

/// A lock that a thread holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Held {
    lock: LockId,
    process: ProcessId,
    /// Its ceiling, as the number that the policy orders by; `u64::MAX` without one.
    ceiling: u64,
}

/// What threads inherit in this model, if anything: the number that its policy orders them by.
pub(super) fn order(model: &Model) -> Option<Rank> {
    let any = model.locks.iter().any(|lock| lock.initial != Protocol::None);
    // The core time that a waiter needs next says nothing about how urgent the holder is.
    model.machine.policy.promises().order.filter(|order| any && *order != Rank::Demand)
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// What the lock does under this policy.
    #[inline]
    pub(super) fn protocol(&self, lock: LockId) -> Protocol {
        match self.lends {
            None => Protocol::None,
            Some(_) => self.model.locks[lock.index()].initial,
        }
    }

    /// The context has taken the lock.
    #[inline]
    pub(super) fn inherit_by(&mut self, context: ContextId, lock: LockId, process: ProcessId) {
        match self.protocol(lock) {
            Protocol::None => {}
            Protocol::Inherit => self.hold(context, Held { lock, process, ceiling: u64::MAX }),
            Protocol::Ceiling(ceiling) => {
                let ceiling = self.number(ceiling);
                self.hold(context, Held { lock, process, ceiling });
            }
        }
    }

    /// A ceiling as the number that the policy orders by, for whoever takes the lock now.
    fn number(&self, ceiling: Ceiling) -> u64 {
        match self.lends {
            None | Some(Rank::Demand) => u64::MAX,
            Some(Rank::Priority) => u64::from(ceiling.priority),
            Some(Rank::Period) => ceiling.period.0,
            Some(Rank::RelativeDeadline) => ceiling.deadline.0,
            Some(Rank::Deadline) => self.world.now.0.saturating_add(ceiling.deadline.0),
        }
    }

    #[cold]
    fn hold(&mut self, context: ContextId, held: Held) {
        let Some(thread) = self.own_thread(context) else { return };
        if self.world.held.len() <= thread.index() {
            self.world.held.resize(thread.index() + 1, Vec::new());
        }
        self.world.held[thread.index()].push(held);
        self.refresh(thread);
    }

    /// The owner releases a lock with a protocol: the most urgent waiter has it, of equals who waits for longest.
    #[cold]
    pub(super) fn hand_over(&mut self, context: ContextId, lock: LockId, process: ProcessId) {
        self.note(What::LockRelease { lock, process, context });
        let state = &self.world.processes[process.index()].locks[lock.index()];
        let next = state.waiters().enumerate().min_by_key(|(place, waiter)| (self.urgency(*waiter), *place));
        let place = next.map_or(0, |(place, _)| place);
        let next = self.world.processes[process.index()].locks[lock.index()].hand_over(context, place);
        if let Some(thread) = self.own_thread(context)
            && let Some(held) = self.world.held.get_mut(thread.index())
        {
            held.retain(|held| (held.lock, held.process) != (lock, process));
            self.refresh(thread);
        }
        if let Some(waiter) = next {
            self.note(What::LockTake { lock, process, context: waiter });
            self.inherit_by(waiter, lock, process);
            if self.awaits(waiter) {
                self.world.contexts[waiter].resume = Resume::Step;
            } else {
                let thread = self.world.contexts[waiter].thread;
                self.world.threads[thread].phase = Phase::Gil;
            }
            self.wake_context(waiter);
        }
    }

    /// The context has begun to wait for a lock: its holder, the holder of what that one waits for, and so on are as urgent
    /// as it is.
    #[inline]
    pub(super) fn lend(&mut self, context: ContextId) {
        if self.lends.is_some() {
            self.lend_along(context);
        }
    }

    #[cold]
    fn lend_along(&mut self, mut context: ContextId) {
        while let Some((On::Lock(lock), _)) = self.world.contexts[context].waits
            && self.protocol(lock) == Protocol::Inherit
        {
            let process = self.home_of_lock(context, lock);
            let owner = self.world.processes[process.index()].locks[lock.index()].owner();
            let Some(owner) = owner else { return };
            // A circle is a deadlock, at which the run is over; urgency that only grows comes to an end even there.
            match self.own_thread(owner) {
                Some(thread) if self.refresh(thread) => context = owner,
                _ => return,
            }
        }
    }

    /// Somebody has stopped waiting for the lock without getting it: its holder, and those beyond, inherit less.
    pub(super) fn lend_less(&mut self, lock: LockId, process: ProcessId) {
        let owner = self.world.processes[process.index()].locks[lock.index()].owner();
        if let Some(owner) = owner.filter(|_| self.protocol(lock) == Protocol::Inherit)
            && let Some(thread) = self.own_thread(owner)
            && self.refresh(thread)
        {
            self.lend_along(owner);
        }
    }

    /// The thread is over.
    #[inline]
    pub(super) fn inherit_no_more(&mut self, thread: ThreadId) {
        if let Some(held) = self.world.held.get_mut(thread.index())
            && !held.is_empty()
        {
            held.clear();
            self.refresh(thread);
        }
    }

    /// Works out what the thread inherits. Whether it has become more or less urgent.
    fn refresh(&mut self, thread: ThreadId) -> bool {
        let Some(order) = self.lends else { return false };
        let held = self.world.held.get(thread.index()).map_or(&[][..], Vec::as_slice);
        let inherited = held.iter().map(|held| self.inherited_by(*held)).min().unwrap_or(u64::MAX);
        let before = *self.world.kernel.attributes(thread);
        if before.inherited == inherited {
            return false;
        }
        let queued = self.world.threads[thread].state == State::Ready;
        self.world.kernel.lend(thread, inherited, queued);
        // The first of the queue may be another one, or more urgent than who runs.
        self.unsettled = true;
        let changed =
            order.of(&before, Duration::ZERO) != order.of(self.world.kernel.attributes(thread), Duration::ZERO);
        if changed && self.sink.explains() {
            let because = self.lender(thread, inherited);
            self.explain_urgency(thread, order, because);
        }
        changed
    }

    /// By which lock the thread inherits so much, and from whom.
    #[cold]
    fn lender(&self, thread: ThreadId, inherited: u64) -> String {
        let held = self.world.held.get(thread.index()).map_or(&[][..], Vec::as_slice);
        let held = held.iter().find(|held| inherited < u64::MAX && self.inherited_by(**held) == inherited);
        let Some(held) = held else { return "it holds no lock any more that makes it more urgent".to_owned() };
        let name = &self.model.locks[held.lock.index()].name;
        let mut waiters = self.world.processes[held.process.index()].locks[held.lock.index()].waiters();
        match waiters.find(|waiter| self.urgency(*waiter) == inherited) {
            Some(waiter) if self.protocol(held.lock) == Protocol::Inherit => {
                format!("{} waits for the lock \"{name}\", which it holds", self.who(waiter))
            }
            _ => format!("that is the ceiling of the lock \"{name}\", which it holds"),
        }
    }

    fn inherited_by(&self, held: Held) -> u64 {
        if self.protocol(held.lock) != Protocol::Inherit {
            return held.ceiling;
        }
        let lock = &self.world.processes[held.process.index()].locks[held.lock.index()];
        lock.waiters().map(|waiter| self.urgency(waiter)).min().unwrap_or(u64::MAX)
    }

    /// Smaller is more urgent.
    fn urgency(&self, context: ContextId) -> u64 {
        match (self.lends, self.own_thread(context)) {
            (Some(order), Some(thread)) => order.of(self.world.kernel.attributes(thread), Duration::ZERO),
            _ => u64::MAX,
        }
    }

    /// The thread of which this is the own context.
    fn own_thread(&self, context: ContextId) -> Option<ThreadId> {
        let state = &self.world.contexts[context];
        (!state.coroutine).then_some(state.thread)
    }
}
