//! Which ready thread runs next: one file per policy.
//!
//! To add a policy: one file that implements [`Policy`], one row in `policies!`, and what a scenario writes for it in
//! [`PolicyConfig`].

mod fair;
mod first_come;
mod lottery;
mod mlfq;
mod ranked;
mod real_time;
mod round_robin;
mod stride;

use std::fmt;

use serde::Deserialize;

use super::attributes::{Attributes, Needs};
use crate::id::ThreadId;
use crate::time::{Duration, Time};
pub use ranked::Rank;

/// The order of the run queue.
pub trait Policy {
    /// The thread is ready.
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>);

    /// The thread to run next leaves the queue.
    fn pick(&mut self) -> Option<ThreadId>;

    /// Threads in the queue.
    fn waiting(&self) -> usize;

    /// The longest the thread runs while another waits; `None` for as long as it likes.
    fn slice(&self, thread: ThreadId) -> Option<Duration>;

    /// Whether `Yield` gives the core to a waiting thread.
    fn honors_yield(&self) -> bool;

    /// The first end of a slice at or after `ran`, both counted from the dispatch of the thread; `ran` is over at `now`.
    #[inline(always)]
    fn slice_end(&self, thread: ThreadId, ran: Duration, _now: Time) -> Option<Duration> {
        let slice = self.slice(thread)?;
        if ran <= slice {
            return Some(slice);
        }
        Some(Duration(ran.0.div_ceil(slice.0).saturating_mul(slice.0)))
    }

    /// What it needs to be told of threads.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// The running thread has had so much core time since its dispatch, or since this was last said.
    fn ran(&mut self, _thread: ThreadId, _time: Duration, _now: Time) {}

    /// The slice of a running thread is over. Whether it keeps its core all the same, with a new slice; if so, `ran` is
    /// settled as by [`Policy::ran`].
    fn renew(&mut self, _thread: ThreadId, _ran: Duration, _now: Time) -> bool {
        false
    }

    /// Whether threads that just woke may take the core of others by [`Policy::preempts`].
    fn preempts_on_wake(&self) -> bool {
        false
    }

    /// The thread that would be picked next, if it may at any time take the core of another by [`Policy::preempts`].
    fn contender(&self) -> Option<ThreadId> {
        None
    }

    /// Whether a ready thread takes the core of one that has run for `ran` since its dispatch: by how much it is the more
    /// deserving.
    fn preempts(&self, _ready: Known<'_>, _running: Known<'_>, _ran: Duration, _now: Time) -> Option<u64> {
        None
    }

    /// When the policy itself does something next; [`Time::NEVER`] if it never does. It is asked while a core is in use.
    fn next_timer(&self) -> Time {
        Time::NEVER
    }

    /// That time has come, at the end of the instant; core time of running threads is settled by [`Policy::ran`].
    fn timer(&mut self, _now: Time) {}
}

/// How a thread joins the run queue.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Why.
    pub why: Why,
    /// When.
    pub now: Time,
    /// What it is like; the defaults for policies that need nothing.
    pub of: &'a Attributes,
}

/// A thread and what it is like.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Which.
    pub thread: ThreadId,
    /// What it is like; the defaults for policies that need nothing.
    pub of: &'a Attributes,
}

/// Why a thread joins the run queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has never run.
    New,
    /// What it waited for has happened.
    Woken,
    /// Its slice is over.
    Preempted,
    /// It gave way.
    Yielded,
}

/// A scheduling policy, as a scenario names it: `RoundRobin("4ms")`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub enum PolicyConfig {
    /// Equal shares, preemptive, like Linux.
    Fair,
    /// Everyone in turn, each for at most a slice. The second value says who queues first at the end of a slice.
    RoundRobin(Duration, #[serde(default)] Ties),
    /// In order of arrival; a thread keeps its core until it blocks or ends, and `Yield` changes nothing.
    FirstCome,
    /// A thread keeps its core until it blocks, ends or yields.
    Cooperative,
    /// The ready thread whose next burst is shortest; it keeps its core until it blocks or ends.
    ShortestJobFirst {
        /// Who goes first among equals.
        #[serde(default)]
        equals: Equals,
    },
    /// The thread that has least left of its burst, preemptive.
    ShortestRemainingTime {
        /// Who goes first among equals.
        #[serde(default)]
        equals: Equals,
    },
    /// The thread whose task has the smallest `priority`.
    Priority {
        /// Whether a more urgent thread takes the core of another at once.
        #[serde(default = "yes")]
        preemptive: bool,
        /// Who goes first among equals.
        #[serde(default)]
        equals: Equals,
    },
    /// Priorities of POSIX, first come first served within each.
    SchedFifo,
    /// Priorities of POSIX, round robin within each.
    SchedRr {
        /// The longest a thread runs while another of its priority waits.
        #[serde(default = "rr_slice")]
        slice: Duration,
    },
    /// Each slice goes to a ticket drawn at random. The second value: draws to use before random ones, for replays; ticket
    /// numbers are their remainders by the number of tickets of ready threads.
    Lottery(Duration, #[serde(default)] Vec<u64>),
    /// Slices in proportion to tickets, without luck. The second value says who goes first among equals.
    Stride(Duration, #[serde(default)] Equals),
    /// Multi-level feedback queue: who uses much core time sinks.
    Mlfq {
        /// The slice of each level, from the highest down.
        quanta: Vec<Duration>,
        /// How many slices a thread has in each level before it sinks; 1 everywhere if left out.
        #[serde(default)]
        allotments: Vec<u32>,
        /// After each such time everybody is back in the highest level.
        #[serde(default)]
        boost: Option<Duration>,
        /// A wait gives a thread its slice and allotment anew: the old rule, which can be gamed.
        #[serde(default)]
        refill_after_wait: bool,
        /// A woken thread joins the head of its level instead of the tail.
        #[serde(default)]
        front_after_wait: bool,
        /// Who stands first of those who join a level at one instant.
        #[serde(default = "preempted_first")]
        ties: Ties,
    },
    /// Earliest deadline first, preemptive: jobs are due at their arrival and the `deadline` of their task, else its period.
    Edf {
        /// Who goes first among equals.
        #[serde(default)]
        equals: Equals,
    },
    /// The shortest period first, preemptive.
    RateMonotonic {
        /// Who goes first among equals.
        #[serde(default)]
        equals: Equals,
    },
    /// The shortest deadline first, counted from the arrival, preemptive.
    DeadlineMonotonic {
        /// Who goes first among equals.
        #[serde(default)]
        equals: Equals,
    },
}

fn yes() -> bool {
    true
}

/// `RR_TIMESLICE` of Linux.
fn rr_slice() -> Duration {
    Duration::ms(100)
}

fn preempted_first() -> Ties {
    Ties::PreemptedFirst
}

impl fmt::Display for PolicyConfig {
    /// As a scenario writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyConfig::Fair => write!(f, "Fair"),
            PolicyConfig::RoundRobin(slice, Ties::ArrivalsFirst) => write!(f, "RoundRobin(\"{slice}\")"),
            PolicyConfig::RoundRobin(slice, ties) => write!(f, "RoundRobin(\"{slice}\", {ties:?})"),
            PolicyConfig::FirstCome => write!(f, "FirstCome"),
            PolicyConfig::Cooperative => write!(f, "Cooperative"),
            PolicyConfig::ShortestJobFirst { equals } => write!(f, "ShortestJobFirst({})", equals.argument()),
            PolicyConfig::ShortestRemainingTime { equals } => {
                write!(f, "ShortestRemainingTime({})", equals.argument())
            }
            PolicyConfig::Priority { preemptive, equals } => {
                let comma = if equals.argument().is_empty() { "" } else { ", " };
                write!(f, "Priority(preemptive: {preemptive}{comma}{})", equals.argument())
            }
            PolicyConfig::SchedFifo => write!(f, "SchedFifo"),
            PolicyConfig::SchedRr { slice } => write!(f, "SchedRr(slice: \"{slice}\")"),
            PolicyConfig::Lottery(slice, draws) if draws.is_empty() => write!(f, "Lottery(\"{slice}\")"),
            PolicyConfig::Lottery(slice, draws) => write!(f, "Lottery(\"{slice}\", {draws:?})"),
            PolicyConfig::Stride(slice, Equals::ByArrival) => write!(f, "Stride(\"{slice}\")"),
            PolicyConfig::Stride(slice, equals) => write!(f, "Stride(\"{slice}\", {equals:?})"),
            PolicyConfig::Mlfq { quanta, allotments, boost, refill_after_wait, front_after_wait, ties } => {
                let quanta: Vec<String> = quanta.iter().map(|quantum| format!("\"{quantum}\"")).collect();
                write!(f, "Mlfq(quanta: [{}]", quanta.join(", "))?;
                if !allotments.is_empty() {
                    write!(f, ", allotments: {allotments:?}")?;
                }
                if let Some(boost) = boost {
                    write!(f, ", boost: \"{boost}\"")?;
                }
                for (name, set) in [("refill_after_wait", refill_after_wait), ("front_after_wait", front_after_wait)] {
                    if *set {
                        write!(f, ", {name}: true")?;
                    }
                }
                if *ties != Ties::PreemptedFirst {
                    write!(f, ", ties: {ties:?}")?;
                }
                write!(f, ")")
            }
            PolicyConfig::Edf { equals } => write!(f, "Edf({})", equals.argument()),
            PolicyConfig::RateMonotonic { equals } => write!(f, "RateMonotonic({})", equals.argument()),
            PolicyConfig::DeadlineMonotonic { equals } => write!(f, "DeadlineMonotonic({})", equals.argument()),
        }
    }
}

/// Who enters the run queue first at the end of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Ties {
    /// A thread that becomes ready during the slice, up to and including its last instant, stands before the preempted one.
    #[default]
    ArrivalsFirst,
    /// The preempted thread stands before everyone who became ready during its slice: the scheduler looks at arrivals
    /// only at the end of a slice, as some textbook programs do.
    PreemptedFirst,
}

/// Who goes first among ready threads of the same rank. A running thread keeps its core against equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Equals {
    /// Whose job arrived first, also if it has run in the meantime.
    #[default]
    ByArrival,
    /// Who has been in the run queue for longest.
    ByQueue,
    /// Whose task stands first in the scenario; of one task, whose job arrived first.
    ByTask,
}

impl Equals {
    /// As the argument of a policy: nothing for the default.
    fn argument(self) -> &'static str {
        match self {
            Equals::ByArrival => "",
            Equals::ByQueue => "equals: ByQueue",
            Equals::ByTask => "equals: ByTask",
        }
    }

    /// Orders threads of the same rank; who joined the queue first goes first if this is equal, too.
    fn key(self, of: &Attributes) -> (u64, u64) {
        match self {
            Equals::ByArrival => (of.release.0, of.order),
            Equals::ByQueue => (0, 0),
            Equals::ByTask => (u64::from(of.task), of.order),
        }
    }
}

/// Name and one line of explanation of every policy, for `gilsim list`.
pub const POLICIES: &[(&str, &str)] = &[
    ("Fair", "equal shares, preemptive, like Linux: who had least core time runs next"),
    ("RoundRobin(\"4ms\", [ties])", "everyone in turn, each for at most a slice"),
    ("FirstCome", "in order of arrival; runs until it blocks or ends"),
    ("Cooperative", "runs until it blocks, ends or yields"),
    ("ShortestJobFirst([equals: ByArrival])", "the shortest next burst first; runs until it blocks or ends"),
    ("ShortestRemainingTime([equals: ByArrival])", "who has least left of its burst, preemptive"),
    ("Priority([preemptive: true], [equals: ByArrival])", "the smallest `priority` of a task first"),
    ("SchedFifo", "priorities of POSIX; runs until it blocks or a more urgent thread is ready"),
    ("SchedRr([slice: \"100ms\"])", "the same, round robin among threads of one priority"),
    ("Lottery(\"4ms\", [draws])", "each slice to a ticket drawn at random"),
    ("Stride(\"4ms\", [equals])", "slices in proportion to tickets, without luck"),
    ("Mlfq(quanta: [\"10ms\", ..], ..)", "multi-level feedback: who uses much core time sinks, boosts lift everybody"),
    ("Edf([equals: ByArrival])", "the earliest deadline first, preemptive"),
    ("RateMonotonic([equals: ByArrival])", "the shortest period first, preemptive"),
    ("DeadlineMonotonic([equals: ByArrival])", "the shortest relative deadline first, preemptive"),
];

impl PolicyConfig {
    /// An empty run queue under this policy, for a machine of so many cores; policies that draw do so under the seed.
    pub fn build(&self, cores: u32, seed: u64) -> AnyPolicy {
        match self {
            PolicyConfig::Fair => AnyPolicy::Fair(fair::Fair::new(cores)),
            PolicyConfig::RoundRobin(slice, ties) => AnyPolicy::RoundRobin(round_robin::RoundRobin::new(*slice, *ties)),
            PolicyConfig::FirstCome => AnyPolicy::FirstCome(first_come::FirstCome::new(false)),
            PolicyConfig::Cooperative => AnyPolicy::FirstCome(first_come::FirstCome::new(true)),
            PolicyConfig::ShortestJobFirst { equals } => ranked(Rank::Demand, false, *equals),
            PolicyConfig::ShortestRemainingTime { equals } => ranked(Rank::Demand, true, *equals),
            PolicyConfig::Priority { preemptive, equals } => ranked(Rank::Priority, *preemptive, *equals),
            PolicyConfig::SchedFifo => AnyPolicy::RealTime(real_time::RealTime::new(None)),
            PolicyConfig::SchedRr { slice } => AnyPolicy::RealTime(real_time::RealTime::new(Some(*slice))),
            PolicyConfig::Lottery(slice, draws) => AnyPolicy::Lottery(lottery::Lottery::new(*slice, draws, seed)),
            PolicyConfig::Stride(slice, equals) => AnyPolicy::Stride(stride::Stride::new(*slice, *equals)),
            PolicyConfig::Mlfq { quanta, allotments, boost, refill_after_wait, front_after_wait, ties } => {
                let allotment = |level: usize| allotments.get(level).copied().unwrap_or(1);
                let levels = quanta.iter().enumerate().map(|(level, quantum)| (*quantum, allotment(level)));
                AnyPolicy::Mlfq(mlfq::Mlfq::new(mlfq::Settings {
                    levels: levels.collect(),
                    boost: *boost,
                    refill_after_wait: *refill_after_wait,
                    front_after_wait: *front_after_wait,
                    ties: *ties,
                }))
            }
            PolicyConfig::Edf { equals } => ranked(Rank::Deadline, true, *equals),
            PolicyConfig::RateMonotonic { equals } => ranked(Rank::Period, true, *equals),
            PolicyConfig::DeadlineMonotonic { equals } => ranked(Rank::RelativeDeadline, true, *equals),
        }
    }
}

fn ranked(rank: Rank, preemptive: bool, equals: Equals) -> AnyPolicy {
    AnyPolicy::Ranked(ranked::Ranked::new(rank, preemptive, equals))
}

/// The state of a policy as an enum rather than a trait object: it can be cloned, hashed and compared.
macro_rules! policies {
    ($($(#[$doc:meta])* $name:ident($state:ty),)*) => {
        /// The state of a policy.
        #[derive(Clone, Debug, Hash)]
        pub enum AnyPolicy {
            $($(#[$doc])* $name($state),)*
        }

        impl Policy for AnyPolicy {
            #[inline(always)]
            fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
                match self { $(AnyPolicy::$name(policy) => policy.enqueue(thread, entry),)* }
            }
            #[inline(always)]
            fn pick(&mut self) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.pick(),)* }
            }
            #[inline(always)]
            fn waiting(&self) -> usize {
                match self { $(AnyPolicy::$name(policy) => policy.waiting(),)* }
            }
            #[inline(always)]
            fn slice(&self, thread: ThreadId) -> Option<Duration> {
                match self { $(AnyPolicy::$name(policy) => policy.slice(thread),)* }
            }
            #[inline(always)]
            fn honors_yield(&self) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.honors_yield(),)* }
            }
            fn needs(&self) -> Needs {
                match self { $(AnyPolicy::$name(policy) => policy.needs(),)* }
            }
            #[inline(always)]
            fn slice_end(&self, thread: ThreadId, ran: Duration, now: Time) -> Option<Duration> {
                match self { $(AnyPolicy::$name(policy) => policy.slice_end(thread, ran, now),)* }
            }
            #[inline(always)]
            fn ran(&mut self, thread: ThreadId, time: Duration, now: Time) {
                match self { $(AnyPolicy::$name(policy) => policy.ran(thread, time, now),)* }
            }
            #[inline(always)]
            fn renew(&mut self, thread: ThreadId, ran: Duration, now: Time) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.renew(thread, ran, now),)* }
            }
            fn next_timer(&self) -> Time {
                match self { $(AnyPolicy::$name(policy) => policy.next_timer(),)* }
            }
            fn timer(&mut self, now: Time) {
                match self { $(AnyPolicy::$name(policy) => policy.timer(now),)* }
            }
            #[inline(always)]
            fn preempts_on_wake(&self) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.preempts_on_wake(),)* }
            }
            #[inline(always)]
            fn contender(&self) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.contender(),)* }
            }
            fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, now: Time) -> Option<u64> {
                match self { $(AnyPolicy::$name(policy) => policy.preempts(ready, running, ran, now),)* }
            }
        }
    };
}

policies! {
    /// See [`PolicyConfig::Fair`].
    Fair(fair::Fair),
    /// See [`PolicyConfig::RoundRobin`].
    RoundRobin(round_robin::RoundRobin),
    /// See [`PolicyConfig::FirstCome`] and [`PolicyConfig::Cooperative`].
    FirstCome(first_come::FirstCome),
    /// See [`PolicyConfig::SchedFifo`] and [`PolicyConfig::SchedRr`].
    RealTime(real_time::RealTime),
    /// See [`PolicyConfig::Lottery`].
    Lottery(lottery::Lottery),
    /// See [`PolicyConfig::Stride`].
    Stride(stride::Stride),
    /// See [`PolicyConfig::Mlfq`].
    Mlfq(mlfq::Mlfq),
    /// Policies that order threads by one number.
    Ranked(ranked::Ranked),
}

/// For tests of policies that look at nothing but the reason.
#[cfg(test)]
fn entry(why: Why) -> Entry<'static> {
    Entry { why, now: Time::ZERO, of: &Attributes::DEFAULT }
}

#[cfg(test)]
fn known(thread: ThreadId) -> Known<'static> {
    Known { thread, of: &Attributes::DEFAULT }
}
