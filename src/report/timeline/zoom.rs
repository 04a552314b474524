//! A short early stretch of a run, segment by segment: kept also when the run as a whole becomes time shares.

use super::Segment;

/// The window ends with so many segments; those that are open then are cut and added.
const SEGMENTS: usize = 110;

/// The segments of all lanes in a window. It begins after the warm-up and after the last thread started that did so
/// before the window was full.
#[derive(Clone, Debug)]
pub struct Zoom {
    /// Where the window begins, in nanoseconds.
    pub from: u64,
    /// Where it ends.
    pub until: u64,
    lanes: Vec<Vec<Segment>>,
    count: usize,
    full: bool,
}

impl Zoom {
    /// An empty window that begins at `from` or later.
    pub fn new(from: u64) -> Zoom {
        Zoom { from, until: from, lanes: Vec::new(), count: 0, full: false }
    }

    /// The segments of a lane, empty if nothing was there.
    pub fn segments(&self, lane: usize) -> &[Segment] {
        self.lanes.get(lane).map_or(&[], Vec::as_slice)
    }

    /// Whether this stretch of time can be seen in the window.
    pub fn shows(&self, start: u64, end: u64) -> bool {
        end > self.from && !(self.full && start >= self.until)
    }

    /// A thread started: unless the window is full, it begins here.
    pub fn restart(&mut self, now: u64) {
        if !self.full && now > self.from {
            *self = Zoom::new(now);
        }
    }

    /// Adds what of a finished segment lies in the window. Returns whether this filled it: then the open segments are
    /// to be added with [`Zoom::cut`].
    pub fn add(&mut self, lane: usize, segment: Segment) -> bool {
        if self.full || segment.end <= self.from {
            return false;
        }
        self.push(lane, segment);
        self.until = segment.end;
        self.full = self.count >= SEGMENTS;
        self.full
    }

    /// Adds an open segment of a full window up to its end.
    pub fn cut(&mut self, lane: usize, segment: Segment) {
        if segment.start < self.until {
            self.push(lane, Segment { end: self.until, ..segment });
        }
    }

    fn push(&mut self, lane: usize, segment: Segment) {
        if self.lanes.len() <= lane {
            self.lanes.resize(lane + 1, Vec::new());
        }
        let segment = Segment { start: segment.start.max(self.from), ..segment };
        if !segment.continues(self.lanes[lane].last_mut()) {
            self.lanes[lane].push(segment);
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    fn segment(start: u64, end: u64) -> Segment {
        Segment { start, end, state: State::Run, tag: 0 }
    }

    #[test]
    fn a_window_is_clipped_at_both_ends_and_restarts_until_it_is_full() {
        let mut zoom = Zoom::new(100);
        assert!(!zoom.add(0, segment(0, 100)) && zoom.segments(0).is_empty());
        zoom.add(0, segment(90, 110));
        zoom.restart(50);
        assert_eq!(zoom.segments(0), [segment(100, 110)]);
        zoom.restart(200);
        assert!(zoom.segments(0).is_empty());
        let full = (0..).find(|n| zoom.add(1, segment(200 + 10 * n, 205 + 10 * n)));
        assert_eq!(full, Some(SEGMENTS as u64 - 1));
        let until = zoom.until;
        zoom.restart(until + 1);
        zoom.cut(0, segment(150, 0));
        assert_eq!(zoom.segments(0), [segment(200, until)]);
        assert!(!zoom.add(0, segment(until, until + 9)) && zoom.segments(1).len() == SEGMENTS);
    }
}
