//! The event loop of asyncio: `BaseEventLoop._run_once`.
//!
//! One iteration polls, collects what is ready and what is due, takes a snapshot of the ready queue, and runs exactly that
//! many handles. What they make ready runs in the next iteration, after another poll.

use std::collections::VecDeque;

use crate::engine::{Class, Due, Engine};
use crate::id::ContextId;
use crate::time::Time;
use crate::trace::Raised;

/// One loop.
#[derive(Clone, Debug, Default, Hash)]
pub struct EventLoop {
    ready: VecDeque<Handle>,
    /// How many of them are steps that a handle of this iteration has queued.
    steps: usize,
    /// What the selector can report: completions and calls from other threads, in the order they happened.
    events: VecDeque<ContextId>,
    /// How many of them the last poll has reported.
    reported: usize,
    timers: Engine,
    snapshot: usize,
    /// Whether there is anything in the self-pipe, and whether the last poll has reported that.
    pipe: bool,
    drains: bool,
    /// What [`Handle::Call`] stands for, in order.
    calls: VecDeque<Call>,
    /// Coroutines that stand still while one that they have created takes its first step, outermost first.
    creators: Vec<ContextId>,
    /// Its thread blocks between two handles.
    midway: bool,
}

/// What an iteration runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handle {
    /// The callback of an event or a timer: it sets the result of the future that the coroutine awaits. The future's own
    /// callback, the coroutine's next step, is queued with `call_soon` and runs in the next iteration.
    Wakeup(ContextId),
    /// The coroutine runs until it awaits again.
    Step(ContextId),
    /// Reads the self-pipe empty.
    Drain,
    /// The first of the calls that stand in a queue of their own.
    Call,
}

/// A callback that neither makes a coroutine ready nor is its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// A coroutine has ended that another one awaits together with others.
    Ended {
        /// Who awaits it.
        parent: ContextId,
        /// The how-many-th time that one awaits several.
        round: u32,
        /// The exception that it ended with.
        raised: Option<Raised>,
    },
    /// A timeout is over: the coroutine is cancelled.
    Expire {
        /// Whose it is.
        context: ContextId,
        /// Which of its timeouts.
        number: u32,
    },
    /// A thread of the executor is done with what nobody waits for any more.
    InVain,
}

/// A timer of a loop that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A sleep is over.
    Sleep(ContextId, u64),
    /// A timeout is over.
    Timeout(ContextId, u64),
    /// A callback is due, which is this context.
    Call(ContextId),
}

/// Tell timeouts and callbacks from sleeps in the numbers of timers: there are fewer coroutines than that.
const TIMEOUT: u32 = 1 << 23;
const CALL: u32 = 1 << 22;

impl Alarm {
    fn of(timer: Due) -> Alarm {
        let context = ContextId(timer.slot & !(TIMEOUT | CALL));
        match timer.slot & (TIMEOUT | CALL) {
            0 => Alarm::Sleep(context, timer.sequence),
            CALL => Alarm::Call(context),
            _ => Alarm::Timeout(context, timer.sequence),
        }
    }
}

impl EventLoop {
    /// `call_soon`, from the loop's own thread: the next step of the coroutine.
    pub fn call_soon(&mut self, context: ContextId) {
        self.ready.push_back(Handle::Step(context));
        self.steps += 1;
    }

    /// `call_soon`, of another callback.
    pub fn call(&mut self, call: Call) {
        self.ready.push_back(Handle::Call);
        self.calls.push_back(call);
    }

    /// What the present [`Handle::Call`] is.
    pub fn next_call(&mut self) -> Option<Call> {
        self.calls.pop_front()
    }

    /// Something outside the loop makes the coroutine ready: seen by the next poll.
    pub fn notify(&mut self, context: ContextId) {
        self.events.push_back(context);
    }

    /// `call_soon_threadsafe`: the future that the coroutine awaits gets its result, if there is one.
    pub fn call_threadsafe(&mut self, context: Option<ContextId>) {
        match context {
            Some(context) => self.ready.push_back(Handle::Wakeup(context)),
            None => self.call(Call::InVain),
        }
        self.pipe = true;
    }

    /// `call_soon_threadsafe`, of a callback that is this context.
    pub fn call_soon_threadsafe(&mut self, context: ContextId) {
        self.call_soon(context);
        self.pipe = true;
    }

    /// `call_later`, of a callback that is this context.
    pub fn call_later(&mut self, at: Time, context: ContextId) {
        self.timers.schedule(at, Class::Timer, context.0 | CALL);
    }

    /// What is in the self-pipe has been read.
    pub fn drain(&mut self) {
        self.pipe = false;
    }

    /// `call_at`, for a coroutine that sleeps. The number of the timer.
    pub fn call_at(&mut self, at: Time, context: ContextId) -> u64 {
        self.timers.schedule(at, Class::Timer, context.0)
    }

    /// `call_at`, for a timeout.
    pub fn expire_at(&mut self, at: Time, context: ContextId) -> u64 {
        self.timers.schedule(at, Class::Timer, context.0 | TIMEOUT)
    }

    /// Forgets the timers before the first that is `wanted`, as `_run_once` does with those that were cancelled.
    pub fn drop_timers(&mut self, wanted: impl Fn(Alarm) -> bool) {
        while self.timers.peek().is_some_and(|timer| !wanted(Alarm::of(timer))) {
            self.timers.pop();
        }
    }

    /// How long the selector may sleep: not at all (`Some(now)`), until a timer, or without end (`None`).
    pub fn poll_until(&self, now: Time) -> Option<Time> {
        if !self.ready.is_empty() || !self.events.is_empty() || self.pipe {
            return Some(now);
        }
        self.timers.peek().map(|timer| timer.time)
    }

    /// The poll returns: it reports what has happened so far. What happens before the loop has the GIL again is reported
    /// by the next one.
    pub fn report(&mut self) {
        self.reported = self.events.len();
        self.drains = self.pipe;
    }

    /// After the poll: reported events, then due timers, join the ready queue. `due` says of each due timer
    /// whether anybody still waits for it. Returns how
    /// many coroutines the snapshot of this iteration resumes.
    pub fn collect(&mut self, now: Time, mut due: impl FnMut(Alarm) -> bool) -> usize {
        let mut steps = std::mem::take(&mut self.steps);
        let reported = std::mem::take(&mut self.reported);
        if std::mem::take(&mut self.drains) {
            self.ready.push_back(Handle::Drain);
        }
        self.ready.extend(self.events.drain(..reported).map(Handle::Wakeup));
        while self.timers.next_time() <= now
            && let Some(timer) = self.timers.pop()
        {
            let alarm = Alarm::of(timer);
            if due(alarm) {
                match alarm {
                    Alarm::Sleep(context, _) => self.ready.push_back(Handle::Wakeup(context)),
                    Alarm::Call(context) => {
                        self.ready.push_back(Handle::Step(context));
                        steps += 1;
                    }
                    Alarm::Timeout(context, number) => self.call(Call::Expire { context, number: number as u32 }),
                }
            }
        }
        self.snapshot = self.ready.len();
        steps
    }

    /// A coroutine that this one has created takes its first step, inside of this one's.
    pub fn enter(&mut self, creator: ContextId) {
        self.creators.push(creator);
    }

    /// The present coroutine is left: whose step goes on, if it was inside of another one's.
    pub fn leave(&mut self) -> Option<ContextId> {
        self.creators.pop()
    }

    /// The thread of the loop is about to block, and then goes on with the next handle.
    pub fn stop_midway(&mut self) {
        self.midway = true;
    }

    /// Whether the loop is in the middle of its snapshot.
    pub fn is_midway(&self) -> bool {
        self.midway
    }

    /// The next handle of the snapshot.
    pub fn next_handle(&mut self) -> Option<Handle> {
        self.midway = false;
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
        assert_eq!(event_loop.collect(Time(5), |_| true), 1);
        event_loop.call_soon(ContextId(9));
        let [one, two, three] = [1, 2, 3].map(ContextId);
        assert_eq!(handles(&mut event_loop), [Handle::Step(one), Handle::Wakeup(two), Handle::Wakeup(three)]);
        assert_eq!(event_loop.collect(Time(6), |_| true), 1);
        assert_eq!(handles(&mut event_loop), [Handle::Step(ContextId(9))]);
    }

    #[test]
    fn an_event_after_the_return_of_the_poll_is_for_the_next_one() {
        let mut event_loop = EventLoop::default();
        event_loop.notify(ContextId(1));
        event_loop.report();
        event_loop.notify(ContextId(2));
        event_loop.collect(Time(5), |_| true);
        assert_eq!(handles(&mut event_loop), [Handle::Wakeup(ContextId(1))]);
        assert_eq!(event_loop.poll_until(Time(5)), Some(Time(5)), "the other one is still to be reported");
        event_loop.report();
        event_loop.collect(Time(5), |_| true);
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
        let note = |due: &mut Vec<u32>, alarm| {
            let Alarm::Sleep(context, _) = alarm else { return false };
            due.push(context.0);
            true
        };
        event_loop.collect(Time(4), |alarm| note(&mut due, alarm));
        assert_eq!(due, [] as [u32; 0]);
        event_loop.collect(Time(6), |alarm| note(&mut due, alarm));
        assert_eq!(due, [2, 3]);
        assert_eq!(event_loop.poll_until(Time(6)), Some(Time(6)), "their handles are ready");
    }

    #[test]
    fn a_timer_that_nobody_waits_for_wakes_nobody() {
        let mut event_loop = EventLoop::default();
        let first = event_loop.call_at(Time(5), ContextId(1));
        event_loop.expire_at(Time(6), ContextId(1));
        event_loop.drop_timers(|alarm| alarm != Alarm::Sleep(ContextId(1), first));
        assert_eq!(event_loop.poll_until(Time(1)), Some(Time(6)));
        event_loop.collect(Time(6), |alarm| alarm == Alarm::Timeout(ContextId(1), 2));
        assert_eq!(handles(&mut event_loop), [Handle::Call]);
        assert_eq!(event_loop.next_call(), Some(Call::Expire { context: ContextId(1), number: 2 }));
    }
}
