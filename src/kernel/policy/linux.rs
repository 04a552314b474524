//! What the fair schedulers of Linux have in common.

use serde::Deserialize;

use crate::time::{Duration, Time};

/// To what `sched_setattr` clamps the slice of a thread; `base_slice_ns` is taken as it is.
pub const LEAST_SLICE: Duration = Duration::us(100);
/// See [`LEAST_SLICE`].
pub const MOST_SLICE: Duration = Duration::ms(100);

/// Weight of nice 0: virtual time passes as fast as time.
pub const UNIT: u64 = 1_024;

/// By nice, from -20; each step is about a quarter more (`sched_prio_to_weight`).
const WEIGHTS: [u64; 40] = [
    88_761, 71_755, 56_483, 46_273, 36_291, 29_154, 23_254, 18_705, 14_949, 11_916, 9_548, 7_620, 6_100, 4_904, 3_906,
    3_121, 2_501, 1_991, 1_586, 1_277, 1_024, 820, 655, 526, 423, 335, 272, 215, 172, 137, 110, 87, 70, 56, 45, 36, 29,
    23, 18, 15,
];

/// The weight of a nice value.
pub fn weight(nice: i8) -> u64 {
    WEIGHTS[(i16::from(nice) + 20).clamp(0, 39) as usize]
}

/// What all lengths of time are multiplied by: 1 + log2 of the cores, at most 4 (`get_update_sysctl_factor`).
pub fn factor(cores: u32) -> u64 {
    1 + u64::from(cores.min(8).ilog2())
}

/// So much time is so much virtual time of a thread of this weight.
pub fn virtual_time(time: u64, weight: u64) -> u64 {
    if weight == UNIT { time } else { (u128::from(time) * u128::from(UNIT) / u128::from(weight)) as u64 }
}

/// The first tick at or after `now` and after `from`. Ticks come at the same times on all cores, from time 0 on.
pub fn next_tick(tick: u64, from: Time, now: Time) -> Time {
    Time(now.0.max(from.0.saturating_add(1)).div_ceil(tick).saturating_mul(tick))
}

/// When a thread that wakes and is the better one takes the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum WakeupPreemption {
    /// At once.
    #[default]
    On,
    /// Not before the slice of the other is over.
    Off,
    /// At the next tick (`PREEMPT_LAZY`, for a thread that does not enter the kernel in between).
    Lazy,
}

/// `CONFIG_HZ` 250.
pub fn tick() -> Duration {
    Duration::ms(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_nice_is_a_tenth_of_the_core() {
        let share = |nice: i8| weight(nice) as f64 / (weight(nice) + weight(nice + 1)) as f64;
        assert!((-20..19).all(|nice| (0.53..0.58).contains(&share(nice))));
        assert_eq!([weight(-20), weight(0), weight(19)], [88_761, 1_024, 15]);
        assert_eq!([1, 2, 3, 4, 7, 8, 64].map(factor), [1, 2, 2, 3, 3, 4, 4]);
    }

    #[test]
    fn ticks_are_on_a_grid() {
        let next = |from, now| next_tick(4, Time(from), Time(now)).0;
        assert_eq!([next(0, 0), next(0, 4), next(4, 4), next(3, 3), next(3, 9)], [4, 4, 8, 4, 12]);
    }
}
