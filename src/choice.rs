//! The one hook through which every choice passes that reality leaves open.

/// What there is to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// Which of several events of one class at one instant happens first.
    Event,
    /// Which waiter a released lock wakes.
    LockWaiter,
    /// Which waiter a released GIL signals.
    GilWaiter,
    /// Which of the ready threads a free core takes, where the policy ranks them equal.
    Ready,
    /// Whether a thread is preempted before its next op (1) or goes on (0).
    Preempt,
}

/// Makes the choices of a run. The same answers give the same run.
pub trait Chooser {
    /// Whether this chooser always takes the first option, so that nobody needs to ask it.
    const ALWAYS_FIRST: bool = false;

    /// An option, less than `options`; called with at least two.
    fn choose(&mut self, choice: Choice, options: usize) -> usize;
}

/// First come, first served: how a run goes when nobody interferes. Never preempts between ops.
#[derive(Clone, Copy, Debug, Default)]
pub struct First;

impl Chooser for First {
    const ALWAYS_FIRST: bool = true;

    fn choose(&mut self, _: Choice, _: usize) -> usize {
        0
    }
}

/// Chooses by bytes, as a fuzzer or a property test gives them; the first option when they are used up.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'b>(pub &'b [u8]);

impl Chooser for Bytes<'_> {
    fn choose(&mut self, _: Choice, options: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first as usize % options
    }
}

/// A closure chooses.
#[derive(Clone, Copy, Debug)]
pub struct By<F>(pub F);

impl<F: FnMut(Choice, usize) -> usize> Chooser for By<F> {
    fn choose(&mut self, choice: Choice, options: usize) -> usize {
        (self.0)(choice, options)
    }
}
