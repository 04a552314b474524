//! What threads and coroutines wait for each other with: one file per kind, each a state machine that knows neither the
//! clock nor its neighbours.

mod lock;

pub use lock::{Acquire, Lock};
