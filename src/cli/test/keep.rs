//! Bad schedules are kept beside their scenario, and tried first the next time: also after the scenario was changed, as far
//! as they fit.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use gilsim::explore::Property;
use gilsim::explore::schedule::{self, Token};
use gilsim::model::Model;
use serde::Deserialize;

use super::{Case, Shown, machine, shown};

/// More are not kept.
const MOST: usize = 100;

/// What stands in the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    failures: Vec<Failure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    model: String,
    schedule: String,
    failure: String,
}

/// What came of kept schedules.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    pub tried: usize,
    pub still_bad: Option<Shown>,
}

/// `bank.ron` has `bank.regressions`, which is no scenario.
pub fn file(scenario: &Path) -> PathBuf {
    scenario.with_extension("regressions")
}

/// Reads what was kept.
///
/// # Errors
/// The file is there and is not what it should be; in words.
pub fn read(scenario: &Path) -> Result<Kept, String> {
    let file = file(scenario);
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(format!("cannot read {}: {error}", file.display())),
    };
    let spoiled = |why: String| {
        let name = file.display();
        format!("{name}: {why}; `gilsim test` writes this file: take it back from version control, or remove it")
    };
    let kept: Kept = ron::from_str(&text).map_err(|error| spoiled(error.to_string()))?;
    for (number, one) in kept.failures.iter().enumerate() {
        Token::parse(&one.schedule).map_err(|drift| spoiled(format!("failure {}: {drift}", number + 1)))?;
    }
    Ok(kept)
}

impl Kept {
    /// Follows all schedules of the model.
    pub fn attempt(&self, model: &Model, property: &Property) -> Tried {
        let mut tried = Tried::default();
        for one in self.failures.iter().filter(|one| one.model == model.execution.to_string()) {
            let Ok(token) = Token::parse(&one.schedule) else { continue };
            let Ok(machine) = machine(model, property, token.reduced) else { continue };
            // What does not fit any more says nothing.
            let Ok(steps) = schedule::replay(&machine, &token.deviations, token.stop) else { continue };
            tried.tried += 1;
            let bad = shown(model, property, token.reduced, &steps);
            tried.still_bad = tried.still_bad.or(bad);
        }
        tried
    }
}

/// The deviations of a token, without what it is bound to.
fn ways(token: &str) -> &str {
    token.splitn(4, '.').last().unwrap_or_default()
}

/// Keeps the bad schedules that are new.
///
/// # Errors
/// The file cannot be written; in words.
pub fn write(scenario: &Path, kept: &Kept, cases: &[Case<'_>]) -> Result<(), String> {
    let mut all = kept.failures.clone();
    for case in cases {
        let Some(bad) = &case.bad else { continue };
        let (model, schedule) = (case.model.execution.to_string(), bad.token.to_string());
        let failure = bad.failure.first().cloned().unwrap_or_default();
        // The same deviations, of this or an earlier version of the scenario.
        match all.iter_mut().find(|one| one.model == model && ways(&one.schedule) == ways(&schedule)) {
            Some(known) => (known.schedule, known.failure) = (schedule, failure),
            None => all.push(Failure { model, schedule, failure }),
        }
    }
    if all == kept.failures {
        return Ok(());
    }
    all.drain(..all.len().saturating_sub(MOST));
    let mut text = String::from(
        "// Schedules that broke the scenario beside this file. `gilsim test` tries them first: keep it.\n(\n    failures: [\n",
    );
    for Failure { model, schedule, failure } in &all {
        _ = writeln!(text, "        (model: {model:?}, schedule: {schedule:?}, failure: {failure:?}),");
    }
    text += "    ],\n)\n";
    let file = file(scenario);
    fs::write(&file, text).map_err(|error| format!("cannot keep the schedule in {}: {error}", file.display()))
}
