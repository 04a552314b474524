//! Interpreters as they are written. What is left out is as the interpreter has it: see `model::Interpreter`.

use serde::Deserialize;

use crate::model::CheckPoints;
use crate::time::Duration;

/// What runs the code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Interpreter {
    /// Python with a GIL, unless the model has none.
    CPython {
        /// Such as `3.14`.
        #[serde(default = "newest")]
        version: String,
        /// From 3.2 on: how long a thread waits for the GIL before it asks for it: `sys.setswitchinterval`.
        #[serde(default)]
        switch_interval: Option<Duration>,
        /// Up to 3.1: the holder offers the GIL every so many bytecodes: `sys.setcheckinterval`.
        #[serde(default)]
        check_interval: Option<u32>,
        /// Up to 3.1: the time of a bytecode.
        #[serde(default)]
        bytecode: Option<Duration>,
        /// Up to 3.1: for so long the GIL is free at the end of each check interval.
        #[serde(default)]
        release_window: Option<Duration>,
        /// Up to 3.1: core time to wake a waiter.
        #[serde(default)]
        signal: Option<Duration>,
        /// Where the GIL may change hands.
        #[serde(default)]
        check_points: Option<CheckPoints>,
        /// Core time of `Incr` between its `Load` and its `Store`.
        #[serde(default)]
        increment: Option<Duration>,
        /// From 3.13 on: CPU times in the build without a GIL are so many times longer.
        #[serde(default)]
        free_threading: Option<f64>,
        /// From 3.13 on: without a GIL an `Incr` takes so much longer for every other thread that runs.
        #[serde(default)]
        shared_access: Option<Duration>,
        /// Core time to change the reference count of an object by load, add and store.
        #[serde(default)]
        plain_count: Option<Duration>,
        /// Core time to change it by an atomic instruction.
        #[serde(default)]
        atomic_count: Option<Duration>,
        /// The same in both ways if another core changed it last.
        #[serde(default)]
        moved_count: Option<Duration>,
        /// From 3.13 on: an extension that needs it has brought the GIL back in the build without one.
        #[serde(default)]
        unsafe_extension: bool,
        /// From 3.12 on: tasks of event loops begin inside of the step that creates them: `asyncio.eager_task_factory`.
        #[serde(default)]
        eager_tasks: bool,
        /// Who starts a thread waits until that has come up, as by `threading.Thread.start`; not so by `_thread`.
        #[serde(default = "yes")]
        start_handshake: bool,
    },
    /// Python compiled just in time.
    PyPy {
        /// A holder yields after so long if somebody waits.
        #[serde(default = "one_ms")]
        check_interval: Duration,
        /// The longest waiter looks so often for a released lock.
        #[serde(default = "hundred_us")]
        poll: Duration,
        /// Core time of `Incr` between its `Load` and its `Store`.
        #[serde(default = "fifty_ns")]
        increment: Duration,
    },
    /// MRI: turns of a fixed length, first come first served.
    Ruby {
        /// The longest turn while others wait.
        #[serde(default = "hundred_ms")]
        quantum: Duration,
        /// Core time of `Incr` between its `Load` and its `Store`.
        #[serde(default = "fifty_ns")]
        increment: Duration,
    },
    /// OCaml up to 4.14: a clock ends turns.
    OCaml4 {
        /// Time between two of its ticks.
        #[serde(default = "fifty_ms")]
        tick: Duration,
        /// Core time of `Incr` between its `Load` and its `Store`.
        #[serde(default = "fifty_ns")]
        increment: Duration,
    },
    /// Python on the JVM: no lock.
    Jython,
    /// Python on .NET: no lock.
    IronPython,
    /// Compiled code: no lock.
    Native,
}

impl Default for Interpreter {
    fn default() -> Interpreter {
        Interpreter::CPython {
            version: newest(),
            switch_interval: None,
            check_interval: None,
            bytecode: None,
            release_window: None,
            signal: None,
            check_points: None,
            increment: None,
            free_threading: None,
            shared_access: None,
            plain_count: None,
            atomic_count: None,
            moved_count: None,
            unsafe_extension: false,
            eager_tasks: false,
            start_handshake: true,
        }
    }
}

fn newest() -> String {
    crate::model::Version::DEFAULT.to_string()
}

fn yes() -> bool {
    true
}

fn one_ms() -> Duration {
    Duration::ms(1)
}

fn hundred_us() -> Duration {
    Duration::us(100)
}

fn hundred_ms() -> Duration {
    Duration::ms(100)
}

fn fifty_ms() -> Duration {
    Duration::ms(50)
}

fn fifty_ns() -> Duration {
    Duration(50)
}
