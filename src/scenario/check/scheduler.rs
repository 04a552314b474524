//! E05: settings of scheduling policies that cannot be. What can be, each policy says itself.

use super::{Finding, Findings, Path, Subject};
use crate::kernel::policy::{At, Bounds};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let mut bounds = Bounds::default();
    subject.scenario.machine.scheduler.check(&mut bounds);
    for fault in bounds.faults {
        found.push(Finding::error("E05", fault.title, place(&fault.at), fault.label));
    }
    for (at, time) in bounds.times {
        super::times::length(time, &place(&at), found);
    }
}

fn place(at: &[At]) -> Path {
    at.iter().fold(Path::root().name("machine").name("scheduler"), |path, step| match step {
        At::Field(name) => path.name(name),
        At::Index(index) => path.index(*index),
    })
}
