//! Steps that coroutines have threads do: exact runs, what becomes of those that nobody waits for, and what cannot be done so.

use gilsim::dist::Dist;
use gilsim::model::{Act, Builder, Costs, Execution, Stmt, Value};
use gilsim::sync::Config;
use gilsim::time::Duration;
use gilsim::trace::{CpuKind, Record, What};

use crate::real_runs::{audit, policies, run};
use crate::told::{at, finished, say, time, told, wrong};

fn sleep(ms: u64) -> Stmt {
    Stmt::Sleep(time(ms))
}

fn to_thread(steps: Vec<Stmt>) -> Stmt {
    Stmt::ToThread(steps)
}

fn loops(threads: u32) -> Builder {
    let mut builder = Builder::new(2, Execution::Asyncio);
    builder.model_mut().executor = Some(threads);
    builder
}

#[test]
fn n_jobs_on_w_threads_end_at_n_by_w_rounded_up_times_d() {
    for (jobs, threads) in [(1, 4), (4, 4), (5, 4), (100, 6), (7, 1)] {
        let mut builder = loops(threads);
        builder.batch("call", jobs, vec![to_thread(vec![sleep(10)])]);
        let model = builder.build();
        let (records, ended) = run(&model, 1);
        assert_eq!(audit(&model, &records, &ended), []);
        let last = Duration::ms(10 * u64::from(jobs.div_ceil(threads)));
        assert_eq!(ended.at.0, last.0, "{jobs} jobs on {threads} threads");
        let started = records.iter().filter(|record| matches!(record.what, What::ThreadStart { .. })).count() as u32;
        assert_eq!(started, jobs.min(threads) + 1, "threads are started when they are needed");
    }
}

#[test]
fn the_loop_goes_on_meanwhile() {
    let mut builder = loops(1);
    builder.batch("call", 1, vec![to_thread(vec![sleep(10), say("thread")]), say("call")]);
    builder.batch("other", 1, vec![sleep(3), say("other")]);
    assert_eq!(finished(&builder.build()), at(&[(3, "other"), (10, "thread"), (10, "call")]));
}

#[test]
fn the_default_size_is_that_of_the_interpreter() {
    let mut builder = Builder::new(2, Execution::Asyncio);
    builder.batch("call", 100, vec![to_thread(vec![sleep(10)])]);
    let (_, ended) = run(&builder.build(), 1);
    assert_eq!(ended.at.0, 170_000_000, "six threads on two cores");
}

#[test]
fn an_exception_comes_out_where_the_steps_are_awaited() {
    let mut builder = loops(1);
    let steps = vec![Stmt::Repeat(2, vec![Stmt::Try(vec![sleep(1), Stmt::Raise], vec![say("inside")])]), Stmt::Raise];
    let awaits = Stmt::Repeat(2, vec![Stmt::Try(vec![to_thread(steps), say("never")], vec![say("outside")])]);
    builder.batch("call", 1, vec![awaits, to_thread(vec![Stmt::Finally(vec![Stmt::Raise], vec![say("last")])])]);
    let once =
        [(1, "inside"), (2, "inside"), (2, "outside"), (3, "inside"), (4, "inside"), (4, "outside"), (4, "last")];
    let (outcome, lines) = told(&builder.build());
    assert_eq!((outcome.as_str(), lines), ("finished", at(&once)), "the job itself has failed");
}

#[test]
fn who_is_cancelled_goes_on_and_the_thread_does_too() {
    let mut builder = loops(1);
    let patient = vec![sleep(10), say("thread")];
    let call = |steps, then| Stmt::Timeout(time(2), vec![to_thread(steps), say("never")], Some(then));
    // The second one waits for the only thread, and is withdrawn before it gets it.
    builder.batch("call", 1, vec![call(patient, vec![say("gave up")])]);
    builder.batch("queued", 1, vec![sleep(1), call(vec![say("never")], vec![say("withdrawn")])]);
    builder.batch("late", 1, vec![sleep(5), to_thread(vec![say("next")])]);
    assert_eq!(finished(&builder.build()), at(&[(2, "gave up"), (3, "withdrawn"), (10, "thread"), (10, "next")]));
}

#[test]
fn a_thread_that_nobody_waits_for_holds_up_the_end() {
    let mut builder = loops(1);
    builder.batch("call", 1, vec![Stmt::Timeout(time(2), vec![to_thread(vec![sleep(10)])], Some(vec![]))]);
    let (_, ended) = run(&builder.build(), 1);
    assert_eq!((ended.outcome.word(), ended.at.0), ("finished", 10_000_000), "as asyncio.run waits for its executor");
}

#[test]
fn local_variables_go_along_and_come_back() {
    let mut builder = loops(1);
    let var = builder.var("v", 0, false);
    let steps = vec![
        Stmt::Let(var, Value::Number(5)),
        to_thread(vec![Stmt::Add(var, Value::Number(2)), sleep(1)]),
        Stmt::Add(var, Value::Number(1)),
        Stmt::Store(var),
    ];
    builder.batch("call", 1, steps);
    let model = builder.build();
    let (records, _) = run(&model, 1);
    let stored = records.iter().rev().find_map(|record| match record.what {
        What::Store { value, .. } => Some(value),
        _ => None,
    });
    assert_eq!(stored, Some(8));
}

/// A job draws the same numbers whoever does its steps.
#[test]
fn threads_draw_what_the_coroutine_would_draw() {
    let demands = |execution| {
        let mut builder = Builder::new(1, execution);
        let random = || Stmt::Cpu(CpuKind::NoGil, Dist::Exp { mean: Duration::ms(3) });
        builder.batch("call", 3, vec![random(), to_thread(vec![random(), random()]), random()]);
        let (records, _) = run(&builder.build(), 7);
        let demand = |record: &Record| match record.what {
            What::Compute { demand, .. } => Some(demand.0),
            _ => None,
        };
        let mut demands: Vec<u64> = records.iter().filter_map(demand).collect();
        demands.sort_unstable();
        demands
    };
    assert_eq!(demands(Execution::Asyncio), demands(Execution::Serial));
    assert_eq!(demands(Execution::Asyncio).len(), 12);
}

#[test]
fn threads_that_wait_for_what_stands_behind_them_are_a_deadlock_with_names() {
    let mut builder = loops(2);
    let ready = builder.sync("ready", Config::Event, false);
    builder.batch("waits", 2, vec![to_thread(vec![Stmt::Sync(ready, Act::Wait)])]);
    builder.batch("sets", 1, vec![sleep(1), to_thread(vec![Stmt::Sync(ready, Act::Set)])]);
    let (records, ended) = run(&builder.build(), 1);
    assert!(!records.is_empty());
    assert_eq!(ended.outcome.word(), "deadlock");
    let said = ended.outcome.explanation().join("\n");
    assert!(said.contains("sets waits for one of the 2 threads of the executor, which are all busy"), "{said}");
    assert!(
        said.contains(
            "waits[0] in worker 0 waits for the event \"ready\", since 0ns; never set; sets could, and waits, too"
        ),
        "{said}"
    );
}

#[test]
fn a_lock_taken_around_the_steps_and_in_them_is_a_circle() {
    let mut builder = loops(1);
    let lock = builder.lock("m", false);
    builder.batch("call", 1, vec![Stmt::With(lock, vec![to_thread(vec![Stmt::With(lock, vec![])])])]);
    let (_, ended) = run(&builder.build(), 1);
    assert_eq!(ended.outcome.word(), "deadlock");
    let said = ended.outcome.explanation().join("\n");
    assert!(said.contains("call in worker 0 waits for the lock \"m\", held by call"), "{said}");
}

/// From the call to the step after it: two wakes and two iterations. Measured as 107 us (3.14) to 170 us (3.9): most of that is the
/// modules' own code, which takes no time here.
#[test]
fn a_round_trip_takes_its_wakes_and_its_iterations() {
    let costs = Costs { wake_latency: Dist::Const(Duration::us(12)), ..Costs::linux() };
    let mut builder = loops(1).costs(costs);
    builder.batch("call", 1, vec![Stmt::Repeat(1_000, vec![to_thread(vec![])])]);
    let (_, ended) = run(&builder.build(), 1);
    let each = ended.at.0 / 1_000;
    assert!((28_000..40_000).contains(&each), "{each} ns");
}

/// Everything at once, under every policy, with and without costs and a GIL; the auditor finds nothing.
#[test]
fn no_rule_is_broken() {
    for execution in [Execution::Asyncio, Execution::HybridAsyncio { processes: 2 }, Execution::ThreadPerTask] {
        for policy in policies() {
            for (costs, native, cores) in
                [(Costs::zero(), false, 1), (Costs::linux(), false, 2), (Costs::linux(), true, 3)]
            {
                let mut builder = Builder::new(cores, execution).policy(policy.clone()).costs(costs);
                builder.model_mut().executor = Some(2);
                if native {
                    builder = builder.native();
                }
                everything(&mut builder, execution.has_loops());
                let model = builder.build();
                let (records, ended) = run(&model, 3);
                let found = audit(&model, &records, &ended);
                assert_eq!((ended.outcome.word(), found.first()), ("finished", None), "{execution} {policy} {cores}");
            }
        }
    }
}

pub fn everything(builder: &mut Builder, loops: bool) {
    let lock = builder.lock("m", false);
    let var = builder.var("v", 0, false);
    let disk = builder.device("disk", Dist::Exp { mean: Duration::us(300) }, Some(1));
    let python = |us| Stmt::Cpu(CpuKind::Python, Dist::Exp { mean: Duration::us(us) });
    let steps = vec![
        python(200),
        Stmt::Io(disk, None),
        Stmt::With(lock, vec![Stmt::Cpu(CpuKind::NoGil, Dist::Const(Duration::us(90)))]),
        Stmt::Incr(var, 1),
        Stmt::Choose(vec![(0.3, vec![Stmt::Raise]), (0.3, vec![Stmt::Yield])]),
    ];
    let call = to_thread(steps);
    builder.batch("calm", 5, vec![python(50), call.clone(), python(50)]);
    let tries = vec![Stmt::Try(vec![call.clone()], vec![python(20)]), to_thread(vec![python(4_000)])];
    builder.batch("brave", 5, vec![Stmt::Repeat(3, tries)]);
    if loops {
        let hasty = Stmt::Timeout(Dist::Const(Duration::us(700)), vec![call], Some(vec![python(10)]));
        builder.batch("hasty", 8, vec![Stmt::Repeat(3, vec![Stmt::Try(vec![hasty], vec![])])]);
    }
}

#[test]
fn what_a_thread_cannot_do_is_an_error() {
    let file = |steps: &str, more: &str| {
        format!(
            "(programs: {{ \"p\": [Cpu(\"1ms\")], \"q\": [Gather([\"p\"])] }}, network: {{ \"h\": Host(latency: \"1ms\", reply: \"1ms\", size: \"1B\") }}, {more} \
             tasks: {{ \"t\": (steps: [{steps}]) }}, allow: [\"unused\", \"blocks-the-loop\"])"
        )
    };
    let asyncio = "models: [Asyncio],";
    for (steps, more, expected) in [
        (
            "ToThread([Gather([\"p\"])])",
            asyncio,
            "E10 a thread of the executor cannot do this for a coroutine: it awaits",
        ),
        ("ToThread([Call(\"q\")])", asyncio, "E10 a thread of the executor cannot do this for a coroutine: it awaits"),
        (
            "ToThread([Spawn(Thread, \"p\")])",
            asyncio,
            "E10 a thread of the executor cannot do this for a coroutine: children belong to the coroutine",
        ),
        (
            "Blocking([ToThread([Cpu(\"1ms\")])])",
            asyncio,
            "E10 this awaits, inside of Blocking, where nothing is awaited",
        ),
        ("Connect(\"h\"), ToThread([Send(\"h\", \"1B\")])", asyncio, "E16 there is no connection with \"h\" yet"),
        ("ToThread([Cpu(\"1ms\")])", "models: [Asyncio], executor: 0,", "E05 an executor has 1 to 100000 threads"),
        ("Cpu(\"1ms\")", "models: [Asyncio], executor: 4,", "ignored nobody uses the executor"),
        (
            "ToThread([Cpu(\"1ms\")])",
            "models: [Serial],",
            "does-nothing ToThread changes nothing: no model here has an event loop",
        ),
    ] {
        let found = wrong(&file(steps, more));
        assert!(found.iter().any(|found| found == expected), "{steps}: {found:?}");
    }
    assert_eq!(wrong(&file("ToThread([Connect(\"h\"), Send(\"h\", \"1B\")])", asyncio)), Vec::<String>::new());
}
