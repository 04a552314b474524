//! Interpreter locks, as one state machine with parameters: [`Rules`] say when a holder must let go, what it does then, and
//! what any other release does. CPython's from 3.2 on is `take_gil` and `drop_gil` of `Python/ceval_gil.c`.
//!
//! With [`Release::Signal`] nothing is handed over: a release wakes one waiter, and whoever asks first once it runs gets the
//! lock. With [`Turn::Asked`] a waiter that has waited a whole switch interval without seeing a switch asks the holder to
//! drop; the holder does so at its next check point and then waits until somebody else has taken the lock.

use std::collections::VecDeque;

use crate::id::ThreadId;
use crate::time::{Duration, Time};

/// How a lock changes hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// When a holder that executes interpreted code must let go.
    pub turn: Turn,
    /// What it does then.
    pub forced: Forced,
    /// What every other release does: before a wait, around native code, at the end of a thread.
    pub release: Release,
}

impl Rules {
    /// CPython from 3.2 on, with this switch interval.
    pub fn switching(interval: Duration) -> Rules {
        Rules { turn: Turn::Asked(interval), forced: Forced::WaitForSwitch, release: Release::Signal }
    }

    /// The time that the lock's turns are counted in.
    pub fn interval(&self) -> Duration {
        match self.turn {
            Turn::Asked(time) | Turn::Quantum(time) | Turn::Counted(time) | Turn::Tick(time) => time,
        }
    }
}

/// When a holder must let go, if others wait: at its first check point after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Turn {
    /// A waiter has waited so long without seeing a switch, and asks.
    Asked(Duration),
    /// It has held the lock so long while somebody waited, says a timer.
    Quantum(Duration),
    /// The same, but it counts its own bytecodes: the end of the turn is a check point.
    Counted(Duration),
    /// A clock that strikes so often has struck.
    Tick(Duration),
}

/// What a holder does that must let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forced {
    /// It releases the lock and waits until somebody else has taken it.
    WaitForSwitch,
    /// It wakes the longest waiter, which takes it `signal` of core time, and takes the lock again at once. The lock is open
    /// during the signal, and for `window` of each turn: who asks then gets it.
    TakeAgain { signal: Duration, window: Duration },
    /// It releases the lock, wakes the longest waiter and waits behind the others.
    Queue,
    /// It hands the lock to the longest waiter and waits behind the others.
    HandOver,
}

/// What a release does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Release {
    /// It wakes the longest waiter; the lock is free until somebody takes it.
    Signal,
    /// The lock belongs to the longest waiter from now on.
    HandOver,
    /// It wakes nobody. The longest waiter looks so often whether the lock is free.
    Poll(Duration),
}

/// One lock.
#[derive(Clone, Debug, Hash)]
pub struct Gil {
    rules: Rules,
    holder: Option<ThreadId>,
    last_holder: Option<ThreadId>,
    switches: u64,
    /// When the holder took it.
    taken: Time,
    /// When a waiter asked the holder to drop, if one did.
    requested: Option<Time>,
    /// Waiters and when they came, longest wait first.
    waiters: VecDeque<(ThreadId, Time)>,
    /// A thread that was made to drop the lock and waits until another takes it.
    forced_out: Option<ThreadId>,
    /// To whom the lock was handed over.
    heir: Option<ThreadId>,
    /// Who found the lock free when it looked, and is on its way. Nobody else looks meanwhile.
    looker: Option<ThreadId>,
}

/// What a thread that asks for the lock gets.
#[must_use = "a thread that did not get the GIL must wait"]
pub enum Take {
    /// The lock. Wake the thread that was forced out, if there is one.
    Taken { wake: Option<ThreadId> },
    /// It is held, and the thread waits; `seen` identifies the tenure that is waited for.
    Held { seen: u64 },
}

/// Why a lock is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The holder waits for something, or executes native code.
    Leaves,
    /// It must let go.
    Forced,
    /// It ends.
    Ends,
}

/// What follows from a release.
#[must_use = "a waiter may have to be woken"]
pub struct Released {
    /// Who is next.
    pub next: Next,
    /// Whether the releaser must wait until another thread takes the lock.
    pub wait_for_switch: bool,
}

/// Who comes after a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nobody waits.
    Nobody,
    /// One of so many waiters, which is to be woken; see [`Gil::signal`].
    Signal(usize),
    /// This one, which is to be woken: the lock is its own.
    Heir(ThreadId),
    /// This one, when it next looks; see [`Gil::looks`].
    Poll(ThreadId, Time),
}

impl Gil {
    /// A free lock.
    pub fn new(rules: Rules) -> Gil {
        Gil {
            rules,
            holder: None,
            last_holder: None,
            switches: 0,
            taken: Time::ZERO,
            requested: None,
            waiters: VecDeque::new(),
            forced_out: None,
            heir: None,
            looker: None,
        }
    }

    /// How it changes hands.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Who holds the lock.
    pub fn holder(&self) -> Option<ThreadId> {
        self.holder
    }

    /// When the present holder has to let go: `check_point` is how long after the end of its turn its next check point comes.
    #[inline]
    pub fn due(&self, check_point: Duration) -> Option<Time> {
        match self.rules.turn {
            Turn::Asked(_) => Some(self.requested? + check_point),
            _ => self.end_of_turn(check_point),
        }
    }

    fn end_of_turn(&self, check_point: Duration) -> Option<Time> {
        let since = self.waiters.front()?.1.max(self.taken);
        Some(match self.rules.turn {
            Turn::Asked(_) => return None,
            Turn::Quantum(time) => since + time + check_point,
            Turn::Counted(time) => since + time,
            Turn::Tick(tick) => Time((since.0 / tick.0 + 1).saturating_mul(tick.0)) + check_point,
        })
    }

    /// The thread, running, asks for the lock. If it must wait, it stands behind the others, or again `first` after it looked
    /// in vain.
    pub fn take(&mut self, thread: ThreadId, now: Time, first: bool) -> Take {
        debug_assert!(self.holder != Some(thread), "{thread:?} takes the GIL twice");
        if first {
            self.looker = None;
        }
        if self.holder.is_some() || self.heir.is_some_and(|heir| heir != thread) {
            match self.rules.release {
                Release::Poll(_) if first => self.waiters.push_front((thread, now)),
                _ => self.waiters.push_back((thread, now)),
            }
            return Take::Held { seen: self.switches };
        }
        self.holder = Some(thread);
        self.heir = None;
        self.taken = now;
        self.requested = None;
        if self.last_holder == Some(thread) {
            return Take::Taken { wake: None };
        }
        self.last_holder = Some(thread);
        self.switches += 1;
        Take::Taken { wake: self.forced_out.take() }
    }

    /// The holder gives the lock up.
    pub fn release(&mut self, thread: ThreadId, why: Why, now: Time) -> Released {
        debug_assert!(self.holder == Some(thread), "{thread:?} releases a GIL it does not hold");
        self.holder = None;
        let requested = self.requested.take().is_some();
        // A waiter has asked: also a release for another reason makes way for it.
        let wait_for_switch = requested && why != Why::Ends;
        if wait_for_switch {
            debug_assert!(self.forced_out.is_none(), "only a holder can be forced out");
            self.forced_out = Some(thread);
        }
        if why == Why::Ends && self.last_holder == Some(thread) {
            // Its number will be used again by another thread.
            self.last_holder = None;
        }
        Released { next: self.next(why, now), wait_for_switch }
    }

    fn next(&mut self, why: Why, now: Time) -> Next {
        let Some((first, since)) = self.waiters.front().copied() else { return Next::Nobody };
        let handed =
            self.rules.release == Release::HandOver || why == Why::Forced && self.rules.forced == Forced::HandOver;
        match self.rules.release {
            _ if handed => {
                self.waiters.pop_front();
                self.heir = Some(first);
                Next::Heir(first)
            }
            Release::Poll(_) if self.looker.is_some() => Next::Nobody,
            Release::Poll(every) => {
                let looks = now.since(since).0 / every.0 + 1;
                Next::Poll(first, since + Duration(looks.saturating_mul(every.0)))
            }
            _ => Next::Signal(self.waiters.len()),
        }
    }

    /// The holder begins a new turn and wakes one of the waiters, whose number is returned.
    pub fn offer(&mut self, now: Time) -> usize {
        self.taken = now;
        self.waiters.len()
    }

    /// The holder, which left the lock open for a moment, finds that another thread was faster.
    pub fn lose(&mut self) {
        self.holder = None;
    }

    /// The thread waits behind the others.
    pub fn queue(&mut self, thread: ThreadId, now: Time) {
        self.waiters.push_back((thread, now));
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// The `n`-th longest waiter stops waiting: it is woken by a release.
    pub fn signal(&mut self, n: usize) -> Option<ThreadId> {
        self.waiters.remove(n).map(|(waiter, _)| waiter)
    }

    /// The thread's timed wait is over, or it looks whether the lock is free. Whether it stops waiting.
    pub fn looks(&mut self, thread: ThreadId) -> bool {
        let polls = matches!(self.rules.release, Release::Poll(_));
        if polls && (self.holder.is_some() || self.heir.is_some()) {
            return false;
        }
        self.looker = Some(thread).filter(|_| polls);
        // The longest waiter times out first, so this looks at one entry.
        if let Some(place) = self.waiters.iter().position(|(waiter, _)| *waiter == thread) {
            self.waiters.remove(place);
        }
        true
    }

    /// The thread timed out and now runs. If waiters ask, and no switch has happened since it began to wait for the tenure
    /// `seen`, it asks the holder to drop the lock; that holder is returned.
    pub fn request(&mut self, seen: u64, now: Time) -> Option<ThreadId> {
        let holder = self.holder?;
        if self.switches != seen || !matches!(self.rules.turn, Turn::Asked(_)) {
            return None;
        }
        if self.requested.is_none() {
            self.requested = Some(now);
        }
        Some(holder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ThreadId = ThreadId(0);
    const B: ThreadId = ThreadId(1);
    const C: ThreadId = ThreadId(2);

    fn switching() -> Gil {
        Gil::new(Rules::switching(Duration::ms(5)))
    }

    fn taken(take: Take) -> bool {
        matches!(take, Take::Taken { .. })
    }

    fn ask(gil: &mut Gil, thread: ThreadId, now: u64) -> bool {
        taken(gil.take(thread, Time(now), false))
    }

    #[test]
    fn a_release_hands_nothing_over() {
        let mut gil = switching();
        assert!(ask(&mut gil, A, 0));
        assert!(!ask(&mut gil, B, 0));
        let released = gil.release(A, Why::Leaves, Time(1));
        assert_eq!((released.next, released.wait_for_switch), (Next::Signal(1), false));
        assert_eq!(gil.signal(0), Some(B));
        assert!(ask(&mut gil, A, 1), "the releaser may barge in before the waiter runs");
        assert!(!ask(&mut gil, B, 2));
    }

    #[test]
    fn a_forced_drop_waits_until_another_thread_takes_the_lock() {
        let mut gil = switching();
        assert!(ask(&mut gil, A, 0));
        let Take::Held { seen } = gil.take(B, Time(0), false) else { panic!("the lock is held") };
        assert!(gil.looks(B));
        assert_eq!(gil.request(seen, Time(5)), Some(A));
        assert_eq!(gil.due(Duration(7)), Some(Time(12)));
        assert!(!ask(&mut gil, B, 5));
        assert!(gil.release(A, Why::Forced, Time(12)).wait_for_switch);
        assert_eq!(gil.signal(0), Some(B));
        let Take::Taken { wake } = gil.take(B, Time(13), false) else { panic!("the lock is free") };
        assert_eq!(wake, Some(A));
        assert_eq!(gil.due(Duration::ZERO), None);
    }

    #[test]
    fn a_request_is_not_made_if_a_switch_was_seen() {
        let mut gil = switching();
        assert!(ask(&mut gil, A, 0));
        let Take::Held { seen } = gil.take(B, Time(0), false) else { panic!("the lock is held") };
        let _ = gil.release(A, Why::Leaves, Time(1));
        assert!(ask(&mut gil, C, 1));
        assert_eq!(gil.request(seen, Time(5)), None);
    }

    #[test]
    fn a_lock_that_is_handed_over_is_nobody_elses() {
        let turn = Turn::Quantum(Duration(100));
        let mut gil = Gil::new(Rules { turn, forced: Forced::HandOver, release: Release::HandOver });
        assert!(ask(&mut gil, A, 0));
        assert_eq!(gil.due(Duration(1)), None, "nobody waits");
        assert!(!ask(&mut gil, B, 30));
        assert_eq!(gil.due(Duration(1)), Some(Time(131)), "a quantum since somebody waits");
        assert_eq!(gil.release(A, Why::Leaves, Time(50)).next, Next::Heir(B));
        assert!(!ask(&mut gil, A, 50), "no barging");
        assert!(ask(&mut gil, B, 60));
        assert_eq!(gil.due(Duration(1)), Some(Time(161)), "and since it has the lock");
    }

    #[test]
    fn a_clock_ends_the_turn_whenever_it_strikes() {
        let turn = Turn::Tick(Duration(50));
        let mut gil = Gil::new(Rules { turn, forced: Forced::Queue, release: Release::Signal });
        assert!(ask(&mut gil, A, 10));
        assert!(!ask(&mut gil, B, 48));
        assert_eq!(gil.due(Duration::ZERO), Some(Time(50)));
        let released = gil.release(A, Why::Forced, Time(50));
        assert_eq!((released.next, released.wait_for_switch), (Next::Signal(1), false));
        gil.queue(A, Time(50));
        assert_eq!(gil.signal(0), Some(B));
        assert!(ask(&mut gil, B, 51));
        assert_eq!(gil.due(Duration::ZERO), Some(Time(100)));
    }

    #[test]
    fn who_polls_gets_a_free_lock_when_it_next_looks() {
        let turn = Turn::Counted(Duration(1_000));
        let mut gil = Gil::new(Rules { turn, forced: Forced::HandOver, release: Release::Poll(Duration(100)) });
        assert!(ask(&mut gil, A, 0));
        assert!(!ask(&mut gil, B, 10) && !ask(&mut gil, C, 20));
        assert_eq!(gil.release(A, Why::Leaves, Time(150)).next, Next::Poll(B, Time(210)));
        assert!(ask(&mut gil, A, 160), "until then it is free");
        assert!(!gil.looks(B), "it looks in vain, and goes on waiting");
        assert_eq!(gil.release(A, Why::Leaves, Time(220)).next, Next::Poll(B, Time(310)));
        assert!(gil.looks(B));
        assert!(ask(&mut gil, A, 310));
        assert!(!taken(gil.take(B, Time(311), true)));
        assert_eq!(gil.release(A, Why::Forced, Time(1_310)).next, Next::Heir(B), "still the first");
    }

    #[test]
    fn an_offer_begins_a_new_turn() {
        let forced = Forced::TakeAgain { signal: Duration(50), window: Duration(6) };
        let mut gil = Gil::new(Rules { turn: Turn::Counted(Duration(40)), forced, release: Release::Signal });
        assert!(ask(&mut gil, A, 0));
        assert!(!ask(&mut gil, B, 5) && !ask(&mut gil, C, 6));
        assert_eq!(gil.due(Duration(9)), Some(Time(45)), "the turn ends at a check point");
        assert_eq!(gil.offer(Time(45)), 2);
        assert_eq!(gil.signal(0), Some(B));
        assert_eq!(gil.due(Duration(9)), Some(Time(85)), "the next turn");
        gil.lose();
        assert!(ask(&mut gil, B, 60));
    }
}
