//! The weighted average of virtual times, known at any moment although those of running threads grow.

use super::linux::UNIT;
use crate::time::Time;

/// Sums over all who compete.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub struct Average {
    /// Of weights.
    pub weight: u64,
    /// Of weight times virtual time, without what has not been settled.
    moment: i128,
    /// Who executes, and since when in all.
    executing: u64,
    since: u128,
    /// The average when there was one last.
    last: i64,
}

impl Average {
    /// The average.
    pub fn at(&self, now: Time) -> i64 {
        if self.weight == 0 {
            return self.last;
        }
        // Whatever the weight, core time times the unit is virtual time times the weight.
        let progress = u128::from(self.executing) * u128::from(now.0) - self.since;
        (self.moment + (progress * u128::from(UNIT)) as i128).div_euclid(i128::from(self.weight)) as i64
    }

    /// Somebody with this weight and virtual time competes.
    pub fn join(&mut self, weight: u64, time: i64) {
        self.weight += weight;
        self.moment += i128::from(weight) * i128::from(time);
    }

    /// Somebody who does not execute competes no longer.
    pub fn part(&mut self, weight: u64, time: i64, now: Time) {
        self.last = self.at(now);
        self.weight -= weight;
        self.moment -= i128::from(weight) * i128::from(time);
    }

    /// The virtual time of somebody is settled by so much.
    pub fn change(&mut self, weight: u64, by: i64) {
        self.moment += i128::from(weight) * i128::from(by);
    }

    /// Somebody executes from now on.
    pub fn start(&mut self, now: Time) {
        self.executing += 1;
        self.since += u128::from(now.0);
    }

    /// Somebody executed since then.
    pub fn stop(&mut self, since: Time) {
        self.executing -= 1;
        self.since -= u128::from(since.0);
    }
}
