//! Events per second and memory of one reference work, as a whole process:
//! `cargo run --release --example throughput [WORK] [EVENTS] [none|digest|meter|figures]`. The work `policies` is 64 cores
//! under every policy in turn, with 10,000 threads and with 100; `sockets` is work S, with 100,000 connections and with 10.

#[path = "../benches/works/mod.rs"]
mod works;

use gilsim::metrics::Meter;
use gilsim::trace::Digest;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let Some(work) = args.get(1) else {
        works::WORKS.iter().for_each(|(letter, what)| println!("{letter}  {what}"));
        println!("policies  64 cores under every policy");
        println!("coroutines  a loop with ten coroutines that work, alone and beside a million that wait");
        println!("gil  10 and 1,000 threads that compute under one GIL");
        println!("sockets  connections under epoll, many against few");
        return;
    };
    let events: u64 = args.get(2).map_or(10_000_000, |n| n.parse().expect("a number of events"));
    if work == "policies" {
        return policies(events);
    }
    if work == "coroutines" {
        return compare("coroutines on one loop", [10 + 1, 1_000_000], events, works::mostly_waiting);
    }
    if work == "gil" {
        return compare("threads under one GIL", [10, 1_000], events, works::gil_waiters);
    }
    if work == "sockets" {
        return sockets(events);
    }
    let mode = args.get(3).map_or("figures", String::as_str);
    let start = std::time::Instant::now();
    let model = works::model(work, events);
    let mut sinks = (Digest::default(), Meter::new(&model));
    let ended = match mode {
        "none" => gilsim::sim::run(&model, 1, &mut ()),
        "digest" => gilsim::sim::run(&model, 1, &mut sinks.0),
        "meter" => gilsim::sim::run(&model, 1, &mut sinks.1),
        _ => gilsim::sim::run(&model, 1, &mut sinks),
    };
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{work} {mode}: {} events in {seconds:.3} s = {:.1} M/s, {} MiB at most",
        ended.events,
        ended.events as f64 / seconds / 1e6,
        peak_kib() / 1024
    );
    let figures = sinks.1.finish(1, &ended, &sinks.0);
    println!(
        "mean response {:.4} ms, utilization {:.4}, digest {}",
        figures.response.mean / 1e6,
        figures.utilization,
        figures.digest
    );
}

/// Events per second of core time under every policy, many threads against few.
fn policies(events: u64) {
    for policy in works::policies() {
        let seconds = |threads, events| {
            let model = works::crowd(&policy, threads, events);
            let start = core_seconds();
            let ended = gilsim::sim::run(&model, 1, &mut ());
            assert_eq!(ended.events, events);
            core_seconds() - start
        };
        // The start of all the threads does not count.
        let begun = events / 4;
        let speed = |threads| (events - begun) as f64 / 1e6 / (seconds(threads, events) - seconds(threads, begun));
        let (many, few) = (speed(10_000), speed(100));
        println!("{many:5.2} M/s with 10,000 threads, {few:5.2} with 100, {:4.2} of it: {policy}", many / few);
    }
}

/// Core time for an event with many connections, against few.
fn sockets(events: u64) {
    let seconds = |connections, events| {
        let model = works::sockets(connections, events);
        let start = core_seconds();
        let ended = gilsim::sim::run(&model, 1, &mut ());
        assert_eq!(ended.events, events);
        core_seconds() - start
    };
    // To connect takes each of them about twenty events.
    let begun = 4_000_000.min(events / 2);
    let ns = |connections| 1e9 * (seconds(connections, events) - seconds(connections, begun)) / (events - begun) as f64;
    let (many, few) = (ns(100_000), ns(10));
    println!("{many:.0} ns for an event with 100,000 connections, {few:.0} with 10: {:.2} times as long", many / few);
}

/// Core time of an event with few and with many of something, without their start.
fn compare(what: &str, numbers: [u32; 2], events: u64, work: fn(u32, u64) -> gilsim::model::Model) {
    let each = numbers.map(|number| {
        // Each of them begins, and waits, before the count.
        let begun = 20 * u64::from(number) + events / 4;
        let seconds = |events: u64| {
            let model = work(number, events);
            let start = core_seconds();
            let ended = gilsim::sim::run(&model, 1, &mut ());
            assert_eq!(ended.events, events, "{number} {what}");
            core_seconds() - start
        };
        (seconds(begun + events) - seconds(begun)) * 1e9 / events as f64
    });
    let [few, many] = numbers;
    println!(
        "{what}: {:.0} ns an event with {few}, {:.0} with {many}, {:.2} times",
        each[0],
        each[1],
        each[1] / each[0]
    );
}

/// Core time of this process where `/proc` tells it, so that what else runs matters less; else nothing is known.
fn core_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).map_or(f64::NAN, |ns: f64| ns / 1e9)
}

/// Peak resident memory where `/proc` tells it, else 0.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
