//! Shapes make scenarios, and shrink to the smallest.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngSeed, TestError, TestRunner};

use super::*;

fn runner(seed: u64, cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 10_000,
        ..ProptestConfig::default()
    })
}

fn everything() -> Shape {
    let shape = Shape::threads().with(variables).with(atomics).with(locks).with(conditions).with(events);
    shape.with(queues).with(semaphores).with(times).with(exceptions).with(spawns)
}

/// What a test comes to under these seeds: all different smallest programs.
fn smallest(shape: &Shape, seeds: u64, test: impl Fn(Program) -> Result<(), TestCaseError>) -> BTreeSet<String> {
    (1..=seeds)
        .map(|seed| match runner(seed, 1_000).run(shape, &test) {
            Err(TestError::Fail(_, program)) => program.text(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn all_words_are_used_and_what_is_drawn_is_a_scenario() {
    for shape in [everything(), Shape::coroutines().with(coroutines).with(locks)] {
        let mut runner = runner(1, 1);
        let mut seen = BTreeSet::new();
        for _ in 0..400 {
            let program = shape.new_tree(&mut runner).unwrap().current();
            seen.extend(shape.fragments.iter().filter(|step| program.times(step) > 0).cloned());
            assert!((1..=6).contains(&program.jobs.iter().map(|job| job.count).sum::<u32>()), "{program:?}");
        }
        let unseen: Vec<&String> = shape.fragments.iter().filter(|step| !seen.contains(*step)).collect();
        assert!(unseen.is_empty(), "{unseen:?}");
    }
}

#[test]
fn a_deadlock_shrinks_to_two_locks_in_two_orders() {
    let shape = Shape::threads().with(variables).with(locks).with(times);
    let found = smallest(&shape, 5, |program| program.holds(3_000));
    let smallest = r#"(
    interpreter: Native,
    shared: {"a": Lock, "b": Lock},
    tasks: {
        "t0": (steps: [With("a", [With("b", [])])]),
        "t1": (steps: [With("b", [With("a", [])])]),
    },
    models: [ThreadPerTask],
)
"#;
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [smallest]);
}

const UPDATE: &str = r#"Load("x"), Add("x", 1), Store("x")"#;

/// Every update is seen at the end.
fn adds_up(program: &Program) -> Result<(), TestCaseError> {
    for ending in program.endings(3_000)? {
        if !ending.is_deadlock() {
            prop_assert_eq!(ending.value("x"), program.times(UPDATE));
        }
    }
    Ok(())
}

#[test]
fn a_lost_update_shrinks_to_two_updates() {
    let shape = Shape::threads().shared("x", "Int(0)").step(UPDATE).with(locks).with(times);
    let found = smallest(&shape, 5, |program| adds_up(&program));
    let smallest = r#"(
    interpreter: Native,
    shared: {"x": Int(0)},
    tasks: {"t0": (count: 2, steps: [Load("x"), Add("x", 1), Store("x")])},
    models: [ThreadPerTask],
)
"#;
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [smallest]);
}

/// The names in the smallest program are the first of their kind, whichever the fault was found with.
#[test]
fn names_shrink_too() {
    let shape = Shape::threads().with(variables).tasks(1..=3);
    let changes = |program: &Program| {
        let ends = program.endings(3_000)?;
        Ok::<_, TestCaseError>(ends.iter().any(|end| end.value("x") != 0 || end.value("y") != 0))
    };
    let found =
        smallest(&shape, 5, |program| if changes(&program)? { Err(TestCaseError::fail("one")) } else { Ok(()) });
    let [smallest] = &found.into_iter().collect::<Vec<_>>()[..] else { panic!("several") };
    assert!(smallest.contains(r#"tasks: {"t0": (steps: [Add("x", 1), Store("x")])}"#), "{smallest}");
}

#[test]
fn no_update_is_lost_inside_of_one_lock() {
    let shape = Shape::threads().shared("x", "Int(0)").step(UPDATE).with(locks).with(times).shared("all", "Lock");
    let shape = shape.job(r#"With("all", [..])"#);
    runner(1, 100).run(&shape, |program| adds_up(&program)).unwrap();
}

#[test]
fn a_shape_without_scenarios_says_why() {
    let shape = Shape::threads().step(r#"Wait("e")"#).shared("e", "Event");
    let why = shape.new_tree(&mut runner(1, 1)).unwrap_err().to_string();
    assert!(why.contains("none of 1000") && why.contains(r#"Wait("e")"#) && why.contains("never set"), "{why}");
}
