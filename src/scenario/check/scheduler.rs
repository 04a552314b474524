//! E05: parameters of scheduling policies that cannot be.

use super::{Finding, Findings, Path, Subject};
use crate::kernel::policy::PolicyConfig;
use crate::time::Duration;

/// Levels of a multi-level feedback queue.
const MOST_LEVELS: usize = 64;
/// Slices of a level before a thread sinks.
const MOST_SLICES: u32 = 1_000;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let path = Path::root().name("machine").name("scheduler");
    for (at, time) in times(&subject.scenario.machine.scheduler, &path) {
        if time == Duration::ZERO {
            let title = "a slice cannot be zero: nobody would ever run";
            found.push(Finding::error("E05", title, at, "such as \"4ms\""));
        } else {
            super::times::length(time, &at, found);
        }
    }
    if let PolicyConfig::Mlfq { quanta, allotments, .. } = &subject.scenario.machine.scheduler {
        levels(quanta, allotments, &path, found);
    }
}

/// The times in a policy, with their places.
fn times(policy: &PolicyConfig, path: &Path) -> Vec<(Path, Duration)> {
    match policy {
        PolicyConfig::RoundRobin(slice, _) | PolicyConfig::Lottery(slice, _) | PolicyConfig::Stride(slice, _) => {
            vec![(path.index(0), *slice)]
        }
        PolicyConfig::SchedRr { slice } => vec![(path.name("slice"), *slice)],
        PolicyConfig::Mlfq { quanta, boost, .. } => {
            let levels = quanta.iter().enumerate();
            let levels = levels.map(|(level, quantum)| (path.name("quanta").index(level), *quantum));
            levels.chain(boost.map(|boost| (path.name("boost"), boost))).collect()
        }
        _ => Vec::new(),
    }
}

fn levels(quanta: &[Duration], allotments: &[u32], path: &Path, found: &mut Findings) {
    if quanta.is_empty() || quanta.len() > MOST_LEVELS {
        let title = format!("there are 1 to {MOST_LEVELS} levels, each with a slice");
        found.push(Finding::error("E05", title, path.name("quanta"), "such as [\"10ms\", \"20ms\", \"40ms\"]"));
    }
    if !allotments.is_empty() && allotments.len() != quanta.len() {
        let title = format!("{} levels have {} allotments", quanta.len(), allotments.len());
        found.push(Finding::error("E05", title, path.name("allotments"), "one for each level, or leave it out"));
    }
    for (level, slices) in allotments.iter().enumerate() {
        if *slices == 0 || *slices > MOST_SLICES {
            let title = format!("an allotment is 1 to {MOST_SLICES} slices");
            found.push(Finding::error("E05", title, path.name("allotments").index(level), "such as 1"));
        }
    }
}
