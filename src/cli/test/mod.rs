//! `test`: all schedules of all models of scenarios, or as many as there is time for.

mod files;
mod keep;
mod matrix;
mod replay;
mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gilsim::experiment::{Frequency, frequency};
use gilsim::explore::schedule::Token;
use gilsim::explore::words::{failure, narrate};
use gilsim::explore::{Budget, Machine, Property, Search, Smaller, Strategy, Unfit, Verdict, search, smaller};
use gilsim::model::Model;
use gilsim::scenario::Point;
use gilsim::scenario::smaller::edited;
use rayon::prelude::*;

use super::Exit;
use super::load::{self, Loaded};
use super::terminal::Terminal;

pub use replay::replay;

/// What is asked of a test.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Change a value before reading: machine.cores=8
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// States of one model to look at before giving up [default: 1000000, or what 256 MB have room for]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub states: Option<u64>,
    /// Random schedules to try where there are more states than that [default: 10000, or 20 million steps of them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub schedules: Option<u64>,
    /// Stop looking after so long, such as 60s; what is not decided then is inconclusive
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// any (all states, else random schedules), exhaustive, portfolio, random, pct:2, pos, uniform or delay:2
    #[arg(long, value_name = "NAME", default_value = "any", value_parser = strategy)]
    pub strategy: Search,
    /// Demand a proof: without one the exit code is 3
    #[arg(long)]
    pub prove: bool,
    /// Make scenarios that fail smaller as long as they fail in the same way, and print them
    #[arg(long)]
    pub shrink: bool,
    /// Also run each model under so many seeds, and say how often it goes wrong on this machine
    #[arg(long, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub timed: Option<u32>,
    /// Percent by which fixed times vary in these runs
    #[arg(long, value_name = "PERCENT", default_value = "20", value_parser = clap::value_parser!(u32).range(0..=100))]
    pub jitter: u32,
    /// The same under CPython 3.9 and 3.12, free-threaded, asyncio and processes, on 1, 2 and 8 cores, as a table
    #[arg(long)]
    pub matrix: bool,
    /// Write what was found as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write what was found as JUnit XML, for continuous integration
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Do not keep bad schedules beside the scenario
    #[arg(long)]
    pub no_keep: bool,
    /// Threads to run on, instead of one for each core of this computer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub jobs: Option<u16>,
}

fn time(text: &str) -> Result<Duration, String> {
    let time = gilsim::time::Duration::parse(text).map_err(|error| error.to_string())?;
    if time.0 == 0 {
        Err("no time is too little to look at anything".to_owned())
    } else {
        Ok(Duration::from_nanos(time.0))
    }
}

fn strategy(text: &str) -> Result<Search, String> {
    let (name, number) = text.split_once(':').map_or((text, None), |(name, number)| (name, Some(number)));
    let depth = |what: &str| match number.unwrap_or("2").parse::<u32>() {
        Ok(depth @ 1..=100) => Ok(depth),
        _ => Err(format!("write {name}:{what} with a number from 1 to 100")),
    };
    match (name, number) {
        ("any", None) => Ok(Search::Any),
        ("exhaustive", None) => Ok(Search::Exhaustive),
        ("portfolio", None) => Ok(Search::Portfolio),
        ("random", None) => Ok(Search::Only(Strategy::RandomWalk)),
        ("pos", None) => Ok(Search::Only(Strategy::Pos)),
        ("uniform", None) => Ok(Search::Only(Strategy::Uniform)),
        ("pct", _) => Ok(Search::Only(Strategy::Pct { depth: depth("2")? })),
        ("delay", _) => Ok(Search::Only(Strategy::Delay { bound: depth("2")? })),
        _ => Err("one of any, exhaustive, portfolio, random, pct:2, pos, uniform, delay:2".to_owned()),
    }
}

/// What a search of one model at one point of the sweep said.
pub struct Case<'l> {
    pub point: &'l Point,
    pub model: &'l Model,
    pub verdict: Result<Verdict, Unfit>,
    /// The bad schedule, ready to be shown.
    pub bad: Option<Shown>,
    /// Schedules of earlier tests that were tried first.
    pub kept: keep::Tried,
    /// The smallest scenario that fails in the same way, if it was asked for.
    pub smaller: Option<Smaller>,
    /// How often it goes wrong with times, if that was asked for.
    pub timed: Option<Frequency>,
}

/// A bad schedule in words.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What is wrong; the first line says it, others tell who waits for whom.
    pub failure: Vec<String>,
    /// Who did what.
    pub steps: Vec<(String, String)>,
    pub token: Token,
}

impl Case<'_> {
    /// The model, and where in the sweep.
    pub fn name(&self) -> String {
        let settings: Vec<String> =
            self.point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let place = if settings.is_empty() { String::new() } else { format!(" ({})", settings.join(", ")) };
        format!("{}{place}", self.model.execution)
    }

    /// `proved`, `passed`, `failed`, `inconclusive`, or `unsearched`.
    pub fn word(&self) -> &'static str {
        match &self.verdict {
            _ if self.kept.still_bad.is_some() => "failed",
            Ok(verdict) => verdict.word(),
            Err(_) => "unsearched",
        }
    }

    fn exit(&self, prove: bool) -> Exit {
        match self.word() {
            "failed" => Exit::Failed,
            "inconclusive" => Exit::Inconclusive,
            "passed" | "unsearched" if prove => Exit::Inconclusive,
            _ => Exit::Expected,
        }
    }
}

/// Searches all models of all scenarios.
pub fn test(paths: &[PathBuf], options: &Options, terminal: &Terminal) -> Exit {
    let loaded = match (load::sets(&options.set), load::scenarios(paths)) {
        (Ok(sets), Ok(files)) => load::each(files, &sets),
        (Err(words), _) | (_, Err(words)) => {
            terminal.complain(&words);
            return Exit::Invalid;
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    if let Some(time) = options.time {
        let stop = Arc::clone(&stop);
        std::thread::spawn(move || {
            std::thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
        });
    }
    let (mut exit, mut worst, mut tested) = (Exit::Expected, Exit::Expected, 0);
    let mut report = files::Report::default();
    for loaded in loaded {
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(refused) => {
                terminal.refused(&refused);
                exit = exit.max(Exit::Invalid);
                continue;
            }
        };
        terminal.diagnostics(&loaded.source, &loaded.warnings);
        let kept = match keep::read(&loaded.source.file) {
            Ok(kept) => kept,
            Err(words) => {
                terminal.complain(&words);
                exit = exit.max(Exit::Invalid);
                continue;
            }
        };
        let cases = cases(&loaded, &kept, options, &stop);
        for case in &cases {
            tested += usize::from(case.verdict.is_ok());
            // A failure is worse than not to know.
            worst = match (worst, case.exit(options.prove)) {
                (Exit::Failed, _) | (_, Exit::Failed) => Exit::Failed,
                (one, other) => one.max(other),
            };
        }
        let worlds =
            if options.matrix { matrix::matrix(&loaded, options, budget(&loaded, options, &stop)) } else { Vec::new() };
        if options.json.as_deref() != Some(Path::new("-")) {
            let text = words::scenario(&loaded, &cases, terminal) + &words::worlds(&worlds);
            exit = exit.max(terminal.print(&text));
        }
        if !options.no_keep
            && let Err(words) = keep::write(&loaded.source.file, &kept, &cases)
        {
            terminal.complain(&words);
        }
        report.add(&loaded, &cases, worlds);
    }
    exit = exit.max(worst);
    if tested == 0 && exit == Exit::Expected {
        exit = Exit::Nothing;
    }
    exit.max(report.write(options, exit, terminal))
}

/// Searches all models of a scenario.
fn cases<'l>(loaded: &'l Loaded, kept: &keep::Kept, options: &Options, stop: &AtomicBool) -> Vec<Case<'l>> {
    let scenario = &loaded.scenario;
    let all: Vec<(&Point, &Model)> =
        scenario.points.iter().flat_map(|point| point.models.iter().map(move |model| (point, model))).collect();
    let sets = load::sets(&options.set).unwrap_or_default();
    let text = edited(&loaded.source.text, &sets).unwrap_or_else(|_| loaded.source.text.clone());
    let one = |(point, model): &(&'l Point, &'l Model)| {
        let property = property(loaded, point, model);
        let kept = kept.attempt(model, &property);
        let verdict = search(model, &property, options.strategy, budget(loaded, options, stop));
        let found = verdict.as_ref().ok().and_then(Verdict::found);
        let bad = found.and_then(|found| shown(model, &property, found.reduced, &found.steps));
        let bad = bad.or_else(|| kept.still_bad.clone());
        let can_be_right = !matches!(&verdict, Ok(Verdict::Failed(explored, _)) if explored.random_walk == Some(1.0));
        let wanted = found.filter(|_| options.shrink);
        let smaller = wanted.and_then(|found| smaller(&text, point, model, &found.failure, can_be_right));
        let jitter = f64::from(options.jitter) / 100.0;
        let timed = options.timed.filter(|_| !options.matrix);
        let timed = timed.map(|runs| frequency(scenario, point, model, runs, jitter));
        Case { point, model, verdict, bad, kept, smaller, timed }
    };
    all.par_iter().map(one).collect()
}

/// States, bytes that they may take, random schedules, and steps of all of them: whoever asks for a number gets it.
const STATES: u64 = 1_000_000;
const BYTES: usize = 256 << 20;
const SCHEDULES: u64 = 10_000;
const STEPS: u64 = 20_000_000;

/// How much may be looked at.
fn budget<'s>(loaded: &Loaded, options: &Options, stop: &'s AtomicBool) -> Budget<'s> {
    let Options { states, schedules, .. } = options;
    Budget {
        states: states.unwrap_or(STATES) as usize,
        bytes: if states.is_some() { usize::MAX } else { BYTES },
        runs: schedules.unwrap_or(SCHEDULES),
        steps: if schedules.is_some() { u64::MAX } else { STEPS },
        seed: loaded.scenario.seed,
        stop: Some(stop),
    }
}

/// What must hold of a model at a point.
fn property(loaded: &Loaded, point: &Point, model: &Model) -> Property {
    Property::of(&loaded.scenario.expect, model, &|path: &str| point.settings.get(path).cloned())
}

/// The machine whose steps a schedule consists of.
fn machine<'m>(model: &'m Model, property: &Property, reduced: bool) -> Result<Machine<'m>, Unfit> {
    let machine = Machine::new(model, Machine::preemption_of(model))?.watching(property);
    Ok(if reduced { machine.reduced() } else { machine })
}

/// A schedule in words, if it is bad.
fn shown(model: &Model, property: &Property, reduced: bool, steps: &[gilsim::explore::Choice]) -> Option<Shown> {
    let machine = machine(model, property, reduced).ok()?;
    let wrong = gilsim::explore::outcome(&machine, property, steps)?;
    Some(Shown {
        failure: failure(&machine, steps, &wrong),
        steps: narrate(&machine, steps),
        token: Token::of(&machine, steps),
    })
}
