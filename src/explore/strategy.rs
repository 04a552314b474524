//! Random schedules, for models with more states than anybody could look at.
//!
//! Which strategy run number `i` follows, and what it draws, depends on the number and the seed alone: a run is the same
//! for everybody.

use super::machine::Machine;
use super::property::{Failure, Property};
use super::state::State;
use super::step::Choice;
use crate::model::Op;
use crate::rng::{Stream, numbered, stream_id};

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Each possible step with the same probability.
    RandomWalk,
    /// Random priorities, which change at `depth - 1` random steps (Burckhardt and others, 2010): finds every bug that needs
    /// `depth` ordered steps with at least a known probability.
    Pct {
        /// At least 1.
        depth: u32,
    },
    /// A random priority for every pending step, drawn anew when it conflicts with what was done: partial order sampling
    /// (Yuan, Yang and Gu, 2018).
    Pos,
}

/// The strategies take turns.
const PORTFOLIO: [Strategy; 5] = [
    Strategy::RandomWalk,
    Strategy::Pct { depth: 2 },
    Strategy::Pos,
    Strategy::Pct { depth: 1 },
    Strategy::Pct { depth: 3 },
];

/// The strategy of a run.
pub fn strategy(run: u64) -> Strategy {
    PORTFOLIO[(run % PORTFOLIO.len() as u64) as usize]
}

/// A schedule that was drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its steps.
    pub steps: Vec<Choice>,
    /// What is wrong in the end.
    pub failure: Option<Failure>,
    /// It was given up after so many steps that it may have no end.
    pub endless: bool,
}

/// Steps after which a schedule is given up.
const MOST_STEPS: usize = 100_000;

/// Draws schedule number `run`; `longest` is an estimate of the steps of the longest one.
pub fn sample(
    machine: &Machine<'_>,
    property: &Property,
    strategy: Strategy,
    seed: u64,
    run: u64,
    longest: u32,
) -> Sample {
    let mut stream = Stream::new(seed, numbered(stream_id("explore#schedule"), run));
    let mut state = machine.start();
    let mut walker = Walker::new(strategy, longest, &mut stream);
    let (mut steps, mut choices) = (Vec::new(), Vec::new());
    while steps.len() < MOST_STEPS {
        machine.choices(&state, &mut choices);
        if choices.is_empty() {
            let failure = property.at_end(machine, &state);
            return Sample { steps, failure, endless: false };
        }
        let thread = walker.thread(&state, &choices, &mut stream);
        let branches: Vec<Choice> = choices.iter().copied().filter(|choice| choice.thread == thread).collect();
        let choice = branches[draw(&mut stream, branches.len() as u64) as usize];
        walker.took(machine, &state, choice, steps.len() as u32, &mut stream);
        machine.step(&mut state, choice);
        steps.push(choice);
    }
    Sample { steps, failure: None, endless: true }
}

/// A number below `below`, each with the same probability to within 2^-32.
fn draw(stream: &mut Stream, below: u64) -> u64 {
    if below < 2 { 0 } else { ((u128::from(stream.draw()) * u128::from(below)) >> 64) as u64 }
}

/// What a strategy remembers.
struct Walker {
    strategy: Strategy,
    /// By thread: of the thread, or of its pending step.
    priorities: Vec<u64>,
    /// After which steps the thread that made them falls behind all others, and to which priority.
    changes: Vec<(u32, u64)>,
}

impl Walker {
    fn new(strategy: Strategy, longest: u32, stream: &mut Stream) -> Walker {
        let changes = match strategy {
            Strategy::Pct { depth } => (1..depth)
                .map(|change| (draw(stream, u64::from(longest.max(1))) as u32, u64::from(depth - change)))
                .collect(),
            _ => Vec::new(),
        };
        Walker { strategy, priorities: Vec::new(), changes }
    }

    fn thread(&mut self, state: &State, choices: &[Choice], stream: &mut Stream) -> u16 {
        while self.priorities.len() < state.threads.len() {
            // Far above those that changes give.
            self.priorities.push(stream.draw() | 1 << 63);
        }
        match self.strategy {
            Strategy::RandomWalk => choices[draw(stream, choices.len() as u64) as usize].thread,
            _ => {
                let priority = |choice: &&Choice| self.priorities[choice.thread as usize];
                choices.iter().max_by_key(priority).map_or(0, |choice| choice.thread)
            }
        }
    }

    fn took(&mut self, machine: &Machine<'_>, state: &State, choice: Choice, taken: u32, stream: &mut Stream) {
        match self.strategy {
            Strategy::RandomWalk => {}
            Strategy::Pct { .. } => {
                for (_, priority) in self.changes.iter().filter(|(at, _)| *at == taken) {
                    self.priorities[choice.thread as usize] = *priority;
                }
            }
            Strategy::Pos => {
                let done = touched(machine, state, choice.thread as usize);
                for thread in 0..state.threads.len() {
                    let pending = touched(machine, state, thread);
                    let conflict = done.0 == pending.0 && done.0.is_some() && (done.1 || pending.1);
                    if thread == choice.thread as usize || conflict {
                        self.priorities[thread] = stream.draw();
                    }
                }
            }
        }
    }
}

/// What the pending step of a thread touches, and whether it changes it.
fn touched(machine: &Machine<'_>, state: &State, number: usize) -> (Option<(u8, u32)>, bool) {
    match machine.model.code.get(state.threads[number].pc as usize) {
        Some(Op::Load { var, .. }) => (Some((0, var.0)), false),
        Some(
            Op::Store { var, .. } | Op::Swap { var, .. } | Op::FetchAdd { var, .. } | Op::CompareAndSwap { var, .. },
        ) => (Some((0, var.0)), true),
        Some(Op::Acquire { lock } | Op::Release { lock } | Op::Reenter { lock } | Op::Leave { lock }) => {
            (Some((1, lock.0)), true)
        }
        Some(Op::Sync { sync, .. }) => (Some((2, sync.0)), true),
        _ => (None, false),
    }
}

/// Fewer deviations from the base schedule with a failure of the same kind: leaves out one after the other as long as the
/// rest still fails.
pub fn shrink(machine: &Machine<'_>, property: &Property, steps: Vec<Choice>, failure: &Failure) -> Vec<Choice> {
    let kind = std::mem::discriminant(failure);
    let mut best = steps;
    loop {
        let deviations = super::schedule::deviations(machine, &best);
        let shorter = (0..deviations.len()).rev().find_map(|out| {
            let fewer = deviations.iter().enumerate().filter(|(index, _)| *index != out).map(|(_, of)| of.clone());
            let fewer: Vec<_> = fewer.collect();
            let steps = super::schedule::replay(machine, &fewer).ok()?;
            let mut state = machine.start();
            steps.iter().for_each(|step| machine.step(&mut state, *step));
            let failure = property.at_end(machine, &state)?;
            (std::mem::discriminant(&failure) == kind).then_some(steps)
        });
        match shorter {
            Some(steps) => best = steps,
            None => return best,
        }
    }
}
