//! E10: a join, wait or cancellation of something that was never spawned.

use std::collections::{BTreeMap, BTreeSet};

use super::walk::Body;
use super::{Finding, Findings, Path, Subject};
use crate::scenario::ast::{SpawnWhat, Step};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let code = &subject.code;
    let joining: Vec<Vec<Joining<'_>>> = code.bodies().iter().map(|body| own_joins(subject, body)).collect();
    if joining.iter().all(Vec::is_empty) {
        return;
    }
    // What a context joins, it must have spawned itself: in its own program or in one that it calls.
    let (mut calls, mut spawns) = (vec![Vec::new(); joining.len()], vec![Vec::new(); joining.len()]);
    let mut coroutines = spawns.clone();
    for reference in code.references().iter().filter(|reference| !reference.callback) {
        let list = if reference.spawn.is_some() { &mut spawns } else { &mut calls };
        list[reference.from].push(reference.to);
        if reference.spawn == Some(SpawnWhat::Coroutine) {
            coroutines[reference.from].push(reference.to);
        }
    }
    let used = code.used();
    let children = spawns.iter().flatten().copied().filter(|&index| used[index]);
    let roots: BTreeSet<usize> = code.tasks().chain(children).collect();
    let mut joins: BTreeMap<Path, (String, &str, bool)> = BTreeMap::new();
    for root in roots {
        let mut reached = BTreeSet::new();
        let mut todo = vec![root];
        while let Some(body) = todo.pop() {
            if reached.insert(body) {
                todo.extend(&calls[body]);
            }
        }
        let all = |lists: &[Vec<usize>]| -> BTreeSet<usize> {
            reached.iter().flat_map(|&body| lists[body].iter().copied()).collect()
        };
        let (spawned, coroutines) = (all(&spawns), all(&coroutines));
        for Joining { path, name, program, verb } in reached.iter().flat_map(|&body| &joining[body]) {
            joins.entry(path.clone()).or_insert(((*name).to_owned(), *verb, false)).2 |=
                if *verb == "Join" { &spawned } else { &coroutines }.contains(program);
        }
    }
    for (path, (name, verb, _)) in joins.into_iter().filter(|(_, (_, _, spawned))| !spawned) {
        let (title, label, kind) = match verb {
            "Cancel" => {
                (format!("Cancel(\"{name}\") of coroutines that were never spawned"), "nothing to cancel", "Coroutine")
            }
            "WaitTasks" => (
                format!("WaitTasks waits for \"{name}\", of which this spawns none"),
                "nothing to wait for",
                "Coroutine",
            ),
            _ => (
                format!("Join(\"{name}\") waits for children that were never spawned"),
                "nothing to wait for",
                "Thread",
            ),
        };
        let finding = Finding::error("E10", title, path, label);
        found.push(finding.help(format!("spawn them first, in the same task or program: Spawn({kind}, \"{name}\")")));
    }
}

/// A step about children of a program, and what it does with them.
struct Joining<'a> {
    path: Path,
    name: &'a str,
    program: usize,
    verb: &'static str,
}

/// Those of a body.
fn own_joins<'a>(subject: &Subject<'a>, body: &Body<'a>) -> Vec<Joining<'a>> {
    let mut joins = Vec::new();
    body.each(&mut |path, step| {
        let (names, verb) = match step {
            Step::Join(name) => (std::slice::from_ref(name), "Join"),
            Step::Cancel(name) => (std::slice::from_ref(name), "Cancel"),
            Step::WaitTasks(names, ..) => (&names[..], "WaitTasks"),
            _ => return,
        };
        for (index, name) in names.iter().enumerate() {
            let path = if verb == "WaitTasks" { path.index(0).index(index) } else { path.clone() };
            let program = subject.code.program(name);
            joins.extend(program.map(|program| Joining { path, name, program, verb }));
        }
    });
    joins
}
