//! Cores and run queues: who runs where, and until when.
//!
//! With one run queue for all, a free core takes the next thread; a thread prefers the core it ran on last if that is free,
//! else the lowest-numbered free one. Queues of single cores, and threads that are bound to cores, are the matter of
//! `spread`. The timer of a core (end of a switch, a burst or a slice) stands in a flat array, so that it can be moved at
//! no cost.

pub mod attributes;
pub mod core_set;
mod lend;
mod many;
mod own_timer;
pub mod pace;
pub mod policy;
pub mod queues;
mod setup;
mod spread;
#[cfg(test)]
mod tests;
mod timers;

use crate::id::{CoreId, ThreadId};
use crate::time::{Duration, Time};
use attributes::{Attributes, Needs};
use core_set::CoreSet;
use pace::Pace;
use policy::{AnyPolicy, Entry, Known, Policy, Rivals, Site, Timer, Why};
pub use queues::Queues;
pub use setup::{Loses, Setup};
pub use spread::Move;
use spread::Spread;
use timers::Timers;

/// Cores, their occupants and timers, and the run queues.
#[derive(Clone, Debug, Hash)]
pub struct Kernel {
    /// The one run queue, unless there is `spread`.
    policy: AnyPolicy,
    /// The run queues, if there are several or threads are bound to cores.
    spread: Option<Box<Spread>>,
    needs: Needs,
    has_own_timer: bool,
    /// Slices go on from one thread to the next: see [`Timer::Inherited`].
    inherits: bool,
    /// Whether the end of a slice is an event for a thread that is alone, too.
    ends_lone: bool,
    /// By thread number; empty if the policy needs none.
    attributes: Vec<Attributes>,
    /// Invariant: the length of all queues.
    waiting: usize,
    cores: Vec<Core>,
    /// Invariant: a core belongs to it if and only if it has no occupant.
    idle: CoreSet,
    idle_count: usize,
    timers: Timers,
    /// When queues are compared next; [`Time::NEVER`] if they are not.
    balance: Time,
    /// One timer interrupt for all cores: so often, and when next.
    interrupt: Option<(Duration, Time)>,
    loses: Loses,
    /// So many cores share a physical core.
    siblings: u32,
    /// The rates of cores, unless all are 1.
    pace: Option<Box<Pace>>,
}

#[derive(Clone, Debug, Hash)]
struct Core {
    occupant: Option<ThreadId>,
    last: Option<ThreadId>,
    slice_from: Time,
    /// What is over of the slice of whoever comes next; zero unless slices are inherited.
    used: Duration,
}

impl Kernel {
    /// Idle cores and empty run queues.
    pub fn new(setup: &Setup<'_>) -> Kernel {
        let Setup { cores, policy, seed, .. } = *setup;
        let per_core = setup.queues != Queues::Global && cores > 1;
        let serves = if per_core { 1 } else { cores };
        let build = |number| policy.build(&Site { cores, serves, number, seed });
        let first = build(0);
        let in_order = setup.interrupt.is_some();
        let siblings = setup.paces.smt.map_or(1, |smt| smt.siblings);
        let spread = (per_core || in_order || !setup.affinities.is_empty()).then(|| {
            let queues = (0..if per_core { cores } else { 1 }).map(build).collect();
            let settings = if per_core { setup.queues } else { Queues::Global };
            Box::new(Spread::new(cores, queues, settings, setup.affinities.clone(), in_order, siblings))
        });
        let core = Core { occupant: None, last: None, slice_from: Time::ZERO, used: Duration::ZERO };
        let balance = spread.as_ref().map_or(Time::NEVER, |spread| spread.next_balance(Time::ZERO));
        Kernel {
            needs: first.needs().where_all_are_alike(setup.alike),
            has_own_timer: first.next_timer() < Time::NEVER || balance < Time::NEVER || in_order,
            inherits: policy.timer() == Timer::Inherited,
            ends_lone: policy.timer() == Timer::Inherited || policy.promises().idles,
            policy: first,
            spread,
            attributes: Vec::new(),
            waiting: 0,
            cores: vec![core; cores as usize],
            idle: CoreSet::all(cores),
            idle_count: cores as usize,
            // One more for the kernel.
            timers: Timers::new(cores + 1),
            balance,
            interrupt: setup.interrupt.map(|every| (every, Time(every.0))),
            loses: setup.loses,
            siblings,
            pace: (!setup.paces.is_even()).then(|| Box::new(Pace::new(cores, setup.paces))),
        }
    }

    /// Number of cores.
    pub fn cores(&self) -> u32 {
        self.cores.len() as u32
    }

    /// What the policy needs to be told of threads.
    #[inline(always)]
    pub fn needs(&self) -> Needs {
        self.needs
    }

    /// What the thread is like, as far as it was told.
    pub fn attributes(&self, thread: ThreadId) -> &Attributes {
        self.attributes.get(thread.index()).unwrap_or(&Attributes::DEFAULT)
    }

    /// Tells what a thread is like that is not in the run queue.
    pub fn describe(&mut self, thread: ThreadId, attributes: Attributes) {
        if self.attributes.len() <= thread.index() {
            self.attributes.resize(thread.index() + 1, Attributes::DEFAULT);
        }
        self.attributes[thread.index()] = attributes;
    }

    /// The thread is ready.
    #[inline(always)]
    pub fn enqueue(&mut self, thread: ThreadId, why: Why, now: Time) {
        // Without needs there are no attributes at all.
        let of = self.attributes.get(thread.index()).unwrap_or(&Attributes::DEFAULT);
        let entry = Entry { why, now, of, carried: None };
        match &mut self.spread {
            None => self.policy.enqueue(thread, entry),
            Some(spread) => spread.enqueue(thread, entry, &self.idle),
        }
        self.waiting += 1;
    }

    /// Threads in run queues.
    #[inline]
    pub fn waiting(&self) -> usize {
        debug_assert!(self.waiting == self.length(), "every waiting thread is in a queue");
        self.waiting
    }

    fn length(&self) -> usize {
        match &self.spread {
            None => self.policy.waiting(),
            Some(spread) => spread.queues.iter().map(Policy::waiting).sum(),
        }
    }

    /// Whether somebody waits whom the core could take.
    #[inline(always)]
    pub fn is_wanted(&self, core: CoreId) -> bool {
        match &self.spread {
            None => self.waiting > 0,
            Some(spread) => spread.is_wanted(core),
        }
    }

    /// The queue that the core takes threads from.
    #[inline(always)]
    fn queue(&self, core: CoreId) -> &AnyPolicy {
        match &self.spread {
            None => &self.policy,
            Some(spread) => spread.queue(core),
        }
    }

    #[inline(always)]
    fn queue_mut(&mut self, core: CoreId) -> &mut AnyPolicy {
        match &mut self.spread {
            None => &mut self.policy,
            Some(spread) => spread.queue_mut(core),
        }
    }

    /// Whether there are queues of single cores, or threads that are bound to cores.
    #[inline(always)]
    pub fn is_spread(&self) -> bool {
        self.spread.is_some()
    }

    /// Whether a free core could take a waiting thread, with one queue for all.
    #[inline]
    pub fn can_dispatch(&self) -> bool {
        self.idle_count > 0 && self.waiting > 0
    }

    /// Whether a core is free that the thread may run on.
    #[inline]
    pub fn has_idle_core(&self, thread: ThreadId) -> bool {
        match &self.spread {
            None => self.idle_count > 0,
            Some(spread) => spread.has_room(thread, &self.idle),
        }
    }

    /// Whether the end of a slice is an event on the core: if somebody waits, or if it is one for a thread that is alone, too.
    #[inline(always)]
    pub fn ends_slices(&self, core: CoreId) -> bool {
        self.is_wanted(core) || self.ends_lone
    }

    /// Whether a yielding thread should leave this core now.
    pub fn should_yield(&self, core: CoreId) -> bool {
        self.ends_slices(core) && self.policy.honors_yield()
    }

    /// The next thread leaves the one run queue.
    #[inline(always)]
    pub fn pick(&mut self) -> Option<ThreadId> {
        let picked = self.policy.pick();
        self.waiting -= usize::from(picked.is_some());
        picked
    }

    /// The next thread for the core leaves its run queue.
    #[inline]
    pub fn pick_for(&mut self, core: CoreId) -> Option<ThreadId> {
        let Some(spread) = &mut self.spread else { return self.pick() };
        let picked = spread.pick(core);
        self.waiting -= usize::from(picked.is_some());
        picked
    }

    /// The free core that the thread gets: `last` if it is free.
    #[inline]
    pub fn place(&self, last: Option<CoreId>) -> Option<CoreId> {
        if let Some(core) = last
            && self.is_idle(core)
        {
            return Some(core);
        }
        if self.siblings > 1
            && let whole @ Some(_) = self.idle.first_whole(self.siblings, None, |_| true)
        {
            return whole;
        }
        self.idle.first()
    }

    /// The thread occupies the core. Whether this is a context switch: the core's last thread was another one.
    #[inline]
    #[must_use = "a context switch costs time"]
    pub fn occupy(&mut self, core: CoreId, thread: ThreadId) -> bool {
        debug_assert!(self.is_idle(core), "a core runs one thread at a time");
        self.idle.remove(core);
        self.idle_count -= 1;
        let state = &mut self.cores[core.index()];
        state.occupant = Some(thread);
        self.timers.give(core);
        let switched = state.last.is_some_and(|last| last != thread);
        state.last = Some(thread);
        if let Some(spread) = &mut self.spread {
            spread.occupy(core, thread);
        }
        if let Some(pace) = &mut self.pace {
            pace.occupy(core, true);
        }
        switched
    }

    /// The thread on the core begins to execute: its slice starts.
    #[inline]
    pub fn start_slice(&mut self, core: CoreId, now: Time) {
        let state = &mut self.cores[core.index()];
        state.slice_from = Time(now.0 - std::mem::take(&mut state.used).0);
        if let Some(thread) = state.occupant {
            self.queue_mut(core).began(thread, now);
        }
    }

    /// The occupant is about to leave the core before the end of its slice: where slices are inherited, whoever comes next
    /// has what is left.
    #[inline]
    pub fn leave_slice(&mut self, core: CoreId, now: Time) {
        if self.inherits {
            let state = &mut self.cores[core.index()];
            state.used = now.since(state.slice_from);
        }
    }

    /// The core is free again: its occupant, which was executing, leaves.
    #[inline(always)]
    pub fn vacate(&mut self, core: CoreId, now: Time) {
        debug_assert!(!self.is_idle(core), "a free core cannot be vacated");
        self.idle.insert(core);
        self.idle_count += 1;
        let state = &mut self.cores[core.index()];
        let occupant = state.occupant.take().expect("the core is occupied");
        let ran = now.since(state.slice_from);
        match &mut self.spread {
            None => self.policy.ran(occupant, ran, now),
            Some(spread) => {
                spread.queue_mut(core).ran(occupant, ran, now);
                spread.vacate(core, occupant, now);
            }
        }
        if let Some(pace) = &mut self.pace {
            pace.occupy(core, false);
        }
        self.set_timer(core, Time::NEVER);
    }

    /// The core that the ready thread takes from whoever deserves it least, if the policy lets it. A core that is
    /// switching cannot be taken: `executing` says which can. In a queue of a single core, only that one.
    pub fn preempted_by(&self, ready: ThreadId, now: Time, executing: impl Fn(ThreadId) -> bool) -> Option<CoreId> {
        if let Some(core) = self.spread.as_ref().and_then(|spread| spread.waits_for(ready)) {
            return self.excess(core, ready, now, executing).map(|_| core);
        }
        let may = |core: &CoreId| self.spread.as_ref().is_none_or(|spread| spread.may(ready, *core));
        let cores = (0..self.cores.len()).map(CoreId::from).filter(may);
        let beaten = cores.filter_map(|core| Some((self.excess(core, ready, now, &executing)?, core)));
        // The least deserving.
        beaten
            .max_by_key(|(by, core)| match self.loses {
                Loses::LowestCore => (*by, u32::MAX - core.0),
                Loses::HighestCore => (*by, core.0),
            })
            .map(|(_, core)| core)
    }

    /// By how much the ready thread is more deserving than who executes on the core.
    fn excess(&self, core: CoreId, ready: ThreadId, now: Time, executing: impl Fn(ThreadId) -> bool) -> Option<u128> {
        let known = |thread| Known { thread, of: self.attributes(thread) };
        let state = &self.cores[core.index()];
        let running = state.occupant.filter(|thread| executing(*thread))?;
        self.queue(core).preempts(known(ready), known(running), now.since(state.slice_from), now)
    }

    /// Whether a woken thread can take a core from another.
    #[inline(always)]
    pub fn preempts_on_wake(&self) -> bool {
        self.policy.preempts_on_wake()
    }

    /// The first thread of the run queue, if it may take a core from another at any time.
    #[inline(always)]
    pub fn contender(&self) -> Option<ThreadId> {
        self.policy.contender()
    }

    /// The thread that the core would pick next, as far as that is known.
    pub fn first(&self, core: CoreId) -> Option<ThreadId> {
        self.queue(core).first()
    }

    /// What is over for the thread that executes on the core, whose timer went off.
    pub fn slice_is_over(&self, core: CoreId, now: Time) -> &'static str {
        let state = &self.cores[core.index()];
        let ran = now.since(state.slice_from);
        state.occupant.map_or("its slice is over", |thread| self.queue(core).slice_is_over(thread, ran))
    }

    /// Why a thread goes before another, as a clause after "because".
    /// `on` is the core of the one that executes, if one does; `core` the one that it is about.
    pub fn because(
        &self,
        core: CoreId,
        chosen: ThreadId,
        over: Option<ThreadId>,
        on: Option<CoreId>,
        now: Time,
    ) -> String {
        let known = |thread| Known { thread, of: self.attributes(thread) };
        let executing = on.and_then(|core| {
            let state = &self.cores[core.index()];
            state.occupant.map(|thread| (thread, now.since(state.slice_from)))
        });
        self.queue(core).because(Rivals { chosen: known(chosen), over: over.map(known), executing, now })
    }

    /// A thread that ended cannot be resumed: whoever gets its number is another one.
    pub fn forget(&mut self, thread: ThreadId) {
        for core in &mut self.cores {
            if core.last == Some(thread) {
                // Not `None`: the next thread is a switch all the same.
                core.last = Some(ThreadId(u32::MAX));
            }
        }
        if let Some(pace) = &mut self.pace {
            pace.forget(thread);
        }
    }

    /// Who occupies the core.
    #[inline]
    pub fn occupant(&self, core: CoreId) -> Option<ThreadId> {
        self.cores[core.index()].occupant
    }

    /// The first end of a slice at or after `now`; [`Time::NEVER`] without slices. Slices follow each other without an
    /// event as long as nobody waits, so the end is computed, not stored.
    #[inline(always)]
    pub fn slice_end(&self, core: CoreId, now: Time) -> Time {
        let Core { occupant: Some(thread), slice_from: from, .. } = self.cores[core.index()] else {
            return Time::NEVER;
        };
        let end = match &self.spread {
            None => self.policy.slice_end(thread, now.since(from), now),
            Some(_) if self.interrupt.is_some() => None,
            Some(spread) => spread.queue(core).slice_end(thread, now.since(from), now),
        };
        match end {
            Some(end) => from + end,
            None => Time::NEVER,
        }
    }

    /// The slice of the thread on the core is over. Whether it keeps the core all the same.
    #[inline(always)]
    pub fn renew(&mut self, core: CoreId, now: Time) -> bool {
        let Core { occupant, slice_from, .. } = self.cores[core.index()];
        let thread = occupant.expect("the core is occupied");
        let keeps = self.queue_mut(core).renew(thread, now.since(slice_from), now);
        if keeps {
            self.cores[core.index()].slice_from = now;
        }
        keeps
    }

    /// Sets the timer of a core; [`Time::NEVER`] stops it.
    #[inline]
    pub fn set_timer(&mut self, core: CoreId, at: Time) {
        self.timers.set(core, at, false);
    }

    /// Sets the timer of a core to the end of a slice, which comes after all else at that instant.
    #[inline]
    pub fn set_slice_timer(&mut self, core: CoreId, at: Time) {
        self.timers.set(core, at, true);
    }

    /// The earliest timer, and the lowest core it belongs to.
    #[inline]
    pub fn first_timer(&mut self) -> (Time, CoreId) {
        self.timers.first()
    }

    #[inline]
    fn is_idle(&self, core: CoreId) -> bool {
        self.idle.contains(core)
    }
}
