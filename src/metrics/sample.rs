//! A sample of durations in constant memory.

use hdrhistogram::Histogram;

use super::figures::Summary;
use crate::time::Duration;

/// Exact count, sum, least and greatest, and a histogram with three significant digits.
#[derive(Clone, Debug)]
pub struct Sample {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    histogram: Histogram<u64>,
}

impl Default for Sample {
    fn default() -> Sample {
        let mut histogram = Histogram::new(3).expect("three significant digits are allowed");
        histogram.auto(true);
        Sample { count: 0, sum: 0, min: u64::MAX, max: 0, histogram }
    }
}

impl Sample {
    /// One more.
    pub fn add(&mut self, ns: u64) {
        self.count += 1;
        self.sum += u128::from(ns);
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        self.histogram.record(ns).expect("the histogram grows as needed");
    }

    /// The value that a share `q` of the sample does not exceed.
    pub fn quantile(&self, q: f64) -> Duration {
        // The histogram answers with the upper end of a cell, which may lie beyond the greatest value.
        Duration(self.histogram.value_at_quantile(q).clamp(self.min.min(self.max), self.max))
    }

    /// As [`Sample::quantile`]; `None` for the empty sample.
    pub fn quantile_of(&self, q: f64) -> Option<Duration> {
        (self.count > 0).then(|| self.quantile(q))
    }

    /// What it says together.
    pub fn summary(&self) -> Summary {
        if self.count == 0 {
            return Summary::default();
        }
        Summary {
            count: self.count,
            mean: self.sum as f64 / self.count as f64,
            min: Duration(self.min),
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            max: Duration(self.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_and_mean_are_exact_and_percentiles_close() {
        let mut sample = Sample::default();
        for ns in 1..=1_000_000 {
            sample.add(ns);
        }
        let summary = sample.summary();
        assert_eq!((summary.count, summary.min, summary.max), (1_000_000, Duration(1), Duration(1_000_000)));
        assert_eq!(summary.mean, 500_000.5);
        for (found, expected) in [(summary.p50, 500_000), (summary.p99, 990_000), (summary.p999, 999_000)] {
            assert!(found.0.abs_diff(expected) <= expected / 1_000, "{found:?} {expected}");
        }
    }
}
