//! Schedules by how far they are from the one that runs every thread until it waits: the bad ones among those with few
//! preemptions or few delays, and the nearest bad one.

use super::graph::Graph;
use super::step::Choice;

/// What a step away from the base schedule costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// 1 for each switch away from a thread that could go on (Musuvathi and Qadeer, 2007).
    Preemptions,
    /// The base goes on with the present thread, else with the next one in the order of threads; each thread that is
    /// passed over costs 1 (Emmi, Qadeer and Rakamaric, 2011).
    Delays,
}

/// Numbers of schedules that cost at most so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounded {
    /// The most that they cost.
    pub bound: u32,
    /// How many there are.
    pub schedules: u128,
    /// How many of them are bad.
    pub bad: u128,
}

/// A bad schedule of least cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What it costs.
    pub cost: u32,
    /// Its steps.
    pub steps: Vec<Choice>,
}

/// Nobody has taken a step yet.
const NOBODY: u16 = u16::MAX;

/// A state with the thread that took the last step, which decides what the next ones cost.
struct Places {
    /// By state: the threads that lead to it, and where their figures stand.
    of: Vec<Vec<u16>>,
    first: Vec<usize>,
    all: usize,
}

impl Places {
    fn new(graph: &Graph) -> Places {
        let mut of: Vec<Vec<u16>> = vec![Vec::new(); graph.len()];
        of[0].push(NOBODY);
        for state in 0..graph.len() {
            for (choice, next) in graph.steps(state) {
                let threads = &mut of[*next as usize];
                if let Err(place) = threads.binary_search(&choice.thread) {
                    threads.insert(place, choice.thread);
                }
            }
        }
        let mut first = Vec::new();
        let mut all = 0;
        for threads in &of {
            first.push(all);
            all += threads.len();
        }
        Places { of, first, all }
    }

    fn index(&self, state: u32, thread: u16) -> usize {
        let place = self.of[state as usize].binary_search(&thread).expect("this thread leads to this state");
        self.first[state as usize] + place
    }
}

impl Cost {
    /// What a step costs after one of `current`.
    fn of(self, steps: &[(Choice, u32)], current: u16, thread: u16) -> u32 {
        let steps = || steps.iter().map(|(choice, _)| *choice).filter(|choice| !choice.expires());
        let goes_on = steps().any(|choice| choice.thread == current);
        match self {
            Cost::Preemptions => u32::from(goes_on && thread != current),
            Cost::Delays => {
                // How far each is behind the present thread in the circle of threads.
                let from = if current == NOBODY { 0 } else { current };
                let distance = |thread: u16| if thread >= from { thread - from } else { thread + (u16::MAX - from) };
                let before = |choice: &Choice| distance(choice.thread) < distance(thread);
                let mut passed: Vec<u16> = steps().filter(before).map(|choice| choice.thread).collect();
                passed.dedup();
                passed.len() as u32
            }
        }
    }
}

/// Counts the schedules of each cost up to the first bound with a bad one, or up to `most`; `None` if there are endless
/// schedules.
pub fn bounded(graph: &Graph, cost: Cost, most: u32) -> Option<Vec<Bounded>> {
    let order = graph.from_the_ends()?;
    let places = Places::new(graph);
    let mut found = Vec::new();
    for bound in 0..=most {
        // By place: how many schedules cost at most 0, 1, ... `bound` from there, and how many are bad.
        let width = bound as usize + 1;
        let mut of = vec![(0u128, 0u128); places.all * width];
        for state in &order {
            let steps = graph.steps(*state as usize);
            for current in &places.of[*state as usize] {
                let at = places.index(*state, *current) * width;
                for left in 0..width {
                    of[at + left] = if steps.is_empty() {
                        (1, u128::from(graph.failure(*state as usize).is_some()))
                    } else {
                        steps.iter().fold((0, 0), |sum: (u128, u128), (choice, next)| {
                            let cost = cost.of(steps, *current, choice.thread) as usize;
                            let Some(left) = left.checked_sub(cost) else { return sum };
                            let next = of[places.index(*next, choice.thread) * width + left];
                            (sum.0.saturating_add(next.0), sum.1.saturating_add(next.1))
                        })
                    };
                }
            }
        }
        let (schedules, bad) = of[places.index(0, NOBODY) * width + bound as usize];
        found.push(Bounded { bound, schedules, bad });
        if bad > 0 {
            break;
        }
    }
    Some(found)
}

/// The bad schedule that costs least, the first of them in the order of the base; `None` if there is none. Works with
/// endless schedules, too.
pub fn nearest(graph: &Graph, cost: Cost) -> Option<Witness> {
    let places = Places::new(graph);
    let mut least = vec![u32::MAX; places.all];
    let mut from: Vec<Option<(u32, u16, Choice)>> = vec![None; places.all];
    // Places by what it costs to get there: a list for each cost, worked off in order.
    let mut lists: Vec<std::collections::VecDeque<(u32, u16)>> = vec![Default::default()];
    lists[0].push_back((0, NOBODY));
    least[places.index(0, NOBODY)] = 0;
    let mut spent = 0;
    while spent < lists.len() {
        let Some((state, current)) = lists[spent].pop_front() else {
            spent += 1;
            continue;
        };
        if least[places.index(state, current)] < spent as u32 {
            continue;
        }
        let steps = graph.steps(state as usize);
        if graph.failure(state as usize).is_some() {
            return Some(trace_back(&places, &from, (state, current), spent as u32));
        }
        for (choice, next) in steps {
            let sum = spent as u32 + cost.of(steps, current, choice.thread);
            let place = places.index(*next, choice.thread);
            if sum < least[place] {
                least[place] = sum;
                from[place] = Some((state, current, *choice));
                if lists.len() <= sum as usize {
                    lists.resize_with(sum as usize + 1, Default::default);
                }
                lists[sum as usize].push_back((*next, choice.thread));
            }
        }
    }
    None
}

fn trace_back(places: &Places, from: &[Option<(u32, u16, Choice)>], end: (u32, u16), cost: u32) -> Witness {
    let mut steps = Vec::new();
    let mut at = end;
    while let Some((state, current, choice)) = from[places.index(at.0, at.1)] {
        steps.push(choice);
        at = (state, current);
    }
    steps.reverse();
    Witness { cost, steps }
}
