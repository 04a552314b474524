//! Recorded outputs of other schedulers and published worst cases: must agree exactly.
//!
//! Everything of the kinds round robin, first come, shortest first and priorities is compared here; overlap of computing with
//! devices, single instructions, multi-level feedback, shares and deadlines in files of their own.

use gilsim::dist::Dist;
use gilsim::id::TaskId;
use gilsim::kernel::policy::{
    Equals, FirstCome, Joins, PolicyConfig, Priority, RoundRobin, ShortestJobFirst, ShortestRemainingTime, Timer,
};
use gilsim::model::{Arrivals, Builder, Costs, Execution, SpawnKind, Stmt, Urgency};
use gilsim::time::Duration;
use gilsim::trace::CpuKind;
use serde_json::Value;

use crate::probe::probe;
use crate::validation::{Table, Tally, exact};

/// One abstract time unit of the recorded programs.
pub const UNIT: f64 = 1e6;

pub fn cases(file: &str) -> Value {
    let path = format!("{}/tests/oracle/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn units(value: &Value) -> Duration {
    Duration((value.as_f64().unwrap() * UNIT).round() as u64)
}

pub fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|v| units(v).0).collect()
}

pub fn cpu(time: Duration) -> Stmt {
    Stmt::Cpu(CpuKind::Python, Dist::Const(time))
}

/// One thread for each job, arriving when the case says.
fn one_thread_each(cores: u32, policy: PolicyConfig, jobs: &[Value]) -> Builder {
    let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy);
    for (index, job) in jobs.iter().enumerate() {
        let arrivals = Arrivals::Recorded([units(&job["arrival"])].into());
        let task = builder.task(&format!("job {index}"), Some(1), arrivals, vec![], vec![cpu(units(&job["burst"]))]);
        if let Some(priority) = job["priority"].as_u64() {
            builder.urgency(task, Urgency { priority: priority as u32, ..Urgency::default() });
        }
    }
    builder
}

/// Recorded segments without cores: `[start, end, job]`, neighbours of one job merged.
pub fn segments(expected: &Value) -> Vec<(u64, u64, u32)> {
    let rows = expected.as_array().unwrap().iter();
    rows.map(|row| (units(&row[0]).0, units(&row[1]).0, row[2].as_u64().unwrap() as u32)).collect()
}

pub fn on_core_zero(segments: &[(u64, u64, u32, u32)]) -> Vec<(u64, u64, u32)> {
    segments.iter().map(|s| (s.0, s.1, s.3)).collect()
}

#[test]
fn first_come_shortest_job_first_and_round_robin_agree_with_ostep() {
    let cases = cases("ostep-scheduler");
    let mut compared = 0;
    for case in cases["cases"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let policy = match inputs["policy"].as_str().unwrap() {
            "FIFO" => PolicyConfig::from(FirstCome),
            "RR" => PolicyConfig::from(RoundRobin(units(&inputs["quantum"]), Joins::ArrivalsFirst, Timer::Fresh)),
            "SJF" => PolicyConfig::from(ShortestJobFirst { equals: Equals::ByArrival }),
            other => panic!("{other}"),
        };
        let jobs = inputs["jobs"].as_array().unwrap();
        let (_, probe) = probe(&one_thread_each(1, policy, jobs).build(), 1);
        let (ends, starts) = (probe.completions(jobs.len()), probe.first_runs(jobs.len()));
        for expected in case["expected"]["per_job"].as_array().unwrap() {
            let job = expected["job"].as_u64().unwrap() as usize;
            let id = &case["id"];
            assert_eq!(starts[job], units(&expected["response"]).0, "{id} job {job}");
            assert_eq!(ends[job], units(&expected["turnaround"]).0, "{id} job {job}");
        }
        compared += 1;
    }
    assert_eq!(compared, 9, "all of them");
    exact(Table::Programs, "OSTEP scheduler.py: first come, shortest job first, round robin", compared);
}

#[test]
fn seven_policies_with_arrivals_agree_with_four_programs() {
    let cases = cases("uniprocessor-arrivals");
    let cases = cases["cases"].as_array().unwrap();
    let equals = Equals::ByArrival;
    for case in cases {
        let quantum = units(&case["inputs"]["quantum"]);
        let jobs = case["inputs"]["jobs"].as_array().unwrap();
        for (name, policy) in [
            ("fcfs", PolicyConfig::from(FirstCome)),
            ("rr-arrivals-first", PolicyConfig::from(RoundRobin(quantum, Joins::ArrivalsFirst, Timer::Fresh))),
            ("rr-preempted-first", PolicyConfig::from(RoundRobin(quantum, Joins::ArrivalsUnseen, Timer::Fresh))),
            ("sjf", PolicyConfig::from(ShortestJobFirst { equals })),
            ("srtf", PolicyConfig::from(ShortestRemainingTime { equals, ..Default::default() })),
            ("priority", PolicyConfig::from(Priority { preemptive: false, equals, ..Default::default() })),
            ("priority-preemptive", PolicyConfig::from(Priority { preemptive: true, equals, ..Default::default() })),
        ] {
            let expected = &case["expected"][name];
            let (_, probe) = probe(&one_thread_each(1, policy, jobs).build(), 1);
            let id = &case["id"];
            assert_eq!(probe.completions(jobs.len()), numbers(&expected["completion"]), "{id} {name}");
            assert_eq!(on_core_zero(&probe.segments), segments(&expected["segments"]), "{id} {name}");
        }
    }
    assert_eq!(cases.len(), 10, "seven policies each");
    exact(
        Table::Programs,
        "four schedulers on sets of jobs with arrivals, seven policies: completions and segments",
        cases.len() * 7,
    );
}

/// Tasks in the order of a list on several cores: Graham's worst cases and, with precedence, his anomalies. The list is an
/// order of priority, since it outlives the release of a task.
#[test]
fn list_scheduling_agrees_with_graham() {
    let cases = cases("bounds");
    let cases = cases["list_scheduling"]["cases"].as_array().unwrap();
    for case in cases {
        let inputs = &case["inputs"];
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let policy =
            PolicyConfig::from(Priority { preemptive: false, equals: Equals::ByArrival, ..Default::default() });
        let cores = number(&inputs["cores"]) as u32;
        let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy);
        let list: Vec<usize> = inputs["list"].as_array().unwrap().iter().map(number).collect();
        for (index, time) in inputs["times"].as_array().unwrap().iter().enumerate() {
            let precedence = inputs["precedence"].as_array().unwrap().iter();
            let before = precedence.filter(|pair| number(&pair[1]) == index + 1);
            let after = before.map(|pair| TaskId::from(number(&pair[0]) - 1)).collect();
            let steps = vec![cpu(units(time))];
            let task = builder.task(&format!("task {}", index + 1), Some(1), Arrivals::AtOnce, after, steps);
            let place = list.iter().position(|listed| *listed == index + 1).unwrap();
            builder.urgency(task, Urgency { priority: place as u32, ..Urgency::default() });
        }
        let (ended, probe) = probe(&builder.build(), 1);
        assert_eq!(ended.at.0, units(&case["expected"]["makespan"]).0, "{}", case["id"]);
        let mut found: Vec<[u64; 4]> =
            probe.segments.iter().map(|s| [s.0, s.1, u64::from(s.2), u64::from(s.3) + 1]).collect();
        let rows = case["expected"]["segments"].as_array().unwrap().iter();
        let mut expected: Vec<[u64; 4]> = rows
            .map(|row| [units(&row[0]).0, units(&row[1]).0, row[2].as_u64().unwrap(), row[3].as_u64().unwrap()])
            .collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{}", case["id"]);
    }
    assert_eq!(cases.len(), 5);
    exact(Table::Theory, "Graham's list scheduling, anomalies and worst cases: makespan and segments", cases.len());
}

/// A serial part and a part that any number of cores share (Amdahl: of a given whole; Gustafson: of a given time).
#[test]
fn speedup_is_that_of_amdahl_and_gustafson() {
    let cases = cases("bounds");
    let makespan = |cores: u32, serial: f64, each: f64| {
        let mut builder = Builder::new(cores, Execution::ThreadPerTask).native();
        let part = |share: f64| cpu(Duration((share * UNIT * 1e3).round() as u64));
        let program = builder.program("part", vec![part(each)]);
        let all = vec![part(serial), Stmt::Spawn(SpawnKind::Thread, program, cores), Stmt::Join(program)];
        builder.batch("job", 1, all);
        probe(&builder.build(), 1).0.at.0 as f64 / (UNIT * 1e3)
    };
    let mut amdahl = Tally::new(Table::Theory, "Amdahl's law: speedup");
    let mut gustafson = Tally::new(Table::Theory, "Gustafson's law: scaled speedup");
    for case in cases["speedup"]["amdahl"].as_array().unwrap() {
        let serial = case["serial"].as_f64().unwrap();
        let cores = |of: &'static str| case[of].as_object().unwrap().iter();
        for (n, expected) in cores("amdahl") {
            let cores: u32 = n.parse().unwrap();
            let found = 1.0 / makespan(cores, serial, (1.0 - serial) / f64::from(cores));
            // The table has seven digits.
            amdahl.compare(&format!("{serial} {n}"), found, expected.as_f64().unwrap(), 2e-6 * found);
        }
        for (n, expected) in cores("gustafson") {
            let cores: u32 = n.parse().unwrap();
            let work = serial + f64::from(cores) * (1.0 - serial);
            let found = work / makespan(cores, serial, 1.0 - serial);
            gustafson.compare(&format!("{serial} {n}"), found, expected.as_f64().unwrap(), 2e-6 * found);
        }
    }
    amdahl.done();
    gustafson.done();
}

/// The universal scalability law, as its author derives it: besides its share of the parallel part and a serial part, each of
/// n processors exchanges data with each of the n - 1 others.
#[test]
fn speedup_with_an_exchange_between_all_is_that_of_the_universal_scalability_law() {
    let cases = cases("bounds");
    let makespan = |cores: u32, serial: f64, exchange: f64| {
        let mut builder = Builder::new(cores, Execution::ThreadPerTask).native();
        let part = |share: f64| cpu(Duration((share * UNIT * 1e3).round() as u64));
        let mut own = vec![part((1.0 - serial) / f64::from(cores))];
        own.extend((1..cores).map(|_| part(exchange)));
        let program = builder.program("part", own);
        let all = vec![part(serial), Stmt::Spawn(SpawnKind::Thread, program, cores), Stmt::Join(program)];
        builder.batch("job", 1, all);
        probe(&builder.build(), 1).0.at.0 as f64 / (UNIT * 1e3)
    };
    let mut law = Tally::new(Table::Theory, "universal scalability law, with and without coherence: speedup");
    for case in cases["speedup"]["usl"].as_array().unwrap() {
        let (sigma, kappa) = (case["sigma"].as_f64().unwrap(), case["kappa"].as_f64().unwrap());
        for (n, expected) in case["C"].as_object().unwrap() {
            let found = 1.0 / makespan(n.parse().unwrap(), sigma, kappa);
            law.compare(&format!("{sigma} {kappa} {n}"), found, expected.as_f64().unwrap(), 2e-6 * found);
        }
        if let Some(peak) = case["peak_n"].as_f64() {
            let speedup = |n: f64| 1.0 / makespan(n as u32, sigma, kappa);
            let best = (1..100).map(f64::from).max_by(|a, b| speedup(*a).total_cmp(&speedup(*b))).unwrap();
            assert!((best - peak).abs() <= 1.0, "the most at {best} rather than {peak}");
        }
    }
    law.done();
}

#[test]
fn round_robin_pays_for_every_change_of_job() {
    let cases = cases("bounds");
    for case in cases["round_robin_switch_cost"]["cases"].as_array().unwrap() {
        let (inputs, expected) = (&case["inputs"], &case["expected"]);
        let policy = PolicyConfig::from(RoundRobin(units(&inputs["quantum"]), Joins::ArrivalsFirst, Timer::Fresh));
        let costs = Costs { context_switch: units(&inputs["switch_cost"]), ..Costs::zero() };
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy).costs(costs);
        builder.batch("job", inputs["jobs"].as_u64().unwrap() as u32, vec![cpu(units(&inputs["burst"]))]);
        let (ended, probe) = probe(&builder.build(), 1);
        assert_eq!(ended.at.0, units(&expected["makespan"]).0, "{inputs}");
        let first = probe.ended.iter().map(|ended| ended.2).min().unwrap();
        assert_eq!(first, units(&expected["first_completion"]).0, "{inputs}");
    }
    let cases = cases["round_robin_switch_cost"]["cases"].as_array().unwrap().len();
    exact(Table::Theory, "round robin that pays for every change of job: makespan and first completion", cases);
}

/// N threads, each: a wait that overlaps, then computing that only so many can do at once. `parallel` is the GIL.
#[test]
fn closed_systems_complete_what_they_must_by_the_horizon() {
    let cases = cases("bounds");
    for case in cases["deterministic_closed"]["cases"].as_array().unwrap() {
        let inputs = &case["inputs"];
        let number = |key: &str| inputs[key].as_u64().unwrap();
        let cores = number("parallel") as u32;
        let mut builder = Builder::new(cores, Execution::ThreadPerTask)
            .native()
            .policy(FirstCome)
            .until(Duration::us(number("horizon_us")));
        let device = builder.device("io", Dist::Const(Duration::us(number("io_us"))), None);
        let counter = builder.var("done", 0, false);
        let mut round = vec![cpu(Duration::us(number("cpu_us"))), Stmt::Incr(counter, 1)];
        if number("io_us") > 0 {
            round.insert(0, Stmt::Io(device, None));
        }
        builder.model_mut().interpreter.increment = Duration::ZERO;
        builder.batch("thread", number("threads") as u32, vec![Stmt::Forever(round)]);
        let mut records = Vec::new();
        gilsim::sim::run(&builder.build(), 1, &mut records);
        let done = records.iter().filter(|r| matches!(r.what, gilsim::trace::What::Store { .. })).count() as u64;
        assert_eq!(done, case["expected"]["completions_by_horizon"].as_u64().unwrap(), "{}", case["id"]);
    }
    let cases = cases["deterministic_closed"]["cases"].as_array().unwrap().len();
    exact(Table::Theory, "deterministic closed systems, limited by threads, cores or the GIL: completions", cases);
}

proptest::proptest! {
    /// On one core nobody beats the shortest remaining time on mean response.
    #[test]
    fn shortest_remaining_time_is_never_beaten(jobs in proptest::collection::vec((0..40u64, 1..30u64), 1..9)) {
        let mean = |policy: PolicyConfig| {
            let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
            for (index, (arrival, burst)) in jobs.iter().enumerate() {
                let arrivals = Arrivals::Recorded([Duration::ms(*arrival)].into());
                builder.task(&format!("job {index}"), Some(1), arrivals, vec![], vec![cpu(Duration::ms(*burst))]);
            }
            let (_, probe) = probe(&builder.build(), 1);
            probe.ended.iter().map(|(_, arrived, ended)| ended - arrived).sum::<u64>()
        };
        let best = mean(PolicyConfig::from(ShortestRemainingTime { equals: Equals::ByArrival, ..Default::default() }));
        for policy in crate::real_runs::policies() {
            proptest::prop_assert!(mean(policy.clone()) >= best, "{policy}");
        }
    }
}
