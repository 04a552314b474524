#![allow(clippy::all, clippy::disallowed_types)]
use gilsim::dist::Dist;
use gilsim::kernel::policy::{PolicyConfig, Ties};
use gilsim::model::{Arrivals, Builder, Costs, Execution, Model, SpawnKind, Stmt};
use gilsim::sim;
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Record, Sink};

fn us(us: u64) -> Dist {
    Dist::Const(Duration::us(us))
}

fn python(time: Dist) -> Stmt {
    Stmt::Cpu(CpuKind::Python, time)
}

/// Every kind of step that every kind of worker can do.
fn everything(builder: &mut Builder) {
    let disk = builder.device("disk", Dist::Exp { mean: Duration::us(700) }, Some(2));
    let net = builder.device("net", us(300), None);
    let lock = builder.lock("lock", false);
    let common = builder.lock("common", true);
    let count = builder.var("count", 7, false);
    let total = builder.var("total", 0, true);
    let child = builder.program("child", vec![python(us(150)), Stmt::Io(net, None), Stmt::Incr(count, 1)]);
    let first = builder.batch(
        "first",
        6,
        vec![
            python(Dist::Exp { mean: Duration::ms(3) }),
            Stmt::Io(disk, None),
            Stmt::With(lock, vec![Stmt::Incr(count, 1), Stmt::Io(net, None), python(us(40))]),
            Stmt::Cpu(CpuKind::NoGil, us(900)),
            Stmt::Yield,
            Stmt::Cpu(CpuKind::HoldGil, us(6_500)),
            Stmt::Spawn(SpawnKind::Thread, child, 2),
            Stmt::Sleep(us(250)),
            Stmt::Join(child),
            Stmt::With(common, vec![Stmt::Incr(total, 2), python(us(500))]),
            Stmt::Blocking(vec![Stmt::Io(net, None)]),
            Stmt::Print("done".to_owned()),
        ],
    );
    builder.task(
        "second",
        Some(12),
        Arrivals::Every(Duration::us(800)),
        vec![],
        vec![Stmt::Repeat(3, vec![python(us(700)), Stmt::Sleep(us(100)), Stmt::Incr(total, 1)])],
    );
    builder.task("third", Some(4), Arrivals::AtOnce, vec![first], vec![python(us(2_000)), Stmt::Io(disk, None)]);
    builder.task(
        "fourth",
        Some(9),
        Arrivals::Poisson { mean_gap: Dist::Exp { mean: Duration::ms(2) } },
        vec![],
        vec![Stmt::Choose(vec![(0.5, vec![python(us(5_000))]), (0.3, vec![Stmt::Io(net, None)])])],
    );
}

const EXECUTIONS: [Execution; 8] = [
    Execution::Serial,
    Execution::Threads(3),
    Execution::ThreadPerTask,
    Execution::Processes(3),
    Execution::Asyncio,
    Execution::FreeThreaded(3),
    Execution::HybridAsyncio { processes: 2 },
    Execution::HybridThreads { processes: 2, threads: 2 },
];

fn policies() -> [PolicyConfig; 6] {
    [
        PolicyConfig::RoundRobin(Duration::ms(4), Ties::ArrivalsFirst),
        PolicyConfig::RoundRobin(Duration::us(50), Ties::ArrivalsFirst),
        PolicyConfig::RoundRobin(Duration::ms(1), Ties::PreemptedFirst),
        PolicyConfig::FirstCome,
        PolicyConfig::Cooperative,
        PolicyConfig::Fair,
    ]
}

use gilsim::metrics::Meter;
use gilsim::trace::Digest;
use std::hash::{Hash, Hasher};

struct Text(std::collections::hash_map::DefaultHasher, u64);
impl Sink for Text {
    fn record(&mut self, record: &Record) {
        use std::fmt::Write;
        struct W<'a>(&'a mut std::collections::hash_map::DefaultHasher);
        impl Write for W<'_> {
            fn write_str(&mut self, s: &str) -> std::fmt::Result {
                self.0.write(s.as_bytes());
                Ok(())
            }
        }
        write!(W(&mut self.0), "{record:?}").unwrap();
        self.1 += 1;
    }
}

fn one(name: &str, model: &Model, seed: u64) {
    let mut sinks = (Text(Default::default(), 0), (Digest::default(), Meter::new(model)));
    let ended = sim::run(model, seed, &mut sinks);
    let n = sinks.0.1;
    let text = sinks.0.0.finish();
    let mut figures = sinks.1.1.finish(seed, &ended, &sinks.1.0);
    figures.digest = String::new();
    let mut h = std::collections::hash_map::DefaultHasher::new();
    serde_json::to_string(&figures).unwrap().hash(&mut h);
    println!("{name} {n} {text:016x} {:016x} {} {}", h.finish(), ended.events, ended.outcome.word());
}

fn main() {
    let e = |ms| Dist::Exp { mean: Duration::ms(ms) };
    for execution in EXECUTIONS {
        for (i, policy) in policies().into_iter().enumerate() {
            for (c, costs) in [Costs::zero(), Costs::linux()].into_iter().enumerate() {
                for cores in [1, 3] {
                    let mut builder = Builder::new(cores, execution).policy(policy.clone()).costs(costs.clone());
                    everything(&mut builder);
                    one(&format!("{execution} {i} {c} {cores}"), &builder.build(), u64::from(cores));
                }
            }
        }
    }
    for (i, policy) in policies().into_iter().enumerate() {
        let mut b = Builder::new(4, Execution::ThreadPerTask).native().policy(policy.clone());
        let disk = b.device("disk", e(4), None);
        b.batch("loop", 64, vec![Stmt::Forever(vec![python(e(1)), Stmt::Io(disk, None)])]);
        b.model_mut().max_events = 60_000;
        one(&format!("B {i}"), &b.build(), 1);
        let mut b = Builder::new(2, Execution::Serial).policy(policy.clone());
        b.task(
            "customer",
            Some(40_000),
            Arrivals::Poisson { mean_gap: Dist::Exp { mean: Duration(1_111_111) } },
            vec![],
            vec![python(e(1))],
        );
        one(&format!("A {i}"), &b.build(), 1);
        let mut b = Builder::new(2, Execution::ThreadPerTask).policy(policy.clone()).costs(Costs::linux());
        b.task(
            "customer",
            Some(4_000),
            Arrivals::Poisson { mean_gap: Dist::Exp { mean: Duration(1_111_111) } },
            vec![],
            vec![python(e(1))],
        );
        one(&format!("T {i}"), &b.build(), 1);
        let mut b = Builder::new(2, Execution::Asyncio).policy(policy.clone()).costs(Costs::linux());
        b.batch("sleep", 3_000, vec![Stmt::Forever(vec![Stmt::Sleep(e(1000))])]);
        b.model_mut().max_events = 60_000;
        one(&format!("C {i}"), &b.build(), 1);
        let mut b =
            Builder::new(8, Execution::Threads(300)).policy(policy).costs(Costs::linux()).until(Duration::s(30));
        let disk = b.device("disk", e(4), Some(9));
        b.batch("loop", 300, vec![Stmt::Forever(vec![python(e(1)), Stmt::Io(disk, None), Stmt::Sleep(e(20))])]);
        one(&format!("G {i}"), &b.build(), 1);
    }
}
