//! What the machine's mechanisms cost, as named presets.

use serde::Deserialize;

use crate::dist::Dist;
use crate::time::Duration;

/// The costs of a machine and its interpreter. `docs/model.md` says where each figure comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Core time of a context switch.
    pub context_switch: Duration,
    /// When a context switch is charged.
    pub switch_charged: SwitchCharged,
    /// Core time when a thread begins on another core than the one it ran on last: its data is in the cache there.
    pub migration: Duration,
    /// From "made runnable" to "in the run queue", for a thread that was blocked.
    pub wake_latency: Dist,
    /// How late a timed wait fires.
    pub timer_slack: Duration,
    /// Core time of a system call, the GIL released.
    pub syscall: Duration,
    /// Core time of a thread after a request of its own is done, before it goes on.
    pub completion: Duration,
    /// Core time the parent spends to create a thread.
    pub thread_start: Duration,
    /// Core time the parent spends to create a process.
    pub process_start: Duration,
    /// From the creation of a process until its main thread is runnable.
    pub process_boot: Duration,
    /// From the start of a thread in an interpreter of its own until it is runnable.
    pub interpreter_boot: Duration,
    /// Core time of the parent for each chunk of a `ProcessPoolExecutor`, a third each to hand it on, to send it, and to take its result.
    pub dispatch: Duration,
    /// The same of a `multiprocessing.Pool`, half each to send it and to take its result.
    pub pool_dispatch: Duration,
    /// Core time of a worker process to receive a chunk, and to send its results, besides their bytes.
    pub message: Duration,
    /// Core time for each job in a message, at each end.
    pub pickle: Duration,
    /// Core time for each 1,000 bytes of a message, half of it at each end.
    pub kilobyte: Duration,
    /// Core time the parent spends to start a process by `spawn` or `forkserver`.
    pub spawn_start: Duration,
    /// From there until a spawned process can run.
    pub spawn_boot: Duration,
    /// From the first start of a process by `forkserver` until the server can fork.
    pub forkserver_start: Duration,
    /// From there, or from the start, until a process of the server can run.
    pub forkserver_boot: Duration,
    /// Core time of the event loop for one handle.
    pub callback: Duration,
    /// Core time of the event loop for one iteration, without the GIL (poll and bookkeeping).
    pub iteration: Duration,
    /// Core time of `select` and `poll` for each descriptor they watch, without the GIL.
    pub watched: Duration,
    /// Core time of a selector for each ready socket that it reports, without the GIL.
    pub reported: Duration,
    /// Core time to write to the self-pipe of an event loop from another thread, without the GIL, and as much to read it.
    pub self_pipe: Duration,
    /// The selector's timeouts are rounded up to a multiple of this.
    pub timer_granularity: Duration,
    /// From a drop request to the holder's next check point.
    pub check_point: Duration,
}

/// When a context switch is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum SwitchCharged {
    /// Whenever the thread on a core changes; not before the first thread of a core.
    #[default]
    OnChange,
    /// Whenever a thread gets a core: the first one, and the same one again, too.
    Always,
}

impl Costs {
    /// Nothing costs anything: for lessons and theory.
    pub fn zero() -> Costs {
        Costs {
            context_switch: Duration::ZERO,
            switch_charged: SwitchCharged::OnChange,
            migration: Duration::ZERO,
            wake_latency: Dist::ZERO,
            timer_slack: Duration::ZERO,
            syscall: Duration::ZERO,
            completion: Duration::ZERO,
            thread_start: Duration::ZERO,
            process_start: Duration::ZERO,
            process_boot: Duration::ZERO,
            interpreter_boot: Duration::ZERO,
            dispatch: Duration::ZERO,
            pool_dispatch: Duration::ZERO,
            message: Duration::ZERO,
            pickle: Duration::ZERO,
            kilobyte: Duration::ZERO,
            spawn_start: Duration::ZERO,
            spawn_boot: Duration::ZERO,
            forkserver_start: Duration::ZERO,
            forkserver_boot: Duration::ZERO,
            callback: Duration::ZERO,
            iteration: Duration::ZERO,
            watched: Duration::ZERO,
            reported: Duration::ZERO,
            self_pipe: Duration::ZERO,
            timer_granularity: Duration(1),
            check_point: Duration::ZERO,
        }
    }

    /// As [`Costs::linux`], with uvloop for the loop of asyncio: an iteration with one callback takes 1.3 us instead of 3.3 us
    /// (measured with CPython 3.13), so both of its parts take 0.39 of the time.
    pub fn uvloop() -> Costs {
        Costs { callback: Duration(160), iteration: Duration(590), ..Costs::linux() }
    }

    /// A current Linux on x86-64 with CPython 3.13.
    pub fn linux() -> Costs {
        Costs {
            context_switch: Duration::us(2),
            switch_charged: SwitchCharged::OnChange,
            migration: Duration::us(20),
            wake_latency: Dist::LogNormal { median: Duration::us(8), sigma: 0.9 },
            timer_slack: Duration::us(50),
            syscall: Duration(150),
            completion: Duration::ZERO,
            thread_start: Duration::us(20),
            process_start: Duration::us(970),
            process_boot: Duration::ms(1),
            interpreter_boot: Duration::ms(20),
            dispatch: Duration::us(150),
            pool_dispatch: Duration::us(30),
            message: Duration(6_500),
            pickle: Duration(100),
            kilobyte: Duration::us(1),
            spawn_start: Duration::ms(2),
            spawn_boot: Duration::ms(98),
            forkserver_start: Duration::ms(54),
            forkserver_boot: Duration::ms(4),
            callback: Duration(400),
            iteration: Duration(1_500),
            watched: Duration(34),
            reported: Duration(100),
            self_pipe: Duration(2_500),
            timer_granularity: Duration::ms(1),
            check_point: Duration(100),
        }
    }
}
