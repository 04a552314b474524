//! Where a thread stands among those that compete.

use crate::kernel::policy::linux::UNIT;
use crate::time::Time;

/// Where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stand {
    /// It does not compete.
    Away,
    Ready,
    /// It has a core, perhaps still switching.
    Running,
    /// It gave up its core at this instant: whether it stays is not known yet.
    Leaving,
    /// It blocked with more than its share, and competes until the others have caught up (`DELAY_DEQUEUE`).
    Lingering,
}

/// Times are virtual if nothing else is said.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Standing {
    pub stand: Stand,
    pub weight: u64,
    /// In nanoseconds.
    pub slice: u64,
    pub time: i64,
    pub deadline: i64,
    pub joined: u64,
    /// The average less the virtual time, when it left.
    pub lag: i64,
    /// While it runs: up to here nobody takes its core as long as it is eligible (`RUN_TO_PARITY`).
    pub protected: i64,
    /// While it runs: somebody better came.
    pub urged: bool,
    /// From when on its core time is not yet in `time`; [`Time::NEVER`] if it does not execute.
    pub since: Time,
}

pub const NOBODY: Standing = Standing {
    stand: Stand::Away,
    weight: UNIT,
    slice: 0,
    time: 0,
    deadline: 0,
    joined: 0,
    lag: 0,
    protected: 0,
    urged: false,
    since: Time::NEVER,
};
