//! The programs of a scenario and the steps of its tasks as one graph: who calls and who spawns whom.

use petgraph::graph::{DiGraph, NodeIndex};

use super::walk::Body;
use super::{Path, entry};
use crate::scenario::ast::{Scenario, SpawnWhat, Step};

/// All lists of steps with a name: programs first, then tasks.
pub struct Code<'a> {
    bodies: Vec<Body<'a>>,
    programs: usize,
    references: Vec<Reference>,
    order: Option<Vec<usize>>,
    scenario: &'a Scenario,
}

/// A `Call` or `Spawn`, or a program of a `Gather`, `TaskGroup` or `Shield`.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Number of the body that contains it.
    pub from: usize,
    /// Number of the program.
    pub to: usize,
    /// What is spawned; `None` for a call. A callback counts as a coroutine.
    pub spawn: Option<SpawnWhat>,
    /// It is a callback.
    pub callback: bool,
    /// It runs on a loop, wherever the step is done.
    pub threadsafe: bool,
    /// The step.
    pub path: Path,
}

impl<'a> Code<'a> {
    /// Reads the scenario.
    pub fn new(scenario: &'a Scenario) -> Code<'a> {
        let mut bodies: Vec<Body<'a>> = Vec::new();
        for (name, steps) in &scenario.programs {
            bodies.push(Body { path: entry("programs", name), steps });
        }
        for (name, task) in &scenario.tasks {
            bodies.push(Body { path: entry("tasks", name).name("steps"), steps: &task.steps });
        }
        let mut references = Vec::new();
        for (from, body) in bodies.iter().enumerate() {
            body.each(&mut |path, step| {
                let (names, spawn) = match step {
                    Step::Call(name) => (std::slice::from_ref(name), None),
                    Step::Spawn(what, name, _) => (std::slice::from_ref(name), Some(*what)),
                    Step::CallSoon(name) | Step::CallLater(_, name) | Step::CallSoonThreadsafe(name) => {
                        (std::slice::from_ref(name), Some(SpawnWhat::Coroutine))
                    }
                    Step::Shield(name) => (std::slice::from_ref(name), Some(SpawnWhat::Coroutine)),
                    Step::Gather(names, _, _) | Step::TaskGroup(names, _) => (&names[..], Some(SpawnWhat::Coroutine)),
                    _ => return,
                };
                let callback = matches!(step, Step::CallSoon(_) | Step::CallLater(..) | Step::CallSoonThreadsafe(_));
                let threadsafe = matches!(step, Step::CallSoonThreadsafe(_));
                for to in names.iter().filter_map(|name| scenario.programs.get_index_of(name)) {
                    references.push(Reference { from, to, spawn, callback, threadsafe, path: path.clone() });
                }
            });
        }
        let graph = graph(bodies.len(), references.iter().map(|r| (r.to, r.from)));
        let order = petgraph::algo::toposort(&graph, None).ok();
        let order = order.map(|nodes| nodes.into_iter().map(NodeIndex::index).collect());
        Code { bodies, programs: scenario.programs.len(), references, order, scenario }
    }

    /// All bodies: programs, then tasks.
    pub fn bodies(&self) -> &[Body<'a>] {
        &self.bodies
    }

    /// The number of the body with the steps of a task.
    pub fn task(&self, index: usize) -> usize {
        self.programs + index
    }

    /// Numbers of the bodies with the steps of tasks.
    pub fn tasks(&self) -> std::ops::Range<usize> {
        self.programs..self.bodies.len()
    }

    /// The number of a program.
    pub fn program(&self, name: &str) -> Option<usize> {
        self.scenario.programs.get_index_of(name)
    }

    /// All calls and spawns of known programs.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Bodies, callees before callers; `None` if there is a circle.
    pub fn order(&self) -> Option<&[usize]> {
        self.order.as_deref()
    }

    /// One value per body, computed from its steps and the values of the programs that it refers to. Without an entry in
    /// the list so far (only then if names are missing) there is no value.
    pub fn bottom_up<T: Clone>(&self, mut compute: impl FnMut(&Body<'a>, &[Option<T>]) -> T) -> Vec<Option<T>> {
        let mut values = vec![None; self.bodies.len()];
        for &index in self.order.iter().flatten() {
            values[index] = Some(compute(&self.bodies[index], &values));
        }
        values
    }

    /// Which bodies can be reached from the given ones over references that `follow` accepts, themselves included.
    pub fn reach(&self, from: impl IntoIterator<Item = usize>, follow: impl Fn(&Reference) -> bool) -> Vec<bool> {
        let edges = self.references.iter().filter(|reference| follow(reference));
        spread(self.bodies.len(), from, edges.map(|r| (r.from, r.to)))
    }

    /// Which bodies reach one of the given ones over references that `follow` accepts, themselves included.
    pub fn reaching(&self, to: &[usize], follow: impl Fn(&Reference) -> bool) -> Vec<bool> {
        let edges = self.references.iter().filter(|reference| follow(reference));
        spread(self.bodies.len(), to.iter().copied(), edges.map(|r| (r.to, r.from)))
    }

    /// Bodies that some task calls or spawns, directly or not, and the tasks.
    pub fn used(&self) -> Vec<bool> {
        self.reach(self.tasks(), |_| true)
    }
}

/// Which of so many nodes the edges lead to from the given ones, themselves included.
fn spread(
    nodes: usize,
    from: impl IntoIterator<Item = usize>,
    edges: impl Iterator<Item = (usize, usize)>,
) -> Vec<bool> {
    let mut reached = vec![false; nodes];
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    for (from, to) in edges {
        out[from].push(to);
    }
    let mut todo: Vec<usize> = from.into_iter().collect();
    while let Some(index) = todo.pop() {
        if !std::mem::replace(&mut reached[index], true) {
            todo.extend(&out[index]);
        }
    }
    reached
}

/// A graph of so many nodes.
pub fn graph(nodes: usize, edges: impl Iterator<Item = (usize, usize)>) -> DiGraph<(), ()> {
    let mut graph = DiGraph::new();
    for _ in 0..nodes {
        graph.add_node(());
    }
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    graph
}
