//! The interpreter lock of every process: who holds it, who may ask for it, and who must give it up.

use std::collections::{BTreeMap, BTreeSet};

use super::bursts::Bursts;
use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::id::{ContextId, ProcessId, ThreadId};
use crate::model::{Execution, Model};
use crate::time::{Duration, Time};
use crate::trace::{CpuKind, On, Record, What};

/// The lock of one process.
#[derive(Debug, Default)]
struct Gil {
    holder: Option<ThreadId>,
    last_holder: Option<ThreadId>,
    /// When the last switch from one holder to another was.
    switched: Option<Time>,
    /// Somebody asks the holder to drop it.
    asked: bool,
    /// Since when the holder executes Python code and is asked, without a break.
    asked_since: Option<Time>,
    /// The holder was asked before the end of a native call, and may not begin anything else.
    overdue: bool,
    /// When it was last dropped.
    dropped: Option<Time>,
    /// How long Python code has run.
    interpreted: u64,
}

/// All interpreter locks.
#[derive(Debug)]
pub(super) struct Gils {
    /// The switch interval; `None` without interpreter locks.
    interval: Option<Duration>,
    check_point: Duration,
    slack: Duration,
    gils: BTreeMap<ProcessId, Gil>,
    /// When the current wait of each waiter began, with a number that tells who came first.
    waits: BTreeMap<ThreadId, (Time, u64)>,
    waits_begun: u64,
    /// Who stands in the condition queue of which process, longest wait first.
    queue: BTreeSet<(ProcessId, u64, ThreadId)>,
    /// Who was woken from a wait and has neither taken the GIL nor waits again; whether its interval was over.
    woken: BTreeMap<ThreadId, (ProcessId, bool)>,
    /// Who was forced to drop a GIL that nobody else has taken since.
    forced: BTreeMap<ThreadId, ProcessId>,
    /// Who waits for a switch, and who of them has seen one at this instant.
    ousted: BTreeMap<ThreadId, ProcessId>,
    due: Vec<ThreadId>,
}

impl Gils {
    pub fn new(model: &Model) -> Gils {
        let free = matches!(model.execution, Execution::FreeThreaded(_));
        Gils {
            interval: model.interpreter.gil.filter(|_| !free),
            check_point: model.machine.costs.check_point,
            slack: model.machine.costs.timer_slack,
            gils: BTreeMap::new(),
            waits: BTreeMap::new(),
            waits_begun: 0,
            queue: BTreeSet::new(),
            woken: BTreeMap::new(),
            forced: BTreeMap::new(),
            ousted: BTreeMap::new(),
            due: Vec::new(),
        }
    }

    /// Whether the thread may execute Python code.
    pub fn may_interpret(&self, thread: ThreadId, threads: &Threads) -> bool {
        let process = threads.threads.get(&thread).map(|thread| thread.process);
        self.interval.is_none() || process.is_some_and(|process| self.holder(process) == Some(thread))
    }

    fn holder(&self, process: ProcessId) -> Option<ThreadId> {
        self.gils.get(&process).and_then(|gil| gil.holder)
    }

    /// Time passes: whoever executes Python code meanwhile has the GIL, and does not sit on it when asked.
    pub fn settle(
        &mut self,
        next: Time,
        threads: &Threads,
        bursts: &Bursts,
        running: &[ThreadId],
        reports: &mut Reports,
    ) {
        if self.interval.is_none() {
            return;
        }
        for thread in running {
            let interprets = bursts.of(*thread).is_some_and(|burst| match burst.kind {
                CpuKind::Python | CpuKind::HoldGil | CpuKind::Atomic | CpuKind::Loop => true,
                CpuKind::NoGil | CpuKind::System => false,
            });
            let may = !interprets || self.may_interpret(*thread, threads);
            reports.require(may, Rule::GilHeld, || format!("{thread:?} executes Python code without the GIL"));
            if interprets && let Some(process) = threads.threads.get(thread).map(|thread| thread.process) {
                self.gils.entry(process).or_default().interpreted += next.0.saturating_sub(reports.now.0);
            }
        }
        self.check_waiters(threads, reports);
        let check_point = self.check_point.0;
        for (process, gil) in self.gils.iter_mut().filter(|(_, gil)| gil.asked) {
            let prompt = gil.holder.filter(|holder| running.contains(holder)).filter(|holder| {
                bursts.of(*holder).is_some_and(|burst| matches!(burst.kind, CpuKind::Python | CpuKind::Loop))
            });
            gil.asked_since = prompt.map(|_| gil.asked_since.unwrap_or(reports.now));
            let Some(since) = gil.asked_since else { continue };
            // One nanosecond past the check point is enough, and it is said once.
            let (end, now) = (since.0.saturating_add(check_point), reports.now.0);
            let late = next.0 > end && now <= end;
            reports.require(!late, Rule::GilPrompt, || {
                format!("the holder of the GIL of {process:?} is asked since {} ns and goes on", since.0)
            });
        }
    }

    /// A free GIL with waiters has one of them on the way, and a switch wakes whoever waits for one.
    fn check_waiters(&mut self, threads: &Threads, reports: &mut Reports) {
        for thread in self.due.drain(..) {
            let asleep = threads.state(thread) == Some(State::Blocked(On::GilSwitch));
            reports.require(!asleep, Rule::GilWakeUp, || format!("{thread:?} is not woken although the GIL was taken"));
        }
        let mut last = None;
        for (process, _, thread) in &self.queue {
            if last.replace(*process) == Some(*process) {
                continue;
            }
            let free = self.gils.get(process).is_none_or(|gil| gil.holder.is_none());
            let forgotten = free && !self.woken.values().any(|(of, _)| of == process);
            reports.require(!forgotten, Rule::GilWakeUp, || {
                format!("the GIL of {process:?} is free, {thread:?} waits, and nobody is woken")
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, bursts: &Bursts, reports: &mut Reports) {
        match record.what {
            What::Wake { thread } | What::Ready { thread } => self.wake(thread, threads, reports),
            What::ComputeEnd { context } => self.return_from(context, threads, bursts),
            What::GilRequest { process, thread } => self.request(process, thread, threads, reports),
            What::GilTake { process, thread } => self.take(process, thread, threads, reports),
            What::GilDrop { process, thread, forced } => {
                self.drop(process, thread, threads, reports);
                if forced {
                    self.force(process, thread, bursts, reports);
                }
            }
            What::Block { thread, on, .. } => self.block(thread, on, threads, reports),
            What::ThreadEnd { thread, .. } => {
                self.check_free_of(thread, threads, reports);
                self.waits.remove(&thread);
                self.woken.remove(&thread);
                self.forced.remove(&thread);
                self.ousted.remove(&thread);
                for gil in self.gils.values_mut().filter(|gil| gil.last_holder == Some(thread)) {
                    // The id may come back as another thread: a switch to that one is a switch.
                    gil.last_holder = None;
                }
            }
            What::Compute { .. } | What::Run { .. } => self.restart(&record.what, threads, reports),
            What::ProcessEnd { process } => drop(self.gils.remove(&process)),
            _ => {}
        }
    }

    /// A new burst or a new dispatch has its own first check point.
    fn restart(&mut self, what: &What, threads: &Threads, reports: &mut Reports) {
        let thread = match *what {
            What::Compute { context, .. } => threads.thread_of(context),
            What::Run { thread, .. } => Some(thread),
            _ => None,
        };
        let process = thread.and_then(|thread| threads.threads.get(&thread)).map(|thread| thread.process);
        if let Some(gil) = process.and_then(|process| self.gils.get_mut(&process))
            && gil.holder == thread
        {
            gil.asked_since = None;
            reports.require(!gil.overdue, Rule::GilPrompt, || {
                format!("{thread:?} goes on after a native call although it is asked for the GIL")
            });
            gil.overdue = false;
        }
    }

    /// The end of a native call is a check point.
    fn return_from(&mut self, context: ContextId, threads: &Threads, bursts: &Bursts) {
        let Some(thread) = threads.thread_of(context) else { return };
        let native = bursts.of(thread).is_some_and(|burst| burst.kind == CpuKind::HoldGil);
        let process = threads.threads.get(&thread).map(|thread| thread.process);
        if let Some(gil) = process.and_then(|process| self.gils.get_mut(&process)) {
            gil.overdue = native && gil.asked && gil.holder == Some(thread);
        }
    }

    /// A wait for the GIL ends by a release, first come first, or when its interval is over.
    fn wake(&mut self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let Some(found) = threads.threads.get(&thread) else { return };
        let (process, now) = (found.process, reports.now);
        match found.state {
            State::Blocked(On::Gil) => {
                let (start, number) = self.waits.get(&thread).copied().unwrap_or_default();
                let interval = self.interval.unwrap_or(Duration::ZERO);
                let early = now.0 < (start + interval + self.slack).0;
                let released = self.gils.get(&process).is_some_and(|gil| gil.dropped == Some(now));
                reports.require(!early || released, Rule::GilQueue, || {
                    format!("{thread:?} stops waiting for the GIL after {} ns, without a release", now.since(start).0)
                });
                let first = self.queue.range((process, 0, ThreadId(0))..).next().copied();
                reports.require(
                    !early || first.is_none_or(|(of, ..)| of != process) || first == Some((process, number, thread)),
                    Rule::GilQueue,
                    || format!("{thread:?} is woken before {first:?}"),
                );
                self.queue.remove(&(process, number, thread));
                self.woken.insert(thread, (process, !early && !released));
            }
            State::Blocked(On::GilSwitch) => {
                self.due.retain(|due| *due != thread);
                let waits = self.ousted.remove(&thread).is_some();
                reports.require(!waits, Rule::GilHandOver, || {
                    format!("{thread:?} stops waiting for a switch before there was one")
                });
            }
            _ => {}
        }
    }

    fn present(&self, process: ProcessId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        reports.require(self.interval.is_some(), Rule::GilAbsent, || format!("{thread:?} uses a GIL"));
        let own = threads.threads.get(&thread).is_none_or(|found| found.process == process);
        reports.require(own, Rule::GilExclusive, || format!("{thread:?} is not of {process:?}"));
    }

    fn request(&mut self, process: ProcessId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        self.present(process, thread, threads, reports);
        let interval = self.interval.unwrap_or(Duration::ZERO);
        let gil = self.gils.entry(process).or_default();
        let start = self.waits.remove(&thread).map(|(start, _)| start.max(gil.switched.unwrap_or(Time::ZERO)).0);
        let patient = start.is_some_and(|start| reports.now.0 >= start.saturating_add(interval.0));
        reports.require(patient, Rule::GilPatience, || match start {
            Some(start) => format!("{thread:?} asks although it waits without a switch only since {start} ns"),
            None => format!("{thread:?} asks although it does not wait"),
        });
        reports.require(gil.holder.is_some(), Rule::GilPatience, || format!("{thread:?} asks for a free GIL"));
        gil.asked = true;
    }

    fn take(&mut self, process: ProcessId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        self.present(process, thread, threads, reports);
        self.check_running(thread, threads, reports);
        let gil = self.gils.entry(process).or_default();
        let free = gil.holder.is_none();
        reports.require(free, Rule::GilExclusive, || format!("{thread:?} takes the GIL of {:?}", gil.holder));
        let own = self.forced.contains_key(&thread);
        reports.require(!own, Rule::GilHandOver, || format!("{thread:?} takes back the GIL that it had to drop"));
        if gil.last_holder != Some(thread) {
            gil.switched = Some(reports.now);
        }
        gil.holder = Some(thread);
        gil.last_holder = Some(thread);
        gil.asked = false;
        gil.asked_since = None;
        gil.overdue = false;
        self.waits.remove(&thread);
        self.woken.remove(&thread);
        self.forced.retain(|_, of| *of != process);
        let due = &mut self.due;
        self.ousted.retain(|ousted, of| {
            let switch = *of == process && *ousted != thread;
            due.extend(switch.then_some(*ousted));
            !switch
        });
    }

    fn drop(&mut self, process: ProcessId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        self.present(process, thread, threads, reports);
        self.check_running(thread, threads, reports);
        let gil = self.gils.entry(process).or_default();
        let holder = gil.holder;
        gil.holder = None;
        gil.asked_since = None;
        gil.overdue = false;
        gil.dropped = Some(reports.now);
        reports.require(holder == Some(thread), Rule::GilExclusive, || {
            format!("{thread:?} drops the GIL of {process:?}, which {holder:?} holds")
        });
    }

    fn check_running(&self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let state = threads.state(thread);
        let running = matches!(state, Some(State::Running(_)));
        reports.require(running, Rule::RunningOnly, || format!("{thread:?} takes or drops a GIL while {state:?}"));
    }

    fn force(&mut self, process: ProcessId, thread: ThreadId, bursts: &Bursts, reports: &mut Reports) {
        let asked = self.gils.get(&process).is_some_and(|gil| gil.asked);
        reports.require(asked, Rule::GilAsked, || format!("{thread:?} is forced to drop a GIL nobody asks for"));
        let kind = bursts.of(thread).map(|burst| burst.kind);
        let closed = matches!(kind, Some(CpuKind::HoldGil | CpuKind::Atomic));
        reports.require(!closed, Rule::GilAtomic, || format!("{thread:?} drops the GIL inside {kind:?}"));
        self.forced.insert(thread, process);
    }

    fn block(&mut self, thread: ThreadId, on: On, threads: &Threads, reports: &mut Reports) {
        if self.interval.is_none() {
            let own = matches!(on, On::Gil | On::GilSwitch);
            return reports.require(!own, Rule::GilAbsent, || format!("{thread:?} waits for a GIL"));
        }
        self.check_free_of(thread, threads, reports);
        let Some(process) = threads.threads.get(&thread).map(|thread| thread.process) else { return };
        if self.woken.remove(&thread).is_some_and(|(_, timed_out)| timed_out && on == On::Gil) {
            // Who has asked is no longer among the waits.
            let start = self.waits.remove(&thread).map(|(start, _)| start);
            let switched = self.gils.get(&process).and_then(|gil| gil.switched).unwrap_or_default();
            reports.require(start.is_none_or(|start| switched >= start), Rule::GilPatience, || {
                format!("{thread:?} saw no switch for a whole interval and does not ask")
            });
        }
        match on {
            On::Gil => {
                self.waits_begun += 1;
                self.waits.insert(thread, (reports.now, self.waits_begun));
                self.queue.insert((process, self.waits_begun, thread));
            }
            On::GilSwitch => drop(self.ousted.insert(thread, process)),
            _ => {}
        }
    }

    fn check_free_of(&self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let Some(found) = threads.threads.get(&thread) else { return };
        let holds = self.holder(found.process) == Some(thread);
        reports.require(!holds, Rule::GilFreed, || format!("{thread:?} leaves its core with the GIL"));
    }

    /// One interpreter lock, one processor's worth of Python code.
    pub fn finish(&self, reports: &mut Reports) {
        let length = reports.now.0;
        for (process, gil) in &self.gils {
            reports.require(gil.interpreted <= length, Rule::GilBound, || {
                format!("{process:?} has executed {} ns of Python code in {length} ns", gil.interpreted)
            });
        }
    }
}
