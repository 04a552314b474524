//! How often something goes wrong on a machine: many runs of one model under different seeds.

use rayon::prelude::*;

use super::{Options, run};
use crate::model::{Execution, Model};
use crate::scenario::expect::{Asked, Expect, When};
use crate::scenario::{Point, Scenario};

/// How many of so many runs went wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frequency {
    /// Runs that ended irregularly, or in which something that is expected of every run did not hold.
    pub bad: u32,
    /// All.
    pub runs: u32,
    /// The seed of the first bad one.
    pub first: Option<u64>,
}

impl Frequency {
    /// The 95 % interval of the probability (Wilson, 1927), which is right for rare events, too.
    pub fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.959_963_984_540_054;
        let (n, p) = (f64::from(self.runs.max(1)), f64::from(self.bad) / f64::from(self.runs.max(1)));
        let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let low = if self.bad == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if self.bad == self.runs { 1.0 } else { (middle + half).min(1.0) };
        (low, high)
    }
}

/// Runs one model of a point under so many seeds. With a `jitter` of 0.2 every fixed time is drawn from 20 % around it.
pub fn frequency(scenario: &Scenario, point: &Point, model: &Model, runs: u32, jitter: f64) -> Frequency {
    let expect: Vec<Expect> =
        scenario.expect.iter().filter_map(|expect| of_each_run(expect, model.execution)).collect();
    let point = Point { models: vec![model.jittered(jitter)], ..point.clone() };
    let one = |seed: u64| {
        let scenario = Scenario {
            seed,
            runs: 1,
            points: vec![point.clone()],
            expect: expect.clone(),
            charts: Vec::new(),
            ..scenario.clone()
        };
        !run(&scenario, &Options::default(), &()).passed
    };
    let bad: Vec<u64> =
        (0..u64::from(runs)).into_par_iter().map(|n| scenario.seed.wrapping_add(n)).filter(|seed| one(*seed)).collect();
    Frequency { bad: bad.len() as u32, runs, first: bad.first().copied() }
}

/// What an expectation asks of each run by itself.
fn of_each_run(expect: &Expect, execution: Execution) -> Option<Expect> {
    let all =
        |inner: &[Expect]| -> Vec<Expect> { inner.iter().filter_map(|one| of_each_run(one, execution)).collect() };
    let what = match &expect.what {
        Asked::Speedup { .. } | Asked::Sometimes(_) | Asked::Condition(When::Possible, _) => return None,
        Asked::In(of, inner) if *of == execution => Asked::In(*of, all(inner)),
        Asked::In(..) => return None,
        Asked::At(at, inner) => Asked::At(at.clone(), all(inner)),
        what => what.clone(),
    };
    Some(Expect { text: expect.text.clone(), what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_tables() {
        for (bad, runs, low, high) in [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0)] {
            let (found_low, found_high) = Frequency { bad, runs, first: None }.interval();
            assert!(
                (found_low - low).abs() < 1e-4 && (found_high - high).abs() < 1e-4,
                "{bad}: {found_low} {found_high}"
            );
        }
    }
}
