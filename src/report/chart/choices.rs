//! A sweep of what is no single number (schedulers, programs, several settings at once): one bar per point and model.

use super::frame::{self, MARGIN, RIGHT, WIDTH};
use super::{Drawn, axis};
use crate::metrics::figures::{ModelFigures, Point, Report};
use crate::report::scene::{Canvas, Label, Token, Weight, font};

const TOP: f64 = 112.0;
const BAR: f64 = 18.0;
const PITCH: f64 = 26.0;
/// More are a table.
const MOST: usize = 48;
/// Room for the name of a setting.
const NAME: f64 = 330.0;
/// Right ends of the figures: mean, p99, makespan or rate.
const COLUMNS: [f64; 3] = [RIGHT - 184.0, RIGHT - 96.0, RIGHT];

struct Row {
    /// Empty if it is that of the row above.
    choice: String,
    model: String,
    series: usize,
    mean: f64,
    p99: f64,
    /// The makespan, or the rate if some run did not end by itself.
    work: String,
}

/// The picture, or none if a run completes nothing, models differ between points, or there are too many.
pub fn draw(report: &Report) -> Option<Drawn> {
    let first = report.points.first().filter(|_| report.points.len() > 1)?;
    let names = |point: &Point| point.models.iter().map(|model| model.model.clone()).collect::<Vec<_>>();
    if report.points.iter().any(|point| names(point) != names(first)) {
        return None;
    }
    let finished = models(report).flat_map(|model| &model.runs).all(|run| run.outcome == "finished");
    let rows: Vec<Row> = report
        .points
        .iter()
        .map(|point| rows(point, finished))
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    if rows.len() > MOST {
        return None;
    }
    let title = title(report);
    let several = first.models.len() > 1;
    let height = TOP + rows.len() as f64 * PITCH + 56.0;
    let canvas = Canvas::new(WIDTH, height as u32, &title);
    frame::heading(&canvas, &title, &subtitle(report));
    plot(&canvas, &rows, several, if finished { "makespan" } else { "jobs/s" });
    Some(Drawn { stem: "sweep".to_owned(), scene: canvas.finish() })
}

fn models(report: &Report) -> impl Iterator<Item = &ModelFigures> {
    report.points.iter().flat_map(|point| &point.models)
}

/// What is chosen at the point, in the order of the paths.
fn choice(point: &Point) -> String {
    point.settings.values().map(|value| value.trim_matches('"')).collect::<Vec<_>>().join(" · ")
}

fn rows(point: &Point, finished: bool) -> Option<Vec<Row>> {
    let row = |(series, model): (usize, &ModelFigures)| {
        let response = &model.runs.first().filter(|run| run.response.count > 0)?.response;
        Some(Row {
            choice: if series == 0 { choice(point) } else { String::new() },
            model: model.model.clone(),
            series,
            mean: model.response.mean,
            p99: response.p99.0 as f64,
            work: if finished { axis::duration(model.makespan.mean) } else { axis::number(model.throughput.mean) },
        })
    };
    point.models.iter().enumerate().map(row).collect()
}

/// The best and the worst mean.
fn title(report: &Report) -> String {
    let several = report.points.iter().any(|point| point.models.len() > 1);
    let all = || report.points.iter().flat_map(|point| point.models.iter().map(move |model| (point, model)));
    let key = |(_, model): &(&Point, &ModelFigures)| model.response.mean;
    let least = all().min_by(|a, b| key(a).total_cmp(&key(b)));
    let most = all().max_by(|a, b| key(a).total_cmp(&key(b)));
    let (Some(least), Some(most)) = (least, most) else { return "Mean response".to_owned() };
    let words = |(point, model): (&Point, &ModelFigures)| {
        let by = if several { format!("{} at {}", model.model, choice(point)) } else { choice(point) };
        format!("{} with {by}", axis::duration(model.response.mean))
    };
    let (from, to) = (axis::duration(key(&least)), axis::duration(key(&most)));
    if key(&most) <= key(&least) * 1.01 {
        return format!("Mean response is {from} everywhere");
    }
    let whole = format!("Mean response: {}, {}", words(least), words(most));
    if font::width(&whole, 18.0, Weight::SemiBold) <= RIGHT - MARGIN {
        whole
    } else {
        format!("Mean response: {from} at best, {to} at worst")
    }
}

fn subtitle(report: &Report) -> String {
    let paths: Vec<&str> = report.points[0].settings.keys().map(String::as_str).collect();
    let runs = models(report).map(|model| model.runs.len()).max().unwrap_or(0);
    let seeds = if runs == 1 { "one seed".to_owned() } else { format!("{runs} seeds, p99 of the first") };
    format!("{}, by {}: bars are means, lines reach to the 99th percentile; {seeds}", report.title, paths.join(" · "))
}

fn small(words: &str) -> Label<'_> {
    Label::new(words).size(12.0).token(Token::Muted)
}

fn plot(canvas: &Canvas, rows: &[Row], several: bool, work: &str) {
    let room = |of: fn(&Row) -> &str, most: f64| {
        rows.iter().map(|row| font::width(of(row), 12.0, Weight::SemiBold)).fold(60.0, f64::max).min(most)
    };
    let names = room(|row| &row.choice, NAME);
    let series = if several { room(|row| &row.model, 200.0) + 16.0 } else { 0.0 };
    let (left, right) = (MARGIN + names + 16.0 + series, COLUMNS[0] - 72.0);
    let bottom = TOP + rows.len() as f64 * PITCH;
    let most = rows.iter().map(|row| row.p99.max(row.mean)).fold(1.0, f64::max) * 1.02;
    let across = |ns: f64| left + (right - left) * ns / most;
    let unit = axis::unit(most);
    for tick in axis::ticks(most / unit.ns) {
        let x = across(tick * unit.ns).round();
        canvas.rect(Token::Grid, (x - 0.5, TOP), (x + 0.5, bottom));
        canvas.rect(Token::Axis, (x - 0.5, bottom), (x + 0.5, bottom + 5.0));
        canvas.text((x, bottom + 19.0), &small(&axis::number(tick)).middle());
    }
    canvas.rect(Token::Axis, (left, bottom), (right, bottom + 1.0));
    canvas.text(((left + right) / 2.0, bottom + 41.0), &small(&format!("response time ({})", unit.name)).middle());
    for (words, x) in ["mean", "p99", work].into_iter().zip(COLUMNS) {
        canvas.text((x, TOP - 10.0), &small(words).end());
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + index as f64 * PITCH;
        if index > 0 && several && row.series == 0 {
            canvas.rect(Token::Grid, (MARGIN, y - 0.5), (RIGHT, y + 0.5));
        }
        let (middle, tokens) = (y + PITCH / 2.0, Token::series(row.series));
        let name = font::fit(&row.choice, names, 12.0, Weight::SemiBold);
        canvas.text((MARGIN + names, middle + 4.3), &Label::new(&name).size(12.0).bold().end());
        if several {
            let name = font::fit(&row.model, 200.0, 12.0, Weight::SemiBold);
            canvas.text((left - 16.0, middle + 4.3), &Label::new(&name).size(12.0).bold().token(tokens.1).end());
        }
        canvas.rect(tokens.0, (left, middle - BAR / 2.0), (across(row.mean), middle + BAR / 2.0));
        let (from, to) = (across(row.mean.min(row.p99)), across(row.p99));
        canvas.line(Token::Ink, 1.4, &[(from, middle), (to, middle)]);
        canvas.rect(Token::Ink, (to - 0.7, middle - 5.0), (to + 0.7, middle + 5.0));
        let figures = [axis::duration(row.mean), axis::duration(row.p99), row.work.clone()];
        for ((figure, x), token) in figures.iter().zip(COLUMNS).zip([Token::Ink, Token::Muted, Token::Muted]) {
            canvas.text((x, middle + 4.3), &small(figure).token(token).end());
        }
    }
}
