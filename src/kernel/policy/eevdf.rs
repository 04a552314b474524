//! Earliest eligible virtual deadline first, as Linux has it since 6.6 (`kernel/sched/fair.c`; rules of 6.18).
//!
//! Every thread asks for slices of core time. Its virtual time grows with its core time, more slowly for a greater weight;
//! the average of all that compete, weighted, is what it should be. Who is not ahead of the average is eligible, and of
//! those the one whose present slice has to be over first runs: its virtual deadline is a slice beyond its virtual time.
//! The distance to the average, the lag, is kept through sleep, so that nobody gains by sleeping or loses by it.
//!
//! Simplification: no groups, no buddies; another weight or slice counts from the next time a thread is ready; ticks come at
//! the same times on all cores; under one run queue for all cores the average is that of all threads.

mod standing;

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use self::standing::{NOBODY, Stand, Standing};
use super::average::Average;
use super::deadlines::{Deadlines, Place};
use super::linux::{LEAST_SLICE, MOST_SLICE, WakeupPreemption, factor, next_tick, tick, virtual_time, weight};
use super::{About, Ask, At, Bounds, Carried, Entry, Known, Policy, Promises, Rivals, Settings, Site, Why};
use crate::id::ThreadId;
use crate::kernel::attributes::Needs;
use crate::time::{Duration, Time};

/// Of one core (`sysctl_sched_base_slice`).
const BASE_SLICE: u64 = 700_000;

/// Earliest eligible virtual deadline first: equal shares with latencies by slice, like Linux since 6.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eevdf {
    /// The slice of threads that do not ask for one; if left out, 0.7 ms times 1 + log2 of the cores, at most 4.
    #[serde(default)]
    pub slice: Option<Duration>,
    /// What a thread that wakes may do.
    #[serde(default)]
    pub wakeup_preemption: WakeupPreemption,
    /// From one tick of the clock to the next: slices end at ticks.
    #[serde(default = "tick")]
    pub tick: Duration,
}

impl Settings for Eevdf {
    type State = EevdfQueue;

    const ABOUT: About = About {
        spelling: "Eevdf([slice: time], [wakeup_preemption: On], [tick: \"4ms\"])",
        example: "Eevdf()",
        line: "Linux since 6.6: of those who had no more than their share, the earliest virtual deadline",
    };

    const PER_CORE: bool = true;

    const ASKS: &'static [Ask] = &[Ask::Nice, Ask::Slice(LEAST_SLICE, MOST_SLICE)];

    fn build(&self, site: &Site) -> EevdfQueue {
        EevdfQueue {
            base: self.slice.map_or(BASE_SLICE * factor(site.cores), |slice| slice.0),
            tick: self.tick.0,
            wakeup_preemption: self.wakeup_preemption,
            threads: Vec::new(),
            ready: Deadlines::new(),
            lingering: BTreeSet::new(),
            running: Vec::new(),
            leaving: None,
            waiting: 0,
            joined: 0,
            sums: Average::default(),
            now: Time::ZERO,
        }
    }

    fn check(&self, bounds: &mut Bounds) {
        if let Some(slice) = self.slice {
            bounds.slice(&[At::Field("slice")], slice);
        }
        bounds.time(&[At::Field("tick")], self.tick, "ticks need time between them", "such as \"4ms\"");
    }

    /// Shares and lags are judged in figures, not record by record.
    fn promises(&self) -> Promises {
        Promises { preempts: true, ..Promises::default() }
    }
}

impl fmt::Display for Eevdf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slice = self.slice.map(|slice| format!("slice: \"{slice}\""));
        let preemption = self.wakeup_preemption;
        let preemption = (preemption != WakeupPreemption::On).then(|| format!("wakeup_preemption: {preemption:?}"));
        let tick = (self.tick != tick()).then(|| format!("tick: \"{}\"", self.tick));
        let all: Vec<String> = [slice, preemption, tick].into_iter().flatten().collect();
        write!(f, "Eevdf({})", all.join(", "))
    }
}

/// Virtual times and deadlines, and the ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct EevdfQueue {
    /// In nanoseconds.
    base: u64,
    tick: u64,
    wakeup_preemption: WakeupPreemption,
    /// By thread number.
    threads: Vec<Standing>,
    /// Those who are `Ready`.
    ready: Deadlines,
    /// Virtual times of those who are `Lingering`.
    lingering: BTreeSet<(i64, ThreadId)>,
    running: Vec<ThreadId>,
    leaving: Option<ThreadId>,
    /// How many are `Ready`.
    waiting: usize,
    joined: u64,
    /// Over all who are not `Away`.
    sums: Average,
    /// The latest instant that anybody spoke of.
    now: Time,
}

impl EevdfQueue {
    fn of(&self, thread: ThreadId) -> &Standing {
        &self.threads[thread.index()]
    }

    fn average(&self) -> i64 {
        self.sums.at(self.now)
    }

    /// Virtual time and deadline of a running thread after so much core time, and whether its slice is used up.
    fn after(&self, thread: ThreadId, ran: Duration) -> (i64, i64, bool) {
        let of = self.of(thread);
        let time = of.time + virtual_time(ran.0, of.weight) as i64;
        if time < of.deadline { (time, of.deadline, false) } else { (time, time + request(of), true) }
    }

    /// The virtual time of somebody who competes, and is not in the order of deadlines, changes.
    fn set(&mut self, thread: ThreadId, time: i64, deadline: i64) {
        let of = &mut self.threads[thread.index()];
        self.sums.change(of.weight, time - of.time);
        (of.time, of.deadline) = (time, deadline);
    }

    fn line_up(&mut self, thread: ThreadId) {
        self.joined += 1;
        let of = &mut self.threads[thread.index()];
        of.joined = self.joined;
        let place = Place { key: (of.deadline, of.joined), time: of.time, slice: of.slice };
        self.ready.insert(thread, place);
    }

    /// Whoever gave up its core did not come back: it is away, or lingers. Who lingered until the average reached it is away.
    fn settle(&mut self) {
        if let Some(thread) = self.leaving.take() {
            let of = &mut self.threads[thread.index()];
            if of.lag < 0 {
                of.stand = Stand::Lingering;
                self.lingering.insert((of.time, thread));
            } else {
                self.part(thread);
            }
        }
        // An idle core waits for nobody: its debtors stay debtors.
        let idle = self.waiting == 0 && self.running.is_empty();
        // The time of a lingering thread stands still, so that it makes no difference how late this is noticed.
        while let Some(&(time, thread)) = self.lingering.first()
            && (idle || time <= self.average())
        {
            if !idle {
                self.threads[thread.index()].lag = 0;
            }
            self.bury(thread);
        }
    }

    /// It competes no longer, and its lag stays as it is.
    fn part(&mut self, thread: ThreadId) {
        let of = &mut self.threads[thread.index()];
        of.stand = Stand::Away;
        self.sums.part(of.weight, of.time, self.now);
    }

    /// A lingering thread is away at last.
    fn bury(&mut self, thread: ThreadId) {
        self.lingering.remove(&(self.of(thread).time, thread));
        self.part(thread);
    }

    /// Somebody who was away competes from now on: as far from the average as it was, once it is part of the average.
    fn arrive(&mut self, thread: ThreadId, lag: i64, request: i64) {
        let average = self.average();
        let of = &mut self.threads[thread.index()];
        let others = i128::from(self.sums.weight);
        let lag = if others == 0 { 0 } else { i128::from(lag) * (others + i128::from(of.weight)) / others };
        of.time = average - lag as i64;
        of.deadline = of.time + request;
        self.sums.join(of.weight, of.time);
    }

    /// The waiting thread that is to run instead of a running one with this time and deadline.
    fn rival(&self, running: ThreadId, (time, deadline): (i64, i64), guarded: bool) -> Option<ThreadId> {
        let average = self.average();
        let eligible = time <= average;
        if eligible && guarded && time < self.of(running).protected {
            return None;
        }
        let best = self.ready.first_within(average)?;
        (!eligible || self.of(best).deadline <= deadline).then_some(best)
    }

    /// Whether the ready thread is to run instead of the running one, and whether that is for its shorter slice.
    fn beats(&self, ready: ThreadId, running: ThreadId, ran: Duration) -> (bool, bool) {
        let short = self.of(ready).slice < self.of(running).slice && self.of(ready).time <= self.average();
        let (time, deadline, _) = self.after(running, ran);
        (self.rival(running, (time, deadline), !short) == Some(ready), short)
    }

    /// A ready thread gets a core.
    fn leave(&mut self, thread: ThreadId) {
        self.ready.remove(thread);
        self.waiting -= 1;
        let least = self.ready.least_slice();
        let of = &mut self.threads[thread.index()];
        of.stand = Stand::Running;
        of.urged = false;
        of.protected = of.deadline;
        if least < of.slice {
            of.protected = of.deadline.min(of.time + virtual_time(least, of.weight) as i64);
        }
        self.running.push(thread);
    }

    /// Somebody joined: those who run hear of it.
    fn announce(&mut self, thread: ThreadId) {
        for place in 0..self.running.len() {
            let running = self.running[place];
            let ran = self.now.since(self.of(running).since.min(self.now));
            let (beaten, short) = self.beats(thread, running, ran);
            let (time, ..) = self.after(running, ran);
            let least = self.ready.least_slice();
            let of = &mut self.threads[running.index()];
            if beaten && self.wakeup_preemption != WakeupPreemption::Off {
                of.urged = true;
                of.protected = if short { i64::MIN } else { of.protected };
            } else {
                of.protected = of.protected.min(time + virtual_time(least, of.weight) as i64);
            }
        }
    }
}

/// What a slice is in virtual time.
fn request(of: &Standing) -> i64 {
    virtual_time(of.slice, of.weight) as i64
}

/// No lag is remembered beyond this.
fn limit(of: &Standing, tick: u64) -> i64 {
    virtual_time((2 * of.slice).max(tick), of.weight) as i64
}

impl Policy for EevdfQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.now = entry.now;
        // A thread that stays has never been away.
        let stays = self.leaving == Some(thread) && matches!(entry.why, Why::Preempted | Why::Yielded);
        if stays {
            self.leaving = None;
        } else {
            self.settle();
        }
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, NOBODY);
        }
        match self.of(thread).stand {
            // The number belongs to somebody new, or it lingered elsewhere, too.
            Stand::Lingering if entry.why == Why::New || entry.carried.is_some() => self.bury(thread),
            Stand::Lingering => drop(self.lingering.remove(&(self.of(thread).time, thread))),
            _ => {}
        }
        let competes = self.of(thread).stand != Stand::Away;
        if !competes {
            let of = &mut self.threads[thread.index()];
            of.weight = weight(entry.of.nice);
            of.slice = entry.of.slice.map_or(self.base, |slice| slice.clamp(LEAST_SLICE, MOST_SLICE).0);
            let whole = request(of);
            // Newcomers begin in the middle of a slice.
            let (lag, ask) = match (entry.why, entry.carried) {
                (Why::New, _) => (0, whole / 2),
                (Why::Woken, Some([lag, ..])) => (lag, whole),
                (_, Some([lag, left, ..])) => (lag, left),
                (_, None) => (of.lag, whole),
            };
            self.arrive(thread, lag, ask);
        } else if entry.why == Why::Yielded && self.of(thread).time <= self.average() {
            let of = self.of(thread);
            let (end, whole) = (of.deadline, request(of));
            self.set(thread, end, end + whole);
        }
        self.line_up(thread);
        self.threads[thread.index()].stand = Stand::Ready;
        self.waiting += 1;
        if matches!(entry.why, Why::New | Why::Woken) {
            self.announce(thread);
        }
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.settle();
        // On a shared queue those who are eligible may all be running.
        let first = self.ready.first_within(self.average());
        let thread = first.or_else(|| self.ready.find(&mut |_| true))?;
        self.leave(thread);
        Some(thread)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        self.settle();
        let mut looks = 0;
        let mut look = |thread| {
            looks += 1;
            looks > most || may(thread)
        };
        let thread = self.ready.find(&mut look).filter(|_| looks <= most)?;
        self.leave(thread);
        Some(thread)
    }

    /// Lag, and what is left to the deadline.
    fn carried(&mut self, thread: ThreadId, now: Time) -> Carried {
        self.now = now;
        self.settle();
        let average = self.average();
        let limit = limit(self.of(thread), self.tick);
        let of = &mut self.threads[thread.index()];
        if of.stand == Stand::Running {
            of.lag = (average - of.time).clamp(-limit, limit);
            self.running.retain(|running| *running != thread);
            self.part(thread);
        } else if of.stand == Stand::Lingering {
            of.lag = (average - of.time).clamp(-limit, 0);
            self.bury(thread);
        }
        let of = self.of(thread);
        [of.lag, of.deadline - of.time, 0, 0]
    }

    fn waiting(&self) -> usize {
        self.waiting
    }

    fn slice(&self, thread: ThreadId) -> Option<Duration> {
        Some(Duration(self.of(thread).slice))
    }

    /// The next tick: whether the slice is over is seen there.
    fn slice_end(&self, _: ThreadId, ran: Duration, now: Time) -> Option<Duration> {
        let from = Time(now.0 - ran.0);
        Some(next_tick(self.tick, from, now).since(from))
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Shares
    }

    fn began(&mut self, thread: ThreadId, now: Time) {
        self.now = now;
        self.threads[thread.index()].since = now;
        self.sums.start(now);
    }

    fn ran(&mut self, thread: ThreadId, ran: Duration, now: Time) {
        self.now = now;
        self.settle();
        let (time, deadline, _) = self.after(thread, ran);
        let since = std::mem::replace(&mut self.threads[thread.index()].since, Time::NEVER);
        self.sums.stop(since);
        self.set(thread, time, deadline);
        let average = self.average();
        let of = &mut self.threads[thread.index()];
        let limit = limit(of, self.tick);
        of.lag = (average - of.time).clamp(-limit, limit);
        of.stand = Stand::Leaving;
        self.running.retain(|running| *running != thread);
        self.leaving = Some(thread);
    }

    fn renew(&mut self, thread: ThreadId, ran: Duration, now: Time) -> bool {
        self.now = now;
        self.settle();
        let (time, deadline, used) = self.after(thread, ran);
        let of = self.of(thread);
        let due = used || of.urged || time >= of.protected;
        if due && self.rival(thread, (time, deadline), true).is_some() {
            return false;
        }
        let since = std::mem::replace(&mut self.threads[thread.index()].since, now);
        self.sums.stop(since);
        self.sums.start(now);
        self.set(thread, time, deadline);
        true
    }

    fn preempts_on_wake(&self) -> bool {
        self.wakeup_preemption == WakeupPreemption::On
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, _: Time) -> Option<u128> {
        let (beats, _) = self.beats(ready.thread, running.thread, ran);
        let (time, ..) = self.after(running.thread, ran);
        beats.then(|| 1 + time.saturating_sub(self.of(ready.thread).time).max(0) as u128)
    }

    fn slice_is_over(&self, thread: ThreadId, ran: Duration) -> &'static str {
        let (_, _, used) = self.after(thread, ran);
        if used { "its slice is over" } else { "a tick of its slice is over" }
    }

    fn first(&self) -> Option<ThreadId> {
        self.ready.first_within(self.average()).or_else(|| self.ready.find(&mut |_| true))
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let average = self.sums.at(rivals.now);
        let time = |known: Known<'_>| self.after(known.thread, rivals.ran(known.thread)).0;
        match rivals.over.map(time) {
            Some(time) if time > average => "the other has had more than its share".to_owned(),
            Some(_) => "neither has had more than its share, and its virtual deadline comes first".to_owned(),
            None => "of those who had no more than their share its virtual deadline comes first".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
