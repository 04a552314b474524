//! How fast the simulator is: the reference works, and the queue of pending events by itself.
//!
//! Seconds mean little on a machine that others use, so the last table gives every time as a multiple of a reference
//! loop that runs in turn with it: a hold (the first event leaves, a later one comes) on a standard heap of packed keys with
//! a hundred pending. Guard against a slower simulator by these ratios.

mod works;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use gilsim::choice::First;
use gilsim::engine::Queue;
use gilsim::metrics::Meter;
use gilsim::model::Model;
use gilsim::rng::Stream;
use gilsim::sim::Sim;
use gilsim::time::Time;
use gilsim::trace::Digest;

const EVENTS: u64 = 300_000;
const HOLDS: u64 = 300_000;
const PENDING: [usize; 3] = [100, 10_000, 1_000_000];
const ROUNDS: usize = 9;
/// Threads on 64 cores.
const CROWDS: [u32; 2] = [100, 10_000];

/// What must not cost more per event where there are many of it: few, many, and the work.
type Many = (&'static str, [u32; 2], fn(u32, u64) -> Model);
const MANY: [Many; 3] = [
    ("threads that wait for a GIL", [10, 1_000], works::gil_waiters),
    ("coroutines on a loop", [11, 1_000_000], works::mostly_waiting),
    ("sockets under epoll", [10, 100_000], works::sockets),
];

/// Random times between a key and the one that replaces it, made beforehand: the loop measures the queue.
fn gaps() -> Vec<u64> {
    let mut stream = Stream::new(1, 1);
    (0..1 << 16).map(|_| stream.draw() >> 44).collect()
}

/// The reference: seconds for so many holds on a standard heap with a hundred pending.
fn reference(gaps: &[u64], holds: u64) -> Duration {
    let mut heap: BinaryHeap<Reverse<u128>> =
        (0..100).map(|n| Reverse(u128::from(gaps[n]) << 64 | n as u128)).collect();
    let start = Instant::now();
    for n in 0..holds {
        let Reverse(key) = heap.pop().expect("a hundred keys");
        let gap = gaps[n as usize % gaps.len()];
        heap.push(Reverse((((key >> 64) + u128::from(gap)) << 64) | u128::from(n)));
    }
    black_box(&heap);
    start.elapsed()
}

/// The same on the simulator's queue.
fn hold(queue: &mut Queue, gaps: &[u64], holds: u64) -> Duration {
    let start = Instant::now();
    for n in 0..holds {
        let key = queue.pop().expect("there are keys");
        let gap = gaps[n as usize % gaps.len()];
        queue.push((((key >> 64) + u128::from(gap)) << 64) | u128::from(n));
    }
    start.elapsed()
}

fn filled(gaps: &[u64], pending: usize) -> Queue {
    let mut queue = Queue::default();
    (0..pending).for_each(|n| queue.push(u128::from(gaps[n % gaps.len()]) << 64 | n as u128));
    queue
}

/// One run with figures and digest, trace off.
fn run(model: &Model) -> Duration {
    let mut sinks = (Digest::default(), Meter::new(model));
    let start = Instant::now();
    black_box(gilsim::sim::run(model, 1, &mut sinks));
    start.elapsed()
}

/// All of them have begun, and wait.
fn begin(sim: &mut Sim<'_, (), First>) -> Time {
    let now = Time(30_000_000_000);
    sim.advance_to(now);
    now
}

/// The time of so many more events of a run under way.
fn advance(sim: &mut Sim<'_, (), First>, now: &mut Time, events: u64) -> Duration {
    let (start, first) = (Instant::now(), sim.events());
    let mut step = gilsim::time::Duration::ms(1);
    while sim.events() - first < events {
        let before = sim.events();
        *now = *now + step;
        sim.advance_to(*now);
        if sim.events() - before < 1_000 {
            step += step;
        }
    }
    start.elapsed().mul_f64(events as f64 / (sim.events() - first) as f64)
}

fn criterion_benches(criterion: &mut Criterion) {
    let gaps = gaps();
    let mut group = criterion.benchmark_group("work");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for (work, _) in works::WORKS {
        let model = works::model(work, EVENTS);
        group.bench_function(work, |bencher| bencher.iter_custom(|n| (0..n).map(|_| run(&model)).sum()));
    }
    group.finish();
    let mut group = criterion.benchmark_group("policy");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for policy in works::policies() {
        for threads in CROWDS {
            let model = works::crowd(&policy, threads, EVENTS);
            group.bench_function(BenchmarkId::new(policy.to_string(), threads), |bencher| {
                bencher.iter_custom(|n| (0..n).map(|_| run(&model)).sum());
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("many");
    group.sample_size(10).throughput(Throughput::Elements(EVENTS));
    for (what, numbers, make) in MANY {
        for number in numbers {
            let model = make(number, u64::MAX);
            let (mut nothing, mut first) = ((), First);
            let mut sim = Sim::start(&model, 1, &mut nothing, &mut first);
            let mut now = begin(&mut sim);
            group.bench_function(BenchmarkId::new(what, number), |bencher| {
                bencher.iter_custom(|n| advance(&mut sim, &mut now, n * EVENTS));
            });
        }
    }
    group.finish();
    let mut group = criterion.benchmark_group("hold");
    group.sample_size(10).throughput(Throughput::Elements(1));
    group.bench_function("reference", |bencher| bencher.iter_custom(|n| reference(&gaps, n)));
    for pending in PENDING {
        let mut queue = filled(&gaps, pending);
        group.bench_function(BenchmarkId::new("queue", pending), |bencher| {
            bencher.iter_custom(|n| hold(&mut queue, &gaps, n));
        });
    }
    group.finish();
}

/// Medians of the rounds: a time of `what` over a time of the reference, both per event; and events a second.
#[derive(Clone, Copy)]
struct Speed {
    ratio: f64,
    rate: f64,
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:6.2}  {:6.2} M/s", self.ratio, self.rate / 1e6)
    }
}

fn speed(gaps: &[u64], mut what: impl FnMut() -> (Duration, u64)) -> Speed {
    let (mut ratios, mut rates): (Vec<f64>, Vec<f64>) = (0..ROUNDS)
        .map(|_| {
            let base = reference(gaps, HOLDS).as_secs_f64() / HOLDS as f64;
            let (time, events) = what();
            let each = time.as_secs_f64() / events as f64;
            (each / base, 1.0 / each)
        })
        .unzip();
    ratios.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    Speed { ratio: ratios[ROUNDS / 2], rate: rates[ROUNDS / 2] }
}

fn ratios() {
    let gaps = gaps();
    println!(
        "\nTime of an event as a multiple of a hold on a standard heap with a hundred pending, and events a second:"
    );
    for (work, what) in works::WORKS {
        let model = works::model(work, EVENTS);
        println!("{}  {work}: {what}", speed(&gaps, || (run(&model), EVENTS)));
    }
    for policy in works::policies() {
        for threads in CROWDS {
            let model = works::crowd(&policy, threads, EVENTS);
            println!("{}  64 cores, {threads} threads, {policy}", speed(&gaps, || (run(&model), EVENTS)));
        }
    }
    for (what, [few, many], make) in MANY {
        let [few_time, many_time] = [few, many].map(|number| {
            let model = make(number, u64::MAX);
            let (mut nothing, mut first) = ((), First);
            let mut sim = Sim::start(&model, 1, &mut nothing, &mut first);
            let mut now = begin(&mut sim);
            speed(&gaps, || (advance(&mut sim, &mut now, EVENTS), EVENTS))
        });
        println!("{many_time}  {many} {what}: {:.2} times as long as {few}", many_time.ratio / few_time.ratio);
    }
    for pending in PENDING {
        let mut queue = filled(&gaps, pending);
        println!("{}  a hold with {pending} pending", speed(&gaps, || (hold(&mut queue, &gaps, HOLDS), HOLDS)));
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    criterion_benches(&mut criterion);
    criterion.final_summary();
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|arg| arg == "--bench") {
        ratios();
    }
}
