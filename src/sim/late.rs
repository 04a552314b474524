//! Jobs that are dropped at their deadlines: `late: Abort`.
//!
//! At its deadline, when everything else at that instant is done, a job that is not complete is over: nobody waits for it any
//! more, the locks it holds are released, and its thread or coroutine stands before its end. A thread that computes stops at
//! once. A wait for a device, the clock, children or the GIL goes on to its end, and so does computing in a coroutine, which
//! nobody can interrupt.

use super::world::{Phase, Resume, State};
use super::{Chooser, Sim};
use crate::engine::Class;
use crate::id::{ContextId, JobId, LockId, ProgramId, ThreadId};
use crate::kernel::attributes::{Attributes, Needs};
use crate::model::{Late, Model, Op};
use crate::trace::{CpuKind, On, Sink, Together, What};

/// What ends a job that may be dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Expiry {
    /// Sequence number of the event at its deadline; 0 if there is none.
    sequence: u64,
    /// Who does the job.
    by: Option<ContextId>,
    /// It was dropped and still stands in the queue of jobs.
    dropped: bool,
}

/// Whether any job of this model can be dropped.
pub(super) fn any(model: &Model) -> bool {
    model.tasks.iter().any(|task| task.late == Late::Abort)
}

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// The job has arrived.
    #[cold]
    pub(super) fn set_expiry(&mut self, job: JobId) {
        let expiries = &mut self.world.work.expiries;
        if expiries.len() <= job.index() {
            expiries.resize(job.index() + 1, Expiry::default());
        }
        expiries[job.index()] = Expiry::default();
        let task = &self.model.tasks[self.world.work.jobs[job].task.index()];
        if task.late == Late::Abort
            && let Some(deadline) = task.relative_deadline()
        {
            let slot = self.first_expiry() + job.0;
            let sequence = self.world.engine.schedule(self.world.now + deadline, Class::Arrival, slot);
            self.world.work.expiries[job.index()].sequence = sequence;
        }
    }

    /// Events of this and greater numbers are deadlines: those below are arrivals.
    pub(super) fn first_expiry(&self) -> u32 {
        (self.model.tasks.len() + self.world.work.users.len()) as u32
    }

    /// Whether the event is the deadline of a job that is complete.
    #[cold]
    pub(super) fn has_no_job(&self, slot: u32, sequence: u64) -> bool {
        let job = slot.checked_sub(self.first_expiry());
        job.is_some_and(|job| self.world.work.expiries[job as usize].sequence != sequence)
    }

    /// Whether the job was dropped before anybody took it, and only stands in a queue: then it is no more.
    #[cold]
    pub(super) fn was_dropped(&mut self, job: JobId) -> bool {
        let dropped = self.world.work.expiries[job.index()].dropped;
        if dropped {
            self.world.work.jobs.release(job);
        }
        dropped
    }

    /// The context has taken the job.
    #[cold]
    pub(super) fn take_expiring(&mut self, job: JobId, context: ContextId) {
        self.world.work.expiries[job.index()].by = Some(context);
    }

    /// The job is complete.
    #[cold]
    pub(super) fn forget_expiry(&mut self, job: JobId) {
        self.world.work.expiries[job.index()] = Expiry::default();
    }

    /// Jobs at the head of the queue that were dropped leave it.
    #[cold]
    pub(super) fn skip_dropped(&mut self) {
        while let Some(job) = self.world.work.queue.front().copied()
            && self.was_dropped(job)
        {
            self.world.work.queue.pop_front();
        }
    }

    /// The deadline of a job has come. It has until the end of this instant.
    #[cold]
    pub(super) fn expires(&mut self, slot: u32) {
        let job = JobId(slot - self.first_expiry());
        self.expired.push((job, self.world.work.expiries[job.index()].sequence));
        self.unsettled = true;
    }

    /// Everything else at this instant is done: jobs at their deadlines are dropped.
    #[cold]
    pub(super) fn drop_expired(&mut self) {
        for (job, sequence) in std::mem::take(&mut self.expired) {
            if self.outcome.is_none() && self.world.work.expiries[job.index()].sequence == sequence {
                self.drop_job(job);
            }
        }
        self.unsettled = true;
    }

    fn drop_job(&mut self, job: JobId) {
        let by = self.world.work.expiries[job.index()].by;
        self.note(What::JobDrop { job, by });
        if self.sink.explains() {
            self.explain_drop(job, by);
        }
        match by {
            None => self.world.work.expiries[job.index()] = Expiry { dropped: true, ..Expiry::default() },
            Some(context) => {
                self.forget_expiry(job);
                self.world.contexts[context].take_job();
            }
        }
        let left = self.world.work.jobs[job].clone();
        if by.is_some() {
            self.world.work.jobs.release(job);
        }
        if let Some(context) = by {
            self.abandon(context);
        }
        self.conclude(left);
    }

    /// The context stops what it does for its job.
    fn abandon(&mut self, context: ContextId) {
        let program = self.world.contexts[context].program;
        let end = self.end_of(program);
        let wanted = self.lock_wanted_by(context);
        let state = &self.world.contexts[context];
        let suspended = state.coroutine && self.world.threads[state.thread].current != context;
        if suspended {
            self.give_up_waiting(context);
        }
        if self.tracks {
            // Its timeouts are no more, also if it computes.
            self.world.loop_task(context).deadlines.clear();
        }
        self.forget_counts(context);
        if self.stops {
            self.end_pause(context);
        }
        let state = &mut self.world.contexts[context];
        (state.pc, state.paid) = (end, false);
        state.stack.clear();
        let (thread, coroutine) = (state.thread, state.coroutine);
        let carrier = &self.world.threads[thread];
        if carrier.current != context || !matches!(carrier.state, State::Blocked(_)) {
            // Else it is its loop's thread that waits, and goes on to the end of the wait.
            self.world.contexts[context].blocking = 0;
        }
        if !suspended {
            self.stand_before_the_end(thread, coroutine);
        }
        if !coroutine {
            self.lose_urgency(thread);
        }
        if self.has_network() {
            self.abandon_sockets(context);
        }
        if !coroutine {
            let state = &mut self.world.threads[thread];
            (state.limit, state.expired) = (crate::time::Time::NEVER, false);
        }
        if let Some(lock) = wanted {
            self.leave_lock(context, lock);
        }
        for lock in (0..self.model.locks.len()).map(LockId::from) {
            let process = self.home_of_lock(context, lock);
            if self.world.processes[process.index()].locks[lock.index()].owner() == Some(context) {
                self.let_go(context, lock, process);
            }
        }
        // Last, for what it does at once.
        let state = &self.world.threads[thread];
        if !coroutine
            && state.state == State::Running
            && let Some(core) = state.core
        {
            self.execute(core, thread);
        }
    }

    /// A coroutine that does not run waits no more, but for others that it awaits.
    fn give_up_waiting(&mut self, context: ContextId) {
        let task = self.world.loop_task(context);
        task.pending = None;
        task.spawning = 0;
        if !task.group.how.is_some_and(Together::apart) {
            // It waits for them all the same, and no exception of theirs reaches it.
            (task.group.how, task.group.failed) = (Some(Together::GatherAll), false);
        }
        if let Some(sync) = task.freed.take() {
            self.return_shared(context, sync);
        }
        // Its lock is left below.
        if !matches!(self.world.contexts[context].waits, Some((On::Lock(_), _))) {
            self.withdraw(context);
        }
        self.world.contexts[context].resume = Resume::Step;
    }

    /// The last op of a program, which ends it.
    fn end_of(&self, program: ProgramId) -> u32 {
        let next = self.model.programs.get(program.index() + 1);
        next.map_or(self.model.code.len() as u32, |next| next.entry) - 1
    }

    /// What the thread does next is no part of the job any more.
    fn stand_before_the_end(&mut self, thread: ThreadId, coroutine: bool) {
        let running = self.world.threads[thread].state == State::Running;
        if running {
            self.account(thread);
        }
        let state = &mut self.world.threads[thread];
        let after = |phase: Phase| match phase {
            // These have no GIL, or have given it up for a wait that has not begun.
            Phase::Submit(..) | Phase::Sleep(_) | Phase::Yield | Phase::Lock(_) | Phase::Socket(_) => Phase::Gil,
            Phase::Join(_) | Phase::Start(_) => Phase::Gil,
            other => other,
        };
        if coroutine {
            state.burst.then = match (state.burst.then, state.burst.kind) {
                // A request that is not submitted yet; the loop has kept the GIL.
                (Phase::Submit(..), CpuKind::Loop) => Phase::Step,
                (then, _) => after(then),
            };
            state.phase = after(state.phase);
            return;
        }
        let holds =
            self.world.processes[state.process.index()].gil.as_ref().is_none_or(|gil| gil.holder() == Some(thread));
        state.phase = match (state.phase, state.burst.kind) {
            (Phase::Burst, CpuKind::NoGil | CpuKind::System) => Phase::Gil,
            // It may have lost the GIL in the middle, and not noticed yet.
            (Phase::Burst, _) if !holds => Phase::Gil,
            (Phase::Burst, _) => Phase::Step,
            (phase, _) => after(phase),
        };
        state.burst.left = crate::time::Duration::ZERO;
        // An offer of the GIL in which it was is over.
        state.offers_until = crate::time::Time::ZERO;
    }

    /// A thread without a job has the defaults.
    fn lose_urgency(&mut self, thread: ThreadId) {
        if self.world.kernel.needs() != Needs::Nothing {
            let inherited = self.world.kernel.attributes(thread).inherited;
            let queued = self.world.threads[thread].state == State::Ready;
            self.world.kernel.describe_now(thread, Attributes { inherited, ..Attributes::DEFAULT }, queued);
        }
    }

    /// The lock that the context waits for or was woken to take.
    pub(super) fn lock_wanted_by(&self, context: ContextId) -> Option<LockId> {
        let state = &self.world.contexts[context];
        let thread = &self.world.threads[state.thread];
        match (state.waits, thread.phase, state.resume) {
            (Some((On::Lock(lock), _)), ..) => Some(lock),
            (_, Phase::Lock(lock), _) if thread.current == context => Some(lock),
            (_, _, Resume::Lock(lock)) if thread.current != context && state.woken => Some(lock),
            // It is on its way to ask again.
            _ if state.woken && thread.current == context => match self.model.code[state.pc as usize] {
                Op::Acquire { lock } | Op::Reenter { lock } => Some(lock),
                _ => None,
            },
            _ => None,
        }
    }

    /// It neither waits for the lock nor takes it when it runs; if it was woken for that, somebody else is.
    pub(super) fn leave_lock(&mut self, context: ContextId, lock: LockId) {
        let process = self.home_of_lock(context, lock);
        self.world.processes[process.index()].locks[lock.index()].leave(context);
        let state = &mut self.world.contexts[context];
        let woken = std::mem::take(&mut state.woken);
        let thread = state.thread;
        if state.waits.is_some_and(|(on, _)| on == On::Lock(lock)) {
            match self.world.threads[thread].current == context {
                true => self.wake(thread),
                false => self.make_ready(context),
            }
            self.lend_less(lock, process);
        } else if woken {
            self.wake_waiter(lock, process);
        }
    }
}
