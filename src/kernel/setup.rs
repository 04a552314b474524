//! What a kernel is built from.

use super::core_set::CoreSet;
use super::pace::Paces;
use super::policy::PolicyConfig;
use super::queues::Queues;
use crate::time::Duration;

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
    /// What makes cores faster or slower.
    pub paces: &'a Paces,
    /// For policies that draw.
    pub seed: u64,
}
