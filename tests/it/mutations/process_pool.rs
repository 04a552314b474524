//! Errors in pools of processes.

use gilsim::audit::Rule;
use gilsim::dist::Dist;
use gilsim::model::{Builder, Execution, Model, PoolKind, StartMethod, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{Record, Stage, What};

use super::{Edit, Lie, Mutation, swap, without};

fn pool(kind: PoolKind) -> Model {
    let mut builder = Builder::new(3, crate::process_pools::pool(kind, 3, 2, StartMethod::Fork)).costs(super::costs());
    crate::process_pools::everything(&mut builder);
    builder.build()
}

fn executor() -> Model {
    pool(PoolKind::Executor)
}

fn multiprocessing() -> Model {
    pool(PoolKind::Multiprocessing)
}

/// Workers that compute and wait while one of them dies.
fn breaking() -> Model {
    let mut builder = Builder::new(3, crate::process_pools::pool(PoolKind::Executor, 3, 1, StartMethod::Fork));
    builder.batch("crash", 1, vec![super::cpu(Duration::ms(5)), Stmt::Exit]);
    builder.batch(
        "work",
        6,
        vec![super::cpu(Duration::ms(3)), Stmt::Sleep(Dist::Const(Duration::ms(3))), super::cpu(Duration::ms(9))],
    );
    builder.build()
}

fn fewer(model: &mut Model) {
    if let Execution::ProcessPool(pool) = &mut model.execution {
        pool.workers = Some(1);
    }
}

fn at_stage(records: &mut [Record], at: usize, stage: Stage) -> bool {
    swap(records, at, |what| matches!(what, What::Pass { stage: of, .. } if *of == stage))
}

pub fn mutations() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::ProcessPoolBroken,
            what: "a worker of a broken pool ends by itself",
            model: breaking,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Kill { .. }))),
        },
        Mutation {
            rule: Rule::ProcessPoolBroken,
            what: "a worker of a broken pool goes on for ever",
            model: breaking,
            wrong: Edit(|records, at| {
                let ends = matches!(records[at].what, What::ThreadEnd { .. });
                ends && without(records, at, |what| matches!(what, What::ThreadEnd { .. }))
            }),
        },
        Mutation {
            rule: Rule::ProcessPoolBroken,
            what: "a worker that is terminated goes on with its job",
            model: breaking,
            wrong: Edit(|records, at| {
                let What::Kill { context } = records[at].what else { return false };
                records.insert(at + 1, Record { time: records[at].time, what: What::ComputeEnd { context } });
                true
            }),
        },
        Mutation {
            rule: Rule::ProcessPoolOrder,
            what: "a worker reads the second message",
            model: executor,
            wrong: Edit(|records, at| at_stage(records, at, Stage::Received)),
        },
        Mutation {
            rule: Rule::ProcessPoolOrder,
            what: "the second chunk is sent first",
            model: multiprocessing,
            wrong: Edit(|records, at| at_stage(records, at, Stage::Sent)),
        },
        Mutation {
            rule: Rule::ProcessPoolBound,
            what: "the call queue takes too much",
            model: executor,
            wrong: Lie(fewer),
        },
        Mutation {
            rule: Rule::ProcessPoolWorkers,
            what: "a pool starts more workers than it may",
            model: multiprocessing,
            wrong: Lie(fewer),
        },
        Mutation {
            rule: Rule::ProcessPoolJobs,
            what: "a job is over before its result is there",
            model: executor,
            wrong: Edit(|records, at| {
                without(records, at, |what| matches!(what, What::Pass { stage: Stage::Settled, .. }))
            }),
        },
        Mutation {
            rule: Rule::ProcessPoolJobs,
            what: "a worker begins the second job of its chunk",
            model: executor,
            wrong: Edit(|records, at| swap(records, at, |what| matches!(what, What::JobReturn { .. }))),
        },
        Mutation {
            rule: Rule::ProcessPoolJobs,
            what: "a result is forgotten",
            model: multiprocessing,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::JobEnd { .. }))),
        },
    ]
}
