//! Objects with reference counts: what is safe where, what it costs, and what is said of a leak and of a use after free.

use gilsim::metrics::Meter;
use gilsim::scenario::{self, Point};
use gilsim::sim::{self, Ended, Outcome};
use gilsim::time::Time;
use gilsim::trace::{Digest, What};

use crate::real_runs::audit;

/// Runs every model of a scenario under a seed, audited: how it ended, and the count in the end.
fn runs(text: &str, seed: u64) -> Vec<(Ended, i64)> {
    let compiled = scenario::compile("test", text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let [Point { models, .. }] = &compiled.scenario.points[..] else { panic!("one point") };
    let run = |model| {
        let mut sink = (Meter::new(model), Vec::new());
        let ended = sim::run(model, seed, &mut sink);
        assert_eq!(audit(model, &sink.1, &ended), []);
        let figures = sink.0.finish(seed, &ended, &Digest::default());
        (ended, figures.finals["x"])
    };
    models.iter().map(run).collect()
}

/// Codes and titles of what is wrong with a scenario.
fn errors(text: &str) -> Vec<String> {
    let errors = scenario::compile("test", text, &[]).expect_err("it is wrong");
    errors.iter().map(|error| format!("{} {}", error.code, error.title)).collect()
}

/// Two tasks, one thread each, on a machine where only counting takes time.
fn two(interpreter: &str, object: &str, left: &str, right: &str, models: &str) -> String {
    format!(
        r#"(
            machine: (cores: 2, costs: Zero), interpreter: {interpreter},
            shared: {{ "x": {object} }},
            tasks: {{ "left": (steps: [{left}]), "right": (steps: [{right}]) }},
            models: [{models}],
        )"#
    )
}

const USE: &str = r#"IncRef("x"), Cpu("20ns"), DecRef("x"), DecRef("x")"#;

/// Both load 1 at time 0; the first has the line at once, the second has to fetch it, and its store wins.
#[test]
fn a_lost_take_frees_the_object_in_use_and_says_who_read_what_when() {
    let text = {
        let (left, right) =
            (r#"IncRef("x"), Cpu("200ns"), DecRef("x")"#, r#"IncRef("x"), Cpu("1us"), DecRef("x"), DecRef("x")"#);
        two("Native", "Object()", left, right, "ThreadPerTask")
    };
    let (ended, _) = runs(&text, 1).remove(0);
    let Outcome::UsedAfterFree { object, lines } = &ended.outcome else { panic!("{ended:?}") };
    assert_eq!(object, "x");
    let expected = [
        "right drops a reference to \"x\"",
        "its count came down to 0, with 1 still there",
        "a reference that left took was not counted: right read 1 at 0ns, left wrote 2 at 1ns, right wrote 2 at 41ns",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.contains(part), "{part}: {lines:#?}");
    }
    assert!(!ended.outcome.is_regular());
}

#[test]
fn a_lost_drop_is_a_leak_and_says_who_read_what_when() {
    let text = two("Native", "Object(references: 2)", r#"DecRef("x")"#, r#"DecRef("x")"#, "ThreadPerTask");
    let (ended, count) = runs(&text, 1).remove(0);
    let Outcome::Leaked { objects, lines } = &ended.outcome else { panic!("{ended:?}") };
    assert_eq!((objects.as_slice(), count), (["x".to_owned()].as_slice(), 1));
    assert_eq!(
        lines.join("\n"),
        "\"x\" is never freed: its last reference was dropped at 41ns, and its count is 1\n\
         a reference that left dropped is still counted: right read 2 at 0ns, left wrote 1 at 1ns, right wrote 1 at 41ns"
    );
}

/// The same steps lose nothing where an addition cannot be interrupted: under a GIL, and with atomic or biased counts.
#[test]
fn a_gil_and_atomic_instructions_lose_nothing() {
    for (interpreter, object, models) in [
        ("CPython(version: \"3.9\", switch_interval: \"1us\")", "Object(references: 2)", "Threads(2)"),
        ("CPython(version: \"2.7\")", "Object(references: 2)", "Threads(2)"),
        ("CPython()", "Object(references: 2)", "Threads(2), Serial, FreeThreaded(2)"),
        ("CPython()", "Object(references: 2, counts: Atomic)", "FreeThreaded(2)"),
        ("CPython(unsafe_extension: true)", "Object(references: 2, counts: Plain)", "FreeThreaded(2)"),
        ("Native", "Object(references: 2, counts: Atomic)", "ThreadPerTask"),
        ("Native", "Object(references: 2, counts: Biased)", "ThreadPerTask"),
        ("Native", "Object(references: 2)", "Serial"),
    ] {
        for (ended, count) in runs(&two(interpreter, object, USE, USE, models), 1) {
            assert_eq!((&ended.outcome, count), (&Outcome::Finished, 0), "{interpreter} {object} {models}");
        }
    }
    // Without a GIL plain counts race, in the free-threaded build, too.
    let naive = two("CPython()", "Object(references: 2, counts: Plain)", USE, USE, "FreeThreaded(2)");
    assert_eq!(runs(&naive, 1)[0].0.outcome.word(), "leaked");
}

/// The cost of counting: alone, by the owner, by another thread, and on a line that another core had last.
#[test]
fn what_counting_costs() {
    let ends = |object: &str, left: &str, right: &str| {
        let interpreter = r#"CPython(plain_count: "2ns", atomic_count: "10ns", moved_count: "70ns")"#;
        let (ended, _) = runs(&two(interpreter, object, left, right, "FreeThreaded(2)"), 1).remove(0);
        assert_eq!(ended.outcome, Outcome::Finished, "{object}");
        ended.at
    };
    let (pair, later) = (r#"IncRef("x"), DecRef("x")"#, r#"Sleep("500ns"), IncRef("x"), DecRef("x")"#);
    for (counts, alone, other) in [("Plain", 4, 572), ("Atomic", 20, 580), ("Biased", 4, 580)] {
        let object = format!("Object(counts: {counts})");
        assert_eq!(ends(&object, pair, ""), Time(alone), "{counts}, alone");
        // The second one fetches the line once, and then has it.
        assert_eq!(ends(&object, pair, later), Time(other), "{counts}, after another core");
    }
    // The line goes from core to core, one after the other: who comes at the same time waits for it.
    assert_eq!(ends("Object(counts: Atomic)", r#"IncRef("x")"#, r#"IncRef("x")"#), Time(80));
}

/// A change in place is one call under a GIL. Without one it is done under the lock of the object, one thread after the other.
#[test]
fn a_change_in_place_is_made_by_one_thread_at_a_time() {
    let (change, use_it) = (r#"Mutate("x", "100ns")"#, r#"Use("x"), Cpu("100ns")"#);
    let ends = |steps: &str, models: &str| {
        let (ended, _) = runs(&two("CPython(free_threading: 1.0)", "Object()", steps, steps, models), 1).remove(0);
        assert_eq!(ended.outcome, Outcome::Finished);
        ended.at
    };
    assert_eq!([use_it, change].map(|steps| ends(steps, "Threads(2)")), [Time(200), Time(200)]);
    // The first has the line (5 ns), the second gets it when the first is done, in 40 ns.
    assert_eq!([use_it, change].map(|steps| ends(steps, "FreeThreaded(2)")), [Time(100), Time(245)]);
}

/// How long a collection of 1 ms takes beside a thread that does so, and when that thread ends.
fn collection(models: &str, beside: &str) -> (Time, Vec<(u64, u32)>) {
    let text = format!(
        r#"(
            machine: (cores: 2, costs: Set(wake_latency: "0s", context_switch: "0s", thread_start: "0s", check_point: "1us")),
            interpreter: CPython(free_threading: 1.0, switch_interval: "100ms"),
            tasks: {{ "collector": (steps: [Cpu("1ms"), Collect("1ms")]), "other": (steps: [{beside}]) }},
            models: [{models}],
        )"#
    );
    let compiled = scenario::compile("test", &text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let model = &compiled.scenario.points[0].models[0];
    let mut records = Vec::new();
    let ended = sim::run(model, 1, &mut records);
    assert_eq!(audit(model, &records, &ended), []);
    assert_eq!(ended.outcome, Outcome::Finished);
    let pauses = records.iter().filter_map(|record| match record.what {
        What::Pause { pause, .. } => Some((record.time.0, pause as u32)),
        _ => None,
    });
    (ended.at, pauses.collect())
}

/// Without a GIL a collection waits for the last thread to come to a check point: soon in Python code, at its end in a native call
/// that does not let go, and not at all for one that does. Meanwhile nobody goes on.
#[test]
fn a_collection_stops_the_world() {
    let us = |us: u64| us * 1_000;
    let pause = |asked, begins, over| vec![(asked, 0), (begins, 1), (over, 2)];
    for (beside, expected) in [
        (r#"Cpu("3ms")"#, (us(4_000), pause(us(1_000), us(1_001), us(2_001)))),
        (r#"CpuHoldGil("1500us"), Cpu("1ms")"#, (us(3_500), pause(us(1_000), us(1_500), us(2_500)))),
        (r#"CpuNoGil("1500us"), Cpu("1ms")"#, (us(3_000), pause(us(1_000), us(1_000), us(2_000)))),
        (r#"Sleep("2900us"), Cpu("1ms")"#, (us(3_950), pause(us(1_000), us(1_000), us(2_000)))),
    ] {
        let (end, pauses) = collection("FreeThreaded(2)", beside);
        assert_eq!((end, pauses), (Time(expected.0), expected.1), "{beside}");
    }
    // With a GIL it is a call of C code that keeps it, and there is nothing to stop.
    let (_, pauses) = collection("Threads(2)", r#"Cpu("3ms")"#);
    assert_eq!(pauses, []);
}

#[test]
fn more_drops_than_takes_are_the_fault_of_the_steps() {
    let text = two("CPython()", "Object()", r#"DecRef("x")"#, r#"Sleep("1us"), Use("x")"#, "Threads(2)");
    let (ended, _) = runs(&text, 1).remove(0);
    let lines = ended.outcome.explanation();
    assert!(lines[0].starts_with("right uses \"x\" at 1.001us, which is freed"), "{lines:#?}");
    assert!(lines[1].ends_with("it dropped the last reference"), "{lines:#?}");
    assert!(lines[2].ends_with("the steps drop more references than they take"), "{lines:#?}");
}

/// A child process has a copy of the object, and frees its own.
#[test]
fn processes_have_objects_of_their_own() {
    let text = r#"(
        machine: (cores: 2, costs: Zero), shared: { "x": Object(references: 2) },
        programs: { "child": [DecRef("x"), DecRef("x")] },
        tasks: { "t": (steps: [IncRef("x"), Spawn(Process, "child"), Join("child"), Use("x")]) },
        allow: ["not-shared"],
    )"#;
    let (ended, count) = runs(text, 1).remove(0);
    assert_eq!((ended.outcome, count), (Outcome::Finished, 3));
}

#[test]
fn what_cannot_be_is_an_error() {
    let one = |interpreter: &str, shared: &str, steps: &str, expect: &str| {
        errors(&format!(
            r#"(interpreter: {interpreter}, shared: {{ "x": {shared}, "n": Int(0) }}, allow: ["unused"],
                tasks: {{ "t": (steps: [{steps}]) }}, expect: [{expect}])"#
        ))
    };
    for (interpreter, shared, steps, expect, said) in [
        ("PyPy()", "Object", r#"Use("x")"#, "", "E10 PyPy counts no references"),
        ("Native", "Object", r#"Mutate("x", "1us")"#, "", "E10 an object of native code has no lock of its own"),
        ("Jython", "Object", r#"Use("x")"#, "", "E10 Jython counts no references"),
        ("Native", "Object(references: 0)", r#"Use("x")"#, "", "E05 an object has 1 to 1000000000 references"),
        ("Native", "Object", r#"IncRef("n")"#, "", "E02 IncRef needs an Object, but \"n\" is an Int"),
        ("Native", "Object", r#"Load("x")"#, "", "E02 Load needs an Int or a ThreadLocal, but \"x\" is an Object"),
        ("Native", "Object", r#"Use("y")"#, "", "E01 no shared object named \"y\""),
        ("Native", "Object", r#"Use("x")"#, r#"Leaked("n")"#, "E13 \"n\" is an Int, which nobody frees"),
        ("Native", "Object", r#"Use("x")"#, r#"UsedAfterFree("z")"#, "E13 no shared object named \"z\""),
    ] {
        let found = one(interpreter, shared, steps, expect);
        assert!(found.len() == 1 && found[0].starts_with(said), "{said}: {found:#?}");
    }
}
