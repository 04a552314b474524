//! The interpreter lock of every process: who holds it, who may ask for it, and who must give it up.

use std::collections::{BTreeMap, BTreeSet};

use super::bursts::Bursts;
use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::id::{ContextId, ProcessId, ThreadId};
use crate::model::Model;
use crate::runtime::gil::{Forced, Release, Rules, Turn};
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
    /// When it was taken.
    taken: Time,
    /// Who alone may take it, because it was handed over.
    heir: Option<ThreadId>,
    /// When it was last dropped, and when this, or an offer, last woke a waiter.
    freed: Time,
    dropped: Option<Time>,
    /// The holder offers it, and has not woken anybody yet.
    offered: bool,
    /// Until when its offer takes.
    offers_until: Time,
    /// How long Python code has run.
    interpreted: u64,
}

/// All interpreter locks.
#[derive(Debug)]
pub(super) struct Gils {
    /// How they change hands; `None` without interpreter locks.
    rules: Option<Rules>,
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
    /// Who has lost a GIL while offering it, and until when the offer takes.
    losers: BTreeMap<ThreadId, Time>,
    /// Who waits for a switch, and who of them has seen one at this instant.
    ousted: BTreeMap<ThreadId, ProcessId>,
    due: Vec<ThreadId>,
}

impl Gils {
    pub fn new(model: &Model) -> Gils {
        Gils {
            rules: model.interpreter.gil.filter(|_| model.has_gil()),
            check_point: model.machine.costs.check_point,
            slack: model.machine.costs.timer_slack,
            gils: BTreeMap::new(),
            waits: BTreeMap::new(),
            waits_begun: 0,
            queue: BTreeSet::new(),
            woken: BTreeMap::new(),
            forced: BTreeMap::new(),
            losers: BTreeMap::new(),
            ousted: BTreeMap::new(),
            due: Vec::new(),
        }
    }

    /// Whether the thread may execute Python code.
    pub fn may_interpret(&self, thread: ThreadId, threads: &Threads) -> bool {
        let process = threads.threads.get(&thread).map(|thread| thread.process);
        self.rules.is_none() || process.is_some_and(|process| self.holder(process) == Some(thread))
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
        let Some(rules) = self.rules else { return };
        for thread in running {
            let interprets = bursts.of(*thread).is_some_and(|burst| match burst.kind {
                CpuKind::Python | CpuKind::HoldGil | CpuKind::Atomic | CpuKind::Loop => true,
                CpuKind::NoGil | CpuKind::System => false,
            });
            let offers = self.losers.get(thread).is_some_and(|until| next <= *until);
            let may = !interprets || offers || self.may_interpret(*thread, threads);
            reports.require(may, Rule::GilHeld, || format!("{thread:?} executes Python code without the GIL"));
            if interprets
                && !offers
                && let Some(process) = threads.threads.get(thread).map(|thread| thread.process)
            {
                self.gils.entry(process).or_default().interpreted += next.0.saturating_sub(reports.now.0);
            }
        }
        self.check_waiters(next, rules, threads, reports);
        let check_point = if let Turn::Counted(_) = rules.turn { 0 } else { self.check_point.0 };
        let ends: Vec<Option<Time>> = self.gils.keys().map(|process| self.end_of_turn(*process, reports.now)).collect();
        for ((process, gil), end) in self.gils.iter_mut().zip(ends) {
            let prompt = gil.holder.filter(|holder| running.contains(holder)).filter(|holder| {
                bursts.of(*holder).is_some_and(|burst| matches!(burst.kind, CpuKind::Python | CpuKind::Loop))
            });
            let end = end.filter(|end| prompt.is_some() && *end < next);
            gil.asked_since = end.map(|end| gil.asked_since.unwrap_or(reports.now).max(end));
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
    fn check_waiters(&mut self, next: Time, rules: Rules, threads: &Threads, reports: &mut Reports) {
        for thread in self.due.drain(..) {
            let asleep = threads.state(thread) == Some(State::Blocked(On::GilSwitch));
            reports.require(!asleep, Rule::GilWakeUp, || format!("{thread:?} is not woken although the GIL was taken"));
        }
        for (process, gil) in self.gils.iter_mut().filter(|(_, gil)| gil.offered) {
            gil.offered = false;
            reports
                .require(false, Rule::GilWakeUp, || format!("the GIL of {process:?} is offered, and nobody is woken"));
        }
        let mut last = None;
        for (process, _, thread) in &self.queue {
            if last.replace(*process) == Some(*process) {
                continue;
            }
            let gil = self.gils.get(process);
            let free = gil.is_none_or(|gil| gil.holder.is_none());
            let looks_later = match rules.release {
                Release::Poll(every) => gil.is_some_and(|gil| next <= gil.freed + every + self.slack),
                _ => false,
            };
            let forgotten = free && !looks_later && !self.woken.values().any(|(of, _)| of == process);
            reports.require(!forgotten, Rule::GilWakeUp, || {
                format!("the GIL of {process:?} is free, {thread:?} waits, and nobody is woken")
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, bursts: &Bursts, reports: &mut Reports) {
        match record.what {
            What::Wake { thread } | What::Ready { thread } => self.wake(thread, threads, reports),
            What::ComputeEnd { context } => self.return_from(context, threads, bursts, reports.now),
            What::GilOffer { process, thread, cost } => self.offer(process, thread, cost, threads, reports),
            What::GilRequest { process, thread } => self.request(process, thread, threads, reports),
            What::GilTake { process, thread } => self.take(process, thread, threads, reports),
            What::GilDrop { process, thread, forced } => {
                self.drop(process, thread, forced, threads, reports);
                if forced {
                    self.force(process, thread, bursts, reports);
                }
            }
            What::Block { thread, on, .. } => self.block(thread, on, threads, reports),
            What::ThreadEnd { thread, .. } => {
                self.check_free_of(thread, threads, reports);
                self.waits.remove(&thread);
                self.woken.remove(&thread);
                self.losers.remove(&thread);
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
    fn return_from(&mut self, context: ContextId, threads: &Threads, bursts: &Bursts, now: Time) {
        let Some(thread) = threads.thread_of(context) else { return };
        let native = bursts.of(thread).is_some_and(|burst| burst.kind == CpuKind::HoldGil);
        let Some(process) = threads.threads.get(&thread).map(|thread| thread.process) else { return };
        let over = self.end_of_turn(process, now).is_some_and(|end| end <= now);
        if let Some(gil) = self.gils.get_mut(&process) {
            gil.overdue = native && over && gil.holder == Some(thread);
        }
    }

    /// A wait for the GIL ends by a release, first come first, or when its interval is over.
    fn wake(&mut self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let Some(found) = threads.threads.get(&thread) else { return };
        let (process, now) = (found.process, reports.now);
        match found.state {
            State::Blocked(On::Gil) => {
                let (start, number) = self.waits.get(&thread).copied().unwrap_or_default();
                let gil = self.gils.get(&process);
                let free = gil.is_none_or(|gil| gil.holder.is_none());
                let early = match self.rules.map(|rules| (rules.turn, rules.release)) {
                    Some((Turn::Asked(interval), _)) => now < start + interval + self.slack,
                    Some((_, Release::Poll(every))) => {
                        let waited = now.0.saturating_sub((start + self.slack).0);
                        !free || waited < every.0 || waited % every.0 != 0
                    }
                    _ => true,
                };
                let released = gil.is_some_and(|gil| gil.dropped == Some(now));
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
                if let Some(gil) = self.gils.get_mut(&process) {
                    gil.offered = false;
                }
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
        reports.require(self.rules.is_some(), Rule::GilAbsent, || format!("{thread:?} uses a GIL"));
        let own = threads.threads.get(&thread).is_none_or(|found| found.process == process);
        reports.require(own, Rule::GilExclusive, || format!("{thread:?} is not of {process:?}"));
    }

    fn request(&mut self, process: ProcessId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        self.present(process, thread, threads, reports);
        let interval = match self.rules.map(|rules| rules.turn) {
            Some(Turn::Asked(interval)) => interval,
            _ => Duration(u64::MAX), // Nobody asks for a lock like this.
        };
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
        let heir = gil.heir.take();
        reports.require(heir.is_none_or(|heir| heir == thread), Rule::GilHandOver, || {
            format!("{thread:?} takes a GIL that was handed to {heir:?}")
        });
        if gil.last_holder != Some(thread) {
            gil.switched = Some(reports.now);
        }
        gil.taken = reports.now;
        gil.holder = Some(thread);
        gil.last_holder = Some(thread);
        gil.asked = false;
        gil.asked_since = None;
        gil.overdue = false;
        self.waits.remove(&thread);
        self.woken.remove(&thread);
        self.losers.remove(&thread);
        self.forced.retain(|_, of| *of != process);
        let due = &mut self.due;
        self.ousted.retain(|ousted, of| {
            let switch = *of == process && *ousted != thread;
            due.extend(switch.then_some(*ousted));
            !switch
        });
    }

    fn drop(&mut self, process: ProcessId, thread: ThreadId, forced: bool, threads: &Threads, reports: &mut Reports) {
        self.present(process, thread, threads, reports);
        let rules = self.rules.unwrap_or(Rules::switching(Duration::ZERO));
        // One that leaves its lock open for a moment can lose it while it is off its core.
        if !(forced && matches!(rules.forced, Forced::TakeAgain { .. })) {
            self.check_running(thread, threads, reports);
        }
        let handed = rules.release == Release::HandOver || forced && rules.forced == Forced::HandOver;
        let first = self.first(process).map(|(thread, _)| thread);
        let gil = self.gils.entry(process).or_default();
        gil.heir = first.filter(|_| handed);
        gil.freed = reports.now;
        if handed || !matches!(rules.release, Release::Poll(_)) {
            gil.dropped = Some(reports.now);
        }
        let holder = gil.holder;
        gil.holder = None;
        gil.asked_since = None;
        gil.overdue = false;
        if matches!(rules.forced, Forced::TakeAgain { .. }) {
            let until = std::mem::take(&mut gil.offers_until);
            if forced {
                self.losers.insert(thread, until);
            }
        }
        reports.require(holder == Some(thread), Rule::GilExclusive, || {
            format!("{thread:?} drops the GIL of {process:?}, which {holder:?} holds")
        });
    }

    /// The holder wakes a waiter at the end of its turn, and keeps the lock if nobody is fast.
    fn offer(
        &mut self,
        process: ProcessId,
        thread: ThreadId,
        cost: Duration,
        threads: &Threads,
        reports: &mut Reports,
    ) {
        self.present(process, thread, threads, reports);
        self.check_running(thread, threads, reports);
        let price = match self.rules.map(|rules| rules.forced) {
            Some(Forced::TakeAgain { signal, .. }) => Some(signal),
            _ => None,
        };
        let right = price.is_some_and(|price| cost == price || cost == Duration::ZERO);
        let over = self.end_of_turn(process, reports.now).is_some_and(|end| end <= reports.now);
        reports.require(over && right, Rule::GilAsked, || format!("{thread:?} offers a GIL before its time"));
        let gil = self.gils.entry(process).or_default();
        reports.require(gil.holder == Some(thread), Rule::GilExclusive, || {
            format!("{thread:?} offers the GIL of {process:?}, which {:?} holds", gil.holder)
        });
        gil.dropped = Some(reports.now);
        gil.taken = reports.now;
        gil.asked_since = None;
        gil.overdue = false;
        gil.offered = true;
        gil.offers_until = reports.now + cost;
    }

    /// Who waits longest for the lock of the process, and since when.
    fn first(&self, process: ProcessId) -> Option<(ThreadId, Time)> {
        let (_, _, thread) = self.queue.range((process, 0, ThreadId(0))..).next().filter(|(of, ..)| *of == process)?;
        Some((*thread, self.waits.get(thread)?.0))
    }

    /// When the holder of the lock must let go, at its next check point; `now` if it has been asked.
    fn end_of_turn(&self, process: ProcessId, now: Time) -> Option<Time> {
        let gil = self.gils.get(&process)?;
        let turn = self.rules?.turn;
        if let Turn::Asked(_) = turn {
            return gil.asked.then_some(now);
        }
        let since = self.first(process)?.1.max(gil.taken);
        Some(match turn {
            Turn::Asked(time) | Turn::Quantum(time) | Turn::Counted(time) => since + time,
            Turn::Tick(tick) => Time(since.0 - since.0 % tick.0) + tick,
        })
    }

    fn check_running(&self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let state = threads.state(thread);
        let running = matches!(state, Some(State::Running(_)));
        reports.require(running, Rule::RunningOnly, || format!("{thread:?} takes or drops a GIL while {state:?}"));
    }

    fn force(&mut self, process: ProcessId, thread: ThreadId, bursts: &Bursts, reports: &mut Reports) {
        let open = matches!(self.rules.map(|rules| rules.forced), Some(Forced::TakeAgain { .. }));
        let over = self.end_of_turn(process, reports.now).is_some_and(|end| end <= reports.now);
        reports.require(open || over, Rule::GilAsked, || format!("{thread:?} is forced to drop a GIL before its time"));
        let kind = bursts.of(thread).map(|burst| burst.kind);
        let closed = matches!(kind, Some(CpuKind::HoldGil | CpuKind::Atomic));
        reports.require(!closed, Rule::GilAtomic, || format!("{thread:?} drops the GIL inside {kind:?}"));
        self.forced.insert(thread, process);
    }

    fn block(&mut self, thread: ThreadId, on: On, threads: &Threads, reports: &mut Reports) {
        if self.rules.is_none() {
            let own = matches!(on, On::Gil | On::GilSwitch);
            return reports.require(!own, Rule::GilAbsent, || format!("{thread:?} waits for a GIL"));
        }
        self.check_free_of(thread, threads, reports);
        let Some(process) = threads.threads.get(&thread).map(|thread| thread.process) else { return };
        let mut place = None;
        if self.woken.remove(&thread).is_some_and(|(_, timed_out)| timed_out && on == On::Gil) {
            // Who has asked is no longer among the waits.
            let wait = self.waits.remove(&thread);
            let switched = self.gils.get(&process).and_then(|gil| gil.switched).unwrap_or_default();
            let asks = matches!(self.rules.map(|rules| rules.turn), Some(Turn::Asked(_)));
            reports.require(!asks || wait.is_none_or(|(start, _)| switched >= start), Rule::GilPatience, || {
                format!("{thread:?} saw no switch for a whole interval and does not ask")
            });
            // Who looked in vain is still the first.
            place = wait.map(|(_, number)| number).filter(|_| !asks);
        }
        match on {
            On::Gil => {
                self.waits_begun += 1;
                let place = place.unwrap_or(self.waits_begun);
                self.waits.insert(thread, (reports.now, place));
                self.queue.insert((process, place, thread));
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
