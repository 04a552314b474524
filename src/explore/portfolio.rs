//! Many random schedules, on all cores, with the same result on any number of them.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::behaviours::Behaviour;
use super::graph::Budget;
use super::machine::Machine;
use super::property::{Failure, Property};
use super::step::Choice;
use super::strategy::{End, Sampler, Strategy, strategy};
use super::verdict::Search;

/// Random schedules, none of which is bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// States seen before.
    pub states: usize,
    /// Schedules.
    pub runs: u64,
    /// Of them, those that were given up because they did not end.
    pub endless: u64,
    /// What grows in them without end, in words.
    pub grows: Option<String>,
    /// Different ones but for the order of steps that have nothing to do with each other; a million at most.
    pub behaviours: usize,
    /// Threads of the last one.
    pub threads: usize,
    /// Steps of the longest one, as far as is known.
    pub longest: u32,
    /// Schedules by random priorities with 1, 2 and 3 ordered steps.
    pub by_priorities: [u64; 3],
    /// Something that must be possible, and did not happen.
    pub unseen: Option<String>,
}

impl Sampled {
    /// The probability, at most, that a bug of this depth (ordered steps that it needs, 1 to 3) is there and was missed; by
    /// the bound of random priorities, 1/(n k^(depth-1)) for each schedule with n threads and k steps.
    pub fn missed(&self, depth: usize) -> f64 {
        let (n, k) = (self.threads.max(1) as f64, f64::from(self.longest.max(1)));
        let each = 1.0 / (n * (1..depth).fold(1.0, |power, _| power * k));
        libm::exp(libm::log1p(-each.min(1.0 - 1e-12)) * self.by_priorities[depth - 1] as f64)
    }
}

/// A bad schedule.
pub struct Bad {
    /// Its number.
    pub run: u64,
    /// What drew it.
    pub strategy: Strategy,
    /// Its steps.
    pub steps: Vec<Choice>,
    /// What is wrong in the end.
    pub failure: Failure,
}

/// Schedules of one piece of work: few at first, for nobody knows how long they are.
const FIRST_CHUNK: u64 = 64;
const CHUNK: u64 = 512;
/// Pieces that are done before the next are begun.
const FIRST_BATCH: u64 = 4;
const BATCH: u64 = 32;
/// A piece in which so many schedules, and no others, do not end is given up.
const ENDLESS: u64 = 2;
/// Most behaviours that are told apart.
const MOST: usize = 1 << 20;

/// The strategy of a run.
pub fn strategy_of(how: Search, run: u64) -> Strategy {
    match how {
        Search::Only(strategy) => strategy,
        _ => strategy(run),
    }
}

/// What one piece of work has seen.
struct Piece {
    bad: Option<Bad>,
    endless: u64,
    grows: Option<String>,
    classes: BTreeSet<u64>,
    threads: usize,
    longest: u32,
    by_priorities: [u64; 3],
    /// What must be possible, by place: whether it happened.
    shown: Vec<bool>,
    runs: u64,
    steps: u64,
}

/// Draws schedules.
///
/// # Errors
/// One is bad: the first by number.
pub fn draw(
    machine: &Machine<'_>,
    property: &Property,
    how: Search,
    states: usize,
    budget: Budget<'_>,
) -> Result<Sampled, Bad> {
    let mut classes = BTreeSet::new();
    let mut sampled = Sampled {
        states,
        runs: 0,
        endless: 0,
        grows: None,
        behaviours: 0,
        threads: 0,
        longest: 0,
        by_priorities: [0; 3],
        unseen: None,
    };
    let mut shown = vec![false; property.possibilities()];
    let (mut from, mut steps, mut chunk, mut batch) = (0, 0, FIRST_CHUNK, FIRST_BATCH);
    while from < budget.runs && steps < budget.steps && !budget.is_over() {
        let upto = budget.runs.min(from + chunk * batch);
        let pieces = (upto - from).div_ceil(chunk);
        let one = |n: u64| piece(machine, property, how, (from + n * chunk)..upto.min(from + (n + 1) * chunk), budget);
        let done: Vec<Piece> = (0..pieces).into_par_iter().map(one).collect();
        for piece in done {
            if let Some(bad) = piece.bad {
                return Err(bad);
            }
            steps += piece.steps;
            sampled.runs += piece.runs;
            sampled.endless += piece.endless;
            sampled.grows = sampled.grows.or(piece.grows);
            sampled.threads = sampled.threads.max(piece.threads);
            sampled.longest = sampled.longest.max(piece.longest);
            sampled.by_priorities.iter_mut().zip(piece.by_priorities).for_each(|(sum, of)| *sum += of);
            shown.iter_mut().zip(piece.shown).for_each(|(all, of)| *all |= of);
            if classes.len() < MOST {
                classes.extend(piece.classes);
            }
        }
        from = upto;
        (chunk, batch) = (CHUNK.min(chunk * 2), BATCH.min(batch * 2));
        // Whoever never comes to an end is not asked ten thousand times.
        if sampled.endless == sampled.runs {
            break;
        }
    }
    sampled.behaviours = classes.len().min(MOST);
    sampled.unseen = shown.iter().position(|shown| !shown).map(|place| property.possibility(machine, place));
    Ok(sampled)
}

fn piece(
    machine: &Machine<'_>,
    property: &Property,
    how: Search,
    runs: std::ops::Range<u64>,
    budget: Budget<'_>,
) -> Piece {
    let mut sampler = Sampler::new(machine, property, budget.seed);
    let mut behaviour = Behaviour::default();
    let mut piece = Piece {
        bad: None,
        endless: 0,
        grows: None,
        classes: BTreeSet::new(),
        threads: 0,
        longest: sampler.longest(),
        by_priorities: [0; 3],
        shown: vec![false; property.possibilities()],
        runs: 0,
        steps: 0,
    };
    for run in runs {
        if run % 64 == 63 && budget.is_over() || piece.endless == ENDLESS && piece.runs == ENDLESS {
            break;
        }
        let strategy = strategy_of(how, run);
        match sampler.run_and_tell(strategy, run, &mut behaviour) {
            End::Bad(failure) => {
                piece.bad = Some(Bad { run, strategy, steps: sampler.steps().to_vec(), failure });
                return piece;
            }
            End::None => {
                piece.endless += 1;
                piece.grows = piece.grows.or_else(|| sampler.growth());
            }
            End::Good => {}
        }
        piece.runs += 1;
        piece.steps += sampler.steps().len() as u64;
        piece.classes.insert(behaviour.class());
        piece.threads = piece.threads.max(sampler.threads());
        piece.longest = piece.longest.max(sampler.steps().len() as u32);
        if let Strategy::Pct { depth: depth @ 1..=3 } = strategy {
            piece.by_priorities[depth as usize - 1] += 1;
        }
        if piece.shown.iter().any(|shown| !shown) {
            property.note_possibilities(machine, sampler.steps(), &mut piece.shown);
        }
    }
    piece
}
