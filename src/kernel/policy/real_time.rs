//! `SCHED_FIFO` and `SCHED_RR` of POSIX and Linux (`man 7 sched`): one list for each priority, the most urgent list first.
//!
//! A thread that becomes ready or yields joins the tail of its list; one that is preempted by a more urgent thread goes back
//! to the head and keeps what is left of its slice; under `SCHED_RR` one whose slice is over joins the tail with a new one.
//! A ready thread that inherits urgency joins the tail of the more urgent list; one that loses it the head of the other, as
//! `rt_mutex_setprio` has it.
//!
//! Threads of tasks without a `priority` have 100, and are normal ones. With a `throttle`, once the others have had their
//! `runtime` of a `period`, normal threads go first until it is over (`sched_rt_runtime_us`; 950 ms of each second in
//! Linux). If none of them is ready, the others go on, as in Linux since its fair server of 6.12; before, cores idled.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::throttle::{Budget, Throttle};
use super::{
    About, Ask, At, Bounds, Carried, Entry, Known, Policy, Promises, Rank, Rivals, Settings, Site, Why, pop_among,
};
use crate::id::ThreadId;
use crate::kernel::attributes::{Attributes, Needs};
use crate::time::{Duration, Time};

/// Priorities of POSIX, first come first served within each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedFifo {
    /// How much of each period threads with priorities get at most while normal ones are ready.
    #[serde(default)]
    pub throttle: Option<Throttle>,
}

/// Priorities of POSIX, round robin within each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchedRr {
    /// The longest a thread runs while another of its priority waits.
    #[serde(default = "rr_slice")]
    pub slice: Duration,
    /// As of [`SchedFifo`].
    #[serde(default)]
    pub throttle: Option<Throttle>,
}

/// The priority of threads whose task has none: those are normal ones, as all of less urgency.
const NORMAL: u64 = 100;

/// `RR_TIMESLICE` of Linux.
fn rr_slice() -> Duration {
    Duration::ms(100)
}

const PROMISES: Promises = Promises { preempts: true, order: Some(Rank::Priority), ..Promises::NONE };

impl Settings for SchedFifo {
    type State = RealTimeQueue;

    const ABOUT: About = About {
        spelling: "SchedFifo([throttle])",
        example: "SchedFifo()",
        line: "priorities of POSIX; runs until it blocks or a more urgent thread is ready",
    };

    const ASKS: &'static [Ask] = &[Ask::Priority];

    fn build(&self, site: &Site) -> RealTimeQueue {
        RealTimeQueue::new(None, self.throttle, site.serves)
    }

    fn check(&self, bounds: &mut Bounds) {
        Throttle::check(self.throttle, bounds);
    }

    fn promises(&self) -> Promises {
        Promises { throttled: self.throttle.is_some(), ..PROMISES }
    }
}

impl Settings for SchedRr {
    type State = RealTimeQueue;

    const ABOUT: About = About {
        spelling: "SchedRr([slice: \"100ms\"], [throttle])",
        example: "SchedRr()",
        line: "the same, round robin among threads of one priority",
    };

    const ASKS: &'static [Ask] = &[Ask::Priority];

    fn build(&self, site: &Site) -> RealTimeQueue {
        RealTimeQueue::new(Some(self.slice), self.throttle, site.serves)
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Field("slice")], self.slice);
        Throttle::check(self.throttle, bounds);
    }

    fn promises(&self) -> Promises {
        Promises { throttled: self.throttle.is_some(), ..PROMISES }
    }
}

impl fmt::Display for SchedFifo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.throttle {
            None => f.write_str("SchedFifo()"),
            Some(throttle) => write!(f, "SchedFifo(throttle: {throttle})"),
        }
    }
}

impl fmt::Display for SchedRr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.throttle {
            None => write!(f, "SchedRr(slice: \"{}\")", self.slice),
            Some(throttle) => write!(f, "SchedRr(slice: \"{}\", throttle: {throttle})", self.slice),
        }
    }
}

/// A place in a list. Heads count down, tails count up.
type Place = (bool, u64);

#[derive(Clone, Copy, Debug, Hash)]
struct Standing {
    /// With what it inherits.
    priority: u64,
    place: Place,
    /// Of the slice; zero if it ended at this very moment.
    left: Duration,
}

/// The ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct RealTimeQueue {
    /// `None` under `SCHED_FIFO`.
    slice: Option<Duration>,
    /// By thread number.
    threads: Vec<Standing>,
    queue: BTreeSet<(u64, Place, ThreadId)>,
    joined: u64,
    budget: Option<Budget>,
}

impl RealTimeQueue {
    /// Empty lists, for so many cores.
    pub fn new(slice: Option<Duration>, throttle: Option<Throttle>, cores: u32) -> RealTimeQueue {
        let budget = throttle.map(|throttle| Budget::new(throttle, cores));
        RealTimeQueue { slice, threads: Vec::new(), queue: BTreeSet::new(), joined: 0, budget }
    }

    /// Whether normal threads go first.
    fn is_spent(&self) -> bool {
        self.budget.is_some_and(|budget| budget.left() == 0)
    }

    /// The first normal thread, if those go first.
    fn normal(&self) -> Option<(u64, Place, ThreadId)> {
        let normal = self.queue.range((NORMAL, (false, 0), ThreadId(0))..).next();
        normal.copied().filter(|_| self.is_spent())
    }

    fn is_normal(&self, thread: ThreadId) -> bool {
        self.threads[thread.index()].priority >= NORMAL
    }

    /// A thread has used core time.
    fn spend(&mut self, thread: ThreadId, time: Duration) {
        if self.budget.is_some() && !self.is_normal(thread) {
            self.budget.iter_mut().for_each(|budget| budget.spend(time));
        }
    }

    /// Settles what the thread has used of its slice.
    fn use_slice(&mut self, thread: ThreadId, time: Duration) {
        let Some(slice) = self.slice else { return };
        let left = &mut self.threads[thread.index()].left;
        *left = match time.0.checked_sub(left.0) {
            None => *left - time,
            // Slices that ended while nobody waited; zero if the last of them ends now.
            Some(beyond) if beyond.is_multiple_of(slice.0) => Duration::ZERO,
            Some(beyond) => Duration(slice.0 - beyond % slice.0),
        };
    }

    /// A whole slice.
    fn full(&self) -> Duration {
        self.slice.unwrap_or(Duration::FOREVER)
    }
}

/// The priority of a thread, with what it inherits.
fn urgency(of: &Attributes) -> u64 {
    Rank::Priority.of(of, Duration::ZERO)
}

impl Policy for RealTimeQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        let full = self.full();
        if self.next_timer() <= entry.now {
            // Nobody was on a core then, or the period would have ended in time.
            self.timer(entry.now);
        }
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, Standing { priority: 0, place: (false, 0), left: full });
        }
        let standing = &mut self.threads[thread.index()];
        standing.priority = urgency(entry.of);
        if let Some([left, ..]) = entry.carried {
            standing.left = Duration(left as u64);
        }
        let over = standing.left == Duration::ZERO;
        if over || entry.why == Why::New {
            standing.left = full;
        }
        self.joined += 1;
        let place = match entry.why {
            Why::Preempted if !over => (false, u64::MAX - self.joined),
            Why::Preempted | Why::New | Why::Woken | Why::Yielded | Why::Moved => (true, self.joined),
        };
        standing.place = place;
        self.queue.insert((standing.priority, place, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        match self.normal() {
            Some(normal) => self.queue.take(&normal).map(|key| key.2),
            None => self.queue.pop_first().map(|first| first.2),
        }
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        if let Some(normal) = self.normal() {
            let chosen = self.queue.range(normal..).take(most).find(|key| may(key.2)).copied();
            if let Some(chosen) = chosen {
                return self.queue.take(&chosen).map(|key| key.2);
            }
        }
        pop_among(&mut self.queue, most, |key| may(key.2)).map(|key| key.2)
    }

    /// What is left of the slice.
    fn carried(&mut self, thread: ThreadId, _: Time) -> Carried {
        [self.threads[thread.index()].left.0 as i64, 0, 0, 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        self.slice
    }

    fn slice_end(&self, thread: ThreadId, ran: Duration, _: Time) -> Option<Duration> {
        let left = self.threads[thread.index()].left;
        let own = self.slice.map(|slice| {
            let beyond = ran.0.saturating_sub(left.0);
            Duration(left.0.saturating_add(beyond.div_ceil(slice.0).saturating_mul(slice.0)))
        });
        match self.budget {
            Some(budget) if budget.left() > 0 && !self.is_normal(thread) => {
                // Others may be using the same budget: then there is something left, and this is asked again.
                let spent = Duration(budget.left().div_ceil(budget.cores)).max(ran);
                Some(own.map_or(spent, |own| own.min(spent)))
            }
            _ => own,
        }
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Attributes
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, _: Time) {
        self.spend(thread, time);
        self.use_slice(thread, time);
    }

    fn renew(&mut self, thread: ThreadId, ran: Duration, _: Time) -> bool {
        let is_over = |left: Duration, slice: Duration| {
            ran.0.checked_sub(left.0).is_some_and(|beyond| beyond.is_multiple_of(slice.0))
        };
        let over = self.slice.is_some_and(|slice| is_over(self.threads[thread.index()].left, slice));
        let used = self.budget.map_or(0, |budget| budget.used);
        self.spend(thread, ran);
        let full = self.full();
        let priority = self.threads[thread.index()].priority;
        let alone = self.queue.first().is_none_or(|first| first.0 > priority);
        let keeps = (alone || !over) && (self.is_normal(thread) || self.normal().is_none());
        if !keeps {
            // It is settled when the thread leaves its core.
            self.budget.iter_mut().for_each(|budget| budget.used = used);
        } else if over {
            self.threads[thread.index()].left = full;
        } else {
            self.use_slice(thread, ran);
        }
        keeps
    }

    fn slice_is_over(&self, thread: ThreadId, ran: Duration) -> &'static str {
        let spent = self.budget.is_some_and(|budget| budget.left() <= ran.0);
        match self.slice {
            _ if spent && !self.is_normal(thread) => "the runtime of this period is used up",
            None => "its part of the runtime of this period is used up",
            Some(_) => "its slice is over",
        }
    }

    fn contender(&self) -> Option<ThreadId> {
        self.normal().as_ref().or(self.queue.first()).map(|first| first.2)
    }

    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        let normal = self.normal().into_iter().flat_map(|normal| self.queue.range(normal..));
        normal.chain(&self.queue).map(|key| key.2).find(|thread| may(*thread))
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, _: Time) -> Option<u128> {
        let (ready, running) = (urgency(ready.of), urgency(running.of));
        let spent = self.budget.is_some_and(|budget| match running < NORMAL {
            true => budget.left() <= ran.0,
            false => budget.left() == 0,
        });
        match (ready >= NORMAL, running >= NORMAL) {
            (true, false) if spent => Some((NORMAL + ready - running).into()),
            (false, true) if spent => None,
            _ => running.checked_sub(ready).filter(|by| *by > 0).map(u128::from),
        }
    }

    fn next_timer(&self) -> Time {
        self.budget.map_or(Time::NEVER, |budget| budget.next)
    }

    fn timer(&mut self, now: Time) {
        if let Some(budget) = &mut self.budget {
            budget.renew(now);
        }
    }

    fn update(&mut self, thread: ThreadId, of: &Attributes, queued: bool) {
        let Some(standing) = self.threads.get_mut(thread.index()) else { return };
        let before = std::mem::replace(&mut standing.priority, urgency(of));
        if !queued {
            return;
        }
        let was_there = self.queue.remove(&(before, standing.place, thread));
        debug_assert!(was_there, "{thread:?} is in the queue");
        self.joined += 1;
        standing.place = match standing.priority < before {
            true => (true, self.joined),
            false => (false, u64::MAX - self.joined),
        };
        self.queue.insert((standing.priority, standing.place, thread));
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let own = urgency(rivals.chosen.of);
        match rivals.over.map(|over| urgency(over.of)) {
            Some(other) if own >= NORMAL && other < NORMAL => {
                "threads with priorities have had their share of this period".to_owned()
            }
            Some(other) if other != own && Rank::Priority.is_inherited(rivals.chosen.of) => {
                format!("its inherited priority {own} goes before {other}")
            }
            Some(other) if other != own => format!("its priority {own} goes before {other}"),
            _ => format!("it stands first in the list of priority {own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    fn order(ran: u64) -> [Option<ThreadId>; 2] {
        let mut policy = RealTimeQueue::new(Some(Duration(10)), None, 1);
        policy.enqueue(A, entry(Why::New));
        assert_eq!(policy.pick(), Some(A));
        policy.enqueue(B, entry(Why::New));
        policy.ran(A, Duration(ran), Time::ZERO);
        policy.enqueue(A, entry(Why::Preempted));
        [policy.pick(), policy.pick()]
    }

    #[test]
    fn a_thread_that_inherits_urgency_joins_the_tail_and_goes_back_to_the_head() {
        let mut policy = RealTimeQueue::new(None, None, 1);
        let of = |priority, inherited| Attributes { priority, inherited, ..Attributes::DEFAULT };
        for (thread, priority) in [(0, 1), (1, 2), (2, 2)] {
            policy.enqueue(ThreadId(thread), Entry { of: &of(priority, u64::MAX), ..entry(Why::Woken) });
        }
        policy.update(ThreadId(2), &of(2, 1), true);
        let order = |policy: &mut RealTimeQueue| [policy.pick(), policy.pick(), policy.pick()].map(|n| n.unwrap().0);
        assert_eq!(order(&mut policy.clone()), [0, 2, 1]);
        policy.update(ThreadId(2), &of(2, u64::MAX), true);
        assert_eq!(order(&mut policy), [0, 2, 1]);
    }

    #[test]
    fn a_preempted_thread_goes_to_the_head_and_one_whose_slice_is_over_to_the_tail() {
        assert_eq!(order(4), [Some(A), Some(B)]);
        assert_eq!(order(10), [Some(B), Some(A)]);
        assert_eq!(order(30), [Some(B), Some(A)]);
        assert_eq!(order(31), [Some(A), Some(B)]);
    }
}
