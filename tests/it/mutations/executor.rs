//! Errors in executors.

use gilsim::audit::Rule;
use gilsim::model::{Builder, Execution, Model};
use gilsim::trace::{Record, Role, What};

use super::{Edit, Lie, Mutation, next, swap, without};

/// Coroutines that hand everything they do to threads.
fn handing_over() -> Model {
    let mut builder = Builder::new(2, Execution::Asyncio).costs(super::costs());
    builder.model_mut().executor = Some(3);
    crate::executor::everything(&mut builder, true);
    builder.build()
}

/// A coroutine is ready, and its loop called, before the thread has done its steps.
fn hasty(records: &mut Vec<Record>, at: usize) -> bool {
    let What::HandBack { .. } = records[at].what else { return false };
    let Some(called) = next(records, at, |what| matches!(what, What::SelfPipe { .. })) else { return false };
    let What::CoroutineReady { .. } = records[called + 1].what else { return false };
    let back = records.remove(at);
    records.insert(called + 1, Record { time: records[called].time, ..back });
    true
}

pub fn mutations() -> Vec<Mutation> {
    vec![
        Mutation {
            rule: Rule::ExecutorOrder,
            what: "a thread takes the second of the queue",
            model: handing_over,
            wrong: Edit(|records, at| swap(records, at, |what| matches!(what, What::TakeUp { .. }))),
        },
        Mutation {
            rule: Rule::ExecutorOrder,
            what: "a thread does what nobody handed to it",
            model: handing_over,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::Submit { .. }))),
        },
        Mutation {
            rule: Rule::ExecutorStarts,
            what: "an executor has more threads than it may",
            model: handing_over,
            wrong: Lie(|model| model.executor = Some(2)),
        },
        Mutation {
            rule: Rule::ExecutorStarts,
            what: "an executor has fewer threads than it needs",
            model: handing_over,
            wrong: Lie(|model| model.executor = Some(4)),
        },
        Mutation {
            rule: Rule::ExecutorStarts,
            what: "a thread of an executor starts for nothing",
            model: handing_over,
            wrong: Edit(|records, at| {
                let starts = |what: &What| matches!(what, What::ThreadStart { role: Role::Worker(_), .. });
                let after = records.get(at + 1).is_some_and(|record| starts(&record.what));
                after && without(records, at, |what| matches!(what, What::Submit { .. }))
            }),
        },
        Mutation {
            rule: Rule::ExecutorWaits,
            what: "a coroutine goes on before a thread has done its steps",
            model: handing_over,
            wrong: Edit(hasty),
        },
        Mutation {
            rule: Rule::ExecutorWaits,
            what: "nobody calls the loop whose steps are done",
            model: handing_over,
            wrong: Edit(|records, at| without(records, at, |what| matches!(what, What::SelfPipe { .. }))),
        },
    ]
}
