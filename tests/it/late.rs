//! Jobs that are dropped at their deadlines: exact runs, and random ones that the auditor watches.

use gilsim::dist::Dist;
use gilsim::id::TaskId;
use gilsim::kernel::pace::Caches;
use gilsim::kernel::policy::{Equals, Priority};
use gilsim::model::{
    Arrivals, Builder, Execution, Interpreter, Late, Model, Protocol, SpawnKind, Stmt, Urgency, Version,
};
use gilsim::time::Duration;
use gilsim::trace::CpuKind;
use proptest::prelude::*;

use crate::probe::{Probe, probe};
use crate::real_runs::{EXECUTIONS, audit, policies, run};

fn time(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

fn ms(ms: u64) -> Stmt {
    Stmt::Cpu(CpuKind::Python, time(ms))
}

fn builder(execution: Execution) -> Builder {
    Builder::new(1, execution).native().policy(Priority {
        preemptive: true,
        equals: Equals::ByArrival,
        ..Default::default()
    })
}

/// A task of one job: (priority, arrival, deadline if it is dropped then, steps).
fn task(builder: &mut Builder, priority: u32, arrival: u64, deadline: Option<u64>, steps: Vec<Stmt>) -> TaskId {
    let arrivals = Arrivals::Recorded([Duration::ms(arrival)].into());
    let task = builder.task(&format!("priority {priority}"), Some(1), arrivals, vec![], steps);
    builder.urgency(task, Urgency { priority, deadline: deadline.map(Duration::ms), ..Urgency::default() });
    if deadline.is_some() {
        builder.late(task, Late::Abort);
    }
    task
}

/// The run, in which every job ends or is dropped, and which the auditor accepts.
fn looked_at(model: &Model) -> Probe {
    let (records, ended) = run(model, 1);
    assert_eq!(ended.outcome.word(), "finished");
    assert_eq!(audit(model, &records, &ended), []);
    probe(model, 1).1
}

/// Tasks and times in milliseconds.
type Moments = Vec<(u32, u64)>;

/// Completions, and drops.
fn summary(model: &Model) -> (Moments, Moments) {
    let probe = looked_at(model);
    let short = |jobs: &[(u32, u64, u64)]| jobs.iter().map(|job| (job.0, job.2 / 1_000_000)).collect();
    (short(&probe.ended), short(&probe.dropped))
}

#[test]
fn a_thread_that_computes_stops_at_the_deadline() {
    let mut builder = builder(Execution::ThreadPerTask);
    task(&mut builder, 1, 0, Some(5), vec![ms(9)]);
    task(&mut builder, 2, 1, None, vec![ms(2)]);
    let model = builder.build();
    assert_eq!(summary(&model), (vec![(1, 7)], vec![(0, 5)]));
    assert_eq!(looked_at(&model).segments, [(0, 5_000_000, 0, 0), (5_000_000, 7_000_000, 0, 1)]);
}

#[test]
fn a_job_that_is_complete_at_its_deadline_is_in_time() {
    for (deadline, expected) in [(5, (vec![(0, 5)], vec![])), (4, (vec![], vec![(0, 4)]))] {
        let mut builder = builder(Execution::ThreadPerTask);
        let disk = builder.device("disk", time(2), None);
        task(&mut builder, 1, 0, Some(deadline), vec![ms(3), Stmt::Io(disk, None)]);
        let model = builder.build();
        assert_eq!(summary(&model), expected);
        // A request that is under way goes on, and the thread waits for it.
        assert_eq!(run(&model, 1).1.at.0, 5_000_000);
    }
}

/// A job that no worker has taken leaves the queue; tasks after it begin, and its user goes on, at that moment.
#[test]
fn a_job_in_the_queue_of_a_pool_is_dropped() {
    let mut builder = builder(Execution::Threads(1));
    let first = task(&mut builder, 9, 0, None, vec![ms(10)]);
    let second = task(&mut builder, 9, 1, Some(3), vec![ms(10)]);
    builder.task("after", Some(1), Arrivals::AtOnce, vec![second], vec![ms(1)]);
    let think = builder.dist(time(1));
    let user = builder.task("user", Some(4), Arrivals::Closed { users: 1, think }, vec![], vec![ms(1)]);
    builder.urgency(user, Urgency { deadline: Some(Duration::ms(2)), ..Urgency::default() });
    builder.late(user, Late::Abort);
    // Users come at 1, 4, 7 and 10: three give up after two milliseconds; the last has a turn after the task that waited.
    let expected =
        (vec![(first.0, 10), (2, 11), (user.0, 12)], vec![(user.0, 3), (second.0, 4), (user.0, 6), (user.0, 9)]);
    assert_eq!(summary(&builder.build()), expected);
}

#[test]
fn locks_of_a_dropped_job_are_released() {
    for protocol in [Protocol::None, Protocol::Inherit] {
        let mut builder = builder(Execution::ThreadPerTask);
        let lock = builder.lock("lock", false);
        builder.protocol(lock, protocol);
        let disk = builder.device("disk", time(20), None);
        // Holds the lock while it waits, and is dropped in the middle of that.
        task(&mut builder, 5, 0, Some(4), vec![Stmt::With(lock, vec![ms(1), Stmt::Io(disk, None)]), ms(9)]);
        // Waits for the lock, and is dropped before it is free.
        task(&mut builder, 1, 2, Some(1), vec![Stmt::With(lock, vec![ms(1)])]);
        task(&mut builder, 3, 2, None, vec![Stmt::With(lock, vec![ms(1)])]);
        assert_eq!(summary(&builder.build()), (vec![(2, 5)], vec![(1, 3), (0, 4)]), "{protocol:?}");
    }
}

/// Whoever was woken for a lock and is dropped before it runs, wakes the next.
#[test]
fn a_dropped_waiter_passes_on_what_woke_it() {
    let mut builder = builder(Execution::ThreadPerTask);
    let lock = builder.lock("lock", false);
    task(&mut builder, 2, 0, None, vec![Stmt::With(lock, vec![ms(4)]), ms(10)]);
    task(&mut builder, 1, 1, Some(6), vec![Stmt::Sleep(time(1)), Stmt::Yield, Stmt::With(lock, vec![ms(1)])]);
    task(&mut builder, 1, 3, None, vec![Stmt::With(lock, vec![ms(1)])]);
    // It is urgent, and keeps the woken one from its core until that is dropped.
    task(&mut builder, 0, 4, None, vec![ms(5)]);
    assert_eq!(summary(&builder.build()), (vec![(3, 9), (2, 10), (0, 20)], vec![(1, 7)]));
}

/// Nobody can stop a coroutine that computes: it goes on to the end of the step, and then ends.
#[test]
fn a_coroutine_is_dropped_at_the_end_of_its_step() {
    let mut builder = builder(Execution::Asyncio);
    let lock = builder.lock("lock", false);
    let disk = builder.device("disk", time(30), None);
    task(&mut builder, 1, 0, Some(5), vec![ms(9), Stmt::Print("never".to_owned()), ms(9)]);
    task(&mut builder, 2, 10, Some(3), vec![Stmt::With(lock, vec![Stmt::Io(disk, None), ms(9)])]);
    task(&mut builder, 3, 11, Some(1), vec![Stmt::With(lock, vec![ms(1)])]);
    task(&mut builder, 4, 12, None, vec![Stmt::With(lock, vec![ms(1)])]);
    let model = builder.build();
    assert_eq!(summary(&model), (vec![(3, 14)], vec![(0, 5), (2, 12), (1, 13)]));
    assert_eq!(run(&model, 1).1.at.0, 40_000_000, "the request is served all the same");
}

/// Everything that a job can be in the middle of when its deadline comes.
fn hurried(builder: &mut Builder, deadlines: &[u64; 3], protocol: Protocol) {
    let us = |us| Dist::Const(Duration::us(us));
    let cpu = |kind, time| Stmt::Cpu(kind, us(time));
    let disk = builder.device("disk", Dist::Exp { mean: Duration::us(700) }, Some(1));
    let [lock, other] = ["lock", "other"].map(|name| builder.lock(name, name == "other"));
    builder.protocol(lock, protocol);
    builder.protocol(other, protocol);
    let count = builder.var("count", 0, false);
    let child = builder.program("child", vec![cpu(CpuKind::Python, 200), Stmt::Io(disk, None)]);
    let steps = vec![
        cpu(CpuKind::Python, 300),
        Stmt::With(
            lock,
            vec![
                Stmt::Incr(count, 1),
                Stmt::Io(disk, None),
                Stmt::With(other, vec![cpu(CpuKind::HoldGil, 150), Stmt::Sleep(us(90))]),
            ],
        ),
        cpu(CpuKind::NoGil, 200),
        Stmt::Yield,
        Stmt::Repeat(2, vec![Stmt::Spawn(SpawnKind::Thread, child, 1), cpu(CpuKind::Python, 50)]),
        Stmt::Join(child),
        Stmt::Blocking(vec![
            Stmt::Sleep(us(120)),
            Stmt::Io(disk, None),
            Stmt::With(other, vec![cpu(CpuKind::Python, 80)]),
        ]),
    ];
    for (number, deadline) in deadlines.iter().enumerate() {
        let every = Arrivals::Every(Duration::us(1_500 + 300 * number as u64));
        let task = builder.task(&format!("task {number}"), Some(8), every, vec![], steps.clone());
        let deadline = Some(Duration::us(*deadline));
        builder.urgency(task, Urgency { priority: number as u32, deadline, ..Urgency::default() });
        builder.late(task, Late::Abort);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Wherever a job stands at its deadline, under every model and policy: the run ends, every job ends or is dropped, and
    /// the auditor accepts it.
    #[test]
    fn jobs_can_be_dropped_anywhere(
        deadlines in [1..9_000u64, 1..9_000u64, 1..9_000u64],
        cores in 1..4u32,
        inherit in any::<bool>(),
        linux in any::<bool>(),
        ticks in any::<bool>(),
    ) {
        let protocol = if inherit { Protocol::Inherit } else { Protocol::None };
        for execution in EXECUTIONS {
            for policy in policies() {
                let costs = if linux { gilsim::model::Costs::linux() } else { gilsim::model::Costs::zero() };
                let mut builder = Builder::new(cores, execution).policy(policy.clone()).costs(costs);
                hurried(&mut builder, &deadlines, protocol);
                if ticks {
                    let warm_up = Duration::us(200);
                    builder.model_mut().machine.paces.caches =
                        Some(Caches { size: 100, warm: 2_000, cold: 1_000, warm_up, tick: Some(Duration::us(70)) });
                    builder.model_mut().machine.paces.speeds = (0..cores).map(|core| 700 + core * 1_000).collect();
                    builder.model_mut().tasks.iter_mut().for_each(|task| task.working_set = 30);
                }
                builder.model_mut().max_events = 2_000_000;
                let model = builder.build();
                let (records, ended) = run(&model, 1);
                prop_assert_eq!(ended.outcome.word(), "finished", "{} {}", execution, policy);
                prop_assert_eq!(audit(&model, &records, &ended), [], "{} {}", execution, policy);
                let probe = probe(&model, 1).1;
                prop_assert_eq!(probe.ended.len() + probe.dropped.len(), 24);
            }
        }
    }
}

/// The thread of a loop waits for a lock in a blocking call. A coroutine of that loop was woken for it, and could never run if
/// nobody were to overtake it.
#[test]
fn a_lock_that_a_coroutine_was_woken_for_can_be_taken_by_the_thread_of_its_loop() {
    let mut builder = builder(Execution::Asyncio);
    let lock = builder.lock("lock", false);
    // Has the lock from 0 to 5, when it is dropped.
    task(&mut builder, 1, 0, Some(5), vec![Stmt::With(lock, vec![Stmt::Sleep(time(8))])]);
    task(&mut builder, 1, 1, None, vec![Stmt::With(lock, vec![ms(1)])]);
    // Keeps the loop from 4 to 6, and wants the lock then.
    task(&mut builder, 1, 4, None, vec![Stmt::Blocking(vec![Stmt::Sleep(time(2)), Stmt::With(lock, vec![ms(1)])])]);
    assert_eq!(summary(&builder.build()), (vec![(2, 7), (1, 8)], vec![(0, 5)]));
    let mut builder = Builder::new(1, Execution::HybridAsyncio { processes: 2 })
        .policy(gilsim::kernel::policy::LastCome)
        .costs(gilsim::model::Costs::zero());
    hurried(&mut builder, &[7_693, 4_521, 601], Protocol::None);
    looked_at(&builder.build());
}

/// A job is dropped while its thread wakes those who wait for the lock of CPython 2.7: the next one does not have that offer.
#[test]
fn a_dropped_job_offers_no_old_gil() {
    let mut several = 0;
    for policy in policies().into_iter().filter(|policy| policy.to_string().starts_with("Mlfq(quanta: [\"300us")) {
        let mut builder = Builder::new(2, Execution::Serial).policy(policy).costs(gilsim::model::Costs::zero());
        hurried(&mut builder, &[610, 4_170, 2_310], Protocol::None);
        builder.model_mut().interpreter = Interpreter::cpython(Version::parse("2.7").unwrap());
        looked_at(&builder.build());
        several += 1;
    }
    assert_eq!(several, 2);
}

/// Two at a time: of a burst of five three are refused, the tasks after them wait for the two; a refused user comes again.
#[test]
fn jobs_without_room_are_refused() {
    let mut builder = builder(Execution::Threads(1));
    let burst = builder.batch("burst", 5, vec![ms(3)]);
    builder.capacity(burst, 2);
    builder.task("after", Some(1), Arrivals::AtOnce, vec![burst], vec![ms(1)]);
    let think = builder.dist(time(2));
    let users = builder.task("user", Some(5), Arrivals::Closed { users: 2, think }, vec![], vec![ms(1)]);
    builder.capacity(users, 1);
    let model = builder.build();
    let probe = looked_at(&model);
    let refused = run(&model, 1).0.iter().filter(|r| matches!(r.what, gilsim::trace::What::JobRefuse { .. })).count();
    let ended: Vec<(u32, u64)> = probe.ended.iter().map(|ended| (ended.0, ended.2 / 1_000_000)).collect();
    // Users come at 2, 2, 4, 6, 8: the first is served from 6 to 7, the second is refused until all have come.
    assert_eq!((ended, refused), (vec![(0, 3), (0, 6), (2, 7), (1, 8), (2, 9)], 3 + 3));
}
