//! Completed jobs per second over time, all models in one picture; few jobs are counted up instead.

use super::frame::{self, EndLabel, MARGIN, RIGHT, TimeAxis, WIDTH};
use super::{Drawn, Subject, axis, cumulative};
use crate::report::scene::canvas::data_line;
use crate::report::scene::{Canvas, Label, Token};
use crate::time::Duration;

const HEIGHT: u32 = 440;

/// Fewer jobs than this have no rate worth the name.
const JOBS: u64 = 300;
/// The shortest run has so many windows with [`IN_WINDOW`] jobs each; fewer give a zigzag of chance.
const WINDOWS: usize = 8;
const IN_WINDOW: f64 = 10.0;

/// One picture, or none if no job was completed.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    if subject.models.iter().all(|model| model.series.jobs == 0) {
        return Vec::new();
    }
    let window = window(subject);
    if few(subject, window) {
        return cumulative::draw(subject);
    }
    let title = title(subject);
    let canvas = Canvas::new(WIDTH, HEIGHT, &title);
    let subtitle = format!(
        "{}: jobs completed per second of simulated time, in windows of {}; {}{}",
        subject.title,
        axis::duration(window as f64),
        warm_up_words(subject),
        subject.seed_words()
    );
    frame::heading(&canvas, &title, &subtitle);
    plot(&canvas, subject, window);
    vec![Drawn { stem: "throughput".to_owned(), scene: canvas.finish() }]
}

/// 30 to 75 windows in the longest run, fewer (but at least eight) if that would leave so few jobs in each that their
/// number is mostly chance.
fn window(subject: &Subject<'_>) -> u64 {
    let longest = subject.models.iter().map(|model| model.series.end.0).max().unwrap_or(0);
    let jobs = subject.models.iter().map(|model| model.series.jobs).max().unwrap_or(0);
    let finest = subject.models.iter().map(|model| model.series.width).max().unwrap_or(1);
    let windows = (jobs as f64 / 25.0).clamp(8.0, 30.0);
    (axis::step(longest as f64, windows) as u64).max(finest)
}

/// Whether the jobs are too few for rates in windows of this length.
fn few(subject: &Subject<'_>, window: u64) -> bool {
    let jobs = subject.models.iter().map(|model| model.series.jobs).max().unwrap_or(0);
    let shortest = subject.models.iter().map(|model| &model.series).min_by_key(|series| (series.end, !series.jobs));
    let full = IN_WINDOW / Duration(window).as_secs() * 0.999;
    let rates = shortest.map(|series| series.rates(window)).unwrap_or_default();
    jobs < JOBS || rates.iter().filter(|(_, rate)| *rate >= full).count() < WINDOWS
}

fn plot(canvas: &Canvas, subject: &Subject<'_>, window: u64) {
    let rates: Vec<Vec<(f64, f64)>> = subject.models.iter().map(|model| model.series.rates(window)).collect();
    let highest = rates.iter().flatten().map(|(_, rate)| *rate).fold(0.0, f64::max);
    let top = if highest > 0.0 { highest * 1.05 } else { 1.0 };
    let end = subject.models.iter().map(|model| model.series.end.0).max().unwrap_or(0).max(1) as f64;
    let names: Vec<String> = subject.models.iter().map(|model| model.name.clone()).collect();
    let labels_at = (RIGHT - frame::label_room(&names, 60.0) + 24.0).round();
    let time = TimeAxis { x: (76.0, labels_at - 28.0), y: (108.0, 384.0), from: 0.0, length: end };
    let height = |rate: f64| time.y.1 - (time.y.1 - time.y.0) * rate / top;
    let warm_up = warm_up(subject);
    if warm_up > 0.0 {
        canvas.rect(Token::Band, (time.x.0, time.y.0), (time.at(warm_up), time.y.1));
    }
    for tick in axis::ticks(top) {
        let y = height(tick).round();
        canvas.rect(Token::Grid, (time.x.0, y - 0.5), (time.x.1, y + 0.5));
        canvas.text((time.x.0 - 10.0, y + 4.3), &Label::new(&axis::number(tick)).size(12.0).token(Token::Muted).end());
    }
    warm_up_label(canvas, &time, warm_up);
    let small = |words| Label::new(words).size(12.0).token(Token::Muted);
    canvas.text((MARGIN, 90.0), &small("jobs/s"));
    canvas.text((RIGHT, 90.0), &small(if warm_up > 0.0 { "mean after warm-up" } else { "mean" }).end());
    let area = canvas.plot((0.0..end, 0.0..top), time.x.0..time.x.1, time.y.1..time.y.0);
    let mut labels = Vec::new();
    for (index, (model, rates)) in subject.models.iter().zip(rates).enumerate() {
        let tokens = Token::series(index);
        let from = rates.last().map_or((time.x.0, time.y.1), |(at, rate)| (time.at(*at), height(*rate)));
        if rates.len() == 1 {
            canvas.ring(tokens.0, from, 3.0);
        }
        data_line(&area, tokens.0, 1.8, rates);
        let figure = axis::number(model.series.mean());
        labels.push(EndLabel { tokens, name: model.name.clone(), figure, from });
    }
    time.draw(canvas);
    frame::end_labels(canvas, &labels, labels_at, time.y);
}

/// What the band of the warm-up means, if the words fit in it.
pub fn warm_up_label(canvas: &Canvas, time: &TimeAxis, warm_up: f64) {
    if warm_up > 0.0 && time.at(warm_up) - time.x.0 > 130.0 {
        let label = Label::new("warm-up, not counted").size(11.0).token(Token::Muted);
        canvas.text((time.x.0 + 8.0, time.y.0 + 14.0), &label);
    }
}

/// The longest warm-up of the models in nanoseconds.
pub fn warm_up(subject: &Subject<'_>) -> f64 {
    subject.models.iter().map(|model| model.series.warm_up.0).max().unwrap_or(0) as f64
}

/// That there is a warm-up, for a subtitle.
pub fn warm_up_words(subject: &Subject<'_>) -> String {
    match warm_up(subject) {
        0.0 => String::new(),
        ns => format!("the first {} are warm-up; ", axis::duration(ns)),
    }
}

fn title(subject: &Subject<'_>) -> String {
    let means = || subject.models.iter().map(|model| (model.series.mean(), &model.name));
    let (Some(best), Some(worst)) =
        (means().max_by(|a, b| a.0.total_cmp(&b.0)), means().min_by(|a, b| a.0.total_cmp(&b.0)))
    else {
        return "Throughput over time".to_owned();
    };
    let rate = axis::number(best.0);
    match (best.0, worst.0) {
        (0.0, _) => "No job was completed".to_owned(),
        (most, least) if least > 0.0 && most / least >= 1.05 => {
            format!("{} completes {rate} jobs/s, {:.1} times as many as {}", best.1, most / least, worst.1)
        }
        (_, least) if subject.models.len() > 1 && least > 0.0 => format!("All models complete about {rate} jobs/s"),
        _ => format!("{} completes {rate} jobs/s", best.1),
    }
}
