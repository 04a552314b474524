//! Few segments: every one by itself, with words where there is room.

use super::layout::Layout;
use super::row::{INSIDE, LOW_ROW, Row, View};
use crate::report::chart::frame;
use crate::report::scene::{Canvas, Label, Token, Weight, font};
use crate::report::timeline::{Group, Marked, Segment, Span, State, kind_of};
use crate::trace::Role;

/// The two tones of a GIL lane: its owner changes where they do.
pub const OWNERS: [Token; 2] = [Token::S1, Token::Muted];

/// Those of one color together, so that they share a path.
pub fn draw(canvas: &Canvas, layout: &Layout<'_>) {
    let tones: Vec<Vec<Token>> = layout.rows.iter().map(tones).collect();
    for token in State::ALL.map(State::token).into_iter().chain(OWNERS) {
        for (row, tones) in layout.rows.iter().zip(&tones) {
            for (segment, tone) in row.segments.unwrap_or_default().iter().zip(tones) {
                if *tone == token {
                    let (from, to) = place(layout, row, segment);
                    canvas.rect(token, from, (to.0.max(from.0 + 0.3), to.1));
                }
            }
        }
    }
    for row in &layout.rows {
        let mut last = None;
        for segment in row.segments.unwrap_or_default() {
            inside(canvas, layout, row, segment);
            let migrates = || marks(&layout.view, row, true).any(|mark| mark.at == segment.start);
            if row.lane.group == Group::Core && layout.ticks && last != Some(segment.tag) && !migrates() {
                let x = layout.axis.at(segment.start as f64);
                let y = row.top + row.height + 1.0;
                canvas.rect(Token::Ink, (x, y), (x + 1.0, y + 3.0));
            }
            last = Some(segment.tag);
        }
        for mark in marks(&layout.view, row, layout.ticks) {
            frame::mark(canvas, mark.what, (layout.axis.at(mark.at as f64), row.top + row.height + 1.0));
        }
        for span in critical(&layout.view, row) {
            let y = row.top + row.height + 1.0;
            canvas.rect(Token::Ink, (layout.axis.at(span.start as f64), y), (layout.axis.at(span.end as f64), y + 2.0));
        }
    }
}

/// What is marked on the row in view: on cores only beside the ticks of context switches.
pub fn marks<'a>(view: &View<'a>, row: &Row<'a>, ticks: bool) -> impl Iterator<Item = &'a Marked> {
    let (from, until) = (view.from(), view.from() + view.length());
    let all: &[Marked] = if row.lane.group != Group::Core || ticks { &row.lane.marks } else { &[] };
    all.iter().filter(move |mark| (from..=until).contains(&mark.at))
}

/// When a row worked on tasks of the critical path.
pub fn critical<'a>(view: &View<'a>, row: &Row<'a>) -> Vec<&'a Span> {
    let tasks = view.critical();
    if kind_of(row.lane.group) < 2 || tasks.is_empty() {
        return Vec::new();
    }
    let on_path = |span: &&Span| {
        let task = view.timeline.task_name(span.role);
        task.is_some_and(|task| tasks.iter().any(|name| name == task))
    };
    row.lane.work.between(view.from(), view.from() + view.length()).iter().filter(on_path).collect()
}

/// The color of every segment of a row; the owner's alternates at every hand-over.
fn tones(row: &Row<'_>) -> Vec<Token> {
    let segments = row.segments.unwrap_or_default();
    let (mut owner, mut last) = (0, None);
    let tone = |segment: &Segment| {
        if !matches!(row.lane.group, Group::Gil(_)) {
            return segment.state.token();
        }
        if last.replace(segment.tag).is_some_and(|last| last != segment.tag) {
            owner = 1 - owner;
        }
        OWNERS[owner]
    };
    segments.iter().map(tone).collect()
}

fn place(layout: &Layout<'_>, row: &Row<'_>, segment: &Segment) -> ((f64, f64), (f64, f64)) {
    let share = if kind_of(row.lane.group) < 2 { 1.0 } else { segment.state.height() };
    let (middle, half) = (row.top + row.height / 2.0, row.height * share / 2.0);
    let (from, to) = (layout.axis.at(segment.start as f64), layout.axis.at(segment.end as f64));
    ((from, middle - half), (to, middle + half))
}

/// Words inside a segment, if there is room: who or what runs, else in which state. Where one work follows another
/// without a pause, a gap parts them.
fn inside(canvas: &Canvas, layout: &Layout<'_>, row: &Row<'_>, segment: &Segment) {
    let kind = kind_of(row.lane.group);
    let works = matches!(segment.state, State::Run | State::Native);
    if !works {
        let forms = if kind < 2 { ["", ""] } else { segment.state.inside() };
        return words(canvas, layout, row, (segment, segment.start, segment.end), &forms);
    }
    let pieces = row.lane.work.pieces(segment.start, segment.end);
    for (index, (start, end, role)) in pieces.iter().enumerate() {
        let [from, to] = [*start, *end].map(|ns| layout.axis.at(ns as f64));
        if index > 0 && to - from >= 3.0 {
            canvas.rect(Token::Bg, (from - 0.5, row.top), (from + 0.5, row.top + row.height));
        }
        let name = role.map_or_else(String::new, |role| named(layout, row, role));
        // Better the task without the number of its job than nothing.
        let task = name.split(['[', '#']).next().unwrap_or_default();
        let [long, short] = if kind < 2 { ["", ""] } else { segment.state.inside() };
        words(canvas, layout, row, (segment, *start, *end), &[name.as_str(), task, long, short]);
    }
}

/// What runs, unless the label of the row says so.
fn named(layout: &Layout<'_>, row: &Row<'_>, role: Role) -> String {
    let name = layout.view.timeline.role_name(role);
    if row.label.ends_with(&name) { String::new() } else { name }
}

/// The first of the forms that there is room for in this part of the segment.
fn words(canvas: &Canvas, layout: &Layout<'_>, row: &Row<'_>, part: (&Segment, u64, u64), forms: &[&str]) {
    let (segment, start, end) = part;
    let (from, to) = place(layout, row, &Segment { start, end, ..*segment });
    // In a low row a thin segment is lower than letters.
    if row.height <= LOW_ROW && segment.state.height() < 1.0 {
        return;
    }
    let token = if kind_of(row.lane.group) == 1 { Token::OnWork } else { segment.state.text_token() };
    let room = to.0 - from.0 - 8.0;
    let fits = |form: &&&str| !form.is_empty() && font::width(form, INSIDE, Weight::Regular) <= room;
    if let Some(form) = forms.iter().find(fits) {
        let at = ((from.0 + to.0) / 2.0, row.top + row.height / 2.0 + 3.8);
        canvas.text(at, &Label::new(form).size(INSIDE).token(token).middle());
    }
}

/// Marks of context switches are drawn while the median distance between two is at least 4 px.
pub fn switch_ticks_fit(rows: &[Row<'_>], length: u64) -> bool {
    let mut gaps: Vec<u64> = Vec::new();
    for row in rows.iter().filter(|row| row.lane.group == Group::Core) {
        let Some(segments) = row.segments else { return false };
        let changes = segments.windows(2).filter(|pair| pair[0].tag != pair[1].tag).map(|pair| pair[1].start);
        let starts: Vec<u64> = changes.collect();
        gaps.extend(starts.windows(2).map(|pair| pair[1] - pair[0]));
    }
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).is_none_or(|gap| *gap as f64 / length.max(1) as f64 * 900.0 >= 4.0)
}
