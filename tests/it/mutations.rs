//! Planted errors: for every rule of the auditor a simulator that breaks it, and the auditor says so.
//!
//! Two kinds. A *lie* tells the auditor of another machine than the one that was simulated (another slice, another
//! interval, fewer slots): a simulator that does not do what it was told. An *edit* changes the records of a real run:
//! a simulator that does things twice, not at all, in another order, or at another time.

mod executor;
mod process_pool;
mod sockets;
mod starts;
mod tasks;

use std::collections::BTreeSet;

use gilsim::audit::Rule;
use gilsim::dist::Dist;
use gilsim::id::{CoreId, SyncId, TaskId};
use gilsim::kernel::Queues;
use gilsim::kernel::pace::{Caches, Paces, Smt};
use gilsim::kernel::policy::{
    DeadlineMonotonic, Edf, Equals, FirstCome, Joins, PolicyConfig, Priority, RateMonotonic, RoundRobin, Timer,
};
use gilsim::model::{
    Act, Arrivals, Builder, Ceiling, Comparison, Condition, Costs, Counting, Execution, Home, Interpreter, Late, Model,
    Parking, Protocol, SpawnKind, Stmt, SwitchCharged, Urgency, Value, Version,
};
use gilsim::runtime::gil::Rules;
use gilsim::sim::{Ended, Outcome};
use gilsim::sync::{Config, Preference};
use gilsim::time::{Duration, Time};
use gilsim::trace::{Cause, CpuKind, Deed, Handled, On, Pause, Raised, Record, Together, What};

use crate::real_runs::{audit, everything, run, shared_things};

/// How the simulator is wrong.
enum Wrong {
    /// The auditor is told of another machine.
    Lie(fn(&mut Model)),
    /// Records from the n-th on are changed; says whether they could be.
    Edit(fn(&mut Vec<Record>, usize) -> bool),
    /// The run says that it ended otherwise.
    End(fn(&mut Ended)),
}
use Wrong::{Edit, End, Lie};

struct Mutation {
    rule: Rule,
    what: &'static str,
    model: fn() -> Model,
    wrong: Wrong,
}

fn costs() -> Costs {
    Costs { wake_latency: Dist::Const(Duration::us(8)), migration: Duration::ZERO, ..Costs::linux() }
}

/// Everything that can be done, on three cores.
fn all(execution: Execution) -> Model {
    let mut builder = Builder::new(3, execution).costs(costs());
    everything(&mut builder);
    builder.build()
}

fn threads() -> Model {
    all(Execution::Threads(4))
}

fn coroutines() -> Model {
    all(Execution::Asyncio)
}

fn cpu(time: Duration) -> Stmt {
    Stmt::Cpu(CpuKind::Python, Dist::Const(time))
}

/// Threads or coroutines that meet at every kind of shared thing, and wait at each.
fn meeting(execution: Execution) -> Model {
    let mut builder = Builder::new(3, execution).costs(costs());
    shared_things(&mut builder);
    builder.build()
}

fn meeting_threads() -> Model {
    meeting(Execution::ThreadPerTask)
}

fn meeting_coroutines() -> Model {
    meeting(Execution::Asyncio)
}

/// The same under a version whose threads do not sleep when they yield and do not wait for those they start, where this one
/// thing happens.
fn until_3_10(mut model: Model) -> Model {
    let version = Version::parse("3.10").unwrap();
    model.interpreter = Interpreter { start_handshake: false, ..Interpreter::cpython(version) };
    model
}

/// Threads that want one lock all the time.
fn contended(version: &str) -> Model {
    let mut builder = Builder::new(2, Execution::Threads(4)).costs(costs());
    builder.model_mut().interpreter = Interpreter::cpython(Version::parse(version).unwrap());
    let lock = builder.lock("lock", false);
    let round = vec![cpu(Duration::us(50)), Stmt::With(lock, vec![cpu(Duration::us(50))])];
    builder.batch("work", 4, vec![Stmt::Repeat(500, round)]);
    builder.build()
}

fn free_threads() -> Model {
    let mut builder = Builder::new(3, Execution::FreeThreaded(6));
    builder.batch("work", 6, vec![cpu(Duration::ms(10)), Stmt::Yield, cpu(Duration::ms(1))]);
    builder.build()
}

/// Threads that wait for the GIL of each other, and for nothing else.
fn hogs() -> Model {
    let mut builder = Builder::new(3, Execution::Threads(3)).costs(costs());
    builder.batch("hog", 3, vec![cpu(Duration::ms(40))]);
    builder.build()
}

fn per_core(steal: bool, hot_us: u64) -> Queues {
    Queues::PerCore { steal, balance: None, hot: Some(Duration::us(hot_us)) }
}

/// Queues of single cores that run empty at different times.
fn spread() -> Model {
    let mut model = turns(Joins::ArrivalsFirst, Timer::Fresh);
    model.machine.queues = Some(per_core(true, 0));
    model
}

/// Threads that may run on one of two cores only.
fn bound() -> Model {
    let mut model = turns(Joins::ArrivalsFirst, Timer::Fresh);
    model.tasks[0].affinity = vec![1];
    model
}

/// Cores that are slow, shared, and have caches.
fn uneven() -> Model {
    let mut model = turns(Joins::ArrivalsFirst, Timer::Fresh);
    let caches = Caches { size: 20, warm: 2_000, cold: 1_000, warm_up: Duration::ms(5), tick: None };
    let smt = Smt { siblings: 2, factor: 700 };
    model.machine.paces = Paces { speeds: vec![1_000, 500], smt: Some(smt), caches: Some(caches) };
    model.tasks[0].working_set = 10;
    model
}

/// One timer for all cores.
fn interrupted() -> Model {
    let mut model = turns(Joins::ArrivalsFirst, Timer::Fresh);
    model.machine.interrupt = Some(Duration::ms(3));
    model
}

/// Threads on fewer cores, in turn.
fn turns(ties: Joins, timer: Timer) -> Model {
    let policy = PolicyConfig::from(RoundRobin(Duration::ms(4), ties, timer));
    let mut builder = Builder::new(2, Execution::ThreadPerTask).native().policy(policy);
    let steps = vec![cpu(Duration::ms(9)), Stmt::Sleep(Dist::Const(Duration::ms(1))), cpu(Duration::ms(9))];
    builder.task("work", Some(8), Arrivals::Every(Duration::us(2_300)), vec![], steps);
    builder.build()
}

fn slices() -> Model {
    turns(Joins::ArrivalsFirst, Timer::Fresh)
}

fn inherited() -> Model {
    turns(Joins::ArrivalsFirst, Timer::Inherited)
}

fn unseen() -> Model {
    turns(Joins::ArrivalsUnseen, Timer::Fresh)
}

/// Some come at the very end of a slice.
fn ties() -> Model {
    let mut model = turns(Joins::PreemptedFirst, Timer::Fresh);
    for task in &mut model.tasks {
        task.arrivals = Arrivals::Every(Duration::ms(2));
    }
    model
}

/// Two threads that change a variable in one operation each, and in two.
fn updates() -> Model {
    let mut builder = Builder::new(2, Execution::Threads(2)).native();
    let count = builder.var("count", 0, false);
    for (name, by) in [("ones", 1), ("tens", 10)] {
        let atomic = Stmt::FetchAdd(count, by.into());
        let work = vec![atomic, cpu(Duration::us(3)), Stmt::Incr(count, by), cpu(Duration::us(4 + by as u64))];
        builder.batch(name, 1, vec![Stmt::Repeat(20, work)]);
    }
    builder.build()
}

/// Two threads that add to a variable of which each has its own.
fn own_values() -> Model {
    let mut builder = Builder::new(2, Execution::ThreadPerTask).native();
    let own = builder.thread_local("own", 5);
    for (name, by) in [("ones", 1), ("tens", 10)] {
        builder.batch(name, 1, vec![Stmt::Repeat(20, vec![Stmt::Incr(own, by), cpu(Duration::us(3))])]);
    }
    builder.build()
}

/// Two threads that take and drop references to an object; the last one frees it.
fn counted() -> Model {
    let mut builder = Builder::new(2, Execution::Threads(2)).native();
    let object = builder.object("object", 2, Some(Counting::Atomic), false);
    for (name, by) in [("ones", 3), ("tens", 4)] {
        let work =
            vec![Stmt::Refer(object, 1), Stmt::Refer(object, 0), cpu(Duration(by * 100)), Stmt::Refer(object, -1)];
        builder.batch(name, 1, vec![Stmt::Repeat(20, work), Stmt::Refer(object, -1)]);
    }
    builder.build()
}

/// Threads without a GIL that compute, wait and collect.
fn collections() -> Model {
    let mut builder = Builder::new(2, Execution::FreeThreaded(3)).costs(costs());
    let collect = Stmt::Collect(Dist::Const(Duration::us(200)));
    let wait = Stmt::Sleep(Dist::Const(Duration::us(30)));
    let native = Stmt::Cpu(CpuKind::NoGil, Dist::Const(Duration::us(70)));
    builder.batch(
        "work",
        3,
        vec![Stmt::Repeat(4, vec![cpu(Duration::us(150)), collect, wait, cpu(Duration::us(90)), native])],
    );
    builder.build()
}

/// A collection begins before the last thread has stopped.
fn impatient(records: &mut [Record], at: usize) -> bool {
    if !matches!(records[at].what, What::Pause { pause: Pause::Begins, .. }) || at == 0 {
        return false;
    }
    let asked = (0..at).rev().find(|before| matches!(records[*before].what, What::Pause { pause: Pause::Asked, .. }));
    let Some(asked) = asked.filter(|asked| records[*asked].time < records[at].time) else { return false };
    records[asked + 1..=at].rotate_right(1);
    records[asked + 1].time = records[asked].time;
    true
}

/// The same, with a reference that nobody drops.
fn kept() -> Model {
    let mut model = counted();
    model.objects[0].references = 3;
    let count = model.objects[0].count;
    model.vars[count.index()].initial = 3;
    model
}

/// A reference that is dropped is booked as taken.
fn taken_for_dropped(records: &mut [Record], at: usize) -> bool {
    change(records, at, |what| match what {
        What::Object { handled, .. } if *handled == Handled::Drop => {
            *handled = Handled::Take;
            true
        }
        _ => false,
    })
}

/// A dropped reference frees the object, whatever the count.
fn freed_too_early(records: &mut Vec<Record>, at: usize) -> bool {
    let Record { time, what: What::Object { object, process, context, handled: Handled::Drop } } = records[at] else {
        return false;
    };
    records.insert(at + 1, Record { time, what: What::Object { object, process, context, handled: Handled::Free } });
    true
}

/// A store of somebody else is moved between a load and the update after it.
fn torn(records: &mut Vec<Record>, at: usize) -> bool {
    if at == 0 || !matches!(records[at].what, What::Update { .. }) {
        return false;
    }
    let Some(store) = next(records, at, |what| matches!(what, What::Store { .. })) else { return false };
    let mut moved = records.remove(store);
    moved.time = records[at].time;
    records.insert(at, moved);
    true
}

/// Threads of different urgency on fewer cores.
fn urgent(policy: PolicyConfig) -> Model {
    let mut builder = Builder::new(2, Execution::ThreadPerTask).native().policy(policy);
    for n in 1..=5 {
        let every = Arrivals::Every(Duration::us(1_700 * n));
        let steps =
            vec![cpu(Duration::us(900 * n)), Stmt::Sleep(Dist::Const(Duration::us(150))), cpu(Duration::us(300))];
        let task = builder.task(&format!("task {n}"), Some(9), every, vec![], steps);
        let deadline = Some(Duration::us(9_000 - 1_000 * n));
        builder.urgency(task, Urgency { priority: 6 - n as u32, deadline, ..Urgency::default() });
    }
    builder.build()
}

fn priorities() -> Model {
    urgent(PolicyConfig::from(Priority { preemptive: true, equals: Equals::ByArrival, ..Default::default() }))
}

fn patient_priorities() -> Model {
    urgent(PolicyConfig::from(Priority { preemptive: false, equals: Equals::ByArrival, ..Default::default() }))
}

/// Threads of different urgency that need one lock, and one that needs none.
fn inversion(protocol: Protocol) -> Model {
    let policy = Priority { preemptive: true, equals: Equals::ByArrival, ..Default::default() };
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native().policy(policy);
    let lock = builder.lock("lock", false);
    builder.protocol(lock, protocol);
    for (priority, begin, time, locked) in [(9, 0, 10, true), (5, 1, 2, true), (1, 2, 2, true), (7, 3, 20, false)] {
        let work = vec![cpu(Duration::ms(time))];
        let steps = if locked { vec![Stmt::With(lock, work)] } else { work };
        let arrivals = Arrivals::Recorded([Duration::ms(begin)].into());
        let task = builder.task(&format!("task {priority}"), Some(1), arrivals, vec![], steps);
        builder.urgency(task, Urgency { priority, ..Urgency::default() });
    }
    builder.build()
}

/// Jobs of which some are not complete at their deadlines, when they are dropped.
fn late_jobs() -> Model {
    let mut builder = Builder::new(1, Execution::ThreadPerTask)
        .native()
        .policy(Edf { equals: Equals::ByArrival, ..Default::default() });
    let every = Arrivals::Every(Duration::ms(2));
    let task = builder.task("late", Some(9), every, vec![], vec![cpu(Duration::us(1_300)), cpu(Duration::us(300))]);
    builder.late(task, Late::Abort);
    builder.task("other", Some(6), Arrivals::Every(Duration::ms(3)), vec![], vec![cpu(Duration::ms(1))]);
    builder.build()
}

/// More jobs than there is room for.
fn crowded() -> Model {
    let mut builder = Builder::new(1, Execution::Serial).native();
    let task = builder.task("job", Some(9), Arrivals::Every(Duration::ms(2)), vec![], vec![cpu(Duration::ms(5))]);
    builder.capacity(task, 3);
    builder.build()
}

fn deadlines() -> Model {
    urgent(PolicyConfig::from(Edf { equals: Equals::ByArrival, ..Default::default() }))
}

/// Coroutines that sleep for different times.
fn sleepers() -> Model {
    let mut builder = Builder::new(1, Execution::Asyncio);
    for n in [3, 1, 2] {
        let sleep = Stmt::Sleep(Dist::Const(Duration::us(n)));
        builder.batch(&format!("sleeper {n}"), 1, vec![cpu(Duration::us(1)), sleep, cpu(Duration::ms(1))]);
    }
    builder.build()
}

/// The record again.
fn again(records: &mut Vec<Record>, at: usize, like: impl Fn(&What) -> bool) -> bool {
    let found = like(&records[at].what);
    if found {
        records.insert(at + 1, records[at]);
    }
    found
}

/// Not at all.
fn without(records: &mut Vec<Record>, at: usize, like: impl Fn(&What) -> bool) -> bool {
    let found = like(&records[at].what);
    if found {
        records.remove(at);
    }
    found
}

/// Once more, before the next record at a later time.
fn later(records: &mut Vec<Record>, at: usize, like: impl Fn(&What) -> bool) -> bool {
    let Record { time, what } = records[at];
    let Some(next) = records[at..].iter().position(|record| record.time > time) else { return false };
    if !like(&what) {
        return false;
    }
    let (place, next) = (at + next, records[at + next].time);
    records.insert(place, Record { time: next, what });
    true
}

/// Changes the record, if it is one of those.
fn change(records: &mut [Record], at: usize, edit: impl Fn(&mut What) -> bool) -> bool {
    edit(&mut records[at].what)
}

/// The next record of a kind.
fn next(records: &[Record], after: usize, like: impl Fn(&What) -> bool) -> Option<usize> {
    let place = records.iter().skip(after + 1).position(|record| like(&record.what))?;
    Some(after + 1 + place)
}

fn mutations() -> Vec<Mutation> {
    let mut all = cores();
    all.extend(interpreter());
    all.extend(waits());
    all.extend(loops());
    all.extend(cancellations());
    all.extend(shared());
    all.extend(accounts());
    all.extend(sockets::mutations());
    all.extend(executor::mutations());
    all.extend(process_pool::mutations());
    all.extend(tasks::mutations());
    all.extend(starts::mutations());
    all
}

fn cores() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::TimeOrder,
            what: "the clock runs back",
            model: threads,
            wrong: Edit(|records, at| {
                records[at].time.0 = records[at].time.0.saturating_sub(1);
                records[at].time.0 > 0
            }),
        },
        Mutation {
            rule: Rule::TimeOrder,
            what: "the run goes on after its end",
            model: threads,
            wrong: Lie(|model| model.until = Some(Duration::ms(5))),
        },
        Mutation {
            rule: Rule::ThreadStates,
            what: "a thread runs without being ready",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Ready { .. }))),
        },
        Mutation {
            rule: Rule::Existence,
            what: "a thread does not start",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::ThreadStart { .. }))),
        },
        Mutation {
            rule: Rule::Existence,
            what: "a process does not end",
            model: children,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::ProcessEnd { .. }))),
        },
        Mutation {
            rule: Rule::RunningOnly,
            what: "a thread prints after it has left its core",
            model: || until_3_10(threads()),
            wrong: Edit(|records, at| {
                let What::Print { context, .. } = records[at].what else { return false };
                let end = next(records, at, |what| matches!(what, What::JobEnd { context: of, .. } if *of == context));
                let Some(end) = end.and_then(|end| next(records, end, |what| matches!(what, What::Block { .. })))
                else {
                    return false;
                };
                let what = records[at].what;
                records.insert(end + 1, Record { time: records[end].time, what });
                true
            }),
        },
        Mutation {
            rule: Rule::OneThreadPerCore,
            what: "two threads run on one core",
            model: free_threads,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Run { core, .. } => std::mem::replace(core, CoreId((core.0 + 1) % 3)) != *core,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::WorkConserving,
            what: "a core stays idle",
            model: slices,
            wrong: Lie(|model| model.machine.cores += 1),
        },
        Mutation {
            rule: Rule::SliceBound,
            what: "slices are too long",
            model: slices,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration::ms(3), Joins::ArrivalsFirst, Timer::Fresh));
            }),
        },
        Mutation {
            rule: Rule::SliceBound,
            what: "slices are one nanosecond too long",
            model: slices,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration(3_999_999), Joins::ArrivalsFirst, Timer::Fresh));
            }),
        },
        Mutation {
            rule: Rule::SliceBound,
            what: "a thread gets a whole slice where it inherits what is left of one",
            model: slices,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Inherited));
            }),
        },
        Mutation {
            rule: Rule::SliceEnd,
            what: "a thread inherits what is left of a slice where it gets a whole one",
            model: inherited,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Fresh));
            }),
        },
        Mutation {
            rule: Rule::SliceEnd,
            what: "slices are one nanosecond too short",
            model: slices,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration(4_000_001), Joins::ArrivalsFirst, Timer::Fresh));
            }),
        },
        Mutation {
            rule: Rule::NoPreemption,
            what: "threads are preempted where they should not be",
            model: slices,
            wrong: Lie(|model| model.machine.policy = PolicyConfig::from(FirstCome)),
        },
        Mutation {
            rule: Rule::SwitchCharged,
            what: "switches cost where they should not",
            model: threads,
            wrong: Lie(|model| model.machine.costs.context_switch = Duration::ZERO),
        },
        Mutation {
            rule: Rule::SwitchCharged,
            what: "switches cost nothing",
            model: slices,
            wrong: Lie(|model| model.machine.costs.context_switch = Duration::us(2)),
        },
        Mutation {
            rule: Rule::SwitchCharged,
            what: "only changes of the thread are charged where every dispatch is",
            model: threads,
            wrong: Lie(|model| model.machine.costs.switch_charged = SwitchCharged::Always),
        },
        Mutation {
            rule: Rule::SwitchLength,
            what: "switches are one nanosecond too short",
            model: threads,
            wrong: Lie(|model| model.machine.costs.context_switch.0 += 1),
        },
        Mutation {
            rule: Rule::RunQueueOrder,
            what: "preempted threads stand before those who come at the end of their slice",
            model: ties,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Fresh));
            }),
        },
        Mutation {
            rule: Rule::RunQueueOrder,
            what: "preempted threads stand before those who came during their slice",
            model: unseen,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RoundRobin(Duration::ms(4), Joins::ArrivalsFirst, Timer::Fresh));
            }),
        },
        Mutation {
            rule: Rule::Placement,
            what: "threads go on where there is room",
            model: || turns(Joins::ArrivalsFirst, Timer::Fresh),
            wrong: Lie(|model| model.machine.queues = Some(per_core(false, 0))),
        },
        Mutation {
            rule: Rule::Affinity,
            what: "threads run where they may not",
            model: bound,
            wrong: Lie(|model| model.tasks[0].affinity = vec![0]),
        },
        Mutation {
            rule: Rule::Demand,
            what: "a slow core is taken for a fast one",
            model: uneven,
            wrong: Lie(|model| model.machine.paces.speeds[1] = 501),
        },
        Mutation {
            rule: Rule::Demand,
            what: "siblings do not slow each other down",
            model: uneven,
            wrong: Lie(|model| model.machine.paces.smt = None),
        },
        Mutation {
            rule: Rule::Demand,
            what: "a cache is warm too early",
            model: uneven,
            wrong: Lie(|model| {
                let caches = model.machine.paces.caches.as_mut();
                caches.expect("there are caches").warm_up.0 += 1;
            }),
        },
        Mutation {
            rule: Rule::SliceBound,
            what: "interrupts come too late",
            model: interrupted,
            wrong: Lie(|model| model.machine.interrupt = Some(Duration(2_999_999))),
        },
        Mutation {
            rule: Rule::Migration,
            what: "cores take threads from others without leave",
            model: spread,
            wrong: Lie(|model| model.machine.queues = Some(per_core(false, 0))),
        },
        Mutation {
            rule: Rule::Migration,
            what: "threads go away while their data is hot",
            model: spread,
            wrong: Lie(|model| model.machine.queues = Some(per_core(true, 40_000))),
        },
        Mutation {
            rule: Rule::SwitchCharged,
            what: "migrations cost nothing",
            model: spread,
            wrong: Lie(|model| model.machine.costs.migration = Duration::us(20)),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "the least urgent thread goes first",
            model: patient_priorities,
            wrong: Lie(|model| {
                for task in &mut model.tasks {
                    task.urgency.priority = 100 - task.urgency.priority;
                }
            }),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "a more urgent thread does not preempt",
            model: patient_priorities,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(Priority { preemptive: true, equals: Equals::ByArrival, ..Default::default() });
            }),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "deadlines are taken for priorities",
            model: priorities,
            wrong: Lie(|model| {
                model.machine.policy = PolicyConfig::from(Edf { equals: Equals::ByArrival, ..Default::default() })
            }),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "deadlines are taken for periods",
            model: deadlines,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(RateMonotonic { equals: Equals::ByArrival, ..Default::default() })
            }),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "an absolute deadline is taken for a relative one",
            model: deadlines,
            wrong: Lie(|model| {
                model.machine.policy =
                    PolicyConfig::from(DeadlineMonotonic { equals: Equals::ByArrival, ..Default::default() })
            }),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "the holder of a lock inherits nothing",
            model: || inversion(Protocol::None),
            wrong: Lie(|model| model.locks[0].initial = Protocol::Inherit),
        },
        Mutation {
            rule: Rule::Urgency,
            what: "a ceiling counts only when somebody waits",
            model: || inversion(Protocol::Inherit),
            wrong: Lie(|model| {
                model.locks[0].initial = Protocol::Ceiling(Ceiling { priority: 1, ..Ceiling::default() });
            }),
        },
        Mutation {
            rule: Rule::WakeLatency,
            what: "wake-ups are one nanosecond too fast",
            model: threads,
            wrong: Lie(|model| model.machine.costs.wake_latency = Dist::Const(Duration(8_001))),
        },
    ]
}

fn all_processes() -> Model {
    all(Execution::Processes(3))
}

fn interpreter() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::GilExclusive,
            what: "a GIL is taken twice",
            model: threads,
            wrong: Edit(|records, at| again(records, at, |what| matches!(what, What::GilTake { .. }))),
        },
        Mutation {
            rule: Rule::GilHeld,
            what: "a thread goes on without the GIL",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::GilTake { .. }))),
        },
        Mutation {
            rule: Rule::GilFreed,
            what: "a thread waits with the GIL",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::GilDrop { .. }))),
        },
        Mutation {
            rule: Rule::GilAbsent,
            what: "a free-threaded interpreter has a GIL",
            model: threads,
            wrong: Lie(|model| model.execution = Execution::FreeThreaded(4)),
        },
        Mutation {
            rule: Rule::GilBound,
            what: "an interpreter with a GIL has none",
            model: free_threads,
            wrong: Lie(|model| model.execution = Execution::Threads(6)),
        },
        Mutation {
            rule: Rule::GilPatience,
            what: "waiters ask too early",
            model: hogs,
            wrong: Lie(|model| model.interpreter.gil = Some(Rules::switching(Duration(5_100_000)))),
        },
        Mutation {
            rule: Rule::GilAsked,
            what: "a GIL is dropped although nobody asked",
            model: hogs,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::GilRequest { .. }))),
        },
        Mutation {
            rule: Rule::GilHandOver,
            what: "who had to drop the GIL does not wait for a switch",
            model: hogs,
            wrong: Edit(|records, at| {
                let What::Block { thread, on: On::GilSwitch, .. } = records[at].what else { return false };
                let Record { time, .. } = records[at];
                records.insert(at + 1, Record { time, what: What::Wake { thread } });
                true
            }),
        },
        Mutation {
            rule: Rule::GilPrompt,
            what: "the holder takes too long to drop the GIL",
            model: hogs,
            wrong: Lie(|model| model.machine.costs.check_point = Duration(99)),
        },
        Mutation {
            rule: Rule::GilPrompt,
            what: "a native call follows another although somebody asks",
            model: native_calls,
            wrong: Edit(|records, at| {
                let What::ComputeEnd { context } = records[at].what else { return false };
                let dropped = matches!(records[at + 1].what, What::GilDrop { forced: true, .. });
                let what = What::Compute { context, kind: CpuKind::HoldGil, demand: Duration(1) };
                records.insert(at + 1, Record { time: records[at].time, what });
                dropped
            }),
        },
        Mutation {
            rule: Rule::GilAtomic,
            what: "the GIL is dropped inside a native call",
            model: hogs,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Compute { kind, .. } => std::mem::replace(kind, CpuKind::HoldGil) == CpuKind::Python,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::GilQueue,
            what: "waits for the GIL end too early",
            model: hogs,
            wrong: Lie(|model| model.interpreter.gil = Some(Rules::switching(Duration(5_000_001)))),
        },
        Mutation {
            rule: Rule::GilWakeUp,
            what: "a release wakes nobody",
            model: hogs,
            wrong: Edit(|records, at| {
                let released = matches!(records[at].what, What::GilDrop { .. });
                released && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        },
        Mutation {
            rule: Rule::GilWakeUp,
            what: "a switch does not wake who waits for it",
            model: hogs,
            wrong: Edit(|records, at| {
                let taken = matches!(records[at].what, What::GilTake { .. });
                taken && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        },
        Mutation {
            rule: Rule::GilPrompt,
            what: "a turn is one nanosecond too long",
            model: || hogs_of(Interpreter::ruby(Duration::ms(3))),
            wrong: Lie(|model| model.interpreter.gil = Interpreter::ruby(Duration(2_999_999)).gil),
        },
        Mutation {
            rule: Rule::GilAsked,
            what: "a clock ticks too early",
            model: || hogs_of(Interpreter::ocaml4(Duration::ms(3))),
            wrong: Lie(|model| model.interpreter.gil = Interpreter::ocaml4(Duration::ms(4)).gil),
        },
        Mutation {
            rule: Rule::GilHandOver,
            what: "a lock that was handed over is taken by another",
            model: || hogs_of(Interpreter::ruby(Duration::ms(3))),
            wrong: Edit(|records, at| {
                let What::GilDrop { process, thread, .. } = records[at].what else { return false };
                let take = Record { time: records[at].time, what: What::GilTake { process, thread } };
                records.insert(at + 1, take);
                true
            }),
        },
        Mutation {
            rule: Rule::GilWakeUp,
            what: "an offer wakes nobody",
            model: || hogs_of(Interpreter::cpython(Version::parse("2.7").expect("a known version"))),
            wrong: Edit(|records, at| {
                let offered = matches!(records[at].what, What::GilOffer { .. });
                offered && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        },
        Mutation {
            rule: Rule::GilQueue,
            what: "who waits for a lock looks too early",
            model: || hogs_of(Interpreter::pypy(Duration::ms(3), Duration::us(70))),
            wrong: Lie(|model| {
                model.interpreter.gil = Interpreter::pypy(Duration::ms(3), Duration(70_001)).gil;
            }),
        },
    ]
}

/// Threads that compute and let go of the lock now and then.
fn hogs_of(interpreter: Interpreter) -> Model {
    let mut builder = Builder::new(3, Execution::Threads(3)).costs(costs());
    builder.model_mut().interpreter = interpreter;
    let call = Stmt::Cpu(CpuKind::NoGil, Dist::Const(Duration::us(200)));
    builder.batch("hog", 3, vec![Stmt::Repeat(3, vec![cpu(Duration::ms(9)), call])]);
    builder.build()
}

/// More requests than slots.
fn disk() -> Model {
    let mut builder = Builder::new(2, Execution::Threads(5)).costs(costs());
    let disk = builder.device("disk", Dist::Const(Duration::ms(5)), Some(2));
    builder.batch("read", 5, vec![cpu(Duration::us(10)), Stmt::Io(disk, None)]);
    builder.build()
}

/// Processes that end.
fn children() -> Model {
    let mut builder = Builder::new(2, Execution::Serial);
    let child = builder.program("child", vec![cpu(Duration::ms(1))]);
    builder.batch("parent", 1, vec![Stmt::Spawn(SpawnKind::Process, child, 2), Stmt::Join(child)]);
    builder.build()
}

fn native_calls() -> Model {
    let mut builder = Builder::new(2, Execution::Threads(2)).costs(costs());
    let call = Stmt::Cpu(CpuKind::HoldGil, Dist::Const(Duration::ms(2)));
    builder.batch("caller", 2, vec![Stmt::Repeat(10, vec![call])]);
    builder.build()
}

fn waits() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::LockExclusive,
            what: "a lock has two owners",
            model: threads,
            wrong: Edit(|records, at| again(records, at, |what| matches!(what, What::LockTake { .. }))),
        },
        Mutation {
            rule: Rule::LockWakeUp,
            what: "a released lock wakes nobody",
            model: threads,
            wrong: Edit(|records, at| {
                let released = matches!(records[at].what, What::LockRelease { .. });
                released && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        },
        Mutation {
            rule: Rule::LockParked,
            what: "a woken thread takes the lock before it has the GIL",
            model: || contended("3.13"),
            wrong: Lie(|model| model.interpreter.parking = Parking::Mutex { fair_after: Duration::ms(1) }),
        },
        Mutation {
            rule: Rule::LockParked,
            what: "a lock is given to who has hardly waited",
            model: || contended("3.14"),
            wrong: Lie(|model| model.interpreter.parking = Parking::Mutex { fair_after: Duration::s(1) }),
        },
        Mutation {
            rule: Rule::LockOrder,
            what: "locks are handed to those who wait for longest",
            model: || inversion(Protocol::None),
            wrong: Lie(|model| model.locks[0].initial = Protocol::Inherit),
        },
        Mutation {
            rule: Rule::DeadlockReal,
            what: "a deadlock is reported where there is none",
            model: threads,
            wrong: End(|ended| ended.outcome = Outcome::Deadlock(Vec::new())),
        },
        Mutation {
            rule: Rule::IoOnce,
            what: "a request is done twice",
            model: threads,
            wrong: Edit(|records, at| again(records, at, |what| matches!(what, What::IoDone { .. }))),
        },
        Mutation {
            rule: Rule::IoLatency,
            what: "a request is done one nanosecond too early",
            model: threads,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::IoStart { latency, .. } => std::mem::replace(latency, *latency + Duration(1)) != *latency,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::IoSlots,
            what: "a device serves more requests than it has slots",
            model: disk,
            wrong: Lie(|model| model.devices[0].slots = Some(1)),
        },
        Mutation {
            rule: Rule::IoOrder,
            what: "a device serves the last request first",
            model: disk,
            wrong: Edit(|records, at| {
                let What::IoStart { device, request, .. } = records[at].what else { return false };
                let like = |what: &What| matches!(what, What::IoStart { device: of, .. } if *of == device);
                let Some(other) = next(records, at, like) else { return false };
                let What::IoStart { request: second, .. } = records[other].what else { return false };
                let swap = |record: &mut Record, to| match &mut record.what {
                    What::IoStart { request, .. } => *request = to,
                    _ => unreachable!("both are starts"),
                };
                swap(&mut records[at], second);
                swap(&mut records[other], request);
                true
            }),
        },
        Mutation {
            rule: Rule::IoWorkConserving,
            what: "a slot of a device stays free",
            model: disk,
            wrong: Lie(|model| model.devices[0].slots = Some(3)),
        },
        Mutation {
            rule: Rule::IoWaits,
            what: "who waits for a request is not woken",
            model: threads,
            wrong: Edit(|records, at| {
                let done = matches!(records[at].what, What::IoDone { .. });
                done && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        },
        Mutation {
            rule: Rule::SleepNotEarly,
            what: "a sleep is one nanosecond too short",
            model: || {
                let mut builder = Builder::new(1, Execution::Serial);
                builder.batch("sleeper", 1, vec![Stmt::Sleep(Dist::Const(Duration::ms(1)))]);
                builder.build()
            },
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Sleep { time, .. } => std::mem::replace(time, *time + Duration(1)) != *time,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::SleepNotEarly,
            what: "the sleeps of a loop end in another order",
            model: sleepers,
            wrong: Edit(|records, at| swap_ready(records, at)),
        },
        Mutation {
            rule: Rule::JoinWaits,
            what: "a join ends before the child",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::ThreadEnd { .. }))),
        },
    ]
}

/// Two coroutines become ready in the other order.
fn swap_ready(records: &mut [Record], at: usize) -> bool {
    let ready = |record: Option<&Record>| matches!(record, Some(Record { what: What::CoroutineReady { .. }, .. }));
    let found = ready(records.get(at)) && ready(records.get(at + 1));
    if found {
        let first = records[at].what;
        records[at].what = std::mem::replace(&mut records[at + 1].what, first);
    }
    found
}

fn deed(what: &What, wanted: Deed) -> bool {
    matches!(what, What::Sync { deed, .. } if *deed == wanted)
}

/// The second of two records of this kind and thing comes first, at the time of the first.
fn swap(records: &mut [Record], at: usize, like: impl Fn(&What) -> bool) -> bool {
    if !like(&records[at].what) {
        return false;
    }
    let Some(other) = next(records, at, like) else { return false };
    let (first, second) = (records[at].what, records[other].what);
    (records[at].what, records[other].what) = (second, first);
    first != second
}

fn shared() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::LockExclusive,
            what: "a lock that is held twice counts wrongly",
            model: meeting_threads,
            wrong: Edit(|records, at| again(records, at, |what| matches!(what, What::LockDepth { .. }))),
        },
        Mutation {
            rule: Rule::RwExclusive,
            what: "a writer does not keep readers out",
            model: meeting_threads,
            wrong: Edit(|records, at| {
                change(records, at, |what| {
                    let What::Sync { deed, .. } = what else { return false };
                    let read = matches!(deed, Deed::TakeRead | Deed::GivenRead);
                    if read {
                        *deed = if *deed == Deed::TakeRead { Deed::Take } else { Deed::Given };
                    }
                    read
                })
            }),
        },
        Mutation {
            rule: Rule::RwOrder,
            what: "readers overtake writers",
            model: || until_3_10(meeting_threads()),
            wrong: Lie(|model| {
                for sync in &mut model.syncs {
                    if sync.initial == Config::RwLock(Preference::Readers) {
                        sync.initial = Config::RwLock(Preference::FirstCome);
                    }
                }
            }),
        },
        Mutation {
            rule: Rule::RwOrder,
            what: "writers do not go first",
            model: meeting_coroutines,
            wrong: Lie(|model| {
                for sync in &mut model.syncs {
                    if sync.initial == Config::RwLock(Preference::FirstCome) {
                        sync.initial = Config::RwLock(Preference::Writers);
                    }
                }
            }),
        },
        Mutation {
            rule: Rule::SemaphorePermits,
            what: "a semaphore has too many permits",
            model: meeting_threads,
            wrong: Lie(|model| model.syncs[0].initial = Config::Semaphore { permits: 1, bounded: true }),
        },
        Mutation {
            rule: Rule::SemaphorePermits,
            what: "a permit comes back twice",
            model: meeting_coroutines,
            wrong: Edit(|records, at| again(records, at, |what| deed(what, Deed::Release))),
        },
        Mutation {
            rule: Rule::BarrierRound,
            what: "a barrier lets go too early",
            model: meeting_threads,
            wrong: Lie(|model| {
                for sync in &mut model.syncs {
                    if let Config::Barrier { parties } = &mut sync.initial {
                        *parties += 1;
                    }
                }
            }),
        },
        Mutation {
            rule: Rule::BarrierRound,
            what: "one comes before another has left",
            model: meeting_coroutines,
            wrong: Edit(|records, at| {
                let leaves = deed(&records[at].what, Deed::Leave);
                let Some(come) = next(records, at, |what| deed(what, Deed::Come)).filter(|_| leaves) else {
                    return false;
                };
                let Record { what, .. } = records.remove(come);
                records.insert(at, Record { time: records[at].time, what });
                true
            }),
        },
        Mutation {
            rule: Rule::ConditionMatched,
            what: "a notification wakes somebody else",
            model: meeting_coroutines,
            wrong: Edit(|records, at| {
                swap(records, at, |what| matches!(what, What::Sync { sync: SyncId(2), deed: Deed::Wait, .. }))
            }),
        },
        Mutation {
            rule: Rule::ConditionMatched,
            what: "who was notified goes on without the lock",
            model: meeting_threads,
            wrong: Edit(|records, at| {
                let What::Sync { sync: SyncId(2), deed: Deed::Notify, .. } = records[at].what else { return false };
                let take = next(records, at, |what| matches!(what, What::LockTake { .. }));
                take.map(|take| records.remove(take)).is_some()
            }),
        },
        Mutation {
            rule: Rule::QueueOrder,
            what: "a queue gives the last item first",
            model: meeting_threads,
            wrong: Edit(|records, at| swap(records, at, |what| deed(what, Deed::Get))),
        },
        Mutation {
            rule: Rule::QueueCapacity,
            what: "a queue has more places than its capacity",
            model: meeting_coroutines,
            wrong: Lie(|model| {
                for sync in &mut model.syncs {
                    if let Config::Queue { capacity } = &mut sync.initial {
                        *capacity = Some(1);
                    }
                }
            }),
        },
        Mutation {
            rule: Rule::SharedWaits,
            what: "an event is set and somebody waits for it",
            model: meeting_threads,
            wrong: Edit(|records, at| {
                let Record { time, what } = records[at];
                let What::Sync { sync: SyncId(1), deed: Deed::Wait, process, context, .. } = what else { return false };
                let deed = Deed::Set;
                let set = What::Sync { sync: SyncId(1), process, context, deed, amount: 0 };
                records.insert(at, Record { time, what: set });
                true
            }),
        },
        Mutation {
            rule: Rule::SharedWakeUp,
            what: "who gets an item is not woken",
            model: meeting_coroutines,
            wrong: Edit(|records, at| {
                let found = deed(&records[at].what, Deed::Put)
                    && records.get(at + 1).is_some_and(|next| matches!(next.what, What::CoroutineReady { .. }));
                if found {
                    records.remove(at + 1);
                }
                found
            }),
        },
    ]
}

fn loops() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::CoroutineStates,
            what: "a coroutine runs without being ready",
            model: coroutines,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::CoroutineReady { .. }))),
        },
        Mutation {
            rule: Rule::LoopAlone,
            what: "two coroutines of a loop run at once",
            model: coroutines,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Suspend { .. }))),
        },
        Mutation {
            rule: Rule::LoopSnapshot,
            what: "an iteration leaves a coroutine of its snapshot",
            model: coroutines,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Iteration { ready, .. } => std::mem::replace(ready, *ready + 1) > 0,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::LoopSnapshot,
            what: "an iteration runs a coroutine beyond its snapshot",
            model: coroutines,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Iteration { ready, .. } if *ready > 0 => std::mem::replace(ready, *ready - 1) > 0,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::LoopOrder,
            what: "a coroutine overtakes another in the ready queue",
            model: sleepers,
            wrong: Edit(|records, at| swap_ready(records, at)),
        },
        Mutation {
            rule: Rule::LoopPolls,
            what: "a loop sleeps on although a coroutine is ready",
            model: coroutines,
            wrong: Edit(|records, at| {
                let ready = matches!(records[at].what, What::CoroutineReady { .. });
                ready && without(records, at + 1, |what| matches!(what, What::Wake { .. }))
            }),
        },
    ]
}

/// Cancellations of every kind.
fn cancelled() -> Model {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(costs());
    let disk = builder.device("disk", Dist::Const(Duration::ms(5)), Some(1));
    let sleep = |ms| Stmt::Sleep(Dist::Const(Duration::ms(ms)));
    let slow = builder.program("slow", vec![cpu(Duration::us(10)), sleep(9), cpu(Duration::us(10))]);
    let quick = builder.program("quick", vec![sleep(3), Stmt::Yield]);
    let bad = builder.program("bad", vec![sleep(1), Stmt::Raise]);
    let first = Stmt::Gather(Together::Gather, vec![slow, bad], 1);
    let group = Stmt::Gather(Together::TaskGroup, vec![quick, slow, bad], 1);
    let read =
        Stmt::Timeout(Dist::Const(Duration::ms(3)), vec![Stmt::Io(disk, None)], Some(vec![cpu(Duration::us(10))]));
    let steps = vec![
        Stmt::Try(vec![first], vec![]),
        Stmt::Try(vec![group], vec![]),
        read,
        Stmt::Spawn(SpawnKind::Coroutine, slow, 2),
        sleep(2),
        Stmt::Cancel(slow),
        Stmt::Join(slow),
    ];
    builder.batch("parent", 3, steps);
    builder.build()
}

/// Coroutines that give up their wait for a notification.
fn impatient_waits() -> Model {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(costs());
    builder.model_mut().interpreter.passes_notifications_on = true;
    let lock = builder.lock("lock", false);
    let condition = builder.sync("condition", Config::Condition { lock }, false);
    let wait = vec![Stmt::With(lock, vec![Stmt::Sync(condition, Act::Wait)])];
    let time = Dist::Const(Duration::ms(3));
    builder.batch("waits", 3, vec![Stmt::Timeout(time, wait, Some(vec![])), cpu(Duration::us(10))]);
    builder.build()
}

fn cancellations() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::ConditionMatched,
            what: "who is cancelled passes no notification on",
            model: impatient_waits,
            wrong: Edit(|records, at| without(records, at, |what| deed(what, Deed::Notify))),
        },
        Mutation {
            rule: Rule::Cancelled,
            what: "a cancelled coroutine goes on",
            model: cancelled,
            wrong: Edit(|records, at| {
                without(records, at, |what| matches!(what, What::Raise { raised: Raised::Cancelled, .. }))
            }),
        },
        Mutation {
            rule: Rule::Cancelled,
            what: "a coroutine is cancelled that nobody asked to be",
            model: cancelled,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Cancel { .. }))),
        },
        Mutation {
            rule: Rule::TimeoutDue,
            what: "a timeout is one nanosecond too early",
            model: || {
                let mut model = cancelled();
                model.machine.costs = Costs { timer_granularity: Duration(1), ..Costs::zero() };
                model
            },
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Timeout { time, .. } => std::mem::replace(time, *time + Duration(1)) != *time,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::TogetherEnds,
            what: "a task group goes on at its first exception",
            model: cancelled,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Together { how, .. } => std::mem::replace(how, Together::TaskGroup) == Together::Gather,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::TogetherEnds,
            what: "who is woken because one of its task group has failed does not wait for the others",
            model: cancelled,
            wrong: Edit(|records, at| {
                let looks = at > 0 && matches!(records[at - 1].what, What::Resume { .. });
                change(records, at, |what| match what {
                    What::Suspend { on, .. } => looks && std::mem::replace(on, On::Nothing) == On::Together,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::TogetherEnds,
            what: "who awaits all, however they end, goes on at the first exception",
            model: cancelled,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Together { how, .. } => std::mem::replace(how, Together::GatherAll) == Together::Gather,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::TogetherEnds,
            what: "a coroutine is cancelled for a task group without exceptions",
            model: cancelled,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Cancel { why, .. } => std::mem::replace(why, Cause::Sibling) == Cause::Asked,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::TogetherEnds,
            what: "a task group does not cancel the rest",
            model: cancelled,
            // The one that is left in peace sleeps to its end, an exception earlier than the others.
            wrong: Edit(|records, at| {
                let cancels = |what: &What| matches!(what, What::Cancel { why: Cause::Sibling, .. });
                let What::Cancel { context, .. } = records[at].what else { return false };
                if !cancels(&records[at].what) {
                    return false;
                }
                let own = move |what: &What| matches!(what, What::Raise { context: of, .. } | What::Uncaught { context: of, .. } if *of == context);
                records.remove(at);
                let end =
                    next(records, at, |what| matches!(what, What::CoroutineEnd { context: of } if *of == context));
                let Some(end) = end else { return false };
                let before = records.drain(at..end).filter(|record| !own(&record.what)).collect::<Vec<_>>();
                records.splice(at..at, before);
                true
            }),
        },
    ]
}

/// Two threads count, and the second one finds that it is not alone.
fn asserting() -> Model {
    let mut builder = Builder::new(2, Execution::ThreadPerTask).costs(costs());
    let count = builder.var("count", 0, false);
    let alone = Condition::Read(count, Comparison::Is, Value::Number(1));
    let steps = vec![
        cpu(Duration::us(10)),
        Stmt::Incr(count, 1),
        Stmt::Assert(alone, "alone".to_owned()),
        cpu(Duration::us(9)),
    ];
    builder.batch("counts", 2, steps);
    builder.build()
}

fn accounts() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::Ending,
            what: "a run ends before its work",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::JobEnd { .. }))),
        },
        Mutation {
            rule: Rule::AssertEnds,
            what: "a run is broken and nothing was asserted",
            model: asserting,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Fail { .. }))),
        },
        Mutation {
            rule: Rule::AssertEnds,
            what: "a run goes on after what does not hold",
            model: asserting,
            wrong: Edit(|records, at| {
                let last = records.len() - 1;
                let before = at < last && matches!(records[last].what, What::Fail { .. });
                before && {
                    let fail = Record { time: records[at].time, what: records[last].what };
                    records.insert(at, fail);
                    true
                }
            }),
        },
        Mutation {
            rule: Rule::ReferenceCounted,
            what: "a dropped reference counts as a taken one",
            model: counted,
            wrong: Edit(|records, at| taken_for_dropped(records, at)),
        },
        Mutation {
            rule: Rule::ObjectFreed,
            what: "the last reference is dropped and nothing is freed",
            model: counted,
            wrong: Edit(|records, at| {
                without(records, at, |what| matches!(what, What::Object { handled: Handled::Free, .. }))
            }),
        },
        Mutation {
            rule: Rule::ObjectFreed,
            what: "an object is freed while somebody refers to it",
            model: counted,
            wrong: Edit(freed_too_early),
        },
        Mutation {
            rule: Rule::ObjectOutcome,
            what: "a leak is reported where there is none",
            model: counted,
            wrong: End(|ended| {
                ended.outcome = Outcome::Leaked { objects: vec!["object".to_owned()], lines: Vec::new() };
            }),
        },
        Mutation {
            rule: Rule::ObjectOutcome,
            what: "a use after free is reported where there is none",
            model: kept,
            wrong: End(|ended| {
                ended.outcome = Outcome::UsedAfterFree { object: "object".to_owned(), lines: Vec::new() };
            }),
        },
        Mutation {
            rule: Rule::WorldStopped,
            what: "a collection begins before all others have stopped",
            model: collections,
            wrong: Edit(|records, at| impatient(records, at)),
        },
        Mutation {
            rule: Rule::WorldStopped,
            what: "the world does not go on after a collection",
            model: collections,
            wrong: Edit(|records, at| {
                without(records, at, |what| matches!(what, What::Pause { pause: Pause::Over, .. }))
            }),
        },
        Mutation {
            rule: Rule::Demand,
            what: "a burst is one nanosecond too short",
            model: threads,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Compute { demand, .. } => std::mem::replace(demand, *demand + Duration(1)) != *demand,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::CoreTimeUsed,
            what: "a thread holds a core for nothing",
            model: threads,
            wrong: Edit(without_burst),
        },
        Mutation {
            rule: Rule::CoreIdentity,
            what: "a dispatch is booked twice",
            model: slices,
            wrong: Edit(|records, at| later(records, at, |what| matches!(what, What::Run { .. }))),
        },
        Mutation {
            rule: Rule::BusyIsService,
            what: "a dispatch is booked twice",
            model: slices,
            wrong: Edit(|records, at| later(records, at, |what| matches!(what, What::Run { .. }))),
        },
        Mutation {
            rule: Rule::LifeOfThread,
            what: "a thread stands in the run queue twice",
            model: slices,
            wrong: Edit(|records, at| again(records, at, |what| matches!(what, What::Ready { .. }))),
        },
        Mutation {
            rule: Rule::JobOnce,
            what: "a job ends twice",
            model: threads,
            wrong: Edit(|records, at| again(records, at, |what| matches!(what, What::JobEnd { .. }))),
        },
        Mutation {
            rule: Rule::JobDropped,
            what: "late jobs are dropped although their task does not say so",
            model: late_jobs,
            wrong: Lie(|model| model.tasks[0].late = Late::Continue),
        },
        Mutation {
            rule: Rule::JobDropped,
            what: "a late job goes on",
            model: || {
                let mut model = late_jobs();
                model.tasks[0].late = Late::Continue;
                model
            },
            wrong: Lie(|model| model.tasks[0].late = Late::Abort),
        },
        Mutation {
            rule: Rule::JobRefused,
            what: "a task has room for one more job",
            model: crowded,
            wrong: Lie(|model| model.tasks[0].capacity = Some(4)),
        },
        Mutation {
            rule: Rule::JobRefused,
            what: "a task has room for one job less",
            model: crowded,
            wrong: Lie(|model| model.tasks[0].capacity = Some(2)),
        },
        Mutation {
            rule: Rule::JobAfter,
            what: "a job does not wait for the task before it",
            model: threads,
            wrong: Lie(|model| model.tasks[1].after.push(TaskId(2))),
        },
        Mutation {
            rule: Rule::PoolStarts,
            what: "a pool has more workers than it may",
            model: threads,
            wrong: Lie(|model| model.execution = Execution::Threads(3)),
        },
        Mutation {
            rule: Rule::PoolStarts,
            what: "a pool has fewer workers than it could",
            model: threads,
            wrong: Lie(|model| model.execution = Execution::Threads(5)),
        },
        Mutation {
            rule: Rule::JobArrivals,
            what: "jobs arrive too often",
            model: slices,
            wrong: Lie(|model| model.tasks[0].arrivals = Arrivals::Every(Duration(2_300_001))),
        },
        Mutation {
            rule: Rule::Memory,
            what: "a store is lost",
            model: threads,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Store { .. }))),
        },
        Mutation {
            rule: Rule::Memory,
            what: "threads share a variable of which each has its own",
            model: own_values,
            wrong: Lie(|model| model.vars[0].home = Home::Process),
        },
        Mutation {
            rule: Rule::Atomic,
            what: "an atomic operation writes without reading",
            model: updates,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Load { .. }))),
        },
        Mutation {
            rule: Rule::Atomic,
            what: "a store comes between the two halves of an atomic operation",
            model: updates,
            wrong: Edit(torn),
        },
        Mutation {
            rule: Rule::JobService,
            what: "a job gets core time that none of its steps demands",
            model: threads,
            wrong: Edit(without_burst),
        },
        Mutation {
            rule: Rule::JobSpan,
            what: "a job is faster than its steps",
            model: threads,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Sleep { time, .. } => std::mem::replace(time, *time + Duration::s(1)) != *time,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::Makespan,
            what: "more work is done than the cores can do",
            model: free_threads,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Compute { demand, .. } => std::mem::replace(demand, Duration::s(1)) != *demand,
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::LittlesLaw,
            what: "a job arrives twice",
            model: threads,
            wrong: Edit(|records, at| later(records, at, |what| matches!(what, What::JobArrive { .. }))),
        },
        Mutation {
            rule: Rule::LittlesLaw,
            what: "a request is submitted twice",
            model: threads,
            wrong: Edit(|records, at| later(records, at, |what| matches!(what, What::IoSubmit { .. }))),
        },
    ]
}

/// Core time passes, and the burst that used it is not there.
fn without_burst(records: &mut Vec<Record>, at: usize) -> bool {
    let What::Compute { context, .. } = records[at].what else { return false };
    let end = next(records, at, |what| matches!(what, What::ComputeEnd { context: of } if *of == context));
    if let Some(end) = end {
        records.remove(end);
        records.remove(at);
    }
    end.is_some()
}

/// The places in a run where an edit is tried at most.
const TRIES: usize = 400;

/// The rules that the mutated run breaks, at the first place where the one in question is among them.
fn caught(mutation: &Mutation) -> Option<BTreeSet<Rule>> {
    let mut model = (mutation.model)();
    let (records, mut ended) = run(&model, 1);
    let rules = |model: &Model, records: &[Record], ended: &Ended| -> BTreeSet<Rule> {
        audit(model, records, ended).iter().map(|violation| violation.rule).collect()
    };
    assert_eq!(rules(&model, &records, &ended), BTreeSet::new(), "{} is silent as it is", mutation.what);
    let found: Vec<BTreeSet<Rule>> = match mutation.wrong {
        Lie(lie) => {
            lie(&mut model);
            vec![rules(&model, &records, &ended)]
        }
        End(edit) => {
            edit(&mut ended);
            vec![rules(&model, &records, &ended)]
        }
        Edit(edit) => {
            let mut tried = 0;
            let mut found = Vec::new();
            for at in 0..records.len() {
                let mut edited = records.clone();
                if edit(&mut edited, at) && tried < TRIES {
                    tried += 1;
                    found.push(rules(&model, &edited, &ended));
                    if found.last().is_some_and(|rules| rules.contains(&mutation.rule)) {
                        break;
                    }
                }
            }
            found
        }
    };
    found.into_iter().find(|rules| rules.contains(&mutation.rule))
}

#[test]
fn every_planted_error_is_caught_by_its_rule() {
    let missed: Vec<_> =
        mutations().iter().filter(|mutation| caught(mutation).is_none()).map(|m| (m.rule, m.what)).collect();
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}

#[test]
fn every_rule_has_a_planted_error() {
    let planted: BTreeSet<Rule> = mutations().iter().map(|mutation| mutation.rule).collect();
    let bare: Vec<_> = Rule::ALL.iter().filter(|rule| !planted.contains(rule)).collect();
    assert!(bare.is_empty(), "no mutation for {bare:?}");
}

/// Whether no core has been free for longer than this instant: whoever becomes ready then need not have been woken before, as
/// no core had to be roused.
fn all_cores_are_in_use(records: &[Record], at: usize) -> bool {
    let now = records[at].time;
    let (mut all, mut in_use) = (BTreeSet::new(), BTreeSet::new());
    for (place, record) in records.iter().enumerate() {
        match record.what {
            What::Switch { core, .. } | What::Run { core, .. } => {
                all.insert(core);
                if place < at {
                    in_use.insert(core);
                }
            }
            What::Preempt { core, .. }
            | What::Yield { core, .. }
            | What::Block { core, .. }
            | What::ThreadEnd { core, .. }
                if place < at && record.time < now =>
            {
                in_use.remove(&core);
            }
            _ => {}
        }
    }
    all == in_use
}

/// Records that change nothing: losing or repeating one leaves every rule's subject as it was. The last store and the last
/// release are of this kind, because nobody looks afterwards.
fn says_nothing_new(records: &[Record], at: usize) -> bool {
    match records[at].what {
        What::Object { handled: Handled::Use, .. } => true,
        What::Load { .. } | What::Print { .. } | What::Iteration { ready: 0, .. } => true,
        What::Store { var, process, .. } | What::Update { var, process, .. } => {
            // Nobody reads it, or another context wrote the same before.
            let of = |what: &What| match *what {
                What::Load { var, process, value, .. }
                | What::Store { var, process, value, .. }
                | What::Update { var, process, value, .. } => Some((var, process, value)),
                _ => None,
            };
            let same = |what: &What| of(what).is_some_and(|(v, p, _)| (v, p) == (var, process));
            let before = records[..at].iter().rev().find(|record| same(&record.what));
            let after = next(records, at, same).map(|after| records[after].what);
            !matches!(after, Some(What::Load { .. }))
                || before.is_some_and(|before| of(&before.what) == of(&records[at].what))
        }
        What::Wake { thread } => next(records, at, |what| matches!(what, What::Ready { thread: of } if *of == thread))
            .is_some_and(|ready| all_cores_are_in_use(records, ready)),
        What::LockRelease { lock, process, .. } => {
            let like =
                |what: &What| matches!(what, What::LockTake { lock: l, process: p, .. } if (*l, *p) == (lock, process));
            next(records, at, like).is_none()
        }
        What::Sync { sync, deed: Deed::Get, .. } => {
            next(records, at, |what| matches!(what, What::Sync { sync: s, deed: Deed::Get, .. } if *s == sync))
                .is_none()
        }
        // Nobody came between the two.
        What::Sync { sync, deed: Deed::Set, .. }
            if next(records, at, |what| matches!(what, What::Sync { sync: s, .. } if *s == sync))
                .is_some_and(|next| deed(&records[next].what, Deed::Clear)) =>
        {
            true
        }
        // Whether an event is set matters to those who come later, and who has released to those who need it free.
        What::Sync { sync, deed: Deed::Clear | Deed::Set | Deed::Release, .. } => {
            let like = |what: &What| matches!(what, What::Sync { sync: s, deed: Deed::Take | Deed::Given | Deed::Wait, .. } if *s == sync);
            next(records, at, like).is_none()
        }
        _ => false,
    }
}

/// Records that say the same again when they are repeated.
fn can_be_said_twice(what: &What) -> bool {
    let all = i64::from(u32::MAX);
    matches!(what, What::Store { .. } | What::Sync { deed: Deed::Set | Deed::Clear, .. })
        || matches!(what, What::Sync { deed: Deed::Notify, amount, .. } if *amount == all)
}

/// A record is lost, or comes twice: noticed for every kind of record.
#[test]
fn a_lost_or_repeated_record_is_noticed() {
    let kind = |what: &What| format!("{what:?}").split([' ', '{']).next().unwrap_or_default().to_owned();
    let mut kinds = BTreeSet::new();
    let mut missed = Vec::new();
    let meetings = [meeting_threads(), meeting_coroutines()];
    for model in [threads(), coroutines(), all_processes(), hogs(), updates(), counted(), spread(), uneven()]
        .into_iter()
        .chain(meetings)
    {
        let (records, ended) = run(&model, 1);
        for (at, record) in records.iter().enumerate().step_by(3) {
            if says_nothing_new(&records, at) {
                continue;
            }
            kinds.insert(kind(&record.what));
            let mut lost = records.clone();
            lost.remove(at);
            if audit(&model, &lost, &ended).is_empty() {
                let around = &records[at.saturating_sub(3)..(at + 3).min(records.len())];
                missed.push(format!("lost {:?} among {around:?}", record.what));
            }
            let mut repeated = records.clone();
            repeated.insert(at, *record);
            if !can_be_said_twice(&record.what) && audit(&model, &repeated, &ended).is_empty() {
                missed.push(format!("repeated {:?}", record.what));
            }
        }
    }
    let few: Vec<_> = missed.iter().take(12).collect();
    assert!(missed.is_empty(), "{} not noticed: {few:#?}", missed.len());
    assert!(kinds.len() >= 24, "{kinds:?}");
}

/// The table of `docs/audit.md` has a row for each rule, with its number, its statement, and the errors planted here.
#[test]
fn the_documented_rules_are_the_rules() {
    let path = format!("{}/docs/audit.md", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    let all = mutations();
    let expected: Vec<String> = Rule::ALL
        .iter()
        .map(|rule| {
            let number = rule.number().map_or("–".to_owned(), |number| number.to_string());
            let planted: Vec<&str> = all.iter().filter(|m| m.rule == *rule).map(|m| m.what).collect();
            format!("| {number} | `{rule:?}` | {} | {} |", rule.statement(), planted.join("; "))
        })
        .collect();
    assert_eq!(rows, expected, "docs/audit.md should say:\n{}", expected.join("\n"));
}

#[test]
fn times_of_violations_are_those_of_their_records() {
    let model = threads();
    let (mut records, ended) = run(&model, 1);
    let at = records.iter().position(|record| matches!(record.what, What::GilTake { .. }) && record.time > Time(1_000));
    let at = at.expect("the GIL is taken");
    records.insert(at + 1, records[at]);
    let found = audit(&model, &records, &ended);
    assert_eq!((found[0].record, found[0].time), (at as u64 + 1, records[at].time));
    assert!(found[0].to_string().contains("invariant 17"), "{}", found[0]);
}
