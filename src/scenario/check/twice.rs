//! E06: something that is listed twice where once says all.

use std::collections::BTreeMap;

use super::{Finding, Findings, Path, Subject, entry};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let charts = scenario.charts.iter().map(|chart| *chart as u8);
    again(charts, &Path::root().name("charts"), "a chart is listed twice", found);
    for (name, task) in &scenario.tasks {
        again(task.after.iter(), &entry("tasks", name).name("after"), "a task waits twice for the same task", found);
    }
}

fn again<T: Ord>(list: impl Iterator<Item = T>, path: &Path, title: &str, found: &mut Findings) {
    let mut known = BTreeMap::new();
    for (index, one) in list.enumerate() {
        let first = *known.entry(one).or_insert(index);
        if first != index {
            let finding = Finding::error("E06", title, path.index(index), "again");
            found.push(finding.and(path.index(first), "first here"));
        }
    }
}
