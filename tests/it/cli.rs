//! The command as people and scripts use it: every flag, every exit code, every way to get it wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Two computations under a lock: nothing to wait for.
const GOOD: &str = r#"(
    title: "Two hogs",
    machine: (cores: 2, costs: Zero),
    tasks: { "hog": (count: 2, steps: [Cpu("50ms"), Print("done")]) },
    models: [Serial, Threads(2), Processes(2)],
    expect: [Speedup(of: Processes(2), over: Serial, at_least: 1.9)],
)"#;

/// An expectation that fails.
const FAILS: &str = r#"(
    tasks: { "hog": (steps: [Cpu("50ms")]) },
    expect: [Elapsed(at_most: "1ms")],
)"#;

const INVALID: &str = r#"(tasks: { "hog": (steps: [Cpuu("50ms")]) })"#;

/// Chance decides how long it takes.
const RANDOM: &str = r#"(
    tasks: { "hog": (count: 3, steps: [Cpu(Exp("5ms"))]) },
    models: [Serial, Threads(3), Asyncio],
    runs: 3,
)"#;

const SWEPT: &str = r#"(
    machine: (cores: 1, costs: Zero),
    tasks: { "hog": (count: 2, steps: [Cpu("50ms")]) },
    models: [FreeThreaded(2)],
    sweep: Grid({ "machine.cores": [1, 2] }),
    expect: [At({ "machine.cores": 1 }, [Elapsed(at_least: "100ms")]), At({ "machine.cores": 2 }, [Elapsed(at_most: "60ms")])],
)"#;

/// A folder to work in, with scenarios.
struct Desk(TempDir);

impl Desk {
    fn with(files: &[(&str, &str)]) -> Desk {
        let desk = Desk(TempDir::new().unwrap());
        for (name, text) in files {
            let path = desk.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gilsim"));
        command.args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command.env_remove("NO_COLOR").env_remove("COLUMNS");
        command
    }

    /// Exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        outcome(self.command(arguments).output().unwrap())
    }
}

fn outcome(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    let code = output.status.code().unwrap_or_else(|| panic!("killed: {err}"));
    assert!(!err.contains("panicked"), "{err}");
    (code, out, err)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_prints_figures_and_writes_files() {
    let desk = Desk::with(&[("good.ron", GOOD)]);
    let (code, out, err) = desk.run(&["run", "good.ron"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for words in ["Two hogs", "makespan", "Processes(2): 2.00x the speed of Serial", "pass", "done", "good/index.html"]
    {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains('\x1b'), "no colors into a pipe: {out}");
    assert!(out.lines().all(|line| line.chars().count() <= 120), "{out}");
    let files = names(&desk.path("output/good"));
    for file in [".gilsim", "figures.json", "index.html", "scenario.ron", "timeline-serial.png", "timeline-serial.svg"]
    {
        assert!(files.contains(&file.to_owned()), "{file}: {files:?}");
    }
    assert_eq!(fs::read_to_string(desk.path("output/good/scenario.ron")).unwrap(), GOOD);
    assert_eq!(names(&desk.path("output")), ["good"]);
}

#[test]
fn a_failed_expectation_says_what_was_found() {
    let desk = Desk::with(&[("fails.ron", FAILS)]);
    let (code, out, _) = desk.run(&["run", "fails.ron", "--set", "machine.costs=Zero", "--no-charts"]);
    assert_eq!(code, 1);
    assert!(out.contains("FAIL  Elapsed(at_most: \"1ms\"): Serial, seed 1: 50 ms"), "{out}");
}

#[test]
fn all_errors_of_all_files_come_before_anything_runs() {
    let desk = Desk::with(&[("good.ron", GOOD), ("a.ron", INVALID), ("b.ron", INVALID)]);
    for command in ["run", "check"] {
        let (code, _, err) = desk.run(&[command, "a.ron", "good.ron", "b.ron", "missing.ron"]);
        assert_eq!(code, 2);
        for words in ["a.ron:1:", "b.ron:1:", "Cpuu", "missing.ron: "] {
            assert!(err.contains(words), "{words}: {err}");
        }
    }
    assert!(!desk.path("output").exists());
}

#[test]
fn check_takes_folders() {
    let desk = Desk::with(&[("a/good.ron", GOOD), ("a/b/good.ron", GOOD), ("a/b/bad.ron", "(")]);
    let (code, out, err) = desk.run(&["check", "a"]);
    assert!(code == 2 && out.matches("good.ron: valid").count() == 2, "{code} {out}");
    assert!(err.contains("bad.ron"), "{err}");
}

#[test]
fn check_runs_nothing() {
    let desk = Desk::with(&[("good.ron", GOOD), ("fails.ron", FAILS)]);
    let (code, out, _) = desk.run(&["check", "good.ron", "fails.ron"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("good.ron: valid, no warnings") && !desk.path("output").exists(), "{out}");
}

#[test]
fn whatever_is_no_scenario_is_refused_in_words() {
    let desk = Desk::with(&[("empty.ron", ""), ("folder/x.ron", GOOD)]);
    fs::write(desk.path("latin.ron"), b"(title: \"caf\xe9\")").unwrap();
    fs::write(desk.path("zero.ron"), vec![0u8; 3_000]).unwrap();
    let (code, _, err) = desk.run(&["run", "folder"]);
    assert!(code == 2 && err.contains("gilsim batch folder"), "{code} {err}");
    for (file, words) in [
        ("missing.ron", "missing.ron"),
        ("latin.ron", "UTF-8: byte 13"),
        ("empty.ron", "error"),
        ("zero.ron", "error"),
        ("", "error"),
    ] {
        for command in ["run", "check"] {
            let (code, _, err) = desk.run(&[command, file]);
            assert!(code == 2 && err.contains(words), "{command} {file}: {code} {err}");
        }
    }
}

#[test]
fn a_wrong_request_is_refused_in_words() {
    let desk = Desk::with(&[("good.ron", GOOD), ("empty/readme.txt", "")]);
    for (arguments, words) in [
        (&["run"][..], "FILE"),
        (&[], "Usage"),
        (&["walk"], "walk"),
        (&["run", "good.ron", "--jobs", "0"], "--jobs"),
        (&["run", "good.ron", "--jobs", "many"], "--jobs"),
        (&["run", "good.ron", "--runs", "0"], "--runs"),
        (&["run", "good.ron", "--seed", "-1"], "-1"),
        (&["run", "good.ron", "--set", "nonsense"], "--set machine.cores=8"),
        (&["run", "good.ron", "--set", "=1"], "--set machine.cores=8"),
        (&["run", "good.ron", "--set", "machine.corse=1"], "corse"),
        (&["run", "good.ron", "--set", "machine.cores=0"], "cores"),
        (&["run", "good.ron", "--set", "machine..cores=1"], "machine..cores"),
        (&["run", "good.ron", "--format", "xml"], "xml"),
        (&["run", "good.ron", "good.ron"], "same name"),
        (&["batch", "empty"], "no scenario"),
        (&["list", "nothing"], "nothing"),
    ] {
        let (code, out, err) = desk.run(arguments);
        assert!(code == 2 && err.contains(words) && out.is_empty(), "{arguments:?}: {code} {out} {err}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let desk = Desk::with(&[]);
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"]] {
        let (code, out, err) = desk.run(arguments);
        assert!(code == 0 && !out.is_empty() && err.is_empty(), "{arguments:?}: {err}");
    }
    assert!(desk.run(&["--help"]).1.contains("Exit codes"));
}

#[test]
fn json_is_one_document_whatever_else_is_asked() {
    let desk = Desk::with(&[("random.ron", RANDOM), ("good.ron", GOOD)]);
    let json = |more: &[&str]| {
        let all: Vec<&str> =
            ["run", "random.ron", "good.ron", "--format", "json"].iter().chain(more).copied().collect();
        let (code, out, _) = desk.run(&all);
        assert_eq!(code, 0);
        out
    };
    let plain = json(&["--no-charts", "--jobs", "1"]);
    let document: serde_json::Value = serde_json::from_str(&plain).unwrap();
    let scenarios = document["scenarios"].as_array().unwrap();
    assert_eq!((scenarios.len(), &scenarios[1]["name"]), (2, &serde_json::json!("good")));
    let digest = scenarios[0]["points"][0]["models"][1]["runs"][2]["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 16);
    assert_eq!(plain, json(&["--jobs", "2"]));
    assert_eq!(plain, json(&["--audit", "--check-determinism", "--no-charts", "--jobs", "3"]));
    assert_ne!(plain, json(&["--seed", "9", "--no-charts"]));
    assert_eq!(scenarios[0]["behaviour"], gilsim::trace::BEHAVIOUR);
    // The file says the same as the document.
    json(&[]);
    let file = fs::read_to_string(desk.path("output/random/figures.json")).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&file).unwrap(), scenarios[0]);
}

#[test]
fn seeds_and_runs_come_from_the_command_line() {
    let desk = Desk::with(&[("random.ron", RANDOM)]);
    let arguments =
        ["run", "random.ron", "--seed", "40", "--runs", "2", "--format", "json", "--no-charts", "--out", "o"];
    let (code, out, _) = desk.run(&arguments);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let runs = document["scenarios"][0]["points"][0]["models"][0]["runs"].as_array().unwrap();
    let seeds: Vec<u64> = runs.iter().map(|run| run["seed"].as_u64().unwrap()).collect();
    assert_eq!((code, seeds), (0, vec![40, 41]));
    assert!(desk.path("o/random/figures.json").exists() && !desk.path("output").exists());
    assert_eq!(names(&desk.path("o/random")), [".gilsim", "figures.json", "index.html", "scenario.ron"]);
}

#[test]
fn an_audit_and_a_second_run_say_that_all_is_well() {
    let desk = Desk::with(&[("good.ron", GOOD)]);
    let (code, out, err) = desk.run(&["run", "good.ron", "--audit", "--check-determinism", "--no-charts"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("The auditor watched every run") && out.contains("all records are the same"), "{out}");
}

/// That an expectation fails says nothing about the auditor.
#[test]
fn an_audit_is_told_of_when_an_expectation_fails() {
    let desk = Desk::with(&[("fails.ron", FAILS)]);
    let (code, out, _) = desk.run(&["run", "fails.ron", "--audit", "--no-charts"]);
    assert!(code == 1 && out.contains("The auditor watched every run and found nothing."), "{out}");
    let (code, out, _) = desk.run(&["run", "fails.ron", "--no-charts"]);
    assert!(code == 1 && !out.contains("auditor"), "{out}");
}

#[test]
fn a_second_run_replaces_the_files_of_the_first() {
    let desk = Desk::with(&[("good.ron", GOOD)]);
    desk.run(&["run", "good.ron"]);
    assert!(desk.path("output/good/timeline-serial.svg").exists());
    let (code, _, err) = desk.run(&["run", "good.ron", "--no-charts"]);
    assert!(code == 0 && err.contains("picture files of an earlier run were removed"), "{err}");
    assert_eq!(desk.run(&["run", "good.ron", "--no-charts"]).2, "", "nothing was lost this time");
    assert!(!desk.path("output/good/timeline-serial.svg").exists(), "stale pictures");
}

#[test]
fn what_cannot_be_written_leaves_nothing_half_written() {
    let desk =
        Desk::with(&[("good.ron", GOOD), ("other.ron", GOOD), ("file", "mine"), ("mine/good/notes.txt", "mine")]);
    for out in ["file", "file/below", "mine"] {
        let (code, printed, err) = desk.run(&["run", "other.ron", "good.ron", "--out", out]);
        assert!(code == 6 && err.contains("cannot write") && printed.is_empty(), "{out}: {code} {printed} {err}");
        assert_eq!(desk.run(&["batch", "good.ron", "--out", out]).0, 6);
    }
    assert_eq!(fs::read_to_string(desk.path("file")).unwrap(), "mine");
    assert_eq!(names(&desk.path("mine/good")), ["notes.txt"]);
    assert!(
        !names(&desk.path("mine")).iter().any(|name| name.starts_with(".gilsim-")),
        "{:?}",
        names(&desk.path("mine"))
    );
}

#[test]
fn every_point_of_a_sweep_has_its_own_pictures() {
    let desk = Desk::with(&[("swept.ron", SWEPT)]);
    let (code, out, _) = desk.run(&["run", "swept.ron"]);
    assert_eq!(code, 0, "{out}");
    let files = names(&desk.path("output/swept"));
    for file in
        ["point-1-machine-cores-1-timeline-freethreaded-2.svg", "point-2-machine-cores-2-timeline-freethreaded-2.svg"]
    {
        assert!(files.contains(&file.to_owned()), "{files:?}");
    }
    assert!(files.contains(&"sweep.svg".to_owned()) && files.contains(&"sweep.png".to_owned()), "{files:?}");
    assert!(out.contains("All points; speed-up over the first point") && out.contains("2.00x"), "{out}");
    let page = fs::read_to_string(desk.path("output/swept/index.html")).unwrap();
    assert!(page.contains("All points; speed-up over the first point") && page.contains("figures.json"), "{page}");
    for line in page.split("src=\"").skip(1) {
        let href = line.split('"').next().unwrap();
        assert!(files.contains(&href.to_owned()), "{href}");
    }
}

#[test]
fn a_batch_goes_on_past_what_fails_and_shows_all() {
    let desk = Desk::with(&[
        ("all/a.ron", GOOD),
        ("all/b.ron", FAILS),
        ("all/c.ron", INVALID),
        ("all/below/a.ron", RANDOM),
        ("all/readme.md", "no scenario"),
    ]);
    let (code, out, err) = desk.run(&["batch", "all", "--jobs", "2"]);
    assert_eq!(code, 2, "{out}");
    assert!(out.contains("2 of 4 scenarios passed") && err.contains("c.ron:1:"), "{out} {err}");
    assert!(out.contains("FAIL  b") && out.contains("Elapsed(at_most: \"1ms\")"), "{out}");
    assert_eq!(names(&desk.path("output")), [".gilsim", "a", "b", "below-a", "index.html"]);
    let page = fs::read_to_string(desk.path("output/index.html")).unwrap();
    assert!(page.contains("a/index.html") && page.contains("below-a/index.html"), "{page}");
    // Again, with less: its own page is replaced.
    assert_eq!(desk.run(&["batch", "all/a.ron", "--format", "json", "--no-charts"]).0, 0);
    let (code, out, _) = desk.run(&["batch", "all", "--format", "json", "--no-charts"]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    let order: Vec<&str> =
        document["scenarios"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!((code, order), (2, vec!["a", "b", "below-a"]));
    assert_eq!(document["invalid"], serde_json::json!(["all/c.ron"]));
}

#[test]
fn a_batch_of_nothing_leaves_the_page_alone() {
    let desk = Desk::with(&[("good.ron", GOOD), ("bad.ron", INVALID)]);
    assert_eq!(desk.run(&["batch", "good.ron", "--no-charts"]).0, 0);
    let page = || fs::read_to_string(desk.path("output/index.html")).unwrap();
    let before = page();
    for wrong in ["god.ron", "bad.ron"] {
        let (code, out, _) = desk.run(&["batch", wrong]);
        assert!(code == 2 && !out.contains("Files:") && page() == before, "{wrong}: {code} {out}");
    }
    assert_eq!(desk.run(&["batch", "god.ron", "--out", "new"]).0, 2);
    assert!(!desk.path("new").exists());
}

#[test]
fn a_setting_of_the_command_line_replaces_a_swept_one() {
    let desk = Desk::with(&[("swept.ron", SWEPT)]);
    let points = |sets: &[&str]| {
        let all = [&["run", "swept.ron", "--no-charts", "--format", "json"], sets].concat();
        let (code, out, err) = desk.run(&all);
        assert_eq!(code, 0, "{err}");
        let document: serde_json::Value = serde_json::from_str(&out).unwrap();
        let points = document["scenarios"][0]["points"].as_array().unwrap().clone();
        points
            .iter()
            .map(|point| (point["settings"].to_string(), point["expectations"].as_array().unwrap().len()))
            .collect::<Vec<_>>()
    };
    let at = |cores: u32| format!("{{\"machine.cores\":\"{cores}\"}}");
    assert_eq!(points(&["--set", "machine.cores=2"]), [(at(2), 1)]);
    // What is expected elsewhere does not apply.
    assert_eq!(points(&["--set", "machine.cores=3"]), [(at(3), 0)]);
    assert_eq!(points(&["--set", "machine.costs=Linux"]).len(), 2);
    let (code, _, err) = desk.run(&["run", "swept.ron", "--set", "machine=(cores: 3)"]);
    assert!(code == 2 && err.contains("set machine.cores instead"), "{code} {err}");
    let (code, _, err) = desk.run(&["run", "swept.ron", "--set", "machine.cores=0"]);
    assert!(code == 2 && err.contains("machine.cores"), "{code} {err}");
}

#[test]
fn list_knows_every_topic() {
    let desk = Desk::with(&[]);
    let (code, all, _) = desk.run(&["list"]);
    for words in ["RoundRobin", "FreeThreaded", "Spawn", "LogNormal", "Poisson", "Timeline", "lock-order", "Linux"] {
        assert!(code == 0 && all.contains(words), "{words}: {all}");
    }
    let (_, one, _) = desk.run(&["list", "models"]);
    assert!(one.contains("Hybrid") && !one.contains("Poisson"), "{one}");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::with(&[("good.ron", GOOD)]);
    for arguments in [&["run", "good.ron"][..], &["list"], &["--help"]] {
        let mut child = desk.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (code, _, err) = outcome(child.wait_with_output().unwrap());
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_output_error() {
    let desk = Desk::with(&[("good.ron", GOOD)]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = desk.command(&["run", "good.ron", "--no-charts"]).stdout(full).output().unwrap();
    assert_eq!(outcome(output).0, 6);
}

#[cfg(target_os = "linux")]
#[test]
fn colors_are_for_terminals_that_want_them() {
    // `script` gives the command a terminal.
    let desk = Desk::with(&[("good.ron", GOOD)]);
    let colored = |name: &str, value: &str| {
        let command = format!("{} run good.ron --no-charts", env!("CARGO_BIN_EXE_gilsim"));
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(desk.0.path()).stdin(Stdio::null());
        script.env("TERM", "xterm").env_remove("NO_COLOR").env(name, value);
        script.output().ok().map(|output| String::from_utf8_lossy(&output.stdout).contains("\x1b[1m"))
    };
    // Without `script` there is nothing to see.
    if let Some(plain) = colored("NO_COLOR", "1") {
        assert!(!plain && colored("X", "1") == Some(true));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_leaves_no_halves() {
    let endless = r#"(
        tasks: { "hog": (arrive: Every("1ms"), steps: [Cpu(Exp("500us"))]) },
        models: [Serial],
        until: "100h",
    )"#;
    let desk = Desk::with(&[("endless.ron", endless)]);
    let mut child =
        desk.command(&["run", "endless.ron"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The hidden folder is the sign that the run has begun.
    let begun = || desk.path("output").is_dir() && !names(&desk.path("output")).is_empty();
    while !begun() {
        assert!(child.try_wait().unwrap().is_none(), "ended early: {}", outcome(child.wait_with_output().unwrap()).2);
        std::thread::yield_now();
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(outcome(child.wait_with_output().unwrap()).0, 130);
    assert_eq!(names(&desk.path("output")), Vec::<String>::new());
}

#[test]
fn names_that_do_for_no_folder_are_refused_before_anything_runs() {
    let desk = Desk::with(&[("index.html.ron", GOOD), (".ron", GOOD), ("...ron", GOOD), ("good.ron", GOOD)]);
    for name in ["index.html.ron", ".ron", "...ron"] {
        let (code, out, err) = desk.run(&["run", "good.ron", name, "--no-charts"]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("rename the file"), "{err}");
    }
    assert!(!desk.path("output").exists());
}

#[test]
fn an_overview_that_cannot_be_written_is_not_shown() {
    let desk = Desk::with(&[("in/good.ron", GOOD), ("out/index.html", "mine")]);
    let (code, out, err) = desk.run(&["batch", "in", "--out", "out", "--no-charts"]);
    assert_eq!(code, 6, "{err}");
    assert!(!out.contains("Files:"), "{out}");
    assert_eq!(fs::read_to_string(desk.path("out/index.html")).unwrap(), "mine");
}

#[test]
fn nothing_that_a_file_says_acts_on_the_terminal() {
    let hostile =
        "(tasks: { \"t\": (steps: [Print(\"a\\u{1b}]0;x\\u{7}\\u{202e}b\")]) }, modells: [\"\u{1b}[2J\u{202e}\"])";
    let printing = hostile.replace(", modells: [\"\u{1b}[2J\u{202e}\"]", "");
    let desk = Desk::with(&[("a\u{1b}[31mb.ron", hostile), ("print.ron", &printing)]);
    let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    for arguments in [
        &["check", "a\u{1b}[31mb.ron"][..],
        &["check", "no\u{1b}[31m\u{7}.ron"],
        &["run", "print.ron", "--no-charts"],
        &["run", "print.ron", "--no-charts", "--format", "json"],
    ] {
        let (_, out, err) = desk.run(arguments);
        assert!(!(out.clone() + &err).contains(acts), "{arguments:?}: {out:?} {err:?}");
        if arguments.contains(&"json") {
            let document: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert!(document.to_string().contains('\u{202e}'), "the same text, however it is written");
        }
    }
}

#[test]
fn a_file_of_zeros_is_no_text() {
    let desk = Desk::with(&[("zeros.ron", "\0\0\0\0")]);
    let (code, _, err) = desk.run(&["check", "zeros.ron"]);
    assert_eq!(code, 2);
    assert!(err.contains("byte 1 is zero"), "{err}");
}

#[test]
fn a_run_that_ends_within_the_warm_up_says_so() {
    let text = "(warm_up: \"1s\", tasks: { \"t\": (steps: [Cpu(\"1ms\")]) })";
    let desk = Desk::with(&[("short.ron", text)]);
    let (_, out, err) = desk.run(&["run", "short.ron", "--no-charts"]);
    assert!(out.contains("nothing was measured: every run ended within the warm-up of 1s"), "{out}{err}");
}
