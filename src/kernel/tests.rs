//! Cores without a simulator.

use super::pace::Paces;
use super::*;
use crate::time::Duration;
use policy::{Joins, PolicyConfig, RoundRobin};

fn kernel(cores: u32) -> Kernel {
    let policy = &PolicyConfig::from(RoundRobin(Duration(10), Joins::ArrivalsFirst, Timer::Fresh));
    Kernel::new(&Setup {
        cores,
        policy,
        queues: Queues::Global,
        affinities: Vec::new(),
        interrupt: None,
        loses: Loses::default(),
        paces: &Paces::default(),
        alike: true,
        seed: 1,
    })
}

#[test]
fn a_thread_goes_back_to_its_core_or_to_the_lowest_free_one() {
    let mut kernel = kernel(70);
    assert_eq!(kernel.place(Some(CoreId(69))), Some(CoreId(69)));
    assert!(!kernel.occupy(CoreId(69), ThreadId(1)));
    assert_eq!(kernel.place(Some(CoreId(69))), Some(CoreId(0)));
    kernel.vacate(CoreId(69), Time(1));
    assert!(!kernel.occupy(CoreId(69), ThreadId(1)), "the same thread again is not a switch");
    kernel.vacate(CoreId(69), Time(1));
    assert!(kernel.occupy(CoreId(69), ThreadId(2)));
}

#[test]
fn slices_renew_while_nobody_waits() {
    let mut kernel = kernel(1);
    assert!(!kernel.occupy(CoreId(0), ThreadId(0)));
    kernel.start_slice(CoreId(0), Time(5));
    let ends = [5, 14, 15, 16, 25, 26].map(|now| kernel.slice_end(CoreId(0), Time(now)).0);
    assert_eq!(ends, [15, 15, 15, 25, 25, 35]);
}
