//! Response time by percentile, all models in one picture, both axes logarithmic; job by job while there are few.

use super::frame::{self, EndLabel, MARGIN, RIGHT, WIDTH};
use super::{Drawn, Subject, axis, strip};
use crate::report::latency::Latency;
use crate::report::scene::canvas::data_line;
use crate::report::scene::{Canvas, Label, Token, Weight, font};

const HEIGHT: u32 = 460;
const Y: (f64, f64) = (108.0, 404.0);
const PERCENTILES: [(f64, &str); 6] =
    [(0.5, "50"), (0.9, "90"), (0.99, "99"), (0.999, "99.9"), (0.9999, "99.99"), (0.99999, "99.999")];

/// One picture, or none if no model has a completed job.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    if subject.models.iter().all(|model| model.latency.count() == 0) {
        return Vec::new();
    }
    if subject.models.iter().all(|model| model.latency.each().is_some()) {
        return strip::draw(subject);
    }
    let title = title(subject);
    let canvas = Canvas::new(WIDTH, HEIGHT, &title);
    frame::heading(&canvas, &title, &subtitle(subject));
    plot(&canvas, subject);
    vec![Drawn { stem: "latency".to_owned(), scene: canvas.finish() }]
}

/// Place of a percentile on the x axis: -log10(1 - p).
fn nines(p: f64) -> f64 {
    -libm::log10(1.0 - p)
}

/// How many jobs must remain beyond the end of a curve: ten; one if there are too few jobs for that.
fn beyond(count: u64) -> f64 {
    if count >= 100 { 10.0 } else { 1.0 }
}

fn curve(latency: &Latency) -> Vec<(f64, f64)> {
    if latency.count() == 0 {
        return Vec::new();
    }
    let last = nines(1.0 - (beyond(latency.count()) / latency.count() as f64).min(1.0)).max(0.0);
    let steps = ((last * 100.0) as usize).max(1);
    let at = |index: usize| {
        let x = last * index as f64 / steps as f64;
        (x, latency.at(1.0 - libm::pow(10.0, -x)).max(1.0))
    };
    (0..=steps).map(at).collect()
}

fn plot(canvas: &Canvas, subject: &Subject<'_>) {
    let curves: Vec<Vec<(f64, f64)>> = subject.models.iter().map(|model| curve(&model.latency)).collect();
    let values = || curves.iter().flatten().map(|(_, value)| *value);
    let (least, most) = (values().fold(f64::MAX, f64::min), values().fold(1.0, f64::max));
    let unit = axis::unit(most);
    let spare = if most < least * 2.0 { 1.6 } else { 1.15 };
    let (low, high) = (least / spare, most * spare);
    let widest = curves.iter().flatten().map(|(x, _)| *x).fold(1.0, f64::max) * 1.02;
    let names: Vec<String> = subject.models.iter().map(|model| model.name.clone()).collect();
    let labels_at = (RIGHT - frame::label_room(&names, 0.0) + 24.0).round();
    let x = (76.0, labels_at - 28.0);
    let across = |nines: f64| x.0 + (x.1 - x.0) * nines / widest;
    let height = |ns: f64| Y.1 - (Y.1 - Y.0) * libm::log(ns / low) / libm::log(high / low);
    for tick in axis::log_ticks(low / unit.ns, high / unit.ns) {
        let y = height(tick * unit.ns).round();
        canvas.rect(Token::Grid, (x.0, y - 0.5), (x.1, y + 0.5));
        canvas.text((x.0 - 10.0, y + 4.3), &Label::new(&axis::number(tick)).size(12.0).token(Token::Muted).end());
    }
    canvas.rect(Token::Axis, (x.0, Y.1), (x.1, Y.1 + 1.0));
    for (p, words) in PERCENTILES.into_iter().filter(|(p, _)| nines(*p) <= widest) {
        let x = across(nines(p)).round();
        canvas.rect(Token::Grid, (x - 0.5, Y.0), (x + 0.5, Y.1));
        canvas.rect(Token::Axis, (x - 0.5, Y.1), (x + 0.5, Y.1 + 5.0));
        canvas.text((x, Y.1 + 19.0), &Label::new(words).size(12.0).token(Token::Muted).middle());
    }
    let label = format!("response time ({}), logarithmic", unit.name);
    canvas.text((MARGIN, 90.0), &Label::new(&label).size(12.0).token(Token::Muted));
    let middle = ((x.0 + x.1) / 2.0, Y.1 + 39.0);
    canvas.text(middle, &Label::new("percentile (%)").size(12.0).token(Token::Muted).middle());
    let data = (0.0..widest, libm::log(low)..libm::log(high));
    let area = canvas.plot(data, x.0..x.1, Y.1..Y.0);
    let mut labels = Vec::new();
    for (index, (model, curve)) in subject.models.iter().zip(&curves).enumerate() {
        let tokens = Token::series(index);
        let Some(last) = curve.last() else { continue };
        data_line(&area, tokens.0, 1.8, curve.iter().map(|(x, y)| (*x, libm::log(*y))).collect());
        labels.push(EndLabel {
            tokens,
            name: model.name.clone(),
            figure: String::new(),
            from: (across(last.0), height(last.1)),
        });
    }
    for p in [0.5, 0.99] {
        marks(canvas, subject, &curves, (p, across(nines(p)), unit.ns), &height);
    }
    frame::end_labels(canvas, &labels, labels_at, Y);
}

/// A ring and its value where each curve crosses a percentile; values that would lie on each other move apart.
fn marks(
    canvas: &Canvas,
    subject: &Subject<'_>,
    curves: &[Vec<(f64, f64)>],
    (p, x, unit): (f64, f64, f64),
    height: &dyn Fn(f64) -> f64,
) {
    let reaches = |curve: &Vec<(f64, f64)>| curve.last().is_some_and(|last| last.0 >= nines(p));
    let mut rings: Vec<(f64, usize, f64)> = Vec::new();
    for (index, (model, curve)) in subject.models.iter().zip(curves).enumerate() {
        if reaches(curve) {
            let ns = model.latency.at(p).max(1.0);
            rings.push((height(ns), index, ns));
        }
    }
    rings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = f64::MIN;
    for (place, (y, index, ns)) in rings.iter().enumerate() {
        let (mark, token) = Token::series(*index);
        canvas.ring(mark, (x, *y), 3.6);
        let words = axis::number(ns / unit);
        // The highest value stands above its ring on the left, all others below on the right.
        let above = place == 0;
        let baseline = if above { y - 7.0 } else { (y + 15.0).max(free) };
        free = if above { f64::MIN } else { baseline + 13.0 };
        let label = Label::new(&words).size(11.0).bold().token(token);
        let room = font::width(&words, 11.0, Weight::SemiBold) + 6.0;
        let at = if above { x - room } else { x + 7.0 };
        canvas.text((at, baseline), &label);
    }
}

fn title(subject: &Subject<'_>) -> String {
    // Ten jobs lie beyond the p99 of a thousand.
    let full = || subject.models.iter().filter(|model| model.latency.count() >= 1_000);
    let p99 = || full().map(|model| (model.latency.at(0.99), &model.name));
    let (Some(best), Some(worst)) =
        (p99().min_by(|a, b| a.0.total_cmp(&b.0)), p99().max_by(|a, b| a.0.total_cmp(&b.0)))
    else {
        return medians(subject);
    };
    if full().count() == 1 {
        return format!("{}: 99 % of jobs take at most {}", best.1, axis::duration(best.0));
    }
    if best.0 > 0.0 && worst.0 / best.0 >= 1.05 {
        return format!("The p99 of {} is {} times that of {}", worst.1, axis::number(worst.0 / best.0), best.1);
    }
    format!("All models have a p99 of about {}", axis::duration(worst.0))
}

/// Too few jobs for the tail: the medians.
fn medians(subject: &Subject<'_>) -> String {
    let with_jobs = || subject.models.iter().filter(|model| model.latency.count() > 0);
    let all = || with_jobs().map(|model| (model.latency.at(0.5), &model.name));
    let (Some(best), Some(worst)) =
        (all().min_by(|a, b| a.0.total_cmp(&b.0)), all().max_by(|a, b| a.0.total_cmp(&b.0)))
    else {
        return "Response times by percentile".to_owned();
    };
    let [low, high] = [best, worst].map(|(ns, _)| axis::duration(ns));
    if worst.0 >= best.0 * 1.05 {
        format!("Half of the jobs take at most {low} with {}, {high} with {}", best.1, worst.1)
    } else if with_jobs().count() > 1 {
        format!("Half of the jobs take at most about {low} with every model")
    } else {
        format!("{}: half of the jobs take at most {low}", best.1)
    }
}

fn subtitle(subject: &Subject<'_>) -> String {
    let least = subject.models.iter().map(|model| model.latency.count()).filter(|count| *count > 0).min();
    let stop = if least >= Some(100) { "; curves stop where fewer than 10 jobs remain" } else { "" };
    let (title, jobs, seed) = (subject.title, measured(subject), subject.seed_words());
    format!("{title}: arrival to completion; {jobs}{stop}; {seed}")
}

/// How many jobs each model was measured with.
pub fn measured(subject: &Subject<'_>) -> String {
    let counts = || subject.models.iter().map(|model| model.latency.count()).filter(|count| *count > 0);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let warm_up = if subject.models.iter().any(|model| model.series.warm_up.0 > 0) { " after warm-up" } else { "" };
    let range = if least == most { String::new() } else { format!("{} to ", axis::count(least)) };
    format!("{range}{} job{} per model{warm_up}", axis::count(most), axis::plural(most))
}
