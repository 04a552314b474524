//! First come, first served: a thread keeps its core until it blocks or ends; in the cooperative form also until it yields.

use std::collections::VecDeque;

use super::{Policy, Why};
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
    fn enqueue(&mut self, thread: ThreadId, _: Why) {
        self.queue.push_back(thread);
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_front()
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }

    fn slice(&self) -> Option<Duration> {
        None
    }

    fn honors_yield(&self) -> bool {
        self.cooperative
    }
}
