//! `check --conventions`: whether what scenarios show depends on tie rules.

use std::fmt::Write as _;

use gilsim::experiment::Observer;
use gilsim::experiment::conventions::{self, Survivals};
use indicatif::ProgressBar;

use super::Exit;
use super::load::Loaded;
use super::terminal::Terminal;

/// Counts runs.
struct Count<'a>(&'a ProgressBar);

impl Observer for Count<'_> {
    fn run_done(&self) {
        self.0.inc(1);
    }
}

/// Runs each scenario under every convention and prints what came of it.
pub fn check(loaded: &[&Loaded], terminal: &Terminal) -> Exit {
    let bar = terminal.bar(loaded.iter().map(|loaded| conventions::work(&loaded.scenario)).sum());
    let mut exit = Exit::Expected;
    for loaded in loaded {
        let survivals = conventions::survivals(&loaded.scenario, &Count(&bar));
        let text = describe(&loaded.source.shown(), &survivals, terminal);
        let survives = if survivals.all() { Exit::Expected } else { Exit::Failed };
        exit = exit.max(survives).max(bar.suspend(|| terminal.print(&text)));
    }
    bar.finish_and_clear();
    exit
}

fn describe(file: &str, survivals: &Survivals, terminal: &Terminal) -> String {
    let mut out = format!("{}\n", terminal.bold(&format!("{file}: the conclusion under other conventions")));
    let width = survivals.others.iter().map(|other| other.convention.chars().count()).max().unwrap_or(0);
    for other in &survivals.others {
        let mark = terminal.mark(other.changes.is_empty());
        let change = other.largest.as_deref().unwrap_or("all figures within 1 %");
        let _ = writeln!(out, "{mark}  {:width$}  {change}", other.convention);
        for words in &other.changes {
            let _ = writeln!(out, "      {words}");
        }
    }
    let all = survivals.others.len();
    let survived = survivals.others.iter().filter(|other| other.changes.is_empty()).count();
    let points = &survivals.base.report.points;
    let several = points.iter().any(|point| point.models.len() > 1);
    let asked = points.iter().any(|point| !point.expectations.is_empty());
    let schedulers = !conventions::rivals(&survivals.base.report).is_empty();
    let parts = [
        (several, "the order of the models"),
        (schedulers, "the order of the schedulers"),
        (asked, "what became of the expectations"),
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|(there, _)| *there).map(|(_, part)| part).collect();
    let Some((last, before)) = parts.split_last() else {
        let _ = writeln!(
            out,
            "There is no conclusion to check: one model, one scheduler and no `expect`; see how far figures move.\n"
        );
        return out;
    };
    let of = match before {
        [] => format!("{last} is"),
        _ => format!("{} and {last} are", before.join(", ")),
    };
    let _ = match survived == all {
        true => writeln!(out, "It survives: {of} the same under all {all}.\n"),
        false => {
            writeln!(out, "It is a matter of convention: {of} not the same under {} of {all}.\n", all - survived)
        }
    };
    out
}
