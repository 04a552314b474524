//! Multi-level feedback against recorded runs of the program of "Operating Systems: Three Easy Pieces", tick by tick.

use gilsim::dist::Dist;
use gilsim::kernel::policy::{PolicyConfig, Ties};
use gilsim::model::{Arrivals, Builder, Execution, Stmt};
use serde_json::Value;

use crate::oracle::{cases, cpu, numbers, on_core_zero, segments, units};
use crate::probe::probe;

fn policy(inputs: &Value) -> PolicyConfig {
    let flag = |name: &str| inputs[name].as_bool().unwrap();
    let list = |name: &str| inputs[name].as_array().unwrap();
    PolicyConfig::Mlfq {
        quanta: list("quantum_high_to_low").iter().map(units).collect(),
        allotments: list("allotment_high_to_low").iter().map(|slices| slices.as_u64().unwrap() as u32).collect(),
        boost: Some(units(&inputs["boost"])).filter(|boost| boost.0 > 0),
        refill_after_wait: flag("stay"),
        front_after_wait: flag("iobump"),
        ties: Ties::PreemptedFirst,
    }
}

/// Computes, with a request to the device whenever it has computed for so many ticks and is not yet done.
fn steps(job: &Value, device: gilsim::id::DeviceId) -> Vec<Stmt> {
    let (mut left, every) = (units(&job["burst"]), units(&job["io_every"]));
    let mut steps = Vec::new();
    while every.0 > 0 && left > every {
        steps.extend([cpu(every), Stmt::Io(device, None)]);
        left = left - every;
    }
    steps.push(cpu(left));
    steps
}

/// Rows without their levels, neighbours of one job merged.
fn merged(rows: Vec<(u64, u64, u32)>) -> Vec<(u64, u64, u32)> {
    let mut merged: Vec<(u64, u64, u32)> = Vec::new();
    for (start, end, job) in rows {
        match merged.last_mut() {
            Some(last) if last.1 == start && last.2 == job => last.1 = end,
            _ => merged.push((start, end, job)),
        }
    }
    merged
}

#[test]
fn multi_level_feedback_agrees_with_ostep() {
    let cases = cases("ostep-mlfq");
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let (inputs, expected, id) = (&case["inputs"], &case["expected"], &case["id"]);
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy(inputs));
        let device = builder.device("device", Dist::Const(units(&inputs["io_time"])), None);
        let jobs = inputs["jobs"].as_array().unwrap();
        for (index, job) in jobs.iter().enumerate() {
            let arrivals = Arrivals::Recorded([units(&job["arrival"])].into());
            builder.task(&format!("job {index}"), Some(1), arrivals, vec![], steps(job, device));
        }
        let (_, probe) = probe(&builder.build(), 1);
        let rows = merged(segments(&expected["segments"]));
        let found = merged(on_core_zero(&probe.segments));
        let all = expected["segments"].as_array().unwrap().len() as u64 == expected["segments_total"].as_u64().unwrap();
        // The last row of a list that was cut off may go on.
        let compared = if all { rows.len() } else { rows.len() - 1 };
        assert_eq!(found[..compared], rows[..compared], "{id}");
        assert!(!all || found.len() == rows.len(), "{id}");
        let ends: Vec<Value> =
            expected["per_job"].as_array().unwrap().iter().map(|job| job["completion"].clone()).collect();
        assert_eq!(probe.completions(jobs.len()), numbers(&Value::Array(ends)), "{id}");
    }
    assert_eq!(cases.len(), 9);
}
