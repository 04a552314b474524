//! How many random numbers one execution of a program draws at most: decides how its draws are stored.

use std::collections::BTreeMap;

use super::{Model, Op};
use crate::id::WaitId;

/// Fills in `Program::draws`: the maximum over all paths, or `None` if a loop surrounds a draw.
pub(super) fn count(model: &mut Model) {
    let mut known = BTreeMap::new();
    for index in 0..model.programs.len() {
        let draws = from(model, model.programs[index].entry, 0, &mut known);
        model.programs[index].draws = draws;
    }
}

/// Draws of the code from `entry` to its `Return`; calls recurse, each program once. Any backward jump makes it unbounded.
fn from(model: &Model, entry: u32, depth: u32, known: &mut BTreeMap<u32, Option<u32>>) -> Option<u32> {
    if let Some(draws) = known.get(&entry) {
        return *draws;
    }
    if depth > 64 {
        return None;
    }
    let draws = if never_draws(model, entry, depth, known) { Some(0) } else { body(model, entry, depth, known) };
    known.insert(entry, draws);
    draws
}

/// The op behind the program that begins at `entry`.
fn end_of(model: &Model, entry: u32) -> u32 {
    let next = model.programs.partition_point(|program| program.entry <= entry);
    model.programs.get(next).map_or(model.code.len() as u32, |next| next.entry)
}

fn draws_of(model: &Model, wait: WaitId) -> u32 {
    let time = model.task_waits[wait.index()].time;
    u32::from(time.is_some_and(|time| model.dists[time.index()].is_random()))
}

/// Whether no op from here to the end of the program draws, whatever its loops do, nor one of those that it calls.
fn never_draws(model: &Model, entry: u32, depth: u32, known: &mut BTreeMap<u32, Option<u32>>) -> bool {
    model.code[entry as usize..end_of(model, entry) as usize].iter().all(|op| match op {
        Op::Compute { time, .. }
        | Op::Sleep { time }
        | Op::BeginTimeout { time }
        | Op::Mutate { time, .. }
        | Op::Collect { time } => !model.dists[time.index()].is_random(),
        Op::Io { device, time } => {
            !model.dists[time.unwrap_or(model.devices[device.index()].latency).index()].is_random()
        }
        Op::WaitTasks { wait } => draws_of(model, *wait) == 0,
        Op::CallBack { after, .. } => !after.is_some_and(|after| model.dists[after.index()].is_random()),
        Op::Choose { .. } => false,
        Op::Call { entry } => from(model, *entry, depth + 1, known) == Some(0),
        _ => true,
    })
}

fn body(model: &Model, entry: u32, depth: u32, known: &mut BTreeMap<u32, Option<u32>>) -> Option<u32> {
    let mut worst = 0u32;
    let mut at = entry as usize;
    // An exception leads elsewhere, to code behind this one.
    let first = model.regions.partition_point(|region| region.to <= entry);
    if model.regions.get(first).is_some_and(|region| region.from < end_of(model, entry)) {
        return None;
    }
    // Straight-line sum: branches of a `Choose` are counted one after the other, an upper bound that costs nothing
    // but unused words of a stream.
    loop {
        let draws = match model.code[at] {
            Op::Compute { time, .. }
            | Op::Sleep { time }
            | Op::BeginTimeout { time }
            | Op::Mutate { time, .. }
            | Op::Collect { time } => u32::from(model.dists[time.index()].is_random()),
            Op::Io { device, time } => {
                let time = time.unwrap_or(model.devices[device.index()].latency);
                u32::from(model.dists[time.index()].is_random())
            }
            Op::WaitTasks { wait } => draws_of(model, wait),
            Op::CallBack { after, .. } => u32::from(after.is_some_and(|after| model.dists[after.index()].is_random())),
            Op::Choose { .. } => 1,
            Op::Again { .. } => return None,
            Op::Jump { to } | Op::Branch { to, .. } if to as usize <= at => return None,
            Op::Call { entry } => from(model, entry, depth + 1, known)?,
            Op::Return => return Some(worst),
            _ => 0,
        };
        worst = worst.checked_add(draws)?;
        at += 1;
    }
}
