//! Assertions: one that does not hold ends the run there and then, and nothing else is reported as broken.

use super::rule::{Reports, Rule};
use crate::id::{ContextId, TextId};
use crate::model::Model;
use crate::sim::Outcome;
use crate::trace::{Record, What};

/// What was asserted and did not hold.
#[derive(Debug)]
pub(super) struct Asserts {
    texts: Vec<String>,
    failed: Option<(ContextId, TextId)>,
}

impl Asserts {
    pub fn new(model: &Model) -> Asserts {
        Asserts { texts: model.texts.clone(), failed: None }
    }

    pub fn record(&mut self, record: &Record, reports: &mut Reports) {
        reports.require(self.failed.is_none(), Rule::AssertEnds, || {
            format!("{:?} although what {:?} asserted does not hold", record.what, self.failed)
        });
        if let What::Fail { context, text } = record.what {
            self.failed = Some((context, text));
        }
    }

    pub fn finish(&self, outcome: &Outcome, reports: &mut Reports) {
        let said = self.failed.and_then(|(_, text)| self.texts.get(text.index()).map(String::as_str));
        let reported = match outcome {
            Outcome::Broken { asserted, .. } => Some(asserted.as_str()),
            _ => None,
        };
        reports.require(said == reported, Rule::AssertEnds, || {
            format!("{said:?} was asserted and does not hold, and the run says {reported:?}")
        });
    }
}
