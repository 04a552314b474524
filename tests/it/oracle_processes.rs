//! Computing that overlaps with devices, as `process-run.py` of *Operating Systems: Three Easy Pieces* has it: must agree
//! exactly, and so must any other programs.

use std::collections::BTreeSet;

use gilsim::dist::Dist;
use gilsim::kernel::policy::{FirstCome, InTurn, PolicyConfig, Woken};
use gilsim::model::{Builder, Costs, Execution, Model, Stmt};
use gilsim::time::Duration;
use gilsim::trace::{Record, What};

use crate::oracle::{UNIT, cases, cpu, numbers, on_core_zero, segments, units};
use crate::probe::probe;
use crate::real_runs::{audit, run};
use crate::validation::{Table, exact};

/// `cN` computes for N ticks, `i` is a request: a tick to issue it, the time of the device, a tick to complete it.
fn model(programs: &[&str], latency: Duration, execution: Execution, policy: PolicyConfig) -> Model {
    let tick = Duration(UNIT as u64);
    let costs = Costs { syscall: tick, completion: tick, ..Costs::zero() };
    let mut builder = Builder::new(1, execution).native().policy(policy).costs(costs);
    let device = builder.device("device", Dist::Const(latency), None);
    for (index, program) in programs.iter().enumerate() {
        let step = |instruction: &str| match instruction.strip_prefix('c') {
            Some(ticks) => cpu(Duration(ticks.parse::<u64>().unwrap() * tick.0)),
            None => Stmt::Io(device, None),
        };
        builder.batch(&format!("p{index}"), 1, program.split(',').map(step).collect());
    }
    builder.build()
}

/// How long at least one request was under way.
fn device_busy(records: &[Record]) -> u64 {
    let (mut busy, mut under_way, mut since) = (0, 0u32, 0);
    for record in records {
        match record.what {
            What::IoStart { .. } => {
                since = if under_way == 0 { record.time.0 } else { since };
                under_way += 1;
            }
            What::IoDone { .. } => {
                under_way -= 1;
                busy += if under_way == 0 { record.time.0 - since } else { 0 };
            }
            _ => {}
        }
    }
    busy
}

#[test]
fn computing_overlaps_with_devices_as_in_ostep() {
    let cases = cases("ostep-process-run");
    let mut compared = 0;
    for case in cases["cases"].as_array().unwrap() {
        let (inputs, expected, id) = (&case["inputs"], &case["expected"], &case["id"]);
        let woken = match inputs["io_done"].as_str().unwrap() {
            "later" => Woken::Later,
            "immediate" => Woken::AtOnce,
            other => panic!("{other}"),
        };
        let (execution, policy) = match inputs["switch"].as_str().unwrap() {
            "on_io" => (Execution::ThreadPerTask, InTurn { woken }.into()),
            "on_end" => (Execution::Serial, FirstCome.into()),
            other => panic!("{other}"),
        };
        let programs: Vec<&str> =
            inputs["programs"].as_array().unwrap().iter().map(|program| program.as_str().unwrap()).collect();
        let model = model(&programs, units(&inputs["io_length"]), execution, policy);
        let (ended, probe) = probe(&model, 1);
        assert_eq!(probe.completions(programs.len()), numbers(&expected["completion"]), "{id}");
        assert_eq!(ended.at.0, units(&expected["total"]).0, "{id}");
        let busy: u64 = probe.segments.iter().map(|segment| segment.1 - segment.0).sum();
        assert_eq!(busy, units(&expected["cpu_busy"]).0, "{id}");
        let (records, ended) = run(&model, 1);
        assert_eq!(device_busy(&records), units(&expected["io_busy"]).0, "{id}");
        assert_eq!(audit(&model, &records, &ended), []);
        if execution == Execution::ThreadPerTask {
            assert_eq!(on_core_zero(&probe.segments), segments(&expected["segments"]), "{id}");
        }
        compared += 1;
    }
    assert!(compared >= 6, "all of them");
    exact(Table::Programs, "OSTEP process-run.py: computing that overlaps with IO", compared);
}

/// The same machine written down once more, tick by tick: completions and who ran in which tick.
fn reference(programs: &[&str], latency: u64, woken: Woken) -> (Vec<u64>, Vec<Option<usize>>) {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Ready,
        Running,
        Waiting,
        Done,
    }
    #[derive(Clone, Copy, PartialEq)]
    enum Do {
        Compute,
        Issue,
    }
    let mut left: Vec<Vec<Do>> = programs
        .iter()
        .map(|program| {
            let mut code = Vec::new();
            for instruction in program.split(',') {
                match instruction.strip_prefix('c') {
                    Some(ticks) => code.extend(vec![Do::Compute; ticks.parse().unwrap()]),
                    None => code.extend([Do::Issue, Do::Compute]),
                }
            }
            code.reverse();
            code
        })
        .collect();
    let count = programs.len();
    let mut states = vec![State::Ready; count];
    let mut due: Vec<BTreeSet<u64>> = vec![BTreeSet::new(); count];
    let (mut ends, mut ticks, mut current, mut clock) = (vec![0; count], Vec::new(), 0, 0);
    states[0] = State::Running;
    let next = |states: &mut Vec<State>, current: &mut usize| {
        let found = (1..=count).map(|step| (*current + step) % count).find(|process| states[*process] == State::Ready);
        if let Some(found) = found {
            *current = found;
            states[found] = State::Running;
        }
    };
    while states.iter().any(|state| *state != State::Done) {
        clock += 1;
        for process in 0..count {
            if !due[process].contains(&clock) {
                continue;
            }
            states[process] = State::Ready;
            let runnable = states.iter().filter(|state| matches!(state, State::Ready | State::Running)).count();
            if woken == Woken::AtOnce || runnable == 1 {
                if states[current] == State::Running {
                    states[current] = State::Ready;
                }
                current = process;
                states[process] = State::Running;
            }
        }
        let running = states[current] == State::Running;
        ticks.push(running.then_some(current));
        if running && left[current].pop() == Some(Do::Issue) {
            states[current] = State::Waiting;
            due[current].insert(clock + latency + 1);
            next(&mut states, &mut current);
        } else if running && left[current].is_empty() {
            states[current] = State::Done;
            ends[current] = clock;
            next(&mut states, &mut current);
        }
    }
    (ends, ticks)
}

#[test]
fn any_programs_agree_whether_the_woken_run_later_or_at_once() {
    let mut stream = gilsim::rng::Stream::new(7, 7);
    for round in 0..600 {
        let mut draw = |most: u64| stream.draw() % most;
        let programs: Vec<String> = (0..1 + draw(5))
            .map(|_| {
                let instruction = |draw: u64| if draw < 3 { "i".to_owned() } else { format!("c{}", 1 + draw % 5) };
                (0..1 + draw(5)).map(|_| instruction(draw(7))).collect::<Vec<_>>().join(",")
            })
            .collect();
        let latency = 1 + draw(8);
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        for woken in [Woken::Later, Woken::AtOnce] {
            let policy = InTurn { woken }.into();
            let model = model(&programs, Duration(latency * UNIT as u64), Execution::ThreadPerTask, policy);
            let (_, probe) = probe(&model, 1);
            let (ends, ticks) = reference(&programs, latency, woken);
            let found: Vec<u64> = probe.completions(programs.len()).iter().map(|end| end / UNIT as u64).collect();
            assert_eq!(found, ends, "round {round}: {programs:?}, {latency} ticks, {woken:?}");
            let mut ran = vec![None; ticks.len()];
            for (start, end, _, task) in &probe.segments {
                ran[(start / UNIT as u64) as usize..(end / UNIT as u64) as usize].fill(Some(*task as usize));
            }
            assert_eq!(ran, ticks, "round {round}: {programs:?}, {latency} ticks, {woken:?}");
            let (records, ended) = run(&model, 1);
            assert_eq!(audit(&model, &records, &ended), []);
        }
    }
}
