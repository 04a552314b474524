//! Event loops: one coroutine at a time, iteration by iteration.

use std::collections::{BTreeMap, VecDeque};

use super::gil::Gils;
use super::rule::{Reports, Rule};
use super::threads::{Progress, State, Threads};
use crate::id::{ContextId, ThreadId};
use crate::trace::{On, Record, What};

#[derive(Debug, Default)]
struct EventLoop {
    /// How many iterations have begun.
    iteration: u64,
    /// How many of the current snapshot have not run yet.
    left: u32,
    /// The iteration in or after which each ready coroutine became ready.
    ready: BTreeMap<ContextId, u64>,
    /// Those of them that gave way, slept, or waited for a device, each kind in order.
    lines: [VecDeque<ContextId>; 3],
}

/// All event loops, by their threads.
#[derive(Debug, Default)]
pub(super) struct Loops {
    loops: BTreeMap<ThreadId, EventLoop>,
}

impl Loops {
    pub fn settle(&self, threads: &Threads, reports: &mut Reports) {
        for (thread, found) in self.loops.iter().filter(|(_, found)| !found.ready.is_empty()) {
            let asleep = threads.state(*thread) == Some(State::Blocked(On::Poll));
            reports.require(!asleep, Rule::LoopPolls, || {
                format!("{thread:?} waits in its selector, {:?} is ready", found.ready.keys().next())
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, gils: &Gils, reports: &mut Reports) {
        match record.what {
            What::CoroutineReady { context } => self.ready(context, threads),
            What::Suspend { context, on: On::Nothing } => self.ready(context, threads),
            What::Iteration { thread, ready } => self.iterate(thread, ready, threads, reports),
            What::Resume { context } => self.resume(context, threads, gils, reports),
            What::Block { thread, on: On::Poll, .. } => self.check_complete(thread, reports),
            What::ThreadEnd { thread, .. } => drop(self.loops.remove(&thread)),
            _ => {}
        }
    }

    fn ready(&mut self, context: ContextId, threads: &Threads) {
        let Some(found) = threads.contexts.get(&context) else { return };
        let own = self.loops.entry(found.thread).or_default();
        own.ready.insert(context, own.iteration);
        if threads.is_cancelled(context) {
            return;
        }
        let line = match found.progress {
            Some(Progress::Running) => 0,
            Some(Progress::Suspended(On::Sleep)) => 1,
            Some(Progress::Suspended(On::Io(_))) => 2,
            _ => return,
        };
        own.lines[line].push_back(context);
    }

    fn check_complete(&self, thread: ThreadId, reports: &mut Reports) {
        let left = self.loops.get(&thread).map_or(0, |found| found.left);
        reports
            .require(left == 0, Rule::LoopSnapshot, || format!("{thread:?} leaves {left} coroutines of its snapshot"));
    }

    fn iterate(&mut self, thread: ThreadId, ready: u32, threads: &Threads, reports: &mut Reports) {
        self.check_complete(thread, reports);
        let running = threads.is_running(thread);
        reports.require(running, Rule::LoopAlone, || format!("the loop of {thread:?} iterates off its core"));
        let own = self.loops.entry(thread).or_default();
        let there = own.ready.len();
        reports.require(ready as usize <= there, Rule::LoopSnapshot, || {
            format!("{thread:?} counts {ready} coroutines, {there} are ready")
        });
        own.iteration += 1;
        own.left = ready;
    }

    fn resume(&mut self, context: ContextId, threads: &Threads, gils: &Gils, reports: &mut Reports) {
        let Some(thread) = threads.thread_of(context) else { return };
        let other = threads.threads.get(&thread).and_then(|thread| thread.coroutine);
        let alone = other.is_none() && threads.is_running(thread) && gils.may_interpret(thread, threads);
        reports.require(alone, Rule::LoopAlone, || {
            format!("{context:?} resumes on {thread:?} in state {:?} beside {other:?}", threads.state(thread))
        });
        let own = self.loops.entry(thread).or_default();
        reports.require(own.left > 0, Rule::LoopSnapshot, || format!("{context:?} resumes beyond the snapshot"));
        own.left = own.left.saturating_sub(1);
        let now = own.iteration;
        if let Some(since) = own.ready.remove(&context) {
            reports.require(since < now, Rule::LoopSnapshot, || format!("{context:?} became ready in this iteration"));
            reports.require(now <= since + 3, Rule::LoopOrder, || {
                format!("{context:?} is ready since iteration {since} and resumes in {now}")
            });
        }
        for line in &mut own.lines {
            let Some(place) = line.iter().position(|other| *other == context) else { continue };
            reports.require(place == 0, Rule::LoopOrder, || {
                format!("{context:?} resumes before {:?}, which was ready earlier", line[0])
            });
            line.remove(place);
        }
    }
}
