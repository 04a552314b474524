//! Taking turns on one to three cores against a reference of our own: the rules of docs/model.md, tick by tick, in the
//! simplest way.

use gilsim::kernel::policy::{Joins, Mlfq, PolicyConfig, RoundRobin, Ties, Timer};
use gilsim::model::{Arrivals, Builder, Execution, Stmt};
use gilsim::time::Duration;
use proptest::prelude::*;

use crate::oracle::cpu;
use crate::probe::probe;
use crate::real_runs::audit;
use crate::validation::{Table, exact};

/// When somebody comes, and what it does: computes, waits, computes, and so on, in milliseconds.
type Plan = (u64, Vec<u64>);

/// How a thread comes into the queue.
#[derive(Clone, Copy, PartialEq)]
enum Comes {
    New,
    SliceOver,
}

/// The ready threads, by the rules of one way to join.
struct Queue {
    joins: Joins,
    threads: Vec<(usize, u64, Comes)>,
    /// Under `ArrivalsUnseen` those who came since a core last took a thread, or a slice ended.
    unseen: Vec<usize>,
}

impl Queue {
    fn join(&mut self, thread: usize, now: u64, comes: Comes) {
        match (self.joins, comes) {
            (Joins::ArrivalsUnseen, Comes::New) => self.unseen.push(thread),
            (Joins::ArrivalsUnseen, Comes::SliceOver) => {
                self.threads.push((thread, now, comes));
                self.look(now);
            }
            (Joins::PreemptedFirst, Comes::SliceOver) => {
                let newer = |(_, at, how): &(usize, u64, Comes)| *at == now && *how == Comes::New;
                let place = self.threads.iter().position(newer).unwrap_or(self.threads.len());
                self.threads.insert(place, (thread, now, comes));
            }
            _ => self.threads.push((thread, now, comes)),
        }
    }

    fn look(&mut self, now: u64) {
        self.threads.extend(self.unseen.drain(..).map(|thread| (thread, now, Comes::New)));
    }

    fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.unseen.is_empty()
    }
}

/// When each is done.
fn reference(plans: &[Plan], cores: usize, slice: u64, joins: Joins) -> Vec<u64> {
    let mut queue = Queue { joins, threads: Vec::new(), unseen: Vec::new() };
    // By core: thread and when it was dispatched; in the order of dispatches.
    let mut running: Vec<(usize, u64)> = Vec::new();
    let mut at: Vec<usize> = vec![0; plans.len()];
    let mut left: Vec<u64> = plans.iter().map(|plan| plan.1[0]).collect();
    let mut done = vec![0; plans.len()];
    // Who comes when: those whose waits are over before those who arrive.
    let mut coming: Vec<(u64, u8, usize)> = plans.iter().enumerate().map(|(n, plan)| (plan.0, 1, n)).collect();
    let mut now = 0;
    while !coming.is_empty() || !running.is_empty() || !queue.is_empty() {
        for order in [0, 1] {
            for (_, _, thread) in coming.iter().filter(|(time, class, _)| (*time, *class) == (now, order)) {
                queue.join(*thread, now, Comes::New);
            }
        }
        coming.retain(|(time, _, _)| *time != now);
        // Bursts end before slices, of each whoever has had its core for longest first; free cores come in between.
        for slices in [false, true] {
            running.retain(|(thread, since)| {
                if !slices && left[*thread] == 0 {
                    match plans[*thread].1.get(at[*thread] + 1) {
                        Some(wait) => {
                            coming.push((now + wait, 0, *thread));
                            at[*thread] += 2;
                            left[*thread] = plans[*thread].1[at[*thread]];
                        }
                        None => done[*thread] = now,
                    }
                    return false;
                }
                let ends = now > *since && (now - since).is_multiple_of(slice);
                let over = slices && ends && !queue.is_empty();
                if over {
                    queue.join(*thread, now, Comes::SliceOver);
                }
                !over
            });
            while running.len() < cores && !queue.is_empty() {
                queue.look(now);
                running.push((queue.threads.remove(0).0, now));
            }
        }
        running.iter().for_each(|(thread, _)| left[*thread] -= 1);
        now += 1;
    }
    done
}

/// Where a thread stands in `Mlfq`: its level, and when it joined that, with what rank, and as the how-many-th.
type Place = (usize, u64, u8, u64);

#[derive(Clone, Copy)]
struct Standing {
    place: Place,
    /// Of the slice, and slices in this level with the present one.
    left: u64,
    allotment: u32,
    dispatched: u64,
    /// The level in which a slice ended just now.
    ended: Option<usize>,
}

struct Levels<'a> {
    /// Slice and slices of each level.
    levels: &'a [(u64, u32)],
    cores: usize,
    standings: Vec<Standing>,
    waiting: Vec<usize>,
    /// In the order of dispatches.
    running: Vec<usize>,
    count: u64,
}

impl Levels<'_> {
    fn fresh(&self, level: usize, standing: &mut Standing) {
        standing.place.0 = level;
        (standing.left, standing.allotment) = self.levels[level];
    }

    /// A slice in the level is over, with so many left of the allotment.
    fn after_slice(&self, level: usize, allotment: u32, standing: &mut Standing) {
        if allotment > 1 {
            self.fresh(level, standing);
            standing.allotment = allotment - 1;
        } else {
            self.fresh((level + 1).min(self.levels.len() - 1), standing);
        }
    }

    fn slice_over(&mut self, thread: usize, now: u64) {
        let mut standing = self.standings[thread];
        let level = standing.place.0;
        self.after_slice(level, standing.allotment, &mut standing);
        standing.place = (standing.place.0, now, 0, standing.dispatched);
        standing.ended = Some(level);
        self.standings[thread] = standing;
    }

    /// Everybody is in the highest level: behind who is there already those of lower ones, from the lowest upwards, and
    /// behind them who came at this instant.
    fn boost(&mut self, now: u64) {
        let mut moving: Vec<usize> = (0..self.standings.len()).filter(|n| self.standings[*n].place.0 > 0).collect();
        moving.sort_by_key(|thread| {
            let (level, since, rank, sequence) = self.standings[*thread].place;
            (usize::MAX - level, since, rank, sequence)
        });
        for thread in moving {
            self.count += 1;
            let place = &mut self.standings[thread].place;
            let comes = place.1 == now && place.2 > 1;
            *place = if comes { (0, place.1, place.2, place.3) } else { (0, now, 1, self.count) };
        }
        for thread in 0..self.standings.len() {
            let mut standing = self.standings[thread];
            if standing.left > 0 || standing.allotment > 0 {
                self.fresh(0, &mut standing);
                standing.ended = None;
                self.standings[thread] = standing;
            }
        }
    }

    fn first(&self) -> Option<usize> {
        self.waiting.iter().copied().min_by_key(|thread| self.standings[*thread].place)
    }

    fn take(&mut self) {
        while self.running.len() < self.cores
            && let Some(first) = self.first()
        {
            self.dispatch(first);
        }
    }

    fn dispatch(&mut self, thread: usize) {
        self.waiting.retain(|other| *other != thread);
        self.running.push(thread);
        self.count += 1;
        (self.standings[thread].dispatched, self.standings[thread].ended) = (self.count, None);
    }
}

/// When each is done under `Mlfq`: those who stand first have the cores.
fn levels_reference(plans: &[Plan], cores: usize, levels: &[(u64, u32)], refill: bool, boost: Option<u64>) -> Vec<u64> {
    let nowhere = Standing { place: (0, 0, 0, 0), left: 0, allotment: 0, dispatched: 0, ended: None };
    let standings = vec![nowhere; plans.len()];
    let mut all = Levels { levels, cores, standings, waiting: Vec::new(), running: Vec::new(), count: 0 };
    let mut at: Vec<usize> = vec![0; plans.len()];
    let mut left: Vec<u64> = plans.iter().map(|plan| plan.1[0]).collect();
    let mut done = vec![0; plans.len()];
    let mut coming: Vec<(u64, u8, usize)> = plans.iter().enumerate().map(|(n, plan)| (plan.0, 1, n)).collect();
    let mut now = 0;
    while !coming.is_empty() || !all.running.is_empty() || !all.waiting.is_empty() {
        for class in [0, 1] {
            for (_, _, thread) in coming.iter().filter(|(time, of, _)| (*time, *of) == (now, class)) {
                let mut standing = all.standings[*thread];
                all.count += 1;
                if class == 1 {
                    all.fresh(0, &mut standing);
                    standing.place = (0, now, 2, all.count);
                } else {
                    match standing.ended.filter(|_| refill) {
                        Some(level) => all.after_slice(level, levels[level].1, &mut standing),
                        None if refill => all.fresh(standing.place.0, &mut standing),
                        None => {}
                    }
                    standing.place = (standing.place.0, now, 3, all.count);
                }
                all.standings[*thread] = standing;
                all.waiting.push(*thread);
            }
        }
        coming.retain(|(time, _, _)| *time != now);
        for thread in all.running.clone() {
            if left[thread] > 0 {
                continue;
            }
            all.running.retain(|other| *other != thread);
            if all.standings[thread].left == 0 {
                all.slice_over(thread, now);
            }
            match plans[thread].1.get(at[thread] + 1) {
                Some(wait) => {
                    coming.push((now + wait, 0, thread));
                    at[thread] += 2;
                    left[thread] = plans[thread].1[at[thread]];
                }
                None => done[thread] = now,
            }
        }
        if now > 0 && boost.is_some_and(|boost| now.is_multiple_of(boost)) {
            for thread in all.running.clone() {
                if all.standings[thread].left == 0 {
                    all.slice_over(thread, now);
                }
            }
            all.boost(now);
        }
        all.take();
        for thread in all.running.clone() {
            if all.standings[thread].left > 0 {
                continue;
            }
            all.slice_over(thread, now);
            if all.first().is_some_and(|first| all.standings[first].place < all.standings[thread].place) {
                all.running.retain(|other| *other != thread);
                all.waiting.push(thread);
                all.take();
            }
        }
        // Whoever stands before one of those who run takes the core of the last of them.
        while let Some(first) = all.first()
            && let Some(last) = all.running.iter().copied().max_by_key(|thread| all.standings[*thread].place)
            && all.standings[first].place < all.standings[last].place
        {
            all.running.retain(|other| *other != last);
            all.dispatch(first);
            all.waiting.push(last);
        }
        for thread in all.running.clone() {
            left[thread] -= 1;
            all.standings[thread].left -= 1;
            all.standings[thread].ended = None;
        }
        now += 1;
    }
    done
}

fn simulated(plans: &[Plan], cores: u32, policy: PolicyConfig) -> Vec<u64> {
    let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy);
    for (number, (arrival, steps)) in plans.iter().enumerate() {
        let arrivals = Arrivals::Recorded([Duration::ms(*arrival)].into());
        let step = |(place, time): (usize, &u64)| match place % 2 {
            0 => cpu(Duration::ms(*time)),
            _ => Stmt::Sleep(gilsim::dist::Dist::Const(Duration::ms(*time))),
        };
        let steps = steps.iter().enumerate().map(step).collect();
        builder.task(&format!("task {number}"), Some(1), arrivals, vec![], steps);
    }
    let model = builder.build();
    let (records, ended) = crate::real_runs::run(&model, 1);
    assert_eq!(audit(&model, &records, &ended), [], "{plans:?}");
    let completions = probe(&model, 1).1.completions(plans.len());
    completions.into_iter().map(|time| time / 1_000_000).collect()
}

/// Small numbers, so that much happens at one instant.
fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let waits = proptest::collection::vec((1_u64..7, 1_u64..8), 0..3);
    let plan = (0_u64..13, 1_u64..13, waits).prop_map(|(arrival, first, more)| {
        let steps = std::iter::once(first).chain(more.into_iter().flat_map(|(wait, burst)| [wait, burst]));
        (arrival, steps.collect())
    });
    proptest::collection::vec(plan, 2..9)
}

const CASES: u32 = 400;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn turns_on_several_cores_are_those_of_a_reference(
        plans in plans(),
        cores in 1_u32..4,
        slice in 1_u64..5,
    ) {
        for joins in [Joins::ArrivalsFirst, Joins::PreemptedFirst, Joins::ArrivalsUnseen] {
            let policy = RoundRobin(Duration::ms(slice), joins, Timer::Fresh);
            let found = simulated(&plans, cores, policy.into());
            prop_assert_eq!(found, reference(&plans, cores as usize, slice, joins), "{:?}", joins);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn levels_on_several_cores_are_those_of_a_reference(
        plans in plans(),
        cores in 1_u32..4,
        levels in proptest::collection::vec((1_u64..5, 1_u32..3), 1..4),
        boost in proptest::option::of(1_u64..20),
    ) {
        for refill in [false, true] {
            let policy = Mlfq {
                quanta: levels.iter().map(|level| Duration::ms(level.0)).collect(),
                allotments: levels.iter().map(|level| level.1).collect(),
                boost: boost.map(Duration::ms),
                refill_after_wait: refill,
                front_after_wait: false,
                ties: Ties::PreemptedFirst,
            };
            let found = simulated(&plans, cores, policy.into());
            prop_assert_eq!(found, levels_reference(&plans, cores as usize, &levels, refill, boost), "refill: {}", refill);
        }
    }
}

#[test]
fn the_reference_of_turns_is_on_the_page() {
    exact(
        Table::Programs,
        "round robin on one to three cores, a reference of our own: random sets with waits, three ways to join",
        CASES as usize * 3,
    );
    exact(
        Table::Programs,
        "multi-level feedback on one to three cores, a reference of our own: random sets with waits and boosts, both rules for waits",
        CASES as usize * 2,
    );
}
