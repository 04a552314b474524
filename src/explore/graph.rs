//! All states that schedules lead to, each once, and the steps between them.

use std::hash::{BuildHasherDefault, Hasher};

use indexmap::IndexSet;

use super::machine::Machine;
use super::property::{Failure, Property};
use super::state::State;
use super::step::Choice;

/// How much may be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// States.
    pub states: usize,
    /// Random schedules, if there are more states than that.
    pub runs: u64,
    /// Of these.
    pub seed: u64,
}

/// The budget was used up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// States seen.
    pub states: usize,
}

/// The state graph. State 0 is the first one.
pub struct Graph {
    states: IndexSet<State, BuildHasherDefault<Fold>>,
    /// By state: where its steps begin in `steps`; one more for the end.
    first: Vec<u32>,
    steps: Vec<(Choice, u32)>,
    /// By state: what is wrong with it, if no step leads on.
    failures: Vec<Option<Failure>>,
}

impl Graph {
    /// All states of the machine.
    ///
    /// # Errors
    /// There are more than the budget allows.
    pub fn build(machine: &Machine<'_>, property: &Property, budget: Budget) -> Result<Graph, Incomplete> {
        let mut graph =
            Graph { states: IndexSet::default(), first: Vec::new(), steps: Vec::new(), failures: Vec::new() };
        graph.states.insert(machine.start());
        let mut choices = Vec::new();
        let mut at = 0;
        while at < graph.states.len() {
            if graph.states.len() > budget.states {
                return Err(Incomplete { states: graph.states.len() });
            }
            graph.first.push(graph.steps.len() as u32);
            machine.choices(&graph.states[at], &mut choices);
            let failure = if choices.is_empty() { property.at_end(machine, &graph.states[at]) } else { None };
            graph.failures.push(failure);
            for choice in &choices {
                let mut next = graph.states[at].clone();
                machine.step(&mut next, *choice);
                let (index, _) = graph.states.insert_full(next);
                graph.steps.push((*choice, index as u32));
            }
            at += 1;
        }
        graph.first.push(graph.steps.len() as u32);
        graph.find_livelocks();
        Ok(graph)
    }

    /// States from which no schedule ever ends.
    fn find_livelocks(&mut self) {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.len()];
        for state in 0..self.len() {
            for (_, next) in self.steps(state) {
                before[*next as usize].push(state as u32);
            }
        }
        let mut ends = vec![false; self.len()];
        let mut open: Vec<u32> =
            (0..self.len() as u32).filter(|state| self.steps(*state as usize).is_empty()).collect();
        while let Some(state) = open.pop() {
            if !std::mem::replace(&mut ends[state as usize], true) {
                open.extend(&before[state as usize]);
            }
        }
        for (failure, ends) in self.failures.iter_mut().zip(ends) {
            if !ends {
                *failure = Some(Failure::Livelock);
            }
        }
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there are none; there is always the first one.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// A state by its number.
    pub fn state(&self, number: usize) -> &State {
        &self.states[number]
    }

    /// The steps that lead on from a state.
    pub fn steps(&self, number: usize) -> &[(Choice, u32)] {
        &self.steps[self.first[number] as usize..self.first[number + 1] as usize]
    }

    /// What is wrong with a state that ends a schedule, or from which none ends.
    pub fn failure(&self, number: usize) -> Option<&Failure> {
        self.failures[number].as_ref()
    }

    /// States after all that steps lead to from them; `None` if steps lead round in a circle.
    pub fn from_the_ends(&self) -> Option<Vec<u32>> {
        // Numbers of steps to states that are not listed yet.
        let mut open: Vec<u32> = (0..self.len()).map(|state| self.steps(state).len() as u32).collect();
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.len()];
        for state in 0..self.len() {
            for (_, next) in self.steps(state) {
                before[*next as usize].push(state as u32);
            }
        }
        let mut order: Vec<u32> = (0..self.len() as u32).filter(|state| open[*state as usize] == 0).collect();
        let mut at = 0;
        while at < order.len() {
            for state in &before[order[at] as usize] {
                open[*state as usize] -= 1;
                if open[*state as usize] == 0 {
                    order.push(*state);
                }
            }
            at += 1;
        }
        (order.len() == self.len()).then_some(order)
    }
}

/// A multiply-and-fold hash: the order of the set is that of insertion, so that nothing depends on it.
#[derive(Clone, Copy, Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xd134_2543_de82_ef95_u128;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u16(&mut self, word: u16) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}
