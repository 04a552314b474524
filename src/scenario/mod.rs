//! Scenario text to models: everything that can be wrong is found here, at once, with its place.

pub mod ast;
pub mod check;
mod compile;
pub mod control;
pub mod diagnostic;
mod draft;
pub mod edit;
mod examples;
pub mod expect;
pub mod load;
mod lower;
mod one_line;
pub mod path;
mod quantities;
pub mod render;
pub mod smaller;
mod sweep;
pub mod syntax;
mod types;
pub mod words;

pub use compile::compile;

use indexmap::IndexMap;

use crate::model::Model;
use expect::Expect;

/// What [`compile()`] makes of a text.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Ready to run.
    pub scenario: Scenario,
    /// What is probably not as meant.
    pub warnings: Vec<diagnostic::Diagnostic>,
}

/// A scenario that is known to be right.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// File name without its ending; outputs go to `output/<name>/`.
    pub name: String,
    /// Its title, or its name.
    pub title: String,
    /// Seed of the first run; run i has `seed + i`.
    pub seed: u64,
    /// Replications.
    pub runs: u32,
    /// One per point of the sweep; one if nothing is swept.
    pub points: Vec<Point>,
    /// Pictures.
    pub charts: Vec<String>,
    /// What must hold.
    pub expect: Vec<Expect>,
}

/// One point of the sweep.
#[derive(Clone, Debug)]
pub struct Point {
    /// Swept paths and their values as written.
    pub settings: IndexMap<String, String>,
    /// The machine in words: `4 cores, RoundRobin("4ms"), costs Linux`.
    pub machine: String,
    /// One per execution model.
    pub models: Vec<Model>,
}
