//! The search and the simulator are two programs that execute the same models. Whatever comes out of a run with times must be
//! among what can come out at all.

use std::collections::BTreeSet;

use gilsim::query::Run;
use gilsim::sim::Outcome;
use gilsim::strategies::{Program, Shape};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Where programs run: interpreter and model.
const WORLDS: [(&str, &str); 5] = [
    ("Native", "ThreadPerTask"),
    ("CPython(version: \"3.9\", switch_interval: \"5us\")", "ThreadPerTask"),
    ("CPython(version: \"3.14\", switch_interval: \"5us\")", "ThreadPerTask"),
    ("CPython(version: \"3.14\", switch_interval: \"5us\")", "Threads(2)"),
    ("CPython(version: \"3.14\")", "Asyncio"),
];

/// What all kinds of programs can do.
const STEPS: &[&str] = &[
    r#"Load("x"), Cpu(Exp("3us")), Add("x", 1), Store("x")"#,
    r#"Load("y"), Sleep(Exp("3us")), Add("y", 3), Store("y")"#,
    r#"FetchAdd("x", 5)"#,
    r#"Incr("y")"#,
    r#"Swap("x", 2)"#,
    r#"If(CompareAndSwap("y", 0, 7), [Store("x", 9)])"#,
    r#"If(Above("x", 4), [FetchAdd("y", 10)], [FetchAdd("y", 20)])"#,
    r#"Sleep(Exp("5us"))"#,
    r#"Cpu(Exp("8us"))"#,
    r#"Try([FetchAdd("x", 1), Raise], [FetchAdd("y", 2)])"#,
    r#"Try([With("a", [Finally([Sleep(Exp("3us")), Raise], [FetchAdd("y", 6)])])], [])"#,
    r#"Choose({ 0.3: [Raise] })"#,
    r#"SetEvent("e")"#,
    r#"Wait("e"), FetchAdd("x", 100)"#,
    r#"With("c", [Wait("c"), FetchAdd("x", 200)])"#,
    r#"With("c", [NotifyAll("c")])"#,
    r#"With("c", [Notify("c")])"#,
    r#"Put("q", 4)"#,
    r#"Get("q", "x"), Store("x")"#,
    r#"Acquire("s"), FetchAdd("y", 1000), Release("s")"#,
    r#"Acquire("s"), Sleep(Exp("3us")), FetchAdd("y", 1000)"#,
    r#"Load("own"), Add("own", 1), Store("own"), FetchAdd("x", Product(Own("own"), 3))"#,
    r#"Timeout("3us", [Wait("e")], [FetchAdd("x", 11)])"#,
    r#"Timeout("4us", [Get("q", "y")], [FetchAdd("y", 13)])"#,
    r#"Try([Timeout("2us", [Acquire("a")]), Cpu(Exp("4us")), Release("a")], [FetchAdd("x", 17)])"#,
    r#"With("c", [Timeout("6us", [Wait("c")], [FetchAdd("y", 19)]), FetchAdd("x", 23)])"#,
    r#"Spawn(Thread, "p"), Cpu(Exp("2us")), Join("p"), FetchAdd("x", 29)"#,
    r#"Spawn(Thread, "p", 2), Timeout("7us", [Join("p")], [FetchAdd("x", 31)])"#,
    r#"Spawn(DaemonThread, "p")"#,
];

/// What coroutines do instead: waits have timeouts.
const IN_A_LOOP: [(&str, &str); 6] = [
    ("Spawn(Thread", "Spawn(Coroutine"),
    ("Spawn(DaemonThread", "Spawn(Coroutine"),
    (r#"Sleep(Exp("5us"))"#, r#"Timeout("4us", [Sleep(Exp("5us")), FetchAdd("x", 3)], [FetchAdd("y", 50)])"#),
    (
        r#"Cpu(Exp("8us"))"#,
        r#"Try([Timeout("5us", [With("a", [Sleep(Exp("6us")), FetchAdd("x", 7)])])], [FetchAdd("y", 70)])"#,
    ),
    (r#"Wait("e"), FetchAdd("x", 100)"#, r#"Timeout("9us", [Wait("e"), FetchAdd("x", 100)], [FetchAdd("y", 300)])"#),
    (
        r#"With("c", [Wait("c"), FetchAdd("x", 200)])"#,
        r#"Timeout("9us", [Timeout("7us", [With("c", [Wait("c"), FetchAdd("x", 200)])], [FetchAdd("y", 900)])], [])"#,
    ),
];

/// What is shared, and what can be started.
fn shape((interpreter, model): (&str, &str)) -> Shape {
    let shared = [
        ("x", "Int(0)"),
        ("y", "Int(0)"),
        ("a", "Lock"),
        ("c", "Condition"),
        ("e", "Event"),
        ("q", "Queue(capacity: 1)"),
        ("s", "Semaphore(1)"),
        // Which thread of an executor does which steps is not searched.
        ("own", if model == "Asyncio" { "Int(4)" } else { "ThreadLocal(4)" }),
    ];
    let programs = [
        ("p", r#"[Cpu(Exp("5us")), FetchAdd("y", 37), Load("own"), FetchAdd("own", 2), FetchAdd("x", Own("own"))]"#),
        ("k", r#"[Sleep(Exp("3us")), FetchAdd("x", 41)]"#),
        ("f", r#"[Sleep(Exp("4us")), FetchAdd("y", 2), Choose({ 0.5: [Raise] }), FetchAdd("y", 43)]"#),
        ("n", r#"[Try([TaskGroup(["f", "k"])], [FetchAdd("x", 3)])]"#),
        ("h", r#"[With("a", [Sleep(Exp("6us")), FetchAdd("y", 53)])]"#),
        ("w", r#"[With("c", [Wait("c"), FetchAdd("x", 5)]), FetchAdd("y", 7)]"#),
        ("b", r#"[FetchAdd("x", 59), SetEvent("e")]"#),
    ];
    let shape = Shape::new(interpreter, model).setting("machine: (cores: 2)").count(1..=1).depth(1);
    let shape = shared.into_iter().fold(shape, |shape, (name, is)| shape.shared(name, is));
    programs.into_iter().fold(shape, |shape, (name, steps)| shape.program(name, steps))
}

fn steps(shape: Shape, steps: &[&str]) -> Shape {
    steps.iter().fold(shape, |shape, step| shape.step(step))
}

/// How a run or a schedule ends: whether somebody waits for ever, and the last values of x and y.
type Ending = (bool, i64, i64);

/// All endings of all schedules.
fn possible(program: &Program) -> Result<BTreeSet<Ending>, TestCaseError> {
    let endings = program.endings(40_000)?;
    Ok(endings.iter().map(|end| (end.is_deadlock(), end.value("x"), end.value("y"))).collect())
}

fn last(run: &Run<'_>, var: &str) -> i64 {
    run.values(var).last().map_or(0, |value| value.1)
}

/// Checks random programs of one world.
fn check(cases: u32, shape: &Shape) {
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let result = runner.run(shape, |program| {
        let possible = possible(&program)?;
        for seed in 0..15 {
            let run = Run::new(program.model(), seed);
            let stuck = match run.outcome() {
                Outcome::Finished => false,
                Outcome::Deadlock(_) => true,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            let found = (stuck, last(&run, "x"), last(&run, "y"));
            prop_assert!(possible.contains(&found), "under seed {seed}: {found:?} is not in {possible:?}");
            prop_assert!(run.verify().is_empty(), "{:?}", run.verify());
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_happens_in_a_run_is_possible() {
    for world in WORLDS {
        let instead =
            |step: &&str| IN_A_LOOP.iter().fold((*step).to_owned(), |step, (from, to)| step.replace(from, to));
        let of_loops: Vec<String> = STEPS.iter().map(instead).collect();
        let of_loops: Vec<&str> = of_loops.iter().map(String::as_str).collect();
        let shape = steps(shape(world), if world.1 == "Asyncio" { &of_loops } else { STEPS }).steps(1..=3);
        check(100, &shape.step(r#"With("a", [..])"#).step("Repeat(2, [..])"));
    }
}

/// Interpreter and model of coroutines, of which one begins its tasks eagerly and one has threads beside its loop.
const LOOPS: [(&str, &str); 3] = [
    ("CPython(version: \"3.14\")", "Asyncio"),
    ("CPython(version: \"3.14\", eager_tasks: true)", "Asyncio"),
    ("CPython(version: \"3.14\", switch_interval: \"5us\")", "Asyncio"),
];

/// What only coroutines can do.
const OF_COROUTINES: &[&str] = &[
    r#"Try([Gather(["k", "f"])], [FetchAdd("x", 1000)])"#,
    r#"Try([Gather(["f"], 2, Return)], [FetchAdd("x", 1000)])"#,
    r#"Try([TaskGroup(["f", "h"])], [FetchAdd("y", 2000)])"#,
    r#"Timeout("5us", [Gather(["k", "h"])], [FetchAdd("x", 3000)])"#,
    r#"Timeout("5us", [TaskGroup(["n"])], [FetchAdd("x", 4000)])"#,
    r#"Spawn(Coroutine, "h"), Sleep(Exp("3us")), Cancel("h"), Join("h"), FetchAdd("y", 5)"#,
    r#"Spawn(Coroutine, "n"), Sleep(Exp("5us")), Cancel("n")"#,
    r#"Spawn(Coroutine, "w"), Sleep(Exp("2us")), Cancel("w"), Yield, With("c", [Notify("c")])"#,
    r#"Spawn(Coroutine, "f", 2), WaitTasks(["f"], FirstCompleted), FetchAdd("x", 7), WaitTasks(["f"])"#,
    r#"Spawn(Coroutine, "f", 2), WaitTasks(["f"], FirstException, "6us", [FetchAdd("y", 5000)]), Cancel("f")"#,
    r#"Try([Timeout("4us", [Shield("h")])], [FetchAdd("x", 6000)])"#,
    r#"Timeout("3us", [Timeout("3us", [Sleep(Exp("4us"))], [FetchAdd("x", 1)])], [FetchAdd("y", 1)])"#,
    r#"ToThread([Cpu(Exp("4us")), FetchAdd("x", 61), Load("y"), Cpu(Exp("2us")), Add("y", 1), Store("y")])"#,
    r#"Timeout("5us", [ToThread([Sleep(Exp("5us")), FetchAdd("x", 67)]), FetchAdd("y", 71)], [FetchAdd("y", 73)])"#,
    r#"Try([ToThread([Choose({ 0.5: [Raise] }), FetchAdd("x", 79)])], [FetchAdd("y", 83)])"#,
    r#"Blocking([Sleep(Exp("4us")), FetchAdd("x", 89)])"#,
    r#"CallSoon("b"), FetchAdd("y", 97)"#,
    r#"CallLater(Exp("5us"), "b")"#,
    r#"ToThread([CallSoonThreadsafe("b"), Cpu(Exp("2us"))])"#,
    r#"With("a", [Sleep(Exp("3us")), FetchAdd("x", 3)])"#,
    r#"Load("x"), Sleep(Exp("2us")), Add("x", 1), Store("x")"#,
    r#"Wait("e"), FetchAdd("y", 101)"#,
    r#"Put("q", 4), FetchAdd("y", 103)"#,
    r#"Get("q", "x"), Store("x")"#,
    r#"Choose({ 0.3: [Raise], 0.3: [FetchAdd("x", 11)] })"#,
];

#[test]
fn what_happens_in_a_run_of_coroutines_is_possible() {
    for world in LOOPS {
        check(130, &steps(shape(world), OF_COROUTINES).steps(1..=2));
    }
}

/// The other direction, where a run can be made to do anything: each ending of two increments is some run's.
#[test]
fn what_is_possible_happens_in_some_run() {
    let race = r#"Load("x"), Cpu(Exp("3us")), Add("x", 1), Store("x")"#;
    let shape = shape(WORLDS[0]).step(race).tasks(2..=2).steps(1..=1);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 1, failure_persistence: None, ..ProptestConfig::default() });
    let tried = runner.run(&shape, |program| {
        let run = |seed| Run::new(program.model(), seed);
        let happened: BTreeSet<Ending> = (0..100).map(|seed| (false, last(&run(seed), "x"), 0)).collect();
        prop_assert_eq!(happened, possible(&program)?);
        Ok(())
    });
    tried.unwrap();
}
