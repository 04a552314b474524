//! What a search says about a model.

use super::bounds::{Cost, nearest};
use super::counts::{Counts, counts, random_walk};
use super::graph::{Budget, Graph};
use super::machine::{Machine, Unfit};
use super::property::{Failure, Property};
use super::step::Choice;
use super::strategy::{Strategy, sample, shrink, strategy};
use crate::model::Model;

/// What a search says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// No schedule breaks what must hold, and what must be possible is.
    Proved(Explored),
    /// What must be possible is not; its text.
    Impossible(Explored, String),
    /// One does.
    Failed(Explored, Box<Found>),
    /// There are more states than the budget allows; so many were seen. Of so many random schedules none is bad.
    Passed {
        /// States seen.
        states: usize,
        /// Random schedules.
        runs: u64,
    },
    /// As before, but this random schedule is bad.
    Drawn {
        /// States seen.
        states: usize,
        /// The number of the schedule.
        run: u64,
        /// The schedule.
        found: Box<Found>,
    },
}

/// How much there was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Schedules; `None` if there are endless ones.
    pub counts: Option<Counts>,
    /// Whether steps that nobody could notice were taken at once: then schedules that differ in nothing else count once.
    pub reduced: bool,
}

/// The nearest schedule that breaks what must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What is wrong in the end.
    pub failure: Failure,
    /// Its steps.
    pub steps: Vec<Choice>,
    /// Whether they are steps of the reduced machine.
    pub reduced: bool,
    /// How many threads are passed over against the base schedule; no bad schedule has fewer.
    pub delays: u32,
    /// The fewest preemptions of any bad schedule.
    pub preemptions: u32,
    /// How likely a random walk goes wrong from before each step on, and at the end; empty if there are endless schedules.
    pub blame: Vec<f64>,
}

impl Found {
    /// The first step after which every schedule goes wrong, counted from 1; 0 if all do from the start on.
    pub fn point_of_no_return(&self) -> Option<usize> {
        self.blame.iter().position(|blame| *blame == 1.0)
    }
}

/// With more states than this, schedules that differ only in what nobody could notice are not told apart.
const MOST_COUNTED: usize = 100_000;

/// Looks at all schedules of the model.
///
/// # Errors
/// It has jobs without end.
pub fn explore(model: &Model, property: &Property, budget: Budget) -> Result<Verdict, Unfit> {
    let mut machine = Machine::new(model, Machine::preemption_of(model))?;
    let all = Budget { states: budget.states.min(MOST_COUNTED), ..budget };
    let graph = match Graph::build(&machine, property, all) {
        Ok(graph) => graph,
        Err(_) => {
            machine = machine.reduced();
            let Ok(graph) = Graph::build(&machine, property, budget) else {
                return Ok(draw(&machine, property, budget));
            };
            graph
        }
    };
    let explored = Explored { states: graph.len(), counts: counts(&graph), reduced: machine.reduced };
    let Some(witness) = nearest(&graph, Cost::Delays) else {
        return Ok(match impossible(&machine, &graph, property) {
            Some(text) => Verdict::Impossible(explored, text),
            None => Verdict::Proved(explored),
        });
    };
    let along = along(&graph, &witness.steps);
    let last = *along.last().expect("a schedule begins somewhere");
    let failure = graph.failure(last).expect("the schedule is bad").clone();
    let preemptions = nearest(&graph, Cost::Preemptions).map_or(0, |witness| witness.cost);
    let blame = random_walk(&graph).map_or_else(Vec::new, |of| along.iter().map(|state| of[*state]).collect());
    let found =
        Found { failure, reduced: machine.reduced, steps: witness.steps, delays: witness.cost, preemptions, blame };
    Ok(Verdict::Failed(explored, Box::new(found)))
}

/// Random schedules up to the first bad one.
fn draw(machine: &Machine<'_>, property: &Property, budget: Budget) -> Verdict {
    // How long schedules are, as far as a few tell.
    let pilot = (0..16).map(|run| sample(machine, property, Strategy::RandomWalk, budget.seed, u64::MAX - run, 1));
    let longest = pilot.map(|sample| sample.steps.len()).max().unwrap_or(1) as u32;
    for run in 0..budget.runs {
        let drawn = sample(machine, property, strategy(run), budget.seed, run, longest);
        if let Some(failure) = drawn.failure {
            let steps = shrink(machine, property, drawn.steps, &failure);
            let mut state = machine.start();
            steps.iter().for_each(|step| machine.step(&mut state, *step));
            let failure = property.at_end(machine, &state).unwrap_or(failure);
            let preemptions = preemptions(machine, &steps);
            let found = Found { failure, steps, reduced: true, delays: 0, preemptions, blame: Vec::new() };
            return Verdict::Drawn { states: budget.states, run, found: Box::new(found) };
        }
    }
    Verdict::Passed { states: budget.states, runs: budget.runs }
}

/// How often a schedule leaves a thread that could go on.
fn preemptions(machine: &Machine<'_>, steps: &[Choice]) -> u32 {
    let (mut state, mut count, mut current) = (machine.start(), 0, None);
    for step in steps {
        let left = current.filter(|current| *current != step.thread);
        count += u32::from(left.is_some_and(|current| machine.is_enabled(&state, current as usize)));
        machine.step(&mut state, *step);
        current = Some(step.thread);
    }
    count
}

/// What must be possible and is not.
fn impossible(machine: &Machine<'_>, graph: &Graph, property: &Property) -> Option<String> {
    let ends = || (0..graph.len()).filter(|state| graph.steps(*state).is_empty()).map(|state| graph.state(state));
    let missing = property.possible.iter().find(|last| !ends().any(|state| property.shows(state, last)));
    let stuck = Property::default();
    let deadlocks = |state| matches!(stuck.at_end(machine, state), Some(Failure::Deadlock(_)));
    let object = property.objects.iter().find(|end| !ends().any(|state| Property::ends(machine, state, **end)));
    match (missing, object) {
        (Some(last), _) => Some(last.text.clone()),
        (_, Some((object, end))) => Some(format!("{end:?}(\"{}\")", machine.object_name(*object))),
        (None, None) => (property.deadlock && !ends().any(deadlocks)).then(|| "Deadlock".to_owned()),
    }
}

/// The states before each step and at the end.
fn along(graph: &Graph, steps: &[Choice]) -> Vec<usize> {
    let mut at = 0;
    let mut states = vec![at];
    for step in steps {
        let next = graph.steps(at).iter().find(|(choice, _)| choice == step);
        at = next.expect("a schedule follows the graph").1 as usize;
        states.push(at);
    }
    states
}
