//! Windows (Windows Internals, part 1, chapter 4): 32 levels, the highest that has a thread ready runs, round robin.
//!
//! The `priority` of a task gives the level: 100, the default, is level 8 (normal), and each number less is a level more. Levels
//! below 16 are lifted for a while: by a wait that is over, by one level for each quantum; by 4 seconds without a core, to
//! level 15 for one quantum.
//!
//! Simplification: a quantum is measured exactly, where Windows counts ticks; no boosts for windows in the foreground, for
//! input, or for threads that another waits for; a wait that is over always lifts by the same, whatever was waited for.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{About, Ask, At, Bounds, Carried, Entry, Known, Policy, Promises, Rivals, Settings, Site, Why, pop_among};
use crate::id::ThreadId;
use crate::kernel::attributes::{Attributes, Needs};
use crate::time::{Duration, Time};

/// The highest level that can be lifted to; above are the real-time levels, which stay as they are.
const DYNAMIC: u32 = 15;
/// From one look at starving threads to the next.
const LOOK: u64 = 1_000_000_000;
/// So many are helped at each look.
const HELPED: usize = 10;

/// Levels, round robin within each, and boosts for those who waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The longest a thread runs while another of its level is ready.
    #[serde(default = "quantum")]
    pub quantum: Duration,
    /// A wait that is over lifts a thread by so many levels.
    #[serde(default = "wake_boost")]
    pub wake_boost: u32,
    /// A thread that was ready for so long without a core is lifted to level 15.
    #[serde(default = "starved_after")]
    pub starved_after: Duration,
}

/// Two ticks of 15.625 ms: Windows for clients.
fn quantum() -> Duration {
    Duration::us(31_250)
}

fn wake_boost() -> u32 {
    1
}

fn starved_after() -> Duration {
    Duration::s(4)
}

impl Settings for Windows {
    type State = WindowsQueue;

    const ABOUT: About = About {
        spelling: "Windows([quantum: \"31.25ms\"], [wake_boost: 1], [starved_after: \"4s\"])",
        example: "Windows()",
        line: "32 levels by `priority`, round robin; who waited or starved is lifted for a while",
    };

    const ASKS: &'static [Ask] = &[Ask::Priority];

    fn build(&self, _: &Site) -> WindowsQueue {
        WindowsQueue {
            settings: (self.quantum, self.wake_boost, self.starved_after),
            threads: Vec::new(),
            queue: BTreeSet::new(),
            joined: 0,
            next_look: Time(LOOK),
        }
    }

    fn check(&self, bounds: &mut Bounds) {
        bounds.slice(&[At::Field("quantum")], self.quantum);
        let title = "everybody would always starve";
        bounds.time(&[At::Field("starved_after")], self.starved_after, title, "such as \"4s\"");
        let right = self.wake_boost <= DYNAMIC;
        let title = format!("there are {DYNAMIC} levels that a wait can lift to");
        bounds.require(right, &[At::Field("wake_boost")], title, "such as 1");
    }

    fn promises(&self) -> Promises {
        Promises { preempts: true, ..Promises::default() }
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Windows { quantum, wake_boost, starved_after } = self;
        write!(f, "Windows(quantum: \"{quantum}\"")?;
        if *wake_boost != 1 {
            write!(f, ", wake_boost: {wake_boost}")?;
        }
        if *starved_after != self::starved_after() {
            write!(f, ", starved_after: \"{starved_after}\"")?;
        }
        f.write_str(")")
    }
}

/// A place in the list of a level. Heads count down, tails count up.
type Place = (bool, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Standing {
    base: u32,
    level: u32,
    /// Of the quantum; zero if it ended at this very moment.
    left: u64,
    /// Lifted because it starved: for one quantum.
    starved: bool,
    /// Ready since.
    since: Time,
    place: Place,
}

/// The ready threads in their order.
#[derive(Clone, Debug, Hash)]
pub struct WindowsQueue {
    settings: (Duration, u32, Duration),
    /// By thread number.
    threads: Vec<Standing>,
    /// By levels from the highest down.
    queue: BTreeSet<(u32, Place, ThreadId)>,
    joined: u64,
    next_look: Time,
}

/// The level of a priority.
fn level(of: &Attributes) -> u32 {
    108_u32.saturating_sub(of.priority).clamp(1, 31)
}

impl WindowsQueue {
    fn quantum(&self) -> u64 {
        self.settings.0.0
    }

    fn of(&self, thread: ThreadId) -> &Standing {
        &self.threads[thread.index()]
    }

    /// After so much core time: every quantum that ends takes a level from those who were lifted.
    fn after(&self, thread: ThreadId, ran: Duration) -> Standing {
        let mut of = *self.of(thread);
        let Some(beyond) = ran.0.checked_sub(of.left) else {
            return Standing { left: of.left - ran.0, ..of };
        };
        let (ended, into) = (1 + beyond / self.quantum(), beyond % self.quantum());
        of.level = if of.starved { of.base } else { u64::from(of.level).saturating_sub(ended) as u32 }.max(of.base);
        of.starved = false;
        of.left = if into == 0 { 0 } else { self.quantum() - into };
        of
    }

    fn line_up(&mut self, thread: ThreadId) {
        let of = self.of(thread);
        self.queue.insert((31 - of.level, of.place, thread));
    }
}

impl Policy for WindowsQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        let (quantum, base) = (self.quantum(), level(entry.of));
        let new = Standing { base, level: base, left: quantum, starved: false, since: entry.now, place: (true, 0) };
        if self.threads.len() <= thread.index() {
            self.threads.resize(thread.index() + 1, new);
        }
        let mut of = if entry.why == Why::New { new } else { *self.of(thread) };
        if let Some([level, left, starved, _]) = entry.carried {
            of = Standing { level: level as u32, left: left as u64, starved: starved != 0, ..new };
        }
        if of.base != base {
            (of.base, of.level) = (base, base);
        }
        if entry.why == Why::Woken {
            of.left = quantum;
            if base <= DYNAMIC {
                of.level = of.level.max((base + self.settings.1).min(DYNAMIC));
            }
        }
        self.joined += 1;
        let over = of.left == 0;
        of.place = match entry.why {
            Why::Preempted if !over => (false, u64::MAX - self.joined),
            Why::Preempted | Why::New | Why::Woken | Why::Yielded | Why::Moved => (true, self.joined),
        };
        of.left = if over { quantum } else { of.left };
        of.since = entry.now;
        self.threads[thread.index()] = of;
        self.line_up(thread);
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_first().map(|first| first.2)
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        pop_among(&mut self.queue, most, |key| may(key.2)).map(|key| key.2)
    }

    /// Level, what is left of the quantum, and whether it was lifted because it starved.
    fn carried(&mut self, thread: ThreadId, _: Time) -> Carried {
        let of = self.of(thread);
        [i64::from(of.level), of.left as i64, i64::from(of.starved), 0]
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, thread: ThreadId) -> Option<Duration> {
        Some(Duration(self.of(thread).left))
    }

    fn slice_end(&self, thread: ThreadId, ran: Duration, _: Time) -> Option<Duration> {
        let (quantum, left) = (self.quantum(), self.of(thread).left);
        Some(Duration(left + ran.0.saturating_sub(left).div_ceil(quantum) * quantum))
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Attributes
    }

    fn ran(&mut self, thread: ThreadId, time: Duration, _: Time) {
        self.threads[thread.index()] = self.after(thread, time);
    }

    fn renew(&mut self, thread: ThreadId, ran: Duration, _: Time) -> bool {
        let of = self.after(thread, ran);
        let alone = self.queue.first().is_none_or(|first| 31 - first.0 < of.level);
        if alone {
            self.threads[thread.index()] = Standing { left: self.quantum(), ..of };
        }
        alone
    }

    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        self.queue.iter().map(|key| key.2).find(|thread| may(*thread))
    }

    fn contender(&self) -> Option<ThreadId> {
        self.queue.first().map(|first| first.2)
    }

    fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, _: Time) -> Option<u128> {
        let by = self.of(ready.thread).level.checked_sub(self.after(running.thread, ran).level)?;
        (by > 0).then_some(u128::from(by))
    }

    fn next_timer(&self) -> Time {
        self.next_look
    }

    /// Of those who have been ready for too long, the first ones are lifted.
    fn timer(&mut self, now: Time) {
        let starving = self.queue.iter().map(|key| key.2).filter(|thread| {
            let of = self.of(*thread);
            of.level < DYNAMIC && now.since(of.since) >= self.settings.2
        });
        let mut starving: Vec<ThreadId> = starving.collect();
        starving.sort_by_key(|thread| (self.of(*thread).since, *thread));
        for thread in starving.into_iter().take(HELPED) {
            let of = *self.of(thread);
            self.queue.remove(&(31 - of.level, of.place, thread));
            self.joined += 1;
            let lifted =
                Standing { level: DYNAMIC, left: self.quantum(), starved: true, place: (true, self.joined), ..of };
            self.threads[thread.index()] = lifted;
            self.line_up(thread);
        }
        self.next_look = Time((now.0 / LOOK + 1).saturating_mul(LOOK));
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let level = |known: Known<'_>| self.after(known.thread, rivals.ran(known.thread)).level;
        let own = level(rivals.chosen);
        match rivals.over.map(level) {
            Some(other) if other != own => format!("its level {own} is above {other}"),
            _ => format!("it stands first in level {own}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);
    const HOG: Attributes = Attributes { priority: 98, ..Attributes::DEFAULT };

    fn entry(why: Why, now: u64, of: &Attributes) -> Entry<'_> {
        Entry { why, now: Time(now), of, carried: None }
    }

    fn windows() -> WindowsQueue {
        Windows { quantum: Duration(100), wake_boost: 2, starved_after: Duration::s(4) }.build(&Site {
            cores: 1,
            serves: 1,
            number: 0,
            seed: 1,
        })
    }

    #[test]
    fn priorities_are_levels() {
        let of = |priority| level(&Attributes { priority, ..Attributes::DEFAULT });
        assert_eq!([0, 77, 92, 93, 100, 107, 108, 4_000].map(of), [31, 31, 16, 15, 8, 1, 1, 1]);
    }

    #[test]
    fn a_wait_lifts_and_every_quantum_takes_a_level_back() {
        let mut queue = windows();
        queue.enqueue(A, entry(Why::New, 0, &Attributes::DEFAULT));
        assert_eq!((queue.pick(), queue.of(A).level), (Some(A), 8));
        queue.ran(A, Duration(30), Time(30));
        queue.enqueue(A, entry(Why::Woken, 50, &Attributes::DEFAULT));
        let levels = [0, 99, 100, 199, 200, 1_000].map(|ran| queue.after(A, Duration(ran)).level);
        assert_eq!(levels, [10, 10, 9, 9, 8, 8]);
        // Real-time levels stay where they are.
        let urgent = Attributes { priority: 90, ..Attributes::DEFAULT };
        queue.enqueue(B, entry(Why::New, 60, &urgent));
        assert_eq!(queue.pick(), Some(B));
        queue.enqueue(B, entry(Why::Woken, 60, &urgent));
        assert_eq!(queue.of(B).level, 18);
    }

    #[test]
    fn who_starves_gets_a_quantum_and_then_starves_again() {
        let mut queue = windows();
        queue.enqueue(A, entry(Why::New, 0, &HOG));
        queue.enqueue(B, entry(Why::New, 0, &Attributes::DEFAULT));
        assert_eq!(queue.pick(), Some(A));
        for second in 1..=4 {
            assert_eq!(queue.next_timer(), Time(second * LOOK));
            queue.timer(Time(second * LOOK));
            assert_eq!(queue.of(B).level, if second < 4 { 8 } else { 15 });
        }
        let known = |thread, of| Known { thread, of };
        let by = queue.preempts(known(B, &Attributes::DEFAULT), known(A, &HOG), Duration(1), Time(4 * LOOK));
        assert_eq!(by, Some(5));
        assert_eq!(queue.after(B, Duration(100)).level, 8);
    }

    #[test]
    fn a_preempted_thread_keeps_its_quantum_and_its_place() {
        for (ran, order) in [(40, [A, B]), (100, [B, A])] {
            let mut queue = windows();
            queue.enqueue(A, entry(Why::New, 0, &HOG));
            queue.pick();
            queue.enqueue(B, entry(Why::New, 0, &HOG));
            queue.ran(A, Duration(ran), Time(ran));
            queue.enqueue(A, entry(Why::Preempted, ran, &HOG));
            assert_eq!([queue.pick(), queue.pick()], order.map(Some));
            assert_eq!(queue.of(A).left, if ran == 40 { 60 } else { 100 });
        }
    }
}
