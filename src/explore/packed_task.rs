//! What coroutines know of others, as bytes.

use super::packed::{Reader, put};
use super::state::{Abort, Call, Group, Task};
use crate::id::ProgramId;
use crate::trace::Together;

/// Kinds of groups by number.
const KINDS: [Together; 7] = [
    Together::Gather,
    Together::TaskGroup,
    Together::GatherAll,
    Together::Shield,
    Together::AllCompleted,
    Together::FirstCompleted,
    Together::FirstException,
];
const ABORTS: [Abort; 3] = [Abort::No, Abort::Asked, Abort::Done];

/// An exception, or none, as a number.
fn number(raised: Option<u32>) -> u64 {
    raised.map_or(0, |raised| u64::from(raised) + 1)
}

fn raised(number: u64) -> Option<u32> {
    (number as u32).checked_sub(1)
}

fn bits(bits: &[bool]) -> u64 {
    bits.iter().rev().fold(0, |sum, bit| sum << 1 | u64::from(*bit))
}

pub(super) fn pack_task(task: &Task, out: &mut Vec<u8>) {
    let Group { how, starting, live, failed, over, timed, abort } = task.group;
    put(out, bits(&[task.bond, task.named, starting, failed, over, timed]));
    let kind = how.map_or(0, |how| KINDS.iter().position(|kind| *kind == how).expect("all kinds are there") + 1);
    let abort = ABORTS.iter().position(|known| *known == abort).expect("all are there");
    put(out, (kind * ABORTS.len() + abort) as u64);
    put(out, number(task.pending));
    [u64::from(task.cancelling), u64::from(live), u64::from(task.spawning), u64::from(task.creates)]
        .into_iter()
        .for_each(|word| put(out, word));
    put(out, task.calls.len() as u64);
    for call in &task.calls {
        let word = match call {
            Call::Abort => 0,
            Call::Ended(raised) => number(*raised) + 1,
        };
        put(out, word);
    }
    put(out, task.ended.len() as u64);
    for (program, raised) in &task.ended {
        put(out, u64::from(program.0));
        put(out, number(*raised));
    }
}

pub(super) fn unpack_task(task: &mut Task, of: &mut Reader<'_>) {
    let flags = of.get();
    let flag = |place: u32| flags >> place & 1 == 1;
    (task.bond, task.named) = (flag(0), flag(1));
    let word = of.get() as usize;
    let how = (word / ABORTS.len()).checked_sub(1).map(|kind| KINDS[kind]);
    let abort = ABORTS[word % ABORTS.len()];
    task.pending = raised(of.get());
    task.cancelling = of.get() as u16;
    let live = of.get() as u32;
    (task.spawning, task.creates) = (of.get() as u32, of.get() as u16);
    task.group = Group { how, starting: flag(2), live, failed: flag(3), over: flag(4), timed: flag(5), abort };
    task.calls.clear();
    for _ in 0..of.get() {
        let call = of.get().checked_sub(1).map_or(Call::Abort, |word| Call::Ended(raised(word)));
        task.calls.push(call);
    }
    task.ended.clear();
    for _ in 0..of.get() {
        task.ended.push((ProgramId(of.get() as u32), raised(of.get())));
    }
}
