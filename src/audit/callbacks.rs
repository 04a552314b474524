//! Callbacks of event loops: each is called once, by the right loop, not before its time, and waits for nothing.

use std::collections::BTreeMap;

use super::rule::{Reports, Rule};
use super::threads::{Progress, Threads};
use crate::id::{ContextId, ThreadId};
use crate::model::Model;
use crate::time::Time;
use crate::trace::{Called, On, Record, What};

/// One that has not been called.
#[derive(Debug)]
struct Callback {
    how: Called,
    due: Time,
    ready: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    callbacks: BTreeMap<ContextId, Callback>,
    /// The loop whose self-pipe was written to by the record before.
    written: Option<ThreadId>,
}

impl Callbacks {
    /// `None` if nobody in the model asks for any.
    pub fn new(model: &Model) -> Option<Callbacks> {
        model.calls_back().then(Callbacks::default)
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        let written = self.written.take();
        match record.what {
            What::CallBack { context, child, how, after } => {
                let due = reports.now + after;
                let own = threads.process_of(context) == threads.process_of(child);
                let here = how == Called::Threadsafe || threads.thread_of(context) == threads.thread_of(child);
                let new = threads.contexts.get(&child).and_then(|found| found.progress) == Some(Progress::New);
                reports.require(own && here && new, Rule::CallBacks, || {
                    format!("{context:?} asks for {child:?}, {how:?}, on {:?}", threads.thread_of(child))
                });
                self.callbacks.insert(child, Callback { how, due, ready: false });
            }
            What::SelfPipe { thread } => self.written = Some(thread),
            What::CoroutineReady { context } => {
                let Some(callback) = self.callbacks.get_mut(&context) else { return };
                callback.ready = true;
                let called = callback.how != Called::Threadsafe || written == threads.thread_of(context);
                let right = called && reports.now >= callback.due;
                reports.require(right, Rule::CallBacks, || {
                    format!("{context:?} is called too early: {callback:?}, the pipe of {written:?} was written to")
                });
            }
            What::Suspend { context, on } => {
                let waits = self.callbacks.contains_key(&context);
                reports.require(!waits, Rule::CallBacks, || format!("{context:?}, a callback, waits for {on:?}"));
            }
            What::CoroutineEnd { context } => drop(self.callbacks.remove(&context)),
            What::Block { thread, on: On::Poll, .. } => {
                let due = |(_, one): &(&ContextId, &Callback)| !one.ready && one.how != Called::Threadsafe;
                let late = self
                    .callbacks
                    .iter()
                    .filter(due)
                    .find(|(context, one)| one.due <= reports.now && threads.thread_of(**context) == Some(thread));
                reports.require(late.is_none(), Rule::CallBacks, || format!("{thread:?} does not call {late:?}"));
            }
            _ => {}
        }
    }
}
