//! Waits for requests, the clock and the ends of others: none is short, and none is forgotten.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::id::{ContextId, ProgramId, RequestId, ThreadId};
use crate::time::Time;
use crate::trace::{On, Record, Role, What};

/// What contexts wait for, apart from locks and the GIL.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// The request that each context waits for.
    requests: BTreeMap<RequestId, ContextId>,
    outstanding: BTreeMap<ContextId, RequestId>,
    /// When the last sleep of a context may end.
    alarms: BTreeMap<ContextId, Time>,
    /// The suspended coroutines among them, by loop, the next one first.
    asleep: BTreeSet<(ThreadId, Time, ContextId)>,
    /// Who created the context, and for which program; `None` if it is awaited together with others.
    parents: BTreeMap<ContextId, Option<Family>>,
    /// Who creates what it will await together.
    gathering: BTreeSet<ContextId>,
    /// How many of its children of the program are still there.
    children: BTreeMap<Family, u32>,
    /// Jobs that each context has begun.
    begun: BTreeMap<ContextId, u64>,
    /// Whose wait has ended at this instant.
    due: Vec<(ContextId, On)>,
}

/// Those that `Join` waits for: what the parent spawned from the program, for the job that it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Family {
    parent: ContextId,
    serial: u64,
    job: u64,
    program: ProgramId,
}

impl Waits {
    fn family(&self, parent: ContextId, serial: u64, program: ProgramId) -> Family {
        Family { parent, serial, job: self.begun.get(&parent).copied().unwrap_or(0), program }
    }

    /// A thread whose wait has ended is woken in the same instant. A coroutine is left to its loop.
    pub fn settle(&mut self, threads: &Threads, reports: &mut Reports) {
        for (context, on) in self.due.drain(..) {
            let Some(thread) = threads.thread_of(context).and_then(|thread| threads.threads.get(&thread)) else {
                continue;
            };
            let asleep = thread.current() == context && thread.state == State::Blocked(on);
            let rule = if matches!(on, On::Io(_)) { Rule::IoWaits } else { Rule::JoinWaits };
            reports.require(!asleep, rule, || format!("{context:?} is not woken from its wait for {on:?}"));
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        match record.what {
            What::IoSubmit { request, context, .. } => self.submit(request, context, reports),
            What::IoDone { device, request } => {
                if let Some(context) = self.requests.remove(&request) {
                    self.outstanding.remove(&context);
                    self.due.push((context, On::Io(device)));
                }
            }
            What::IoWithdraw { request, .. } => {
                if let Some(context) = self.requests.remove(&request) {
                    self.outstanding.remove(&context);
                }
            }
            What::Sleep { context, time } => {
                let twice = self.alarms.insert(context, reports.now + time).is_some();
                reports.require(!twice, Rule::SleepNotEarly, || format!("{context:?} sleeps in its sleep"));
            }
            What::Kill { context } => {
                self.alarms.remove(&context);
                if let Some(request) = self.outstanding.remove(&context) {
                    self.requests.remove(&request);
                }
            }
            What::Together { context, how } if !how.apart() => drop(self.gathering.insert(context)),
            What::Suspend { context, on: On::Together } | What::TogetherAlready { context } => {
                self.gathering.remove(&context);
            }
            What::JobStart { context, .. } => *self.begun.entry(context).or_default() += 1,
            What::Spawn { context, child } => self.spawn(context, child, threads, reports),
            // Nobody joins it.
            What::CallBack { child, .. } => drop(self.parents.insert(child, None)),
            What::ThreadEnd { thread, .. } => {
                if let Some(own) = threads.threads.get(&thread).map(|thread| thread.own) {
                    self.end(own, threads, reports);
                }
            }
            What::CoroutineEnd { context } => self.end(context, threads, reports),
            What::HandBack { context, .. } => drop(self.alarms.remove(&context)),
            _ => {}
        }
        if let Some((context, on)) = threads.waiting(&record.what) {
            self.wait(context, on, reports);
            if let (What::Suspend { on: On::Sleep, .. }, Some(thread)) = (record.what, threads.thread_of(context)) {
                self.asleep.insert((thread, self.alarms.get(&context).copied().unwrap_or_default(), context));
            }
        }
        if let Some((context, on)) = threads.woken(&record.what) {
            self.due.retain(|(due, _)| *due != context);
            self.wake(context, on, threads, reports);
        }
    }

    fn submit(&mut self, request: RequestId, context: ContextId, reports: &mut Reports) {
        self.requests.insert(request, context);
        let second = self.outstanding.insert(context, request);
        reports.require(second.is_none(), Rule::IoWaits, || {
            format!("{context:?} submits {request:?} while {second:?} is under way")
        });
    }

    fn spawn(&mut self, context: ContextId, child: ContextId, threads: &Threads, reports: &mut Reports) {
        let (Some(parent), Some(born)) = (threads.contexts.get(&context), threads.contexts.get(&child)) else {
            return reports.require(false, Rule::Existence, || format!("{context:?} creates {child:?} of nothing"));
        };
        let Role::Spawned { program, .. } = born.role else {
            return reports.require(false, Rule::Existence, || format!("{child:?} is created but has another role"));
        };
        let joined = !self.gathering.contains(&context);
        let key = joined.then(|| self.family(context, parent.serial, program));
        if let Some(key) = key {
            *self.children.entry(key).or_default() += 1;
            // If the last one before it ended at this very instant, a `Join` that comes now waits all the same.
            self.due.retain(|due| *due != (context, On::Join(program)));
        }
        let twice = self.parents.insert(child, key).is_some();
        reports.require(!twice, Rule::Existence, || format!("{child:?} is created a second time"));
    }

    fn end(&mut self, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let open = self.outstanding.get(&context);
        reports.require(open.is_none(), Rule::IoWaits, || format!("{context:?} ends before {open:?}"));
        self.alarms.remove(&context);
        let Some(key) = self.parents.remove(&context) else {
            let spawned =
                threads.contexts.get(&context).is_some_and(|found| matches!(found.role, Role::Spawned { .. }));
            return reports.require(!spawned, Rule::Existence, || format!("{context:?} has no parent"));
        };
        let Some(key) = key else { return };
        let Some(left) = self.children.get_mut(&key) else { return };
        *left -= 1;
        if *left == 0 {
            self.children.remove(&key);
            let parent = threads.contexts.get(&key.parent);
            if parent.is_some_and(|parent| self.family(key.parent, parent.serial, key.program) == key) {
                self.due.push((key.parent, On::Join(key.program)));
            }
        }
    }

    fn wait(&mut self, context: ContextId, on: On, reports: &mut Reports) {
        match on {
            On::Sleep => {
                let set = self.alarms.contains_key(&context);
                reports.require(set, Rule::SleepNotEarly, || format!("{context:?} sleeps without a `Sleep`"));
            }
            On::Gil | On::GilSwitch | On::World | On::Io(_) => {}
            On::Nothing
            | On::Lock(_)
            | On::Sync(_)
            | On::Socket(_)
            | On::Join(_)
            | On::Start(_)
            | On::Together
            | On::Executor(_)
            | On::Job
            | On::Poll => {
                let open = self.outstanding.get(&context);
                reports.require(open.is_none(), Rule::IoWaits, || format!("{context:?} does not wait for {open:?}"));
            }
        }
    }

    fn wake(&mut self, context: ContextId, on: On, threads: &Threads, reports: &mut Reports) {
        match on {
            On::Io(_) => {
                let open = self.outstanding.get(&context);
                reports
                    .require(open.is_none(), Rule::IoWaits, || format!("{context:?} goes on before {open:?} is done"));
            }
            On::Sleep => {
                let alarm = self.alarms.remove(&context).unwrap_or(Time::ZERO);
                let Some(thread) = threads.thread_of(context) else { return };
                if threads.is_cancelled(context) {
                    self.asleep.remove(&(thread, alarm, context));
                    return;
                }
                reports.require(alarm <= reports.now, Rule::SleepNotEarly, || {
                    format!("{context:?} wakes before {} ns", alarm.0)
                });
                if self.asleep.remove(&(thread, alarm, context)) {
                    let first = self.asleep.range((thread, Time::ZERO, ContextId(0))..).next();
                    let late = first.filter(|(of, at, _)| *of == thread && *at < alarm);
                    reports.require(late.is_none(), Rule::SleepNotEarly, || {
                        format!("{context:?} wakes before {late:?}, whose sleep ends earlier")
                    });
                }
            }
            On::Join(_) if threads.is_cancelled(context) => {}
            On::Join(program) => {
                let serial = threads.contexts.get(&context).map_or(0, |context| context.serial);
                let left = self.children.get(&self.family(context, serial, program));
                reports.require(left.is_none(), Rule::JoinWaits, || {
                    format!("{context:?} goes on although {left:?} of its {program:?} are there")
                });
            }
            On::Nothing
            | On::Gil
            | On::GilSwitch
            | On::World
            | On::Lock(_)
            | On::Sync(_)
            | On::Socket(_)
            | On::Start(_)
            | On::Together
            | On::Executor(_)
            | On::Job
            | On::Poll => {}
        }
    }
}
