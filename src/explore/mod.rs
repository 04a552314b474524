//! Whether something can happen at all: all schedules of a model, without time.
//!
//! A run of the simulator answers what happens on one machine with these durations. Here durations do not count: whoever
//! can go on may go on next, at every place where the interpreter lets another thread in ([`Preemption`]). A model is data,
//! so states can be stored, compared and merged: the state graph is finite as long as loops are, and much smaller than the
//! number of schedules.

mod bounds;
mod counts;
mod graph;
mod machine;
mod objects;
mod property;
pub mod schedule;
mod share;
mod state;
mod step;
mod strategy;
mod verdict;
pub mod words;

#[cfg(test)]
mod tests;

pub use bounds::{Bounded, Cost, Witness, bounded, nearest};
pub use counts::{Counts, counts, random_walk};
pub use graph::{Budget, Graph, Incomplete};
pub use machine::{Machine, Preemption, Unfit};
pub use property::{Failure, LastValue, Property};
pub use state::State;
pub use step::Choice;
pub use strategy::{Sample, Strategy, sample, shrink, strategy};
pub use verdict::{Explored, Found, Verdict, explore};
