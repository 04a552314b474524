//! The handshake of `Thread.start`: who starts a thread does nothing before that has come up, and then goes on.

use std::collections::BTreeMap;

use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::id::ThreadId;
use crate::model::Model;
use crate::trace::{On, Record, Role, What};

/// Threads that others wait for to come up.
#[derive(Debug)]
pub(super) struct Starts {
    gil: bool,
    /// Who has started each that has not come up.
    starters: BTreeMap<ThreadId, ThreadId>,
    /// The loop whose coroutine has handed steps to a thread, in the record before.
    submitter: Option<ThreadId>,
    /// Whose wait is over at this instant.
    due: Vec<(ThreadId, On)>,
}

impl Starts {
    /// `None` if nobody waits for the threads that it starts.
    pub fn new(model: &Model) -> Option<Starts> {
        model.interpreter.start_handshake.then(|| Starts {
            gil: model.has_gil(),
            starters: BTreeMap::new(),
            submitter: None,
            due: Vec::new(),
        })
    }

    /// Who waited is woken in the instant in which the other comes up.
    pub fn settle(&mut self, threads: &Threads, reports: &mut Reports) {
        for (thread, on) in self.due.drain(..) {
            let asleep = threads.state(thread) == Some(State::Blocked(on));
            reports.require(!asleep, Rule::StartWaits, || format!("{thread:?} is not woken from its wait for {on:?}"));
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        let submitter = self.submitter.take();
        let starting = self.starters.iter().map(|(child, starter)| (*starter, *child));
        let busy = |thread: ThreadId| starting.clone().find(|(starter, _)| *starter == thread);
        let goes_on = match record.what {
            What::GilTake { thread, .. } => busy(thread),
            what => threads.stepping(&what).and_then(|context| busy(threads.thread_of(context)?)),
        };
        reports.require(goes_on.is_none(), Rule::StartWaits, || {
            format!("{goes_on:?}: the first goes on although the second, which it has started, has not come up")
        });
        match record.what {
            What::Spawn { context, child } => {
                let own = |thread: &ThreadId| threads.threads.get(thread).is_some_and(|found| found.own == child);
                let child = threads.thread_of(child).filter(own);
                if let (Some(child), Some(starter)) = (child, threads.thread_of(context))
                    && threads.threads[&child].process == threads.threads[&starter].process
                {
                    self.starters.insert(child, starter);
                }
            }
            What::Submit { context, .. } => self.submitter = threads.thread_of(context),
            What::ThreadStart { thread, role: Role::Worker(_), .. } => {
                self.starters.extend(submitter.map(|starter| (thread, starter)));
            }
            What::GilTake { thread, .. } => self.comes_up(thread, threads),
            What::Run { thread, .. } if !self.gil => self.comes_up(thread, threads),
            // It stops wherever it stands, but in a wait that has begun.
            What::JobDrop { by: Some(context), .. } => {
                let by = threads.thread_of(context);
                let waits = by.is_some_and(|by| matches!(threads.state(by), Some(State::Blocked(On::Start(_)))));
                self.starters.retain(|_, starter| waits || Some(*starter) != by);
            }
            _ => {}
        }
        if let Some((context, On::Start(child))) = threads.waiting(&record.what) {
            let starts = threads.thread_of(child).and_then(|child| self.starters.get(&child));
            let right = starts.is_some() && starts.copied() == threads.thread_of(context);
            reports.require(right, Rule::StartWaits, || format!("{context:?} waits for {child:?}, which has come up"));
        }
        if let Some((context, On::Start(child))) = threads.woken(&record.what) {
            let woken = threads.thread_of(context);
            self.due.retain(|(thread, _)| Some(*thread) != woken);
            let left = threads.thread_of(child).and_then(|child| self.starters.get(&child));
            reports.require(left.is_none(), Rule::StartWaits, || {
                format!("{context:?} goes on before {child:?} has come up")
            });
        }
    }

    fn comes_up(&mut self, thread: ThreadId, threads: &Threads) {
        let Some(starter) = self.starters.remove(&thread) else { return };
        if let Some(State::Blocked(on @ On::Start(_))) = threads.state(starter) {
            self.due.push((starter, on));
        }
    }
}
