//! In turn: the process table is gone through from the one that ran last onwards, round and round, as a simple kernel does.
//! A thread keeps its core until it blocks, ends or yields; whoever is woken waits for its turn, or takes the core at once.
//!
//! The rules are those of the homework `process-run` of *Operating Systems: Three Easy Pieces* (`IO_RUN_LATER` and
//! `IO_RUN_IMMEDIATE`), which knows one core.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};

use serde::Deserialize;

use super::{About, Entry, Known, Needs, Policy, Promises, Rivals, Settings, Site, Why};
use crate::id::ThreadId;
use crate::time::{Duration, Time};

/// The next ready thread after the one that ran last, in the order of tasks and jobs; it runs until it blocks, ends or
/// yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InTurn {
    /// When a thread runs whose wait is over.
    #[serde(default)]
    pub woken: Woken,
}

/// When a thread runs whose wait is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum Woken {
    /// When it is its turn. At the very instant of its wake-up it stands behind those who were ready before.
    #[default]
    Later,
    /// At once: it takes the core of whoever runs, which is ready again.
    AtOnce,
}

impl Settings for InTurn {
    type State = TurnsQueue;

    const ABOUT: About = About {
        spelling: "InTurn([woken: Later])",
        example: "InTurn()",
        line: "the next ready one after the last, in the order of tasks; runs until it blocks, ends or yields",
    };

    fn build(&self, _: &Site) -> TurnsQueue {
        TurnsQueue { woken: self.woken, ..TurnsQueue::default() }
    }

    fn conventions(&self) -> Vec<InTurn> {
        let woken = match self.woken {
            Woken::Later => Woken::AtOnce,
            Woken::AtOnce => Woken::Later,
        };
        vec![InTurn { woken }]
    }

    fn promises(&self) -> Promises {
        Promises { preempts: self.woken == Woken::AtOnce, ..Promises::default() }
    }
}

impl fmt::Display for InTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.woken {
            Woken::Later => f.write_str("InTurn()"),
            Woken::AtOnce => f.write_str("InTurn(woken: AtOnce)"),
        }
    }
}

/// The place of a thread in the table: its task, its job, its number.
type Place = (u32, u64, ThreadId);

/// The ready threads by their places, and those that became ready last.
#[derive(Clone, Debug, Default, Hash)]
pub struct TurnsQueue {
    woken: Woken,
    /// Who ran last.
    last: Option<Place>,
    ready: BTreeMap<Place, ()>,
    /// Those who became ready at `new_at`, in this order; under `AtOnce` only new threads.
    new: VecDeque<Place>,
    new_at: Time,
    /// Under `AtOnce`: those who go before everybody.
    first: VecDeque<Place>,
}

impl TurnsQueue {
    /// Those who became ready before this instant stand in their places.
    fn pass(&mut self, now: Time) {
        if self.new_at < now {
            self.ready.extend(self.new.drain(..).map(|place| (place, ())));
            self.new_at = now;
        }
    }

    /// All that wait, in the order in which they would be picked: from the next in the table after the one that ran last.
    fn order(&self) -> impl Iterator<Item = Place> + '_ {
        let last = self.last.map_or(Unbounded, Excluded);
        let after = self.ready.range((last, Unbounded));
        let before = self.last.into_iter().flat_map(|last| self.ready.range(..=last));
        self.first.iter().chain(after.chain(before).map(|(place, ())| place)).chain(&self.new).copied()
    }

    fn take(&mut self, place: Place) -> ThreadId {
        self.first.retain(|other| *other != place);
        self.new.retain(|other| *other != place);
        self.ready.remove(&place);
        self.last = Some(place);
        place.2
    }
}

impl Policy for TurnsQueue {
    fn enqueue(&mut self, thread: ThreadId, entry: Entry<'_>) {
        self.pass(entry.now);
        let place = (entry.of.task, entry.of.order, thread);
        match (entry.why, self.woken) {
            (Why::Woken, Woken::AtOnce) => self.first.push_back(place),
            (Why::Woken | Why::New, _) => self.new.push_back(place),
            (Why::Preempted | Why::Yielded | Why::Moved, _) => drop(self.ready.insert(place, ())),
        }
    }

    fn pick(&mut self) -> Option<ThreadId> {
        let place = self.order().next()?;
        Some(self.take(place))
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let place = self.order().take(most).find(|place| may(place.2))?;
        Some(self.take(place))
    }

    fn waiting(&self) -> usize {
        self.ready.len() + self.new.len() + self.first.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        None
    }

    fn honors_yield(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::Attributes
    }

    fn ran(&mut self, _: ThreadId, _: Duration, now: Time) {
        self.pass(now);
    }

    fn preempts_on_wake(&self) -> bool {
        self.woken == Woken::AtOnce
    }

    /// Whoever has run for longest makes way; new threads take no core from anybody.
    fn preempts(&self, ready: Known<'_>, _: Known<'_>, ran: Duration, _: Time) -> Option<u128> {
        self.first.iter().any(|place| place.2 == ready.thread).then_some(ran.0.into())
    }

    fn first(&self) -> Option<ThreadId> {
        self.order().next().map(|place| place.2)
    }

    fn because(&self, rivals: Rivals<'_>) -> String {
        let woken = self.first.iter().any(|place| place.2 == rivals.chosen.thread);
        if woken { "its wait is over" } else { "it is the next in the order of tasks" }.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::attributes::Attributes;

    fn enqueue(policy: &mut TurnsQueue, thread: u32, why: Why, now: u64) {
        let of = Attributes { task: thread, ..Attributes::DEFAULT };
        policy.enqueue(ThreadId(thread), Entry { why, now: Time(now), of: &of, carried: None });
    }

    fn order(woken: Woken) -> Vec<u32> {
        let mut policy = InTurn { woken }.build(&Site { cores: 1, serves: 1, number: 0, seed: 1 });
        for thread in [0, 1, 2, 3] {
            enqueue(&mut policy, thread, Why::New, 0);
        }
        let mut picked = vec![policy.pick(), policy.pick()];
        enqueue(&mut policy, 0, Why::Woken, 5);
        policy.ran(ThreadId(1), Duration(9), Time(9));
        enqueue(&mut policy, 1, Why::Woken, 9);
        picked.extend((0..4).map(|_| policy.pick()));
        assert_eq!((policy.waiting(), policy.pick()), (0, None));
        picked.into_iter().flatten().map(|thread| thread.0).collect()
    }

    #[test]
    fn the_next_in_the_table_runs_and_the_woken_when_the_setting_says() {
        // 1 is woken at the instant of the choice: everybody else goes first.
        assert_eq!(order(Woken::Later), [0, 1, 2, 3, 0, 1]);
        assert_eq!(order(Woken::AtOnce), [0, 1, 0, 1, 2, 3]);
    }
}
