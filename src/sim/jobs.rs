//! Jobs: how they arrive, who takes them, and what their end brings about.

use super::create::Origin;
use super::world::{Body, Draws, Job, Phase};
use super::{Chooser, Sim};
use crate::choice::Choice;
use crate::engine::Class;
use crate::id::{ContextId, JobId, ProcessId, TaskId, ThreadId};
use crate::model::{Arrivals, Execution};
use crate::rng::numbered;
use crate::time::Duration;
use crate::trace::{On, Raised, Role, Sink, What};

/// Jobs of programs with at most this many draws share the pages of their task.
const PAGED_DRAWS: u32 = 16;

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// What arrives at time 0, and when the next arrivals come.
    pub(super) fn first_arrivals(&mut self) {
        let model = self.model;
        let at_once = |task: &TaskId| model.tasks[task.index()].arrivals == Arrivals::AtOnce;
        let tasks = model.tasks.iter().enumerate().filter(|(_, task)| task.after.is_empty());
        let tasks: Vec<TaskId> = tasks.map(|(index, _)| TaskId::from(index)).collect();
        // Whose jobs come first of those that are there at once is a matter of their order in the scenario alone.
        let mut first: Vec<TaskId> = tasks.iter().copied().filter(at_once).collect();
        for task in tasks {
            let task = match at_once(&task) {
                true => {
                    let chosen = self.choose(Choice::Event, first.len());
                    first.remove(chosen)
                }
                false => task,
            };
            self.open(task);
        }
        for user in 0..self.world.work.users.len() as u32 {
            self.think(user, false);
        }
        if self.has_network() {
            self.first_clients();
        }
    }

    /// The task begins: everything it waited for has ended.
    fn open(&mut self, task: TaskId) {
        if self.model.tasks[task.index()].arrivals == Arrivals::AtOnce {
            while let Some(index) = self.world.work.tasks[task.index()].source.admit() {
                self.arrive(task, index, None);
            }
            self.open_dependents_of_nothing(task);
        } else {
            self.schedule_arrival(task);
        }
    }

    /// A task without jobs has ended as soon as it begins.
    fn open_dependents_of_nothing(&mut self, task: TaskId) {
        if self.model.tasks[task.index()].count == Some(0) {
            self.open_dependents(task);
        }
    }

    fn schedule_arrival(&mut self, task: TaskId) {
        let arrivals = &self.model.tasks[task.index()].arrivals;
        if let Some(at) = self.world.work.tasks[task.index()].source.next(arrivals) {
            self.world.engine.schedule(at.max(self.world.now), Class::Arrival, task.0);
        }
    }

    /// A scheduled arrival: of a task, or of a user who has thought enough.
    pub(super) fn arrival(&mut self, slot: u32) {
        let tasks = self.model.tasks.len() as u32;
        if self.aborts && slot >= self.first_expiry() {
            self.expires(slot);
        } else if slot < tasks {
            let task = TaskId(slot);
            if let Some(index) = self.world.work.tasks[task.index()].source.admit() {
                self.arrive(task, index, None);
            }
            self.schedule_arrival(task);
        } else {
            self.submit_for(slot - tasks);
        }
    }

    /// The user thinks, and then submits a job. One who was refused does so in an event of its own, however short the thought.
    fn think(&mut self, user: u32, refused: bool) {
        let (task, number) = self.world.work.users[user as usize];
        let Arrivals::Closed { think, .. } = self.model.tasks[task.index()].arrivals else { return };
        let source = &mut self.world.work.tasks[task.index()].source;
        if source.exhausted() {
            return;
        }
        let time = source.think(number, &self.model.dists[think.index()]);
        if time == Duration::ZERO && !refused {
            self.submit_for(user);
        } else {
            let slot = self.model.tasks.len() as u32 + user;
            self.world.engine.schedule(self.world.now + time, Class::Arrival, slot);
        }
    }

    fn submit_for(&mut self, user: u32) {
        let (task, _) = self.world.work.users[user as usize];
        if let Some(index) = self.world.work.tasks[task.index()].source.admit() {
            self.arrive(task, index, Some(user));
        }
    }

    fn arrive(&mut self, task: TaskId, index: u32, user: Option<u32>) {
        let state = &mut self.world.work.tasks[task.index()];
        if self.model.tasks[task.index()].capacity.is_some_and(|most| state.inside >= most) {
            return self.refuse(task, index, user);
        }
        state.inside += 1;
        let new = Job { task, index, user };
        let job = self.world.work.jobs.claim(|| new.clone());
        self.world.work.jobs[job] = new;
        self.world.work.unfinished += 1;
        self.note(What::JobArrive { job, task, index });
        self.note_arrival(job);
        if self.aborts {
            self.set_expiry(job);
        }
        self.limit_crowd();
        let origin =
            Origin { role: Role::Task { task, index }, program: crate::id::ProgramId(u32::MAX), parent: None, key: 0 };
        match self.model.execution {
            Execution::ThreadPerTask => {
                let thread = self.thread(ProcessId(0), Body::Program, origin);
                self.assign(job, self.world.threads[thread].own);
                self.wake_after(thread, self.model.machine.costs.thread_start);
            }
            Execution::Asyncio | Execution::Polling | Execution::HybridAsyncio { .. } => {
                let turn = self.world.work.next_loop % self.world.work.loops.len();
                self.world.work.next_loop = turn + 1;
                let context = self.coroutine(self.world.work.loops[turn], origin);
                self.assign(job, context);
                self.make_ready(context);
            }
            Execution::ProcessPool(_) => self.submit_to_pool(job),
            _ if self.world.work.unstarted.waits => self.world.work.unstarted.held.push_back(job),
            _ => self.queue_job(job),
        }
    }

    /// The job joins the queue of the workers: an idle one wakes for it, or a pool of threads starts one.
    pub(super) fn queue_job(&mut self, job: JobId) {
        self.world.work.queue.push_back(job);
        if let Some(worker) = self.world.work.idle_workers.pop_front() {
            self.wake(worker);
        } else if self.world.work.unstarted.left > 0 {
            self.start_worker();
        }
    }

    /// There is no room for the job: it is over at once, and its user thinks again.
    #[cold]
    fn refuse(&mut self, task: TaskId, index: u32, user: Option<u32>) {
        self.note(What::JobRefuse { task, index });
        self.count_end(task);
        if let Some(user) = user {
            self.think(user, true);
        }
    }

    /// The context stands before the first step of the job.
    pub(super) fn assign(&mut self, job: JobId, context: ContextId) {
        let Job { task, index, user } = self.world.work.jobs[job];
        let definition = &self.model.tasks[task.index()];
        let key = numbered(self.world.work.tasks[task.index()].key, u64::from(index));
        let draws = match (self.model.programs[definition.program.index()].draws, user) {
            (Some(0), _) => Draws::None,
            (_, Some(user)) => Draws::User { task, user: self.world.work.users[user as usize].1 },
            (Some(draws), None) if draws <= PAGED_DRAWS => {
                Draws::Paged { task, next: u64::from(index) * u64::from(draws) }
            }
            _ => self.own_draws(),
        };
        let state = &mut self.world.contexts[context];
        state.key = key;
        state.begin_job(job);
        self.load_program(context, definition.program, draws);
        self.carry(context, job);
        if self.aborts {
            self.take_expiring(job, context);
        }
        self.note(What::JobStart { job, context });
    }

    /// The worker takes the next job, or goes to wait for one.
    pub(super) fn next_job(&mut self, thread: ThreadId) -> bool {
        if self.aborts {
            self.skip_dropped();
        }
        let Some(job) = self.world.work.queue.pop_front() else {
            return self.leave_gil(thread, Phase::Idle);
        };
        self.assign(job, self.world.threads[thread].own);
        let state = &mut self.world.threads[thread];
        state.phase = Phase::Step;
        if let Some(core) = state.core
            && !self.world.kernel.may_run(thread, core)
        {
            // `sched_setaffinity` does not return on a core that is excluded.
            self.give_way(core, thread);
            return false;
        }
        true
    }

    /// A job may have arrived while the worker released the GIL.
    pub(super) fn wait_for_job(&mut self, thread: ThreadId) -> bool {
        if !self.world.work.queue.is_empty() {
            self.world.threads[thread].phase = Phase::Gil;
            return true;
        }
        self.world.work.idle_workers.push_back(thread);
        self.block(thread, On::Job, Phase::Gil);
        false
    }

    /// If the context has executed a job, the job is over: complete, or failed.
    pub(super) fn end_job(&mut self, context: ContextId, raised: Option<Raised>) {
        let Some(job) = self.world.contexts[context].take_job() else { return };
        if self.world.pool.is_some() && self.is_pool_worker(context) {
            return self.return_job(job, context, raised);
        }
        self.note(if raised.is_some() { What::JobFail { job, context } } else { What::JobEnd { job, context } });
        if !self.world.contexts[context].coroutine {
            self.carry_nothing(self.world.contexts[context].thread);
        }
        if self.aborts {
            self.forget_expiry(job);
        }
        let ended = self.world.work.jobs[job].clone();
        self.world.work.jobs.release(job);
        self.conclude(ended);
    }

    /// The job is over, complete or not: tasks that come after it can begin, and its user thinks again.
    pub(super) fn conclude(&mut self, job: Job) {
        self.conclude_as(job, false);
    }

    /// The same of a job that may be `lost` as soon as it has arrived: its user thinks again in an event of its own.
    pub(super) fn conclude_as(&mut self, Job { task, user, .. }: Job, lost: bool) {
        self.world.work.unfinished -= 1;
        self.world.work.tasks[task.index()].inside -= 1;
        self.count_end(task);
        if let Some(user) = user {
            self.think(user, lost);
        }
    }

    /// If this was the last job of the task, tasks that come after it can begin.
    fn count_end(&mut self, task: TaskId) {
        let state = &mut self.world.work.tasks[task.index()];
        state.ended += 1;
        if self.model.tasks[task.index()].count == Some(state.ended) {
            self.open_dependents(task);
        }
    }

    fn open_dependents(&mut self, ended: TaskId) {
        for task in (0..self.model.tasks.len()).map(TaskId::from) {
            let waits = self.model.tasks[task.index()].after.iter().filter(|before| **before == ended).count() as u32;
            let state = &mut self.world.work.tasks[task.index()];
            if waits > 0 {
                state.blockers -= waits;
                if state.blockers == 0 {
                    self.open(task);
                }
            }
        }
    }
}
