//! Whether what must hold did hold, and what was found instead.

use super::Runs;
use super::cell::{Cell, Percentile};
use crate::metrics::figures::{Checked, Figures, PeerFigures, TaskFigures};
use crate::model::{Execution, Model};
use crate::report::chart::axis;
use crate::scenario::expect::{Asked, Bounds, Counted, Expect, ObjectEnd, When};
use crate::time::{Duration, Time};

/// Checks all expectations at one point of the sweep; and, asked or not, that every run ended as it should and broke no
/// rule of the auditor.
pub fn check(expects: &[Expect], runs: &Runs<'_>) -> Vec<Checked> {
    let mut out = Vec::new();
    for expect in expects {
        judge(expect, Scope::default(), runs, &mut out);
    }
    out.extend(irregular(expects, runs));
    out.extend(audited(runs));
    out
}

/// Where an expectation is asked.
#[derive(Clone, Copy, Default)]
struct Scope {
    model: Option<Execution>,
    /// Of at least one run rather than of all.
    sometimes: bool,
}

impl Scope {
    fn includes(self, model: &Model) -> bool {
        self.model.is_none_or(|execution| execution == model.execution)
    }
}

fn judge(expect: &Expect, scope: Scope, runs: &Runs<'_>, out: &mut Vec<Checked>) {
    match &expect.what {
        Asked::In(execution, inner) => {
            let scope = Scope { model: Some(*execution), ..scope };
            inner.iter().for_each(|expect| judge(expect, scope, runs, out));
        }
        Asked::At(settings, inner) => {
            if is_here(settings, runs) {
                inner.iter().for_each(|expect| judge(expect, scope, runs, out));
            }
        }
        // In one run is enough.
        what @ Asked::Condition(When::Possible, _) => {
            out.push(leaf(expect, what, Scope { sometimes: true, ..scope }, runs));
        }
        // A run has no schedules to choose from.
        Asked::Bypass(_) => {
            let found = "not asked of runs, but of all schedules: gilsim test".to_owned();
            out.push(Checked { expectation: expect.text.clone(), holds: true, found });
        }
        Asked::Sometimes(inner) => judge(inner, Scope { sometimes: true, ..scope }, runs, out),
        what => out.push(leaf(expect, what, scope, runs)),
    }
}

/// Whether this is the sweep point with these settings.
fn is_here(settings: &[(String, String)], runs: &Runs<'_>) -> bool {
    settings.iter().all(|(path, value)| runs.point.settings.get(path) == Some(value))
}

/// A value that an expectation is about, in one run.
struct Found {
    /// Model and seed.
    whose: String,
    /// For the order.
    value: f64,
    text: String,
    holds: bool,
}

fn leaf(expect: &Expect, what: &Asked, scope: Scope, runs: &Runs<'_>) -> Checked {
    let mut groups: Vec<Vec<Found>> = Vec::new();
    let mut absent = None;
    if let Asked::Speedup { of, over, bounds } = what {
        match speedup(*of, *over, bounds, runs) {
            Ok(group) => groups.push(group),
            Err(reason) => absent = Some(reason),
        }
    } else {
        for (model, cells) in runs.models().filter(|(model, _)| scope.includes(model)) {
            match cells.iter().map(|cell| find(what, model, cell)).collect::<Result<Vec<Found>, String>>() {
                Ok(group) => groups.push(group),
                Err(reason) => absent = absent.or(Some(reason)),
            }
        }
    }
    let scoped = match scope.model {
        Some(execution) => format!("{execution}: {}", expect.text),
        None => expect.text.clone(),
    };
    let expectation = if scope.sometimes { format!("sometimes {scoped}") } else { scoped };
    let judged = match groups.as_slice() {
        [] => (false, absent.unwrap_or_else(|| "this model is not run".to_owned())),
        groups if scope.sometimes => sometimes(groups),
        groups => always(groups),
    };
    let (holds, found) = judged;
    Checked { expectation, holds, found: if holds { found } else { format!("{found}{}", place(runs)) } }
}

/// The settings of this point, for a message that may be read elsewhere.
fn place(runs: &Runs<'_>) -> String {
    let settings: Vec<String> = runs.point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
    if settings.is_empty() { String::new() } else { format!(" (at {})", settings.join(", ")) }
}

fn always(groups: &[Vec<Found>]) -> (bool, String) {
    let all = groups.iter().flatten();
    let count = all.clone().count();
    let failed: Vec<&Found> = all.clone().filter(|found| !found.holds).collect();
    match failed.as_slice() {
        [] => (true, range(all)),
        [only] => (false, format!("{}: {}", only.whose, only.text)),
        [first, ..] => (false, format!("{}: {}; {} of {count} runs fail", first.whose, first.text, failed.len())),
    }
}

/// In each model one run must do.
fn sometimes(groups: &[Vec<Found>]) -> (bool, String) {
    let held = |group: &[Found]| group.iter().filter(|found| found.holds).count();
    match groups.iter().find(|group| held(group) == 0) {
        Some(group) => {
            let first = group.first().map_or("", |found| &found.whose);
            (false, format!("in none of {} runs from {first} on: {}", group.len(), range(group.iter())))
        }
        None => {
            let (held, all): (usize, usize) =
                groups.iter().fold((0, 0), |sum, group| (sum.0 + held(group), sum.1 + group.len()));
            (true, format!("in {held} of {all} runs"))
        }
    }
}

/// From the least to the greatest.
fn range<'f>(found: impl Iterator<Item = &'f Found> + Clone) -> String {
    let least = found.clone().min_by(|a, b| a.value.total_cmp(&b.value));
    let most = found.max_by(|a, b| a.value.total_cmp(&b.value));
    match (least, most) {
        (Some(least), Some(most)) if least.text == most.text => least.text.clone(),
        (Some(least), Some(most)) => format!("{} to {}", least.text, most.text),
        _ => String::new(),
    }
}

fn whose(model: Execution, cell: &Cell) -> String {
    format!("{model}, seed {}", cell.figures.seed)
}

fn speedup(of: Execution, over: Execution, bounds: &Bounds<f64>, runs: &Runs<'_>) -> Result<Vec<Found>, String> {
    let cells = |execution| runs.of(execution).ok_or_else(|| format!("{execution} is not run"));
    let (faster, slower) = (cells(of)?, cells(over)?);
    let ratio = |(of_cell, over_cell): (&Cell, &Cell)| {
        let value = over_cell.figures.makespan.0 as f64 / of_cell.figures.makespan.0 as f64;
        // 0/0: neither took any time.
        let holds = value.is_finite() && bounds.contain(&value);
        Found { whose: whose(of, of_cell), value, text: precise(value), holds }
    };
    Ok(faster.iter().zip(slower).map(ratio).collect())
}

/// Four significant digits: enough to see on which side of a bound a value lies.
fn precise(value: f64) -> String {
    let text = format!("{value:.4}");
    if value.abs() >= 1_000.0 || text.contains('N') || text.contains('i') {
        return axis::number(value);
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// With three digits after the point, written as in the tables: `184.822 ms`.
fn exact(value: Duration) -> String {
    let text = value.to_string();
    let unit = text.find(char::is_alphabetic).unwrap_or(text.len());
    format!("{} {}", &text[..unit], text[unit..].replace("us", "µs"))
}

/// The value that is asked for, in this run of this model.
///
/// # Errors
/// Why the model has no such value.
fn find(what: &Asked, model: &Model, cell: &Cell) -> Result<Found, String> {
    let run = &cell.figures;
    let execution = model.execution;
    let found = |value: f64, text: String, holds: bool| Ok(Found { whose: whose(execution, cell), value, text, holds });
    let length =
        |value: Duration, bounds: &Bounds<Duration>| found(value.0 as f64, exact(value), bounds.contain(&value));
    let number = |value: f64, bounds: &Bounds<f64>| found(value, precise(value), bounds.contain(&value));
    let sampled = |value: Option<Duration>, bounds: &Bounds<Duration>, nothing: &str| match value {
        Some(value) => length(value, bounds),
        None => found(0.0, nothing.to_owned(), false),
    };
    match what {
        Asked::Elapsed(bounds) => length(run.makespan, bounds),
        Asked::Throughput { task: None, bounds } => number(run.throughput, bounds),
        Asked::Throughput { task: Some(name), bounds } => {
            let task = run.tasks.iter().find(|task| task.task == *name).ok_or_else(|| no("task", name))?;
            number(task.throughput, bounds)
        }
        Asked::Missed { task, bounds } => {
            let (missed, all) = counted(run, task.as_ref(), |task| task.missed).ok_or("no task has a deadline")?;
            found(missed as f64, format!("{missed} of {all} jobs"), bounds.contain(&missed))
        }
        Asked::Failed { task, bounds } => {
            let (failed, all) = counted(run, task.as_ref(), |task| task.failed).ok_or("no step raises an exception")?;
            found(failed as f64, format!("{failed} of {all} jobs"), bounds.contain(&failed))
        }
        Asked::Refused { task, bounds } => {
            let (refused, all) = counted(run, task.as_ref(), |task| task.refused).ok_or("no task has a capacity")?;
            found(refused as f64, format!("{refused} of {all} jobs"), bounds.contain(&refused))
        }
        Asked::Latency { bounds, .. } => {
            sampled(Percentile::of(what).and_then(|asked| cell.percentile(&asked)), bounds, "no job completed")
        }
        Asked::Response { task: name, bounds } => {
            let (jobs, mean) = match name {
                None => (run.completed, run.response.mean),
                Some(name) => {
                    let task = run.tasks.iter().find(|task| task.task == *name).ok_or_else(|| no("task", name))?;
                    (task.completed, task.response.mean)
                }
            };
            sampled((jobs > 0).then_some(Duration(mean.round() as u64)), bounds, "no job completed")
        }
        Asked::Sockets { of, count, bounds } => {
            let peer = run.network.iter().find(|peer| peer.peer == *of).ok_or_else(|| no("peer", of))?;
            let value = connections(peer, *count);
            found(value as f64, value.to_string(), bounds.contain(&value))
        }
        Asked::LoopLag { bounds, .. } => {
            if run.loop_lag.is_none() {
                return Err(format!("{execution} has no event loop"));
            }
            sampled(Percentile::of(what).and_then(|asked| cell.percentile(&asked)), bounds, "no coroutine resumed")
        }
        Asked::Utilization { of, bounds } => number(utilization(of, model, cell)?, bounds),
        Asked::Starvation(bounds) => match &run.starved {
            Some(starved) => {
                let since = exact(Duration(starved.since.0));
                let text = format!("{} ({}, from {since} on)", exact(starved.length), starved.who);
                found(starved.length.0 as f64, text, bounds.contain(&starved.length))
            }
            None => length(Duration::ZERO, bounds),
        },
        Asked::SlowCallbacks(bounds) => {
            let slow = run.slow_callbacks.as_ref().ok_or_else(|| format!("{execution} has no event loop"))?;
            let longest = slow.longest.map_or(String::new(), |longest| format!(", the longest {longest}"));
            let of = slow.of.as_ref().map_or(String::new(), |of| format!(" of {of}"));
            found(slow.count as f64, format!("{}{longest}{of}", slow.count), bounds.contain(&slow.count))
        }
        Asked::GilSwitches(bounds) => {
            with_gil(model)?;
            number(run.gils.iter().map(|gil| gil.switches).sum::<u64>() as f64, bounds)
        }
        Asked::Final { var, bounds } => {
            let value = *run.finals.get(var).ok_or_else(|| no("variable", var))?;
            found(value as f64, value.to_string(), bounds.contain(&value))
        }
        Asked::Condition(when, question) => {
            let held = cell.condition(question).ok_or("a variable is not known")?;
            let so = |so, text: String| found(f64::from(u8::from(so)), text, so);
            let never = || "it never holds".to_owned();
            match (when, held.first, held.first_not) {
                (When::Always, _, None) => so(true, "it always holds".to_owned()),
                (When::Always, _, Some(at)) => {
                    so(false, format!("it does not hold at {}", exact(at.since(Time::ZERO))))
                }
                (When::Never, None, _) => so(true, never()),
                (When::Never, Some(at), _) => so(false, format!("it holds at {}", exact(at.since(Time::ZERO)))),
                (When::Eventually | When::Possible, None, _) => so(false, never()),
                (When::Eventually | When::Possible, Some(at), _) => {
                    so(true, format!("it holds at {}", exact(at.since(Time::ZERO))))
                }
                (When::AtEnd, ..) => so(held.last, held.values.clone()),
            }
        }
        Asked::CriticalPath(bounds) => match &run.critical_path {
            Some(path) => {
                let text = format!("{} ({})", exact(path.length), path.tasks.join(", "));
                found(path.length.0 as f64, text, bounds.contain(&path.length))
            }
            None => Err("no task comes after another".to_owned()),
        },
        Asked::Deadlock => found(0.0, run.outcome.clone(), run.outcome == "deadlock"),
        Asked::Object { name, end } => {
            let so = run.outcome == outcome_of(*end) && run.objects.contains(name);
            let of =
                if run.objects.is_empty() { String::new() } else { format!(" (\"{}\")", run.objects.join("\", \"")) };
            found(0.0, format!("{}{of}", run.outcome), so)
        }
        Asked::Bypass(_) | Asked::Speedup { .. } | Asked::Sometimes(_) | Asked::In(..) | Asked::At(..) => {
            unreachable!("these are asked of several runs together")
        }
    }
}

/// How many jobs of one task, or of all that count them, and of how many that arrived.
fn counted(run: &Figures, task: Option<&String>, count: impl Fn(&TaskFigures) -> Option<u64>) -> Option<(u64, u64)> {
    let asked = run.tasks.iter().filter(|of| task.is_none_or(|task| *task == of.task));
    let of: Vec<(u64, u64)> = asked.filter_map(|of| Some((count(of)?, of.arrived))).collect();
    let sums = of.iter().fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
    (!of.is_empty()).then_some(sums)
}

fn connections(peer: &PeerFigures, count: Counted) -> u64 {
    match count {
        Counted::Connected => peer.connected,
        Counted::Accepted => peer.accepted,
        Counted::Refused => peer.refused,
        Counted::InVain => peer.in_vain,
        Counted::TimedOut => peer.timed_out,
        Counted::Served => peer.served.as_ref().map_or(0, |served| served.count),
    }
}

fn no(kind: &str, name: &str) -> String {
    format!("no {kind} is named \"{name}\"")
}

fn with_gil(model: &Model) -> Result<(), String> {
    if model.has_gil() { Ok(()) } else { Err(format!("{} has no GIL", model.execution)) }
}

/// Of several GILs, the busiest counts.
fn utilization(of: &str, model: &Model, cell: &Cell) -> Result<f64, String> {
    let run = &cell.figures;
    match of {
        "cpu" => Ok(run.utilization),
        "gil" => {
            with_gil(model)?;
            Ok(run.gils.iter().map(|gil| gil.held).fold(0.0, f64::max))
        }
        name => {
            let device = run.devices.iter().find(|device| device.device == name);
            device.map(|device| device.utilization).ok_or_else(|| no("device", name))
        }
    }
}

/// The word of an outcome that is about objects.
fn outcome_of(end: ObjectEnd) -> &'static str {
    match end {
        ObjectEnd::Leaked => "leaked",
        ObjectEnd::UsedAfterFree => "used-after-free",
    }
}

/// Whether this irregular end of a run of this model is expected here; of a leak, whether that of each object is.
fn is_expected(expects: &[Expect], model: &Model, run: &Figures, runs: &Runs<'_>) -> bool {
    let of_object = |object: &String| expects_end(expects, model, runs, &run.outcome, Some(object));
    match run.objects.as_slice() {
        [] => expects_end(expects, model, runs, &run.outcome, None),
        objects => objects.iter().all(of_object),
    }
}

fn expects_end(expects: &[Expect], model: &Model, runs: &Runs<'_>, outcome: &str, object: Option<&String>) -> bool {
    let inside = |inner: &[Expect]| expects_end(inner, model, runs, outcome, object);
    expects.iter().any(|expect| match &expect.what {
        Asked::Deadlock => outcome == "deadlock",
        Asked::Object { name, end } => outcome == outcome_of(*end) && object == Some(name),
        Asked::In(execution, inner) => *execution == model.execution && inside(inner),
        Asked::At(settings, inner) => is_here(settings, runs) && inside(inner),
        Asked::Sometimes(inner) => inside(std::slice::from_ref(inner)),
        _ => false,
    })
}

/// Runs that did not end as a run should.
fn irregular(expects: &[Expect], runs: &Runs<'_>) -> Option<Checked> {
    let mut bad = Vec::new();
    for (model, cells) in runs.models() {
        let unexpected = |cell: &&Cell| !(cell.regular || is_expected(expects, model, &cell.figures, runs));
        bad.extend(cells.iter().filter(unexpected).map(|cell| (model.execution, cell)));
    }
    let (execution, first) = bad.first()?;
    let why = first.figures.explanation.join("; ");
    let more = if bad.len() > 1 { format!("; {} of {} runs", bad.len(), runs.cells.len()) } else { String::new() };
    let found = format!("{}: {}: {why}{more}{}", whose(*execution, first), first.figures.outcome, place(runs));
    Some(Checked { expectation: "every run ends as it should".to_owned(), holds: false, found })
}

/// What is expected of every run that is audited.
const AUDIT: &str = "every run keeps the rules of the auditor";

/// Whether no run broke a rule of the auditor, by what came of the expectations.
pub fn audit_is_silent(checked: &[Checked]) -> bool {
    checked.iter().all(|checked| checked.holds || checked.expectation != AUDIT)
}

/// Runs that broke a rule of the auditor.
fn audited(runs: &Runs<'_>) -> Option<Checked> {
    let bad = runs.models().flat_map(|(model, cells)| cells.iter().map(move |cell| (model.execution, cell)));
    let bad: Vec<_> = bad.filter(|(_, cell)| !cell.violations.is_empty()).collect();
    let (execution, first) = bad.first()?;
    let words: Vec<String> = first.violations.iter().take(3).map(ToString::to_string).collect();
    let more = if bad.len() > 1 { format!("; {} of {} runs", bad.len(), runs.cells.len()) } else { String::new() };
    let found = format!("{}: {}{more}{}", whose(*execution, first), words.join("; "), place(runs));
    Some(Checked { expectation: AUDIT.to_owned(), holds: false, found })
}
