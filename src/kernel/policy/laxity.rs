//! Laxity: what is left until the deadline of a thread, less what is left of its burst. A thread without laxity meets its
//! deadline only if it runs from now on.
//!
//! For earliest deadline first until zero laxity (EDZL), which meets on several cores whatever global EDF meets, and more:
//! S. K. Lee, "On-line multiprocessor scheduling algorithms for real-time tasks", 1994; M. Cirinei and T. P. Baker, "EDZL
//! scheduling analysis", 2007.

use std::collections::BTreeSet;

use super::Known;
use crate::id::ThreadId;
use crate::kernel::attributes::Attributes;
use crate::time::{Duration, Time};

/// Threads in the queue by when they can no longer wait.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Laxity {
    waiting: BTreeSet<(Time, ThreadId)>,
    /// By thread number.
    standings: Vec<Standing>,
}

#[derive(Clone, Copy, Debug, Hash)]
struct Standing {
    /// When it can no longer wait, as of when it joined the queue.
    latest: Time,
    /// Core time that was settled since then.
    used: Duration,
}

/// When a thread can no longer wait that has had `ran` of its burst.
fn latest(of: &Attributes, ran: Duration) -> Time {
    if of.deadline == Time::NEVER {
        return Time::NEVER;
    }
    Time(of.deadline.0.saturating_sub(of.remaining.0.saturating_sub(ran.0)))
}

impl Laxity {
    /// The thread joins the queue.
    pub fn join(&mut self, thread: ThreadId, of: &Attributes, now: Time) {
        let standing = Standing { latest: latest(of, Duration::ZERO), used: Duration::ZERO };
        if self.standings.len() <= thread.index() {
            self.standings.resize(thread.index() + 1, standing);
        }
        self.standings[thread.index()] = standing;
        if now < standing.latest && standing.latest < Time::NEVER {
            self.waiting.insert((standing.latest, thread));
        }
    }

    /// It leaves it.
    pub fn leave(&mut self, thread: ThreadId) {
        self.waiting.remove(&(self.standings[thread.index()].latest, thread));
    }

    /// It has used core time.
    pub fn ran(&mut self, thread: ThreadId, time: Duration) {
        self.standings[thread.index()].used += time;
    }

    /// Its deadline, or 0 if it cannot wait, or what it inherits if that is less. `ran` is not settled yet.
    pub fn number(&self, known: Known<'_>, ran: Duration, now: Time) -> u64 {
        let used = self.standings.get(known.thread.index()).map_or(Duration::ZERO, |standing| standing.used);
        let own = if latest(known.of, used + ran) <= now { 0 } else { known.of.deadline.0 };
        own.min(known.of.inherited)
    }

    /// When the next thread can no longer wait. Without any it is later than anything that can come, but not never: a policy
    /// that has no timer says so.
    pub fn next(&self) -> Time {
        self.waiting.first().map_or(Time(Time::NEVER.0 - 1), |first| first.0)
    }

    /// A thread that can no longer wait at `now`; it is told once.
    pub fn due(&mut self, now: Time) -> Option<ThreadId> {
        let first = *self.waiting.first().filter(|first| first.0 <= now)?;
        self.waiting.remove(&first);
        Some(first.1)
    }
}
