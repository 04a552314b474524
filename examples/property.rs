//! A race of one's own, as a library: find it, replay it, prove the repair, and ask one run about itself.

use gilsim::choice::Bytes;
use gilsim::explore::schedule::{Token, replay};
use gilsim::explore::{Budget, Machine, Property, Verdict, drive, explore, outcome};
use gilsim::model::{Arrivals, Builder, Execution, Model, Stmt, Value};
use gilsim::query::Run;
use gilsim::scenario::compile;

/// From text, as files have it.
const RACE: &str = r#"(
    interpreter: Native,
    shared: { "x": Int(0), "lock": Lock },
    tasks: { "add": (count: 2, steps: [Load("x"), Cpu("1us"), Add("x", 1), Store("x")]) },
    models: [ThreadPerTask],
    allow: ["unused"],
    expect: [AtEnd(Is("x", 2))],
)"#;

/// Or built in Rust.
fn built() -> Model {
    let mut builder = Builder::new(2, Execution::ThreadPerTask).native();
    let x = builder.var("x", 0, false);
    let lock = builder.lock("lock", false);
    let steps = vec![Stmt::Load(x), Stmt::Add(x, Value::Number(1)), Stmt::Store(x)];
    builder.task("add", Some(2), Arrivals::AtOnce, vec![], vec![Stmt::With(lock, steps)]);
    builder.build()
}

pub fn main() {
    let scenario = compile("race", RACE, &[]).expect("it is right").scenario;
    let model = &scenario.points[0].models[0];
    let property = Property::of(&scenario.expect, model, &|_| None);

    // All schedules: the one with the fewest deviations that goes wrong.
    let Verdict::Failed(explored, found) =
        explore(model, &property, Budget::of(1_000_000, 0)).expect("it can be searched")
    else {
        panic!("there is a race")
    };
    println!("{} of {} schedules", explored.counts.unwrap().bad, explored.counts.unwrap().schedules);

    // Its token leads to the same end, anywhere.
    let machine = Machine::new(model, Machine::preemption_of(model)).unwrap().watching(&property);
    let token = Token::of(&machine, &found.steps).to_string();
    let read = Token::parse(&token).unwrap();
    let steps = replay(&machine, &read.deviations, read.stop).unwrap();
    assert_eq!(outcome(&machine, &property, &steps), Some(found.failure));
    println!("{token}");

    // Whoever likes to, chooses: here always the last who can go on.
    let (steps, failure) = drive(&machine, &property, &mut |_, choices| choices.len() - 1);
    println!("{} steps, {failure:?}", steps.len());

    // The repaired version is proved.
    let repaired = built();
    let verdict = explore(&repaired, &Property::default(), Budget::of(1_000, 0)).unwrap();
    assert_eq!(verdict.word(), "proved");

    // One run with times, and an auditor that shares no code with the simulator.
    let run = Run::new(&repaired, 7);
    assert!(run.verify().is_empty());
    assert_eq!(run.values("x").last().unwrap().1, 2);
    assert!(run.holds("lock").iter().all(|hold| hold.until.is_some()));
    assert!(run.jobs().iter().all(|job| job.response().is_some()));

    // A fuzzer's bytes make every choice that reality leaves open, preemptions included.
    let driven = Run::chosen(&repaired, 7, &mut Bytes(&[1, 0, 1]));
    assert_eq!(driven.values("x").last().unwrap().1, 2);
    assert_ne!(driven.digest(), run.digest());
}
