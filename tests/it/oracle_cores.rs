//! Several cores with caches against recorded runs of `multi.py` of "Operating Systems: Three Easy Pieces", tick by tick.

use gilsim::kernel::Queues;
use gilsim::kernel::pace::{Caches, Paces};
use gilsim::kernel::policy::{Joins, PolicyConfig, RoundRobin, Timer};
use gilsim::model::{Arrivals, Builder, Execution, Model};
use gilsim::time::Duration;
use proptest::prelude::*;
use serde_json::Value;

use crate::oracle::{cases, cpu, units};
use crate::probe::probe;
use crate::real_runs::audit;
use crate::validation::{Table, exact};

fn permille(factor: &Value) -> u32 {
    (factor.as_f64().unwrap() * 1_000.0) as u32
}

/// The jobs of a case on its machine.
fn model(inputs: &Value) -> Model {
    let policy = PolicyConfig::from(RoundRobin(units(&inputs["quantum"]), Joins::ArrivalsFirst, Timer::Fresh));
    let cores = inputs["cores"].as_u64().unwrap() as u32;
    let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy);
    let machine = &mut builder.model_mut().machine;
    machine.interrupt = Some(units(&inputs["quantum"]));
    machine.queues = Some(match inputs["queues"].as_str().unwrap() {
        "global" => Queues::Global,
        _ => Queues::PerCore { steal: false, balance: None, hot: None },
    });
    let caches = Caches {
        size: inputs["cache_size"].as_u64().unwrap(),
        warm: permille(&inputs["warm_rate"]),
        cold: permille(&inputs["cold_rate"]),
        warm_up: units(&inputs["warmup"]),
        tick: Some(units(&Value::from(1))),
    };
    machine.paces = Paces { caches: Some(caches), ..Paces::default() };
    for job in inputs["jobs"].as_array().unwrap() {
        let name = job["name"].as_str().unwrap();
        let burst = cpu(units(&job["burst"]));
        let task = builder.task(name, Some(1), Arrivals::AtOnce, vec![], vec![burst]);
        builder.working_set(task, job["working_set"].as_u64().unwrap() as u32);
        if let Some(allowed) = inputs["affinity"][name].as_array() {
            let allowed: Vec<u32> = allowed.iter().map(|core| core.as_u64().unwrap() as u32).collect();
            builder.affinity(task, &allowed);
        }
    }
    builder.build()
}

#[test]
fn cores_with_caches_agree_with_ostep() {
    let cases = cases("ostep-multi");
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let (inputs, expected, id) = (&case["inputs"], &case["expected"], &case["id"]);
        let model = model(inputs);
        let (ended, probe) = probe(&model, 1);
        let tick = units(&Value::from(1)).0;
        let finish = expected["finish"].as_u64().unwrap();
        assert_eq!(ended.at.0, finish * tick, "{id}");
        let jobs = inputs["jobs"].as_array().unwrap();
        let names: Vec<&str> = jobs.iter().map(|job| job["name"].as_str().unwrap()).collect();
        let completions: Vec<u64> =
            names.iter().map(|name| expected["completion"][*name].as_u64().unwrap() * tick).collect();
        assert_eq!(probe.completions(jobs.len()), completions, "{id}");
        let cores = expected["segments_per_core"].as_array().unwrap();
        for (core, rows) in cores.iter().enumerate() {
            let found = probe.segments.iter().filter(|segment| segment.2 == core as u32);
            let found: Vec<Value> = found
                .map(|(start, end, _, task)| serde_json::json!([start / tick, end / tick, names[*task as usize]]))
                .collect();
            assert_eq!(&Value::Array(found), rows, "{id}: core {core}");
            let busy: u64 = probe.segments.iter().filter(|s| s.2 == core as u32).map(|s| s.1 - s.0).sum();
            let percent = busy as f64 * 100.0 / ended.at.0 as f64;
            let wanted = expected["utilisation_percent"][core].as_f64().unwrap();
            assert!((percent - wanted).abs() < 0.006, "{id}: core {core} is busy for {percent} %");
        }
        let (records, ended) = crate::real_runs::run(&model, 1);
        assert_eq!(audit(&model, &records, &ended), [], "{id}");
    }
    assert_eq!(cases.len(), 7);
    exact(
        Table::Programs,
        "OSTEP multi.py: cores with caches, affinity, queues of single cores, every segment",
        cases.len(),
    );
}

/// Work takes as long as the rates of cores say, whoever comes and goes beside it.
#[test]
fn siblings_and_slow_cores_take_their_time() {
    let run = |paces: Paces, cores: u32, bursts: &[u64], allowed: &[u32]| {
        let policy = PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Fresh));
        let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(policy);
        builder.model_mut().machine.paces = paces;
        for (index, burst) in bursts.iter().enumerate() {
            let task = builder.task(
                &format!("job {index}"),
                Some(1),
                Arrivals::AtOnce,
                vec![],
                vec![cpu(Duration::ms(*burst))],
            );
            builder.affinity(task, allowed);
        }
        let model = builder.build();
        let (records, ended) = crate::real_runs::run(&model, 1);
        assert_eq!(audit(&model, &records, &ended), []);
        probe(&model, 1).1.completions(bursts.len())
    };
    let ms = |times: &[u64]| times.iter().map(|time| time * 1_000_000).collect::<Vec<_>>();
    let speeds = Paces { speeds: vec![1_000, 500], ..Paces::default() };
    assert_eq!(run(speeds, 2, &[10, 10], &[]), ms(&[10, 20]));
    // Both run at 0.6; when the first is done after 10 ms, the other has done 6 of its 12 ms.
    let smt = gilsim::kernel::pace::Smt { siblings: 2, factor: 600 };
    assert_eq!(run(Paces { smt: Some(smt), ..Paces::default() }, 2, &[6, 12], &[]), ms(&[10, 16]));
    // Bound to the slow core, both take turns there.
    let speeds = Paces { speeds: vec![1_000, 250], ..Paces::default() };
    assert_eq!(run(speeds, 2, &[1, 1], &[1]), ms(&[4, 8]));
}

/// A random case, and what its rules make of it.
#[derive(Clone, Debug)]
struct Case {
    cores: usize,
    per_core: bool,
    quantum: u64,
    size: u64,
    warm: f64,
    warm_up: u64,
    /// Burst, working set, and the only core that it may run on, if any.
    jobs: Vec<(u64, u64, Option<usize>)>,
}

impl Case {
    fn inputs(&self) -> Value {
        let jobs = self.jobs.iter().enumerate();
        let list: Vec<Value> = jobs
            .clone()
            .map(|(index, job)| serde_json::json!({"name": index.to_string(), "burst": job.0, "working_set": job.1}))
            .collect();
        let bound = jobs.filter_map(|(index, job)| Some((index.to_string(), serde_json::json!([job.2?]))));
        serde_json::json!({
            "cores": self.cores, "queues": if self.per_core { "per_core" } else { "global" },
            "quantum": self.quantum, "cache_size": self.size, "warm_rate": self.warm, "cold_rate": 1,
            "warmup": self.warm_up, "affinity": bound.collect::<serde_json::Map<_, _>>(), "jobs": list,
        })
    }

    /// Tick by tick, in the simplest way: segments `(core, start, end, job)` in order of their starts.
    fn reference(&self) -> Vec<(usize, u64, u64, usize)> {
        let queue_of = |core: usize| if self.per_core { core } else { 0 };
        let mut queues = vec![std::collections::VecDeque::new(); self.cores];
        for job in 0..self.jobs.len() {
            queues[queue_of(job % self.cores)].push_back(job);
        }
        let mut left: Vec<i64> = self.jobs.iter().map(|job| job.0 as i64 * 1_000).collect();
        let mut running = vec![None; self.cores];
        let mut warm: Vec<Vec<usize>> = vec![Vec::new(); self.cores];
        let mut warming = vec![vec![self.warm_up; self.jobs.len()]; self.cores];
        let mut segments: Vec<(usize, u64, u64, usize)> = Vec::new();
        let mut now = 0;
        while left.iter().any(|left| *left > 0) {
            if now > 0 && now % self.quantum == 0 {
                for core in 0..self.cores {
                    queues[queue_of(core)].extend(running[core].take());
                }
            }
            for core in 0..self.cores {
                let queue = &mut queues[queue_of(core)];
                let may = |job: &usize| self.jobs[*job].2.is_none_or(|only| only == core);
                if running[core].is_none()
                    && let Some(place) = queue.iter().position(may)
                {
                    running[core] = queue.remove(place);
                }
            }
            for core in 0..self.cores {
                let Some(job) = running[core] else { continue };
                match segments.iter_mut().rev().find(|segment| segment.0 == core) {
                    Some(last) if last.2 == now && last.3 == job => last.2 += 1,
                    _ => segments.push((core, now, now + 1, job)),
                }
                if warm[core].contains(&job) {
                    left[job] -= (self.warm * 1_000.0) as i64;
                } else {
                    left[job] -= 1_000;
                    warming[core][job] -= 1;
                    if warming[core][job] == 0 {
                        warm[core].insert(0, job);
                        while warm[core].iter().map(|job| self.jobs[*job].1).sum::<u64>() > self.size {
                            let evicted = warm[core].pop().unwrap();
                            warming[core][evicted] = self.warm_up;
                        }
                    }
                }
                if left[job] <= 0 {
                    running[core] = None;
                }
            }
            now += 1;
        }
        segments
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let job = |cores: usize| (1_u64..80, 1_u64..120, proptest::option::weighted(0.3, 0..cores));
    (1_usize..5, any::<bool>(), 1_u64..20, 1_u64..200, 1_u64..9, 1_u64..20).prop_flat_map(
        move |(cores, per_core, quantum, size, warm, warm_up)| {
            proptest::collection::vec(job(cores), 1..8).prop_map(move |mut jobs| {
                if per_core {
                    // How bound jobs are dealt to queues is another program's own matter.
                    jobs.iter_mut().for_each(|job| job.2 = None);
                }
                Case { cores, per_core, quantum, size, warm: warm as f64 / 2.0 + 0.5, warm_up, jobs }
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn cores_with_caches_do_what_a_reference_does_tick_by_tick(case in any_case()) {
        let model = model(&case.inputs());
        let (_, probe) = probe(&model, 1);
        let tick = units(&Value::from(1)).0;
        let mut found: Vec<_> = probe
            .segments
            .iter()
            .map(|(start, end, core, job)| (*core as usize, start / tick, end / tick, *job as usize))
            .collect();
        let mut wanted = case.reference();
        found.sort_unstable();
        wanted.sort_unstable();
        // The probe merges what touches only if it is not far apart.
        found.dedup_by(|next, last| {
            let touches = (next.0, next.1, next.3) == (last.0, last.2, last.3);
            if touches {
                last.2 = next.2;
            }
            touches
        });
        let differ: Vec<_> = found.iter().zip(&wanted).filter(|(a, b)| a != b).take(3).collect();
        prop_assert!(found == wanted, "{differ:?} and so on");
        let (records, ended) = crate::real_runs::run(&model, 1);
        prop_assert_eq!(audit(&model, &records, &ended), []);
    }
}
