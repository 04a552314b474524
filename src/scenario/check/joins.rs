//! E10: a join of something that was never spawned.

use std::collections::BTreeMap;

use super::{Finding, Findings, Path, Subject};
use crate::scenario::ast::Step;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let code = &subject.code;
    // What a context joins, it must have spawned itself: in its own program or in one that it calls.
    let spawned = code.references().iter().filter(|r| r.spawn.is_some()).map(|r| r.to);
    let used = code.used();
    let roots: Vec<usize> = code.tasks().chain(spawned.filter(|&index| used[index])).collect();
    let mut joins: BTreeMap<Path, (String, bool)> = BTreeMap::new();
    for root in roots {
        let reached = code.reach([root], |r| r.spawn.is_none());
        let spawns =
            |program: usize| code.references().iter().any(|r| r.spawn.is_some() && r.to == program && reached[r.from]);
        for (body, _) in code.bodies().iter().zip(&reached).filter(|(_, reached)| **reached) {
            body.each(&mut |path, step| {
                if let Step::Join(name) = step
                    && let Some(program) = code.program(name)
                {
                    joins.entry(path.clone()).or_insert((name.clone(), false)).1 |= spawns(program);
                }
            });
        }
    }
    for (path, (name, _)) in joins.into_iter().filter(|(_, (_, spawned))| !spawned) {
        let title = format!("Join(\"{name}\") waits for children that were never spawned");
        let finding = Finding::error("E10", title, path, "nothing to wait for");
        found.push(finding.help(format!("spawn them first, in the same task or program: Spawn(Thread, \"{name}\")")));
    }
}
