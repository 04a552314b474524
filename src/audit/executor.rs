//! The executors of event loops: what coroutines hand to threads is done once and in order, and then they go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::rule::{Reports, Rule};
use super::threads::{Progress, State, Threads};
use crate::id::{ContextId, ProcessId, ThreadId};
use crate::model::Model;
use crate::trace::{On, Record, Role, What};

/// The executor of one process.
#[derive(Debug, Default)]
struct Executor {
    queue: VecDeque<ContextId>,
    threads: BTreeSet<ThreadId>,
    /// The record before was a submission for which a thread has to be started.
    due: bool,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Executors {
    most: usize,
    executors: BTreeMap<ProcessId, Executor>,
    /// What threads do now, and for whom.
    under_way: BTreeMap<ContextId, ThreadId>,
    /// Whose steps are done and who has not heard of it, with the loop that is to hear.
    done: BTreeMap<ContextId, ThreadId>,
    parents: BTreeMap<ContextId, ContextId>,
    /// The loop that was called by the record before.
    called: Option<ThreadId>,
}

impl Executors {
    /// `None` if no coroutine of the model hands anything to a thread.
    pub fn new(model: &Model) -> Option<Executors> {
        model.has_executor().then(|| Executors {
            most: model.executor_threads() as usize,
            executors: BTreeMap::new(),
            under_way: BTreeMap::new(),
            done: BTreeMap::new(),
            parents: BTreeMap::new(),
            called: None,
        })
    }

    /// No thread of an executor waits for work while there is more in the queue than others are on their way for.
    pub fn settle(&self, threads: &Threads, reports: &mut Reports) {
        for (process, executor) in &self.executors {
            let idle = |thread: &&ThreadId| threads.state(**thread) == Some(State::Blocked(On::Job));
            let idle = executor.threads.iter().filter(idle).count();
            let busy = self.under_way.values().filter(|thread| executor.threads.contains(thread)).count();
            let coming = executor.threads.len().saturating_sub(idle + busy);
            reports.require(idle == 0 || executor.queue.len() <= coming, Rule::ExecutorOrder, || {
                format!("{:?} of {process:?} wait for {idle} idle threads", executor.queue)
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        self.check_start(record, threads, reports);
        let called = self.called.take();
        match record.what {
            What::Submit { context, child } => {
                self.parents.insert(child, context);
                let Some(process) = threads.process_of(context) else { return };
                let executor = self.executors.entry(process).or_default();
                executor.queue.push_back(child);
                let none_idle = executor.threads.iter().all(|id| threads.state(*id) != Some(State::Blocked(On::Job)));
                executor.due = none_idle && executor.threads.len() < self.most;
            }
            What::TakeUp { thread, context } => self.take_up(thread, context, threads, reports),
            What::HandBack { context, .. } => {
                let by = self.under_way.remove(&context);
                reports.require(by.is_some(), Rule::ExecutorOrder, || format!("{context:?} was not taken up"));
                let loops = self.parents.get(&context).and_then(|parent| threads.thread_of(*parent));
                self.done.extend(loops.map(|thread| (context, thread)));
            }
            What::Unsubmit { context } => {
                let queues = self.executors.values_mut();
                let left = queues.filter(|one| one.queue.contains(&context)).map(|one| {
                    one.queue.retain(|queued| *queued != context);
                });
                let left = left.count();
                reports.require(left == 1, Rule::ExecutorOrder, || format!("{context:?} leaves {left} queues"));
                self.parents.remove(&context);
            }
            What::SelfPipe { thread } => self.called = Some(thread),
            What::CoroutineReady { context } => self.ready(context, called, threads, reports),
            _ => {}
        }
    }

    /// A thread is started exactly when what was submitted found none idle and there are fewer than there may be.
    fn check_start(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        let (starts, of) = match record.what {
            What::ThreadStart { role: Role::Worker(_), thread, process, .. } => (Some(thread), process),
            _ => (None, ProcessId(u32::MAX)),
        };
        let due: Vec<ProcessId> = self.executors.iter().filter(|(_, one)| one.due).map(|(id, _)| *id).collect();
        let expected = if starts.is_some() { vec![of] } else { Vec::new() };
        reports.require(due == expected, Rule::ExecutorStarts, || {
            format!("threads are due in {due:?}, and start in {expected:?}")
        });
        self.executors.values_mut().for_each(|one| one.due = false);
        if let Some(thread) = starts {
            debug_assert!(threads.state(thread).is_none() || due != expected, "a thread starts once");
            self.executors.entry(of).or_default().threads.insert(thread);
        }
    }

    fn take_up(&mut self, thread: ThreadId, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let process = threads.threads.get(&thread).map(|found| found.process);
        let executor = process.and_then(|process| self.executors.get_mut(&process));
        let first = executor.and_then(|executor| executor.queue.pop_front());
        reports.require(first == Some(context), Rule::ExecutorOrder, || {
            format!("{thread:?} takes {context:?}, and {first:?} is first")
        });
        let free = threads.is_running(thread) && !self.under_way.values().any(|busy| *busy == thread);
        reports.require(free, Rule::ExecutorOrder, || format!("{thread:?} takes {context:?} and is not free"));
        self.under_way.insert(context, thread);
    }

    fn ready(&mut self, context: ContextId, called: Option<ThreadId>, threads: &Threads, reports: &mut Reports) {
        let waits = threads.contexts.get(&context).and_then(|found| found.progress);
        let Some(Progress::Suspended(On::Executor(steps))) = waits else { return };
        if threads.is_cancelled(context) {
            return;
        }
        let heard = self.done.remove(&steps);
        let right = heard.is_some() && heard == called && self.parents.remove(&steps) == Some(context);
        reports.require(right, Rule::ExecutorWaits, || {
            format!("{context:?} goes on: its steps are done: {heard:?}, its loop was called: {called:?}")
        });
    }

    pub fn finish(&self, finished: bool, reports: &mut Reports) {
        let left = self.executors.values().find(|one| !one.queue.is_empty() || one.due);
        let open = left.is_some() || !self.under_way.is_empty();
        reports.require(!open || !finished, Rule::Ending, || {
            format!("steps are not done: {left:?}, {:?}", self.under_way)
        });
    }
}
