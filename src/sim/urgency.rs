//! What the kernel is told of threads: the attributes of the jobs they carry. Only for policies that ask.

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
        if self.world.kernel.needs() != Needs::Nothing {
            self.changed(thread);
            // It may still hold locks.
            let inherited = self.world.kernel.attributes(thread).inherited;
            self.world.kernel.describe(thread, Attributes { inherited, ..Attributes::DEFAULT });
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
        if self.world.kernel.needs() != Needs::Nothing {
            let attributes = *self.world.kernel.attributes(parent);
            // It holds none of its parent's locks.
            self.world.kernel.describe(child, Attributes { inherited: u64::MAX, ..attributes });
        }
    }
}
