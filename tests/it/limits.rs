//! Scenarios as long as a file may be: an answer in little time, never an abort.

use std::fmt::Write as _;

use gilsim::scenario::compile;
use gilsim::scenario::diagnostic::Diagnostic;

fn errors(text: &str) -> Vec<Diagnostic> {
    compile("a", text, &[]).map_or_else(|errors| errors, |_| Vec::new())
}

fn codes(text: &str) -> Vec<&'static str> {
    let mut codes: Vec<&str> = errors(text).iter().map(|error| error.code).collect();
    codes.dedup();
    codes
}

/// Programs `p0`, `p1`, ..., each with `step(next)`, and a task that begins with the first.
fn chain(length: usize, step: impl Fn(usize) -> String) -> String {
    let mut programs = String::new();
    for index in 1..length {
        let _ = writeln!(programs, "\"p{}\": [{}],", index - 1, step(index));
    }
    let first = step(0);
    format!(
        "(until: \"1s\", tasks: {{\"a\": (steps: [{first}])}}, models: [ThreadPerTask], programs: {{ {programs} \"p{}\": [Cpu(\"1ms\")] }})",
        length - 1
    )
}

fn call(index: usize) -> String {
    format!("Call(\"p{index}\")")
}

#[test]
fn calls_nest_64_deep_and_no_deeper() {
    assert_eq!(codes(&chain(64, call)), [] as [&str; 0]);
    for length in [65, 66, 9_000] {
        let found = errors(&chain(length, call));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].code, "E05");
        assert!(found[0].title.contains("at most 64 programs"), "{}", found[0].title);
    }
}

#[test]
fn deep_calls_of_nested_steps_fit_the_stack() {
    let nested = |index: usize| format!("{}{}{}", "Repeat(2, [".repeat(20), call(index), "])".repeat(20));
    assert_eq!(codes(&chain(64, nested)), [] as [&str; 0]);
}

/// Loops and calls are followed to know where connections are closed, and not for ever.
#[test]
fn nested_loops_with_connections_are_checked_in_time() {
    let nested = |index: usize| format!("{}{}{}", "Repeat(2, [".repeat(20), call(index), "])".repeat(20));
    let network =
        "network: { \"h\": Host(latency: \"1ms\") }, tasks: { \"n\": (steps: [Connect(\"h\"), Close(\"h\")]), ";
    let text = chain(64, nested).replacen("tasks: {", network, 1);
    assert!(text.contains("Host"), "{text}");
    assert_eq!(codes(&text), [] as [&str; 0]);
}

#[test]
fn chains_of_children_are_as_long_as_programs_are_many() {
    let spawn = |index: usize| format!("Spawn(Thread, \"p{index}\"), Join(\"p{index}\")");
    assert_eq!(codes(&chain(9_000, spawn)), [] as [&str; 0]);
    let circle = chain(9_000, call).replace("\"p8999\": [Cpu(\"1ms\")]", "\"p8999\": [Call(\"p0\")]");
    assert_eq!(codes(&circle), ["E03"]);
}

fn tasks(count: usize, fields: impl Fn(usize) -> String) -> String {
    let mut tasks = String::new();
    for index in 0..count {
        let _ = writeln!(tasks, "\"t{index}\": ({} steps: [Cpu(\"1ms\")]),", fields(index));
    }
    format!("(until: \"1s\", models: [Serial], tasks: {{ {tasks} }})")
}

#[test]
fn a_scenario_has_ten_thousand_tasks_and_programs_at_most() {
    assert_eq!(codes(&tasks(10_000, |_| String::new())), [] as [&str; 0]);
    let many = errors(&tasks(10_001, |_| String::new()));
    assert_eq!((many.len(), many[0].code), (1, "E05"));
    assert_eq!(many[0].title, "10001 tasks are too many: at most 10000");
    let programs = errors(&chain(10_001, |index| format!("Spawn(Thread, \"p{index}\")")));
    assert_eq!(programs[0].title, "10001 programs are too many: at most 10000");
}

#[test]
fn long_chains_of_tasks_are_checked_in_either_order() {
    let before = |index: usize| if index == 0 { String::new() } else { format!("after: [\"t{}\"],", index - 1) };
    assert_eq!(codes(&tasks(5_000, before)), [] as [&str; 0]);
    // The last is endless, and each waits for the one behind it: all others can never start.
    let behind = |index: usize| match index {
        4_999 => "arrive: Every(\"1ms\"),".to_owned(),
        _ => format!("after: [\"t{}\"],", index + 1),
    };
    let found = errors(&tasks(5_000, behind));
    assert_eq!((found.len(), found[0].code), (4_999, "E11"));
    let circle = errors(&tasks(5_000, |index| format!("after: [\"t{}\"],", (index + 1) % 5_000)));
    assert_eq!((circle.len(), circle[0].code), (1, "E03"));
}

#[test]
fn the_largest_seed_does_for_one_run() {
    let seed = |runs: u32| format!("(seed: 18446744073709551615, runs: {runs}, tasks: {{\"a\": (steps: [Yield])}})");
    assert_eq!(codes(&seed(1)), [] as [&str; 0]);
    assert_eq!(codes(&seed(2)), ["E05"]);
}

/// A client is something on its way, of which a run holds no more than 16 million.
#[test]
fn a_million_clients_come_at_one_instant_at_most() {
    for (count, right) in [(1_000_000, true), (1_000_001, false), (20_000_000, false)] {
        let text = format!(
            r#"(network: {{ "l": Listener(clients: (arrive: AtOnce, count: {count}, request: "1B")) }}, until: "1s",
                tasks: {{ "t": (steps: [Accept("l")]) }}, models: [Serial])"#
        );
        let errors = gilsim::scenario::compile("x.ron", &text, &[]).err().unwrap_or_default();
        let titles: Vec<&str> = errors.iter().map(|error| error.title.as_str()).collect();
        let expected: &[&str] = if right { &[] } else { &["too many clients at once: at most 1000000"] };
        assert_eq!(titles, expected, "{count}");
    }
}
