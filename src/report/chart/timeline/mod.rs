//! The timeline of one model: cores, GILs, threads and coroutines over simulated time; and an early window of it,
//! segment by segment, where the whole run is drawn as time shares.

mod layout;
mod row;
mod segments;
mod shares;

use super::frame::{self, WIDTH};
use super::{Drawn, Subject, axis, file_stem};
use crate::report::ModelData;
use crate::report::scene::Canvas;
use crate::report::timeline::kind_of;
use layout::Layout;
use row::View;

/// One or two pictures per model.
pub fn draw(subject: &Subject<'_>) -> Vec<Drawn> {
    subject.models.iter().flat_map(|model| draw_one(subject, model)).collect()
}

fn draw_one(subject: &Subject<'_>, model: &ModelData) -> Vec<Drawn> {
    let timeline = &model.timeline;
    let whole = Layout::new(View { timeline, zoom: None, figures: &model.figures });
    let stem = format!("timeline-{}", file_stem(&model.name));
    let mut drawn = vec![picture(&whole, stem.clone(), &title(model), &subtitle(subject, model, &whole))];
    if whole.column.is_some() && timeline.zoom.until > timeline.zoom.from {
        let zoom = Layout::new(View { timeline, zoom: Some(&timeline.zoom), figures: &model.figures });
        let subtitle = zoom_subtitle(subject, model, &zoom.view);
        drawn.push(picture(&zoom, format!("{stem}-zoom"), &zoom_title(model, &zoom), &subtitle));
    }
    drawn
}

fn picture(layout: &Layout<'_>, stem: String, title: &str, subtitle: &str) -> Drawn {
    let canvas = Canvas::new(WIDTH, layout.height as u32, title);
    frame::heading(&canvas, title, subtitle);
    layout.draw(&canvas);
    Drawn { stem, scene: canvas.finish() }
}

fn title(model: &ModelData) -> String {
    let timeline = &model.timeline;
    let number =
        |kind| timeline.lanes.iter().filter(|lane| kind_of(lane.group) == kind).count() + timeline.hidden[kind];
    let say = |count: usize, what: &str| format!("{} {what}{}", axis::count(count as u64), axis::plural(count as u64));
    let [threads, coroutines] = timeline.started;
    let mut who = say(threads, "thread");
    if coroutines > 0 {
        who = format!("{} on {who}", say(coroutines, "coroutine"));
    }
    if timeline.processes > 1 {
        who = format!("{who} in {} processes", axis::count(timeline.processes as u64));
    }
    let cores = say(timeline.cores() as usize, "core");
    let included = if timeline.warm_up > 0 { ", warm-up included" } else { "" };
    let run = |kind: usize| -> (u64, u64) {
        let lanes = timeline.lanes.iter().filter(|lane| kind_of(lane.group) == kind);
        lanes.fold((0, 0), |(sum, count), lane| (sum + lane.totals[0] + lane.totals[1], count + 1))
    };
    let share = |(sum, count): (u64, u64)| sum as f64 / (count.max(1) as f64 * timeline.end.max(1) as f64);
    // No finding about cores if some of them were not kept: it would be wrong.
    let finding = if number(1) == 1 {
        format!("; the GIL is held {} of the time{included}", axis::percent(share(run(1))))
    } else if timeline.hidden[0] == 0 {
        format!("; cores are busy {} of the time{included}", axis::percent(share(run(0))))
    } else {
        String::new()
    };
    let stuck = ["deadlock", "livelock"].into_iter().find(|outcome| model.figures.outcome == *outcome);
    if let Some(outcome) = stuck {
        format!("{}: {outcome} after {}; {who}, {cores}", model.name, axis::duration(timeline.end as f64))
    } else if timeline.end == 0 {
        format!("{}: no time passed", model.name)
    } else {
        format!("{}: {who}, {cores}{finding}", model.name)
    }
}

fn subtitle(subject: &Subject<'_>, model: &ModelData, layout: &Layout<'_>) -> String {
    let timeline = &model.timeline;
    let segments = axis::count(timeline.count());
    let width = |column: f64| column / (layout.axis.x.1 - layout.axis.x.0) * layout.axis.length;
    let how = layout.column.map_or_else(String::new, |column| {
        format!(
            ", drawn as shares: each column of {} stacks the share of time per state",
            axis::duration(width(column))
        )
    });
    let time = axis::duration(timeline.end as f64);
    let (seed, about) = (model.figures.seed, &timeline.about);
    format!("{}: {segments} segments over {time}{how}; {about}; seed {seed}", subject.title)
}

fn zoom_title(model: &ModelData, layout: &Layout<'_>) -> String {
    let gils = || layout.rows.iter().filter(|row| kind_of(row.lane.group) == 1);
    let (segments, time) = (segments(layout), axis::duration(layout.view.length() as f64));
    match (gils().count(), gils().map(|row| row.switches).sum()) {
        (1, times) if times > 0 => {
            let times = format!("{} time{}", axis::count(times), axis::plural(times));
            format!("{}, zoomed in: the GIL changes hands {times} in {time}", model.name)
        }
        _ => format!("{}, zoomed in: {segments} segments in {time}", model.name),
    }
}

fn segments(layout: &Layout<'_>) -> usize {
    layout.rows.iter().filter_map(|row| row.segments).map(<[_]>::len).sum()
}

fn zoom_subtitle(subject: &Subject<'_>, model: &ModelData, view: &View<'_>) -> String {
    let timeline = &model.timeline;
    let why = match view.from() {
        0 => "",
        from if from == timeline.warm_up => " after the warm-up",
        _ => " after start-up",
    };
    let length = view.length();
    let [from, until] = [view.from(), view.from() + length].map(|ns| axis::moment(ns as f64, length as f64));
    let (whole, about, seed) = (axis::duration(timeline.end as f64), &timeline.about, model.figures.seed);
    format!("{}: single segments{why}, {from} to {until} of a run of {whole}; {about}; seed {seed}", subject.title)
}
