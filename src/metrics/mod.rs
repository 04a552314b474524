//! Records to numbers.
//!
//! A [`Meter`] listens to a run and keeps sums, not records: its memory grows with what lives at the same time, never with
//! the length of the run.

mod clock;
pub mod figures;
mod gil;
mod jobs;
mod longest;
mod meter;
mod moments;
mod network;
mod sample;
mod threads;

#[cfg(test)]
mod tests;

pub use jobs::deadline;
pub use meter::Meter;
pub use moments::{Held, Moments};
