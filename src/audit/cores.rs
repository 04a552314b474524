//! Cores: who runs, who takes over from whom, and what that costs.

use super::rule::{Reports, Rule};
use super::run_queues::RunQueues;
use super::slices::Slices;
use super::threads::{State, Threads};
use crate::dist::Dist;
use crate::id::{CoreId, ThreadId};
use crate::kernel::policy::Promises;
use crate::model::{Model, SwitchCharged};
use crate::time::{Duration, Time};
use crate::trace::{Record, What};

/// What a core does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occupant {
    Idle,
    Switching { thread: ThreadId, since: Time, cost: Duration },
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

/// All cores, and who waits for them.
#[derive(Debug)]
pub(super) struct Cores {
    cores: Vec<Core>,
    queues: RunQueues,
    switch: Duration,
    migration: Duration,
    wake_latency: Dist,
    slice: Option<Duration>,
    /// Threads lose their cores at ends of slices only.
    only_slices: bool,
    slices: Slices,
    charged: SwitchCharged,
    /// All threads lose their cores so often.
    interrupt: Option<Duration>,
    preempts: bool,
    /// The integral of the length of the queue over time.
    queued: u128,
    promises: Promises,
    /// Cores may be free while threads wait.
    idles: bool,
}

impl Cores {
    pub fn new(model: &Model) -> Cores {
        let machine = &model.machine;
        let idle = Core { occupant: Occupant::Idle, last: None, freed: None, busy: 0, switching: 0, idle: 0 };
        let promises = machine.policy.promises();
        Cores {
            cores: vec![idle; machine.cores as usize],
            queues: RunQueues::new(model),
            queued: 0,
            switch: machine.costs.context_switch,
            migration: machine.costs.migration,
            wake_latency: machine.costs.wake_latency.clone(),
            only_slices: promises.slice.is_some(),
            slice: promises.slice.filter(|_| machine.interrupt.is_none()),
            interrupt: machine.interrupt,
            preempts: promises.preempts || machine.interrupt.is_some(),
            slices: Slices::new(machine),
            charged: machine.costs.switch_charged,
            promises,
            idles: promises.idles,
        }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.cores.len() as u32
    }

    /// The threads that execute.
    pub fn running(&self) -> impl Iterator<Item = ThreadId> + '_ {
        self.cores.iter().filter_map(|core| match core.occupant {
            Occupant::Running { thread, .. } => Some(thread),
            _ => None,
        })
    }

    /// The threads that execute, with their cores.
    pub fn executing(&self) -> impl Iterator<Item = (CoreId, ThreadId)> + '_ {
        let cores = self.cores.iter().enumerate();
        cores.filter_map(|(number, core)| match core.occupant {
            Occupant::Running { thread, .. } => Some((CoreId::from(number), thread)),
            _ => None,
        })
    }

    /// The thread that executes on the core.
    pub fn on(&self, core: CoreId) -> Option<ThreadId> {
        match self.cores.get(core.index())?.occupant {
            Occupant::Running { thread, .. } => Some(thread),
            _ => None,
        }
    }

    /// The threads that wait and could run on the core.
    pub fn ready(&self, core: CoreId) -> impl Iterator<Item = ThreadId> + '_ {
        self.queues.of(core).map(|waiting| waiting.thread)
    }

    /// Whether the thread waits for a core.
    pub fn waits(&self, thread: ThreadId) -> bool {
        self.queues.holds(thread)
    }

    /// Time passes until `next`; everything at `reports.now` has happened.
    pub fn settle(&mut self, next: Time, reports: &mut Reports) {
        let length = next.0.saturating_sub(reports.now.0);
        for (number, core) in self.cores.iter_mut().enumerate() {
            match core.occupant {
                Occupant::Idle => core.idle += length,
                Occupant::Switching { thread, since, cost } => {
                    let late = next.0 > since.0.saturating_add(cost.0);
                    reports.require(!late, Rule::SwitchLength, || {
                        format!("core {number} switches to {thread:?} for longer than {cost}")
                    });
                }
                Occupant::Running { thread, .. } => {
                    self.queues.check_running(thread, CoreId::from(number), reports);
                }
            }
        }
        self.queued += self.queues.len() as u128 * u128::from(length);
        for (number, core) in self.cores.iter().enumerate() {
            if core.occupant == Occupant::Idle && !self.idles {
                self.queues.check_idle(CoreId::from(number), core.freed.unwrap_or(Time::ZERO), next, reports);
            }
        }
        self.check_slices(next, reports);
    }

    /// The end of a slice that somebody has been waiting for is the end of a run.
    fn check_slices(&self, next: Time, reports: &mut Reports) {
        if let Some(every) = self.interrupt.filter(|every| every.0 > 0) {
            for (core, thread) in self.executing() {
                let Some(Occupant::Running { since, .. }) = self.cores.get(core.index()).map(|core| core.occupant)
                else {
                    continue;
                };
                let end = (since.0 / every.0 + 1).saturating_mul(every.0);
                reports.require(next.0 <= end, Rule::SliceBound, || {
                    format!("{thread:?} runs past the interrupt at {end} ns")
                });
            }
        }
        let Some(slice) = self.slice.filter(|slice| slice.0 > 0) else { return };
        for (number, core) in self.cores.iter().enumerate() {
            let Occupant::Running { thread, since } = core.occupant else { continue };
            let Some(first) = self.queues.of(CoreId::from(number)).next() else { continue };
            let (waiting, first) = (first.thread, first.since);
            let end = self.slices.end_after(CoreId::from(number), slice.0, first, since);
            reports.require(next.0 <= end, Rule::SliceBound, || {
                format!(
                    "{thread:?} runs since {} ns and past {end} ns, {waiting:?} is ready since {} ns",
                    since.0, first.0
                )
            });
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        self.slices.record(record);
        if let What::Preempt { core, thread } = record.what {
            self.check_preemption(core, thread, reports);
        }
        match record.what {
            What::Ready { thread } => self.check_wake_latency(thread, threads, reports),
            What::Switch { core, thread } => self.switch_to(core, thread, threads, reports),
            What::Run { core, thread } => self.run(core, thread, threads, reports),
            What::Preempt { core, thread }
            | What::Yield { core, thread }
            | What::Block { core, thread, .. }
            | What::ThreadEnd { core, thread } => self.leave(core, thread, reports),
            _ => {}
        }
        let cores = &self.cores;
        let free = |core: CoreId| cores.get(core.index()).is_some_and(|core| core.occupant == Occupant::Idle);
        self.queues.record(record, threads, &free, reports);
    }

    fn check_wake_latency(&self, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let Some(found) = threads.threads.get(&thread) else { return };
        let waited = reports.now.0.saturating_sub(found.since.0);
        // A core that is given up at this instant need not be roused.
        let asleep = |(number, core): (usize, &Core)| {
            let free = core.occupant == Occupant::Idle && core.freed != Some(reports.now);
            free && self.queues.may(thread, CoreId::from(number))
        };
        let roused = self.cores.iter().enumerate().any(asleep);
        let right = match (found.state, &self.wake_latency) {
            // The first wake-up waits for the start of the thread or process, too.
            (State::New, _) => waited == 0,
            (State::Waking, _) if found.is_fresh() => true,
            (State::Waking, Dist::Const(latency)) => waited == latency.0,
            (State::Waking, Dist::Uniform { low, high }) => (low.0..=high.0).contains(&waited),
            (State::Blocked(_), Dist::Const(latency)) => latency.0 == 0 || !roused,
            (State::Blocked(_), Dist::Uniform { low: Duration::ZERO, .. }) => true,
            (State::Blocked(_), _) => !roused,
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

    /// What the core has to spend before it runs the thread.
    fn cost(&self, id: CoreId, thread: ThreadId, threads: &Threads) -> Duration {
        let serial = threads.threads.get(&thread).map(|thread| thread.serial);
        let changes = self.cores[id.index()].last.is_some_and(|last| Some(last) != serial);
        let charged = changes || self.charged == SwitchCharged::Always;
        let moves = self.queues.last(thread).is_some_and(|last| last != id);
        let none = Duration::ZERO;
        (if charged { self.switch } else { none }) + (if moves { self.migration } else { none })
    }

    fn switch_to(&mut self, id: CoreId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        self.queues.leave(thread, id, &self.promises, reports);
        if self.core(id, reports).is_none() {
            return;
        }
        let cost = self.cost(id, thread, threads);
        let core = &mut self.cores[id.index()];
        let occupant = core.occupant;
        core.occupant = Occupant::Switching { thread, since: reports.now, cost };
        reports.require(occupant == Occupant::Idle, Rule::OneThreadPerCore, || {
            format!("{id:?} switches to {thread:?} but is {occupant:?}")
        });
        let due = cost > Duration::ZERO;
        reports.require(due, Rule::SwitchCharged, || format!("a switch of {id:?} to {thread:?} costs nothing"));
    }

    fn run(&mut self, id: CoreId, thread: ThreadId, threads: &Threads, reports: &mut Reports) {
        let elsewhere = self.running().any(|other| other == thread);
        reports.require(!elsewhere, Rule::OneThreadPerCore, || format!("{thread:?} runs on two cores"));
        let now = reports.now;
        if self.core(id, reports).is_none() {
            return;
        }
        let due = self.cost(id, thread, threads);
        let core = &mut self.cores[id.index()];
        let occupant = core.occupant;
        core.last = threads.threads.get(&thread).map(|thread| thread.serial);
        core.occupant = Occupant::Running { thread, since: now };
        if let Occupant::Switching { since, .. } = occupant {
            core.switching += now.since(since).0;
        }
        match occupant {
            Occupant::Switching { thread: to, since, cost } if to == thread => {
                let right = now.0 == since.0.saturating_add(cost.0);
                reports.require(right, Rule::SwitchLength, || {
                    format!("{id:?} switched to {thread:?} in {} ns", now.0.saturating_sub(since.0))
                });
            }
            Occupant::Idle => {
                self.queues.leave(thread, id, &self.promises, reports);
                let free = due == Duration::ZERO;
                reports.require(free, Rule::SwitchCharged, || format!("{id:?} changes to {thread:?} for nothing"));
            }
            _ => {
                reports.require(false, Rule::OneThreadPerCore, || format!("{id:?} runs {thread:?} but is {occupant:?}"))
            }
        }
    }

    fn check_preemption(&self, id: CoreId, thread: ThreadId, reports: &mut Reports) {
        if let Some(every) = self.interrupt {
            let due = reports.now.0.is_multiple_of(every.0);
            // It stands for the ends of slices: whoever is more urgent or has had less may come at any time.
            let otherwise = self.preempts && !self.only_slices;
            return reports
                .require(due || otherwise, Rule::SliceEnd, || format!("{thread:?} is preempted between interrupts"));
        }
        reports.require(self.preempts, Rule::NoPreemption, || format!("{thread:?} is preempted"));
        let Some(slice) = self.slice else { return };
        let Some(Occupant::Running { .. }) = self.cores.get(id.index()).map(|core| core.occupant) else {
            return;
        };
        let ran = reports.now.0.saturating_sub(self.slices.began(id).0);
        let end = ran > 0 && slice.0 > 0 && ran.is_multiple_of(slice.0);
        reports.require(end, Rule::SliceEnd, || format!("{thread:?} is preempted {ran} ns after its slice began"));
        let wanted = self.queues.of(id).next().is_some() || self.slices.interrupt_into_themselves();
        reports.require(wanted, Rule::SliceEnd, || format!("{thread:?} is preempted for nobody"));
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
