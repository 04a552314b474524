//! Bursts of core time: each receives what it demands, to the nanosecond, at the rate of its core.

use std::collections::BTreeMap;

use super::cores::Cores;
use super::pace::{Rates, UNIT};
use super::rule::{Reports, Rule};
use super::threads::{Thread, Threads};
use crate::id::{ContextId, ThreadId};
use crate::model::Model;
use crate::time::Time;
use crate::trace::{CpuKind, On, Record, What};

/// What a thread executes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    pub context: ContextId,
    pub kind: CpuKind,
    pub demand: u64,
    /// Work, in billionths of a nanosecond.
    received: u128,
    /// Core time in nanoseconds, whatever the core did in it.
    pub time: u64,
    /// It has received more than it demands.
    over: bool,
}

/// The open burst of every thread that has one.
#[derive(Debug)]
pub(super) struct Bursts {
    rates: Rates,
    open: BTreeMap<ThreadId, Burst>,
    /// The demands of those that are over.
    work: u128,
}

impl Bursts {
    pub fn new(model: &Model) -> Bursts {
        Bursts { rates: Rates::new(model), open: BTreeMap::new(), work: 0 }
    }

    /// Whether bursts take as long as they demand.
    pub fn is_even(&self) -> bool {
        self.rates.is_even()
    }

    pub fn of(&self, thread: ThreadId) -> Option<&Burst> {
        self.open.get(&thread)
    }

    pub fn settle(&mut self, next: Time, cores: &Cores, reports: &mut Reports) {
        let length = next.0.saturating_sub(reports.now.0);
        for (core, thread) in cores.executing() {
            match self.open.get_mut(&thread) {
                Some(burst) => {
                    let whole = u128::from(burst.demand) * UNIT;
                    burst.time += length;
                    let over = if self.rates.is_even() {
                        burst.received += u128::from(length) * UNIT;
                        burst.received > whole
                    } else {
                        // It should have ended now, or at the last point of the grid before `next`.
                        let tick = self.rates.tick();
                        let before = burst.received >= whole && reports.now.0.is_multiple_of(tick);
                        let last = ((next.0 - 1) % tick + 1).min(length);
                        burst.received += self.rates.work(core, thread, length - last);
                        let over = before || burst.received >= whole && length > last;
                        burst.received += self.rates.work(core, thread, last);
                        over
                    };
                    // Said once, when the burst passes its demand.
                    let passes = over && !std::mem::replace(&mut burst.over, over);
                    reports.require(!passes, Rule::Demand, || {
                        format!("a burst of {:?} has received more than its {} ns", burst.context, burst.demand)
                    });
                }
                None => reports.require(false, Rule::CoreTimeUsed, || format!("{thread:?} holds a core for nothing")),
            }
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if !self.rates.is_even() {
            self.rates.record(record, threads);
        }
        match record.what {
            What::Compute { context, kind, demand } => {
                let Some(thread) = threads.thread_of(context) else { return };
                let burst = Burst { context, kind, demand: demand.0, received: 0, time: 0, over: false };
                let twice = self.open.insert(thread, burst).is_some();
                reports.require(!twice, Rule::Demand, || format!("{context:?} begins a burst inside another"));
            }
            What::GilOffer { thread, cost, .. } => {
                if let Some(burst) = self.open.get_mut(&thread) {
                    burst.demand += cost.0;
                }
            }
            What::ComputeEnd { context } => {
                let Some(thread) = threads.thread_of(context) else { return };
                let ended = self.open.remove(&thread).filter(|burst| burst.context == context);
                let even = self.rates.is_even();
                let right = ended.is_some_and(|burst| match u128::from(burst.demand) * UNIT {
                    whole if even => burst.received == whole,
                    whole => burst.received >= whole,
                });
                self.work += ended.map_or(0, |burst| u128::from(burst.demand));
                reports.require(right, Rule::Demand, || match ended {
                    Some(Burst { demand, received, .. }) => {
                        let received = received as f64 / UNIT as f64;
                        format!("a burst of {context:?} has received {received} of {demand} ns")
                    }
                    None => format!("{context:?} ends a burst that it did not begin"),
                });
            }
            // A thread stops in the middle; what a coroutine computes goes on.
            What::JobDrop { by: Some(context), .. } | What::Kill { context } => {
                let own = threads.contexts.get(&context).filter(|found| found.progress.is_none());
                if let Some(cut) = own.and_then(|own| self.open.remove(&own.thread)) {
                    let whole = u128::from(cut.demand) * UNIT;
                    self.work += cut.received.min(whole) / UNIT;
                    // A burst that has all it needs goes on to the next tick, if the machine counts in ticks.
                    reports.require(cut.received <= whole || self.rates.tick() > 1, Rule::Demand, || {
                        format!("{cut:?} has too much")
                    });
                }
            }
            What::Block { thread, on, .. } => {
                // Only a wait for the GIL, or for the world, comes in the middle of a burst.
                let open = self.open.get(&thread).filter(|_| !matches!(on, On::Gil | On::GilSwitch | On::World));
                self.check_closed(open.is_some(), thread, reports);
            }
            What::ThreadEnd { thread, .. } => {
                let open = self.open.remove(&thread).is_some();
                self.check_closed(open, thread, reports);
            }
            What::Suspend { context, .. } | What::CoroutineEnd { context } => {
                let thread = threads.thread_of(context).and_then(|thread| Some((thread, self.open.get(&thread)?)));
                if let Some((thread, burst)) = thread {
                    self.check_closed(burst.context == context, thread, reports);
                }
            }
            _ => {}
        }
    }

    fn check_closed(&self, open: bool, thread: ThreadId, reports: &mut Reports) {
        reports.require(!open, Rule::Demand, || format!("{thread:?} leaves a burst in the middle"));
    }

    /// What is still open has not received too much, and somebody executes it.
    pub fn finish(&self, threads: &Threads, cores: u32, finished: bool, reports: &mut Reports) {
        let now = reports.now.0;
        let room = u128::from(cores) * u128::from(now) * self.rates.fastest();
        reports.require(self.work * UNIT <= room, Rule::Makespan, || {
            format!("{} ns of work on {cores} cores in {now} ns", self.work)
        });
        for (id, burst) in &self.open {
            let alive = threads.threads.get(id).map(Thread::current) == Some(burst.context);
            let right = alive && (burst.received <= u128::from(burst.demand) * UNIT || !self.rates.is_even());
            reports.require(right, Rule::Demand, || format!("at the end {id:?} has {burst:?}"));
            reports.require(!finished, Rule::Ending, || format!("{id:?} is in the middle of {burst:?}"));
        }
    }
}
