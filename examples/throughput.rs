//! Events per second on the two reference workloads: `cargo run --release --example throughput [A|B] [events]`.
use gilsim::dist::Dist;
use gilsim::kernel::policy::{PolicyConfig, Ties};
use gilsim::metrics::Meter;
use gilsim::model::{Arrivals, Builder, Execution, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Digest};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let which = args.get(1).map_or("A", String::as_str);
    let n: u64 = args.get(2).map_or(10_000_000, |n| n.parse().expect("a number"));
    let exp = |ms| Dist::Exp { mean: Duration::ms(ms) };
    let mut b;
    if which == "A" {
        b = Builder::new(1, Execution::Serial).native().policy(PolicyConfig::FirstCome);
        let gap = Dist::Exp { mean: Duration(1_111_111) };
        b.task(
            "customer",
            Some(n as u32),
            Arrivals::Poisson { mean_gap: gap },
            vec![],
            vec![Stmt::Cpu(CpuKind::Python, exp(1))],
        );
        b.model_mut().max_events = 3 * n;
    } else {
        b = Builder::new(4, Execution::ThreadPerTask)
            .native()
            .policy(PolicyConfig::RoundRobin(Duration::ms(1), Ties::ArrivalsFirst));
        let disk = b.device("disk", exp(4), None);
        b.batch("loop", 64, vec![Stmt::Forever(vec![Stmt::Cpu(CpuKind::Python, exp(1)), Stmt::Io(disk, None)])]);
        b.model_mut().max_events = n;
    }
    let model = b.build();
    let mode = args.get(3).map_or("figures", String::as_str);
    let start = std::time::Instant::now();
    let mut sinks = (Digest::default(), Meter::new(&model));
    let ended = match mode {
        "none" => gilsim::sim::run(&model, 1, &mut ()),
        "digest" => gilsim::sim::run(&model, 1, &mut sinks.0),
        "meter" => gilsim::sim::run(&model, 1, &mut sinks.1),
        _ => gilsim::sim::run(&model, 1, &mut sinks),
    };
    let s = start.elapsed().as_secs_f64();
    println!("{which} {mode}: {} events in {s:.3} s = {:.1} M/s", ended.events, ended.events as f64 / s / 1e6);
    let figures = sinks.1.finish(1, &ended, &sinks.0);
    println!(
        "mean response {:.4} ms, utilization {:.4}, digest {}",
        figures.response.mean / 1e6,
        figures.utilization,
        figures.digest
    );
}
