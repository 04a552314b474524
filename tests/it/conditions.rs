//! Conditions and atomic operations: what programs with flags, spin locks and lock-free structures come to.

use std::collections::BTreeMap;

use gilsim::metrics::Meter;
use gilsim::scenario::{self, Point};
use gilsim::sim::{self, Outcome};
use gilsim::trace::{Digest, Record, Sink};

use crate::real_runs::audit;

/// Runs every model of a scenario, audited: how it ended and the variables at the end.
fn runs(text: &str) -> Vec<(Outcome, BTreeMap<String, i64>)> {
    let compiled = scenario::compile("test", text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let [Point { models, .. }] = &compiled.scenario.points[..] else { panic!("one point") };
    let run = |model| {
        let mut sink = (Meter::new(model), Vec::new());
        let ended = sim::run(model, 1, &mut sink);
        assert_eq!(audit(model, &sink.1, &ended), []);
        let figures = sink.0.finish(1, &ended, &Digest::default());
        (ended.outcome, figures.finals.into_iter().collect())
    };
    models.iter().map(run).collect()
}

/// One context alone, without costs: the variables at the end of these steps.
fn alone(steps: &str) -> BTreeMap<String, i64> {
    let shared = r#"shared: { "x": Int(5), "y": Int(0), "n": Int(0), "seen": Int(0) }, allow: ["unused"]"#;
    let text = format!("(machine: (costs: Zero), {shared}, tasks: {{ \"t\": (steps: [{steps}]) }})");
    let mut found = runs(&text);
    let (outcome, finals) = found.remove(0);
    assert_eq!(outcome, Outcome::Finished, "{steps}");
    finals
}

#[test]
fn every_comparison_on_both_sides_of_its_bound() {
    for (word, expected) in [
        ("Is", [0, 1, 0]),
        ("IsNot", [1, 0, 1]),
        ("Below", [0, 0, 1]),
        ("AtMost", [0, 1, 1]),
        ("Above", [1, 0, 0]),
        ("AtLeast", [1, 1, 0]),
    ] {
        for (bound, expected) in [4, 5, 6].into_iter().zip(expected) {
            let finals = alone(&format!("If({word}(\"x\", {bound}), [Store(\"y\", 1)], [Store(\"n\", 1)])"));
            assert_eq!((finals["y"], finals["n"]), (expected, 1 - expected), "5 {word} {bound}");
        }
    }
}

#[test]
fn numbers_are_computed_from_own_copies() {
    for (number, expected) in [
        (r#"Own("x")"#, 5),
        (r#"Sum(Own("x"), 2)"#, 7),
        (r#"Difference(2, Own("x"))"#, -3),
        (r#"Product(Own("x"), Own("x"))"#, 25),
        (r#"Quotient(Own("x"), 2)"#, 2),
        (r#"Remainder(Difference(0, Own("x")), 3)"#, 1),
        (r#"Own("n")"#, 0),
        ("-0x1F", -31),
        ("/* none */ Own(r\"x\") // the copy", 5),
    ] {
        assert_eq!(alone(&format!("Load(\"x\"), Store(\"y\", {number}\n)"))["y"], expected, "{number}");
    }
    // An own copy is not the variable.
    let finals = alone(r#"Load("x"), Let("x", 9), Add("x", Own("x")), Store("y", Own("x"))"#);
    assert_eq!((finals["x"], finals["y"]), (5, 18));
    // A condition reads into the own copy, a number stored is the own copy.
    let finals = alone(r#"If(Is("x", 5), [Store("y", Own("x"))]), Store("x", 8), Store("n", Own("x"))"#);
    assert_eq!((finals["x"], finals["y"], finals["n"]), (8, 5, 8));
}

#[test]
fn atomic_operations_return_what_was_there() {
    let finals = alone(r#"Swap("x", 7), Store("y", Own("x")), Let("x", 9), Swap("x"), Store("n", Own("x"))"#);
    assert_eq!((finals["x"], finals["y"], finals["n"]), (9, 5, 7));
    let finals = alone(r#"FetchAdd("x"), Store("y", Own("x")), FetchAdd("x", Own("x")), Store("n", Own("x"))"#);
    assert_eq!((finals["x"], finals["y"], finals["n"]), (11, 5, 6));
    let swap = |from: i64| {
        let condition = format!("CompareAndSwap(\"x\", {from}, 1)");
        alone(&format!("If({condition}, [Store(\"y\", 1)], [Store(\"n\", 1)]), Store(\"seen\", Own(\"x\"))"))
    };
    let (yes, no) = (swap(5), swap(6));
    assert_eq!((yes["x"], yes["y"], yes["n"], yes["seen"]), (1, 1, 0, 5));
    assert_eq!((no["x"], no["y"], no["n"], no["seen"]), (5, 0, 1, 5));
}

#[test]
fn loops_go_round_as_often_as_their_conditions_say() {
    let count = r#"[Add("n", 1), Store("n")]"#;
    for (steps, rounds) in [
        (format!("While(Below(Own(\"n\"), 4), {count})"), 4),
        (format!("While(Below(Own(\"n\"), 0), {count})"), 0),
        (format!("RepeatUntil(AtLeast(Own(\"n\"), 4), {count})"), 4),
        (format!("RepeatUntil(AtLeast(Own(\"n\"), 0), {count})"), 1),
        (format!("While(CompareAndSwap(\"x\", 5, 6), {count})"), 1),
        (format!("RepeatUntil(CompareAndSwap(\"x\", Own(\"x\"), 6), {count})"), 2),
    ] {
        assert_eq!(alone(&steps)["n"], rounds, "{steps}");
    }
}

/// All ways for three conditions to come out, as `All` and `Any`, alone and inside each other, in `If` and in loops.
#[test]
fn conditions_of_conditions_ask_up_to_the_first_that_decides() {
    let counted = |holds: bool, n: u32| format!("CompareAndSwap(\"c{n}\", {}, 1)", if holds { 0 } else { 9 });
    let asked = |finals: &BTreeMap<String, i64>, n: u32| finals[&format!("c{n}")] == 1;
    for bits in 0..8u32 {
        let holds = [bits & 1 > 0, bits & 2 > 0, bits & 4 > 0];
        let [a, b, c] = [0, 1, 2].map(|n| counted(holds[n as usize], n));
        for (condition, expected) in [
            (format!("All([{a}, {b}, {c}])"), holds[0] && holds[1] && holds[2]),
            (format!("Any([{a}, {b}, {c}])"), holds[0] || holds[1] || holds[2]),
            (format!("All([{a}, Any([{b}, {c}])])"), holds[0] && (holds[1] || holds[2])),
            (format!("Any([{a}, All([{b}, {c}])])"), holds[0] || holds[1] && holds[2]),
            (format!("Any([All([{a}, {b}]), {c}])"), holds[0] && holds[1] || holds[2]),
        ] {
            let shared = r#"shared: { "c0": Int(0), "c1": Int(0), "c2": Int(0), "yes": Int(0), "no": Int(0) }"#;
            let steps = format!("If({condition}, [FetchAdd(\"yes\")], [FetchAdd(\"no\")])");
            let text = format!("(machine: (costs: Zero), {shared}, tasks: {{ \"t\": (steps: [{steps}]) }})");
            let (_, finals) = runs(&text).remove(0);
            assert_eq!((finals["yes"], finals["no"]), (expected.into(), (!expected).into()), "{condition} {holds:?}");
            if condition.starts_with("All([Comp") && !holds[0] {
                assert!(!asked(&finals, 1) && !asked(&finals, 2), "{condition} {holds:?}");
            }
            if condition.starts_with("Any([Comp") && holds[0] {
                assert!(!asked(&finals, 1) && !asked(&finals, 2), "{condition} {holds:?}");
            }
        }
    }
}

/// Three threads, a hundred rounds each, with `enter` and `leave` around a load, some time, and a store.
fn critical_sections(machine: &str, enter: &str, leave: &str) -> Vec<(Outcome, BTreeMap<String, i64>)> {
    runs(&format!(
        r#"(
            machine: ({machine}), allow: ["unused"],
            shared: {{ "taken": Int(0), "ticket": Int(0), "turn": Int(0), "hits": Int(0) }},
            tasks: {{ "t": (count: 3, steps: [Repeat(100, [
                {enter}, Load("hits"), Cpu("130ns"), Add("hits", 1), Store("hits"), {leave}, Cpu("70ns"),
            ])]) }},
            models: [Threads(3), FreeThreaded(3)],
            interpreter: CPython(switch_interval: "1us", start_handshake: false),
        )"#
    ))
}

#[test]
fn locks_made_of_atomic_operations_lose_no_update_and_one_made_of_a_flag_does() {
    let (free, pass) = (r#"Store("taken", 0)"#, r#"FetchAdd("turn")"#);
    let locks = [
        (r#"RepeatUntil(CompareAndSwap("taken", 0, 1), [Cpu("50ns")])"#, free),
        (r#"RepeatUntil(Is(Own("taken"), 0), [Cpu("50ns"), Swap("taken", 1)])"#, free),
        (r#"FetchAdd("ticket"), While(IsNot("turn", Own("ticket")), [Cpu("50ns")])"#, pass),
    ];
    let one_core = r#"cores: 1, costs: Zero, scheduler: RoundRobin("700ns")"#;
    for machine in ["cores: 3, costs: Zero", "cores: 2", one_core] {
        for (enter, leave) in locks {
            for (outcome, finals) in critical_sections(machine, enter, leave) {
                assert_eq!((outcome, finals["hits"]), (Outcome::Finished, 300), "{machine} {enter}");
            }
        }
        let flag = r#"While(Is("taken", 1), [Cpu("50ns")]), Cpu("20ns"), Store("taken", 1)"#;
        let kept = critical_sections(machine, flag, free).iter().all(|(_, finals)| finals["hits"] == 300);
        assert!(!kept, "{machine}: another thread comes between the test and the store");
    }
}

/// Peterson's lock for two threads, of loads and stores alone.
#[test]
fn petersons_lock_loses_no_update() {
    let thread = |own: &str, other: &str, turn: u32| {
        format!(
            r#"(steps: [Repeat(200, [
                Store("{own}", 1), Cpu("30ns"), Store("turn", {turn}),
                While(All([Is("{other}", 1), Is("turn", {turn})]), [Cpu("40ns")]),
                Load("hits"), Cpu("130ns"), Add("hits", 1), Store("hits"), Store("{own}", 0), Cpu("70ns"),
            ])])"#
        )
    };
    for scheduler in ["cores: 2", r#"cores: 1, scheduler: RoundRobin("110ns")"#] {
        let shared = r#"shared: { "a wants": Int(0), "b wants": Int(0), "turn": Int(0), "hits": Int(0) }"#;
        let (a, b) = (thread("a wants", "b wants", 1), thread("b wants", "a wants", 0));
        let text = format!(
            "(machine: (costs: Zero, {scheduler}), interpreter: Native, {shared}, \
             tasks: {{ \"a\": {a}, \"b\": {b} }}, models: [ThreadPerTask])"
        );
        let (outcome, finals) = runs(&text).remove(0);
        assert_eq!((outcome, finals["hits"]), (Outcome::Finished, 400), "{scheduler}");
    }
}

/// A stack 1 -> 2 -> 3. While one thread stands between reading the head and its swap, another pops 1 and 2 and pushes 1
/// again: the head is 1 as before, the swap succeeds, and node 2, which the other thread owns, is the head.
#[test]
fn a_stack_without_versions_has_the_aba_problem() {
    let next = r#"If(Is(Own("head"), 1), [Load("next1"), Let("next", Own("next1"))], [
        If(Is(Own("head"), 2), [Let("next", 3)], [Let("next", 0)])])"#;
    let pop = |time: &str| {
        format!(
            r#"RepeatUntil(CompareAndSwap("head", Own("head"), Own("next")), [
            Load("head"), {next}, Cpu("{time}")])"#
        )
    };
    let (slow, quick) = (pop("10us"), pop("100ns"));
    let text = format!(
        r#"(
            machine: (cores: 2, costs: Zero), interpreter: Native, models: [ThreadPerTask],
            shared: {{ "head": Int(1), "next1": Int(2), "next": Int(0), "own": Int(0) }},
            tasks: {{
                "t1": (steps: [{slow}]),
                "t2": (steps: [{quick}, {quick}, Store("own", Own("head")),
                    RepeatUntil(CompareAndSwap("head", Own("head"), 1), [
                        Load("head"), Store("next1", Own("head")), Cpu("100ns")])]),
            }},
        )"#
    );
    let (outcome, finals) = runs(&text).remove(0);
    assert_eq!((outcome, finals["head"], finals["own"]), (Outcome::Finished, 2, 2));
}

/// What no check can know, the run says.
#[test]
fn a_loop_that_no_time_passes_in_ends_as_a_livelock() {
    let steps = r#"While(Is("x", 0), [Let("y", Sum(Own("y"), 1))])"#;
    let text = format!(
        r#"(machine: (costs: Zero), shared: {{ "x": Int(0), "y": Int(0) }}, tasks: {{ "t": (steps: [{steps}]) }})"#
    );
    let compiled = scenario::compile("test", &text, &[]).unwrap();
    let ended = sim::run(&compiled.scenario.points[0].models[0], 1, &mut Nothing);
    assert!(matches!(ended.outcome, Outcome::Livelock { .. }), "{:?}", ended.outcome);
    assert!(ended.outcome.explanation()[0].contains("some step in its loop must take time"));
}

struct Nothing;

impl Sink for Nothing {
    fn record(&mut self, _: &Record) {}
}

/// A burst behind a condition is foreseen: the thread that will compute for longer goes second.
#[test]
fn policies_that_know_demands_look_through_conditions() {
    let task = |bound: u32| {
        let long = format!(r#"If(Below("x", {bound}), [Cpu("9ms")], [Cpu("1ms")])"#);
        format!(r#"(steps: [{long}, FetchAdd("order"), Store("seen{bound}", Own("order"))])"#)
    };
    let text = format!(
        r#"(machine: (cores: 1, costs: Zero, scheduler: ShortestJobFirst()), interpreter: Native,
            shared: {{ "x": Int(5), "order": Int(1), "seen6": Int(0), "seen4": Int(0) }},
            tasks: {{ "long": {}, "short": {} }}, models: [ThreadPerTask])"#,
        task(6),
        task(4)
    );
    let (_, finals) = runs(&text).remove(0);
    assert_eq!((finals["seen4"], finals["seen6"]), (1, 2));
}
