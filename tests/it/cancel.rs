//! Exceptions, cancellation, timeouts, and coroutines awaited together: exact runs, and random ones that the auditor watches.

use gilsim::dist::Dist;
use gilsim::id::ProgramId;
use gilsim::metrics::Meter;
use gilsim::metrics::figures::Figures;
use gilsim::model::{Act, Builder, Costs, Execution, Model, Selector, SocketAct, SpawnKind, Stmt, Value};
use gilsim::net::{Kind, Path};
use gilsim::sync::{Config, Preference};
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Digest, Record, Together, What};
use proptest::prelude::*;

use crate::real_runs::{audit, run};
use crate::told::{at, cpu, finished, listed, say, time, told};

fn sleep(ms: u64) -> Stmt {
    Stmt::Sleep(time(ms))
}

fn within(ms: u64, steps: Vec<Stmt>, otherwise: Vec<Stmt>) -> Stmt {
    Stmt::Timeout(time(ms), steps, Some(otherwise))
}

fn gather(programs: &[ProgramId]) -> Stmt {
    Stmt::Gather(Together::Gather, programs.to_vec(), 1)
}

fn group(programs: &[ProgramId]) -> Stmt {
    Stmt::Gather(Together::TaskGroup, programs.to_vec(), 1)
}

fn asyncio() -> Builder {
    Builder::new(1, Execution::Asyncio)
}

fn figures(model: &Model) -> Figures {
    let mut sinks = (Digest::default(), Meter::new(model));
    let ended = gilsim::sim::run(model, 1, &mut sinks);
    sinks.1.finish(1, &ended, &sinks.0)
}

#[test]
fn what_is_gathered_takes_as_long_as_the_longest() {
    let mut builder = asyncio();
    let children = [3, 1, 2].map(|ms| builder.program("sleeper", vec![sleep(ms)]));
    builder.batch("parent", 1, vec![gather(&children), say("all")]);
    assert_eq!(finished(&builder.build()), at(&[(3, "all")]));
}

#[test]
fn an_exception_of_one_ends_a_gather_and_the_others_go_on() {
    let mut builder = asyncio();
    let bad = builder.program("bad", vec![sleep(1), Stmt::Raise]);
    let slow = builder.program("slow", vec![sleep(5), say("slow")]);
    builder.batch("parent", 1, vec![Stmt::Try(vec![gather(&[slow, bad]), say("never")], vec![say("caught")])]);
    assert_eq!(finished(&builder.build()), at(&[(1, "caught"), (5, "slow")]));
}

#[test]
fn an_exception_can_be_a_result() {
    let mut builder = asyncio();
    let bad = builder.program("bad", vec![sleep(1), Stmt::Raise]);
    let slow = builder.program("slow", vec![sleep(5), say("slow")]);
    let gather = Stmt::Gather(Together::GatherAll, vec![slow, bad], 2);
    builder.batch("parent", 1, vec![Stmt::Try(vec![gather, say("all")], vec![say("never")])]);
    assert_eq!(finished(&builder.build()), at(&[(5, "slow"), (5, "slow"), (5, "all")]));
}

#[test]
fn an_exception_of_one_cancels_the_rest_of_a_task_group() {
    let mut builder = asyncio();
    let bad = builder.program("bad", vec![sleep(1), Stmt::Raise]);
    let last = vec![say("cleans up"), sleep(2)];
    let slow = builder.program("slow", vec![Stmt::Finally(vec![sleep(5), say("never")], last)]);
    builder.batch("parent", 1, vec![Stmt::Try(vec![group(&[slow, bad]), say("never")], vec![say("caught")])]);
    // The group waits for the one that cleans up.
    assert_eq!(finished(&builder.build()), at(&[(1, "cleans up"), (3, "caught")]));
}

#[test]
fn who_is_cancelled_cancels_what_it_awaits_together() {
    for together in [gather, group] {
        let mut builder = asyncio();
        let inner = builder.program("inner", vec![Stmt::Finally(vec![sleep(9)], vec![say("inner")])]);
        let outer = builder.program("outer", vec![Stmt::Finally(vec![together(&[inner, inner])], vec![say("outer")])]);
        let steps = vec![within(2, vec![together(&[outer])], vec![say("over")])];
        builder.batch("parent", 1, steps);
        assert_eq!(finished(&builder.build()), at(&[(2, "inner"), (2, "inner"), (2, "outer"), (2, "over")]));
    }
}

#[test]
fn a_child_is_cancelled_before_it_begins_and_while_it_waits() {
    let mut builder = asyncio();
    let child = builder.program("child", vec![Stmt::Finally(vec![say("begins"), sleep(5)], vec![say("ends")])]);
    let spawn = Stmt::Spawn(SpawnKind::Coroutine, child, 1);
    let steps = vec![
        spawn.clone(),
        Stmt::Cancel(child),
        Stmt::Join(child),
        say("joined"),
        spawn,
        sleep(1),
        Stmt::Cancel(child),
        Stmt::Join(child),
        say("again"),
    ];
    builder.batch("parent", 1, steps);
    assert_eq!(finished(&builder.build()), at(&[(0, "joined"), (0, "begins"), (1, "ends"), (1, "again")]));
}

#[test]
fn a_timeout_ends_what_awaits_and_not_what_computes() {
    let mut builder = asyncio();
    builder.batch("awaits", 1, vec![within(2, vec![sleep(9)], vec![say("late")]), say("goes on")]);
    assert_eq!(finished(&builder.build()), at(&[(2, "late"), (2, "goes on")]));
    let mut builder = asyncio();
    builder.batch("computes", 1, vec![within(2, vec![cpu(9)], vec![say("never")]), say("goes on")]);
    assert_eq!(finished(&builder.build()), at(&[(9, "goes on")]));
    let mut builder = asyncio();
    builder.batch("both", 1, vec![within(2, vec![cpu(9), sleep(1)], vec![say("late")])]);
    assert_eq!(finished(&builder.build()), at(&[(9, "late")]));
}

#[test]
fn the_outer_of_two_timeouts_is_not_taken_for_the_inner() {
    let mut builder = asyncio();
    let inner = within(5, vec![sleep(9)], vec![say("inner")]);
    builder.batch("nested", 1, vec![within(2, vec![inner, say("never")], vec![say("outer")])]);
    assert_eq!(finished(&builder.build()), at(&[(2, "outer")]));
    let mut builder = asyncio();
    let inner = within(2, vec![sleep(9)], vec![say("inner"), sleep(9)]);
    builder.batch("nested", 1, vec![within(5, vec![inner], vec![say("outer")])]);
    assert_eq!(finished(&builder.build()), at(&[(2, "inner"), (5, "outer")]));
}

#[test]
fn exceptions_leave_loops_calls_and_blocking_sections() {
    let mut builder = asyncio();
    let deep = builder.program("deep", vec![Stmt::Repeat(3, vec![Stmt::Blocking(vec![sleep(1), Stmt::Raise])])]);
    let body = Stmt::Repeat(2, vec![Stmt::Try(vec![Stmt::Repeat(7, vec![Stmt::Call(deep)])], vec![say("caught")])]);
    builder.batch("caller", 1, vec![body, sleep(1), say("end")]);
    assert_eq!(finished(&builder.build()), at(&[(1, "caught"), (2, "caught"), (3, "end")]));
}

#[test]
fn a_lock_is_released_by_its_with_and_kept_by_a_bare_acquire() {
    let late = |steps| vec![within(2, steps, vec![])];
    let mut builder = asyncio();
    let lock = builder.lock("lock", false);
    builder.batch("holder", 1, late(vec![Stmt::With(lock, vec![sleep(9)])]));
    builder.batch("other", 1, vec![sleep(1), Stmt::With(lock, vec![say("mine")])]);
    assert_eq!(finished(&builder.build()), at(&[(2, "mine")]));
    let mut builder = asyncio();
    let lock = builder.lock("lock", false);
    builder.batch("holder", 1, late(vec![Stmt::Acquire(lock), sleep(9), Stmt::Release(lock)]));
    builder.batch("other", 1, vec![sleep(1), Stmt::With(lock, vec![say("mine")])]);
    assert_eq!(told(&builder.build()), ("deadlock".to_owned(), vec![]));
}

#[test]
fn a_failed_job_is_over_and_its_worker_goes_on() {
    for execution in [Execution::Threads(1), Execution::Asyncio, Execution::ThreadPerTask] {
        let mut builder = Builder::new(1, execution);
        let lock = builder.lock("lock", false);
        builder.batch("bad", 2, vec![Stmt::With(lock, vec![cpu(1), Stmt::Raise]), say("never")]);
        builder.batch("good", 1, vec![Stmt::With(lock, vec![cpu(1)]), say("good")]);
        let model = builder.build();
        assert_eq!(finished(&model), at(&[(3, "good")]), "{execution}");
        let tasks = figures(&model).tasks;
        assert_eq!((tasks[0].failed, tasks[0].completed), (Some(2), 0));
        assert_eq!((tasks[1].failed, tasks[1].completed), (Some(0), 1));
    }
}

/// Whoever waits for something and is cancelled leaves the queue: the next one gets it.
#[test]
fn waiters_withdraw() {
    let things = [
        (Config::Semaphore { permits: 1, bounded: true }, Act::Acquire),
        (Config::RwLock(Preference::FirstCome), Act::Acquire),
        (Config::RwLock(Preference::Writers), Act::AcquireRead),
    ];
    for (config, act) in things {
        let mut builder = asyncio();
        let thing = builder.sync("thing", config, false);
        let with = |act, steps| Stmt::WithSync(thing, act, steps);
        builder.batch("first", 1, vec![with(Act::Acquire, vec![sleep(5)])]);
        builder.batch("late", 1, vec![sleep(1), within(2, vec![with(act, vec![say("never")])], vec![say("late")])]);
        builder.batch("last", 1, vec![sleep(2), with(Act::Acquire, vec![say("mine")])]);
        assert_eq!(finished(&builder.build()), at(&[(3, "late"), (5, "mine")]), "{config:?}");
    }
    let mut builder = asyncio();
    let queue = builder.sync("queue", Config::Queue { capacity: Some(1) }, false);
    builder.batch("late", 1, vec![within(2, vec![Stmt::Get(queue, None)], vec![say("late")])]);
    builder.batch("taker", 1, vec![sleep(1), Stmt::Get(queue, None), say("mine")]);
    builder.batch("giver", 1, vec![sleep(3), Stmt::Put(queue, Value::Number(1))]);
    assert_eq!(finished(&builder.build()), at(&[(2, "late"), (3, "mine")]));
}

/// Whoever is cancelled after it was given something, and before it could go on, does not keep it.
#[test]
fn what_comes_too_late_goes_to_the_next() {
    // The giver computes past the timeout, and is before it in the iteration that finds it due.
    let scene = |give: fn(&mut Builder) -> [Vec<Stmt>; 4]| {
        let mut builder = asyncio();
        let [hold, wait, next, let_go] = give(&mut builder);
        builder.batch("giver", 1, [hold, vec![sleep(1), cpu(3), Stmt::Yield], let_go].concat());
        builder.batch("late", 1, vec![within(2, wait, vec![say("late")])]);
        builder.batch("next", 1, [next, vec![say("mine")]].concat());
        finished(&builder.build())
    };
    let semaphore = |builder: &mut Builder| {
        let permits = builder.sync("permits", Config::Semaphore { permits: 1, bounded: true }, false);
        let with = vec![Stmt::WithSync(permits, Act::Acquire, vec![say("has it")])];
        [vec![Stmt::Sync(permits, Act::Acquire)], with.clone(), with, vec![Stmt::Sync(permits, Act::Release)]]
    };
    let lock = |builder: &mut Builder| {
        let lock = builder.lock("lock", false);
        let with = vec![Stmt::With(lock, vec![say("has it")])];
        [vec![Stmt::Acquire(lock)], with.clone(), with, vec![Stmt::Release(lock)]]
    };
    for what in [semaphore, lock] {
        assert_eq!(scene(what), at(&[(4, "late"), (4, "has it"), (4, "mine")]));
    }
    let queue = |builder: &mut Builder| {
        let queue = builder.sync("queue", Config::Queue { capacity: None }, false);
        let get = vec![Stmt::Get(queue, None)];
        [vec![], get.clone(), get, vec![Stmt::Put(queue, Value::Number(1))]]
    };
    assert_eq!(scene(queue), at(&[(4, "late"), (4, "mine")]));
}

/// Whoever waits for a notification and is cancelled has the lock again before it goes on.
#[test]
fn a_cancelled_wait_for_a_notification_takes_the_lock_again() {
    let mut builder = asyncio();
    let lock = builder.lock("lock", false);
    let condition = builder.sync("condition", Config::Condition { lock }, false);
    let wait = Stmt::With(lock, vec![Stmt::Finally(vec![Stmt::Sync(condition, Act::Wait)], vec![say("has the lock")])]);
    builder.batch("waiter", 1, vec![within(2, vec![wait], vec![say("late")])]);
    builder.batch("holder", 1, vec![sleep(1), Stmt::With(lock, vec![sleep(4)])]);
    assert_eq!(finished(&builder.build()), at(&[(5, "has the lock"), (5, "late")]));
}

/// A request that is queued is withdrawn; one that is served is served to its end.
#[test]
fn requests_are_withdrawn_while_they_are_queued() {
    let mut builder = asyncio();
    let disk = builder.device("disk", time(10), Some(1));
    let read = Stmt::Io(disk, None);
    builder.batch("served", 1, vec![within(2, vec![read.clone()], vec![say("served")])]);
    builder.batch("queued", 1, vec![sleep(1), within(2, vec![read.clone()], vec![say("queued")])]);
    builder.batch("next", 1, vec![sleep(2), read, say("next")]);
    let model = builder.build();
    assert_eq!(finished(&model), at(&[(2, "served"), (3, "queued"), (20, "next")]));
    assert_eq!(figures(&model).devices[0].completed, 2);
}

/// Who awaits bytes and is cancelled hears of none, and can use the connection again.
#[test]
fn a_wait_for_a_connection_is_given_up() {
    for selector in [Selector::Epoll, Selector::Select, Selector::Iocp] {
        let mut builder = asyncio();
        builder.model_mut().machine.selector = selector;
        let path = Path { latency: Duration::ms(5), bandwidth: None };
        let kind = Kind::Host { reply: builder.dist(time(20)), size: 100 };
        let config = gilsim::net::Config { path, send_buffer: 1_000, recv_buffer: 2_000, timeout: None, kind };
        let host = builder.peer("host", config, None);
        let call = |act| Stmt::Socket(host, act, None);
        let late = within(10, vec![call(SocketAct::Recv(100))], vec![say("late")]);
        let ask = [SocketAct::Connect, SocketAct::Send(50)].map(call);
        let steps = [ask.to_vec(), vec![late, call(SocketAct::Recv(100)), say("answer")]].concat();
        builder.batch("client", 1, steps);
        assert_eq!(finished(&builder.build()), at(&[(20, "late"), (40, "answer")]), "{selector:?}");
    }
}

/// Each of a gather costs a callback, and four iterations pass in all, as in CPython: first steps, second steps,
/// callbacks, the parent.
#[test]
fn a_gather_takes_four_iterations() {
    let costs = Costs { callback: Duration::us(1), iteration: Duration::us(100), ..Costs::zero() };
    let mut builder = Builder::new(1, Execution::Asyncio).costs(costs);
    let child = builder.program("child", vec![Stmt::Yield]);
    builder.batch("parent", 1, vec![Stmt::Gather(Together::Gather, vec![child], 10)]);
    let model = builder.build();
    let (records, ended) = run(&model, 1);
    assert_eq!(audit(&model, &records, &ended), []);
    let began = records.iter().find(|record| matches!(record.what, What::Together { .. })).expect("it gathers").time;
    let iterations =
        records.iter().filter(|record| matches!(record.what, What::Iteration { .. }) && record.time > began);
    assert_eq!(iterations.count(), 4);
    let end = records.iter().rfind(|record| matches!(record.what, What::JobEnd { .. })).expect("it ends").time;
    assert_eq!(end.since(began), Duration::us(4 * 100 + 3 * 10 + 1));
}

/// A step of random programs; numbers name times and things.
#[derive(Clone, Debug)]
enum Step {
    Cpu(u64),
    Sleep(u64),
    Io,
    Yield,
    Raise,
    Wait(u8),
    Put,
    Get,
    With(u8, Vec<Step>),
    Notify,
    Try(Vec<Step>, Vec<Step>),
    Finally(Vec<Step>, Vec<Step>),
    Timeout(u64, Vec<Step>, Option<Vec<Step>>),
    Repeat(u32, Vec<Step>),
    Gather(bool, u8, u32),
    Spawn(u8, bool),
}

fn steps(deep: bool) -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        2 => (0..900u64).prop_map(Step::Cpu),
        3 => (0..3_000u64).prop_map(Step::Sleep),
        3 => Just(Step::Io),
        1 => Just(Step::Yield),
        1 => Just(Step::Raise),
        2 => (0..2u8).prop_map(Step::Wait),
        1 => Just(Step::Put),
        1 => Just(Step::Get),
        1 => Just(Step::Notify),
    ];
    let leaf = match deep {
        true => prop_oneof![
            14 => leaf,
            3 => (any::<bool>(), 0..2u8, 1..4u32).prop_map(|(how, child, n)| Step::Gather(how, child, n)),
            1 => (0..2u8, any::<bool>()).prop_map(|(child, cancel)| Step::Spawn(child, cancel)),
        ]
        .boxed(),
        false => leaf.boxed(),
    };
    let step = leaf.prop_recursive(3, 12, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            3 => (0..4u8, list()).prop_map(|(thing, steps)| Step::With(thing, steps)),
            2 => (list(), list()).prop_map(|(steps, others)| Step::Try(steps, others)),
            1 => (list(), list()).prop_map(|(steps, others)| Step::Finally(steps, others)),
            3 => (0..2_000u64, list(), prop::option::of(list())).prop_map(|(time, steps, others)| Step::Timeout(time, steps, others)),
            1 => (1..3u32, list()).prop_map(|(times, steps)| Step::Repeat(times, steps)),
        ]
    });
    prop::collection::vec(step, 0..5)
}

struct Things {
    disk: gilsim::id::DeviceId,
    lock: gilsim::id::LockId,
    condition: gilsim::id::SyncId,
    syncs: [gilsim::id::SyncId; 2],
    event: gilsim::id::SyncId,
    queue: gilsim::id::SyncId,
    children: Vec<ProgramId>,
}

fn built(steps: &[Step], things: &Things) -> Vec<Stmt> {
    let us = |time: &u64| Dist::Const(Duration::us(*time));
    let list = |steps: &[Step]| built(steps, things);
    let child = |n: &u8| things.children[*n as usize % things.children.len()];
    let one = |step: &Step| match step {
        Step::Cpu(time) => vec![Stmt::Cpu(CpuKind::Python, us(time))],
        Step::Sleep(time) => vec![Stmt::Sleep(us(time))],
        Step::Io => vec![Stmt::Io(things.disk, None)],
        Step::Yield => vec![Stmt::Yield],
        Step::Raise => vec![Stmt::Raise],
        // Everything that waits for others has an end of its own.
        Step::Wait(0) => {
            vec![within(1, vec![Stmt::Sync(things.event, Act::Wait)], vec![Stmt::Sync(things.event, Act::Set)])]
        }
        Step::Wait(_) => {
            let wait = Stmt::With(things.lock, vec![Stmt::Sync(things.condition, Act::Wait), Stmt::Yield]);
            vec![within(1, vec![wait], vec![Stmt::Sync(things.event, Act::Clear)])]
        }
        Step::Notify => {
            vec![within(1, vec![Stmt::With(things.lock, vec![Stmt::Sync(things.condition, Act::Notify(1))])], vec![])]
        }
        Step::Put => vec![within(1, vec![Stmt::Put(things.queue, Value::Number(1))], vec![])],
        Step::Get => vec![within(1, vec![Stmt::Get(things.queue, None)], vec![])],
        // A lock inside of the same lock waits until the timeout.
        Step::With(thing, steps) => {
            let inner = list(steps);
            vec![within(
                2,
                vec![match thing {
                    0 => Stmt::With(things.lock, inner),
                    1 => Stmt::WithSync(things.syncs[0], Act::Acquire, inner),
                    2 => Stmt::WithSync(things.syncs[1], Act::AcquireRead, inner),
                    _ => Stmt::WithSync(things.syncs[1], Act::Acquire, inner),
                }],
                vec![],
            )]
        }
        Step::Try(steps, others) => vec![Stmt::Try(list(steps), list(others))],
        Step::Finally(steps, others) => vec![Stmt::Finally(list(steps), list(others))],
        Step::Timeout(time, steps, others) => {
            vec![Stmt::Timeout(us(time), list(steps), others.as_ref().map(|others| list(others)))]
        }
        Step::Repeat(times, steps) => vec![Stmt::Repeat(*times, list(steps))],
        Step::Gather(how, program, count) => {
            let how = if *how { Together::Gather } else { Together::TaskGroup };
            vec![Stmt::Gather(how, vec![child(program)], *count)]
        }
        Step::Spawn(program, cancel) => {
            let spawn = Stmt::Spawn(SpawnKind::Coroutine, child(program), 2);
            let cancel = cancel.then_some(Stmt::Cancel(child(program)));
            [spawn, Stmt::Sleep(us(&300))].into_iter().chain(cancel).chain([Stmt::Join(child(program))]).collect()
        }
    };
    steps.iter().flat_map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn coroutines_can_be_cancelled_anywhere(
        children in [steps(false), steps(false)],
        parents in [steps(true), steps(true)],
        linux in any::<bool>(),
        processes in 1..3u32,
    ) {
        let execution = if processes == 1 { Execution::Asyncio } else { Execution::HybridAsyncio { processes } };
        let costs = if linux { Costs::linux() } else { Costs::zero() };
        let mut builder = Builder::new(1, execution).costs(costs);
        let lock = builder.lock("lock", false);
        let mut things = Things {
            disk: builder.device("disk", Dist::Const(Duration::us(400)), Some(1)),
            lock,
            condition: builder.sync("condition", Config::Condition { lock }, false),
            syncs: [
                builder.sync("permits", Config::Semaphore { permits: 2, bounded: true }, false),
                builder.sync("rw", Config::RwLock(Preference::Writers), false),
            ],
            event: builder.sync("event", Config::Event, false),
            queue: builder.sync("queue", Config::Queue { capacity: Some(1) }, false),
            children: Vec::new(),
        };
        for steps in &children {
            let body = built(steps, &things);
            let child = builder.program("child", body);
            things.children.push(child);
        }
        for (number, steps) in parents.iter().enumerate() {
            let body = built(steps, &things);
            builder.batch(&format!("parent {number}"), 2, body);
        }
        let model = builder.build();
        let (records, ended) = run(&model, 1);
        prop_assert_eq!(audit(&model, &records, &ended), [], "{}", listed(&model, &records));
        prop_assert_eq!(ended.outcome.word(), "finished", "{:?}\n{}", ended.outcome, listed(&model, &records));
        // Everything that was taken is free again, or there would be no end; all jobs are over, one way or the other.
        let over = |record: &&Record| matches!(record.what, What::JobEnd { .. } | What::JobFail { .. });
        prop_assert_eq!(records.iter().filter(over).count(), 4);
    }
}
