//! Priority inversion, and what protocols of locks do against it: exact schedules.

use gilsim::dist::Dist;
use gilsim::id::LockId;
use gilsim::kernel::policy::{
    DeadlineMonotonic, Edf, Equals, PolicyConfig, Priority, RateMonotonic, SchedFifo, SchedRr,
};
use gilsim::model::{Arrivals, Builder, Ceiling, Execution, Model, Protocol, Stmt, Urgency};
use gilsim::time::Duration;
use gilsim::trace::CpuKind;
use proptest::prelude::*;

use crate::probe::probe;
use crate::real_runs::{audit, run};

const PROTOCOLS: [Protocol; 3] = [
    Protocol::None,
    Protocol::Inherit,
    Protocol::Ceiling(Ceiling { priority: u32::MAX, period: Duration::FOREVER, deadline: Duration::FOREVER }),
];

fn ms(ms: u64) -> Stmt {
    Stmt::Cpu(CpuKind::Python, Dist::Const(Duration::ms(ms)))
}

fn equals() -> Equals {
    Equals::ByArrival
}

/// Threads on one core, each asleep until its time: (urgency, begin, steps). The urgency is a priority, and in units of
/// 100 ms a period and a deadline.
fn threads(policy: PolicyConfig, locks: &[Protocol], tasks: Vec<(u64, u64, Vec<Stmt>)>) -> Model {
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
    for (number, protocol) in locks.iter().enumerate() {
        let lock = builder.lock(&format!("lock {number}"), false);
        builder.protocol(lock, *protocol);
    }
    for (number, (urgency, begin, steps)) in tasks.into_iter().enumerate() {
        let every = Arrivals::Every(Duration::ms(100 * urgency));
        let begin = Stmt::Sleep(Dist::Const(Duration::ms(begin)));
        let steps = std::iter::once(begin).chain(steps).collect();
        let task = builder.task(&format!("task {number}"), Some(1), every, vec![], steps);
        let deadline = Some(Duration::ms(100 * urgency));
        builder.urgency(task, Urgency { priority: urgency as u32, deadline, ..Urgency::default() });
    }
    builder.build()
}

/// When each task is complete, in milliseconds; and the auditor has nothing to say.
fn ends(model: &Model, tasks: usize) -> Vec<u64> {
    let (records, ended) = run(model, 1);
    assert_eq!(audit(model, &records, &ended), []);
    probe(model, 1).1.completions(tasks).iter().map(|end| end / 1_000_000).collect()
}

fn with(lock: u32, steps: Vec<Stmt>) -> Stmt {
    Stmt::With(LockId(lock), steps)
}

/// The shape of Mars Pathfinder, 1997: the meteorological task holds the lock of the information bus, the bus manager waits
/// for it, and the communications task, which needs no lock, keeps both from the core.
fn pathfinder(policy: PolicyConfig, protocol: Protocol) -> Vec<u64> {
    let low = (3, 0, vec![with(0, vec![ms(4)]), ms(1)]);
    let high = (1, 1, vec![ms(1), with(0, vec![ms(1)])]);
    let middle = (2, 2, vec![ms(10)]);
    ends(&threads(policy, &[protocol], vec![low, high, middle]), 3)
}

#[test]
fn the_bus_of_mars_pathfinder() {
    for policy in [
        PolicyConfig::from(Priority { preemptive: true, equals: equals(), ..Default::default() }),
        PolicyConfig::from(SchedFifo::default()),
        PolicyConfig::from(SchedRr { slice: Duration::ms(100), throttle: None }),
        PolicyConfig::from(RateMonotonic { equals: equals(), ..Default::default() }),
        PolicyConfig::from(DeadlineMonotonic { equals: equals(), ..Default::default() }),
        PolicyConfig::from(Edf { equals: equals(), ..Default::default() }),
    ] {
        let [none, inherit, ceiling] = PROTOCOLS.map(|protocol| pathfinder(policy.clone(), protocol));
        // The urgent task waits for the one in the middle, whatever that has to do.
        assert_eq!(none, [17, 16, 12], "{policy}");
        // It waits for what is left of the critical section: 2 to 5.
        assert_eq!(inherit, [17, 6, 16], "{policy}");
        // It does not begin before the end of the critical section.
        assert_eq!(ceiling, [17, 6, 16], "{policy}");
    }
}

fn priorities() -> PolicyConfig {
    PolicyConfig::from(Priority { preemptive: true, equals: equals(), ..Default::default() })
}

/// The urgent task waits for a lock whose holder waits for another lock: both holders are as urgent as it is.
#[test]
fn urgency_is_inherited_along_a_chain() {
    let chain = |protocol: Protocol| {
        let last = (4, 0, vec![with(1, vec![ms(6)])]);
        let middle = (3, 1, vec![with(0, vec![ms(1), with(1, vec![ms(1)])])]);
        let urgent = (1, 3, vec![with(0, vec![ms(1)])]);
        let hog = (2, 4, vec![ms(10)]);
        ends(&threads(priorities(), &[protocol, protocol], vec![last, middle, urgent, hog]), 4)
    };
    assert_eq!(chain(Protocol::None), [17, 18, 19, 14]);
    assert_eq!(chain(Protocol::Inherit), [7, 8, 9, 19]);
}

/// A holder of two locks falls back to what the other one gives, and only then to its own.
#[test]
fn a_release_leaves_what_other_locks_give() {
    let steps = vec![
        Stmt::Acquire(LockId(0)),
        Stmt::Acquire(LockId(1)),
        ms(4),
        Stmt::Release(LockId(0)),
        ms(4),
        Stmt::Release(LockId(1)),
        ms(1),
    ];
    let second = (2, 1, vec![with(1, vec![ms(1)])]);
    let first = (1, 2, vec![with(0, vec![ms(1)])]);
    let hog = (3, 3, vec![ms(5)]);
    let model = threads(priorities(), &[Protocol::Inherit; 2], vec![(9, 0, steps), second, first, hog]);
    assert_eq!(ends(&model, 4), [16, 10, 5, 15]);
}

/// The most urgent waiter has the lock next, not the one that came first; among equals that one.
#[test]
fn a_lock_goes_to_the_most_urgent_waiter() {
    let low = (9, 0, vec![with(0, vec![ms(10)])]);
    let waiter = |urgency, begin| (urgency, begin, vec![with(0, vec![ms(1)])]);
    let waiters = [waiter(5, 1), waiter(5, 2), waiter(1, 3), waiter(7, 4)];
    let tasks: Vec<_> = std::iter::once(low).chain(waiters).collect();
    let order = |protocol| ends(&threads(priorities(), &[protocol], tasks.clone()), 5);
    assert_eq!(order(Protocol::Inherit), [10, 12, 13, 11, 14]);
}

#[test]
fn a_circle_of_locks_that_inherit_is_a_deadlock() {
    let one = (2, 0, vec![with(0, vec![ms(2), with(1, vec![ms(1)])])]);
    let other = (1, 1, vec![with(1, vec![ms(2), with(0, vec![ms(1)])])]);
    let model = threads(priorities(), &[Protocol::Inherit; 2], vec![one.clone(), other.clone()]);
    let (records, ended) = run(&model, 1);
    assert_eq!((ended.outcome.word(), ended.at.0), ("deadlock", 4_000_000));
    assert_eq!(audit(&model, &records, &ended), []);
    // With ceilings on one core the second cannot begin before the first is done: there is no deadlock.
    let model = threads(priorities(), &[PROTOCOLS[2]; 2], vec![one, other]);
    assert_eq!(ends(&model, 2), [3, 6]);
}

/// What a ceiling is worked out from: every task that takes the lock, itself or by what it calls or spawns.
#[test]
fn a_ceiling_is_the_most_urgent_user() {
    let mut builder = Builder::new(1, Execution::ThreadPerTask);
    let lock = builder.lock("lock", false);
    builder.protocol(lock, PROTOCOLS[2]);
    let inner = builder.program("inner", vec![with(0, vec![ms(1)])]);
    let outer = builder.program("outer", vec![Stmt::Call(inner)]);
    let spawn = Stmt::Spawn(gilsim::model::SpawnKind::Thread, outer, 1);
    for (priority, steps) in [(1, vec![ms(1)]), (4, vec![spawn]), (7, vec![with(0, vec![ms(1)])])] {
        let task = builder.task(&format!("{priority}"), Some(1), Arrivals::Every(Duration::s(1)), vec![], steps);
        builder.urgency(task, Urgency { priority, ..Urgency::default() });
    }
    let Protocol::Ceiling(ceiling) = builder.build().locks[0].initial else { panic!("a ceiling") };
    assert_eq!((ceiling.priority, ceiling.period, ceiling.deadline), (4, Duration::s(1), Duration::s(1)));
}

/// Urgencies, begins, and critical sections of up to three locks, each taken inside the one before.
type Set = (u64, u64, Vec<(usize, u64)>);

fn sets() -> impl Strategy<Value = Vec<Set>> {
    let sections = proptest::collection::vec((0..3usize, 0..5u64), 0..4);
    proptest::collection::vec((1..5u64, 0..12u64, sections), 2..6)
}

/// Computing before, in and after sections; locks of greater numbers inside those of smaller ones.
fn steps(sections: &[(usize, u64)]) -> Vec<Stmt> {
    let mut sorted = sections.to_vec();
    sorted.sort_unstable();
    sorted.dedup_by_key(|section| section.0);
    let inner = |inner: Vec<Stmt>, (lock, time): &(usize, u64)| {
        let mut steps = vec![ms(*time)];
        steps.extend(inner);
        vec![ms(1), with(*lock as u32, steps), ms(1)]
    };
    sorted.iter().rev().fold(vec![ms(1)], inner)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever the policy, the auditor, which works out for itself what everybody inherits, agrees.
    #[test]
    fn runs_with_protocols_break_no_rule(sets in sets(), first in 0..3usize, second in 0..3usize, cores in 1..3u32) {
        let locks = [PROTOCOLS[first], PROTOCOLS[second], Protocol::Inherit];
        for policy in crate::real_runs::policies() {
            let tasks = sets.iter().map(|(urgency, begin, sections)| (*urgency, *begin, steps(sections))).collect();
            let mut model = threads(policy.clone(), &locks, tasks);
            model.machine.cores = cores;
            let (records, ended) = run(&model, 1);
            prop_assert_eq!(ended.outcome.word(), "finished");
            prop_assert_eq!(audit(&model, &records, &ended), [], "{}", policy);
        }
    }

    /// On one core the most urgent task waits for at most one critical section under ceilings, and one for each lock under
    /// inheritance (Sha, Rajkumar and Lehoczky 1990), whatever less urgent tasks do outside of them.
    #[test]
    fn blocking_is_bounded(sets in sets(), inherit in any::<bool>()) {
        let protocol = if inherit { Protocol::Inherit } else { PROTOCOLS[2] };
        let mut tasks: Vec<_> =
            sets.iter().map(|(urgency, begin, sections)| (urgency + 1, *begin, steps(sections))).collect();
        let urgent = steps(&[(0, 1), (1, 1), (2, 1)]);
        tasks.push((1, 5, urgent));
        let count = tasks.len();
        let end = ends(&threads(priorities(), &[protocol; 3], tasks), count)[count - 1];
        // Its own: ten milliseconds. Sections of others are nested: none is longer than all its times and those around inner ones.
        let longest = sets.iter().map(|set| set.2.iter().map(|section| section.1 + 2).sum::<u64>() + 1).max().unwrap();
        let sections = if inherit { 3 } else { 1 };
        prop_assert!(end <= 5 + 10 + sections * longest, "{end} {longest}");
    }
}
