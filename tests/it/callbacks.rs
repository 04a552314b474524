//! Callbacks of event loops, asked for on their own threads and on others: exact runs, and random ones that the auditor watches.

use gilsim::dist::Dist;
use gilsim::id::ProgramId;
use gilsim::model::{Act, Builder, Costs, Execution, Model, SpawnKind, Stmt};
use gilsim::sync::Config;
use gilsim::time::Duration;
use gilsim::trace::{Called, CpuKind, What};
use proptest::prelude::*;

use crate::real_runs::{audit, run};
use crate::told::{listed, say, told_to_the_ns};

fn us(us: u64) -> Dist {
    Dist::Const(Duration::us(us))
}

fn cpu(time: u64) -> Stmt {
    Stmt::Cpu(CpuKind::Python, us(time))
}

fn native(time: u64) -> Stmt {
    Stmt::Cpu(CpuKind::NoGil, us(time))
}

fn threadsafe(program: ProgramId) -> Stmt {
    Stmt::CallBack(Called::Threadsafe, program, None)
}

/// What was printed when, in nanoseconds.
fn told(model: &Model) -> Vec<(u64, String)> {
    let (outcome, lines) = told_to_the_ns(model);
    assert_eq!(outcome, "finished", "{lines:?}");
    lines
}

/// The times are microseconds.
fn at(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
    expected.iter().map(|(us, text)| (us * 1_000, (*text).to_owned())).collect()
}

fn costs() -> Costs {
    let us = Duration::us;
    Costs { self_pipe: us(5), callback: us(1), iteration: us(10), timer_granularity: us(100), ..Costs::zero() }
}

/// The loop sleeps in its selector; the callback sets an event there, and the coroutine that waits for it goes on.
#[test]
fn a_thread_wakes_the_loop() {
    let mut builder = Builder::new(2, Execution::Asyncio).costs(costs());
    let done = builder.sync("done", Config::Event, false);
    let tell = builder.program("tell", vec![say("told"), Stmt::Sync(done, Act::Set)]);
    let worker = builder.program("worker", vec![native(1_000), threadsafe(tell), say("has written")]);
    let steps = vec![Stmt::Spawn(SpawnKind::Thread, worker, 1), Stmt::Sync(done, Act::Wait), say("goes on")];
    builder.batch("main", 1, steps);
    // The job arrives while the first poll, which costs nothing, is under way: a poll, a handle, a poll, a step, and the thread begins.
    let begins = 10 + 1 + 10 + 1;
    let written = begins + 1_000 + 5;
    // The poll returns: the callback is the first handle, the pipe is read in the second, and the coroutine runs in the iteration after.
    let expected = [(written, "has written"), (written + 1, "told"), (written + 1 + 1 + 5 + 10 + 1, "goes on")];
    assert_eq!(told(&builder.build()), at(&expected));
}

/// A thread of the executor reports how far it is; the coroutine that awaits it hears of the end only.
#[test]
fn a_thread_of_the_executor_calls_back() {
    let mut builder = Builder::new(2, Execution::Asyncio).costs(Costs::zero());
    let half = builder.program("half", vec![say("half")]);
    let steps = vec![Stmt::ToThread(vec![native(500), threadsafe(half), native(500)]), say("all")];
    builder.batch("main", 1, steps);
    assert_eq!(told(&builder.build()), at(&[(500, "half"), (1_000, "all")]));
}

#[test]
fn callbacks_come_at_their_times_and_in_their_order() {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(Costs::zero());
    let [one, two, three] = ["one", "two", "three"].map(|name| builder.program(name, vec![say(name), cpu(10)]));
    let later = |program, time| Stmt::CallBack(Called::Later, program, Some(us(time)));
    builder.batch(
        "main",
        1,
        vec![later(three, 300), later(two, 200), Stmt::CallBack(Called::Soon, one, None), cpu(50)],
    );
    assert_eq!(told(&builder.build()), at(&[(50, "one"), (200, "two"), (300, "three")]));
}

/// An exception in a callback concerns nobody else.
#[test]
fn a_callback_may_fail() {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(Costs::zero());
    let bad = builder.program("bad", vec![say("raises"), Stmt::Raise]);
    builder.batch("main", 1, vec![Stmt::CallBack(Called::Soon, bad, None), Stmt::Yield, say("goes on")]);
    assert_eq!(told(&builder.build()), at(&[(0, "raises"), (0, "goes on")]));
}

/// Every process has a loop of its own: threads call the one beside them.
#[test]
fn a_thread_calls_the_loop_of_its_process() {
    let mut builder = Builder::new(2, Execution::HybridAsyncio { processes: 2 }).costs(Costs::zero());
    let tell = builder.program("tell", vec![say("told")]);
    builder.batch("main", 2, vec![Stmt::ToThread(vec![native(100), threadsafe(tell)])]);
    let model = builder.build();
    let (records, _) = run(&model, 1);
    let starts = records.iter().filter_map(|record| match record.what {
        What::CoroutineStart { thread, role: gilsim::trace::Role::Spawned { .. }, .. } => Some(thread),
        _ => None,
    });
    let mut loops: Vec<_> = starts.collect();
    loops.dedup();
    assert_eq!(loops.len(), 2);
    assert_eq!(told(&model).len(), 2);
}

/// A step of random programs; numbers name times and programs.
#[derive(Clone, Debug)]
enum Step {
    Cpu(u64),
    Native(u64),
    Sleep(u64),
    Soon(u8),
    Later(u64, u8),
    Threadsafe(u8),
    ToThread(Vec<Step>),
    Spawn(bool),
}

fn thread_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..900u64).prop_map(Step::Cpu),
        2 => (0..900u64).prop_map(Step::Native),
        1 => (0..900u64).prop_map(Step::Sleep),
        4 => (0..2u8).prop_map(Step::Threadsafe),
    ];
    prop::collection::vec(step, 0..6)
}

fn loop_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..900u64).prop_map(Step::Cpu),
        2 => (0..3_000u64).prop_map(Step::Sleep),
        2 => (0..2u8).prop_map(Step::Soon),
        2 => (0..2_000u64, 0..2u8).prop_map(|(time, program)| Step::Later(time, program)),
        1 => (0..2u8).prop_map(Step::Threadsafe),
        2 => thread_steps().prop_map(Step::ToThread),
        2 => any::<bool>().prop_map(Step::Spawn),
    ];
    prop::collection::vec(step, 0..6)
}

fn built(steps: &[Step], callbacks: &[ProgramId], children: [ProgramId; 2]) -> Vec<Stmt> {
    let one = |step: &Step| match step {
        Step::Cpu(time) => cpu(*time),
        Step::Native(time) => native(*time),
        Step::Sleep(time) => Stmt::Sleep(us(*time)),
        Step::Soon(program) => Stmt::CallBack(Called::Soon, callbacks[*program as usize], None),
        Step::Later(time, program) => Stmt::CallBack(Called::Later, callbacks[*program as usize], Some(us(*time))),
        Step::Threadsafe(program) => threadsafe(callbacks[*program as usize]),
        Step::ToThread(steps) => Stmt::ToThread(built(steps, callbacks, children)),
        Step::Spawn(true) => Stmt::Spawn(SpawnKind::Thread, children[0], 1),
        Step::Spawn(false) => Stmt::Spawn(SpawnKind::Coroutine, children[1], 1),
    };
    steps.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn loops_are_called_from_everywhere(
        callback in prop::collection::vec((0..300u64).prop_map(Step::Cpu), 0..2),
        (thread, coroutine, main) in (thread_steps(), loop_steps(), loop_steps()),
        (linux, eager) in any::<(bool, bool)>(),
        (cores, processes) in (1..4u32, 1..3u32),
    ) {
        let execution = if processes == 1 { Execution::Asyncio } else { Execution::HybridAsyncio { processes } };
        let costs = if linux { Costs::linux() } else { Costs::zero() };
        let mut builder = Builder::new(cores, execution).costs(costs);
        builder.model_mut().interpreter.eager_tasks = eager;
        let none = [ProgramId(0); 2];
        let last = builder.program("last", built(&callback, &[], none));
        let first = builder.program("first", vec![cpu(20), Stmt::CallBack(Called::Soon, last, None)]);
        let callbacks = [last, first];
        let thread = builder.program("thread", built(&thread, &callbacks, none));
        let inner: Vec<Step> = coroutine.into_iter().filter(|step| !matches!(step, Step::Spawn(_))).collect();
        let coroutine = builder.program("coroutine", built(&inner, &callbacks, none));
        builder.batch("main", 3, built(&main, &callbacks, [thread, coroutine]));
        let model = builder.build();
        let (records, ended) = run(&model, 1);
        prop_assert_eq!(audit(&model, &records, &ended), [], "{}", listed(&model, &records));
        prop_assert_eq!(ended.outcome.word(), "finished", "{:?}\n{}", ended.outcome, listed(&model, &records));
    }
}
