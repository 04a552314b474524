//! What policies may know of a thread besides its number.

use crate::time::{Duration, Time};

/// What the job that a thread carries says about its urgency. Threads without a job have the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Smaller is more urgent.
    pub priority: u32,
    /// Weight of a share, as Linux has it: -20 (most) to 19 (least).
    pub nice: i8,
    /// Shares of a lottery.
    pub tickets: u32,
    /// The slice it asks for.
    pub slice: Option<Duration>,
    /// When the job arrived.
    pub release: Time,
    /// The number of its task, in the order of the scenario.
    pub task: u32,
    /// The number of the job among all, in order of arrival.
    pub order: u64,
    /// When the job has to be complete; [`Time::NEVER`] if nobody says.
    pub deadline: Time,
    /// From one job of its task to the next; [`Duration::FOREVER`] if they are not periodic.
    pub period: Duration,
    /// Core time of the burst that comes next; kept up to date only for policies that ask.
    pub remaining: Duration,
    /// What it inherits by the locks that it holds, in the number that the policy orders by: it counts if it is smaller than
    /// its own. [`u64::MAX`] for nothing.
    pub inherited: u64,
}

impl Attributes {
    /// Of threads that carry no job.
    pub const DEFAULT: Attributes = Attributes {
        priority: 100,
        nice: 0,
        tickets: 100,
        slice: None,
        release: Time::ZERO,
        task: u32::MAX,
        order: 0,
        deadline: Time::NEVER,
        period: Duration::FOREVER,
        remaining: Duration::ZERO,
        inherited: u64::MAX,
    };

    /// From the arrival of the job to its deadline.
    pub fn relative_deadline(&self) -> Duration {
        if self.deadline == Time::NEVER { Duration::FOREVER } else { self.deadline.since(self.release) }
    }
}

/// What a policy needs to be told of threads. Others cost nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Needs {
    /// Which thread, and why it is ready.
    Nothing,
    /// Its [`Attributes`] without `remaining`, if any task has a nice value or a slice of its own.
    Shares,
    /// Its [`Attributes`] without `remaining`.
    Attributes,
    /// All of them.
    Demand,
}

impl Needs {
    /// The same, if shares need not be told because no task has its own.
    pub fn where_all_are_alike(self, alike: bool) -> Needs {
        match self {
            Needs::Shares if alike => Needs::Nothing,
            Needs::Shares => Needs::Attributes,
            needs => needs,
        }
    }
}
