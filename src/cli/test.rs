//! `test` and `replay`: all schedules of a model, and one of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gilsim::explore::schedule::{self, Drift, Token};
use gilsim::explore::{Budget, Counts, Explored, Found, Machine, Property, Unfit, Verdict, explore, words};
use gilsim::model::Model;
use gilsim::scenario::Point;
use rayon::prelude::*;

use super::Exit;
use super::load::{self, Loaded};
use super::terminal::Terminal;

/// Steps of a schedule that are printed; the others can be seen by `replay`.
const STEPS: usize = 30;

/// Searches all models of all scenarios.
pub fn test(paths: &[PathBuf], sets: &[String], amount: (usize, u64), terminal: &Terminal) -> Exit {
    let loaded = match (load::sets(sets), load::scenarios(paths)) {
        (Ok(sets), Ok(files)) => load::each(files, &sets),
        (Err(words), _) | (_, Err(words)) => {
            terminal.complain(&words);
            return Exit::Invalid;
        }
    };
    let mut exit = Exit::Expected;
    let mut tested = 0;
    for loaded in loaded {
        match loaded {
            Err(refused) => {
                terminal.refused(&refused);
                exit = exit.max(Exit::Invalid);
            }
            Ok(loaded) => {
                terminal.diagnostics(&loaded.source, &loaded.warnings);
                let (text, found, models) = scenario(&loaded, amount, terminal);
                tested += models;
                exit = exit.max(found).max(terminal.print(&text));
            }
        }
    }
    if tested == 0 && exit == Exit::Expected { Exit::Nothing } else { exit }
}

/// What a search found, its worst verdict, and how many models were searched.
fn scenario(loaded: &Loaded, (states, runs): (usize, u64), terminal: &Terminal) -> (String, Exit, usize) {
    let scenario = &loaded.scenario;
    let mut out = format!("{}\n", terminal.bold(&loaded.source.shown()));
    let all: Vec<(&Point, &Model)> =
        scenario.points.iter().flat_map(|point| point.models.iter().map(move |model| (point, model))).collect();
    let search = |(point, model): &(&Point, &Model)| {
        let settings = |path: &str| point.settings.get(path).cloned();
        let property = Property::of(&scenario.expect, model, &settings);
        explore(model, &property, Budget { states, runs, seed: scenario.seed })
    };
    let verdicts: Vec<Result<Verdict, Unfit>> = all.par_iter().map(search).collect();
    let (mut exit, mut tested) = (Exit::Expected, 0);
    for ((point, model), verdict) in all.iter().zip(verdicts) {
        let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let place = if settings.is_empty() { String::new() } else { format!(" ({})", settings.join(", ")) };
        let name = format!("{}{place}", model.execution);
        tested += usize::from(verdict.is_ok());
        let worst = match verdict {
            Err(unfit) => {
                let _ = writeln!(out, "  {name}: not searched, {}", unfit_words(&unfit));
                Exit::Expected
            }
            Ok(Verdict::Proved(explored)) => {
                let _ = writeln!(out, "  {}  {name}: proved, {}", terminal.mark(true), amount(&explored));
                Exit::Expected
            }
            Ok(Verdict::Impossible(explored, text)) => {
                let _ =
                    writeln!(out, "  {}  {name}: impossible is {text}; {}", terminal.mark(false), amount(&explored));
                Exit::Failed
            }
            Ok(Verdict::Passed { states, runs }) => {
                let _ = writeln!(
                    out,
                    "  {}  {name}: not proved, but none of {runs} random schedules breaks anything; more than {states} states",
                    terminal.mark(true)
                );
                Exit::Expected
            }
            Ok(Verdict::Drawn { run, found, .. }) => {
                let _ = write!(out, "  {}  {name}: ", terminal.mark(false));
                failed(&mut out, loaded, model, &format!("in random schedule {run}, made shorter"), &found);
                Exit::Failed
            }
            Ok(Verdict::Failed(explored, found)) => {
                let _ = write!(out, "  {}  {name}: ", terminal.mark(false));
                let share = match explored.counts {
                    Some(Counts { schedules, bad, .. }) if !explored.reduced => {
                        format!("{bad} of {schedules} schedules")
                    }
                    Some(_) => "some schedules".to_owned(),
                    None => "some of endless schedules".to_owned(),
                };
                failed(
                    &mut out,
                    loaded,
                    model,
                    &format!("in {share} ({} states); the nearest", explored.states),
                    &found,
                );
                Exit::Failed
            }
        };
        exit = exit.max(worst);
    }
    out.push('\n');
    (out, exit, tested)
}

/// The machine whose steps a schedule consists of.
fn machine(model: &Model, reduced: bool) -> Result<Machine<'_>, Unfit> {
    let machine = Machine::new(model, Machine::preemption_of(model))?;
    Ok(if reduced { machine.reduced() } else { machine })
}

fn unfit_words(unfit: &Unfit) -> String {
    match unfit {
        Unfit::Endless { task } => format!("since the jobs of \"{task}\" have no end: give it a `count`"),
        Unfit::Timed { task } => format!("since the clock decides which jobs of \"{task}\" are done"),
        Unfit::Blocking => "since a coroutine waits without awaiting (`Blocking`)".to_owned(),
        Unfit::Sockets => "since it uses the network".to_owned(),
        Unfit::Executor => "since threads do steps of its coroutines".to_owned(),
        Unfit::Exceptions => "since it raises exceptions or cancels coroutines".to_owned(),
        Unfit::Crowded { jobs } => format!("since {jobs} jobs are more than anybody could look at"),
    }
}

fn amount(explored: &Explored) -> String {
    match explored.counts {
        Some(Counts { schedules: 1, .. }) => "there is one schedule".to_owned(),
        Some(Counts { schedules, .. }) if !explored.reduced => {
            format!("all {schedules} schedules, {} states", explored.states)
        }
        Some(_) => format!("all schedules, {} states", explored.states),
        None => format!("schedules without end, {} states", explored.states),
    }
}

fn failed(out: &mut String, loaded: &Loaded, model: &Model, place: &str, found: &Found) {
    let Ok(machine) = machine(model, found.reduced) else { return };
    for (number, line) in words::failure(&machine, &found.steps, &found.failure).iter().enumerate() {
        let _ = writeln!(out, "{}{line}", if number == 0 { "" } else { "          " });
    }
    let _ = writeln!(
        out,
        "        {place} has {}:",
        match found.preemptions {
            0 => "no preemption".to_owned(),
            1 => "1 preemption".to_owned(),
            more => format!("{more} preemptions"),
        }
    );
    let steps = words::narrate(&machine, &found.steps);
    let width = steps.iter().map(|(who, _)| who.chars().count()).max().unwrap_or(0);
    for (number, (who, what)) in steps.iter().enumerate().take(STEPS) {
        let lost = if found.point_of_no_return() == Some(number + 1) { "   <- from here on it goes wrong" } else { "" };
        let _ = writeln!(out, "        {:>3}  {who:width$}  {what}{lost}", number + 1);
    }
    if steps.len() > STEPS {
        let _ = writeln!(out, "             and {} more", steps.len() - STEPS);
    }
    let token = Token {
        model: schedule::digest(model),
        reduced: found.reduced,
        deviations: schedule::deviations(&machine, &found.steps),
    };
    let _ = writeln!(out, "        gilsim replay {} --schedule '{token}'", loaded.source.shown());
}

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
    let machine = match machine(model, token.reduced) {
        Ok(machine) => machine,
        Err(unfit) => return refuse(&format!("not searched, {}", unfit_words(&unfit)), Exit::Invalid),
    };
    let steps = match schedule::replay(&machine, &token.deviations) {
        Ok(steps) => steps,
        Err(drift) => return refuse(&drift.to_string(), Exit::Nondeterminism),
    };
    let property = Property::of(&loaded.scenario.expect, model, &|path: &str| point.settings.get(path).cloned());
    let mut out = format!("{}, {}\n", terminal.bold(&loaded.scenario.title), model.execution);
    let lines = words::narrate(&machine, &steps);
    let width = lines.iter().map(|(who, _)| who.chars().count()).max().unwrap_or(0);
    for (number, (who, what)) in lines.iter().enumerate() {
        let _ = writeln!(out, "{:>5}  {who:width$}  {what}", number + 1);
    }
    let mut state = machine.start();
    steps.iter().for_each(|step| machine.step(&mut state, *step));
    let failure = property.at_end(&machine, &state);
    let _ = match &failure {
        None => writeln!(out, "{}  nothing is broken", terminal.mark(true)),
        Some(failure) => {
            writeln!(out, "{}  {}", terminal.mark(false), words::failure(&machine, &steps, failure).join("\n      "))
        }
    };
    let exit = if failure.is_some() { Exit::Failed } else { Exit::Expected };
    exit.max(terminal.print(&out))
}
