//! Threads whose urgency changes wherever they stand, also in a run queue.

use super::Kernel;
use super::attributes::Attributes;
use super::policy::Policy;
use crate::id::ThreadId;

impl Kernel {
    /// The thread inherits this much urgency (see [`Attributes::inherited`]); `queued` if it is in the run queue.
    #[cold]
    pub fn lend(&mut self, thread: ThreadId, inherited: u64, queued: bool) {
        self.describe_now(thread, Attributes { inherited, ..*self.attributes(thread) }, queued);
    }

    /// Tells what a thread is like that may be in the run queue.
    #[cold]
    pub fn describe_now(&mut self, thread: ThreadId, attributes: Attributes, queued: bool) {
        self.describe(thread, attributes);
        match &mut self.spread {
            None => self.policy.update(thread, &attributes, queued),
            Some(spread) => spread.update(thread, &attributes, queued),
        }
    }
}
