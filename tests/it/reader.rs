//! The scenario reader on the shipped scenarios, as they are and damaged.

use gilsim::scenario::diagnostic::Diagnostic;
use gilsim::scenario::load::{Loaded, decode, load};
use gilsim::scenario::render::{position, render, short};

/// Name and text of every shipped scenario.
fn shipped() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "ron"));
    paths.sort();
    let read = |path: std::path::PathBuf| (path.display().to_string(), std::fs::read_to_string(&path).unwrap());
    paths.into_iter().map(read).collect()
}

#[test]
fn shipped_scenarios_have_no_errors() {
    let all = shipped();
    assert!(all.len() >= 14, "{}", all.len());
    for (name, text) in all {
        for text in [text.replace('\n', "\r\n"), format!("\u{feff}{text}"), text] {
            let Loaded { scenario, diagnostics, blanked, .. } = load(&text);
            assert_eq!(diagnostics, [], "{name}");
            assert!(scenario.is_some() && blanked.is_empty(), "{name}");
        }
    }
}

/// A small generator of its own, so that the cases are the same everywhere and for ever.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const SCRAPS: &[&str] = &[
    "(", ")", "[", "]", "{", "}", ",", ":", "=", ";", "#", "'", "\"", "\\", "//", "/*", "*/", "r#\"", "µ", "“", "5ms",
    "-1", "2.5", "1e400", "NaN", "True", "None", "Some(1)", "\n", "\r\n", "\u{feff}", "\0", "Exp(", "x: ", "\"a\"",
    "0x", "..", "+", "@",
];

/// A text with a character or token taken out, put in, doubled or replaced.
fn damage(text: &str, random: &mut Lcg) -> String {
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    if random.below(2) == 0 {
        // Whole words and signs.
        let is_edge = |at: &usize| {
            let before = text[..*at].chars().next_back().is_some_and(char::is_alphanumeric);
            let after = text[*at..].chars().next().is_some_and(char::is_alphanumeric);
            !(before && after)
        };
        cuts.retain(is_edge);
    }
    cuts.push(text.len());
    let place = random.below(cuts.len() - 1);
    let (from, to) = (cuts[place], cuts[place + 1]);
    let scrap = match random.below(4) {
        0 => "",
        1 => &text[from..to],
        _ => random.pick(SCRAPS),
    };
    let keep = if random.below(3) == 0 { from } else { to };
    format!("{}{scrap}{}", &text[..from], &text[keep..])
}

/// What must hold for every text: also the body of a fuzz target.
fn check(text: &str) -> Loaded {
    let loaded = load(text);
    let accepted = gilsim::scenario::load::dialect()
        .from_str::<gilsim::scenario::ast::Scenario>(text.strip_prefix('\u{feff}').unwrap_or(text));
    let twice = |wrong: &Diagnostic| wrong.code == "S19";
    let silent = loaded.diagnostics.iter().all(twice);
    assert_eq!(accepted.is_ok(), silent && loaded.scenario.is_some(), "{accepted:?}\n{:?}\n{text}", loaded.diagnostics);
    if accepted.is_err() {
        assert!(!loaded.diagnostics.is_empty(), "{accepted:?}\n{text}");
    }
    for wrong in &loaded.diagnostics {
        let labels = wrong.labels.iter().map(|label| &label.span);
        for span in labels.chain(wrong.fix.iter().map(|fix| &fix.span)) {
            assert!(text.get(span.clone()).is_some(), "{wrong:?}\n{text}");
        }
    }
    loaded
}

#[test]
fn damaged_scenarios_are_explained() {
    let all = shipped();
    let mut random = Lcg(7);
    let (mut broken, mut messages) = (0, 0);
    for case in 0..4_000 {
        let mut text = all[case % all.len()].1.clone();
        for _ in 0..1 + random.below(3) {
            text = damage(&text, &mut random);
        }
        let loaded = check(&text);
        broken += usize::from(!loaded.diagnostics.is_empty());
        messages += loaded.diagnostics.len();
        if case % 20 == 0 {
            let drawn = render("a.ron", &text, &loaded.diagnostics, case % 40 == 0);
            assert_eq!(drawn.is_empty(), loaded.diagnostics.is_empty());
        }
    }
    assert!(broken > 2_000, "{broken} broken files");
    println!("{broken} broken files, {messages} messages");
    assert!(messages < 3 * broken, "{messages} messages for {broken} broken files");
}

#[test]
fn any_bytes_are_read() {
    let mut random = Lcg(11);
    for _ in 0..2_000 {
        let scraps: String = (0..random.below(40)).map(|_| random.pick(SCRAPS)).collect();
        check(&scraps);
        let bytes: Vec<u8> = (0..random.below(60)).map(|_| random.below(256) as u8).collect();
        let (text, wrong) = decode(&bytes);
        check(&text);
        assert_eq!(wrong.is_none(), std::str::from_utf8(&bytes).is_ok());
        assert!(wrong.is_none_or(|wrong| text.get(wrong.labels[0].span.clone()).is_some()));
    }
}

#[test]
fn positions_count_lines_and_characters() {
    let text = "(\n  µs: 1, tasks: {})";
    let wrong = &load(text).diagnostics[0];
    assert_eq!(position(text, wrong.labels[0].span.start), (2, 3));
    assert_eq!(short("x.ron", text, wrong), "x.ron:2:3: error T01: no field `µs` in the scenario");
}

/// Underlined text and all words of every message about a text.
fn said(text: &str) -> Vec<(String, String)> {
    let words = |wrong: &Diagnostic| {
        let labels = wrong.labels.iter().map(|label| label.text.as_str()).collect::<Vec<_>>().join("; ");
        let fix = wrong.fix.as_ref().map_or("", |fix| &fix.text);
        format!("{}: {labels}; {}; {fix}", wrong.title, wrong.help.as_deref().unwrap_or_default())
    };
    load(text).diagnostics.iter().map(|wrong| (text[wrong.labels[0].span.clone()].to_owned(), words(wrong))).collect()
}

#[test]
fn what_is_written_elsewhere_is_answered_with_what_there_is_here() {
    let steps = |steps: &str| format!("(tasks: {{\"a\": (steps: [\n{steps}\n])}})");
    let field = |field: &str| format!("({field}, tasks: {{\"a\": (steps: [Yield])}})");
    for (text, at, words) in [
        ("(tasks: {'a': (steps: [])})".to_owned(), "'a'", "write \"a\""),
        (steps("for i in range(3):\n  Yield,"), "for i in range(3):", "Repeat(3, [..])"),
        (steps("Yield\n while True:\n  Yield,"), "while True:", "Forever"),
        (steps("if x: Yield"), "if x: Yield", "Choose"),
        (steps("def f():\n Yield"), "def f():", "programs"),
        (steps("import time\nYield"), "import time", "leave this out"),
        (steps("time.sleep(1),\nYield"), "time.sleep(1)", "Sleep(\"1s\")"),
        (steps("await Sleep(\"1s\")"), "await", "leave out `await`"),
        (steps("Sleep(5 * ms)"), "*", "\"5ms\""),
        (field("title: f\"x\""), "f", "leave this out"),
        (field("expect: [Elapsed < \"5ms\"]"), "<", "Elapsed(at_most: \"5ms\")"),
        (field("expect: [Elapsed >= \"5ms\"]"), ">", "Elapsed(at_least: \"5ms\")"),
        (steps("[Yield], [Yield]"), "[", "remove the inner brackets"),
        (steps("Repeat([Yield], 3)"), "[", "the order is Repeat(3, [..])"),
        (steps("With([Yield], \"lock\")"), "[", "With(\"lock\", [..])"),
        ("(tasks: [(\"a\", (steps: []))])".to_owned(), "[", "tasks: { \"a\": (..)"),
        (steps("Sleep(\"0,5ms\")"), ",", "write `.`"),
        ("(tasks: {\"a\": (arrive: Poisson(\"100/sec\"), steps: [])})".to_owned(), "sec", "did you mean `s`?"),
        (field("models: [ProcessPool(3)]"), "3", "for example ProcessPool(workers: 4)"),
        (field("models: [Pool(3)]"), "Pool", "did you mean `MultiprocessingPool`?"),
        (field("models: [ThreadPool(3)]"), "ThreadPool(3)", "of n workers: `Threads(n)`"),
        (field("interpreter: PyPy"), "PyPy", "PyPy()"),
        (field("interpreter: CPython(gil: false)"), "gil", "FreeThreaded(n)"),
    ] {
        let said = said(&text);
        let fits = said.len() == 1 && said[0].0 == at && said[0].1.contains(words);
        assert!(fits, "{said:#?} in\n{text}");
        assert!(!said[0].1.contains("'a'\""), "{said:#?}");
    }
}

#[test]
fn a_wrong_scheduler_is_answered_with_the_right_form() {
    let task = "tasks: {\"a\": (steps: [Yield])}";
    for (scheduler, at, words) in [
        (
            "RoundRobin(\"4ms\", timer: Inherited)",
            "timer",
            "RoundRobin(\"4ms\", [ArrivalsFirst | PreemptedFirst | ArrivalsUnseen], [Fresh",
        ),
        (
            "RoundRobin(slice: \"4ms\")",
            "slice",
            "RoundRobin(\"4ms\", [ArrivalsFirst | PreemptedFirst | ArrivalsUnseen], [Fresh",
        ),
        ("RoundRobin(\"4ms\", Inherited)", "Inherited", "a third: write RoundRobin(\"4ms\", ArrivalsFirst, Inherited)"),
        (
            "RoundRobin(\"4ms\", Inherited, PreemptedFirst)",
            "Inherited",
            "a third: write RoundRobin(\"4ms\", PreemptedFirst, Inherited)",
        ),
        ("Stride(\"4ms\", equals: ByTask)", "equals", "Stride(\"4ms\", [ByArrival | ByQueue | ByTask])"),
        ("Edf(equals: First)", "First", "no rule among equals `First`"),
        ("Eevdf(wakeup_preemption: No)", "No", "no rule for threads that wake `No`"),
        ("Edf(ByTask)", "ByTask", "write equals: ByTask"),
        ("Edf", "Edf", "written with brackets, since it can have fields: write Edf()"),
        ("Priority", "Priority", "write Priority()"),
        ("SchedFifo(throttle: \"4ms\")", "\"4ms\"", "a throttle is a record"),
    ] {
        let said = said(&format!("({task}, machine: (scheduler: {scheduler}))"));
        let fits = said.len() == 1 && said[0].0 == at && said[0].1.contains(words);
        assert!(fits, "{said:#?} of {scheduler}");
    }
    for (scheduler, fix) in [
        ("EarliestDeadlineFirst", "Edf()"),
        ("EDF", "Edf()"),
        ("MultiLevelFeedbackQueue", "Mlfq(quanta: [\"10ms\", \"20ms\", \"40ms\"], boost: \"1s\")"),
        ("FIFO", "FirstCome"),
        ("FCFS", "FirstCome"),
        ("LIFO", "LastCome"),
        ("CFS", "Fair"),
        ("SJF", "ShortestJobFirst()"),
        ("SRTF", "ShortestRemainingTime()"),
        ("SRPT", "ShortestRemainingTime()"),
        ("RR", "RoundRobin(\"4ms\")"),
        ("SCHED_RR", "SchedRr()"),
        ("fair", "Fair"),
    ] {
        let text = format!("({task}, machine: (scheduler: {scheduler}))");
        let wrong = load(&text).diagnostics;
        let fixed = wrong[0].fix.as_ref().map(|fix| fix.text.as_str());
        assert_eq!((wrong.len(), fixed), (1, Some(fix)), "{scheduler}");
        assert_eq!(load(&text.replace(scheduler, fix)).diagnostics, [], "{fix}");
    }
    // The values stay.
    let wrong = load(&format!("({task}, machine: (scheduler: RR(\"9ms\")))")).diagnostics;
    assert_eq!(wrong[0].fix.as_ref().map(|fix| fix.text.as_str()), Some("RoundRobin"));
}

#[test]
fn a_number_that_cannot_be_is_answered_with_the_range() {
    for (fields, task, words) in [
        ("machine: (cores: 99999999999)", "", "too large: 1 to 4096"),
        ("machine: (cores: -1)", "", "negative: 1 to 4096"),
        ("machine: (cores: 2.5)", "", "from 1 to 4096"),
        ("models: [Threads(-1)]", "", "1 to 100000"),
        ("models: [Hybrid(processes: 1.5, each: Asyncio)]", "", "from 1 to 10000"),
        ("runs: -1", "", "1 to 100000"),
        ("seed: -1", "", "0 to 18446744073709551615"),
        ("seed: 99999999999999999999999", "", "too large: 0 to 18446744073709551615"),
        ("seed: 1", "nice: -300, ", "too small: -20 to 19"),
        ("seed: 1", "nice: 300, ", "too large: -20 to 19"),
        ("seed: 1", "tickets: 0.5, ", "from 1 to 1000000"),
        ("seed: 1", "priority: -1, ", "negative: 0 to 4294967295"),
    ] {
        let said = said(&format!("({fields}, tasks: {{\"a\": ({task}steps: [Yield])}})"));
        assert!(!said.is_empty() && said[0].1.contains(words), "{said:#?} of {fields} {task}");
    }
}

#[test]
fn a_decimal_comma_is_answered_with_a_point() {
    let steps = |steps: &str| format!("(tasks: {{\"a\": (steps: [{steps}])}})");
    for (text, at, words) in [
        (steps("Cpu(\"1,5ms\")"), ",", "write `.`"),
        (steps("Cpu(1,5)"), "1,5", "such as \"1.5ms\""),
        (steps("Cpu(Pareto(min: \"1ms\", alpha: 1,5))"), ",", "write 1.5"),
        (steps("Choose({ 0,8: [Yield] })"), ",", "write 0.8"),
        (steps("], arrive: Poisson(\"1,5/s\"), after: ["), ",", "write `.`"),
        (
            "(tasks: {\"a\": (steps: [Yield])}, expect: [Utilization(of: \"cpu\", at_least: 0,5)])".to_owned(),
            ",",
            "write 0.5",
        ),
    ] {
        let said = said(&text);
        let fits = said.len() == 1 && said[0].0 == at && said[0].1.contains(words);
        assert!(fits, "{said:#?} in\n{text}");
    }
}

#[test]
fn a_synonym_of_a_field_that_is_given_is_one_too_many() {
    let text = "(machine: (cores: 2, cpus: 4), tasks: {\"a\": (steps: [Yield])})";
    let wrong = load(text).diagnostics;
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    let labels: Vec<_> = wrong[0].labels.iter().map(|label| (&text[label.span.clone()], label.text.as_str())).collect();
    assert_eq!(labels, [("cpus", "the same as `cores`: leave one of them out"), ("cores", "given here")]);
    assert_eq!(wrong[0].fix, None);
}

/// Without its sweep, or with another one, the edits of a path are as in any scenario, in whatever order they are given.
#[test]
fn another_sweep_decides_which_paths_are_swept() {
    let text = "(machine: (cores: 3), tasks: {\"a\": (steps: [Yield])}, sweep: Grid({\"machine.cores\": [1, 2]}))";
    let cores = |sets: &[(&str, &str)]| {
        let sets: Vec<_> = sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        let compiled = gilsim::scenario::compile("x", text, &sets).expect("a valid scenario");
        compiled.scenario.points.iter().map(|point| point.models[0].machine.cores).collect::<Vec<_>>()
    };
    assert_eq!(cores(&[("sweep", "None")]), [3]);
    assert_eq!(cores(&[("sweep", "None"), ("machine.cores", "4")]), [4]);
    assert_eq!(cores(&[("machine.cores", "4"), ("sweep", "None")]), [4]);
    assert_eq!(cores(&[("machine.cores", "4")]), [4]);
    let other = "Grid({\"tasks.a.count\": [1, 2]})";
    assert_eq!(cores(&[("machine.cores", "4"), ("sweep", other)]), [4, 4]);
}

#[test]
fn slips_of_syntax_do_not_hide_the_rest() {
    let text = "(\n seed = 1,\n models: [Treads(2)  Serial],\n tasks: {\"a\": (count: \"3\", steps: [Cpu(5ms)])},\n)";
    let codes: Vec<_> = load(text).diagnostics.iter().map(|wrong| wrong.code).collect();
    assert_eq!(codes, ["S12", "T02", "S17", "T05", "S06"]);
    let lost = load("(tasks: {\"a\": (steps: [Cpu(\"1ms\"), seed: \"x\")");
    assert!(lost.scenario.is_none());
    let help = lost.diagnostics.last().and_then(|wrong| wrong.help.as_deref()).unwrap_or_default();
    assert!(help.contains("further errors may appear"), "{:#?}", lost.diagnostics);
}
