//! Threads and contexts: who exists, in which state, and which steps between states are possible.
//!
//! This is the view that all other groups share. They see it as it was before the record in hand.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{Reports, Rule};
use crate::id::{ContextId, CoreId, ProcessId, ThreadId};
use crate::time::Time;
use crate::trace::{Deed, On, Record, Role, What};

/// The states of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    New,
    Waking,
    Ready,
    Switching(CoreId),
    Running(CoreId),
    Blocked(On),
}

impl State {
    fn kind(self) -> usize {
        match self {
            State::New => 0,
            State::Waking => 1,
            State::Ready => 2,
            State::Switching(_) => 3,
            State::Running(_) => 4,
            State::Blocked(_) => 5,
        }
    }
}

/// The states of a coroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    New,
    Ready,
    Running,
    Suspended(On),
}

/// A thread as the records show it.
#[derive(Debug)]
pub(super) struct Thread {
    /// Tells threads apart that have the same id one after the other.
    pub serial: u64,
    pub process: ProcessId,
    pub own: ContextId,
    pub state: State,
    pub since: Time,
    /// The coroutine that its loop is in, or the steps of one that it does as a thread of an executor.
    pub coroutine: Option<ContextId>,
    /// Coroutines that stand still while one that they have created takes its first step, outermost first.
    creators: Vec<ContextId>,
    /// How many coroutines its loop has.
    coroutines: u32,
    born: Time,
    times: [u64; 6],
}

impl Thread {
    /// How long it has run until `now`.
    pub fn ran(&self, now: Time) -> u64 {
        let since = if matches!(self.state, State::Running(_)) { self.since } else { now };
        self.times[State::Running(CoreId(0)).kind()] + now.since(since).0
    }

    /// Whether it has not been on a core yet.
    pub fn is_fresh(&self) -> bool {
        self.times[State::Running(CoreId(0)).kind()] == 0
    }

    /// The context that the thread executes.
    pub fn current(&self) -> ContextId {
        self.coroutine.unwrap_or(self.own)
    }
}

/// A context as the records show it.
#[derive(Debug)]
pub(super) struct Context {
    pub serial: u64,
    pub thread: ThreadId,
    pub role: Role,
    /// `None` for the own context of a thread.
    pub progress: Option<Progress>,
}

/// All living threads and contexts.
#[derive(Debug, Default)]
pub(super) struct Threads {
    pub threads: BTreeMap<ThreadId, Thread>,
    pub contexts: BTreeMap<ContextId, Context>,
    /// Whose job was dropped at this instant.
    dropped: BTreeSet<ContextId>,
    /// Coroutines that are cancelled, or whose jobs were dropped, until they run.
    cancelled: BTreeSet<ContextId>,
    /// Time that all threads have spent in each kind of state, up to the last change of each.
    spent: [u128; 6],
    /// The lives of those that have ended.
    lived: u128,
    serials: u64,
}

impl Threads {
    /// Time passes.
    pub fn settle(&mut self) {
        self.dropped.clear();
    }

    pub fn state(&self, thread: ThreadId) -> Option<State> {
        self.threads.get(&thread).map(|thread| thread.state)
    }

    pub fn is_running(&self, thread: ThreadId) -> bool {
        matches!(self.state(thread), Some(State::Running(_)))
    }

    /// Whether the context has stopped because its job was dropped.
    pub fn is_dropped(&self, context: ContextId) -> bool {
        self.dropped.contains(&context)
    }

    /// Whether the coroutine does not wait for what it awaited.
    pub fn is_cancelled(&self, context: ContextId) -> bool {
        self.cancelled.contains(&context)
    }

    pub fn thread_of(&self, context: ContextId) -> Option<ThreadId> {
        self.contexts.get(&context).map(|context| context.thread)
    }

    pub fn process_of(&self, context: ContextId) -> Option<ProcessId> {
        let thread = self.thread_of(context)?;
        self.threads.get(&thread).map(|thread| thread.process)
    }

    /// The context whose wait ends when this thread, now blocked, or this coroutine, now suspended, is woken.
    pub fn woken(&self, what: &What) -> Option<(ContextId, On)> {
        match *what {
            What::Wake { thread } | What::Ready { thread } => match self.threads.get(&thread)? {
                thread @ Thread { state: State::Blocked(on), .. } => Some((thread.current(), *on)),
                _ => None,
            },
            What::CoroutineReady { context } => match self.contexts.get(&context)?.progress? {
                Progress::Suspended(on) => Some((context, on)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The context that begins to wait with this record.
    pub fn waiting(&self, what: &What) -> Option<(ContextId, On)> {
        match *what {
            What::Block { thread, on, .. } => Some((self.threads.get(&thread)?.current(), on)),
            What::Suspend { context, on } => Some((context, on)),
            _ => None,
        }
    }

    pub fn record(&mut self, record: &Record, reports: &mut Reports) {
        match record.what {
            What::ThreadStart { thread, process, context, role } => {
                self.start_thread(thread, process, context, role, reports);
            }
            What::Wake { thread } => self.go(thread, State::Waking, reports),
            What::Ready { thread } | What::Preempt { thread, .. } | What::Yield { thread, .. } => {
                self.leave_core(&record.what, thread, reports);
                self.go(thread, State::Ready, reports);
            }
            What::Switch { core, thread } => self.go(thread, State::Switching(core), reports),
            What::Run { core, thread } => self.go(thread, State::Running(core), reports),
            What::Block { thread, on, .. } => {
                self.leave_core(&record.what, thread, reports);
                self.go(thread, State::Blocked(on), reports);
            }
            What::ThreadEnd { thread, .. } => {
                self.leave_core(&record.what, thread, reports);
                self.end_thread(thread, reports);
            }
            What::CoroutineStart { context, thread, role } => self.start_coroutine(context, thread, role, reports),
            What::CoroutineReady { context } => self.progress(context, Progress::Ready, reports),
            What::Resume { context } => {
                self.cancelled.remove(&context);
                self.progress(context, Progress::Running, reports);
            }
            What::Suspend { context, on } => {
                self.progress(context, Progress::Suspended(on), reports);
                if on == On::Nothing {
                    // It gave way and is ready at once.
                    self.progress(context, Progress::Ready, reports);
                }
            }
            What::CoroutineEnd { context } => self.end_coroutine(context, reports),
            What::StartEagerly { context, child } => self.start_eagerly(context, child, reports),
            What::Submit { context, child } => self.submit(context, child, reports),
            What::TakeUp { thread, context } => self.take_up(thread, context, reports),
            What::HandBack { context, .. } => self.hand_back(context, reports),
            What::Unsubmit { context } => drop(self.contexts.remove(&context)),
            What::JobDrop { by: Some(context), .. } => {
                self.dropped.insert(context);
                if self.contexts.get(&context).is_some_and(|found| found.progress != Some(Progress::Running)) {
                    self.cancelled.insert(context);
                }
            }
            What::Cancel { context, .. } => drop(self.cancelled.insert(context)),
            // A thread that has given up a wait goes on.
            What::Raise { context, .. } if self.is_own(context) => drop(self.cancelled.remove(&context)),
            _ => {}
        }
        self.check_step(&record.what, reports);
    }

    /// Steps of a program belong to the context that is executed.
    fn check_step(&self, what: &What, reports: &mut Reports) {
        let Some(context) = self.stepping(what) else { return };
        let executed = self.is_executed(context);
        reports.require(executed, Rule::RunningOnly, || format!("{context:?} is not executed, yet {what:?}"));
    }

    /// The context whose step this is.
    pub fn stepping(&self, what: &What) -> Option<ContextId> {
        Some(match *what {
            What::Compute { context, .. }
            | What::ComputeEnd { context }
            | What::Sleep { context, .. }
            | What::IoSubmit { context, .. }
            | What::LockDepth { context, .. }
            | What::Sync {
                context,
                deed: Deed::Take | Deed::TakeRead | Deed::Release | Deed::Wait | Deed::WaitRead,
                ..
            }
            | What::Sync {
                context,
                deed: Deed::WaitToPut | Deed::Come | Deed::Leave | Deed::Set | Deed::Clear | Deed::Notify,
                ..
            }
            | What::Sync { context, deed: Deed::Put | Deed::Get, .. }
            | What::Load { context, .. }
            | What::Store { context, .. }
            | What::Update { context, .. }
            | What::JobEnd { context, .. }
            | What::JobFail { context, .. }
            | What::Raise { context, .. }
            | What::Uncaught { context, .. }
            | What::Timeout { context, .. }
            | What::TimeoutEnd { context }
            | What::Together { context, .. }
            | What::TogetherAlready { context }
            | What::WaitTasks { context, .. }
            | What::TasksWaited { context, .. }
            | What::CallBack { context, .. }
            | What::Submit { context, .. }
            | What::JobReturn { context, .. }
            | What::Exit { context }
            | What::Spawn { context, .. }
            | What::Print { context, .. }
            | What::Fail { context, .. } => context,
            // Whose job is dropped releases what it holds, wherever it stands.
            What::LockRelease { context, .. } if !self.dropped.contains(&context) => context,
            // A thread or coroutine that is made for one job has it from the start.
            What::JobStart { context, .. } if !self.is_made_for_a_job(context) => context,
            _ => return None,
        })
    }

    fn is_executed(&self, context: ContextId) -> bool {
        let thread = self.thread_of(context).filter(|thread| self.is_running(*thread));
        thread.is_some_and(|thread| self.threads[&thread].current() == context)
    }

    /// What a coroutine hands to a thread is a context without a thread of its own.
    fn submit(&mut self, context: ContextId, child: ContextId, reports: &mut Reports) {
        self.serials += 1;
        let Some(parent) = self.contexts.get(&context) else { return };
        let born = Context { serial: self.serials, thread: parent.thread, role: parent.role, progress: None };
        let twice = self.contexts.insert(child, born).is_some();
        reports.require(!twice, Rule::Existence, || format!("{child:?} starts a second time"));
    }

    fn take_up(&mut self, thread: ThreadId, context: ContextId, reports: &mut Reports) {
        let (Some(found), Some(by)) = (self.contexts.get_mut(&context), self.threads.get_mut(&thread)) else {
            return reports.require(false, Rule::Existence, || format!("{thread:?} takes {context:?}, which is not"));
        };
        found.thread = thread;
        by.coroutine = Some(context);
    }

    fn hand_back(&mut self, context: ContextId, reports: &mut Reports) {
        let executed = self.is_executed(context);
        reports.require(executed, Rule::RunningOnly, || format!("{context:?} is not executed, yet it ends"));
        if let Some(by) = self.contexts.remove(&context).and_then(|ended| self.threads.get_mut(&ended.thread)) {
            by.coroutine = None;
        }
    }

    /// Whether it is no coroutine.
    fn is_own(&self, context: ContextId) -> bool {
        self.contexts.get(&context).is_some_and(|found| found.progress.is_none())
    }

    fn is_made_for_a_job(&self, context: ContextId) -> bool {
        self.contexts.get(&context).is_some_and(|context| matches!(context.role, Role::Task { .. }))
    }

    fn start_thread(
        &mut self,
        thread: ThreadId,
        process: ProcessId,
        own: ContextId,
        role: Role,
        reports: &mut Reports,
    ) {
        self.serials += 1;
        let serial = self.serials;
        let (now, state) = (reports.now, State::New);
        let born = Thread {
            serial,
            process,
            own,
            state,
            since: now,
            coroutine: None,
            creators: Vec::new(),
            coroutines: 0,
            born: now,
            times: [0; 6],
        };
        let twice = self.threads.insert(thread, born).is_some();
        reports.require(!twice, Rule::Existence, || format!("{thread:?} starts a second time"));
        let context = Context { serial, thread, role, progress: None };
        let twice = self.contexts.insert(own, context).is_some();
        reports.require(!twice, Rule::Existence, || format!("{own:?} starts a second time"));
    }

    fn start_coroutine(&mut self, context: ContextId, thread: ThreadId, role: Role, reports: &mut Reports) {
        self.serials += 1;
        let host = self.threads.get_mut(&thread);
        reports.require(host.is_some(), Rule::Existence, || format!("{context:?} starts on {thread:?}, which is not"));
        if let Some(host) = host {
            host.coroutines += 1;
        }
        let born = Context { serial: self.serials, thread, role, progress: Some(Progress::New) };
        let twice = self.contexts.insert(context, born).is_some();
        reports.require(!twice, Rule::Existence, || format!("{context:?} starts a second time"));
    }

    /// The creator's step goes on when the child awaits or ends.
    fn start_eagerly(&mut self, context: ContextId, child: ContextId, reports: &mut Reports) {
        let executed = self.is_executed(context);
        reports
            .require(executed, Rule::RunningOnly, || format!("{context:?} is not executed, yet it starts {child:?}"));
        let Some(found) = self.contexts.get_mut(&child) else {
            return reports.require(false, Rule::Existence, || format!("{child:?} does not exist, yet it begins"));
        };
        let from = found.progress.replace(Progress::Running);
        reports.require(from == Some(Progress::New), Rule::CoroutineStates, || format!("{child:?} begins as {from:?}"));
        if let Some(thread) = self.threads.get_mut(&found.thread) {
            thread.creators.push(context);
            thread.coroutine = Some(child);
        }
    }

    fn go(&mut self, thread: ThreadId, to: State, reports: &mut Reports) {
        let Some(found) = self.threads.get_mut(&thread) else {
            return reports.require(false, Rule::Existence, || format!("{thread:?} does not exist, yet {to:?}"));
        };
        let from = found.state;
        let possible = match (from, to) {
            (State::New | State::Blocked(_), State::Waking | State::Ready)
            | (State::Waking | State::Running(_), State::Ready)
            | (State::Ready, State::Switching(_) | State::Running(_))
            | (State::Running(_), State::Blocked(_)) => true,
            (State::Switching(core), State::Running(other)) => core == other,
            _ => false,
        };
        reports.require(possible, Rule::ThreadStates, || format!("{thread:?} goes from {from:?} to {to:?}"));
        let spent = reports.now.0.saturating_sub(found.since.0);
        found.times[from.kind()] += spent;
        self.spent[from.kind()] += u128::from(spent);
        found.state = to;
        found.since = reports.now;
    }

    /// `Preempt`, `Yield`, `Block` and `ThreadEnd` come from the core that the thread is on; `Ready` from none.
    fn leave_core(&self, what: &What, thread: ThreadId, reports: &mut Reports) {
        let state = self.state(thread);
        let possible = match *what {
            What::Preempt { core, .. }
            | What::Yield { core, .. }
            | What::Block { core, .. }
            | What::ThreadEnd { core, .. } => state == Some(State::Running(core)),
            _ => !matches!(state, Some(State::Running(_))),
        };
        reports.require(possible || state.is_none(), Rule::ThreadStates, || format!("{what:?} in state {state:?}"));
    }

    fn end_thread(&mut self, thread: ThreadId, reports: &mut Reports) {
        self.go_if_running(thread, reports);
        let Some(ended) = self.threads.remove(&thread) else {
            return reports.require(false, Rule::Existence, || format!("{thread:?} ends but does not exist"));
        };
        self.lived += u128::from(reports.now.since(ended.born).0);
        self.contexts.remove(&ended.own);
        let left = ended.coroutines;
        reports.require(left == 0, Rule::Existence, || format!("{thread:?} ends before {left} coroutines of its loop"));
    }

    /// Books the time of the last run, as if the thread blocked for ever.
    fn go_if_running(&mut self, thread: ThreadId, reports: &mut Reports) {
        if self.is_running(thread) {
            self.go(thread, State::Blocked(On::Nothing), reports);
        }
    }

    fn progress(&mut self, context: ContextId, to: Progress, reports: &mut Reports) {
        let Some(found) = self.contexts.get_mut(&context) else {
            return reports.require(false, Rule::Existence, || format!("{context:?} does not exist, yet {to:?}"));
        };
        let from = found.progress;
        let possible = matches!(
            (from, to),
            (Some(Progress::New | Progress::Suspended(_)), Progress::Ready)
                | (Some(Progress::Ready), Progress::Running)
                | (Some(Progress::Running), Progress::Suspended(_))
        );
        reports.require(possible, Rule::CoroutineStates, || format!("{context:?} goes from {from:?} to {to:?}"));
        found.progress = Some(to);
        if let Some(thread) = self.threads.get_mut(&found.thread) {
            match to {
                Progress::Running => thread.coroutine = Some(context),
                _ if thread.coroutine == Some(context) => thread.coroutine = thread.creators.pop(),
                _ => {}
            }
        }
    }

    fn end_coroutine(&mut self, context: ContextId, reports: &mut Reports) {
        let Some(ended) = self.contexts.remove(&context) else {
            return reports.require(false, Rule::Existence, || format!("{context:?} ends but does not exist"));
        };
        let running = ended.progress == Some(Progress::Running);
        reports.require(running, Rule::CoroutineStates, || format!("{context:?} ends as {:?}", ended.progress));
        if let Some(thread) = self.threads.get_mut(&ended.thread) {
            thread.coroutines = thread.coroutines.saturating_sub(1);
            if thread.coroutine == Some(context) {
                thread.coroutine = thread.creators.pop();
            }
        }
    }

    /// Closes the books at the end of the run.
    pub fn finish(&mut self, now: Time) {
        for thread in self.threads.values() {
            self.spent[thread.state.kind()] += u128::from(now.since(thread.since).0);
            self.lived += u128::from(now.since(thread.born).0);
        }
    }

    /// How long all threads were in states of this kind.
    pub fn spent(&self, state: State) -> u128 {
        self.spent[state.kind()]
    }

    /// How long all threads were in states in which they need no core.
    pub fn waited(&self) -> u128 {
        [State::New, State::Waking, State::Blocked(On::Nothing)].map(|state| self.spent(state)).iter().sum()
    }

    /// The lives of all threads.
    pub fn lived(&self) -> u128 {
        self.lived
    }
}
