//! First come, first served: a thread keeps its core until it blocks or ends; in the cooperative form also until it yields.

use std::collections::VecDeque;
use std::fmt;

use serde::Deserialize;

use super::{About, Entry, Policy, Promises, Rivals, Settings, Site, remove_among};
use crate::id::ThreadId;
use crate::time::Duration;

/// In order of arrival; a thread keeps its core until it blocks or ends, and `Yield` changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct FirstCome;

/// A thread keeps its core until it blocks, ends or yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Cooperative;

/// Neither preempts, and nobody overtakes.
const PROMISES: Promises = Promises { overtaken: Some(0), ..Promises::NONE };

impl Settings for FirstCome {
    type State = FirstComeQueue;

    const ABOUT: About = About {
        spelling: "FirstCome",
        example: "FirstCome",
        line: "in order of arrival; runs until it blocks or ends",
    };

    fn build(&self, _: &Site) -> FirstComeQueue {
        FirstComeQueue { cooperative: false, queue: VecDeque::new() }
    }

    fn promises(&self) -> Promises {
        PROMISES
    }
}

impl Settings for Cooperative {
    type State = FirstComeQueue;

    const ABOUT: About =
        About { spelling: "Cooperative", example: "Cooperative", line: "runs until it blocks, ends or yields" };

    fn build(&self, _: &Site) -> FirstComeQueue {
        FirstComeQueue { cooperative: true, queue: VecDeque::new() }
    }

    fn promises(&self) -> Promises {
        PROMISES
    }
}

impl fmt::Display for FirstCome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstCome")
    }
}

impl fmt::Display for Cooperative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cooperative")
    }
}

/// The ready threads in order of arrival.
#[derive(Clone, Debug, Hash)]
pub struct FirstComeQueue {
    cooperative: bool,
    queue: VecDeque<ThreadId>,
}

impl Policy for FirstComeQueue {
    fn enqueue(&mut self, thread: ThreadId, _: Entry<'_>) {
        self.queue.push_back(thread);
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.queue.pop_front()
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        remove_among(&mut self.queue, most, may)
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

    fn first(&self) -> Option<ThreadId> {
        self.queue.front().copied()
    }

    fn because(&self, _: Rivals<'_>) -> String {
        "it has waited longest".to_owned()
    }
}
