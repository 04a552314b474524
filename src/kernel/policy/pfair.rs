//! Pfair scheduling by PD2: every thread with a deadline gets its core time in even portions, one quantum of each window of
//! time. On any number of cores it meets all deadlines of periodic tasks that can be met at all, at the price of many
//! switches.
//!
//! S. K. Baruah et al., "Proportionate progress", 1996; J. H. Anderson and A. Srinivasan, "Mixed Pfair/ERfair scheduling of
//! asynchronous periodic tasks", 2001, from which the order of PD2 is. A burst of e quanta that is due in p quanta is cut
//! into subtasks k = 1..e, each with the window from floor((k - 1) p / e) to ceil(k p / e) after the burst came. A subtask
//! does not run before its window, even if a core is idle.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, At, Bounds, Entry, Policy, Promises, Rivals, Settings, Site, Why, pop_among};
use crate::id::ThreadId;
use crate::kernel::attributes::Needs;
use crate::time::{Duration, Time};

/// Even progress towards every deadline; the value is the quantum, whose multiples are when all cores decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Pfair(pub Duration);

impl Settings for Pfair {
    type State = PfairQueue;

    const ABOUT: About = About {
        spelling: "Pfair(\"1ms\")",
        example: "Pfair(\"100us\")",
        line: "even progress towards every deadline, a quantum in each window of time (PD2)",
    };

    fn build(&self, _: &Site) -> PfairQueue {
        PfairQueue {
            quantum: self.0.0,
            now: 0,
            next: 0,
            open: false,
            eligible: BTreeSet::new(),
            early: BTreeSet::new(),
            joined: 0,
            shares: Vec::new(),
        }
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Index(0)], self.0);
    }

    fn promises(&self) -> Promises {
        Promises { preempts: true, deadlines: true, idles: true, ..Promises::default() }
    }
}

impl fmt::Display for Pfair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pfair(\"{}\")", self.0)
    }
}

/// The order of subtasks: the earlier end of the window first; then whose window overlaps the next one; then the later
/// group deadline, after which a forced choice of windows ends; then who came first.
type Urgency = (u64, bool, Reverse<u64>, u64);

/// What a burst gets: times in quanta.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Share {
    /// When it came.
    from: u64,
    /// Length, at least 1.
    time: u64,
    /// From `from` to the deadline, at least `time`; `None` if nobody waits for it.
    due: Option<u64>,
    /// Quanta that it has had, and core time of the one that has begun.
    done: u64,
    part: u64,
    joined: u64,
}

impl Share {
    /// When the window of the next subtask begins.
    fn release(&self) -> u64 {
        match self.due {
            None => self.from,
            Some(due) => self.from.saturating_add(product(self.done, due) / self.time),
        }
    }

    /// How urgent the next subtask is.
    fn urgency(&self) -> Urgency {
        let Some(due) = self.due else { return (u64::MAX, false, Reverse(0), self.joined) };
        let subtask = self.done + 1;
        let end = product(subtask, due).div_ceil(self.time);
        let overlaps = !product(subtask, due).is_multiple_of(self.time);
        let after = |time: u64| self.from.saturating_add(time);
        // Windows of two quanta follow each other if the share is at least one half: the first of a run of them decides
        // about all.
        let group = if 2 * u128::from(self.time) < u128::from(due) || due == self.time {
            0
        } else {
            let free = due - self.time;
            let holes = product(end, free).div_ceil(due);
            after(product(holes, due).div_ceil(free))
        };
        (after(end), !overlaps, Reverse(group), self.joined)
    }
}

fn product(a: u64, b: u64) -> u64 {
    a.saturating_mul(b)
}

/// The ready threads whose windows have begun, and those whose have not.
#[derive(Clone, Debug, Hash)]
pub struct PfairQueue {
    quantum: u64,
    /// The latest time that it was told, and the boundary that comes next.
    now: u64,
    next: u64,
    /// Whether this is the instant of a boundary, at which cores are given away.
    open: bool,
    eligible: BTreeSet<(Urgency, ThreadId)>,
    early: BTreeSet<(u64, ThreadId)>,
    joined: u64,
    /// By thread number.
    shares: Vec<Share>,
}

impl PfairQueue {
    fn pass(&mut self, now: Time) {
        if now.0 > self.now {
            self.now = now.0;
            self.open = false;
            self.next = self.next.max(now.0.div_ceil(self.quantum).saturating_mul(self.quantum));
        }
    }

    /// Windows begin.
    fn release(&mut self) {
        let passed = self.now / self.quantum;
        while let Some(&(_, thread)) = self.early.first().filter(|first| first.0 <= passed) {
            self.early.pop_first();
            self.eligible.insert((self.shares[thread.index()].urgency(), thread));
        }
    }
}

impl Policy for PfairQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.pass(entry.now);
        if self.shares.len() <= thread.index() {
            self.shares.resize(thread.index() + 1, Share::default());
        }
        // A burst that turns out longer than it could be known to be is one more.
        let over = |share: &Share| share.done >= share.time;
        if matches!(entry.why, Why::New | Why::Woken) || self.shares.get(thread.index()).is_some_and(over) {
            self.joined += 1;
            let of = entry.of;
            let time = of.remaining.0.div_ceil(self.quantum).max(1);
            let from = entry.now.0.div_ceil(self.quantum);
            let due =
                (of.deadline < Time::NEVER).then(|| (of.deadline.0 / self.quantum).saturating_sub(from).max(time));
            self.shares[thread.index()] = Share { from, time, due, done: 0, part: 0, joined: self.joined };
        }
        let share = self.shares[thread.index()];
        self.early.insert((share.release(), thread));
        if self.open {
            self.release();
        }
    }

    fn pick(&mut self) -> Option<ThreadId> {
        if self.open { self.eligible.pop_first().map(|first| first.1) } else { None }
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let most = if self.open { most } else { 0 };
        pop_among(&mut self.eligible, most, |key| may(key.1)).map(|key| key.1)
    }

    fn waiting(&self) -> usize {
        self.eligible.len() + self.early.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        Some(Duration(self.quantum))
    }

    fn slice_end(&self, _: ThreadId, ran: Duration, now: Time) -> Option<Duration> {
        // From the dispatch to the next multiple of the quantum, which is now if that has come while it ran.
        let boundary = if ran == Duration::ZERO { now.0 + 1 } else { now.0 }.div_ceil(self.quantum);
        Some(ran + Duration(boundary.saturating_mul(self.quantum) - now.0))
    }

    fn honors_yield(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::Demand
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, now: Time) {
        self.pass(now);
        let share = &mut self.shares[thread.index()];
        share.part += time.0;
        share.done += share.part / self.quantum;
        share.part %= self.quantum;
    }

    fn first(&self) -> Option<ThreadId> {
        self.eligible.first().map(|first| first.1)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let of = |thread: ThreadId| self.shares.get(thread.index()).copied().unwrap_or_default();
        let own = of(rivals.chosen.thread).urgency();
        let end = |urgency: Urgency| match urgency.0 {
            u64::MAX => "no deadline".to_owned(),
            end => format!("a window that ends at {}", Duration(end.saturating_mul(self.quantum))),
        };
        match rivals.over.map(|over| of(over.thread)) {
            Some(over) if over.release() > self.now / self.quantum => {
                "the window of the other has not begun".to_owned()
            }
            None => format!("{} is the first to end", end(own)),
            Some(over) if over.urgency().0 != own.0 => format!("{} goes before {}", end(own), end(over.urgency())),
            Some(over) if over.urgency().1 != own.1 => format!("both have {}, but its next one overlaps it", end(own)),
            Some(over) if over.urgency().2 != own.2 => format!("both have {}, but its group ends later", end(own)),
            Some(_) => format!("both have {}, and it came first", end(own)),
        }
    }

    fn next_timer(&self) -> Time {
        Time(self.next)
    }

    fn timer(&mut self, now: Time) {
        self.pass(now);
        if self.next > now.0 {
            return; // Boundaries passed while nobody was there, and this is none.
        }
        self.open = true;
        self.next = self.next.saturating_add(self.quantum);
        self.release();
    }
}
