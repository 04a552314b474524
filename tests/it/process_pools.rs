//! Pools of processes: what a message costs, in what order things happen, and what becomes of a pool whose worker dies.

use gilsim::dist::Dist;
use gilsim::metrics::Meter;
use gilsim::metrics::figures::Figures;
use gilsim::model::{Act, Version};
use gilsim::model::{
    Arrivals, Builder, Costs, Execution, Interpreter, Model, PoolKind, ProcessPool, StartMethod, Stmt,
};
use gilsim::sim::Ended;
use gilsim::sync::Config;
use gilsim::time::{Duration, Time};
use gilsim::trace::{CpuKind, Digest, Record, Role, What};

use crate::real_runs::{audit, policies, run};
use crate::told::wrong;

fn cpu(time: Duration) -> Stmt {
    Stmt::Cpu(CpuKind::Python, Dist::Const(time))
}

pub fn pool(kind: PoolKind, workers: u32, chunk: u32, start: StartMethod) -> Execution {
    Execution::ProcessPool(ProcessPool { kind, workers: Some(workers), chunk: Some(chunk), start: Some(start) })
}

fn executor(workers: u32, chunk: u32) -> Execution {
    pool(PoolKind::Executor, workers, chunk, StartMethod::Fork)
}

fn multiprocessing(workers: u32, chunk: u32) -> Execution {
    pool(PoolKind::Multiprocessing, workers, chunk, StartMethod::Fork)
}

/// A run that the auditor accepts.
fn checked(model: &Model) -> (Vec<Record>, Ended) {
    let (records, ended) = run(model, 1);
    let found = audit(model, &records, &ended);
    let near = found.first().map_or(0, |first| first.record as usize);
    let near: Vec<_> = records.iter().skip(near.saturating_sub(5)).take(8).collect();
    assert_eq!(found, [], "{near:#?}");
    (records, ended)
}

fn figures(model: &Model) -> Figures {
    let mut sinks = (Digest::default(), Meter::new(model));
    let ended = gilsim::sim::run(model, 1, &mut sinks);
    sinks.1.finish(1, &ended, &sinks.0)
}

/// Only what is given costs anything.
fn only(change: impl Fn(&mut Costs)) -> Costs {
    let mut costs = Costs::zero();
    change(&mut costs);
    costs
}

#[test]
fn n_jobs_on_w_workers_end_at_n_by_w_rounded_up_times_d() {
    for kind in [PoolKind::Executor, PoolKind::Multiprocessing] {
        for (jobs, workers) in [(1, 4), (9, 4), (12, 3), (5, 1)] {
            let mut builder = Builder::new(4, pool(kind, workers, 1, StartMethod::Spawn));
            builder.batch("job", jobs, vec![cpu(Duration::ms(10))]);
            let (_, ended) = checked(&builder.build());
            assert_eq!(ended.outcome.word(), "finished");
            assert_eq!(ended.at.0, 10_000_000 * u64::from(jobs.div_ceil(workers)), "{kind:?} {jobs} on {workers}");
        }
    }
}

/// A third of the cost for each of three steps: the parent is the bottleneck, and its GIL lets one at a time.
#[test]
fn dispatch_is_core_time_of_the_parent_for_each_message() {
    let costs = |each: u64| only(|costs| (costs.dispatch, costs.pool_dispatch) = (Duration(each), Duration(each)));
    for (execution, chunk) in
        [(executor(8, 1), 1), (executor(8, 5), 5), (multiprocessing(8, 1), 1), (multiprocessing(8, 5), 5)]
    {
        let mut builder = Builder::new(16, execution).costs(costs(30_000));
        builder.batch("job", 100, vec![]);
        let (_, ended) = checked(&builder.build());
        assert_eq!(ended.at.0, 30_000 * 100 / chunk, "{execution}");
    }
}

#[test]
fn a_message_costs_by_its_size_at_both_ends() {
    let costs = only(|costs| {
        (costs.kilobyte, costs.pickle, costs.message) = (Duration::us(1), Duration(100), Duration::us(7));
    });
    let mut builder = Builder::new(4, executor(1, 1)).costs(costs);
    let task = builder.batch("job", 1, vec![]);
    builder.messages(task, 10_000, 4_000);
    let (_, ended) = checked(&builder.build());
    // 10 us and 4 us for the bytes, 0.1 us at each of four ends, 7 us twice for the worker.
    assert_eq!(ended.at.0, 10_000 + 4_000 + 400 + 14_000);
}

#[test]
fn the_call_queue_holds_one_chunk_more_than_there_are_workers() {
    let mut builder = Builder::new(8, executor(3, 1));
    builder.batch("job", 20, vec![cpu(Duration::ms(10))]);
    let (records, _) = checked(&builder.build());
    let begun = |record: &&Record| record.time == Time(0) && matches!(record.what, What::Pass { .. });
    let at_once = records.iter().filter(begun).filter(|record| format!("{:?}", record.what).contains("Handed"));
    assert_eq!(at_once.count(), 4, "the manager hands on more when it has a result");
}

#[test]
fn a_chunk_is_of_one_task_and_one_instant() {
    let mut builder = Builder::new(4, executor(1, 4));
    builder.batch("a", 6, vec![cpu(Duration::ms(1))]);
    builder.batch("b", 1, vec![cpu(Duration::ms(1))]);
    builder.task("c", Some(2), Arrivals::Every(Duration::ms(20)), vec![], vec![cpu(Duration::ms(1))]);
    let (records, _) = checked(&builder.build());
    let settled = records.iter().filter(|record| format!("{:?}", record.what).contains("Settled")).count();
    assert_eq!(settled, 5, "four and two, one, and two alone");
}

#[test]
fn by_default_a_map_has_four_chunks_for_each_worker_and_an_executor_single_jobs() {
    let of = |kind| {
        let asked = ProcessPool { kind, workers: None, chunk: None, start: None };
        let mut builder = Builder::new(4, Execution::ProcessPool(asked));
        builder.batch("map", 100, vec![]);
        builder.task("apply", Some(100), Arrivals::Every(Duration::ms(1)), vec![], vec![]);
        let model = builder.build();
        [0, 1].map(|task| model.chunk_of(asked, task))
    };
    assert_eq!((of(PoolKind::Executor), of(PoolKind::Multiprocessing)), ([1, 1], [7, 1]));
}

/// When the first job starts, and how many workers there are in the end.
fn started(execution: Execution, jobs: u32) -> (u64, usize) {
    let costs = Costs { wake_latency: Dist::ZERO, context_switch: Duration::ZERO, ..Costs::linux() };
    let costs = Costs { dispatch: Duration::ZERO, pool_dispatch: Duration::ZERO, message: Duration::ZERO, ..costs };
    let costs = Costs { syscall: Duration::ZERO, pickle: Duration::ZERO, migration: Duration::ZERO, ..costs };
    let mut builder = Builder::new(8, execution).costs(costs);
    builder.batch("job", jobs, vec![cpu(Duration::ms(1))]);
    let (records, _) = checked(&builder.build());
    let first = records.iter().find(|record| matches!(record.what, What::JobStart { .. })).unwrap();
    let workers = |record: &&Record| matches!(record.what, What::ThreadStart { role: Role::Worker(_), .. });
    (first.time.0, records.iter().filter(workers).count())
}

#[test]
fn workers_start_as_their_method_says() {
    let us = 1_000;
    // Forked ones all before the first job is handed on, the others one for each job that finds none idle.
    assert_eq!(started(executor(4, 1), 2), (4 * 970 * us, 4));
    assert_eq!(started(pool(PoolKind::Executor, 4, 1, StartMethod::Spawn), 2), (100_000 * us, 2));
    assert_eq!(started(pool(PoolKind::Executor, 4, 1, StartMethod::ForkServer), 2), (60_000 * us, 2));
    // A multiprocessing.Pool starts all of them when it is made, and nothing is sent before.
    assert_eq!(started(multiprocessing(4, 1), 2), (4 * 970 * us, 4));
    assert_eq!(started(pool(PoolKind::Multiprocessing, 4, 1, StartMethod::Spawn), 2), (100_000 * us, 4));
}

#[test]
fn the_start_method_follows_the_version() {
    let of = |version| Interpreter::cpython(Version::parse(version).unwrap()).start_method;
    assert_eq!(["3.9", "3.13", "3.14"].map(of), [StartMethod::Fork, StartMethod::Fork, StartMethod::ForkServer]);
}

#[test]
fn a_thread_that_computes_in_a_worker_does_not_hold_up_the_parent() {
    let mut builder = Builder::new(4, executor(2, 1));
    builder.batch("job", 2, vec![Stmt::Cpu(CpuKind::HoldGil, Dist::Const(Duration::ms(10)))]);
    let (_, ended) = checked(&builder.build());
    assert_eq!(ended.at.0, 10_000_000, "each worker has a GIL of its own");
}

#[test]
fn an_exception_fails_the_chunk_that_it_is_in() {
    let raises = |execution| {
        let mut builder = Builder::new(4, execution);
        let failing = vec![Stmt::Choose(vec![(0.5, vec![Stmt::Raise])]), cpu(Duration::us(10))];
        builder.batch("job", 40, failing);
        let model = builder.build();
        checked(&model);
        let figures = figures(&model);
        (figures.outcome, figures.tasks[0].failed.unwrap(), figures.completed)
    };
    let (outcome, failed, completed) = raises(executor(2, 1));
    assert_eq!((outcome.as_str(), failed + completed), ("finished", 40));
    assert!((10..30).contains(&failed), "{failed}");
    let (_, failed, _) = raises(executor(2, 20));
    assert_eq!(failed, 40, "one of twenty fails, and all of them have");
}

/// The jobs that are not complete when a worker dies fail, and so do those that come later.
#[test]
fn a_dead_worker_breaks_an_executor() {
    let mut builder = Builder::new(4, executor(2, 1));
    builder.batch("job", 3, vec![cpu(Duration::ms(10))]);
    builder.batch("crash", 1, vec![cpu(Duration::ms(5)), Stmt::Exit]);
    builder.batch("behind", 4, vec![cpu(Duration::ms(10))]);
    builder.task("later", Some(1), Arrivals::Recorded([Duration::s(1)].into()), vec![], vec![]);
    let model = builder.build();
    let (_, ended) = checked(&model);
    assert_eq!(ended.outcome.word(), "finished");
    let said = figures(&model).explanation.join("\n");
    assert!(said.starts_with("worker 1 died at 15ms, and with it the pool"), "{said}");
    let failed: Vec<u64> = figures(&model).tasks.iter().map(|task| task.failed.unwrap()).collect();
    assert_eq!(failed, [1, 1, 4, 1], "the third job was under way");
}

/// One worker dies after 5 ms; the others compute, sleep, wait for a device, a lock, an event and a place in the run queue.
fn breaking(cores: u32, costs: Costs) -> Builder {
    let mut builder = Builder::new(cores, executor(7, 1)).costs(costs);
    let (disk, lock) = (builder.device("disk", Dist::Const(Duration::s(1)), Some(1)), builder.lock("m", true));
    let event = builder.sync("event", Config::Event, true);
    let say = || Stmt::Print("done".to_owned());
    builder.batch("crash", 1, vec![cpu(Duration::ms(5)), Stmt::Exit]);
    builder.batch("compute", 2, vec![cpu(Duration::s(1)), say()]);
    builder.batch("sleep", 1, vec![Stmt::Sleep(Dist::Const(Duration::s(1))), say()]);
    builder.batch("ask", 1, vec![Stmt::Io(disk, None), say()]);
    builder.batch("hold", 1, vec![Stmt::Acquire(lock), Stmt::Sleep(Dist::Const(Duration::s(1))), say()]);
    builder.batch("wait", 1, vec![Stmt::Sync(event, Act::Wait), say()]);
    builder
}

/// `terminate_broken` of `concurrent/futures/process.py`.
#[test]
fn workers_of_a_broken_executor_are_terminated() {
    let syscalls = only(|costs| costs.syscall = Duration::us(1));
    for (cores, costs) in [(8, Costs::zero()), (8, syscalls), (2, Costs::zero()), (2, Costs::linux())] {
        let model = breaking(cores, costs).build();
        let (records, ended) = checked(&model);
        assert_eq!(ended.outcome.word(), "finished");
        assert!(!records.iter().any(|record| matches!(record.what, What::Print { .. })), "nobody gets to his end");
        let killed: Vec<_> = records.iter().filter(|record| matches!(record.what, What::Kill { .. })).collect();
        assert_eq!(killed.len(), 6, "all but the one that has died");
        let role = |record: &&Record| matches!(record.what, What::ThreadEnd { .. });
        assert_eq!(records.iter().filter(role).count(), 7);
        let last = records.iter().rfind(role).unwrap().time;
        assert!(last.0 < 60_000_000, "at once, and not after a second: {last:?}");
        assert_eq!(figures(&model).tasks.iter().map(|task| task.failed.unwrap_or(0)).sum::<u64>(), 7);
    }
    // The manager makes a system call for each of the six that are left.
    let model = breaking(8, only(|costs| costs.syscall = Duration::us(1))).build();
    let (records, _) = checked(&model);
    let times =
        |like: fn(&What) -> bool| records.iter().filter(|r| like(&r.what)).map(|r| r.time.0).collect::<Vec<_>>();
    let (lost, killed) =
        (times(|what| matches!(what, What::JobLost { .. })), times(|what| matches!(what, What::Kill { .. })));
    assert_eq!(killed, [lost[0] + 6_000; 6]);
}

#[test]
fn a_worker_that_is_still_on_its_way_is_terminated_too() {
    let mut builder = Builder::new(4, pool(PoolKind::Executor, 2, 1, StartMethod::Spawn));
    builder.model_mut().machine.costs = only(|costs| costs.spawn_start = Duration::ms(40));
    builder.batch("crash", 1, vec![cpu(Duration::ms(5)), Stmt::Exit]);
    builder.batch("other", 3, vec![cpu(Duration::ms(100))]);
    let (records, ended) = checked(&builder.build());
    assert_eq!(ended.outcome.word(), "finished");
    let workers = records.iter().filter(|r| matches!(r.what, What::ThreadStart { role: Role::Worker(_), .. })).count();
    assert_eq!(workers, 1, "the second one is started for nothing, and never comes to be");
}

#[test]
fn a_multiprocessing_pool_goes_on_and_waits_for_a_result_that_never_comes() {
    let mut builder = Builder::new(4, multiprocessing(2, 1));
    builder.batch("crash", 1, vec![cpu(Duration::ms(5)), Stmt::Exit]);
    builder.batch("job", 20, vec![cpu(Duration::ms(10))]);
    let model = builder.build();
    let (records, ended) = checked(&model);
    assert_eq!(ended.outcome.word(), "deadlock");
    let said = ended.outcome.explanation().join("\n");
    let expected = "crash waits for a result that never comes, since 5ms; worker 0 has died with it, and its pool only starts another worker";
    assert!(said.contains(expected), "{said}");
    assert_eq!(figures(&model).completed, 20, "the others are done");
    let third = |record: &&Record| matches!(record.what, What::ThreadStart { role: Role::Worker(2), .. });
    assert_eq!(records.iter().find(third).unwrap().time.0, 100_000_000, "it looks for dead workers every 100 ms");
}

/// `tests/it/scenarios.rs` has the figures of the lesson; this is one call at a time, as `submit(..).result()`.
#[test]
fn a_round_trip_takes_about_as_long_as_measured() {
    let trip = |execution| {
        let mut builder = Builder::new(2, execution).costs(Costs::linux());
        let think = builder.dist(Dist::Const(Duration::ms(1)));
        builder.task("call", Some(200), Arrivals::Closed { users: 1, think }, vec![], vec![]);
        let figures = figures(&builder.build());
        figures.response.p50.0 / 1_000
    };
    // Measured: 430 to 630 us, and 250 to 440 us.
    let (executor, multiprocessing) = (trip(executor(2, 1)), trip(multiprocessing(2, 1)));
    assert!((150..630).contains(&executor), "{executor} us");
    assert!((60..440).contains(&multiprocessing), "{multiprocessing} us");
}

#[test]
fn no_rule_is_broken() {
    for kind in [PoolKind::Executor, PoolKind::Multiprocessing] {
        for start in [StartMethod::Fork, StartMethod::ForkServer] {
            for policy in policies() {
                for (costs, cores, chunk) in [(Costs::zero(), 1, 1), (Costs::linux(), 2, 3), (Costs::linux(), 3, 1)] {
                    let mut builder =
                        Builder::new(cores, pool(kind, 2, chunk, start)).policy(policy.clone()).costs(costs);
                    everything(&mut builder);
                    let model = builder.build();
                    let (records, ended) = run(&model, 3);
                    let found = audit(&model, &records, &ended);
                    assert_eq!((ended.outcome.word(), found.first()), ("finished", None), "{kind:?} {policy} {cores}");
                }
            }
        }
    }
}

pub fn everything(builder: &mut Builder) {
    let lock = builder.lock("m", true);
    let var = builder.var("v", 0, false);
    let disk = builder.device("disk", Dist::Exp { mean: Duration::us(300) }, Some(1));
    let python = |us| Stmt::Cpu(CpuKind::Python, Dist::Exp { mean: Duration::us(us) });
    let steps = vec![python(200), Stmt::Io(disk, None), Stmt::With(lock, vec![python(50)]), Stmt::Incr(var, 1)];
    let task = builder.batch("batch", 12, steps.clone());
    builder.messages(task, 20_000, 300);
    let risky = vec![python(100), Stmt::Choose(vec![(0.2, vec![Stmt::Raise])])];
    builder.batch("risky", 8, risky);
    builder.task("stream", Some(12), Arrivals::Every(Duration::us(900)), vec![], steps);
    builder.task("then", Some(3), Arrivals::AtOnce, vec![task], vec![python(50)]);
}

#[test]
fn what_cannot_be_is_an_error() {
    let file = |models: &str, steps: &str, more: &str| {
        format!("(tasks: {{ \"t\": (count: 9, {more} steps: [{steps}]) }}, models: [{models}])")
    };
    let old = "interpreter: CPython(version: \"3.13\"),";
    for (text, expected) in [
        (
            file("Serial", "Exit", ""),
            "E10 Exit ends a worker process of a pool, and under Serial it would end everything",
        ),
        (
            file("ProcessPool(workers: 2)", "Cpu(\"1ms\")", "deadline: \"1s\", late: Abort,"),
            "E10 a job that is handed to another process cannot be dropped, as under ProcessPool(workers: 2)",
        ),
        (file("ProcessPool(chunk: 0)", "Cpu(\"1ms\")", ""), "E05 a message takes along at least one job"),
        (
            file("Serial", "Cpu(\"1ms\")", "argument: \"1kB\","),
            "ignored the argument of a job is of use only to pools of processes",
        ),
        (
            file("InterpreterPool()", "Cpu(\"1ms\")", "").replacen('(', &format!("({old}"), 1),
            "E10 CPython 3.13 has no InterpreterPoolExecutor",
        ),
        (
            file("ProcessPool(start: Spawn)", "Cpu(\"1ms\")", "").replacen(
                '(',
                "(interpreter: CPython(version: \"3.3\"),",
                1,
            ),
            "E10 CPython 3.3 can only fork",
        ),
        (
            file("ProcessPool()", "Cpu(\"1ms\")", "").replacen('(', "(interpreter: Ruby(),", 1),
            "E10 Ruby has no such pools of processes",
        ),
        (
            file("MultiprocessingPool()", "Cpu(\"1ms\")", "").replacen(
                '(',
                "(interpreter: CPython(version: \"2.7\"),",
                1,
            ),
            "E10 the pools of processes of CPython 2.7 are not modelled",
        ),
    ] {
        let found = wrong(&text);
        assert!(found.iter().any(|found| found == expected), "{text}: {found:?}");
    }
    let fine = file(
        "ProcessPool(), MultiprocessingPool(workers: 2, chunk: 3, start: Spawn), InterpreterPool()",
        "Cpu(\"1ms\")",
        "",
    );
    assert_eq!(wrong(&fine), Vec::<String>::new());
}

/// An interpreter pool starts its workers as a thread pool does, each with a GIL of its own.
#[test]
fn interpreters_come_when_they_are_needed() {
    let mut builder = Builder::new(4, Execution::InterpreterPool(Some(4)));
    builder.batch("job", 2, vec![cpu(Duration::ms(10))]);
    builder.task("later", Some(1), Arrivals::Recorded([Duration::ms(20)].into()), vec![], vec![cpu(Duration::ms(10))]);
    let (records, ended) = checked(&builder.build());
    let workers = |record: &&Record| matches!(record.what, What::ThreadStart { role: Role::Worker(_), .. });
    assert_eq!((ended.at.0, records.iter().filter(workers).count()), (30_000_000, 2));
}
