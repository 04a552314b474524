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
