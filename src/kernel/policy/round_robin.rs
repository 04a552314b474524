//! Round robin: every ready thread gets the same slice in turn. Who wakes joins the tail and preempts nobody.

use std::collections::VecDeque;

use super::{Entry, Policy, Ties, Why};
use crate::id::ThreadId;
use crate::time::Duration;

/// The ready threads in order, and the slice they all get.
#[derive(Clone, Debug, Hash)]
pub struct RoundRobin {
    slice: Duration,
    ties: Ties,
    queue: VecDeque<ThreadId>,
    /// Under `PreemptedFirst`: who became ready since the last end of a slice.
    unseen: VecDeque<ThreadId>,
}

impl RoundRobin {
    /// An empty queue.
    pub fn new(slice: Duration, ties: Ties) -> RoundRobin {
        RoundRobin { slice, ties, queue: VecDeque::new(), unseen: VecDeque::new() }
    }
}

impl RoundRobin {
    #[cold]
    fn enqueue_unseen(&mut self, thread: ThreadId, why: Why) {
        if matches!(why, Why::New | Why::Woken) {
            self.unseen.push_back(thread);
        } else {
            self.queue.push_back(thread);
            self.queue.append(&mut self.unseen);
        }
    }
}

impl Policy for RoundRobin {
    #[inline]
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        if self.ties == Ties::PreemptedFirst {
            self.enqueue_unseen(thread, entry.why);
        } else {
            self.queue.push_back(thread);
        }
    }

    fn pick(&mut self) -> Option<ThreadId> {
        if self.queue.is_empty() {
            self.queue.append(&mut self.unseen);
        }
        self.queue.pop_front()
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.unseen.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        Some(self.slice)
    }

    fn honors_yield(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry;
    use super::*;

    fn order(ties: Ties) -> Vec<u32> {
        let mut policy = RoundRobin::new(Duration(2), ties);
        policy.enqueue(ThreadId(1), entry(Why::Woken));
        policy.enqueue(ThreadId(0), entry(Why::Preempted));
        policy.enqueue(ThreadId(2), entry(Why::Woken));
        std::iter::from_fn(|| policy.pick()).map(|thread| thread.0).collect()
    }

    #[test]
    fn arrivals_during_a_slice_stand_before_or_behind_the_preempted_thread() {
        assert_eq!(order(Ties::ArrivalsFirst), [1, 0, 2]);
        assert_eq!(order(Ties::PreemptedFirst), [0, 1, 2]);
    }
}
