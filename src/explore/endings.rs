//! All that can come out at all.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Budget, Graph};
use super::machine::Machine;
use super::property::{Failure, Property};
use super::unfit::Unfit;
use crate::model::Model;

/// How a schedule ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ending {
    /// What is wrong with it, whatever is expected: a deadlock, a failed assertion, a leak.
    pub failure: Option<Failure>,
    /// The last values of all variables (of the first process, unless they are interprocess), by name.
    pub values: BTreeMap<String, i64>,
}

impl Ending {
    /// Whether somebody waits for ever.
    pub fn is_deadlock(&self) -> bool {
        matches!(self.failure, Some(Failure::Deadlock(_)))
    }

    /// The last value of a variable; 0 if there is none of this name, as in a program that does not mention it.
    pub fn value(&self, var: &str) -> i64 {
        self.values.get(var).copied().unwrap_or(0)
    }
}

/// All endings of all schedules; `None` if there are more states than this. A schedule that never ends has no ending.
///
/// # Errors
/// The model has jobs without end, or what is not searched.
pub fn endings(model: &Model, states: usize) -> Result<Option<BTreeSet<Ending>>, Unfit> {
    let machine = Machine::new(model, Machine::preemption_of(model))?.reduced();
    let property = Property::default();
    let Ok(graph) = Graph::build(&machine, &property, Budget::of(states, 0)) else { return Ok(None) };
    let ends = (0..graph.len()).filter(|state| graph.steps(*state).is_empty());
    let ending = |number: usize| {
        let state = graph.state(&machine, number);
        let names = model.vars.iter().enumerate();
        let values = names.map(|(index, var)| (var.name.clone(), state.value(crate::id::VarId::from(index)))).collect();
        Ending { failure: property.at_end(&machine, &state), values }
    };
    Ok(Some(ends.map(ending).collect()))
}
