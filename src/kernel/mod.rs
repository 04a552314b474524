//! Cores and the run queue.

pub mod policy;
