//! Rebuilds the machine from the records alone and says where they break a rule.
//!
//! The auditor shares no code with the simulator: it knows the model, the records and the rules of [`Rule`]. It judges
//! a record when it comes, and the state of the machine when time passes, because within one instant things come one
//! after the other. Its memory is bounded by what lives at the same time. `docs/audit.md` explains every rule.

mod affinity;
mod asserts;
mod bursts;
mod callbacks;
mod cancels;
mod cores;
mod daemons;
mod eager;
mod executor;
mod gil;
mod io;
mod jobs;
mod locks;
mod loops;
mod memory;
mod network;
mod objects;
mod pace;
mod pool;
mod process_pool;
mod rule;
mod run_queues;
mod shared;
mod slices;
mod starts;
mod stop;
mod task_waits;
mod threads;
mod urgency;
mod waits;

pub use rule::{Rule, Violation};

use self::rule::Reports;
use self::threads::{Progress, State, Threads};
use crate::model::Model;
use crate::sim::{Ended, Outcome};
use crate::time::Time;
use crate::trace::{On, Record, Sink};

/// Checks a run while it happens.
#[derive(Debug)]
pub struct Auditor {
    reports: Reports,
    until: Option<Time>,
    threads: Threads,
    cores: cores::Cores,
    urgencies: urgency::Urgencies,
    bursts: bursts::Bursts,
    gils: gil::Gils,
    locks: locks::Locks,
    shared: shared::Shared,
    devices: io::Devices,
    network: network::Network,
    waits: waits::Waits,
    loops: loops::Loops,
    cancels: cancels::Cancels,
    eager: eager::Eager,
    callbacks: Option<callbacks::Callbacks>,
    task_waits: Option<task_waits::TaskWaits>,
    jobs: jobs::Jobs,
    memory: memory::Memory,
    objects: objects::Objects,
    asserts: asserts::Asserts,
    stops: stop::Stops,
    starts: Option<starts::Starts>,
    daemons: daemons::Daemons,
    pool: Option<pool::Pool>,
    executors: Option<executor::Executors>,
    processes: Option<process_pool::ProcessPool>,
}

impl Auditor {
    /// Before the first record of a run of the model.
    pub fn new(model: &Model) -> Auditor {
        Auditor {
            reports: Reports::default(),
            until: model.until.map(|until| Time(until.0)),
            threads: Threads::default(),
            cores: cores::Cores::new(model),
            urgencies: urgency::Urgencies::new(model),
            bursts: bursts::Bursts::new(model),
            gils: gil::Gils::new(model),
            locks: locks::Locks::new(model),
            shared: shared::Shared::new(model),
            devices: io::Devices::new(model),
            network: network::Network::new(model),
            waits: waits::Waits::default(),
            loops: loops::Loops::default(),
            cancels: cancels::Cancels::new(model),
            eager: eager::Eager::new(model),
            callbacks: callbacks::Callbacks::new(model),
            task_waits: task_waits::TaskWaits::new(model),
            jobs: jobs::Jobs::new(model),
            memory: memory::Memory::new(model),
            objects: objects::Objects::new(model),
            asserts: asserts::Asserts::new(model),
            stops: stop::Stops::default(),
            starts: starts::Starts::new(model),
            daemons: daemons::Daemons::default(),
            pool: pool::Pool::new(model),
            executors: executor::Executors::new(model),
            processes: process_pool::ProcessPool::new(model),
        }
    }

    /// What the run broke, in order: the first twenty violations and the first of every rule. The last one says how many
    /// more there were.
    pub fn finish(mut self, ended: &Ended) -> Vec<Violation> {
        self.advance(ended.at);
        let done = ended.outcome == Outcome::Finished;
        // What a daemon was about stays undone.
        let finished = done && !self.daemons.are_left();
        self.daemons.finish(ended, done, &mut self.reports);
        let regular = ended.outcome.is_regular();
        self.threads.finish(self.reports.now);
        self.cores.finish(&self.threads, &mut self.reports);
        self.bursts.finish(&self.threads, self.cores.count(), finished, &mut self.reports);
        self.devices.finish(finished, &mut self.reports);
        self.network.finish(finished, &mut self.reports);
        self.jobs.finish(done, regular, &mut self.reports);
        self.gils.finish(&mut self.reports);
        self.cancels.finish(&self.threads, &mut self.reports);
        self.memory.finish(&self.threads, &mut self.reports);
        self.objects.finish(&ended.outcome, &mut self.reports);
        self.asserts.finish(&ended.outcome, &mut self.reports);
        self.stops.finish(finished, &mut self.reports);
        if let Some(pool) = &self.pool {
            pool.finish(&mut self.reports);
        }
        if let Some(executors) = &self.executors {
            executors.finish(finished, &mut self.reports);
        }
        if let Some(pool) = &self.processes {
            pool.finish(finished, &self.threads, &mut self.reports);
        }
        self.check_outcome(&ended.outcome);
        self.reports.finish()
    }

    fn advance(&mut self, time: Time) {
        if time > self.reports.now {
            self.settle(time);
        }
        let now = self.reports.now;
        self.reports.require(time >= now, Rule::TimeOrder, || format!("time runs back to {} ns", time.0));
        let over = self.until.filter(|until| time > *until);
        self.reports.require(over.is_none(), Rule::TimeOrder, || format!("{} ns is past the end of the clock", time.0));
        self.reports.now = now.max(time);
    }

    /// Nothing more happens now: what holds until `next`?
    fn settle(&mut self, next: Time) {
        let reports = &mut self.reports;
        let running: Vec<_> = self.cores.running().collect();
        self.cores.settle(next, reports);
        self.urgencies.settle(&self.cores, &self.threads, &self.locks, reports);
        self.gils.settle(next, &self.threads, &self.bursts, &running, reports);
        self.stops.settle(&self.threads, &self.bursts, &running, reports);
        self.bursts.settle(next, &self.cores, reports);
        self.locks.settle(&self.threads, reports);
        self.shared.settle(&self.threads, reports);
        self.devices.settle(next, reports);
        self.network.settle(&self.threads, reports);
        self.waits.settle(&self.threads, reports);
        self.loops.settle(&self.threads, reports);
        self.jobs.settle(next, reports);
        if let Some(starts) = &mut self.starts {
            starts.settle(&self.threads, reports);
        }
        if let Some(executors) = &self.executors {
            executors.settle(&self.threads, reports);
        }
        self.threads.settle();
    }

    fn check_outcome(&mut self, outcome: &Outcome) {
        let (now, until) = (self.reports.now, self.until);
        match outcome {
            Outcome::Finished => {
                let busy = self
                    .threads
                    .threads
                    .iter()
                    .filter(|(id, _)| !self.daemons.contains(**id))
                    .find(|(_, thread)| !matches!(thread.state, State::Blocked(On::Job | On::Poll)));
                self.reports.require(busy.is_none(), Rule::Ending, || format!("not over: {busy:?}"));
                let open = self.threads.contexts.iter().find(|(_, context)| context.progress.is_some());
                self.reports.require(open.is_none(), Rule::Ending, || format!("not over: {open:?}"));
            }
            Outcome::Until => {
                self.reports.require(until == Some(now), Rule::Ending, || format!("{} ns is not the end", now.0));
            }
            Outcome::Deadlock(_) => {
                let stuck = |on| {
                    matches!(
                        on,
                        On::Lock(_) | On::Sync(_) | On::Socket(_) | On::Join(_) | On::Together | On::Executor(_)
                    )
                };
                let lost = self.processes.as_ref().is_some_and(process_pool::ProcessPool::has_lost);
                let real = lost
                    || self.threads.threads.values().any(|t| matches!(t.state, State::Blocked(on) if stuck(on)))
                    || self
                        .threads
                        .contexts
                        .values()
                        .any(|c| matches!(c.progress, Some(Progress::Suspended(on)) if stuck(on)));
                self.reports.require(real, Rule::DeadlockReal, || {
                    "nobody waits for a lock, another shared thing or an end".to_owned()
                });
            }
            Outcome::Limit { .. }
            | Outcome::ClockEnd
            | Outcome::Crowded { .. }
            | Outcome::Livelock { .. }
            | Outcome::NotHeld { .. }
            | Outcome::Socket { .. }
            | Outcome::UsedAfterFree { .. }
            | Outcome::Leaked { .. }
            | Outcome::Broken { .. } => {}
        }
    }
}

impl Sink for Auditor {
    fn record(&mut self, record: &Record) {
        self.advance(record.time);
        let (threads, reports) = (&self.threads, &mut self.reports);
        self.urgencies.record(record, threads, &self.cores, &self.locks, reports);
        self.cores.record(record, threads, reports);
        self.gils.record(record, threads, &self.bursts, reports);
        self.locks.record(record, threads, &self.gils, reports);
        self.shared.record(record, threads, reports);
        self.devices.record(record, reports);
        self.network.record(record, threads, reports);
        self.waits.record(record, threads, reports);
        self.loops.record(record, threads, &self.gils, reports);
        self.cancels.record(record, threads, reports);
        self.eager.record(record, threads, reports);
        if let Some(callbacks) = &mut self.callbacks {
            callbacks.record(record, threads, reports);
        }
        if let Some(waits) = &mut self.task_waits {
            waits.record(record, threads, reports);
        }
        self.jobs.record(record, threads, &self.bursts, reports);
        self.memory.record(record, threads, reports);
        self.objects.record(record, reports);
        self.asserts.record(record, reports);
        self.stops.record(record, reports);
        self.daemons.record(record, threads);
        if let Some(starts) = &mut self.starts {
            starts.record(record, threads, reports);
        }
        if let Some(pool) = &mut self.pool {
            pool.record(record, threads, reports);
        }
        if let Some(executors) = &mut self.executors {
            executors.record(record, threads, reports);
        }
        if let Some(pool) = &mut self.processes {
            pool.record(record, threads, reports);
        }
        self.bursts.record(record, threads, reports);
        self.threads.record(record, reports);
        self.reports.index += 1;
    }
}
