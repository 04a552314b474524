//! What stands between threads and the code they run: the GIL and the event loop.

pub mod event_loop;
pub mod gil;
