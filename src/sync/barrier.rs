//! Barriers, as `threading.Barrier` and `asyncio.Barrier` are: so many meet, then all go on. While they leave, nobody can come:
//! the next round begins when the last of them has left.

use std::collections::VecDeque;

use crate::id::ContextId;

/// A meeting point.
#[derive(Clone, Debug, Hash)]
pub struct Barrier {
    parties: u32,
    /// Who has come in this round, and whether it is to be woken.
    waiters: Vec<(ContextId, bool)>,
    /// Who can go on and has not left.
    leaving: VecDeque<ContextId>,
    /// Who wants to come and has to wait until they have left.
    early: Vec<ContextId>,
}

/// What a context gets that comes to a barrier, or does so again because it was woken.
#[must_use = "a context that waits must not go on"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Come {
    /// It waits for others, and then asks again.
    Waits,
    /// It is the last, and goes on.
    Last,
    /// It waits until those before it have left, and then asks again.
    Early,
    /// It was let go by the last, and has now left.
    Left,
}

impl Barrier {
    /// For so many, at least 1.
    pub fn new(parties: u32) -> Barrier {
        Barrier { parties, waiters: Vec::new(), leaving: VecDeque::new(), early: Vec::new() }
    }

    /// The context comes, or leaves. Who can ask again is added to `woken`.
    pub fn wait(&mut self, context: ContextId, woken: &mut Vec<ContextId>) -> Come {
        if !self.leaving.is_empty() {
            if self.leave(context, woken) {
                return Come::Left;
            }
            self.early.push(context);
            return Come::Early;
        }
        if self.waiters.len() + 1 < self.parties as usize {
            self.waiters.push((context, true));
            return Come::Waits;
        }
        for (waiter, wakes) in self.waiters.drain(..) {
            self.leaving.push_back(waiter);
            woken.extend(wakes.then_some(waiter));
        }
        Come::Last
    }

    /// The context is cancelled: it counts until it [leaves](Barrier::leave), and is not woken.
    pub fn cancel(&mut self, context: ContextId) {
        self.early.retain(|waiter| *waiter != context);
        if let Some((_, wakes)) = self.waiters.iter_mut().find(|(waiter, _)| *waiter == context) {
            *wakes = false;
        }
    }

    /// The context does not count any more: the round needs one more again, or the next one can begin. Whether it did.
    pub fn leave(&mut self, context: ContextId, woken: &mut Vec<ContextId>) -> bool {
        if let Some(place) = self.waiters.iter().position(|(waiter, _)| *waiter == context) {
            self.waiters.remove(place);
            return true;
        }
        let Some(place) = self.leaving.iter().position(|leaves| *leaves == context) else { return false };
        self.leaving.remove(place);
        if self.leaving.is_empty() {
            woken.append(&mut self.early);
        }
        true
    }

    /// How many have come in this round, and how many it takes.
    pub fn come(&self) -> (usize, u32) {
        (self.waiters.len(), self.parties)
    }

    /// How many have still to leave.
    pub fn leaving(&self) -> usize {
        self.leaving.len()
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
        assert_eq!([A, B, C].map(|context| barrier.wait(context, &mut woken)), [Come::Waits, Come::Waits, Come::Last]);
        assert_eq!(woken, [A, B]);
        assert_eq!([A, B].map(|context| barrier.wait(context, &mut woken)), [Come::Left, Come::Left]);
        assert_eq!(barrier.wait(A, &mut woken), Come::Waits);
        assert_eq!(barrier.come(), (1, 3));
        assert_eq!(Barrier::new(1).wait(A, &mut woken), Come::Last);
    }

    #[test]
    fn nobody_comes_while_others_leave() {
        let (mut barrier, mut woken) = (Barrier::new(2), Vec::new());
        assert_eq!([A, B, C].map(|context| barrier.wait(context, &mut woken)), [Come::Waits, Come::Last, Come::Early]);
        assert_eq!(barrier.wait(B, &mut woken), Come::Early);
        woken.clear();
        assert_eq!(barrier.wait(A, &mut woken), Come::Left);
        assert_eq!(woken, [C, B]);
        assert_eq!([C, A, B].map(|context| barrier.wait(context, &mut woken)), [Come::Waits, Come::Last, Come::Early]);
    }

    #[test]
    fn who_is_cancelled_counts_until_it_has_left() {
        let (mut barrier, mut woken) = (Barrier::new(2), Vec::new());
        assert_eq!(barrier.wait(A, &mut woken), Come::Waits);
        barrier.cancel(A);
        assert_eq!([B, C].map(|context| barrier.wait(context, &mut woken)), [Come::Last, Come::Early]);
        assert_eq!(woken, []);
        assert!(barrier.leave(A, &mut woken));
        assert_eq!(woken, [C]);
        assert_eq!(barrier.wait(C, &mut woken), Come::Waits);
        assert!(barrier.leave(C, &mut woken) && !barrier.leave(C, &mut woken));
        assert_eq!(barrier.come(), (0, 2));
    }
}
