//! Who could go on and is not let: for how long in a run, and how often in a schedule.

use gilsim::explore::schedule::{Token, replay};
use gilsim::explore::{Budget, Failure, Machine, Property, Search, Verdict, outcome, search};
use gilsim::metrics::Meter;
use gilsim::scenario::{Scenario, compile};
use gilsim::sim;
use gilsim::trace::Digest;

fn scenario(text: &str) -> Scenario {
    compile("starvation", text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}")).scenario
}

/// The longest time that a thread could run and did not, in microseconds, and which it was.
fn longest(machine: &str, interpreter: &str, tasks: &str) -> Option<(u64, String)> {
    let text = format!(
        "(machine: ({machine}, costs: Zero), interpreter: {interpreter}, shared: {{ \"lock\": Lock }}, allow: [\"unused\"], \
         tasks: {{ {tasks} }}, models: [ThreadPerTask])"
    );
    let scenario = scenario(&text);
    let model = &scenario.points[0].models[0];
    let mut all = (Digest::default(), Meter::new(model));
    let ended = sim::run(model, 1, &mut all);
    let (digest, meter) = all;
    meter.finish(1, &ended, &digest).starved.map(|starved| (starved.length.0 / 1_000, starved.who))
}

#[test]
fn a_thread_that_could_run_waits_for_a_core_or_the_gil() {
    let two = r#""t": (count: 2, steps: [Cpu("10ms")])"#;
    let second = |us| Some((us, "t[1]".to_owned()));
    assert_eq!(longest("cores: 1, scheduler: FirstCome", "Native", two), second(10_000));
    assert_eq!(longest("cores: 2, scheduler: FirstCome", "Native", two), None);
    // In turn: slices of 4 ms.
    let slices = "cores: 1, scheduler: RoundRobin(\"4ms\")";
    assert_eq!(longest(slices, "Native", two).unwrap().0, 4_000);
    // Each has a core, and one has the GIL, for 5 ms at a time.
    let gil = "CPython(version: \"3.12\", switch_interval: \"5ms\")";
    assert_eq!(longest("cores: 2, scheduler: FirstCome", gil, two), second(5_000));
    // To get a core only to wait for the GIL is no progress: the wait for both is one.
    let three = r#""t": (count: 3, steps: [Cpu("10ms")])"#;
    assert!(longest("cores: 2, scheduler: FirstCome", gil, three).unwrap().0 >= 10_000);
    // Its number is that of others by the end.
    let after = r#""a": (steps: [Cpu("9ms")]), "b": (steps: [Cpu("1ms")]), "c": (count: 5, arrive: Every("20ms"), steps: [Cpu("1ms")])"#;
    assert_eq!(longest("cores: 1, scheduler: FirstCome", "Native", after), Some((10_000, "b".to_owned())));
    // Who waits for a lock could not run.
    let locked = r#""t": (count: 2, steps: [With("lock", [Cpu("10ms")])])"#;
    assert_eq!(longest("cores: 2, scheduler: FirstCome", "Native", locked), None);
}

fn verdict(tasks: &str, bound: u32, how: Search) -> (Scenario, Verdict) {
    let shared = r#""x": Int(0), "lock": Lock, "mine": Semaphore(1), "yours": Semaphore(0)"#;
    let scenario = scenario(&format!(
        "(interpreter: Native, shared: {{ {shared} }}, allow: [\"unused\"], tasks: {{ {tasks} }}, models: [ThreadPerTask], \
         expect: [Bypass(at_most: {bound})])"
    ));
    let model = &scenario.points[0].models[0];
    let property = Property::of(&scenario.expect, model, &|_| None);
    let verdict = search(model, &property, how, Budget::of(100_000, 5_000)).unwrap();
    (scenario, verdict)
}

/// Counted by hand: the least bound that holds.
#[test]
fn a_thread_is_passed_over_by_as_many_steps_as_others_take_where_it_could_go_on() {
    for (tasks, least) in [
        // All steps of the other, or of both others.
        (r#""t": (count: 2, steps: [FetchAdd("x", 1), FetchAdd("x", 1), FetchAdd("x", 1)])"#, 3),
        (r#""t": (count: 3, steps: [FetchAdd("x", 1), FetchAdd("x", 1)])"#, 4),
        // While the other has the lock it could not go on: passed over each time that the other takes it.
        (r#""t": (count: 2, steps: [Repeat(3, [With("lock", [FetchAdd("x", 1)])])])"#, 3),
        // In turn: whoever can go on is the only one.
        (
            r#""a": (steps: [Repeat(3, [Acquire("mine"), FetchAdd("x", 1), Release("yours")])]),
               "b": (steps: [Repeat(3, [Acquire("yours"), FetchAdd("x", 1), Release("mine")])])"#,
            0,
        ),
    ] {
        assert_eq!(verdict(tasks, least, Search::Exhaustive).1.word(), "proved", "{tasks}");
        if least == 0 {
            continue;
        }
        for how in [Search::Exhaustive, Search::Portfolio] {
            let (scenario, verdict) = verdict(tasks, least - 1, how);
            let found = verdict.found().unwrap_or_else(|| panic!("{tasks}: {how:?} {verdict:?}"));
            assert!(matches!(&found.failure, Failure::Wrong(_, text) if text.starts_with("Bypass")), "{found:?}");
            // And its token leads there again.
            let model = &scenario.points[0].models[0];
            let property = Property::of(&scenario.expect, model, &|_| None);
            let machine = Machine::new(model, Machine::preemption_of(model)).unwrap().watching(&property);
            let token = Token::parse(&Token::of(&machine, &found.steps).to_string()).unwrap();
            let steps = replay(&machine, &token.deviations, token.stop).unwrap();
            assert_eq!(outcome(&machine, &property, &steps).as_ref(), Some(&found.failure));
        }
    }
}

/// Nobody has to let the other in while it spins.
#[test]
fn who_spins_passes_others_over_without_end() {
    let tasks = r#""spins": (steps: [While(Is("x", 0), [Cpu("50ns")])]), "sets": (steps: [Store("x", 1)])"#;
    assert_eq!(verdict(tasks, 500, Search::Exhaustive).1.word(), "failed");
}

#[test]
fn what_can_never_be_evaluated_is_an_error() {
    let errors = |tasks: &str, model: &str, expect: &str| {
        let text = format!(
            "(shared: {{ \"x\": Int(0) }}, until: \"1s\", tasks: {{ {tasks} }}, models: [{model}], expect: [{expect}])"
        );
        let found = compile("never", &text, &[]).unwrap_err();
        found.iter().map(|one| format!("{} {}", one.title, one.help.clone().unwrap_or_default())).collect::<String>()
    };
    let once = r#""t": (steps: [FetchAdd("x", 1)])"#;
    let endless = r#""t": (arrive: Every("1ms"), steps: [FetchAdd("x", 1)])"#;
    let found = errors(endless, "Threads(2)", "Bypass(at_most: 1)");
    assert!(found.contains("nothing can ever evaluate this") && found.contains("\"t\" have no end"), "{found}");
    let found = errors(once, "Threads(2)", "Sometimes(Bypass(at_most: 1))");
    assert!(found.contains("asked of all schedules"), "{found}");
    let found = errors(once, "Asyncio", "Starvation(at_most: \"1ms\")");
    assert!(found.contains("jobs of Asyncio are coroutines") && found.contains("LoopLag"), "{found}");
    let found = errors(once, "Threads(2)", "Starvation()");
    assert!(found.contains("nothing is asked"), "{found}");
}
