//! Random models of every kind: what must hold for all of them.

use std::collections::BTreeMap;

use gilsim::choice::First;
use gilsim::dist::Dist;
use gilsim::id::{DeviceId, LockId, ProgramId, TaskId, ThreadId, VarId};
use gilsim::kernel::policy::{FirstCome, Joins, PolicyConfig, RoundRobin, Timer};
use gilsim::metrics::Meter;
use gilsim::metrics::figures::StateTimes;
use gilsim::model::{
    Arrivals, Builder, Comparison, Condition, Costs, Execution, Model, Parking, SpawnKind, Stmt, Urgency, Value,
};
use gilsim::runtime::gil::Rules;
use gilsim::sim::{self, Ended, Outcome, Sim};
use gilsim::time::{Duration, Time};
use gilsim::trace::{CpuKind, Digest, On, Record, What};
use proptest::prelude::*;

use crate::real_runs::{EXECUTIONS, audit, policies, run};

/// A model before it is built: everything in it can be scaled and renamed.
#[derive(Clone, Debug)]
pub struct Spec {
    execution: Execution,
    policy: PolicyConfig,
    cores: u32,
    costs: Costs,
    interval: u64,
    pub seed: u64,
    until: Option<u64>,
    child: Vec<Step>,
    tasks: Vec<(u32, Arrival, Vec<Step>)>,
    /// Whether a task waits for the one before it.
    chained: bool,
}

#[derive(Clone, Debug)]
enum Arrival {
    AtOnce,
    Every(u64),
    Poisson(u64),
    Closed(u32, Time3),
    Recorded(Vec<u64>),
}

/// A time in microseconds, constant or random.
#[derive(Clone, Copy, Debug)]
enum Time3 {
    Const(u64),
    Exp(u64),
    Uniform(u64),
}

#[derive(Clone, Debug)]
enum Step {
    Cpu(CpuKind, Time3),
    Io(u32, Option<Time3>),
    Sleep(Time3),
    Yield,
    Incr(u32),
    With(u32, Vec<Step>),
    Repeat(u32, Vec<Step>),
    Choose(Vec<Step>, Vec<Step>),
    FetchAdd(u32),
    Swap(u32),
    If(u32, Vec<Step>, Vec<Step>),
    Until(Vec<Step>),
    Spawn(u32, bool),
    Blocking(Vec<Step>),
    Print,
}

/// What is changed when a model is built from its description.
#[derive(Clone, Copy)]
pub struct Change {
    scale: u64,
    prefix: &'static str,
    idle_entities: bool,
}

pub const PLAIN: Change = Change { scale: 1, prefix: "", idle_entities: false };

/// The policy with all its times multiplied, by way of how a scenario writes it.
fn scaled(policy: &PolicyConfig, scale: u64) -> PolicyConfig {
    let text = policy.to_string();
    let parts = text.split('"').enumerate().map(|(place, part)| match Duration::parse(part) {
        Ok(time) if place % 2 == 1 => format!("\"{}ns\"", time.0 * scale),
        _ => part.to_owned(),
    });
    gilsim::scenario::load::dialect().from_str(&parts.collect::<String>()).unwrap()
}

impl Spec {
    pub fn build(&self, change: Change) -> Model {
        let us = |us: u64| Duration::us(us * change.scale);
        let mut builder = Builder::new(self.cores, self.execution).costs(self.costs.clone());
        builder = builder.policy(scaled(&self.policy, change.scale));
        builder.model_mut().interpreter.gil = Some(Rules::switching(us(self.interval)));
        builder.model_mut().interpreter.increment.0 *= change.scale;
        if let Parking::Mutex { fair_after } = &mut builder.model_mut().interpreter.parking {
            fair_after.0 *= change.scale;
        }
        builder.model_mut().until = self.until.map(us);
        let name = |name: &str| format!("{}{name}", change.prefix);
        builder.device(&name("disk"), Dist::Const(us(700)), Some(2));
        builder.device(&name("net"), Dist::Const(us(300)), None);
        builder.lock(&name("lock"), false);
        builder.lock(&name("common"), true);
        builder.var(&name("count"), 0, false);
        builder.var(&name("total"), 0, true);
        builder.var(&name("rounds"), 0, false);
        let child = builder.program(&name("child"), self.steps(&self.child, change));
        debug_assert_eq!(child, CHILD);
        for (index, (count, arrival, steps)) in self.tasks.iter().enumerate() {
            let arrivals = match arrival {
                Arrival::AtOnce => Arrivals::AtOnce,
                Arrival::Every(period) => Arrivals::Every(us(*period)),
                Arrival::Poisson(mean) => Arrivals::Poisson { mean_gap: Dist::Exp { mean: us(*mean) } },
                Arrival::Closed(users, think) => {
                    Arrivals::Closed { users: *users, think: builder.dist(think.dist(change.scale)) }
                }
                Arrival::Recorded(gaps) => {
                    let mut at = 0;
                    let times = gaps.iter().map(|gap| {
                        at += gap;
                        us(at)
                    });
                    Arrivals::Recorded(times.collect())
                }
            };
            let steps = self.steps(steps, change);
            let waits = self.chained && arrivals == Arrivals::AtOnce && index > 0;
            let after =
                if waits && self.tasks[index - 1].1.is_finite() { vec![TaskId(index as u32 - 1)] } else { vec![] };
            let task = builder.task(&name(&format!("task {index}")), Some(*count), arrivals, after, steps);
            builder.urgency(task, self.urgency(index as u64, change));
        }
        if change.idle_entities {
            builder.device("unused device", Dist::Exp { mean: us(1) }, Some(1));
            builder.lock("unused lock", true);
            builder.var("unused variable", 1, true);
            builder.batch("no jobs", 0, vec![Stmt::Cpu(CpuKind::Python, Dist::Exp { mean: us(5) })]);
        }
        builder.build()
    }

    /// Whatever comes out of the seed.
    fn urgency(&self, task: u64, change: Change) -> Urgency {
        let bits = gilsim::rng::numbered(self.seed, task);
        Urgency {
            priority: (bits % 4) as u32 * 50,
            nice: (bits >> 8 & 31) as i8 - 16,
            // Passes of `Stride` divide evenly by these, so that times scale.
            tickets: (bits >> 16) as u32 % 40 + 1,
            slice: None,
            deadline: (bits >> 24 & 1 == 0).then(|| Duration::us((1 + (bits >> 25 & 7)) * 500 * change.scale)),
        }
    }

    fn steps(&self, steps: &[Step], change: Change) -> Vec<Stmt> {
        let mut built = Vec::new();
        for step in steps {
            match step {
                Step::Cpu(kind, time) => built.push(Stmt::Cpu(*kind, time.dist(change.scale))),
                Step::Io(device, time) => {
                    built.push(Stmt::Io(DeviceId(*device), time.map(|time| time.dist(change.scale))));
                }
                Step::Sleep(time) => built.push(Stmt::Sleep(time.dist(change.scale))),
                Step::Yield => built.push(Stmt::Yield),
                Step::Incr(var) => built.push(Stmt::Incr(VarId(*var), 1)),
                Step::With(lock, body) => built.push(Stmt::With(LockId(*lock), self.steps(body, change))),
                Step::Repeat(times, body) => built.push(Stmt::Repeat(*times, self.steps(body, change))),
                Step::Choose(one, other) => {
                    built.push(Stmt::Choose(vec![(0.5, self.steps(one, change)), (0.3, self.steps(other, change))]));
                }
                Step::Spawn(count, process) => {
                    let event_loop = matches!(self.execution, Execution::Asyncio | Execution::HybridAsyncio { .. });
                    let kind = match process {
                        true => SpawnKind::Process,
                        false if event_loop => SpawnKind::Coroutine,
                        false => SpawnKind::Thread,
                    };
                    built.extend([Stmt::Spawn(kind, CHILD, *count), Stmt::Join(CHILD)]);
                }
                Step::Blocking(body) => built.push(Stmt::Blocking(self.steps(body, change))),
                Step::FetchAdd(var) => built.push(Stmt::FetchAdd(VarId(*var), 2.into())),
                Step::Swap(var) => built.push(Stmt::Swap(VarId(*var), Value::Own(VarId(*var)))),
                Step::If(var, body, otherwise) => {
                    let less = Condition::Read(VarId(*var), Comparison::Below, 5.into());
                    built.push(Stmt::If(less, self.steps(body, change), self.steps(otherwise, change)));
                }
                Step::Until(body) => {
                    let rounds = || Value::Own(ROUNDS);
                    let mut body = self.steps(body, change);
                    body.push(Stmt::Add(ROUNDS, 1.into()));
                    let twice = Condition::Compare(rounds(), Comparison::AtLeast, 2.into());
                    built.extend([Stmt::Let(ROUNDS, 0.into()), Stmt::RepeatUntil(twice, body)]);
                }
                Step::Print => built.push(Stmt::Print("here".to_owned())),
            }
        }
        built
    }
}

/// Counts the rounds of loops in every context's own copy.
const ROUNDS: VarId = VarId(2);
const CHILD: ProgramId = ProgramId(0);

impl Arrival {
    /// Whether all of its jobs come for sure, so that another task can wait for them.
    fn is_finite(&self) -> bool {
        !matches!(self, Arrival::Recorded(_))
    }
}

impl Time3 {
    fn dist(self, scale: u64) -> Dist {
        match self {
            Time3::Const(us) => Dist::Const(Duration::us(us * scale)),
            Time3::Exp(us) => Dist::Exp { mean: Duration::us(us * scale) },
            Time3::Uniform(us) => Dist::Uniform { low: Duration::ZERO, high: Duration::us(us * scale) },
        }
    }
}

fn time(random: bool) -> BoxedStrategy<Time3> {
    let constant = (0..3_000u64).prop_map(Time3::Const);
    match random {
        false => constant.boxed(),
        true => prop_oneof![
            2 => constant,
            1 => (1..2_000u64).prop_map(Time3::Exp),
            1 => (1..2_000u64).prop_map(Time3::Uniform),
        ]
        .boxed(),
    }
}

fn leaf(random: bool) -> BoxedStrategy<Step> {
    let kind = prop_oneof![
        4 => Just(CpuKind::Python),
        1 => Just(CpuKind::NoGil),
        1 => Just(CpuKind::HoldGil),
    ];
    prop_oneof![
        4 => (kind, time(random)).prop_map(|(kind, time)| Step::Cpu(kind, time)),
        2 => (0..2u32, proptest::option::of(time(random))).prop_map(|(device, time)| Step::Io(device, time)),
        1 => time(random).prop_map(Step::Sleep),
        1 => Just(Step::Yield),
        1 => (0..2u32).prop_map(Step::Incr),
        1 => (0..2u32).prop_map(Step::FetchAdd),
        1 => (0..2u32).prop_map(Step::Swap),
        1 => Just(Step::Print),
    ]
    .boxed()
}

fn steps(random: bool) -> BoxedStrategy<Vec<Step>> {
    let leaves = || proptest::collection::vec(leaf(random), 1..4);
    let choose = match random {
        true => (leaves(), leaves()).prop_map(|(one, other)| Step::Choose(one, other)).boxed(),
        false => leaves().prop_map(|body| Step::Repeat(2, body)).boxed(),
    };
    let step = prop_oneof![
        6 => leaf(random),
        1 => (0..2u32, leaves()).prop_map(|(lock, body)| Step::With(lock, body)),
        1 => (1..4u32, leaves()).prop_map(|(times, body)| Step::Repeat(times, body)),
        1 => choose,
        1 => (0..2u32, leaves(), leaves()).prop_map(|(var, body, other)| Step::If(var, body, other)),
        1 => leaves().prop_map(Step::Until),
        1 => (1..3u32, any::<bool>()).prop_map(|(count, process)| Step::Spawn(count, process)),
        1 => leaves().prop_map(Step::Blocking),
    ];
    proptest::collection::vec(step, 1..6).boxed()
}

fn arrival(random: bool) -> BoxedStrategy<Arrival> {
    let every = (1..4_000u64).prop_map(Arrival::Every);
    prop_oneof![
        3 => Just(Arrival::AtOnce),
        1 => match random {
            true => (1..4_000u64).prop_map(Arrival::Poisson).boxed(),
            false => every.clone().boxed(),
        },
        1 => every,
        1 => (1..4u32, time(random)).prop_map(|(users, think)| Arrival::Closed(users, think)),
        1 => proptest::collection::vec(0..3_000u64, 0..6).prop_map(Arrival::Recorded),
    ]
    .boxed()
}

/// Any model; with `random` also random times and costs.
pub fn spec(random: bool) -> impl Strategy<Value = Spec> {
    let machine = (
        proptest::sample::select(EXECUTIONS.to_vec()),
        proptest::sample::select(policies().to_vec()),
        1..5u32,
        proptest::bool::weighted(if random { 0.5 } else { 0.0 }),
        proptest::sample::select(vec![5_000u64, 200]),
    );
    let task = (1..7u32, arrival(random), steps(random));
    let until = prop_oneof![3 => Just(None), 1 => (1_000..40_000u64).prop_map(Some)];
    let work = (proptest::collection::vec(task, 1..4), proptest::collection::vec(leaf(random), 0..3), any::<bool>());
    (machine, work, until, 0..1_000u64).prop_map(
        |((execution, policy, cores, costly, interval), (tasks, child, chained), until, seed)| Spec {
            execution,
            policy,
            cores,
            costs: if costly { Costs::linux() } else { Costs::zero() },
            interval,
            seed,
            until,
            child,
            tasks,
            chained,
        },
    )
}

/// Where the time of all threads goes, counted from the records alone.
fn recount(model: &Model, records: &[Record], ended: &Ended) -> StateTimes {
    let (mut times, signals) = (StateTimes::default(), model.signals());
    let mut threads: BTreeMap<ThreadId, (Option<On>, &'static str, u64)> = BTreeMap::new();
    let mut contexts = BTreeMap::new();
    let mut native: BTreeMap<ThreadId, bool> = BTreeMap::new();
    let mut add = |(on, state, since): (Option<On>, &str, u64), now: u64| {
        let field = match (state, on) {
            ("running", _) => &mut times.running,
            ("native", _) => &mut times.native,
            ("switching", _) => &mut times.switching,
            ("ready", _) => &mut times.ready,
            (_, Some(On::Gil | On::GilSwitch)) => &mut times.gil,
            (_, Some(On::Sync(sync))) if signals[sync.index()] => &mut times.signal,
            (_, Some(On::Lock(_) | On::Sync(_) | On::World)) => &mut times.lock,
            (_, Some(On::Io(_))) => &mut times.io,
            (_, Some(On::Sleep)) => &mut times.sleeping,
            (_, Some(On::Join(_) | On::Start(_))) => &mut times.join,
            (_, _) => &mut times.idle,
        };
        field.0 += now - since;
    };
    for record in records {
        let now = record.time.0;
        let (thread, next) = match record.what {
            What::ThreadStart { thread, context, .. } => {
                contexts.insert(context, thread);
                threads.insert(thread, (None, "ready", now));
                continue;
            }
            What::CoroutineStart { context, thread, .. } => {
                contexts.insert(context, thread);
                continue;
            }
            What::Compute { context, kind, .. } => {
                let outside = model.has_gil() && matches!(kind, CpuKind::NoGil | CpuKind::System);
                native.insert(contexts[&context], outside);
                (contexts[&context], (None, if outside { "native" } else { "running" }, now))
            }
            What::ComputeEnd { context } => {
                native.insert(contexts[&context], false);
                (contexts[&context], (None, "running", now))
            }
            What::Wake { thread } | What::Ready { thread } => (thread, (None, "ready", now)),
            What::Preempt { thread, .. } | What::Yield { thread, .. } => (thread, (None, "ready", now)),
            What::Switch { thread, .. } => (thread, (None, "switching", now)),
            What::Run { thread, .. } => {
                let outside = native.get(&thread).copied().unwrap_or(false);
                (thread, (None, if outside { "native" } else { "running" }, now))
            }
            What::Block { thread, on, .. } => (thread, (Some(on), "blocked", now)),
            What::ThreadEnd { thread, .. } => {
                add(threads.remove(&thread).expect("it lives"), now);
                native.remove(&thread);
                continue;
            }
            _ => continue,
        };
        add(threads.insert(thread, next).expect("it lives"), now);
    }
    for (_, state) in threads {
        add(state, ended.at.0);
    }
    times
}

fn sum(times: &StateTimes) -> u64 {
    times.parts().iter().map(|time| time.0).sum()
}

/// The lives of all threads, from start to end.
fn lives(records: &[Record], ended: &Ended) -> u64 {
    let mut sum = 0;
    let mut born = BTreeMap::new();
    for record in records {
        match record.what {
            What::ThreadStart { thread, .. } => drop(born.insert(thread, record.time.0)),
            What::ThreadEnd { thread, .. } => sum += record.time.0 - born.remove(&thread).expect("it was born"),
            _ => {}
        }
    }
    sum + born.values().map(|start| ended.at.0 - start).sum::<u64>()
}

fn digest(model: &Model, seed: u64) -> (Digest, Ended) {
    let mut digest = Digest::default();
    let ended = sim::run(model, seed, &mut digest);
    (digest, ended)
}

/// Fixed, so that a failure can be repeated.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20_261_124),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn the_auditor_is_silent_and_state_times_add_up_to_lives(spec in spec(true)) {
        let model = spec.build(PLAIN);
        let mut all = (Vec::new(), (Digest::default(), Meter::new(&model)));
        let ended = sim::run(&model, spec.seed, &mut all);
        let (records, (digest, meter)) = all;
        let found = audit(&model, &records, &ended);
        prop_assert!(found.is_empty(), "{} {found:#?}", ended.outcome.word());
        let figures = meter.finish(spec.seed, &ended, &digest);
        prop_assert_eq!(figures.threads, recount(&model, &records, &ended));
        prop_assert_eq!(sum(&figures.threads), lives(&records, &ended));
        for core in &figures.cores {
            prop_assert_eq!(core.busy + core.switching + core.idle, Duration(ended.at.0));
        }
        let cores: u64 = figures.cores.iter().map(|core| core.busy.0).sum();
        prop_assert_eq!(cores, figures.threads.running.0 + figures.threads.native.0);
        let again = self::digest(&model, spec.seed);
        prop_assert_eq!((again.0.to_string(), &again.1), (figures.digest, &ended), "another run, other sinks");
    }
}

proptest! {
    #![proptest_config(config(1_000))]

    #[test]
    fn a_run_goes_on_from_a_copy_of_its_world(spec in spec(true), share in 1..100u64) {
        let model = spec.build(PLAIN);
        let (whole, ended) = run(&model, spec.seed);
        let middle = Time(ended.at.0 * share / 100);
        let (mut head, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        let mut chooser = First;
        let mut sim = Sim::start(&model, spec.seed, &mut head, &mut chooser);
        sim.advance_to(middle);
        let world = sim.world().clone();
        drop(sim);
        for tail in [&mut first, &mut second] {
            let mut chooser = First;
            let mut sim = Sim::resume(&model, spec.seed, tail, &mut chooser, world.clone());
            sim.advance_to(Time::NEVER);
            // A run that was over before `middle` is judged by the run that saw its end.
            if matches!(ended.outcome, Outcome::Finished | Outcome::Until) {
                prop_assert_eq!(sim.end().outcome, ended.outcome.clone());
            }
        }
        prop_assert_eq!(&first, &second);
        if matches!(ended.outcome, Outcome::Finished | Outcome::Until) {
            head.extend(first);
            prop_assert_eq!(head, whole);
        }
    }

    #[test]
    fn all_times_scale_with_all_durations(mut spec in spec(false), scale in 2..5u64) {
        if spec.policy.per_core() {
            // `Fair` has periods of its own, and queues of single cores are compared at times of their own.
            spec.policy = PolicyConfig::from(FirstCome);
        }
        let (one, _) = run(&spec.build(PLAIN), spec.seed);
        let (other, _) = run(&spec.build(Change { scale, ..PLAIN }), spec.seed);
        prop_assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(one.time.0 * scale, other.time.0, "{:?} {:?}", one.what, other.what);
            prop_assert_eq!(std::mem::discriminant(&one.what), std::mem::discriminant(&other.what));
        }
    }

    #[test]
    fn names_do_not_matter_without_randomness(spec in spec(false)) {
        let named = spec.build(Change { prefix: "other ", ..PLAIN });
        prop_assert_eq!(digest(&spec.build(PLAIN), spec.seed), digest(&named, spec.seed));
    }

    #[test]
    fn what_has_no_work_changes_nothing(spec in spec(true)) {
        let more = spec.build(Change { idle_entities: true, ..PLAIN });
        prop_assert_eq!(digest(&spec.build(PLAIN), spec.seed), digest(&more, spec.seed));
    }
}

/// Computing tasks in a random order of precedence: times, and which earlier ones each waits for.
fn graph() -> impl Strategy<Value = Vec<(u64, Vec<usize>)>> {
    proptest::collection::vec((1..50u64, proptest::collection::vec(any::<proptest::sample::Index>(), 0..3)), 1..12)
        .prop_map(|tasks| {
            let mut graph: Vec<(u64, Vec<usize>)> = Vec::new();
            for (number, (time, before)) in tasks.into_iter().enumerate() {
                let mut before: Vec<usize> =
                    if number == 0 { vec![] } else { before.iter().map(|index| index.index(number)).collect() };
                before.sort_unstable();
                before.dedup();
                graph.push((time, before));
            }
            graph
        })
}

proptest! {
    #![proptest_config(config(500))]

    /// Graham: work / cores and the longest chain are lower bounds, and their sum is an upper one.
    #[test]
    fn no_schedule_beats_its_bounds_and_a_busy_one_keeps_grahams(graph in graph(), cores in 1..5u32) {
        let mut builder = Builder::new(cores, Execution::ThreadPerTask).native().policy(FirstCome);
        let mut chains: Vec<u64> = Vec::new();
        for (number, (time, before)) in graph.iter().enumerate() {
            let after = before.iter().map(|task| TaskId(*task as u32)).collect();
            let steps = vec![Stmt::Cpu(CpuKind::Python, Dist::Const(Duration(*time)))];
            builder.task(&format!("t{number}"), Some(1), Arrivals::AtOnce, after, steps);
            chains.push(time + before.iter().map(|task| chains[*task]).max().unwrap_or(0));
        }
        let (_, ended) = run(&builder.build(), 1);
        let work: u64 = graph.iter().map(|(time, _)| time).sum();
        let chain = chains.iter().copied().max().unwrap_or(0);
        let (cores, makespan) = (u64::from(cores), ended.at.0);
        prop_assert!(makespan >= chain && makespan * cores >= work, "{makespan}: {work} {chain}");
        prop_assert!(makespan * cores <= work + chain * (cores - 1), "{makespan}: {work} {chain}");
    }

    /// Python code under one GIL takes as long as on one core, however many threads and cores there are.
    #[test]
    fn a_gil_is_one_processor(times in proptest::collection::vec(1..20_000u64, 1..8), cores in 1..5u32, threads in 1..6u32) {
        let policy = PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Fresh));
        let mut builder = Builder::new(cores, Execution::Threads(threads)).policy(policy);
        for (number, time) in times.iter().enumerate() {
            builder.batch(&format!("t{number}"), 1, vec![Stmt::Cpu(CpuKind::Python, Dist::Const(Duration::us(*time)))]);
        }
        let (_, ended) = run(&builder.build(), 1);
        prop_assert_eq!(ended.at.0, Duration::us(times.iter().sum()).0);
    }
}
