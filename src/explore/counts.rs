//! How many schedules there are, and how many of them are bad, computed on the state graph.

use super::graph::Graph;
use super::property::Failure;

/// Numbers of complete schedules. They stop at the greatest number that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub schedules: u128,
    /// Those that break what must hold.
    pub bad: u128,
    /// Of these, those that end in a deadlock.
    pub deadlocks: u128,
    /// Steps of the longest.
    pub longest: u32,
}

/// Counts schedules; `None` if there are endless ones, because steps lead round in a circle.
pub fn counts(graph: &Graph) -> Option<Counts> {
    let order = graph.from_the_ends()?;
    let none = Counts { schedules: 0, bad: 0, deadlocks: 0, longest: 0 };
    let mut of = vec![none; graph.len()];
    for state in order {
        let state = state as usize;
        let steps = graph.steps(state);
        of[state] = if steps.is_empty() {
            let failure = graph.failure(state);
            let deadlock = matches!(failure, Some(Failure::Deadlock(_)));
            Counts { schedules: 1, bad: u128::from(failure.is_some()), deadlocks: u128::from(deadlock), longest: 0 }
        } else {
            steps.iter().fold(none, |sum, (_, next)| {
                let next = of[*next as usize];
                Counts {
                    schedules: sum.schedules.saturating_add(next.schedules),
                    bad: sum.bad.saturating_add(next.bad),
                    deadlocks: sum.deadlocks.saturating_add(next.deadlocks),
                    longest: sum.longest.max(next.longest + 1),
                }
            })
        };
    }
    of.first().copied()
}

/// The probability that a random walk, which takes each possible step with the same probability, ends badly, from every
/// state on; `None` if there are endless schedules.
pub fn random_walk(graph: &Graph) -> Option<Vec<f64>> {
    let order = graph.from_the_ends()?;
    let mut of = vec![0.0; graph.len()];
    for state in order {
        let state = state as usize;
        let steps = graph.steps(state);
        of[state] = match steps.len() {
            0 => f64::from(u8::from(graph.failure(state).is_some())),
            all => steps.iter().map(|(_, next)| of[*next as usize]).sum::<f64>() / all as f64,
        };
    }
    Some(of)
}
