//! Cores and the run queue: who runs, who waits, for how long, and in which order.

use std::collections::VecDeque;

use super::rule::{Reports, Rule};
use super::threads::{State, Threads};
use crate::dist::Dist;
use crate::id::{CoreId, ThreadId};
use crate::model::Machine;
use crate::time::{Duration, Time};
use crate::trace::{Record, What};

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    Idle,
    Switching { thread: ThreadId, since: Time },
    Running { thread: ThreadId, since: Time },
}

#[derive(Clone, Debug)]
struct Core {
    occupant: Occupant,
    /// The serial number of the last thread.
    last: Option<u64>,
    /// When a thread last left it.
    freed: Option<Time>,
    busy: u64,
    switching: u64,
    idle: u64,
}

/// All cores, and who stands in the run queue since when.
#[derive(Debug)]
pub(super) struct Cores {
    cores: Vec<Core>,
    /// With since when, and how many have overtaken it.
    queue: VecDeque<(ThreadId, Time, u32)>,
    switch: Duration,
    wake_latency: Dist,
    slice: Option<Duration>,
    preempts: bool,
    /// The integral of the length of the queue over time.
    queued: u128,
    /// How often a thread may be overtaken in the run queue; `None` if the policy does not say.
    overtaken: Option<u32>,
}

impl Cores {
    pub fn new(machine: &Machine) -> Cores {
        let idle = Core { occupant: Occupant::Idle, last: None, freed: None, busy: 0, switching: 0, idle: 0 };
        let promises = machine.policy.promises();
        Cores {
            cores: vec![idle; machine.cores as usize],
            queue: VecDeque::new(),
            queued: 0,
            switch: machine.costs.context_switch,
            wake_latency: machine.costs.wake_latency.clone(),
            slice: promises.slice,
            preempts: promises.preempts,
            overtaken: promises.overtaken,
        }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.cores.len() as u32
    }

    /// The threads that execute, with their cores.
    pub fn running(&self) -> impl Iterator<Item = ThreadId> + '_ {
        self.cores.iter().filter_map(|core| match core.occupant {
            Occupant::Running { thread, .. } => Some(thread),
            _ => None,
        })
    }

    /// The threads in the run queue.
    pub fn ready(&self) -> impl Iterator<Item = ThreadId> + '_ {
        self.queue.iter().map(|(thread, ..)| *thread)
    }

    /// Time passes until `next`; everything at `reports.now` has happened.
    pub fn settle(&mut self, next: Time, reports: &mut Reports) {
        let length = next.0.saturating_sub(reports.now.0);
        for (number, core) in self.cores.iter_mut().enumerate() {
            match core.occupant {
                Occupant::Idle => core.idle += length,
                Occupant::Switching { thread, since } => {
                    let late = next.0 > since.0.saturating_add(self.switch.0);
                    reports.require(!late, Rule::SwitchLength, || {
                        format!("core {number} switches to {thread:?} for longer than {}", self.switch)
                    });
                }
                Occupant::Running { .. } => {}
            }
        }
        self.queued += self.queue.len() as u128 * u128::from(length);
        self.check_idle(reports);
        self.check_slices(next, reports);
    }

    fn check_idle(&self, reports: &mut Reports) {
        let Some((waiting, since, _)) = self.queue.front() else { return };
        let idle = self.cores.iter().position(|core| core.occupant == Occupant::Idle);
        reports.require(idle.is_none(), Rule::WorkConserving, || {
            let core = idle.expect("the rule is broken only by an idle core");
            format!("core {core} is idle although {waiting:?} is ready since {} ns", since.0)
        });
    }

    /// The end of a slice that somebody has been waiting for is the end of a run.
    fn check_slices(&self, next: Time, reports: &mut Reports) {
        let Some(slice) = self.slice.filter(|slice| slice.0 > 0) else { return };
        let Some(&(waiting, first, _)) = self.queue.front() else { return };
        for core in &self.cores {
            let Occupant::Running { thread, since } = core.occupant else { continue };
            // The first end of a slice after both the wait and the run began.
            let after = first.0.max(since.0) - since.0;
            let end = since.0.saturating_add((after / slice.0 + 1).saturating_mul(slice.0));
            reports.require(next.0 <= end, Rule::SliceBound, || {
                format!(
                    "{thread:?} runs since {} ns and past {end} ns, {waiting:?} is ready since {} ns",
                    since.0, first.0
                )
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        match record.what {
            What::Ready { thread } => {
                self.check_wake_latency(thread, threads, reports);
                self.queue.push_back((thread, reports.now, 0));
            }
            What::Switch { core, thread } => self.switch_to(core, thread, threads, reports),
            What::Run { core, thread } => self.run(core, thread, threads, reports),
            What::Preempt { core, thread } => {
                self.check_preemption(core, thread, reports);
                self.leave(core, thread, reports);
                self.queue.push_back((thread, reports.now, 0));
            }
            What::Yield { core, thread } => {
                self.leave(core, thread, reports);
                self.queue.push_back((thread, reports.now, 0));
            }
            What::Block { core, thread, .. } | What::ThreadEnd { core, thread } => {
                self.leave(core, thread, reports);
            }
            _ => {}
        }
    }

    fn check_wake_latency(&self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let Some(found) = threads.threads.get(&thread) else { return };
        let waited = reports.now.0.saturating_sub(found.since.0);
        // A core that is given up at this instant need not be roused.
        let asleep = |core: &Core| core.occupant == Occupant::Idle && core.freed != Some(reports.now);
        let roused = self.cores.iter().any(asleep);
        let right = match (found.state, &self.wake_latency) {
            // The first wake-up waits for the start of the thread or process, too.
            (State::New, _) => waited == 0,
            (State::Waking, _) if found.is_fresh() => true,
            (State::Waking, Dist::Const(latency)) => waited == latency.0,
            (State::Waking, Dist::Uniform { low, high }) => (low.0..=high.0).contains(&waited),
            (State::Blocked(_), Dist::Const(latency)) => latency.0 == 0 || !roused,
            _ => true,
        };
        reports
            .require(right, Rule::WakeLatency, || format!("{thread:?} is ready {waited} ns after {:?}", found.state));
    }

    fn core(&mut self, core: CoreId, reports: &mut Reports) -> Option<&mut Core> {
        let known = core.index() < self.cores.len();
        reports.require(known, Rule::Existence, || format!("there is no {core:?}"));
        self.cores.get_mut(core.index())
    }

    fn switch_to(&mut self, id: CoreId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        self.leave_queue(thread, reports);
        let cost = self.switch;
        let serial = threads.threads.get(&thread).map(|thread| thread.serial);
        let Some(core) = self.core(id, reports) else { return };
        let (last, occupant) = (core.last, core.occupant);
        core.occupant = Occupant::Switching { thread, since: reports.now };
        reports.require(occupant == Occupant::Idle, Rule::OneThreadPerCore, || {
            format!("{id:?} switches to {thread:?} but is {occupant:?}")
        });
        let due = last.is_some() && last != serial && cost > Duration::ZERO;
        reports.require(due, Rule::SwitchCharged, || format!("a switch of {id:?} to {thread:?} costs nothing"));
    }

    fn run(&mut self, id: CoreId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let cost = self.switch;
        let elsewhere = self.running().any(|other| other == thread);
        reports.require(!elsewhere, Rule::OneThreadPerCore, || format!("{thread:?} runs on two cores"));
        let serial = threads.threads.get(&thread).map(|thread| thread.serial);
        let now = reports.now;
        let Some(core) = self.core(id, reports) else { return };
        let (last, occupant) = (core.last, core.occupant);
        core.last = serial;
        core.occupant = Occupant::Running { thread, since: now };
        if let Occupant::Switching { since, .. } = occupant {
            core.switching += now.since(since).0;
        }
        match occupant {
            Occupant::Switching { thread: to, since } if to == thread => {
                let right = now.0 == since.0.saturating_add(cost.0);
                reports.require(right, Rule::SwitchLength, || {
                    format!("{id:?} switched to {thread:?} in {} ns", now.0.saturating_sub(since.0))
                });
            }
            Occupant::Idle => {
                self.leave_queue(thread, reports);
                let free = cost == Duration::ZERO || last.is_none() || last == serial;
                reports.require(free, Rule::SwitchCharged, || format!("{id:?} changes to {thread:?} for nothing"));
            }
            _ => {
                reports.require(false, Rule::OneThreadPerCore, || format!("{id:?} runs {thread:?} but is {occupant:?}"))
            }
        }
    }

    fn leave_queue(&mut self, thread: ThreadId, reports: &mut Reports) {
        let place = self.queue.iter().position(|(waiting, ..)| *waiting == thread);
        // A thread that is not in the queue at all breaks its automaton, which is another rule.
        let Some(place) = place else { return };
        for (overtaken, _, times) in self.queue.iter_mut().take(place) {
            *times += 1;
            reports.require(self.overtaken.is_none_or(|most| *times <= most), Rule::RunQueueOrder, || {
                format!("{thread:?} is dispatched before {overtaken:?}, the {times}. to overtake it")
            });
        }
        self.queue.remove(place);
    }

    fn check_preemption(&self, id: CoreId, thread: ThreadId, reports: &mut Reports) {
        reports.require(self.preempts, Rule::NoPreemption, || format!("{thread:?} is preempted"));
        let Some(slice) = self.slice else { return };
        let Some(Occupant::Running { since, .. }) = self.cores.get(id.index()).map(|core| core.occupant) else {
            return;
        };
        let ran = reports.now.0.saturating_sub(since.0);
        let end = ran > 0 && slice.0 > 0 && ran % slice.0 == 0;
        reports.require(end, Rule::SliceEnd, || format!("{thread:?} is preempted {ran} ns after its dispatch"));
        reports.require(!self.queue.is_empty(), Rule::SliceEnd, || format!("{thread:?} is preempted for nobody"));
    }

    fn leave(&mut self, id: CoreId, thread: ThreadId, reports: &mut Reports) {
        let now = reports.now;
        let Some(core) = self.core(id, reports) else { return };
        let occupant = core.occupant;
        core.occupant = Occupant::Idle;
        core.freed = Some(now);
        if let Occupant::Running { since, .. } = occupant {
            core.busy += now.since(since).0;
        }
        let right = matches!(occupant, Occupant::Running { thread: running, .. } if running == thread);
        reports.require(right, Rule::OneThreadPerCore, || format!("{thread:?} leaves {id:?}, which is {occupant:?}"));
    }

    /// Closes the books at `reports.now`: idle time was counted as it passed, the rest from the moment it began.
    pub fn finish(&mut self, threads: &Threads, reports: &mut Reports) {
        let now = reports.now;
        for (number, core) in self.cores.iter_mut().enumerate() {
            match core.occupant {
                Occupant::Idle => {}
                Occupant::Switching { since, .. } => core.switching += now.since(since).0,
                Occupant::Running { since, .. } => core.busy += now.since(since).0,
            }
            let (busy, switching, idle) = (core.busy, core.switching, core.idle);
            reports.require(busy + switching + idle == now.0, Rule::CoreIdentity, || {
                format!("core {number}: {busy} + {switching} + {idle} ns of {} ns", now.0)
            });
        }
        let busy: u128 = self.cores.iter().map(|core| u128::from(core.busy)).sum();
        let switching: u128 = self.cores.iter().map(|core| u128::from(core.switching)).sum();
        let ran = threads.spent(State::Running(CoreId(0)));
        reports.require(busy == ran, Rule::BusyIsService, || {
            format!("cores are busy for {busy} ns, threads run for {ran} ns")
        });
        let accounted = busy + switching + self.queued + threads.waited();
        reports.require(accounted == threads.lived(), Rule::LifeOfThread, || {
            format!("threads lived {} ns, {accounted} ns are accounted for", threads.lived())
        });
    }
}
