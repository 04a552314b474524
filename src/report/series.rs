//! Completed jobs per window of time.

use crate::model::Model;
use crate::time::{Duration, Time};
use crate::trace::{Record, Sink, What};

/// Most windows. When the run grows past them, ten are added up to one, so that windows stay round numbers.
const WINDOWS: usize = 20_000;

/// Counts `JobEnd` in windows of 10^k nanoseconds.
#[derive(Clone, Debug)]
pub struct Series {
    /// Length of a window in nanoseconds: a power of ten.
    pub width: u64,
    /// Completed jobs per window, up to the last window with one.
    pub counts: Vec<u64>,
    /// Completed jobs.
    pub jobs: u64,
    /// Completed jobs after the warm-up.
    pub measured: u64,
    /// What is not counted.
    pub warm_up: Duration,
    /// When the last job was completed.
    pub last: Time,
    /// The end of the run.
    pub end: Time,
}

impl Series {
    /// No jobs yet.
    pub fn new(model: &Model) -> Series {
        let warm_up = model.warm_up;
        let (last, end) = (Time::ZERO, Time::ZERO);
        Series { width: 1_000, counts: Vec::new(), jobs: 0, measured: 0, warm_up, last, end }
    }

    /// The run is over.
    pub fn finish(&mut self, end: Time) {
        self.end = end;
    }

    /// Completed jobs per second after the warm-up.
    pub fn mean(&self) -> f64 {
        let seconds = Duration(self.end.0.saturating_sub(self.warm_up.0)).as_secs();
        if seconds > 0.0 { self.measured as f64 / seconds } else { 0.0 }
    }

    /// Middle of each window (ns) and jobs per second in it, for windows of `window` (a multiple of `width`). A last
    /// window that is not full is left out, because a run that ends with a job makes it look fast.
    pub fn rates(&self, window: u64) -> Vec<(f64, f64)> {
        let (window, end) = (window.max(self.width), self.end.0);
        let per = (window / self.width).max(1) as usize;
        let mut out = Vec::new();
        let mut start = 0;
        while start < end {
            let length = window.min(end - start);
            if length < window && start > 0 {
                break;
            }
            let first = (start / self.width) as usize;
            // A job that ends with the run stands in the window that begins there.
            let last = if start + window >= end { self.counts.len() } else { first + per };
            let slice = self.counts.get(first.min(self.counts.len())..last.min(self.counts.len()));
            let jobs: u64 = slice.unwrap_or_default().iter().sum();
            out.push((start as f64 + length as f64 / 2.0, jobs as f64 / Duration(length).as_secs()));
            start += window;
        }
        out
    }

    /// Moments (ns) at which jobs were completed, and how many then were in all. Exact to a window, of which there are
    /// thousands; the last moment is exact.
    pub fn steps(&self) -> impl Iterator<Item = (f64, u64)> {
        let windows = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        windows.scan(0, |sum, (index, count)| {
            *sum += count;
            let start = index as u64 * self.width;
            Some((if *sum == self.jobs { self.last.0 } else { start } as f64, *sum))
        })
    }

    fn job(&mut self, now: Time) {
        self.jobs += 1;
        self.last = now;
        if now.0 > self.warm_up.0 || self.warm_up == Duration::ZERO {
            self.measured += 1;
        }
        while now.0 / self.width >= WINDOWS as u64 {
            self.width *= 10;
            self.counts = self.counts.chunks(10).map(|ten| ten.iter().sum()).collect();
        }
        let index = (now.0 / self.width) as usize;
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += 1;
    }
}

impl Sink for Series {
    fn record(&mut self, record: &Record) {
        if let What::JobEnd { .. } = record.what {
            self.job(record.time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(ends: impl Iterator<Item = u64>, end: u64) -> Series {
        let (warm_up, counts) = (Duration(0), Vec::new());
        let mut series =
            Series { width: 1_000, counts, jobs: 0, measured: 0, warm_up, last: Time::ZERO, end: Time::ZERO };
        ends.for_each(|at| series.job(Time(at)));
        series.finish(Time(end));
        series
    }

    #[test]
    fn windows_grow_tenfold_and_lose_no_job() {
        let series = series((1..=100_000).map(|job| job * 1_000_000), 100_000_000_000);
        assert!(series.counts.len() <= WINDOWS && series.width == 10_000_000, "{}", series.width);
        assert_eq!(series.counts.iter().sum::<u64>(), 100_000);
        let steps: Vec<(f64, u64)> = series.steps().collect();
        assert!(steps.is_sorted() && steps.last() == Some(&(100e9, 100_000)), "{:?}", steps.last());
    }

    #[test]
    fn rates_are_jobs_per_second_and_a_job_at_the_end_counts() {
        let series = series((1..=1_000).map(|job| job * 1_000_000), 1_000_000_000);
        let rates = series.rates(500_000_000);
        assert_eq!(rates.iter().map(|(_, rate)| *rate).collect::<Vec<f64>>(), [998.0, 1_002.0]);
    }
}
