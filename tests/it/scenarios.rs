//! The scenarios that come with the project: each is right, shows what it says, and does the same everywhere.

use std::fs;
use std::path::PathBuf;

use gilsim::experiment::{self, Options, Results};
use gilsim::scenario::{self, Scenario};
use gilsim::trace::BEHAVIOUR;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All of them, in reading order.
fn scenarios() -> Vec<(String, Scenario)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join("scenarios")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "ron"));
    files.sort();
    assert!(files.len() >= 14, "{files:?}");
    files.iter().map(|file| compiled(file)).collect()
}

fn compiled(file: &std::path::Path) -> (String, Scenario) {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = fs::read_to_string(file).unwrap();
    match scenario::compile(&name, &text, &[]) {
        Ok(compiled) => {
            assert!(compiled.warnings.is_empty(), "{name}: {:#?}", compiled.warnings);
            (name, compiled.scenario)
        }
        Err(errors) => panic!("{name}: {errors:#?}"),
    }
}

fn run(scenario: &Scenario, jobs: usize) -> Results {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().unwrap();
    let options = Options { audit: true, ..Options::default() };
    pool.install(|| experiment::run(scenario, &options, &()))
}

/// One line for every run: scenario, settings, model, seed, digest.
fn digests(results: &Results) -> Vec<String> {
    let mut lines = Vec::new();
    for point in &results.report.points {
        let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path}={value}")).collect();
        for model in &point.models {
            for run in &model.runs {
                let name = &results.report.name;
                lines.push(format!("{name} [{}] {} seed {} {}", settings.join(" "), model.model, run.seed, run.digest));
            }
        }
    }
    lines
}

/// Compares with the pinned lines, the first of which is the behaviour level. `GILSIM_PIN=1 cargo test` writes them anew: only
/// where the behaviour was meant to change, which from the first release on is a new level.
pub fn compare_pinned(file: &str, lines: &[String]) {
    let file = root().join("tests/golden").join(file);
    let lines = [&[format!("behaviour level {BEHAVIOUR}")], lines].concat();
    let found = format!("{}\n", lines.join("\n"));
    if std::env::var_os("GILSIM_PIN").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &found).unwrap();
    }
    let pinned = fs::read_to_string(&file).unwrap_or_default();
    let changed: Vec<String> = lines
        .iter()
        .filter(|line| !pinned.lines().any(|pinned| pinned == *line))
        .map(|line| format!("  {line}"))
        .collect();
    assert!(changed.is_empty(), "these are not in {}:\n{}", file.display(), changed.join("\n"));
    assert_eq!(pinned, found, "lines without a run, or in another order");
}

#[test]
fn every_scenario_does_what_it_says_and_the_same_with_any_number_of_jobs() {
    let mut failed = Vec::new();
    let mut lines = Vec::new();
    for (name, scenario) in scenarios() {
        let (one, two) = (run(&scenario, 1), run(&scenario, 2));
        let json = |results: &Results| serde_json::to_string(&results.report).unwrap();
        assert!(json(&one) == json(&two), "{name}: the figures depend on the number of jobs");
        for point in &one.report.points {
            let wrong = point.expectations.iter().filter(|checked| !checked.holds);
            failed.extend(
                wrong.map(|checked| {
                    format!("{name} {:?}: {} but {}", point.settings, checked.expectation, checked.found)
                }),
            );
            assert!(!point.models.is_empty(), "{name}");
        }
        assert!(one.passed || !failed.is_empty(), "{name}");
        lines.extend(digests(&one));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    compare_pinned("digests.txt", &lines);
}
