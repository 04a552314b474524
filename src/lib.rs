//! gilsim: what will my concurrent program do, and why?
//!
//! A run is a pure function of a scenario and a seed. Data flows one way:
//!
//! ```text
//! scenario text ──compile──▶ Model ──run(seed)──▶ Records, Outcome ──measure──▶ Figures ──render──▶ files
//! ```
//!
//! Each group of `mod` lines below is a layer. A module uses the layers above its own and nothing else.

// Names of things.
pub mod id;
pub mod time;

// The engine room.
pub mod choice;
pub mod dist;
pub mod engine;
pub mod rng;
pub mod slab;
pub mod trace;

// Mechanisms: one kind of state each, strangers to one another.
pub mod io;
pub mod kernel;
pub mod net;
pub mod runtime;
pub mod sync;

// The waist.
pub mod model;

// New work, by the model's description of it.
pub mod load;

// Text to model, which never runs anything; model to records, which never sees text.
pub mod scenario;
pub mod sim;

// Model to verdict: all schedules, without time.
pub mod explore;

// Records to verdicts and numbers.
pub mod audit;
pub mod metrics;

// A run that can be asked.
pub mod query;

// Random programs, for tests with proptest.
#[cfg(feature = "proptest")]
pub mod strategies;

// Numbers to files.
pub mod report;

// Every point, model and seed of a scenario, and what must hold.
pub mod experiment;

// Files, whole or not at all.
pub mod output;

// What there is to choose from.
pub mod catalog;
