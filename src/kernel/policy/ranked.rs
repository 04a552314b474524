//! The ready thread with the smallest number of some kind runs next: its next burst (shortest job first, shortest remaining
//! time), its priority, its deadline. In the preemptive form no thread runs while one of a smaller number is ready.
//!
//! A thread of the same number does not take a core, unless `keeps: Newcomer` says so.

mod queue;

use std::fmt;

use serde::Deserialize;

use super::settings::arguments;
use super::{About, Ask, At, Bounds, Equals, Keeps, Promises, Settings, Site};
use crate::kernel::attributes::Attributes;
use crate::time::Duration;
pub use queue::RankedQueue;

/// What threads are ordered by, the smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rank {
    /// Core time of the next burst, or what is left of it.
    Demand,
    /// The priority of the task.
    Priority,
    /// When the job is due: earliest deadline first.
    Deadline,
    /// From one job of the task to the next: rate monotonic.
    Period,
    /// From the arrival of a job to its deadline: deadline monotonic.
    RelativeDeadline,
}

impl Rank {
    /// The number of a thread that has had `ran` of core time since it was last looked at.
    pub fn of(self, of: &Attributes, ran: Duration) -> u64 {
        let own = match self {
            Rank::Demand => return of.remaining.0.saturating_sub(ran.0),
            Rank::Priority => u64::from(of.priority),
            Rank::Deadline => of.deadline.0,
            Rank::Period => of.period.0,
            Rank::RelativeDeadline => of.relative_deadline().0,
        };
        own.min(of.inherited)
    }
}

/// The smallest `priority` of a task first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Priority {
    /// Whether a more urgent thread takes the core of another at once.
    #[serde(default = "yes")]
    pub preemptive: bool,
    /// Who goes first among equals.
    #[serde(default)]
    pub equals: Equals,
    /// Who has the core among equals, if it is preemptive.
    #[serde(default)]
    pub keeps: Keeps,
}

fn yes() -> bool {
    true
}

impl Default for Priority {
    fn default() -> Priority {
        Priority { preemptive: true, equals: Equals::default(), keeps: Keeps::default() }
    }
}

impl Settings for Priority {
    type State = RankedQueue;

    const ABOUT: About = About {
        spelling: "Priority([preemptive: true], [equals: ByArrival], [keeps: Running])",
        example: "Priority(preemptive: true)",
        line: "the smallest `priority` of a task first",
    };

    const ASKS: &'static [Ask] = &[Ask::Priority];

    fn build(&self, _: &Site) -> RankedQueue {
        RankedQueue::new(Rank::Priority, self.preemptive, self.equals, self.keeps)
    }

    fn check(&self, bounds: &mut Bounds) {
        let right = self.preemptive || self.keeps == Keeps::Running;
        bounds.require(
            right,
            &[At::Field("keeps")],
            "no thread takes the core of another",
            "`preemptive: false` is enough",
        );
    }

    fn conventions(&self) -> Vec<Priority> {
        let others = self.equals.others().map(|equals| Priority { equals, ..*self });
        let keeps = self.preemptive.then(|| Priority { keeps: self.keeps.other(), ..*self });
        others.chain(keeps).collect()
    }

    fn promises(&self) -> Promises {
        Promises { preempts: self.preemptive, order: Some(Rank::Priority), ..Promises::default() }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let preemptive = format!("preemptive: {}", self.preemptive);
        write!(f, "Priority({})", arguments(&[&preemptive, self.equals.argument(), self.keeps.argument()]))
    }
}

/// The ready thread whose next burst is shortest; it keeps its core until it blocks or ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShortestJobFirst {
    /// Who goes first among equals.
    #[serde(default)]
    pub equals: Equals,
}

impl Settings for ShortestJobFirst {
    type State = RankedQueue;

    const ABOUT: About = About {
        spelling: "ShortestJobFirst([equals: ByArrival])",
        example: "ShortestJobFirst()",
        line: "the shortest next burst first; runs until it blocks or ends",
    };

    fn build(&self, _: &Site) -> RankedQueue {
        RankedQueue::new(Rank::Demand, false, self.equals, Keeps::Running)
    }

    fn conventions(&self) -> Vec<ShortestJobFirst> {
        self.equals.others().map(|equals| ShortestJobFirst { equals }).collect()
    }

    fn promises(&self) -> Promises {
        Promises { order: Some(Rank::Demand), ..Promises::default() }
    }
}

impl fmt::Display for ShortestJobFirst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShortestJobFirst({})", self.equals.argument())
    }
}

/// The preemptive policies that have no settings but those for equals.
macro_rules! by {
    ($($(#[$doc:meta])* $name:ident($rank:ident $(, $lax:ident)?; $line:literal),)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Who goes first among equals.
            #[serde(default)]
            pub equals: Equals,
            /// Who has the core among equals.
            #[serde(default)]
            pub keeps: Keeps,
        }

        impl Settings for $name {
            type State = RankedQueue;

            const ABOUT: About = About {
                spelling: concat!(stringify!($name), "([equals: ByArrival], [keeps: Running])"),
                example: concat!(stringify!($name), "()"),
                line: $line,
            };

            fn build(&self, _: &Site) -> RankedQueue {
                RankedQueue::new(Rank::$rank, true, self.equals, self.keeps)$(.$lax())?
            }

            fn conventions(&self) -> Vec<$name> {
                let others = self.equals.others().map(|equals| $name { equals, ..*self });
                others.chain([$name { keeps: self.keeps.other(), ..*self }]).collect()
            }

            fn promises(&self) -> Promises {
                self.build(&Site { cores: 1, serves: 1, number: 0, seed: 0 }).promises()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let arguments = arguments(&[self.equals.argument(), self.keeps.argument()]);
                write!(f, "{}({arguments})", stringify!($name))
            }
        })*
    };
}

by! {
    /// The thread that has least left of its burst, preemptive.
    ShortestRemainingTime(Demand; "who has least left of its burst, preemptive"),
    /// Earliest deadline first, preemptive: jobs are due at their arrival and the `deadline` of their task, else its period.
    Edf(Deadline; "the earliest deadline first, preemptive"),
    /// The same until zero laxity: before all others goes whoever meets its deadline only if it runs from now on.
    Edzl(Deadline, until_zero_laxity; "the earliest deadline first, but before it whoever cannot wait any longer, preemptive"),
    /// The shortest period first, preemptive.
    RateMonotonic(Period; "the shortest period first, preemptive"),
    /// The shortest deadline first, counted from the arrival, preemptive.
    DeadlineMonotonic(RelativeDeadline; "the shortest relative deadline first, preemptive"),
}

impl Rank {
    /// The number of a thread, as a person would read it.
    fn value(self, number: u64) -> String {
        match self {
            Rank::Priority => number.to_string(),
            _ if number == u64::MAX => "none".to_owned(),
            _ => Duration(number).to_string(),
        }
    }

    /// Whether a thread has its number by a lock that it holds.
    pub fn is_inherited(self, of: &Attributes) -> bool {
        let own = Attributes { inherited: u64::MAX, ..*of };
        self.of(&own, Duration::ZERO) != self.of(of, Duration::ZERO)
    }

    /// The same with what it is.
    pub fn words(self, number: u64) -> String {
        let what = match self {
            Rank::Demand => return format!("{} left of its burst", self.value(number)),
            Rank::Priority => "priority",
            Rank::Deadline => "deadline",
            Rank::Period => "period",
            Rank::RelativeDeadline => "relative deadline",
        };
        if number == u64::MAX { format!("no {what}") } else { format!("{what} {}", self.value(number)) }
    }
}
