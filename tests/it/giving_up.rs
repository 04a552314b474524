//! Waits of threads with a timeout: when they are given up, what becomes of the queue they stood in, and what is refused.

use gilsim::dist::Dist;
use gilsim::id::{LockId, ProgramId, SyncId};
use gilsim::model::{Act, Builder, Costs, Execution, Interpreter, SpawnKind, Stmt, Value, Version};
use gilsim::scenario;
use gilsim::sync::{Config, Preference};
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, On, What};

use crate::real_runs::{audit, policies, run};
use crate::told::{at, finished, say, time};

fn sleep(ms: u64) -> Stmt {
    Stmt::Sleep(time(ms))
}

/// Gives the one step up after so long, and says so.
fn within(ms: u64, step: Stmt) -> Stmt {
    Stmt::Timeout(time(ms), vec![step], Some(vec![say("gave up")]))
}

/// Threads of a version of CPython, or of none.
fn machine(version: Option<&str>) -> Builder {
    let mut builder = Builder::new(4, Execution::ThreadPerTask);
    if let Some(version) = version {
        builder.model_mut().interpreter = Interpreter::cpython(Version::parse(version).unwrap());
        return builder;
    }
    builder.native()
}

const VERSIONS: [Option<&str>; 4] = [Some("2.7"), Some("3.9"), Some("3.14"), None];

#[test]
fn a_lock_that_is_not_free_in_time_is_given_up() {
    for version in VERSIONS {
        let mut builder = machine(version);
        let lock = builder.lock("lock", false);
        builder.batch("holder", 1, vec![Stmt::With(lock, vec![sleep(20)])]);
        let steps = vec![sleep(1), within(5, Stmt::Acquire(lock)), say("on"), Stmt::With(lock, vec![say("had it")])];
        builder.batch("waiter", 1, steps);
        builder.batch("third", 1, vec![sleep(2), Stmt::With(lock, vec![say("third"), sleep(3)])]);
        let expected = at(&[(6, "gave up"), (6, "on"), (20, "third"), (23, "had it")]);
        assert_eq!(finished(&builder.build()), expected, "{version:?}");
    }
}

#[test]
fn a_lock_that_is_free_in_time_is_taken_and_the_time_is_forgotten() {
    for version in VERSIONS {
        let mut builder = machine(version);
        let lock = builder.lock("lock", false);
        builder.batch("holder", 1, vec![Stmt::With(lock, vec![sleep(4)])]);
        let steps =
            vec![sleep(1), within(5, Stmt::Acquire(lock)), say("had it"), sleep(20), Stmt::Release(lock), say("end")];
        builder.batch("waiter", 1, steps);
        assert_eq!(finished(&builder.build()), at(&[(4, "had it"), (24, "end")]), "{version:?}");
    }
}

#[test]
fn without_steps_it_is_an_exception() {
    let mut builder = machine(None);
    let lock = builder.lock("lock", false);
    let ask = || Stmt::Timeout(time(5), vec![Stmt::Acquire(lock)], None);
    builder.batch("holder", 1, vec![Stmt::With(lock, vec![sleep(20)])]);
    builder.batch("careful", 1, vec![sleep(1), Stmt::Try(vec![ask(), say("no")], vec![say("caught")]), say("on")]);
    builder.batch("careless", 1, vec![sleep(1), ask(), say("no")]);
    let model = builder.build();
    assert_eq!(finished(&model), at(&[(6, "caught"), (6, "on")]));
    let (records, _) = run(&model, 1);
    assert_eq!(records.iter().filter(|record| matches!(record.what, What::JobFail { .. })).count(), 1);
}

#[test]
fn a_timeout_of_zero_keeps_the_gil() {
    let mut builder = machine(Some("3.14"));
    let (lock, queue) = (builder.lock("lock", false), builder.sync("queue", Config::Queue { capacity: None }, false));
    builder.batch("holder", 1, vec![Stmt::With(lock, vec![sleep(20)])]);
    let steps = vec![sleep(1), within(0, Stmt::Acquire(lock)), within(0, Stmt::Get(queue, None)), say("on")];
    builder.batch("waiter", 1, steps);
    let model = builder.build();
    assert_eq!(finished(&model), at(&[(1, "gave up"), (1, "gave up"), (1, "on")]));
    let (records, _) = run(&model, 1);
    let waited = |what: &What| matches!(what, What::Block { on: On::Lock(_) | On::Sync(_), .. });
    assert!(!records.iter().any(|record| waited(&record.what)));
}

/// What is waited for in vain, with who makes that so.
fn vain(builder: &mut Builder) -> Vec<(&'static str, Stmt)> {
    let semaphore = builder.sync("semaphore", Config::Semaphore { permits: 1, bounded: false }, false);
    let event = builder.sync("event", Config::Event, false);
    let empty = builder.sync("empty", Config::Queue { capacity: None }, false);
    let full = builder.sync("full", Config::Queue { capacity: Some(1) }, false);
    let rw = builder.sync("rw", Config::RwLock(Preference::FirstCome), false);
    let keeps = vec![
        Stmt::Sync(semaphore, Act::Acquire),
        Stmt::Put(full, Value::Number(1)),
        Stmt::Sync(rw, Act::Acquire),
        sleep(60),
        Stmt::Sync(semaphore, Act::Release),
        Stmt::Sync(rw, Act::Release),
    ];
    builder.batch("holder", 1, keeps);
    vec![
        ("semaphore", Stmt::Sync(semaphore, Act::Acquire)),
        ("event", Stmt::Sync(event, Act::Wait)),
        ("get", Stmt::Get(empty, None)),
        ("put", Stmt::Put(full, Value::Number(2))),
        ("read", Stmt::Sync(rw, Act::AcquireRead)),
        ("write", Stmt::Sync(rw, Act::Acquire)),
    ]
}

#[test]
fn whatever_a_thread_waits_for_can_be_given_up() {
    for version in VERSIONS {
        let mut builder = machine(version);
        for (number, (name, step)) in vain(&mut builder).into_iter().enumerate() {
            builder.batch(name, 1, vec![sleep(1), within(5 + number as u64, step), say(name)]);
        }
        let names = ["semaphore", "event", "get", "put", "read", "write"];
        let expected: Vec<(u64, &str)> =
            names.iter().enumerate().flat_map(|(n, name)| [(6 + n as u64, "gave up"), (6 + n as u64, *name)]).collect();
        assert_eq!(finished(&builder.build()), at(&expected), "{version:?}");
    }
}

#[test]
fn a_wait_for_a_notification_has_the_lock_again_before_it_is_given_up() {
    for version in VERSIONS {
        let mut builder = machine(version);
        let lock = builder.lock("lock", false);
        let condition: SyncId = builder.sync("condition", Config::Condition { lock }, false);
        let held: LockId = lock;
        let waits = vec![Stmt::With(held, vec![within(5, Stmt::Sync(condition, Act::Wait)), say("with the lock")])];
        builder.batch("waiter", 1, waits);
        builder.batch("holder", 1, vec![sleep(3), Stmt::With(lock, vec![sleep(10)])]);
        // Its time is over at 5 ms, and the lock is free at 13 ms.
        assert_eq!(finished(&builder.build()), at(&[(13, "gave up"), (13, "with the lock")]), "{version:?}");
    }
}

#[test]
fn who_is_notified_in_time_takes_the_lock_however_long_that_takes() {
    for version in VERSIONS {
        let mut builder = machine(version);
        let lock = builder.lock("lock", false);
        let condition = builder.sync("condition", Config::Condition { lock }, false);
        builder.batch(
            "waiter",
            1,
            vec![Stmt::With(lock, vec![within(5, Stmt::Sync(condition, Act::Wait)), say("on")])],
        );
        let notify = vec![Stmt::Sync(condition, Act::Notify(1)), sleep(10)];
        builder.batch("notifier", 1, vec![sleep(3), Stmt::With(lock, notify)]);
        assert_eq!(finished(&builder.build()), at(&[(13, "on")]), "{version:?}");
    }
}

#[test]
fn a_join_can_be_given_up() {
    let mut builder = machine(Some("3.14"));
    let child: ProgramId = builder.program("child", vec![sleep(20), say("child")]);
    let steps =
        vec![Stmt::Spawn(SpawnKind::Thread, child, 1), within(5, Stmt::Join(child)), Stmt::Join(child), say("end")];
    builder.batch("main", 1, steps);
    assert_eq!(finished(&builder.build()), at(&[(5, "gave up"), (20, "child"), (20, "end")]));
}

#[test]
fn a_circle_with_somebody_who_gives_up_is_no_deadlock() {
    for version in VERSIONS {
        let mut builder = machine(version);
        let (a, b) = (builder.lock("a", false), builder.lock("b", false));
        let patient = vec![Stmt::With(a, vec![sleep(2), Stmt::With(b, vec![say("both")])])];
        let ask = Stmt::Timeout(time(5), vec![Stmt::Acquire(a)], None);
        let steps = vec![Stmt::Try(vec![Stmt::With(b, vec![sleep(2), ask, say("no")])], vec![say("backed off")])];
        builder.batch("patient", 1, patient);
        builder.batch("careful", 1, steps);
        let said: Vec<String> = finished(&builder.build()).into_iter().map(|(_, text)| text).collect();
        assert!(said == ["backed off", "both"] || said == ["both", "backed off"], "{version:?}: {said:?}");
    }
}

#[test]
fn a_thread_can_limit_one_wait_and_nothing_else() {
    let file = |steps: &str| {
        format!(
            "(models: [Threads(2)], shared: {{ \"m\": Lock, \"b\": Barrier(2) }}, \
             tasks: {{ \"t\": (count: 2, steps: [{steps}]) }})"
        )
    };
    assert!(scenario::compile("t", &file("Timeout(\"5ms\", [Acquire(\"m\")]), Release(\"m\")"), &[]).is_ok());
    for steps in [
        "Timeout(\"5ms\", [Sleep(\"1ms\")])",
        "Timeout(\"5ms\", [Acquire(\"m\"), Cpu(\"1ms\")]), Release(\"m\")",
        "Timeout(\"5ms\", [With(\"m\", [Cpu(\"1ms\")])])",
        "Timeout(\"5ms\", [Wait(\"b\")])",
    ] {
        let errors = format!("{:?}", scenario::compile("t", &file(steps), &[]).expect_err(steps));
        assert!(errors.contains("E10") && errors.contains("a thread can limit one Acquire"), "{errors}");
    }
}

#[test]
fn the_auditor_is_silent_whatever_the_policy() {
    for policy in policies() {
        for (version, costs) in [("3.9", Costs::linux()), ("3.14", Costs::linux()), ("3.14", Costs::zero())] {
            let mut builder = Builder::new(2, Execution::Threads(5)).policy(policy.clone()).costs(costs);
            builder.model_mut().interpreter = Interpreter::cpython(Version::parse(version).unwrap());
            let lock = builder.lock("lock", false);
            let event = builder.sync("semaphore", Config::Semaphore { permits: 2, bounded: true }, false);
            let work = || Stmt::Cpu(CpuKind::Python, Dist::Exp { mean: Duration::us(300) });
            let some = |step: Stmt| Stmt::Timeout(Dist::Exp { mean: Duration::us(400) }, vec![step], None);
            let locked = vec![
                some(Stmt::Acquire(lock)),
                work(),
                Stmt::Sleep(Dist::Const(Duration::us(90))),
                Stmt::Release(lock),
            ];
            let permitted = vec![some(Stmt::Sync(event, Act::Acquire)), work(), Stmt::Sync(event, Act::Release)];
            let round = vec![Stmt::Try(locked, vec![work()]), Stmt::Try(permitted, vec![Stmt::Yield])];
            builder.batch("work", 5, vec![Stmt::Repeat(12, round)]);
            builder.model_mut().max_events = 100_000;
            let model = builder.build();
            let (records, ended) = run(&model, 2);
            assert_eq!(
                (audit(&model, &records, &ended), ended.outcome.word()),
                (vec![], "finished"),
                "{version} {policy}"
            );
            assert!(records.iter().any(|record| matches!(record.what, What::Raise { .. })), "some give up");
        }
    }
}
