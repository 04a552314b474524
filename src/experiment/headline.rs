//! The one sentence about a scenario that says most.

use crate::metrics::figures::{ModelFigures, Point};
use crate::report::chart::axis;

/// Changes and speed-ups closer to 1 than this are no news.
const NEWS: f64 = 1.05;

/// A failed expectation, else a deadlock or what became of an object, else what changes over the sweep, else the comparison with the largest
/// difference, else the first that there is.
pub fn headline(points: &[Point]) -> String {
    failed(points)
        .or_else(|| ended(points))
        .or_else(|| change(points))
        .or_else(|| comparison(points.first()?))
        .unwrap_or_default()
}

fn failed(points: &[Point]) -> Option<String> {
    let all = || points.iter().flat_map(|point| &point.expectations).filter(|checked| !checked.holds);
    let first = all().next()?;
    let more = match all().count() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    Some(format!("{}: {}{more}", first.expectation, first.found))
}

fn ended(points: &[Point]) -> Option<String> {
    let verdicts = points.iter().flat_map(|point| point.models.iter().zip(&point.verdicts));
    let ended = |model: &ModelFigures| {
        model.runs.iter().any(|run| matches!(&*run.outcome, "deadlock" | "used-after-free" | "leaked"))
    };
    verdicts.filter(|(model, _)| ended(model)).map(|(_, verdict)| verdict.clone()).next()
}

/// What may change over a sweep: its name, its value at every point, and whether that is a time.
type Measure = (String, Vec<f64>, bool);

/// The makespan where runs end by themselves, else what was completed and how late; and how late the jobs of each task.
fn measures(points: &[Point], index: usize) -> Vec<Measure> {
    let over = |of: &dyn Fn(&ModelFigures) -> f64| points.iter().map(|point| of(&point.models[index])).collect();
    let all = points.iter().flat_map(|point| &point.models).flat_map(|model| &model.runs);
    let mut found: Vec<Measure> = if all.clone().all(|run| run.outcome == "finished") {
        vec![("makespan".to_owned(), over(&|model| model.makespan.mean), true)]
    } else {
        let p99 = |model: &ModelFigures| model.runs.first().map_or(0.0, |run| run.response.p99.0 as f64);
        vec![("jobs/s".to_owned(), over(&|model| model.throughput.mean), false), ("p99".to_owned(), over(&p99), true)]
    };
    let tasks = all.map(|run| run.tasks.len()).min().unwrap_or(0);
    let names = points.first().and_then(|point| point.models[index].runs.first()).map_or(&[][..], |run| &run.tasks);
    for (number, task) in names.iter().enumerate().take(tasks).filter(|_| tasks > 1) {
        let p99 = |model: &ModelFigures| model.runs.first().map_or(0.0, |run| run.tasks[number].response.p99.0 as f64);
        found.push((format!("p99 of {}", task.task), over(&p99), true));
    }
    found
}

/// The model that differs most between two points of the sweep.
fn change(points: &[Point]) -> Option<String> {
    let names = |point: &Point| point.models.iter().map(|model| model.model.clone()).collect::<Vec<String>>();
    let (first, others) = points.split_first().filter(|(_, others)| !others.is_empty())?;
    if others.iter().any(|other| names(other) != names(first)) {
        return None;
    }
    let range = |index: usize, (what, values, time): Measure| {
        let values = || points.iter().zip(values.iter().copied());
        let least = values().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let most = values().max_by(|a, b| a.1.total_cmp(&b.1))?;
        (least.1 > 0.0).then_some((most.1 / least.1, index, what, time, least, most))
    };
    let all = (0..first.models.len()).flat_map(|index| measures(points, index).into_iter().map(move |of| (index, of)));
    let all = all.filter_map(|(index, of)| range(index, of));
    let (_, index, what, time, least, most) = all.filter(|found| found.0 >= NEWS).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let model = &first.models[index].model;
    let write = |value: f64| if time { axis::duration(value) } else { axis::number(value) };
    let place = |point: &Point| {
        let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        settings.join(", ")
    };
    let end = |(point, value): (&Point, f64)| format!("{} at {}", write(value), place(point));
    Some(format!("{model}: {what} from {} to {}", end(least), end(most)))
}

fn comparison(point: &Point) -> Option<String> {
    let news = |model: &ModelFigures| {
        let ratio = model.speedup.map_or(1.0, |speedup| speedup.mean);
        if ratio > 0.0 { ratio.max(1.0 / ratio) } else { 1.0 }
    };
    let others = point.models.iter().zip(&point.verdicts).filter(|(model, _)| model.model != point.baseline);
    let best = others.clone().max_by(|a, b| news(a.0).total_cmp(&news(b.0)));
    let chosen = best.filter(|(model, _)| news(model) >= NEWS).or_else(|| others.clone().next());
    chosen.map(|(_, verdict)| verdict.clone()).or_else(|| point.verdicts.first().cloned())
}
