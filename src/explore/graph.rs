//! All states that schedules lead to, each once, and the steps between them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::circles::fair_circles;
use super::machine::Machine;
use super::packed::Packed;
use super::property::{Failure, Property};
use super::state::State;
use super::step::Choice;

/// How much may be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// States.
    pub states: usize,
    /// Bytes that states and steps may take.
    pub bytes: usize,
    /// Random schedules, if there are more states than that.
    pub runs: u64,
    /// After so many steps of random schedules no more of them are begun.
    pub steps: u64,
    /// Of these.
    pub seed: u64,
    /// Whether to stop: time is up.
    pub stop: Option<&'a AtomicBool>,
}

impl Budget<'_> {
    /// So many states and random schedules, under seed 1, however large or long they are.
    pub fn of(states: usize, runs: u64) -> Budget<'static> {
        Budget { states, bytes: usize::MAX, runs, steps: u64::MAX, seed: 1, stop: None }
    }

    /// Whether time is up.
    pub fn is_over(&self) -> bool {
        self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }
}

/// The budget was used up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// States seen.
    pub states: usize,
}

/// The state graph. State 0 is the first one.
pub struct Graph {
    states: Packed,
    /// By state: where its steps begin in `steps`; one more for the end.
    first: Vec<u32>,
    steps: Vec<(Choice, u32)>,
    /// By state: what is wrong with it, if no step leads on.
    failures: Vec<Option<Failure>>,
    /// What some schedule should come to: whether one does.
    reached: Vec<bool>,
}

impl Graph {
    /// All states of the machine.
    ///
    /// # Errors
    /// There are more than the budget allows.
    pub fn build(machine: &Machine<'_>, property: &Property, budget: Budget<'_>) -> Result<Graph, Incomplete> {
        Graph::from(machine, property, machine.start(), budget)
    }

    /// All states from this one on.
    ///
    /// # Errors
    /// There are more than the budget allows.
    pub(super) fn from(
        machine: &Machine<'_>,
        property: &Property,
        mut state: State,
        budget: Budget<'_>,
    ) -> Result<Graph, Incomplete> {
        let mut graph = Graph {
            states: Packed::default(),
            first: Vec::new(),
            steps: Vec::new(),
            failures: Vec::new(),
            reached: vec![false; property.reached.len()],
        };
        let (mut next, mut bytes, mut choices) = (state.clone(), Vec::new(), Vec::new());
        machine.pack(&state, &mut bytes);
        graph.states.number(&bytes);
        let mut at = 0;
        while at < graph.states.len() {
            let full = graph.states.len() > budget.states || graph.bytes() > budget.bytes;
            if full || at % 256 == 255 && budget.is_over() {
                return Err(Incomplete { states: graph.states.len() });
            }
            graph.first.push(graph.steps.len() as u32);
            machine.unpack(graph.states.get(at), &mut state);
            machine.choices(&state, &mut choices);
            let failure = if choices.is_empty() { property.at_end(machine, &state) } else { None };
            graph.failures.push(failure);
            for (reached, asked) in graph.reached.iter_mut().zip(&property.reached) {
                *reached = *reached || asked.holds(&state);
            }
            for choice in &choices {
                next.clone_from(&state);
                machine.step(&mut next, *choice);
                machine.pack(&next, &mut bytes);
                let index = graph.states.number(&bytes);
                graph.steps.push((*choice, index));
            }
            at += 1;
        }
        graph.first.push(graph.steps.len() as u32);
        graph.find_livelocks();
        Ok(graph)
    }

    /// What should come to hold in some schedule, and does in none: its place in [`Property::reached`].
    pub fn unreached(&self) -> Option<usize> {
        self.reached.iter().position(|reached| !reached)
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
        if self.from_the_ends().is_none() {
            for state in fair_circles(self) {
                self.failures[state] = Some(Failure::Livelock);
            }
        }
    }

    /// What all of it takes, livelocks and counts included.
    fn bytes(&self) -> usize {
        self.states.bytes() + self.len() * 64 + self.steps.len() * 16
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there are none; there is always the first one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A state by its number.
    pub fn state(&self, machine: &Machine<'_>, number: usize) -> State {
        let mut state = machine.start();
        machine.unpack(self.states.get(number), &mut state);
        state
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
