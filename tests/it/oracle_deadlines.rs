//! Periodic tasks with deadlines: recorded runs of SimSo, and the theory of fixed priorities.
//!
//! Left out: overheads of the scheduler, which SimSo charges at every event, and which its table calls informational.
//! Partitioned EDF is as many machines of one core.

use gilsim::kernel::policy::{Edf, Edzl, Equals, Pfair, PolicyConfig, Priority, RateMonotonic};
use gilsim::model::{Arrivals, Builder, Execution, Late, Stmt, Urgency};
use gilsim::time::Duration;
use proptest::prelude::*;
use serde_json::Value;

use crate::oracle::{cases, cpu, units};
use crate::probe::{Probe, probe};
use crate::validation::{Table, Tally, exact};

fn policy(name: &str) -> Option<PolicyConfig> {
    // On one core SimSo lets the earlier job go first, on several the earlier task.
    let equals = if name.ends_with("_mono") || name == "P_EDF" { Equals::ByArrival } else { Equals::ByTask };
    Some(match name {
        "EDF" | "EDF_mono" | "P_EDF" => PolicyConfig::from(Edf { equals, ..Default::default() }),
        "EDZL" => PolicyConfig::from(Edzl { equals, ..Default::default() }),
        // The quantum of SimSo.
        "PD2" => PolicyConfig::from(Pfair(Duration::us(100))),
        "RM" | "RM_mono" => PolicyConfig::from(RateMonotonic { equals, ..Default::default() }),
        "FP" => PolicyConfig::from(Priority { preemptive: true, equals, ..Default::default() }),
        _ => return None,
    })
}

/// The tasks with these numbers. The jobs of one task run one at a time, as in SimSo.
fn run(inputs: &Value, cores: u32, policy: PolicyConfig, chosen: &[usize]) -> Probe {
    let horizon = units(&inputs["horizon"]);
    let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy).until(horizon);
    for (index, task) in inputs["tasks"].as_array().unwrap().iter().enumerate() {
        if !chosen.contains(&index) {
            continue;
        }
        let arrivals = match task["dates"].as_array() {
            Some(dates) => Arrivals::Recorded(dates.iter().map(units).collect()),
            None => Arrivals::Every(units(&task["period"])),
        };
        let count = task["dates"].as_array().map(|dates| dates.len() as u32);
        let burst = vec![cpu(units(&task["wcet"]))];
        let aborts = inputs["abort_on_miss"] == true;
        // Jobs that are dropped when the next one comes cannot meet it.
        let steps = match aborts {
            true => burst,
            false => vec![Stmt::With(builder.lock(&format!("turn of task {index}"), false), burst)],
        };
        let task_id = builder.task(&format!("task {index}"), count, arrivals, vec![], steps);
        let deadline = task.get("deadline").map(units);
        // In SimSo a greater number is more urgent.
        let priority = 1_000 - task["priority"].as_u64().unwrap_or(0) as u32;
        if aborts {
            builder.late(task_id, Late::Abort);
        }
        builder.urgency(task_id, Urgency { priority, deadline, ..Urgency::default() });
    }
    probe(&builder.build(), 1).1
}

/// Three tasks that are alike in all: which of them goes first is the order of the events of SimSo, and no rule. When jobs
/// complete, whosever they are, is.
fn compare_as_one(tally: &mut Tally, case: &Value, probe: &Probe) {
    let (inputs, id) = (&case["inputs"], &case["id"]);
    let tasks = inputs["tasks"].as_array().unwrap();
    let like = |task: &Value| (units(&task["period"]), units(&task["wcet"]));
    assert!(tasks.iter().all(|task| like(task) == like(&tasks[0])), "{id}");
    let of =
        |task: &Value| task["completion"].as_array().unwrap().iter().filter(|end| !end.is_null()).map(units).collect();
    let mut expected: Vec<Duration> = case["expected"]["per_task"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|task: &Value| -> Vec<Duration> { of(task) })
        .collect();
    expected.sort_unstable();
    let horizon = units(&inputs["horizon"]);
    let mut found: Vec<u64> =
        (0..tasks.len()).flat_map(|task| completions(probe, task as u32, horizon)).map(|job| job.1).collect();
    found.sort_unstable();
    assert_eq!(found.len(), expected.len(), "{id}");
    for (found, end) in found.iter().zip(&expected) {
        tally.compare(&id.to_string(), *found as f64, end.0 as f64, 10.0);
    }
    assert_eq!(probe.dropped.len() as u64, case["expected"]["misses"].as_u64().unwrap(), "{id}");
}

/// Completions of the jobs of a task by their arrival, up to the end of the run, which the source leaves out. In it jobs that
/// are dropped are complete at that moment.
fn completions(probe: &Probe, task: u32, horizon: Duration) -> Vec<(u64, u64)> {
    let all = probe.ended.iter().chain(&probe.dropped);
    let ended = all.filter(|ended| ended.0 == task && ended.2 < horizon.0);
    let mut ended: Vec<(u64, u64)> = ended.map(|ended| (ended.1, ended.2)).collect();
    ended.sort_unstable();
    ended
}

fn compare(tally: &mut Tally, case: &Value, chosen: &[usize], probe: &Probe) {
    let (inputs, id) = (&case["inputs"], &case["id"]);
    let horizon = units(&inputs["horizon"]);
    for (place, index) in chosen.iter().enumerate() {
        let (task, expected) = (&inputs["tasks"][index], &case["expected"]["per_task"][index]);
        let found = completions(probe, place as u32, horizon);
        let ends: Vec<u64> = expected["completion"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|end| !end.is_null())
            .map(|end| units(end).0)
            .collect();
        let listed = if expected["listed"] == 40 { ends.len() } else { found.len() };
        let found_ends: Vec<u64> = found.iter().take(listed).map(|job| job.1).collect();
        assert_eq!(found_ends.len(), ends.len(), "{id} task {index}");
        for (found, end) in found_ends.iter().zip(&ends) {
            tally.compare(&format!("{id} task {index}"), *found as f64, *end as f64, 10.0);
        }
        let deadline = task.get("deadline").or(task.get("period")).map(units).unwrap();
        let late = found.iter().filter(|(arrived, ended)| ended - arrived > deadline.0).count() as u64;
        // Released, due before the end, and not complete by then.
        let released = expected["jobs"].as_u64().unwrap();
        let arrivals = (0..released).map(|job| match task["dates"].as_array() {
            Some(dates) => units(&dates[job as usize]).0,
            None => units(&task["period"]).0 * job,
        });
        let never = arrivals
            .filter(|arrived| arrived + deadline.0 < horizon.0 && found.iter().all(|job| job.0 != *arrived))
            .count() as u64;
        let dropped = probe.dropped.iter().filter(|dropped| dropped.0 == place as u32).count() as u64;
        assert_eq!(late + never + dropped, expected["misses"].as_u64().unwrap(), "{id} task {index}");
    }
}

#[test]
fn deadlines_and_fixed_priorities_agree_with_simso() {
    let cases = cases("simso");
    let mut tally =
        Tally::new(Table::Programs, "SimSo: earliest deadline first, rate monotonic, fixed priorities: completions");
    let mut alike =
        Tally::new(Table::Programs, "SimSo: Pfair (PD2) and zero laxity (EDZL): completions of tasks that are alike");
    let mut compared = 0;
    for case in cases["cases"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let Some(policy) = policy(inputs["scheduler"].as_str().unwrap()) else { continue };
        if inputs.get("over").is_some() {
            continue;
        }
        let tasks = inputs["tasks"].as_array().unwrap().len();
        let cores = inputs["cores"].as_u64().unwrap() as u32;
        match inputs["partition"].as_array() {
            Some(partition) => {
                for core in 0..cores {
                    let here = |task: &usize| partition[*task] == core;
                    let chosen: Vec<usize> = (0..tasks).filter(here).collect();
                    compare(&mut tally, case, &chosen, &run(inputs, 1, policy.clone(), &chosen));
                }
            }
            None => {
                let all: Vec<usize> = (0..tasks).collect();
                let probe = run(inputs, cores, policy, &all);
                match inputs["scheduler"].as_str() {
                    Some("PD2" | "EDZL") => compare_as_one(&mut alike, case, &probe),
                    _ => compare(&mut tally, case, &all, &probe),
                }
            }
        }
        compared += 1;
    }
    assert_eq!(compared, 13, "of 14: one has overheads");
    tally.done();
    alike.done();
}

/// Periodic tasks (period, core time) on one core under rate monotonic priorities: response times of all complete jobs.
fn responses(tasks: &[(u64, u64)], late: Late, until: Duration) -> Vec<Vec<u64>> {
    let policy = PolicyConfig::from(RateMonotonic { equals: Equals::ByArrival, ..Default::default() });
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy).until(until);
    for (index, (period, time)) in tasks.iter().enumerate() {
        let every = Arrivals::Every(Duration(*period));
        let task = builder.task(&format!("task {index}"), None, every, vec![], vec![cpu(Duration(*time))]);
        builder.late(task, late);
    }
    let (_, probe) = probe(&builder.build(), 1);
    let of = |task| probe.ended.iter().filter(|ended| ended.0 == task as u32).map(|ended| ended.2 - ended.1).collect();
    (0..tasks.len()).map(of).collect()
}

#[test]
fn worst_responses_are_those_of_response_time_analysis() {
    let cases = cases("bounds");
    for case in cases["real_time"]["response_time_analysis"].as_array().unwrap() {
        let tasks: Vec<(u64, u64)> =
            case["tasks"].as_array().unwrap().iter().map(|task| (units(&task[0]).0, units(&task[1]).0)).collect();
        let expected: Vec<u64> = case["worst_response"].as_array().unwrap().iter().map(|time| units(time).0).collect();
        // They meet their deadlines: that late jobs would be dropped changes nothing.
        for late in [Late::Continue, Late::Abort] {
            let found = responses(&tasks, late, Duration::s(5));
            let found: Vec<u64> = found.iter().map(|times| *times.iter().max().unwrap()).collect();
            assert_eq!(found, expected, "{late:?}");
        }
    }
    let cases = cases["real_time"]["response_time_analysis"].as_array().unwrap().len();
    exact(Table::Theory, "response-time analysis of fixed priorities: worst responses of all tasks", cases);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// On one core earliest deadline first meets all deadlines of any periodic tasks that fit on it at all.
    #[test]
    fn earliest_deadline_first_meets_what_can_be_met(
        tasks in proptest::collection::vec((proptest::sample::select(vec![2u64, 3, 4, 5, 6, 8, 10, 12]), 1..9u64), 1..6),
    ) {
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().until(Duration::ms(1_000));
        builder = builder.policy(Edf { equals: Equals::ByArrival, ..Default::default() });
        // In fractions of a millisecond whose sum of loads is at most 1.
        let shares: u64 = tasks.iter().map(|task| task.1).sum();
        let times: Vec<u64> = tasks.iter().map(|(period, share)| period * 1_000_000 * share / shares).collect();
        for (index, ((period, _), time)) in tasks.iter().zip(&times).enumerate() {
            let every = Arrivals::Every(Duration::ms(*period));
            builder.task(&format!("task {index}"), None, every, vec![], vec![cpu(Duration(*time))]);
        }
        let (_, probe) = probe(&builder.build(), 1);
        for (task, arrived, ended) in &probe.ended {
            prop_assert!(ended - arrived <= tasks[*task as usize].0 * 1_000_000, "task {task} at {arrived}");
        }
        let complete: u64 = tasks.iter().map(|task| 1_000 / task.0).sum();
        prop_assert!(probe.ended.len() as u64 >= complete - tasks.len() as u64);
    }
}

/// Periodic tasks in tenths of a millisecond on several cores: whose jobs are late, or missing.
fn late_jobs(cores: u32, policy: impl Into<PolicyConfig>, tasks: &[(u64, u64)]) -> usize {
    let (until, unit) = (Duration::ms(40), 100_000);
    let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy).until(until);
    for (index, (period, time)) in tasks.iter().enumerate() {
        let every = Arrivals::Every(Duration(*period * unit));
        builder.task(&format!("task {index}"), None, every, vec![], vec![cpu(Duration(*time * unit))]);
    }
    let (_, probe) = probe(&builder.build(), 1);
    let in_time = probe.ended.iter().filter(|(task, arrived, ended)| ended - arrived <= tasks[*task as usize].0 * unit);
    // A job whose deadline is the end of the run need not be in it.
    let due: u64 = tasks.iter().map(|(period, _)| (until.0 - 1) / (period * unit)).sum();
    (due as usize).saturating_sub(in_time.count())
}

/// As many tasks as fit on so many cores, each with a time of 1 to its period.
fn fitting(cores: u32, candidates: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut load = 0.0;
    let mut fit = |task: &(u64, u64)| {
        let more = task.1 as f64 / task.0 as f64;
        let fits = load + more <= f64::from(cores) + 1e-9;
        load += if fits { more } else { 0.0 };
        fits
    };
    candidates.iter().map(|(period, time)| (*period, 1 + time % period)).filter(|task| fit(task)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// On any number of cores Pfair meets all deadlines of any periodic tasks that fit on them at all; zero laxity meets them
    /// wherever global earliest deadline first does.
    #[test]
    fn pfair_meets_what_can_be_met_and_zero_laxity_whatever_global_edf_does(
        cores in 1..5u32,
        candidates in proptest::collection::vec((2..20u64, 0..20u64), 1..12),
    ) {
        let tasks = fitting(cores, &candidates);
        prop_assert_eq!(late_jobs(cores, Pfair(Duration::us(100)), &tasks), 0, "{:?}", tasks);
        if late_jobs(cores, Edf { equals: Equals::ByTask, ..Default::default() }, &tasks) == 0 {
            prop_assert_eq!(late_jobs(cores, Edzl { equals: Equals::ByTask, ..Default::default() }, &tasks), 0, "{:?}", tasks);
        }
    }
}

/// Three tasks that need all of two cores: too much for earliest deadline first. Four that need less are too much for zero
/// laxity, too.
#[test]
fn pfair_is_better_than_zero_laxity_and_that_than_global_edf() {
    let late = |tasks: &[(u64, u64)]| {
        let edf = late_jobs(2, Edf { equals: Equals::ByTask, ..Default::default() }, tasks);
        let edzl = late_jobs(2, Edzl { equals: Equals::ByTask, ..Default::default() }, tasks);
        (edf > 0, edzl > 0, late_jobs(2, Pfair(Duration::us(100)), tasks) > 0)
    };
    assert_eq!(late(&[(3, 2), (3, 2), (3, 2)]), (true, false, false));
    assert_eq!(late(&[(3, 1), (3, 2), (10, 5), (3, 1)]), (true, true, false));
}

/// The set of tasks that is hardest for fixed priorities: it just meets its deadlines at the bound of Liu and Layland, and
/// misses one if its first task needs a little more.
#[test]
fn the_hardest_tasks_reach_the_bound_of_liu_and_layland() {
    let cases = cases("bounds");
    for (count, bound) in cases["real_time"]["liu_layland"].as_object().unwrap() {
        let count: u32 = count.parse().unwrap();
        if count < 2 {
            continue;
        }
        let periods: Vec<u64> =
            (0..=count).map(|index| (1e9 * libm::exp2(f64::from(index) / f64::from(count))).round() as u64).collect();
        let mut tasks: Vec<(u64, u64)> = periods.windows(2).map(|pair| (pair[0], pair[1] - pair[0])).collect();
        // The last one gets what the others leave of the shortest period's double.
        let others: u64 = tasks[..tasks.len() - 1].iter().map(|task| task.1).sum();
        let last = tasks.len() - 1;
        tasks[last].1 = tasks[last].0 - 2 * others;
        let load: f64 = tasks.iter().map(|(period, time)| *time as f64 / *period as f64).sum();
        assert!((load - bound.as_f64().unwrap()).abs() < 1e-6, "{count}: {load}");
        let late = |tasks: &[(u64, u64)]| {
            let responses = responses(tasks, Late::Continue, Duration::s(4));
            responses.iter().zip(tasks).any(|(times, task)| times.iter().any(|time| *time > task.0))
        };
        assert!(!late(&tasks), "{count}");
        tasks[0].1 += 10_000;
        assert!(late(&tasks), "{count}");
    }
    let cases = cases["real_time"]["liu_layland"].as_object().unwrap().len() - 1;
    exact(Table::Theory, "Liu and Layland's hardest tasks: no miss at the bound, one beyond it", cases);
}
