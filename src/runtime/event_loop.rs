//! The event loop of asyncio: `BaseEventLoop._run_once`.
//!
//! One iteration polls, collects what is ready and what is due, takes a snapshot of the ready queue, and runs exactly that
//! many handles. What they make ready runs in the next iteration, after another poll.

use std::collections::VecDeque;

use crate::engine::{Class, Engine};
use crate::id::ContextId;
use crate::time::Time;

/// One loop.
#[derive(Clone, Debug, Default, Hash)]
pub struct EventLoop {
    ready: VecDeque<Handle>,
    /// What the selector can report: completions and calls from other threads, in the order they happened.
    events: VecDeque<ContextId>,
    /// How many of them the last poll has reported.
    reported: usize,
    timers: Engine,
    snapshot: usize,
}

/// What an iteration runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// The callback of an event or a timer: it sets the result of the future that the coroutine awaits. The future's own
    /// callback, the coroutine's next step, is queued with `call_soon` and runs in the next iteration.
    Wakeup(ContextId),
    /// The coroutine runs until it awaits again.
    Step(ContextId),
}

impl EventLoop {
    /// `call_soon`, from the loop's own thread: the next step of the coroutine.
    pub fn call_soon(&mut self, context: ContextId) {
        self.ready.push_back(Handle::Step(context));
    }

    /// Something outside the loop makes the coroutine ready: seen by the next poll.
    pub fn notify(&mut self, context: ContextId) {
        self.events.push_back(context);
    }

    /// `call_at`.
    pub fn call_at(&mut self, at: Time, context: ContextId) {
        self.timers.schedule(at, Class::Timer, context.0);
    }

    /// How long the selector may sleep: not at all (`Some(now)`), until a timer, or without end (`None`).
    pub fn poll_until(&self, now: Time) -> Option<Time> {
        if !self.ready.is_empty() || !self.events.is_empty() {
            return Some(now);
        }
        self.timers.peek().map(|timer| timer.time)
    }

    /// The poll returns: it reports what has happened so far. What happens before the loop has the GIL again is reported
    /// by the next one.
    pub fn report(&mut self) {
        self.reported = self.events.len();
    }

    /// After the poll: reported events, then due timers, join the ready queue. `due` hears of each due timer. Returns how
    /// many coroutines the snapshot of this iteration resumes.
    pub fn collect(&mut self, now: Time, mut due: impl FnMut(ContextId)) -> usize {
        // Whatever is in the queue now was put there by a handle of the iteration before: a step.
        let steps = self.ready.len();
        let reported = std::mem::take(&mut self.reported);
        self.ready.extend(self.events.drain(..reported).map(Handle::Wakeup));
        while self.timers.next_time() <= now
            && let Some(timer) = self.timers.pop()
        {
            let context = ContextId(timer.slot);
            due(context);
            self.ready.push_back(Handle::Wakeup(context));
        }
        self.snapshot = self.ready.len();
        steps
    }

    /// The next handle of the snapshot.
    pub fn next_handle(&mut self) -> Option<Handle> {
        self.snapshot = self.snapshot.checked_sub(1)?;
        let next = self.ready.pop_front();
        debug_assert!(next.is_some(), "handles are only added during an iteration");
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handles(event_loop: &mut EventLoop) -> Vec<Handle> {
        std::iter::from_fn(|| event_loop.next_handle()).collect()
    }

    #[test]
    fn an_iteration_runs_its_snapshot_and_nothing_that_was_added_meanwhile() {
        let mut event_loop = EventLoop::default();
        event_loop.call_at(Time(5), ContextId(3));
        event_loop.notify(ContextId(2));
        event_loop.call_soon(ContextId(1));
        assert_eq!(event_loop.poll_until(Time(5)), Some(Time(5)));
        event_loop.report();
        assert_eq!(event_loop.collect(Time(5), |_| ()), 1);
        event_loop.call_soon(ContextId(9));
        let [one, two, three] = [1, 2, 3].map(ContextId);
        assert_eq!(handles(&mut event_loop), [Handle::Step(one), Handle::Wakeup(two), Handle::Wakeup(three)]);
        assert_eq!(event_loop.collect(Time(6), |_| ()), 1);
        assert_eq!(handles(&mut event_loop), [Handle::Step(ContextId(9))]);
    }

    #[test]
    fn an_event_after_the_return_of_the_poll_is_for_the_next_one() {
        let mut event_loop = EventLoop::default();
        event_loop.notify(ContextId(1));
        event_loop.report();
        event_loop.notify(ContextId(2));
        event_loop.collect(Time(5), |_| ());
        assert_eq!(handles(&mut event_loop), [Handle::Wakeup(ContextId(1))]);
        assert_eq!(event_loop.poll_until(Time(5)), Some(Time(5)), "the other one is still to be reported");
        event_loop.report();
        event_loop.collect(Time(5), |_| ());
        assert_eq!(handles(&mut event_loop), [Handle::Wakeup(ContextId(2))]);
    }

    #[test]
    fn a_timer_is_due_at_its_time_and_not_before() {
        let mut event_loop = EventLoop::default();
        event_loop.call_at(Time(7), ContextId(1));
        event_loop.call_at(Time(5), ContextId(2));
        event_loop.call_at(Time(5), ContextId(3));
        assert_eq!(event_loop.poll_until(Time(1)), Some(Time(5)));
        let mut due = Vec::new();
        event_loop.collect(Time(4), |context| due.push(context.0));
        assert_eq!(due, [] as [u32; 0]);
        event_loop.collect(Time(6), |context| due.push(context.0));
        assert_eq!(due, [2, 3]);
        assert_eq!(event_loop.poll_until(Time(6)), Some(Time(6)), "their handles are ready");
    }
}
