//! One row of a timeline: its segments while they are few, time shares in bins when they are many.

use super::marks::Marked;
use super::state::{STATES, State};
use super::work::Work;
use crate::id::{ProcessId, ThreadId};

/// Most bins of a lane. When the run grows past them, neighbours are added up and every bin is twice as long.
const BINS: u64 = 4_096;

/// What a lane is the row of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A core.
    Core,
    /// The GIL of a process.
    Gil(ProcessId),
    /// A thread of a process.
    Thread(ProcessId),
    /// A coroutine of the loop on a thread of a process.
    Coroutine(ProcessId, ThreadId),
}

/// The place of a group in [`LANES_MAX`](super::LANES_MAX).
pub fn kind_of(group: Group) -> usize {
    match group {
        Group::Core => 0,
        Group::Gil(_) => 1,
        Group::Thread(_) => 2,
        Group::Coroutine(..) => 3,
    }
}

/// A stretch of time in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// First nanosecond.
    pub start: u64,
    /// The nanosecond after the last.
    pub end: u64,
    /// What is done.
    pub state: State,
    /// By whom, on the lanes of cores and GILs: the thread.
    pub tag: u32,
}

impl Segment {
    /// Whether this only continues the segment before it, which then grows.
    pub fn continues(&self, last: Option<&mut Segment>) -> bool {
        match last {
            Some(last) if (last.end, last.state, last.tag) == (self.start, self.state, self.tag) => {
                last.end = self.end;
                true
            }
            _ => false,
        }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Where it stands.
    pub group: Group,
    /// What stands before it.
    pub name: String,
    /// Whether it is the row of several threads or coroutines, one after the other.
    pub shared: bool,
    /// The first lane of the same task or program: they stand together.
    pub kin: usize,
    /// What it works on.
    pub work: Work,
    /// Moments to be marked, in order of time but for deadlines that are seen to be missed only later.
    pub marks: Vec<Marked>,
    /// The state in which the run left it.
    pub left: Option<State>,
    /// Nanoseconds in each state.
    pub totals: [u64; STATES],
    /// Segments of each state.
    pub visits: [u64; STATES],
    /// Segments so far, also those no longer kept one by one.
    pub count: u64,
    /// Times its tag changed: context switches of a core, hand-overs of a GIL.
    pub switches: u64,
    store: Store,
    open: Option<Segment>,
    last_tag: Option<u32>,
}

#[derive(Clone, Debug)]
enum Store {
    Segments(Vec<Segment>),
    Bins(Bins),
}

#[derive(Clone, Debug)]
struct Bins {
    width: u64,
    shares: Vec<[u64; STATES]>,
}

impl Lane {
    /// An empty row.
    pub fn new(group: Group, name: String, binned: bool) -> Lane {
        let store = if binned { Store::Bins(Bins::new()) } else { Store::Segments(Vec::new()) };
        let (totals, visits) = ([0; STATES], [0; STATES]);
        let (work, marks) = (Work::default(), Vec::new());
        let (shared, kin, left, open, last_tag) = (false, 0, None, None, None);
        Lane {
            group,
            name,
            shared,
            kin,
            work,
            marks,
            left,
            totals,
            visits,
            count: 0,
            switches: 0,
            store,
            open,
            last_tag,
        }
    }

    /// From `now` on the row is in this state (`None`: nothing is there). Returns the segment that this ended.
    pub fn set(&mut self, now: u64, state: Option<State>, tag: u32) -> Option<Segment> {
        if let Some(open) = self.open
            && state == Some(open.state)
            && tag == open.tag
        {
            return None;
        }
        let ended = self.close(now);
        self.open = state.map(|state| Segment { start: now, end: now, state, tag });
        ended
    }

    /// The segment that has not ended; its end means nothing yet.
    pub fn open(&self) -> Option<Segment> {
        self.open
    }

    /// Ends the open segment and returns it if any time passed.
    pub fn close(&mut self, now: u64) -> Option<Segment> {
        let segment = Segment { end: now, ..self.open.take()? };
        // A GIL that is taken and dropped at once changed hands all the same.
        let takes_time = segment.end > segment.start;
        if takes_time || matches!(self.group, Group::Gil(_)) {
            let changed = self.last_tag.replace(segment.tag).is_some_and(|last| last != segment.tag);
            self.switches += u64::from(changed);
        }
        if !takes_time {
            return None;
        }
        let state = segment.state as usize;
        self.totals[state] += segment.end - segment.start;
        match &mut self.store {
            Store::Bins(bins) => bins.add(&segment),
            Store::Segments(segments) => {
                if segment.continues(segments.last_mut()) {
                    return Some(segment);
                }
                segments.push(segment);
            }
        }
        self.visits[state] += 1;
        self.count += 1;
        Some(segment)
    }

    /// How often the row was in the state in which it spent most of its time; having no work is no state here.
    pub fn rhythm(&self) -> u64 {
        let states = State::ALL.into_iter().filter(|state| *state != State::Idle).map(|state| state as usize);
        states.max_by_key(|state| self.totals[*state]).map_or(0, |state| self.visits[state])
    }

    /// Forgets the segments and keeps their time shares.
    pub fn fold(&mut self) {
        if let Store::Segments(segments) = &self.store {
            let mut bins = Bins::new();
            segments.iter().for_each(|segment| bins.add(segment));
            self.store = Store::Bins(bins);
        }
    }

    /// The segments one by one, if they are still kept.
    pub fn segments(&self) -> Option<&[Segment]> {
        match &self.store {
            Store::Segments(segments) => Some(segments),
            Store::Bins(_) => None,
        }
    }

    /// For each of `columns` equal parts of the time from 0 to `end`, the share of time in each state.
    pub fn shares(&self, columns: usize, end: u64) -> Vec<[f64; STATES]> {
        let mut out = vec![[0.0; STATES]; columns];
        if end == 0 || columns == 0 {
            return out;
        }
        let column = end as f64 / columns as f64;
        match &self.store {
            Store::Segments(segments) => {
                for segment in segments {
                    let piece = (segment.start as f64 / column, segment.end as f64 / column);
                    spread(&mut out, piece, segment.state, 1.0);
                }
            }
            Store::Bins(bins) => {
                for (index, times) in bins.shares.iter().enumerate() {
                    let start = index as u64 * bins.width;
                    let length = bins.width.min(end.saturating_sub(start));
                    let piece = (start as f64 / column, (start + length) as f64 / column);
                    for state in State::ALL.into_iter().filter(|state| times[*state as usize] > 0 && length > 0) {
                        spread(&mut out, piece, state, times[state as usize] as f64 / length as f64);
                    }
                }
            }
        }
        out
    }
}

/// Adds a state of this density to the columns between the two ends of the piece.
fn spread(out: &mut [[f64; STATES]], (from, to): (f64, f64), state: State, density: f64) {
    let last = out.len() - 1;
    let (first, end) = ((from as usize).min(last), (to as usize).min(last));
    for (index, column) in out.iter_mut().enumerate().take(end + 1).skip(first) {
        let overlap = to.min(index as f64 + 1.0) - from.max(index as f64);
        if overlap > 0.0 {
            column[state as usize] += overlap * density;
        }
    }
}

impl Bins {
    fn new() -> Bins {
        Bins { width: 1, shares: Vec::new() }
    }

    fn add(&mut self, segment: &Segment) {
        while segment.end.div_ceil(self.width) > BINS {
            self.double();
        }
        let (first, last) = (segment.start / self.width, (segment.end - 1) / self.width);
        if self.shares.len() <= last as usize {
            self.shares.resize(last as usize + 1, [0; STATES]);
        }
        for index in first..=last {
            let start = (index * self.width).max(segment.start);
            let end = (index + 1).saturating_mul(self.width).min(segment.end);
            self.shares[index as usize][segment.state as usize] += end - start;
        }
    }

    fn double(&mut self) {
        self.width = self.width.saturating_mul(2);
        for index in 0..self.shares.len().div_ceil(2) {
            let mut sum = self.shares[2 * index];
            if let Some(other) = self.shares.get(2 * index + 1) {
                sum.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
            }
            self.shares[index] = sum;
        }
        self.shares.truncate(self.shares.len().div_ceil(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_give_the_shares_that_the_segments_give() {
        let mut lane = Lane::new(Group::Core, String::new(), false);
        for round in 0..5_000 {
            lane.set(round * 100, Some(State::Run), 0);
            lane.set(round * 100 + 36, None, 0);
        }
        let exact = lane.shares(50, 500_000);
        lane.fold();
        for (a, b) in exact.iter().zip(lane.shares(50, 500_000)) {
            assert!((a[0] - 0.36).abs() < 1e-9 && (b[0] - 0.36).abs() < 0.005, "{a:?} {b:?}");
        }
        assert_eq!(lane.totals[0], 180_000);
    }

    #[test]
    fn bins_keep_every_nanosecond_however_long_the_run() {
        let mut bins = Bins::new();
        for start in [0, 1_000, 1_000_000_000, u64::MAX - 10] {
            bins.add(&Segment { start, end: start + 7, state: State::Io, tag: 0 });
        }
        let sum: u64 = bins.shares.iter().map(|times| times[State::Io as usize]).sum();
        assert_eq!((sum, bins.shares.len() <= BINS as usize), (28, true));
    }
}
