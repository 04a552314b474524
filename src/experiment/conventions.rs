//! Whether what a scenario shows depends on what nothing but convention decides: who goes first of two that are equal,
//! and what happens first of what happens at one instant.
//!
//! Everything is run again under every other rule that a reader could have had in mind, one at a time. The conclusion is
//! the order of the models at every point of the sweep, that of the schedulers if the sweep compares several, and which
//! expectations hold.

use super::order::Order;
use super::{Observer, Options, Results, run, runs};
use crate::kernel::Loses;
use crate::kernel::policy::PolicyConfig;
use crate::metrics::figures::{ModelFigures, Point, Report};
use crate::report::chart::axis;
use crate::scenario::Scenario;

/// Models closer to each other than this are level, and figures closer than this are the same.
const LEVEL: f64 = 0.01;

/// Shuffles of the events of one instant.
const SHUFFLES: u64 = 3;

/// A rule other than the scenario's own.
#[derive(Clone, Debug)]
pub struct Convention {
    /// What it decides, and how.
    pub name: String,
    change: Change,
}

#[derive(Clone, Debug)]
enum Change {
    /// Another tie rule, wherever the policy is the first one.
    Policy(PolicyConfig, PolicyConfig),
    /// The other rule for which of equal running threads loses its core.
    Loses,
    Order(Order),
}

/// What became of the conclusion under another convention.
#[derive(Clone, Debug)]
pub struct Survival {
    /// The convention.
    pub convention: String,
    /// What is no longer as it was; empty if the conclusion survives.
    pub changes: Vec<String>,
    /// The figure that changes most, in words; `None` if all stay within 1 %.
    pub largest: Option<String>,
    /// Expectations that hold, and all.
    pub held: (usize, usize),
}

/// What the check found.
#[derive(Clone, Debug)]
pub struct Survivals {
    /// The scenario as written.
    pub base: Results,
    /// One for each other convention.
    pub others: Vec<Survival>,
}

impl Survivals {
    /// Whether the conclusion is the same under every convention.
    pub fn all(&self) -> bool {
        self.others.iter().all(|other| other.changes.is_empty())
    }
}

/// The other conventions that there are for the scenario.
pub fn conventions(scenario: &Scenario) -> Vec<Convention> {
    let mut policies: Vec<&PolicyConfig> = Vec::new();
    for model in scenario.points.iter().flat_map(|point| &point.models) {
        // A sweep may change the policy.
        if !policies.contains(&&model.machine.policy) {
            policies.push(&model.machine.policy);
        }
    }
    let several = policies.len() > 1;
    let rules = policies.into_iter().flat_map(|policy| {
        policy.conventions().into_iter().map(move |other| Convention {
            name: if several { format!("{other} for {policy}") } else { format!("scheduler: {other}") },
            change: Change::Policy(policy.clone(), other),
        })
    });
    let orders = std::iter::once(Order::Last).chain((1..=SHUFFLES).map(Order::Shuffled));
    let orders = orders.map(|order| {
        let how = match order {
            Order::First => "as they were caused".to_owned(),
            Order::Last => "reversed".to_owned(),
            Order::Shuffled(seed) => format!("at random ({seed})"),
        };
        Convention { name: format!("events of one instant: {how}"), change: Change::Order(order) }
    });
    let machines = scenario.points.iter().flat_map(|point| &point.models).map(|model| &model.machine);
    let loses =
        machines.clone().any(|machine| Loses::matters(machine.cores, machine.queues, &machine.policy)).then(|| {
            Convention {
                name: match machines.map(|machine| machine.loses).all(|loses| loses == Loses::LowestCore) {
                    true => "loses: HighestCore".to_owned(),
                    false => "loses: the other rule".to_owned(),
                },
                change: Change::Loses,
            }
        });
    rules.chain(loses).chain(orders).collect()
}

/// How many runs [`survivals`] will do.
pub fn work(scenario: &Scenario) -> u64 {
    runs(scenario, &Options::default()) * (1 + conventions(scenario).len() as u64)
}

/// Runs the scenario as it is and under every other convention.
pub fn survivals(scenario: &Scenario, observer: &impl Observer) -> Survivals {
    let base = run(scenario, &Options::default(), observer);
    let others = conventions(scenario).into_iter().map(|convention| {
        let (other, order) = under(scenario, &convention.change);
        let options = Options { order, ..Options::default() };
        compare(convention.name, &base.report, &run(&other, &options, observer).report)
    });
    let others = others.collect();
    Survivals { base, others }
}

fn under(scenario: &Scenario, change: &Change) -> (Scenario, Order) {
    let mut other = scenario.clone();
    match change {
        Change::Order(order) => (other, *order),
        Change::Loses => {
            for model in other.points.iter_mut().flat_map(|point| &mut point.models) {
                model.machine.loses = model.machine.loses.other();
            }
            (other, Order::First)
        }
        Change::Policy(from, to) => {
            let models = other.points.iter_mut().flat_map(|point| &mut point.models);
            for model in models.filter(|model| model.machine.policy == *from) {
                model.machine.policy = to.clone();
            }
            (other, Order::First)
        }
    }
}

fn compare(convention: String, base: &Report, other: &Report) -> Survival {
    let points = || base.points.iter().zip(&other.points);
    let schedulers = rivals(base).into_iter().flat_map(|(first, second)| overtaken(base, other, first, second));
    let changes = points().flat_map(|(base, other)| {
        let orders = reordered(base, other).into_iter().map(|words| placed(base, words));
        let before = base.expectations.iter().zip(&other.expectations);
        let flipped = before.filter(|(base, other)| base.holds != other.holds).map(|(_, other)| {
            // What broke an expectation tells its place in a sweep by itself.
            match other.holds {
                true => placed(base, format!("{} now holds: {}", other.expectation, other.found)),
                false => format!("{} no longer holds: {}", other.expectation, other.found),
            }
        });
        orders.chain(flipped).collect::<Vec<String>>()
    });
    let changes = schedulers.chain(changes).collect();
    let moved = points().flat_map(|(base, other)| moved(base, other));
    let largest = moved.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, words)| words);
    let checked = other.points.iter().flat_map(|point| &point.expectations);
    let held = (checked.clone().filter(|checked| checked.holds).count(), checked.count());
    Survival { convention, changes, largest, held }
}

/// Tells where in a sweep it is.
fn placed(point: &Point, words: String) -> String {
    let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
    if settings.is_empty() { words } else { format!("{words} (at {})", settings.join(", ")) }
}

/// What models are compared by: the time for all of the work, else the work of a time; smaller is better.
fn score(model: &ModelFigures, finished: bool) -> f64 {
    if finished { model.makespan.mean } else { -model.throughput.mean }
}

fn finished(point: &Point) -> bool {
    point.models.iter().flat_map(|model| &model.runs).all(|run| run.outcome == "finished")
}

/// Pairs of models whose order is another one.
fn reordered(base: &Point, other: &Point) -> Vec<String> {
    let by_time = finished(base) && finished(other);
    let mut found = Vec::new();
    for (a, first) in base.models.iter().enumerate() {
        for (b, second) in base.models.iter().enumerate().skip(a + 1) {
            let before = gap(score(first, by_time), score(second, by_time));
            let after = gap(score(&other.models[a], by_time), score(&other.models[b], by_time));
            let (was, is) = (relation(before), relation(after));
            // A pair that was just level, and now just is not, is no news.
            if was != is && (before - after).abs() > LEVEL {
                let (first, second) = (&first.model, &second.model);
                found.push(format!("{first} {is} {second}; as written it {was} it"));
            }
        }
    }
    found
}

/// The setting by which a sweep compares schedulers.
const SCHEDULER: &str = "machine.scheduler";

/// Pairs of points of a sweep that differ in nothing but the scheduler, by index.
pub fn rivals(report: &Report) -> Vec<(usize, usize)> {
    let points = &report.points;
    let rest = |point: usize| points[point].settings.iter().filter(|(path, _)| path.as_str() != SCHEDULER);
    let pairs = (0..points.len()).flat_map(|first| (first + 1..points.len()).map(move |second| (first, second)));
    pairs.filter(|(first, second)| rest(*first).eq(rest(*second))).collect()
}

/// Models whose mean response under the first scheduler has another relation to that under the second.
fn overtaken(base: &Report, other: &Report, first: usize, second: usize) -> Vec<String> {
    let scheduler = |point: usize| base.points[point].settings.get(SCHEDULER).map_or("", String::as_str);
    let mut found = Vec::new();
    for (number, model) in base.points[first].models.iter().enumerate() {
        let mean = |report: &Report, point: usize| {
            report.points[point].models.get(number).map_or(0.0, |model| model.response.mean)
        };
        let before = gap(mean(base, first), mean(base, second));
        let after = gap(mean(other, first), mean(other, second));
        let (was, is) = (relation(before), relation(after));
        if was != is && (before - after).abs() > LEVEL {
            let (name, first, second) = (&model.model, scheduler(first), scheduler(second));
            found.push(format!("{name}: {first} {is} {second} in mean response; as written it {was} it"));
        }
    }
    found
}

/// By how much the first is behind the second, relative to the larger of them.
fn gap(first: f64, second: f64) -> f64 {
    let most = first.abs().max(second.abs());
    if most > 0.0 { (first - second) / most } else { 0.0 }
}

fn relation(gap: f64) -> &'static str {
    if gap < -LEVEL {
        "beats"
    } else if gap > LEVEL {
        "loses to"
    } else {
        "is level with"
    }
}

/// Figures that moved by more than [`LEVEL`]: by which factor, and in words.
fn moved(base: &Point, other: &Point) -> Vec<(f64, String)> {
    let mut found = Vec::new();
    for (base_model, other_model) in base.models.iter().zip(&other.models) {
        let p99 = |model: &ModelFigures| model.runs.first().map_or(0.0, |run| run.response.p99.0 as f64);
        let mut figures = vec![
            ("makespan".to_owned(), base_model.makespan.mean, other_model.makespan.mean, true),
            ("jobs/s".to_owned(), base_model.throughput.mean, other_model.throughput.mean, false),
            ("mean response".to_owned(), base_model.response.mean, other_model.response.mean, true),
            ("p99".to_owned(), p99(base_model), p99(other_model), true),
        ];
        let (before, after) = (base_model.runs.first(), other_model.runs.first());
        for (before, after) in
            before.zip(after).into_iter().flat_map(|(before, after)| before.tasks.iter().zip(&after.tasks))
        {
            let name = format!("mean response of {}", before.task);
            figures.push((name, before.response.mean, after.response.mean, true));
        }
        for (name, before, after, time) in figures {
            let most = gap(after, before).abs();
            if most > LEVEL {
                let write = |value: f64| if time { axis::duration(value) } else { axis::number(value) };
                let words = format!("{}: {name} {} instead of {}", base_model.model, write(after), write(before));
                found.push((most, placed(base, words)));
            }
        }
    }
    found
}
