//! E10: a join, or cancellation, of something that was never spawned.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::Body;
use super::{Finding, Findings, Path, Subject};
use crate::scenario::ast::Step;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let code = &subject.code;
    let joining: Vec<Vec<(Path, &str, usize, bool)>> =
        code.bodies().iter().map(|body| own_joins(subject, body)).collect();
    if joining.iter().all(Vec::is_empty) {
        return;
    }
    // What a context joins, it must have spawned itself: in its own program or in one that it calls.
    let (mut calls, mut spawns) = (vec![Vec::new(); joining.len()], vec![Vec::new(); joining.len()]);
    for reference in code.references() {
        let list = if reference.spawn.is_some() { &mut spawns } else { &mut calls };
        list[reference.from].push(reference.to);
    }
    let used = code.used();
    let children = spawns.iter().flatten().copied().filter(|&index| used[index]);
    let roots: BTreeSet<usize> = code.tasks().chain(children).collect();
    let mut joins: BTreeMap<Path, (String, bool, bool)> = BTreeMap::new();
    for root in roots {
        let mut reached = BTreeSet::new();
        let mut todo = vec![root];
        while let Some(body) = todo.pop() {
            if reached.insert(body) {
                todo.extend(&calls[body]);
            }
        }
        let spawned: BTreeSet<usize> = reached.iter().flat_map(|&body| spawns[body].iter().copied()).collect();
        for (path, name, program, cancels) in reached.iter().flat_map(|&body| &joining[body]) {
            joins.entry(path.clone()).or_insert(((*name).to_owned(), *cancels, false)).2 |= spawned.contains(program);
        }
    }
    for (path, (name, cancels, _)) in joins.into_iter().filter(|(_, (_, _, spawned))| !spawned) {
        let (title, label, kind) = match cancels {
            true => {
                (format!("Cancel(\"{name}\") of coroutines that were never spawned"), "nothing to cancel", "Coroutine")
            }
            false => (
                format!("Join(\"{name}\") waits for children that were never spawned"),
                "nothing to wait for",
                "Thread",
            ),
        };
        let finding = Finding::error("E10", title, path, label);
        found.push(finding.help(format!("spawn them first, in the same task or program: Spawn({kind}, \"{name}\")")));
    }
}

/// The joins of a body with the names and numbers of their programs, and whether they are cancellations.
fn own_joins<'a>(subject: &Subject<'a>, body: &Body<'a>) -> Vec<(Path, &'a str, usize, bool)> {
    let mut joins = Vec::new();
    body.each(&mut |path, step| {
        if let Step::Join(name) | Step::Cancel(name) = step
            && let Some(program) = subject.code.program(name)
        {
            joins.push((path.clone(), name.as_str(), program, matches!(step, Step::Cancel(_))));
        }
    });
    joins
}
