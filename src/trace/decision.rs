//! Why a core runs whom it runs.

use std::fmt;

use crate::id::CoreId;
use crate::time::Time;

/// One decision of the scheduler. Only made for sinks that ask: [`Sink::explains`](super::Sink::explains).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub time: Time,
    /// About which core, if about any.
    pub core: Option<CoreId>,
    /// What was decided.
    pub what: Decided,
    /// The thread that it is about.
    pub thread: String,
    /// The one that does without.
    pub over: Option<String>,
    /// The reason, as a clause after "because".
    pub because: String,
}

/// Kinds of decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// A free core takes the thread from the run queue.
    Takes,
    /// The thread takes the core of one that runs.
    Preempts,
    /// The thread's slice is over, and it goes on all the same.
    Keeps,
    /// The thread's slice is over, and it goes back to the run queue.
    Leaves,
    /// The thread comes from the queue of another core into that of this one.
    Gets,
    /// The thread leaves the core because it waits.
    Waits,
    /// It becomes more or less urgent by a lock: as if it had this priority, deadline or period.
    Becomes(String),
    /// Its job is dropped.
    Drops,
}

impl fmt::Display for Decision {
    /// `4ms  core 0 takes b over a, because …`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Decision { time, core, what, thread, over, because } = self;
        let at = crate::time::Duration(time.0).to_string();
        let core = core.map_or(String::new(), |core| format!("core {}", core.0));
        write!(f, "{at:>14}  {core:<7} ")?;
        match (what, over) {
            (Decided::Takes, Some(over)) => write!(f, "takes {thread} over {over}")?,
            (Decided::Takes, None) => write!(f, "takes {thread}")?,
            (Decided::Preempts, Some(over)) => write!(f, "goes from {over} to {thread}")?,
            (Decided::Preempts, None) => write!(f, "goes to {thread}")?,
            (Decided::Keeps, Some(over)) => write!(f, "keeps {thread} over {over}")?,
            (Decided::Keeps, None) => write!(f, "keeps {thread}")?,
            (Decided::Gets, _) => write!(f, "gets {thread}")?,
            (Decided::Leaves | Decided::Waits, _) => write!(f, "lets {thread} go")?,
            (Decided::Becomes(urgency), _) => write!(f, "{thread} has {urgency}")?,
            (Decided::Drops, _) => write!(f, "drops {thread}")?,
        }
        write!(f, ", because {because}")
    }
}
