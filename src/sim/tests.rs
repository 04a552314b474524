//! Whole runs of small models, told as timelines.

use super::*;
use crate::dist::Dist;
use crate::kernel::policy::{Joins, RoundRobin, Timer};
use crate::model::{Arrivals, Builder, Costs, Execution, Stmt};
use crate::time::Duration;
use crate::trace::{CpuKind, Digest};

fn ms(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

fn cpu(time: Dist) -> Stmt {
    Stmt::Cpu(CpuKind::Python, time)
}

fn end_of(builder: Builder) -> (Outcome, f64) {
    let ended = run(&builder.build(), 1, &mut ());
    (ended.outcome, ended.at.0 as f64 / 1e6)
}

#[test]
fn threads_under_a_gil_take_as_long_as_one_after_the_other() {
    for (execution, expected) in [
        (Execution::Serial, 100.0),
        (Execution::Threads(2), 100.0),
        (Execution::FreeThreaded(2), 50.0),
        (Execution::Processes(2), 50.0),
        (Execution::Asyncio, 100.0),
        (Execution::ThreadPerTask, 100.0),
        (Execution::HybridAsyncio { processes: 2 }, 50.0),
        (Execution::HybridThreads { processes: 2, threads: 2 }, 50.0),
    ] {
        let mut builder = Builder::new(4, execution);
        builder.batch("work", 2, vec![cpu(ms(50))]);
        assert_eq!(end_of(builder), (Outcome::Finished, expected), "{execution}");
    }
}

#[test]
fn waiting_overlaps_wherever_it_can() {
    for (execution, expected) in
        [(Execution::Serial, 200.0), (Execution::Threads(10), 20.0), (Execution::Asyncio, 20.0)]
    {
        let mut builder = Builder::new(2, execution);
        let disk = builder.device("disk", ms(20), None);
        builder.batch("fetch", 10, vec![Stmt::Io(disk, None)]);
        assert_eq!(end_of(builder), (Outcome::Finished, expected), "{execution}");
    }
}

#[test]
fn one_slot_serves_one_request_at_a_time() {
    let mut builder = Builder::new(2, Execution::Threads(3));
    let disk = builder.device("disk", ms(20), Some(1));
    builder.batch("fetch", 3, vec![Stmt::Io(disk, None)]);
    assert_eq!(end_of(builder), (Outcome::Finished, 60.0));
}

#[test]
fn crossed_locks_are_a_deadlock_with_its_circle() {
    let mut builder = Builder::new(2, Execution::Threads(2));
    let (a, b) = (builder.lock("a", false), builder.lock("b", false));
    let both = |x, y| vec![Stmt::With(x, vec![Stmt::Sleep(ms(1)), Stmt::With(y, vec![])])];
    builder.batch("one", 1, both(a, b));
    builder.batch("two", 1, both(b, a));
    let (outcome, at) = end_of(builder);
    assert_eq!(outcome.word(), "deadlock");
    assert_eq!(
        outcome.explanation(),
        [
            "two waits for the lock \"a\", held by one, since 1ms",
            "one waits for the lock \"b\", held by two, since 1ms"
        ]
    );
    assert_eq!(at, 1.0);
}

#[test]
fn an_update_is_lost_between_load_and_store_unless_a_lock_forbids_it() {
    for (locked, value) in [(false, 1), (true, 2)] {
        let mut builder = Builder::new(2, Execution::FreeThreaded(2));
        let (x, lock) = (builder.var("x", 0, false), builder.lock("lock", false));
        let change = vec![Stmt::Load(x), cpu(ms(1)), Stmt::Add(x, 1.into()), Stmt::Store(x)];
        builder.batch("adder", 2, if locked { vec![Stmt::With(lock, change)] } else { change });
        let model = builder.build();
        let mut records = Vec::new();
        assert_eq!(run(&model, 1, &mut records).outcome, Outcome::Finished);
        let last = records.iter().rev().find_map(|record| match record.what {
            What::Store { value, .. } => Some(value),
            _ => None,
        });
        assert_eq!(last, Some(value));
    }
}

#[test]
fn a_loop_without_time_is_given_up() {
    let mut builder = Builder::new(1, Execution::Serial).until(Duration::s(1));
    builder.batch("spin", 1, vec![Stmt::Forever(vec![Stmt::Yield])]);
    assert_eq!(end_of(builder).0.word(), "livelock");
}

#[test]
fn a_run_without_end_stops_at_its_limit() {
    let mut builder = Builder::new(1, Execution::Serial);
    builder.model_mut().max_events = 1_000;
    builder.batch("spin", 1, vec![Stmt::Forever(vec![Stmt::Sleep(ms(1))])]);
    assert_eq!(end_of(builder).0, Outcome::Limit { max_events: 1_000 });
}

#[test]
fn children_are_joined_and_processes_have_their_own_memory() {
    let mut builder = Builder::new(4, Execution::Serial);
    let x = builder.var("x", 5, false);
    let child = builder.program("child", vec![Stmt::Load(x), Stmt::Add(x, 1.into()), cpu(ms(40)), Stmt::Store(x)]);
    let spawn = Stmt::Spawn(crate::model::SpawnKind::Process, child, 2);
    builder.batch("parent", 1, vec![spawn, Stmt::Join(child), Stmt::Load(x), Stmt::Store(x)]);
    let model = builder.build();
    let mut records = Vec::new();
    let ended = run(&model, 1, &mut records);
    assert_eq!((ended.outcome, ended.at), (Outcome::Finished, Time(40_000_000)));
    let last = records.iter().rev().find_map(|record| match record.what {
        What::Store { value, .. } => Some(value),
        _ => None,
    });
    assert_eq!(last, Some(5), "the parent never sees what its children wrote");
}

#[test]
fn tasks_wait_for_the_tasks_before_them() {
    let mut builder = Builder::new(4, Execution::Processes(4));
    let first = builder.batch("first", 2, vec![cpu(ms(10))]);
    let second = builder.task("second", Some(1), Arrivals::AtOnce, vec![first], vec![cpu(ms(5))]);
    builder.task("third", Some(1), Arrivals::AtOnce, vec![first, second], vec![cpu(ms(1))]);
    assert_eq!(end_of(builder), (Outcome::Finished, 16.0));
}

/// A cloned world goes on exactly as the original does, and its hash is a function of its state.
#[test]
fn the_world_can_be_cloned_and_hashed() {
    use std::hash::{Hash, Hasher};
    let hash = |world: &World| {
        let mut fold = std::hash::DefaultHasher::new();
        world.hash(&mut fold);
        fold.finish()
    };
    let mut builder = Builder::new(2, Execution::Threads(3)).costs(Costs::linux()).until(Duration::s(1));
    let disk = builder.device("disk", Dist::Exp { mean: Duration::ms(4) }, None);
    let steps = vec![cpu(Dist::Exp { mean: Duration::ms(1) }), Stmt::Io(disk, None)];
    builder.batch("loop", 3, vec![Stmt::Forever(steps)]);
    let model = builder.build();

    let (mut head, mut tail, mut again) = (Digest::default(), Digest::default(), Digest::default());
    let mut chooser = First;
    let mut sim = Sim::start(&model, 1, &mut head, &mut chooser);
    sim.advance_to(Time(500_000_000));
    let middle = sim.world().clone();
    assert_eq!(hash(&middle), hash(sim.world()));
    let mut chooser = First;
    let mut one = Sim::resume(&model, 1, &mut tail, &mut chooser, middle.clone());
    one.advance_to(Time::NEVER);
    assert_ne!(hash(&middle), hash(one.world()));
    let mut chooser = First;
    let mut two = Sim::resume(&model, 1, &mut again, &mut chooser, middle);
    two.advance_to(Time::NEVER);
    assert_eq!(hash(one.world()), hash(two.world()));
    drop((one, two));
    assert_eq!(tail.value(), again.value());
    assert!(tail.records() > 100);
}

#[test]
fn who_stands_first_at_the_end_of_a_slice_is_a_setting() {
    for (joins, expected) in
        [(Joins::ArrivalsFirst, [5, 4]), (Joins::PreemptedFirst, [3, 5]), (Joins::ArrivalsUnseen, [3, 5])]
    {
        let mut builder =
            Builder::new(1, Execution::ThreadPerTask).native().policy(RoundRobin(Duration::ms(2), joins, Timer::Fresh));
        builder.batch("a", 1, vec![cpu(ms(3))]);
        let at = Arrivals::Recorded([Duration::ms(2)].into());
        builder.task("b", Some(1), at, vec![], vec![cpu(ms(2))]);
        let model = builder.build();
        let mut records = Vec::new();
        run(&model, 1, &mut records);
        let mut found = [0; 2];
        for record in &records {
            if let What::JobEnd { job, .. } = record.what {
                found[job.index()] = record.time.0 / 1_000_000;
            }
        }
        assert_eq!(found, expected, "{joins:?}");
    }
}

/// Native calls that hold the GIL have no check points inside, but their ends are: another thread gets its turn.
#[test]
fn a_program_of_native_calls_gives_the_gil_away_between_them() {
    for call in [Stmt::Cpu(CpuKind::HoldGil, ms(2)), Stmt::Repeat(1_000, vec![])] {
        let mut builder = Builder::new(2, Execution::Threads(2)).until(Duration::ms(100));
        let count = builder.var("count", 0, false);
        builder.model_mut().interpreter.increment = Duration::ms(2);
        // Increments have no check points inside either, and the round of the loop ends with one.
        let steps = if matches!(call, Stmt::Repeat(..)) { vec![Stmt::Incr(count, 1)] } else { vec![call] };
        builder.batch("caller", 1, vec![Stmt::Forever(steps)]);
        builder.batch("other", 1, vec![cpu(ms(1)), Stmt::Print("at last".to_owned())]);
        let mut records = Vec::new();
        run(&builder.build(), 1, &mut records);
        let printed = records.iter().find(|record| matches!(record.what, What::Print { .. }));
        // It waits one interval, and then for the end of the call: the third ends at 6 ms.
        assert_eq!(printed.map(|record| record.time), Some(Time(7_000_000)));
    }
}

/// A request that is pending when the holder gives the GIL up for a system call delays the call until the GIL is taken.
#[test]
fn io_behind_a_request_waits_for_a_switch_first() {
    let costs = Costs { wake_latency: Dist::Const(Duration::us(10)), ..Costs::zero() };
    let mut builder = Builder::new(2, Execution::Threads(2)).costs(costs);
    let disk = builder.device("disk", ms(1), None);
    // The call ends when the waiter has just asked: 5 ms after it began to wait, and a wake-up of 10 us.
    builder.batch(
        "reader",
        1,
        vec![Stmt::Cpu(CpuKind::Atomic, Dist::Const(Duration::us(6_000))), Stmt::Io(disk, None)],
    );
    builder.batch("waiter", 1, vec![cpu(ms(1))]);
    let mut records = Vec::new();
    run(&builder.build(), 1, &mut records);
    let at = |like: fn(&What) -> bool| records.iter().find(|record| like(&record.what)).map(|record| record.time.0);
    let request = at(|what| matches!(what, What::GilRequest { .. })).expect("the waiter asks");
    let drop = at(|what| matches!(what, What::GilDrop { .. })).expect("the reader gives the GIL up");
    let submit = at(|what| matches!(what, What::IoSubmit { .. })).expect("the reader reads");
    assert!(request < drop, "{request} {drop}");
    // One wake-up of the waiter, who takes the GIL, and one of the reader.
    assert_eq!(submit - drop, 20_000);
}

/// `asyncio.sleep`: the timer's handle runs in one iteration, the coroutine's step in the next.
#[test]
fn a_timer_takes_two_iterations() {
    let costs = Costs { callback: Duration::us(3), iteration: Duration::us(100), ..Costs::zero() };
    let mut builder = Builder::new(1, Execution::Asyncio).costs(costs);
    builder.batch("sleeper", 1, vec![Stmt::Sleep(ms(5)), Stmt::Print("awake".to_owned())]);
    let mut records = Vec::new();
    run(&builder.build(), 1, &mut records);
    let find = |like: fn(&What) -> bool| records.iter().find(|record| like(&record.what)).expect("it happens").time.0;
    let slept = find(|what| matches!(what, What::Sleep { .. }));
    let awake = find(|what| matches!(what, What::Print { .. }));
    // The timer's handle, a poll, the step's handle.
    assert_eq!(awake - slept, 5_000_000 + 3_000 + 100_000 + 3_000);
}

#[test]
fn the_end_of_the_clock_is_no_deadlock() {
    let year = Duration::s(366 * 24 * 3_600);
    for step in [Stmt::Sleep(Dist::Const(year)), Stmt::Cpu(CpuKind::Python, Dist::Const(year))] {
        let mut builder = Builder::new(1, Execution::Serial);
        builder.batch("late", 1, vec![Stmt::Repeat(600, vec![step])]);
        assert_eq!(end_of(builder).0.word(), "clock-end");
    }
}

/// A million coroutines that wait are a million of these.
#[test]
fn a_context_is_small() {
    assert!(std::mem::size_of::<super::world::Context>() <= 152);
}

/// `ThreadPoolExecutor` starts a worker when a job finds none idle, and no more than it may have.
#[test]
fn a_pool_starts_workers_when_jobs_find_none_idle() {
    let started = |execution, arrivals: &[u64], costs: Costs| {
        let mut builder = Builder::new(4, execution).costs(costs);
        let disk = builder.device("disk", ms(10), None);
        let times: Vec<Duration> = arrivals.iter().map(|at| Duration::ms(*at)).collect();
        let count = Some(times.len() as u32);
        builder.task("read", count, Arrivals::Recorded(times.into()), Vec::new(), vec![Stmt::Io(disk, None)]);
        let mut records = Vec::new();
        assert_eq!(run(&builder.build(), 1, &mut records).outcome, Outcome::Finished);
        let starts = records.iter().filter(|record| matches!(record.what, What::ThreadStart { .. }));
        starts.map(|record| record.time.0 / 1_000_000).collect::<Vec<u64>>()
    };
    assert_eq!(started(Execution::Threads(3), &[0, 20, 40], Costs::zero()), [0], "the one worker is idle again");
    assert_eq!(started(Execution::Threads(3), &[0, 5, 40, 41], Costs::zero()), [0, 5], "two are under way at a time");
    assert_eq!(started(Execution::FreeThreaded(2), &[1, 2, 3, 4], Costs::zero()), [1, 2], "and never more than two");
    assert_eq!(started(Execution::ThreadPool, &[0; 20], Costs::linux()), [0; 8], "four cores and four");
    assert_eq!(started(Execution::Processes(2), &[5], Costs::zero()), [0, 0], "processes are there from the start");
}

/// Whoever submits starts one worker after the other.
#[test]
fn workers_come_one_after_the_other() {
    let costs = Costs { thread_start: Duration::ms(2), ..Costs::zero() };
    let mut builder = Builder::new(4, Execution::Threads(4)).costs(costs);
    let disk = builder.device("disk", ms(10), None);
    builder.batch("read", 3, vec![Stmt::Io(disk, None)]);
    // The third worker begins after two others have been started.
    assert_eq!(end_of(builder), (Outcome::Finished, 14.0));
}
