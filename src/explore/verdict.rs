//! What a search says about a model.

use super::bounds::{Bounded, Cost, bounded, nearest};
use super::counts::{Counts, counts, random_walk};
use super::graph::{Budget, Graph};
use super::machine::Machine;
use super::portfolio::{self, Bad, Sampled};
use super::property::{Failure, Property};
use super::state::State;
use super::step::Choice;
use super::strategy::{End, Sampler, Strategy, shrink};
use super::unfit::Unfit;
use crate::model::Model;

/// How to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// At all states; if there are more than the budget allows, at random schedules, by all strategies in turn.
    #[default]
    Any,
    /// At all states, or not at all.
    Exhaustive,
    /// At random schedules only, by all strategies in turn, up to the first bad one.
    Portfolio,
    /// At random schedules only, by this strategy, up to the first bad one.
    Only(Strategy),
}

/// What a search says.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// No schedule breaks what must hold, and what must be possible is.
    Proved(Explored),
    /// What must be possible is not; its text.
    Impossible(Explored, String),
    /// One schedule breaks what must hold.
    Failed(Explored, Box<Found>),
    /// Not all states were looked at. None of these random schedules is bad.
    Passed(Sampled),
    /// As before, but this random schedule is bad.
    Drawn {
        /// States seen before.
        states: usize,
        /// The number of the schedule.
        run: u64,
        /// Which strategy found it.
        strategy: Strategy,
        /// The schedule, made nearer to the base.
        found: Box<Found>,
    },
    /// The budget was used up, or something that must be possible was not seen: nothing is known.
    Undecided {
        /// States seen.
        states: usize,
        /// Random schedules.
        runs: u64,
        /// Why.
        why: String,
    },
}

impl Verdict {
    /// One word: `proved`, `passed`, `failed` or `inconclusive`.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Proved(_) => "proved",
            Verdict::Passed(_) => "passed",
            Verdict::Impossible(..) | Verdict::Failed(..) | Verdict::Drawn { .. } => "failed",
            Verdict::Undecided { .. } => "inconclusive",
        }
    }

    /// The bad schedule, if there is one.
    pub fn found(&self) -> Option<&Found> {
        match self {
            Verdict::Failed(_, found) | Verdict::Drawn { found, .. } => Some(found),
            _ => None,
        }
    }
}

/// How much there was.
#[derive(Clone, Debug, PartialEq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Schedules; `None` if there are endless ones.
    pub counts: Option<Counts>,
    /// Whether steps that nobody could notice were taken at once: then schedules that differ in nothing else count once.
    pub reduced: bool,
    /// Of schedules without an end or beyond what is counted: nothing. Else the probability that a random walk is bad.
    pub random_walk: Option<f64>,
    /// Schedules by how many preemptions they have, and how many of them are bad, up to the first bound with a bad one.
    pub preemptions: Vec<Bounded>,
    /// The same by delays.
    pub delays: Vec<Bounded>,
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
    /// How many threads are passed over against the base schedule; no bad schedule has fewer if `nearest` says so.
    pub delays: u32,
    /// The fewest preemptions of any bad schedule, or those of this one.
    pub preemptions: u32,
    /// Whether no bad schedule is nearer to the base: all were looked at.
    pub nearest: bool,
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
/// States that are looked at to see whether a schedule that was stopped is a livelock.
const MOST_AFTER: usize = 1_000_000;
/// With more states than this, schedules are not counted by preemptions and delays.
const MOST_BOUNDED: usize = 20_000;

/// Looks at all schedules of the model, or at as many as the budget allows.
///
/// # Errors
/// It has jobs without end, or what is not searched yet.
pub fn explore(model: &Model, property: &Property, budget: Budget<'_>) -> Result<Verdict, Unfit> {
    search(model, property, Search::Any, budget)
}

/// The same in another way.
///
/// # Errors
/// It has jobs without end, or what is not searched yet.
pub fn search(model: &Model, property: &Property, how: Search, budget: Budget<'_>) -> Result<Verdict, Unfit> {
    let mut machine = Machine::new(model, Machine::preemption_of(model))?.watching(property);
    if let Search::Portfolio | Search::Only(_) = how {
        return Ok(draw(&machine, property, how, 0, budget));
    }
    let all = Budget { states: budget.states.min(MOST_COUNTED), ..budget };
    let graph = match Graph::build(&machine, property, all) {
        Ok(graph) => graph,
        Err(_) => {
            machine = machine.reduced();
            match Graph::build(&machine, property, budget) {
                Ok(graph) => graph,
                Err(incomplete) if how == Search::Exhaustive => {
                    let why = if budget.is_over() { "time was up".to_owned() } else { more(&machine, property) };
                    return Ok(Verdict::Undecided { states: incomplete.states, runs: 0, why });
                }
                Err(incomplete) => return Ok(draw(&machine, property, how, incomplete.states, budget)),
            }
        }
    };
    Ok(decided(&machine, &graph, property))
}

/// Why there are more states than the budget allows.
fn more(machine: &Machine<'_>, property: &Property) -> String {
    let mut sampler = Sampler::new(machine, property, 1);
    match (sampler.run(Strategy::RandomWalk, 0), sampler.growth()) {
        (End::None, Some(grows)) => format!("states have no end, {grows}"),
        _ => "there are more".to_owned(),
    }
}

/// The verdict of a graph that is complete.
pub(super) fn decided(machine: &Machine<'_>, graph: &Graph, property: &Property) -> Verdict {
    let walk = random_walk(graph);
    let mut explored = Explored {
        states: graph.len(),
        counts: counts(graph),
        reduced: machine.reduced,
        random_walk: walk.as_ref().map(|of| of[0]),
        preemptions: Vec::new(),
        delays: Vec::new(),
    };
    let Some(witness) = nearest(graph, Cost::Delays) else {
        return match impossible(machine, graph, property) {
            Some(text) => Verdict::Impossible(explored, text),
            None => Verdict::Proved(explored),
        };
    };
    let along = along(graph, &witness.steps);
    let last = *along.last().expect("a schedule begins somewhere");
    let failure = graph.failure(last).expect("the schedule is bad").clone();
    let preemptions = nearest(graph, Cost::Preemptions).map_or(0, |witness| witness.cost);
    if graph.len() <= MOST_BOUNDED {
        explored.preemptions = bounded(graph, Cost::Preemptions, preemptions).unwrap_or_default();
        explored.delays = bounded(graph, Cost::Delays, witness.cost).unwrap_or_default();
    }
    let blame = walk.map_or_else(Vec::new, |of| along.iter().map(|state| of[*state]).collect());
    let found = Found {
        failure,
        reduced: machine.reduced,
        steps: witness.steps,
        delays: witness.cost,
        preemptions,
        nearest: true,
        blame,
    };
    Verdict::Failed(explored, Box::new(found))
}

/// Random schedules up to the first bad one.
fn draw(machine: &Machine<'_>, property: &Property, how: Search, states: usize, budget: Budget<'_>) -> Verdict {
    let sampled = match portfolio::draw(machine, property, how, states, budget) {
        Ok(sampled) => sampled,
        Err(Bad { run, strategy, steps, failure }) => {
            let steps = shrink(machine, property, steps, &failure);
            let failure = outcome(machine, property, &steps).unwrap_or(failure);
            let preemptions = preemptions(machine, &steps);
            let delays = super::schedule::deviations(machine, &steps).len() as u32;
            let reduced = machine.reduced;
            let found = Found { failure, steps, reduced, delays, preemptions, nearest: false, blame: Vec::new() };
            return Verdict::Drawn { states, run, strategy, found: Box::new(found) };
        }
    };
    let undecided = |why: String| Verdict::Undecided { states, runs: sampled.runs, why };
    if let Some(unseen) = &sampled.unseen {
        undecided(format!("{unseen} was not seen"))
    } else if sampled.runs == 0 {
        let why = if budget.is_over() {
            "time was up"
        } else {
            "there are more states, and no random schedules were asked for"
        };
        undecided(why.to_owned())
    } else if sampled.endless > 0 {
        let grows = sampled.grows.as_ref().map_or_else(String::new, |grows| format!(": states have no end, {grows}"));
        undecided(format!("{} of the random schedules do not come to an end{grows}", sampled.endless))
    } else {
        Verdict::Passed(sampled)
    }
}

impl Machine<'_> {
    /// The state after these steps.
    pub fn after_steps(&self, steps: &[Choice]) -> State {
        let mut state = self.start();
        steps.iter().for_each(|step| self.step(&mut state, *step));
        state
    }
}

/// A schedule of which somebody chooses every step, among those that are possible: the number of one of them. What it came
/// to, unless it was stopped by a choice that is not there, or after a million steps.
pub fn drive(
    machine: &Machine<'_>,
    property: &Property,
    choose: &mut impl FnMut(&State, &[Choice]) -> usize,
) -> (Vec<Choice>, Option<Failure>) {
    let (mut state, mut steps, mut choices) = (machine.start(), Vec::new(), Vec::new());
    while steps.len() < MOST_AFTER {
        machine.choices(&state, &mut choices);
        if choices.is_empty() {
            return (steps, property.at_end(machine, &state));
        }
        let Some(choice) = choices.get(choose(&state, &choices)).copied() else { break };
        machine.step(&mut state, choice);
        steps.push(choice);
    }
    (steps, None)
}

/// What is wrong after these steps: at the end, if nobody can take another, or because they have come to a livelock.
pub fn outcome(machine: &Machine<'_>, property: &Property, steps: &[Choice]) -> Option<Failure> {
    let state = machine.after_steps(steps);
    let mut choices = Vec::new();
    machine.choices(&state, &mut choices);
    if choices.is_empty() {
        return property.at_end(machine, &state);
    }
    let graph = Graph::from(machine, property, state, Budget::of(MOST_AFTER, 0)).ok()?;
    graph.failure(0).filter(|failure| **failure == Failure::Livelock).cloned()
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
    let is_end = |state: &usize| graph.steps(*state).is_empty();
    let ends: Vec<State> = (0..graph.len()).filter(is_end).map(|state| graph.state(machine, state)).collect();
    let reached = graph.unreached().map(|place| property.reached[place].text.clone());
    reached.or_else(|| property.missing(machine, &ends))
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
