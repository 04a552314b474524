//! Figures as rows of words: one table per question. The terminal and the page show the same ones.

use super::chart::axis;
use crate::metrics::figures::{Figures, Interval, ModelFigures, Point, Printed, Report, Summary, TaskFigures};

/// A table: its title, its heads, its rows. The first columns that name something are aligned to the left.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Empty if it needs none.
    pub title: String,
    /// One per column.
    pub heads: Vec<String>,
    /// Cells of each row, as many as there are heads.
    pub rows: Vec<Vec<String>>,
    /// How many of the first columns name something; the others are numbers.
    pub names: usize,
}

impl Grid {
    fn new(title: &str, names: usize, heads: &[&str]) -> Grid {
        Grid {
            title: title.to_owned(),
            heads: heads.iter().map(|&head| head.to_owned()).collect(),
            rows: Vec::new(),
            names,
        }
    }

    /// Without columns that say nothing in any row.
    fn without_empty_columns(mut self) -> Grid {
        for column in (self.names..self.heads.len()).rev() {
            if self.rows.iter().all(|row| matches!(row[column].as_str(), "" | "–" | "0" | "0 %")) {
                self.heads.remove(column);
                self.rows.iter_mut().for_each(|row| drop(row.remove(column)));
            }
        }
        self
    }
}

const NOTHING: &str = "–";

/// Whether the makespan says something: no run ended with the clock or irregularly.
fn finished(model: &ModelFigures) -> bool {
    model.runs.iter().all(|run| run.outcome == "finished")
}

fn makespan(model: &ModelFigures) -> String {
    if finished(model) { interval(model.makespan, axis::duration) } else { NOTHING.to_owned() }
}

/// Every model at every point of a sweep; `None` if nothing is swept.
pub fn sweep(report: &Report) -> Option<Grid> {
    let first = report.points.first().filter(|_| report.points.len() > 1)?;
    let paths: Vec<&str> = first.settings.keys().map(String::as_str).collect();
    let alone = report.points.iter().all(|point| point.models.len() == 1);
    let over = if alone { "the first point".to_owned() } else { first.baseline.clone() };
    let figures = ["model", "makespan", "jobs/s", "response", "p50", "p99", "missed", "refused", "failed", "speed-up"];
    let heads = [paths.as_slice(), &figures].concat();
    let mut grid = Grid::new(&format!("All points; speed-up over {over}"), paths.len() + 1, &heads);
    for point in &report.points {
        for (model, run) in firsts(point) {
            let speedup = match (alone, first.models.first()) {
                (true, Some(base)) if finished(base) && finished(model) && model.makespan.mean > 0.0 => {
                    ratio(base.makespan.mean / model.makespan.mean)
                }
                (true, _) => NOTHING.to_owned(),
                (false, _) => model.speedup.map_or_else(|| NOTHING.to_owned(), |speedup| interval(speedup, ratio)),
            };
            let setting = |path: &&str| point.settings.get(*path).map_or_else(String::new, String::clone);
            let mut row: Vec<String> = paths.iter().map(setting).collect();
            row.extend(load(model, run));
            row.extend([
                lost(run, |task| task.missed),
                lost(run, |task| task.refused),
                lost(run, |task| task.failed),
                speedup,
            ]);
            grid.rows.push(row);
        }
    }
    let same = ratio(1.0);
    let says = |row: &Vec<String>| row.last().is_some_and(|cell| *cell != same && cell != NOTHING);
    if alone && !grid.rows.iter().any(says) {
        // Schedulers, say, that differ in who is done when.
        grid.title = "All points".to_owned();
        grid.rows.iter_mut().filter_map(|row| row.last_mut()).for_each(|cell| NOTHING.clone_into(cell));
    }
    Some(grid.without_empty_columns())
}

/// How many jobs of all tasks together that count them.
fn lost(run: &Figures, count: impl Fn(&TaskFigures) -> Option<u64>) -> String {
    let sum = run.tasks.iter().filter_map(count).reduce(|sum, count| sum + count);
    sum.map_or_else(|| NOTHING.to_owned(), axis::count)
}

/// What a model did and how soon, as every overview begins.
fn load(model: &ModelFigures, run: &Figures) -> [String; 6] {
    [
        model.model.clone(),
        makespan(model),
        interval(model.throughput, axis::number),
        if run.response.count == 0 { NOTHING.to_owned() } else { interval(model.response, axis::duration) },
        sampled(&run.response, |response| response.p50.0 as f64),
        sampled(&run.response, |response| response.p99.0 as f64),
    ]
}

/// All models against each other.
pub fn overview(point: &Point) -> Grid {
    let heads =
        ["model", "makespan", "jobs/s", "response", "p50", "p99", "cores", "GIL", "ctx sw", "migrations", "speed-up"];
    let mut grid = Grid::new("", 1, &heads);
    for model in &point.models {
        let Some(run) = model.runs.first() else { continue };
        let held = run.gils.iter().map(|gil| gil.held).reduce(f64::max);
        let mut row = load(model, run).to_vec();
        row.extend([
            axis::percent(run.utilization),
            held.map_or_else(|| NOTHING.to_owned(), axis::percent),
            axis::count(run.voluntary + run.involuntary),
            axis::count(run.migrations),
            model.speedup.map_or_else(|| NOTHING.to_owned(), |speedup| interval(speedup, ratio)),
        ]);
        grid.rows.push(row);
    }
    grid.without_empty_columns()
}

/// The other tables, without those that have nothing to say. All are of the first run.
pub fn details(point: &Point) -> Vec<Grid> {
    let all = [states(point), gils(point), loops(point), devices(point), connections(point), tasks(point)];
    let mut all: Vec<Grid> =
        all.into_iter().filter(|grid| !grid.rows.is_empty()).map(Grid::without_empty_columns).collect();
    // A column is a model here, and a zero says as much as any number.
    all.extend(Some(finals(point)).filter(|grid| !grid.rows.is_empty()));
    all
}

fn firsts(point: &Point) -> impl Iterator<Item = (&ModelFigures, &Figures)> {
    point.models.iter().filter_map(|model| Some((model, model.runs.first()?)))
}

fn states(point: &Point) -> Grid {
    let heads = [
        "model",
        "of",
        "running",
        "native",
        "switching",
        "ready",
        "GIL",
        "lock",
        "signal",
        "IO",
        "sleeping",
        "join",
        "idle",
    ];
    let mut grid = Grid::new("Where time went, as shares of all lives", 2, &heads);
    for (model, run) in firsts(point) {
        for (of, times) in [("threads", &run.threads), ("coroutines", &run.coroutines)] {
            let parts = times.parts().map(|time| time.0);
            let life: u64 = parts.iter().sum();
            if life > 0 {
                let shares = parts.iter().map(|&part| axis::percent(part as f64 / life as f64));
                grid.rows.push([model.model.clone(), of.to_owned()].into_iter().chain(shares).collect());
            }
        }
    }
    grid
}

fn gils(point: &Point) -> Grid {
    let heads =
        ["model", "process", "held", "hand-overs", "requests", "forced", "mean hold", "p99", "mean wait", "p99"];
    let mut grid = Grid::new("The GIL", 2, &heads);
    for (model, run) in firsts(point) {
        // A GIL that nobody wants twice is not worth a line; of several processes the busiest is enough.
        let wanted = run.gils.iter().filter(|gil| gil.switches > 0 || gil.requests > 0);
        if let Some(gil) = wanted.max_by(|a, b| a.held.total_cmp(&b.held)) {
            let of = if run.gils.len() > 1 { format!("{} of {}", gil.process, run.gils.len()) } else { "0".to_owned() };
            grid.rows.push(vec![
                model.model.clone(),
                of,
                axis::percent(gil.held),
                axis::count(gil.switches),
                axis::count(gil.requests),
                axis::count(gil.forced),
                sampled(&gil.hold, |hold| hold.mean),
                sampled(&gil.hold, |hold| hold.p99.0 as f64),
                sampled(&gil.wait, |wait| wait.mean),
                sampled(&gil.wait, |wait| wait.p99.0 as f64),
            ]);
        }
    }
    grid
}

fn loops(point: &Point) -> Grid {
    let heads = ["model", "resumptions", "mean", "p50", "p99", "max", "slow", "longest", "of"];
    let mut grid = Grid::new("Loop lag: from ready to running", 1, &heads);
    for (model, run) in firsts(point) {
        if let Some(lag) = &run.loop_lag {
            let mut row = vec![model.model.clone(), axis::count(lag.count)];
            row.extend(percentiles(lag));
            let slow = run.slow_callbacks.as_ref();
            row.push(slow.map_or_else(|| NOTHING.to_owned(), |slow| axis::count(slow.count)));
            let longest = slow.and_then(|slow| slow.longest);
            row.push(longest.map_or_else(|| NOTHING.to_owned(), |longest| axis::duration(longest.0 as f64)));
            row.push(slow.and_then(|slow| slow.of.clone()).unwrap_or_else(|| NOTHING.to_owned()));
            grid.rows.push(row);
        }
    }
    grid
}

/// Mean, p50, p99, greatest.
fn percentiles(summary: &Summary) -> [String; 4] {
    [
        sampled(summary, |summary| summary.mean),
        sampled(summary, |summary| summary.p50.0 as f64),
        sampled(summary, |summary| summary.p99.0 as f64),
        sampled(summary, |summary| summary.max.0 as f64),
    ]
}

fn devices(point: &Point) -> Grid {
    let heads = ["device", "model", "requests", "busy", "mean", "p50", "p99", "max"];
    let mut grid = Grid::new("Devices: from submission to completion", 2, &heads);
    let devices = firsts(point).next().map_or(0, |(_, run)| run.devices.len());
    for index in 0..devices {
        for (model, run) in firsts(point) {
            let device = &run.devices[index];
            // More than all of it: an unlimited device with that many requests at once.
            let busy = if device.utilization > 1.0 {
                format!("{}x", axis::number(device.utilization))
            } else {
                axis::percent(device.utilization)
            };
            let mut row = vec![device.device.clone(), model.model.clone(), axis::count(device.completed), busy];
            row.extend(percentiles(&device.response));
            grid.rows.push(row);
        }
    }
    grid
}

fn connections(point: &Point) -> Grid {
    let heads = ["peer", "model", "connected", "accepted", "refused", "in vain", "timed out", "served", "mean", "p99"];
    let mut grid = Grid::new("Connections", 2, &heads);
    let peers = firsts(point).next().map_or(0, |(_, run)| run.network.len());
    let some = |count: u64| if count == 0 { NOTHING.to_owned() } else { axis::count(count) };
    for index in 0..peers {
        for (model, run) in firsts(point) {
            let peer = &run.network[index];
            let mut row = vec![peer.peer.clone(), model.model.clone()];
            row.extend([peer.connected, peer.accepted, peer.refused, peer.in_vain, peer.timed_out].map(some));
            let served = peer.served.as_ref();
            row.push(served.map_or_else(|| NOTHING.to_owned(), |served| axis::count(served.count)));
            row.push(served.map_or_else(|| NOTHING.to_owned(), |served| sampled(served, |served| served.mean)));
            row.push(served.map_or_else(|| NOTHING.to_owned(), |served| sampled(served, |served| served.p99.0 as f64)));
            grid.rows.push(row);
        }
    }
    grid
}

fn tasks(point: &Point) -> Grid {
    let mut heads =
        vec!["task", "model", "completed", "jobs/s", "response", "p50", "p99", "wait", "service", "missed", "refused"];
    let failed = |run: &Figures| run.tasks.iter().any(|task| task.failed.is_some());
    let fails = firsts(point).any(|(_, run)| failed(run));
    heads.extend(fails.then_some("failed"));
    let mut grid = Grid::new("Tasks", 2, &heads);
    let tasks = firsts(point).next().map_or(0, |(_, run)| run.tasks.len());
    // One task alone is in the overview, but for what became of its jobs.
    let lost = |run: &Figures| run.tasks.iter().any(|task| task.missed.is_some() || task.refused.is_some());
    let lost = fails || firsts(point).any(|(_, run)| lost(run));
    for index in 0..if tasks > 1 || lost { tasks } else { 0 } {
        for (model, run) in firsts(point) {
            let task = &run.tasks[index];
            if task.arrived == 0 && task.completed == 0 {
                continue;
            }
            let mut row = vec![
                task.task.clone(),
                model.model.clone(),
                axis::count(task.completed),
                axis::number(task.throughput),
                sampled(&task.response, |response| response.mean),
                sampled(&task.response, |response| response.p50.0 as f64),
                sampled(&task.response, |response| response.p99.0 as f64),
                sampled(&task.wait, |wait| wait.mean),
                sampled(&task.service, |service| service.mean),
                task.missed.map_or_else(|| NOTHING.to_owned(), axis::count),
                task.refused.map_or_else(|| NOTHING.to_owned(), axis::count),
            ];
            row.extend(fails.then(|| task.failed.map_or_else(|| NOTHING.to_owned(), axis::count)));
            grid.rows.push(row);
        }
    }
    grid
}

/// Last values, from the least to the greatest of the runs.
fn finals(point: &Point) -> Grid {
    let heads: Vec<&str> =
        ["variable"].into_iter().chain(point.models.iter().map(|model| model.model.as_str())).collect();
    let mut grid = Grid::new("Shared variables at the end", 1, &heads);
    let names = firsts(point).next().map(|(_, run)| run.finals.keys().cloned().collect::<Vec<String>>());
    for name in names.unwrap_or_default() {
        let range = |model: &ModelFigures| {
            let values = || model.runs.iter().filter_map(|run| run.finals.get(&name));
            match (values().min(), values().max()) {
                (Some(least), Some(most)) if least == most => least.to_string(),
                (Some(least), Some(most)) => format!("{least} to {most}"),
                _ => NOTHING.to_owned(),
            }
        };
        grid.rows.push([name.clone()].into_iter().chain(point.models.iter().map(range)).collect());
    }
    grid
}

/// Lines shown of what a model's programs print.
const PRINTS: usize = 12;

/// What the programs of the first run of each model printed: a title and lines.
pub fn prints(point: &Point) -> Vec<(String, Vec<String>)> {
    let of = |(model, run): (&ModelFigures, &Figures)| {
        let shown: Vec<&Printed> = run.prints.iter().take(PRINTS).collect();
        let who = shown.iter().map(|printed| printed.who.chars().count()).max()?;
        let line = |printed: &&Printed| {
            let at = axis::duration(printed.at.0 as f64);
            format!("{at:>8}  {:who$}  {}", printed.who, printed.text.escape_debug())
        };
        let mut lines: Vec<String> = shown.iter().map(line).collect();
        if run.prints.len() > PRINTS {
            let more = (run.prints.len() - PRINTS) as u64 + run.prints_beyond;
            let all = if run.prints_beyond == 0 { "" } else { " (the first 1,000)" };
            lines.push(format!("... and {more} lines more, in figures.json{all}"));
        }
        Some((format!("{} prints", model.model), lines))
    };
    firsts(point).filter_map(of).collect()
}

/// The longest chain of tasks, if they form chains.
pub fn critical_path(point: &Point) -> Option<String> {
    let path = firsts(point).next()?.1.critical_path.as_ref()?;
    let length = axis::duration(path.length.0 as f64);
    Some(format!("Critical path, {length}: {}", path.tasks.join(" -> ")))
}

/// Under what circumstances, above the tables of a point.
pub fn circumstances(point: &Point) -> String {
    let runs = point.models.iter().map(|model| model.runs.len()).max().unwrap_or(0);
    let seed = point.models.iter().flat_map(|model| &model.runs).map(|run| run.seed).next().unwrap_or(0);
    let luck = if runs > 1 {
        format!("{runs} runs from seed {seed} on: means ± 95 % confidence; the rest is of the first run")
    } else {
        format!("seed {seed}")
    };
    format!("{}; {luck}", point.machine)
}

fn sampled(summary: &Summary, figure: impl Fn(&Summary) -> f64) -> String {
    if summary.count == 0 { NOTHING.to_owned() } else { axis::duration(figure(summary)) }
}

fn ratio(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}x") } else { format!("{}x", axis::number(value)) }
}

/// The half width of a confidence interval as a share of the mean: it needs no unit and little room.
fn interval(interval: Interval, write: fn(f64) -> String) -> String {
    if interval.half_width > 0.0 && interval.mean > 0.0 {
        format!("{} ±{:.1}%", write(interval.mean), interval.half_width / interval.mean * 100.0)
    } else {
        write(interval.mean)
    }
}
