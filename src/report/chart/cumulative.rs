//! Completed jobs counted up over time, all models in one picture: the throughput of few jobs. The slope is the rate.

use super::frame::{self, MARGIN, RIGHT, TimeAxis, WIDTH};
use super::throughput::{warm_up, warm_up_label, warm_up_words};
use super::{Drawn, Subject, axis};
use crate::report::ModelData;
use crate::report::scene::canvas::data_line;
use crate::report::scene::{Canvas, Label, Token, Weight, font};
use crate::report::series::Series;

const HEIGHT: u32 = 440;

/// One picture.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    let title = title(subject);
    let canvas = Canvas::new(WIDTH, HEIGHT, &title);
    let subtitle = format!(
        "{}: completed jobs over time; a line ends at its last job, its mean rate{} stands above; {}{}",
        subject.title,
        if warm_up(subject) > 0.0 { " after warm-up" } else { "" },
        warm_up_words(subject),
        subject.seed_words()
    );
    frame::heading(&canvas, &title, &subtitle);
    plot(&canvas, subject);
    vec![Drawn { stem: "throughput".to_owned(), scene: canvas.finish() }]
}

/// Name and rate of a model above the end of its line.
struct Flag {
    name: String,
    figure: String,
    width: f64,
    /// When the line ends, in nanoseconds.
    at: f64,
    /// How many flags stand below it.
    level: usize,
}

/// Height of a flag.
const FLAG: f64 = 17.0;

fn flags(subject: &Subject<'_>) -> Vec<Flag> {
    let flag = |model: &ModelData| {
        let name = font::fit(&model.name, 270.0, 12.0, Weight::SemiBold);
        let figure = format!("{} jobs/s", axis::number(model.series.mean()));
        let width = font::width(&name, 12.0, Weight::SemiBold) + font::width(&figure, 12.0, Weight::Regular) + 12.0;
        Flag { name, figure, width, at: model.series.last.0 as f64, level: 0 }
    };
    subject.models.iter().map(flag).collect()
}

/// Every flag goes to the right of its pole and above those whose poles it would hide.
fn raise(flags: &mut [Flag], place: impl Fn(f64) -> f64) {
    let mut order: Vec<usize> = (0..flags.len()).collect();
    order.sort_by(|a, b| flags[*b].at.total_cmp(&flags[*a].at));
    for (index, flag) in order.iter().enumerate() {
        let end = place(flags[*flag].at) + flags[*flag].width + 10.0;
        let below = order[..index].iter().filter(|other| place(flags[**other].at) < end);
        flags[*flag].level = below.map(|other| flags[*other].level + 1).max().unwrap_or(0);
    }
}

fn plot(canvas: &Canvas, subject: &Subject<'_>) {
    let most = subject.models.iter().map(|model| model.series.jobs).max().unwrap_or(0).max(1) as f64;
    let end = subject.models.iter().map(|model| model.series.end.0).max().unwrap_or(0).max(1) as f64;
    let mut flags = flags(subject);
    // The plot is at least 700 px wide, so that a flag far from the right end needs no room there.
    let beyond = |flag: &Flag| flag.width + 8.0 - 700.0 * (1.0 - flag.at / end);
    let room = flags.iter().map(beyond).fold(0.0, f64::max).ceil();
    let mut time = TimeAxis { x: (76.0, RIGHT - room), y: (0.0, 384.0), from: 0.0, length: end };
    raise(&mut flags, |at| time.at(at));
    let levels = flags.iter().map(|flag| flag.level + 1).max().unwrap_or(0) as f64;
    time.y.0 = 112.0 + FLAG * levels;
    let height = |jobs: f64| time.y.1 - (time.y.1 - time.y.0) * jobs / most;
    let warm_up = warm_up(subject);
    if warm_up > 0.0 {
        canvas.rect(Token::Band, (time.x.0, time.y.0), (time.at(warm_up), time.y.1));
    }
    for tick in axis::ticks(most).into_iter().filter(|tick| tick.fract() == 0.0) {
        let y = height(tick).round();
        canvas.rect(Token::Grid, (time.x.0, y - 0.5), (time.x.1, y + 0.5));
        canvas.text((time.x.0 - 10.0, y + 4.3), &Label::new(&axis::number(tick)).size(12.0).token(Token::Muted).end());
    }
    warm_up_label(canvas, &time, warm_up);
    canvas.text((MARGIN, 90.0), &Label::new("completed jobs").size(12.0).token(Token::Muted));
    let area = canvas.plot((0.0..end, 0.0..most), time.x.0..time.x.1, time.y.1..time.y.0);
    time.draw(canvas);
    for (index, model) in subject.models.iter().enumerate() {
        // Two steps within half a pixel are one.
        let line = staircase(&model.series, end / (time.x.1 - time.x.0) / 2.0);
        data_line(&area, Token::series(index).0, 1.8, line);
    }
    for (index, (model, flag)) in subject.models.iter().zip(&flags).enumerate() {
        let (mark, text) = Token::series(index);
        let from = (time.at(flag.at), height(model.series.jobs as f64));
        let y = time.y.0 - 12.0 - FLAG * flag.level as f64;
        canvas.line(mark, 0.8, &[from, (from.0, y - 9.0)]);
        canvas.text((from.0 + 5.0, y), &Label::new(&flag.name).size(12.0).bold().token(text));
        let x = from.0 + 10.0 + font::width(&flag.name, 12.0, Weight::SemiBold);
        canvas.text((x, y), &Label::new(&flag.figure).size(12.0).token(Token::Muted));
        canvas.dot(Token::Bg, from, 4.2);
        canvas.dot(mark, from, 3.2);
    }
}

/// From the origin to the last job; steps closer than `least` nanoseconds are drawn as one.
fn staircase(series: &Series, least: f64) -> Vec<(f64, f64)> {
    let mut line = vec![(0.0, 0.0)];
    for (at, jobs) in series.steps() {
        let (x, y) = line[line.len() - 1];
        if at - x < least && line.len() > 1 {
            line.pop();
            line.push((x, jobs as f64));
        } else {
            line.extend([(at, y), (at, jobs as f64)]);
        }
    }
    line
}

fn title(subject: &Subject<'_>) -> String {
    let all = || subject.models.iter().map(|model| (&model.series, &model.name));
    let (Some(first), Some(last), Some(most), Some(least)) = (
        all().min_by_key(|(series, _)| series.last),
        all().max_by_key(|(series, _)| series.last),
        all().max_by_key(|(series, _)| series.jobs),
        all().min_by_key(|(series, _)| series.jobs),
    ) else {
        return "Completed jobs over time".to_owned();
    };
    let jobs = |count: u64| format!("{} job{}", axis::count(count), axis::plural(count));
    if most.0.jobs != least.0.jobs {
        return format!("{} completes {}, {} only {}", most.1, jobs(most.0.jobs), least.1, axis::count(least.0.jobs));
    }
    let (jobs, took) = (jobs(most.0.jobs), axis::duration(first.0.last.0 as f64));
    let times = last.0.last.0 as f64 / first.0.last.0.max(1) as f64;
    if times >= 1.05 {
        format!("{} completes {jobs} in {took}, {} times as fast as {}", first.1, axis::number(times), last.1)
    } else if subject.models.len() > 1 {
        format!("All models complete {jobs} in about {took}")
    } else {
        format!("{} completes {jobs} in {took}", first.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_one_above_the_other_only_where_they_would_touch() {
        let flag = |at| Flag { name: String::new(), figure: String::new(), width: 100.0, at, level: 0 };
        let mut flags = [10.0, 500.0, 60.0, 520.0].map(flag);
        raise(&mut flags, |at| at);
        assert_eq!(flags.map(|flag| flag.level), [1, 1, 0, 0]);
    }
}
