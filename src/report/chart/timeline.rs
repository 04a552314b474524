//! The timeline of one model: cores, GILs, threads and coroutines over simulated time.

use super::frame::{self, Key, MARGIN, TimeAxis, WIDTH};
use super::{Drawn, Subject, axis, file_stem};
use crate::report::ModelData;
use crate::report::scene::{Canvas, Label, Token, Weight, font};
use crate::report::timeline::{Group, Lane, STATES, Segment, State, Timeline, kind_of};

const PLOT_RIGHT: f64 = 1044.0;
const COLUMNS: [f64; 2] = [1096.0, 1176.0];
/// Most lanes of one picture.
const LANES: usize = 40;

/// One picture per model.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    subject.models.iter().map(|model| draw_one(subject, model)).collect()
}

fn draw_one(subject: &Subject<'_>, model: &ModelData) -> Drawn {
    let layout = Layout::new(&model.timeline);
    let title = title(model);
    let shares = layout.drawn_as_shares();
    let legend = legend(&layout, shares);
    let canvas = Canvas::new(WIDTH, layout.height as u32, &title);
    frame::heading(&canvas, &title, &subtitle(subject, model, shares));
    frame::legend(&canvas, &legend);
    layout.draw(&canvas, shares);
    Drawn { stem: format!("timeline-{}", file_stem(&model.name)), scene: canvas.finish() }
}

/// A row of the picture.
struct Row<'a> {
    lane: &'a Lane,
    label: String,
    top: f64,
    height: f64,
}

/// A head over rows.
struct Head {
    words: String,
    columns: [&'static str; 2],
    baseline: f64,
}

struct Layout<'a> {
    timeline: &'a Timeline,
    rows: Vec<Row<'a>>,
    heads: Vec<Head>,
    notes: Vec<(f64, String)>,
    axis: TimeAxis,
    height: f64,
    ticks: bool,
}

impl<'a> Layout<'a> {
    fn new(timeline: &'a Timeline) -> Layout<'a> {
        let axis = TimeAxis { x: (0.0, PLOT_RIGHT), y: (0.0, 0.0), end: timeline.end as f64 };
        let (rows, heads, notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut layout = Layout { timeline, rows, heads, notes, axis, height: 0.0, ticks: false };
        layout.ticks = switch_ticks_fit(timeline);
        let mut y = 100.0;
        for (kind, most) in most_lanes(timeline).into_iter().enumerate() {
            y = layout.groups(kind, most, y);
        }
        let size = 12.0;
        let widest = layout.rows.iter().map(|row| font::width(&row.label, size, Weight::Regular)).fold(0.0, f64::max);
        let left = (MARGIN + widest.clamp(60.0, 200.0) + 10.0).ceil();
        layout.axis.x.0 = left;
        layout.axis.y = (108.0, y + 4.0);
        layout.height = (y + 4.0 + 52.0).ceil();
        layout
    }

    /// Adds the groups of one kind below `y`; returns where the next ones begin.
    fn groups(&mut self, kind: usize, most: usize, mut y: f64) -> f64 {
        let lanes: Vec<&Lane> = self.timeline.lanes.iter().filter(|lane| kind_of(lane.group) == kind).collect();
        let mut groups: Vec<(Group, Vec<&Lane>)> = Vec::new();
        for lane in lanes.iter().take(most) {
            let group = if flat(kind, &lanes) { lanes[0].group } else { lane.group };
            match groups.iter_mut().find(|(other, _)| *other == group) {
                Some((_, members)) => members.push(lane),
                None => groups.push((group, vec![lane])),
            }
        }
        for (group, members) in groups {
            y += 16.0;
            self.heads.push(self.head(group, y, flat(kind, &lanes) && lanes.len() > 1));
            y += 8.0;
            for lane in members {
                let height = if kind < 2 { 14.0 } else { 20.0 };
                let prefix = flat(kind, &lanes) && kind >= 2 && self.timeline.processes > 1;
                self.rows.push(Row { lane, label: label(lane, prefix, self.timeline.processes), top: y, height });
                y += height
                    + if kind == 0 && self.ticks {
                        8.0
                    } else if kind < 2 {
                        4.0
                    } else {
                        6.0
                    };
            }
        }
        let more = lanes.len().saturating_sub(most) + self.timeline.hidden[kind];
        if more > 0 {
            let what = ["core", "GIL", "thread", "coroutine"][kind];
            y += 14.0;
            self.notes.push((y, format!("and {} more {what}{}", axis::count(more as u64), axis::plural(more as u64))));
            y += 6.0;
        }
        if lanes.is_empty() { y } else { y + 4.0 }
    }

    fn head(&self, group: Group, baseline: f64, flat: bool) -> Head {
        let many = self.timeline.processes > 1 && !flat;
        let waits = if self.timeline.has_gil { "waits GIL" } else { "ready" };
        let (words, columns) = match group {
            Group::Core => ("Cores".to_owned(), ["busy", if self.ticks { "" } else { "switches" }]),
            Group::Gil(_) => ("GIL".to_owned(), ["held", "hand-overs"]),
            Group::Thread(process) if many => (format!("Threads of process {}", process.0), ["runs", waits]),
            Group::Thread(_) => ("Threads".to_owned(), ["runs", waits]),
            Group::Coroutine(process, _) if many => (format!("Coroutines of process {}", process.0), ["run", "ready"]),
            Group::Coroutine(..) => ("Coroutines".to_owned(), ["run", "ready"]),
        };
        Head { words, columns, baseline }
    }

    fn columns(&self) -> usize {
        (self.axis.x.1 - self.axis.x.0) as usize
    }

    /// Whether any lane has more segments than half its pixel columns. One answer for the whole picture, because a
    /// thin lane means "blocked" in one way of drawing and "seldom" in the other.
    fn drawn_as_shares(&self) -> bool {
        self.rows.iter().any(|row| row.lane.segments().is_none_or(|all| all.len() > self.columns() / 2))
    }

    fn draw(&self, canvas: &Canvas, shares: bool) {
        for row in &self.rows {
            let back = if kind_of(row.lane.group) < 2 { Token::Idle } else { Token::Band };
            canvas.rect(back, (self.axis.x.0, row.top), (self.axis.x.1, row.top + row.height));
        }
        if shares {
            self.shares(canvas);
            self.axis.grid(canvas, 0.45);
        } else {
            self.axis.grid(canvas, 1.0);
            for row in self.rows.iter().filter(|row| kind_of(row.lane.group) < 2) {
                canvas.rect(Token::Idle, (self.axis.x.0, row.top), (self.axis.x.1, row.top + row.height));
            }
            self.segments(canvas);
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

    /// The label on the left and the figures on the right.
    fn words(&self, canvas: &Canvas, row: &Row<'_>) {
        let y = row.top + row.height / 2.0 + 4.3;
        let name = font::fit(&row.label, self.axis.x.0 - 10.0 - MARGIN, 12.0, Weight::Regular);
        canvas.text((self.axis.x.0 - 10.0, y), &Label::new(&name).size(12.0).end());
        let share = |states: &[State]| {
            let sum: u64 = states.iter().map(|state| row.lane.totals[*state as usize]).sum();
            if self.timeline.end == 0 { 0.0 } else { sum as f64 / self.timeline.end as f64 }
        };
        let work = axis::percent(share(&[State::Run, State::Native]));
        let (second, token) = match kind_of(row.lane.group) {
            0 if self.ticks => (String::new(), Token::Ink),
            0 | 1 => (axis::count(row.lane.switches), Token::Muted),
            2 if self.timeline.has_gil => (axis::percent(share(&[State::Gil])), Token::S2t),
            _ => (axis::percent(share(&[State::Ready])), Token::Muted),
        };
        canvas.text((COLUMNS[0], y), &Label::new(&work).size(12.0).end());
        canvas.text((COLUMNS[1], y), &Label::new(&second).size(12.0).token(token).end());
    }

    /// Every segment by itself; those of one color together, so that they share a path.
    fn segments(&self, canvas: &Canvas) {
        let colors = State::ALL.map(State::token);
        for token in colors.into_iter().chain([Token::S1, Token::Muted]) {
            for row in &self.rows {
                for (index, segment) in row.lane.segments().unwrap_or_default().iter().enumerate() {
                    if color(row.lane, index, segment) == token {
                        let (from, to) = self.place(row, segment);
                        canvas.rect(token, from, (to.0.max(from.0 + 0.3), to.1));
                    }
                }
            }
        }
        for row in &self.rows {
            let mut last = None;
            for segment in row.lane.segments().unwrap_or_default() {
                self.inside(canvas, row, segment);
                if row.lane.group == Group::Core && self.ticks && last != Some(segment.tag) {
                    let x = self.axis.at(segment.start as f64);
                    let y = row.top + row.height + 1.0;
                    canvas.rect(Token::Ink, (x, y), (x + 1.0, y + 3.0));
                }
                last = Some(segment.tag);
            }
        }
    }

    fn place(&self, row: &Row<'_>, segment: &Segment) -> ((f64, f64), (f64, f64)) {
        let share = if kind_of(row.lane.group) < 2 { 1.0 } else { segment.state.height() };
        let (middle, half) = (row.top + row.height / 2.0, row.height * share / 2.0);
        let (from, to) = (self.axis.at(segment.start as f64), self.axis.at(segment.end as f64));
        ((from, middle - half), (to, middle + half))
    }

    /// Words inside a segment, if there is room for the long or the short form.
    fn inside(&self, canvas: &Canvas, row: &Row<'_>, segment: &Segment) {
        let (from, to) = self.place(row, segment);
        let thread = format!("T{}", segment.tag);
        let forms = match kind_of(row.lane.group) {
            0 if segment.state == State::Switching => return,
            0 | 1 => [thread.as_str(), ""],
            _ => segment.state.inside(),
        };
        let token = if kind_of(row.lane.group) == 1 { Token::OnWork } else { segment.state.text_token() };
        let room = to.0 - from.0 - 8.0;
        let fits = |form: &&str| !form.is_empty() && font::width(form, 10.5, Weight::Regular) <= room;
        if let Some(form) = forms.into_iter().find(fits) {
            let at = ((from.0 + to.0) / 2.0, row.top + row.height / 2.0 + 3.8);
            canvas.text(at, &Label::new(form).size(10.5).token(token).middle());
        }
    }

    /// Per pixel column the share of time per state, stacked. Painted from the top state down, each from the floor of
    /// the lane, so that no paper shines through between two states.
    fn shares(&self, canvas: &Canvas) {
        let columns = self.columns();
        let all: Vec<Vec<[f64; STATES]>> =
            self.rows.iter().map(|row| row.lane.shares(columns, self.timeline.end)).collect();
        for state in State::ALL.into_iter().rev() {
            for (row, shares) in self.rows.iter().zip(&all) {
                if row.lane.totals[state as usize] > 0 {
                    let token = if kind_of(row.lane.group) == 1 { Token::S1 } else { state.token() };
                    self.area(canvas, row, token, shares.iter().map(|all| all[..=state as usize].iter().sum()));
                }
            }
        }
    }

    /// A stepped area from the floor of the lane.
    fn area(&self, canvas: &Canvas, row: &Row<'_>, token: Token, tops: impl Iterator<Item = f64>) {
        let floor = row.top + row.height;
        let left = self.axis.x.0;
        let mut ring: Vec<(f64, f64)> = Vec::new();
        let close = |ring: &mut Vec<(f64, f64)>, x: f64| {
            if let Some(last) = ring.last().copied() {
                ring.extend([(x, last.1), (x, floor)]);
                canvas.polygon(token, ring);
                ring.clear();
            }
        };
        let mut end = left;
        for (index, top) in tops.enumerate() {
            let x = left + index as f64;
            let height = (top.clamp(0.0, 1.0) * row.height * 10.0).round() / 10.0;
            if height == 0.0 {
                close(&mut ring, x);
            } else if let Some(last) = ring.last().copied() {
                if last.1 != floor - height {
                    ring.extend([(x, last.1), (x, floor - height)]);
                }
            } else {
                ring.extend([(x, floor), (x, floor - height)]);
            }
            end = x + 1.0;
        }
        close(&mut ring, end);
    }
}

fn color(lane: &Lane, index: usize, segment: &Segment) -> Token {
    match lane.group {
        Group::Gil(_) if owner_tone(lane, index) => Token::S1,
        Group::Gil(_) => Token::Muted,
        Group::Core | Group::Thread(_) | Group::Coroutine(..) => segment.state.token(),
    }
}

/// The tone of the n-th tenure: it alternates at every hand-over.
fn owner_tone(lane: &Lane, index: usize) -> bool {
    let segments = lane.segments().unwrap_or_default();
    let changes = segments[..=index].windows(2).filter(|pair| pair[0].tag != pair[1].tag).count();
    changes % 2 == 0
}

/// Whether a kind stands under one head: cores and GILs always, threads if no process has two of them.
fn flat(kind: usize, lanes: &[&Lane]) -> bool {
    kind < 2
        || (kind == 2
            && lanes
                .iter()
                .enumerate()
                .all(|(index, lane)| lanes[..index].iter().all(|other| other.group != lane.group)))
}

fn label(lane: &Lane, with_process: bool, processes: usize) -> String {
    match lane.group {
        Group::Gil(process) if processes > 1 => format!("process {}", process.0),
        Group::Thread(process) if with_process => format!("P{} {}", process.0, lane.name),
        Group::Core | Group::Gil(_) | Group::Thread(_) | Group::Coroutine(..) => lane.name.clone(),
    }
}

/// How many lanes of each kind to draw: all cores and GILs that were kept, then threads, then coroutines.
fn most_lanes(timeline: &Timeline) -> [usize; 4] {
    let there = |kind| timeline.lanes.iter().filter(|lane| kind_of(lane.group) == kind).count();
    let (cores, gils) = (there(0).min(12), there(1).min(4));
    let rest = LANES - cores - gils;
    let threads = there(2).min(rest - there(3).min(rest - rest.min(8)));
    [cores, gils, threads, there(3).min(rest - threads)]
}

/// Marks of context switches are drawn while the median distance between two is at least 4 px.
fn switch_ticks_fit(timeline: &Timeline) -> bool {
    let mut gaps: Vec<u64> = Vec::new();
    for lane in timeline.lanes.iter().filter(|lane| lane.group == Group::Core) {
        let Some(segments) = lane.segments() else { return false };
        let changes = segments.windows(2).filter(|pair| pair[0].tag != pair[1].tag).map(|pair| pair[1].start);
        let starts: Vec<u64> = changes.collect();
        gaps.extend(starts.windows(2).map(|pair| pair[1] - pair[0]));
    }
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).is_none_or(|gap| *gap as f64 / timeline.end.max(1) as f64 * 900.0 >= 4.0)
}

fn legend(layout: &Layout<'_>, shares: bool) -> Vec<Key> {
    let present = |state: &State| {
        let not_gil = layout.rows.iter().filter(|row| kind_of(row.lane.group) != 1);
        not_gil.map(|row| row.lane.totals[*state as usize]).any(|total| total > 0)
    };
    let key = |state: State| Key {
        token: state.token(),
        height: if shares { 1.0 } else { state.height() },
        words: state.words(layout.timeline.has_gil),
    };
    State::ALL.into_iter().filter(present).map(key).collect()
}

fn title(model: &ModelData) -> String {
    let timeline = &model.timeline;
    let number =
        |kind| timeline.lanes.iter().filter(|lane| kind_of(lane.group) == kind).count() + timeline.hidden[kind];
    let say = |count: usize, what: &str| format!("{} {what}{}", axis::count(count as u64), axis::plural(count as u64));
    let mut who = say(number(2), "thread");
    if number(3) > 0 {
        who = format!("{} on {who}", say(number(3), "coroutine"));
    }
    if timeline.processes > 1 {
        who = format!("{who} in {} processes", axis::count(timeline.processes as u64));
    }
    let cores = say(timeline.cores() as usize, "core");
    let run = |kind: usize| -> (u64, u64) {
        let lanes = timeline.lanes.iter().filter(|lane| kind_of(lane.group) == kind);
        lanes.fold((0, 0), |(sum, count), lane| (sum + lane.totals[0] + lane.totals[1], count + 1))
    };
    let share = |(sum, count): (u64, u64)| sum as f64 / (count.max(1) as f64 * timeline.end.max(1) as f64);
    // No finding about cores if some of them were not kept: it would be wrong.
    let finding = if number(1) == 1 {
        format!("; the GIL is held {} of the time", axis::percent(share(run(1))))
    } else if timeline.hidden[0] == 0 {
        format!("; cores are busy {} of the time", axis::percent(share(run(0))))
    } else {
        String::new()
    };
    if timeline.end == 0 {
        format!("{}: no time passed", model.name)
    } else {
        format!("{}: {who}, {cores}{finding}", model.name)
    }
}

fn subtitle(subject: &Subject<'_>, model: &ModelData, shares: bool) -> String {
    let timeline = &model.timeline;
    let segments = axis::count(timeline.count());
    let how = if shares { ", drawn as shares: each pixel column stacks the share of time per state" } else { "" };
    let time = axis::duration(timeline.end as f64);
    let (seed, about) = (model.figures.seed, &timeline.about);
    format!("{}: {segments} segments over {time}{how}; {about}; seed {seed}", subject.title)
}
