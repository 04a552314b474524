//! Random programs for tests with [proptest](https://docs.rs/proptest): for every program of a shape, and every schedule of
//! it, something holds.
//!
//! A [`Shape`] says what programs are made of, in the words of scenarios. It is a strategy: it draws [`Program`]s that
//! are scenarios without an error, and makes one that fails smaller, up to one of which nothing can be left out. Steps that stand
//! earlier in the shape count as simpler, and so do names that come first in the alphabet, so that different draws of the
//! same fault end in the same small program.
//!
//! ```
//! use gilsim::strategies::{Shape, locks, variables};
//! use proptest::prelude::*;
//! use proptest::test_runner::TestRunner;
//!
//! // Whatever is done inside of one lock: nobody waits for ever.
//! let shape = Shape::threads().with(variables).job(r#"With("a", [..])"#).shared("a", "Lock");
//! let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
//! TestRunner::new(config.clone()).run(&shape, |program| program.holds(10_000)).unwrap();
//!
//! // Of two locks in any order that does not hold: proptest shows the smallest program that does otherwise.
//! let shape = Shape::threads().with(locks);
//! assert!(TestRunner::new(config).run(&shape, |program| program.holds(10_000)).is_err());
//! ```

mod program;
mod shape;
mod shrink;
mod words;

#[cfg(test)]
mod tests;

pub use program::Program;
pub use shape::Shape;
pub use words::{
    atomics, conditions, coroutines, events, exceptions, locks, queues, semaphores, spawns, times, variables,
};
