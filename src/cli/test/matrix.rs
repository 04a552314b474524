//! The same scenario in several worlds: interpreters, ways to carry the tasks, numbers of cores.

use gilsim::experiment::frequency;
use gilsim::explore::{Property, Verdict, explore};
use gilsim::scenario;
use serde::Serialize;

use super::{Options, load};
use crate::cli::load::Loaded;

/// A world: what it is called, its interpreter and its model, in which `n` is the number of threads.
const WORLDS: &[(&str, &str, &str)] = &[
    ("CPython 3.9, threads", "CPython(version: \"3.9\")", "Threads(n)"),
    ("CPython 3.12, threads", "CPython(version: \"3.12\")", "Threads(n)"),
    ("CPython 3.14, free-threaded", "CPython(version: \"3.14\")", "FreeThreaded(n)"),
    ("CPython 3.14, asyncio", "CPython(version: \"3.14\")", "Asyncio"),
    ("CPython 3.14, processes", "CPython(version: \"3.14\")", "Processes(n)"),
];
/// Cores of the machines on which each is run.
pub const CORES: [u32; 3] = [1, 2, 8];

/// What came of one world.
#[derive(Clone, Debug, Serialize)]
pub struct World {
    pub name: &'static str,
    pub model: String,
    /// `proved`, `passed`, `failed`, `inconclusive`, `unsearched` or `invalid`.
    pub verdict: &'static str,
    /// Of all schedules, or why there is none.
    pub words: String,
    /// By number of cores: bad runs, and the interval of their probability.
    pub timed: Vec<Timed>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Timed {
    pub cores: u32,
    pub bad: u32,
    pub runs: u32,
    pub low: f64,
    pub high: f64,
}

/// The scenario in every world.
pub fn matrix(loaded: &Loaded, options: &Options, budget: gilsim::explore::Budget<'_>) -> Vec<World> {
    let jobs: u32 = loaded.scenario.points[0].models[0].tasks.iter().map(|task| task.count.unwrap_or(2)).sum();
    let threads = jobs.clamp(1, 64);
    WORLDS
        .iter()
        .map(|(name, interpreter, model)| {
            let model = model.replace("(n)", &format!("({threads})"));
            world(loaded, options, budget, name, interpreter, &model)
        })
        .collect()
}

fn world(
    loaded: &Loaded,
    options: &Options,
    budget: gilsim::explore::Budget<'_>,
    name: &'static str,
    interpreter: &str,
    model: &str,
) -> World {
    let set = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    let mut sets = load::sets(&options.set).unwrap_or_default();
    sets.extend([set("sweep", "None"), set("interpreter", interpreter), set("models", &format!("[{model}]"))]);
    let mut world =
        World { name, model: model.to_owned(), verdict: "invalid", words: String::new(), timed: Vec::new() };
    let compiled = |sets: &[(String, String)]| scenario::compile(&loaded.source.name, &loaded.source.text, sets);
    match compiled(&sets) {
        Err(errors) => {
            world.words = errors.first().map_or_else(String::new, |error| error.title.clone());
            return world;
        }
        Ok(compiled) => {
            let model = &compiled.scenario.points[0].models[0];
            let property = Property::of(&compiled.scenario.expect, model, &|_| None);
            match explore(model, &property, budget) {
                Ok(verdict) => {
                    world.verdict = verdict.word();
                    world.words = words(&verdict);
                }
                Err(unfit) => (world.verdict, world.words) = ("unsearched", unfit.to_string()),
            }
        }
    }
    for cores in CORES {
        sets.push(set("machine.cores", &cores.to_string()));
        if let Ok(compiled) = compiled(&sets) {
            let scenario = &compiled.scenario;
            let (point, model) = (&scenario.points[0], &scenario.points[0].models[0]);
            let jitter = f64::from(options.jitter) / 100.0;
            let found = frequency(scenario, point, model, options.timed.unwrap_or(200), jitter);
            let (low, high) = found.interval();
            world.timed.push(Timed { cores, bad: found.bad, runs: found.runs, low, high });
        }
        sets.pop();
    }
    world
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Proved(explored) | Verdict::Impossible(explored, _) | Verdict::Failed(explored, _) => {
            match (explored.counts.filter(|_| !explored.reduced), verdict) {
                (Some(counts), Verdict::Failed(..)) => format!("FAIL, {} of {}", counts.bad, counts.schedules),
                (_, Verdict::Failed(..)) => "FAIL".to_owned(),
                (_, Verdict::Impossible(_, text)) => format!("impossible: {text}"),
                (Some(counts), _) => format!("proved, {}", counts.schedules),
                (None, _) => "proved".to_owned(),
            }
        }
        Verdict::Passed(sampled) => format!("none of {} random", sampled.runs),
        Verdict::Drawn { run, .. } => format!("FAIL, random {run}"),
        Verdict::Undecided { .. } => "inconclusive".to_owned(),
    }
}
