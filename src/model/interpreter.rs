//! The interpreter under the threads, and what the known ones are like.

use std::fmt;

use serde::Deserialize;

use super::{CountTimes, Execution, StartMethod};
use crate::runtime::gil::{Forced, Release, Rules, Turn};
use crate::time::Duration;

/// The interpreter under the threads. `docs/model.md` says what every preset sets and where that comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpreter {
    /// As a person calls it: `CPython 3.14`.
    pub name: String,
    /// How its lock changes hands; `None` if threads need none.
    pub gil: Option<Rules>,
    /// Core time of one `Incr`, between its load and its store.
    pub increment: Duration,
    /// Where a thread can lose the lock.
    pub check_points: CheckPoints,
    /// Factor in thousandths on the time of Python code in a free-threaded build (1400 = 1.4 times as long).
    pub free_threading_permille: u32,
    /// What an `Incr` takes longer in a free-threaded build for every other thread that runs at the same time.
    pub shared_access: Duration,
    /// What it takes to change a reference count.
    pub counts: CountTimes,
    /// An extension that is not safe without a GIL has brought it back in the free-threaded build.
    pub unsafe_extension: bool,
    /// How many workers a pool of threads has if nobody says how many.
    pub default_workers: DefaultWorkers,
    /// How processes of pools start if nobody says how.
    pub start_method: StartMethod,
    /// How a thread gets a lock that it had to wait for.
    pub parking: Parking,
    /// `time.sleep(0)` goes to sleep, for as long as a timer is late, where it otherwise only gives way.
    pub sleeps_at_yield: bool,
    /// Tasks of event loops begin inside of the step that creates them: `asyncio.eager_task_factory`.
    pub eager_tasks: bool,
    /// Who starts a thread waits until that has come up, that is, has taken the lock for the first time (`Thread.start` of
    /// `Lib/threading.py`, which waits for the event `_started`).
    pub start_handshake: bool,
    /// A coroutine that is cancelled while it waits for a notification notifies somebody else when it has its lock again, as it
    /// may have been notified itself (`asyncio.Condition.wait`).
    pub passes_notifications_on: bool,
    /// A task group that fails takes back its own request to cancel its parent, and if there are others, asks for them again: they
    /// take effect where the parent next awaits (`asyncio.TaskGroup.__aexit__`, 3.13). Before, its request stays.
    pub groups_uncancel: bool,
}

/// How a thread gets a `threading.Lock` that it had to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parking {
    /// A semaphore: it takes the lock if that is free when it runs again, and then waits for the GIL, with the lock
    /// (`PyThread_acquire_lock_timed`).
    Semaphore,
    /// `PyMutex`: it waits for the GIL first, and then asks for the lock again. Who has waited for so long is given the lock
    /// (`TIME_TO_BE_FAIR_NS` in `Python/lock.c`).
    Mutex { fair_after: Duration },
}

/// How many workers a pool of threads has if nobody says how many: `max_workers` of `ThreadPoolExecutor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefaultWorkers {
    /// Five for each core: CPython up to 3.7, and the backport for versions before 3.2.
    FivePerCore,
    /// Four more than there are cores, at most 32: from 3.8 on.
    FourMore,
}

impl DefaultWorkers {
    /// How many there are on so many cores.
    pub fn on(self, cores: u32) -> u32 {
        match self {
            DefaultWorkers::FivePerCore => cores.saturating_mul(5),
            DefaultWorkers::FourMore => cores.saturating_add(4).min(32),
        }
    }
}

/// Where a thread that executes interpreted code can lose the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum CheckPoints {
    /// Between any two bytecodes: also inside `x += 1`.
    AnyBytecode,
    /// Where a function begins, after a call, and at the end of a loop's round.
    CallsAndJumps,
}

/// A version of CPython.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u8,
    minor: u8,
}

impl Version {
    /// The newest that was measured, which a scenario gets if it names none.
    pub const DEFAULT: Version = Version { major: 3, minor: 14 };

    /// All that are known, oldest first.
    pub fn all() -> impl Iterator<Item = Version> {
        std::iter::once(Version { major: 2, minor: 7 }).chain((0..=15).map(|minor| Version { major: 3, minor }))
    }

    /// A known version, from `3.14`.
    pub fn parse(text: &str) -> Option<Version> {
        Version::all().find(|version| version.to_string() == text)
    }

    /// The known version that is nearest to what looks like one: `3.14.2`, `3.14t`, `3.99`, `2.6`.
    pub fn nearest(text: &str) -> Option<Version> {
        let mut numbers =
            text.split('.').map(|part| part.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>());
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().map_or(Some(u32::MAX), Result::ok)?;
        let number = |version: &Version| (u32::from(version.major), u32::from(version.minor));
        Version::all().filter(|version| number(version) <= (major, minor)).last().or(Version::all().next())
    }

    /// 2.7 to 3.1: the holder offers its lock every so many bytecodes.
    pub fn has_check_interval(self) -> bool {
        self < Version { major: 3, minor: 2 }
    }

    /// Whether it has `InterpreterPoolExecutor`.
    pub fn has_interpreter_pool(self) -> bool {
        self >= Version { major: 3, minor: 14 }
    }

    /// Whether `asyncio` is in the library.
    pub fn has_asyncio(self) -> bool {
        self >= Version { major: 3, minor: 4 }
    }

    /// Whether processes can start by `spawn` and `forkserver`.
    pub fn has_start_methods(self) -> bool {
        self >= Version { major: 3, minor: 4 }
    }

    /// Interpreters of one process can have a GIL each.
    pub fn has_subinterpreters(self) -> bool {
        self >= Version { major: 3, minor: 12 }
    }

    /// Whether it has `asyncio.eager_task_factory`.
    pub fn has_eager_tasks(self) -> bool {
        self >= Version { major: 3, minor: 12 }
    }

    /// There is a build without a GIL.
    pub fn has_free_threading(self) -> bool {
        self >= Version { major: 3, minor: 13 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What the old lock of CPython is made of.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    /// Bytecodes of a turn: `sys.setcheckinterval`.
    pub check_interval: u32,
    /// Time of one.
    pub bytecode: Duration,
    /// For so long the lock is free at the end of each turn.
    pub release_window: Duration,
    /// Core time to wake a waiter, the lock being free.
    pub signal: Duration,
}

impl Default for Ticks {
    fn default() -> Ticks {
        Ticks { check_interval: 100, bytecode: Duration(4), release_window: Duration(60), signal: Duration::us(5) }
    }
}

impl Ticks {
    /// The rules of a lock like this.
    pub fn rules(self) -> Rules {
        let Ticks { check_interval, bytecode, release_window: window, signal } = self;
        let turn = Turn::Counted(Duration(bytecode.0.saturating_mul(u64::from(check_interval))));
        Rules { turn, forced: Forced::TakeAgain { signal, window }, release: Release::Signal }
    }
}

impl Interpreter {
    /// CPython, as that version was released.
    pub fn cpython(version: Version) -> Interpreter {
        let gil = match version.has_check_interval() {
            true => Ticks::default().rules(),
            // `DEFAULT_INTERVAL` of `ceval_gil.c`.
            false => Rules::switching(Duration::ms(5)),
        };
        let calls_only = version >= Version { major: 3, minor: 10 };
        Interpreter {
            check_points: if calls_only { CheckPoints::CallsAndJumps } else { CheckPoints::AnyBytecode },
            // 3.13 does not specialise bytecode in this build; 3.14: "roughly 5-10 %".
            free_threading_permille: if version > (Version { major: 3, minor: 13 }) { 1_080 } else { 1_400 },
            // Two reference counts and a lock, on a line that another core has.
            shared_access: Duration(120),
            start_method: match version < (Version { major: 3, minor: 14 }) {
                true => StartMethod::Fork,
                false => StartMethod::ForkServer,
            },
            default_workers: if version < (Version { major: 3, minor: 8 }) {
                DefaultWorkers::FivePerCore
            } else {
                DefaultWorkers::FourMore
            },
            // `threading.Lock` is a `PyMutex` from 3.14 on.
            parking: if version < (Version { major: 3, minor: 14 }) {
                Parking::Semaphore
            } else {
                Parking::Mutex { fair_after: Duration::ms(1) }
            },
            // From then on `time.sleep` is `clock_nanosleep`, which was `select` before.
            sleeps_at_yield: version >= (Version { major: 3, minor: 11 }),
            // Since 2.6.
            start_handshake: true,
            passes_notifications_on: version >= (Version { major: 3, minor: 13 }),
            groups_uncancel: version >= (Version { major: 3, minor: 13 }),
            ..Interpreter::with(format!("CPython {version}"), Some(gil))
        }
    }

    /// PyPy: a holder yields every `turn` if somebody waits; the longest waiter polls for releases.
    pub fn pypy(turn: Duration, poll: Duration) -> Interpreter {
        let gil = Rules { turn: Turn::Counted(turn), forced: Forced::HandOver, release: Release::Poll(poll) };
        // Its `threading` is that of CPython.
        Interpreter { start_handshake: true, ..Interpreter::with("PyPy".to_owned(), Some(gil)) }
    }

    /// MRI, with its global VM lock.
    pub fn ruby(quantum: Duration) -> Interpreter {
        let gil = Rules { turn: Turn::Quantum(quantum), forced: Forced::HandOver, release: Release::HandOver };
        Interpreter::with("Ruby".to_owned(), Some(gil))
    }

    /// OCaml 4, with its master lock.
    pub fn ocaml4(tick: Duration) -> Interpreter {
        let gil = Rules { turn: Turn::Tick(tick), forced: Forced::Queue, release: Release::Signal };
        Interpreter::with("OCaml 4".to_owned(), Some(gil))
    }

    /// No lock: code on the JVM or .NET, or compiled code.
    pub fn without_lock(name: &str) -> Interpreter {
        Interpreter { check_points: CheckPoints::AnyBytecode, ..Interpreter::with(name.to_owned(), None) }
    }

    fn with(name: String, gil: Option<Rules>) -> Interpreter {
        Interpreter {
            name,
            gil,
            // About one bytecode instruction.
            increment: Duration(50),
            check_points: CheckPoints::CallsAndJumps,
            free_threading_permille: 1_000,
            shared_access: Duration::ZERO,
            counts: CountTimes::default(),
            unsafe_extension: false,
            default_workers: DefaultWorkers::FourMore,
            start_method: StartMethod::Fork,
            parking: Parking::Semaphore,
            sleeps_at_yield: false,
            eager_tasks: false,
            start_handshake: false,
            passes_notifications_on: false,
            groups_uncancel: false,
        }
    }

    /// Whether threads need the lock under this execution model.
    pub fn has_gil(&self, execution: Execution) -> bool {
        self.gil.is_some() && (self.unsafe_extension || !matches!(execution, Execution::FreeThreaded(_)))
    }

    /// When the lock changes hands, in a few words: `switch interval 5ms`.
    pub fn turn(&self) -> Option<String> {
        let turn = self.gil?.turn;
        Some(match turn {
            Turn::Asked(time) => format!("switch interval {time}"),
            Turn::Quantum(time) => format!("quantum {time}"),
            Turn::Counted(time) => format!("check interval {time}"),
            Turn::Tick(time) => format!("tick {time}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Lib/concurrent/futures/thread.py` of 3.7, 3.8 and 3.14.
    #[test]
    fn the_default_size_of_a_pool_by_version_and_cores() {
        let size = |version, cores| {
            Interpreter::cpython(Version::parse(version).expect("it is known")).default_workers.on(cores)
        };
        for (version, one, two, many) in
            [("3.5", 5, 10, 320), ("3.7", 5, 10, 320), ("3.8", 5, 6, 32), ("3.14", 5, 6, 32)]
        {
            assert_eq!([1, 2, 64].map(|cores| size(version, cores)), [one, two, many], "{version}");
        }
    }

    #[test]
    fn versions_and_those_that_are_meant() {
        for (text, known, nearest) in [
            ("2.7", Some("2.7"), Some("2.7")),
            ("3.10", Some("3.10"), Some("3.10")),
            ("3.14t", None, Some("3.14")),
            ("3.9.18", None, Some("3.9")),
            ("3.1.0", None, Some("3.1")),
            ("4.0", None, Some("3.15")),
            ("3", None, Some("3.15")),
            ("2.5", None, Some("2.7")),
            ("2.9", None, Some("2.7")),
            ("new", None, None),
            ("", None, None),
        ] {
            let name = |version: Option<Version>| version.map(|version| version.to_string());
            assert_eq!(name(Version::parse(text)).as_deref(), known, "{text}");
            assert_eq!(name(Version::nearest(text)).as_deref(), nearest, "{text}");
        }
        assert!(Version::all().is_sorted());
    }
}
