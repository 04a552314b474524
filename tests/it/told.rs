//! What small programs print, and what is said of wrong scenarios: for tests of single mechanisms.

use gilsim::dist::Dist;
use gilsim::model::{Model, Stmt};
use gilsim::scenario;
use gilsim::scenario::diagnostic::Diagnostic;
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Record, What};

use crate::real_runs::{audit, run};

pub fn time(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

/// Bytecode for so many milliseconds.
pub fn cpu(ms: u64) -> Stmt {
    Stmt::Cpu(CpuKind::Python, time(ms))
}

pub fn say(text: &str) -> Stmt {
    Stmt::Print(text.to_owned())
}

/// How the run ends, and what is printed when, in nanoseconds; the auditor accepts the run.
pub fn told_to_the_ns(model: &Model) -> (String, Vec<(u64, String)>) {
    let (records, ended) = run(model, 1);
    assert_eq!(audit(model, &records, &ended), [], "{}", listed(model, &records));
    let lines = records.iter().filter_map(|record| match record.what {
        What::Print { text, .. } => Some((record.time.0, model.texts[text.index()].clone())),
        _ => None,
    });
    (ended.outcome.word().to_owned(), lines.collect())
}

/// The same in milliseconds.
pub fn told(model: &Model) -> (String, Vec<(u64, String)>) {
    let (outcome, lines) = told_to_the_ns(model);
    (outcome, lines.into_iter().map(|(at, text)| (at / 1_000_000, text)).collect())
}

/// What is printed when, in milliseconds, in a run that finishes.
pub fn finished(model: &Model) -> Vec<(u64, String)> {
    let (outcome, lines) = told(model);
    assert_eq!(outcome, "finished", "{lines:?}");
    lines
}

/// Lines as a test writes them.
pub fn at(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
}

/// Ops and records, to look at.
pub fn listed(model: &Model, records: &[Record]) -> String {
    let code: Vec<String> = model.code.iter().enumerate().map(|(at, op)| format!("{at}: {op:?}")).collect();
    let lines: Vec<String> = records.iter().map(|record| format!("{} {:?}", record.time.0, record.what)).collect();
    format!("{}\n{:?}\n{}", code.join("\n"), model.regions, lines.join("\n"))
}

/// The codes and titles of all that is wrong with a scenario, or worth a warning.
pub fn wrong(text: &str) -> Vec<String> {
    let told = |list: &[Diagnostic]| list.iter().map(|one| format!("{} {}", one.code, one.title)).collect::<Vec<_>>();
    match scenario::compile("t", text, &[]) {
        Ok(compiled) => told(&compiled.warnings),
        Err(errors) => told(&errors),
    }
}
