//! Why a core runs whom it runs, for those who ask.

use super::{Chooser, Sim};
use crate::id::{ContextId, CoreId, JobId, ThreadId};
use crate::kernel::policy::Rank;
use crate::time::Duration;
use crate::trace::{Decided, Decision, On, Sink};

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

    /// The thread has come from the queue of another core.
    #[cold]
    pub(super) fn explain_move(&mut self, to: CoreId, thread: ThreadId, because: String) {
        self.decide(to, Decided::Gets, thread, None, because);
    }

    /// The first thread of the run queue is about to take the core of one that executes.
    #[cold]
    pub(super) fn explain_preemption(&mut self, core: CoreId, running: ThreadId) {
        let Some(first) = self.world.kernel.first(core) else { return };
        let because = self.world.kernel.because(core, first, Some(running), Some(core), self.world.now);
        self.decide(core, Decided::Preempts, first, Some(running), because);
    }

    /// The slice of the thread is over, and others wait unless the timer interrupts a thread into itself.
    #[cold]
    pub(super) fn explain_slice_end(&mut self, core: CoreId, thread: ThreadId, keeps: bool, reasons: [String; 2]) {
        let over = self.world.kernel.first(core);
        let [over_is, keeps_because] = reasons;
        let (what, because) = match (keeps, over) {
            (true, _) => (Decided::Keeps, format!("{over_is} and {keeps_because}")),
            (false, None) => (Decided::Leaves, over_is),
            (false, Some(_)) => (Decided::Leaves, format!("{over_is} and others wait")),
        };
        self.decide(core, what, thread, over, because);
    }

    /// What is over for the thread on the core, and why it may go on, should it.
    #[cold]
    pub(super) fn reasons_at_slice_end(&self, core: CoreId, thread: ThreadId) -> [String; 2] {
        let (kernel, now) = (&self.world.kernel, self.world.now);
        let because = kernel.because(core, thread, kernel.first(core), Some(core), now);
        [kernel.slice_is_over(core, now).to_owned(), because]
    }

    /// The thread on the core begins to wait.
    #[cold]
    pub(super) fn explain_wait(&mut self, core: CoreId, thread: ThreadId, on: On) {
        let because = match on {
            On::Nothing => return,
            On::Gil => self.waits_for_gil(thread),
            On::GilSwitch => "it waits until another thread has the GIL that it had to drop".to_owned(),
            On::Io(device) => format!("it waits for the device \"{}\"", self.model.devices[device.index()].name),
            On::World => "it waits for a collection".to_owned(),
            On::Sleep => "it sleeps".to_owned(),
            On::Together => "it waits for its coroutines".to_owned(),
            On::Start(_) => "it waits for the thread it has started to come up".to_owned(),
            On::Executor(_) => "it waits for a thread of the executor".to_owned(),
            On::Job => "it has no job".to_owned(),
            On::Poll => "its event loop has nothing to do".to_owned(),
            On::Lock(_) | On::Sync(_) | On::Socket(_) | On::Join(_) => {
                self.what_it_awaits(self.world.threads[thread].current)
            }
        };
        self.decide(core, Decided::Waits, thread, None, because);
    }

    fn what_it_awaits(&self, context: ContextId) -> String {
        let Some(waiting) = self.describe(context) else { return "it waits".to_owned() };
        let holder = waiting.held_by.map_or(String::new(), |holder| format!(", held by {holder}"));
        format!("it waits for {}{holder}", waiting.on)
    }

    fn waits_for_gil(&self, thread: ThreadId) -> String {
        let process = self.world.threads[thread].process;
        let holder = self.world.processes[process.index()].gil.as_ref().and_then(|gil| gil.holder());
        let holder =
            holder.map_or(String::new(), |holder| format!(", held by {}", self.who(self.world.threads[holder].own)));
        format!("it waits for the GIL{holder}")
    }

    /// The thread has become more or less urgent, by the locks that it holds.
    #[cold]
    pub(super) fn explain_urgency(&mut self, thread: ThreadId, order: Rank, because: String) {
        let number = order.of(self.world.kernel.attributes(thread), Duration::ZERO);
        let what = Decided::Becomes(order.words(number));
        let thread = self.who(self.world.threads[thread].own);
        self.sink.decided(Decision { time: self.world.now, core: None, what, thread, over: None, because });
    }

    /// A job is dropped at its deadline.
    #[cold]
    pub(super) fn explain_drop(&mut self, job: JobId, by: Option<ContextId>) {
        let thread = match by {
            Some(context) => self.who(context),
            None => {
                let task = self.world.work.jobs[job].task;
                format!("a job of \"{}\" that nobody had begun", self.model.tasks[task.index()].name)
            }
        };
        let because = "it is not complete at its deadline".to_owned();
        let what = Decided::Drops;
        self.sink.decided(Decision { time: self.world.now, core: None, what, thread, over: None, because });
    }

    fn decide(&mut self, core: CoreId, what: Decided, thread: ThreadId, over: Option<ThreadId>, because: String) {
        let name = |thread: ThreadId| self.who(self.world.threads[thread].own);
        let (thread, over) = (name(thread), over.map(name));
        self.sink.decided(Decision { time: self.world.now, core: Some(core), what, thread, over, because });
    }
}
