//! Multi-level feedback queue: a thread begins in the highest level and sinks as it uses core time; the highest level that
//! has a thread ready runs, round robin.
//!
//! Rules and vocabulary are those of Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapter 8, and of its program:
//! a thread whose slice is over goes to the tail of its level, after `allotment` slices to that of the next one below; a
//! preempted thread keeps its place and what is left of its slice; every `boost` all threads are back in the highest level.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, At, Bounds, Carried, Entry, Known, Policy, Promises, Rivals, Settings, Site, Ties, Why, pop_among};
use crate::id::ThreadId;
use crate::time::{Duration, Time};

/// Levels of a multi-level feedback queue.
const MOST_LEVELS: usize = 64;
/// Slices of a level before a thread sinks.
const MOST_SLICES: u32 = 1_000;

/// Multi-level feedback queue: who uses much core time sinks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mlfq {
    /// The slice of each level, from the highest down.
    pub quanta: Vec<Duration>,
    /// How many slices a thread has in each level before it sinks; 1 everywhere if left out.
    #[serde(default)]
    pub allotments: Vec<u32>,
    /// After each such time everybody is back in the highest level.
    #[serde(default)]
    pub boost: Option<Duration>,
    /// A wait gives a thread its slice and allotment anew: the old rule, which can be gamed.
    #[serde(default)]
    pub refill_after_wait: bool,
    /// A woken thread joins the head of its level instead of the tail.
    #[serde(default)]
    pub front_after_wait: bool,
    /// Who stands first of those who join a level at one instant.
    #[serde(default = "preempted_first")]
    pub ties: Ties,
}

fn preempted_first() -> Ties {
    Ties::PreemptedFirst
}

impl Settings for Mlfq {
    type State = MlfqQueue;

    const ABOUT: About = About {
        spelling: "Mlfq(quanta: [\"10ms\", ..], ..)",
        example: "Mlfq(quanta: [\"10ms\", \"20ms\", \"40ms\"], boost: \"1s\")",
        line: "multi-level feedback: who uses much core time sinks, boosts lift everybody",
    };

    fn build(&self, _: &Site) -> MlfqQueue {
        let allotment = |level: usize| self.allotments.get(level).copied().unwrap_or(1);
        MlfqQueue::new(Rules {
            levels: self.quanta.iter().enumerate().map(|(level, quantum)| (*quantum, allotment(level))).collect(),
            boost: self.boost,
            refill_after_wait: self.refill_after_wait,
            front_after_wait: self.front_after_wait,
            ties: self.ties,
        })
    }

    fn check(&self, bounds: &mut Bounds) {
        let (quanta, allotments) = (At::Field("quanta"), At::Field("allotments"));
        let levels = self.quanta.len();
        let right = (1..=MOST_LEVELS).contains(&levels);
        let title = format!("there are 1 to {MOST_LEVELS} levels, each with a slice");
        bounds.require(right, &[quanta], title, "such as [\"10ms\", \"20ms\", \"40ms\"]");
        for (level, quantum) in self.quanta.iter().enumerate() {
            bounds.slice(&[quanta, At::Index(level)], *quantum);
        }
        let right = self.allotments.is_empty() || self.allotments.len() == levels;
        let title = format!("there is one allotment for each level: {} and {levels}", self.allotments.len());
        bounds.require(right, &[allotments], title, "one for each level, or leave it out");
        for (level, slices) in self.allotments.iter().enumerate() {
            let right = (1..=MOST_SLICES).contains(slices);
            let title = format!("an allotment is 1 to {MOST_SLICES} slices");
            bounds.require(right, &[allotments, At::Index(level)], title, "such as 1");
        }
        if let Some(boost) = self.boost {
            bounds.time(
                &[At::Field("boost")],
                boost,
                "boosts without a break: nobody would ever sink",
                "such as \"1s\"",
            );
        }
    }

    fn conventions(&self) -> Vec<Mlfq> {
        vec![Mlfq { ties: self.ties.other(), ..self.clone() }]
    }

    fn promises(&self) -> Promises {
        Promises { preempts: true, ..Promises::default() }
    }
}

impl fmt::Display for Mlfq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quanta: Vec<String> = self.quanta.iter().map(|quantum| format!("\"{quantum}\"")).collect();
        write!(f, "Mlfq(quanta: [{}]", quanta.join(", "))?;
        if !self.allotments.is_empty() {
            write!(f, ", allotments: {:?}", self.allotments)?;
        }
        if let Some(boost) = self.boost {
            write!(f, ", boost: \"{boost}\"")?;
        }
        for (name, set) in [("refill_after_wait", self.refill_after_wait), ("front_after_wait", self.front_after_wait)]
        {
            if set {
                write!(f, ", {name}: true")?;
            }
        }
        if self.ties != Ties::PreemptedFirst {
            write!(f, ", ties: {:?}", self.ties)?;
        }
        f.write_str(")")
    }
}

/// The levels, and what waiting does to a thread.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rules {
    /// Slice and slices per level, from the highest level down; at least one.
    pub levels: Vec<(Duration, u32)>,
    /// From one boost to the next.
    pub boost: Option<Duration>,
    /// A wait gives a thread its slice and allotment anew.
    pub refill_after_wait: bool,
    /// A woken thread joins the head of its level instead of the tail.
    pub front_after_wait: bool,
    /// Who stands first in a level of those who join it at one instant. `PreemptedFirst`: ended slices, boosted threads, new
    /// threads, woken ones. `ArrivalsFirst`: as they come.
    pub ties: Ties,
}

/// A place within a level. Heads of levels count down, tails count up.
type Place = (bool, Time, u8, u64);

/// Ended slices stand behind all else that has the same rank.
const ENDED: u64 = 1 << 54;

/// Where a thread stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Standing {
    /// 0 is the highest.
    level: usize,
    place: Place,
    /// Of the slice.
    left: Duration,
    /// Slices at this level, with the present one.
    allotment: u32,
    /// The level in which a slice ended at the very moment to which this standing belongs.
    ended: Option<usize>,
    /// When it last became ready other than by losing a core.
    joined: Time,
    /// When it last got a core, counted as the places are.
    dispatched: u64,
}

/// The standings of all threads, and the ready ones in their order.
#[derive(Clone, Debug, Hash)]
pub struct MlfqQueue {
    rules: Rules,
    /// By thread number.
    threads: Vec<Option<Standing>>,
    queue: BTreeSet<(usize, Place, ThreadId)>,
    joined: u64,
    next_boost: Time,
}

impl MlfqQueue {
    /// Empty levels.
    fn new(rules: Rules) -> MlfqQueue {
        let next_boost = rules.boost.map_or(Time::NEVER, |boost| Time::ZERO + boost);
        MlfqQueue { rules, threads: Vec::new(), queue: BTreeSet::new(), joined: 0, next_boost }
    }

    fn tail(&self, at: Time, rank: u8) -> Place {
        let rank = if self.rules.ties == Ties::PreemptedFirst { rank } else { 0 };
        (true, at, rank, self.joined)
    }

    /// The place of a thread whose slice ended at that time. Of those whose slices ended at one instant, whether anybody
    /// looked or not, who was dispatched first stands first.
    fn behind(&self, at: Time, standing: Standing) -> Place {
        (true, at, 0, ENDED | standing.dispatched)
    }

    fn fresh(&self, level: usize, standing: Standing) -> Standing {
        let (left, allotment) = self.rules.levels[level];
        Standing { level, left, allotment, ..standing }
    }

    fn lower(&self, level: usize) -> usize {
        (level + 1).min(self.rules.levels.len() - 1)
    }

    /// The standing after a slice at `level` of which there are `allotment` left, with that one.
    fn after_slice(&self, level: usize, allotment: u32, standing: Standing) -> Standing {
        match allotment {
            0 | 1 => self.fresh(self.lower(level), standing),
            _ => Standing { level, left: self.rules.levels[level].0, allotment: allotment - 1, ..standing },
        }
    }

    /// The standing of a running thread that has had `ran` of core time, the last of it at `now`.
    fn after(&self, thread: ThreadId, ran: Duration, now: Time) -> Standing {
        let mut standing = self.of(thread);
        let mut ran = ran.0;
        if ran > 0 {
            standing.ended = None;
        }
        while ran >= standing.left.0 {
            ran -= standing.left.0;
            let level = standing.level;
            if level + 1 == self.rules.levels.len() {
                // In the lowest level one slice is like another.
                ran %= self.rules.levels[level].0.0;
            }
            standing = self.after_slice(level, standing.allotment, standing);
            standing.place = self.behind(Time(now.0 - ran), standing);
            standing.ended = (ran == 0).then_some(level);
        }
        standing.left.0 -= ran;
        standing
    }

    fn dispatch(&mut self, thread: ThreadId) -> ThreadId {
        self.joined += 1;
        if let Some(standing) = &mut self.threads[thread.index()] {
            (standing.ended, standing.dispatched) = (None, self.joined);
        }
        thread
    }

    fn of(&self, thread: ThreadId) -> Standing {
        self.threads[thread.index()].expect("a thread has a standing from the first time it is ready")
    }

    /// Everybody is back in the highest level, those of lower ones behind who is there, from the lowest upwards.
    fn boost(&mut self, now: Time) {
        let together = self.rules.ties == Ties::PreemptedFirst;
        let lower = |(index, standing): (usize, &Option<Standing>)| {
            let standing = standing.as_ref().filter(|standing| standing.level > 0)?;
            Some((usize::MAX - standing.level, standing.place, index))
        };
        let mut moving: Vec<_> = self.threads.iter().enumerate().filter_map(lower).collect();
        moving.sort_unstable();
        let ready: Vec<ThreadId> = self.queue.iter().map(|entry| entry.2).collect();
        for (_, _, index) in moving {
            self.joined += 1;
            let place = self.tail(now, 1);
            if let Some(standing) = &mut self.threads[index]
                // Who joins at this instant does so after the boost.
                && !(together && standing.joined == now)
            {
                standing.place = place;
            }
        }
        let (left, allotment) = self.rules.levels[0];
        for standing in self.threads.iter_mut().flatten() {
            *standing = Standing { level: 0, left, allotment, ended: None, ..*standing };
        }
        self.queue = ready.into_iter().map(|thread| (0, self.of(thread).place, thread)).collect();
    }
}

impl Policy for MlfqQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        if self.next_boost < entry.now {
            // Nobody was on a core then, or the boost would have come in time.
            self.timer(self.next_boost);
        }
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, None);
        }
        self.joined += 1;
        let now = entry.now;
        if let Some([level, left, allotment, _]) = entry.carried {
            let place = self.tail(now, 0);
            self.threads[thread.index()] = Some(Standing {
                level: level as usize,
                place,
                left: Duration(left as u64),
                allotment: allotment as u32,
                ended: None,
                joined: now,
                dispatched: 0,
            });
        }
        let mut standing = match entry.why {
            Why::New => {
                let nowhere = (true, now, 0, 0);
                let new = Standing {
                    level: 0,
                    place: nowhere,
                    left: Duration::ZERO,
                    allotment: 0,
                    ended: None,
                    joined: now,
                    dispatched: 0,
                };
                Standing { place: self.tail(now, 2), ..self.fresh(0, new) }
            }
            Why::Woken => Standing { place: self.tail(now, 3), joined: now, ..self.of(thread) },
            Why::Yielded => Standing { place: self.tail(now, 0), ..self.of(thread) },
            Why::Preempted | Why::Moved => self.of(thread),
        };
        if entry.why == Why::Woken {
            if self.rules.refill_after_wait {
                // A slice that ended with the step that waits counts nevertheless.
                standing = match standing.ended {
                    Some(level) => self.after_slice(level, self.rules.levels[level].1, standing),
                    None => self.fresh(standing.level, standing),
                };
            }
            if self.rules.front_after_wait {
                standing.place = (false, Time::ZERO, 0, u64::MAX - self.joined);
            }
        }
        self.threads[thread.index()] = Some(standing);
        self.queue.insert((standing.level, standing.place, thread));
    }

    fn pick(&mut self) -> Option<ThreadId> {
        let (.., thread) = self.queue.pop_first()?;
        Some(self.dispatch(thread))
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let (.., thread) = pop_among(&mut self.queue, most, |key| may(key.2))?;
        Some(self.dispatch(thread))
    }

    /// Level, what is left of the slice, slices left.
    fn carried(&mut self, thread: ThreadId, _: Time) -> Carried {
        let Standing { level, left, allotment, .. } = self.of(thread);
        [level as i64, left.0 as i64, i64::from(allotment), 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, thread: ThreadId) -> Option<Duration> {
        Some(self.of(thread).left)
    }

    fn slice_end(&self, thread: ThreadId, ran: Duration, now: Time) -> Option<Duration> {
        let standing = self.after(thread, ran, now);
        Some(if standing.ended.is_some() { ran } else { Duration(ran.0 + standing.left.0) })
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, now: Time) {
        self.joined += 1;
        self.threads[thread.index()] = Some(self.after(thread, time, now));
    }

    fn renew(&mut self, thread: ThreadId, ran: Duration, now: Time) -> bool {
        let standing = self.after(thread, ran, now);
        let keeps = self.queue.first().is_none_or(|first| (first.0, first.1) > (standing.level, standing.place));
        if keeps {
            self.joined += 1;
            self.threads[thread.index()] = Some(Standing { ended: None, ..standing });
        }
        keeps
    }

    fn contender(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.2)
    }

    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        self.queue.iter().map(|key| key.2).find(|thread| may(*thread))
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, now: Time) -> Option<u128> {
        let (ready, running) = (self.of(ready.thread), self.after(running.thread, ran, now));
        // The last of the lowest level has to go: who stands before others there would else oust one of them in turn.
        let (tail, since, rank, sequence) = running.place;
        let last = u128::from(since.0) << 57 | u128::from(rank) << 55 | u128::from(sequence & (2 * ENDED - 1));
        let excess = (running.level as u128) << 122 | u128::from(tail) << 121 | last;
        ((ready.level, ready.place) < (running.level, running.place)).then_some(excess)
    }

    fn next_timer(&self) -> Time {
        self.next_boost
    }

    fn timer(&mut self, now: Time) {
        self.boost(now);
        let boost = self.rules.boost.map_or(u64::MAX, |boost| boost.0);
        self.next_boost = Time((now.0 / boost + 1).saturating_mul(boost));
    }

    fn timer_before_slices(&self) -> bool {
        true
    }

    fn first(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.2)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let level = |known: Known<'_>| self.after(known.thread, rivals.ran(known.thread), rivals.now).level;
        let own = level(rivals.chosen);
        match rivals.over.map(level) {
            Some(other) if other != own => format!("level {own} goes before level {other}"),
            _ => format!("it stands first in level {own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);

    fn mlfq() -> MlfqQueue {
        let levels = vec![(Duration(10), 2), (Duration(20), 1), (Duration(40), 1)];
        MlfqQueue::new(Rules {
            levels,
            boost: Some(Duration(1_000)),
            refill_after_wait: false,
            front_after_wait: false,
            ties: Ties::PreemptedFirst,
        })
    }

    #[test]
    fn a_thread_sinks_as_it_runs_and_a_boost_lifts_it() {
        let mut mlfq = mlfq();
        mlfq.enqueue(A, entry(Why::New));
        assert_eq!(mlfq.pick(), Some(A));
        let levels = [0, 19, 20, 39, 40, 79, 80, 500].map(|ran| mlfq.after(A, Duration(ran), Time(500)).level);
        assert_eq!(levels, [0, 0, 1, 1, 2, 2, 2, 2]);
        let ends = [0, 10, 11, 21, 41, 80, 81].map(|ran| mlfq.slice_end(A, Duration(ran), Time(500)).map(|end| end.0));
        assert_eq!(ends, [10, 10, 20, 40, 80, 80, 120].map(Some));
        mlfq.ran(A, Duration(45), Time(45));
        assert_eq!(mlfq.of(A).level, 2);
        mlfq.timer(Time(1_000));
        assert_eq!((mlfq.of(A).level, mlfq.of(A).left, mlfq.next_timer()), (0, Duration(10), Time(2_000)));
    }

    #[test]
    fn a_preempted_thread_keeps_its_place_and_its_slice() {
        let mut mlfq = mlfq();
        mlfq.enqueue(A, entry(Why::New));
        assert_eq!(mlfq.pick(), Some(A));
        mlfq.enqueue(B, entry(Why::New));
        mlfq.ran(A, Duration(4), Time(4));
        mlfq.enqueue(A, Entry { now: Time(4), ..entry(Why::Preempted) });
        assert_eq!(mlfq.pick(), Some(A));
        assert_eq!(mlfq.slice(A), Some(Duration(6)));
        mlfq.ran(A, Duration(6), Time(10));
        mlfq.enqueue(A, Entry { now: Time(10), ..entry(Why::Preempted) });
        assert_eq!([mlfq.pick(), mlfq.pick()], [Some(B), Some(A)]);
    }
}
