//! Why a core takes whom, and whether a conclusion hangs on a convention.

use std::fs;
use std::process::{Command, Output};

use gilsim::kernel::policy::POLICIES;
use tempfile::TempDir;

/// Two jobs that meet at the end of a slice.
const TIE: &str = r#"(
    machine: (cores: 1, costs: Zero, scheduler: RoundRobin("2ms")),
    interpreter: Native,
    tasks: {
        "a": (priority: 3, tickets: 50, arrive: Recorded(["0ms"]), steps: [Cpu("4ms")]),
        "b": (priority: 2, deadline: "8ms", arrive: Recorded(["2ms"]), steps: [Cpu("3ms")]),
        "c": (priority: 2, arrive: Recorded(["2ms"]), steps: [Cpu("3ms")]),
    },
    models: [ThreadPerTask],
    expect: [Latency(task: "a", p: 100, at_least: "7ms")],
)"#;

fn gilsim(folder: &TempDir, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gilsim"));
    let Output { status, stdout, stderr } = command.args(arguments).current_dir(folder.path()).output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.code().unwrap(), text)
}

fn folder(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("tie.ron"), text).unwrap();
    folder
}

/// The log of decisions, a line each, without what is blank.
fn decisions(scheduler: &str, span: &str) -> Vec<String> {
    let folder = folder(TIE);
    let set = format!("machine.scheduler={scheduler}");
    let (code, text) = gilsim(&folder, &["run", "tie.ron", "--no-charts", span, "--set", &set, "--set", "expect=[]"]);
    assert_eq!(code, 0, "{text}");
    let file = fs::read_to_string(folder.path().join("output/tie/decisions-threadpertask.txt")).unwrap();
    let lines: Vec<String> = file.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in file.lines() {
        assert!(text.contains(line), "the terminal shows them, too: {line}");
    }
    lines
}

#[test]
fn every_policy_gives_its_own_reasons() {
    for (scheduler, reasons) in [
        (
            "RoundRobin(\"2ms\")",
            &[
                "0ns core 0 takes a, because nobody else waits",
                "2ms core 0 lets a go, because its slice is over and others wait",
                "2ms core 0 takes b over c, because it is its turn",
            ][..],
        ),
        ("FirstCome", &["4ms core 0 takes b over c, because it has waited longest"]),
        ("LastCome", &["4ms core 0 takes c over b, because it became ready last"]),
        (
            "Priority()",
            &[
                "2ms core 0 goes from a to b, because priority 2 goes before 3",
                "5ms core 0 takes c over a, because priority 2 goes before 3",
            ],
        ),
        (
            "Priority(preemptive: false)",
            &["4ms core 0 takes b over c, because both have priority 2, and its job arrived first"],
        ),
        (
            "ShortestRemainingTime()",
            &["4ms core 0 takes b over c, because both have 3ms left of its burst, and its job arrived first"],
        ),
        ("Edf()", &["2ms core 0 goes from a to b, because deadline 10ms goes before none"]),
        ("SchedRr(slice: \"2ms\")", &["4ms core 0 takes c over b, because it stands first in the list of priority 2"]),
        ("Stride(\"2ms\")", &["6ms core 0 takes c over b, because it has had 40us for a ticket, the other 60us"]),
        ("Lottery(\"2ms\", [0, 120])", &["2ms core 0 takes b, because ticket 120 of 250 was drawn, one of its 100"]),
        ("Mlfq(quanta: [\"1ms\", \"2ms\"])", &["2ms core 0 goes from a to b, because level 0 goes before level 1"]),
    ] {
        let found = decisions(scheduler, "--explain");
        for reason in reasons {
            assert!(found.iter().any(|line| line == reason), "{scheduler}: {reason} is not in {found:#?}");
        }
    }
}

#[test]
fn a_part_of_the_log_is_chosen_by_time() {
    let all = decisions("FirstCome", "--explain");
    assert_eq!(all.len(), 3);
    assert_eq!(decisions("FirstCome", "--explain=1ms..5ms"), all[1..2]);
    assert_eq!(decisions("FirstCome", "--explain=4ms.."), all[1..]);
    assert_eq!(decisions("FirstCome", "--explain=..4ms"), all[..1]);
    for wrong in ["--explain=5ms", "--explain=5ms..1ms", "--explain=5..6"] {
        let (code, text) = gilsim(&folder(TIE), &["run", "tie.ron", wrong]);
        assert_eq!(code, 2, "{wrong}: {text}");
    }
}

/// What a thread waits for, what it inherits by that, and that it is inherited.
#[test]
fn waits_and_what_is_inherited_are_in_the_log() {
    let text = r#"(
        machine: (cores: 1, costs: Zero, scheduler: Priority()),
        interpreter: Native,
        shared: { "m": Lock(protocol: Inherit), "c": Lock(protocol: Ceiling) },
        devices: { "disk": (latency: "1ms") },
        tasks: {
            "low": (priority: 3, steps: [With("m", [Cpu("4ms")])]),
            "mid": (priority: 2, arrive: Recorded(["1ms"]), steps: [Cpu("3ms"), With("c", [Cpu("1ms")]), Sleep("1ms")]),
            "high": (priority: 1, arrive: Recorded(["2ms"]), steps: [With("m", [Io("disk")]), With("c", [])]),
        },
        models: [ThreadPerTask],
    )"#;
    for scheduler in ["Priority()", "SchedFifo()"] {
        let folder = folder(&text.replace("Priority()", scheduler));
        let (code, text) = gilsim(&folder, &["run", "tie.ron", "--no-charts", "--explain"]);
        assert_eq!(code, 0, "{text}");
        let lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let its = if scheduler == "Priority()" { "" } else { "its " };
        for line in [
            "2ms core 0 lets high go, because it waits for the lock \"m\", held by low",
            "2ms low has priority 1, because high waits for the lock \"m\", which it holds",
            &format!(
                "2ms core 0 takes low over mid, because {its}inherited priority 1 goes before 2; it ran on this core last"
            ),
            "5ms low has priority 3, because it holds no lock any more that makes it more urgent",
            "5ms core 0 lets high go, because it waits for the device \"disk\"",
            "7ms mid has priority 1, because that is the ceiling of the lock \"c\", which it holds",
            "8ms core 0 lets mid go, because it sleeps",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
        }
    }
}

/// Whose job is dropped, and nothing of what would come after the end of the clock.
#[test]
fn the_log_has_jobs_that_are_dropped_and_ends_with_the_clock() {
    let text = r#"(machine: (cores: 1, costs: Zero, scheduler: RoundRobin("2ms")), interpreter: Native, until: "6ms",
        tasks: { "a": (deadline: "5ms", late: Abort, steps: [Cpu("9ms")]), "b": (steps: [Cpu("9ms")]) }, models: [Threads(2)])"#;
    let folder = folder(text);
    let (code, text) = gilsim(&folder, &["run", "tie.ron", "--no-charts", "--explain"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("5ms          drops a, because it is not complete at its deadline"), "{text}");
    assert!(text.contains("lets worker 0 go, because it has no job"), "{text}");
    assert!(!text.contains(" 6ms  "), "{text}");
}

/// A slice that ends and begins anew is one decision, whatever the policy makes of it.
#[test]
fn who_goes_on_after_a_slice_keeps_its_core() {
    let lines = decisions("Lottery(\"2ms\", [0, 10])", "--explain");
    let keeps = "2ms core 0 keeps a, because its slice is over and ticket 10 of 250 was drawn, one of its 50";
    assert!(lines.iter().any(|line| line.starts_with(keeps)), "{lines:#?}");
    let lines = decisions("Mlfq(quanta: [\"1ms\"])", "--explain");
    assert!(lines.iter().all(|line| !line.contains(", not ")), "{lines:#?}");
}

/// What is over at the end of a slice, at a tick and when the real-time threads have had their runtime, and who came from the
/// queue of another core.
#[test]
fn the_log_says_what_is_over() {
    let two = r#"(machine: (cores: 1, costs: Zero, scheduler: SCHEDULER), interpreter: Native, until: "60ms",
        tasks: { "a": (priority: 1, nice: -5, steps: [Cpu("90ms")]), "b": (steps: [Cpu("90ms")]) }, models: [ThreadPerTask])"#;
    for (scheduler, line) in [
        (
            "SchedFifo(throttle: (runtime: \"5ms\", period: \"20ms\"))",
            "5ms core 0 lets a go, because the runtime of this period is used up and others wait",
        ),
        ("Fair", "4ms core 0 keeps a over b, because a tick of its slice is over and"),
        ("Fair", "8ms core 0 lets a go, because its slice is over and others wait"),
        ("Eevdf(slice: \"6ms\")", "12ms core 0 keeps a over b, because a tick of its slice is over and"),
        ("Eevdf(slice: \"6ms\")", "16ms core 0 keeps a over b, because its slice is over and the other"),
    ] {
        let folder = folder(&two.replace("SCHEDULER", scheduler));
        let (code, text) = gilsim(&folder, &["run", "tie.ron", "--no-charts", "--explain"]);
        assert_eq!(code, 0, "{text}");
        let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(lines.any(|found| found.starts_with(line)), "{scheduler}, {line}: {text}");
    }
    let stolen = r#"(machine: (cores: 2, costs: Zero, scheduler: Fair), interpreter: Native,
        tasks: { "a": (count: 3, steps: [Cpu("9ms")]), "b": (steps: [Cpu("1ms")]) }, models: [ThreadPerTask])"#;
    let (_, text) = gilsim(&folder(stolen), &["run", "tie.ron", "--no-charts", "--explain"]);
    assert!(text.contains("because nobody waits for this core, and others wait for other cores"), "{text}");
}

/// Who cannot have the core is no rival.
#[test]
fn threads_of_other_cores_are_no_reason() {
    let text = TIE.replace("cores: 1", "cores: 2").replace("(priority: 3, tickets: 50, ", "(affinity: [0], ");
    let text = text.replace("(priority: 2, deadline: \"8ms\", ", "(affinity: [0], deadline: \"3ms\", ");
    let text = text.replace("(priority: 2, arrive", "(affinity: [1], arrive").replace("RoundRobin(\"2ms\")", "Edf()");
    let (_, text) = gilsim(&folder(&text), &["run", "tie.ron", "--no-charts", "--explain", "--set", "expect=[]"]);
    for line in [
        "core 0  goes from a to b, because deadline 5ms goes before none",
        "core 1  takes c, because nobody else waits for this core",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

/// A log for each point of a sweep, under its settings; a part in which nothing happens says so.
#[test]
fn every_point_of_a_sweep_is_explained() {
    let swept = r#"sweep: Grid({ "machine.scheduler": [FirstCome, LastCome] }), expect: ["#;
    let folder = folder(&TIE.replace("expect: [", swept));
    let (code, text) = gilsim(&folder, &["run", "tie.ron", "--no-charts", "--explain=0ms..6ms"]);
    assert_eq!(code, 1, "the expectation is about another scheduler: {text}");
    for (number, scheduler, next) in [(1, "FirstCome", "takes b over c"), (2, "LastCome", "takes c over b")] {
        assert!(text.contains(&format!("ThreadPerTask at machine.scheduler = {scheduler}: why each core")), "{text}");
        let file = format!("output/tie/decisions-threadpertask-{number}.txt");
        let file = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(file.contains(next), "{file}");
    }
    let (_, text) = gilsim(&folder, &["run", "tie.ron", "--no-charts", "--explain=1s..2s"]);
    assert_eq!(text.matches("Nothing was decided in this part of the run.").count(), 2, "{text}");
}

/// A load that nobody could carry grows no queue where jobs are refused or dropped, and nothing falls behind.
#[test]
fn too_much_is_refused_or_dropped_or_waits() {
    for (rule, warning, verdict) in [
        ("", "the queue grows without end", "it falls behind"),
        ("capacity: 3, ", "what is too much is refused or dropped", "it cannot do all of it"),
        ("deadline: \"9ms\", late: Abort, ", "what is too much is refused or dropped", "it cannot do all of it"),
    ] {
        let text = format!(
            r#"(machine: (cores: 1), until: "1s", models: [Threads(2)],
                tasks: {{ "a": ({rule}arrive: Every("2ms"), steps: [Cpu("4ms")]) }})"#
        );
        let (_, text) = gilsim(&folder(&text), &["run", "tie.ron", "--no-charts"]);
        assert!(text.contains(warning) && text.contains(verdict), "{rule}: {text}");
    }
}

#[test]
fn a_conclusion_that_hangs_on_a_tie_rule_is_found() {
    let (code, text) = gilsim(&folder(TIE), &["check", "--conventions", "tie.ron"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("scheduler: RoundRobin(\"2ms\", PreemptedFirst)"), "{text}");
    assert!(text.contains("no longer holds"), "{text}");
    assert!(text.contains("convention: what became of the expectations is not the same under 1 of 6"), "{text}");
}

/// One model has no order, and without expectations there is nothing to conclude.
#[test]
fn the_conclusion_is_what_the_scenario_has() {
    let conclusion = |more: &[&str]| {
        let arguments: Vec<&str> = ["check", "--conventions", "tie.ron"].iter().chain(more).copied().collect();
        gilsim(&folder(TIE), &arguments)
    };
    let two = ["--set", "models=[ThreadPerTask, Serial]", "--set", "expect=[]"];
    let (code, text) = conclusion(&two);
    assert!(code == 0 && text.contains("survives: the order of the models is the same under all 6"), "{text}");
    let (code, text) = conclusion(&two[2..]);
    assert!(code == 0 && text.contains("no conclusion to check: one model, one scheduler and no `expect`"), "{text}");
    assert!(!text.contains("order of the models"), "{text}");
}

#[test]
fn events_of_one_instant_are_reversed_and_shuffled() {
    let text = TIE.replace("task: \"a\", p: 100, at_least: \"7ms\"", "task: \"b\", p: 100, at_most: \"5ms\"");
    let first_come = ["check", "--conventions", "tie.ron", "--set", "machine.scheduler=FirstCome"];
    let (code, text) = gilsim(&folder(&text), &first_come);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("FAIL  events of one instant: reversed"), "{text}");
}

#[test]
fn a_conclusion_that_does_not_hang_on_ties_survives() {
    let text = TIE.replace("at_least: \"7ms\"", "at_most: \"10ms\"");
    let (code, text) = gilsim(&folder(&text), &["check", "--conventions", "tie.ron"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("It survives"), "{text}");
}

/// Each setting of each scheduler of a sweep is tried, and nothing twice; tasks that are there at once are ordered otherwise.
#[test]
fn conventions_are_tried_for_each_scheduler_of_a_sweep() {
    let swept = r#"(
        machine: (cores: 1, costs: Zero),
        interpreter: Native,
        tasks: { "long": (steps: [Cpu("9ms")]), "short": (steps: [Cpu("1ms")]) },
        models: [ThreadPerTask],
        sweep: Grid({ "machine.scheduler": [FirstCome, RoundRobin("2ms"), Priority()] }),
        expect: [Latency(task: "long", p: 100, at_least: "9ms")],
    )"#;
    let (code, text) = gilsim(&folder(swept), &["check", "--conventions", "tie.ron"]);
    assert_eq!(code, 1, "{text}");
    for one in ["for RoundRobin(\"2ms\")", "for Priority(", "mean response of short 1 ms instead of 10 ms"] {
        assert!(text.contains(one), "{one}: {text}");
    }
    // Turns are better for the mean only as long as the long job goes first.
    let order = "FirstCome is level with RoundRobin(\"2ms\") in mean response; as written it loses to it";
    assert!(
        text.contains(order) && text.contains("the order of the schedulers and what became of the expect"),
        "{text}"
    );
    // With the short job a millisecond later the order is what it was.
    let apart = swept.replace("\"short\": (", "\"short\": (arrive: Recorded([\"1ms\"]), ").replace(", Priority()", "");
    let (code, text) = gilsim(&folder(&apart), &["check", "--conventions", "tie.ron"]);
    assert!(code == 0 && text.contains("It survives: the order of the schedulers and"), "{text}");
}

#[test]
fn a_policy_that_decides_for_all_cores_has_neither_other_queues_nor_another_timer() {
    for (more, right) in
        [("", true), (", queues: Global", true), (", queues: PerCore()", false), (", interrupt: \"2ms\"", false)]
    {
        let text =
            TIE.replace("RoundRobin(\"2ms\")", "Pfair(\"2ms\")").replace("costs: Zero", &format!("costs: Zero{more}"));
        let (code, text) = gilsim(&folder(&text), &["check", "tie.ron"]);
        assert_eq!((code == 0, text.contains("decides for all cores at once")), (right, !right), "{more}: {text}");
    }
}

#[test]
fn a_misspelt_option_of_any_scheduler_is_an_error() {
    for policy in POLICIES {
        let name = policy.spelling.split('(').next().unwrap();
        for options in ["slize: \"2ms\"", "equals: ByTask, slize: 3"] {
            let text = TIE.replace("RoundRobin(\"2ms\")", &format!("{name}({options})"));
            let (code, text) = gilsim(&folder(&text), &["check", "tie.ron"]);
            assert_eq!(code, 2, "{name}({options}): {text}");
            assert!(text.contains("tie.ron:2:"), "{name}({options}): {text}");
        }
    }
    for queues in ["PerCore(steel: false)", "Global(steal: true)"] {
        let text = TIE.replace("costs: Zero", &format!("costs: Zero, queues: {queues}"));
        let (code, text) = gilsim(&folder(&text), &["check", "tie.ron"]);
        assert!(code == 2 && text.contains("tie.ron:2:"), "{queues}: {text}");
    }
}
