//! What small programs with coroutines print, against what the same programs print on CPython 3.11.7, 3.12.1 and 3.13.0
//! (`tests/oracle/asyncio-prints.py`, which also makes random ones).

use gilsim::scenario;
use gilsim::trace::{Record, What};
use serde_json::Value;

use crate::oracle::cases;
use crate::real_runs::{audit, run};

/// What the scenario prints under this version; the auditor accepts the run.
fn printed(scenario: &str, version: &str) -> Result<String, String> {
    let text = format!(
        "(machine: (cores: 1, costs: Zero), models: [Asyncio], interpreter: CPython(version: \"{version}\"),\n{scenario}\n)"
    );
    let compiled = scenario::compile("test", &text, &[])
        .map_err(|errors| errors.iter().map(|error| format!("{} ", error.title)).collect::<String>())?;
    let model = &compiled.scenario.points[0].models[0];
    let (records, ended) = run(model, 1);
    let text = |record: &Record| match record.what {
        What::Print { text, .. } => Some(&*model.texts[text.index()]),
        _ => None,
    };
    let mut prints: Vec<&str> = records.iter().filter_map(text).collect();
    if ended.outcome.word() == "deadlock" {
        prints.push("deadlock");
    }
    let violations = audit(model, &records, &ended);
    if violations.is_empty() { Ok(prints.join(" ")) } else { Err(format!("{violations:#?}")) }
}

/// Those of the cases that print something else here.
fn wrong(cases: &Value) -> Vec<String> {
    let cases = cases["cases"].as_array().unwrap();
    let differs = |case: &Value| {
        let scenario = case["scenario"].as_str().unwrap();
        let mut differences = Vec::new();
        for (version, prints) in case["prints"].as_object().unwrap() {
            let own = printed(scenario, version);
            if own.as_deref() != Ok(prints.as_str().unwrap()) {
                differences.push(format!("{version}:\n  real {}\n  here {own:?}", prints.as_str().unwrap()));
            }
        }
        let what = case["what"].as_str().unwrap();
        (!differences.is_empty()).then(|| format!("{what}\n{scenario}\n{}", differences.join("\n")))
    };
    cases.iter().filter_map(differs).collect()
}

#[test]
fn small_programs_print_what_they_print_on_real_versions() {
    let cases = match std::env::var("GILSIM_PRINTS") {
        Ok(file) => serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap(),
        Err(_) => cases("asyncio-prints"),
    };
    let wrong = wrong(&cases);
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n\n"));
}
