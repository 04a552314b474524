//! Exceptions: who is cancelled gets one, timeouts are neither early nor forgotten, and what is awaited together ends together.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{Reports, Rule};
use super::threads::{Progress, State, Threads};
use crate::id::{ContextId, ThreadId};
use crate::model::Model;
use crate::time::{Duration, Time};
use crate::trace::{Cause, Deed, On, Raised, Record, Together, What};

/// A coroutine that can be cancelled.
#[derive(Debug, Default)]
struct Task {
    /// It is cancelled and does not know yet.
    pending: bool,
    /// It runs, and has to know before it does anything.
    told: bool,
    /// When each of its timeouts is over, innermost last, and whether it has cancelled it.
    timeouts: Vec<(Time, bool)>,
    /// The timeout that it has just left had cancelled it.
    expired: bool,
    /// Who awaits it together with others.
    parent: Option<ContextId>,
    /// The exception that it ends with.
    raised: Option<Raised>,
    /// What it has awaited together has failed by itself: that is raised, whether it is cancelled or not.
    fails: bool,
    /// How often it was cancelled, without what its timeouts have taken back.
    requests: u32,
    /// It was cancelled, and what it awaited has failed instead.
    hidden: bool,
    /// A thread has waited for a notification within its timeout: to take the lock again it has all the time.
    notified: bool,
}

/// What is awaited together.
#[derive(Debug)]
struct Group {
    how: Together,
    starting: bool,
    live: BTreeSet<ContextId>,
    /// One ended with an exception that the group has to hear of, in this iteration.
    failed: Option<u64>,
    /// The first that it has to hear of is no cancellation.
    fails: bool,
    /// Who awaits them is woken because it was cancelled, or one has failed: to wait on, unless all have ended.
    looks: bool,
    /// The iteration in which the last of those ended that have.
    ended: u64,
}

impl Group {
    /// Whether who awaits it goes on at the first exception.
    fn ends_early(&self) -> bool {
        matches!(self.how, Together::Gather | Together::Shield) && self.failed.is_some()
    }
}

/// All that can be cancelled.
#[derive(Debug)]
pub(super) struct Cancels {
    /// How late timers of threads are.
    slack: Duration,
    tasks: BTreeMap<ContextId, Task>,
    groups: BTreeMap<ContextId, Group>,
    iterations: BTreeMap<ThreadId, u64>,
    /// Coroutines whose jobs were dropped, until they end.
    dropped: BTreeSet<ContextId>,
}

impl Cancels {
    pub fn new(model: &Model) -> Cancels {
        let (tasks, groups, iterations, dropped) = Default::default();
        Cancels { slack: model.machine.costs.timer_slack, tasks, groups, iterations, dropped }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if self.tasks.is_empty() && matches!(record.what, What::Iteration { .. }) {
            return;
        }
        self.check_told(&record.what, threads, reports);
        self.check_woken(record, threads, reports);
        match record.what {
            What::Iteration { thread, .. } => *self.iterations.entry(thread).or_default() += 1,
            What::Cancel { context, why } => {
                self.check_patience(context, threads, reports);
                if why == Cause::Again {
                    self.leave(context, threads, reports);
                }
                self.cancel(context, why, reports);
            }
            What::Raise { context, raised } => self.raise(context, raised, threads, reports),
            What::Uncaught { context, raised } => self.tasks.entry(context).or_default().raised = Some(raised),
            What::Resume { context } => {
                if let Some(task) = self.tasks.get_mut(&context) {
                    task.told = task.pending;
                }
            }
            What::Timeout { context, time } => {
                let due = reports.now + time;
                let task = self.tasks.entry(context).or_default();
                task.timeouts.push((due, false));
                task.notified = false;
            }
            What::TimeoutEnd { context } => {
                let task = self.tasks.entry(context).or_default();
                let ended = task.timeouts.pop();
                task.expired = ended.is_some_and(|(_, expired)| expired);
                task.requests = task.requests.saturating_sub(task.expired.into());
                reports.require(ended.is_some(), Rule::TimeoutDue, || format!("{context:?} ends no timeout"));
            }
            What::Together { context, how } => {
                let group = Group {
                    how,
                    starting: true,
                    live: BTreeSet::new(),
                    failed: None,
                    fails: false,
                    looks: false,
                    ended: 0,
                };
                self.tasks.entry(context).or_default();
                self.groups.insert(context, group);
            }
            What::Spawn { context, child } => {
                if let Some(group) = self.groups.get_mut(&context).filter(|group| group.starting) {
                    group.live.insert(child);
                    self.tasks.entry(child).or_default().parent = Some(context);
                }
            }
            What::Suspend { context, on: On::Together } => {
                if let Some(group) = self.groups.get_mut(&context) {
                    (group.starting, group.looks) = (false, false);
                    let over = group.how != Together::TaskGroup && group.live.is_empty();
                    reports.require(!over, Rule::TogetherEnds, || format!("{context:?} waits for what is over"));
                }
            }
            What::TogetherAlready { context } => {
                let group = self.groups.remove(&context);
                let over = |group: &Group| group.live.is_empty() || group.ends_early();
                let right = group.is_some_and(|group| group.how != Together::TaskGroup && over(&group));
                reports
                    .require(right, Rule::TogetherEnds, || format!("{context:?} does not wait for what is not over"));
            }
            What::CoroutineReady { context } => self.ready(context, threads, reports),
            What::CoroutineEnd { context } => self.end(context, threads, reports),
            What::HandBack { context, .. } => drop(self.tasks.remove(&context)),
            What::JobDrop { by: Some(context), .. } => {
                self.tasks.remove(&context);
                self.groups.remove(&context);
                self.dropped.insert(context);
            }
            _ => {}
        }
    }

    /// Who is cancelled does nothing before it knows, but give back what it was given, or take the lock of a condition.
    fn check_told(&mut self, what: &What, threads: &Threads, reports: &mut Reports) {
        let context = match *what {
            What::Compute { context, .. }
            | What::Sleep { context, .. }
            | What::IoSubmit { context, .. }
            | What::Load { context, .. }
            | What::Store { context, .. }
            | What::Spawn { context, .. }
            | What::CallBack { context, .. }
            | What::Print { context, .. }
            | What::LockRelease { context, .. }
            | What::JobEnd { context, .. }
            | What::Suspend { context, on: On::Nothing | On::Sync(_) | On::Join(_) | On::Together }
            | What::TasksWaited { context, .. }
            | What::CoroutineEnd { context } => context,
            What::Sync { context, deed, .. }
                if !matches!(deed, Deed::Withdraw | Deed::Leave | Deed::Release | Deed::Given | Deed::GivenRead) =>
            {
                context
            }
            _ => return,
        };
        if let Some(group) = self.groups.get(&context).filter(|group| group.looks)
            && matches!(what, What::Suspend { on: On::Together, .. })
        {
            // The callback of the last one runs in the iteration after its end.
            let heard = group.live.is_empty() && self.iteration(context, threads) >= group.ended + 2;
            reports.require(!heard, Rule::TogetherEnds, || format!("{context:?} waits for what is over"));
            return;
        }
        self.leave(context, threads, reports);
        if let Some(task) = self.tasks.get_mut(&context) {
            let open = std::mem::take(&mut task.told);
            reports.require(!open, Rule::Cancelled, || format!("{context:?} is cancelled, yet {what:?}"));
        }
    }

    /// A limited wait of a thread ends: not after its time.
    fn check_woken(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if let Some((context, on)) = threads.woken(&record.what)
            && let Some((due, since)) = self.limited(context, threads)
        {
            let late = due.max(since) + self.slack < reports.now;
            reports.require(!late, Rule::TimeoutDue, || format!("{context:?} waited for {on:?} longer than it may"));
            if let (On::Sync(_), Some(task)) = (on, self.tasks.get_mut(&context)) {
                task.notified = true;
            }
        }
    }

    fn cancel(&mut self, context: ContextId, why: Cause, reports: &mut Reports) {
        let parent = self.tasks.entry(context).or_default().parent;
        let failed = |parent| self.groups.get(&parent).is_some_and(|group: &Group| group.failed.is_some());
        let cancelled = |parent| {
            let together = self.groups.get(&parent).is_some_and(|group| !group.how.apart());
            together && self.tasks.get(&parent).is_some_and(|task| task.pending)
        };
        let right = match why {
            Cause::Asked | Cause::Timeout => true,
            Cause::Sibling => parent.is_some_and(failed),
            Cause::Parent => parent.is_some_and(cancelled),
            Cause::Again => self.tasks.get(&context).is_some_and(|task| task.fails && task.requests > 0),
        };
        reports.require(right, Rule::TogetherEnds, || format!("{context:?} is cancelled because of {why:?}"));
        let task = self.tasks.entry(context).or_default();
        task.pending = true;
        task.hidden = why == Cause::Again;
        task.requests += u32::from(why != Cause::Again);
        if why == Cause::Timeout {
            let over = task.timeouts.iter_mut().filter(|(due, expired)| *due <= reports.now && !*expired);
            let due = over.min_by_key(|(due, _)| *due);
            reports.require(due.is_some(), Rule::TimeoutDue, || format!("no timeout of {context:?} is over"));
            due.into_iter().for_each(|(_, expired)| *expired = true);
        }
    }

    /// A thread whose wait is limited gives it up exactly when its time is over and a timer has noticed, unless it has begun to
    /// wait only then.
    fn check_patience(&self, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let Some((due, since)) = self.limited(context, threads) else { return };
        let end = due.max(since) + self.slack;
        reports.require(end == reports.now, Rule::TimeoutDue, || {
            format!("{context:?} gives up at another time than {} ns", end.0)
        });
    }

    /// Until when a blocked thread waits at most, and since when it does.
    fn limited(&self, context: ContextId, threads: &Threads) -> Option<(Time, Time)> {
        let task = self.tasks.get(&context).filter(|task| !task.pending)?;
        let (due, _) = task.timeouts.last()?;
        let thread = threads.threads.get(&threads.thread_of(context)?)?;
        let State::Blocked(on @ (On::Lock(_) | On::Sync(_) | On::Join(_))) = thread.state else { return None };
        let again = task.notified && matches!(on, On::Lock(_));
        let own = threads.contexts.get(&context).is_some_and(|found| found.progress.is_none());
        (own && !again && thread.current() == context).then_some((*due, thread.since))
    }

    /// No thread is left in a wait whose time is over.
    pub fn finish(&self, threads: &Threads, reports: &mut Reports) {
        for context in self.tasks.keys() {
            let late =
                self.limited(*context, threads).filter(|(due, since)| (*due).max(*since) + self.slack < reports.now);
            reports.require(late.is_none(), Rule::TimeoutDue, || format!("{context:?} waits on after {late:?}"));
        }
    }

    fn raise(&mut self, context: ContextId, raised: Raised, threads: &Threads, reports: &mut Reports) {
        self.leave(context, threads, reports);
        let task = self.tasks.entry(context).or_default();
        if raised == Raised::Timeout && threads.contexts.get(&context).is_some_and(|found| found.progress.is_none()) {
            task.pending = false;
        }
        match raised {
            Raised::Exception => {
                if std::mem::take(&mut task.fails) {
                    task.told = false;
                    task.pending = std::mem::take(&mut task.hidden);
                }
            }
            Raised::Timeout => {
                let expired = std::mem::take(&mut task.expired);
                reports.require(expired, Rule::TimeoutDue, || format!("{context:?} has left no timeout that was over"));
            }
            Raised::Cancelled => {
                // Whose job was dropped is told by those that it awaited, which were cancelled with it.
                let pending = std::mem::take(&mut task.pending) || self.dropped.contains(&context);
                task.told = false;
                reports.require(pending, Rule::Cancelled, || format!("{context:?} was not cancelled"));
            }
        }
    }

    fn ready(&mut self, context: ContextId, threads: &Threads, reports: &mut Reports) {
        let waits = threads.contexts.get(&context).and_then(|found| found.progress);
        if waits != Some(Progress::Suspended(On::Together)) {
            return;
        }
        let task = self.tasks.entry(context).or_default();
        let Some(group) = self.groups.get_mut(&context) else { return };
        if group.how == Together::TaskGroup && (group.failed.is_some() || task.pending) {
            group.looks = true;
            return;
        }
        let Some(group) = self.groups.remove(&context) else { return };
        if group.how.apart() && threads.is_cancelled(context) {
            return;
        }
        task.fails = group.fails;
        let failed = group.ends_early();
        reports.require(failed || group.live.is_empty(), Rule::TogetherEnds, || {
            format!("{context:?} goes on although {:?} have not ended", group.live)
        });
    }

    /// Who was woken to look whether all have ended goes on.
    fn leave(&mut self, context: ContextId, threads: &Threads, reports: &mut Reports) {
        if self.groups.get(&context).is_none_or(|group| !group.looks) {
            return;
        }
        let Some(group) = self.groups.remove(&context) else { return };
        self.tasks.entry(context).or_default().fails = group.fails;
        let over = group.live.is_empty() && self.iteration(context, threads) > group.ended;
        reports.require(over, Rule::TogetherEnds, || {
            format!("{context:?} goes on although {:?} have not ended", group.live)
        });
    }

    /// The how-many-th iteration its loop is in.
    fn iteration(&self, context: ContextId, threads: &Threads) -> u64 {
        let thread = threads.thread_of(context);
        thread.and_then(|thread| self.iterations.get(&thread)).copied().unwrap_or(0)
    }

    fn end(&mut self, context: ContextId, threads: &Threads, reports: &mut Reports) {
        self.dropped.remove(&context);
        let open = self.groups.remove(&context).filter(|group| group.starting);
        reports
            .require(open.is_none(), Rule::TogetherEnds, || format!("{context:?} ends and has not awaited {open:?}"));
        let Some(ended) = self.tasks.remove(&context) else { return };
        let now = self.iteration(context, threads);
        let Some((parent, group)) = ended.parent.and_then(|parent| Some((parent, self.groups.get_mut(&parent)?)))
        else {
            return;
        };
        if !group.live.remove(&context) {
            return;
        }
        group.ended = now;
        if ended.raised.is_none()
            && ended.requests == 0
            && group.how == Together::TaskGroup
            && let Some(since) = group.failed
        {
            // The callback of the one that failed runs in the iteration after, and cancels.
            reports.require(now < since + 2, Rule::TogetherEnds, || {
                format!("{context:?} of the group of {parent:?} is not cancelled although another one has failed")
            });
        }
        let counts = match (group.how, ended.raised) {
            (_, None) | (Together::GatherAll, _) => false,
            (Together::TaskGroup, Some(raised)) => raised != Raised::Cancelled,
            _ => true,
        };
        if counts {
            group.fails |= group.failed.is_none() && ended.raised != Some(Raised::Cancelled);
            group.failed.get_or_insert(now);
        }
    }
}
