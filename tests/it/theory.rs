//! Queueing theory: means of open systems against closed forms. Tolerances are four standard deviations of the mean of a run of
//! this length, as measured over a hundred independent runs; a test fails by chance about once in 16,000.

use gilsim::dist::Dist;
use gilsim::id::TaskId;
use gilsim::kernel::policy::{
    Equals, FirstCome, LastCome, PolicyConfig, Priority, ProcessorSharing, ShortestJobFirst, ShortestRemainingTime,
};
use gilsim::model::{Arrivals, Builder, Costs, Execution, SpawnKind, Stmt, Urgency};
use gilsim::time::Duration;
use gilsim::trace::CpuKind;
use serde_json::Value;

use crate::probe::{Probe, probe};
use crate::validation::{Table, Tally};

/// The mean service time of the table.
pub const UNIT: f64 = 1e6;
pub const CUSTOMERS: usize = 100_000;
pub const WARM_UP: usize = 10_000;

pub fn case(id: &str) -> Value {
    let path = format!("{}/tests/oracle/queueing.json", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone()
}

fn time(units: f64) -> Duration {
    Duration((units * UNIT).round() as u64)
}

pub fn exp(mean: f64) -> Dist {
    Dist::Exp { mean: time(mean) }
}

fn cpu(dist: Dist) -> Stmt {
    Stmt::Cpu(CpuKind::Python, dist)
}

/// Open arrivals at first-come cores, against all that the table says of them.
fn open(tally: &mut Tally, id: &str, service: Vec<Stmt>) {
    let case = case(id);
    let probe = serve(&case, service, 1);
    let (response, wait) = (probe.mean_response(WARM_UP) / UNIT, probe.mean_wait(WARM_UP) / UNIT);
    let waited = probe.waits[WARM_UP..].iter().filter(|wait| **wait > 0).count() as f64 / CUSTOMERS as f64;
    for (key, found) in [("W", response), ("Wq", wait), ("P_wait", waited), ("erlang_c", waited)] {
        if let (Some(expected), Some(tolerance)) =
            (case["expected"][key].as_f64(), case["tolerance_100k_4sd"][key].as_f64())
        {
            tally.compare(&format!("{id} {key}"), found, expected, tolerance);
        }
    }
}

fn serve(case: &Value, service: Vec<Stmt>, seed: u64) -> Probe {
    let cores = case["inputs"]["servers"].as_u64().unwrap() as u32;
    let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
    let execution = if cores == 1 { Execution::Serial } else { Execution::Threads(cores) };
    let mut builder = Builder::new(cores, execution).native().policy(FirstCome);
    customers(&mut builder, "customer", rate, CUSTOMERS + WARM_UP, service);
    probe(&builder.build(), seed).1
}

fn customers(builder: &mut Builder, name: &str, rate: f64, count: usize, steps: Vec<Stmt>) -> TaskId {
    let arrivals = Arrivals::Poisson { mean_gap: exp(1.0 / rate) };
    builder.task(name, Some(count as u32), arrivals, vec![], steps)
}

/// Mean wait, its value in theory, and four standard deviations.
fn wait(id: &str, service: Vec<Stmt>, seed: u64) -> (f64, f64, f64) {
    let case = case(id);
    let found = serve(&case, service, seed).mean_wait(WARM_UP) / UNIT;
    (found, case["expected"]["Wq"].as_f64().unwrap(), case["tolerance_100k_4sd"]["Wq"].as_f64().unwrap())
}

/// Means of some figures over ten seeds, and four standard deviations of such means as the ten tell them: for formulas that
/// the table does not have.
fn ten_seeds(figures: impl Fn(u64) -> Vec<f64>) -> Vec<(f64, f64)> {
    let runs: Vec<Vec<f64>> = (1..=10).map(figures).collect();
    let summary = |index: usize| {
        let mean = runs.iter().map(|run| run[index]).sum::<f64>() / 10.0;
        let variance = runs.iter().map(|run| (run[index] - mean) * (run[index] - mean)).sum::<f64>() / 9.0;
        (mean, 4.0 * libm::sqrt(variance / 10.0))
    };
    (0..runs[0].len()).map(summary).collect()
}

/// The same comparison, with a server that is 5 % too slow: the tests below could have failed.
#[test]
fn a_wrong_server_is_noticed() {
    for (id, service) in [
        ("mm1-rho0.5", cpu(exp(1.05))),
        ("mmc-4-rho0.9", cpu(exp(1.05))),
        ("mg1-det-rho0.8", cpu(Dist::Const(time(1.05)))),
        // The right mean, but not the right shape.
        ("mm1-rho0.9", cpu(Dist::Const(time(1.0)))),
    ] {
        let (found, expected, tolerance) = wait(id, vec![service], 1);
        assert!((found - expected).abs() > tolerance, "{id}: {found:.4} passes for {expected:.4} +- {tolerance:.4}");
    }
}

/// Ten seeds: their mean has a third of the deviation of one, so it must lie within a third of the tolerance.
#[test]
fn seeds_scatter_around_the_theory() {
    let runs: Vec<_> = (1..=10).map(|seed| wait("mg1-det-rho0.8", vec![cpu(Dist::Const(time(1.0)))], seed)).collect();
    let mean = runs.iter().map(|run| run.0).sum::<f64>() / 10.0;
    let (_, expected, tolerance) = runs[0];
    let mut tally = Tally::new(Table::Theory, "M/D/1: mean wait over ten seeds");
    tally.compare("mean", mean, expected, tolerance / libm::sqrt(10.0));
    tally.done();
    let distinct: std::collections::BTreeSet<u64> = runs.iter().map(|run| run.0.to_bits()).collect();
    assert_eq!(distinct.len(), 10, "seeds give different runs");
}

#[test]
fn one_server() {
    let mut tally = Tally::new(Table::Theory, "M/M/1, first come: response, wait, chance to wait");
    open(&mut tally, "mm1-rho0.5", vec![cpu(exp(1.0))]);
    open(&mut tally, "mm1-rho0.9", vec![cpu(exp(1.0))]);
    tally.done();
}

/// The last one first: the mean is that of the first one first, since neither looks at the work; the scatter is not.
#[test]
fn the_last_one_first() {
    let case = case("mm1-rho0.9");
    let mut tally = Tally::new(Table::Theory, "M/M/1, last come: the mean response of first come");
    let mut scatter = Vec::new();
    for policy in [PolicyConfig::from(FirstCome), PolicyConfig::from(LastCome)] {
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
        customers(&mut builder, "customer", 0.9, CUSTOMERS + WARM_UP, vec![cpu(exp(1.0))]);
        let (_, probe) = probe(&builder.build(), 1);
        let jobs = &probe.ended[WARM_UP..];
        let responses: Vec<f64> = jobs.iter().map(|(_, came, left)| (left - came) as f64 / UNIT).collect();
        let mean = responses.iter().sum::<f64>() / responses.len() as f64;
        tally.compare("mean", mean, 10.0, case["tolerance_100k_4sd"]["W"].as_f64().unwrap());
        let square = responses.iter().map(|time| (time - mean) * (time - mean)).sum::<f64>();
        scatter.push(square / responses.len() as f64);
    }
    tally.done();
    // First come: (1 / (mu - lambda))^2 = 100. Last come: the second moment is larger by 1 / (1 - rho), which is 1,800 - 100.
    assert!(scatter[0] < 150.0 && scatter[1] > 800.0, "{scatter:?}");
}

#[test]
fn several_servers() {
    let mut tally = Tally::new(Table::Theory, "M/M/c, first come: response, wait, Erlang's C");
    for id in ["mmc-2-rho0.8", "mmc-4-rho0.9", "mmc-16-rho0.9"] {
        open(&mut tally, id, vec![cpu(exp(1.0))]);
    }
    tally.done();
}

/// Mean 1 and squared coefficient of variation 4.
fn hyperexponential() -> Stmt {
    let p = 0.5 * (1.0 + libm::sqrt(0.6));
    Stmt::Choose(vec![(p, vec![cpu(exp(1.0 / (2.0 * p)))]), (1.0 - p, vec![cpu(exp(1.0 / (2.0 * (1.0 - p))))])])
}

#[test]
fn general_service_times() {
    let mut tally = Tally::new(Table::Theory, "M/G/1, first come (Pollaczek and Khinchine): wait");
    open(&mut tally, "mg1-det-rho0.8", vec![cpu(Dist::Const(time(1.0)))]);
    open(&mut tally, "mg1-unif-rho0.8", vec![cpu(Dist::Uniform { low: Duration::ZERO, high: time(2.0) })]);
    open(&mut tally, "mg1-erl2-rho0.8", vec![cpu(exp(0.5)), cpu(exp(0.5))]);
    // Mean 1 and squared coefficient of variation 2: sigma^2 = ln 3, median = exp(-sigma^2 / 2).
    let variance = libm::log(3.0);
    let log_normal = Dist::LogNormal { median: time(libm::exp(-variance / 2.0)), sigma: libm::sqrt(variance) };
    for id in ["mg1-logn2-rho0.5", "mg1-logn2-rho0.9"] {
        open(&mut tally, id, vec![cpu(log_normal.clone())]);
    }
    for id in ["mg1-H2cv4-rho0.5", "mg1-H2cv4-rho0.9"] {
        open(&mut tally, id, vec![hyperexponential()]);
    }
    tally.done();
}

/// One core under a policy that looks at threads: mean response of each task, for Poisson arrivals of exponential work.
fn scheduled(policy: &PolicyConfig, rates: &[f64], seed: u64) -> Vec<f64> {
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy.clone());
    let all: f64 = rates.iter().sum();
    for (class, rate) in rates.iter().enumerate() {
        let count = (CUSTOMERS + WARM_UP) as f64 * rate / all;
        let task = customers(&mut builder, &format!("class {class}"), *rate, count as usize, vec![cpu(exp(1.0))]);
        builder.urgency(task, Urgency { priority: class as u32, ..Urgency::default() });
    }
    let (_, probe) = probe(&builder.build(), seed);
    let mean = |class: usize| {
        let ended = probe.ended[WARM_UP..].iter().filter(|ended| ended.0 == class as u32);
        let responses: Vec<f64> = ended.map(|(_, arrived, ended)| (ended - arrived) as f64 / UNIT).collect();
        responses.iter().sum::<f64>() / responses.len() as f64
    };
    (0..rates.len()).map(mean).collect()
}

/// The mean response is E[S] / (1 - rho) whatever the distribution. Slices are a fiftieth of the mean, which moves it by less.
#[test]
fn processor_sharing() {
    let mut tally = Tally::new(Table::Theory, "M/G/1, processor sharing by slices of 1/50: response");
    for (id, service) in [
        ("mg1ps-exp-rho0.5", cpu(exp(1.0))),
        ("mg1ps-det-rho0.5", cpu(Dist::Const(time(1.0)))),
        ("mg1ps-H2cv4-rho0.5", hyperexponential()),
    ] {
        let case = case(id);
        let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
        let policy = ProcessorSharing { slice: time(0.02) };
        // Switches are free whatever they cost.
        let costs = Costs { context_switch: time(0.5), ..Costs::zero() };
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy).costs(costs);
        customers(&mut builder, "customer", rate, CUSTOMERS + WARM_UP, vec![service]);
        let (_, probe) = probe(&builder.build(), 1);
        let tolerance = case["tolerance_100k_4sd"]["W"].as_f64().unwrap();
        let expected = case["expected"]["W"].as_f64().unwrap();
        tally.compare(id, probe.mean_response(WARM_UP) / UNIT, expected, tolerance);
    }
    tally.done();
}

#[test]
fn shortest_remaining_time() {
    let mut tally = Tally::new(Table::Theory, "M/M/1, shortest remaining time (Schrage and Miller): response");
    for id in ["mm1-srpt-rho0.5", "mm1-srpt-rho0.8", "mm1-srpt-rho0.9"] {
        let case = case(id);
        let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
        let policy = PolicyConfig::from(ShortestRemainingTime { equals: Equals::ByArrival, ..Default::default() });
        let found = scheduled(&policy, &[rate], 1)[0];
        let tolerance = case["tolerance_100k_4sd"]["W"].as_f64().unwrap();
        tally.compare(id, found, case["expected"]["W"].as_f64().unwrap(), tolerance);
    }
    tally.done();
}

/// Phipps: W(x) = x + R / (1 - rho(x))^2 with R = lambda E[S^2] / 2, averaged over exponential demands x.
#[test]
fn shortest_job_first() {
    let mut tally = Tally::new(Table::Theory, "M/M/1, shortest job first (Phipps): response");
    for rate in [0.5, 0.8] {
        // rho(x) = lambda * (1 - (1 + x) e^-x); the integral by the midpoint rule.
        let (mut sum, step) = (0.0, 0.001);
        for n in 0..40_000 {
            let x = (f64::from(n) + 0.5) * step;
            let below = rate * (1.0 - (1.0 + x) * libm::exp(-x));
            sum += libm::exp(-x) * (x + rate / ((1.0 - below) * (1.0 - below))) * step;
        }
        let policy = PolicyConfig::from(ShortestJobFirst { equals: Equals::ByArrival });
        let (found, tolerance) = ten_seeds(|seed| scheduled(&policy, &[rate], seed))[0];
        tally.compare(&format!("load {rate}"), found, sum, tolerance);
    }
    tally.done();
}

#[test]
fn priorities_without_preemption() {
    let case = case("mm1-priority-np");
    let rates = ["arrival_rate_1", "arrival_rate_2"].map(|key| case["inputs"][key].as_f64().unwrap());
    let policy = PolicyConfig::from(Priority { preemptive: false, equals: Equals::ByArrival, ..Default::default() });
    let found = scheduled(&policy, &rates, 1);
    let mut tally = Tally::new(Table::Theory, "M/M/1, two priorities without preemption (Cobham): response");
    for (key, found) in ["W1", "W2"].into_iter().zip(found) {
        let tolerance = case["tolerance_100k_4sd"][key].as_f64().unwrap();
        tally.compare(key, found, case["expected"][key].as_f64().unwrap(), tolerance);
    }
    tally.done();
}

/// W1 = 1 / (1 - rho1), and W2 = 1 / (1 - rho1) + R / ((1 - rho1) (1 - rho)) with R = rho for exponential work of mean 1.
#[test]
fn priorities_with_preemption() {
    let mut tally = Tally::new(Table::Theory, "M/M/1, two priorities with preemption: response");
    for rates in [[0.32, 0.48], [0.2, 0.4]] {
        let (first, all) = (rates[0], rates[0] + rates[1]);
        let expected = [1.0 / (1.0 - first), 1.0 / (1.0 - first) + all / ((1.0 - first) * (1.0 - all))];
        let policy = PolicyConfig::from(Priority { preemptive: true, equals: Equals::ByArrival, ..Default::default() });
        let found = ten_seeds(|seed| scheduled(&policy, &rates, seed));
        for (expected, (found, tolerance)) in expected.into_iter().zip(found) {
            tally.compare(&format!("{rates:?}"), found, expected, tolerance);
        }
    }
    tally.done();
}

/// Any number of servers: everyone is served at once, and the number in service is Poisson. The table gives no deviations.
/// Those of a mean over a span T follow from the autocovariance a e^-t of the number in service, a its mean.
#[test]
fn unlimited_servers() {
    let case = case("mginf-a5");
    let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(FirstCome);
    let device = builder.device("server", exp(1.0), None);
    customers(&mut builder, "customer", rate, CUSTOMERS + WARM_UP, vec![Stmt::Io(device, None)]);
    let (_, probe) = probe(&builder.build(), 1);
    let mut changes: Vec<(u64, i64)> =
        probe.ended.iter().flat_map(|(_, arrived, ended)| [(*arrived, 1), (*ended, -1)]).collect();
    changes.sort_unstable();
    let last_arrival = probe.ended.iter().map(|ended| ended.1).max().unwrap();
    let (mut inside, mut since, mut span) = (0i64, 0u64, 0.0);
    let (mut first, mut second, mut zero) = (0.0, 0.0, 0.0);
    for (at, change) in changes.into_iter().filter(|change| change.0 <= last_arrival) {
        let time = (at - since) as f64 / UNIT;
        span += time;
        first += inside as f64 * time;
        second += (inside * inside) as f64 * time;
        zero += if inside == 0 { time } else { 0.0 };
        (inside, since) = (inside + change, at);
    }
    let mean = first / span;
    let deviation = |variance: f64| 4.0 * libm::sqrt(2.0 * variance / span);
    let expected = |key: &str| case["expected"][key].as_f64().unwrap();
    let mut tally = Tally::new(Table::Theory, "M/M/inf: number in service, its variance, chance of none; response");
    tally.compare("mean", mean, expected("mean_in_flight"), deviation(rate));
    let variance = second / span - mean * mean;
    tally.compare("variance", variance, expected("variance_in_flight"), deviation(rate + 2.0 * rate * rate));
    tally.compare("none", zero / span, expected("P_zero"), deviation(expected("P_zero")));
    // Independent exponentials: the mean of n has a deviation of 1 / sqrt(n).
    tally.compare("response", probe.mean_response(WARM_UP) / UNIT, 1.0, 4.0 / libm::sqrt(CUSTOMERS as f64));
    tally.done();
}

/// Refused customers: Erlang's B for servers without a queue, and M/M/1/K. Jobs in the system at the end of the warm-up are
/// neither counted as served nor as refused. The table gives no deviations.
#[test]
fn limited_room() {
    let run = |servers: u32, room: u32, rate: f64, seed: u64| {
        let mut builder = Builder::new(servers, Execution::Threads(servers)).native().policy(FirstCome);
        let task = customers(&mut builder, "customer", rate, CUSTOMERS, vec![cpu(exp(1.0))]);
        builder.capacity(task, room);
        let (ended, probe) = probe(&builder.build(), seed);
        let blocking = (CUSTOMERS - probe.ended.len()) as f64 / CUSTOMERS as f64;
        let throughput = probe.ended.len() as f64 * UNIT / ended.at.0 as f64;
        vec![blocking, probe.mean_response(WARM_UP / 2) / UNIT, throughput]
    };
    let mut tally = Tally::new(Table::Theory, "M/G/c/c and M/M/1/K: customers refused, response, throughput");
    for id in ["erlang-b-1-0.8", "erlang-b-10-8", "mm1K-5-rho0.8", "mm1K-10-rho1.0"] {
        let case = case(id);
        let input = |key: &str| case["inputs"][key].as_f64();
        let servers = input("servers").unwrap_or(1.0) as u32;
        let room = input("K").map_or(servers, |room| room as u32);
        let rate = input("offered").or(input("arrival_rate")).unwrap();
        let found = ten_seeds(|seed| run(servers, room, rate, seed));
        for (key, (found, tolerance)) in ["blocking", "W", "throughput"].into_iter().zip(found) {
            if let Some(expected) = case["expected"][key].as_f64() {
                tally.compare(&format!("{id} {key}"), found, expected, tolerance);
            }
        }
    }
    tally.done();
}

/// One line for four counters, against a line for each counter and a customer who picks one at random.
#[test]
fn a_shared_queue_against_private_ones() {
    let case = case("pooled-vs-partitioned-4-0.8");
    let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
    let run = |private: bool, seed: u64| {
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(FirstCome);
        let slots = if private { 1 } else { 4 };
        let counters: Vec<_> =
            (0..4 / slots).map(|n| builder.device(&format!("counter {n}"), exp(1.0), Some(slots))).collect();
        let share = 1.0 / counters.len() as f64;
        let choice = counters.iter().map(|counter| (share, vec![Stmt::Io(*counter, None)])).collect();
        customers(&mut builder, "customer", rate, CUSTOMERS + WARM_UP, vec![Stmt::Choose(choice)]);
        probe(&builder.build(), seed).1.mean_response(WARM_UP) / UNIT
    };
    let mut tally = Tally::new(Table::Theory, "one queue for four servers against four private ones: response");
    let found = ten_seeds(|seed| vec![run(false, seed), run(true, seed)]);
    for (key, (found, tolerance)) in ["W_shared", "W_private"].into_iter().zip(found) {
        tally.compare(key, found, case["expected"][key].as_f64().unwrap(), tolerance);
    }
    tally.done();
}

/// A request that needs answers of two servers, each with a queue.
#[test]
fn fork_and_join() {
    let mut tally = Tally::new(Table::Theory, "fork and join of two M/M/1 (Flatto and Hahn): response");
    for id in ["forkjoin2-rho0.5", "forkjoin2-rho0.9"] {
        let case = case(id);
        let mut builder = Builder::new(1, Execution::Asyncio).native();
        let mut steps = Vec::new();
        for name in ["first", "second"] {
            let device = builder.device(name, exp(1.0), Some(1));
            let child = builder.program(&format!("ask the {name}"), vec![Stmt::Io(device, None)]);
            steps.insert(steps.len() / 2, Stmt::Spawn(SpawnKind::Coroutine, child, 1));
            steps.push(Stmt::Join(child));
        }
        let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
        customers(&mut builder, "request", rate, CUSTOMERS + WARM_UP, steps);
        let (_, probe) = probe(&builder.build(), 1);
        let tolerance = case["tolerance_100k_4sd"]["T"].as_f64().unwrap();
        tally.compare(id, probe.mean_response(WARM_UP) / UNIT, case["expected"]["T"].as_f64().unwrap(), tolerance);
    }
    tally.done();
}

/// `gather`: the mean of the greatest of n exponential waits is the n-th harmonic number.
#[test]
fn the_slowest_of_many() {
    let mut tally = Tally::new(Table::Theory, "gather of n waits: the slowest");
    for (id, repeats) in [("gather-max-exp-10", 2_000), ("gather-max-exp-1000", 400)] {
        let case = case(id);
        let mut builder = Builder::new(1, Execution::Asyncio).native();
        let disk = builder.device("disk", exp(1.0), None);
        let child = builder.program("child", vec![Stmt::Io(disk, None)]);
        let spawn = Stmt::Spawn(SpawnKind::Coroutine, child, case["inputs"]["n"].as_u64().unwrap() as u32);
        let users = Arrivals::Closed { users: 1, think: builder.dist(Dist::ZERO) };
        builder.task("gather", Some(repeats), users, vec![], vec![spawn, Stmt::Join(child)]);
        let (_, probe) = probe(&builder.build(), 1);
        let (mean, variance) = (&case["expected"]["mean"], &case["expected"]["variance"]);
        let tolerance = 4.0 * libm::sqrt(variance.as_f64().unwrap() / f64::from(repeats));
        tally.compare(id, probe.mean_response(0) / UNIT, mean.as_f64().unwrap(), tolerance);
    }
    tally.done();
}
