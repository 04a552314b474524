//! The smallest scenario that can be found which goes wrong in the same way: without the tasks, steps, rounds, locks and
//! workers that do not matter.

use super::graph::Budget;
use super::machine::Machine;
use super::property::{Failure, Property};
use super::unfit::Unfit;
use super::verdict::{Search, Verdict, search};
use crate::model::{Execution, Model};
use crate::scenario::smaller::{candidates, edited, laid_out};
use crate::scenario::{Point, Scenario, compile};

/// A scenario that was made smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smaller {
    /// Its text.
    pub text: String,
    /// How many others were tried.
    pub tried: u32,
    /// Whether nothing can be left out of it any more without losing the failure.
    pub smallest: bool,
}

/// Scenarios that are tried at most.
const MOST_TRIED: u32 = 5_000;
/// States of each.
const STATES: usize = 50_000;

/// Makes a scenario smaller as long as a search of all schedules finds the same kind of failure under the same kind of model.
/// Where some schedules are good (`can_be_right`), some of the smaller scenario are good, too. `None` if the scenario itself does
/// not show the failure.
pub fn smaller(text: &str, point: &Point, model: &Model, failure: &Failure, can_be_right: bool) -> Option<Smaller> {
    let mut sets: Vec<(String, String)> =
        point.settings.iter().map(|(path, value)| (path.clone(), value.clone())).collect();
    if !sets.is_empty() {
        sets.push(("sweep".to_owned(), "None".to_owned()));
    }
    sets.push(("models".to_owned(), format!("[{}]", model.execution)));
    let wanted = Wanted { execution: model.execution, failure: failure.clone(), can_be_right };
    let mut best = edited(text, &sets).ok().filter(|text| wanted.is_shown_by(text))?;
    let mut tried = 0;
    let mut from = 0;
    loop {
        let all = candidates(&best);
        // What did not work before the last success seldom works after it: go on behind it, and once more from the start.
        let order = (from..all.len()).chain(0..from.min(all.len()));
        let found = order.into_iter().find(|place| {
            tried += 1;
            tried <= MOST_TRIED && wanted.is_shown_by(&all[*place])
        });
        match found {
            Some(place) => (best, from) = (all[place].clone(), place),
            None => return Some(Smaller { text: laid_out(&best), smallest: tried <= MOST_TRIED, tried }),
        }
    }
}

/// What a smaller scenario must still show.
struct Wanted {
    execution: Execution,
    failure: Failure,
    /// Whether some schedules of the scenario are good.
    can_be_right: bool,
}

impl Wanted {
    fn is_shown_by(&self, text: &str) -> bool {
        let Ok(compiled) = compile("smaller", text, &[]) else { return false };
        let Scenario { points, expect, .. } = &compiled.scenario;
        let [Point { models, .. }] = points.as_slice() else { return false };
        let [model] = models.as_slice() else { return false };
        let same_kind = std::mem::discriminant(&model.execution) == std::mem::discriminant(&self.execution);
        same_kind && self.is_shown_in(model, &Property::of(expect, model, &|_| None)).unwrap_or(false)
    }

    fn is_shown_in(&self, model: &Model, property: &Property) -> Result<bool, Unfit> {
        Machine::new(model, Machine::preemption_of(model))?;
        let verdict = search(model, property, Search::Exhaustive, Budget::of(STATES, 0))?;
        let Verdict::Failed(explored, found) = verdict else { return Ok(false) };
        // A scenario that cannot be right is another fault than one that sometimes is not.
        if self.can_be_right && explored.random_walk == Some(1.0) {
            return Ok(false);
        }
        Ok(match (&found.failure, &self.failure) {
            (Failure::Final(one, _), Failure::Final(other, _)) | (Failure::AtEnd(one, _), Failure::AtEnd(other, _)) => {
                one == other
            }
            (Failure::Wrong(_, one), Failure::Wrong(_, other)) => one == other,
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        })
    }
}
