//! One wrong text per message, and where it points.

use crate::scenario::load::load;
use crate::scenario::path::Path;

const TASKS: &str = "tasks: {\"a\": (steps: [Cpu(\"1ms\")])}";

/// Code and underlined text of every message about a text.
fn said(text: &str) -> Vec<(&'static str, String)> {
    let loaded = load(text);
    let said = |code, span: std::ops::Range<usize>| (code, text[span].to_owned());
    loaded.diagnostics.iter().map(|wrong| said(wrong.code, wrong.labels[0].span.clone())).collect()
}

fn expect_said(text: &str, expected: &[(&'static str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(code, at)| (*code, (*at).to_owned())).collect();
    assert_eq!(said(text), expected, "{text}");
}

/// Text with the first fix of every message applied.
fn fixed(text: &str) -> String {
    let mut fixes: Vec<_> = load(text).diagnostics.into_iter().filter_map(|wrong| wrong.fix).collect();
    fixes.sort_by_key(|fix| std::cmp::Reverse(fix.span.start));
    fixes
        .iter()
        .fold(text.to_owned(), |text, fix| format!("{}{}{}", &text[..fix.span.start], fix.text, &text[fix.span.end..]))
}

#[test]
fn syntax_messages_point_at_the_slip() {
    for (code, at, body) in [
        ("S02", "\"5s", "until: \"5s"),
        ("S02", "\"5s", "until: \"5s, title: \"x\""),
        ("S02", "r#", "title: r#\"x"),
        ("S03", "/*", "/* no end"),
        ("S04", "#", "# a comment\nseed: 1"),
        ("S05", "'abc'", "title: 'abc'"),
        ("S05", "“abc”", "title: “abc”"),
        ("S05", "Hello world", "title: Hello world"),
        ("S06", "5ms", "until: 5ms"),
        ("S06", "5 s", "until: 5 s"),
        ("S06", "50%", "seed: 50%"),
        ("S07", ";", "seed: 1;"),
        ("S09", ":", "seed: ,"),
        ("S11", ",", "seed: 1,,"),
        ("S12", "=", "seed = 1"),
        ("S13", "\"seed\"", "\"seed\": 1"),
        ("S14", "a", "allow: [a: 1]"),
        ("S15", "Serial", "Serial"),
        ("S15", "Serial", "devices: {Serial}"),
        ("S16", ":", "seed: : 1"),
        ("S17", "runs", "seed: 1 runs: 2"),
        ("S18", "[", "models: [Threads[2]]"),
        ("S19", "seed", "seed: 1, seed: 2"),
        ("S20", "warm-up", "warm-up: \"1s\""),
        ("S20", "\\q", "title: \"\\q\""),
        ("S20", "$", "seed: 1 $"),
    ] {
        let found = said(&format!("({TASKS}, {body}\n)"));
        let first = found.first().map(|(code, at)| (*code, at.as_str()));
        assert_eq!(first, Some((code, at)), "{body}: {found:?}");
        assert_eq!(found.len(), 1, "one slip, one message: {body}: {found:?}");
    }
}

#[test]
fn brackets_that_are_lost_or_wrong() {
    expect_said("", &[("S01", "")]);
    expect_said("// nothing\n", &[("S01", "// nothing\n")]);
    expect_said(TASKS, &[("S01", "tasks")]);
    expect_said(&format!("({TASKS})) // x"), &[("S08", ") // x")]);
    expect_said(&format!("({TASKS}"), &[("S10", "(")]);
    expect_said(&format!("({TASKS}, models: [Threads(2), Serial)"), &[("S10", "[")]);
    expect_said(&format!("({TASKS}, models: [Serial}})"), &[("S10", "}")]);
    // The indentation tells which bracket it was.
    let text = "(\n    machine: (cores: 2,\n    tasks: {\n        \"a\": (steps: [Cpu(\"1ms\")]),\n    },\n)\n";
    let wrong = &load(text).diagnostics[..];
    assert_eq!(wrong.len(), 1);
    assert_eq!((wrong[0].code, wrong[0].labels[0].span.clone()), ("S10", 15..16));
    assert_eq!(&text[wrong[0].labels[1].span.clone()], "tasks");
}

#[test]
fn type_messages_point_at_the_value() {
    for (code, at, body) in [
        ("T01", "sed", "sed: 1"),
        ("T01", "coers", "machine: (coers: 1)"),
        ("T02", "RoundRobbin", "machine: (scheduler: RoundRobbin(\"1ms\"))"),
        ("T02", "Exq", "devices: {\"d\": (latency: Exq(\"5ms\"))}"),
        ("T02", "2", "models: [2]"),
        ("T02", "(", "interpreter: (switch_interval: \"1ms\")"),
        ("T03", "\"d\"", "devices: {\"d\": (slots: 1)}"),
        ("T03", "Latency", "expect: [Latency(at_most: \"1s\")]"),
        ("T04", "Serial(2)", "models: [Serial(2)]"),
        ("T04", "Threads", "models: [Threads]"),
        ("T04", "3", "models: [Threads(2, 3)]"),
        ("T04", "4", "models: [Hybrid(4, Asyncio)]"),
        ("T04", "n", "models: [Threads(n: 4)]"),
        ("T04", "Repeat(3)", "programs: {\"p\": [Repeat(3)]}"),
        ("T05", "\"3\"", "seed: \"3\""),
        ("T05", "Hello", "title: Hello"),
        ("T05", "'x'", "title: 'x'"),
        ("T05", "disk", "devices: {disk: (latency: \"1ms\")}"),
        ("T06", "2.5", "seed: 2.5"),
        ("T06", "-2", "seed: -2"),
        ("T06", "5000000000", "runs: 5000000000"),
        ("T06", "1e9", "max_events: 1e9"),
        ("T06", "True", "seed: True"),
        ("T06", "None", "max_events: None"),
        ("T07", "{", "devices: {\"d\": {latency: \"1ms\"}}"),
        ("T07", "(", "models: (Serial, Asyncio)"),
        ("T07", "[", "devices: [\"disk\"]"),
        ("T07", "Serial", "models: Serial"),
        ("T07", "\"1ms\"", "devices: {\"d\": \"1ms\"}"),
        ("T08", "\"Serial\"", "models: [\"Serial\"]"),
        ("T08", "True", "interpreter: CPython(unsafe_extension: True)"),
        ("T09", "Dev", "devices: {\"d\": Dev(latency: \"1ms\")}"),
        ("T10", "sec", "until: \"5sec\""),
        ("T10", "5", "until: 5"),
        ("T10", "sec", "devices: {\"d\": (latency: \"5sec\")}"),
        ("T10", "m", "devices: {\"d\": (latency: /* c */ Exp(\"5m\"))}"),
        ("T10", "5", "devices: {\"d\": (latency: 5)}"),
        ("T10", "-5s", "until: \"-5s\""),
        ("T10", "1.2.3", "until: \"1.2.3s\""),
        ("T10", "Exp(\"1s\")", "until: Exp(\"1s\")"),
        ("T10", "Exp()", "until: Exp()"),
    ] {
        expect_said(&format!("({body}, {TASKS})"), &[(code, at)]);
        expect_said(&format!("({body},\r\n{TASKS})"), &[(code, at)]);
        expect_said(&format!("\u{feff}(/* µ */ {body}, {TASKS})"), &[(code, at)]);
    }
    expect_said("(tasks: {\"a\": (arrive: Poisson(\"5/sec\"), steps: [])})", &[("T10", "sec")]);
    expect_said("(tasks: {\"a\": (arrive: Poisson(5), steps: [])})", &[("T10", "5")]);
    expect_said("()", &[("T03", "(")]);
    expect_said("5", &[("T07", "5")]);
}

#[test]
fn nesting_bombs_are_refused() {
    for open in ["(", "[", "{", "A(", "(a:", "[(", "{\"a\":"] {
        for count in [150, 250, 100_000] {
            let text = open.repeat(count);
            assert!(!said(&text).is_empty(), "{count} x {open}");
        }
    }
    let deep = format!("{}Yield{}", "Repeat(2, [".repeat(60), "])".repeat(60));
    let text = format!("(tasks: {{\"a\": (steps: [{deep}])}})");
    assert_eq!(said(&text)[0].0, "T11");
    let deeper = format!("(tasks: {{\"a\": (steps: {}{})}})", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(said(&deeper)[0].0, "T11");
}

#[test]
fn many_errors_come_at_once() {
    let text = r#"(
    machine: (coers: 2, scheduler: Fare),
    devices: {"d": (latency: "5sec", slots: -1)},
    tasks: {
        "a": (count: "3", steps: [Cpu, Slep("2ms"), Io(disk)]),
        "b": (count: 1),
    },
    until: 5ms,
    title = 'x',
)"#;
    let codes: Vec<_> = said(text).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["T01", "T02", "T10", "T06", "T05", "T04", "T02", "T05", "T03", "S06", "S12", "T05"]);
    assert!(load(text).scenario.is_some());
}

#[test]
fn long_lines_and_many_slips_take_no_time() {
    // Where the reader is quadratic, this takes minutes.
    for text in
        ["(".to_owned() + &"a b ".repeat(50_000), "'".repeat(100_001), "(a:[".to_owned() + &"5ms,".repeat(50_000)]
    {
        assert!(!said(&text).is_empty());
    }
}

#[test]
fn a_text_over_lines_is_no_slip() {
    expect_said(&format!("({TASKS}, title: \"two\nlines\", seed = 1)"), &[("S12", "=")]);
}

#[test]
fn fixes_repair() {
    let text = "(# a comment\n \"seed\" = 1; runs: \"3\",, until: 5s, warm-up: '10ms', models: [\"Threads(3)\", Thread(2)], title: Two words,\n tasks: {\"a\": (stepps: [Cpu(\"1sec\"), Yield(1)])})";
    let once = fixed(text);
    let twice = fixed(&once);
    assert_eq!(said(&twice), [], "{once}\n{twice}");
}

#[test]
fn paths_lead_to_places() {
    let text = r#"(
    tasks: {
        "a.b": (count: Some(2), steps: [Choose({0.8: [], 0.2: [Cpu(Exp("1ms"))]}), With("l", [Yield])]),
    },
    models: [Serial, Threads(2), Hybrid(processes: 4, each: Threads(10))],
)"#;
    let loaded = load(text);
    assert_eq!(loaded.diagnostics, []);
    for (path, key, value, name) in [
        ("tasks[\"a.b\"].count", Some("count"), "2", None),
        ("tasks[\"a.b\"].steps[0][0][1][0][0][0]", None, "\"1ms\"", None),
        ("tasks[\"a.b\"].steps[1][1][0]", None, "Yield", Some("Yield")),
        ("tasks[\"a.b\"].steps[0][0][1]", Some("0.2"), "[Cpu(Exp(\"1ms\"))]", None),
        ("models[1][0]", None, "2", None),
        ("models[2].each", Some("each"), "Threads(10)", Some("Threads")),
        ("models[2].each[0]", None, "10", None),
    ] {
        let place = loaded.cst.place(&Path::parse(path).unwrap()).unwrap_or_else(|| panic!("{path} leads nowhere"));
        assert_eq!(place.key.map(|span| &text[span]), key, "{path}");
        assert_eq!(&text[place.value], value, "{path}");
        assert_eq!(place.name.map(|span| &text[span]), name, "{path}");
    }
    let absent = Path::parse("models[1][1]").unwrap();
    assert_eq!(loaded.cst.place(&absent), None);
    assert_eq!(&text[loaded.cst.nearest(&absent)], "Threads(2)");
    assert_eq!(loaded.cst.place(&Path::parse("tasks[0].count[0]").unwrap()), None);
}
