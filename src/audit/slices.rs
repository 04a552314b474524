//! When the slice began that a core is in: with the dispatch, or with what was left of the slice before it.

use crate::id::CoreId;
use crate::kernel::policy::Timer;
use crate::model::Machine;
use crate::time::Time;
use crate::trace::{Record, What};

/// The slices of all cores.
#[derive(Debug)]
pub(super) struct Slices {
    timer: Timer,
    began: Vec<Time>,
    /// What is over of the next one, in nanoseconds.
    used: Vec<u64>,
}

impl Slices {
    pub fn new(machine: &Machine) -> Slices {
        let cores = machine.cores as usize;
        Slices { timer: machine.policy.timer(), began: vec![Time::ZERO; cores], used: vec![0; cores] }
    }

    pub fn record(&mut self, record: &Record) {
        match record.what {
            What::Run { core, .. } if core.index() < self.used.len() => {
                let used = std::mem::take(&mut self.used[core.index()]);
                self.began[core.index()] = Time(record.time.0.saturating_sub(used));
            }
            What::Block { core, .. } | What::ThreadEnd { core, .. }
                if self.timer == Timer::Inherited && core.index() < self.used.len() =>
            {
                self.used[core.index()] = record.time.0.saturating_sub(self.began[core.index()].0);
            }
            _ => {}
        }
    }

    /// When the slice of the core began.
    pub fn began(&self, core: CoreId) -> Time {
        self.began[core.index()]
    }

    /// Whether the timer goes off on a thread that is alone, too.
    pub fn interrupt_into_themselves(&self) -> bool {
        self.timer == Timer::Inherited
    }

    /// The first end of a slice after both the wait and the run began.
    pub fn end_after(&self, core: CoreId, slice: u64, wait: Time, run: Time) -> u64 {
        let began = self.began(core).0;
        let after = wait.0.max(run.0) - began;
        let slices = match self.timer {
            Timer::Fresh => after / slice + 1,
            // Its timer is set whether anybody waits or not.
            Timer::Inherited => after.div_ceil(slice).max(1),
        };
        began.saturating_add(slices.saturating_mul(slice))
    }
}
