//! E03: tasks that wait for each other, programs that call or spawn each other, in a circle.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::code::{Reference, graph};
use super::{Finding, Findings, Path, Subject, entry};

/// Places that are shown of one circle.
const MOST_LABELS: usize = 12;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    after(subject, found);
    calls(subject, found);
    spawns(subject, found);
}

/// Tasks in circles of `after`: for each circle the tasks in order, each waiting for the next.
pub fn of_after(subject: &Subject<'_>) -> Vec<Vec<usize>> {
    let tasks = &subject.scenario.tasks;
    let waits = tasks.values().enumerate().flat_map(|(index, task)| {
        task.after.iter().filter_map(|name| tasks.get_index_of(name)).map(move |before| (index, before))
    });
    circles(&graph(tasks.len(), waits))
}

fn after(subject: &Subject<'_>, found: &mut Findings) {
    let tasks = &subject.scenario.tasks;
    for circle in of_after(subject) {
        let title = match circle.len() {
            1 => "a task waits for itself".to_owned(),
            n => format!("{n} tasks wait for each other in a circle"),
        };
        let labels = edges(&circle).filter_map(|(from, to)| {
            let (name, task) = tasks.get_index(from)?;
            let (other, _) = tasks.get_index(to)?;
            let place = task.after.iter().position(|before| before == other)?;
            Some((entry("tasks", name).name("after").index(place), format!("\"{name}\" waits for \"{other}\"")))
        });
        report(title, labels, "none of them can ever start: remove one `after`", found);
    }
}

fn calls(subject: &Subject<'_>, found: &mut Findings) {
    let calls = |reference: &Reference| reference.spawn.is_none();
    for circle in program_circles(subject, calls) {
        let title = match circle.len() {
            1 => "a program calls itself".to_owned(),
            n => format!("{n} programs call each other in a circle"),
        };
        let labels = program_labels(subject, &circle, calls);
        report(title, labels.into_iter(), "a program cannot call itself: write a loop with Repeat or Forever", found);
    }
}

/// Circles with at least one `Spawn` in them: every round would create more.
fn spawns(subject: &Subject<'_>, found: &mut Findings) {
    let calling = program_circles(subject, |reference| reference.spawn.is_none());
    for circle in program_circles(subject, |_| true) {
        if calling.iter().any(|known| known.iter().any(|program| circle.contains(program))) {
            continue;
        }
        let title = match circle.len() {
            1 => "a program spawns itself without end".to_owned(),
            n => format!("{n} programs spawn each other without end"),
        };
        let labels = program_labels(subject, &circle, |_| true);
        report(
            title,
            labels.into_iter(),
            "each round would create more and more: spawn from a loop with Repeat",
            found,
        );
    }
}

fn program_circles(subject: &Subject<'_>, follow: impl Fn(&Reference) -> bool) -> Vec<Vec<usize>> {
    let references = subject.code.references().iter().filter(|reference| follow(reference));
    circles(&graph(subject.code.bodies().len(), references.map(|r| (r.from, r.to))))
}

fn program_labels(subject: &Subject<'_>, circle: &[usize], follow: impl Fn(&Reference) -> bool) -> Vec<(Path, String)> {
    let name = |index: usize| subject.scenario.programs.get_index(index).map_or("", |(name, _)| name);
    let mut first: BTreeMap<(usize, usize), &Reference> = BTreeMap::new();
    for reference in subject.code.references().iter().filter(|reference| follow(reference)) {
        first.entry((reference.from, reference.to)).or_insert(reference);
    }
    let label = |(from, to): (usize, usize)| {
        let reference = first.get(&(from, to))?;
        let verb = if reference.spawn.is_some() { "spawns" } else { "calls" };
        Some((reference.path.clone(), format!("\"{}\" {verb} \"{}\"", name(from), name(to))))
    };
    edges(circle).filter_map(label).collect()
}

/// Shows the first places of a circle: nobody reads more.
fn report(title: String, labels: impl Iterator<Item = (Path, String)>, help: &str, found: &mut Findings) {
    let mut labels = labels.take(MOST_LABELS);
    let Some((path, text)) = labels.next() else { return };
    let finding = Finding::error("E03", title, path, text);
    found.push(labels.fold(finding, |finding, (path, text)| finding.and(path, text)).help(help));
}

fn edges(circle: &[usize]) -> impl Iterator<Item = (usize, usize)> {
    circle.iter().copied().zip(circle.iter().copied().cycle().skip(1))
}

/// One circle for each set of nodes that all reach each other, from the node with the least number. Without recursion:
/// a chain may be as long as a file.
pub fn circles(graph: &DiGraph<(), ()>) -> Vec<Vec<usize>> {
    let mut circles: Vec<Vec<usize>> =
        kosaraju_scc(graph).into_iter().filter_map(|component| circle_in(graph, &component)).collect();
    circles.sort();
    circles
}

/// The shortest circle through the least node of a component; `None` for a single node without an edge to itself.
fn circle_in(graph: &DiGraph<(), ()>, component: &[NodeIndex]) -> Option<Vec<usize>> {
    let start = *component.iter().min()?;
    if let [only] = component {
        return graph.contains_edge(*only, *only).then(|| vec![only.index()]);
    }
    let mut unseen: BTreeSet<NodeIndex> = component.iter().copied().filter(|node| *node != start).collect();
    let mut came_from: Vec<(NodeIndex, Option<usize>)> = vec![(start, None)];
    let mut at = 0;
    while at < came_from.len() {
        let node = came_from[at].0;
        if graph.contains_edge(node, start) {
            let mut circle = Vec::new();
            let mut step = Some(at);
            while let Some(index) = step {
                circle.push(came_from[index].0.index());
                step = came_from[index].1;
            }
            circle.reverse();
            return Some(circle);
        }
        for next in graph.neighbors(node) {
            if unseen.remove(&next) {
                came_from.push((next, Some(at)));
            }
        }
        at += 1;
    }
    None
}
