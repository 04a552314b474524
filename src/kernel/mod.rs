//! Cores and the run queue: who runs where, and until when.
//!
//! One run queue serves all cores. A free core takes the next thread; a thread prefers the core it ran on last if that is
//! free, else the lowest-numbered free one. The timer of a core (end of a switch, a burst or a slice) stands in a flat
//! array, so that it can be moved at no cost.

pub mod attributes;
pub mod policy;
mod timers;

use crate::id::{CoreId, ThreadId};
use crate::time::Time;
use attributes::{Attributes, Needs};
use policy::{AnyPolicy, Entry, Known, Policy, PolicyConfig, Rivals, Why};
use timers::Timers;

/// Cores, their occupants and timers, and the run queue.
#[derive(Clone, Debug, Hash)]
pub struct Kernel {
    policy: AnyPolicy,
    needs: Needs,
    has_policy_timer: bool,
    /// By thread number; empty if the policy needs none.
    attributes: Vec<Attributes>,
    /// Invariant: the length of the policy's queue.
    waiting: usize,
    cores: Vec<Core>,
    /// Invariant: bit c is set if and only if core c has no occupant.
    idle: Vec<u64>,
    idle_count: usize,
    timers: Timers,
}

#[derive(Clone, Debug, Hash)]
struct Core {
    occupant: Option<ThreadId>,
    last: Option<ThreadId>,
    slice_from: Time,
}

impl Kernel {
    /// Idle cores and an empty run queue.
    pub fn new(cores: u32, policy: &PolicyConfig, seed: u64) -> Kernel {
        let policy = policy.build(cores, seed);
        let core = Core { occupant: None, last: None, slice_from: Time::ZERO };
        let mut idle = vec![u64::MAX; cores.div_ceil(64) as usize];
        if !cores.is_multiple_of(64) {
            *idle.last_mut().expect("there is at least one core") = (1 << (cores % 64)) - 1;
        }
        Kernel {
            needs: policy.needs(),
            has_policy_timer: policy.next_timer() < Time::NEVER,
            policy,
            attributes: Vec::new(),
            waiting: 0,
            cores: vec![core; cores as usize],
            idle,
            idle_count: cores as usize,
            // One more for the policy.
            timers: Timers::new(cores + 1),
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
        self.policy.enqueue(thread, Entry { why, now, of });
        self.waiting += 1;
    }

    /// Threads in the run queue.
    #[inline]
    pub fn waiting(&self) -> usize {
        debug_assert!(self.waiting == self.policy.waiting(), "every waiting thread is in the queue");
        self.waiting
    }

    /// Whether a free core could take a waiting thread.
    #[inline]
    pub fn can_dispatch(&self) -> bool {
        self.idle_count > 0 && self.waiting > 0
    }

    /// Whether a core is free.
    #[inline]
    pub fn has_idle_core(&self) -> bool {
        self.idle_count > 0
    }

    /// Whether a yielding thread should leave its core now.
    pub fn should_yield(&self) -> bool {
        self.waiting > 0 && self.policy.honors_yield()
    }

    /// The next thread leaves the run queue.
    #[inline(always)]
    pub fn pick(&mut self) -> Option<ThreadId> {
        let picked = self.policy.pick();
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
        let word = self.idle.iter().position(|bits| *bits != 0)?;
        Some(CoreId(word as u32 * 64 + self.idle[word].trailing_zeros()))
    }

    /// The thread occupies the core. Whether this is a context switch: the core's last thread was another one.
    #[inline]
    #[must_use = "a context switch costs time"]
    pub fn occupy(&mut self, core: CoreId, thread: ThreadId) -> bool {
        debug_assert!(self.is_idle(core), "a core runs one thread at a time");
        self.idle[core.index() / 64] &= !(1 << (core.0 % 64));
        self.idle_count -= 1;
        let state = &mut self.cores[core.index()];
        state.occupant = Some(thread);
        let switched = state.last.is_some_and(|last| last != thread);
        state.last = Some(thread);
        switched
    }

    /// The thread on the core begins to execute: its slice starts.
    #[inline]
    pub fn start_slice(&mut self, core: CoreId, now: Time) {
        self.cores[core.index()].slice_from = now;
    }

    /// The core is free again: its occupant, which was executing, leaves.
    #[inline(always)]
    pub fn vacate(&mut self, core: CoreId, now: Time) {
        debug_assert!(!self.is_idle(core), "a free core cannot be vacated");
        self.idle[core.index() / 64] |= 1 << (core.0 % 64);
        self.idle_count += 1;
        let state = &mut self.cores[core.index()];
        let occupant = state.occupant.take().expect("the core is occupied");
        self.policy.ran(occupant, now.since(state.slice_from), now);
        self.set_timer(core, Time::NEVER);
    }

    /// The core that the ready thread takes from whoever deserves it least, if the policy lets it. A core that is
    /// switching cannot be taken: `executing` says which can.
    pub fn preempted_by(&self, ready: ThreadId, now: Time, executing: impl Fn(ThreadId) -> bool) -> Option<CoreId> {
        let known = |thread| Known { thread, of: self.attributes(thread) };
        let occupied = self.cores.iter().enumerate().filter_map(|(core, state)| {
            let running = state.occupant.filter(|thread| executing(*thread))?;
            let by = self.policy.preempts(known(ready), known(running), now.since(state.slice_from), now)?;
            Some((by, CoreId(core as u32)))
        });
        // The least deserving; the lowest core among equals.
        occupied.max_by_key(|(by, core)| (*by, u32::MAX - core.0)).map(|(_, core)| core)
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

    /// The thread that would be picked next, as far as that is known.
    pub fn first(&self) -> Option<ThreadId> {
        self.policy.first()
    }

    /// Why a thread goes before another, as a clause after "because".
    /// `on` is the core of the one that executes, if one does.
    pub fn because(&self, chosen: ThreadId, over: Option<ThreadId>, on: Option<CoreId>, now: Time) -> String {
        let known = |thread| Known { thread, of: self.attributes(thread) };
        let executing = on.and_then(|core| {
            let state = &self.cores[core.index()];
            state.occupant.map(|thread| (thread, now.since(state.slice_from)))
        });
        self.policy.because(Rivals { chosen: known(chosen), over: over.map(known), executing, now })
    }

    /// A thread that ended cannot be resumed: whoever gets its number is another one.
    pub fn forget(&mut self, thread: ThreadId) {
        for core in &mut self.cores {
            if core.last == Some(thread) {
                // Not `None`: the next thread is a switch all the same.
                core.last = Some(ThreadId(u32::MAX));
            }
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
        match self.policy.slice_end(thread, now.since(from), now) {
            Some(end) => from + end,
            None => Time::NEVER,
        }
    }

    /// The slice of the thread on the core is over. Whether it keeps the core all the same.
    #[inline(always)]
    pub fn renew(&mut self, core: CoreId, now: Time) -> bool {
        let state = &mut self.cores[core.index()];
        let thread = state.occupant.expect("the core is occupied");
        let keeps = self.policy.renew(thread, now.since(state.slice_from), now);
        if keeps {
            state.slice_from = now;
        }
        keeps
    }

    /// Whether the policy does anything by itself.
    #[inline(always)]
    pub fn has_policy_timer(&self) -> bool {
        self.has_policy_timer
    }

    /// Whether the timer is that of the policy rather than that of a core.
    #[inline(always)]
    pub fn is_policy_timer(&self, core: CoreId) -> bool {
        core.index() == self.cores.len()
    }

    /// Lets the policy do what is due; `executing` says which threads use core time. Whether anything was.
    pub fn run_policy_timer(&mut self, now: Time, executing: impl Fn(ThreadId) -> bool) -> bool {
        if self.policy.next_timer() > now {
            return false;
        }
        for state in &mut self.cores {
            if let Some(thread) = state.occupant.filter(|thread| executing(*thread)) {
                self.policy.ran(thread, now.since(state.slice_from), now);
                state.slice_from = now;
            }
        }
        self.policy.timer(now);
        true
    }

    /// Sets the policy's timer, if a core is in use: else nothing depends on it, and a run may end.
    pub fn arm_policy_timer(&mut self) {
        let idle = self.idle_count == self.cores.len();
        let at = if idle { Time::NEVER } else { self.policy.next_timer() };
        self.timers.set(CoreId::from(self.cores.len()), at);
    }

    /// Sets the timer of a core; [`Time::NEVER`] stops it.
    #[inline]
    pub fn set_timer(&mut self, core: CoreId, at: Time) {
        self.timers.set(core, at);
    }

    /// The earliest timer, and the lowest core it belongs to.
    #[inline]
    pub fn first_timer(&mut self) -> (Time, CoreId) {
        self.timers.first()
    }

    #[inline]
    fn is_idle(&self, core: CoreId) -> bool {
        self.idle[core.index() / 64] & (1 << (core.0 % 64)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use policy::{RoundRobin, Ties};

    fn kernel(cores: u32) -> Kernel {
        Kernel::new(cores, &PolicyConfig::from(RoundRobin(Duration(10), Ties::ArrivalsFirst)), 1)
    }

    #[test]
    fn a_thread_goes_back_to_its_core_or_to_the_lowest_free_one() {
        let mut kernel = kernel(70);
        assert_eq!(kernel.place(Some(CoreId(69))), Some(CoreId(69)));
        assert!(!kernel.occupy(CoreId(69), ThreadId(1)));
        assert_eq!(kernel.place(Some(CoreId(69))), Some(CoreId(0)));
        kernel.vacate(CoreId(69), Time(1));
        assert!(!kernel.occupy(CoreId(69), ThreadId(1)), "the same thread again is not a switch");
        kernel.vacate(CoreId(69), Time(1));
        assert!(kernel.occupy(CoreId(69), ThreadId(2)));
    }

    #[test]
    fn slices_renew_while_nobody_waits() {
        let mut kernel = kernel(1);
        assert!(!kernel.occupy(CoreId(0), ThreadId(0)));
        kernel.start_slice(CoreId(0), Time(5));
        let ends = [5, 14, 15, 16, 25, 26].map(|now| kernel.slice_end(CoreId(0), Time(now)).0);
        assert_eq!(ends, [15, 15, 15, 25, 25, 35]);
    }
}
