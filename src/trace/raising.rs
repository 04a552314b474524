//! Exceptions, cancellation, and what is awaited together.

/// What is raised in a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Raised {
    /// An exception of the program, or of a coroutine that it awaits.
    Exception,
    /// `TimeoutError`.
    Timeout,
    /// `CancelledError`, which `except Exception` does not catch.
    Cancelled,
}

/// Why a coroutine is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Who created it asked for it.
    Asked,
    /// Its time is over.
    Timeout,
    /// Another one of its task group raised an exception.
    Sibling,
    /// Who awaits it is cancelled.
    Parent,
}

/// How several coroutines are awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Together {
    /// `asyncio.gather`: until all have ended, or one raises an exception; the others go on then.
    Gather,
    /// `asyncio.TaskGroup`: until all have ended; an exception of one cancels the others.
    TaskGroup,
    /// `asyncio.gather(.., return_exceptions=True)`: goes on when all have ended, however they did.
    GatherAll,
}
