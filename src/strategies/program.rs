//! One random program: a scenario without an error.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use proptest::test_runner::{TestCaseError, TestCaseResult};

use super::shape::{HOLE, Shape};
use crate::explore::{Budget, Ending, Machine, Property, Search, Unfit, Verdict, endings, schedule, search, words};
use crate::model::Model;
use crate::scenario::smaller::laid_out;
use crate::scenario::{Scenario, compile};

/// Steps one after the other.
pub(super) type Body = Vec<Node>;

/// A text of the shape, by its place there, with steps in its holes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    pub fragment: usize,
    pub bodies: Vec<Body>,
}

/// A task: how many jobs, and what each does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    pub count: u32,
    pub steps: Body,
}

/// A random program: a scenario without an error, with one point and one model. It prints as its text.
#[derive(Clone)]
pub struct Program {
    pub(super) shape: Arc<Shape>,
    pub(super) jobs: Vec<Job>,
    text: String,
    scenario: Scenario,
}

impl Program {
    /// The program with these tasks.
    ///
    /// # Errors
    /// It is no scenario: its text, and what is wrong.
    pub(super) fn of(shape: &Arc<Shape>, mut jobs: Vec<Job>) -> Result<Program, String> {
        merge(&mut jobs);
        let text = text(shape, &jobs);
        match compile("random", &text, &[]) {
            Ok(compiled) => Ok(Program { shape: Arc::clone(shape), jobs, text, scenario: compiled.scenario }),
            Err(found) => {
                let titles: Vec<&str> = found.iter().map(|one| one.title.as_str()).collect();
                Err(format!("{text}\n{}", titles.join("\n")))
            }
        }
    }

    /// The scenario, as a file for `gilsim run` and `gilsim test` has it.
    pub fn text(&self) -> String {
        laid_out(&self.text)
    }

    /// On one line: what smaller ones are compared by.
    pub(super) fn line(&self) -> &str {
        &self.text
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Its only model.
    pub fn model(&self) -> &Model {
        &self.scenario.points[0].models[0]
    }

    /// How many jobs have this text of the shape in their steps, once for each time it is written there.
    pub fn times(&self, step: &str) -> i64 {
        let known = |node: &Node| i64::from(self.shape.fragments[node.fragment] == step);
        let each = |job: &Job| i64::from(job.count) * number(&job.steps, &known);
        self.jobs.iter().map(each).sum()
    }

    /// Looks at all schedules, or as many states as this: whether what the shape expects holds, and nobody waits for ever.
    ///
    /// # Errors
    /// It is not searched.
    pub fn verdict(&self, states: usize) -> Result<Verdict, Unfit> {
        search(self.model(), &self.property(), Search::Exhaustive, Budget::of(states, 0))
    }

    fn property(&self) -> Property {
        Property::of(&self.scenario.expect, self.model(), &|_| None)
    }

    /// The same for a test: fails with the nearest bad schedule. A program that is not searched, or has more states than this,
    /// is rejected: proptest draws another, and gives up if there are too many of them.
    ///
    /// # Errors
    /// A schedule is bad, or nothing is known.
    pub fn holds(&self, states: usize) -> TestCaseResult {
        match self.verdict(states).map_err(|unfit| TestCaseError::reject(unfit.to_string()))? {
            Verdict::Proved(_) => Ok(()),
            Verdict::Failed(_, found) => {
                let machine = self.machine(found.reduced);
                let mut why = words::failure(&machine, &found.steps, &found.failure).join("; ");
                for (who, what) in words::narrate(&machine, &found.steps) {
                    _ = write!(why, "\n  {who}  {what}");
                }
                let token = schedule::Token::of(&machine, &found.steps);
                Err(TestCaseError::fail(format!("{why}\n  gilsim replay FILE --schedule '{token}'")))
            }
            Verdict::Impossible(_, text) => Err(TestCaseError::fail(format!("impossible is {text}"))),
            _ => Err(TestCaseError::reject(format!("more than {states} states"))),
        }
    }

    fn machine(&self, reduced: bool) -> Machine<'_> {
        let machine = Machine::new(self.model(), Machine::preemption_of(self.model())).expect("it was searched");
        let machine = machine.watching(&self.property());
        if reduced { machine.reduced() } else { machine }
    }

    /// All that can come out at all: of what the shape expects, nothing counts. Programs that are not searched, or have more
    /// states than this, are rejected.
    ///
    /// # Errors
    /// Nothing is known.
    pub fn endings(&self, states: usize) -> Result<BTreeSet<Ending>, TestCaseError> {
        let found = endings(self.model(), states).map_err(|unfit| TestCaseError::reject(unfit.to_string()))?;
        found.ok_or_else(|| TestCaseError::reject(format!("more than {states} states")))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.text())
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Tasks that do the same are one.
fn merge(jobs: &mut Vec<Job>) {
    jobs.dedup_by(|later, earlier| {
        let same = later.steps == earlier.steps;
        earlier.count += if same { later.count } else { 0 };
        same
    });
}

/// The sum of this over all steps, also those inside of others.
pub(super) fn number(steps: &[Node], counts: &impl Fn(&Node) -> i64) -> i64 {
    let inside = |node: &Node| node.bodies.iter().map(|body| number(body, counts)).sum::<i64>();
    steps.iter().map(|node| counts(node) + inside(node)).sum()
}

fn written(shape: &Shape, steps: &[Node]) -> String {
    let node =
        |node: &Node| filled(&shape.fragments[node.fragment], &mut node.bodies.iter().map(|b| written(shape, b)));
    steps.iter().map(node).collect::<Vec<_>>().join(", ")
}

/// The text with these in its holes.
fn filled(text: &str, inside: &mut impl Iterator<Item = String>) -> String {
    let mut parts = text.split(HOLE);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        _ = write!(out, "[{}]{part}", inside.next().unwrap_or_default());
    }
    out
}

/// The scenario: of what is declared, only what is mentioned.
fn text(shape: &Shape, jobs: &[Job]) -> String {
    let task = |(index, job): (usize, &Job)| {
        let steps = filled(&shape.job, &mut std::iter::once(written(shape, &job.steps)));
        let steps = steps
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .filter(|_| shape.job == HOLE)
            .map_or(steps.clone(), str::to_owned);
        let count = if job.count == 1 { String::new() } else { format!("count: {}, ", job.count) };
        format!("\"t{index}\": ({count}steps: [{steps}])")
    };
    let tasks = jobs.iter().enumerate().map(task).collect::<Vec<_>>().join(", ");
    let expect = shape.expect.join(", ");
    let mut seen = format!("{tasks} {expect} {}", shape.settings.join(" "));
    let programs = mentioned(&shape.programs, &mut seen).join(", ");
    let shared = mentioned(&shape.shared, &mut seen);
    let mut out = format!("(interpreter: {}, ", shape.interpreter);
    shape.settings.iter().for_each(|setting| _ = write!(out, "{setting}, "));
    for (name, inside) in [("shared", shared.join(", ")), ("programs", programs), ("tasks", tasks)] {
        if !inside.is_empty() {
            _ = write!(out, "{name}: {{ {inside} }}, ");
        }
    }
    _ = write!(out, "models: [{}]", shape.model);
    if !expect.is_empty() {
        _ = write!(out, ", expect: [{expect}]");
    }
    out.push(')');
    out
}

/// Of what is declared, what is mentioned, also by others that are mentioned, in the order of the declarations.
fn mentioned(declared: &[(String, String)], seen: &mut String) -> Vec<String> {
    let mut uses = vec![false; declared.len()];
    while let Some(next) =
        (0..declared.len()).find(|at| !uses[*at] && seen.contains(&format!("\"{}\"", declared[*at].0)))
    {
        uses[next] = true;
        seen.push_str(&declared[next].1);
    }
    let used = declared.iter().zip(uses).filter(|(_, uses)| *uses);
    used.map(|((name, what), _)| format!("\"{name}\": {what}")).collect()
}
