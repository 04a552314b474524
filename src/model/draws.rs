//! How many random numbers one execution of a program draws at most: decides how its draws are stored.

use super::{Model, Op};

/// Fills in `Program::draws`: the maximum over all paths, or `None` if a loop surrounds a draw.
pub(super) fn count(model: &mut Model) {
    for index in 0..model.programs.len() {
        let draws = from(model, model.programs[index].entry, 0);
        model.programs[index].draws = draws;
    }
}

/// Draws of the code from `at` to its `Return`; calls recurse. Any backward jump makes it unbounded.
fn from(model: &Model, entry: u32, depth: u32) -> Option<u32> {
    if depth > 64 {
        return None;
    }
    let mut worst = 0u32;
    let mut at = entry as usize;
    // Straight-line sum: branches of a `Choose` are counted one after the other, an upper bound that costs nothing
    // but unused words of a stream.
    loop {
        match model.code[at] {
            Op::Compute { time, .. } | Op::Sleep { time } => worst += u32::from(model.dists[time.index()].is_random()),
            Op::Io { device, time } => {
                let time = time.unwrap_or(model.devices[device.index()].latency);
                worst += u32::from(model.dists[time.index()].is_random());
            }
            Op::Choose { .. } => worst += 1,
            Op::Again { .. } => return None,
            Op::Jump { to } if to as usize <= at => return None,
            Op::Call { entry } => worst += from(model, entry, depth + 1)?,
            Op::Return => return Some(worst),
            _ => {}
        }
        at += 1;
    }
}
