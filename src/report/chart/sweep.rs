//! What changes over a sweep of one number: a panel per figure, a line per model.

use super::frame::{self, EndLabel, MARGIN, RIGHT, WIDTH};
use super::{Drawn, axis};
use crate::metrics::figures::{Interval, ModelFigures, Report};
use crate::report::scene::{Canvas, Label, Token};
use crate::time::Duration;

/// Height of a panel, and from one to the next.
const PANEL: f64 = 190.0;
const PITCH: f64 = 240.0;
const TOP: f64 = 108.0;

/// The picture, or none if not exactly one number is swept, or models differ between points.
pub fn draw(report: &Report) -> Option<Drawn> {
    let (path, at) = swept(report)?;
    let panels: Vec<Panel> = [speed(report), tail(report)].into_iter().flatten().collect();
    let names: Vec<String> = panels.iter().map(|panel| panel.about.to_owned()).collect();
    let title = format!("{} by {path}", names.join(" and "));
    let height = TOP + PITCH * panels.len() as f64 + 16.0;
    let canvas = Canvas::new(WIDTH, height as u32, &title);
    frame::heading(&canvas, &title, &subtitle(report));
    let models: Vec<String> = report.points[0].models.iter().map(|model| model.model.clone()).collect();
    let labels_at = (RIGHT - frame::label_room(&models, 60.0) + 24.0).round();
    let across = Across::new(at, (76.0, labels_at - 28.0));
    for (index, panel) in panels.iter().enumerate() {
        let top = TOP + PITCH * index as f64;
        panel.draw(&canvas, &across, (top, top + PANEL), &models, labels_at);
    }
    let middle = (across.x.0 + across.x.1) / 2.0;
    let label = across.label(&path);
    canvas.text((middle, height - 14.0), &Label::new(&label).size(12.0).token(Token::Muted).middle());
    Some(Drawn { stem: "sweep".to_owned(), scene: canvas.finish() })
}

/// The swept path and its values, ascending or not as they are written.
fn swept(report: &Report) -> Option<(String, Values)> {
    let first = report.points.first().filter(|first| first.settings.len() == 1 && report.points.len() > 1)?;
    let (path, _) = first.settings.first()?;
    let names = |index: usize| report.points[index].models.iter().map(|model| &model.model);
    if !(1..report.points.len()).all(|index| names(0).eq(names(index))) {
        return None;
    }
    let written = report.points.iter().map(|point| point.settings.get(path).map(|value| value.trim_matches('"')));
    let written: Vec<&str> = written.collect::<Option<Vec<&str>>>()?;
    let numbers: Option<Vec<f64>> = written.iter().map(|value| value.parse::<f64>().ok()).collect();
    let nanoseconds = |value: &&str| Duration::parse(value).ok().map(|time| time.0 as f64);
    let (numbers, time) = match numbers {
        Some(numbers) => (numbers, false),
        None => (written.iter().map(nanoseconds).collect::<Option<Vec<f64>>>()?, true),
    };
    numbers.iter().all(|number| number.is_finite()).then(|| (path.clone(), Values { numbers, time }))
}

struct Values {
    numbers: Vec<f64>,
    /// Nanoseconds rather than plain numbers.
    time: bool,
}

fn subtitle(report: &Report) -> String {
    let runs = report.points.iter().flat_map(|point| &point.models).map(|model| model.runs.len()).max().unwrap_or(0);
    let seeds = match runs {
        1 => "one seed".to_owned(),
        runs => format!("{runs} seeds: means with 95 % confidence intervals as bars; p99 of the first seed"),
    };
    format!("{}: points are what was run, lines only lead from one to the next; {seeds}", report.title)
}

/// The horizontal axis.
struct Across {
    values: Values,
    x: (f64, f64),
    /// Distances are ratios.
    log: bool,
}

impl Across {
    fn new(values: Values, x: (f64, f64)) -> Across {
        let (low, high) = ends(&values.numbers);
        let log = low > 0.0 && high / low >= 8.0;
        Across { values, x, log }
    }

    fn at(&self, value: f64) -> f64 {
        let place = |value: f64| if self.log { libm::log2(value) } else { value };
        let (low, high) = ends(&self.values.numbers);
        let share = if high > low { (place(value) - place(low)) / (place(high) - place(low)) } else { 0.5 };
        // The first and the last point stand free of the ends.
        self.x.0 + 24.0 + share * (self.x.1 - self.x.0 - 48.0)
    }

    fn words(&self, value: f64) -> String {
        if self.values.time { axis::duration(value) } else { axis::number(value) }
    }

    fn label(&self, path: &str) -> String {
        if self.log { format!("{path} (logarithmic)") } else { path.to_owned() }
    }

    /// Ticks at the values that were run, as far as their numbers have room.
    fn draw(&self, canvas: &Canvas, y: f64) {
        canvas.rect(Token::Axis, (self.x.0, y), (self.x.1, y + 1.0));
        let mut sorted = self.values.numbers.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let mut free = f64::NEG_INFINITY;
        for value in sorted {
            let x = self.at(value);
            canvas.rect(Token::Axis, (x - 0.5, y), (x + 0.5, y + 5.0));
            if x >= free {
                free = x + 56.0;
                let words = self.words(value);
                canvas.text((x, y + 19.0), &Label::new(&words).size(12.0).token(Token::Muted).middle());
            }
        }
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)))
}

/// One figure of every model at every point.
struct Panel {
    about: &'static str,
    label: &'static str,
    /// Nanoseconds rather than plain numbers.
    time: bool,
    /// By point, then by model.
    figures: Vec<Vec<Interval>>,
}

/// The makespan where all runs end by themselves, else the rate of completed jobs.
fn speed(report: &Report) -> Option<Panel> {
    let models = || report.points.iter().flat_map(|point| &point.models);
    let finished = models().flat_map(|model| &model.runs).all(|run| run.outcome == "finished");
    let of = |figure: fn(&ModelFigures) -> Interval| {
        report.points.iter().map(|point| point.models.iter().map(figure).collect()).collect()
    };
    Some(match finished {
        true => Panel { about: "Makespan", label: "makespan", time: true, figures: of(|model| model.makespan) },
        false => Panel { about: "Throughput", label: "jobs/s", time: false, figures: of(|model| model.throughput) },
    })
}

/// The 99th percentile of the response time, if every run completed something.
fn tail(report: &Report) -> Option<Panel> {
    let p99 = |model: &ModelFigures| {
        let response = &model.runs.first().filter(|run| run.response.count > 0)?.response;
        Some(Interval { mean: response.p99.0 as f64, half_width: 0.0 })
    };
    let point = |models: &Vec<ModelFigures>| models.iter().map(p99).collect::<Option<Vec<Interval>>>();
    let figures = report.points.iter().map(|point_| point(&point_.models)).collect::<Option<Vec<_>>>()?;
    Some(Panel { about: "p99 response", label: "p99", time: true, figures })
}

impl Panel {
    fn draw(&self, canvas: &Canvas, across: &Across, y: (f64, f64), models: &[String], labels_at: f64) {
        let all = self.figures.iter().flatten();
        let highest = all.map(|figure| figure.mean + figure.half_width).fold(0.0, f64::max);
        let top = if highest > 0.0 { highest * 1.06 } else { 1.0 };
        let unit = axis::unit(if self.time { highest } else { 0.0 });
        let scale = if self.time { unit.ns } else { 1.0 };
        let height = |value: f64| y.1 - (y.1 - y.0) * value / top;
        for tick in axis::ticks(top / scale) {
            let line = height(tick * scale).round();
            canvas.rect(Token::Grid, (across.x.0, line - 0.5), (across.x.1, line + 0.5));
            let words = axis::number(tick);
            canvas.text((across.x.0 - 10.0, line + 4.3), &Label::new(&words).size(12.0).token(Token::Muted).end());
        }
        let label = if self.time { format!("{} ({})", self.label, unit.name) } else { self.label.to_owned() };
        canvas.text((MARGIN, y.0 - 18.0), &Label::new(&label).size(12.0).token(Token::Muted));
        across.draw(canvas, y.1);
        let mut labels = Vec::new();
        for (index, name) in models.iter().enumerate() {
            let tokens = Token::series(index);
            let mut points: Vec<(f64, Interval)> =
                across.values.numbers.iter().zip(&self.figures).map(|(x, row)| (across.at(*x), row[index])).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let line: Vec<(f64, f64)> = points.iter().map(|(x, figure)| (*x, height(figure.mean))).collect();
            canvas.line(tokens.0, 1.8, &line);
            for ((x, figure), at) in points.iter().zip(&line) {
                let (low, high) = ((figure.mean - figure.half_width).max(0.0), figure.mean + figure.half_width);
                if figure.half_width > 0.0 {
                    canvas.line(tokens.0, 1.0, &[(*x, height(low)), (*x, height(high))]);
                }
                canvas.dot(tokens.0, *at, 3.0);
            }
            let (Some((_, last)), Some(from)) = (points.last(), line.last()) else { continue };
            let figure = if self.time { axis::duration(last.mean) } else { axis::number(last.mean) };
            labels.push(EndLabel { tokens, name: name.clone(), figure, from: *from });
        }
        frame::end_labels(canvas, &labels, labels_at, y);
    }
}
