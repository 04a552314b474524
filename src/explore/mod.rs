//! Whether something can happen at all: all schedules of a model, without time.
//!
//! A run of the simulator answers what happens on one machine with these durations. Here durations do not count: whoever
//! can go on may go on next, at every place where the interpreter lets another thread in ([`Preemption`]). A model is data,
//! so states can be stored, compared and merged: the state graph is finite as long as loops are, and much smaller than the
//! number of schedules.

mod behaviours;
mod bounds;
mod bypass;
mod circles;
mod counts;
mod create;
mod endings;
mod executor;
mod graph;
mod machine;
mod memo;
mod memory;
mod objects;
mod packed;
mod packed_task;
mod portfolio;
mod possible;
mod property;
mod raise;
pub mod schedule;
mod share;
mod smaller;
mod state;
mod step;
mod strategy;
mod together;
mod turns;
mod unfit;
mod verdict;
pub mod words;

#[cfg(test)]
mod tests;

pub use bounds::{Bounded, Cost, Witness, bounded, nearest};
pub use counts::{Counts, counts, random_walk};
pub use endings::{Ending, endings};
pub use graph::{Budget, Graph, Incomplete};
pub use machine::{Machine, Preemption};
pub use portfolio::Sampled;
pub use property::{AtEnd, Failure, LastValue, Moment, Property};
pub use smaller::{Smaller, smaller};
pub use state::{State, Wrong};
pub use step::Choice;
pub use strategy::{End, PORTFOLIO, Sampler, Strategy, shrink, strategy};
pub use unfit::Unfit;
pub use verdict::{Explored, Found, Search, Verdict, drive, explore, outcome, search};
