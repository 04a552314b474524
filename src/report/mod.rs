//! Numbers to files.

pub mod latency;
pub mod scene;
pub mod series;
pub mod timeline;
