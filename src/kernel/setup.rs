//! What a kernel is built from.

use serde::Deserialize;

use super::core_set::CoreSet;
use super::pace::Paces;
use super::policy::PolicyConfig;
use super::queues::Queues;
use crate::time::Duration;

/// Which of several equal running threads loses its core to a more urgent one: a tie rule, as far as tasks are alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Loses {
    /// The one on the core with the lowest number.
    #[default]
    LowestCore,
    /// The one on the core with the highest number.
    HighestCore,
}

impl Loses {
    /// Whether it can matter: there is one queue for several cores, and a thread that becomes ready may take a core.
    pub fn matters(cores: u32, queues: Option<Queues>, policy: &PolicyConfig) -> bool {
        // No two threads of a feedback queue are equal.
        let equals = !matches!(policy, PolicyConfig::Mlfq(_));
        equals && cores > 1 && queues.unwrap_or(Queues::usual(policy)) == Queues::Global && policy.promises().ousts()
    }

    /// The other rule.
    pub fn other(self) -> Loses {
        match self {
            Loses::LowestCore => Loses::HighestCore,
            Loses::HighestCore => Loses::LowestCore,
        }
    }
}

/// What a kernel is for.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Number of cores, at least 1.
    pub cores: u32,
    /// The order of run queues.
    pub policy: &'a PolicyConfig,
    /// One for all, or one for each core, with all settings written out.
    pub queues: Queues,
    /// Sets of cores that threads may be bound to; empty if no thread is.
    pub affinities: Vec<CoreSet>,
    /// No task has a nice value or a slice of its own.
    pub alike: bool,
    /// One timer interrupt for all cores so often, at which threads change, and no slices.
    pub interrupt: Option<Duration>,
    /// Which of equal threads loses its core.
    pub loses: Loses,
    /// What makes cores faster or slower.
    pub paces: &'a Paces,
    /// For policies that draw.
    pub seed: u64,
}
