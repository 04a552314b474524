//! Why each core ran whom it ran: the decisions of a part of a run.

use super::seed;
use crate::choice::First;
use crate::model::Model;
use crate::scenario::{Point, Scenario};
use crate::sim::Sim;
use crate::time::Time;
use crate::trace::{Decided, Decision, Record, Sink};

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
    /// Which point of the sweep, from 0.
    pub point: usize,
    /// Its settings in words, empty without a sweep.
    pub settings: String,
    /// The execution model.
    pub model: String,
    /// In order; at most 100,000.
    pub decisions: Vec<Decision>,
    /// How many there were beyond.
    pub more: u64,
}

/// Why cores ran whom they ran in the first run of every model, at every point of the sweep.
pub fn explain(scenario: &Scenario, span: Span) -> Vec<Explained> {
    let points = scenario.points.iter().enumerate();
    let models = points.flat_map(|(number, point)| point.models.iter().map(move |model| (number, point, model)));
    let one = |(number, point, model): (usize, &Point, &Model)| {
        // What begins with the end of the clock never happens.
        let end = model.until.map_or(span.to, |until| span.to.min(Time(until.0)));
        let span = Span { to: end, ..span };
        let (mut log, mut first) = (Log { span, decisions: Vec::new(), more: 0 }, First);
        let mut sim = Sim::start(model, seed(scenario, 0), &mut log, &mut first);
        sim.advance_to(span.to);
        let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        Explained {
            point: number,
            settings: settings.join(", "),
            model: model.execution.to_string(),
            decisions: log.decisions,
            more: log.more,
        }
    };
    models.map(one).collect()
}

/// Whether the core takes a thread again whose slice has just ended there.
fn goes_on(last: &Decision, next: &Decision) -> bool {
    let same = (last.time, last.core, &last.thread) == (next.time, next.core, &next.thread);
    same && last.what == Decided::Leaves && next.what == Decided::Takes
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
        if let Some(last) = self.decisions.last_mut()
            && goes_on(last, &decision)
        {
            // Out of the run queue at once: it is as if it had never been there.
            last.what = Decided::Keeps;
            let over = last.because.trim_end_matches(" and others wait");
            last.because = format!("{over} and {}", decision.because);
            last.over = decision.over;
            return;
        }
        if self.decisions.len() < MOST {
            self.decisions.push(decision);
        } else {
            self.more += 1;
        }
    }
}
