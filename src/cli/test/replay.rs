//! `replay`: one schedule of a model.

use std::fmt::Write as _;
use std::path::Path;

use gilsim::explore::schedule::{self, Drift, Token};
use gilsim::explore::{outcome, words};
use gilsim::trace::BEHAVIOUR;

use super::{machine, property};
use crate::cli::Exit;
use crate::cli::load;
use crate::cli::terminal::Terminal;

/// Follows a schedule and prints its steps.
pub fn replay(file: &Path, text: &str, sets: &[String], terminal: &Terminal) -> Exit {
    let refuse = |words: &str, exit| {
        terminal.complain(words);
        exit
    };
    let sets = match load::sets(sets) {
        Ok(sets) => sets,
        Err(words) => return refuse(&words, Exit::Invalid),
    };
    let token = match Token::parse(text) {
        Ok(token) => token,
        Err(drift) => return refuse(&drift.to_string(), Exit::Invalid),
    };
    if token.behaviour != BEHAVIOUR {
        return refuse(&Drift::OtherLevel(token.behaviour).to_string(), Exit::Nondeterminism);
    }
    let loaded = match load::each(load::plain(&[file.to_owned()]), &sets).remove(0) {
        Ok(loaded) => loaded,
        Err(refused) => {
            terminal.refused(&refused);
            return Exit::Invalid;
        }
    };
    let mut models =
        loaded.scenario.points.iter().flat_map(|point| point.models.iter().map(move |model| (point, model)));
    let Some((point, model)) = models.find(|(_, model)| schedule::digest(model) == token.model) else {
        return refuse(&Drift::OtherModel.to_string(), Exit::Nondeterminism);
    };
    let property = property(&loaded, point, model);
    let machine = match machine(model, &property, token.reduced) {
        Ok(machine) => machine,
        Err(why) => return refuse(&format!("not searched, {}", why), Exit::Invalid),
    };
    let steps = match schedule::replay(&machine, &token.deviations, token.stop) {
        Ok(steps) => steps,
        Err(drift) => return refuse(&drift.to_string(), Exit::Nondeterminism),
    };
    let mut out = format!("{}, {}\n", terminal.bold(&loaded.scenario.title), model.execution);
    let lines = words::narrate(&machine, &steps);
    let width = lines.iter().map(|(who, _)| who.chars().count()).max().unwrap_or(0);
    for (number, (who, what)) in lines.iter().enumerate() {
        _ = writeln!(out, "{:>5}  {who:width$}  {what}", number + 1);
    }
    let failure = outcome(&machine, &property, &steps);
    _ = match &failure {
        None => writeln!(out, "{}  nothing is broken", terminal.mark(true)),
        Some(failure) => {
            writeln!(out, "{}  {}", terminal.mark(false), words::failure(&machine, &steps, failure).join("\n      "))
        }
    };
    let exit = if failure.is_some() { Exit::Failed } else { Exit::Expected };
    exit.max(terminal.print(&out))
}
