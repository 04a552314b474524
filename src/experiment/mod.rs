//! All runs of a scenario: every sweep point, every model, every seed; and what they say together.
//!
//! Runs are independent and share their random numbers between models, so that a comparison of two models is one under
//! the same luck. They are spread over the threads of the current rayon pool; results do not depend on how.

mod cell;
mod check;
pub mod conventions;
mod determinism;
mod explain;
mod frequency;
mod headline;
mod interval;
mod order;
mod verdict;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use determinism::{Difference, Divergence};
pub use explain::{Explained, Span, explain};
pub use frequency::{Frequency, frequency};
pub use interval::interval;
pub use order::Order;

use crate::metrics::figures::{Figures, ModelFigures, Point, Report};
use crate::model::{Execution, Model};
use crate::report::ModelData;
use crate::scenario::{self, Scenario};
use crate::trace::BEHAVIOUR;
use cell::{Cell, Questions, Watch};

/// What is asked of an experiment beyond its figures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Collect what charts need, from the first run of every model.
    pub charts: bool,
    /// Let an auditor watch every run.
    pub audit: bool,
    /// Run everything a second time, otherwise, and compare.
    pub check_determinism: bool,
    /// In which order that happens which happens at one instant.
    pub order: Order,
}

/// Is told how an experiment goes on, from any thread.
pub trait Observer: Sync {
    /// One more run is over.
    fn run_done(&self) {}
    /// All runs of this point of the sweep are over; `models` is what charts need, empty if they are not asked for.
    fn point_done(&self, point: usize, models: &[ModelData]) {
        let _ = (point, models);
    }
}

/// Listens to nothing.
impl Observer for () {}

/// What an experiment gave.
#[derive(Clone, Debug)]
pub struct Results {
    /// All figures, verdicts and expectations.
    pub report: Report,
    /// Whether every run ended as it should and every expectation held.
    pub passed: bool,
    /// Where a second run of the same model and seed differed, if it was asked for and did.
    pub difference: Option<Difference>,
}

impl Results {
    /// Whether the auditor, if it was asked, found nothing in any run.
    pub fn audit_is_silent(&self) -> bool {
        self.report.points.iter().all(|point| check::audit_is_silent(&point.expectations))
    }
}

/// How many runs [`run`] will do.
pub fn runs(scenario: &Scenario, options: &Options) -> u64 {
    let models: usize = scenario.points.iter().map(|point| point.models.len()).sum();
    models as u64 * u64::from(scenario.runs) * if options.check_determinism { 2 } else { 1 }
}

/// Runs the scenario on the threads of the current rayon pool.
pub fn run(scenario: &Scenario, options: &Options, observer: &impl Observer) -> Results {
    let asked = Questions::of(&scenario.expect);
    let points = |index: usize| point(scenario, index, &asked, options, observer);
    let done: Vec<(Point, Vec<Cell>)> = (0..scenario.points.len()).into_par_iter().map(points).collect();
    let (points, cells): (Vec<Point>, Vec<Vec<Cell>>) = done.into_iter().unzip();
    let passed = points.iter().flat_map(|point| &point.expectations).all(|checked| checked.holds);
    let difference = options.check_determinism.then(|| determinism::check(scenario, &cells, observer)).flatten();
    let verdict = headline::headline(&points);
    let (title, name) = (scenario.title.clone(), scenario.name.clone());
    let report = Report { title, name, behaviour: BEHAVIOUR, verdict, points };
    Results { report, passed, difference }
}

/// The runs of one point of the sweep.
pub(crate) struct Runs<'a> {
    point: &'a scenario::Point,
    /// By model, then by seed.
    cells: &'a [Cell],
    runs: usize,
}

impl<'a> Runs<'a> {
    fn models(&self) -> impl Iterator<Item = (&'a Model, &'a [Cell])> {
        self.point.models.iter().zip(self.cells.chunks(self.runs))
    }

    fn of(&self, execution: Execution) -> Option<&'a [Cell]> {
        self.models().find(|(model, _)| model.execution == execution).map(|(_, cells)| cells)
    }
}

/// The seed of a replication.
fn seed(scenario: &Scenario, run: usize) -> u64 {
    scenario.seed.wrapping_add(run as u64)
}

fn point(
    scenario: &Scenario,
    index: usize,
    asked: &Questions,
    options: &Options,
    observer: &impl Observer,
) -> (Point, Vec<Cell>) {
    let point = &scenario.points[index];
    let runs = scenario.runs.max(1) as usize;
    let one = |number: usize| {
        let (model, run) = (&point.models[number / runs], number % runs);
        let watch = Watch { audit: options.audit, charts: options.charts && run == 0, order: options.order };
        let done = Cell::run(model, seed(scenario, run), asked, watch);
        observer.run_done();
        done
    };
    let done: Vec<_> = (0..point.models.len() * runs).into_par_iter().map(one).collect();
    let (cells, data): (Vec<Cell>, Vec<Option<ModelData>>) = done.into_iter().unzip();
    let data: Vec<ModelData> = data.into_iter().flatten().collect();
    observer.point_done(index, &data);
    drop(data);

    let all = Runs { point, cells: &cells, runs };
    let baseline = baseline(&point.models);
    let models = summarize(&all, baseline);
    let figures = Point {
        settings: point.settings.clone(),
        machine: point.machine.clone(),
        baseline: baseline.map_or_else(String::new, |execution| execution.to_string()),
        verdicts: verdict::verdicts(&all, &models, baseline),
        expectations: check::check(&scenario.expect, &all),
        models,
    };
    (figures, cells)
}

/// What the others are compared with.
fn baseline(models: &[Model]) -> Option<Execution> {
    let serial = models.iter().find(|model| model.execution == Execution::Serial);
    serial.or(models.first()).map(|model| model.execution)
}

fn summarize(all: &Runs<'_>, baseline: Option<Execution>) -> Vec<ModelFigures> {
    let base = baseline.and_then(|execution| all.of(execution)).unwrap_or_default();
    let summary = |(model, cells): (&Model, &[Cell])| {
        let over = |figure: &dyn Fn(&Figures) -> f64| {
            let values: Vec<f64> = cells.iter().map(|cell| figure(&cell.figures)).collect();
            interval(&values)
        };
        ModelFigures {
            model: model.execution.to_string(),
            makespan: over(&|run| run.makespan.0 as f64),
            throughput: over(&|run| run.throughput),
            response: over(&|run| run.response.mean),
            speedup: speedups(cells, base).map(|ratios| interval(&ratios)),
            runs: cells.iter().map(|cell| cell.figures.clone()).collect(),
        }
    };
    all.models().map(summary).collect()
}

/// Makespan of `over` divided by that of `of`, run by run: both had the same luck. `None` if a makespan says nothing.
fn speedups(of: &[Cell], over: &[Cell]) -> Option<Vec<f64>> {
    let finished = |cells: &[Cell]| cells.iter().all(|cell| cell.figures.outcome == "finished");
    let ratio = |(of, over): (&Cell, &Cell)| over.figures.makespan.0 as f64 / of.figures.makespan.0 as f64;
    let ratios: Vec<f64> = of.iter().zip(over).map(ratio).collect();
    (finished(of) && finished(over) && ratios.iter().all(|ratio| ratio.is_finite())).then_some(ratios)
}
