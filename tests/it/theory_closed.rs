//! Queueing theory: closed systems, in which a fixed number of users think and are served.

use std::collections::BTreeMap;

use gilsim::dist::Dist;
use gilsim::id::DeviceId;
use gilsim::kernel::policy::FirstCome;
use gilsim::model::{Arrivals, Builder, Execution, Model, Stmt};
use gilsim::trace::{CpuKind, Record, Sink, What};

use crate::probe::{Probe, probe};
use crate::theory::{CUSTOMERS, UNIT, WARM_UP, case, exp};
use crate::validation::{Table, Tally};

/// Completions per unit of time after the warm-up.
fn throughput(probe: &Probe) -> f64 {
    let last = probe.ended.len() - 1;
    let span = (probe.ended[last].2 - probe.ended[WARM_UP - 1].2) as f64 / UNIT;
    (last + 1 - WARM_UP) as f64 / span
}

/// Users who think and are served: throughput and response against the machine-repair model.
#[test]
fn closed_users() {
    let mut tally = Tally::new(Table::Theory, "closed users who think (machine repair): throughput, response");
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
        let work = vec![Stmt::Cpu(CpuKind::Python, exp(input("service_mean")))];
        builder.task("user", Some((CUSTOMERS + WARM_UP) as u32), users, vec![], work);
        let (_, probe) = probe(&builder.build(), 1);
        let expected = |key: &str| case["expected"][key].as_f64().unwrap();
        let tolerance = |key: &str| case["tolerance_100k_4sd"][key].as_f64().unwrap();
        tally.compare(id, throughput(&probe), expected("X"), tolerance("X"));
        tally.compare(id, probe.mean_response(WARM_UP) / UNIT, expected("R"), tolerance("R"));
    }
    tally.done();
}

/// Stations that users visit in turn, each a device with slots; think time 1. All are devices: a thread that goes from one
/// device to the next needs a core for an instant, and would queue for it behind those who compute.
fn network(users: u32, stations: &[(Dist, u32)]) -> Model {
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(FirstCome);
    let stations: Vec<DeviceId> = stations
        .iter()
        .enumerate()
        .map(|(n, (demand, slots))| builder.device(&format!("station {n}"), demand.clone(), Some(*slots)))
        .collect();
    let think = builder.dist(exp(1.0));
    let steps = stations.into_iter().map(|station| Stmt::Io(station, None)).collect();
    builder.task("user", Some((CUSTOMERS + WARM_UP) as u32), Arrivals::Closed { users, think }, vec![], steps);
    builder.build()
}

/// Requests at each device, waiting or served, on average over the run.
#[derive(Default)]
struct Queues {
    inside: BTreeMap<DeviceId, (u64, u64, u128)>,
    end: u64,
}

impl Queues {
    fn change(&mut self, device: DeviceId, now: u64, change: i64) {
        let (inside, since, area) = self.inside.entry(device).or_default();
        *area += u128::from(*inside) * u128::from(now - *since);
        *since = now;
        *inside = inside.wrapping_add_signed(change);
        self.end = now;
    }

    fn mean(&self, station: usize) -> f64 {
        self.inside[&DeviceId(station as u32)].2 as f64 / self.end as f64
    }
}

impl Sink for Queues {
    fn record(&mut self, record: &Record) {
        match record.what {
            What::IoSubmit { device, .. } => self.change(device, record.time.0, 1),
            What::IoDone { device, .. } => self.change(device, record.time.0, -1),
            _ => {}
        }
    }
}

/// Three stations: exact mean-value analysis. The table gives no deviation for these; the tolerance is 1.5 %, above four
/// standard deviations of comparable systems in it (0.2 to 0.3 % each), and twice that for the queues.
#[test]
fn closed_networks() {
    let mut tally =
        Tally::new(Table::Theory, "closed networks (exact mean-value analysis): throughput, response, queues");
    for id in ["mva-central-N5", "mva-central-N20", "mva-central-N50"] {
        let case = case(id);
        let users = case["inputs"]["users"].as_u64().unwrap() as u32;
        let demand = |index: usize| exp(case["inputs"]["demands"][index].as_f64().unwrap());
        let model = network(users, &[0, 1, 2].map(|station| (demand(station), 1)));
        let mut sinks = (Probe::default(), Queues::default());
        gilsim::sim::run(&model, 1, &mut sinks);
        let (probe, queues) = sinks;
        let mut compare = |key: &str, found: f64, tolerance: f64| {
            let expected = case["expected"][key].as_f64().unwrap();
            tally.compare(&format!("{id} {key}"), found, expected, tolerance * expected);
        };
        compare("X", throughput(&probe), 0.015);
        compare("R", probe.mean_response(WARM_UP) / UNIT, 0.015);
        for (station, key) in ["Q_cpu", "Q_disk", "Q_net"].into_iter().enumerate() {
            compare(key, queues.mean(station), 0.03);
        }
    }
    tally.done();
}

/// A station of several servers: its rate depends on how many are there.
#[test]
fn closed_networks_with_several_servers() {
    let mut tally = Tally::new(
        Table::Theory,
        "closed networks with rates that depend on the load (convolution): throughput, response",
    );
    for id in ["closed-ld-N1", "closed-ld-N8", "closed-ld-N24", "closed-ld-N64"] {
        let case = case(id);
        let stations: Vec<(Dist, u32)> = case["inputs"]["stations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|station| (exp(station["demand"].as_f64().unwrap()), station["servers"].as_u64().unwrap() as u32))
            .collect();
        let users = case["inputs"]["users"].as_u64().unwrap() as u32;
        let (_, probe) = probe(&network(users, &stations), 1);
        let expected = |key: &str| case["expected"][key].as_f64().unwrap();
        tally.compare(&format!("{id} X"), throughput(&probe), expected("X"), 0.015 * expected("X"));
        let response = probe.mean_response(WARM_UP) / UNIT;
        tally.compare(&format!("{id} R"), response, expected("R"), 0.015 * expected("R"));
    }
    tally.done();
}
