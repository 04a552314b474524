//! Barriers, as `threading.Barrier` and `asyncio.Barrier` are: so many meet, then all go on, and the next round begins.

use crate::id::ContextId;

/// A meeting point.
#[derive(Clone, Debug, Hash)]
pub struct Barrier {
    parties: u32,
    /// Who has come in this round.
    waiters: Vec<ContextId>,
}

impl Barrier {
    /// For so many, at least 1.
    pub fn new(parties: u32) -> Barrier {
        Barrier { parties, waiters: Vec::new() }
    }

    /// The context has come. The last of a round does not wait: the others are added to `woken`.
    #[must_use = "a context that waits must not go on"]
    pub fn wait(&mut self, context: ContextId, woken: &mut Vec<ContextId>) -> bool {
        let last = self.waiters.len() + 1 >= self.parties as usize;
        if last {
            woken.append(&mut self.waiters);
        } else {
            self.waiters.push(context);
        }
        last
    }

    /// The context waits no more, and the round needs one more again.
    pub fn leave(&mut self, context: ContextId) {
        self.waiters.retain(|waiter| *waiter != context);
    }

    /// How many have come in this round, and how many it takes.
    pub fn come(&self) -> (usize, u32) {
        (self.waiters.len(), self.parties)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ContextId = ContextId(0);
    const B: ContextId = ContextId(1);
    const C: ContextId = ContextId(2);

    #[test]
    fn the_last_one_lets_all_go_and_a_new_round_begins() {
        let (mut barrier, mut woken) = (Barrier::new(3), Vec::new());
        assert!(!barrier.wait(A, &mut woken));
        assert!(!barrier.wait(B, &mut woken));
        assert!(barrier.wait(C, &mut woken));
        assert_eq!(woken, [A, B]);
        assert!(!barrier.wait(A, &mut woken));
        assert_eq!(barrier.come(), (1, 3));
        assert!(Barrier::new(1).wait(A, &mut woken));
    }
}
