//! Eager tasks: a coroutine begins where it is created, or else is left to its loop.

use super::rule::{Reports, Rule};
use super::threads::{Progress, Threads};
use crate::id::ContextId;
use crate::model::Model;
use crate::trace::{Record, What};

/// Who is about to begin.
#[derive(Debug)]
pub(super) struct Eager {
    on: bool,
    /// The coroutine that has just been created, and by whom.
    due: Option<(ContextId, ContextId)>,
}

impl Eager {
    pub fn new(model: &Model) -> Eager {
        Eager { on: model.starts_eagerly(), due: None }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        if let What::Socket { .. } = record.what {
            return; // It is given the connections of its creator first.
        }
        let due = self.due.take();
        let begins = match record.what {
            What::StartEagerly { context, child } => Some((context, child)),
            _ => None,
        };
        reports.require(begins == due, Rule::EagerStart, || {
            format!("{due:?} should begin inside of the step that creates it, and {begins:?} does")
        });
        if let What::Spawn { context, child } = record.what {
            let progress = threads.contexts.get(&child).and_then(|found| found.progress);
            self.due = Some((context, child)).filter(|_| self.on && progress == Some(Progress::New));
        }
    }
}
