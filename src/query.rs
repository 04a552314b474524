//! One run, kept, with questions to ask: the trace as typed records, and as what happened to jobs, locks and variables.
//!
//! ```
//! let text = r#"(shared: { "lock": Lock }, tasks: { "a": (count: 2, steps: [With("lock", [Cpu("1ms")])]) }, models: [Threads(2)])"#;
//! let scenario = gilsim::scenario::compile("two", text, &[]).unwrap().scenario;
//! let run = gilsim::query::Run::new(&scenario.points[0].models[0], 7);
//! assert!(run.verify().is_empty());
//! assert_eq!(run.holds("lock").iter().filter(|hold| hold.until.is_some()).count(), 2);
//! ```

use std::collections::BTreeMap;

use crate::audit::{Auditor, Violation};
use crate::choice::{Chooser, First};
use crate::id::{ContextId, JobId};
use crate::metrics::Meter;
use crate::metrics::figures::Figures;
use crate::model::Model;
use crate::sim::{self, Ended, Outcome};
use crate::time::{Duration, Time};
use crate::trace::{Digest, Record, Role, Sink, What};

/// A run of a model.
#[derive(Clone, Debug)]
pub struct Run<'m> {
    model: &'m Model,
    seed: u64,
    records: Vec<Record>,
    ended: Ended,
    digest: Digest,
}

/// A time for which somebody held a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The job, thread or coroutine.
    pub who: String,
    /// When it took the lock.
    pub from: Time,
    /// When it released it; `None` if it still had it at the end.
    pub until: Option<Time>,
}

/// What became of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// `fetch[3]`.
    pub name: String,
    /// When it arrived.
    pub arrived: Time,
    /// When it was begun, if it was.
    pub started: Option<Time>,
    /// When it was complete, if it was.
    pub ended: Option<Time>,
}

impl Job {
    /// From arrival to completion.
    pub fn response(&self) -> Option<Duration> {
        self.ended.map(|ended| ended.since(self.arrived))
    }
}

impl<'m> Run<'m> {
    /// Runs the model under a seed.
    pub fn new(model: &'m Model, seed: u64) -> Run<'m> {
        Run::chosen(model, seed, &mut First)
    }

    /// The same, with the choices that reality leaves open made by somebody: a fuzzer's bytes
    /// ([`Bytes`](crate::choice::Bytes)), a closure, a person.
    pub fn chosen(model: &'m Model, seed: u64, chooser: &mut impl Chooser) -> Run<'m> {
        let mut sinks = (Vec::new(), Digest::default());
        let ended = sim::run_with(model, seed, &mut sinks, chooser);
        let (records, digest) = sinks;
        Run { model, seed, records, ended, digest }
    }

    /// Everything that happened, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How it ended.
    pub fn outcome(&self) -> &Outcome {
        &self.ended.outcome
    }

    /// When.
    pub fn makespan(&self) -> Duration {
        self.ended.at.since(Time::ZERO)
    }

    /// Equal runs have equal digests, on every platform.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// All figures.
    pub fn figures(&self) -> Figures {
        let mut meter = Meter::new(self.model);
        self.records.iter().for_each(|record| meter.record(record));
        meter.finish(self.seed, &self.ended, &self.digest)
    }

    /// What an independent auditor finds wrong with the run: nothing, or there is a fault in the simulator. A chooser that
    /// preempts within a slice is told so, too.
    pub fn verify(&self) -> Vec<Violation> {
        verify(self.model, &self.records, &self.ended)
    }

    /// The values of a variable of the first process, with the times at which it got them; empty if there is none of that name.
    pub fn values(&self, variable: &str) -> Vec<(Time, i64)> {
        let Some(of) = self.model.vars.iter().position(|var| var.name == variable) else { return Vec::new() };
        let changes = self.records.iter().filter_map(|record| match record.what {
            What::Store { var, process, value, .. } | What::Update { var, process, value, .. } => {
                (var.index() == of && process.0 == 0).then_some((record.time, value))
            }
            _ => None,
        });
        std::iter::once((Time::ZERO, self.model.vars[of].initial)).chain(changes).collect()
    }

    /// Who held a lock of the first process, when; empty if there is none of that name.
    pub fn holds(&self, lock: &str) -> Vec<Hold> {
        let mut holds: Vec<Hold> = Vec::new();
        let is_asked = |of: crate::id::LockId| self.model.locks[of.index()].name == lock;
        self.each(|record, names| match record.what {
            What::LockTake { lock, process, context } if process.0 == 0 && is_asked(lock) => {
                holds.push(Hold { who: names(context), from: record.time, until: None });
            }
            What::LockRelease { lock, process, .. } if process.0 == 0 && is_asked(lock) => {
                if let Some(last) = holds.last_mut() {
                    last.until = Some(record.time);
                }
            }
            _ => {}
        });
        holds
    }

    /// All jobs in order of arrival.
    pub fn jobs(&self) -> Vec<Job> {
        let mut jobs: Vec<Job> = Vec::new();
        // Numbers of jobs are used again.
        let mut present: BTreeMap<JobId, usize> = BTreeMap::new();
        for record in &self.records {
            match record.what {
                What::JobArrive { job, task, index } => {
                    present.insert(job, jobs.len());
                    let name = self.model.role_name(Role::Task { task, index });
                    jobs.push(Job { name, arrived: record.time, started: None, ended: None });
                }
                What::JobStart { job, .. } => {
                    if let Some(place) = present.get(&job) {
                        jobs[*place].started.get_or_insert(record.time);
                    }
                }
                What::JobEnd { job, .. } => {
                    if let Some(place) = present.get(&job) {
                        jobs[*place].ended = Some(record.time);
                    }
                }
                _ => {}
            }
        }
        jobs
    }

    /// What was printed: when, and what.
    pub fn prints(&self) -> Vec<(Time, &'m str)> {
        let printed = |record: &Record| match record.what {
            What::Print { text, .. } => Some((record.time, self.model.texts[text.index()].as_str())),
            _ => None,
        };
        self.records.iter().filter_map(printed).collect()
    }

    /// Visits all records, with the names that contexts have at that moment.
    fn each(&self, mut visit: impl FnMut(&Record, &dyn Fn(ContextId) -> String)) {
        let mut roles: BTreeMap<ContextId, Role> = BTreeMap::new();
        let mut jobs: BTreeMap<JobId, Role> = BTreeMap::new();
        for record in &self.records {
            match record.what {
                What::ThreadStart { context, role, .. } | What::CoroutineStart { context, role, .. } => {
                    roles.insert(context, role);
                }
                What::JobArrive { job, task, index } => _ = jobs.insert(job, Role::Task { task, index }),
                What::JobStart { job, context } => roles.extend(jobs.get(&job).map(|role| (context, *role))),
                _ => {}
            }
            let name =
                |context: ContextId| roles.get(&context).map_or_else(String::new, |role| self.model.role_name(*role));
            visit(record, &name);
        }
    }
}

/// What an auditor, which shares no code with the simulator, finds wrong with the records of a run of this model.
pub fn verify(model: &Model, records: &[Record], ended: &Ended) -> Vec<Violation> {
    let mut auditor = Auditor::new(model);
    records.iter().for_each(|record| auditor.record(record));
    auditor.finish(ended)
}
