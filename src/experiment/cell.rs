//! One run of one model: what is kept of it.

use super::order::{Order, Reorder};
use crate::audit::{Auditor, Violation};
use crate::metrics::figures::Figures;
use crate::metrics::{Held, Meter, Moments};
use crate::model::Model;
use crate::report::{Collector, ModelData};
use crate::scenario::expect::{Asked, Expect, Question};
use crate::sim;
use crate::time::Duration;
use crate::trace::Digest;

/// A percentile that an expectation asks for. Figures hold only the common ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Percentile {
    pub of: Of,
    /// 0 to 100.
    pub p: f64,
}

/// What a percentile is of.
#[derive(Clone, Debug, PartialEq)]
pub enum Of {
    /// Response times of one task, or of all.
    Response(Option<String>),
    LoopLag,
}

impl Percentile {
    /// The percentile that the expectation is about, if it is about one.
    pub fn of(what: &Asked) -> Option<Percentile> {
        match what {
            Asked::Latency { task, p, .. } => Some(Percentile { of: Of::Response(task.clone()), p: *p }),
            Asked::LoopLag { p, .. } => Some(Percentile { of: Of::LoopLag, p: *p }),
            _ => None,
        }
    }

    /// All that the expectations ask for.
    pub fn asked(expects: &[Expect]) -> Vec<Percentile> {
        let mut found = Vec::new();
        for expect in expects {
            match &expect.what {
                Asked::In(_, inner) | Asked::At(_, inner) => found.extend(Percentile::asked(inner)),
                Asked::Sometimes(inner) => found.extend(Percentile::asked(std::slice::from_ref(inner))),
                what => found.extend(Percentile::of(what)),
            }
        }
        found
    }

    fn answer(&self, meter: &Meter<'_>) -> Option<Duration> {
        let q = self.p / 100.0;
        match &self.of {
            Of::Response(task) => meter.response_quantile(task.as_deref(), q),
            Of::LoopLag => meter.lag_quantile(q),
        }
    }
}

/// What expectations ask that figures do not hold.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    pub percentiles: Vec<Percentile>,
    pub conditions: Vec<Question<String>>,
}

impl Questions {
    /// All that the expectations ask for.
    pub fn of(expects: &[Expect]) -> Questions {
        let mut conditions = Vec::new();
        collect(expects, &mut conditions);
        Questions { percentiles: Percentile::asked(expects), conditions }
    }
}

fn collect(expects: &[Expect], found: &mut Vec<Question<String>>) {
    for expect in expects {
        match &expect.what {
            Asked::In(_, inner) | Asked::At(_, inner) => collect(inner, found),
            Asked::Sometimes(inner) => collect(std::slice::from_ref(inner), found),
            Asked::Condition(_, question) if !found.contains(question) => found.push(question.clone()),
            _ => {}
        }
    }
}

/// What is kept of one run.
#[derive(Clone, Debug)]
pub struct Cell {
    pub figures: Figures,
    /// Whether the run did what a run should do.
    pub regular: bool,
    pub digest: Digest,
    /// What the auditor found.
    pub violations: Vec<Violation>,
    /// The percentiles asked for; `None` where the run has no such sample.
    pub percentiles: Vec<(Percentile, Option<Duration>)>,
    /// What came of conditions on variables.
    pub conditions: Vec<(Question<String>, Held)>,
}

/// What a run is watched by, beside the meter and the digest, and how it is run.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    pub audit: bool,
    pub charts: bool,
    pub order: Order,
}

impl Cell {
    /// Runs the model under the seed.
    pub fn run(model: &Model, seed: u64, asked: &Questions, watch: Watch) -> (Cell, Option<ModelData>) {
        let watched = (watch.audit.then(|| Auditor::new(model)), watch.charts.then(|| Collector::new(model)));
        let moments = Moments::new(model, &asked.conditions);
        let mut sinks = ((Meter::new(model), Digest::default()), (watched, moments));
        let ended = match Reorder::of(watch.order) {
            None => sim::run(model, seed, &mut sinks),
            Some(mut reorder) => sim::run_with(model, seed, &mut sinks, &mut reorder),
        };
        let ((meter, digest), ((auditor, collector), moments)) = sinks;
        let percentiles = asked.percentiles.iter().map(|asked| (asked.clone(), asked.answer(&meter))).collect();
        let figures = meter.finish(seed, &ended, &digest);
        let data = collector.map(|collector| collector.finish(&model.execution.to_string(), ended.at, figures.clone()));
        let violations = auditor.map_or_else(Vec::new, |auditor| auditor.finish(&ended));
        let conditions = moments.map_or_else(Vec::new, Moments::finish);
        (Cell { figures, regular: ended.outcome.is_regular(), digest, violations, percentiles, conditions }, data)
    }

    /// The answer to a condition that was asked.
    pub fn condition(&self, asked: &Question<String>) -> Option<&Held> {
        self.conditions.iter().find(|(question, _)| question == asked).map(|(_, held)| held)
    }

    /// The answer to a percentile that was asked for.
    pub fn percentile(&self, asked: &Percentile) -> Option<Duration> {
        self.percentiles.iter().find(|(percentile, _)| percentile == asked)?.1
    }
}
