//! The reference works, for the benches and for `examples/throughput.rs`.

use gilsim::dist::Dist;
use gilsim::kernel::policy::{FirstCome, Joins, POLICIES, PolicyConfig, RoundRobin, Timer};
use gilsim::model::{Arrivals, Builder, Costs, Execution, Model, SocketAct, Stmt, Urgency};
use gilsim::net::{Config, Kind, Path};
use gilsim::scenario::load::dialect;
use gilsim::time::Duration;
use gilsim::trace::CpuKind;

/// Letter, and what the work is.
#[allow(dead_code, reason = "not everyone who includes this file lists the works")]
pub const WORKS: [(&str, &str); 8] = [
    ("A", "M/M/1 at load 0.9, first come first served, no costs"),
    ("B", "4 cores, 64 threads { CPU Exp(1 ms), IO Exp(4 ms) }, round robin, slice 1 ms"),
    ("C", "100,000 coroutines { Sleep Exp(1 s) } on one event loop"),
    ("D", "100,000 threads { Sleep Exp(1 s) } on 4 cores"),
    ("E", "work B beside 10,000 threads that sleep for an hour"),
    ("F", "4 cores, 4 threads { CPU Exp(100 ms), IO Exp(4 ms) }, slice 1 ms: nobody waits, so there are no slices"),
    ("G", "64 threads under a GIL { CPU Exp(1 ms), IO Exp(4 ms) }, Linux costs"),
    ("S", "100,000 connections under epoll { send 100 B, receive an answer after Exp(10 s) }, Linux costs"),
];

/// The work, long enough for about `events` events.
pub fn model(work: &str, events: u64) -> Model {
    let mut builder = match work {
        "A" => one_queue(events),
        "B" | "E" => many_threads(work == "E"),
        "C" => sleepers(Builder::new(1, Execution::Asyncio)),
        "D" => sleepers(Builder::new(4, Execution::ThreadPerTask)),
        "F" => tickless(),
        "G" => under_a_gil(),
        "S" => connections(100_000),
        _ => panic!("there is no work {work}: the works are A to G and S"),
    };
    // An arrival and a departure for each customer, and a margin.
    builder.model_mut().max_events = if work == "A" { 2 * events } else { events };
    builder.build()
}

/// Every policy as its example has it.
#[allow(dead_code, reason = "not everyone who includes this file compares policies")]
pub fn policies() -> impl Iterator<Item = PolicyConfig> {
    POLICIES.iter().map(|policy| dialect().from_str(policy.example).expect("an example is right"))
}

/// 64 cores under the policy, and so many threads { CPU Exp(1 ms), Sleep Exp(0.1 ms) } of all kinds: nearly all of them are
/// ready at any time.
#[allow(dead_code, reason = "not everyone who includes this file compares policies")]
pub fn crowd(policy: &PolicyConfig, threads: u32, events: u64) -> Model {
    const KINDS: u32 = 10;
    let mut builder = Builder::new(64, Execution::ThreadPerTask).native().policy(policy.clone());
    for kind in 0..KINDS {
        let round = vec![cpu(Duration::ms(1)), Stmt::Sleep(exp(Duration::us(100)))];
        let task = builder.batch(&format!("kind {kind}"), threads / KINDS, vec![Stmt::Forever(round)]);
        let urgency = Urgency {
            priority: 95 + kind,
            nice: kind as i8 - 5,
            tickets: 10 + 10 * kind,
            deadline: Some(Duration::ms(u64::from(10 + kind))),
            ..Urgency::default()
        };
        builder.urgency(task, urgency);
    }
    builder.model_mut().max_events = events;
    builder.build()
}

/// So many connections of one event loop.
#[allow(dead_code, reason = "not everyone who includes this file compares numbers of connections")]
pub fn sockets(connections: u32, events: u64) -> Model {
    let mut builder = self::connections(connections);
    builder.model_mut().max_events = events;
    builder.build()
}

/// So many coroutines on one loop that sleep for an hour, or for an hour on average.
#[allow(dead_code, reason = "not everyone who includes this file weighs coroutines")]
pub fn waiting(coroutines: u32, random: bool) -> Model {
    let hour = Duration::s(3_600);
    let sleep = Stmt::Sleep(if random { exp(hour) } else { Dist::Const(hour) });
    let mut builder = Builder::new(1, Execution::Asyncio).native();
    builder.batch("sleeper", coroutines, vec![Stmt::Forever(vec![sleep])]);
    builder.build()
}

/// So many coroutines on one loop, of which ten do all the work.
#[allow(dead_code, reason = "not everyone who includes this file compares loops")]
pub fn mostly_waiting(coroutines: u32, events: u64) -> Model {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(Costs::linux());
    builder.batch("busy", 10, vec![Stmt::Forever(vec![cpu(Duration::us(5)), Stmt::Sleep(exp(Duration::ms(1)))])]);
    builder.batch("waiting", coroutines - 10, vec![Stmt::Sleep(Dist::Const(Duration::s(360_000)))]);
    builder.model_mut().max_events = events;
    builder.build()
}

fn connections(count: u32) -> Builder {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(Costs::linux());
    let reply = builder.dist(exp(Duration::s(10)));
    let config = Config {
        path: Path { latency: Duration::ms(20), bandwidth: None },
        send_buffer: 16_384,
        recv_buffer: 131_072,
        timeout: None,
        kind: Kind::Host { reply, size: 1_000 },
    };
    let host = builder.peer("host", config, None);
    let call = |act| Stmt::Socket(host, act, None);
    let ask = vec![call(SocketAct::Send(100)), call(SocketAct::Recv(1_000))];
    builder.batch("ask", count, vec![call(SocketAct::Connect), Stmt::Forever(ask)]);
    builder
}

/// So many threads that compute under one GIL, on 4 cores: all but one wait for it, and time out each interval.
#[allow(dead_code, reason = "not everyone who includes this file compares GILs")]
pub fn gil_waiters(threads: u32, events: u64) -> Model {
    let mut builder = Builder::new(4, Execution::Threads(threads)).costs(Costs::linux());
    builder.batch("hog", threads, vec![Stmt::Forever(vec![cpu(Duration::ms(20))])]);
    builder.model_mut().max_events = events;
    builder.build()
}

fn exp(mean: Duration) -> Dist {
    Dist::Exp { mean }
}

fn cpu(mean: Duration) -> Stmt {
    Stmt::Cpu(CpuKind::Python, exp(mean))
}

fn slices() -> PolicyConfig {
    PolicyConfig::from(RoundRobin(Duration::ms(1), Joins::ArrivalsFirst, Timer::Fresh))
}

fn one_queue(events: u64) -> Builder {
    let mut builder = Builder::new(1, Execution::Serial).native().policy(FirstCome);
    let customers = u32::try_from(events / 2).expect("fewer than 2^32 customers");
    let gaps = Arrivals::Poisson { mean_gap: exp(Duration(1_111_111)) };
    builder.task("customer", Some(customers), gaps, vec![], vec![cpu(Duration::ms(1))]);
    builder
}

fn many_threads(idle: bool) -> Builder {
    let mut builder = Builder::new(4, Execution::ThreadPerTask).native().policy(slices());
    let disk = builder.device("disk", exp(Duration::ms(4)), None);
    let round = vec![cpu(Duration::ms(1)), Stmt::Io(disk, None)];
    builder.batch("loop", 64, vec![Stmt::Forever(round)]);
    if idle {
        builder.batch("idle", 10_000, vec![Stmt::Forever(vec![Stmt::Sleep(Dist::Const(Duration::s(3_600)))])]);
    }
    builder
}

fn sleepers(builder: Builder) -> Builder {
    let mut builder = builder.native();
    builder.batch("sleeper", 100_000, vec![Stmt::Forever(vec![Stmt::Sleep(exp(Duration::s(1)))])]);
    builder
}

fn tickless() -> Builder {
    let mut builder = Builder::new(4, Execution::ThreadPerTask).native().policy(slices());
    let disk = builder.device("disk", exp(Duration::ms(4)), None);
    let round = vec![cpu(Duration::ms(100)), Stmt::Io(disk, None)];
    builder.batch("loop", 4, vec![Stmt::Forever(round)]);
    builder
}

fn under_a_gil() -> Builder {
    let mut builder = Builder::new(4, Execution::Threads(64)).costs(Costs::linux());
    let disk = builder.device("disk", exp(Duration::ms(4)), None);
    let round = vec![cpu(Duration::ms(1)), Stmt::Io(disk, None)];
    builder.batch("loop", 64, vec![Stmt::Forever(round)]);
    builder
}
