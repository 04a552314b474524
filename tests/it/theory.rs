//! Queueing theory: measured means against closed forms. Tolerances are four standard deviations of the mean of a run of
//! this length, as measured over a hundred independent runs; a test fails by chance about once in 16,000.

use gilsim::dist::Dist;
use gilsim::kernel::policy::{FirstCome, LastCome, PolicyConfig};
use gilsim::model::{Arrivals, Builder, Execution, Stmt};
use gilsim::time::Duration;
use gilsim::trace::CpuKind;
use serde_json::Value;

use crate::probe::probe;

/// The mean service time of the table.
const UNIT: f64 = 1e6;
const CUSTOMERS: usize = 100_000;
const WARM_UP: usize = 10_000;

fn case(id: &str) -> Value {
    let path = format!("{}/tests/oracle/queueing.json", env!("CARGO_MANIFEST_DIR"));
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["cases"].as_array().unwrap().iter().find(|case| case["id"] == id).unwrap().clone()
}

fn time(units: f64) -> Duration {
    Duration((units * UNIT).round() as u64)
}

fn exp(mean: f64) -> Dist {
    Dist::Exp { mean: time(mean) }
}

fn cpu(dist: Dist) -> Stmt {
    Stmt::Cpu(CpuKind::Python, dist)
}

fn agrees(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance
}

fn check(what: &str, found: f64, expected: f64, tolerance: f64) {
    let off = (found - expected).abs();
    let agrees = agrees(found, expected, tolerance);
    assert!(agrees, "{what}: found {found:.4}, theory {expected:.4}, off by {off:.4} of {tolerance:.4}");
}

/// Open arrivals at first-come cores: mean response against `W` of the table.
fn open(id: &str, service: Vec<Stmt>) {
    let (found, expected, tolerance) = response(id, service, 1);
    check(id, found, expected, tolerance);
}

/// Mean response, its value in theory, and four standard deviations, for seed `seed`.
fn response(id: &str, service: Vec<Stmt>, seed: u64) -> (f64, f64, f64) {
    let case = case(id);
    let cores = case["inputs"]["servers"].as_u64().unwrap() as u32;
    let rate = case["inputs"]["arrival_rate"].as_f64().unwrap();
    let execution = if cores == 1 { Execution::Serial } else { Execution::Threads(cores) };
    let mut builder = Builder::new(cores, execution).native().policy(FirstCome);
    let arrivals = Arrivals::Poisson { mean_gap: exp(1.0 / rate) };
    builder.task("customer", Some((CUSTOMERS + WARM_UP) as u32), arrivals, vec![], service);
    let (_, probe) = probe(&builder.build(), seed);
    let tolerance = &case["tolerance_100k_4sd"];
    let tolerance = tolerance["W"].as_f64().or(tolerance["Wq"].as_f64()).unwrap();
    (probe.mean_response(WARM_UP) / UNIT, case["expected"]["W"].as_f64().unwrap(), tolerance)
}

/// The same comparison, with a server that is 5 % too slow: the tests above could have failed.
#[test]
fn a_wrong_server_is_noticed() {
    for (id, service) in [
        ("mm1-rho0.5", cpu(exp(1.05))),
        ("mmc-4-rho0.9", cpu(exp(1.05))),
        ("mg1-det-rho0.8", cpu(Dist::Const(time(1.05)))),
        // The right mean, but not the right shape.
        ("mm1-rho0.9", cpu(Dist::Const(time(1.0)))),
    ] {
        let (found, expected, tolerance) = response(id, vec![service], 1);
        assert!(!agrees(found, expected, tolerance), "{id}: {found:.4} passes for {expected:.4} +- {tolerance:.4}");
    }
}

/// Ten seeds: their mean has a third of the deviation of one, so it must lie within a third of the tolerance.
#[test]
fn seeds_scatter_around_the_theory() {
    let runs: Vec<_> =
        (1..=10).map(|seed| response("mg1-det-rho0.8", vec![cpu(Dist::Const(time(1.0)))], seed)).collect();
    let mean = runs.iter().map(|run| run.0).sum::<f64>() / 10.0;
    let (_, expected, tolerance) = runs[0];
    check("mean of ten seeds", mean, expected, tolerance / libm::sqrt(10.0));
    let distinct: std::collections::BTreeSet<u64> = runs.iter().map(|run| run.0.to_bits()).collect();
    assert_eq!(distinct.len(), 10, "seeds give different runs");
}

/// Any number of servers: everyone is served at once, and the number in service is Poisson.
#[test]
fn unlimited_servers() {
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(FirstCome);
    let device = builder.device("server", exp(1.0), None);
    let arrivals = Arrivals::Poisson { mean_gap: exp(1.0 / 5.0) };
    builder.task("customer", Some((CUSTOMERS + WARM_UP) as u32), arrivals, vec![], vec![Stmt::Io(device, None)]);
    let (_, probe) = probe(&builder.build(), 1);
    // Independent exponentials: the mean of n has a deviation of 1 / sqrt(n).
    check("M/M/inf", probe.mean_response(WARM_UP) / UNIT, 1.0, 4.0 / libm::sqrt(CUSTOMERS as f64));
}

#[test]
fn one_server() {
    open("mm1-rho0.5", vec![cpu(exp(1.0))]);
    open("mm1-rho0.9", vec![cpu(exp(1.0))]);
}

/// The last one first: the mean is that of the first one first, since neither looks at the work; the scatter is not.
#[test]
fn the_last_one_first() {
    let case = case("mm1-rho0.9");
    let mut scatter = Vec::new();
    for policy in [PolicyConfig::from(FirstCome), PolicyConfig::from(LastCome)] {
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
        let arrivals = Arrivals::Poisson { mean_gap: exp(1.0 / 0.9) };
        builder.task("customer", Some((CUSTOMERS + WARM_UP) as u32), arrivals, vec![], vec![cpu(exp(1.0))]);
        let (_, probe) = probe(&builder.build(), 1);
        let jobs = &probe.ended[WARM_UP..];
        let responses: Vec<f64> = jobs.iter().map(|(_, came, left)| (left - came) as f64 / UNIT).collect();
        let mean = responses.iter().sum::<f64>() / responses.len() as f64;
        check("M/M/1, last come", mean, 10.0, case["tolerance_100k_4sd"]["W"].as_f64().unwrap());
        let square = responses.iter().map(|time| (time - mean) * (time - mean)).sum::<f64>();
        scatter.push(square / responses.len() as f64);
    }
    // First come: (1 / (mu - lambda))^2 = 100. Last come: the second moment is larger by 1 / (1 - rho), which is 1,800 - 100.
    assert!(scatter[0] < 150.0 && scatter[1] > 800.0, "{scatter:?}");
}

#[test]
fn several_servers() {
    for id in ["mmc-2-rho0.8", "mmc-4-rho0.9", "mmc-16-rho0.9"] {
        open(id, vec![cpu(exp(1.0))]);
    }
}

#[test]
fn general_service_times() {
    open("mg1-det-rho0.8", vec![cpu(Dist::Const(time(1.0)))]);
    open("mg1-unif-rho0.8", vec![cpu(Dist::Uniform { low: Duration::ZERO, high: time(2.0) })]);
    open("mg1-erl2-rho0.8", vec![cpu(exp(0.5)), cpu(exp(0.5))]);
    // Mean 1 and squared coefficient of variation 2: sigma^2 = ln 3, median = exp(-sigma^2 / 2).
    let variance = libm::log(3.0);
    let log_normal = Dist::LogNormal { median: time(libm::exp(-variance / 2.0)), sigma: libm::sqrt(variance) };
    for id in ["mg1-logn2-rho0.5", "mg1-logn2-rho0.9"] {
        open(id, vec![cpu(log_normal.clone())]);
    }
    let p = 0.5 * (1.0 + libm::sqrt(0.6));
    let hyper =
        Stmt::Choose(vec![(p, vec![cpu(exp(1.0 / (2.0 * p)))]), (1.0 - p, vec![cpu(exp(1.0 / (2.0 * (1.0 - p))))])]);
    for id in ["mg1-H2cv4-rho0.5", "mg1-H2cv4-rho0.9"] {
        open(id, vec![hyper.clone()]);
    }
}

/// Users who think and are served: throughput and response against the machine-repair model.
#[test]
fn closed_users() {
    for id in [
        "closed-N1-Z5-D0.5-c1",
        "closed-N10-Z5-D0.5-c1",
        "closed-N50-Z5-D0.5-c1",
        "closed-N40-Z1-D0.1-c4",
        "closed-N100-Z1-D0.1-c4",
    ] {
        let case = case(id);
        let input = |key: &str| case["inputs"][key].as_f64().unwrap();
        let servers = input("servers") as u32;
        let mut builder = Builder::new(servers, Execution::Threads(servers)).native().policy(FirstCome);
        let think = builder.dist(exp(input("think_mean")));
        let users = Arrivals::Closed { users: input("users") as u32, think };
        let jobs = (CUSTOMERS + WARM_UP) as u32;
        builder.task("user", Some(jobs), users, vec![], vec![cpu(exp(input("service_mean")))]);
        let (_, probe) = probe(&builder.build(), 1);
        let span = (probe.ended[CUSTOMERS + WARM_UP - 1].2 - probe.ended[WARM_UP - 1].2) as f64 / UNIT;
        let expected = |key: &str| case["expected"][key].as_f64().unwrap();
        let tolerance = |key: &str| case["tolerance_100k_4sd"][key].as_f64().unwrap();
        check(id, CUSTOMERS as f64 / span, expected("X"), tolerance("X"));
        check(id, probe.mean_response(WARM_UP) / UNIT, expected("R"), tolerance("R"));
    }
}

/// Three stations visited in turn: exact mean-value analysis. All three are devices: a thread that goes from one device to
/// the next needs a core for an instant, and would queue for it behind those who compute. The table gives no deviation for these; the
/// tolerance is 1.5 %, above four standard deviations of comparable systems in it (0.2 to 0.3 % each).
#[test]
fn closed_networks() {
    for id in ["mva-central-N5", "mva-central-N20", "mva-central-N50"] {
        let case = case(id);
        let users = case["inputs"]["users"].as_u64().unwrap() as u32;
        let demand = |index: usize| exp(case["inputs"]["demands"][index].as_f64().unwrap());
        let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(FirstCome);
        let first = builder.device("first", demand(0), Some(1));
        let disk = builder.device("disk", demand(1), Some(1));
        let net = builder.device("net", demand(2), Some(1));
        let think = builder.dist(exp(1.0));
        let steps = vec![Stmt::Io(first, None), Stmt::Io(disk, None), Stmt::Io(net, None)];
        let jobs = (CUSTOMERS + WARM_UP) as u32;
        builder.task("user", Some(jobs), Arrivals::Closed { users, think }, vec![], steps);
        let (_, probe) = probe(&builder.build(), 1);
        let response = case["expected"]["R"].as_f64().unwrap();
        check(id, probe.mean_response(WARM_UP) / UNIT, response, 0.015 * response);
    }
}

/// `gather`: the mean of the greatest of n exponential waits is the n-th harmonic number.
#[test]
fn the_slowest_of_many() {
    let case = case("gather-max-exp-10");
    let repeats = 2_000;
    let mut builder = Builder::new(1, Execution::Asyncio).native();
    let disk = builder.device("disk", exp(1.0), None);
    let child = builder.program("child", vec![Stmt::Io(disk, None)]);
    let spawn = Stmt::Spawn(gilsim::model::SpawnKind::Coroutine, child, 10);
    let users = Arrivals::Closed { users: 1, think: builder.dist(Dist::ZERO) };
    builder.task("gather", Some(repeats), users, vec![], vec![spawn, Stmt::Join(child)]);
    let (_, probe) = probe(&builder.build(), 1);
    let (mean, variance) = (&case["expected"]["mean"], &case["expected"]["variance"]);
    let tolerance = 4.0 * libm::sqrt(variance.as_f64().unwrap() / f64::from(repeats));
    check("gather", probe.mean_response(0) / UNIT, mean.as_f64().unwrap(), tolerance);
}
