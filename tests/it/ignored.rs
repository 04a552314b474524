//! Settings of cores and schedulers that have no effect are told; those that cannot be are errors.

use gilsim::kernel::policy::{ASKS, Ask, POLICIES};
use gilsim::scenario::compile;
use gilsim::scenario::diagnostic::Diagnostic;

/// What is said of a scenario with these settings of machine and task: codes and titles.
fn said(machine: &str, task: &str) -> Vec<String> {
    let text = format!(
        r#"(machine: (cores: 2, {machine}), models: [ThreadPerTask], tasks: {{ "a": ({task}steps: [Cpu("1ms")]) }})"#
    );
    let of = |diagnostics: &[Diagnostic]| {
        diagnostics.iter().map(|found| format!("{} {}", found.code, found.title)).collect::<Vec<_>>()
    };
    match compile("x.ron", &text, &[]) {
        Ok(compiled) => of(&compiled.warnings),
        Err(errors) => of(&errors),
    }
}

#[test]
fn eager_tasks_without_tasks_are_told() {
    let told = |models: &str, steps: &str| {
        let text = format!(
            r#"(interpreter: CPython(eager_tasks: true), models: [{models}], programs: {{ "p": [Cpu("1ms")] }},
                allow: ["unused"], tasks: {{ "t": (steps: [{steps}]) }})"#
        );
        let warnings = compile("x.ron", &text, &[]).expect("it is right").warnings;
        warnings.iter().any(|found| found.title == "there is no task that could begin at once")
    };
    assert!(told("Serial", r#"Cpu("1ms")"#));
    assert!(told("Asyncio", r#"Cpu("1ms")"#));
    assert!(!told("Asyncio", r#"Gather(["p"])"#));
}

#[test]
fn what_has_no_effect_is_told() {
    let caches = |size: u32| format!("caches: (size: {size}, warm: 2.0, warm_up: \"1ms\")");
    for (machine, task, expected) in [
        ("", "working_set: 30, ", "a working set is of use only on a machine with caches"),
        (&*caches(0), "working_set: 30, ", "nothing fits into these caches"),
        (&*caches(100), "", "no task has a working set, so caches play no part"),
        (r#"scheduler: Fair, loses: HighestCore"#, "", "under"),
        (r#"queues: PerCore(steal: false, hot: "1ms")"#, "", "no thread is ever taken from its queue"),
        (r#"scheduler: SchedRr(throttle: (runtime: "1ms", period: "2ms"))"#, "", "a throttle is for tasks with a"),
        (r#"scheduler: RoundRobin("4ms"), loses: HighestCore"#, "", "under"),
        (r#"scheduler: RoundRobin("4ms"), interrupt: "10ms""#, "", "the interrupt ends the turns of threads"),
        ("scheduler: Edf()", "", "Edf() orders threads by deadlines or periods, and no task has any"),
        (
            "scheduler: RateMonotonic()",
            r#"deadline: "9ms", "#,
            "RateMonotonic() orders threads by deadlines or periods",
        ),
        ("", "priority: 3, ", "Fair does not look at the `priority` of tasks"),
        ("scheduler: Edf()", r#"deadline: "9ms", priority: 3, "#, "Edf() does not look at the `priority` of tasks"),
        ("scheduler: Priority()", "nice: 3, ", "Priority(preemptive: true) does not look at the `nice` of tasks"),
        ("", "tickets: 3, ", "Fair does not look at the `tickets` of tasks"),
        (r#"scheduler: Lottery("4ms")"#, r#"slice: "3ms", "#, "Lottery(\"4ms\") does not look at the `slice` of tasks"),
    ] {
        let said = said(machine, task);
        assert!(said.len() == 1 && said[0].starts_with(&format!("ignored {expected}")), "{machine} {task}: {said:?}");
    }
    for (machine, task) in [
        (&*caches(100), "working_set: 30, "),
        (r#"scheduler: FirstCome, interrupt: "10ms""#, ""),
        ("scheduler: Priority(), loses: HighestCore", "priority: 3, "),
        ("scheduler: Fair, queues: Global, loses: HighestCore", ""),
        ("speeds: [1.0, 0.333]", ""),
        (r#"queues: PerCore(steal: false, balance: "4ms", hot: "1ms")"#, ""),
        (r#"queues: PerCore(hot: "1ms")"#, ""),
        (r#"scheduler: SchedFifo(throttle: (runtime: "1ms", period: "2ms"))"#, "priority: 3, "),
        ("scheduler: Edf()", r#"deadline: "9ms", "#),
        // Counted, whoever runs.
        ("scheduler: FirstCome", r#"deadline: "9ms", "#),
        ("scheduler: Windows()", "priority: 90, "),
        ("scheduler: Stride(\"4ms\")", "tickets: 90, "),
        ("scheduler: Eevdf()", r#"nice: 3, slice: "100us", "#),
        ("scheduler: Eevdf(slice: \"1us\")", r#"slice: "100ms", "#),
        ("scheduler: RateMonotonic()", r#"arrive: Every("9ms"), count: 2, "#),
    ] {
        assert_eq!(said(machine, task), [""; 0], "{machine} {task}");
    }
}

#[test]
fn what_cannot_be_is_an_error() {
    for (machine, task, expected) in [
        ("smt: (siblings: 2, factor: 1.5)", "", "E05 cores that share a physical core do not speed each other up"),
        ("", "affinity: [0, 1, 0], ", "E05 core 0 is named twice"),
        ("speeds: [1e300, 1.0]", "", "E05 a core cannot be 1e300 times as fast"),
        (r#"scheduler: SchedFifo(throttle: ("1ms", "2ms"))"#, "", "T04 these values have names"),
    ] {
        assert_eq!(said(machine, task), [expected], "{machine} {task}");
    }
}

#[test]
fn errors_say_what_to_write() {
    let first = |text: &str| {
        let error = compile("x.ron", text, &[]).expect_err("an error").remove(0);
        format!("{} {}", error.labels[0].text, error.help.unwrap_or_default())
    };
    let rest = r#"models: [Serial], tasks: { "a": (affinity: [-1], steps: [Cpu("1ms")]) })"#;
    assert_eq!(first(&format!("({rest}")), "0 or more ");
    let throttled = r#"machine: (scheduler: SchedFifo(throttle: ("1ms", "2ms"))), "#;
    assert!(first(&format!("({throttled}{rest}")).ends_with("it is written (runtime: .., period: ..)"));
}

#[test]
fn one_core_has_one_queue() {
    let text = r#"(machine: (cores: 1, queues: PerCore()), models: [Serial], tasks: { "a": (steps: [Cpu("1ms")]) })"#;
    let said = compile("x.ron", text, &[]).expect("a warning only").warnings;
    assert_eq!((said.len(), said[0].code), (1, "ignored"), "{said:#?}");
}

#[test]
fn speeds_are_thousandths() {
    assert_eq!(said("speeds: [1.0, 0.0014]", ""), ["clamped speeds are whole numbers of thousandths"]);
}

/// A slice is what Linux makes of it, and the scenario is told so.
#[test]
fn slices_beyond_what_the_kernel_takes_are_clamped() {
    for (slice, clamped, other) in [("99us", "100us", "50ms"), ("101ms", "100ms", "50ms")] {
        let text = |slice: &str| {
            let steps = r#"count: 2, steps: [Repeat(5, [Cpu("30ms"), Sleep("3ms")])]"#;
            let tasks = format!(r#""a": (slice: "{slice}", {steps}), "b": ({steps})"#);
            format!(
                "(machine: (cores: 1, scheduler: Eevdf()), interpreter: Native, models: [ThreadPerTask], tasks: {{ {tasks} }})"
            )
        };
        let said = compile("x.ron", &text(slice), &[]).expect("a warning only").warnings;
        let label = format!("counts as \"{clamped}\"");
        assert_eq!((said.len(), said[0].code), (1, "clamped"), "{said:#?}");
        assert_eq!(said[0].labels[0].text, label);
        assert_eq!(digest(&text(slice)), digest(&text(clamped)), "{slice}");
        assert_ne!(digest(&text(slice)), digest(&text(other)), "slices matter here");
    }
}

/// A module that the version does not have yet.
#[test]
fn models_come_with_versions() {
    for (version, model, early) in [
        ("2.7", "Asyncio", true),
        ("3.3", "Hybrid(processes: 1, each: Asyncio)", true),
        ("3.4", "Asyncio", false),
        ("3.1", "ThreadPool", true),
        ("3.2", "ThreadPool", false),
        ("2.7", "Threads(2)", false),
    ] {
        let interpreter = format!(r#"interpreter: CPython(version: "{version}")"#);
        let text = format!(r#"({interpreter}, models: [{model}], tasks: {{ "a": (count: 20, steps: [Cpu("1ms")]) }})"#);
        let said = compile("x.ron", &text, &[]).expect("a warning at most").warnings;
        let codes: Vec<&str> = said.iter().map(|warning| warning.code).filter(|code| *code == "too-early").collect();
        assert_eq!(codes.len(), usize::from(early), "{version} {model}: {said:#?}");
    }
}

/// The digest of the only run.
fn digest(text: &str) -> String {
    let compiled = compile("x.ron", text, &[]).unwrap_or_else(|errors| panic!("{text}: {errors:#?}"));
    let results = gilsim::experiment::run(&compiled.scenario, &gilsim::experiment::Options::default(), &());
    results.report.points[0].models[0].runs[0].digest.clone()
}

/// What a policy says it looks at changes its runs, and nothing else does.
#[test]
fn policies_look_at_what_they_say() {
    for (policy, asks) in POLICIES.iter().zip(ASKS) {
        for (field, common, other, looks) in [
            ("priority", "100", "80", asks.contains(&Ask::Priority)),
            ("nice", "0", "7", asks.contains(&Ask::Nice)),
            ("tickets", "100", "900", asks.contains(&Ask::Tickets)),
            ("slice", "\"4ms\"", "\"30ms\"", asks.iter().any(|ask| matches!(ask, Ask::Slice(..)))),
        ] {
            let text = |value: &str| {
                let steps = r#"steps: [Repeat(5, [Cpu("30ms"), Sleep("3ms")])]"#;
                format!(
                    "(machine: (cores: 1, scheduler: {}), models: [ThreadPerTask], interpreter: Native, tasks: {{
                    \"a\": (count: 2, {field}: {common}, {steps}), \"b\": (count: 2, {field}: {value}, {steps}) }})",
                    policy.example
                )
            };
            assert_eq!(digest(&text(common)) != digest(&text(other)), looks, "{} and {field}", policy.example);
        }
    }
}
