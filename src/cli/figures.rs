//! Figures as rows of words: one table per question.

use gilsim::metrics::figures::{Figures, Interval, ModelFigures, Point, StateTimes, Summary};
use gilsim::report::chart::axis;

/// A table: its title, its heads, its rows. The first columns that name something are aligned to the left.
pub struct Grid {
    pub title: &'static str,
    pub heads: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub names: usize,
}

impl Grid {
    fn new(title: &'static str, names: usize, heads: &[&str]) -> Grid {
        Grid { title, heads: heads.iter().map(|&head| head.to_owned()).collect(), rows: Vec::new(), names }
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

/// All models against each other.
pub fn overview(point: &Point) -> Grid {
    let heads = ["model", "makespan", "jobs/s", "response", "p50", "p99", "cores", "GIL", "ctx sw", "speed-up"];
    let mut grid = Grid::new("", 1, &heads);
    for model in &point.models {
        let Some(run) = model.runs.first() else { continue };
        let held = run.gils.iter().map(|gil| gil.held).reduce(f64::max);
        grid.rows.push(vec![
            model.model.clone(),
            interval(model.makespan, axis::duration),
            interval(model.throughput, axis::number),
            if run.response.count == 0 { NOTHING.to_owned() } else { interval(model.response, axis::duration) },
            sampled(&run.response, |response| response.p50.0 as f64),
            sampled(&run.response, |response| response.p99.0 as f64),
            axis::percent(run.utilization),
            held.map_or_else(|| NOTHING.to_owned(), axis::percent),
            axis::count(run.voluntary + run.involuntary),
            model.speedup.map_or_else(|| NOTHING.to_owned(), |speedup| interval(speedup, ratio)),
        ]);
    }
    grid
}

/// The other tables, without those that have nothing to say. All are of the first run.
pub fn details(point: &Point) -> Vec<Grid> {
    let all = [states(point), gils(point), loops(point), devices(point), tasks(point)];
    all.into_iter().filter(|grid| !grid.rows.is_empty()).map(Grid::without_empty_columns).collect()
}

fn firsts(point: &Point) -> impl Iterator<Item = (&ModelFigures, &Figures)> {
    point.models.iter().filter_map(|model| Some((model, model.runs.first()?)))
}

fn states(point: &Point) -> Grid {
    let heads =
        ["model", "of", "running", "native", "switching", "ready", "GIL", "lock", "IO", "sleeping", "join", "idle"];
    let mut grid = Grid::new("Where time went, as shares of all lives", 2, &heads);
    for (model, run) in firsts(point) {
        for (of, times) in [("threads", &run.threads), ("coroutines", &run.coroutines)] {
            let parts = parts(times);
            let life: u64 = parts.iter().sum();
            if life > 0 {
                let shares = parts.iter().map(|&part| axis::percent(part as f64 / life as f64));
                grid.rows.push([model.model.clone(), of.to_owned()].into_iter().chain(shares).collect());
            }
        }
    }
    grid
}

fn parts(times: &StateTimes) -> [u64; 10] {
    let StateTimes { running, native, switching, ready, gil, lock, io, sleeping, join, idle } = *times;
    [running, native, switching, ready, gil, lock, io, sleeping, join, idle].map(|time| time.0)
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
    let heads = ["model", "resumptions", "mean", "p50", "p99", "max"];
    let mut grid = Grid::new("Loop lag: from ready to running", 1, &heads);
    for (model, run) in firsts(point) {
        if let Some(lag) = &run.loop_lag {
            let mut row = vec![model.model.clone(), axis::count(lag.count)];
            row.extend(percentiles(lag));
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

fn tasks(point: &Point) -> Grid {
    let heads = ["task", "model", "completed", "jobs/s", "response", "p50", "p99", "wait", "service", "missed"];
    let mut grid = Grid::new("Tasks", 2, &heads);
    let tasks = firsts(point).next().map_or(0, |(_, run)| run.tasks.len());
    // One task alone is in the overview, but for its deadlines.
    let deadlines = firsts(point).any(|(_, run)| run.tasks.iter().any(|task| task.missed.is_some()));
    for index in 0..if tasks > 1 || deadlines { tasks } else { 0 } {
        for (model, run) in firsts(point) {
            let task = &run.tasks[index];
            grid.rows.push(vec![
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
            ]);
        }
    }
    grid
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
