//! The search and the simulator are two programs that execute the same models. Whatever comes out of a run with times must be
//! among what can come out at all.

use std::collections::BTreeSet;

use gilsim::explore::{Budget, Failure, Graph, Machine, Property};
use gilsim::id::VarId;
use gilsim::model::Model;
use gilsim::query::Run;
use gilsim::scenario;
use gilsim::sim::Outcome;
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

/// How a run or a schedule ends: whether somebody waits for ever, and the last values of x and y.
type Ending = (bool, i64, i64);

fn step() -> impl Strategy<Value = String> {
    let plain = prop_oneof![
        Just(r#"Load("x"), Cpu(Exp("3us")), Add("x", 1), Store("x")"#.to_owned()),
        Just(r#"Load("y"), Sleep(Exp("3us")), Add("y", 3), Store("y")"#.to_owned()),
        Just(r#"FetchAdd("x", 5)"#.to_owned()),
        Just(r#"Incr("y")"#.to_owned()),
        Just(r#"Swap("x", 2)"#.to_owned()),
        Just(r#"If(CompareAndSwap("y", 0, 7), [Store("x", 9)])"#.to_owned()),
        Just(r#"If(Above("x", 4), [FetchAdd("y", 10)], [FetchAdd("y", 20)])"#.to_owned()),
        Just(r#"Sleep(Exp("5us"))"#.to_owned()),
        Just(r#"Cpu(Exp("8us"))"#.to_owned()),
        Just(r#"Try([FetchAdd("x", 1), Raise], [FetchAdd("y", 2)])"#.to_owned()),
        Just(r#"Try([With("a", [Finally([Sleep(Exp("3us")), Raise], [FetchAdd("y", 6)])])], [])"#.to_owned()),
        Just(r#"Choose({ 0.3: [Raise] })"#.to_owned()),
        Just(r#"SetEvent("e")"#.to_owned()),
        Just(r#"Wait("e"), FetchAdd("x", 100)"#.to_owned()),
        Just(r#"With("c", [Wait("c"), FetchAdd("x", 200)])"#.to_owned()),
        Just(r#"With("c", [NotifyAll("c")])"#.to_owned()),
        Just(r#"With("c", [Notify("c")])"#.to_owned()),
        Just(r#"Put("q", 4)"#.to_owned()),
        Just(r#"Get("q", "x"), Store("x")"#.to_owned()),
        Just(r#"Acquire("s"), FetchAdd("y", 1000), Release("s")"#.to_owned()),
        Just(r#"Acquire("s"), Sleep(Exp("3us")), FetchAdd("y", 1000)"#.to_owned()),
        Just(r#"Load("own"), Add("own", 1), Store("own"), FetchAdd("x", Product(Own("own"), 3))"#.to_owned()),
        Just(r#"Timeout("3us", [Wait("e")], [FetchAdd("x", 11)])"#.to_owned()),
        Just(r#"Timeout("4us", [Get("q", "y")], [FetchAdd("y", 13)])"#.to_owned()),
        Just(r#"Try([Timeout("2us", [Acquire("a")]), Cpu(Exp("4us")), Release("a")], [FetchAdd("x", 17)])"#.to_owned()),
        Just(r#"With("c", [Timeout("6us", [Wait("c")], [FetchAdd("y", 19)]), FetchAdd("x", 23)])"#.to_owned()),
        Just(r#"Spawn(Thread, "p"), Cpu(Exp("2us")), Join("p"), FetchAdd("x", 29)"#.to_owned()),
        Just(r#"Spawn(Thread, "p", 2), Timeout("7us", [Join("p")], [FetchAdd("x", 31)])"#.to_owned()),
        Just(r#"Spawn(DaemonThread, "p")"#.to_owned()),
    ];
    (plain, 0..5u8).prop_map(|(step, around)| match around {
        0 => format!("With(\"a\", [{step}])"),
        1 => format!("Repeat(2, [{step}])"),
        _ => step,
    })
}

fn program() -> impl Strategy<Value = String> {
    proptest::collection::vec(step(), 1..4).prop_map(|steps| steps.join(", "))
}

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

const PROGRAMS: &str = r#",
    "k": [Sleep(Exp("3us")), FetchAdd("x", 41)],
    "f": [Sleep(Exp("4us")), FetchAdd("y", 2), Choose({ 0.5: [Raise] }), FetchAdd("y", 43)],
    "n": [Try([TaskGroup(["f", "k"])], [FetchAdd("x", 3)])],
    "h": [With("a", [Sleep(Exp("6us")), FetchAdd("y", 53)])],
    "w": [With("c", [Wait("c"), FetchAdd("x", 5)]), FetchAdd("y", 7)],
    "b": [FetchAdd("x", 59), SetEvent("e")]"#;

/// The scenario, if it is one: a wait for what nobody ever does is none.
fn compiled(programs: &[String], (interpreter, model): (&str, &str)) -> Option<Model> {
    let tasks: Vec<String> =
        programs.iter().enumerate().map(|(n, steps)| format!("\"t{n}\": (steps: [{steps}])")).collect();
    let of_coroutines = if model == "Asyncio" { PROGRAMS } else { "" };
    let mut text = format!(
        r#"(
            machine: (cores: 2),
            interpreter: {interpreter},
            shared: {{ "x": Int(0), "y": Int(0), "a": Lock, "c": Condition, "e": Event, "q": Queue(capacity: 1), "s": Semaphore(1), "own": ThreadLocal(4) }},
            programs: {{ "p": [Cpu(Exp("5us")), FetchAdd("y", 37), Load("own"), FetchAdd("own", 2), FetchAdd("x", Own("own"))]{of_coroutines} }},
            tasks: {{ {} }},
            models: [{model}],
        )"#,
        tasks.join(", ")
    );
    if text.contains("ToThread") {
        // Which thread does which steps is not searched.
        text = text.replace("ThreadLocal(4)", "Int(4)");
    }
    if model == "Asyncio" {
        IN_A_LOOP.iter().for_each(|(from, to)| text = text.replace(from, to));
    }
    let mut scenario = scenario::compile("both", &text, &[]).ok()?.scenario;
    Some(scenario.points.remove(0).models.remove(0))
}

/// All endings of all schedules; `None` if there are too many states.
fn possible(model: &Model) -> Option<BTreeSet<Ending>> {
    let machine = Machine::new(model, Machine::preemption_of(model)).unwrap();
    let property = Property::default();
    let graph = Graph::build(&machine, &property, Budget::of(40_000, 0)).ok()?;
    let ends = (0..graph.len()).filter(|state| graph.steps(*state).is_empty());
    let ending = |number: usize| {
        let state = graph.state(&machine, number);
        let stuck = matches!(property.at_end(&machine, &state), Some(Failure::Deadlock(_)));
        (stuck, state.value(VarId(0)), state.value(VarId(1)))
    };
    Some(ends.map(ending).collect())
}

fn last(run: &Run<'_>, var: &str) -> i64 {
    run.values(var).last().unwrap().1
}

/// What a run of one case shows. Whether there was anything to see: the text is a scenario, and has not too many states.
fn check(programs: &[String], world: (&str, &str)) -> Result<bool, TestCaseError> {
    let Some(model) = compiled(programs, world) else { return Ok(false) };
    let Some(possible) = possible(&model) else { return Ok(false) };
    for seed in 0..15 {
        let run = Run::new(&model, seed);
        let stuck = match run.outcome() {
            Outcome::Finished => false,
            Outcome::Deadlock(_) => true,
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        let found = (stuck, last(&run, "x"), last(&run, "y"));
        prop_assert!(possible.contains(&found), "{world:?} under seed {seed}: {found:?} is not in {possible:?}");
        prop_assert!(run.verify().is_empty(), "{:?}", run.verify());
    }
    Ok(true)
}

/// Checks random programs in random worlds. How many of each world there were to look at.
fn tries(cases: u32, worlds: &[(&str, &str)], program: impl Strategy<Value = String>) -> Vec<u32> {
    let seen = std::cell::RefCell::new(vec![0; worlds.len()]);
    let mut runner = TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() });
    let cases = (proptest::collection::vec(program, 2..4), 0..worlds.len());
    let result = runner.run(&cases, |(programs, world)| {
        let looked = check(&programs, worlds[world])?;
        seen.borrow_mut()[world] += u32::from(looked);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    seen.into_inner()
}

#[test]
fn what_happens_in_a_run_is_possible() {
    let seen = tries(500, &WORLDS, program());
    // Most random programs are scenarios: the test looks at something.
    assert!(seen.iter().all(|seen| *seen >= 25), "{seen:?}");
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
    let step = (0..OF_COROUTINES.len()).prop_map(|number| OF_COROUTINES[number]);
    let program = proptest::collection::vec(step, 1..3).prop_map(|steps| steps.join(", "));
    let seen = tries(400, &LOOPS, program);
    assert!(seen.iter().all(|seen| *seen >= 25), "{seen:?}");
}

/// The other direction, where a run can be made to do anything: each ending of two increments is some run's.
#[test]
fn what_is_possible_happens_in_some_run() {
    let race = r#"Load("x"), Cpu(Exp("3us")), Add("x", 1), Store("x")"#.to_owned();
    let model = compiled(&[race.clone(), race], WORLDS[0]).unwrap();
    let happened: BTreeSet<Ending> = (0..100)
        .map(|seed| {
            let run = Run::new(&model, seed);
            (false, last(&run, "x"), last(&run, "y"))
        })
        .collect();
    assert_eq!(Some(happened), possible(&model));
}
