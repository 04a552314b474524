//! A sample of durations in constant memory.

use super::figures::Summary;
use crate::time::Duration;

/// Significant bits of a cell: 2048 cells up to 2047 ns, then 1024 for every power of two.
const BITS: u32 = 11;

/// Exact count, sum, least and greatest; the values themselves as long as they are few, then a histogram with three
/// significant digits, which knows the greatest value in each of its cells. So every quantile is a value of the sample.
#[derive(Clone, Debug)]
pub struct Sample {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    /// The cells of `hdrhistogram` with three significant digits, as far as they are used.
    cells: Vec<Cell>,
    /// The first values one by one: there are many small samples, and cells are large.
    few: Vec<u64>,
}

/// Values that have three digits in common, or four.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    count: u64,
    greatest: u64,
}

impl Cell {
    #[inline]
    fn add(&mut self, ns: u64) {
        self.count += 1;
        self.greatest = self.greatest.max(ns);
    }
}

/// Values kept one by one.
const FEW: usize = 1_000;

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
            Some(cell) => cell.add(ns),
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
            self.cells.resize((cell + 1).next_multiple_of(1 << (BITS - 1)), Cell::default());
        }
        self.cells[cell].add(ns);
    }

    /// The value that a share `q` of the sample does not exceed, or a greater one of the same cell; `None` for the empty
    /// sample.
    pub fn quantile_of(&self, q: f64) -> Option<Duration> {
        (self.count > 0).then(|| self.quantiles([q])[0])
    }

    /// The same for several shares, from the smallest to the largest.
    fn quantiles<const N: usize>(&self, shares: [f64; N]) -> [Duration; N] {
        // As in `hdrhistogram`: the first rank that is no smaller than the share, and never none.
        let ranks = shares.map(|q| ((q.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1));
        if !self.few.is_empty() {
            let mut sorted = self.few.clone();
            sorted.sort_unstable();
            return ranks.map(|rank| Duration(sorted[rank as usize - 1]));
        }
        let mut cells = self.cells.iter();
        let (mut seen, mut greatest) = (0, self.min);
        ranks.map(|rank| {
            while seen < rank
                && let Some(cell) = cells.next()
            {
                seen += cell.count;
                greatest = if cell.count > 0 { cell.greatest } else { greatest };
            }
            Duration(greatest)
        })
    }

    /// What it says together.
    pub fn summary(&self) -> Summary {
        if self.count == 0 {
            return Summary::default();
        }
        let [p50, p90, p99, p999] = self.quantiles([0.5, 0.9, 0.99, 0.999]);
        Summary {
            count: self.count,
            mean: self.sum as f64 / self.count as f64,
            min: Duration(self.min),
            p50,
            p90,
            p99,
            p999,
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
    use hdrhistogram::Histogram;

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

    /// What is in the table is what an expectation is compared with: a value that there was.
    #[test]
    fn percentiles_are_values_of_the_sample() {
        for count in [FEW as u64, FEW as u64 + 1, 100_000] {
            let mut sample = Sample::default();
            for n in 0..count {
                sample.add(if n % 10 == 0 { 90_000_000 } else { 15_000_000 });
            }
            let summary = sample.summary();
            assert_eq!(summary.p50, Duration::ms(15), "{count}");
            assert_eq!(sample.quantile_of(0.89), Some(Duration::ms(15)), "{count}");
            assert_eq!((sample.quantile_of(0.99), summary.p99), (Some(Duration::ms(90)), Duration::ms(90)), "{count}");
            assert_eq!(sample.quantile_of(0.0), Some(Duration::ms(15)));
        }
        let mut few = Sample::default();
        (1..=FEW as u64).for_each(|n| few.add(n * 1_000_003));
        assert_eq!(few.quantile_of(0.501), Some(Duration(501 * 1_000_003)), "exact");
    }

    /// Counting in cells here must be the same as telling the library everything: its cell, and a value in it.
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
        for q in (0..=1_000).map(|q| f64::from(q) / 1_000.0) {
            let (found, expected) = (sample.quantile_of(q).unwrap().0, library.value_at_quantile(q));
            assert!(found <= expected && library.equivalent(found, expected), "{q}: {found} {expected}");
        }
    }
}
