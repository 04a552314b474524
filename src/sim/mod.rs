//! The simulator: a model and a seed in, records and an outcome out.

mod outcome;

pub use outcome::{Ended, Outcome, Waiting};

use crate::model::Model;
use crate::trace::Sink;

/// Runs the model under the seed and hands every record to the sink.
pub fn run<S: Sink>(_model: &Model, _seed: u64, _sink: &mut S) -> Ended {
    todo!("the simulator")
}
