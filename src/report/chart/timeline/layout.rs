//! Where the rows, heads, figures and the axis of a timeline stand.

use super::row::{INSIDE, Kind, LOW_ROW, Row, View, kinds};
use super::segments::{self, OWNERS};
use super::shares;
use crate::report::chart::axis;
use crate::report::chart::frame::{self, Key, MARGIN, TimeAxis};
use crate::report::scene::{Canvas, Label, Token, Weight, font};
use crate::report::timeline::{Group, Mark, State, kind_of};

const PLOT_RIGHT: f64 = 1044.0;
const COLUMNS: [f64; 2] = [1096.0, 1176.0];

/// A head over rows.
struct Head {
    words: String,
    columns: [&'static str; 2],
    baseline: f64,
}

/// A picture whose every part has its place.
pub struct Layout<'a> {
    pub view: View<'a>,
    pub rows: Vec<Row<'a>>,
    heads: Vec<Head>,
    notes: Vec<(f64, String)>,
    pub legend: Vec<Key>,
    pub axis: TimeAxis,
    pub height: f64,
    /// Whether context switches are marked.
    pub ticks: bool,
    /// Width of a column in pixels, if time shares are drawn.
    pub column: Option<f64>,
}

impl<'a> Layout<'a> {
    /// The layout of this stretch of time.
    pub fn new(view: View<'a>) -> Layout<'a> {
        let kinds = kinds(&view);
        let all = || kinds.iter().flat_map(|kind| &kind.rows);
        let widest = all().map(|row| font::width(&row.label, 12.0, Weight::Regular)).fold(0.0, f64::max);
        let mut left = (MARGIN + widest.clamp(60.0, 200.0) + 10.0).ceil();
        // Whether any lane has more segments than half its pixels. One answer for the whole picture, because a thin
        // lane means "blocked" in one way of drawing and "seldom" in the other.
        let most = ((PLOT_RIGHT - left) / 2.0) as usize;
        let many = all().any(|row| row.segments.is_none_or(|all| all.len() > most));
        let (flags, quiet): (Vec<_>, Vec<_>) =
            kinds.iter().enumerate().map(|(index, kind)| (kind.flat, note(index, kind, view.zoom.is_some()))).unzip();
        let rows: Vec<Row<'a>> = kinds.into_iter().flat_map(|kind| kind.rows).collect();
        let column = many.then(|| shares::column_width(&rows, PLOT_RIGHT - left));
        if let Some(column) = column {
            left = PLOT_RIGHT - ((PLOT_RIGHT - left) / column).floor() * column;
        }
        let ticks = segments::switch_ticks_fit(&rows, view.length());
        let mut legend = legend(&rows, view.timeline.has_gil, many);
        if !many {
            legend.extend(marks(&view, &rows, ticks));
        }
        let (from, length) = (view.from() as f64, drawn(&view, &rows, PLOT_RIGHT - left));
        let axis = TimeAxis { x: (left, PLOT_RIGHT), y: (0.0, 0.0), from, length };
        let (heads, notes) = (Vec::new(), Vec::new());
        let mut layout = Layout { view, rows, heads, notes, legend, axis, height: 0.0, ticks, column };
        layout.place(&flags, &quiet);
        layout
    }

    fn place(&mut self, flat: &[bool], notes: &[Option<String>]) {
        let top = 80.0 + frame::LEGEND_ROW * f64::from(frame::legend_rows(&self.legend));
        let mut y = top;
        for (kind, note) in notes.iter().enumerate() {
            y = self.groups(kind, flat[kind], y);
            if let Some(note) = note {
                y += 14.0;
                self.notes.push((y, note.clone()));
                y += 6.0;
            }
        }
        self.axis.y = (top + 8.0, y + 4.0);
        self.height = (y + 4.0 + 52.0).ceil();
    }

    /// Places the rows of one kind below `y`; returns where the next ones begin.
    fn groups(&mut self, kind: usize, flat: bool, mut y: f64) -> f64 {
        let members: Vec<usize> =
            (0..self.rows.len()).filter(|index| kind_of(self.rows[*index].lane.group) == kind).collect();
        let mut groups: Vec<Group> = Vec::new();
        for index in &members {
            let group = self.rows[*index].lane.group;
            if groups.is_empty() || !(flat || groups.contains(&group)) {
                groups.push(group);
            }
        }
        let gap = match kind {
            0 if self.ticks => 8.0,
            0 | 1 => 4.0,
            _ if members.iter().any(|index| self.rows[*index].height <= LOW_ROW) => 4.0,
            _ => 6.0,
        };
        for group in &groups {
            y += 16.0;
            let head = self.head(*group, y, flat && members.len() > 1);
            self.heads.push(head);
            y += 8.0;
            for row in self.rows.iter_mut().filter(|row| kind_of(row.lane.group) == kind) {
                if flat || row.lane.group == *group {
                    row.top = y;
                    y += row.height + gap;
                }
            }
        }
        if members.is_empty() { y } else { y + 4.0 }
    }

    fn head(&self, group: Group, baseline: f64, flat: bool) -> Head {
        let timeline = self.view.timeline;
        let many = timeline.processes > 1 && !flat;
        let domain = timeline.domain();
        let waits = if timeline.has_gil { "waits GIL" } else { "ready" };
        let (words, columns) = match group {
            Group::Core => ("Cores".to_owned(), ["busy", if self.ticks { "" } else { "switches" }]),
            Group::Gil(_) => ("GIL".to_owned(), ["held", "hand-overs"]),
            Group::Thread(process) if many => (format!("Threads of {domain} {}", process.0), ["runs", waits]),
            Group::Thread(_) => ("Threads".to_owned(), ["runs", waits]),
            Group::Coroutine(process, _) if many => (format!("Coroutines of {domain} {}", process.0), ["run", "ready"]),
            Group::Coroutine(..) => ("Coroutines".to_owned(), ["run", "ready"]),
        };
        Head { words, columns, baseline }
    }

    /// Everything below the heading.
    pub fn draw(&self, canvas: &Canvas) {
        frame::legend(canvas, &self.legend);
        for row in &self.rows {
            let back = if kind_of(row.lane.group) < 2 { Token::Idle } else { Token::Band };
            canvas.rect(back, (self.axis.x.0, row.top), (self.axis.x.1, row.top + row.height));
        }
        if let Some(column) = self.column {
            shares::draw(canvas, self, column);
            self.axis.grid(canvas, 0.45);
        } else {
            self.axis.grid(canvas, 1.0);
            for row in self.rows.iter().filter(|row| kind_of(row.lane.group) < 2) {
                canvas.rect(Token::Idle, (self.axis.x.0, row.top), (self.axis.x.1, row.top + row.height));
            }
            segments::draw(canvas, self);
        }
        if self.view.stuck() {
            self.stuck(canvas);
        }
        for head in &self.heads {
            canvas.text((MARGIN, head.baseline), &Label::new(&head.words).size(12.0).bold());
            for (words, x) in head.columns.into_iter().zip(COLUMNS) {
                canvas.text((x, head.baseline), &Label::new(words).size(11.0).token(Token::Muted).end());
            }
        }
        for row in &self.rows {
            self.words(canvas, row);
        }
        for (y, note) in &self.notes {
            canvas.text((self.axis.x.0, *y), &Label::new(note).size(11.0).token(Token::Muted));
        }
        self.axis.draw(canvas);
    }

    /// The end of a run that got stuck, and what everyone waits for from then on.
    fn stuck(&self, canvas: &Canvas) {
        let (from, to) = (self.axis.at(self.view.timeline.end as f64), self.axis.x.1);
        for row in &self.rows {
            let Some(stuck) = &row.stuck else { continue };
            let half = row.height * if self.column.is_some() { 1.0 } else { stuck.state.height() } / 2.0;
            let middle = row.top + row.height / 2.0;
            canvas.rect(stuck.state.token(), (from, middle - half), (to, middle + half));
            if stuck.width() <= to - from - 8.0 {
                let label = Label::new(&stuck.words).size(INSIDE).token(stuck.state.text_token()).middle();
                canvas.text(((from + to) / 2.0, middle + 3.8), &label);
            }
        }
        canvas.rect(Token::Ink, (from - 0.75, self.axis.y.0), (from + 0.75, self.axis.y.1));
        canvas.text((from + 5.0, self.axis.y.0 + 9.0), &Label::new("deadlock").size(11.0).bold());
    }

    /// The label on the left and the figures on the right.
    fn words(&self, canvas: &Canvas, row: &Row<'_>) {
        let y = row.top + row.height / 2.0 + 4.3;
        let name = shortened(&row.label, self.axis.x.0 - 10.0 - MARGIN);
        canvas.text((self.axis.x.0 - 10.0, y), &Label::new(&name).size(12.0).end());
        let share = |states: &[State]| {
            let sum: u64 = states.iter().map(|state| row.totals[*state as usize]).sum();
            sum as f64 / self.view.length().max(1) as f64
        };
        let work = axis::percent(share(&[State::Run, State::Native]));
        let (second, token) = match kind_of(row.lane.group) {
            0 if self.ticks => (String::new(), Token::Ink),
            0 | 1 => (axis::count(row.switches), Token::Muted),
            2 if self.view.timeline.has_gil => {
                let token = if row.totals[State::Gil as usize] > 0 { Token::S2t } else { Token::Muted };
                (axis::percent(share(&[State::Gil])), token)
            }
            _ => (axis::percent(share(&[State::Ready])), Token::Muted),
        };
        canvas.text((COLUMNS[0], y), &Label::new(&work).size(12.0).end());
        canvas.text((COLUMNS[1], y), &Label::new(&second).size(12.0).token(token).end());
    }
}

/// The label, shortened if need be, but not by the number at its end, which tells it from others.
fn shortened(label: &str, room: f64) -> String {
    let (name, number) = label.split_at(label.rfind([' ', '[']).unwrap_or(label.len()));
    let (name, number) = match number {
        number if number.starts_with('[') || number.starts_with(" (") => (name, number.to_owned()),
        _ => (label, String::new()),
    };
    if font::width(label, 12.0, Weight::Regular) <= room {
        return label.to_owned();
    }
    font::fit(name, room - font::width(&number, 12.0, Weight::Regular), 12.0, Weight::Regular) + &number
}

/// What a picture says of the lanes that it does not show.
fn note(index: usize, kind: &Kind<'_>, zoom: bool) -> Option<String> {
    let what =
        |count: usize| format!("{}{}", ["core", "GIL", "thread", "coroutine"][index], axis::plural(count as u64));
    let more = (kind.more > 0).then(|| format!("and {} more {}", axis::count(kind.more as u64), what(kind.more)));
    let again = kind.rows.iter().any(|row| row.lane.shared);
    let again = again.then(|| "a row without a number in [ ] is used again for later work of the same kind".to_owned());
    let window = if zoom { " in this window" } else { "" };
    let quiet = (kind.quiet > 0)
        .then(|| format!("{} {} without work{window}", axis::count(kind.quiet as u64), what(kind.quiet)));
    let notes: Vec<String> = [more, quiet, again].into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// Only what is there.
fn legend(rows: &[Row<'_>], has_gil: bool, shares: bool) -> Vec<Key> {
    let there = |gil: bool, state: State| {
        let mut rows = rows.iter().filter(|row| (kind_of(row.lane.group) == 1) == gil);
        let waits = |row: &Row<'_>| row.stuck.as_ref().is_some_and(|stuck| stuck.state == state);
        rows.any(|row| row.totals[state as usize] > 0 || waits(row))
    };
    let key = |state: State| Key {
        token: state.token(),
        second: None,
        height: if shares { 1.0 } else { state.height() },
        width: 1.0,
        words: state.words(has_gil),
        mark: None,
    };
    let mut keys: Vec<Key> = State::ALL.into_iter().filter(|state| there(false, *state)).map(key).collect();
    if there(true, State::Run) {
        let (second, words) = match rows.iter().any(|row| kind_of(row.lane.group) == 1 && row.switches > 0) {
            _ if shares => (None, "GIL held"),
            true => (Some(OWNERS[1]), "GIL owner, alternating"),
            false => (None, "GIL owner"),
        };
        keys.push(Key { token: OWNERS[0], second, height: 1.0, width: 1.0, words, mark: None });
    }
    keys
}

/// Keys of the marks beside the segments.
fn marks(view: &View<'_>, rows: &[Row<'_>], ticks: bool) -> Vec<Key> {
    let key = |height, width, words, mark| Key { token: Token::Ink, second: None, height, width, words, mark };
    let mut keys = Vec::new();
    if ticks && rows.iter().any(|row| row.lane.group == Group::Core && row.lane.count > 0) {
        keys.push(key(0.28, 0.1, "context switch: another thread comes", None));
    }
    for (what, words) in [
        (Mark::Migrated, "the same, and it comes from another core"),
        (Mark::Missed, "deadline missed"),
        (Mark::Dropped, "job dropped at its deadline"),
    ] {
        if rows.iter().any(|row| segments::marks(view, row, ticks).any(|mark| mark.what == what)) {
            keys.push(key(1.0, 1.0, words, Some(what)));
        }
    }
    if rows.iter().any(|row| !segments::critical(view, row).is_empty()) {
        keys.push(key(0.18, 1.0, "task on the critical path", None));
    }
    keys
}

/// Nanoseconds on the axis: a run that got stuck goes on a little, so that one sees in what.
fn drawn(view: &View<'_>, rows: &[Row<'_>], plot: f64) -> f64 {
    let length = view.length() as f64;
    if !view.stuck() {
        return length;
    }
    let words = rows.iter().filter_map(|row| row.stuck.as_ref()).map(|stuck| stuck.width() + 12.0).fold(70.0, f64::max);
    let beyond = words.clamp(plot * 0.06, plot * 0.35);
    if length > 0.0 { length * plot / (plot - beyond) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_shortened_label_keeps_its_number() {
        let name = "T3 a_name_of_some_forty_letters_to_be_sure";
        for number in ["[12]", " (7)"] {
            let short = shortened(&format!("{name}{number}"), 150.0);
            assert!(short.starts_with("T3 a_name") && short.ends_with(&format!("…{number}")), "{short}");
        }
        assert!(shortened(name, 150.0).ends_with('…'));
        assert_eq!(shortened("T3 fetch[1]", 150.0), "T3 fetch[1]");
    }
}
