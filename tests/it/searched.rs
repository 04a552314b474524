//! What a search of all schedules says about steps that threads and coroutines wait with: all last values that are possible, counted by
//! hand.

use gilsim::explore::{Budget, Failure, Graph, Machine, Property};
use gilsim::scenario::compile;

/// Variables that the scenarios here have.
const SHARED: &str =
    r#""x": Int(0), "y": Int(0), "a": Lock, "c": Condition, "e": Event, "q": Queue, "own": ThreadLocal(5)"#;

/// All last values of `x` in all schedules, in order; `None` stands for a deadlock.
fn ends(model: &str, programs: &str, tasks: &str) -> Vec<Option<i64>> {
    let text = format!(
        "(interpreter: CPython(version: \"3.14\"), shared: {{ {SHARED} }}, programs: {{ {programs} }}, tasks: {{ {tasks} }}, models: [{model}])"
    );
    let mut scenario = compile("searched", &text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}")).scenario;
    let model = scenario.points.remove(0).models.remove(0);
    let machine = Machine::new(&model, Machine::preemption_of(&model)).unwrap_or_else(|why| panic!("{why}"));
    let property = Property::default();
    let graph = Graph::build(&machine, &property, Budget::of(200_000, 0)).expect("few states");
    let x = gilsim::id::VarId(0);
    let mut ends: Vec<Option<i64>> = Vec::new();
    for number in (0..graph.len()).filter(|number| graph.steps(*number).is_empty()) {
        let state = graph.state(&machine, number);
        let stuck = matches!(property.at_end(&machine, &state), Some(Failure::Deadlock(_)));
        ends.push((!stuck).then(|| state.value(x)));
    }
    ends.sort_unstable();
    ends.dedup();
    ends
}

#[test]
fn every_thread_has_a_variable_of_its_own() {
    let twice = r#""t": (count: 2, steps: [Load("own"), Add("own", 1), Store("own"), FetchAdd("x", Own("own"))])"#;
    assert_eq!(ends("ThreadPerTask", "", twice), [Some(12)]);
    // One worker does both, or each does one.
    assert_eq!(ends("Threads(2)", "", twice), [Some(12), Some(13)]);
    assert_eq!(ends("Threads(1)", "", twice), [Some(13)]);
    assert_eq!(ends("Asyncio", "", twice), [Some(13)]);
}

#[test]
fn a_thread_gives_up_only_a_wait_that_would_not_end_at_once() {
    let wait = r#"Try([Timeout("1ms", [Acquire("a")]), FetchAdd("x", 1), Release("a")], [FetchAdd("x", 10)])"#;
    assert_eq!(ends("ThreadPerTask", "", &format!("\"t\": (steps: [{wait}])")), [Some(1)]);
    let two =
        format!("\"t\": (steps: [{wait}]), \"holder\": (steps: [With(\"a\", [Sleep(\"1ms\"), FetchAdd(\"y\", 1)])])");
    assert_eq!(ends("ThreadPerTask", "", &two), [Some(1), Some(10)]);
    let notified = r#"
        "waits": (steps: [With("c", [Timeout("1ms", [Wait("c")], [FetchAdd("x", 10)]), FetchAdd("x", 1)])]),
        "notifies": (steps: [With("c", [Notify("c")])])"#;
    assert_eq!(ends("ThreadPerTask", "", notified), [Some(1), Some(11)]);
}

#[test]
fn the_end_of_all_others_cuts_daemons_off() {
    let daemon = r#""d": [FetchAdd("x", 1), FetchAdd("x", 10), Wait("e"), FetchAdd("x", 100)]"#;
    let task = r#""t": (steps: [Spawn(DaemonThread, "d"), FetchAdd("y", 1), If(Is("y", 9), [SetEvent("e")])])"#;
    assert_eq!(ends("ThreadPerTask", daemon, task), [Some(0), Some(1), Some(11)]);
}
