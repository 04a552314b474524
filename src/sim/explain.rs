//! Why a core runs whom it runs, for those who ask.

use super::{Chooser, Sim};
use crate::id::{CoreId, ThreadId};
use crate::trace::{Decided, Decision, Sink};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// A free core is about to take the thread, which has left the run queue.
    #[cold]
    pub(super) fn explain_dispatch(&mut self, core: CoreId, thread: ThreadId) {
        let over = self.world.kernel.first(core);
        let kernel = &self.world.kernel;
        let mut because = if kernel.waiting() == 0 {
            "nobody else waits".to_owned()
        } else if !kernel.is_wanted(core) {
            "nobody else waits for this core".to_owned()
        } else if over.is_some_and(|over| !kernel.may_run(over, core)) {
            "it comes first of those that may run on this core".to_owned()
        } else {
            kernel.because(core, thread, over, None, self.world.now)
        };
        let place = match self.world.threads[thread].core {
            Some(last) if last == core => "; it ran on this core last".to_owned(),
            Some(last) => format!("; it ran on core {} last, which is not free", last.0),
            None => String::new(),
        };
        because += &place;
        let rival = over.filter(|over| kernel.may_run(*over, core));
        self.decide(core, Decided::Takes, thread, rival, because);
    }

    /// The first thread of the run queue is about to take the core of one that executes.
    #[cold]
    pub(super) fn explain_preemption(&mut self, core: CoreId, running: ThreadId) {
        let Some(first) = self.world.kernel.first(core) else { return };
        let because = self.world.kernel.because(core, first, Some(running), Some(core), self.world.now);
        self.decide(core, Decided::Preempts, first, Some(running), because);
    }

    /// The slice of the thread is over, and others wait unless the timer interrupts a thread into itself; `kept` is why it goes on all the same, if it does.
    #[cold]
    pub(super) fn explain_slice_end(&mut self, core: CoreId, thread: ThreadId, kept: Option<String>) {
        let over = self.world.kernel.first(core);
        let (what, because) = match kept {
            Some(because) => (Decided::Keeps, format!("its slice is over and {because}")),
            None if over.is_none() => (Decided::Leaves, "its slice is over".to_owned()),
            None => (Decided::Leaves, "its slice is over and others wait".to_owned()),
        };
        self.decide(core, what, thread, over, because);
    }

    /// Why the thread on the core, whose slice is over, may go on, should it.
    #[cold]
    pub(super) fn reason_to_keep(&self, core: CoreId, thread: ThreadId) -> String {
        let first = self.world.kernel.first(core);
        self.world.kernel.because(core, thread, first, Some(core), self.world.now)
    }

    fn decide(&mut self, core: CoreId, what: Decided, thread: ThreadId, over: Option<ThreadId>, because: String) {
        let name = |thread: ThreadId| self.who(self.world.threads[thread].own);
        let (thread, over) = (name(thread), over.map(name));
        self.sink.decided(Decision { time: self.world.now, core, what, thread, over, because });
    }
}
