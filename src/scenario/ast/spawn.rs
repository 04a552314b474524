//! What `Spawn` starts.

use serde::Deserialize;

/// What is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SpawnWhat {
    /// A thread of the same process.
    Thread,
    /// A child process.
    Process,
    /// A coroutine of the same event loop.
    Coroutine,
    /// A thread of the same process that nobody waits for at the end.
    DaemonThread,
    /// A child process that is terminated at the end.
    DaemonProcess,
}

impl SpawnWhat {
    /// Whether the run does not wait for it.
    pub fn is_daemon(self) -> bool {
        matches!(self, SpawnWhat::DaemonThread | SpawnWhat::DaemonProcess)
    }

    /// Whether it is a process of its own.
    pub fn is_process(self) -> bool {
        matches!(self, SpawnWhat::Process | SpawnWhat::DaemonProcess)
    }
}
