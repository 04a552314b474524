//! What a lane shows, and how.

use crate::report::scene::Token;
use crate::trace::{CpuKind, On};

/// What a core, thread or coroutine does. The order is the order in which shares are stacked, from the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// Runs and holds the GIL, or runs where there is none.
    Run,
    /// Runs with the GIL released.
    Native,
    /// A context switch is under way.
    Switching,
    /// Ready, or on its way into the run queue.
    Ready,
    /// Waits for the GIL.
    Gil,
    /// Waits for a lock.
    Lock,
    /// Waits for an event, a notification, an item of a queue, or others at a barrier.
    Signal,
    /// Waits for a device.
    Io,
    /// Sleeps.
    Sleep,
    /// Waits for the end of what it started.
    Join,
    /// A worker without a job, or an event loop in its selector.
    Idle,
}

/// Number of states.
pub const STATES: usize = State::ALL.len();

impl State {
    /// All states in stacking order.
    pub const ALL: [State; 11] = [
        State::Run,
        State::Native,
        State::Switching,
        State::Ready,
        State::Gil,
        State::Lock,
        State::Signal,
        State::Io,
        State::Sleep,
        State::Join,
        State::Idle,
    ];

    /// The state of a thread that runs this kind of burst.
    pub fn of_burst(kind: CpuKind) -> State {
        match kind {
            CpuKind::Python | CpuKind::Atomic | CpuKind::HoldGil | CpuKind::Loop => State::Run,
            CpuKind::NoGil | CpuKind::System => State::Native,
        }
    }

    /// The state of a thread or coroutine that waits for this; [`Model::signals`](crate::model::Model::signals).
    pub fn of_wait(on: On, signals: &[bool]) -> State {
        match on {
            On::Nothing => State::Ready,
            On::Gil | On::GilSwitch => State::Gil,
            On::Sync(sync) if signals[sync.index()] => State::Signal,
            On::Lock(_) | On::Sync(_) | On::World => State::Lock,
            On::Io(_) | On::Socket(_) => State::Io,
            On::Sleep => State::Sleep,
            On::Join(_) | On::Start(_) | On::Together | On::Executor(_) => State::Join,
            On::Job | On::Poll => State::Idle,
        }
    }

    /// Its color.
    pub fn token(self) -> Token {
        match self {
            State::Run => Token::Run,
            State::Native => Token::Native,
            State::Switching => Token::Switching,
            State::Ready => Token::Ready,
            State::Gil => Token::WaitGil,
            State::Lock => Token::WaitLock,
            State::Signal => Token::WaitSignal,
            State::Io => Token::Io,
            State::Sleep => Token::Sleep,
            State::Join => Token::Join,
            State::Idle => Token::Idle,
        }
    }

    /// The color of words on it.
    pub fn text_token(self) -> Token {
        match self {
            State::Run | State::Gil | State::Lock => Token::OnWork,
            State::Native | State::Ready | State::Switching => Token::OnPale,
            State::Signal | State::Io | State::Sleep | State::Join | State::Idle => Token::Ink,
        }
    }

    /// Height of a segment as a share of its lane: work is full, waiting is thinner, being blocked is thinnest.
    pub fn height(self) -> f64 {
        match self {
            State::Run | State::Native | State::Switching => 1.0,
            State::Ready | State::Gil | State::Lock => 0.55,
            State::Signal | State::Join => 0.3,
            State::Io | State::Idle => 0.2,
            State::Sleep => 0.1,
        }
    }

    /// What the legend says.
    pub fn words(self, has_gil: bool) -> &'static str {
        match self {
            State::Run if has_gil => "running, holds the GIL",
            State::Run => "running",
            State::Native => "running, GIL released",
            State::Switching => "context switch",
            State::Ready => "ready, waits to run",
            State::Gil => "waits for the GIL",
            State::Lock => "waits for a lock",
            State::Signal => "waits for a signal",
            State::Io => "blocked on IO",
            State::Sleep => "sleeps",
            State::Join => "waits for children",
            State::Idle => "no work",
        }
    }

    /// What a segment says: the long and the short form.
    pub fn inside(self) -> [&'static str; 2] {
        match self {
            State::Run => ["runs", ""],
            State::Native => ["native", ""],
            State::Switching => ["", ""],
            State::Ready => ["ready", ""],
            State::Gil => ["waits for GIL", "GIL"],
            State::Lock => ["waits for lock", "lock"],
            State::Signal | State::Io | State::Sleep | State::Join | State::Idle => ["", ""],
        }
    }
}
