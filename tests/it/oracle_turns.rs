//! Taking turns on one to three cores against a reference of our own: the rules of docs/model.md, tick by tick, in the
//! simplest way.

use gilsim::kernel::policy::{Joins, PolicyConfig, RoundRobin, Timer};
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

fn simulated(plans: &[Plan], cores: u32, slice: u64, joins: Joins) -> Vec<u64> {
    let policy = PolicyConfig::from(RoundRobin(Duration::ms(slice), joins, Timer::Fresh));
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
            let found = simulated(&plans, cores, slice, joins);
            prop_assert_eq!(found, reference(&plans, cores as usize, slice, joins), "{:?}", joins);
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
}
