//! Exceptions, cancellation, what is awaited together, and callbacks.

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
    /// Its task group raises an exception in it, and it was cancelled, too: that is still to come.
    Again,
}

/// How a callback is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Called {
    /// `loop.call_soon`, on the thread of the loop.
    Soon,
    /// `loop.call_later`, on the thread of the loop.
    Later,
    /// `loop.call_soon_threadsafe`, on any thread: it joins the ready queue when the self-pipe has been written to.
    Threadsafe,
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
    /// `asyncio.shield`: until the one that is awaited has ended; who is cancelled meanwhile goes on, and that one does, too.
    Shield,
    /// `asyncio.wait(.., return_when=ALL_COMPLETED)`: until all have ended, or its time is over.
    AllCompleted,
    /// `FIRST_COMPLETED`: until one of them has.
    FirstCompleted,
    /// `FIRST_EXCEPTION`: until one of them has with an exception, or all have.
    FirstException,
}

impl Together {
    /// Whether those who are awaited are there before, and after: nobody cancels them with who awaits them.
    pub fn apart(self) -> bool {
        !matches!(self, Together::Gather | Together::TaskGroup | Together::GatherAll)
    }
}
