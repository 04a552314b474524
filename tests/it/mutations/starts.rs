//! Errors in the handshake of threads that start, and with those that are daemons.

use gilsim::audit::Rule;
use gilsim::dist::Dist;
use gilsim::model::{Builder, Execution, Model, SpawnKind, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{On, What};

use super::{Edit, End, Lie, Mutation, change, cpu, next, without};

/// A thread that starts others, which compute.
fn starting() -> Model {
    let mut builder = Builder::new(3, Execution::Serial).costs(super::costs());
    let child = builder.program("child", vec![cpu(Duration::ms(4))]);
    builder.batch("main", 1, vec![Stmt::Spawn(SpawnKind::Thread, child, 3), cpu(Duration::ms(1)), Stmt::Join(child)]);
    builder.build()
}

/// A thread beside daemons that tick for ever.
fn ticking() -> Model {
    let mut builder = Builder::new(2, Execution::Serial).costs(super::costs());
    let tick = builder.program("tick", vec![Stmt::Forever(vec![Stmt::Sleep(Dist::Const(Duration::ms(1)))])]);
    builder.batch("main", 1, vec![Stmt::Spawn(SpawnKind::DaemonThread, tick, 2), cpu(Duration::ms(7))]);
    builder.build()
}

/// Threads that give up their waits for a lock.
fn impatient() -> Model {
    let mut builder = Builder::new(3, Execution::Threads(3)).costs(super::costs());
    let lock = builder.lock("lock", false);
    let ask = Stmt::Timeout(Dist::Const(Duration::ms(2)), vec![Stmt::Acquire(lock)], None);
    let hold = vec![ask, Stmt::Sleep(Dist::Const(Duration::ms(5))), Stmt::Release(lock)];
    builder.batch("work", 3, vec![Stmt::Repeat(3, vec![Stmt::Try(hold, vec![cpu(Duration::us(300))])])]);
    builder.build()
}

/// As `_thread.start_new_thread` does it.
fn without_handshake(mut model: Model) -> Model {
    model.interpreter.start_handshake = false;
    model
}

pub fn mutations() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::StartWaits,
            what: "who starts a thread goes on at once",
            model: || without_handshake(starting()),
            wrong: Lie(|model| model.interpreter.start_handshake = true),
        },
        Mutation {
            rule: Rule::StartWaits,
            what: "who starts a thread is not woken when that has come up",
            model: starting,
            wrong: Edit(|records, at| {
                let What::Block { thread, on: On::Start(_), .. } = records[at].what else { return false };
                let Some(wake) = next(records, at, |what| matches!(what, What::Wake { thread: of } if *of == thread))
                else {
                    return false;
                };
                let end = next(records, wake, |what| matches!(what, What::GilDrop { .. })).unwrap_or(wake);
                let woken = records.remove(wake);
                records.insert(end, gilsim::trace::Record { time: records[end - 1].time, ..woken });
                records[end].time > woken.time
            }),
        },
        Mutation {
            rule: Rule::Daemons,
            what: "a run goes on although only daemons are left",
            model: ticking,
            wrong: End(|ended| ended.at = gilsim::time::Time(ended.at.0 + 1)),
        },
        Mutation {
            rule: Rule::Daemons,
            what: "a daemon is cut off and not counted",
            model: ticking,
            wrong: End(|ended| ended.daemons -= 1),
        },
        Mutation {
            rule: Rule::Ending,
            what: "a run ends although a thread is left that is no daemon",
            model: ticking,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Daemon { .. }))),
        },
        Mutation {
            rule: Rule::TimeoutDue,
            what: "a thread gives up a nanosecond too early",
            model: impatient,
            wrong: Lie(|model| model.machine.costs.timer_slack.0 += 1),
        },
        Mutation {
            rule: Rule::TimeoutDue,
            what: "a thread waits on although its time is over",
            model: impatient,
            wrong: Edit(|records, at| {
                change(records, at, |what| match what {
                    What::Timeout { time, .. } => {
                        time.0 /= 2;
                        true
                    }
                    _ => false,
                })
            }),
        },
        Mutation {
            rule: Rule::PoolStarts,
            what: "a pool starts a worker while another is still to come up",
            model: || without_handshake(super::threads()),
            wrong: Lie(|model| model.interpreter.start_handshake = true),
        },
    ]
}
