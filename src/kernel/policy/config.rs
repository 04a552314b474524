//! Policies as a scenario names them: their parameters, defaults and tie rules, and one line about each.

use std::fmt;

use serde::Deserialize;

use super::Rank;
use super::{AnyPolicy, fair, first_come, lottery, mlfq, ranked, real_time, round_robin, stride};
use crate::kernel::attributes::Attributes;
use crate::time::Duration;

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
    pub(super) fn key(self, of: &Attributes) -> (u64, u64) {
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
    /// The same policy with each other tie rule.
    pub fn conventions(&self) -> Vec<PolicyConfig> {
        Vec::new()
    }

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
