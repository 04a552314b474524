//! What small programs with coroutines and threads print, against what the same programs print on CPython 3.11.7, 3.12.1 and
//! 3.13.0 (`tests/oracle/asyncio-prints.py` and `threading-prints.py`, which also make random ones).

use gilsim::scenario;
use gilsim::trace::{Record, What};
use serde_json::Value;

use crate::oracle::cases;
use crate::real_runs::{audit, run};
use crate::validation::{Table, exact};

/// What the scenario prints under this model and version; the auditor accepts the run.
fn printed(scenario: &str, model: &str, version: &str) -> Result<String, String> {
    // Coroutines go by the order within an instant; threads by what a switch and waking take.
    let costs = if model == "Asyncio" { "Zero" } else { "Linux" };
    let text = format!(
        "(machine: (cores: 4, costs: {costs}), models: [{model}], interpreter: CPython(version: \"{version}\"),\n{scenario}\n)"
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
    let model = cases["model"].as_str().unwrap();
    let cases = cases["cases"].as_array().unwrap();
    let differs = |case: &Value| {
        let scenario = case["scenario"].as_str().unwrap();
        let mut differences = Vec::new();
        for (version, prints) in case["prints"].as_object().unwrap() {
            let own = printed(scenario, model, version);
            if own.as_deref() != Ok(prints.as_str().unwrap()) {
                differences.push(format!("{version}:\n  real {}\n  here {own:?}", prints.as_str().unwrap()));
            }
        }
        let what = case["what"].as_str().unwrap();
        (!differences.is_empty()).then(|| format!("{what}\n{scenario}\n{}", differences.join("\n")))
    };
    cases.iter().filter_map(differs).collect()
}

/// How many programs there are, each under each version; nothing if those of another file are compared.
fn compare(file: &str) -> Option<usize> {
    let other = std::env::var("GILSIM_PRINTS").ok();
    let cases = match &other {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap(),
        None => cases(file),
    };
    let wrong = wrong(&cases);
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n\n"));
    let all = cases["cases"].as_array().unwrap().iter().map(|case| case["prints"].as_object().unwrap().len()).sum();
    assert!(other.is_some() || all > 100, "{all}");
    other.is_none().then_some(all)
}

#[test]
fn coroutines_print_what_they_print_on_real_versions() {
    let what = "CPython 3.11 to 3.13: what small programs of coroutines print";
    if let Some(cases) = compare("asyncio-prints") {
        exact(Table::Programs, what, cases);
    }
}

#[test]
fn threads_print_what_they_print_on_real_versions() {
    let what = "CPython 3.11 to 3.13: what small programs of threads print";
    if let Some(cases) = compare("threading-prints") {
        exact(Table::Programs, what, cases);
    }
}
