//! Multi-level feedback against recorded runs of the program of "Operating Systems: Three Easy Pieces", tick by tick.

use gilsim::dist::Dist;
use gilsim::kernel::policy::{Mlfq, PolicyConfig, Ties};
use gilsim::model::{Arrivals, Builder, Execution, Stmt};
use gilsim::time::Duration;
use proptest::prelude::*;
use serde_json::Value;

use crate::oracle::{cases, cpu, numbers, on_core_zero, segments, units};
use crate::probe::probe;
use crate::validation::{Table, exact};

fn policy(inputs: &Value) -> PolicyConfig {
    let flag = |name: &str| inputs[name].as_bool().unwrap();
    let list = |name: &str| inputs[name].as_array().unwrap();
    PolicyConfig::from(Mlfq {
        quanta: list("quantum_high_to_low").iter().map(units).collect(),
        allotments: list("allotment_high_to_low").iter().map(|slices| slices.as_u64().unwrap() as u32).collect(),
        boost: Some(units(&inputs["boost"])).filter(|boost| boost.0 > 0),
        refill_after_wait: flag("stay"),
        front_after_wait: flag("iobump"),
        ties: Ties::PreemptedFirst,
    })
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
    exact(Table::Programs, "OSTEP mlfq.py: multi-level feedback, completions and every segment", cases.len());
}

/// The same rules, tick by tick and in the simplest way: what the recorded runs are, for any jobs.
mod ticks {
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    pub struct Setting {
        /// (slice, allotment) from the highest level down.
        pub levels: Vec<(u64, u32)>,
        pub boost: u64,
        pub io_time: u64,
        pub stay: bool,
        pub bump: bool,
        /// (arrival, burst, ticks between requests or 0).
        pub jobs: Vec<(u64, u64, u64)>,
    }

    struct Job {
        left: u64,
        ticks: u64,
        allotment: u32,
        level: usize,
    }

    /// Who runs in each tick, as long as somebody does.
    pub fn run(setting: &Setting) -> Vec<Option<usize>> {
        let levels = &setting.levels;
        let mut jobs: Vec<Job> = setting
            .jobs
            .iter()
            .map(|job| Job { left: job.1, ticks: levels[0].0, allotment: levels[0].1, level: 0 })
            .collect();
        let mut queues: Vec<Vec<usize>> = vec![Vec::new(); levels.len()];
        let mut due: BTreeMap<u64, Vec<(usize, bool)>> = BTreeMap::new();
        for (job, (arrival, ..)) in setting.jobs.iter().enumerate() {
            due.entry(*arrival).or_default().push((job, false));
        }
        let mut rows = Vec::new();
        while jobs.iter().any(|job| job.left > 0) {
            let now = rows.len() as u64;
            if setting.boost > 0 && now > 0 && now.is_multiple_of(setting.boost) {
                for level in (1..levels.len()).rev() {
                    let moved = std::mem::take(&mut queues[level]);
                    queues[0].extend(moved);
                }
                for job in &mut jobs {
                    (job.level, job.ticks, job.allotment) = (0, levels[0].0, levels[0].1);
                }
            }
            for (job, after_io) in due.remove(&now).unwrap_or_default() {
                let queue = &mut queues[jobs[job].level];
                queue.insert(if after_io && setting.bump { 0 } else { queue.len() }, job);
            }
            let Some(level) = queues.iter().position(|queue| !queue.is_empty()) else {
                rows.push(None);
                continue;
            };
            let running = queues[level][0];
            rows.push(Some(running));
            let (_, burst, every) = setting.jobs[running];
            let job = &mut jobs[running];
            job.left -= 1;
            job.ticks -= 1;
            let over = job.ticks == 0;
            if job.left == 0 {
                queues[level].remove(0);
                continue;
            }
            let io = every > 0 && (burst - job.left).is_multiple_of(every);
            if io {
                queues[level].remove(0);
                if setting.stay {
                    (job.ticks, job.allotment) = levels[level];
                }
                due.entry(now + 1 + setting.io_time).or_default().push((running, true));
            }
            if over {
                job.allotment -= 1;
                if job.allotment == 0 {
                    job.level = (level + 1).min(levels.len() - 1);
                    job.allotment = levels[job.level].1;
                }
                job.ticks = levels[job.level].0;
                if !io {
                    queues[level].remove(0);
                    queues[job.level].push(running);
                }
            }
        }
        rows
    }
}

fn setting() -> impl Strategy<Value = ticks::Setting> {
    (
        proptest::collection::vec((1..8u64, 1..4u32), 1..5),
        prop_oneof![1 => Just(0), 2 => 5..30u64],
        1..9u64,
        any::<(bool, bool)>(),
        proptest::collection::vec((0..25u64, 1..40u64, 0..7u64), 1..6),
    )
        .prop_map(|(levels, boost, io_time, (stay, bump), jobs)| ticks::Setting {
            levels,
            boost,
            io_time,
            stay,
            bump,
            jobs,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_jobs_run_as_they_do_tick_by_tick(setting in setting()) {
        let policy = PolicyConfig::from(Mlfq {
            quanta: setting.levels.iter().map(|level| Duration::ms(level.0)).collect(),
            allotments: setting.levels.iter().map(|level| level.1).collect(),
            boost: Some(Duration::ms(setting.boost)).filter(|boost| boost.0 > 0),
            refill_after_wait: setting.stay,
            front_after_wait: setting.bump,
            ties: Ties::PreemptedFirst,
        });
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
        let device = builder.device("device", Dist::Const(Duration::ms(setting.io_time)), None);
        for (index, (arrival, burst, every)) in setting.jobs.iter().enumerate() {
            let job = serde_json::json!({"burst": burst, "io_every": every});
            let arrivals = Arrivals::Recorded([Duration::ms(*arrival)].into());
            builder.task(&format!("job {index}"), Some(1), arrivals, vec![], steps(&job, device));
        }
        let (_, probe) = probe(&builder.build(), 1);
        let mut expected = Vec::new();
        for (tick, job) in ticks::run(&setting).into_iter().enumerate() {
            if let Some(job) = job {
                expected.push((tick as u64 * 1_000_000, (tick as u64 + 1) * 1_000_000, job as u32));
            }
        }
        prop_assert_eq!(merged(on_core_zero(&probe.segments)), merged(expected));
    }
}
