//! Programs of single instructions under a timer, as `x86.py` of *Operating Systems: Three Easy Pieces* runs them: must
//! agree exactly, and so must any other number of threads, rounds and instructions per slice.

use gilsim::scenario;
use gilsim::sim::{self, Outcome};
use gilsim::trace::{Record, What};

use crate::oracle::cases;
use crate::real_runs::audit;
use crate::validation::{Table, exact};

/// What the program counts.
#[derive(Debug, PartialEq, Eq, Default)]
struct Counts {
    last: i64,
    instructions: u64,
    interrupts: u64,
    halts: u64,
}

/// One instruction is one tick of core time, and then does what it does. A branch is the tick before the condition.
fn scenario(program: &str, threads: u64, rounds: u64, slice: u64) -> String {
    let count = r#"T, Load("count"), T, Add("count", 1), T, Store("count")"#;
    let (enter, leave) = match program {
        "looping-race-nolock" => (String::new(), ""),
        "flag" => (
            r#"RepeatUntil(Is(Own("mutex"), 0), [T, Load("mutex"), T, T]), T, Store("mutex", 1),"#.to_owned(),
            r#"T, Store("mutex", 0),"#,
        ),
        "test-and-set" => (
            r#"RepeatUntil(Is(Own("mutex"), 0), [T, Let("mutex", 1), T, Swap("mutex"), T, T]),"#.to_owned(),
            r#"T, Store("mutex", 0),"#,
        ),
        "ticket" => (
            r#"T, Let("ticket", 1), T, FetchAdd("ticket", Own("ticket")),
               RepeatUntil(Is(Own("turn"), Own("ticket")), [T, Load("turn"), T, T]),"#
                .to_owned(),
            r#"T, Let("turn", 1), T, FetchAdd("turn", Own("turn")),"#,
        ),
        "yield" => (
            r#"RepeatUntil(Is(Own("mutex"), 0), [
                T, Let("mutex", 1), T, Swap("mutex"), T, T, If(IsNot(Own("mutex"), 0), [T, Yield, T])]),"#
                .to_owned(),
            r#"T, Store("mutex", 0),"#,
        ),
        other => panic!("{other}"),
    };
    let turn = format!(r#"{enter} {count}, {leave} T, Add("n", -1), T, T"#);
    let steps = format!(r#"Let("n", {rounds}), RepeatUntil(AtMost(Own("n"), 0), [{turn}]), T"#);
    let steps = steps.replace("T,", "Cpu(\"1us\"),").replace("T]", "Cpu(\"1us\")]");
    let steps = format!("{}Cpu(\"1us\")", steps.strip_suffix('T').unwrap());
    format!(
        r#"(
            machine: (cores: 1, costs: Zero, scheduler: RoundRobin("{slice}us", ArrivalsFirst, Inherited)),
            interpreter: Native, models: [ThreadPerTask], allow: ["unused"],
            shared: {{ "count": Int(0), "n": Int(0), "mutex": Int(0), "ticket": Int(0), "turn": Int(0) }},
            tasks: {{ "thread": (count: {threads}, steps: [{steps}]) }},
        )"#
    )
}

fn simulated(program: &str, threads: u64, rounds: u64, slice: u64) -> Counts {
    let text = scenario(program, threads, rounds, slice);
    let compiled = scenario::compile("x86", &text, &[]).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"));
    let model = &compiled.scenario.points[0].models[0];
    let mut records: Vec<Record> = Vec::new();
    let ended = sim::run(model, 1, &mut records);
    assert_eq!(ended.outcome, Outcome::Finished);
    assert_eq!(audit(model, &records, &ended), [], "{program} {threads}x{rounds} by {slice}");
    let mut counts = Counts::default();
    for Record { what, .. } in &records {
        match what {
            What::Store { var, value, .. } if var.0 == 0 => counts.last = *value,
            What::Compute { demand, .. } => counts.instructions += demand.0 / 1_000,
            What::Preempt { .. } | What::Yield { .. } => counts.interrupts += 1,
            What::ThreadEnd { .. } => counts.halts += 1,
            _ => {}
        }
    }
    // After the last halt there is nobody to switch to.
    counts.halts -= 1;
    counts
}

#[test]
fn races_and_locks_under_an_instruction_timer_agree_with_ostep() {
    let cases = cases("ostep-x86-races");
    let cases = cases["cases"].as_array().unwrap();
    for case in cases {
        let (inputs, expected) = (&case["inputs"], &case["expected"]);
        let number =
            |of: &serde_json::Value, name: &str| of[name].as_u64().unwrap_or_else(|| panic!("{name} of {case}"));
        let (threads, rounds) = (number(inputs, "threads"), number(inputs, "loops_per_thread"));
        let program = inputs["program"].as_str().unwrap();
        let found = simulated(program, threads, rounds, number(inputs, "slice_instructions"));
        let counts = Counts {
            last: number(expected, "final_value") as i64,
            instructions: number(expected, "instructions"),
            interrupts: number(expected, "interrupt_switches"),
            halts: number(expected, "halt_switches"),
        };
        assert_eq!(found, counts, "{}", case["id"]);
        let ideal = number(expected, "ideal");
        assert_eq!(ideal as i64 - found.last, number(expected, "lost_updates") as i64, "{}", case["id"]);
        assert_eq!(ideal, threads * rounds);
    }
    assert!(cases.len() >= 37, "all of them");
    exact(Table::Programs, "OSTEP x86.py: races and locks under an instruction timer", cases.len());
}

/// The same machine written down once more, without a simulator: a list of instructions and a countdown.
#[derive(Clone, Copy, PartialEq)]
enum Code {
    LoadCount,
    AddCount,
    StoreCount,
    Decrement,
    Nothing,
    /// Back to this one if the number of rounds left is above zero.
    Again(usize),
    LoadMutex,
    /// To this one if the register is not 0, is 0.
    IfNot(usize),
    If(usize),
    SetMutex(i64),
    One,
    SwapMutex,
    TakeTicket,
    PassTurn,
    LoadTurn,
    IfNotMine(usize),
    Yield,
    Jump(usize),
    Halt,
}

fn code(program: &str) -> Vec<Code> {
    use Code::*;
    let (enter, leave): (Vec<Code>, Vec<Code>) = match program {
        "looping-race-nolock" => (vec![], vec![]),
        "flag" => (vec![LoadMutex, Nothing, IfNot(0), SetMutex(1)], vec![SetMutex(0)]),
        "test-and-set" => (vec![One, SwapMutex, Nothing, IfNot(0)], vec![SetMutex(0)]),
        "ticket" => (vec![One, TakeTicket, LoadTurn, Nothing, IfNotMine(2)], vec![One, PassTurn]),
        "yield" => (vec![One, SwapMutex, Nothing, If(6), Yield, Jump(0)], vec![SetMutex(0)]),
        other => panic!("{other}"),
    };
    let count = vec![LoadCount, AddCount, StoreCount];
    [enter, count, leave, vec![Decrement, Nothing, Again(0), Halt]].concat()
}

#[derive(Clone, Copy, Default)]
struct Registers {
    at: usize,
    left: i64,
    count: i64,
    own: i64,
    turn: i64,
    halted: bool,
}

fn reference(program: &str, threads: usize, rounds: u64, slice: u64) -> Counts {
    let code = code(program);
    let mut all = vec![Registers { left: rounds as i64, ..Registers::default() }; threads];
    let (mut count, mut mutex, mut ticket, mut turn) = (0, 0, 0, 0);
    let (mut current, mut timer, mut counts) = (0, slice, Counts::default());
    loop {
        let next = |all: &[Registers], from: usize| {
            (1..=threads).map(|step| (from + step) % threads).find(|thread| !all[*thread].halted)
        };
        let own = &mut all[current];
        let op = code[own.at];
        own.at += 1;
        counts.instructions += 1;
        match op {
            Code::LoadCount => own.count = count,
            Code::AddCount => own.count += 1,
            Code::StoreCount => count = own.count,
            Code::Decrement => own.left -= 1,
            Code::Nothing | Code::Yield => {}
            Code::Again(to) if own.left > 0 => own.at = to,
            Code::LoadMutex => own.own = mutex,
            Code::IfNot(to) if own.own != 0 => own.at = to,
            Code::If(to) if own.own == 0 => own.at = to,
            Code::SetMutex(to) => mutex = to,
            Code::One => own.own = 1,
            Code::SwapMutex => std::mem::swap(&mut own.own, &mut mutex),
            Code::TakeTicket => (own.own, ticket) = (ticket, ticket + own.own),
            Code::PassTurn => turn += own.own,
            Code::LoadTurn => own.turn = turn,
            Code::IfNotMine(to) if own.own != own.turn => own.at = to,
            Code::Jump(to) => own.at = to,
            Code::Halt => {
                own.halted = true;
                let Some(other) = next(&all, current) else { break };
                current = other;
                counts.halts += 1;
            }
            Code::Again(_) | Code::IfNot(_) | Code::If(_) | Code::IfNotMine(_) => {}
        }
        timer -= 1;
        if timer == 0 || op == Code::Yield {
            timer = slice;
            counts.interrupts += 1;
            current = next(&all, current).expect("the last one to halt ends the loop");
        }
    }
    counts.last = count;
    counts
}

#[test]
fn any_number_of_threads_rounds_and_instructions_per_slice_agrees() {
    let mut compared = 0;
    for program in ["looping-race-nolock", "flag", "test-and-set", "ticket", "yield"] {
        for threads in 1..=4u64 {
            for rounds in [1, 2, 5, 9] {
                for slice in [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 17, 25, 50] {
                    let found = simulated(program, threads, rounds, slice);
                    let expected = reference(program, threads as usize, rounds, slice);
                    assert_eq!(found, expected, "{program} {threads}x{rounds} by {slice}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 1_120);
}
