//! Condition variables, as `threading.Condition` and `asyncio.Condition` are: a queue for notifications, and nothing else.
//! A notification that nobody waits for is lost. The lock is a lock of its own: who waits releases it before and takes it
//! again after.

use std::collections::VecDeque;

use crate::id::ContextId;

/// Who waits for a notification.
#[derive(Clone, Debug, Default, Hash)]
pub struct Condition {
    waiters: VecDeque<ContextId>,
}

impl Condition {
    /// The context waits for a notification.
    pub fn wait(&mut self, context: ContextId) {
        self.waiters.push_back(context);
    }

    /// The context waits no more.
    pub fn leave(&mut self, context: ContextId) {
        self.waiters.retain(|waiter| *waiter != context);
    }

    /// The longest `most` waiters go on: they are added to `woken`.
    pub fn notify(&mut self, most: u32, woken: &mut Vec<ContextId>) {
        let count = self.waiters.len().min(most as usize);
        woken.extend(self.waiters.drain(..count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_waiters_are_notified_and_the_rest_of_a_notification_is_lost() {
        let (mut condition, mut woken) = (Condition::default(), Vec::new());
        condition.notify(1, &mut woken);
        assert_eq!(woken, []);
        for context in [3, 1, 2].map(ContextId) {
            condition.wait(context);
        }
        condition.notify(2, &mut woken);
        assert_eq!(woken, [3, 1].map(ContextId));
        woken.clear();
        condition.notify(u32::MAX, &mut woken);
        assert_eq!(woken, [ContextId(2)]);
    }
}
