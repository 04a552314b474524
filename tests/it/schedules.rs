//! `gilsim test` and `gilsim replay`, as people use them.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

const BANK: &str = r#"(
    interpreter: Native,
    shared: { "balance": Int(100), "lock": Lock },
    tasks: { "withdraw": (count: 2, steps: [
        With("lock", [Load("balance")]),
        If(AtLeast(Own("balance"), 80), [
            With("lock", [Load("balance"), Add("balance", -80), Store("balance")]),
        ]),
    ]) },
    models: [Threads(2)],
    expect: [Final(var: "balance", at_least: 0)],
)"#;

const TURNS: &str = r#"(
    shared: { "a": Lock, "b": Lock },
    tasks: {
        "left": (steps: [With("a", [With("b", [])])]),
        "right": (steps: [With("b", [With("a", [])])]),
    },
    models: [Threads(2), Serial],
    allow: ["lock-order"],
)"#;

fn gilsim(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gilsim"));
    let Output { status, stdout, stderr } = command.args(arguments).current_dir(folder.path()).output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert!(!text.contains("panicked"), "{text}");
    (status.code().unwrap(), text)
}

fn folder(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("s.ron"), text).unwrap();
    folder
}

/// The token in the output of a failed test.
fn token(text: &str) -> String {
    text.split('\'').find(|part| part.starts_with("gs1.")).unwrap_or_else(|| panic!("no token: {text}")).to_owned()
}

#[test]
fn a_race_is_found_shown_and_replayed() {
    let folder = folder(BANK);
    let (code, text) = gilsim(&folder, &["test", "s.ron"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the last value is -60"), "{text}");
    assert!(text.contains("in 4 of 6 schedules"), "{text}");
    assert!(text.contains("1 preemption"), "{text}");
    let token = token(&text);
    assert!(token.ends_with(".withdraw[0]@3>withdraw[1]"), "{token}");
    let (code, replayed) = gilsim(&folder, &["replay", "s.ron", "--schedule", &token]);
    assert_eq!(code, 1, "{replayed}");
    assert!(replayed.contains("the last value is -60"), "{replayed}");
    // The base schedule does no harm.
    let base = token.rsplit_once('.').unwrap().0.to_owned() + ".";
    let (code, replayed) = gilsim(&folder, &["replay", "s.ron", "--schedule", &base]);
    assert_eq!(code, 0, "{replayed}");
}

#[test]
fn a_repaired_race_is_proved() {
    let repaired =
        BANK.replace("With(\"lock\", [Load(\"balance\")]),\n        If(", "With(\"lock\", [Load(\"balance\"), If(");
    let repaired = repaired.replace(
        "With(\"lock\", [Load(\"balance\"), Add(\"balance\", -80), Store(\"balance\")]),\n        ]),",
        "Add(\"balance\", -80), Store(\"balance\"),\n        ])]),",
    );
    let (code, text) = gilsim(&folder(&repaired), &["test", "s.ron"]);
    assert_eq!(code, 0, "{repaired} {text}");
    assert!(text.contains("proved, all 2 schedules"), "{text}");
}

#[test]
fn a_deadlock_tells_who_waits_for_whom() {
    let folder = folder(TURNS);
    let (code, text) = gilsim(&folder, &["test", "s.ron"]);
    assert_eq!(code, 1, "{text}");
    for words in
        ["a deadlock", "left waits for b, which right holds", "right waits for a, which left holds", "Serial: proved"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    fs::write(folder.path().join("s.ron"), TURNS.replace("allow:", "expect: [In(Threads(2), [Deadlock])], allow:"))
        .unwrap();
    assert_eq!(gilsim(&folder, &["test", "s.ron"]).0, 0);
}

#[test]
fn what_must_be_possible_is_looked_for() {
    for (bounds, code) in [("at_most: -1", 0), ("is: 20", 0), ("is: 21", 1)] {
        let text = BANK
            .replace("Final(var: \"balance\", at_least: 0)", &format!("Sometimes(Final(var: \"balance\", {bounds}))"));
        assert_eq!(gilsim(&folder(&text), &["test", "s.ron"]).0, code, "{bounds}");
    }
}

#[test]
fn where_there_are_too_many_states_schedules_are_drawn() {
    let folder = folder(BANK);
    let (code, text) = gilsim(&folder, &["test", "s.ron", "--states", "5"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("in random schedule"), "{text}");
    assert_eq!(gilsim(&folder, &["replay", "s.ron", "--schedule", &token(&text)]).0, 1);
    fs::write(folder.path().join("s.ron"), BANK.replace("Int(100)", "Int(1000)")).unwrap();
    let (code, text) = gilsim(&folder, &["test", "s.ron", "--states", "5", "--schedules", "100"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("none of 100 random schedules"), "{text}");
}

#[test]
fn tokens_that_do_not_fit_are_refused() {
    let folder = folder(BANK);
    let token = token(&gilsim(&folder, &["test", "s.ron"]).1);
    for (schedule, code) in [
        ("nonsense", 2),
        ("gs1.12.a@1>b", 2),
        ("gs1.1.12.a@1>b", 2),
        (&token.replacen("gs1.1.", "gs1.0.", 1), 5),
        (&token.replace('@', "+"), 2),
        (&token.replace("gs1.", "gs1.0").replacen("gs1.0", "gs1.", 1).replace("@3", "@33"), 5),
    ] {
        assert_eq!(gilsim(&folder, &["replay", "s.ron", "--schedule", schedule]).0, code, "{schedule}");
    }
    fs::write(folder.path().join("s.ron"), BANK.replace("-80", "-70")).unwrap();
    let (code, text) = gilsim(&folder, &["replay", "s.ron", "--schedule", &token]);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("another scenario"), "{text}");
}

#[test]
fn endless_work_is_not_searched() {
    let text = r#"(tasks: { "job": (arrive: Every("1ms"), steps: [Cpu("10us")]) }, until: "1s")"#;
    let (code, text) = gilsim(&folder(text), &["test", "s.ron"]);
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("have no end"), "{text}");
}

/// Plain counts are explored as what they are: a load and a store, between which others come where there is no GIL.
#[test]
fn a_use_after_free_and_a_leak_are_found() {
    let objects = |references: u32, steps: &str, expect: &str| {
        folder(&format!(
            r#"(
                shared: {{ "x": Object(references: {references}, counts: Plain) }},
                tasks: {{ "user": (count: 2, steps: [{steps}]) }},
                models: [FreeThreaded(2), Threads(2)],
                expect: [{expect}],
            )"#
        ))
    };
    let (uses, drops) = (r#"IncRef("x"), Use("x"), DecRef("x"), DecRef("x")"#, r#"DecRef("x")"#);
    let leaks = r#"In(FreeThreaded(2), [Sometimes(Leaked("x"))])"#;
    for (steps, expect, said) in
        [(uses, leaks, "x is used after it was freed"), (drops, "", "x is never freed, though all references")]
    {
        let (code, text) = gilsim(&objects(2, steps, expect), &["test", "s.ron"]);
        assert_eq!(code, 1, "{text}");
        assert!(text.contains(said), "{text}");
        assert!(text.contains("user[0]") && text.contains("reads x = 2") && text.contains("writes x = "), "{text}");
    }
    // What is expected must be possible, and is no failure then.
    let both = r#"In(FreeThreaded(2), [Sometimes(UsedAfterFree("x")), Sometimes(Leaked("x"))])"#;
    let (code, text) = gilsim(&objects(2, uses, both), &["test", "s.ron"]);
    assert_eq!(code, 0, "{text}");
    let never = r#"In(FreeThreaded(2), [Sometimes(UsedAfterFree("x")), Sometimes(Leaked("x"))]), In(Threads(2), [Sometimes(Leaked("x"))])"#;
    let (code, text) = gilsim(&objects(2, uses, never), &["test", "s.ron"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("Leaked(\"x\")"), "{text}");
}

#[test]
fn bad_schedules_are_kept_and_tried_first() {
    let folder = folder(BANK);
    let kept = folder.path().join("s.regressions");
    assert_eq!(gilsim(&folder, &["test", "s.ron", "--no-keep"]).0, 1);
    assert!(!kept.exists());
    assert_eq!(gilsim(&folder, &["test", "s.ron"]).0, 1);
    let text = fs::read_to_string(&kept).unwrap();
    assert!(text.contains("withdraw[0]@3>withdraw[1]") && text.contains("the last value is -60"), "{text}");
    // The same schedule is not kept twice.
    assert_eq!(gilsim(&folder, &["test", "s.ron"]).0, 1);
    assert_eq!(fs::read_to_string(&kept).unwrap(), text);
    // It is found again where a search does not get far, also in a scenario that was changed.
    fs::write(folder.path().join("s.ron"), BANK.replace("Int(100)", "Int(110)")).unwrap();
    let (code, said) = gilsim(&folder, &["test", "s.ron", "--strategy", "exhaustive", "--states", "3"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("that an earlier test kept") && said.contains("the last value is -50"), "{said}");
    // A scenario that it breaks no more says so.
    fs::write(folder.path().join("s.ron"), BANK.replace("Int(100)", "Int(1000)")).unwrap();
    let (code, said) = gilsim(&folder, &["test", "s.ron"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("1 schedule of earlier tests breaks nothing any more"), "{said}");
}

#[test]
fn a_spoiled_file_of_kept_schedules_is_an_error() {
    let folder = folder(BANK);
    for (text, words) in [
        ("(failures: [", "s.regressions: 1:12"),
        ("(failures: [(model: \"Threads(2)\", schedule: \"gs1\", failure: \"\")])", "failure 1: this is no schedule"),
    ] {
        fs::write(folder.path().join("s.regressions"), text).unwrap();
        let (code, said) = gilsim(&folder, &["test", "s.ron"]);
        assert!(code == 2 && said.contains(words), "{said}");
    }
}

#[test]
fn a_budget_that_is_used_up_decides_nothing() {
    let folder = folder(&BANK.replace("Int(100)", "Int(1000)"));
    let exhaustive = ["test", "s.ron", "--strategy", "exhaustive", "--states", "3"];
    let (code, text) = gilsim(&folder, &exhaustive);
    assert!(code == 3 && text.contains("inconclusive after"), "{text}");
    let drawn = ["test", "s.ron", "--strategy", "random", "--schedules", "100"];
    let (code, text) = gilsim(&folder, &drawn);
    assert!(code == 0 && text.contains("none of 100 random schedules"), "{text}");
    assert_eq!(gilsim(&folder, &[&drawn[..], &["--prove"]].concat()).0, 3);
    assert_eq!(gilsim(&folder, &["test", "s.ron", "--prove"]).0, 0);
    for none in
        [["--states", "0"], ["--schedules", "0"], ["--time", "0s"], ["--strategy", "pct:0"], ["--strategy", "x"]]
    {
        let (code, text) = gilsim(&folder, &["test", "s.ron", none[0], none[1]]);
        assert_eq!(code, 2, "{text}");
    }
}

#[test]
fn every_strategy_finds_a_race() {
    let folder = folder(BANK);
    for strategy in ["portfolio", "random", "pct:2", "pos", "uniform", "delay:1", "delay:2", "exhaustive", "any"] {
        let (code, text) = gilsim(&folder, &["test", "s.ron", "--no-keep", "--strategy", strategy]);
        assert!(code == 1 && text.contains("1 preemption"), "{strategy}: {text}");
    }
    // Without any preemption there is none to find.
    assert_eq!(gilsim(&folder, &["test", "s.ron", "--no-keep", "--strategy", "pct:1", "--schedules", "500"]).0, 0);
}

#[test]
fn what_was_found_is_json_and_junit() {
    let folder = folder(BANK);
    let (code, _) = gilsim(&folder, &["test", "s.ron", "--json", "found.json", "--junit", "found.xml"]);
    assert_eq!(code, 1);
    let text = fs::read_to_string(folder.path().join("found.json")).unwrap();
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let case = &found["scenarios"][0]["cases"][0];
    assert_eq!((&found["exit"], &found["behaviour"]), (&1.into(), &1.into()));
    assert_eq!((case["verdict"].as_str(), case["model"].as_str()), (Some("failed"), Some("Threads(2)")));
    let explored = &case["explored"];
    assert_eq!((&explored["schedules"], &explored["bad"], &explored["deadlocks"]), (&6.into(), &4.into(), &0.into()));
    assert_eq!(explored["random_walk"], 0.5);
    let failure = &case["failure"];
    assert_eq!(
        (&failure["kind"], &failure["preemptions"], &failure["delays"]),
        (&"final".into(), &1.into(), &1.into())
    );
    let schedule = failure["schedule"].as_str().unwrap();
    assert_eq!(gilsim(&folder, &["replay", "s.ron", "--schedule", schedule]).0, 1);
    let xml = fs::read_to_string(folder.path().join("found.xml")).unwrap();
    for words in
        ["<testsuite name=\"s.ron\" tests=\"1\" failures=\"1\"", "type=\"final\"", "withdraw[0]@3&gt;withdraw[1]"]
    {
        assert!(xml.contains(words), "{words}: {xml}");
    }
    // On standard output there is nothing else.
    let (_, text) = gilsim(&folder, &["test", "s.ron", "--json", "-"]);
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
}

/// What does not matter for the lost update is left out; what it takes to come to 4 is not, for then every schedule would be bad.
#[test]
fn a_scenario_that_fails_is_made_smaller() {
    let text = r#"(
        title: "Much of this does not matter",
        machine: (cores: 8),
        interpreter: Native,
        shared: { "x": Int(0), "y": Int(0), "lock": Lock },
        tasks: {
            "add": (count: 2, steps: [Repeat(2, [
                With("lock", [Incr("y")]),
                Cpu("1ms"),
                If(AtLeast("y", 0), [Load("x"), Cpu("20us"), Add("x", 1), Store("x")]),
            ])]),
            "other": (steps: [With("lock", [Cpu("2ms")]), Yield]),
        },
        models: [Threads(3), Serial],
        expect: [Final(var: "x", is: 4), Final(var: "y", at_least: 0)],
    )"#;
    let (code, said) = gilsim(&folder(text), &["test", "s.ron", "--shrink"]);
    assert_eq!(code, 1, "{said}");
    let small = said.split("nothing can be left out of this any more):").nth(1).unwrap_or_else(|| panic!("{said}"));
    for gone in ["lock", "\"y\"", "other", "1ms", "machine", "title", "interpreter"] {
        assert!(!small.contains(gone), "{gone}: {small}");
    }
}

#[test]
fn what_makes_states_endless_is_said() {
    let text = r#"(
        interpreter: Native,
        shared: { "n": Int(0), "stop": Int(0) },
        tasks: {
            "count": (steps: [While(Is("stop", 0), [FetchAdd("n"), Cpu("1us")])]),
            "other": (steps: [Forever([Yield, Cpu("1us")])]),
        },
        models: [ThreadPerTask],
        until: "1ms",
        allow: ["unused"],
    )"#;
    for strategy in ["exhaustive", "any"] {
        let (code, said) = gilsim(&folder(text), &["test", "s.ron", "--states", "1000", "--strategy", strategy]);
        assert!(code == 3 && said.contains("states have no end, \"n\" is "), "{said}");
    }
}

/// Coroutines are told with all that happens between two awaits.
#[test]
fn a_step_between_two_awaits_tells_all_that_it_does() {
    let text = r#"(
        shared: { "x": Int(0) },
        tasks: { "add": (count: 2, steps: [Load("x"), Sleep("0s"), Add("x", 1), Store("x")]) },
        models: [Asyncio],
        expect: [Final(var: "x", is: 2)],
    )"#;
    let (code, said) = gilsim(&folder(text), &["test", "s.ron"]);
    assert_eq!(code, 1, "{said}");
    for words in ["  begins, reads x = 0\n", "  sleeps, writes x = 1"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn one_scenario_is_asked_in_five_worlds() {
    let text = r#"(
        shared: { "x": Int(0) },
        tasks: { "add": (count: 2, steps: [Repeat(50, [Incr("x"), Cpu("3us")])]) },
        models: [ThreadPerTask],
        expect: [Final(var: "x", is: 100)],
    )"#;
    let text = text.replace("Repeat(50, [Incr(\"x\"), Cpu(\"3us\")])", "Incr(\"x\")").replace("100", "2");
    let (code, said) = gilsim(&folder(&text), &["test", "s.ron", "--matrix", "--timed", "50", "--json", "f.json"]);
    assert_eq!(code, 0, "{said}");
    let row =
        |name: &str| said.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_else(|| panic!("{said}"));
    for (world, verdict) in [
        ("CPython 3.9, threads", "FAIL, 4 of 6"),
        ("CPython 3.12, threads", "proved"),
        ("CPython 3.14, free-threaded", "FAIL, 4 of 6"),
        ("CPython 3.14, asyncio", "proved"),
        ("CPython 3.14, processes", "FAIL"),
    ] {
        assert!(row(world).contains(verdict), "{world}: {said}");
    }
}

#[test]
fn how_often_is_another_question_than_whether() {
    let text = r#"(
        machine: (cores: 2),
        interpreter: Native,
        shared: { "x": Int(0) },
        tasks: { "add": (count: 2, steps: [Load("x"), Cpu("100us"), Add("x", 1), Store("x")]) },
        models: [ThreadPerTask],
        expect: [Final(var: "x", is: 2)],
    )"#;
    let often = |cores: &str| gilsim(&folder(text), &["test", "s.ron", "--timed", "50", "--set", cores]).1;
    assert!(often("machine.cores=2").contains("50 of 50 runs go wrong"), "{}", often("machine.cores=2"));
    assert!(often("machine.cores=1").contains("0 of 50 runs go wrong, 0.0 to 7.1 %"), "{}", often("machine.cores=1"));
}

#[test]
fn nothing_depends_on_the_number_of_jobs() {
    // More than one piece of work, and a bug that is not in the first schedules.
    let text =
        BANK.replace("count: 2", "count: 3").replace("Threads(2)", "ThreadPerTask").replace("Int(100)", "Int(240)");
    let found = |jobs: &str, more: &[&str]| {
        let asked = ["test", "s.ron", "--no-keep", "--strategy", "portfolio", "--schedules", "40000", "--jobs", jobs];
        gilsim(&folder(&text), &[&asked[..], more].concat())
    };
    let (code, said) = found("1", &[]);
    assert!(code == 0 && said.contains("none of 40000 random schedules"), "{said}");
    assert_eq!(found("2", &[]), (code, said));
    let text = text.replace("Int(240)", "Int(160)");
    let found =
        |jobs: &str| gilsim(&folder(&text), &["test", "s.ron", "--no-keep", "--strategy", "delay:2", "--jobs", jobs]);
    assert_eq!(found("1"), found("2"));
}

#[test]
fn an_invariant_says_after_which_step_it_is_broken() {
    let text = r#"(
        interpreter: Native,
        shared: { "flag": Int(0), "inside": Int(0) },
        tasks: { "enter": (count: 2, steps: [
            If(Is("flag", 0), [Store("flag", 1), FetchAdd("inside"), FetchAdd("inside", -1), Store("flag", 0)]),
        ]) },
        models: [ThreadPerTask],
        expect: [Always(AtMost("inside", 1))],
    )"#;
    let (code, said) = gilsim(&folder(text), &["test", "s.ron"]);
    assert_eq!(code, 1, "{said}");
    let words = "Always(AtMost(\"inside\", 1)): it does not hold after step ";
    let step: usize = said.split(words).nth(1).and_then(|rest| rest.split(',').next()).unwrap().parse().unwrap();
    let line = said.lines().find(|line| line.trim_start().starts_with(&format!("{step}  "))).unwrap();
    assert!(line.contains("changes inside from 1 to 2"), "{said}");
}
