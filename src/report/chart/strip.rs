//! Response time of every job, one row per model: what is drawn while jobs are too few for percentiles.

use super::frame::{self, MARGIN, RIGHT, WIDTH};
use super::{Drawn, Subject, axis, latency};
use crate::report::scene::{Canvas, Label, Token, Weight, font};

const TOP: f64 = 102.0;
const RADIUS: f64 = 4.0;
/// Distance of two dots that stand one above the other.
const APART: f64 = 2.0 * RADIUS + 1.0;
/// Least and greatest height of a row.
const ROW: [f64; 2] = [36.0, 124.0];
/// The bar of the median reaches so far beyond the dots.
const BEYOND: f64 = 6.0;
/// Right ends of the figures: median, slowest, jobs.
const COLUMNS: [f64; 3] = [RIGHT - 136.0, RIGHT - 52.0, RIGHT];

struct Row<'a> {
    name: &'a str,
    series: usize,
    /// Ascending, in nanoseconds.
    times: Vec<u64>,
    /// How far above or below the middle of the row each dot stands.
    offsets: Vec<f64>,
    height: f64,
}

impl Row<'_> {
    /// The time that half of the jobs do not exceed: of an even number the lower of the two in the middle.
    fn median(&self) -> u64 {
        self.times[(self.times.len() - 1) / 2]
    }

    fn slowest(&self) -> u64 {
        self.times[self.times.len() - 1]
    }
}

/// One picture.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    let widest = subject.models.iter().map(|model| font::width(&model.name, 12.0, Weight::SemiBold));
    let left = MARGIN + widest.fold(60.0, f64::max).min(280.0) + 16.0;
    let x = (left, RIGHT - 224.0);
    let times = subject.models.iter().filter_map(|model| model.latency.each()).flatten();
    let most = (times.copied().max().unwrap_or(0).max(1) as f64) * 1.02;
    let across = |ns: u64| x.0 + (x.1 - x.0) * ns as f64 / most;
    let rows = rows(subject, across);
    let bottom = TOP + rows.iter().map(|row| row.height).sum::<f64>();
    let title = title(&rows);
    let canvas = Canvas::new(WIDTH, (bottom + 58.0).ceil() as u32, &title);
    let (about, jobs, seed) = (subject.title, latency::measured(subject), subject.seed_words());
    let subtitle = format!("{about}: arrival to completion; each dot is a job, the bar is the median; {jobs}; {seed}");
    frame::heading(&canvas, &title, &subtitle);
    scale(&canvas, x, bottom, most);
    let mut top = TOP;
    for row in &rows {
        let middle = top + row.height / 2.0;
        draw_row(&canvas, row, (x.0, middle), across);
        top += row.height;
        if top < bottom {
            canvas.rect(Token::Grid, (MARGIN, top - 0.5), (RIGHT, top + 0.5));
        }
    }
    vec![Drawn { stem: "latency".to_owned(), scene: canvas.finish() }]
}

fn rows<'a>(subject: &Subject<'a>, across: impl Fn(u64) -> f64) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (series, model) in subject.models.iter().enumerate() {
        let mut times = model.latency.each().unwrap_or_default().to_vec();
        times.sort_unstable();
        if times.is_empty() {
            continue;
        }
        let places: Vec<f64> = times.iter().map(|ns| across(*ns)).collect();
        let mut offsets = stacked(&places);
        let reach = offsets.iter().fold(0.0, |most: f64, offset| most.max(offset.abs()));
        let spare = 2.0 * (RADIUS + BEYOND) + 10.0;
        let most = (ROW[1] - spare) / 2.0;
        if reach > most {
            offsets.iter_mut().for_each(|offset| *offset *= most / reach);
        }
        let height = (2.0 * reach.min(most) + spare).max(ROW[0]);
        rows.push(Row { name: &model.name, series, times, offsets, height });
    }
    rows
}

/// For dots at these ascending places: the least distance from the middle at which each touches no earlier dot, the
/// first one above it.
fn stacked(places: &[f64]) -> Vec<f64> {
    let mut offsets: Vec<f64> = Vec::new();
    for (index, x) in places.iter().enumerate() {
        let free = |offset: &f64| {
            let near = places[..index].iter().zip(&offsets).filter(|(other, _)| x - **other < APART);
            near.into_iter().all(|(_, taken)| (taken - offset).abs() >= APART)
        };
        let steps = (0..=2 * index).map(|step| step.div_ceil(2) as f64 * if step % 2 == 0 { APART } else { -APART });
        offsets.push(steps.into_iter().find(free).unwrap_or(0.0));
    }
    offsets
}

fn small(words: &str) -> Label<'_> {
    Label::new(words).size(12.0).token(Token::Muted)
}

fn scale(canvas: &Canvas, x: (f64, f64), bottom: f64, most: f64) {
    let unit = axis::unit(most);
    canvas.rect(Token::Axis, (x.0, bottom), (x.1, bottom + 1.0));
    for tick in axis::ticks(most / unit.ns) {
        let at = (x.0 + (x.1 - x.0) * tick * unit.ns / most).round();
        canvas.rect(Token::Grid, (at - 0.5, TOP), (at + 0.5, bottom));
        canvas.rect(Token::Axis, (at - 0.5, bottom), (at + 0.5, bottom + 5.0));
        canvas.text((at, bottom + 19.0), &small(&axis::number(tick)).middle());
    }
    let label = format!("response time ({})", unit.name);
    canvas.text(((x.0 + x.1) / 2.0, bottom + 39.0), &small(&label).middle());
    for (words, at) in ["median", "slowest", "jobs"].into_iter().zip(COLUMNS) {
        canvas.text((at, TOP - 12.0), &small(words).end());
    }
}

fn draw_row(canvas: &Canvas, row: &Row<'_>, (left, middle): (f64, f64), across: impl Fn(u64) -> f64) {
    let (mark, text) = Token::series(row.series);
    let name = font::fit(row.name, left - 16.0 - MARGIN, 12.0, Weight::SemiBold);
    canvas.text((left - 16.0, middle + 4.3), &Label::new(&name).size(12.0).bold().token(text).end());
    let figures = [
        axis::duration(row.median() as f64),
        axis::duration(row.slowest() as f64),
        axis::count(row.times.len() as u64),
    ];
    for ((figure, x), token) in figures.iter().zip(COLUMNS).zip([Token::Ink, Token::Muted, Token::Muted]) {
        canvas.text((x, middle + 4.3), &small(figure).token(token).end());
    }
    let (x, half) = (across(row.median()).round(), row.height / 2.0 - 5.0);
    canvas.rect(Token::Ink, (x - 1.0, middle - half), (x + 1.0, middle + half));
    for (time, offset) in row.times.iter().zip(&row.offsets) {
        let at = (across(*time), middle + offset);
        canvas.dot(Token::Bg, at, RADIUS + 0.8);
        canvas.dot(mark, at, RADIUS);
    }
}

/// The medians if they differ, else the slowest jobs.
fn title<'a>(rows: &[Row<'a>]) -> String {
    let compared = |of: fn(&Row<'a>) -> u64| {
        let least = rows.iter().min_by_key(|row| of(row))?;
        let most = rows.iter().max_by_key(|row| of(row))?;
        let [low, high] = [least, most].map(|row| axis::duration(of(row) as f64));
        let differ = of(most) as f64 / of(least).max(1) as f64 >= 1.05;
        differ.then(|| format!("{low} with {}, {high} with {}", least.name, most.name))
    };
    let Some(first) = rows.first() else { return "Response time of every job".to_owned() };
    let median = axis::duration(first.median() as f64);
    let half =
        if rows.iter().all(|row| row.times.len() == 1) { "The job takes" } else { "Half of the jobs take at most" };
    if let Some(medians) = compared(Row::median) {
        format!("{half} {medians}")
    } else if let Some(slowest) = compared(Row::slowest) {
        format!("The slowest job takes {slowest}")
    } else if rows.len() > 1 {
        format!("{half} about {median} with every model")
    } else {
        format!("{half} {median} with {}", first.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_do_not_touch_and_leave_the_middle_only_if_they_must() {
        let offsets = stacked(&[10.0, 10.0, 12.0, 40.0]);
        assert_eq!(offsets, [0.0, -APART, APART, 0.0]);
    }

    #[test]
    fn one_job_has_no_half() {
        let row = |name, times: Vec<u64>| Row { name, series: 0, times, offsets: vec![], height: 0.0 };
        assert_eq!(title(&[row("Serial", vec![2_010_000])]), "The job takes 2.01 ms with Serial");
        let two = [row("A", vec![1_000]), row("B", vec![3_000])];
        assert_eq!(title(&two), "The job takes 1 µs with A, 3 µs with B");
        let more = [row("A", vec![1_000, 2_000])];
        assert_eq!(title(&more), "Half of the jobs take at most 1 µs with A");
    }

    #[test]
    fn the_median_of_an_even_number_is_the_lower_one() {
        let row = |times: Vec<u64>| Row { name: "", series: 0, times, offsets: vec![], height: 0.0 };
        assert_eq!((row(vec![1, 2, 9]).median(), row(vec![1, 2, 3, 9]).median(), row(vec![5]).median()), (2, 2, 5));
    }
}
