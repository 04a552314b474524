//! The auditor on real runs: silent, whatever the machine and the workers.

use gilsim::audit::{Auditor, Violation};
use gilsim::dist::Dist;
use gilsim::kernel::policy::{
    Edf, Equals, InTurn, Joins, Keeps, Lottery, Mlfq, POLICIES, PolicyConfig, Priority, RateMonotonic, RoundRobin,
    SchedRr, ShortestRemainingTime, Stride, Ties, Timer, Woken,
};
use gilsim::model::{
    Act, Arrivals, Builder, Ceiling, Costs, Execution, Model, Protocol, SpawnKind, Stmt, SwitchCharged, Urgency, Value,
};
use gilsim::scenario::load::dialect;
use gilsim::sim::{self, Ended};
use gilsim::sync::{Config, Preference};
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Record, Sink};

fn us(us: u64) -> Dist {
    Dist::Const(Duration::us(us))
}

fn python(time: Dist) -> Stmt {
    Stmt::Cpu(CpuKind::Python, time)
}

/// Every kind of step that every kind of worker can do.
pub fn everything(builder: &mut Builder) {
    everything_with(builder, Protocol::None);
}

/// The same, with locks that do something against priority inversion.
fn everything_with(builder: &mut Builder, protocol: Protocol) {
    let disk = builder.device("disk", Dist::Exp { mean: Duration::us(700) }, Some(2));
    let net = builder.device("net", us(300), None);
    let lock = builder.lock("lock", false);
    let common = builder.lock("common", true);
    if protocol != Protocol::None {
        builder.protocol(lock, protocol);
        builder.protocol(common, protocol);
        let steps = vec![
            Stmt::With(common, vec![python(us(200)), Stmt::With(lock, vec![python(us(100)), Stmt::Sleep(us(90))])]),
            python(us(50)),
        ];
        let urgent = builder.task("urgent", Some(10), Arrivals::Every(Duration::us(1_100)), vec![], steps);
        builder.urgency(urgent, Urgency { priority: 1, deadline: Some(Duration::ms(2)), ..Urgency::default() });
    }
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
    builder.urgency(first, Urgency { priority: 120, deadline: Some(Duration::ms(9)), ..Urgency::default() });
    let second = builder.task(
        "second",
        Some(12),
        Arrivals::Every(Duration::us(800)),
        vec![],
        vec![Stmt::Repeat(3, vec![python(us(700)), Stmt::Sleep(us(100)), Stmt::Incr(total, 1)])],
    );
    builder.urgency(second, Urgency { priority: 3, ..Urgency::default() });
    builder.task("third", Some(4), Arrivals::AtOnce, vec![first], vec![python(us(2_000)), Stmt::Io(disk, None)]);
    builder.task(
        "fourth",
        Some(9),
        Arrivals::Poisson { mean_gap: Dist::Exp { mean: Duration::ms(2) } },
        vec![],
        vec![Stmt::Choose(vec![(0.5, vec![python(us(5_000))]), (0.3, vec![Stmt::Io(net, None)])])],
    );
}

/// Every kind of shared thing, each with somebody who has to wait.
pub fn shared_things(builder: &mut Builder) {
    let lock = builder.lock("lock", false);
    let flag = builder.var("flag", 0, false);
    let semaphore = builder.sync("semaphore", Config::Semaphore { permits: 2, bounded: true }, false);
    let event = builder.sync("event", Config::Event, false);
    let condition = builder.sync("condition", Config::Condition { lock }, false);
    let barrier = builder.sync("barrier", Config::Barrier { parties: 3 }, false);
    let queue = builder.sync("queue", Config::Queue { capacity: Some(2) }, false);
    let fair = builder.sync("fair", Config::RwLock(Preference::FirstCome), false);
    let readers = builder.sync("readers", Config::RwLock(Preference::Readers), false);
    let writers = builder.sync("writers", Config::RwLock(Preference::Writers), false);
    let again = builder.lock("again", false);
    builder.reentrant(again);
    let nested = Stmt::With(again, vec![Stmt::With(again, vec![python(us(15)), Stmt::Sleep(us(20))]), python(us(5))]);
    let read = |lock| Stmt::WithSync(lock, Act::AcquireRead, vec![python(us(70)), Stmt::Sleep(us(200))]);
    let write = |lock| Stmt::WithSync(lock, Act::Acquire, vec![python(us(60)), Stmt::Sleep(us(90))]);
    builder.batch(
        "worker",
        6,
        vec![
            python(Dist::Exp { mean: Duration::us(300) }),
            Stmt::WithSync(semaphore, Act::Acquire, vec![python(us(40)), Stmt::Sleep(us(150))]),
            Stmt::Sync(barrier, Act::Wait),
            nested,
            Stmt::Repeat(3, vec![read(fair), read(readers), read(writers), python(us(30)), read(readers)]),
            Stmt::With(lock, vec![python(us(20)), Stmt::Sync(condition, Act::Wait), Stmt::Incr(flag, 1)]),
            Stmt::Sync(event, Act::Wait),
            Stmt::Repeat(2, vec![Stmt::Get(queue, Some(flag)), python(us(50))]),
        ],
    );
    builder.batch(
        "writer",
        2,
        vec![Stmt::Repeat(9, vec![write(fair), write(readers), write(writers), python(us(10))])],
    );
    builder.batch(
        "producer",
        2,
        vec![
            Stmt::Sleep(us(9_000)),
            Stmt::Repeat(12, vec![Stmt::Add(flag, Value::Number(5)), Stmt::Put(queue, Value::Own(flag))]),
        ],
    );
    builder.batch(
        "rest",
        1,
        vec![Stmt::Sleep(us(20_000)), Stmt::Repeat(12, vec![Stmt::Get(queue, None), python(us(30))])],
    );
    builder.batch(
        "notifier",
        1,
        vec![
            Stmt::Sync(event, Act::Set),
            Stmt::Sync(event, Act::Clear),
            Stmt::Sleep(us(40_000)),
            Stmt::With(lock, vec![Stmt::Sync(condition, Act::Notify(1)), Stmt::Sync(condition, Act::Notify(2))]),
            Stmt::Sleep(us(5_000)),
            Stmt::With(lock, vec![Stmt::Sync(condition, Act::Notify(u32::MAX))]),
            Stmt::Sleep(us(4_000)),
            Stmt::Sync(event, Act::Set),
        ],
    );
}

pub const EXECUTIONS: [Execution; 10] = [
    Execution::InterpreterPool(Some(3)),
    Execution::Subinterpreters(3),
    Execution::Serial,
    Execution::Threads(3),
    Execution::ThreadPerTask,
    Execution::Processes(3),
    Execution::Asyncio,
    Execution::FreeThreaded(3),
    Execution::HybridAsyncio { processes: 2 },
    Execution::HybridThreads { processes: 2, threads: 2 },
];

/// All policies as their examples have them, and with other settings.
pub fn policies() -> Vec<PolicyConfig> {
    let (arrival, queue) = (Equals::ByArrival, Equals::ByQueue);
    let examples = POLICIES.iter().map(|policy| dialect().from_str(policy.example).unwrap());
    let others = [
        RoundRobin(Duration::us(50), Joins::ArrivalsFirst, Timer::Fresh).into(),
        RoundRobin(Duration::ms(1), Joins::PreemptedFirst, Timer::Fresh).into(),
        RoundRobin(Duration::us(300), Joins::ArrivalsFirst, Timer::Inherited).into(),
        InTurn { woken: Woken::AtOnce }.into(),
        ShortestRemainingTime { equals: queue, ..Default::default() }.into(),
        Priority { preemptive: true, equals: arrival, ..Default::default() }.into(),
        Priority { preemptive: false, equals: queue, ..Default::default() }.into(),
        RateMonotonic { equals: queue, ..Default::default() }.into(),
        SchedRr { slice: Duration::us(600), throttle: None }.into(),
        Lottery(Duration::us(700), vec![3, 1 << 40]).into(),
        Stride(Duration::us(700), queue).into(),
        levels(false, Ties::PreemptedFirst),
        levels(true, Ties::ArrivalsFirst),
        Edf { keeps: Keeps::Newcomer, ..Default::default() }.into(),
        Priority { keeps: Keeps::Newcomer, equals: queue, ..Default::default() }.into(),
    ];
    examples.chain(others).collect()
}

/// Multi-level feedback, with all its rules or with none.
fn levels(all: bool, ties: Ties) -> PolicyConfig {
    let levels = Mlfq {
        quanta: vec![Duration::us(300), Duration::ms(1), Duration::ms(2)],
        allotments: if all { vec![2, 1, 3] } else { vec![] },
        boost: all.then_some(Duration::ms(7)),
        refill_after_wait: all,
        front_after_wait: all,
        ties,
    };
    levels.into()
}

#[test]
fn a_policy_reads_as_it_prints() {
    for policy in policies() {
        assert_eq!(dialect().from_str(&policy.to_string()), Ok(policy));
    }
}

/// What neither of the two sets of costs charges.
fn other_costs() -> Costs {
    Costs { completion: Duration::us(3), switch_charged: SwitchCharged::Always, ..Costs::linux() }
}

/// What the auditor finds in a run.
pub fn audit(model: &Model, records: &[Record], ended: &Ended) -> Vec<Violation> {
    let mut auditor = Auditor::new(model);
    for record in records {
        auditor.record(record);
    }
    auditor.finish(ended)
}

/// A run with all its records.
pub fn run(model: &Model, seed: u64) -> (Vec<Record>, Ended) {
    let mut records = Vec::new();
    let ended = sim::run(model, seed, &mut records);
    (records, ended)
}

/// Costs and protocols of locks, which have an effect under policies with an order only.
fn settings(policy: &PolicyConfig) -> Vec<(Costs, Protocol)> {
    let costs = [Costs::zero(), Costs::linux(), other_costs()];
    let mut settings = costs.map(|costs| (costs, Protocol::None)).to_vec();
    if policy.promises().order.is_some() {
        let ceiling = Protocol::Ceiling(Ceiling::default());
        settings.extend([
            (Costs::zero(), Protocol::Inherit),
            (Costs::zero(), ceiling),
            (Costs::linux(), Protocol::Inherit),
        ]);
    }
    settings
}

#[test]
fn real_runs_break_no_rule() {
    let mut loud = Vec::new();
    for execution in EXECUTIONS {
        for policy in policies() {
            for (costs, protocol) in settings(&policy) {
                for cores in [1, 3] {
                    let mut builder = Builder::new(cores, execution).policy(policy.clone()).costs(costs.clone());
                    everything_with(&mut builder, protocol);
                    let model = builder.build();
                    let (records, ended) = run(&model, u64::from(cores));
                    let found = audit(&model, &records, &ended);
                    if let Some(first) = found.first() {
                        let costly = costs != Costs::zero();
                        let at = first.record as usize;
                        loud.push(format!(
                            "{execution} {policy:?} {cores} costs {costly} {} {}: {first}\n  {:#?}",
                            ended.outcome.word(),
                            found.len(),
                            &records
                                .get(at.saturating_sub(6)..(at + 3).min(records.len()))
                                .unwrap_or(&[])
                                .iter()
                                .map(|r| format!("{} {:?}", r.time.0, r.what))
                                .collect::<Vec<_>>(),
                        ));
                    }
                }
            }
        }
    }
    assert!(loud.is_empty(), "{} runs break rules:\n{}", loud.len(), loud.join("\n"));
}

/// Every kind of shared thing, under every policy, whoever uses it: all get through, and no rule is broken.
#[test]
fn all_get_through_every_kind_of_shared_thing() {
    let executions =
        [Execution::Threads(12), Execution::ThreadPerTask, Execution::Asyncio, Execution::FreeThreaded(12)];
    let mut loud = Vec::new();
    for (execution, policy, cores) in
        executions.iter().flat_map(|e| policies().into_iter().flat_map(|p| [1, 3].map(|cores| (*e, p.clone(), cores))))
    {
        for costs in [Costs::zero(), Costs::linux()] {
            let mut builder = Builder::new(cores, execution).policy(policy.clone()).costs(costs);
            shared_things(&mut builder);
            let model = builder.build();
            let (records, ended) = run(&model, u64::from(cores));
            let found = audit(&model, &records, &ended);
            if ended.outcome.word() != "finished" || !found.is_empty() {
                let said = ended.outcome.explanation();
                loud.push(format!("{execution} {policy:?} {cores}: {said:?} {:?}", found.first()));
            }
        }
    }
    assert!(loud.is_empty(), "{} runs:\n{}", loud.len(), loud.join("\n"));
}

/// A worker's next job joins what that job spawned, not what an earlier one left behind.
#[test]
fn a_job_joins_its_own_children() {
    for execution in [Execution::Serial, Execution::Threads(2), Execution::Processes(2)] {
        let mut builder = Builder::new(2, execution);
        let program = builder.program("p", vec![Stmt::Sleep(Dist::Exp { mean: Duration::ms(50) })]);
        let spawn = |count| Stmt::Spawn(SpawnKind::Thread, program, count);
        builder.batch("a", 6, vec![spawn(2), Stmt::Join(program), spawn(3)]);
        let model = builder.build();
        let (records, ended) = run(&model, 1);
        assert_eq!((ended.outcome.word(), audit(&model, &records, &ended)), ("finished", Vec::new()), "{execution}");
    }
}
