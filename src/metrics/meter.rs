//! The sink that turns a run into its figures.

use indexmap::IndexMap;

use super::figures::{Figures, Printed, SlowCallbacks, Starved};
use super::gil::Gils;
use super::jobs::{Jobs, rate};
use super::longest::Longest;
use super::network::Network;
use super::threads::{Threads, put};
use crate::id::{ContextId, ProcessId, ThreadId};
use crate::model::{Home, Model, PoolKind, Shared};
use crate::sim::{Ended, Outcome};
use crate::time::{Duration, Time};
use crate::trace::{Digest, Record, Role, Sink, What};

/// Lines kept of what programs print.
const PRINTS: usize = 1_000;

/// Listens to one run of a model.
#[derive(Clone, Debug)]
pub struct Meter<'a> {
    model: &'a Model,
    threads: Threads,
    gils: Gils,
    jobs: Jobs,
    longest: Longest,
    network: Network,
    finals: Vec<i64>,
    roles: Vec<Role>,
    /// By thread: whether a program spawned it, and its own context.
    spawned: Vec<(bool, ContextId)>,
    /// When the last thread or coroutine ended that a program spawned.
    children_end: Time,
    prints: Vec<Printed>,
    prints_beyond: u64,
    /// The first worker process that died.
    died: Option<(Time, Role)>,
    /// Who had waited longest to run when it ended, and since when.
    starved: Option<(u64, Role)>,
    /// The longest step of a coroutine, if it was slow.
    slowest: Option<(Duration, Role)>,
}

impl<'a> Meter<'a> {
    /// Before the first record.
    pub fn new(model: &'a Model) -> Meter<'a> {
        Meter {
            model,
            threads: Threads::new(model),
            gils: Gils::new(model.warm_up),
            jobs: Jobs::new(model),
            longest: Longest::new(model),
            network: Network::new(model),
            finals: model.vars.iter().map(|var| var.initial).collect(),
            roles: Vec::new(),
            spawned: Vec::new(),
            children_end: Time::ZERO,
            prints: Vec::new(),
            prints_beyond: 0,
            died: None,
            starved: None,
            slowest: None,
        }
    }

    /// The response time that a share `q` of the measured jobs does not exceed, of one task or of all; `None` without
    /// such jobs.
    pub fn response_quantile(&self, task: Option<&str>, q: f64) -> Option<Duration> {
        let task = match task {
            Some(name) => Some(self.model.tasks.iter().position(|task| task.name == name)?),
            None => None,
        };
        self.jobs.response(task).quantile_of(q)
    }

    /// The time from the beginning of their connection to the end of what they get that a share `q` of the clients outside
    /// of a listener needs at most; `None` without any that were served.
    pub fn served_quantile(&self, peer: &str, q: f64) -> Option<Duration> {
        let peer = self.model.peers.iter().position(|known| known.name == peer)?;
        self.network.served_quantile(peer, q)
    }

    /// The loop lag that a share `q` of the resumptions does not exceed; `None` without an event loop.
    pub fn lag_quantile(&self, q: f64) -> Option<Duration> {
        self.threads.lag.as_ref()?.quantile_of(q)
    }

    /// After the last record.
    pub fn finish(mut self, seed: u64, ended: &Ended, digest: &Digest) -> Figures {
        let model = self.model;
        let cores = self.threads.finish(ended.at);
        let window = Duration(ended.at.0.saturating_sub(model.warm_up.0));
        let makespan = match ended.outcome {
            Outcome::Finished => self.jobs.last_end.max(self.children_end),
            _ => ended.at,
        };
        let done = makespan.0.saturating_sub(model.warm_up.0) as f64;
        let (tasks, devices) = self.jobs.finish(model, done, ended.at);
        let busy: u128 = cores.iter().map(|core| u128::from(core.busy.0)).sum();
        let capacity = u128::from(window.0) * cores.len() as u128;
        let all = &self.jobs.all;
        let starved = self.threads.starved.map(|(length, since, thread)| {
            let ended = self.starved.filter(|(of, _)| *of == since).map(|(_, role)| role);
            let who = model.role_name(ended.unwrap_or_else(|| self.role_of(thread)));
            Starved { who, since: Duration(since), length: Duration(length) }
        });
        Figures {
            seed,
            outcome: ended.outcome.word().to_owned(),
            explanation: self.explanation(&ended.outcome),
            daemons: ended.daemons,
            objects: ended.outcome.objects().to_vec(),
            digest: digest.to_string(),
            events: ended.events,
            makespan: Duration(makespan.0),
            window,
            arrived: all.arrived,
            completed: all.completed,
            throughput: rate(all.completed, done),
            response: all.response.summary(),
            wait: all.wait.summary(),
            service: all.service.summary(),
            tasks,
            cores,
            utilization: if capacity == 0 { 0.0 } else { busy as f64 / capacity as f64 },
            threads: self.threads.times.into(),
            coroutines: self.threads.coroutine_times.into(),
            voluntary: self.threads.voluntary,
            involuntary: self.threads.involuntary,
            migrations: self.threads.migrations,
            loop_lag: self.threads.lag.as_ref().map(|lag| lag.summary()),
            slow_callbacks: self.threads.lag.as_ref().map(|_| SlowCallbacks {
                count: self.threads.slow,
                longest: self.slowest.map(|(took, _)| took),
                of: self.slowest.map(|(_, role)| model.role_name(role)),
            }),
            gils: self.gils.finish(ended.at),
            devices,
            network: self.network.finish(model),
            finals: finals(model, &self.finals),
            critical_path: self.jobs.critical_path(model),
            starved,
            longest_wait: self.longest.finish(model, ended.at),
            prints: self.prints,
            prints_beyond: self.prints_beyond,
        }
    }

    fn role_of(&self, thread: ThreadId) -> Role {
        self.roles[self.spawned[thread.index()].1.index()]
    }

    /// What the outcome says, and why jobs failed that did nothing wrong.
    fn explanation(&self, outcome: &Outcome) -> Vec<String> {
        let mut lines = outcome.explanation();
        let executor = self.model.process_pool().is_some_and(|pool| pool.kind == PoolKind::Executor);
        if let (true, Some((at, who))) = (executor, self.died) {
            lines.push(format!(
                "{} died at {}, and with it the pool: all jobs failed that had no result yet, or came later",
                self.model.role_name(who),
                Duration(at.0)
            ));
        }
        lines
    }

    #[cold]
    fn slow_step(&mut self, context: ContextId, took: Duration) {
        if self.slowest.is_none_or(|(longest, _)| took > longest) {
            self.slowest = self.roles.get(context.index()).map(|role| (took, *role));
        }
    }

    fn child_ends(&mut self, spawned: bool, now: Time) {
        if spawned {
            self.children_end = now;
        }
    }

    /// Threads and coroutines, for the names of those who print.
    fn name(&mut self, context: crate::id::ContextId, role: Role) {
        put(&mut self.roles, context.index(), role);
    }

    fn print(&mut self, record: &Record, context: crate::id::ContextId, text: crate::id::TextId) {
        if self.prints.len() < PRINTS {
            self.prints.push(Printed {
                at: Duration(record.time.0),
                who: self.model.role_name(self.roles[context.index()]),
                text: self.model.texts[text.index()].clone(),
            });
        } else {
            self.prints_beyond += 1;
        }
    }
}

impl Sink for Meter<'_> {
    #[inline(always)]
    fn record(&mut self, record: &Record) {
        let now = record.time;
        if self.longest.wants(&record.what) {
            self.longest.record(record);
        }
        match record.what {
            What::Run { core, thread } => self.threads.run(core, thread, now),
            What::Compute { context, kind, demand } => {
                self.threads.burst(context, Some(kind), now);
                self.jobs.demand(context, demand);
            }
            What::ComputeEnd { context } => {
                self.threads.burst(context, None, now);
                self.jobs.computed(context);
            }
            What::Wake { thread } | What::Ready { thread } => self.threads.ready(thread, now),
            What::Switch { core, thread } => self.threads.switch(core, thread, now),
            What::Preempt { core, thread } => self.threads.preempt(core, thread, now),
            What::Yield { core, thread } => self.threads.give_way(core, thread, now),
            What::Block { core, thread, on } => {
                self.threads.block(core, thread, on, now);
                self.gils.block(thread, on, now);
            }
            What::IoSubmit { device, request, context } => self.jobs.submit(device, request, context, now),
            What::IoStart { request, latency, .. } => self.jobs.start_request(request, latency, now),
            What::IoDone { device, request } => self.jobs.end_request(device, request, now),
            What::GilTake { process, thread } => self.gils.take(process, thread, now),
            What::GilDrop { process, forced, .. } => self.gils.release(process, forced, now),
            What::GilRequest { process, .. } => self.gils.request(process, now),
            What::Socket { peer, call, amount, .. } => self.network.call(peer, call, amount, now),
            What::Wire { peer, socket, wire, .. } => self.network.wire(peer, socket, wire, now),
            What::JobArrive { job, task, .. } => self.jobs.arrive(job, task, now),
            What::JobRefuse { task, .. } => self.jobs.refuse(task, now),
            What::JobStart { job, context } => self.jobs.start(job, context),
            What::JobEnd { job, context } => self.jobs.end(job, context, now),
            What::JobDrop { job, by } => {
                self.jobs.drop_at_deadline(job, by, now);
                if let Some(context) = by {
                    self.threads.cut(context, now);
                }
            }
            What::JobReturn { context, .. } => self.jobs.give_back(context),
            What::Exit { context } => {
                self.jobs.give_back(context);
                self.died.get_or_insert((now, self.roles[context.index()]));
            }
            What::Kill { context } => {
                self.jobs.give_back(context);
                self.threads.cut(context, now);
            }
            What::JobLost { job } => self.jobs.lose(job, now),
            What::JobFail { job, context } => self.jobs.fail(job, context, now),
            What::Submit { context, child } => {
                self.jobs.hand_over(context, child);
                let role = self.roles[context.index()];
                self.name(child, role);
            }
            What::TakeUp { thread, context } => self.threads.take_up(thread, context, now),
            What::HandBack { context, .. } | What::Unsubmit { context } => self.jobs.hand_back(context),
            What::Cancel { context, .. } => self.jobs.cancel(context, now),
            What::IoWithdraw { request, .. } => self.jobs.withdraw(request),
            What::CoroutineReady { context } => self.threads.coroutine_ready(context, now),
            What::Resume { context } => self.threads.resume(context, now),
            What::StartEagerly { context, child } => self.threads.start_eagerly(context, child, now),
            What::Suspend { context, on } => {
                if let Some(took) = self.threads.suspend(context, on, now) {
                    self.slow_step(context, took);
                }
            }
            What::Sleep { context, time } => self.jobs.sleep(context, time, now),
            What::ThreadStart { thread, context, role, .. } => {
                self.threads.start(thread, context, now);
                put(&mut self.spawned, thread.index(), (matches!(role, Role::Spawned { .. }), context));
                self.name(context, role);
            }
            What::ThreadEnd { core, thread } => {
                self.threads.end(core, thread, now);
                // Others will have its numbers.
                if let Some((_, since, starved)) = self.threads.starved
                    && starved == thread
                    && self.starved.is_none_or(|(of, _)| of != since)
                {
                    self.starved = Some((since, self.role_of(thread)));
                }
                self.child_ends(self.spawned[thread.index()].0, now);
            }
            What::CoroutineStart { context, thread, role } => {
                self.threads.start_coroutine(context, thread, now);
                self.name(context, role);
            }
            What::CoroutineEnd { context } => {
                if let Some(took) = self.threads.end_coroutine(context, now) {
                    self.slow_step(context, took);
                }
                self.child_ends(matches!(self.roles[context.index()], Role::Spawned { .. }), now);
            }
            What::Store { var, process: ProcessId(0), value, .. }
            | What::Update { var, process: ProcessId(0), value, .. } => self.finals[var.index()] = value,
            What::Print { context, text } => self.print(record, context, text),
            What::Migrate { .. }
            | What::Store { .. }
            | What::Update { .. }
            | What::Load { .. }
            | What::LockTake { .. }
            | What::LockRelease { .. }
            | What::LockDepth { .. }
            | What::Object { .. }
            | What::Pause { .. }
            | What::Sync { .. }
            | What::Iteration { .. }
            | What::GilOffer { .. }
            | What::Spawn { .. }
            | What::Fail { .. }
            | What::Daemon { .. }
            | What::SelfPipe { .. }
            | What::Chunk { .. }
            | What::Pass { .. }
            | What::Raise { .. }
            | What::Uncaught { .. }
            | What::Timeout { .. }
            | What::TimeoutEnd { .. }
            | What::Together { .. }
            | What::TogetherAlready { .. }
            | What::WaitTasks { .. }
            | What::TasksWaited { .. }
            | What::TasksKnown { .. }
            | What::CallBack { .. }
            | What::ProcessStart { .. }
            | What::ProcessEnd { .. } => {}
        }
    }
}

/// Last values by name; a variable of threads has none that all see.
fn finals(model: &Model, values: &[i64]) -> IndexMap<String, i64> {
    let seen = |(var, _): &(&Shared<i64>, &i64)| var.home != Home::Thread;
    model.vars.iter().zip(values).filter(seen).map(|(var, value)| (var.name.clone(), *value)).collect()
}
