//! Run queues of single cores, and threads that may not run everywhere: who waits where, and who goes where.
//!
//! The rules are those of Linux, made short (`kernel/sched/fair.c`: `select_task_rq_fair`, `newidle_balance`,
//! `load_balance`). A woken thread goes to the core it ran on last if that is free, else to the lowest-numbered free one
//! (whose siblings are free, too, if there is one), else it waits for its last core; a new thread without a free core joins the shortest queue. A core that becomes free
//! and finds nobody in its queue takes the first thread of the longest one that is not cache-hot.
//!
//! Simplifications: the core of the waker plays no part, there are no domains of caches, and no thread is moved that runs.

use super::attributes::Attributes;
use super::core_set::CoreSet;
use super::policy::{AnyPolicy, Carried, Entry, Policy, Why};
use crate::id::{CoreId, ThreadId};
use crate::time::{Duration, Time};

/// How many threads of a queue are looked at for one that may go elsewhere (`sched_nr_migrate` of Linux).
const LOOK: usize = 32;
/// Queues of busy cores are compared every so many times that idle cores look for work: `busy_factor` of Linux less one,
/// as Linux takes a tick off the interval, so that it is no multiple of slices and strikes another thread each time.
const BUSY_FACTOR: u64 = 15;
/// The longer queue of two busy cores is too long if it has so many percent of the shorter one (`imbalance_pct` of Linux).
const TOO_LONG: u32 = 117;
const NOWHERE: u32 = u32::MAX;

/// Who waits for which core. Only there if queues or threads are bound to cores.
#[derive(Clone, Debug, Hash)]
pub(super) struct Spread {
    /// One for all cores, or one for each.
    pub queues: Vec<AnyPolicy>,
    /// Sets of cores that threads may be bound to.
    affinities: Vec<CoreSet>,
    /// By thread number.
    homes: Vec<Home>,
    /// By core: threads that wait in its queue; with one queue for all, bound threads that it could take.
    wanted: Vec<u32>,
    /// With one queue for all: waiting threads that any core could take.
    unbound: u32,
    /// Invariant: bit c is set if and only if `wanted[c]` is not 0.
    loaded: CoreSet,
    /// A core whose thread has ended and is about to leave.
    ending: Option<CoreId>,
    /// Cores for which somebody has come.
    touched: Vec<CoreId>,
    /// Cores that became free, if such cores look for work elsewhere.
    hungry: Vec<CoreId>,
    /// So many cores share a physical core.
    siblings: u32,
    /// Free cores take threads in their order, whoever ran there last.
    in_order: bool,
    steals: bool,
    balance: Option<Duration>,
    hot: Duration,
}

/// Where a thread belongs.
#[derive(Clone, Copy, Debug, Hash)]
struct Home {
    /// The queue that knows it.
    queue: u32,
    last: Option<CoreId>,
    /// Which of the sets it is bound to, counted from 1; 0 if it may run anywhere.
    affinity: u32,
    /// When it last left a core.
    left: Time,
}

impl Home {
    const NEW: Home = Home { queue: NOWHERE, last: None, affinity: 0, left: Time::ZERO };
}

/// A thread has gone to the queue of another core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Who.
    pub thread: ThreadId,
    /// To which core.
    pub to: CoreId,
}

impl Spread {
    pub fn new(
        cores: u32,
        queues: Vec<AnyPolicy>,
        settings: super::Queues,
        affinities: Vec<CoreSet>,
        in_order: bool,
        siblings: u32,
    ) -> Spread {
        let (steals, balance, hot) = match settings {
            super::Queues::Global => (false, None, Duration::ZERO),
            super::Queues::PerCore { steal, balance, hot } => (steal, balance, hot.unwrap_or(Duration::ZERO)),
        };
        Spread {
            queues,
            affinities,
            homes: Vec::new(),
            wanted: vec![0; cores as usize],
            unbound: 0,
            loaded: CoreSet::none(cores),
            ending: None,
            touched: Vec::new(),
            hungry: Vec::new(),
            siblings,
            in_order,
            steals,
            balance,
            hot,
        }
    }

    /// Whether each core has a queue of its own.
    #[inline]
    pub fn per_core(&self) -> bool {
        self.queues.len() > 1
    }

    /// The queue that the core takes threads from.
    #[inline]
    pub fn queue(&self, core: CoreId) -> &AnyPolicy {
        if self.per_core() { &self.queues[core.index()] } else { &self.queues[0] }
    }

    #[inline]
    pub fn queue_mut(&mut self, core: CoreId) -> &mut AnyPolicy {
        let index = if self.per_core() { core.index() } else { 0 };
        &mut self.queues[index]
    }

    fn home(&mut self, thread: ThreadId) -> &mut Home {
        if self.homes.len() <= thread.index() {
            self.homes.resize(thread.index() + 1, Home::NEW);
        }
        &mut self.homes[thread.index()]
    }

    fn known(&self, thread: ThreadId) -> Home {
        self.homes.get(thread.index()).copied().unwrap_or(Home::NEW)
    }

    /// The cores that the thread may run on; `None` for all.
    pub fn allowed(&self, thread: ThreadId) -> Option<&CoreSet> {
        let set = self.known(thread).affinity.checked_sub(1)?;
        Some(&self.affinities[set as usize])
    }

    /// Whether the thread may run on the core.
    pub fn may(&self, thread: ThreadId, core: CoreId) -> bool {
        self.allowed(thread).is_none_or(|allowed| allowed.contains(core))
    }

    /// Whether a core is free that the thread may run on.
    pub fn has_room(&self, thread: ThreadId, idle: &CoreSet) -> bool {
        match self.allowed(thread) {
            Some(allowed) => idle.first_of_both(allowed).is_some(),
            None => idle.first().is_some(),
        }
    }

    /// Binds a thread that does not wait to a set of cores, counted from 1, or frees it (0).
    pub fn bind(&mut self, thread: ThreadId, affinity: u32) {
        self.home(thread).affinity = affinity;
    }

    /// As [`Spread::bind`], to what another thread is bound to.
    pub fn bind_like(&mut self, thread: ThreadId, other: ThreadId) {
        let affinity = self.known(other).affinity;
        self.bind(thread, affinity);
    }

    /// Whether somebody waits whom the core could take from its queue.
    #[inline]
    pub fn is_wanted(&self, core: CoreId) -> bool {
        self.unbound > 0 || self.wanted[core.index()] > 0
    }

    fn count(&mut self, thread: ThreadId, core: CoreId, joins: bool) {
        let Spread { affinities, homes, wanted, loaded, touched, .. } = self;
        let mut change = |core: CoreId| {
            let wanted = &mut wanted[core.index()];
            *wanted = if joins { *wanted + 1 } else { *wanted - 1 };
            match (joins, *wanted) {
                (true, 1) => loaded.insert(core),
                (false, 0) => loaded.remove(core),
                _ => {}
            }
            if joins {
                touched.push(core);
            }
        };
        if self.queues.len() > 1 {
            return change(core);
        }
        match homes[thread.index()].affinity.checked_sub(1) {
            Some(set) => affinities[set as usize].iter().for_each(change),
            None if joins => {
                self.unbound += 1;
                // All get timers for the ends of slices; after that one is enough to ask who is more urgent than whom.
                let cores = if self.unbound == 1 { wanted.len() } else { 1 };
                touched.extend((0..cores).map(CoreId::from));
            }
            None => self.unbound -= 1,
        }
    }

    /// The core whose queue a thread joins that becomes ready.
    fn choose(&self, thread: ThreadId, why: Why, idle: &CoreSet) -> CoreId {
        let home = self.known(thread);
        let allowed = self.allowed(thread);
        let last = home.last.filter(|core| self.may(thread, *core));
        let stays = matches!(why, Why::Preempted | Why::Yielded);
        let is_idle = |core: CoreId| idle.contains(core) || self.ending == Some(core);
        let free = |core: CoreId| is_idle(core) && !self.loaded.contains(core);
        if let Some(last) = last
            && (stays || free(last))
        {
            return last;
        }
        if self.siblings > 1 {
            let mut idle = idle.clone();
            self.ending.into_iter().for_each(|core| idle.insert(core));
            let may = |core| self.may(thread, core);
            if let Some(whole) = idle.first_whole(self.siblings, Some(&self.loaded), may) {
                return whole;
            }
        }
        let ending = self.ending.filter(|core| free(*core) && self.may(thread, *core));
        let lowest = idle.first_besides(&self.loaded, allowed).into_iter().chain(ending).min();
        lowest.or(last).unwrap_or_else(|| {
            let cores = (0..self.wanted.len()).map(CoreId::from).filter(|core| self.may(thread, *core));
            let length = |core: &CoreId| self.wanted[core.index()] + u32::from(!is_idle(*core));
            cores.min_by_key(length).expect("a thread may run somewhere")
        })
    }

    /// The thread is ready and joins a queue.
    pub fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>, idle: &CoreSet) {
        if entry.why == Why::New {
            let affinity = self.known(thread).affinity;
            *self.home(thread) = Home { affinity, ..Home::NEW };
        } else if matches!(entry.why, Why::Preempted | Why::Yielded) {
            self.home(thread);
        }
        let core = if self.per_core() { self.choose(thread, entry.why, idle) } else { CoreId(0) };
        let carried = self.take_along(thread, core, entry.now);
        self.queue_mut(core).enqueue(thread, Entry { carried, ..entry });
        self.count(thread, core, true);
    }

    /// The queue of the core is the thread's home from now on; what it brings along, if it had another one.
    fn take_along(&mut self, thread: ThreadId, core: CoreId, now: Time) -> Option<Carried> {
        let queue = if self.per_core() { core.0 } else { 0 };
        let old = std::mem::replace(&mut self.home(thread).queue, queue);
        (old != NOWHERE && old != queue).then(|| self.queues[old as usize].carried(thread, now))
    }

    /// The next thread for the core leaves its queue.
    pub fn pick(&mut self, core: CoreId) -> Option<ThreadId> {
        let thread = if self.per_core() {
            self.queues[core.index()].pick()
        } else {
            let Spread { queues, affinities, homes, .. } = self;
            queues[0].pick_among(usize::MAX, &mut |thread| is_allowed(affinities, homes, thread, core))
        }?;
        self.count(thread, core, false);
        Some(thread)
    }

    /// A thread leaves its queue for a free core.
    pub fn next(&mut self, idle: &CoreSet) -> Option<(CoreId, ThreadId)> {
        if self.per_core() {
            let core = idle.first_of_both(&self.loaded)?;
            return Some((core, self.pick(core).expect("a wanted core has a thread waiting")));
        }
        if idle.first().is_none() || self.unbound == 0 && idle.first_of_both(&self.loaded).is_none() {
            return None;
        }
        if self.in_order {
            let found = idle.iter().find_map(|core| self.pick(core).map(|thread| (core, thread)));
            return found;
        }
        let Spread { queues, affinities, homes, .. } = self;
        let mut room = |thread: ThreadId| match homes[thread.index()].affinity.checked_sub(1) {
            Some(set) => idle.first_of_both(&affinities[set as usize]).is_some(),
            None => true,
        };
        let thread = queues[0].pick_among(usize::MAX, &mut room)?;
        let last = self.known(thread).last.filter(|core| idle.contains(*core) && self.may(thread, *core));
        let lowest = || match self.allowed(thread) {
            Some(allowed) => idle.first_of_both(allowed),
            None => idle.first(),
        };
        let whole = || idle.first_whole(self.siblings, None, |core| self.may(thread, core));
        let core = last
            .or_else(|| if self.siblings > 1 { whole() } else { None })
            .or_else(lowest)
            .expect("there is room for the thread");
        self.count(thread, core, false);
        Some((core, thread))
    }

    /// The thread has a core.
    pub fn occupy(&mut self, core: CoreId, thread: ThreadId) {
        self.home(thread).last = Some(core);
    }

    /// The thread on the core has ended: who is woken by that may take its place.
    pub fn end(&mut self, core: CoreId) {
        self.ending = Some(core);
    }

    /// The thread has left the core, which is free.
    pub fn vacate(&mut self, core: CoreId, thread: ThreadId, now: Time) {
        self.ending = None;
        self.home(thread).left = now;
        if self.steals {
            self.hungry.push(core);
        }
    }

    /// The core whose queue the thread waits in, if each has its own.
    pub fn waits_for(&self, thread: ThreadId) -> Option<CoreId> {
        self.per_core().then(|| CoreId(self.known(thread).queue))
    }

    /// A core for which somebody has come since it was last asked.
    pub fn take_touched(&mut self) -> Option<CoreId> {
        self.touched.pop()
    }

    /// Something has changed for the core, or for all.
    pub fn touch(&mut self, core: Option<CoreId>) {
        match core {
            Some(core) => self.touched.push(core),
            None => self.touched.extend((0..self.wanted.len()).map(CoreId::from)),
        }
    }

    /// The thread is more or less urgent than before: the queue that knows it hears of it.
    pub fn update(&mut self, thread: ThreadId, of: &Attributes, queued: bool) {
        let home = self.known(thread);
        if let Some(queue) = self.queues.get_mut(home.queue as usize) {
            queue.update(thread, of, queued);
        }
        match (self.per_core(), queued) {
            (true, true) => self.touch(Some(CoreId(home.queue))),
            (false, true) => self.touch(None),
            (_, false) => self.touched.extend(home.last),
        }
    }

    /// A core that became free and has nobody waiting takes a thread from another queue.
    pub fn steal(&mut self, idle: &CoreSet, attributes: &[Attributes], now: Time) -> Option<Move> {
        while let Some(core) = self.hungry.pop() {
            if !idle.contains(core) || self.loaded.contains(core) {
                continue;
            }
            let Some(longest) = self.loaded.iter().max_by_key(|core| (self.wanted[core.index()], u32::MAX - core.0))
            else {
                self.hungry.clear();
                return None;
            };
            let others = (0..self.wanted.len()).map(CoreId::from).filter(|other| *other != longest);
            for from in std::iter::once(longest).chain(others) {
                if self.loaded.contains(from)
                    && let Some(moved) = self.shift(from, core, attributes, now)
                {
                    return Some(moved);
                }
            }
        }
        None
    }

    /// The first thread of a queue that may go and is not cache-hot goes to another one.
    fn shift(&mut self, from: CoreId, to: CoreId, attributes: &[Attributes], now: Time) -> Option<Move> {
        let (hot, most) = (self.hot, if self.affinities.is_empty() { LOOK } else { usize::MAX });
        let Spread { queues, affinities, homes, .. } = self;
        let mut may = |thread: ThreadId| {
            let home = homes[thread.index()];
            let cold = home.last.is_none() || now.since(home.left) >= hot;
            cold && is_allowed(affinities, homes, thread, to)
        };
        let thread = queues[from.index()].pick_among(most, &mut may)?;
        self.count(thread, from, false);
        let carried = self.take_along(thread, to, now);
        let of = attributes.get(thread.index()).unwrap_or(&Attributes::DEFAULT);
        self.queues[to.index()].enqueue(thread, Entry { why: Why::Moved, now, of, carried });
        self.count(thread, to, true);
        Some(Move { thread, to })
    }

    /// When queues are next compared: at a multiple of the interval after `now`.
    pub fn next_balance(&self, now: Time) -> Time {
        match self.balance {
            Some(every) if every > Duration::ZERO => Time((now.0 / every.0 + 1).saturating_mul(every.0)),
            _ => Time::NEVER,
        }
    }

    /// Free cores look for work again; every so many times, the longest queue gives half of what it has more than the
    /// shortest one, rounded up, so that three threads on two cores take turns to be alone.
    pub fn start_balance(&mut self, idle: &CoreSet, now: Time) -> Option<(CoreId, CoreId, u32)> {
        self.hungry.extend(idle.iter());
        self.hungry.reverse();
        let round = now.0 / self.balance?.0;
        if !round.is_multiple_of(BUSY_FACTOR) || idle.first().is_some() {
            return None;
        }
        let cores = || (0..self.wanted.len()).map(CoreId::from);
        // With whoever runs.
        let length = |core: CoreId| self.wanted[core.index()] + 1;
        let from = cores().max_by_key(|core| (length(*core), u32::MAX - core.0))?;
        let to = cores().min_by_key(|core| (length(*core), core.0))?;
        let more = length(from) - length(to);
        (length(from) * 100 > length(to) * TOO_LONG).then_some((from, to, more.div_ceil(2)))
    }

    /// One thread of those that [`Spread::start_balance`] announced goes.
    pub fn even_out(&mut self, from: CoreId, to: CoreId, attributes: &[Attributes], now: Time) -> Option<Move> {
        self.shift(from, to, attributes, now)
    }
}

fn is_allowed(affinities: &[CoreSet], homes: &[Home], thread: ThreadId, core: CoreId) -> bool {
    let set = homes[thread.index()].affinity.checked_sub(1);
    set.is_none_or(|set| affinities[set as usize].contains(core))
}
