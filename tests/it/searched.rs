//! What a search of all schedules says about steps that threads and coroutines wait with: all last values that are possible, counted by
//! hand.

use gilsim::explore::{Budget, Failure, Graph, Machine, Property};
use gilsim::scenario::compile;

/// Variables that the scenarios here have.
const SHARED: &str = r#""x": Int(0), "y": Int(0), "a": Lock, "c": Condition, "e": Event, "q": Queue"#;

/// All last values of `x` in all schedules, in order; `None` stands for a deadlock.
fn ends(model: &str, programs: &str, tasks: &str) -> Vec<Option<i64>> {
    ends_under("CPython(version: \"3.14\")", model, programs, tasks)
}

fn ends_under(interpreter: &str, model: &str, programs: &str, tasks: &str) -> Vec<Option<i64>> {
    let own = if tasks.contains("own") { ", \"own\": ThreadLocal(5)" } else { "" };
    let text = format!(
        "(interpreter: {interpreter}, shared: {{ {SHARED}{own} }}, programs: {{ {programs} }}, tasks: {{ {tasks} }}, models: [{model}])"
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

/// `Thread.start` waits until the thread has come up, and there others come in: also between a call and the read behind it.
#[test]
fn others_come_in_behind_the_start_of_a_thread() {
    let program = r#""p": [Store("y", 1)]"#;
    let task = r#""t": (steps: [Spawn(Thread, "p"), If(Is("y", 1), [FetchAdd("x", 1)], [FetchAdd("x", 2)])])"#;
    assert_eq!(ends("ThreadPerTask", program, task), [Some(1), Some(2)]);
    // Nobody comes in between two reads.
    let task = r#""t": (steps: [Spawn(Thread, "p"), Load("y"), Let("x", Own("y")), If(Is("y", Own("x")), [FetchAdd("x", 1)], [FetchAdd("x", 2)])])"#;
    assert_eq!(ends("ThreadPerTask", program, task), [Some(1)]);
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

#[test]
fn a_gather_goes_on_at_the_first_exception_and_a_task_group_when_all_are_over() {
    let programs = r#""fails": [Yield, Raise], "adds": [Yield, FetchAdd("x", 1), Yield, FetchAdd("x", 1)]"#;
    let with = |how: &str| format!("\"t\": (steps: [Try([{how}], [FetchAdd(\"x\", Product(10, 1))])])");
    let ends = |how: &str| ends("Asyncio", programs, &with(how));
    // The others of a gather go on to their ends.
    assert_eq!(ends(r#"Gather(["fails", "adds"])"#), [Some(12)]);
    assert_eq!(ends(r#"Gather(["fails", "adds"], 1, Return)"#), [Some(2)]);
    // Those of a task group are cancelled, wherever they are.
    assert_eq!(ends(r#"TaskGroup(["fails", "adds"])"#), [Some(10), Some(11), Some(12)]);
}

#[test]
fn who_is_cancelled_passes_it_on_to_those_it_awaits_and_not_through_a_shield() {
    let programs =
        r#""adds": [Sleep("1ms"), FetchAdd("x", 1)], "all": [Gather(["adds"], 2)], "shielded": [Shield("adds")]"#;
    let with = |what: &str| {
        format!("\"t\": (steps: [Spawn(Coroutine, \"{what}\"), Yield, Cancel(\"{what}\"), Join(\"{what}\")])")
    };
    assert_eq!(ends("Asyncio", programs, &with("all")), [Some(0), Some(1), Some(2)]);
    // Cancelled before it begins, it creates nothing; afterwards what it awaits goes on.
    assert_eq!(ends("Asyncio", programs, &with("shielded")), [Some(0), Some(1)]);
}

#[test]
fn a_wait_for_the_first_goes_on_with_one_or_more_and_leaves_the_others_alone() {
    let programs = r#""adds": [Yield, FetchAdd("x", 1)]"#;
    let wait = |rest: &str| {
        format!(
            "\"t\": (steps: [Spawn(Coroutine, \"adds\", 2), WaitTasks([\"adds\"], {rest}), Load(\"x\"), FetchAdd(\"x\", Product(Own(\"x\"), 10))])"
        )
    };
    assert_eq!(ends("Asyncio", programs, &wait("FirstCompleted")), [Some(12), Some(22)]);
    assert_eq!(ends("Asyncio", programs, &wait("AllCompleted")), [Some(22)]);
    // Late with none, one or both of them over, of which it need not have heard.
    let late = wait(r#"AllCompleted, "1ms", [FetchAdd("x", 1000)]"#);
    assert_eq!(ends("Asyncio", programs, &late), [Some(22), Some(11_002), Some(11_012), Some(11_022)]);
}

#[test]
fn a_blocking_wait_stops_the_loop_and_a_thread_of_the_executor_does_not() {
    // The loop stands still until the sleep is over: nobody adds in between.
    let tasks = |how: &str| {
        format!(
            "\"t\": (steps: [Load(\"x\"), {how}([Sleep(\"1ms\")]), Add(\"x\", 1), Store(\"x\")]), \"u\": (steps: [FetchAdd(\"x\", 10)])"
        )
    };
    assert_eq!(ends("Asyncio", "", &tasks("Blocking")), [Some(11)]);
    assert_eq!(ends("Asyncio", "", &tasks("ToThread")), [Some(1), Some(11)]);
    // A lock that a coroutine of the same loop holds is never free again.
    let lock = r#""t": (steps: [With("a", [Yield, FetchAdd("x", 1)])]), "u": (steps: [Blocking([With("a", [])])])"#;
    assert_eq!(ends("Asyncio", "", lock), [None, Some(1)]);
}

#[test]
fn steps_that_nobody_waits_for_any_more_are_done_if_a_thread_has_begun_them() {
    let task =
        r#""t": (steps: [Timeout("1ms", [ToThread([FetchAdd("x", 1), FetchAdd("x", 10)])], [FetchAdd("x", 100)])])"#;
    assert_eq!(ends("Asyncio", "", task), [Some(11), Some(100), Some(111)]);
}

#[test]
fn callbacks_come_between_awaits() {
    let task = r#""t": (steps: [CallSoon("adds"), Load("x"), Yield, Add("x", 10), Store("x")])"#;
    assert_eq!(ends("Asyncio", r#""adds": [FetchAdd("x", 1)]"#, task), [Some(10), Some(11)]);
}

#[test]
fn an_eager_coroutine_begins_before_its_creator_goes_on() {
    let task =
        r#""t": (steps: [Spawn(Coroutine, "adds"), Load("x"), FetchAdd("x", Product(Own("x"), 10)), Join("adds")])"#;
    let programs = r#""adds": [Choose({ 0.5: [FetchAdd("x", 1)], 0.5: [FetchAdd("x", 2)] }), Yield, FetchAdd("x", 1)]"#;
    assert_eq!(ends("Asyncio", programs, task), [Some(2), Some(3)]);
    let eager = "CPython(version: \"3.14\", eager_tasks: true)";
    assert_eq!(ends_under(eager, "Asyncio", programs, task), [Some(12), Some(23)]);
}
