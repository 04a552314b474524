//! Which cores share a run queue, as a scenario says it.

use std::fmt;

use serde::Deserialize;

use super::policy::PolicyConfig;
use crate::time::Duration;

/// One run queue, or one for each core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Queues {
    /// One for all cores: a free core takes the next thread, whoever it is.
    Global,
    /// One for each core. A woken thread goes to the core it ran on last, or to a free one.
    PerCore {
        /// Whether a core that has nothing to do takes threads from the queues of others.
        #[serde(default = "yes")]
        steal: bool,
        /// How often queues are compared and made equal; every so many milliseconds as there are cores if cores steal,
        /// else never.
        #[serde(default)]
        balance: Option<Duration>,
        /// How long after its run a thread is left where it is, because its data is in the cache there; 500 us if a
        /// migration costs something, else zero.
        #[serde(default)]
        hot: Option<Duration>,
    },
}

fn yes() -> bool {
    true
}

/// `sysctl_sched_migration_cost` of Linux.
pub const CACHE_HOT: Duration = Duration::us(500);

impl Queues {
    /// As Linux has it.
    pub const PER_CORE: Queues = Queues::PerCore { steal: true, balance: None, hot: None };

    /// What the system that a policy comes from has.
    pub fn usual(policy: &PolicyConfig) -> Queues {
        if policy.per_core() { Queues::PER_CORE } else { Queues::Global }
    }

    /// The same with every setting written out, for a machine of so many cores.
    pub fn settled(self, cores: u32, migration: Duration) -> Queues {
        let Queues::PerCore { steal, balance, hot } = self else { return self };
        let usual = steal.then(|| Duration::ms(u64::from(cores)));
        let warm = if migration > Duration::ZERO { CACHE_HOT } else { Duration::ZERO };
        Queues::PerCore { steal, balance: balance.or(usual), hot: hot.or(Some(warm)) }
    }
}

impl fmt::Display for Queues {
    /// As a scenario writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Queues::PerCore { steal, balance, hot } = self else { return write!(f, "Global") };
        let mut settings = Vec::new();
        if !steal {
            settings.push("steal: false".to_owned());
        }
        settings.extend(balance.map(|balance| format!("balance: \"{balance}\"")));
        settings.extend(hot.map(|hot| format!("hot: \"{hot}\"")));
        write!(f, "PerCore({})", settings.join(", "))
    }
}
