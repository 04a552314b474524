//! What a test found, for programs: JSON, and JUnit XML as continuous integration reads it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use gilsim::explore::{Bounded, Explored, Failure, Found, Sampled, Verdict};
use gilsim::trace::BEHAVIOUR;
use indexmap::IndexMap;
use serde::Serialize;

use super::matrix::World;
use super::{Case, Options};
use crate::cli::Exit;
use crate::cli::load::Loaded;
use crate::cli::terminal::Terminal;

/// Everything that was found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Of the crate.
    version: &'static str,
    behaviour: u32,
    /// The exit code, unless the files themselves cannot be written.
    exit: u8,
    scenarios: Vec<Suite>,
}

#[derive(Debug, Serialize)]
struct Suite {
    file: String,
    title: String,
    cases: Vec<One>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    matrix: Vec<World>,
}

/// One model at one point of the sweep.
#[derive(Debug, Default, Serialize)]
struct One {
    model: String,
    settings: IndexMap<String, String>,
    /// `proved`, `passed`, `failed`, `inconclusive` or `unsearched`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explored: Option<Counted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<Drawn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Bad>,
    /// The smallest scenario that fails in the same way, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    smaller: Option<String>,
    /// Runs with times, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    timed: Option<Timed>,
    /// Schedules of earlier tests that were tried first.
    kept: usize,
}

/// All schedules. Counts stop at 2^128 - 1.
#[derive(Debug, Serialize)]
struct Counted {
    states: usize,
    /// Whether steps that nobody could notice were taken at once, so that schedules are not counted each.
    reduced: bool,
    schedules: Option<u128>,
    bad: Option<u128>,
    deadlocks: Option<u128>,
    longest: Option<u32>,
    /// The probability that a random walk is bad, and that a schedule is when all are equally likely.
    random_walk: Option<f64>,
    uniform: Option<f64>,
    preemption_bounded: Vec<Row>,
    delay_bounded: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Timed {
    runs: u32,
    bad: u32,
    /// The 95 % interval of the probability.
    interval: (f64, f64),
    first_bad_seed: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Row {
    bound: u32,
    schedules: u128,
    bad: u128,
}

#[derive(Debug, Serialize)]
struct Drawn {
    schedules: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    behaviours: Option<usize>,
    /// By depth: at most this is the probability that a bug of it was missed.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    missed: IndexMap<String, f64>,
}

#[derive(Debug, Serialize)]
struct Bad {
    /// `deadlock`, `assertion`, `invariant`, `final`, `eventually`, `leaked`, `livelock`, `kept`.
    kind: &'static str,
    words: Vec<String>,
    preemptions: Option<u32>,
    delays: Option<u32>,
    /// Whether no bad schedule has fewer deviations.
    nearest: bool,
    /// After this step every schedule goes wrong.
    point_of_no_return: Option<usize>,
    blame: Vec<f64>,
    steps: Vec<[String; 2]>,
    replay: String,
    schedule: String,
}

fn kind(failure: &Failure) -> &'static str {
    match failure {
        Failure::Deadlock(_) => "deadlock",
        Failure::Wrong(gilsim::explore::Wrong::Op(_), _) => "assertion",
        Failure::Wrong(gilsim::explore::Wrong::Passed(_), _) => "starvation",
        Failure::Wrong(..) => "invariant",
        Failure::Leaked(_) => "leaked",
        Failure::Final(..) | Failure::AtEnd(..) => "final",
        Failure::Unseen(_) => "eventually",
        Failure::Livelock => "livelock",
    }
}

fn counted(explored: &Explored) -> Counted {
    let counts = explored.counts.filter(|_| !explored.reduced);
    let rows = |rows: &[Bounded]| {
        rows.iter().map(|row| Row { bound: row.bound, schedules: row.schedules, bad: row.bad }).collect()
    };
    Counted {
        states: explored.states,
        reduced: explored.reduced,
        schedules: counts.map(|counts| counts.schedules),
        bad: counts.map(|counts| counts.bad),
        deadlocks: counts.map(|counts| counts.deadlocks),
        longest: counts.map(|counts| counts.longest),
        random_walk: explored.random_walk,
        uniform: counts.map(|counts| counts.bad as f64 / counts.schedules as f64),
        preemption_bounded: rows(&explored.preemptions),
        delay_bounded: rows(&explored.delays),
    }
}

fn drawn(sampled: &Sampled) -> Drawn {
    let depths = (1..=3).filter(|depth| sampled.by_priorities[depth - 1] > 0);
    let missed = depths.map(|depth| (depth.to_string(), sampled.missed(depth))).collect();
    Drawn { schedules: sampled.runs, behaviours: Some(sampled.behaviours), missed }
}

fn one(loaded: &Loaded, case: &Case<'_>) -> One {
    let mut one = One {
        model: case.model.execution.to_string(),
        settings: case.point.settings.clone(),
        verdict: case.word(),
        kept: case.kept.tried,
        timed: case.timed.map(|timed| Timed {
            runs: timed.runs,
            bad: timed.bad,
            interval: timed.interval(),
            first_bad_seed: timed.first,
        }),
        smaller: case.smaller.as_ref().map(|smaller| smaller.text.clone()),
        ..One::default()
    };
    match &case.verdict {
        Err(unfit) => one.why = Some(unfit.to_string()),
        Ok(Verdict::Proved(explored) | Verdict::Failed(explored, _)) => one.explored = Some(counted(explored)),
        Ok(Verdict::Impossible(explored, text)) => {
            one.explored = Some(counted(explored));
            one.why = Some(format!("impossible is {text}"));
        }
        Ok(Verdict::Passed(sampled)) => one.sampled = Some(drawn(sampled)),
        Ok(Verdict::Drawn { run, strategy, .. }) => {
            one.why = Some(format!("random schedule {run} ({strategy})"));
            one.sampled = Some(Drawn { schedules: run + 1, behaviours: None, missed: IndexMap::new() });
        }
        Ok(Verdict::Undecided { runs, why, .. }) => {
            one.why = Some(why.clone());
            one.sampled = Some(Drawn { schedules: *runs, behaviours: None, missed: IndexMap::new() });
        }
    }
    let found: Option<&Found> = case.verdict.as_ref().ok().and_then(Verdict::found);
    one.failure = case.bad.as_ref().map(|bad| Bad {
        kind: found.map_or("kept", |found| kind(&found.failure)),
        words: bad.failure.clone(),
        preemptions: found.map(|found| found.preemptions),
        delays: found.map(|found| found.delays),
        nearest: found.is_some_and(|found| found.nearest),
        point_of_no_return: found.and_then(Found::point_of_no_return),
        blame: found.map_or_else(Vec::new, |found| found.blame.clone()),
        steps: bad.steps.iter().map(|(who, what)| [who.clone(), what.clone()]).collect(),
        replay: format!("gilsim replay {} --schedule '{}'", loaded.source.shown(), bad.token),
        schedule: bad.token.to_string(),
    });
    one
}

impl Report {
    pub fn add(&mut self, loaded: &Loaded, cases: &[Case<'_>], matrix: Vec<World>) {
        let cases = cases.iter().map(|case| one(loaded, case)).collect();
        let (file, title) = (loaded.source.shown(), loaded.scenario.title.clone());
        self.scenarios.push(Suite { file, title, cases, matrix });
    }

    /// Writes the files that were asked for.
    pub fn write(mut self, options: &Options, exit: Exit, terminal: &Terminal) -> Exit {
        (self.version, self.behaviour, self.exit) = (env!("CARGO_PKG_VERSION"), BEHAVIOUR, exit as u8);
        let mut worst = Exit::Expected;
        let mut write = |path: &Path, text: String| {
            if let Err(error) = fs::write(path, text) {
                terminal.complain(&format!("cannot write {}: {error}", path.display()));
                worst = Exit::Output;
            }
        };
        if let Some(path) = &options.junit {
            write(path, self.junit());
        }
        if let Some(path) = &options.json {
            let text = serde_json::to_string_pretty(&self).expect("names of fields are texts") + "\n";
            if path == Path::new("-") {
                return worst.max(terminal.print_json(&text));
            }
            write(path, text);
        }
        worst
    }

    /// The dialect of Jenkins: a suite for each scenario, a case for each model.
    fn junit(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"gilsim\">\n");
        for suite in &self.scenarios {
            let count = |words: &[&str]| suite.cases.iter().filter(|case| words.contains(&case.verdict)).count();
            let file = escaped(&suite.file);
            _ = writeln!(
                out,
                "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\">",
                suite.cases.len(),
                count(&["failed"]),
                count(&["unsearched", "inconclusive"]),
            );
            suite.cases.iter().for_each(|case| self.case(&mut out, &file, case));
            out += "  </testsuite>\n";
        }
        out + "</testsuites>\n"
    }

    fn case(&self, out: &mut String, file: &str, case: &One) {
        let settings: Vec<String> = case.settings.iter().map(|(path, value)| format!(" {path} = {value}")).collect();
        let name = escaped(&format!("{}{}", case.model, settings.join(",")));
        _ = writeln!(out, "    <testcase classname=\"{file}\" name=\"{name}\">");
        let mut properties = vec![("verdict", case.verdict.to_owned()), ("behaviour", self.behaviour.to_string())];
        properties.extend(case.failure.as_ref().map(|failure| ("schedule", failure.schedule.clone())));
        out.push_str("      <properties>\n");
        for (name, value) in properties {
            _ = writeln!(out, "        <property name=\"{name}\" value=\"{}\"/>", escaped(&value));
        }
        out.push_str("      </properties>\n");
        let why = case.why.clone().unwrap_or_default();
        match (&case.failure, case.verdict) {
            (Some(failure), _) => {
                let steps = failure.steps.iter().enumerate();
                let steps: Vec<String> = steps.map(|(n, [who, what])| format!("{:>3}  {who}  {what}", n + 1)).collect();
                let body = [failure.words.join("\n"), steps.join("\n"), failure.replay.clone()].join("\n");
                let message = escaped(failure.words.first().map_or("", String::as_str));
                _ = writeln!(
                    out,
                    "      <failure type=\"{}\" message=\"{message}\">{}</failure>",
                    failure.kind,
                    escaped(&body)
                );
            }
            (None, "failed") => _ = writeln!(out, "      <failure type=\"impossible\" message=\"{}\"/>", escaped(&why)),
            (None, "unsearched" | "inconclusive") => {
                _ = writeln!(out, "      <skipped message=\"{}\"/>", escaped(&why));
            }
            _ => {}
        }
        out.push_str("    </testcase>\n");
    }
}

/// Text in XML 1.0, which has no control characters.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out.push(c),
            c if c.is_control() => _ = write!(out, "{}", c.escape_default()),
            c => out.push(c),
        }
    }
    out
}
