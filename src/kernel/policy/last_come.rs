//! Last come, first served: a stack. What came last runs until it blocks or ends, and what came first may wait for ever.

use std::fmt;

use serde::Deserialize;

use super::{About, Entry, Policy, Rivals, Settings, Site};
use crate::id::ThreadId;
use crate::time::Duration;

/// The thread that became ready last runs next; it keeps its core until it blocks or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct LastCome;

impl Settings for LastCome {
    type State = LastComeQueue;

    const ABOUT: About = About {
        spelling: "LastCome",
        example: "LastCome",
        line: "the last one to become ready; runs until it blocks or ends",
    };

    fn build(&self, _: &Site) -> LastComeQueue {
        LastComeQueue { stack: Vec::new() }
    }
}

impl fmt::Display for LastCome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LastCome")
    }
}

/// The ready threads in order of arrival.
#[derive(Clone, Debug, Hash)]
pub struct LastComeQueue {
    stack: Vec<ThreadId>,
}

impl Policy for LastComeQueue {
    fn enqueue(&mut self, thread: ThreadId, _: Entry<'_>) {
        self.stack.push(thread);
    }

    fn pick(&mut self) -> Option<ThreadId> {
        self.stack.pop()
    }

    fn pick_among(&mut self, most: usize, may: &mut dyn FnMut(ThreadId) -> bool) -> Option<ThreadId> {
        let place = self.stack.iter().rev().take(most).position(|thread| may(*thread))?;
        Some(self.stack.remove(self.stack.len() - 1 - place))
    }

    fn waiting(&self) -> usize {
        self.stack.len()
    }

    fn slice(&self, _: ThreadId) -> Option<Duration> {
        None
    }

    fn honors_yield(&self) -> bool {
        false
    }

    fn first(&self) -> Option<ThreadId> {
        self.stack.last().copied()
    }

    fn because(&self, _: Rivals<'_>) -> String {
        "it became ready last".to_owned()
    }
}
