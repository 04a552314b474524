//! Small bugs with exact numbers of schedules, computed by others (`tests/oracle/classic-bugs.json`).

use serde_json::Value;

use super::*;
use crate::id::{LockId, OperandId, ProgramId, SyncId, TextId, VarId};
use crate::model::{Act, Arithmetic, Arrivals, Builder, Comparison, Execution, Home, Model, Op, Operand};
use crate::scenario::expect::Bounds;
use crate::sync::{Config, Preference};

const BUDGET: Budget<'static> =
    Budget { states: 1_000_000, bytes: usize::MAX, runs: 0, steps: u64::MAX, seed: 1, stop: None };

/// Translates the programs of the file, which are lists of ops with jumps.
struct Translator {
    model: Model,
    vars: Vec<String>,
    locks: Vec<String>,
    things: Vec<String>,
    /// Conditions and their locks.
    conditions: Vec<(String, String)>,
    property: Property,
}

impl Translator {
    fn operand(&mut self, word: &str, registers: &mut Vec<String>) -> OperandId {
        let operand = match word.parse() {
            Ok(number) => Operand::Number(number),
            Err(_) => Operand::Register(register(word, registers)),
        };
        self.push(operand)
    }

    fn push(&mut self, operand: Operand) -> OperandId {
        self.model.operands.push(operand);
        OperandId::from(self.model.operands.len() - 1)
    }

    fn var(&mut self, word: &str) -> VarId {
        if !self.vars.iter().any(|var| var == word) {
            self.vars.push(word.to_owned());
            self.model.vars.push(crate::model::Shared { name: word.to_owned(), initial: 0, home: Home::Process });
        }
        VarId::from(self.vars.iter().position(|var| var == word).unwrap())
    }

    fn lock(&mut self, word: &str) -> LockId {
        if !self.locks.iter().any(|lock| lock == word) {
            self.locks.push(word.to_owned());
            self.model.locks.push(crate::model::Shared {
                name: word.to_owned(),
                initial: Default::default(),
                home: Home::Process,
            });
        }
        LockId::from(self.locks.iter().position(|lock| lock == word).unwrap())
    }

    fn thing(&mut self, word: &str, config: Config) -> SyncId {
        if !self.things.iter().any(|thing| thing == word) {
            self.things.push(word.to_owned());
            self.model.syncs.push(crate::model::Shared { name: word.to_owned(), initial: config, home: Home::Process });
        }
        SyncId::from(self.things.iter().position(|thing| thing == word).unwrap())
    }

    /// Code that does something with the element that a register says.
    fn element(&mut self, array: &str, index: &str, registers: &mut Vec<String>, act: &dyn Fn(VarId) -> Vec<Op>) {
        let declared = (0..10).map(|number| (number, format!("{array}{number}")));
        let declared: Vec<(i64, String)> = declared.filter(|(_, name)| self.vars.contains(name)).collect();
        let elements: Vec<(i64, VarId)> =
            declared.into_iter().map(|(number, name)| (number, self.var(&name))).collect();
        let left = self.operand(index, registers);
        let mut ends = Vec::new();
        for (number, var) in elements {
            let right = self.push(Operand::Number(number));
            let ops = act(var);
            let to = (self.model.code.len() + ops.len() + 2) as u32;
            self.model.code.push(Op::Branch { left, comparison: Comparison::IsNot, right, to });
            self.model.code.extend(ops);
            ends.push(self.model.code.len());
            self.model.code.push(Op::Jump { to: 0 });
        }
        let end = self.model.code.len() as u32;
        for jump in ends {
            self.model.code[jump] = Op::Jump { to: end };
        }
    }

    /// A condition that some thread waits at: its lock is known from there.
    fn condition(&mut self, word: &str) -> Option<SyncId> {
        let lock = self.conditions.iter().find(|(name, _)| name == word)?.1.clone();
        let lock = self.lock(&lock);
        Some(self.thing(word, Config::Condition { lock }))
    }

    /// One that the program declares, or a lock for readers and writers.
    fn known(&mut self, word: &str) -> SyncId {
        self.thing(word, Config::RwLock(Preference::FirstCome))
    }

    /// The ops of one thread; `None` if one of them is not known here.
    fn body(&mut self, lines: &[&str]) -> Option<(u32, u16)> {
        let entry = self.model.code.len() as u32;
        let (mut registers, mut labels, mut jumps) = (Vec::new(), Vec::new(), Vec::new());
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let here = self.model.code.len();
            let op = match words[..] {
                [label] if label.ends_with(':') => {
                    labels.push((label.trim_end_matches(':').to_owned(), here as u32));
                    continue;
                }
                ["step"] => Op::Yield,
                ["load", to, var] => Op::Load { var: self.var(var), register: register(to, &mut registers) },
                ["store", var, from] => {
                    let value = self.operand(from, &mut registers);
                    let own = register("#own", &mut registers);
                    self.model.code.push(Op::Set { register: own, value });
                    Op::Store { var: self.var(var), register: own }
                }
                ["lock", lock] => Op::Acquire { lock: self.lock(lock) },
                ["unlock", lock] => Op::Release { lock: self.lock(lock) },
                ["wait", condition, lock] => {
                    let lock = self.lock(lock);
                    let sync = self.thing(condition, Config::Condition { lock });
                    self.model.code.push(Op::Sync { sync, act: Act::Wait });
                    Op::Acquire { lock }
                }
                ["notify", condition] => Op::Sync { sync: self.condition(condition)?, act: Act::Notify(1) },
                ["notifyall", condition] => Op::Sync { sync: self.condition(condition)?, act: Act::Notify(u32::MAX) },
                ["acquire", of] => Op::Sync { sync: self.known(of), act: Act::Acquire },
                ["post", of] => Op::Sync { sync: self.known(of), act: Act::Release },
                ["send", to, value] => {
                    let value = self.operand(value, &mut registers);
                    Op::Sync { sync: self.known(to), act: Act::Put(value) }
                }
                ["recv", to, from] => {
                    let register = register(to, &mut registers);
                    Op::Sync { sync: self.known(from), act: Act::Get(Some(register)) }
                }
                ["assert", a, what, b] => {
                    let (left, right) = (self.operand(a, &mut registers), self.operand(b, &mut registers));
                    let comparison = arithmetic(what).unwrap_err();
                    self.model.code.push(Op::Branch { left, comparison, right, to: here as u32 + 2 });
                    self.model.texts.push(line.to_string());
                    Op::Fail { text: TextId::from(self.model.texts.len() - 1) }
                }
                ["faa", to, var, by] => {
                    let by = self.operand(by, &mut registers);
                    Op::FetchAdd { var: self.var(var), register: register(to, &mut registers), by }
                }
                ["cas", ok, var, from, to] => {
                    // Into a register of its own: only whether it was changed is wanted.
                    let (from, to) = (self.operand(from, &mut registers), self.operand(to, &mut registers));
                    let (found, ok) = (register("#found", &mut registers), register(ok, &mut registers));
                    let (one, zero) = (self.push(Operand::Number(1)), self.push(Operand::Number(0)));
                    let var = self.var(var);
                    self.model.code.push(Op::CompareAndSwap { var, register: found, from, to });
                    self.model.code.push(Op::Jump { to: here as u32 + 4 });
                    self.model.code.push(Op::Set { register: ok, value: one });
                    self.model.code.push(Op::Jump { to: here as u32 + 5 });
                    Op::Set { register: ok, value: zero }
                }
                // An element of an array: a case for each, which is read or written in one step all the same.
                ["loadx", to, array, index] => {
                    let to = register(to, &mut registers);
                    self.element(array, index, &mut registers, &|var| vec![Op::Load { var, register: to }]);
                    Op::Jump { to: self.model.code.len() as u32 + 1 }
                }
                ["storex", array, index, value] => {
                    let value = self.operand(value, &mut registers);
                    let own = register("#own", &mut registers);
                    self.model.code.push(Op::Set { register: own, value });
                    self.element(array, index, &mut registers, &|var| vec![Op::Store { var, register: own }]);
                    Op::Jump { to: self.model.code.len() as u32 + 1 }
                }
                ["jmp", label] => {
                    jumps.push((here, label.to_owned()));
                    Op::Jump { to: 0 }
                }
                [jump @ ("jz" | "jnz"), of, label] => {
                    jumps.push((here, label.to_owned()));
                    let comparison = if jump == "jz" { Comparison::Is } else { Comparison::IsNot };
                    let (left, right) = (self.operand(of, &mut registers), self.operand("0", &mut registers));
                    Op::Branch { left, comparison, right, to: 0 }
                }
                ["let", to, a, what, b] => {
                    let (left, right) = (self.operand(a, &mut registers), self.operand(b, &mut registers));
                    let to = register(to, &mut registers);
                    match arithmetic(what) {
                        Ok(what) => {
                            let value = self.push(Operand::Of(what, left, right));
                            Op::Set { register: to, value }
                        }
                        Err(comparison) => {
                            let (one, zero) = (self.push(Operand::Number(1)), self.push(Operand::Number(0)));
                            let own = register("#own", &mut registers);
                            let hold = self.push(Operand::Register(own));
                            self.model.code.push(Op::Set { register: own, value: one });
                            let to_end = here as u32 + 3;
                            self.model.code.push(Op::Branch { left, comparison, right, to: to_end });
                            self.model.code.push(Op::Set { register: own, value: zero });
                            Op::Set { register: to, value: hold }
                        }
                    }
                }
                _ => return None,
            };
            self.model.code.push(op);
        }
        self.model.code.push(Op::Return);
        for (at, label) in jumps {
            let target = labels.iter().find(|(name, _)| *name == label).unwrap().1;
            match &mut self.model.code[at] {
                Op::Jump { to } | Op::Branch { to, .. } => *to = target,
                op => panic!("{op:?}"),
            }
        }
        Some((entry, registers.len() as u16))
    }
}

fn register(word: &str, registers: &mut Vec<String>) -> u16 {
    let place = registers.iter().position(|register| register == word).unwrap_or_else(|| {
        registers.push(word.to_owned());
        registers.len() - 1
    });
    place as u16
}

fn arithmetic(what: &str) -> Result<Arithmetic, Comparison> {
    match what {
        "+" => Ok(Arithmetic::Sum),
        "-" => Ok(Arithmetic::Difference),
        "<" => Err(Comparison::Below),
        ">=" => Err(Comparison::AtLeast),
        "==" => Err(Comparison::Is),
        other => panic!("{other}"),
    }
}

/// The model of a program and what must hold; `None` if it has ops that there are not yet.
fn translate(program: &[String]) -> Option<(Model, Property)> {
    let mut builder = Builder::new(1, Execution::ThreadPerTask).native();
    let threads: Vec<(String, Vec<&str>)> = {
        let mut threads: Vec<(String, Vec<&str>)> = Vec::new();
        let mut open = 0;
        for line in program {
            if let Some(names) = line.strip_prefix("thread ") {
                open = threads.len();
                threads.extend(names.split_whitespace().map(|name| (name.to_owned(), Vec::new())));
            } else if !["shared ", "final ", "sem ", "chan "].iter().any(|head| line.starts_with(head)) {
                for (_, lines) in &mut threads[open..] {
                    lines.push(line);
                }
            }
        }
        threads
    };
    for (name, _) in &threads {
        builder.task(name, Some(1), Arrivals::AtOnce, vec![], vec![]);
    }
    let mut translator = Translator {
        model: builder.build(),
        vars: Vec::new(),
        locks: Vec::new(),
        things: Vec::new(),
        conditions: Vec::new(),
        property: Property::default(),
    };
    for line in program.iter().filter_map(|line| line.strip_prefix("shared ")) {
        for (name, value) in line.split_whitespace().map(|word| word.split_once('=').unwrap()) {
            translator.vars.push(name.to_owned());
            let initial = value.parse().unwrap();
            translator.model.vars.push(crate::model::Shared { name: name.to_owned(), initial, home: Home::Process });
        }
    }
    for line in program {
        if let Some((kind, all)) = line.split_once(' ').filter(|(kind, _)| matches!(*kind, "sem" | "chan")) {
            for (name, value) in all.split_whitespace().map(|word| word.split_once('=').unwrap()) {
                let value = value.parse().unwrap();
                let config = match kind {
                    "sem" => Config::Semaphore { permits: value, bounded: false },
                    _ => Config::Queue { capacity: Some(value) },
                };
                translator.thing(name, config);
            }
        }
        if let ["wait", condition, lock] = line.split_whitespace().collect::<Vec<_>>()[..] {
            translator.conditions.push((condition.to_owned(), lock.to_owned()));
        }
    }
    for (number, (_, lines)) in threads.iter().enumerate() {
        let (entry, registers) = translator.body(lines)?;
        let program: ProgramId = translator.model.tasks[number].program;
        let program = &mut translator.model.programs[program.index()];
        (program.entry, program.registers) = (entry, registers);
    }
    for line in program.iter().filter_map(|line| line.strip_prefix("final ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let bounds = match words[..] {
            [_, "==", value] => {
                let value = value.parse().ok()?;
                Bounds { at_least: Some(value), at_most: Some(value) }
            }
            [_, ">=", value] => Bounds { at_least: Some(value.parse().ok()?), at_most: None },
            _ => return None,
        };
        let var = translator.var(words[0]);
        let last = LastValue { var, bounds, text: line.to_owned() };
        translator.property.always.push(last);
    }
    Some((translator.model, translator.property))
}

fn lines(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|line| line.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_numbers_of_schedules_are_those_of_the_file() {
    let path = format!("{}/tests/oracle/classic-bugs.json", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut known = 0;
    for bug in file["bugs"].as_array().unwrap() {
        let id = bug["id"].as_str().unwrap();
        let Some((model, property)) = translate(&lines(&bug["program"])) else {
            println!("{id}: not yet");
            continue;
        };
        known += 1;
        let machine = Machine::new(&model, Preemption::EveryOp).unwrap();
        let graph = Graph::build(&machine, &property, BUDGET).unwrap();
        let exact = &bug["exact"];
        let number = |field: &str| u128::from(exact[field].as_u64().unwrap());
        let counts = counts(&graph).unwrap();
        assert_eq!(counts.schedules, number("interleavings"), "{id}");
        assert_eq!(counts.bad, number("bad_interleavings"), "{id}");
        assert_eq!(counts.deadlocks, number("of_which_deadlock"), "{id}");
        assert_eq!(u128::from(counts.longest), number("longest_run_steps"), "{id}");
        println!("{id}: {} states, theirs {}", graph.len(), exact["reachable_states"]);
        for (cost, field) in [(Cost::Preemptions, "preemption_bounded"), (Cost::Delays, "delay_bounded")] {
            let found = bounded(&graph, cost, 9).unwrap();
            let rows = exact[field].as_array().unwrap();
            assert_eq!(found.len(), rows.len(), "{id}: {field}");
            for (found, row) in found.iter().zip(rows) {
                let row = |name: &str| u128::from(row[name].as_u64().unwrap());
                let found = (u128::from(found.bound), found.schedules, found.bad);
                assert_eq!(found, (row("bound"), row("runs"), row("bad")), "{id}: {field}");
            }
        }
        for (cost, field) in [(Cost::Preemptions, "min_preemptions"), (Cost::Delays, "min_delays")] {
            assert_eq!(u128::from(nearest(&graph, cost).unwrap().cost), number(field), "{id}: {field}");
        }
        let p = bug["probability_of_finding_per_run"]["random_walk (exact)"]["p"].as_f64().unwrap();
        let found = random_walk(&graph).unwrap()[0];
        assert!((found - p).abs() <= 1e-5 * p.max(1e-9), "{id}: {found} {p}");
        for repaired in ["fixed_program", "fixed"] {
            if let Some((model, property)) =
                Some(lines(&bug[repaired])).filter(|l| !l.is_empty()).and_then(|l| translate(&l))
            {
                let machine = Machine::new(&model, Preemption::EveryOp).unwrap();
                let graph = Graph::build(&machine, &property, BUDGET).unwrap();
                assert_eq!(super::counts(&graph).unwrap().bad, 0, "{id}, repaired");
                println!("{id}: repaired, {} states", graph.len());
            }
        }
    }
    assert!(known >= 5, "{known}");
}

/// What is remembered of earlier schedules changes nothing about later ones.
#[test]
fn schedules_are_the_same_with_and_without_what_is_remembered() {
    let text = r#"(
        interpreter: Native,
        shared: { "x": Int(0), "a": Lock, "b": Lock, "c": Condition, "q": Queue(capacity: 1) },
        tasks: {
            "one": (count: 2, steps: [With("a", [With("b", [Load("x"), Add("x", 1), Store("x")])]), Put("q", 1)]),
            "two": (steps: [With("b", [Choose({ 0.5: [With("a", [FetchAdd("x", 2)])] })]), Get("q"), Get("q")]),
            "three": (steps: [With("c", [Timeout("1ms", [Wait("c")], [FetchAdd("x", 3)])])]),
            "four": (steps: [With("c", [Notify("c")])]),
        },
        models: [ThreadPerTask],
        allow: ["lock-order"],
        expect: [AtEnd(Is("x", 7))],
    )"#;
    let scenario = crate::scenario::compile("memo", text, &[]).unwrap_or_else(|found| panic!("{found:#?}")).scenario;
    let model = &scenario.points[0].models[0];
    let property = Property::of(&scenario.expect, model, &|_| None);
    let machine = Machine::new(model, Machine::preemption_of(model)).unwrap().watching(&property);
    let (mut remembers, mut afresh) = (Sampler::new(&machine, &property, 1), Sampler::new(&machine, &property, 1));
    let mut ends = std::collections::BTreeSet::new();
    for strategy in PORTFOLIO {
        for run in 0..3_000 {
            let (one, other) = (remembers.run(strategy, run), afresh.run_afresh(strategy, run));
            assert_eq!((&one, remembers.steps()), (&other, afresh.steps()), "{strategy} {run}");
            ends.insert(format!("{one:?}"));
        }
    }
    assert!(ends.len() >= 3, "{ends:?}");
}
