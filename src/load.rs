//! When the jobs of a task arrive.

use crate::dist::Dist;
use crate::model::Arrivals;
use crate::rng::{Stream, numbered, stream_id};
use crate::time::{Duration, Time};

/// The arrivals of one task, as far as they have come.
#[derive(Clone, Debug, Hash)]
pub struct Source {
    arrived: u32,
    limit: Option<u32>,
    last: Time,
    stream: Option<Stream>,
    /// One stream for each closed user: thinking times, and the draws of the user's jobs.
    pub users: Vec<Stream>,
}

impl Source {
    /// No arrivals yet.
    pub fn new(arrivals: &Arrivals, count: Option<u32>, seed: u64, task: &str) -> Source {
        let id = stream_id(&format!("tasks/{task}#arrival"));
        let users = match arrivals {
            Arrivals::Closed { users, .. } => *users,
            _ => 0,
        };
        Source {
            arrived: 0,
            limit: count,
            last: Time::ZERO,
            stream: matches!(arrivals, Arrivals::Poisson { .. }).then(|| Stream::new(seed, id)),
            users: (0..users).map(|user| Stream::new(seed, numbered(id, u64::from(user)))).collect(),
        }
    }

    /// Takes the number of the next job, if the task may have another.
    #[inline]
    pub fn admit(&mut self) -> Option<u32> {
        if self.exhausted() {
            return None;
        }
        self.arrived += 1;
        Some(self.arrived - 1)
    }

    /// Whether no job will come any more.
    #[inline]
    pub fn exhausted(&self) -> bool {
        self.limit.is_some_and(|limit| self.arrived >= limit)
    }

    /// When the next job of an open task arrives, given that those before it have been admitted.
    #[inline]
    pub fn next(&mut self, arrivals: &Arrivals) -> Option<Time> {
        if self.exhausted() {
            return None;
        }
        self.last = match arrivals {
            Arrivals::AtOnce | Arrivals::Closed { .. } => return None,
            Arrivals::Every(period) => Time(period.0.saturating_mul(u64::from(self.arrived))),
            Arrivals::Poisson { mean_gap } => {
                let bits = self.stream.as_mut().expect("Poisson arrivals have a stream").draw();
                self.last + mean_gap.sample(bits)
            }
            Arrivals::Recorded(times) => Time(times.get(self.arrived as usize)?.0),
        };
        Some(self.last)
    }

    /// How long a user thinks.
    pub fn think(&mut self, user: u32, think: &Dist) -> Duration {
        match think {
            Dist::Const(time) => *time,
            _ => think.sample(self.users[user as usize].draw()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(arrivals: &Arrivals, count: u32) -> Vec<u64> {
        let mut source = Source::new(arrivals, Some(count), 1, "t");
        let mut times = Vec::new();
        while let Some(at) = source.next(arrivals) {
            source.admit();
            times.push(at.0);
        }
        times
    }

    #[test]
    fn periods_do_not_drift_and_records_are_replayed() {
        assert_eq!(times(&Arrivals::Every(Duration(7)), 3), [0, 7, 14]);
        let recorded = Arrivals::Recorded([Duration(1), Duration(1), Duration(5)].into());
        assert_eq!(times(&recorded, 9), [1, 1, 5]);
    }

    #[test]
    fn poisson_gaps_have_their_mean() {
        let arrivals = Arrivals::Poisson { mean_gap: Dist::Exp { mean: Duration(1_000_000) } };
        let last = *times(&arrivals, 40_000).last().expect("there are arrivals") as f64;
        // The sum of n exponentials has a standard deviation of mean * sqrt(n): 5 of them are 2.5 %.
        assert!((last / 40_000e6 - 1.0).abs() < 0.025, "{last}");
    }
}
