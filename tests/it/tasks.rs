//! Eager tasks, `shield` and `asyncio.wait`: step by step as CPython takes them (`tests/oracle/asyncio-order.py`), and random
//! programs that the auditor watches.

use std::collections::BTreeMap;

use gilsim::dist::Dist;
use gilsim::id::ProgramId;
use gilsim::metrics::Meter;
use gilsim::model::{Builder, Costs, Execution, Late, Model, SpawnKind, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{Called, Digest, Record, Together, What};
use proptest::prelude::*;

use crate::real_runs::{audit, run};
use crate::told::{at, finished, listed, say};

fn spawn(program: ProgramId, count: u32) -> Stmt {
    Stmt::Spawn(SpawnKind::Coroutine, program, count)
}

fn shield(program: ProgramId) -> Stmt {
    Stmt::Gather(Together::Shield, vec![program], 1)
}

/// Programs by the names that `asyncio-order.py` has for them: `y2` gives way twice, `b2` raises an exception then.
struct Programs {
    builder: Builder,
    known: BTreeMap<String, ProgramId>,
}

impl Programs {
    fn new(eager: bool) -> Programs {
        let mut builder =
            Builder::new(1, Execution::Asyncio).costs(Costs { callback: Duration::us(1), ..Costs::zero() });
        builder.model_mut().interpreter.eager_tasks = eager;
        Programs { builder, known: BTreeMap::new() }
    }

    fn named(&mut self, name: &str) -> ProgramId {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let times: usize = name[1..].parse().expect("a letter and a number");
        let mut steps = vec![Stmt::Yield; times];
        if name.starts_with('y') {
            steps.insert(0, say(&format!("{name} begins")));
            steps.push(say(&format!("{name} ends")));
        } else {
            steps.extend([say(&format!("{name} raises")), Stmt::Raise]);
        }
        let program = self.builder.program(name, steps);
        self.known.insert(name.to_owned(), program);
        program
    }

    fn all(&mut self, names: &str) -> Vec<ProgramId> {
        names.split(' ').map(|name| self.named(name)).collect()
    }

    fn spawns(&mut self, names: &str) -> Vec<Stmt> {
        self.all(names).into_iter().map(|program| spawn(program, 1)).collect()
    }

    /// Waits as often as it takes until none is left.
    fn waits(&mut self, how: Together, names: &str, before: usize, rounds: usize) -> Vec<Stmt> {
        let wait = Stmt::WaitTasks(how, self.all(names), None, vec![]);
        let round = vec![wait, say("goes on")];
        [self.spawns(names), vec![Stmt::Yield; before], vec![say("waits")], vec![round; rounds].concat()].concat()
    }

    fn caught(&mut self, step: Stmt) -> Vec<Stmt> {
        vec![Stmt::Try(vec![step, say("goes on")], vec![say("caught")])]
    }

    fn together(&mut self, how: Together, names: &str) -> Vec<Stmt> {
        let step = Stmt::Gather(how, self.all(names), 1);
        self.caught(step)
    }

    /// The program of that name in `asyncio-order.py`, which goes on so often.
    fn steps(&mut self, name: &str, rounds: usize) -> Vec<Stmt> {
        match name {
            "first completed" => self.waits(Together::FirstCompleted, "y0 y3 y8", 0, rounds),
            "first completed, all alike" => self.waits(Together::FirstCompleted, "y0 y1 y2 y3", 0, rounds),
            "first exception" => self.waits(Together::FirstException, "y0 b2 y6", 0, rounds),
            "first exception, none" => self.waits(Together::FirstException, "y0 y2", 0, rounds),
            "all completed" => self.waits(Together::AllCompleted, "y0 b2 y4", 0, rounds),
            "over before" => self.waits(Together::FirstCompleted, "y0 y5", 3, rounds),
            "gather, all over at once" => self.together(Together::Gather, "y0 y0"),
            "gather, one over at once" => self.together(Together::Gather, "y0 y1"),
            "gather, one fails at once" => self.together(Together::Gather, "y1 b0 y2"),
            "gather, one fails" => self.together(Together::Gather, "y0 b1 y3"),
            "group, all over at once" => self.together(Together::TaskGroup, "y0 y0"),
            "group, one fails at once" => self.together(Together::TaskGroup, "y1 b0 y4"),
            "shield" => self.together(Together::Shield, "y1"),
            "shield, over at once" => self.together(Together::Shield, "y0"),
            "shield, fails" => self.together(Together::Shield, "b1"),
            "shield, fails at once" => self.together(Together::Shield, "b0"),
            "shield, cancelled" => {
                let inner = shield(self.named("y4"));
                let waiter = self.builder.program("waiter", vec![Stmt::Finally(vec![inner], vec![say("cancelled")])]);
                let cancel = [spawn(waiter, 1), Stmt::Yield, Stmt::Yield, say("cancels"), Stmt::Cancel(waiter)];
                [cancel.to_vec(), vec![Stmt::Yield; 6], vec![say("ends")]].concat()
            }
            "join" => {
                let joins = self.all("y0 y2 y1").into_iter().map(Stmt::Join).collect();
                [self.spawns("y0 y2 y1"), vec![say("has created")], joins, vec![say("goes on")]].concat()
            }
            "nested" => {
                let (one, two) = (self.named("y1"), self.named("y2"));
                let inner = [say("n begins"), spawn(one, 1), say("n has created"), Stmt::Join(one), say("n ends")];
                let nested = self.builder.program("nested", inner.to_vec());
                vec![Stmt::Gather(Together::Gather, vec![nested, two], 1), say("goes on")]
            }
            "callbacks" => {
                let [a, b, c, later] = ["a", "b", "c", "later"].map(|name| self.builder.program(name, vec![say(name)]));
                let y1 = self.named("y1");
                let at_once = Some(Dist::Const(Duration::ZERO));
                let asks = [
                    Stmt::CallBack(Called::Soon, a, None),
                    Stmt::CallBack(Called::Later, later, at_once),
                    spawn(y1, 1),
                    Stmt::CallBack(Called::Soon, b, None),
                    Stmt::CallBack(Called::Threadsafe, c, None),
                ];
                [asks.to_vec(), vec![say("has asked"), Stmt::Join(y1), say("goes on")]].concat()
            }
            "callbacks in a callback" => {
                let [inner, later] = ["inner", "later"].map(|name| self.builder.program(name, vec![say(name)]));
                let at_once = Some(Dist::Const(Duration::ZERO));
                let steps = vec![
                    say("outer"),
                    Stmt::CallBack(Called::Soon, inner, None),
                    spawn(self.named("y0"), 1),
                    Stmt::CallBack(Called::Later, later, at_once),
                ];
                let outer = self.builder.program("outer", steps);
                let asks = Stmt::CallBack(Called::Soon, outer, None);
                vec![asks, Stmt::Yield, say("once"), Stmt::Yield, say("twice")]
            }
            _ => panic!("no program \"{name}\""),
        }
    }
}

/// What was printed in which iteration, counted from the first step of the job.
fn told(model: &Model) -> Vec<(u64, String)> {
    let (records, ended) = run(model, 1);
    assert_eq!(audit(model, &records, &ended), [], "{}", listed(model, &records));
    assert_eq!(ended.outcome.word(), "finished", "{}", listed(model, &records));
    let begins = |record: &Record| matches!(record.what, What::Resume { .. });
    let first = records.iter().position(begins).expect("the job begins");
    let mut iteration = 0;
    let mut lines = Vec::new();
    for record in &records[first..] {
        match record.what {
            What::Iteration { .. } => iteration += 1,
            What::Print { text, .. } => lines.push((iteration, model.texts[text.index()].clone())),
            _ => {}
        }
    }
    lines
}

#[test]
fn steps_are_taken_in_the_iterations_of_real_cpython() {
    let path = format!("{}/tests/oracle/asyncio-order.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("it is there");
    let recorded: BTreeMap<String, BTreeMap<String, Vec<(u64, String)>>> =
        serde_json::from_str(&text).expect("as the program writes it");
    assert_eq!(recorded.values().map(BTreeMap::len).collect::<Vec<_>>(), [21, 21]);
    for (way, programs) in recorded {
        for (name, expected) in programs {
            let mut all = Programs::new(way == "eager");
            let rounds = expected.iter().filter(|(_, text)| text == "goes on").count();
            let steps = all.steps(&name, rounds);
            all.builder.batch("main", 1, steps);
            assert_eq!(told(&all.builder.build()), expected, "{way}: {name}");
        }
    }
}

fn ms(ms: u64) -> Dist {
    Dist::Const(Duration::ms(ms))
}

/// What a shield has saved can be joined, waited for, and cancelled by name.
#[test]
fn what_goes_on_behind_a_shield_is_still_a_child() {
    let scene = |then: fn(ProgramId) -> Stmt| {
        let mut builder = Builder::new(1, Execution::Asyncio);
        let slow =
            builder.program("slow", vec![Stmt::Finally(vec![Stmt::Sleep(ms(5)), say("done")], vec![say("over")])]);
        let late = Stmt::Timeout(ms(2), vec![shield(slow)], Some(vec![say("late")]));
        builder.batch("parent", 1, vec![late, then(slow), say("goes on")]);
        finished(&builder.build())
    };
    let end = [(2, "late"), (5, "done"), (5, "over"), (5, "goes on")];
    assert_eq!(scene(Stmt::Join), at(&end));
    assert_eq!(scene(|slow| Stmt::WaitTasks(Together::FirstCompleted, vec![slow], None, vec![])), at(&end));
    assert_eq!(scene(Stmt::Cancel), at(&[(2, "late"), (2, "goes on"), (2, "over")]));
}

/// The time of a wait ends it and cancels nobody; the next wait is for those that are left.
#[test]
fn a_wait_has_an_end_of_its_own() {
    let mut builder = Builder::new(1, Execution::Asyncio);
    let quick = builder.program("quick", vec![Stmt::Sleep(ms(3)), say("quick")]);
    let slow = builder.program("slow", vec![Stmt::Sleep(ms(9)), say("slow")]);
    let wait = |time| Stmt::WaitTasks(Together::AllCompleted, vec![quick, slow], time, vec![say("late")]);
    let steps = vec![
        spawn(quick, 1),
        spawn(slow, 2),
        wait(Some(ms(1))),
        wait(Some(ms(4))),
        wait(Some(ms(9))),
        say("all"),
        wait(None),
    ];
    builder.batch("parent", 1, steps);
    let expected = [(1, "late"), (3, "quick"), (5, "late"), (9, "slow"), (9, "slow"), (9, "all")];
    assert_eq!(finished(&builder.build()), at(&expected));
}

/// To its loop a task that begins eagerly is a part of the step that creates it.
#[test]
fn a_step_with_eager_tasks_is_one_step() {
    for (eager, slow) in [(false, 0), (true, 1)] {
        let mut builder = Builder::new(1, Execution::Asyncio);
        builder.model_mut().interpreter.eager_tasks = eager;
        let half = Stmt::Cpu(gilsim::trace::CpuKind::Python, ms(60));
        let child = builder.program("child", vec![half.clone(), Stmt::Yield]);
        builder.batch("parent", 1, vec![half, spawn(child, 1)]);
        let model = builder.build();
        let mut sinks = (Digest::default(), Meter::new(&model));
        let ended = gilsim::sim::run(&model, 1, &mut sinks);
        let figures = sinks.1.finish(1, &ended, &sinks.0);
        let callbacks = figures.slow_callbacks.expect("there is a loop");
        let of = (slow > 0).then(|| "parent".to_owned());
        assert_eq!((callbacks.count, callbacks.of), (slow, of), "{eager}");
        // A creator that stands still does not run: both together run as long as they compute.
        assert_eq!(figures.coroutines.running, Duration::ms(120));
    }
}

/// A step of random programs; numbers name times and children.
#[derive(Clone, Debug)]
enum Step {
    Cpu(u64),
    Sleep(u64),
    Yield,
    Raise,
    Try(Vec<Step>),
    Timeout(u64, Vec<Step>),
    Repeat(u32, Vec<Step>),
    Spawn(u8, u32),
    Cancel(u8),
    Join(u8),
    Shield(u8),
    Gather(u8, u32, u8),
    Wait(u8, bool, Option<u64>, Vec<Step>),
}

fn steps(parent: bool) -> BoxedStrategy<Vec<Step>> {
    let plain = prop_oneof![
        2 => (0..900u64).prop_map(Step::Cpu),
        3 => (0..3_000u64).prop_map(Step::Sleep),
        2 => Just(Step::Yield),
        1 => Just(Step::Raise),
    ];
    let leaf = match parent {
        true => prop_oneof![
            3 => plain,
            3 => (0..2u8, 1..4u32).prop_map(|(child, n)| Step::Spawn(child, n)),
            1 => (0..2u8).prop_map(Step::Cancel),
            1 => (0..2u8).prop_map(Step::Join),
            2 => (0..2u8).prop_map(Step::Shield),
            2 => (0..2u8, 1..4u32, 0..3u8).prop_map(|(child, n, how)| Step::Gather(child, n, how)),
            4 => (0..3u8, any::<bool>(), prop::option::of(0..3_000u64))
                .prop_map(|(how, both, time)| Step::Wait(how, both, time, vec![])),
        ]
        .boxed(),
        false => plain.boxed(),
    };
    let step = leaf.prop_recursive(2, 8, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 0..4);
        prop_oneof![
            2 => list().prop_map(Step::Try),
            3 => (0..2_000u64, list()).prop_map(|(time, steps)| Step::Timeout(time, steps)),
            1 => (1..3u32, list()).prop_map(|(times, steps)| Step::Repeat(times, steps)),
        ]
    });
    prop::collection::vec(step, 0..7).boxed()
}

fn built(steps: &[Step], children: &[ProgramId]) -> Vec<Stmt> {
    let us = |time: &u64| Dist::Const(Duration::us(*time));
    let list = |steps: &[Step]| built(steps, children);
    let child = |n: &u8| children[*n as usize];
    let one = |step: &Step| match step {
        Step::Cpu(time) => Stmt::Cpu(gilsim::trace::CpuKind::Python, us(time)),
        Step::Sleep(time) => Stmt::Sleep(us(time)),
        Step::Yield => Stmt::Yield,
        Step::Raise => Stmt::Raise,
        Step::Try(steps) => Stmt::Try(list(steps), vec![]),
        Step::Timeout(time, steps) => Stmt::Timeout(us(time), list(steps), Some(vec![])),
        Step::Repeat(times, steps) => Stmt::Repeat(*times, list(steps)),
        Step::Spawn(program, count) => spawn(child(program), *count),
        Step::Cancel(program) => Stmt::Cancel(child(program)),
        Step::Join(program) => Stmt::Join(child(program)),
        Step::Shield(program) => shield(child(program)),
        Step::Gather(program, count, how) => {
            let how = [Together::Gather, Together::TaskGroup, Together::GatherAll][*how as usize];
            Stmt::Gather(how, vec![child(program)], *count)
        }
        Step::Wait(how, both, time, late) => {
            let how = [Together::FirstCompleted, Together::FirstException, Together::AllCompleted][*how as usize];
            let programs = if *both { children.to_vec() } else { vec![children[0]] };
            Stmt::WaitTasks(how, programs, time.as_ref().map(us), list(late))
        }
    };
    steps.iter().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tasks_begin_and_are_awaited_in_any_way(
        grandchild in steps(false),
        children in [steps(true), steps(true)],
        parents in [steps(true), steps(true)],
        (linux, eager) in any::<(bool, bool)>(),
        processes in 1..3u32,
        deadline in prop::option::of(0..6_000u64),
    ) {
        let execution = if processes == 1 { Execution::Asyncio } else { Execution::HybridAsyncio { processes } };
        let costs = if linux { Costs::linux() } else { Costs::zero() };
        let mut builder = Builder::new(1, execution).costs(costs);
        builder.model_mut().interpreter.eager_tasks = eager;
        let deepest = [builder.program("deepest", built(&grandchild, &[])), builder.program("idle", vec![])];
        let programs: Vec<ProgramId> = (0..2).map(|_| builder.declare("child")).collect();
        for (program, steps) in programs.iter().zip(&children) {
            builder.define(*program, built(steps, &deepest));
        }
        for (number, steps) in parents.iter().enumerate() {
            builder.batch(&format!("parent {number}"), 2, built(steps, &programs));
        }
        let mut model = builder.build();
        if let Some(deadline) = deadline {
            model.tasks[0].late = Late::Abort;
            model.tasks[0].urgency.deadline = Some(Duration::us(deadline));
        }
        let (records, ended) = run(&model, 1);
        prop_assert_eq!(audit(&model, &records, &ended), [], "{}", listed(&model, &records));
        prop_assert_eq!(ended.outcome.word(), "finished", "{:?}\n{}", ended.outcome, listed(&model, &records));
        let over = |record: &&Record| {
            matches!(record.what, What::JobEnd { .. } | What::JobFail { .. } | What::JobDrop { .. })
        };
        prop_assert_eq!(records.iter().filter(over).count(), 4);
    }
}
