//! Warning `not-shared`: something looks shared, and every process has its own.

use std::collections::BTreeMap;

use super::model::{execution, processes};
use super::objects::objects;
use super::{Finding, Findings, Path, Subject, entry, head, key};
use crate::scenario::ast::{Arrive, Shared, SpawnWhat};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let several = scenario.models.iter().position(|model| processes(scenario, model) > 1);
    let children: Vec<_> =
        subject.code.references().iter().filter(|r| r.spawn.is_some_and(SpawnWhat::is_process)).collect();
    if several.is_none() && children.is_empty() {
        return;
    }
    let used = subject.code.used();
    let mut users: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, body) in subject.code.bodies().iter().enumerate() {
        body.each(&mut |path, step| {
            for named in objects(path, step) {
                users.entry(named.name).or_default().push(index);
            }
        });
    }
    for name in scenario
        .shared
        .iter()
        .filter(|(_, s)| !matches!(s, Shared::Interprocess(_) | Shared::ThreadLocal(_)))
        .map(|(name, _)| name)
    {
        let users = users.get(name.as_str()).map_or(&[][..], Vec::as_slice);
        let inside = subject.code.reaching(users, |r| !r.spawn.is_some_and(SpawnWhat::is_process));
        let spot = key(&entry("shared", name));
        let help = "declare it Interprocess(..) to share it";
        if let Some(index) = several {
            let jobs = |(index, task): (usize, &crate::scenario::ast::Task)| {
                let many = !matches!(task.arrive, Arrive::AtOnce);
                let jobs = task.count.unwrap_or(if many { 2 } else { 1 });
                if inside[subject.code.task(index)] { u64::from(jobs) } else { 0 }
            };
            if scenario.tasks.values().enumerate().map(jobs).sum::<u64>() > 1 {
                let model = execution(&scenario.models[index]);
                let title = format!("under {model} every {} has its own \"{name}\"", model.domain());
                let finding = Finding::warning("not-shared", title, spot, "not shared between them");
                found.push(finding.and(Path::root().name("models").index(index), "in this model").help(help));
                continue;
            }
        }
        let anywhere = subject.code.reaching(users, |_| true);
        if let Some(child) = children.iter().find(|r| used[r.from] && anywhere[r.to]) {
            let title = format!("a child process has its own copy of \"{name}\"");
            let finding = Finding::warning("not-shared", title, spot, "not shared with the child");
            found.push(finding.and(head(&child.path), "a process is spawned here").help(help));
        }
    }
}
