//! What the compiler of scenarios finds wrong, and where.

use gilsim::scenario::compile;
use gilsim::scenario::diagnostic::{Diagnostic, Severity};

/// Everything that is found in a text, errors and warnings.
fn found(text: &str, sets: &[(&str, &str)]) -> Vec<Diagnostic> {
    let sets: Vec<(String, String)> = sets.iter().map(|(path, value)| (path.to_string(), value.to_string())).collect();
    match compile("test", text, &sets) {
        Ok(compiled) => compiled.warnings,
        Err(diagnostics) => diagnostics,
    }
}

/// Splits `a «b» c` into `a b c` and the place of `b`.
fn marked(text: &str) -> (String, std::ops::Range<usize>) {
    let start = text.find('«').expect("the culprit is marked");
    let plain = text.replace(['«', '»'], "");
    let end = text.find('»').expect("the culprit is marked") - '«'.len_utf8();
    (plain, start..end)
}

fn listed(found: &[Diagnostic], text: &str) -> Vec<String> {
    let line = |one: &Diagnostic| format!("{} `{}` {}", one.code, &text[one.labels[0].span.clone()], one.title);
    found.iter().map(line).collect()
}

/// The culprit is found, and nothing else.
fn check(code: &str, text: &str) {
    let (text, span) = marked(text);
    let found = found(&text, &[]);
    let all = listed(&found, &text);
    assert_eq!(found.len(), 1, "expected one {code} in\n{text}\nfound {all:#?}");
    assert_eq!((found[0].code, &found[0].labels[0].span), (code, &span), "in\n{text}\nfound {all:#?}");
    let severity = if code.starts_with('E') { Severity::Error } else { Severity::Warning };
    assert_eq!(found[0].severity, severity);
    for label in &found[0].labels {
        assert!(text.get(label.span.clone()).is_some(), "{label:?} is not on characters of the text");
    }
}

/// A scenario with one task of these steps.
fn steps(steps: &str) -> String {
    let shared = r#"shared: { "a": Lock, "b": Lock, "n": Int(0) }"#;
    let programs = r#"programs: { "p": [Cpu("1ms")], "q": [Cpu("1ms")] }"#;
    let allow = r#"allow: ["unused"]"#;
    format!(
        "(devices: {{ \"disk\": (latency: \"1ms\") }}, {shared}, {programs}, {allow}, tasks: {{ \"t\": (steps: [{steps}]) }})"
    )
}

/// A scenario with one short task and more fields.
fn with(fields: &str) -> String {
    format!("({fields}, tasks: {{ \"t\": (steps: [Cpu(\"1ms\")]) }})")
}

#[test]
fn names() {
    check("E01", &steps("Io(«\"dsik\"»)"));
    check("E01", &steps("Io(«\"p\"»)"));
    check("E01", &steps("Acquire(«\"c\"»)"));
    check("E01", &steps("Call(«\"missing\"»)"));
    check("E01", &steps("Spawn(Thread, «\"missing\"»)"));
    check("E01", "(tasks: { \"a\": (after: [«\"bb\"»], steps: [Cpu(\"1ms\")]) })");
    check("E02", &steps("Acquire(«\"n\"»)"));
    check("E02", &steps("Repeat(2, [Choose({ 0.5: [Incr(«\"a\"»)] })])"));
    check("E02", &with("allow: [\"unused\"], shared: { \"x\": «Interprocess(Interprocess(Lock))» }"));
}

#[test]
fn a_wrong_name_comes_with_what_was_meant() {
    let text = steps("Io(\"dsik\"), Call(\"disk\")");
    let found = found(&text, &[]);
    assert_eq!(found[0].fix.as_ref().map(|fix| fix.text.as_str()), Some("\"disk\""));
    assert_eq!(&text[found[0].fix.as_ref().expect("a fix").span.clone()], "\"dsik\"");
    assert_eq!(&text[found[0].labels[1].span.clone()], "\"disk\"");
    let elsewhere = &found[1].labels[1];
    assert_eq!(
        (&text[elsewhere.span.clone()], elsewhere.text.as_str()),
        ("\"disk\"", "this one is in `devices`, not `programs`")
    );
}

#[test]
fn circles() {
    let task = |name: &str, after: &str| format!("\"{name}\": (after: [{after}], steps: [Cpu(\"1ms\")])");
    let (a, b) = (task("a", "«\"b\"»"), task("b", "\"a\""));
    check("E03", &format!("(tasks: {{ {a}, {b} }})"));
    check("E03", &format!("(tasks: {{ {} }})", task("a", "«\"a\"»")));
    let programs = |p: &str, q: &str| {
        format!("(programs: {{ \"p\": [{p}], \"q\": [{q}] }}, tasks: {{ \"t\": (steps: [Call(\"p\"), Call(\"q\")]) }})")
    };
    check("E03", &programs("«Call(\"q\")»", "Repeat(2, [Call(\"p\")])"));
    check("E03", &programs("«Call(\"p\")»", "Cpu(\"1ms\")"));
    // A fork bomb.
    check("E03", &programs("Cpu(\"1ms\"), «Spawn(Thread, \"p\", 2)»", "Cpu(\"1ms\")"));
    check("E03", &programs("«Call(\"q\")»", "Choose({ 0.5: [Spawn(Process, \"p\")] })"));
    let text = format!("(tasks: {{ {}, {}, {} }})", task("a", "\"c\""), task("b", "\"a\""), task("c", "\"b\""));
    let found = found(&text, &[]);
    let words: Vec<&str> = found[0].labels.iter().map(|label| label.text.as_str()).collect();
    assert_eq!(words, ["\"a\" waits for \"c\"", "\"c\" waits for \"b\"", "\"b\" waits for \"a\""]);
}

#[test]
fn probabilities() {
    check("E04", &steps("Choose({ 0.9: [Io(\"disk\")], «30»: [Cpu(\"1ms\")] })"));
    check("E04", &steps("Choose({ «-0.1»: [Cpu(\"1ms\")] })"));
    check("E04", &steps("Choose({ «NaN»: [Cpu(\"1ms\")] })"));
    check("E04", &steps("Choose(«{ 0.9: [Io(\"disk\")], 0.2: [Cpu(\"1ms\")] }»)"));
}

#[test]
fn interpreters_and_the_models_they_can_carry() {
    check("E10", &with("interpreter: CPython(version: \"3.12\"), models: [Serial, «FreeThreaded(2)»]"));
    check("E10", &with("interpreter: CPython(version: \"3.11\"), models: [Serial, «Subinterpreters(2)»]"));
    check("E10", &with("interpreter: PyPy(), models: [«Subinterpreters(2)»]"));
    check("E10", &with("interpreter: Ruby(), models: [«FreeThreaded(2)»]"));
    check("E05", &with("models: [Subinterpreters(«0»)]"));
    check("E10", &steps("Atomic([Load(\"n\"), «Sleep»(\"1ms\"), Store(\"n\")])"));
    check("E10", &steps("Atomic([«Repeat»(2, [Incr(\"n\")])])"));
    check("does-nothing", &steps("Cpu(\"1ms\"), «Atomic»([])"));
    check("E10", &with("interpreter: Jython, models: [Threads(2), «FreeThreaded(2)»]"));
    check("E13", &with("interpreter: IronPython, models: [Threads(2)], expect: [«GilSwitches»(at_most: 5)]"));
    check("E13", &with("models: [FreeThreaded(2)], expect: [«GilSwitches»(at_most: 5)]"));
    let gil_back = "interpreter: CPython(unsafe_extension: true), models: [FreeThreaded(2)], allow: [\"idle-workers\"]";
    let right = found(&with(&format!("{gil_back}, expect: [GilSwitches(at_most: 5)]")), &[]);
    assert!(right.is_empty(), "{right:#?}");
    let unknown = found(&with("interpreter: CPython(version: \"3.14.2\")"), &[]);
    assert_eq!(unknown[0].fix.as_ref().map(|fix| fix.text.as_str()), Some("\"3.14\""));
    assert!(unknown[0].help.as_ref().is_some_and(|help| help.contains("2.7, 3.0, 3.1")));
}

#[test]
fn impossible_numbers() {
    for fields in [
        "machine: (cores: «0»)",
        "machine: (cores: «5000»)",
        "machine: (scheduler: RoundRobin(«\"0s\"»))",
        "machine: (scheduler: Stride(«\"0s\"»))",
        "machine: (scheduler: SchedRr(slice: «\"0s\"»))",
        "machine: (scheduler: Mlfq(quanta: «[]»))",
        "machine: (scheduler: Mlfq(quanta: [\"1ms\"], allotments: «[1, 2]»))",
        "machine: (scheduler: Mlfq(quanta: [\"1ms\", \"1ms\"], allotments: [1, «0»]))",
        "machine: (scheduler: Mlfq(quanta: [\"1ms\"], boost: «\"0s\"»))",
        "machine: (costs: Set(timer_granularity: «\"0s\"»))",
        "machine: (costs: Set(syscall: «\"9999h\"»))",
        "machine: (costs: Set(wake_latency: Exp(«\"0s\"»)))",
        "interpreter: CPython(switch_interval: «\"0s\"»)",
        "interpreter: CPython(free_threading: «0.0»)",
        "interpreter: CPython(free_threading: «NaN»)",
        "interpreter: CPython(version: «\"3.16\"»)",
        "interpreter: CPython(version: «\"3.14t\"»)",
        "interpreter: CPython(version: «\"new\"»)",
        "interpreter: CPython(version: \"2.7\", switch_interval: «\"5ms\"»)",
        "interpreter: CPython(version: \"2.7\", check_interval: «0»)",
        "interpreter: CPython(version: \"3.1\", bytecode: «\"0s\"»)",
        "interpreter: CPython(version: \"2.7\", release_window: «\"401ns\"»)",
        "interpreter: CPython(version: \"3.2\", check_interval: «100»)",
        "interpreter: CPython(signal: «\"5us\"»)",
        "interpreter: CPython(version: \"3.12\", free_threading: «1.1»)",
        "interpreter: CPython(version: \"3.12\", unsafe_extension: «true»)",
        "interpreter: CPython(version: \"3.11\", eager_tasks: «true»)",
        "interpreter: CPython(increment: «\"10000h\"»)",
        "interpreter: PyPy(check_interval: «\"0s\"»)",
        "interpreter: PyPy(poll: «\"0s\"»)",
        "interpreter: Ruby(quantum: «\"0s\"»)",
        "interpreter: OCaml4(tick: «\"0s\"»)",
        "models: [Threads(«0»)]",
        "models: [Processes(«20000»)]",
        "models: [Threads(«200000»)]",
        "models: [Hybrid(processes: «0», each: Asyncio)]",
        "models: [Hybrid(processes: 2, each: Threads(«0»))]",
        "models: [«Hybrid(processes: 1000, each: Threads(1000))»]",
        "runs: «0»",
        "runs: «1000000»",
        "runs: 2, seed: «18446744073709551615»",
        "max_events: «0»",
        "until: «\"0s\"»",
        "until: \"1s\", warm_up: «\"1s\"»",
    ] {
        check("E05", &with(fields));
    }
    let task = |task: &str| format!("(until: \"1s\", tasks: {{ \"t\": ({task}, steps: [Cpu(\"1us\")]) }})");
    check("E05", &task("count: «0»"));
    check("E05", &task("tickets: «0»"));
    check("E05", &task("nice: «20»"));
    check("E05", &task("slice: «\"0s\"»"));
    check("E05", &task("deadline: «\"9000h\"»"));
    check("E05", &task("count: «20000000»"));
    check("E05", &task("count: «2000000»").replacen('(', "(models: [Asyncio], ", 1));
    check("E05", &task("arrive: Closed(users: «0», think: \"1s\")"));
    check("E05", &task("arrive: Every(«\"0s\"»)"));
    check("E05", &task("arrive: Recorded(«[]»)"));
    check("E05", &task("arrive: Recorded([\"2s\", «\"1s\"»])"));
    check("E05", "(devices: { \"d\": (latency: \"1ms\", slots: «0») }, tasks: { \"t\": (steps: [Io(\"d\")]) })");
}

#[test]
fn impossible_times() {
    for time in [
        "Exp(«\"0s\"»)",
        "«Uniform(\"2ms\", \"1ms\")»",
        "Normal(mean: \"1ms\", sd: «\"0s\"»)",
        "LogNormal(median: «\"0s\"», p99: \"1ms\")",
        "LogNormal(median: \"2ms\", p99: «\"1ms\"»)",
        "Pareto(min: «\"0s\"», alpha: 2)",
        "Pareto(min: \"1ms\", alpha: «0»)",
        "Pareto(min: \"1ms\", alpha: «inf»)",
        "Empirical(«[]»)",
        "Empirical([\"1ms\", «\"9000h\"»])",
        "«\"9000h\"»",
    ] {
        check("E05", &steps(&format!("Cpu({time})")));
    }
}

#[test]
fn too_many_children() {
    check("E05", &steps("Spawn(Thread, \"p\", «0»)"));
    check("E05", &steps("Spawn(Thread, \"p\", «200000»)"));
    check(
        "E05",
        &steps("Repeat(1000000, [Spawn(Thread, \"p\", 10)])")
            .replace("steps: [R", "«steps»: [R")
            .replace("«steps»: [", "steps: «[")
            .replace(", 10)])])", ", 10)])]»)"),
    );
    // What is joined in the loop is gone before the next round.
    let text = steps("Repeat(1000000, [Spawn(Thread, \"p\", 10), Join(\"p\")])");
    assert_eq!(listed(&found(&text, &[]), &text), [""; 0]);
    check(
        "E05",
        "(until: \"1s\", programs: { \"p\": [Forever([Sleep(\"1s\")])] }, tasks: { \"t\": (steps: [«Forever»([Spawn(Thread, \"p\"), Sleep(\"1us\")])]) })",
    );
}

#[test]
fn nothing_to_do() {
    check("E06", "(tasks: «{}»)");
    check("E06", &with("models: «[]»"));
    check("E06", &with("models: [Serial, «Serial»]"));
}

#[test]
fn work_without_end() {
    let task = |arrive: &str| format!("(tasks: {{ \"t\": (arrive: {arrive}, steps: [Cpu(\"1us\")]) }})");
    check("E07", &task("«Every(\"1s\")»"));
    check("E07", &task("«Poisson(\"1/s\")»"));
    check("E07", &task("«Closed(users: 1, think: \"1s\")»"));
    check("E07", &steps("«Forever»([Cpu(\"1ms\")])"));
    let until = |inner: &str| steps(inner).replacen('(', "(until: \"1s\", ", 1);
    check("E07", &until("«Forever»([Yield])"));
    check("E07", &until("«Forever»([])"));
    check("E07", &until("«Repeat»(2000000, [Load(\"n\")])"));
    check(
        "E07",
        "(until: \"1s\", tasks: { \"t\": (arrive: Closed(users: 1, think: «\"0s\"»), steps: [Print(\"x\")]) })",
    );
    assert!(found(&until("Forever([Incr(\"n\")])"), &[]).is_empty());
}

#[test]
fn locks() {
    check("E09", &steps("Release(«\"a\"»)"));
    check("E09", &steps("With(\"a\", [Cpu(\"1ms\"), Acquire(«\"a\"»)])"));
    check("E09", &steps("Repeat(3, [Acquire(«\"a\"»), Cpu(\"1ms\")]), Release(\"a\")"));
    // Held on one way only: nobody knows.
    let text = steps("Choose({ 0.5: [Acquire(\"a\")] }), Release(\"a\")");
    assert_eq!(listed(&found(&text, &[]), &text), [""; 0]);
    check("never-released", &steps("Acquire(«\"a\"»), Cpu(\"1ms\")"));
    let two = |expect: &str| {
        format!(
            "(shared: {{ \"a\": Lock, \"b\": Lock }}, models: [Threads(2)], {expect} tasks: {{
                \"one\": (steps: [With(\"a\", [Cpu(\"1ms\"), With(«\"b\"», [Cpu(\"1ms\")])])]),
                \"two\": (steps: [With(\"b\", [Cpu(\"1ms\"), With(\"a\", [Cpu(\"1ms\")])])]),
            }})"
        )
    };
    check("lock-order", &two(""));
    let expected = two("runs: 2, expect: [Sometimes(Deadlock)],").replace(['«', '»'], "");
    assert!(found(&expected, &[]).is_empty());
    assert!(found(&two("").replace("Threads(2)", "Serial").replace(['«', '»'], ""), &[]).is_empty());
}

#[test]
fn models_that_cannot_carry_the_work() {
    check("E10", &steps("«Spawn(Coroutine, \"p\")»"));
    check("E10", &steps("«Gather([\"p\"])»"));
    check("E10", &steps("«Timeout»(\"1s\", [Sleep(\"2s\")])"));
    let alone = |steps: &str| {
        let programs = "programs: { \"p\": [Cpu(\"1ms\")] }, allow: [\"unused\"]";
        format!("(models: [Asyncio], {programs}, tasks: {{ \"t\": (steps: [{steps}]) }})")
    };
    check("E10", &alone("«Cancel(\"p\")»"));
    check("E10", &alone("Blocking([«TaskGroup»([\"p\"])])"));
    check("E05", &alone("Gather([\"p\"], «0»)"));
    check("E05", &alone("Gather(«[]»)"));
    check("E01", &alone("Gather([«\"nobody\"»])"));
    check("E10", &steps("«Join(\"p\")»"));
    check("E10", &steps("«Shield(\"p\")»"));
    check("E10", &alone("WaitTasks([«\"p\"»])"));
    check("E10", &alone("Spawn(Thread, \"p\"), WaitTasks([«\"p\"»])"));
    check("E10", &alone("Spawn(Coroutine, \"p\"), Blocking([«WaitTasks»([\"p\"])])"));
    check("E10", &alone("Blocking([«Shield»(\"p\")])"));
    check("E10", &alone("ToThread([«Shield»(\"p\")])"));
    check("E10", &steps("«CallSoon»(\"p\")").replace("CallSoon»(\"p\")", "CallSoon(\"p\")»"));
    check("E10", &steps("«CallSoonThreadsafe»(\"p\")"));
    check("E10", &alone("ToThread([«CallSoon»(\"p\")])"));
    check("E10", &alone("CallSoon(\"p\"), «Join(\"p\")»"));
    check("E01", &alone("CallSoonThreadsafe(«\"nobody\"»)"));
    check("E01", &alone("CallLater(\"1s\", «\"nobody\"»)"));
    check("E05", &alone("CallLater(«\"10000h\"», \"p\")"));
    for waits in
        ["Sleep(\"1ms\")", "Yield", "Gather([\"q\"])", "Acquire(\"l\"), Release(\"l\")", "Put(\"c\")", "Call(\"w\")"]
    {
        check(
            "E10",
            &format!(
                "(models: [Asyncio], allow: [\"unused\"], shared: {{ \"l\": Lock, \"c\": Queue(capacity: 1) }},
                  programs: {{ \"p\": [{waits}], \"q\": [Cpu(\"1ms\")], \"w\": [Sleep(\"1ms\")] }},
                  tasks: {{ \"t\": (steps: [«CallSoon»(\"p\")]) }})"
            ),
        );
    }
    check(
        "E10",
        "(models: [Asyncio], programs: { \"p\": [«CallSoonThreadsafe»(\"q\")], \"q\": [Cpu(\"1ms\")] },
          tasks: { \"t\": (steps: [Spawn(Process, \"p\"), Join(\"p\")]) })",
    );
    check("E05", &alone("WaitTasks(«[]»)"));
    check("E01", &alone("WaitTasks([«\"nobody\"»])"));
    check("E01", &alone("Shield(«\"nobody\"»)"));
    check("E05", &alone("Spawn(Coroutine, \"p\"), WaitTasks([\"p\"], FirstCompleted, «\"10000h\"»)"));
    check("E01", &alone("Spawn(Coroutine, \"p\"), WaitTasks([\"p\"], FirstCompleted, \"1s\", [Io(«\"disk\"»)])"));
    check(
        "E10",
        "(models: [Asyncio], programs: { \"p\": [«Spawn(Coroutine, \"q\")»], \"q\": [Cpu(\"1ms\")] },
          tasks: { \"t\": (steps: [Spawn(Thread, \"p\"), Join(\"p\")]) })",
    );
}

#[test]
fn tasks_that_never_start() {
    let task = |name: &str, fields: &str| format!("\"{name}\": ({fields}, steps: [Cpu(\"1us\")])");
    let tasks = |a: String, b: String| format!("(until: \"1s\", tasks: {{ {a}, {b} }})");
    check("E11", &tasks(task("a", "arrive: Every(\"1s\")"), task("b", "after: [«\"a\"»]")));
    check("E11", &tasks(task("a", "count: 1"), task("b", "arrive: Closed(users: 1, think: \"1s\"), after: «[\"a\"]»")));
    let hog = "\"a\": (steps: [Forever([Cpu(\"1ms\")])])".to_owned();
    check("E11", &tasks(hog, task("b", "after: [«\"a\"»]")));
}

#[test]
fn sweeps() {
    let sweep = |sweep: &str| with(&format!("machine: (cores: 2), sweep: {sweep}"));
    check("E12", &sweep("Grid({ «\"machin.cores\"»: [1, 2] })"));
    check("E12", &sweep("Grid({ «\"seed\"»: [1, 2] })"));
    check("E12", &sweep("Grid({ «\"machine..cores\"»: [1, 2] })"));
    check("E12", &sweep("Grid({ \"machine.cores\": «[]» })"));
    check("E12", &sweep("Grid(«{}»)"));
    check("E12", &sweep("Grid({ \"machine.cores\": [1, «\"two\"»] })"));
    check("E12", &sweep("Grid({ \"machine.«corse»\": [1, 2] })"));
    check("E12", &sweep("Grid({ \"models«[0]»[0]\": [1, 2] })"));
    check("E12", &sweep("Zip({ \"machine.cores\": [1, 2], \"tasks.t.count\": «[1, 2, 3]» })"));
    check("E12", &sweep("Grid({ \"machine.cores\": [1, 2], «\"machine\"»: [(cores: 1)] })"));
    // A value that fits and is wrong all the same.
    check("E05", &sweep("Grid({ \"machine.cores\": [1, «0», 2] })"));
    check("E05", &sweep("Grid({ \"tasks.t.count\": [«0», 2] })"));
}

#[test]
fn expectations() {
    let expect = |expect: &str| {
        with(&format!(
            "shared: {{ \"a\": Lock }}, allow: [\"unused\"], models: [Serial, FreeThreaded(1)], expect: [{expect}]"
        ))
    };
    for wrong in [
        "«Elapsed»()",
        "Elapsed(is: «\"1s\"», at_most: \"2s\")",
        "Elapsed(at_least: «\"2s\"», at_most: \"1s\")",
        "Throughput(at_least: «NaN»)",
        "Latency(task: «\"x\"», p: 99, at_most: \"1s\")",
        "Final(var: «\"n\"», is: 1)",
        "Final(var: «\"a\"», is: 1)",
        "Utilization(of: «\"disk\"», at_most: 1)",
        "«Utilization»(of: \"gil\", at_most: 1)",
        "Utilization(of: \"cpu\", at_least: «2»)",
        "Utilization(of: \"cpu\", at_most: «-0.5»)",
        "«CriticalPath»(at_most: \"1s\")",
        "«GilSwitches»(at_most: 1)",
        "«LoopLag»(p: 50, at_most: \"1s\")",
        "Speedup(of: «Threads(2)», over: Serial, at_most: 1)",
        "Speedup(of: Serial, over: «Serial», at_most: 1)",
        "In(«Asyncio», [Deadlock])",
        "«In»(Serial, [])",
        "At({ «\"machine.cores\"»: 1 }, [Deadlock])",
    ] {
        check("E13", &expect(wrong));
    }
    assert!(found(&expect("Utilization(of: \"cpu\", at_least: 0, at_most: 1)"), &[]).is_empty());
    let unlimited = |bound: &str| {
        with(&format!(
            "devices: {{ \"d\": (latency: \"1ms\"{bound}) }}, expect: [Utilization(of: \"d\", at_most: «2»)]"
        ))
    };
    check("E13", &unlimited(", slots: 1"));
    assert!(found(&unlimited("").replace(['«', '»'], ""), &[]).is_empty());
    check("E05", &expect("Latency(p: «101», at_most: \"1s\")"));
    let swept = |at: &str| {
        with(&format!(
            "sweep: Zip({{ \"machine.cores\": [1, 2], \"until\": [\"1s\", \"2s\"] }}), expect: [At({at}, [Elapsed(at_most: \"2s\")])]"
        ))
    };
    check("E13", &swept("{ \"machine.cores\": «3» }"));
    check("E13", &swept("«{ \"machine.cores\": 1, \"until\": \"2s\" }»"));
    assert!(found(&swept("{ \"machine.cores\": 2, \"until\": /* so */ \"2s\" }"), &[]).is_empty());
}

#[test]
fn warnings_and_their_names() {
    check("E14", &with("allow: [«\"unsued\"»]"));
    let recorded = |count: &str| {
        format!("(tasks: {{ \"t\": (count: {count}, arrive: Recorded([\"1s\", \"2s\"]), steps: [Cpu(\"1ms\")]) }})")
    };
    check("few-arrivals", &recorded("«5»"));
    assert!(found(&recorded("2"), &[]).is_empty());
    check("unused", &with("devices: { «\"disk\"»: (latency: \"1ms\") }"));
    check("unused", &with("programs: { «\"p\"»: [Cpu(\"1ms\")] }"));
    assert!(found(&with("allow: [\"unused\"], programs: { \"p\": [Cpu(\"1ms\")] }"), &[]).is_empty());
    check("does-nothing", &steps("«Repeat»(0, [Yield])"));
    check("does-nothing", &steps("«Cpu»(\"0s\")"));
    check("does-nothing", "(tasks: { \"t\": (steps: «[]») })");
    let until = |inner: &str| steps(inner).replacen('(', "(until: \"1s\", ", 1);
    check("unreachable", &until("Forever([Cpu(\"1ms\")]), «Yield»"));
    check("unreachable", &steps("Choose({ «0.0»: [Yield], 1.0: [Cpu(\"1ms\")] })"));
    check("one-run", &with("expect: [«Sometimes»(Elapsed(at_most: \"1s\"))]"));
    check("idle-workers", &with("models: [«Threads(4)»]"));
    let asyncio = |inner: &str| steps(inner).replacen('(', "(models: [Asyncio], ", 1);
    check("blocks-the-loop", &asyncio("«Blocking»([Io(\"disk\")])"));
    check("does-nothing", &steps("«Blocking»([Io(\"disk\")])"));
}

#[test]
fn processes_do_not_share() {
    let text = |shared: &str, count: u32, model: &str| {
        format!(
            "(shared: {{ «\"n\"»: {shared} }}, models: [{model}], tasks: {{ \"t\": (count: {count}, steps: [Incr(\"n\")]) }})"
        )
    };
    check("not-shared", &text("Int(0)", 2, "Threads(2), Processes(2)"));
    let silent = |text: String| assert!(found(&text.replace(['«', '»'], ""), &[]).is_empty());
    silent(text("Int(0)", 2, "Threads(2)"));
    silent(text("Interprocess(Int(0))", 2, "Processes(2)"));
}

#[test]
fn overload_is_arithmetic() {
    let text = |rate: &str, slots: u32, models: &str| {
        format!(
            "(until: \"9s\", devices: {{ \"disk\": (latency: \"10ms\", slots: {slots}) }}, models: [{models}],
              tasks: {{ \"t\": (arrive: «Poisson(\"{rate}/s\")», steps: [Cpu(Exp(\"2ms\")), Io(\"disk\")]) }})"
        )
    };
    check("overload", &text("600", 100, "Asyncio")); // 1.2 cores of Python
    check("overload", &text("600", 100, "Threads(50)"));
    check("overload", &text("100", 100, "Threads(1)")); // 1.2 workers
    check("overload", &text("400", 3, "Asyncio")); // 4 slots
    check("overload", &text("2500", 100, "FreeThreaded(500)")); // 5 cores of 4
    for fits in [
        text("480", 100, "Asyncio"),
        text("600", 100, "Hybrid(processes: 2, each: Asyncio)"),
        text("600", 100, "FreeThreaded(50)"),
    ] {
        assert!(found(&fits.replace(['«', '»'], ""), &[]).is_empty(), "{fits}");
    }
}

#[test]
fn edits_of_the_command_line_are_named() {
    let text = with("machine: (cores: 2)");
    let first = |path: &str, value: &str| {
        let mut found = found(&text, &[(path, value)]);
        let one = found.remove(0);
        let argument = one.argument.clone().expect("the argument is shown");
        let shown = argument[one.labels[0].span.clone()].to_owned();
        (found.len(), one.code, shown, one.labels[0].text.clone(), argument)
    };
    let zero = first("machine.cores", "0");
    assert_eq!((zero.0, zero.1, zero.2.as_str(), zero.4.as_str()), (0, "E05", "0", "--set machine.cores=0"));
    let missing = first("runs", "0");
    assert_eq!((missing.1, missing.2.as_str()), ("E05", "0"));
    let unknown = first("machine.corse", "1");
    assert_eq!((unknown.1, unknown.2.as_str(), unknown.3.as_str()), ("E12", "corse", "did you mean `cores`?"));
    let unfit = first("machine.cores", "two");
    assert_eq!((unfit.1, unfit.2.as_str()), ("T06", "two"));
    assert_eq!(found(&text, &[("machine..cores", "1")])[0].code, "E12");
    // What is wrong elsewhere stays where it is.
    let other = with("machine: (cores: 2), runs: 0");
    let places = found(&other, &[("machine.cores", "1000"), ("machine.costs", "Zero")]);
    assert_eq!((places.len(), &other[places[0].labels[0].span.clone()]), (1, "0"));
}

#[test]
fn all_errors_of_all_points_are_found_at_once() {
    let text =
        with("sweep: Grid({ \"machine.cores\": [0, 1, 0.5], \"models\": [[Threads(0)], [Serial, Serial]] }), runs: 0");
    let codes: Vec<&str> = found(&text, &[]).iter().map(|one| one.code).collect();
    assert_eq!(codes, ["E05", "E12", "E05", "E06", "E05"], "{:#?}", listed(&found(&text, &[]), &text));
}

#[test]
fn a_sweep_has_a_point_for_each_combination() {
    let text = with("sweep: Grid({ \"machine.cores\": [1, 2], \"tasks.t.count\": [3, 4] })");
    let points = compile("test", &text, &[]).expect("a right scenario").scenario.points;
    let settings: Vec<String> =
        points.iter().map(|p| p.settings.values().cloned().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(settings, ["1 3", "1 4", "2 3", "2 4"]);
    let counts: Vec<_> = points.iter().map(|p| (p.models[0].machine.cores, p.models[0].tasks[0].count)).collect();
    assert_eq!(counts, [(1, Some(3)), (1, Some(4)), (2, Some(3)), (2, Some(4))]);
    let zip = compile("test", &text.replace("Grid", "Zip"), &[]).expect("a right scenario").scenario.points;
    assert_eq!(zip.len(), 2);
    assert_eq!(zip[1].machine, "2 cores, Fair, costs Linux");
}

/// The texts of all scenarios of the repository, by name.
fn shipped() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ron"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("a readable file"))
        })
        .collect();
    all.sort();
    assert!(all.len() >= 14, "{}", all.len());
    all
}

#[test]
fn shipped_scenarios_are_right_and_mean_the_same_each_time() {
    for (name, text) in shipped() {
        let compiled =
            compile(&name, &text, &[]).unwrap_or_else(|found| panic!("{name}: {:#?}", listed(&found, &text)));
        assert!(compiled.warnings.is_empty(), "{name}: {:#?}", listed(&compiled.warnings, &text));
        let again = compile(&name, &text, &[]).expect("it was right before");
        assert_eq!(format!("{:?}", compiled.scenario), format!("{:?}", again.scenario));
        for expect in &compiled.scenario.expect {
            assert!(!expect.text.is_empty() && !expect.text.contains('\n'), "{name}: {:?}", expect.text);
        }
    }
}

#[test]
fn a_large_scenario_is_compiled_quickly() {
    let task = |n: u32| {
        let after = if n.is_multiple_of(10) { String::new() } else { format!("after: [\"t{}\"], ", n - 1) };
        let steps: Vec<String> = (0..10).map(|step| format!("Cpu(\"{}us\")", n * 10 + step + 1)).collect();
        format!("\"t{n}\": ({after}steps: [{}])", steps.join(", "))
    };
    let tasks: Vec<String> = (0..1_000).map(task).collect();
    let text = format!("(models: [Serial, Threads(2), Asyncio], tasks: {{ {} }})", tasks.join(", "));
    let compiled = compile("large", &text, &[]).expect("a right scenario");
    assert_eq!(compiled.scenario.points[0].models[2].dists.len(), 10_000);
}

#[test]
fn a_scenario_that_only_ever_creates_ends_with_an_outcome() {
    let text = "(machine: (costs: Zero), programs: { \"p\": [Cpu(\"1ns\")] },
        tasks: { \"t\": (steps: [Repeat(4000000, [Spawn(Process, \"p\"), Join(\"p\")])]) })";
    let compiled = compile("test", text, &[]).expect("a right scenario");
    let ended = gilsim::sim::run(&compiled.scenario.points[0].models[0], 1, &mut ());
    assert_eq!(ended.outcome.word(), "crowded", "{:?}", ended.outcome);
}

#[test]
fn calls_that_double_at_each_level_are_followed_once() {
    let program = |n: u32| format!("\"p{n}\": [Call(\"p{0}\"), Call(\"p{0}\")]", n + 1);
    let programs: Vec<String> = (0..60).map(program).collect();
    let text = format!(
        "(shared: {{ \"a\": Lock }}, programs: {{ {}, \"p60\": [With(\"a\", [Cpu(Exp(\"1ms\"))])] }}, allow: [\"overload\"],
          until: \"1s\", tasks: {{ \"t\": (arrive: Every(\"1s\"), steps: [Call(\"p0\")]) }})",
        programs.join(", ")
    );
    assert!(compile("test", &text, &[]).is_ok(), "{:#?}", listed(&found(&text, &[]), &text));
}

/// The words, numbers and texts of a scenario, with their places.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        } else if let Some(inner) = rest.strip_prefix('"') {
            inner.find('"').map_or(rest.len(), |end| end + 2)
        } else {
            rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len())
        };
        if length > 0 {
            tokens.push(at..at + length);
        }
        at += length.max(rest.chars().next().map_or(1, char::len_utf8));
    }
    tokens
}

/// Whatever is put in the place of a word or a number: the compiler never panics, and what it accepts can be run.
#[test]
fn accepted_scenarios_run_and_refused_ones_say_why() {
    const STRANGE: &[&str] = &[
        "0",
        "1",
        "2",
        "-1",
        "7",
        "4096",
        "4294967295",
        "18446744073709551615",
        "1e300",
        "NaN",
        "inf",
        "0.5",
        "\"0s\"",
        "\"1ns\"",
        "\"3ms\"",
        "\"8784h\"",
        "\"\"",
        "Zero",
        "Native",
        "Cooperative",
        "FirstCome",
        "ThreadPerTask",
        "Asyncio",
        "Exp(\"1ms\")",
        "Uniform(\"1ms\", \"1ms\")",
        "Pareto(min: \"1ns\", alpha: 0.01)",
        "LogNormal(median: \"1ns\", p99: \"8784h\")",
        "[]",
        "{}",
        "Yield",
        "Forever([Cpu(\"1us\")])",
        "Threads(3)",
        "Hybrid(processes: 2, each: Threads(2))",
    ];
    let texts: Vec<String> = shipped().into_iter().map(|(_, text)| text).collect();
    let pool: Vec<String> =
        texts.iter().flat_map(|text| tokens(text).into_iter().map(|span| text[span].to_owned())).collect();
    let words: Vec<&str> = STRANGE.iter().copied().chain(pool.iter().map(String::as_str)).collect();
    let kind = |token: &str| match token.trim_start_matches('"').chars().next() {
        Some(first) if first.is_ascii_digit() => (token.starts_with('"'), 0),
        Some(first) if first.is_uppercase() => (token.starts_with('"'), 1),
        _ => (token.starts_with('"'), 2),
    };
    let mut state = 1u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..3_000 {
        let mut text = texts[round % texts.len()].clone();
        for _ in 0..=random(6) / 5 {
            let places = tokens(&text);
            let place = places[random(places.len())].clone();
            // Mostly something that could stand there.
            let alike = |new: &str| kind(new) == kind(&text[place.clone()]);
            let fitting: Vec<&str> = words.iter().copied().filter(|word| alike(word)).collect();
            let from = if fitting.is_empty() || random(10) == 0 { &words } else { &fitting };
            let new = from[random(from.len())].to_owned();
            text.replace_range(place, &new);
        }
        match compile("changed", &text, &[]) {
            Ok(compiled) => {
                accepted += 1;
                for point in compiled.scenario.points.into_iter().take(2) {
                    for mut model in point.models {
                        model.max_events = model.max_events.min(3_000);
                        gilsim::sim::run(&model, 1, &mut ());
                    }
                }
            }
            Err(found) => {
                refused += 1;
                assert!(found.iter().any(|one| one.severity == Severity::Error), "refused without an error\n{text}");
                for label in found.iter().flat_map(|one| &one.labels) {
                    assert!(text.get(label.span.clone()).is_some(), "{label:?} is not on characters of\n{text}");
                }
                gilsim::scenario::render::render("changed.ron", &text, &found, false);
            }
        }
    }
    assert!(accepted > 300 && refused > 300, "{accepted} accepted, {refused} refused");
}

/// How errors look. Reviewed by eye; `INSTA_UPDATE=always` writes them anew.
#[test]
fn errors_as_they_are_shown() {
    let look = |name: &str, text: &str, sets: &[(&str, &str)]| {
        let shown = gilsim::scenario::render::render(&format!("{name}.ron"), text, &found(text, sets), false);
        insta::with_settings!({ snapshot_path => "../golden", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, shown);
        });
    };
    look("names", include_str!("../golden/names.ron"), &[]);
    look("conditions", include_str!("../golden/conditions.ron"), &[]);
    look("circles", include_str!("../golden/circles.ron"), &[]);
    look("meetings", include_str!("../golden/meetings.ron"), &[]);
    look("protocols", include_str!("../golden/protocols.ron"), &[]);
    look("network", include_str!("../golden/network.ron"), &[]);
    look("numbers", include_str!("../golden/numbers.ron"), &[]);
    look("expectations", include_str!("../golden/expectations.ron"), &[]);
    look("set", include_str!("../golden/set.ron"), &[("machine.cores", "0"), ("runs", "0")]);
    look("warnings", include_str!("../golden/warnings.ron"), &[]);
}

#[test]
fn what_is_listed_twice_is_said_once() {
    check("E06", &with("charts: [Timeline, «Timeline»]"));
    let after = "(tasks: { \"a\": (steps: [Cpu(\"1ms\")]), \"b\": (after: [\"a\", «\"a\"»], steps: [Cpu(\"1ms\")]) })";
    check("E06", after);
    check("E12", &with("sweep: Grid({ \"machine.cores\": [1, 2, «1»] })"));
    let zip = with("sweep: Zip({ \"machine.cores\": [1, 1], \"until\": [\"1s\", \"2s\"] })");
    assert!(found(&zip, &[]).is_empty());
}

#[test]
fn names_and_titles_have_no_characters_that_act() {
    for acts in ["\\u{1b}[2J", "\\n", "\\u{202e}", "\u{202e}"] {
        check("E08", &with(&format!("title: «\"a{acts}b\"»")));
        check("E08", &format!("(tasks: {{ «\"a{acts}b\"»: (steps: [Cpu(\"1ms\")]) }})"));
        check("E08", &with(&format!("allow: [\"unused\"], devices: {{ «\"a{acts}b\"»: (latency: \"1ms\") }}")));
    }
    assert!(found(&with("title: \"größe 数 → µs\""), &[]).is_empty());
}

#[test]
fn a_rate_below_one_a_year_is_named_so() {
    let text = "(until: \"1s\", tasks: { \"t\": (arrive: Poisson(«\"0.000001/min\"»), steps: [Cpu(\"1ms\")]) })";
    check("E05", text);
    let title = &found(&text.replace(['«', '»'], ""), &[])[0].title;
    assert!(title.contains("less than once a year"), "{title}");
}

/// Title and underlined text of all that is found.
fn told(text: &str) -> Vec<(String, String)> {
    found(text, &[]).into_iter().map(|one| (text[one.labels[0].span.clone()].to_owned(), one.title)).collect()
}

fn expect_told(text: &str, expected: &[(&str, &str)]) {
    let told = told(text);
    let fits = told.len() == expected.len()
        && told.iter().zip(expected).all(|((at, title), (place, words))| at == place && title.contains(words));
    assert!(fits, "{told:#?} in\n{text}");
}

#[test]
fn errors_after_an_unreadable_element_point_at_the_right_one() {
    let text = r#"(tasks: { "a": (steps: [Cpu("1ms")]) }, models: [Threads(2), Treads(3), Threads(4), Threads(4)])"#;
    let found = found(text, &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    let second = text.rfind("Threads(4)").unwrap();
    let first = text.find("Threads(4)").unwrap();
    assert_eq!([found[1].labels[0].span.start, found[1].labels[1].span.start], [second, first]);
    expect_told(
        &steps(r#"Slep("1ms"), Cpu("1ms"), Acquire("n"), Acquire("x"), Choose({ 0.5: [Cpu(1)], 0.4: [Incr("a")] })"#),
        &[
            ("Slep", "no step"),
            ("\"n\"", "but \"n\" is"),
            ("\"x\"", "no shared object"),
            ("1", "needs a unit"),
            ("\"a\"", "but \"a\" is"),
        ],
    );
    let text = r#"(tasks: { "a": (steps: [Cpu("1ms")], after: [1, "a2"]) }, expect: [Elapsd(is: "1s"), Final(var: "v", is: 1)])"#;
    expect_told(text, &[("1", "in quotes"), ("\"a2\"", "no task"), ("Elapsd", "no expectation"), ("\"v\"", "\"v\"")]);
}

#[test]
fn what_was_lost_is_not_missed() {
    for (body, at) in [
        (r#"expect: [Elapsed(max: "5ms")]"#, "max"),
        (r#"expect: [GilSwitches(i: 3)]"#, "i"),
        (r#"models: [Threads]"#, "Threads"),
        (r#"models: [Hybrid(processes: "0", each: Asyncio)]"#, "\"0\""),
        (r#"modles: [Asyncio], programs: {"p": [Cpu("1ms")]}, expect: [LoopLag(p: 9, at_most: "1s")]"#, "modles"),
        (r#"untl: "5s", arrivals: 1"#, "untl"),
    ] {
        let text = format!("(tasks: {{ \"a\": (steps: [Cpu(\"1ms\")]) }}, {body})");
        let told = told(&text);
        assert!(told[0].0 == at && told.len() == 1 + usize::from(body.contains("arrivals")), "{told:#?}");
    }
    expect_told(&steps(r#"Aquire("a"), Cpu("1ms"), Release("a")"#), &[("Aquire", "no step")]);
    let open = r#"(tasks: { "a": (arrive: Poisson("5/s"), steps: [Cpu("1ms")]) }, untl: "5s")"#;
    expect_told(open, &[("untl", "no field")]);
}

#[test]
fn every_bound_can_be_exact() {
    for expect in [
        "GilSwitches(is: 0)",
        "Throughput(is: 1000)",
        "Utilization(of: \"cpu\", is: 0.25)",
        "Latency(p: 50, is: \"1ms\")",
        "In(Asyncio, [LoopLag(p: 50, is: \"0s\")])",
        "Speedup(of: Asyncio, over: Serial, is: 1)",
    ] {
        let text = format!(
            "(machine: (costs: Zero), tasks: {{ \"a\": (steps: [Cpu(\"1ms\")]) }}, models: [Serial, Asyncio], expect: [{expect}])"
        );
        let compiled = compile("test", &text, &[]).unwrap_or_else(|found| panic!("{:#?}", listed(&found, &text)));
        let results = gilsim::experiment::run(&compiled.scenario, &Default::default(), &());
        assert!(results.passed, "{expect}: {:#?}", results.report.points[0].expectations);
        let both = text.replace("is:", "at_most: 1, is:").replace("1, is: \"", "\"1s\", is: \"");
        assert!(told(&both).iter().any(|(_, title)| title.contains("leaves no room")), "{both}");
    }
}

#[test]
fn wrong_paths_are_all_told() {
    let text = r#"(tasks: { "a": (steps: [Cpu("1ms")]) }, models: [Threads(2)],
        sweep: Grid({ "models.0.0": [1, 2], "machine.corse": [1], "tasks.b.count": [3], "seed": [1] }))"#;
    expect_told(text, &[("0", "models[0][0]"), ("corse", "corse"), ("b", "no `b`"), ("\"seed\"", "to sweep")]);
    for (path, value, shown) in [
        ("machine.core", "2", "core"),
        ("machine.cores", "0", "0"),
        ("machine.costs.syscall", "2", "2"),
        ("machine..cores", "2", ".cores"),
        ("models.0.0", "2", "0"),
    ] {
        let found = found(text.split(",\n").next().map(|text| format!("{text})")).unwrap().as_str(), &[(path, value)]);
        let [one] = &found[..] else { panic!("{found:#?}") };
        let argument = one.argument.as_deref().expect("the argument is shown");
        assert_eq!(argument, format!("--set {path}={value}"));
        assert_eq!(&argument[one.labels[0].span.clone()], shown, "{path}");
        let drawn = gilsim::scenario::render::render("a.ron", text, &found, false);
        assert!(drawn.contains(argument) && !drawn.contains("a.ron"), "{drawn}");
    }
}
