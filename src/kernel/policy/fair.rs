//! Shares by weight, like Linux before 6.6: the thread that has had the least core time for its weight runs next.
//!
//! The rules and figures are those of the Completely Fair Scheduler (`kernel/sched/fair.c`, 2.6.23 to 6.5). A thread that
//! slept gets at most half a period of credit, and preempts at once if it is far enough behind whoever runs: that is why
//! interactive threads see little of the hogs beside them. A thread that goes to the queue of another core keeps its distance
//! from the floor of the queue.
//!
//! Simplification: no groups, no buddies but the one that yields; a thread of another weight than before has it from the
//! next time it is ready; ticks are counted from the dispatch of a thread, where Linux has a fixed grid.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::linux::{UNIT, factor, virtual_time, weight};
use super::{About, Ask, Carried, Entry, Known, Policy, Promises, Rivals, Settings, Site, Why, pop_among};
use crate::id::ThreadId;
use crate::kernel::attributes::Needs;
use crate::time::{Duration, Time};

/// Slices are enforced at timer ticks (`CONFIG_HZ` 250).
const TICK: u64 = 4_000_000;
const LATENCY: u64 = 6_000_000;
const MIN_GRANULARITY: u64 = 750_000;
const WAKEUP_GRANULARITY: u64 = 1_000_000;
/// More threads than this stretch the period.
const MOST_IN_PERIOD: u64 = LATENCY / MIN_GRANULARITY;

/// Shares by `nice`, preemptive, like Linux before 6.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Fair;

impl Settings for Fair {
    type State = FairQueue;

    const ABOUT: About = About {
        spelling: "Fair",
        example: "Fair",
        line: "shares by `nice`, like Linux before 6.6: who had least core time for its weight runs next",
    };

    const PER_CORE: bool = true;

    const ASKS: &'static [Ask] = &[Ask::Nice];

    fn build(&self, site: &Site) -> FairQueue {
        FairQueue::new(site)
    }

    /// Fair shares are judged in figures, not record by record.
    fn promises(&self) -> Promises {
        Promises { preempts: true, ..Promises::default() }
    }
}

impl fmt::Display for Fair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fair")
    }
}

#[derive(Clone, Copy, Debug, Hash)]
struct Standing {
    weight: u64,
    /// Virtual.
    time: u64,
    /// Core time since its dispatch that is already in `time`.
    had: u64,
    /// From when on its core time is not yet in `time`; [`Time::NEVER`] if it does not execute.
    since: Time,
}

const NOBODY: Standing = Standing { weight: UNIT, time: 0, had: 0, since: Time::NEVER };

/// Virtual run times, and the ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct FairQueue {
    factor: u64,
    /// Cores that take threads from this queue.
    serves: u64,
    /// By thread number.
    threads: Vec<Standing>,
    /// (virtual time, order of arrival, thread).
    queue: BTreeSet<(u64, u64, ThreadId)>,
    /// The weight of all that wait or run.
    load: u64,
    running: Vec<ThreadId>,
    /// Gave way: somebody else goes first if it is not far ahead.
    yielded: Option<ThreadId>,
    arrivals: u64,
    /// The least virtual time of all that compete, as far as it has come: never runs back.
    floor: u64,
}

impl FairQueue {
    /// An empty queue.
    pub fn new(site: &Site) -> FairQueue {
        FairQueue {
            factor: factor(site.cores),
            serves: u64::from(site.serves),
            threads: Vec::new(),
            queue: BTreeSet::new(),
            load: 0,
            running: Vec::new(),
            yielded: None,
            arrivals: 0,
            floor: 0,
        }
    }

    fn of(&self, thread: ThreadId) -> &Standing {
        &self.threads[thread.index()]
    }

    /// The virtual time of a running thread after so much more core time.
    fn after(&self, thread: ThreadId, ran: Duration) -> u64 {
        let of = self.of(thread);
        of.time + virtual_time(ran.0, of.weight)
    }

    /// The floor follows the least of those who run and who wait.
    fn lift_floor(&mut self, now: Time) {
        let running = self.running.iter().map(|thread| {
            let since = self.of(*thread).since.min(now);
            self.after(*thread, now.since(since))
        });
        let first = self.queue.first().map(|first| first.0);
        self.floor = running.chain(first).min().map_or(self.floor, |least| self.floor.max(least));
    }

    /// The same where the only one that is not in the queue has this virtual time.
    fn lift_floor_to(&mut self, time: u64) {
        if self.running.is_empty() {
            let first = self.queue.first().map_or(u64::MAX, |first| first.0);
            self.floor = self.floor.max(time.min(first));
        }
    }

    /// What a thread of this weight may run of the period that all on a core share. A newcomer is not among them yet.
    fn share(&self, weight: u64, is_new: bool) -> u64 {
        let (others, newcomer) = if is_new { (1, weight) } else { (0, 0) };
        let sharing = ((self.queue.len() + self.running.len()) as u64 + others).div_ceil(self.serves);
        let all = ((self.load + newcomer) / self.serves).max(weight);
        let period = if sharing > MOST_IN_PERIOD { sharing * MIN_GRANULARITY } else { LATENCY } * self.factor;
        (period * weight / all).max(MIN_GRANULARITY * self.factor)
    }

    /// The thread does not run, if it ever did.
    fn stop(&mut self, thread: ThreadId) {
        if let Some(place) = self.running.iter().position(|running| *running == thread) {
            self.running.swap_remove(place);
            self.load -= self.of(thread).weight;
        }
    }

    fn leave(&mut self, key: (u64, u64, ThreadId)) -> ThreadId {
        let (time, _, thread) = key;
        self.threads[thread.index()].had = 0;
        self.lift_floor_to(time);
        self.running.push(thread);
        self.yielded = None;
        thread
    }
}

impl Policy for FairQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.lift_floor(entry.now);
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, NOBODY);
        }
        let weight = weight(entry.of.nice);
        let debit = if entry.why == Why::New { virtual_time(self.share(weight, true), weight) } else { 0 };
        let (floor, credit) = (self.floor, LATENCY * self.factor / 2);
        let of = &mut self.threads[thread.index()];
        of.weight = weight;
        if let Some([beyond, ..]) = entry.carried {
            of.time = floor.saturating_add_signed(beyond);
        }
        match entry.why {
            // A newcomer waits for its turn.
            Why::New => of.time = floor + debit,
            Why::Woken => of.time = of.time.max(floor.saturating_sub(credit)),
            Why::Yielded => self.yielded = Some(thread),
            Why::Preempted | Why::Moved => {}
        }
        self.queue.insert((of.time, self.arrivals, thread));
        self.load += weight;
        self.arrivals += 1;
    }

    fn pick(&mut self) -> Option<ThreadId> {
        let key = self.queue.pop_first()?;
        if self.yielded == Some(key.2)
            && let Some(second) = self.queue.first().copied()
            && second.0 - key.0 <= virtual_time(WAKEUP_GRANULARITY * self.factor, self.of(second.2).weight)
        {
            self.queue.insert(key);
            self.queue.remove(&second);
            return Some(self.leave(second));
        }
        Some(self.leave(key))
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let key = pop_among(&mut self.queue, most, |key| may(key.2))?;
        Some(self.leave(key))
    }

    /// Virtual time beyond the floor.
    fn carried(&mut self, thread: ThreadId, now: Time) -> Carried {
        self.stop(thread);
        self.lift_floor(now);
        [self.of(thread).time as i64 - self.floor as i64, 0, 0, 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, thread: ThreadId) -> Option<Duration> {
        Some(Duration(self.share(self.of(thread).weight, false)))
    }

    /// The next tick: whether the slice is over is seen there.
    fn slice_end(&self, _: ThreadId, ran: Duration, _: Time) -> Option<Duration> {
        Some(Duration(ran.0.div_ceil(TICK).max(1) * TICK))
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Shares
    }

    fn began(&mut self, thread: ThreadId, now: Time) {
        self.threads[thread.index()].since = now;
    }

    fn ran(&mut self, thread: ThreadId, ran: Duration, _: Time) {
        let time = self.after(thread, ran);
        let of = &mut self.threads[thread.index()];
        (of.time, of.since) = (time, Time::NEVER);
        self.stop(thread);
        self.lift_floor_to(time);
    }

    /// A thread that had its share, or is far ahead of the first one that waits, loses its core unless it is still behind.
    fn renew(&mut self, thread: ThreadId, ran: Duration, now: Time) -> bool {
        let (time, had) = (self.after(thread, ran), self.of(thread).had + ran.0);
        let share = self.share(self.of(thread).weight, false);
        let first = self.queue.first().map_or(u64::MAX, |first| first.0);
        let ahead = time.saturating_sub(first);
        let due = had > share || had >= MIN_GRANULARITY * self.factor && ahead > share;
        if due && time >= first {
            return false;
        }
        let of = &mut self.threads[thread.index()];
        (of.time, of.had, of.since) = (time, had, now);
        true
    }

    fn preempts_on_wake(&self) -> bool {
        true
    }

    fn preempts(&self, woken: Known<'_>, running: Known<'_>, ran: Duration, _: Time) -> Option<u128> {
        let woken = self.of(woken.thread);
        let behind = self.after(running.thread, ran).checked_sub(woken.time)?;
        (behind > virtual_time(WAKEUP_GRANULARITY * self.factor, woken.weight)).then_some(behind.into())
    }

    fn slice_is_over(&self, thread: ThreadId, ran: Duration) -> &'static str {
        let of = self.of(thread);
        match of.had + ran.0 > self.share(of.weight, false) {
            true => "its slice is over",
            false => "a tick of its slice is over",
        }
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.2)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let time = |known: Known<'_>| self.after(known.thread, rivals.ran(known.thread));
        let own = time(rivals.chosen);
        match rivals.over.map(time) {
            Some(other) if other < own => "the other gave way, or is not far enough behind".to_owned(),
            Some(other) => format!("its virtual time is {} behind the other's", Duration(other - own)),
            None => "its virtual time is the least".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{entry, known};
    use super::*;
    use crate::kernel::attributes::Attributes;

    fn site(cores: u32) -> Site {
        Site { cores, serves: 1, number: 0, seed: 1 }
    }

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    fn at(why: Why, now: u64) -> Entry<'static> {
        Entry { now: Time(now), ..entry(why) }
    }

    /// A runs from 0 on, alone.
    fn running(cores: u32) -> FairQueue {
        let mut fair = FairQueue::new(&site(cores));
        fair.enqueue(A, entry(Why::New));
        assert_eq!(fair.pick(), Some(A));
        fair.began(A, Time::ZERO);
        fair
    }

    fn ms(ms: u64) -> u64 {
        ms * 1_000_000
    }

    #[test]
    fn who_had_least_for_its_weight_runs_next() {
        let of = |nice| Attributes { nice, ..Attributes::DEFAULT };
        let mut fair = FairQueue::new(&site(1));
        fair.enqueue(A, Entry { of: &of(-5), ..entry(Why::New) });
        fair.enqueue(B, Entry { of: &of(0), ..entry(Why::New) });
        let mut had = [0, 0];
        for tick in 0..10_000 {
            let thread = fair.pick().expect("two are ready");
            fair.began(thread, Time(tick * TICK));
            fair.ran(thread, Duration(TICK), Time((tick + 1) * TICK));
            had[thread.index()] += 1;
            let of = of(if thread == A { -5 } else { 0 });
            fair.enqueue(thread, Entry { why: Why::Preempted, now: Time((tick + 1) * TICK), of: &of, carried: None });
        }
        let share = f64::from(had[0]) / 10_000.0;
        assert!((share - 3_121.0 / 4_145.0).abs() < 0.001, "{share}");
    }

    #[test]
    fn a_sleeper_gets_half_a_period_of_credit_and_preempts_whoever_is_far_ahead() {
        let mut fair = running(1);
        fair.enqueue(B, at(Why::New, 0));
        assert_eq!(fair.of(B).time - fair.of(A).time, ms(3), "a newcomer waits for its share of the period");
        assert_eq!(fair.pick_among(1, &mut |_| true), Some(B));
        fair.began(B, Time::ZERO);
        fair.ran(B, Duration::ZERO, Time::ZERO);
        // Nobody asked in the meantime, but A has had 100 ms.
        fair.enqueue(B, at(Why::Woken, ms(100)));
        assert_eq!(fair.of(B).time - fair.of(A).time, ms(97));
        let behind = |ran| fair.preempts(known(B), known(A), Duration::us(ran), Time::ZERO);
        assert_eq!([behind(98_000), behind(98_001)], [None, Some(1_001_000)]);
    }

    #[test]
    fn slices_end_at_ticks_when_the_share_is_used_up_or_somebody_is_far_behind() {
        for (cores, ticks) in [(1, 1), (8, 4)] {
            let mut fair = running(cores);
            fair.enqueue(B, entry(Why::New));
            let share = fair.slice(A).expect("there are slices").0;
            assert_eq!(share, 3_000_000 * factor(cores));
            let mut now = 0;
            while fair.renew(A, Duration(TICK), Time(now + TICK)) {
                now += TICK;
                assert_eq!(fair.slice_end(A, Duration::ZERO, Time(now)), Some(Duration(TICK)));
            }
            assert_eq!(now / TICK + 1, ticks, "{cores} cores: beyond {share} ns, and beyond B");
        }
    }

    #[test]
    fn who_gives_way_lets_another_go_first_that_is_not_far_ahead() {
        for (ahead, first) in [(900, B), (1_100, A)] {
            let mut fair = running(1);
            fair.enqueue(B, entry(Why::New));
            fair.threads[1].time = fair.of(A).time + ahead * 1_000;
            fair.queue = [(fair.of(B).time, 1, B)].into();
            fair.ran(A, Duration::ZERO, Time::ZERO);
            fair.enqueue(A, at(Why::Yielded, 0));
            assert_eq!(fair.pick(), Some(first));
        }
    }

    #[test]
    fn the_distance_from_the_floor_goes_along_to_another_queue() {
        let (mut here, mut there) = (running(2), FairQueue::new(&site(2)));
        here.enqueue(B, entry(Why::New));
        there.floor = ms(90);
        assert_eq!(here.pick_among(1, &mut |_| true), Some(B));
        let carried = Some(here.carried(B, Time::ZERO));
        there.enqueue(B, Entry { carried, ..entry(Why::Moved) });
        // It is a share of half a period behind A, and A is at the floor.
        assert_eq!(there.of(B).time, ms(90 + 6));
    }
}
