//! What a row works on: the job or program, as spans of time beside the states.

use crate::trace::Role;

/// A stretch of time on one job, whatever its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First nanosecond.
    pub start: u64,
    /// The nanosecond after the last.
    pub end: u64,
    /// What it is spent on.
    pub role: Role,
}

/// The spans of a row in order of time; none overlaps another.
#[derive(Clone, Debug, Default)]
pub struct Work {
    spans: Vec<Span>,
    open: Option<(u64, Role)>,
    /// What was not complete when the run ended.
    pub left: Option<Role>,
}

impl Work {
    /// From `now` on the row works on this. Returns the span that this ended, which is not kept yet.
    pub fn set(&mut self, now: u64, role: Option<Role>) -> Option<Span> {
        if self.open.map(|(_, role)| role) == role {
            return None;
        }
        let ended = self.open.take().map(|(start, role)| Span { start, end: now, role });
        self.open = role.map(|role| (now, role));
        ended.filter(|span| span.end > span.start)
    }

    /// Keeps a span. Returns whether it is a new one and not the last one that goes on.
    pub fn push(&mut self, span: Span) -> bool {
        match self.spans.last_mut() {
            Some(last) if (last.end, last.role) == (span.start, span.role) => {
                last.end = span.end;
                false
            }
            _ => {
                self.spans.push(span);
                true
            }
        }
    }

    /// The end of the run.
    pub fn finish(&mut self, now: u64) -> Option<Span> {
        self.left = self.open.map(|(_, role)| role);
        self.set(now, None)
    }

    /// Forgets the spans of which this does not hold.
    pub fn retain(&mut self, keep: impl Fn(&Span) -> bool) -> usize {
        self.spans.retain(keep);
        self.spans.len()
    }

    /// The spans that lie at least in part between two moments.
    pub fn between(&self, from: u64, until: u64) -> &[Span] {
        let first = self.spans.partition_point(|span| span.end <= from);
        let end = self.spans.partition_point(|span| span.start < until);
        &self.spans[first..end.max(first)]
    }

    /// A stretch of time cut where the work changes: start, end, and the work, if any.
    pub fn pieces(&self, from: u64, until: u64) -> Vec<(u64, u64, Option<Role>)> {
        let (mut out, mut at) = (Vec::new(), from);
        for span in self.between(from, until) {
            if span.start > at {
                out.push((at, span.start, None));
            }
            let end = span.end.min(until);
            out.push((span.start.max(at), end, Some(span.role)));
            at = end;
        }
        if at < until {
            out.push((at, until, None));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_cut_where_the_work_changes() {
        let mut work = Work::default();
        let mut set = |now, role| work.set(now, role).is_some_and(|span| work.push(span));
        let [a, b] = [Role::Worker(1), Role::Worker(2)];
        assert!(!set(10, Some(a)) && !set(10, Some(b)), "no time passed");
        assert!(set(20, None) && !set(20, Some(b)) && !set(30, Some(a)), "it goes on");
        assert!(!set(40, Some(a)));
        assert_eq!(work.finish(50).map(|span| (span.start, span.end)), Some((30, 50)));
        assert_eq!(work.left, Some(a));
        assert_eq!(work.pieces(0, 25), [(0, 10, None), (10, 25, Some(b))]);
        assert_eq!(work.pieces(25, 40), [(25, 30, Some(b)), (30, 40, None)]);
        assert!(work.between(30, 40).is_empty() && work.between(0, 10).is_empty());
    }
}
