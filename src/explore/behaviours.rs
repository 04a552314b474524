//! Which schedules are the same but for the order of steps that have nothing to do with each other: the classes of
//! happens-before. Two steps depend on each other if they are of one thread, or touch one thing and at least one changes it.

use super::packed::fold;
use super::step::Choice;

/// What a step touches, and whether it changes it.
pub(super) type Touched = (Option<(u8, u32)>, bool);

/// The class of one schedule, as a number that does not depend on the order of independent steps.
#[derive(Debug, Default)]
pub struct Behaviour {
    /// By thread: what happened before its last step, that included.
    threads: Vec<u64>,
    /// By thing: what happened before its last change, and before the looks at it since.
    things: Vec<((u8, u32), u64, u64)>,
}

impl Behaviour {
    pub(super) fn begin(&mut self) {
        self.threads.clear();
        self.things.clear();
    }

    pub(super) fn step(&mut self, choice: Choice, (thing, changes): Touched) {
        let thread = choice.thread as usize;
        if self.threads.len() <= thread {
            self.threads.resize(thread + 1, 0);
        }
        let mut event = fold(self.threads[thread] ^ fold(u64::from(choice.thread) << 16 | u64::from(choice.branch)));
        if let Some(thing) = thing {
            let place = self.things.iter().position(|(of, ..)| *of == thing).unwrap_or_else(|| {
                self.things.push((thing, 0, 0));
                self.things.len() - 1
            });
            let (_, changed, looked) = &mut self.things[place];
            event = fold(event ^ fold(*changed).wrapping_add(if changes { *looked } else { 0 }));
            if changes {
                (*changed, *looked) = (event, 0);
            } else {
                *looked = looked.wrapping_add(fold(event));
            }
        }
        self.threads[thread] = event;
    }

    /// The number of the class, up to an accident of one in 2^64.
    pub fn class(&self) -> u64 {
        self.threads.iter().fold(1, |sum, of| fold(sum ^ *of))
    }
}
