//! Which ready thread runs next: one file per policy.
//!
//! To add a policy: one file, with what a scenario writes ([`Settings`]) and what it does ([`Policy`]), and one row in
//! `policies!` at the end of this file. See `docs/extending.md`.

mod average;
mod config;
mod deadlines;
mod eevdf;
mod fair;
mod first_come;
mod in_turn;
mod last_come;
mod laxity;
mod linux;
mod lottery;
mod mlfq;
mod pfair;
mod ranked;
mod real_time;
mod round_robin;
mod settings;
mod stride;
mod throttle;
mod windows;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, EnumAccess, Visitor};

use super::attributes::{Attributes, Needs};
use crate::id::ThreadId;
use crate::time::{Duration, Time};
use config::{Values, register};
pub use in_turn::Woken;
pub use linux::WakeupPreemption;
pub use ranked::Rank;
pub use round_robin::Joins;
pub use settings::{About, Ask, At, Bounds, Equals, Fault, Keeps, Promises, Settings, Ties, Timer};
pub use throttle::Throttle;

/// The order of the run queue.
pub trait Policy {
    /// The thread is ready.
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>);

    /// The thread to run next leaves the queue.
    fn pick(&mut self) -> Option<ThreadId>;

    /// The first thread in the order of picking for which `may` holds leaves the queue; no more than `most` are looked at.
    /// For cores that take threads from the queues of others, and for threads that are bound to cores.
    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId>;

    /// What a thread that is not in the queue takes along to the queue of another core, where [`Entry::carried`] has it.
    fn carried(&mut self, _thread: ThreadId, _now: Time) -> Carried {
        Carried::default()
    }

    /// Threads in the queue.
    fn waiting(&self) -> usize;

    /// The longest the thread runs while another waits; `None` for as long as it likes.
    fn slice(&self, thread: ThreadId) -> Option<Duration>;

    /// Whether `Yield` gives the core to a waiting thread.
    fn honors_yield(&self) -> bool;

    /// The first end of a slice at or after `ran`, both counted from the dispatch of the thread; `ran` is over at `now`.
    #[inline(always)]
    fn slice_end(&self, thread: ThreadId, ran: Duration, _now: Time) -> Option<Duration> {
        let slice = self.slice(thread)?;
        if ran <= slice {
            return Some(slice);
        }
        Some(Duration(ran.0.div_ceil(slice.0).saturating_mul(slice.0)))
    }

    /// What it needs to be told of threads.
    fn needs(&self) -> Needs {
        Needs::Nothing
    }

    /// The thread, which was picked, executes from now on.
    #[inline(always)]
    fn began(&mut self, _thread: ThreadId, _now: Time) {}

    /// The running thread has had so much core time since its dispatch, or since this was last said.
    fn ran(&mut self, _thread: ThreadId, _time: Duration, _now: Time) {}

    /// The slice of a running thread is over. Whether it keeps its core all the same, with a new slice; if so, `ran` is
    /// settled as by [`Policy::ran`].
    fn renew(&mut self, _thread: ThreadId, _ran: Duration, _now: Time) -> bool {
        false
    }

    /// Whether threads that just woke may take the core of others by [`Policy::preempts`].
    fn preempts_on_wake(&self) -> bool {
        false
    }

    /// The thread that would be picked next, if it may at any time take the core of another by [`Policy::preempts`].
    fn contender(&self) -> Option<ThreadId> {
        None
    }

    /// The first thread in the order of picking for which `may` holds, if [`Policy::contender`] knows of any.
    fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
        self.contender().filter(|thread| may(*thread))
    }

    /// Whether a ready thread takes the core of one that has run for `ran` since its dispatch: by how much it is the more
    /// deserving.
    fn preempts(&self, _ready: Known<'_>, _running: Known<'_>, _ran: Duration, _now: Time) -> Option<u128> {
        None
    }

    /// The thread is more or less urgent than before, by the locks that it holds: `of` is what it is like now. Policies that
    /// promise an order put it where it belongs if it is in the queue.
    fn update(&mut self, _thread: ThreadId, _of: &Attributes, _queued: bool) {}

    /// The thread that would be picked next, as far as that is known: for explanations.
    fn first(&self) -> Option<ThreadId> {
        self.contender()
    }

    /// What is over for a running thread that has had `ran` since its dispatch, at what [`Policy::slice_end`] calls an end.
    fn slice_is_over(&self, _thread: ThreadId, _ran: Duration) -> &'static str {
        "its slice is over"
    }

    /// Why a ready or running thread goes before another, as a clause after "because".
    fn because(&self, _rivals: Rivals<'_>) -> String {
        "it stands first in the run queue".to_owned()
    }

    /// When the policy itself does something next; [`Time::NEVER`] if it never does. It is asked while a core is in use.
    fn next_timer(&self) -> Time {
        Time::NEVER
    }

    /// That time has come, at the end of the instant; core time of running threads is settled by [`Policy::ran`].
    fn timer(&mut self, _now: Time) {}

    /// Whether it does that before slices end at the instant rather than after them.
    fn timer_before_slices(&self) -> bool {
        false
    }
}

/// How a thread joins the run queue.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Why.
    pub why: Why,
    /// When.
    pub now: Time,
    /// What it is like; the defaults for policies that need nothing.
    pub of: &'a Attributes,
    /// What it brings along from the queue of another core; `None` if it was here before, or is new.
    pub carried: Option<Carried>,
}

/// Numbers that only the policy understands: the standing of a thread, relative to what the queues of all cores share.
pub type Carried = [i64; 4];

/// The machine and the run queue on it that a policy orders.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// Cores of the machine.
    pub cores: u32,
    /// How many of them take threads from this queue.
    pub serves: u32,
    /// The number of the queue.
    pub number: u32,
    /// For policies that draw.
    pub seed: u64,
}

/// A thread and what it is like.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Which.
    pub thread: ThreadId,
    /// What it is like; the defaults for policies that need nothing.
    pub of: &'a Attributes,
}

/// Two threads, one of which goes before the other.
#[derive(Clone, Copy, Debug)]
pub struct Rivals<'a> {
    /// Who gets or keeps the core.
    pub chosen: Known<'a>,
    /// Who does without; `None` if that is not known before it is asked.
    pub over: Option<Known<'a>>,
    /// Which of them executes, and for how long it has since its dispatch.
    pub executing: Option<(ThreadId, Duration)>,
    /// When.
    pub now: Time,
}

impl Rivals<'_> {
    /// How long the thread has executed that is not yet settled by [`Policy::ran`].
    fn ran(&self, thread: ThreadId) -> Duration {
        self.executing.filter(|(executing, _)| *executing == thread).map_or(Duration::ZERO, |(_, ran)| ran)
    }
}

/// Why a thread joins the run queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has never run.
    New,
    /// What it waited for has happened.
    Woken,
    /// Its slice is over.
    Preempted,
    /// It gave way.
    Yielded,
    /// It waited in the queue of another core and comes from there.
    Moved,
}

/// The state of a policy as an enum rather than a trait object: it can be cloned, hashed and compared.
macro_rules! policies {
    ($($file:ident::$name:ident: $($settings:ident),+;)*) => {
        /// The state of a policy.
        #[derive(Clone, Debug, Hash)]
        #[allow(missing_docs, reason = "each is the type of the same name")]
        pub enum AnyPolicy {
            $($name($file::$name),)*
        }

        $(pub use $file::{$($settings),+};)*

        register! { $($name: $($settings),+;)* }

        impl Policy for AnyPolicy {
            #[inline(always)]
            fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
                match self { $(AnyPolicy::$name(policy) => policy.enqueue(thread, entry),)* }
            }
            #[inline(always)]
            fn pick(&mut self) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.pick(),)* }
            }
            fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.pick_among(most, may),)* }
            }
            fn carried(&mut self, thread: ThreadId, now: Time) -> Carried {
                match self { $(AnyPolicy::$name(policy) => policy.carried(thread, now),)* }
            }
            #[inline(always)]
            fn waiting(&self) -> usize {
                match self { $(AnyPolicy::$name(policy) => policy.waiting(),)* }
            }
            #[inline(always)]
            fn slice(&self, thread: ThreadId) -> Option<Duration> {
                match self { $(AnyPolicy::$name(policy) => policy.slice(thread),)* }
            }
            #[inline(always)]
            fn honors_yield(&self) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.honors_yield(),)* }
            }
            fn needs(&self) -> Needs {
                match self { $(AnyPolicy::$name(policy) => policy.needs(),)* }
            }
            #[inline(always)]
            fn slice_end(&self, thread: ThreadId, ran: Duration, now: Time) -> Option<Duration> {
                match self { $(AnyPolicy::$name(policy) => policy.slice_end(thread, ran, now),)* }
            }
            #[inline(always)]
            fn began(&mut self, thread: ThreadId, now: Time) {
                match self { $(AnyPolicy::$name(policy) => policy.began(thread, now),)* }
            }
            #[inline(always)]
            fn ran(&mut self, thread: ThreadId, time: Duration, now: Time) {
                match self { $(AnyPolicy::$name(policy) => policy.ran(thread, time, now),)* }
            }
            #[inline(always)]
            fn renew(&mut self, thread: ThreadId, ran: Duration, now: Time) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.renew(thread, ran, now),)* }
            }
            fn update(&mut self, thread: ThreadId, of: &Attributes, queued: bool) {
                match self { $(AnyPolicy::$name(policy) => policy.update(thread, of, queued),)* }
            }
            fn first(&self) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.first(),)* }
            }
            fn slice_is_over(&self, thread: ThreadId, ran: Duration) -> &'static str {
                match self { $(AnyPolicy::$name(policy) => policy.slice_is_over(thread, ran),)* }
            }
            fn because(&self, rivals: Rivals<'_>) -> String {
                match self { $(AnyPolicy::$name(policy) => policy.because(rivals),)* }
            }
            fn next_timer(&self) -> Time {
                match self { $(AnyPolicy::$name(policy) => policy.next_timer(),)* }
            }
            fn timer(&mut self, now: Time) {
                match self { $(AnyPolicy::$name(policy) => policy.timer(now),)* }
            }
            fn timer_before_slices(&self) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.timer_before_slices(),)* }
            }
            #[inline(always)]
            fn preempts_on_wake(&self) -> bool {
                match self { $(AnyPolicy::$name(policy) => policy.preempts_on_wake(),)* }
            }
            #[inline(always)]
            fn contender(&self) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.contender(),)* }
            }
            fn contender_among(&self, may: &dyn Fn(ThreadId) -> bool) -> Option<ThreadId> {
                match self { $(AnyPolicy::$name(policy) => policy.contender_among(may),)* }
            }
            fn preempts(&self, ready: Known<'_>, running: Known<'_>, ran: Duration, now: Time) -> Option<u128> {
                match self { $(AnyPolicy::$name(policy) => policy.preempts(ready, running, ran, now),)* }
            }
        }
    };
}

// `file::State: Settings, Settings;`, in the order in which they are listed.
policies! {
    fair::FairQueue: Fair;
    eevdf::EevdfQueue: Eevdf;
    round_robin::RoundRobinQueue: RoundRobin, ProcessorSharing;
    first_come::FirstComeQueue: FirstCome, Cooperative;
    last_come::LastComeQueue: LastCome;
    in_turn::TurnsQueue: InTurn;
    ranked::RankedQueue: ShortestJobFirst, ShortestRemainingTime, Priority, Edf, Edzl, RateMonotonic, DeadlineMonotonic;
    pfair::PfairQueue: Pfair;
    real_time::RealTimeQueue: SchedFifo, SchedRr;
    lottery::LotteryQueue: Lottery;
    stride::StrideQueue: Stride;
    mlfq::MlfqQueue: Mlfq;
    windows::WindowsQueue: Windows;
}

/// The first key of an ordered queue for which `may` holds leaves it.
fn pop_among<K: Ord + Copy>(
    queue: &mut std::collections::BTreeSet<K>,
    most: usize,
    mut may: impl FnMut(&K) -> bool,
) -> Option<K> {
    let key = *queue.iter().take(most).find(|key| may(key))?;
    queue.remove(&key);
    Some(key)
}

/// The first thread of a queue in order of arrival for which `may` holds leaves it.
fn remove_among(
    queue: &mut std::collections::VecDeque<ThreadId>,
    most: usize,
    may: &mut dyn FnMut(ThreadId) -> bool,
) -> Option<ThreadId> {
    let place = queue.iter().take(most).position(|thread| may(*thread))?;
    queue.remove(place)
}

/// For tests of policies that look at nothing but the reason.
#[cfg(test)]
fn entry(why: Why) -> Entry<'static> {
    Entry { why, now: Time::ZERO, of: &Attributes::DEFAULT, carried: None }
}

#[cfg(test)]
fn known(thread: ThreadId) -> Known<'static> {
    Known { thread, of: &Attributes::DEFAULT }
}
