//! What pictures and tables say of missed deadlines, dropped jobs, migrations and threads that come and go.

use std::fs;
use std::process::Command;

use tempfile::TempDir;

const LATE: &str = r#"(
    machine: (cores: 2, scheduler: RoundRobin("2ms"), costs: Zero),
    interpreter: Native,
    tasks: {
        "a": (arrive: Every("10ms"), deadline: "8ms", steps: [Cpu("6ms")]),
        "b": (arrive: Every("10ms"), deadline: "9ms", late: Abort, steps: [Cpu("7ms")]),
        "c": (arrive: Every("20ms"), steps: [Cpu("5ms"), Sleep("2ms"), Cpu("3ms")]),
        "d": (arrive: Every("25ms"), capacity: 1, steps: [Cpu("15ms")]),
    },
    models: [ThreadPerTask],
    until: "100ms",
    allow: ["overload"],
)"#;

/// Runs a scenario; the folder with what it wrote, and what it printed.
fn run(text: &str, arguments: &[&str]) -> (TempDir, String) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("x.ron"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gilsim"));
    let command = command.args(["run", "x.ron"]).args(arguments).current_dir(folder.path());
    let out = command.output().unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    (folder, String::from_utf8(out.stdout).unwrap())
}

/// All words of a picture.
fn words(folder: &TempDir, name: &str) -> Vec<String> {
    let svg = fs::read_to_string(folder.path().join("output/x").join(name)).unwrap();
    let texts = svg.split("<text").skip(1);
    texts.map(|text| text.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()).collect()
}

fn figures(folder: &TempDir) -> serde_json::Value {
    let text = fs::read_to_string(folder.path().join("output/x/figures.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A task has rows of its own, as many as it has threads at once; the title counts threads.
#[test]
fn rows_of_threads_that_come_and_go_belong_to_their_tasks() {
    let (folder, _) = run(LATE, &[]);
    let words = words(&folder, "timeline-threadpertask.svg");
    let arrived = 10 + 10 + 5 + 4;
    let refused = figures(&folder)["points"][0]["models"][0]["runs"][0]["tasks"][3]["refused"].as_u64().unwrap();
    let title = format!("ThreadPerTask: {} threads, 2 cores", arrived - refused);
    assert!(words.iter().any(|word| word.starts_with(&title)), "{title}: {words:#?}");
    for row in ["a", "b", "c", "d"] {
        assert!(words.iter().any(|word| word == row), "a row of {row}: {words:#?}");
    }
    assert!(!words.iter().any(|word| word.contains("place") || word.contains(", b")), "{words:#?}");
}

/// What is late, dropped or moved has a mark, and only what is there has a key.
#[test]
fn deadlines_drops_and_migrations_are_marked() {
    let keys = ["deadline missed", "job dropped at its deadline", "the same, and it comes from another core"];
    let found = |text: &str| {
        let (folder, _) = run(text, &[]);
        let words = words(&folder, "timeline-threadpertask.svg");
        keys.map(|key| words.iter().any(|word| word == key))
    };
    assert_eq!(found(LATE), [true, true, true]);
    assert_eq!(found(&LATE.replace("late: Abort, ", "")), [true, false, true]);
    assert_eq!(found(&LATE.replace("cores: 2", "cores: 1")), [true, true, false]);
    let calm = LATE.replace("deadline: \"8ms\", ", "").replace("deadline: \"9ms\", late: Abort, ", "");
    assert_eq!(found(&calm), [false, false, true]);
    // Coroutines have rows, too.
    let (folder, _) = run(&LATE.replace("ThreadPerTask", "Asyncio"), &[]);
    let words = words(&folder, "timeline-asyncio.svg");
    assert!(words.iter().any(|word| word == keys[0]) && words.iter().any(|word| word == keys[1]), "{words:#?}");
}

/// Of three threads on two cores one moves; one core has nothing to move to.
#[test]
fn migrations_are_counted() {
    let text = |cores: u32, affinity: &str| {
        format!(
            r#"(machine: (cores: {cores}, scheduler: RoundRobin("2ms"), costs: Zero), interpreter: Native,
            models: [ThreadPerTask], tasks: {{ "a": (count: 3, {affinity}steps: [Cpu("4ms")]) }})"#
        )
    };
    for (cores, affinity, expected) in [(1, "", 0), (2, "", 1), (2, "affinity: [1], ", 0)] {
        let (folder, out) = run(&text(cores, affinity), &["--no-charts"]);
        let run = &figures(&folder)["points"][0]["models"][0]["runs"][0];
        assert_eq!(run["migrations"].as_u64(), Some(expected), "{cores} {affinity}");
        assert_eq!(out.contains("migrations"), expected > 0, "{out}");
    }
}

/// What became of jobs is in the table of all points, not only in those of single ones.
#[test]
fn sweeps_tell_what_was_missed_and_refused() {
    let swept = LATE.replace("until:", "sweep: Grid({ \"machine.cores\": [1, 2, 3, 4] }), until:");
    let (_, out) = run(&swept, &["--no-charts"]);
    let head = out.lines().find(|line| line.starts_with("machine.cores")).unwrap();
    assert!(head.contains("missed") && head.contains("refused") && !head.contains("failed"), "{out}");
    let (_, out) = run(&swept.replace("capacity: 1, ", ""), &["--no-charts"]);
    let head = out.lines().find(|line| line.starts_with("machine.cores")).unwrap();
    assert!(head.contains("missed") && !head.contains("refused"), "{out}");
}

/// A sweep over what is no number has a picture, too: a row for each choice and model, the best and the worst in its title.
#[test]
fn choices_are_beside_each_other() {
    let text = r#"(machine: (cores: 1, costs: Zero), interpreter: Native, models: [ThreadPerTask],
        tasks: { "long": (steps: [Cpu("6ms")]), "short": (steps: [Cpu("2ms")]) },
        sweep: Grid({ "machine.scheduler": [FirstCome, ShortestJobFirst(), RoundRobin("1ms")] }))"#;
    let (folder, _) = run(text, &[]);
    let found = words(&folder, "sweep.svg");
    let rows = ["FirstCome", "7 ms", "ShortestJobFirst()", "5 ms", "RoundRobin(&quot;1ms&quot;)", "6 ms"];
    let at = rows.map(|row| found.iter().position(|word| word == row).unwrap_or_else(|| panic!("{row}: {found:?}")));
    assert!(at.is_sorted(), "{found:?}");
    assert_eq!(found[0], "Mean response: 5 ms with ShortestJobFirst(), 7 ms with FirstCome");
    // With two models a row names both.
    let (folder, _) = run(&text.replace("[ThreadPerTask]", "[ThreadPerTask, Processes(1)]"), &[]);
    let found = words(&folder, "sweep.svg");
    assert_eq!(found.iter().filter(|word| *word == "Processes(1)").count(), 3, "{found:?}");
    // What never ends by itself has a rate instead of a makespan; one number has lines instead of rows.
    let rate = text.replace("(steps: [Cpu(\"6ms\")])", "(arrive: Every(\"10ms\"), steps: [Cpu(\"6ms\")])");
    let (folder, _) = run(&rate.replace("sweep", "until: \"100ms\", sweep"), &[]);
    assert!(words(&folder, "sweep.svg").iter().any(|word| word == "jobs/s"));
    let number = text.replace("machine.scheduler", "machine.cores");
    let (folder, _) = run(&number.replace("[FirstCome, ShortestJobFirst(), RoundRobin(\"1ms\")]", "[1, 2]"), &[]);
    assert!(!words(&folder, "sweep.svg").iter().any(|word| word.starts_with("Mean response")));
}

/// Who waits for its turn waits for a lock; who waits for what others do waits for a signal.
#[test]
fn locks_and_signals_are_told_apart() {
    let text = |thing: &str, step: &str| {
        format!(
            r#"(machine: (cores: 2, costs: Zero), interpreter: Native, models: [ThreadPerTask],
            shared: {{ "it": {thing} }},
            tasks: {{ "first": (steps: [{step}]), "other": (steps: [Sleep("1ms"), {step}]) }})"#
        )
    };
    let long = "Cpu(\"4ms\")";
    for (thing, step, lock, signal) in [
        ("Semaphore(1)", format!("With(\"it\", [{long}])"), 3_000_000, 0),
        ("RwLock", format!("With(\"it\", [{long}])"), 3_000_000, 0),
        ("Lock", format!("With(\"it\", [{long}])"), 3_000_000, 0),
        ("Barrier(2)", "Wait(\"it\")".to_owned(), 0, 1_000_000),
    ] {
        let (folder, out) = run(&text(thing, &step), &[]);
        let times = &figures(&folder)["points"][0]["models"][0]["runs"][0]["threads"];
        assert_eq!((times["lock"].as_u64(), times["signal"].as_u64()), (Some(lock), Some(signal)), "{thing}");
        assert_eq!((out.contains(" lock "), out.contains(" signal ")), (lock > 0, signal > 0), "{out}");
        let words = words(&folder, "timeline-threadpertask.svg");
        let says = |key: &str| words.iter().any(|word| word == key);
        assert_eq!((says("waits for a lock"), says("waits for a signal")), (lock > 0, signal > 0), "{thing}");
    }
}

/// A deadline in the last instant is one, whether late jobs are dropped or go on.
#[test]
fn a_deadline_at_the_end_of_the_clock_counts() {
    for (deadline, work, missed) in [("9ms", "20ms", 1), ("10ms", "20ms", 1), ("11ms", "20ms", 0), ("10ms", "10ms", 0)]
    {
        for late in ["", "late: Abort, "] {
            let text = format!(
                r#"(machine: (cores: 1, costs: Zero), interpreter: Native, until: "10ms", models: [ThreadPerTask],
                tasks: {{ "a": (deadline: "{deadline}", {late}steps: [Cpu("{work}")]) }}, expect: [Missed(is: {missed})])"#
            );
            let (folder, out) = run(&text, &["--no-charts"]);
            assert_eq!(figures(&folder)["passed"], true, "{deadline} {work} {late}: {out}");
        }
    }
}
