//! Livelocks: circles in the state graph that go round for ever although every thread has its turn.
//!
//! A schedule that never ends is no fault of the program if it is an unfair one: while one thread spins, the other only
//! has to be let in. So a circle counts only if every thread that can take a step somewhere on it also takes one on it
//! (strong fairness). Whoever follows it has been fair to all, and nobody has got anywhere.

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::graph::Graph;

/// All states on fair circles.
pub fn fair_circles(graph: &Graph) -> Vec<usize> {
    let mut found = Vec::new();
    let mut open: Vec<Vec<usize>> = vec![(0..graph.len()).collect()];
    while let Some(states) = open.pop() {
        for part in components(graph, &states) {
            let mut inside = vec![false; graph.len()];
            part.iter().for_each(|state| inside[*state] = true);
            // Threads that can take a step somewhere here, and those that take one that stays here.
            let (mut can, mut does) = (Vec::new(), Vec::new());
            for state in &part {
                for (choice, next) in graph.steps(*state) {
                    put(&mut can, choice.thread);
                    if inside[*next as usize] {
                        put(&mut does, choice.thread);
                    }
                }
            }
            if does.is_empty() {
                continue;
            }
            let starved = |thread: &u16| !does.contains(thread);
            if !can.iter().any(starved) {
                found.extend(part);
                continue;
            }
            // A fair circle in here avoids all states in which such a thread could go on.
            let avoids = |state: &usize| !graph.steps(*state).iter().any(|(choice, _)| starved(&choice.thread));
            let rest: Vec<usize> = part.iter().copied().filter(avoids).collect();
            if !rest.is_empty() {
                open.push(rest);
            }
        }
    }
    found
}

fn put(threads: &mut Vec<u16>, thread: u16) {
    if !threads.contains(&thread) {
        threads.push(thread);
    }
}

/// The strongly connected parts of the graph of these states.
fn components(graph: &Graph, states: &[usize]) -> Vec<Vec<usize>> {
    let mut number = vec![u32::MAX; graph.len()];
    let mut part: DiGraph<usize, ()> = DiGraph::with_capacity(states.len(), states.len());
    for state in states {
        number[*state] = part.add_node(*state).index() as u32;
    }
    for state in states {
        for (_, next) in graph.steps(*state) {
            if number[*next as usize] != u32::MAX {
                let (from, to) = (number[*state], number[*next as usize]);
                part.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), ());
            }
        }
    }
    tarjan_scc(&part).into_iter().map(|nodes| nodes.into_iter().map(|node| part[node]).collect()).collect()
}
