//! Events per second and memory of one reference work, as a whole process:
//! `cargo run --release --example throughput [WORK] [EVENTS] [none|digest|meter|figures]`. The work `policies` is 64 cores
//! under every policy in turn, with 10,000 threads and with 100.

#[path = "../benches/works/mod.rs"]
mod works;

use gilsim::metrics::Meter;
use gilsim::trace::Digest;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let Some(work) = args.get(1) else {
        works::WORKS.iter().for_each(|(letter, what)| println!("{letter}  {what}"));
        println!("policies  64 cores under every policy");
        return;
    };
    let events: u64 = args.get(2).map_or(10_000_000, |n| n.parse().expect("a number of events"));
    if work == "policies" {
        return policies(events);
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

/// Events per second of every policy, many threads against few. The last digits depend on what else the machine does.
fn policies(events: u64) {
    for policy in works::policies() {
        let speed = |threads| {
            let model = works::crowd(&policy, threads, events);
            let start = std::time::Instant::now();
            let ended = gilsim::sim::run(&model, 1, &mut ());
            ended.events as f64 / start.elapsed().as_secs_f64() / 1e6
        };
        let (many, few) = (speed(10_000), speed(100));
        println!("{many:5.2} M/s with 10,000 threads, {few:5.2} with 100, {:4.2} of it: {policy}", many / few);
    }
}

/// Peak resident memory where `/proc` tells it, else 0.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
