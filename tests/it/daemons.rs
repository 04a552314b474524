//! Daemons: when the run is over, what is cut off, and where there are none.

use gilsim::model::{Builder, Execution, Model, SpawnKind, Stmt};
use gilsim::scenario;
use gilsim::sim::Ended;
use gilsim::trace::{Record, What};

use crate::real_runs::{audit, policies, run};
use crate::told::{cpu, time};

fn sleep(ms: u64) -> Stmt {
    Stmt::Sleep(time(ms))
}

/// The run, which the auditor accepts.
fn audited(model: &Model) -> (Vec<Record>, Ended) {
    let (records, ended) = run(model, 1);
    let listed: Vec<String> = records.iter().map(|record| format!("{} {:?}", record.time.0, record.what)).collect();
    assert_eq!(audit(model, &records, &ended), [], "{}", listed.join("\n"));
    (records, ended)
}

/// How it ended, when in milliseconds, and how many daemons were cut off.
fn end(builder: Builder) -> (&'static str, u64, u32) {
    let mut model = builder.build();
    model.max_events = 100_000;
    let (_, ended) = audited(&model);
    (ended.outcome.word(), ended.at.0 / 1_000_000, ended.daemons)
}

/// A thread that works for 10 ms beside a child that ticks for ever, or so long.
fn ticking(kind: SpawnKind, child: Vec<Stmt>, then: fn(gilsim::id::ProgramId) -> Vec<Stmt>) -> Builder {
    let mut builder = Builder::new(2, Execution::ThreadPerTask);
    let tick = builder.program("tick", child);
    let mut steps = vec![Stmt::Spawn(kind, tick, 2), sleep(10)];
    steps.extend(then(tick));
    builder.batch("main", 1, steps);
    builder
}

fn for_ever() -> Vec<Stmt> {
    vec![Stmt::Forever(vec![sleep(3), cpu(1)])]
}

#[test]
fn a_run_is_over_when_only_daemons_are_left() {
    let nothing = |_| Vec::new();
    for kind in [SpawnKind::DaemonThread, SpawnKind::DaemonProcess] {
        assert_eq!(end(ticking(kind, for_ever(), nothing)), ("finished", 10, 2), "{kind:?}");
        // Those that have ended before are not cut off.
        assert_eq!(end(ticking(kind, vec![sleep(2)], nothing)), ("finished", 10, 0), "{kind:?}");
        // One that waits for ever is.
        let mut builder = ticking(kind, vec![sleep(1)], nothing);
        let lock = builder.lock("lock", false);
        let waits = builder.program("waits", vec![Stmt::Acquire(lock), Stmt::Acquire(lock)]);
        builder.batch("other", 1, vec![Stmt::Spawn(kind, waits, 1)]);
        assert_eq!(end(builder), ("finished", 10, 1), "{kind:?}");
    }
    for kind in [SpawnKind::Thread, SpawnKind::Process] {
        assert_eq!(end(ticking(kind, for_ever(), nothing)).0, "limit", "{kind:?}");
        assert_eq!(end(ticking(kind, vec![sleep(30)], nothing)), ("finished", 30, 0), "{kind:?}");
    }
}

#[test]
fn a_join_waits_for_daemons_as_for_others() {
    let join = |tick| vec![Stmt::Join(tick), cpu(1)];
    assert_eq!(end(ticking(SpawnKind::DaemonThread, vec![sleep(30)], join)), ("finished", 31, 0));
}

#[test]
fn who_is_started_by_a_daemon_is_one() {
    let mut builder = Builder::new(2, Execution::Serial);
    let grandchild = builder.program("grandchild", for_ever());
    let child = builder.program("child", vec![Stmt::Spawn(SpawnKind::Thread, grandchild, 3), sleep(50)]);
    builder.batch("main", 1, vec![Stmt::Spawn(SpawnKind::DaemonThread, child, 1), sleep(20)]);
    assert_eq!(end(builder), ("finished", 20, 4));
    // Threads of a daemonic process go with it; a process is daemonic only if that is said.
    let mut builder = Builder::new(2, Execution::Serial);
    let grandchild = builder.program("grandchild", for_ever());
    let child = builder.program("child", vec![Stmt::Spawn(SpawnKind::Thread, grandchild, 1), sleep(50)]);
    builder.batch("main", 1, vec![Stmt::Spawn(SpawnKind::DaemonProcess, child, 1), sleep(20)]);
    assert_eq!(end(builder), ("finished", 20, 2));
    let mut builder = Builder::new(2, Execution::Serial);
    let process = builder.program("process", vec![sleep(30)]);
    let child = builder.program("child", vec![Stmt::Spawn(SpawnKind::Process, process, 1), sleep(50)]);
    builder.batch("main", 1, vec![Stmt::Spawn(SpawnKind::DaemonThread, child, 1), sleep(20)]);
    assert_eq!(end(builder), ("finished", 30, 1));
}

#[test]
fn a_daemon_goes_on_between_jobs_that_are_still_to_come() {
    let text = "(machine: (costs: Zero), models: [Threads(2)], shared: { \"n\": Int(0) }, \
         programs: { \"tick\": [Forever([Sleep(\"10ms\"), Incr(\"n\")])] }, \
         tasks: { \"main\": (arrive: Recorded([\"0ms\", \"95ms\"]), steps: [Choose({ 1.0: [Cpu(\"1ms\")] })]), \
                  \"first\": (steps: [Spawn(DaemonThread, \"tick\")]) }, \
         expect: [Final(var: \"n\", is: 9), Elapsed(is: \"96ms\")])";
    let compiled = scenario::compile("test", text, &[]).unwrap();
    let model = &compiled.scenario.points[0].models[0];
    let (records, ended) = audited(model);
    assert_eq!((ended.outcome.word(), ended.at.0, ended.daemons), ("finished", 96_000_000, 1));
    let stores = records.iter().filter(|record| matches!(record.what, What::Store { .. })).count();
    assert_eq!(stores, 9);
}

#[test]
fn daemons_in_a_circle_end_nothing_early() {
    let mut builder = Builder::new(2, Execution::ThreadPerTask);
    let (a, b) = (builder.lock("a", false), builder.lock("b", false));
    let cross = |first, second| vec![Stmt::Acquire(first), sleep(2), Stmt::Acquire(second)];
    let (ab, ba) = (builder.program("ab", cross(a, b)), builder.program("ba", cross(b, a)));
    let spawn = |program| Stmt::Spawn(SpawnKind::DaemonThread, program, 1);
    builder.batch("main", 1, vec![spawn(ab), spawn(ba), sleep(10)]);
    assert_eq!(end(builder), ("finished", 10, 2));
}

#[test]
fn what_a_daemon_cannot_be() {
    for (programs, spawn, title) in [
        (
            "\"child\": [Spawn(DaemonThread, \"tick\"), Cpu(\"1ms\")], \"tick\": [Cpu(\"1ms\")]",
            "Spawn(Process, \"child\")",
            "what becomes of that in a child process is not modelled",
        ),
        (
            "\"child\": [Spawn(Process, \"tick\"), Cpu(\"1ms\")], \"tick\": [Cpu(\"1ms\")]",
            "Spawn(DaemonProcess, \"child\")",
            "a daemonic process cannot have children",
        ),
        (
            "\"child\": [Forever([Sleep(\"1ms\")])]",
            "Spawn(DaemonThread, \"child\"), Join(\"child\")",
            "which never ends, and nothing ends the run",
        ),
        ("\"child\": [Cpu(\"1ms\")]", "Spawn(DaemonCoroutine, \"child\")", "DaemonCoroutine"),
    ] {
        let text = format!("(models: [Serial], programs: {{ {programs} }}, tasks: {{ \"main\": (steps: [{spawn}]) }})");
        let errors = format!("{:?}", scenario::compile("test", &text, &[]).expect_err(title));
        assert!(errors.contains(title), "{errors}");
    }
}

#[test]
fn the_auditor_is_silent_whatever_the_policy() {
    for policy in policies() {
        for execution in [Execution::Serial, Execution::Threads(3), Execution::Asyncio, Execution::FreeThreaded(2)] {
            let mut builder = Builder::new(2, execution).policy(policy.clone());
            let disk = builder.device("disk", time(2), Some(1));
            let lock = builder.lock("lock", false);
            let tick = builder.program(
                "tick",
                vec![Stmt::Forever(vec![Stmt::With(lock, vec![cpu(1), sleep(1)]), Stmt::Io(disk, None)])],
            );
            let work = vec![cpu(2), Stmt::With(lock, vec![cpu(1)]), Stmt::Io(disk, None)];
            builder.batch("first", 1, vec![Stmt::Spawn(SpawnKind::DaemonThread, tick, 2)]);
            builder.batch("work", 5, work);
            builder.model_mut().max_events = 50_000;
            audited(&builder.build());
        }
    }
}
