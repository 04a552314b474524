//! From a program that fails to the smallest one.
//!
//! Programs have an order: those with fewer jobs and steps of them come first, then steps that stand earlier in the shape, then the text. Each
//! try comes before the program that it is made from, so that shrinking ends.

use proptest::strategy::ValueTree;

use super::program::{Body, Job, Node, Program, number};
use super::shape::Shape;

/// A program, and the way to smaller ones.
#[derive(Debug)]
pub struct Tree {
    /// The smallest that is known to fail.
    best: Program,
    current: Program,
    /// Smaller than `best`.
    tries: Vec<Vec<Job>>,
    /// The next of them, and how many are left: those behind the last success come first.
    next: usize,
    left: usize,
    /// Whether `tries` are those of `best`.
    ready: bool,
}

impl Tree {
    pub(super) fn new(program: Program) -> Tree {
        Tree { current: program.clone(), best: program, tries: Vec::new(), next: 0, left: 0, ready: false }
    }

    /// Goes to the next smaller scenario, if there is one.
    fn go_on(&mut self) -> bool {
        while self.left > 0 {
            let jobs = self.tries[self.next % self.tries.len()].clone();
            (self.next, self.left) = (self.next + 1, self.left - 1);
            if let Ok(program) = Program::of(&self.best.shape, jobs)
                && key(&program) < key(&self.best)
            {
                self.current = program;
                return true;
            }
        }
        false
    }
}

impl ValueTree for Tree {
    type Value = Program;

    fn current(&self) -> Program {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.current.jobs != self.best.jobs {
            (self.best, self.ready) = (self.current.clone(), false);
        }
        if !self.ready {
            self.tries = tries(&self.best);
            self.next = self.next.saturating_sub(1).min(self.tries.len());
            (self.left, self.ready) = (self.tries.len(), true);
        }
        self.go_on()
    }

    fn complicate(&mut self) -> bool {
        if self.current.jobs == self.best.jobs {
            return false;
        }
        if !self.go_on() {
            self.current = self.best.clone();
        }
        true
    }
}

/// The place of a program in the order.
fn key(program: &Program) -> (i64, i64, &str) {
    let jobs = || program.jobs.iter();
    let parts = |node: &Node| program.shape.parts(node.fragment).map_or(1, |parts| parts.len() as i64);
    let size = jobs().map(|job| i64::from(job.count) * (1 + number(&job.steps, &parts))).sum();
    let ranks = jobs().map(|job| ranks(&job.steps)).sum();
    (size, ranks, program.line())
}

fn ranks(steps: &[Node]) -> i64 {
    steps.iter().map(|node| node.fragment as i64 + node.bodies.iter().map(|body| ranks(body)).sum::<i64>()).sum()
}

/// Programs that may be smaller, the greatest leaps first.
fn tries(program: &Program) -> Vec<Vec<Job>> {
    let (shape, jobs) = (&*program.shape, &program.jobs);
    let mut found = Vec::new();
    let mut with = |change: &mut dyn FnMut(&mut Vec<Job>)| {
        let mut changed = jobs.clone();
        change(&mut changed);
        if changed != *jobs {
            found.push(changed);
        }
    };
    let all: u32 = jobs.iter().map(|job| job.count).sum();
    let fewest = shape.fewest_tasks() as u32 * shape.fewest_jobs();
    for at in 0..jobs.len() {
        if all >= fewest + jobs[at].count {
            with(&mut |jobs| drop(jobs.remove(at)));
        }
        if all > fewest && jobs[at].count > 1 {
            with(&mut |jobs| jobs[at].count = 1.max(jobs[at].count.saturating_sub(all - fewest)));
            with(&mut |jobs| jobs[at].count -= 1);
        }
        for other in (0..jobs.len()).filter(|other| *other != at) {
            with(&mut |jobs| jobs[at].steps = jobs[other].steps.clone());
        }
    }
    for at in 0..jobs.len() {
        for steps in bodies(shape, &jobs[at].steps) {
            with(&mut |jobs| jobs[at].steps.clone_from(&steps));
            if jobs[at].count > 1 {
                with(&mut |jobs| {
                    jobs[at].count -= 1;
                    jobs.insert(at + 1, Job { count: 1, steps: steps.clone() });
                });
            }
        }
    }
    for (from, to) in names(shape) {
        for swap in [false, true] {
            let renamed = |job: &Job| Some(Job { steps: rename(shape, &job.steps, &from, &to, swap)?, ..*job });
            if let Some(renamed) = jobs.iter().map(renamed).collect::<Option<Vec<_>>>() {
                with(&mut |jobs| jobs.clone_from(&renamed));
            }
        }
    }
    for at in 1..jobs.len() {
        with(&mut |jobs| jobs.swap(at - 1, at));
    }
    found
}

/// Steps that may be smaller, or simpler.
fn bodies(shape: &Shape, steps: &[Node]) -> Vec<Body> {
    let mut found = Vec::new();
    let spliced = |at: usize, with: &[Node]| [&steps[..at], with, &steps[at + 1..]].concat();
    for (at, node) in steps.iter().enumerate() {
        found.push(spliced(at, &[]));
        found.extend(node.bodies.iter().map(|body| spliced(at, body)));
        if node.bodies.len() > 1 {
            found.push(spliced(at, &node.bodies.concat()));
        }
    }
    for (at, node) in steps.iter().enumerate() {
        for (place, body) in node.bodies.iter().enumerate() {
            for smaller in bodies(shape, body) {
                let mut node = node.clone();
                node.bodies[place] = smaller;
                found.push(spliced(at, &[node]));
            }
        }
        if let Some(parts) = shape.parts(node.fragment) {
            let parts = parts.into_iter().map(|fragment| Node { fragment, bodies: Vec::new() });
            found.push(spliced(at, &parts.collect::<Vec<_>>()));
        }
        let simpler = (0..node.fragment).filter(|fragment| shape.holes(*fragment) <= node.bodies.len());
        for fragment in simpler {
            let bodies = node.bodies[..shape.holes(fragment)].to_vec();
            found.push(spliced(at, &[Node { fragment, bodies }]));
        }
        if at > 0 && steps[at - 1] > *node {
            let mut steps = steps.to_vec();
            steps.swap(at - 1, at);
            found.push(steps);
        }
    }
    found
}

/// Pairs of shared things of the same kind.
fn names(shape: &Shape) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, (to, kind)) in shape.shared.iter().enumerate() {
        let alike = shape.shared[at + 1..].iter().filter(|(_, other)| other == kind);
        found.extend(alike.map(|(from, _)| (from.clone(), to.clone())));
    }
    found
}

/// The steps with another name for a thing, or with both names for each other; `None` if the shape does not have one of them.
fn rename(shape: &Shape, steps: &[Node], from: &str, to: &str, swap: bool) -> Option<Body> {
    let (from_quoted, to_quoted) = (format!("\"{from}\""), format!("\"{to}\""));
    let node = |node: &Node| {
        let text = shape.fragments[node.fragment].replace(&from_quoted, "\u{0}");
        let text = if swap { text.replace(&to_quoted, &from_quoted) } else { text };
        let text = text.replace('\u{0}', &to_quoted);
        let fragment = shape.fragments.iter().position(|known| *known == text)?;
        let bodies = node.bodies.iter().map(|body| rename(shape, body, from, to, swap)).collect::<Option<Vec<_>>>()?;
        Some(Node { fragment, bodies })
    };
    steps.iter().map(node).collect()
}
