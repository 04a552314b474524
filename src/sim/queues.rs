//! The end of an instant where cores have run queues of their own, or threads are bound to cores.

use super::world::State;
use super::{Chooser, Sim};
use crate::id::{CoreId, ThreadId};
use crate::kernel::Move;
use crate::trace::{Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    /// As `settle`: queues are compared if that is due, free cores take threads, from other queues in the end; then threads
    /// take cores, and running threads get timers for the ends of their slices where somebody has come to wait. Whether
    /// anything was done.
    #[inline(never)]
    pub(super) fn settle_queues(&mut self) -> bool {
        let mut done = self.interrupt() | self.balance();
        done |= self.fill_cores();
        while let Some(moved) = self.world.kernel.steal(self.world.now) {
            self.note_move(moved, "nobody waits for this core, and others wait for other cores");
            self.fill_cores();
            done = true;
        }
        if !self.woken.is_empty() {
            self.preempt_for_woken();
            done = true;
        }
        while self.outcome.is_none()
            && let Some(core) = self.world.kernel.take_touched()
        {
            let threads = &self.world.threads;
            let executing = |thread: ThreadId| threads[thread].state == State::Running;
            if let Some(contended) = self.world.kernel.contended(core, self.world.now, executing) {
                self.replace(contended);
                self.world.kernel.touch(Some(core));
                done = true;
            } else if self.world.kernel.is_wanted(core)
                && let Some(thread) = self.world.kernel.occupant(core)
                && self.world.threads[thread].state == State::Running
            {
                self.arm(core, thread);
                done = true;
            }
        }
        if self.paced {
            done |= self.change_rates();
        }
        if self.world.kernel.has_own_timer() {
            done |= self.world.kernel.arm_own_timer(self.world.now);
        }
        done
    }

    /// The timer interrupt of all cores: every thread that executes goes to the tail of its queue, in the order of cores.
    fn interrupt(&mut self) -> bool {
        if !self.world.kernel.take_interrupt(self.world.now) {
            return false;
        }
        for core in (0..self.world.kernel.cores()).map(CoreId) {
            if let Some(thread) = self.world.kernel.occupant(core)
                && self.world.threads[thread].state == State::Running
            {
                self.account(thread);
                self.preempt(core, thread);
            }
        }
        true
    }

    fn fill_cores(&mut self) -> bool {
        let mut done = false;
        while self.outcome.is_none()
            && let Some((core, thread)) = self.world.kernel.next_dispatch()
        {
            if self.sink.explains() {
                self.explain_dispatch(core, thread);
            }
            self.dispatch(core, thread);
            done = true;
        }
        done
    }

    fn balance(&mut self) -> bool {
        let Some((from, to, threads)) = self.world.kernel.start_balance(self.world.now) else { return false };
        for _ in 0..threads {
            let Some(moved) = self.world.kernel.even_out(from, to, self.world.now) else { break };
            self.note_move(moved, "queues are compared, and that of another core is longer");
        }
        true
    }

    fn note_move(&mut self, Move { thread, to }: Move, because: &str) {
        self.note(What::Migrate { thread, core: to });
        if self.sink.explains() {
            self.explain_move(to, thread, because.to_owned());
        }
    }
}
