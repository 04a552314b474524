//! First come, first served: a thread keeps its core until it blocks or ends; in the cooperative form also until it yields.

use std::collections::VecDeque;

use super::{Entry, Policy};
use crate::id::ThreadId;
use crate::time::Duration;

/// The ready threads in order of arrival.
#[derive(Clone, Debug, Hash)]
pub struct FirstCome {
    cooperative: bool,
    queue: VecDeque<ThreadId>,
}

impl FirstCome {
    /// An empty queue; `cooperative` threads can give way.
    pub fn new(cooperative: bool) -> FirstCome {
        FirstCome { cooperative, queue: VecDeque::new() }
    }
}

impl Policy for FirstCome {
    fn enqueue(&mut self, thread: ThreadId, _: Entry<'_>) {
        self.queue.push_back(thread);
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_front()
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        None
    }

    fn honors_yield(&self) -> bool {
        self.cooperative
    }
}
