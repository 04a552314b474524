//! Which ready thread runs next: one file per policy.
//!
//! To add a policy: one file that implements [`Policy`], and one row in each of the three lists below.

mod fair;
mod first_come;
mod round_robin;

use std::fmt;

use serde::Deserialize;

use crate::id::ThreadId;
use crate::time::Duration;

/// The order of the run queue.
pub trait Policy {
    /// The thread is ready.
    fn enqueue(&mut self, thread: ThreadId, why: Why);

    /// The thread to run next leaves the queue.
    fn pick(&mut self) -> Option<ThreadId>;

    /// Threads in the queue.
    fn waiting(&self) -> usize;

    /// The longest a thread runs while another waits; `None` for as long as it likes.
    fn slice(&self) -> Option<Duration>;

    /// Whether `Yield` gives the core to a waiting thread.
    fn honors_yield(&self) -> bool;

    /// The thread has had so much core time and now leaves its core.
    fn ran(&mut self, _thread: ThreadId, _time: Duration) {}

    /// Whether a thread that just woke takes the core of one that has run for `ran` since its dispatch: by how much it is
    /// the more deserving.
    fn preempts(&self, _woken: ThreadId, _running: ThreadId, _ran: Duration) -> Option<u64> {
        None
    }
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

/// Name and one line of explanation of every policy, for `gilsim list`.
pub const POLICIES: &[(&str, &str)] = &[
    ("Fair", "equal shares, preemptive, like Linux: who had least core time runs next"),
    ("RoundRobin(\"4ms\", [ties])", "everyone in turn, each for at most a slice"),
    ("FirstCome", "in order of arrival; runs until it blocks or ends"),
    ("Cooperative", "runs until it blocks, ends or yields"),
];

/// The state of a policy. An enum rather than a trait object: it can be cloned, hashed and compared.
#[derive(Clone, Debug, Hash)]
pub enum AnyPolicy {
    /// See [`PolicyConfig::Fair`].
    Fair(fair::Fair),
    /// See [`PolicyConfig::RoundRobin`].
    RoundRobin(round_robin::RoundRobin),
    /// See [`PolicyConfig::FirstCome`] and [`PolicyConfig::Cooperative`].
    FirstCome(first_come::FirstCome),
}

impl PolicyConfig {
    /// An empty run queue under this policy, for a machine of so many cores.
    pub fn build(&self, cores: u32) -> AnyPolicy {
        match self {
            PolicyConfig::Fair => AnyPolicy::Fair(fair::Fair::new(cores)),
            PolicyConfig::RoundRobin(slice, ties) => AnyPolicy::RoundRobin(round_robin::RoundRobin::new(*slice, *ties)),
            PolicyConfig::FirstCome => AnyPolicy::FirstCome(first_come::FirstCome::new(false)),
            PolicyConfig::Cooperative => AnyPolicy::FirstCome(first_come::FirstCome::new(true)),
        }
    }
}

macro_rules! each {
    ($any:expr, $policy:ident => $call:expr) => {
        match $any {
            AnyPolicy::Fair($policy) => $call,
            AnyPolicy::RoundRobin($policy) => $call,
            AnyPolicy::FirstCome($policy) => $call,
        }
    };
}

impl Policy for AnyPolicy {
    #[inline(always)]
    fn enqueue(&mut self, thread: ThreadId, why: Why) {
        each!(self, policy => policy.enqueue(thread, why));
    }
    #[inline(always)]
    fn pick(&mut self) -> Option<ThreadId> {
        each!(self, policy => policy.pick())
    }
    #[inline(always)]
    fn waiting(&self) -> usize {
        each!(self, policy => policy.waiting())
    }
    #[inline(always)]
    fn slice(&self) -> Option<Duration> {
        each!(self, policy => policy.slice())
    }
    #[inline(always)]
    fn honors_yield(&self) -> bool {
        each!(self, policy => policy.honors_yield())
    }
    #[inline(always)]
    fn ran(&mut self, thread: ThreadId, time: Duration) {
        each!(self, policy => policy.ran(thread, time));
    }
    #[inline(always)]
    fn preempts(&self, woken: ThreadId, running: ThreadId, ran: Duration) -> Option<u64> {
        each!(self, policy => policy.preempts(woken, running, ran))
    }
}
