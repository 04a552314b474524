//! What the settings of a policy say about it: how a scenario writes them, what they allow, what they promise.

use std::fmt;

use serde::Deserialize;

use super::{Policy, Rank, Site};
use crate::kernel::attributes::Attributes;
use crate::time::Duration;

/// A policy as a scenario names it. `Deserialize` and `Display` are the same text in both directions: a unit struct is
/// written `Fair`, a tuple struct `RoundRobin("4ms")`, one with fields `Edf(equals: ByTask)`.
pub trait Settings: fmt::Display + Sized {
    /// What it does.
    type State: Policy;

    /// For `gilsim list policies`, and for error messages.
    const ABOUT: About;

    /// What it looks at of what a task says of its urgency or share.
    const ASKS: &'static [Ask] = &[];

    /// Whether the system that it comes from has a run queue for each core: what a machine has that does not say.
    const PER_CORE: bool = false;

    /// An empty run queue.
    fn build(&self, site: &Site) -> Self::State;

    /// Tells of every value whether it can be.
    fn check(&self, _: &mut Bounds) {}

    /// The same policy with each other tie rule.
    fn conventions(&self) -> Vec<Self> {
        Vec::new()
    }

    /// When the timer that ends slices is set.
    fn timer(&self) -> Timer {
        Timer::Fresh
    }

    /// What every run keeps to.
    fn promises(&self) -> Promises {
        Promises::default()
    }
}

/// What a task can say to policies, and only to them: the other fields count for more than scheduling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `priority`.
    Priority,
    /// `nice`.
    Nice,
    /// `tickets`.
    Tickets,
    /// `slice`, which counts as the nearest of the times from the first to the second.
    Slice(Duration, Duration),
}

/// A policy in words.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// How it is written, what may be left out in brackets: `RoundRobin("4ms", [ties])`.
    pub spelling: &'static str,
    /// A right use of it.
    pub example: &'static str,
    /// One line.
    pub line: &'static str,
}

/// What a policy promises of every run. The auditor holds it to that, by its own means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    /// A thread may lose its core before it gives it up.
    pub preempts: bool,
    /// All slices are this long, and a thread loses its core at their ends only.
    pub slice: Option<Duration>,
    /// So many others at most leave the run queue before a thread that came first.
    pub overtaken: Option<u32>,
    /// Who loses a core at the instant at which others come may leave before them: that is not counted.
    pub preempted_first: bool,
    /// The ready thread of the smallest number is picked; if `preempts`, none runs that has a greater number.
    pub order: Option<Rank>,
    /// It goes by deadlines: periodic tasks have one even if none is written.
    pub deadlines: bool,
    /// But others may go first at times, so that they get anything at all.
    pub throttled: bool,
    /// Cores may be idle while threads wait, and a thread that is alone may lose its core.
    pub idles: bool,
    /// A core changes from one thread to another at no cost, whatever the costs of the machine.
    pub free_switches: bool,
}

impl Promises {
    /// A thread that becomes ready may take the core of another, and not only at the ends of slices.
    pub fn ousts(&self) -> bool {
        self.preempts && self.slice.is_none() && !self.idles
    }
}

/// One step down from settings to a value in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A field.
    Field(&'static str),
    /// A positional value, or an element of a list.
    Index(usize),
}

/// A value that cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands; the settings themselves if empty.
    pub at: Vec<At>,
    /// What is wrong.
    pub title: String,
    /// What to write.
    pub label: String,
}

/// Collects the values that cannot be, and all times: whoever asks knows how long a time can be.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Times that are not zero.
    pub times: Vec<(Vec<At>, Duration)>,
}

impl Promises {
    /// Nothing.
    pub const NONE: Promises = Promises {
        preempts: false,
        slice: None,
        overtaken: None,
        preempted_first: false,
        order: None,
        deadlines: false,
        throttled: false,
        idles: false,
        free_switches: false,
    };
}

impl Bounds {
    /// Says what is wrong unless it is right.
    pub fn require(&mut self, right: bool, at: &[At], title: impl Into<String>, label: impl Into<String>) {
        if !right {
            self.faults.push(Fault { at: at.to_vec(), title: title.into(), label: label.into() });
        }
    }

    /// A slice is not zero.
    pub fn slice(&mut self, at: &[At], slice: Duration) {
        self.time(at, slice, "a slice cannot be zero: nobody would ever run", "such as \"4ms\"");
    }

    /// A time that is not zero.
    pub fn time(&mut self, at: &[At], time: Duration, title: &str, label: &str) {
        self.require(time > Duration::ZERO, at, title, label);
        if time > Duration::ZERO {
            self.times.push((at.to_vec(), time));
        }
    }
}

/// Who enters the run queue first at the end of a slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Ties {
    /// A thread that becomes ready during the slice, up to and including its last instant, stands before the preempted one.
    #[default]
    ArrivalsFirst,
    /// The preempted thread stands before those who become ready at the very instant in which its slice ends.
    PreemptedFirst,
}

impl Ties {
    /// The other rule.
    pub(super) fn other(self) -> Ties {
        match self {
            Ties::ArrivalsFirst => Ties::PreemptedFirst,
            Ties::PreemptedFirst => Ties::ArrivalsFirst,
        }
    }
}

/// When the timer that ends slices is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Timer {
    /// At every dispatch: whoever gets a core gets a whole slice.
    #[default]
    Fresh,
    /// When it goes off, and when a thread yields. Who comes after a thread that has ended or waits gets what is left of its
    /// slice, if only nothing at all. It goes off on a thread that is alone, too, which is interrupted into itself.
    Inherited,
}

impl Timer {
    /// The other rule.
    pub(super) fn other(self) -> Timer {
        match self {
            Timer::Fresh => Timer::Inherited,
            Timer::Inherited => Timer::Fresh,
        }
    }
}

/// Who has the core when a thread becomes ready that is as urgent as the one that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Keeps {
    /// Whoever runs: only a more urgent thread takes its core.
    #[default]
    Running,
    /// Whoever becomes ready, at that instant. If no equal runs then, it waits like all others.
    Newcomer,
}

impl Keeps {
    /// The other rule.
    pub(super) fn other(self) -> Keeps {
        match self {
            Keeps::Running => Keeps::Newcomer,
            Keeps::Newcomer => Keeps::Running,
        }
    }

    /// As the argument of a policy: nothing for the default.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Keeps::Running => "",
            Keeps::Newcomer => "keeps: Newcomer",
        }
    }
}

/// Arguments that are not empty, separated by commas.
pub(super) fn arguments(of: &[&str]) -> String {
    let given: Vec<&str> = of.iter().copied().filter(|argument| !argument.is_empty()).collect();
    given.join(", ")
}

/// Who goes first among ready threads of the same rank.
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
    /// The other rules.
    pub(super) fn others(self) -> impl Iterator<Item = Equals> {
        [Equals::ByArrival, Equals::ByQueue, Equals::ByTask].into_iter().filter(move |other| *other != self)
    }

    /// As the argument of a policy: nothing for the default.
    pub(super) fn argument(self) -> &'static str {
        match self {
            Equals::ByArrival => "",
            Equals::ByQueue => "equals: ByQueue",
            Equals::ByTask => "equals: ByTask",
        }
    }

    /// Why one of two equals goes first.
    pub(super) fn words(self) -> &'static str {
        match self {
            Equals::ByArrival => "its job arrived first",
            Equals::ByQueue => "it has been in the run queue for longer",
            Equals::ByTask => "its task stands first in the scenario",
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
