//! The event loop of asyncio: `BaseEventLoop._run_once`.
//!
//! One iteration polls, collects what is ready and what is due, takes a snapshot of the ready queue, and runs exactly that
//! many handles. What they make ready runs in the next iteration, after another poll.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hash::{Hash, Hasher};

use crate::id::ContextId;
use crate::time::Time;

/// One loop. Handles are coroutines to resume.
#[derive(Clone, Debug, Default)]
pub struct EventLoop {
    ready: VecDeque<ContextId>,
    /// What the selector will report: completions and calls from other threads, in the order they happened.
    events: VecDeque<ContextId>,
    timers: BinaryHeap<Reverse<(Time, u64, ContextId)>>,
    timers_set: u64,
    snapshot: usize,
}

impl EventLoop {
    /// `call_soon`: from the loop's own thread.
    pub fn call_soon(&mut self, context: ContextId) {
        self.ready.push_back(context);
    }

    /// Something outside the loop makes the coroutine ready: seen by the next poll.
    pub fn notify(&mut self, context: ContextId) {
        self.events.push_back(context);
    }

    /// `call_at`.
    pub fn call_at(&mut self, at: Time, context: ContextId) {
        self.timers_set += 1;
        self.timers.push(Reverse((at, self.timers_set, context)));
    }

    /// How long the selector may sleep: not at all (`Some(now)`), until a timer, or without end (`None`).
    pub fn poll_until(&self, now: Time) -> Option<Time> {
        if !self.ready.is_empty() || !self.events.is_empty() {
            return Some(now);
        }
        self.timers.peek().map(|Reverse((at, ..))| *at)
    }

    /// After the poll: reported events, then due timers, join the ready queue. `due` hears of each due timer. Returns the
    /// snapshot: how many handles this iteration runs.
    pub fn collect(&mut self, now: Time, mut due: impl FnMut(ContextId)) -> usize {
        self.ready.append(&mut self.events);
        while let Some(Reverse((at, _, context))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            due(context);
            self.ready.push_back(context);
        }
        self.snapshot = self.ready.len();
        self.snapshot
    }

    /// The next handle of the snapshot.
    pub fn next_handle(&mut self) -> Option<ContextId> {
        self.snapshot = self.snapshot.checked_sub(1)?;
        let next = self.ready.pop_front();
        debug_assert!(next.is_some(), "handles are only added during an iteration");
        next
    }
}

impl Hash for EventLoop {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.ready, &self.events, self.snapshot).hash(state);
        let mut timers: Vec<_> = self.timers.iter().map(|Reverse(timer)| *timer).collect();
        timers.sort_unstable();
        for (at, _, context) in timers {
            (at, context).hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iteration_runs_its_snapshot_and_nothing_that_was_added_meanwhile() {
        let mut event_loop = EventLoop::default();
        event_loop.call_at(Time(5), ContextId(3));
        event_loop.notify(ContextId(2));
        event_loop.call_soon(ContextId(1));
        assert_eq!(event_loop.poll_until(Time(5)), Some(Time(5)));
        assert_eq!(event_loop.collect(Time(5), |_| ()), 3);
        event_loop.call_soon(ContextId(9));
        let order: Vec<u32> = std::iter::from_fn(|| event_loop.next_handle()).map(|context| context.0).collect();
        assert_eq!(order, [1, 2, 3]);
        assert_eq!(event_loop.collect(Time(6), |_| ()), 1);
    }
}
