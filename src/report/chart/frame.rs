//! What all charts share: margins, title, subtitle, legend, time axis, labels at the end of lines.

use super::axis;
use crate::report::scene::{Canvas, Label, Token, Weight, font};
use crate::report::timeline::Mark;

/// Width of every picture in pixels.
pub const WIDTH: u32 = 1200;
/// Left and right margin.
pub const MARGIN: f64 = 24.0;
/// Right end of what is drawn.
pub const RIGHT: f64 = WIDTH as f64 - MARGIN;

/// Title and subtitle: on two lines where one is too short, in the same height. Only what is longer is shortened.
pub fn heading(canvas: &Canvas, title: &str, subtitle: &str) {
    let room = RIGHT - MARGIN;
    let title = font::fit(title, room, 18.0, Weight::SemiBold);
    let lines = lines(subtitle, room);
    let (top, baselines) = if lines.len() > 1 { (28.0, [46.0, 62.0]) } else { (35.0, [58.0, 58.0]) };
    canvas.text((MARGIN, top), &Label::new(&title).size(18.0).bold());
    for (line, baseline) in lines.iter().zip(baselines) {
        canvas.text((MARGIN, baseline), &Label::new(line).token(Token::Muted));
    }
}

/// One or two lines of at most this width; the first ends after a `;` if it can.
fn lines(subtitle: &str, room: f64) -> Vec<String> {
    let fits = |line: &str| font::width(line, 13.0, Weight::Regular) <= room;
    if fits(subtitle) {
        return vec![subtitle.to_owned()];
    }
    let cut = |end: &str| {
        let places = subtitle.match_indices(end).map(|(at, _)| at + end.len() - 1);
        places.filter(|at| fits(&subtitle[..*at])).last()
    };
    let rest_fits = |at: &usize| fits(subtitle[*at..].trim_start());
    let at = cut("; ").filter(rest_fits).or_else(|| cut(" ").map(|at| at + 1)).unwrap_or(0);
    let rest = font::fit(subtitle[at..].trim_start(), room, 13.0, Weight::Regular);
    vec![subtitle[..at].trim_end().to_owned(), rest]
}

/// A key of the legend: color, height as a share of the full key, words.
pub struct Key {
    /// Color.
    pub token: Token,
    /// Color of its right half, if that is another.
    pub second: Option<Token>,
    /// Height of the key, 0 to 1.
    pub height: f64,
    /// Width of the key, 0 to 1.
    pub width: f64,
    /// What it means.
    pub words: &'static str,
    /// The mark that it shows instead of a bar.
    pub mark: Option<Mark>,
}

/// A mark below a row: its tip is at `x`, `y`.
pub fn mark(canvas: &Canvas, what: Mark, (x, y): (f64, f64)) {
    match what {
        Mark::Migrated => {
            canvas.polygon(Token::Ink, &[(x - 2.0, y), (x + 2.5, y), (x + 2.5, y + 4.0), (x - 2.0, y + 4.0)])
        }
        Mark::Missed => canvas.polygon(Token::S2t, &[(x, y - 1.0), (x + 4.0, y + 5.0), (x - 4.0, y + 5.0)]),
        Mark::Dropped => {
            canvas.line(Token::S2t, 2.0, &[(x - 3.0, y - 1.0), (x + 3.0, y + 5.0)]);
            canvas.line(Token::S2t, 2.0, &[(x + 3.0, y - 1.0), (x - 3.0, y + 5.0)]);
        }
    }
}

/// Height of a row of keys.
pub const LEGEND_ROW: f64 = 20.0;

/// Left end and row of every key: a new row where they do not fit.
fn key_places(keys: &[Key]) -> Vec<(f64, u32)> {
    let (mut x, mut row) = (MARGIN, 0);
    let place = |key: &Key| {
        let width = 20.0 + font::width(key.words, 12.0, Weight::Regular);
        if x + width > RIGHT && x > MARGIN {
            (x, row) = (MARGIN, row + 1);
        }
        let at = (x, row);
        x += width + 22.0;
        at
    };
    keys.iter().map(place).collect()
}

/// How many rows of keys there are, at least one.
pub fn legend_rows(keys: &[Key]) -> u32 {
    key_places(keys).last().map_or(1, |(_, row)| row + 1)
}

/// Rows of keys from y 80.
pub fn legend(canvas: &Canvas, keys: &[Key]) {
    for (key, (x, row)) in keys.iter().zip(key_places(keys)) {
        let y = 80.0 + LEGEND_ROW * f64::from(row);
        let half = (11.0 * key.height / 2.0).max(1.0);
        let (top, bottom) = (y - half, y + half);
        let side = 7.0 * (1.0 - key.width);
        match key.mark {
            Some(what) => mark(canvas, what, (x + 7.0, y - 2.0)),
            None => canvas.rect(key.token, (x + side, top), (x + 14.0 - side, bottom)),
        }
        if let Some(second) = key.second {
            canvas.rect(second, (x + 7.0, top), (x + 14.0, bottom));
        }
        canvas.text((x + 20.0, y + 4.3), &Label::new(key.words).size(12.0));
    }
}

/// The axis of simulated time below a plot.
pub struct TimeAxis {
    /// Left and right end of the plot.
    pub x: (f64, f64),
    /// Top and bottom of the plot.
    pub y: (f64, f64),
    /// The left end in nanoseconds. If it is not 0, the axis counts from there.
    pub from: f64,
    /// Nanoseconds from the left to the right end.
    pub length: f64,
}

impl TimeAxis {
    /// Where this moment stands.
    pub fn at(&self, ns: f64) -> f64 {
        let share = if self.length > 0.0 { ((ns - self.from) / self.length).clamp(0.0, 1.0) } else { 0.0 };
        self.x.0 + (self.x.1 - self.x.0) * share
    }

    fn unit(&self) -> axis::Unit {
        axis::unit(self.length)
    }

    /// Vertical gridlines.
    pub fn grid(&self, canvas: &Canvas, opacity: f64) {
        for tick in axis::ticks(self.length / self.unit().ns) {
            let x = self.at(self.from + tick * self.unit().ns).round();
            canvas.rect_at(Token::Grid, opacity, (x - 0.5, self.y.0), (x + 0.5, self.y.1));
        }
    }

    /// The line, its ticks, their numbers, and the label.
    pub fn draw(&self, canvas: &Canvas) {
        let y = self.y.1;
        canvas.rect(Token::Axis, (self.x.0, y), (self.x.1, y + 1.0));
        for tick in axis::ticks(self.length / self.unit().ns) {
            let x = self.at(self.from + tick * self.unit().ns);
            canvas.rect(Token::Axis, (x - 0.5, y), (x + 0.5, y + 5.0));
            canvas.text((x, y + 19.0), &Label::new(&axis::number(tick)).size(12.0).token(Token::Muted).middle());
        }
        let moment = axis::moment(self.from, self.length);
        let since = if moment.starts_with("0 ") { String::new() } else { format!(" after {moment}") };
        let label = format!("simulated time{since} ({})", self.unit().name);
        let middle = (self.x.0 + self.x.1) / 2.0;
        canvas.text((middle, y + 39.0), &Label::new(&label).size(12.0).token(Token::Muted).middle());
    }
}

/// The name of a series at the end of its line, with a figure beside it.
pub struct EndLabel {
    /// Colors of the line and of its text.
    pub tokens: (Token, Token),
    /// Name of the series.
    pub name: String,
    /// Its figure, or nothing.
    pub figure: String,
    /// Where the line ends.
    pub from: (f64, f64),
}

/// Room for the names (and figures) of series on the right, so much and no more.
pub fn label_room(names: &[String], figures: f64) -> f64 {
    let widest = names.iter().map(|name| font::width(name, 12.0, Weight::SemiBold)).fold(0.0, f64::max);
    widest.min(270.0) + figures + 34.0
}

/// Draws the labels from `x` on, pushed apart to 17 px between `top` and `bottom`.
pub fn end_labels(canvas: &Canvas, labels: &[EndLabel], x: f64, (top, bottom): (f64, f64)) {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| labels[*a].from.1.total_cmp(&labels[*b].from.1));
    let wanted: Vec<f64> = order.iter().map(|index| labels[*index].from.1).collect();
    for (index, y) in order.into_iter().zip(apart(&wanted, 17.0, (top, bottom))) {
        let label = &labels[index];
        let (mark, text) = label.tokens;
        // A long leader is grey, lest it be read as a line of data.
        let far = x - label.from.0 > 60.0;
        let leader = if far { Token::Axis } else { mark };
        canvas.line(leader, 0.8, &[(label.from.0 + 4.0, label.from.1), (x - 12.0, y), (x - 5.0, y)]);
        if far {
            canvas.dot(mark, label.from, 2.6);
        }
        let name = font::fit(&label.name, 270.0, 12.0, Weight::SemiBold);
        canvas.text((x, y + 4.3), &Label::new(&name).size(12.0).bold().token(text));
        canvas.text((RIGHT, y + 4.3), &Label::new(&label.figure).size(12.0).token(Token::Muted).end());
    }
}

/// Ascending places as near to the wanted ones as a least distance and the two ends allow.
fn apart(wanted: &[f64], gap: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut places = wanted.to_vec();
    for index in 0..places.len() {
        let least = if index == 0 { top } else { places[index - 1] + gap };
        places[index] = places[index].max(least);
    }
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::{RIGHT, apart, lines};

    #[test]
    fn labels_are_pushed_apart_inside_the_plot() {
        let long = "words ".repeat(20) + "; more of them; " + &"and on ".repeat(20);
        let two = lines(&long, RIGHT - 24.0);
        assert!(two.len() == 2 && two[0].ends_with("more of them;") && two.concat().len() + 2 >= long.trim().len());
        assert!(lines(&"w ".repeat(400), 500.0)[1].ends_with('…') && lines("short", 500.0) == ["short"]);
        assert_eq!(apart(&[10.0, 11.0, 98.0, 99.0], 17.0, (0.0, 100.0)), [10.0, 27.0, 83.0, 100.0]);
    }
}
