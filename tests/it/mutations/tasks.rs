//! Errors in how coroutines begin, and in how they are awaited.

use gilsim::audit::Rule;
use gilsim::dist::Dist;
use gilsim::model::{Builder, Costs, Execution, Model, SpawnKind, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{Called, Cause, Record, Together, What};

use super::{Edit, Lie, Mutation, change, cpu, next, without};

/// A coroutine waits for some of those that it has spawned, and gives up a shield.
fn waiting(how: Together) -> Model {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(super::costs());
    let sleep = |ms| Stmt::Sleep(Dist::Const(Duration::ms(ms)));
    let quick = builder.program("quick", vec![sleep(3), cpu(Duration::us(10))]);
    let slow = builder.program("slow", vec![sleep(9), cpu(Duration::us(10))]);
    let spawn = |program| Stmt::Spawn(SpawnKind::Coroutine, program, 1);
    let wait = |how, ms: Option<u64>| {
        let time = ms.map(|ms| Dist::Const(Duration::ms(ms)));
        Stmt::WaitTasks(how, vec![quick, slow], time, vec![cpu(Duration::us(10))])
    };
    let shield = Stmt::Gather(Together::Shield, vec![slow], 1);
    let steps = vec![
        Stmt::Timeout(Dist::Const(Duration::ms(2)), vec![shield], Some(vec![])),
        sleep(20),
        Stmt::Join(slow),
        spawn(quick),
        spawn(slow),
        wait(Together::FirstCompleted, Some(1)),
        wait(how, None),
    ];
    builder.batch("parent", 2, steps);
    builder.build()
}

fn first() -> Model {
    waiting(Together::FirstCompleted)
}

/// A coroutine creates others that are over at once, and others that are not.
fn creating(eager: bool) -> Model {
    let mut builder = Builder::new(1, Execution::Asyncio).costs(super::costs());
    builder.model_mut().interpreter.eager_tasks = eager;
    let quick = builder.program("quick", vec![cpu(Duration::us(10))]);
    let slow = builder.program("slow", vec![cpu(Duration::us(10)), Stmt::Yield]);
    let gather = |program| Stmt::Gather(Together::Gather, vec![program], 2);
    builder.batch("parent", 2, vec![gather(slow), gather(quick)]);
    builder.build()
}

/// Callbacks of every kind, asked for by a coroutine and by a thread.
fn calling() -> Model {
    let mut builder =
        Builder::new(2, Execution::Asyncio).costs(Costs { timer_granularity: Duration(1), ..Costs::zero() });
    let call = builder.program("call", vec![cpu(Duration::us(10))]);
    let worker = vec![cpu(Duration::us(100)), Stmt::CallBack(Called::Threadsafe, call, None), cpu(Duration::us(10))];
    let worker = builder.program("worker", worker);
    let waiter = builder.program("waiter", vec![Stmt::Sleep(Dist::Const(Duration::ms(2)))]);
    let steps = vec![
        Stmt::Spawn(SpawnKind::Thread, worker, 1),
        Stmt::Spawn(SpawnKind::Coroutine, waiter, 1),
        Stmt::CallBack(Called::Soon, call, None),
        Stmt::CallBack(Called::Later, call, Some(Dist::Const(Duration::ms(1)))),
        Stmt::Join(waiter),
    ];
    builder.batch("main", 2, steps);
    builder.build()
}

/// With who awaits it behind a shield, a coroutine is cancelled.
fn through_the_shield(records: &mut Vec<Record>, at: usize) -> bool {
    let What::Together { context, how: Together::Shield } = records[at].what else { return false };
    let spawns = |what: &What| matches!(what, What::Spawn { context: by, .. } if *by == context);
    let Some(spawn) = next(records, at, spawns) else { return false };
    let What::Spawn { child, .. } = records[spawn].what else { return false };
    let Some(cancel) = next(records, at, |what| matches!(what, What::Cancel { context: by, .. } if *by == context))
    else {
        return false;
    };
    let time = records[cancel].time;
    records.insert(cancel + 1, Record { time, what: What::Cancel { context: child, why: Cause::Parent } });
    true
}

fn late(records: &mut [Record], at: usize, was: bool) -> bool {
    change(records, at, |what| match what {
        What::TasksWaited { late, .. } if *late == was => {
            *late = !was;
            true
        }
        _ => false,
    })
}

pub fn mutations() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::TogetherEnds,
            what: "who awaits a coroutine behind a shield cancels it",
            model: first,
            wrong: Edit(through_the_shield),
        },
        Mutation {
            rule: Rule::TogetherEnds,
            what: "who awaits what is over already does not go on at once",
            model: || creating(true),
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::TogetherAlready { .. }))),
        },
        Mutation {
            rule: Rule::TaskWaits,
            what: "who waits for all goes on with the first",
            model: first,
            wrong: Lie(|model| model.task_waits[1].how = Together::AllCompleted),
        },
        Mutation {
            rule: Rule::TaskWaits,
            what: "who waits for the first waits for all",
            model: || waiting(Together::AllCompleted),
            wrong: Lie(|model| model.task_waits[1].how = Together::FirstCompleted),
        },
        Mutation {
            rule: Rule::TaskWaits,
            what: "who waits for an exception goes on without one",
            model: first,
            wrong: Lie(|model| model.task_waits[1].how = Together::FirstException),
        },
        Mutation {
            rule: Rule::TaskWaits,
            what: "a wait is taken for too long that was not",
            model: first,
            wrong: Edit(|records, at| late(records, at, false)),
        },
        Mutation {
            rule: Rule::TaskWaits,
            what: "a wait is taken for one that has come about, and its time was over",
            model: first,
            wrong: Edit(|records, at| late(records, at, true)),
        },
        Mutation {
            rule: Rule::CallBacks,
            what: "a callback is called one nanosecond too early",
            model: calling,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::CallBack { how: Called::Later, after, .. } => {
                        *after += Duration(1);
                        true
                    }
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::CallBacks,
            what: "a thread calls a loop and does not wake it",
            model: calling,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::SelfPipe { .. }))),
        },
        Mutation {
            rule: Rule::CallBacks,
            what: "a callback waits",
            model: calling,
            wrong: Edit(|records, at| {
                let What::Spawn { context, child } = records[at].what else { return false };
                let sleeps = |what: &What| matches!(what, What::Sleep { context: by, .. } if *by == child);
                records[at].what = What::CallBack { context, child, how: Called::Soon, after: Duration::ZERO };
                next(records, at, sleeps).is_some()
            }),
        },
        Mutation {
            rule: Rule::EagerStart,
            what: "an eager task waits for its turn",
            model: || creating(false),
            wrong: Lie(|model| model.interpreter.eager_tasks = true),
        },
        Mutation {
            rule: Rule::EagerStart,
            what: "a task begins where it is created, and is not eager",
            model: || creating(true),
            wrong: Lie(|model| model.interpreter.eager_tasks = false),
        },
    ]
}
