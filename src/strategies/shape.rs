//! What random programs are made of.

use std::ops::RangeInclusive;
use std::sync::Arc;

use proptest::prelude::{Rng, Strategy};
use proptest::strategy::NewTree;
use proptest::test_runner::{TestRng, TestRunner};

use super::program::{Body, Job, Node, Program};
use super::shrink::Tree;

/// Where steps go inside of others.
pub(super) const HOLE: &str = "[..]";
/// Draws before a shape counts as one that makes no scenarios.
const MOST_DRAWS: u32 = 1_000;
/// Kinds of steps of one program.
const FEW_KINDS: RangeInclusive<u32> = 2..=6;

/// What random programs are made of: a strategy of proptest.
#[derive(Clone, Debug)]
pub struct Shape {
    pub(super) interpreter: String,
    pub(super) model: String,
    /// Name and declaration.
    pub(super) shared: Vec<(String, String)>,
    pub(super) programs: Vec<(String, String)>,
    /// Texts of steps; those with holes have steps inside.
    pub(super) fragments: Vec<String>,
    /// What is around the steps of each job.
    pub(super) job: String,
    pub(super) settings: Vec<String>,
    pub(super) expect: Vec<String>,
    tasks: RangeInclusive<u32>,
    count: RangeInclusive<u32>,
    steps: RangeInclusive<u32>,
    depth: u32,
}

impl Shape {
    /// Programs for this interpreter and model, as scenarios write them; without anything to do as yet. Two or three tasks
    /// of one or two jobs each, with one to four steps, and up to two steps around a step.
    pub fn new(interpreter: &str, model: &str) -> Shape {
        Shape {
            interpreter: interpreter.to_owned(),
            model: model.to_owned(),
            shared: Vec::new(),
            programs: Vec::new(),
            fragments: Vec::new(),
            job: HOLE.to_owned(),
            settings: Vec::new(),
            expect: Vec::new(),
            tasks: 2..=3,
            count: 1..=2,
            steps: 1..=4,
            depth: 2,
        }
    }

    /// Native threads: `Native` and `ThreadPerTask`.
    pub fn threads() -> Shape {
        Shape::new("Native", "ThreadPerTask")
    }

    /// Coroutines of the newest CPython: `Asyncio`.
    pub fn coroutines() -> Shape {
        Shape::new("CPython(version: \"3.14\")", "Asyncio")
    }

    /// Everything that one of the vocabularies of this module has: `.with(strategies::locks)`.
    pub fn with(self, words: impl FnOnce(Shape) -> Shape) -> Shape {
        words(self)
    }

    /// A shared thing: `.shared("x", "Int(0)")`. Programs that do not mention it do not have it.
    pub fn shared(mut self, name: &str, declaration: &str) -> Shape {
        self.shared.retain(|(known, _)| known != name);
        self.shared.push((name.to_owned(), declaration.to_owned()));
        self
    }

    /// A program that steps can spawn or call: `.program("p", r#"FetchAdd("x", 1)"#)`.
    pub fn program(mut self, name: &str, steps: &str) -> Shape {
        self.programs.push((name.to_owned(), steps.to_owned()));
        self
    }

    /// One more thing to do: one step or more, with `[..]` where random steps go inside: `.step(r#"With("a", [..])"#)`.
    pub fn step(mut self, text: &str) -> Shape {
        if !self.fragments.iter().any(|known| known == text) {
            self.fragments.push(text.to_owned());
        }
        self
    }

    /// What all that a job does is inside of: `.job(r#"With("a", [..])"#)`.
    pub fn job(mut self, around: &str) -> Shape {
        around.clone_into(&mut self.job);
        self
    }

    /// Another line of the scenario: `.setting("machine: (cores: 2)")`.
    pub fn setting(mut self, text: &str) -> Shape {
        self.settings.push(text.to_owned());
        self
    }

    /// What must hold: `.expect(r#"Never(Above("inside", 1))"#)`.
    pub fn expect(mut self, text: &str) -> Shape {
        self.expect.push(text.to_owned());
        self
    }

    /// So many tasks, each with steps of its own.
    pub fn tasks(mut self, tasks: RangeInclusive<u32>) -> Shape {
        self.tasks = tasks;
        self
    }

    /// So many jobs of each task.
    pub fn count(mut self, count: RangeInclusive<u32>) -> Shape {
        self.count = count;
        self
    }

    /// So many steps of each task, and inside of steps.
    pub fn steps(mut self, steps: RangeInclusive<u32>) -> Shape {
        self.steps = steps;
        self
    }

    /// So many steps around a step at most; none is inside of itself.
    pub fn depth(mut self, depth: u32) -> Shape {
        self.depth = depth;
        self
    }

    /// The least number of tasks, which shrinking keeps.
    pub(super) fn fewest_tasks(&self) -> usize {
        *self.tasks.start() as usize
    }

    /// The least number of jobs of a task.
    pub(super) fn fewest_jobs(&self) -> u32 {
        (*self.count.start()).max(1)
    }

    /// How many bodies a step has.
    pub(super) fn holes(&self, fragment: usize) -> usize {
        self.fragments[fragment].matches(HOLE).count()
    }

    /// The steps that a text consists of, if the shape also has each by itself.
    pub(super) fn parts(&self, fragment: usize) -> Option<Vec<usize>> {
        let mut rest = self.fragments[fragment].as_str();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let begins =
                |known: &String| rest.strip_prefix(known.as_str()).map(|rest| rest.strip_prefix(", ").unwrap_or(rest));
            let next = (0..self.fragments.len()).filter(|at| *at != fragment && !self.fragments[*at].is_empty());
            let (part, after) = next.filter_map(|at| Some((at, begins(&self.fragments[at])?))).next()?;
            parts.push(part);
            rest = after;
        }
        (self.holes(fragment) == 0).then_some(parts)
    }

    /// A program has few kinds of steps, other ones each time: so they meet more often than if each could come everywhere
    /// (swarm testing: Groce et al., ISSTA 2012).
    fn draw(&self, rng: &mut TestRng) -> Vec<Job> {
        let tasks = among(rng, &self.tasks);
        let mut kinds: Vec<usize> = (0..self.fragments.len()).collect();
        let few = among(rng, &FEW_KINDS).min(kinds.len() as u32);
        for kept in 0..few {
            let other = kept + below(rng, kinds.len() as u32 - kept);
            kinds.swap(kept as usize, other as usize);
        }
        kinds.truncate(few as usize);
        let (around, plain) = kinds.into_iter().partition(|fragment| self.holes(*fragment) > 0);
        let kinds = Kinds { around, plain };
        let steps = |rng: &mut TestRng| self.body(rng, &kinds, &[]);
        (0..tasks).map(|_| Job { count: among(rng, &self.count).max(1), steps: steps(rng) }).collect()
    }

    fn body(&self, rng: &mut TestRng, kinds: &Kinds, inside_of: &[usize]) -> Body {
        let Kinds { around, plain } = kinds;
        let around: Vec<usize> = around.iter().copied().filter(|kind| !inside_of.contains(kind)).collect();
        let steps = among(rng, &self.steps);
        let node = |rng: &mut TestRng| {
            let deep = inside_of.len() >= self.depth as usize;
            let inside = !deep && !around.is_empty() && (plain.is_empty() || below(rng, 3) == 0);
            let fragments = if inside { &around } else { plain };
            let fragment = *fragments.get(below(rng, fragments.len() as u32) as usize)?;
            let inside_of = [inside_of, &[fragment]].concat();
            let bodies = (0..self.holes(fragment)).map(|_| self.body(rng, kinds, &inside_of)).collect();
            Some(Node { fragment, bodies })
        };
        (0..steps).filter_map(|_| node(rng)).collect()
    }
}

/// Steps that have others inside, and those that have none.
struct Kinds {
    around: Vec<usize>,
    plain: Vec<usize>,
}

impl Strategy for Shape {
    type Tree = Tree;
    type Value = Program;

    /// # Errors
    /// None of a thousand draws is a scenario: the last one, and what is wrong with it.
    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let shape = Arc::new(self.clone());
        let mut last = String::new();
        for _ in 0..MOST_DRAWS {
            let jobs = self.draw(runner.rng());
            match Program::of(&shape, jobs) {
                Ok(program) => return Ok(Tree::new(program)),
                Err(why) => last = why,
            }
        }
        Err(format!("none of {MOST_DRAWS} random programs of this shape is a scenario; the last one:\n{last}").into())
    }
}

/// A number below `bound`; 0 if there is none.
fn below(rng: &mut TestRng, bound: u32) -> u32 {
    ((u64::from(rng.next_u32()) * u64::from(bound)) >> 32) as u32
}

fn among(rng: &mut TestRng, range: &RangeInclusive<u32>) -> u32 {
    range.start() + below(rng, range.end().saturating_sub(*range.start()) + 1)
}
