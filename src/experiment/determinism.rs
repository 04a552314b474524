//! Whether a second run of the same model and seed, under other conditions, is the same to the last record.

use std::collections::VecDeque;
use std::fmt;

use rayon::prelude::*;

use super::cell::Cell;
use super::{Observer, seed};
use crate::model::Model;
use crate::scenario::Scenario;
use crate::sim;
use crate::trace::{Digest, Record, Sink};

/// Two runs of the same model and seed that differ: a defect of the simulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Number of the sweep point.
    pub point: usize,
    /// The execution model.
    pub model: String,
    /// The seed.
    pub seed: u64,
    /// Where they differ.
    pub divergence: Divergence,
}

/// Where two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Divergence {
    /// At this record, counted from 0; `None` for a run that was over.
    At { record: u64, first: Option<Record>, second: Option<Record> },
    /// Between these records; a third and fourth run did not show it again.
    Between { from: u64, to: u64 },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, seed {}, sweep point {}: ", self.model, self.seed, self.point)?;
        match &self.divergence {
            Divergence::At { record, first, second } => {
                let words = |record: &Option<Record>| match record {
                    Some(record) => format!("at {} ns {:?}", record.time.0, record.what),
                    None => "no record: the run was over".to_owned(),
                };
                write!(f, "record {record} is {} in one run and {} in the other", words(first), words(second))
            }
            Divergence::Between { from, to } => {
                write!(f, "two runs differ between records {from} and {to}, further runs did not")
            }
        }
    }
}

/// How a run is done again: the first way is plain, the second disturbed.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Plain,
    Disturbed,
}

/// Runs every cell again: in reversed order, on other threads, with other memory in use, and with other listeners.
/// The first cell, in the order of the scenario, whose trace is not that of the first run.
pub fn check(scenario: &Scenario, cells: &[Vec<Cell>], observer: &impl Observer) -> Option<Difference> {
    let runs = scenario.runs.max(1) as usize;
    let numbers: Vec<(usize, usize)> =
        cells.iter().enumerate().flat_map(|(point, cells)| (0..cells.len()).map(move |cell| (point, cell))).collect();
    let again = |&(point, cell): &(usize, usize)| {
        let mut digest = Digest::default();
        let model = &scenario.points[point].models[cell / runs];
        run(model, seed(scenario, cell % runs), &mut digest, Condition::Disturbed);
        observer.run_done();
        (digest != cells[point][cell].digest).then_some((point, cell, digest))
    };
    let found: Vec<_> = numbers.par_iter().rev().map(again).collect();
    let (point, cell, digest) = found.into_iter().rev().flatten().next()?;
    let model = &scenario.points[point].models[cell / runs];
    let seed = seed(scenario, cell % runs);
    let replay = |condition, window: &mut Window| run(model, seed, window, condition);
    let divergence = locate(&cells[point][cell].digest, &digest, replay);
    Some(Difference { point, model: model.execution.to_string(), seed, divergence })
}

fn run(model: &Model, seed: u64, sink: &mut (impl Sink + Send), condition: Condition) {
    match condition {
        Condition::Plain => {
            sim::run(model, seed, sink);
        }
        Condition::Disturbed => {
            // Other addresses, another stack, and a tail of the trace that is kept.
            let clutter: Vec<Vec<u8>> = (0..64).map(|size| vec![0x5a; 17 + size * 331]).collect();
            std::thread::scope(|scope| {
                scope.spawn(|| sim::run(model, seed, &mut (sink, Tail::default())));
            });
            drop(clutter);
        }
    }
}

/// The last records.
#[derive(Default)]
struct Tail(VecDeque<Record>);

impl Sink for Tail {
    fn record(&mut self, record: &Record) {
        if self.0.len() == 1_000 {
            self.0.pop_front();
        }
        self.0.push_back(*record);
    }
}

/// The records of a part of a run.
struct Window {
    from: u64,
    to: u64,
    next: u64,
    kept: Vec<Record>,
}

impl Sink for Window {
    fn record(&mut self, record: &Record) {
        if (self.from..self.to).contains(&self.next) {
            self.kept.push(*record);
        }
        self.next += 1;
    }
}

/// The first difference: the checkpoints of the digests tell where to look, a replay of that part shows it.
fn locate(first: &Digest, second: &Digest, replay: impl Fn(Condition, &mut Window)) -> Divergence {
    let ((stride_a, a), (stride_b, b)) = (first.checkpoints(), second.checkpoints());
    let stride = stride_a.max(stride_b);
    // A digest of many records has dropped checkpoints; compare those that both have.
    let every = |values: &[u64], own: u64| -> Vec<u64> {
        let step = (stride / own) as usize;
        values.iter().skip(step - 1).step_by(step).copied().collect()
    };
    let (a, b) = (every(a, stride_a), every(b, stride_b));
    let equal = a.iter().zip(&b).take_while(|(a, b)| a == b).count() as u64;
    let from = equal * stride;
    let last = first.records().max(second.records());
    let to = if equal < a.len().min(b.len()) as u64 { from + stride } else { last };

    let part = |condition| {
        let mut window = Window { from, to, next: 0, kept: Vec::new() };
        replay(condition, &mut window);
        window.kept
    };
    let (first, second) = (part(Condition::Plain), part(Condition::Disturbed));
    let same = first.iter().zip(&second).take_while(|(first, second)| first == second).count();
    if same == first.len() && same == second.len() {
        return Divergence::Between { from, to };
    }
    let (first, second) = (first.get(same).copied(), second.get(same).copied());
    Divergence::At { record: from + same as u64, first, second }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{CoreId, ThreadId};
    use crate::time::Time;
    use crate::trace::What;

    fn record(time: u64) -> Record {
        Record { time: Time(time), what: What::Run { core: CoreId(0), thread: ThreadId(0) } }
    }

    /// A run of `plain` records and one of `disturbed`, equal but for record `at`.
    fn located(plain: u64, disturbed: u64, at: u64) -> Divergence {
        let play = |condition, sink: &mut dyn Sink| {
            let (count, changed) = match condition {
                Condition::Plain => (plain, None),
                Condition::Disturbed => (disturbed, Some(at)),
            };
            for index in 0..count {
                sink.record(&record(if changed == Some(index) { 1_000_000_000 } else { index }));
            }
        };
        let mut digests = [Digest::default(), Digest::default()];
        play(Condition::Plain, &mut digests[0]);
        play(Condition::Disturbed, &mut digests[1]);
        locate(&digests[0], &digests[1], |condition, window| play(condition, window))
    }

    #[test]
    fn the_first_differing_record_is_named() {
        for at in [0, 4_095, 4_096, 10_000] {
            let expected = Divergence::At { record: at, first: Some(record(at)), second: Some(record(1_000_000_000)) };
            assert_eq!(located(10_001, 10_001, at), expected);
        }
    }

    #[test]
    fn a_run_that_is_longer_differs_at_the_end_of_the_other() {
        let expected = Divergence::At { record: 9_000, first: None, second: Some(record(9_000)) };
        assert_eq!(located(9_000, 9_500, u64::MAX), expected);
    }

    #[test]
    fn a_long_run_with_dropped_checkpoints_is_compared_with_a_short_one() {
        // More than 1,024 checkpoints of 4,096 records: the longer digest has doubled its stride.
        let long = 1_024 * 4_096 + 5;
        assert!(matches!(located(long, 20_000, 12_345), Divergence::At { record: 12_345, .. }));
    }

    #[test]
    fn a_difference_that_does_not_come_back_is_said_to_lie_between() {
        let (mut first, mut second) = (Digest::default(), Digest::default());
        first.record(&record(1));
        second.record(&record(2));
        assert_eq!(locate(&first, &second, |_, _| ()), Divergence::Between { from: 0, to: 1 });
    }
}
