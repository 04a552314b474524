//! A sample of durations in constant memory.

use hdrhistogram::Histogram;

use super::figures::Summary;
use crate::time::Duration;

/// Significant bits of a cell: 2048 cells up to 2047 ns, then 1024 for every power of two.
const BITS: u32 = 11;

/// Exact count, sum, least and greatest, and a histogram with three significant digits.
#[derive(Clone, Debug)]
pub struct Sample {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    /// The cells of `hdrhistogram` with three significant digits, as far as they are used. Counting is all a run needs,
    /// and costs a tenth of the library's call; the library answers questions afterwards.
    cells: Vec<u64>,
    /// The first values one by one: there are many small samples, and cells are large.
    few: Vec<u64>,
}

/// Values kept one by one.
const FEW: usize = 32;

impl Default for Sample {
    fn default() -> Sample {
        Sample { count: 0, sum: 0, min: u64::MAX, max: 0, cells: Vec::new(), few: Vec::new() }
    }
}

impl Sample {
    /// One more.
    #[inline]
    pub fn add(&mut self, ns: u64) {
        self.count += 1;
        self.sum += u128::from(ns);
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        let cell = cell_of(ns);
        match self.cells.get_mut(cell) {
            Some(count) => *count += 1,
            None => self.keep(ns),
        }
    }

    #[cold]
    fn keep(&mut self, ns: u64) {
        if self.cells.is_empty() && self.few.len() < FEW {
            self.few.push(ns);
            return;
        }
        self.count_in(ns);
        for ns in std::mem::take(&mut self.few) {
            self.count_in(ns);
        }
    }

    fn count_in(&mut self, ns: u64) {
        let cell = cell_of(ns);
        if self.cells.len() <= cell {
            self.cells.resize((cell + 1).next_multiple_of(1 << (BITS - 1)), 0);
        }
        self.cells[cell] += 1;
    }

    fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).expect("three significant digits are allowed");
        histogram.auto(true);
        for (cell, count) in self.cells.iter().enumerate().filter(|(_, count)| **count > 0) {
            let scale = (cell >> (BITS - 1)).saturating_sub(1);
            let low = ((cell - (scale << (BITS - 1))) as u64) << scale;
            histogram.record_n(low, *count).expect("the histogram grows as needed");
        }
        for ns in &self.few {
            histogram.record(*ns).expect("the histogram grows as needed");
        }
        histogram
    }

    /// The value that a share `q` of the sample does not exceed; `None` for the empty sample.
    pub fn quantile_of(&self, q: f64) -> Option<Duration> {
        (self.count > 0).then(|| self.quantile(&self.histogram(), q))
    }

    fn quantile(&self, histogram: &Histogram<u64>, q: f64) -> Duration {
        // The histogram answers with the upper end of a cell, which may lie beyond the greatest value.
        Duration(histogram.value_at_quantile(q).clamp(self.min, self.max))
    }

    /// What it says together.
    pub fn summary(&self) -> Summary {
        if self.count == 0 {
            return Summary::default();
        }
        let histogram = self.histogram();
        let quantile = |q| self.quantile(&histogram, q);
        Summary {
            count: self.count,
            mean: self.sum as f64 / self.count as f64,
            min: Duration(self.min),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p999: quantile(0.999),
            max: Duration(self.max),
        }
    }
}

/// The cell of a value.
#[inline]
fn cell_of(ns: u64) -> usize {
    let scale = (u64::BITS - BITS) - (ns | ((1 << BITS) - 1)).leading_zeros();
    ((scale as usize) << (BITS - 1)) + (ns >> scale) as usize
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
    /// Counting cells here and asking the library there must be the same as telling the library everything.
    #[test]
    fn cells_are_those_of_the_library() {
        let mut sample = Sample::default();
        let mut library = Histogram::<u64>::new(3).unwrap();
        library.auto(true);
        let mut stream = crate::rng::Stream::new(1, 1);
        for n in 0..100_000 {
            let ns = stream.draw() >> (n % 62 + 1);
            sample.add(ns);
            library.record(ns).unwrap();
        }
        let histogram = sample.histogram();
        for q in (0..=1_000).map(|q| f64::from(q) / 1_000.0) {
            assert_eq!(histogram.value_at_quantile(q), library.value_at_quantile(q), "{q}");
        }
    }
}
