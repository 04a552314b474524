//! Who waited longest for something that others hold, and how often it was overtaken: starvation shows in the second.
//!
//! A wait lasts from the first asking until the thing is had, however often the waiter was woken in vain.

use std::collections::BTreeMap;

use super::figures::LongestWait;
use super::threads::put;
use crate::id::{ContextId, JobId, LockId, ProcessId, SyncId, ThreadId};
use crate::model::Model;
use crate::sync::Config;
use crate::time::{Duration, Time};
use crate::trace::{Deed, On, Record, Role, What};

/// Watches locks, semaphores and locks for readers and writers. A model without any costs a test of a flag.
#[derive(Clone, Debug)]
pub struct Longest {
    /// Whether there is anything to watch.
    watches: bool,
    warm_up: u64,
    locks: usize,
    /// By lock, then by other thing: its name, whether all processes share it, whether it is held by somebody.
    declared: Vec<(String, bool, bool)>,
    /// By process and thing.
    things: Vec<Vec<Thing>>,
    contexts: Vec<Context>,
    /// By thread: the context of its own.
    owns: Vec<ContextId>,
    /// What threads of executors do, with the thread and its own context.
    executors: BTreeMap<ContextId, (ThreadId, ContextId)>,
    /// By job.
    jobs: Vec<Role>,
    longest: Option<Wait>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Thing {
    /// How often it was taken.
    takes: u64,
    /// How many wait.
    waiting: u64,
}

#[derive(Clone, Copy, Debug)]
struct Context {
    process: ProcessId,
    /// Of a thread that runs an event loop nothing is known: its coroutines wait.
    role: Role,
    open: Option<Wait>,
}

/// A wait that has not ended, or the longest of all.
#[derive(Clone, Copy, Debug)]
struct Wait {
    who: Role,
    thing: (usize, usize),
    since: u64,
    length: u64,
    /// At the beginning: how often the thing was taken, and how many were waiting. At the end: how often others were faster.
    takes: u64,
    ahead: u64,
}

impl Longest {
    pub fn new(model: &Model) -> Longest {
        let locks =
            model.locks.iter().map(|lock| (format!("the lock \"{}\"", lock.name), lock.is_interprocess(), true));
        let others = model.syncs.iter().map(|sync| {
            let (what, held) = match sync.initial {
                Config::Semaphore { .. } => ("semaphore", true),
                Config::RwLock(_) => ("lock", true),
                _ => ("", false),
            };
            (format!("the {what} \"{}\"", sync.name), sync.is_interprocess(), held)
        });
        let declared: Vec<_> = locks.chain(others).collect();
        Longest {
            watches: declared.iter().any(|(_, _, held)| *held),
            warm_up: model.warm_up.0,
            locks: model.locks.len(),
            declared,
            things: Vec::new(),
            contexts: Vec::new(),
            owns: Vec::new(),
            executors: BTreeMap::new(),
            jobs: Vec::new(),
            longest: None,
        }
    }

    /// Whether such a record matters. Where the kind is known, it decides nothing.
    #[inline(always)]
    pub fn wants(&self, what: &What) -> bool {
        let matters = matches!(
            what,
            What::ThreadStart { .. }
                | What::CoroutineStart { .. }
                | What::JobArrive { .. }
                | What::JobStart { .. }
                | What::JobDrop { by: Some(_), .. }
                | What::Kill { .. }
                | What::Cancel { .. }
                | What::Block { on: On::Lock(_), .. }
                | What::Suspend { on: On::Lock(_), .. }
                | What::LockTake { .. }
                | What::Sync { .. }
                | What::Submit { .. }
                | What::TakeUp { .. }
                | What::HandBack { .. }
        );
        matters && self.watches
    }

    /// One record that it [wants](Longest::wants).
    #[inline(never)]
    pub fn record(&mut self, record: &Record) {
        let now = record.time;
        match record.what {
            What::ThreadStart { thread, process, context, role } => {
                put(&mut self.owns, thread.index(), context);
                self.start(context, process, role);
            }
            What::CoroutineStart { context, thread, role } => {
                let process = self.contexts[self.owns[thread.index()].index()].process;
                self.start(context, process, role);
            }
            What::JobArrive { job, task, index } => put(&mut self.jobs, job.index(), Role::Task { task, index }),
            What::JobStart { job, context } => self.carry(job, context),
            What::Submit { context, child } => {
                let Context { process, role, .. } = self.contexts[context.index()];
                self.start(child, process, role);
            }
            What::TakeUp { thread, context } => {
                let own = std::mem::replace(&mut self.owns[thread.index()], context);
                self.executors.insert(context, (thread, own));
            }
            What::HandBack { context, .. } => {
                if let Some((thread, own)) = self.executors.remove(&context) {
                    self.owns[thread.index()] = own;
                }
            }
            What::JobDrop { by: Some(context), .. } | What::Kill { context } | What::Cancel { context, .. } => {
                self.give_up(context, now);
            }
            What::Block { thread, on: On::Lock(lock), .. } => {
                let context = self.owns[thread.index()];
                if !matches!(self.contexts[context.index()].role, Role::Loop) {
                    self.wait(context, lock.index(), now);
                }
            }
            What::Suspend { context, on: On::Lock(lock) } => self.wait(context, lock.index(), now),
            What::LockTake { lock: LockId(lock), process, context } => self.take(context, process, lock as usize, now),
            What::Sync { sync: SyncId(sync), process, context, deed, .. } => {
                let thing = self.locks + sync as usize;
                match deed {
                    Deed::Wait | Deed::WaitRead if self.declared[thing].2 => self.wait(context, thing, now),
                    Deed::Take | Deed::TakeRead | Deed::Given | Deed::GivenRead => {
                        self.take(context, process, thing, now);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, context: ContextId, process: ProcessId, role: Role) {
        put(&mut self.contexts, context.index(), Context { process, role, open: None });
    }

    fn carry(&mut self, job: JobId, context: ContextId) {
        self.contexts[context.index()].role = self.jobs[job.index()];
    }

    fn thing(&mut self, (process, thing): (usize, usize)) -> &mut Thing {
        if self.things.len() <= process {
            self.things.resize(process + 1, Vec::new());
        }
        let things = &mut self.things[process];
        if things.is_empty() {
            things.resize(self.declared.len(), Thing::default());
        }
        &mut things[thing]
    }

    fn wait(&mut self, context: ContextId, thing: usize, now: Time) {
        let Context { process, role, open } = self.contexts[context.index()];
        if open.is_some() {
            return; // It was woken in vain.
        }
        let process = if self.declared[thing].1 { 0 } else { process.index() };
        let state = self.thing((process, thing));
        let (takes, ahead) = (state.takes, state.waiting);
        state.waiting += 1;
        let wait = Wait { who: role, thing: (process, thing), since: now.0, length: 0, takes, ahead };
        self.contexts[context.index()].open = Some(wait);
    }

    fn take(&mut self, context: ContextId, process: ProcessId, thing: usize, now: Time) {
        let state = self.thing((process.index(), thing));
        let before = state.takes;
        state.takes += 1;
        if let Some(wait) = self.contexts[context.index()].open.take() {
            self.thing((process.index(), thing)).waiting -= 1;
            self.end(wait, before, now);
        }
    }

    /// Its job is dropped, or its time is over: it waits no longer.
    fn give_up(&mut self, context: ContextId, now: Time) {
        if let Some(wait) = self.contexts[context.index()].open.take() {
            let state = self.thing(wait.thing);
            state.waiting -= 1;
            let takes = state.takes;
            self.end(wait, takes, now);
        }
    }

    fn end(&mut self, wait: Wait, takes: u64, now: Time) {
        let length = super::clock::clipped(wait.since, now.0, self.warm_up);
        if self.longest.is_none_or(|longest| length > longest.length) {
            // Those who were there before it have not overtaken it.
            let overtaken = (takes - wait.takes).saturating_sub(wait.ahead);
            self.longest = Some(Wait { length, takes: overtaken, ..wait });
        }
    }

    /// Who still waits has waited until now.
    pub fn finish(mut self, model: &Model, now: Time) -> Option<LongestWait> {
        for wait in self.contexts.iter().filter_map(|context| context.open).collect::<Vec<_>>() {
            let takes = self.thing(wait.thing).takes;
            self.end(wait, takes, now);
        }
        self.longest.map(|wait| LongestWait {
            who: model.role_name(wait.who),
            what: self.declared[wait.thing.1].0.clone(),
            since: Duration(wait.since),
            length: Duration(wait.length),
            overtaken: wait.takes,
        })
    }
}
