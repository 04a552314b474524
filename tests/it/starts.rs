//! The handshake of `Thread.start`: when who starts a thread goes on, under every interpreter and wherever threads are started.

use gilsim::dist::Dist;
use gilsim::model::{Builder, Costs, Execution, Interpreter, Model, SpawnKind, Stmt, Version};
use gilsim::scenario;
use gilsim::time::Duration;
use gilsim::trace::{On, What};

use crate::real_runs::{EXECUTIONS, audit, everything, policies, run};
use crate::told::{cpu, finished, say};

/// The times of one text.
fn times(model: &Model, text: &str) -> Vec<u64> {
    finished(model).into_iter().filter(|(_, said)| said == text).map(|(at, _)| at).collect()
}

/// A thread computes for a millisecond, starts two that compute for 20 ms, and says so.
fn starting(interpreter: Interpreter, execution: Execution) -> Model {
    let mut builder = Builder::new(4, execution);
    builder.model_mut().interpreter = interpreter;
    let child = builder.program("child", vec![say("up"), cpu(20)]);
    let steps = vec![cpu(1), Stmt::Spawn(SpawnKind::Thread, child, 2), say("on"), Stmt::Join(child)];
    builder.batch("main", 1, steps);
    builder.build()
}

#[test]
fn who_starts_threads_that_compute_gets_on_by_a_switch_interval_for_each() {
    let cpython = || Interpreter::cpython(Version::DEFAULT);
    // The first child has the GIL at once, and the one that starts it asks for it 5 ms later. When it has started the second one,
    // the first child is there before that, and goes on for 5 ms; then the second one has it, and then the one that starts them.
    let model = starting(cpython(), Execution::Serial);
    assert_eq!((times(&model, "up"), times(&model, "on")), (vec![1, 11], vec![16]));
    // Without the handshake it keeps the GIL, and says so before they come up.
    let model = starting(Interpreter { start_handshake: false, ..cpython() }, Execution::Serial);
    assert_eq!(times(&model, "on"), [1]);
}

#[test]
fn without_a_gil_it_waits_for_the_thread_to_run() {
    let mut model = starting(Interpreter::cpython(Version::DEFAULT), Execution::FreeThreaded(1));
    model.interpreter.free_threading_permille = 1_000;
    model.machine.costs.wake_latency = Dist::Const(Duration::ms(2));
    // To wake the worker, the first child, the one that starts, the second child, and the one that starts takes 2 ms each.
    assert_eq!((times(&model, "up"), times(&model, "on")), (vec![5, 9], vec![11]));
}

#[test]
fn by_interpreter() {
    for (interpreter, waits) in [
        (Interpreter::cpython(Version::parse("2.7").unwrap()), true),
        (Interpreter::cpython(Version::parse("3.9").unwrap()), true),
        (Interpreter::pypy(Duration::ms(1), Duration::us(100)), true),
        (Interpreter::ruby(Duration::ms(100)), false),
        (Interpreter::ocaml4(Duration::ms(50)), false),
        (Interpreter::without_lock("native code"), false),
    ] {
        let name = interpreter.name.clone();
        let (records, _) = run(&starting(interpreter, Execution::Serial), 1);
        let waited = records.iter().any(|record| matches!(record.what, What::Block { on: On::Start(_), .. }));
        assert_eq!(waited, waits, "{name}");
    }
}

#[test]
fn a_scenario_says_that_nobody_waits() {
    let text = |handshake: bool| {
        format!(
            "(interpreter: CPython(start_handshake: {handshake}), machine: (costs: Zero), models: [Serial], \
             programs: {{ \"child\": [Cpu(\"20ms\")] }}, \
             tasks: {{ \"main\": (steps: [Spawn(Thread, \"child\"), Print(\"on\")]) }})"
        )
    };
    for (handshake, at) in [(true, 5), (false, 0)] {
        let compiled = scenario::compile("test", &text(handshake), &[]).unwrap();
        let model = &compiled.scenario.points[0].models[0];
        assert_eq!(times(model, "on"), [at], "{handshake}");
    }
}

#[test]
fn a_loop_stands_still_while_a_thread_of_its_executor_comes_up() {
    let mut builder = Builder::new(4, Execution::Asyncio);
    builder.model_mut().executor = Some(2);
    builder.batch("call", 2, vec![Stmt::ToThread(vec![cpu(20)])]);
    builder.batch("other", 1, vec![say("other")]);
    // The first thread computes; the loop has the GIL 5 ms later, starts the second one, for which it waits as above.
    assert_eq!(times(&builder.build(), "other"), [15]);
}

/// Four jobs of so long at once, on at most four threads: how many were started.
fn workers(ms: u64, handshake: bool) -> usize {
    let mut builder = Builder::new(4, Execution::Threads(4));
    builder.model_mut().interpreter.start_handshake = handshake;
    builder.batch("job", 4, vec![cpu(ms)]);
    let model = builder.build();
    let (records, ended) = run(&model, 1);
    assert_eq!(audit(&model, &records, &ended), []);
    records.iter().filter(|record| matches!(record.what, What::ThreadStart { .. })).count()
}

#[test]
fn a_pool_starts_one_worker_after_the_other_and_fewer_if_jobs_are_short() {
    assert_eq!((workers(1, false), workers(100, false), workers(100, true)), (4, 4, 4));
    // The first worker does two jobs before the second one comes up; then the third job finds it idle.
    assert_eq!(workers(1, true), 3);
}

#[test]
fn a_job_whose_deadline_comes_while_nobody_can_submit_it_is_dropped() {
    let text = "(machine: (costs: Zero, cores: 2), models: [Threads(3)], \
         tasks: { \"work\": (count: 2, steps: [Cpu(\"8ms\")]), \
                  \"late\": (count: 2, deadline: \"3ms\", late: Abort, steps: [Cpu(\"1ms\")]) }, \
         expect: [Missed(task: \"late\", is: 2)])";
    let compiled = scenario::compile("test", text, &[]).unwrap();
    let model = &compiled.scenario.points[0].models[0];
    let (records, ended) = run(model, 1);
    assert_eq!((audit(model, &records, &ended), ended.outcome.word()), (vec![], "finished"));
    let drops = records.iter().filter(|record| matches!(record.what, What::JobDrop { by: None, .. })).count();
    assert_eq!(drops, 2);
}

#[test]
fn the_auditor_is_silent_whatever_the_policy_and_the_interpreter() {
    let interpreters = ["3.9", "3.14"].map(|version| Interpreter::cpython(Version::parse(version).unwrap()));
    for interpreter in interpreters.into_iter().chain([Interpreter::pypy(Duration::ms(1), Duration::us(100))]) {
        for (number, policy) in policies().into_iter().enumerate() {
            let execution = EXECUTIONS[number % EXECUTIONS.len()];
            let mut builder = Builder::new(2, execution).policy(policy.clone()).costs(Costs::linux());
            builder.model_mut().interpreter = interpreter.clone();
            everything(&mut builder);
            builder.model_mut().max_events = 100_000;
            let model = builder.build();
            let (records, ended) = run(&model, 3);
            let found = audit(&model, &records, &ended);
            assert_eq!(found, [], "{} {execution} {policy}", interpreter.name);
        }
    }
}
