//! Random schedules, for models with more states than anybody could look at.
//!
//! Which strategy run number `i` follows, and what it draws, depends on the number and the seed alone: a run is the same
//! for everybody.

use std::fmt;

use super::behaviours::{Behaviour, Touched};
use super::machine::Machine;
use super::memo::{Memo, UNKNOWN};
use super::property::{Failure, Property};
use super::state::{State, Thing};
use super::step::Choice;
use crate::model::Op;
use crate::rng::{numbered, stream_id};

/// How the next thread is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Each possible step with the same probability.
    RandomWalk,
    /// Random priorities, which change at `depth - 1` random steps (Burckhardt and others, 2010): finds every bug that needs
    /// `depth` ordered steps with at least a known probability.
    Pct {
        /// At least 1.
        depth: u32,
    },
    /// A random priority for every pending step, drawn anew when it conflicts with what was done: partial order sampling
    /// (Yuan, Yang and Gu, 2018).
    Pos,
    /// Each thread with a probability in proportion to the steps it has left, as far as a few schedules tell: aims at every
    /// schedule with the same probability.
    Uniform,
    /// The base schedule, but at this many random steps the next thread in turn goes instead.
    Delay {
        /// How many.
        bound: u32,
    },
}

/// The strategies take turns.
pub const PORTFOLIO: [Strategy; 8] = [
    Strategy::RandomWalk,
    Strategy::Pct { depth: 2 },
    Strategy::Pos,
    Strategy::Delay { bound: 1 },
    Strategy::Uniform,
    Strategy::Pct { depth: 1 },
    Strategy::Delay { bound: 2 },
    Strategy::Pct { depth: 3 },
];

/// The strategy of a run of the portfolio.
pub fn strategy(run: u64) -> Strategy {
    PORTFOLIO[(run % PORTFOLIO.len() as u64) as usize]
}

impl fmt::Display for Strategy {
    /// As the command line has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::RandomWalk => f.write_str("random"),
            Strategy::Pct { depth } => write!(f, "pct:{depth}"),
            Strategy::Pos => f.write_str("pos"),
            Strategy::Uniform => f.write_str("uniform"),
            Strategy::Delay { bound } => write!(f, "delay:{bound}"),
        }
    }
}

/// What has become so much more is taken for something that grows without end.
const GROWN: u64 = 100;
/// Steps after which a schedule is given up.
const MOST_STEPS: usize = 100_000;

/// Random numbers of one schedule: the finalizer of splitmix64 on a counter, so that millions of schedules a second have
/// streams of their own.
#[derive(Clone, Copy)]
struct Draws {
    key: u64,
    next: u64,
}

impl Draws {
    fn draw(&mut self) -> u64 {
        self.next += 1;
        numbered(self.key, self.next)
    }

    /// A number below `below`, each with the same probability to within 2^-32.
    fn below(&mut self, below: u64) -> u64 {
        if below < 2 { 0 } else { ((u128::from(self.draw()) * u128::from(below)) >> 64) as u64 }
    }
}

/// Draws schedules of a machine, one after the other, in memory that it uses again.
pub struct Sampler<'a> {
    machine: &'a Machine<'a>,
    property: &'a Property,
    seed: u64,
    start: State,
    state: State,
    steps: Vec<Choice>,
    choices: Vec<Choice>,
    walker: Walker,
    memo: Memo,
    /// The number of the state that `state` is, if it is one that is remembered.
    loaded: u32,
    bytes: Vec<u8>,
    /// Threads of the last schedule.
    threads: usize,
    /// An estimate of the steps of the longest schedule, and of each thread.
    longest: u32,
    each: Vec<u32>,
}

/// How a schedule ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Good,
    /// What is wrong.
    Bad(Failure),
    /// It was given up after so many steps that it may have none.
    None,
}

impl<'a> Sampler<'a> {
    /// Draws a few schedules to see how long they are.
    pub fn new(machine: &'a Machine<'a>, property: &'a Property, seed: u64) -> Sampler<'a> {
        let start = machine.start();
        let state = start.clone();
        let mut sampler = Sampler {
            machine,
            property,
            seed,
            start,
            state,
            steps: Vec::new(),
            choices: Vec::new(),
            walker: Walker::default(),
            memo: Memo::default(),
            loaded: UNKNOWN,
            bytes: Vec::new(),
            threads: 0,
            longest: 1,
            each: Vec::new(),
        };
        for run in 0..16 {
            sampler.run(Strategy::RandomWalk, u64::MAX - run);
            sampler.longest = sampler.longest.max(sampler.steps.len() as u32);
            let mut each = vec![0; sampler.threads.max(sampler.each.len())];
            sampler.steps.iter().for_each(|step| each[step.thread as usize] += 1);
            each.iter_mut().zip(&sampler.each).for_each(|(now, before)| *now = (*now).max(*before));
            sampler.each = each;
        }
        sampler
    }

    /// The steps of the last schedule.
    pub fn steps(&self) -> &[Choice] {
        &self.steps
    }

    /// Steps of the longest schedule, as far as is known.
    pub fn longest(&self) -> u32 {
        self.longest
    }

    /// Threads of the last schedule.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// What has grown so much in the last schedule that there are states without end, in words.
    pub fn growth(&self) -> Option<String> {
        let steps = self.steps.len();
        let model = self.machine.model;
        let grown = |size: u64| size >= GROWN && size >= steps as u64 / 1_000;
        let var = |(place, value): (usize, &i64)| {
            let var = &model.vars[place % model.vars.len()];
            grown(value.abs_diff(var.initial)).then(|| format!("\"{}\" is {value} after {steps} steps", var.name))
        };
        let thing = |(place, thing): (usize, &Thing)| {
            let Thing::Items(items) = thing else { return None };
            let name = &model.syncs[place % model.syncs.len()].name;
            grown(items.len() as u64).then(|| format!("\"{name}\" has {} items after {steps} steps", items.len()))
        };
        let threads = self.state.threads.len();
        let found = self.state.vars.iter().enumerate().find_map(var);
        found
            .or_else(|| self.state.things.iter().enumerate().find_map(thing))
            .or_else(|| grown(threads as u64).then(|| format!("there are {threads} threads after {steps} steps")))
    }

    /// Draws schedule number `run`.
    pub fn run(&mut self, strategy: Strategy, run: u64) -> End {
        self.walk(strategy, run, None)
    }

    /// The same; and which of the steps had to be in this order.
    pub fn run_and_tell(&mut self, strategy: Strategy, run: u64, behaviour: &mut Behaviour) -> End {
        behaviour.begin();
        self.walk(strategy, run, Some(behaviour))
    }

    fn walk(&mut self, strategy: Strategy, run: u64, mut behaviour: Option<&mut Behaviour>) -> End {
        let mut draws = Draws { key: numbered(stream_id("explore#schedule") ^ self.seed, run), next: 0 };
        self.steps.clear();
        self.walker.begin(strategy, self.longest, &self.each, &mut draws);
        // What `Pos` draws for hangs on what all threads are about to do.
        if strategy == Strategy::Pos {
            self.state.clone_from(&self.start);
        } else if let Some(end) = self.follow(&mut draws, &mut behaviour) {
            return end;
        }
        self.loaded = UNKNOWN;
        let end = self.go_on(&mut draws, &mut behaviour);
        self.threads = self.state.threads.len();
        end
    }

    /// From `state` on, step by step.
    fn go_on(&mut self, draws: &mut Draws, behaviour: &mut Option<&mut Behaviour>) -> End {
        while self.steps.len() < MOST_STEPS {
            self.machine.choices(&self.state, &mut self.choices);
            if self.choices.is_empty() {
                return self.property.at_end(self.machine, &self.state).map_or(End::Good, End::Bad);
            }
            let place = self.walker.choose(&self.choices, self.state.threads.len(), self.steps.len() as u32, draws);
            let choice = self.choices[place];
            self.walker.took(choice, self.steps.len() as u32);
            self.walker.draw_again(self.machine, &self.state, choice, draws);
            if let Some(behaviour) = behaviour {
                behaviour.step(choice, touched(self.machine, &self.state, choice.thread as usize));
            }
            self.machine.step(&mut self.state, choice);
            self.steps.push(choice);
        }
        End::None
    }

    /// From the start on, through states that are remembered. `None` where one is not: `state` is it.
    fn follow(&mut self, draws: &mut Draws, behaviour: &mut Option<&mut Behaviour>) -> Option<End> {
        let mut at = 0;
        if self.memo.is_empty() {
            self.machine.pack(&self.start, &mut self.bytes);
            self.memo.number(&self.bytes);
        }
        while self.steps.len() < MOST_STEPS {
            let node = match self.memo.node(at) {
                Some(node) => node,
                None => {
                    self.load(at);
                    self.look(at);
                    continue;
                }
            };
            self.threads = node.threads as usize;
            if node.count == 0 {
                return Some(self.memo.end(node));
            }
            let first = node.first as usize;
            let choices = &self.memo.choices[first..first + node.count as usize];
            let place = self.walker.choose(choices, self.threads, self.steps.len() as u32, draws);
            let choice = choices[place];
            self.walker.took(choice, self.steps.len() as u32);
            if let Some(behaviour) = behaviour {
                behaviour.step(choice, self.memo.touched[first + place]);
            }
            self.steps.push(choice);
            let next = self.memo.next[first + place];
            if next != UNKNOWN {
                self.memo.hits += 1;
                at = next;
                continue;
            }
            self.load(at);
            self.loaded = UNKNOWN;
            self.machine.step(&mut self.state, choice);
            self.machine.pack(&self.state, &mut self.bytes);
            at = self.memo.number(&self.bytes)?;
            (self.memo.next[first + place], self.loaded) = (at, at);
        }
        self.load(at);
        Some(End::None)
    }

    fn load(&mut self, number: u32) {
        if self.loaded != number {
            self.machine.unpack(self.memo.bytes(number), &mut self.state);
            self.loaded = number;
        }
    }

    /// The same without what is remembered.
    #[cfg(test)]
    pub(super) fn run_afresh(&mut self, strategy: Strategy, run: u64) -> End {
        let mut draws = Draws { key: numbered(stream_id("explore#schedule") ^ self.seed, run), next: 0 };
        self.steps.clear();
        self.walker.begin(strategy, self.longest, &self.each, &mut draws);
        self.state.clone_from(&self.start);
        self.loaded = UNKNOWN;
        self.go_on(&mut draws, &mut None)
    }

    /// Looks at the state that is loaded, once.
    fn look(&mut self, number: u32) {
        self.machine.choices(&self.state, &mut self.choices);
        let end = self.choices.is_empty().then(|| self.property.at_end(self.machine, &self.state));
        let end = end.map(|failure| failure.map_or(End::Good, End::Bad));
        let (machine, state) = (self.machine, &self.state);
        let touched = |choice: Choice| touched(machine, state, choice.thread as usize);
        self.memo.look(number, &self.choices, state.threads.len(), end, touched);
    }
}

/// What a strategy remembers.
#[derive(Default)]
struct Walker {
    strategy: Option<Strategy>,
    /// By thread: of the thread, or of its pending step; the steps it has left under `Uniform`.
    priorities: Vec<u64>,
    /// After which steps the thread that made them falls behind all others, and to which priority; or which steps are delayed.
    changes: Vec<(u32, u64)>,
    /// Who took the last step.
    current: u16,
}

impl Walker {
    fn begin(&mut self, strategy: Strategy, longest: u32, each: &[u32], draws: &mut Draws) {
        self.strategy = Some(strategy);
        self.priorities.clear();
        self.changes.clear();
        self.current = 0;
        let mut at = || draws.below(u64::from(longest.max(1))) as u32;
        match strategy {
            Strategy::Pct { depth } => self.changes.extend((1..depth).map(|of| (at(), u64::from(depth - of)))),
            Strategy::Delay { bound } => self.changes.extend((0..bound).map(|_| (at(), 0))),
            Strategy::Uniform => self.priorities.extend(each.iter().map(|steps| u64::from(*steps))),
            Strategy::RandomWalk | Strategy::Pos => {}
        }
    }

    /// The place of the next step among those that are possible.
    fn choose(&mut self, choices: &[Choice], threads: usize, taken: u32, draws: &mut Draws) -> usize {
        let (thread, from) = if self.strategy == Some(Strategy::RandomWalk) {
            let mut from = draws.below(choices.len() as u64) as usize;
            let thread = choices[from].thread;
            while from > 0 && choices[from - 1].thread == thread {
                from -= 1;
            }
            (thread, from)
        } else {
            let thread = self.thread(choices, threads, taken, draws);
            (thread, choices.partition_point(|choice| choice.thread < thread))
        };
        let branches = choices[from..].iter().take_while(|choice| choice.thread == thread).count();
        from + draws.below(branches as u64) as usize
    }

    fn thread(&mut self, choices: &[Choice], threads: usize, taken: u32, draws: &mut Draws) -> u16 {
        let first = choices[0].thread;
        let Some(strategy) = self.strategy else { return first };
        match strategy {
            Strategy::RandomWalk => first,
            Strategy::Pct { .. } | Strategy::Pos => {
                while self.priorities.len() < threads {
                    // Far above those that changes give.
                    self.priorities.push(draws.draw() | 1 << 63);
                }
                let priority = |choice: &&Choice| self.priorities[choice.thread as usize];
                choices.iter().max_by_key(priority).map_or(first, |choice| choice.thread)
            }
            Strategy::Uniform => {
                while self.priorities.len() < threads {
                    self.priorities.push(1);
                }
                let weight = |choice: &Choice| self.priorities[choice.thread as usize].max(1);
                let mut rest = draws.below(choices.iter().map(weight).sum());
                let chosen = choices.iter().find(|choice| {
                    let weight = weight(choice);
                    let here = rest < weight;
                    rest = rest.saturating_sub(weight);
                    here
                });
                chosen.map_or(first, |choice| choice.thread)
            }
            Strategy::Delay { .. } => {
                let after =
                    |thread: u16| choices.iter().find(|choice| choice.thread >= thread).map_or(first, |c| c.thread);
                let mut thread = after(self.current);
                for _ in self.changes.iter().filter(|(at, _)| *at == taken) {
                    thread = after(thread + 1);
                }
                thread
            }
        }
    }

    fn took(&mut self, choice: Choice, taken: u32) {
        let own = choice.thread as usize;
        self.current = choice.thread;
        match self.strategy {
            Some(Strategy::Pct { .. }) => {
                for (_, priority) in self.changes.iter().filter(|(at, _)| *at == taken) {
                    self.priorities[own] = *priority;
                }
            }
            Some(Strategy::Uniform) => self.priorities[own] = self.priorities[own].saturating_sub(1),
            _ => {}
        }
    }

    /// New priorities under `Pos`, for whoever takes the step and whoever is about to touch the same.
    fn draw_again(&mut self, machine: &Machine<'_>, state: &State, choice: Choice, draws: &mut Draws) {
        if self.strategy != Some(Strategy::Pos) {
            return;
        }
        let own = choice.thread as usize;
        let done = touched(machine, state, own);
        for thread in 0..state.threads.len() {
            let pending = touched(machine, state, thread);
            let conflict = done.0 == pending.0 && done.0.is_some() && (done.1 || pending.1);
            if thread == own || conflict {
                self.priorities[thread] = draws.draw();
            }
        }
    }
}

/// What the pending step of a thread touches, and whether it changes it.
fn touched(machine: &Machine<'_>, state: &State, number: usize) -> Touched {
    match machine.model.code.get(state.threads[number].pc as usize) {
        Some(Op::Load { var, .. }) => (Some((0, var.0)), false),
        Some(
            Op::Store { var, .. } | Op::Swap { var, .. } | Op::FetchAdd { var, .. } | Op::CompareAndSwap { var, .. },
        ) => (Some((0, var.0)), true),
        Some(Op::Acquire { lock } | Op::Release { lock } | Op::Reenter { lock } | Op::Leave { lock }) => {
            (Some((1, lock.0)), true)
        }
        Some(Op::Sync { sync, .. }) => (Some((2, sync.0)), true),
        Some(Op::Refer { object, .. } | Op::Mutate { object, .. }) => (Some((3, object.0)), true),
        _ => (None, false),
    }
}

/// Fewer deviations from the base schedule with a failure of the same kind: leaves out one after the other as long as the
/// rest still fails.
pub fn shrink(machine: &Machine<'_>, property: &Property, steps: Vec<Choice>, failure: &Failure) -> Vec<Choice> {
    let kind = std::mem::discriminant(failure);
    let mut best = steps;
    loop {
        let deviations = super::schedule::deviations(machine, &best);
        let shorter = (0..deviations.len()).rev().find_map(|out| {
            let fewer = deviations.iter().enumerate().filter(|(index, _)| *index != out).map(|(_, of)| of.clone());
            let fewer: Vec<_> = fewer.collect();
            let steps = super::schedule::replay(machine, &fewer, None).ok()?;
            let failure = super::verdict::outcome(machine, property, &steps)?;
            (std::mem::discriminant(&failure) == kind).then_some(steps)
        });
        match shorter {
            Some(steps) => best = steps,
            None => return best,
        }
    }
}
