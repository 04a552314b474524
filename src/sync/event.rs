//! Events, as `threading.Event` and `asyncio.Event` are: a flag for which any number wait.

use crate::id::ContextId;

/// The flag, and who waits for it.
#[derive(Clone, Debug, Default, Hash)]
pub struct Event {
    set: bool,
    /// Longest first.
    waiters: Vec<ContextId>,
}

impl Event {
    /// Whether the flag is set; else the context waits until it is.
    #[must_use = "a context that waits must not go on"]
    pub fn wait(&mut self, context: ContextId) -> bool {
        if !self.set {
            self.waiters.push(context);
        }
        self.set
    }

    /// The context waits no more.
    pub fn leave(&mut self, context: ContextId) {
        self.waiters.retain(|waiter| *waiter != context);
    }

    /// Sets the flag. All who wait go on, even if it is cleared before they run: they are added to `woken`.
    pub fn set(&mut self, woken: &mut Vec<ContextId>) {
        self.set = true;
        woken.append(&mut self.waiters);
    }

    /// Who waits from now on waits for the next `set`.
    pub fn clear(&mut self) {
        self.set = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ContextId = ContextId(0);
    const B: ContextId = ContextId(1);

    #[test]
    fn all_go_on_at_once_and_once() {
        let (mut event, mut woken) = (Event::default(), Vec::new());
        assert!(!event.wait(A));
        assert!(!event.wait(B));
        event.set(&mut woken);
        assert_eq!(woken, [A, B]);
        assert!(event.wait(A), "it is set");
        event.clear();
        assert!(!event.wait(B));
        woken.clear();
        event.set(&mut woken);
        assert_eq!(woken, [B]);
    }
}
