//! Which lanes of a run are drawn, and what of them: the whole run, or the early window.

use crate::metrics::figures::Figures;
use crate::report::scene::{Weight, font};
use crate::report::timeline::{Group, Lane, STATES, Segment, State, Timeline, Zoom, kind_of};

/// With more threads and coroutines than this, their rows are low.
const HIGH: usize = 20;
/// Size of the words in a row.
pub const INSIDE: f64 = 10.5;

/// Most lanes of one picture.
const LANES: usize = 40;
/// Heights of the rows of threads and coroutines.
pub const ROW: f64 = 20.0;
pub const LOW_ROW: f64 = 12.0;
/// So many cores are drawn even if nothing runs on them.
const CORES: usize = 4;

/// The stretch of time that a picture shows.
#[derive(Clone, Copy)]
pub struct View<'a> {
    pub timeline: &'a Timeline,
    /// The early window; `None` for the whole run.
    pub zoom: Option<&'a Zoom>,
    pub figures: &'a Figures,
}

/// How a row goes on after a deadlock: for ever.
pub struct Stuck {
    pub state: State,
    pub words: String,
}

impl Stuck {
    /// Width of the words in pixels.
    pub fn width(&self) -> f64 {
        font::width(&self.words, INSIDE, Weight::Regular)
    }
}

impl View<'_> {
    /// Whether the picture shows how the run got stuck.
    pub fn stuck(&self) -> bool {
        self.zoom.is_none() && self.figures.outcome == "deadlock"
    }

    /// Names of the tasks on the critical path.
    pub fn critical(&self) -> &[String] {
        self.figures.critical_path.as_ref().map_or(&[], |path| &path.tasks)
    }

    /// What the lane waits for at the end, if the run got stuck.
    fn stuck_in(&self, lane: &Lane) -> Option<Stuck> {
        let (Group::Thread(process) | Group::Coroutine(process, _)) = lane.group else { return None };
        let waits = |state: &State| !matches!(state, State::Run | State::Native | State::Switching | State::Ready);
        let state = lane.left.filter(|state| self.stuck() && waits(state))?;
        let who = lane.work.left.map(|role| self.timeline.role_name(role))?;
        let place = format!(" ({} {})", self.timeline.domain(), process.0);
        let of_this = |line: &String| {
            let rest = line.strip_prefix(&who)?;
            let why = rest.strip_prefix(&place).unwrap_or(rest).strip_prefix(" waits for ")?;
            Some(format!("waits for {}", why.split(", since ").next()?.trim_start_matches("the lock ")))
        };
        let words = self.figures.explanation.iter().find_map(of_this).unwrap_or_default();
        Some(Stuck { state, words })
    }

    /// First nanosecond; 0 if the window begins so early that nobody sees the difference.
    pub fn from(&self) -> u64 {
        self.zoom.map(|zoom| zoom.from).filter(|from| from.saturating_mul(1_000) >= self.until()).unwrap_or(0)
    }

    fn until(&self) -> u64 {
        self.zoom.map_or(self.timeline.end, |zoom| zoom.until)
    }

    /// Nanoseconds from left to right.
    pub fn length(&self) -> u64 {
        self.until() - self.from()
    }
}

/// A row of the picture.
pub struct Row<'a> {
    pub lane: &'a Lane,
    /// The segments in view, if they were kept.
    pub segments: Option<&'a [Segment]>,
    /// Nanoseconds in view per state.
    pub totals: [u64; STATES],
    /// Changes of owner in view.
    pub switches: u64,
    pub label: String,
    pub stuck: Option<Stuck>,
    pub top: f64,
    pub height: f64,
}

/// The rows of one kind: cores, GILs, threads or coroutines.
pub struct Kind<'a> {
    pub rows: Vec<Row<'a>>,
    /// Lanes that have no place in the picture.
    pub more: usize,
    /// Lanes without work in view that are left out: cores, and in a zoom threads and coroutines.
    pub quiet: usize,
    /// Whether they stand under one head: cores and GILs always, threads if no process has two of them.
    pub flat: bool,
}

/// What to draw of each kind: all cores and GILs that were kept, then threads, then coroutines.
pub fn kinds<'a>(view: &View<'a>) -> [Kind<'a>; 4] {
    let mut kinds = [0, 1, 2, 3].map(|kind| all(view, kind));
    let there = |kind: usize| kinds[kind].rows.len();
    let (cores, gils) = (there(0).min(12), there(1).min(4));
    let rest = LANES - cores - gils;
    let threads = there(2).min(rest - there(3).min(rest - rest.min(8)));
    for (kind, most) in kinds.iter_mut().zip([cores, gils, threads, rest - threads]) {
        kind.more += kind.rows.len().saturating_sub(most);
        kind.rows.truncate(most);
    }
    let low = kinds.iter().skip(2).map(|kind| kind.rows.len()).sum::<usize>() > HIGH;
    for row in kinds.iter_mut().skip(2).flat_map(|kind| &mut kind.rows).filter(|_| low) {
        row.height = LOW_ROW;
    }
    kinds
}

fn all<'a>(view: &View<'a>, kind: usize) -> Kind<'a> {
    let timeline = view.timeline;
    let lanes = timeline.lanes.iter().enumerate().filter(|(_, lane)| kind_of(lane.group) == kind);
    let mut rows: Vec<Row<'a>> = lanes.map(|(index, lane)| row(view, index, lane)).collect();
    let several = |row: &Row<'_>| rows.iter().filter(|other| other.lane.group == row.lane.group).count() > 1;
    let flat = kind < 2 || (kind == 2 && !rows.iter().any(several));
    for row in &mut rows {
        row.label = label(row.lane.group, name(view, row.lane), flat && timeline.processes > 1);
    }
    let there = rows.len();
    let works =
        |row: &Row<'_>| State::ALL.into_iter().any(|state| state != State::Idle && row.totals[state as usize] > 0);
    if kind >= 2 {
        rows.sort_by_key(|row| row.lane.kin);
    }
    if kind == 0 {
        let mut number = 0..;
        rows.retain(|row| number.next() < Some(CORES) || works(row));
    } else if kind >= 2 && view.zoom.is_some() {
        rows.retain(works);
    }
    Kind { quiet: there - rows.len(), more: timeline.hidden[kind], rows, flat }
}

fn row<'a>(view: &View<'a>, index: usize, lane: &'a Lane) -> Row<'a> {
    let height = if kind_of(lane.group) < 2 { 14.0 } else { ROW };
    let (segments, totals, switches) = match view.zoom {
        None => (lane.segments(), lane.totals, lane.switches),
        Some(zoom) => {
            let segments = zoom.segments(index);
            let mut totals = [0; STATES];
            segments.iter().for_each(|segment| totals[segment.state as usize] += segment.end - segment.start);
            let switches = segments.windows(2).filter(|pair| pair[0].tag != pair[1].tag).count();
            (Some(segments), totals, switches as u64)
        }
    };
    let stuck = view.stuck_in(lane);
    Row { lane, segments, totals, switches, label: String::new(), stuck, top: 0.0, height }
}

/// The name of a lane; in a window, of a row that is used again, what really ran there.
fn name(view: &View<'_>, lane: &Lane) -> String {
    let roles = match view.zoom.filter(|_| lane.shared) {
        Some(zoom) => lane.work.between(zoom.from, zoom.until).iter().map(|span| span.role).collect(),
        None => Vec::new(),
    };
    match roles.as_slice() {
        [] => lane.name.clone(),
        [one] => view.timeline.role_name(*one),
        many => view.timeline.listed(many),
    }
}

/// Threads have no number beside their name: it would say the same twice, and rows of cores and GILs give the name.
fn label(group: Group, name: String, with_process: bool) -> String {
    match group {
        Group::Gil(process) if with_process => format!("process {}", process.0),
        Group::Thread(process) if with_process => format!("P{} {name}", process.0),
        Group::Core | Group::Gil(_) | Group::Thread(_) | Group::Coroutine(..) => name,
    }
}
