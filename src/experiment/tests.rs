//! Experiments with small models: speed-ups, expectations, verdicts.

use indexmap::IndexMap;

use super::*;
use crate::dist::Dist;
use crate::model::{Builder, Stmt};
use crate::scenario::expect::{Asked, Bounds, Expect};
use crate::time::Duration;
use crate::trace::CpuKind;

fn ms(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

fn python(time: Dist) -> Stmt {
    Stmt::Cpu(CpuKind::Python, time)
}

fn scenario(models: &[Execution], runs: u32, expect: Vec<Expect>, build: impl Fn(&mut Builder)) -> Scenario {
    let model = |&execution: &Execution| {
        let mut builder = Builder::new(4, execution);
        build(&mut builder);
        builder.build()
    };
    let models = models.iter().map(model).collect();
    let point = scenario::Point { settings: IndexMap::new(), machine: "4 cores".to_owned(), models };
    Scenario {
        name: "t".to_owned(),
        title: "T".to_owned(),
        seed: 7,
        runs,
        points: vec![point],
        charts: Vec::new(),
        expect,
    }
}

/// Two computations.
fn hogs(builder: &mut Builder) {
    builder.batch("hog", 2, vec![python(ms(50))]);
}

fn expect(text: &str, what: Asked) -> Expect {
    Expect { text: text.to_owned(), what }
}

fn at_least<T>(value: T) -> Bounds<T> {
    Bounds { at_least: Some(value), at_most: None }
}

fn at_most<T>(value: T) -> Bounds<T> {
    Bounds { at_least: None, at_most: Some(value) }
}

/// What became of the expectations: whether each held, and what was found.
fn checked(scenario: &Scenario) -> Vec<(bool, String)> {
    let results = run(scenario, &Options::default(), &());
    let point = &results.report.points[0];
    assert_eq!(results.passed, point.expectations.iter().all(|checked| checked.holds));
    point.expectations.iter().map(|checked| (checked.holds, checked.found.clone())).collect()
}

const MODELS: [Execution; 3] = [Execution::Serial, Execution::Threads(2), Execution::Processes(2)];

#[test]
fn speed_ups_are_taken_against_serial() {
    let results = run(&scenario(&MODELS, 1, Vec::new(), hogs), &Options::default(), &());
    let point = &results.report.points[0];
    let speedups: Vec<f64> = point.models.iter().map(|model| model.speedup.unwrap().mean).collect();
    assert_eq!((point.baseline.as_str(), speedups), ("Serial", vec![1.0, 1.0, 2.0]));
}

#[test]
fn without_serial_the_first_model_is_the_measure() {
    let results = run(&scenario(&MODELS[1..], 1, Vec::new(), hogs), &Options::default(), &());
    assert_eq!(results.report.points[0].baseline, "Threads(2)");
    assert_eq!(results.report.points[0].models[1].speedup.unwrap().mean, 2.0);
}

#[test]
fn a_run_that_ends_with_the_clock_has_no_speed_up() {
    let endless = |builder: &mut Builder| {
        hogs(builder);
        builder.model_mut().until = Some(Duration::ms(20));
    };
    let results = run(&scenario(&MODELS, 1, Vec::new(), endless), &Options::default(), &());
    assert!(results.report.points[0].models.iter().all(|model| model.speedup.is_none()));
}

#[test]
fn seeds_count_up_and_give_intervals() {
    let random = |builder: &mut Builder| {
        builder.batch("hog", 2, vec![python(Dist::Exp { mean: Duration::ms(50) })]);
    };
    let results = run(&scenario(&MODELS, 3, Vec::new(), random), &Options::default(), &());
    let model = &results.report.points[0].models[2];
    assert_eq!(model.runs.iter().map(|run| run.seed).collect::<Vec<_>>(), [7, 8, 9]);
    assert!(model.makespan.half_width > 0.0);
    // The same luck in every model: two processes are never slower than one after the other, in no run.
    let serial = &results.report.points[0].models[0];
    assert!(serial.runs.iter().zip(&model.runs).all(|(serial, two)| two.makespan <= serial.makespan));
}

#[test]
fn an_expectation_is_asked_of_every_model_unless_narrowed() {
    let elapsed = || expect("Elapsed(at_most: \"60ms\")", Asked::Elapsed(at_most(Duration::ms(60))));
    let narrowed = expect("In", Asked::In(Execution::Processes(2), vec![elapsed()]));
    let found = checked(&scenario(&MODELS, 1, vec![elapsed(), narrowed], hogs));
    assert_eq!(found[0], (false, "Serial, seed 7: 100 ms; 2 of 3 runs fail".to_owned()));
    assert_eq!(found[1], (true, "50 ms".to_owned()));
}

#[test]
fn each_kind_of_expectation_finds_its_figure() {
    let all = vec![
        expect("throughput", Asked::Throughput { task: Some("hog".to_owned()), bounds: at_least(15.0) }),
        expect("p", Asked::Latency { task: None, p: 37.0, bounds: at_most(Duration::ms(100)) }),
        expect("mean", Asked::Response { task: None, bounds: at_most(Duration::ms(98)) }),
        expect("cpu", Asked::Utilization { of: "cpu".to_owned(), bounds: at_least(0.2) }),
        expect("gil", Asked::Utilization { of: "gil".to_owned(), bounds: at_least(1.0) }),
        expect("switches", Asked::GilSwitches(at_least(2.0))),
        expect("lag", Asked::LoopLag { p: 50.0, bounds: at_most(Duration::ms(1)) }),
        expect("path", Asked::CriticalPath(at_most(Duration::ms(1)))),
        expect(
            "speedup",
            Asked::Speedup { of: Execution::Processes(2), over: Execution::Serial, bounds: at_least(2.0) },
        ),
    ];
    let found = checked(&scenario(&MODELS, 1, all, hogs));
    let holds: Vec<bool> = found.iter().map(|found| found.0).collect();
    assert_eq!(holds, [true, true, true, true, true, false, false, false, true], "{found:?}");
    assert_eq!(found[2].1, "50 ms to 97.5 ms");
    assert!(found[6].1.contains("no event loop") && found[7].1.contains("no task comes after"), "{found:?}");
}

#[test]
fn sometimes_asks_for_one_run_of_each_model() {
    let lossy = |builder: &mut Builder| {
        let var = builder.var("n", 0, false);
        let time = Dist::Uniform { low: Duration::ms(1), high: Duration::ms(9) };
        builder.batch("adder", 2, vec![Stmt::Load(var), python(time), Stmt::Add(var, 1.into()), Stmt::Store(var)]);
    };
    let lost = |most| expect("Final", Asked::Final { var: "n".to_owned(), bounds: at_most(most) });
    let sometimes = |most, model| {
        let inner = expect("Sometimes", Asked::Sometimes(Box::new(lost(most))));
        expect("In", Asked::In(model, vec![inner]))
    };
    let all = vec![sometimes(1, Execution::FreeThreaded(2)), sometimes(1, Execution::Serial)];
    let found = checked(&scenario(&[Execution::Serial, Execution::FreeThreaded(2)], 5, all, lossy));
    assert_eq!(found[0], (true, "in 5 of 5 runs".to_owned()));
    assert!(!found[1].0 && found[1].1.contains("in none of 5 runs"), "{found:?}");
}

/// A thread that takes a lock twice.
fn stuck(builder: &mut Builder) {
    let lock = builder.lock("l", false);
    builder.batch("one", 1, vec![Stmt::Acquire(lock), Stmt::Acquire(lock)]);
}

#[test]
fn a_deadlock_fails_unless_it_is_expected() {
    let models = [Execution::Serial];
    let unexpected = checked(&scenario(&models, 1, Vec::new(), stuck));
    assert!(unexpected.len() == 1 && !unexpected[0].0 && unexpected[0].1.contains("waits for"), "{unexpected:?}");
    let deadlock = || expect("Deadlock", Asked::Deadlock);
    assert_eq!(checked(&scenario(&models, 1, vec![deadlock()], stuck)), [(true, "deadlock".to_owned())]);
    let sometimes = expect("Sometimes", Asked::Sometimes(Box::new(deadlock())));
    assert_eq!(checked(&scenario(&models, 2, vec![sometimes], stuck)), [(true, "in 2 of 2 runs".to_owned())]);
    // Expected of another model is not expected of this one.
    let elsewhere = expect("In", Asked::In(Execution::Threads(2), vec![deadlock()]));
    let found = checked(&scenario(&[Execution::Serial, Execution::Threads(2)], 1, vec![elsewhere], stuck));
    assert_eq!(found.iter().map(|found| found.0).collect::<Vec<_>>(), [true, false], "{found:?}");
}

#[test]
fn a_limit_fails_even_where_a_deadlock_is_expected() {
    let short = |builder: &mut Builder| {
        hogs(builder);
        builder.model_mut().max_events = 1;
    };
    let sometimes = expect("Sometimes", Asked::Sometimes(Box::new(expect("Deadlock", Asked::Deadlock))));
    let found = checked(&scenario(&[Execution::Serial], 1, vec![sometimes], short));
    assert!(!found[0].0 && found[1].1.contains("limit"), "{found:?}");
}

#[test]
fn at_holds_only_where_its_settings_are() {
    let at = |value: &str| {
        let settings = vec![("machine.cores".to_owned(), value.to_owned())];
        expect("At", Asked::At(settings, vec![expect("Deadlock", Asked::Deadlock)]))
    };
    let mut scenario = scenario(&[Execution::Serial], 1, vec![at("1"), at("4")], hogs);
    scenario.points[0].settings.insert("machine.cores".to_owned(), "4".to_owned());
    assert_eq!(checked(&scenario), [(false, "Serial, seed 7: finished (at machine.cores = 4)".to_owned())]);
}

#[test]
fn verdicts_say_why() {
    let verdicts = |models: &[Execution], build: &dyn Fn(&mut Builder)| {
        let results = run(&scenario(models, 1, Vec::new(), build), &Options::default(), &());
        results.report.points[0].verdicts.clone()
    };
    let found = verdicts(&MODELS, &hogs);
    assert_eq!(found[0], "Serial: done in 100 ms; 1 of 4 cores was busy on average");
    assert_eq!(found[1], "Threads(2): 1.00x the speed of Serial; the GIL was held 100 % of the time");
    assert_eq!(found[2], "Processes(2): 2.00x the speed of Serial; 2 of 4 cores were busy on average");

    let pages = |slots: Option<u32>| {
        move |builder: &mut Builder| {
            let web = builder.device("web", ms(20), slots);
            builder.batch("fetch", 10, vec![Stmt::Io(web, None)]);
        }
    };
    let models = [Execution::Serial, Execution::Threads(10), Execution::Asyncio];
    let found = verdicts(&models, &pages(None));
    assert!(found[0].contains("one request after the other"), "{found:?}");
    assert!(found[1].starts_with("Threads(10): 10x") && found[1].contains("10 at once"), "{found:?}");
    let found = verdicts(&models, &pages(Some(1)));
    assert!(found[1].contains("the device \"web\" was busy 100 % of the time"), "{found:?}");

    let found = verdicts(&[Execution::Asyncio], &|builder| {
        builder.batch("hog", 10, vec![python(ms(10))]);
    });
    assert!(found[0].contains("one coroutine at a time"), "{found:?}");
    let found = verdicts(&[Execution::Serial], &stuck);
    assert!(found[0].starts_with("Serial: ended in a deadlock;") && found[0].contains("waits for"), "{found:?}");

    // One coroutine at a time waits for the device, but nobody ordered them: no word about an order.
    let found = verdicts(&[Execution::Serial, Execution::Asyncio], &pages(Some(1)));
    assert!(!found[1].contains("one request after the other"), "{found:?}");
    // A long burst now and then blocks a loop that waits most of the time.
    let found = verdicts(&[Execution::Asyncio], &|builder| {
        let web = builder.device("web", ms(5), None);
        builder.batch("page", 10, vec![Stmt::Io(web, None)]);
        builder.batch("hog", 1, vec![python(ms(30))]);
    });
    assert!(found[0].contains("one coroutine at a time"), "{found:?}");
}

#[test]
fn a_gil_that_one_thread_keeps_never_changes_hands() {
    let results = run(&scenario(&MODELS, 1, Vec::new(), hogs), &Options::default(), &());
    let switches = |model: usize| -> u64 {
        results.report.points[0].models[model].runs[0].gils.iter().map(|gil| gil.switches).sum()
    };
    assert_eq!((switches(0), switches(2)), (0, 0));
    assert!(switches(1) > 10, "{}", switches(1));
}

#[test]
fn figures_do_not_depend_on_threads_or_charts() {
    let scenario = scenario(&MODELS, 3, Vec::new(), hogs);
    let json = |threads, options: Options| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        serde_json::to_string(&pool.install(|| run(&scenario, &options, &())).report).unwrap()
    };
    let plain = json(1, Options::default());
    assert_eq!(plain, json(3, Options::default()));
    assert_eq!(plain, json(2, Options { charts: true, audit: true, check_determinism: true, order: Order::First }));
}

#[test]
fn the_same_run_again_is_the_same() {
    let results = run(
        &scenario(&MODELS, 2, Vec::new(), hogs),
        &Options { check_determinism: true, audit: true, ..Options::default() },
        &(),
    );
    assert_eq!((results.difference, results.passed), (None, true));
}
