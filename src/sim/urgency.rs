//! What the kernel is told of threads: the attributes of the jobs they carry, for policies that ask, and the cores that
//! they may run on.

use super::world::State;
use super::{Chooser, Sim};
use crate::id::{ContextId, JobId, ThreadId};
use crate::kernel::attributes::{Attributes, Needs};
use crate::time::{Duration, Time};
use crate::trace::Sink;

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// Remembers when the job arrived, for the threads that will carry it.
    #[inline]
    pub(super) fn note_arrival(&mut self, job: JobId) {
        if self.world.kernel.needs() != Needs::Nothing {
            self.note_birth(job);
        }
    }

    #[cold]
    fn note_birth(&mut self, job: JobId) {
        let work = &mut self.world.work;
        if work.births.len() <= job.index() {
            work.births.resize(job.index() + 1, (Time::ZERO, 0));
        }
        work.arrivals += 1;
        work.births[job.index()] = (self.world.now, work.arrivals);
    }

    /// The context has taken the job: its thread is as urgent as the job, unless it is a loop, which carries many.
    #[inline]
    pub(super) fn carry(&mut self, context: ContextId, job: JobId) {
        if self.world.kernel.needs() != Needs::Nothing && !self.world.contexts[context].coroutine {
            self.take_over(self.world.contexts[context].thread, job);
        }
        if self.world.kernel.is_spread() && !self.world.contexts[context].coroutine {
            let task = self.world.work.jobs[job].task;
            let affinity = self.world.work.tasks[task.index()].affinity;
            self.world.kernel.bind(self.world.contexts[context].thread, affinity);
        }
        if self.paced && !self.world.contexts[context].coroutine {
            self.work_on(self.world.contexts[context].thread, job);
        }
    }

    #[cold]
    fn take_over(&mut self, thread: ThreadId, job: JobId) {
        let id = self.world.work.jobs[job].task;
        let task = &self.model.tasks[id.index()];
        let (release, order) = self.world.work.births[job.index()];
        let urgency = task.urgency;
        // The thread may have become less urgent than one that waits.
        self.changed(thread);
        self.world.kernel.describe(
            thread,
            Attributes {
                priority: urgency.priority,
                nice: urgency.nice,
                tickets: urgency.tickets,
                slice: urgency.slice,
                release,
                task: id.0,
                order,
                deadline: task.relative_deadline().map_or(Time::NEVER, |deadline| release + deadline),
                period: task.period().unwrap_or(Duration::FOREVER),
                remaining: Duration::ZERO,
                inherited: self.world.kernel.attributes(thread).inherited,
            },
        );
    }

    /// The thread carries no job any more, or none yet.
    #[inline]
    pub(super) fn carry_nothing(&mut self, thread: ThreadId) {
        self.world.kernel.bind(thread, 0);
        if self.world.kernel.needs() != Needs::Nothing {
            self.changed(thread);
            // It may still hold locks.
            let inherited = self.world.kernel.attributes(thread).inherited;
            self.world.kernel.describe(thread, Attributes { inherited, ..Attributes::DEFAULT });
        }
    }

    #[cold]
    fn work_on(&mut self, thread: ThreadId, job: JobId) {
        let task = self.world.work.jobs[job].task;
        self.world.kernel.work_on(thread, self.model.tasks[task.index()].working_set);
        let state = &self.world.threads[thread];
        if let (State::Running, Some(core)) = (state.state, state.core) {
            self.world.kernel.enter(core, thread);
        }
    }

    fn changed(&mut self, thread: ThreadId) {
        self.unsettled = true;
        if let core @ Some(_) = self.world.threads[thread].core {
            self.world.kernel.touch(core);
        }
    }

    /// A spawned thread works for whatever its parent works for.
    pub(super) fn inherit(&mut self, child: ThreadId, parent: ThreadId) {
        self.world.kernel.bind_like(child, parent);
        if self.world.kernel.needs() != Needs::Nothing {
            let attributes = *self.world.kernel.attributes(parent);
            // It holds none of its parent's locks.
            self.world.kernel.describe(child, Attributes { inherited: u64::MAX, ..attributes });
        }
    }
}
