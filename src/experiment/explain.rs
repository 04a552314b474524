//! Why each core ran whom it ran: the decisions of a part of a run.

use super::seed;
use crate::choice::First;
use crate::scenario::Scenario;
use crate::sim::Sim;
use crate::time::Time;
use crate::trace::{Decision, Record, Sink};

/// Decisions that are kept of one run.
const MOST: usize = 100_000;

/// A part of simulated time: from the first point up to and without the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first point.
    pub from: Time,
    /// The point after it.
    pub to: Time,
}

/// The decisions of one model.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The execution model.
    pub model: String,
    /// In order; at most 100,000.
    pub decisions: Vec<Decision>,
    /// How many there were beyond.
    pub more: u64,
}

/// Why cores ran whom they ran in the first run of every model, at the first point of the sweep.
pub fn explain(scenario: &Scenario, span: Span) -> Vec<Explained> {
    let models = scenario.points.first().map_or(&[][..], |point| &point.models);
    let one = |model| {
        let (mut log, mut first) = (Log { span, decisions: Vec::new(), more: 0 }, First);
        let mut sim = Sim::start(model, seed(scenario, 0), &mut log, &mut first);
        sim.advance_to(span.to);
        Explained { model: model.execution.to_string(), decisions: log.decisions, more: log.more }
    };
    models.iter().map(one).collect()
}

struct Log {
    span: Span,
    decisions: Vec<Decision>,
    more: u64,
}

impl Sink for Log {
    fn record(&mut self, _: &Record) {}

    fn explains(&self) -> bool {
        true
    }

    fn decided(&mut self, decision: Decision) {
        if !(self.span.from..self.span.to).contains(&decision.time) {
            return;
        }
        if self.decisions.len() < MOST {
            self.decisions.push(decision);
        } else {
            self.more += 1;
        }
    }
}
