//! Schedules as sentences.

use super::machine::{Machine, Preemption};
use super::property::Failure;
use super::raise::{CANCELLED, LATE};
use super::state::{Call, Life, NOBODY, Origin, Pause, State, Thread, Wrong};
use super::step::Choice;
use crate::model::{Act, Op};

/// What a step does that nobody can see.
const GOES_ON: &str = "goes on";

/// What the steps of a schedule do, a line each: who, and what.
pub fn narrate(machine: &Machine<'_>, steps: &[Choice]) -> Vec<(String, String)> {
    let mut state = machine.start();
    let mut lines = Vec::new();
    for step in steps {
        let before = state.clone();
        machine.step(&mut state, *step);
        let who = machine.name(&state, step.thread);
        lines.push((who, machine.deeds(&before, &state, *step)));
    }
    lines
}

/// Deeds of one step that are told.
const MOST_DEEDS: usize = 12;

impl Machine<'_> {
    /// What a step did: the op at its point, and whatever others can see that came after it up to the next point.
    fn deeds(&self, before: &State, after: &State, step: Choice) -> String {
        let number = step.thread as usize;
        let hears = before.threads[number].pause == Pause::Together;
        if self.preemption == Preemption::EveryOp && !self.reduced || step.expires() || hears {
            return self.deed(before, after, step);
        }
        let Some(fine) = self.finer() else { return self.deed(before, after, step) };
        let (mut state, mut told) = (before.clone(), Vec::new());
        let mut choice = step;
        loop {
            let from = state.clone();
            fine.step(&mut state, choice);
            let deed = fine.deed(&from, &state, choice);
            if told.is_empty() || deed != GOES_ON {
                told.push(deed);
            }
            let (is, wanted) = (&state.threads[number], &after.threads[number]);
            let there = (is.pc, &is.stack, is.life, is.pause) == (wanted.pc, &wanted.stack, wanted.life, wanted.pause);
            choice = Choice { thread: step.thread, branch: 0 };
            if there || told.len() >= MOST_DEEDS || !fine.is_enabled(&state, number) {
                return told.join(", ");
            }
        }
    }

    /// What the op at the point did.
    fn deed(&self, before: &State, after: &State, step: Choice) -> String {
        let number = step.thread as usize;
        let thread = &before.threads[number];
        if step.branch == LATE {
            return "waits no longer: its time is over".to_owned();
        }
        if step.expires() {
            let words = if thread.coroutine { "is cancelled" } else { "gives its wait up" };
            return format!("{words}: its timeout is over");
        }
        if thread.pause == Pause::Begin {
            return "begins".to_owned();
        }
        if thread.life == Life::Waiting {
            let steps = matches!(thread.origin, Origin::Steps { .. });
            return if steps { "takes the steps up" } else { "takes the job" }.to_owned();
        }
        if let Some(words) = self.hears(thread) {
            return words.to_owned();
        }
        if step_back(before, after, thread, number) {
            return "has to wait".to_owned();
        }
        let var = |var: crate::id::VarId| self.model.vars[var.index()].name.as_str();
        let lock = |lock: crate::id::LockId| self.model.locks[lock.index()].name.as_str();
        let value = |of: crate::id::VarId, state: &State| self.read(state, number, of);
        match self.model.code[thread.pc as usize] {
            Op::Load { var: of, .. } => format!("reads {} = {}", var(of), value(of, before)),
            Op::Store { var: of, .. } => format!("writes {} = {}", var(of), value(of, after)),
            Op::Swap { var: of, .. } | Op::FetchAdd { var: of, .. } => {
                format!("changes {} from {} to {}", var(of), value(of, before), value(of, after))
            }
            Op::CompareAndSwap { var: of, .. } => match (value(of, before), value(of, after)) {
                (found, new) if found == new => format!("finds {} = {found}, and leaves it", var(of)),
                (found, new) => format!("changes {} from {found} to {new}", var(of)),
            },
            Op::Acquire { lock: of } if self.was_notified(thread) => {
                format!("was notified, and takes {} again", lock(of))
            }
            Op::Acquire { lock: of } | Op::Reenter { lock: of } => format!("takes {}", lock(of)),
            Op::Release { lock: of } | Op::Leave { lock: of } => format!("releases {}", lock(of)),
            Op::Sync { sync, act } => {
                let name = &self.model.syncs[sync.index()].name;
                match act {
                    Act::Acquire => format!("takes {name}"),
                    Act::AcquireRead => format!("takes {name} to read"),
                    Act::Release => format!("gives {name} back"),
                    Act::Wait => format!("waits at {name}"),
                    Act::Set => format!("sets {name}"),
                    Act::Clear => format!("clears {name}"),
                    Act::Notify(_) => format!("notifies {name}"),
                    Act::Put(_) => format!("puts an item into {name}"),
                    Act::Get(_) => format!("gets an item from {name}"),
                }
            }
            Op::Mutate { object, .. } => format!("changes {}", self.object_name(object)),
            Op::Refer { object, .. } => format!("uses {}", self.object_name(object)),
            Op::Choose { .. } => format!("takes branch {}", step.branch + 1),
            Op::Yield => "yields".to_owned(),
            Op::Io { device, .. } => format!("waits for {}", self.model.devices[device.index()].name),
            Op::Sleep { .. } => "sleeps".to_owned(),
            Op::Compute { .. } => "computes".to_owned(),
            Op::Spawn { program, count, .. } => {
                format!("starts {count} x {}", self.model.programs[program.index()].name)
            }
            Op::Join { program } => format!("goes on after all {}", self.model.programs[program.index()].name),
            Op::Print { text } => format!("prints \"{}\"", self.model.texts[text.index()]),
            Op::Await => "awaits them".to_owned(),
            Op::WaitTasks { .. } => "waits for some of those that it has started".to_owned(),
            Op::Cancel { program } => format!("cancels {}", self.model.programs[program.index()].name),
            Op::CallBack { program, .. } => {
                format!("has {} called back", self.model.programs[program.index()].name)
            }
            Op::ToThread { .. } => "hands steps to a thread".to_owned(),
            Op::EndThread => "has done the steps".to_owned(),
            Op::Raise => "raises an exception".to_owned(),
            Op::Call { .. } => "calls".to_owned(),
            Op::Jump { .. } | Op::Again { .. } => "goes round its loop".to_owned(),
            _ => GOES_ON.to_owned(),
        }
    }

    /// What a coroutine comes to know that awaits others, or that goes on.
    fn hears(&self, thread: &Thread) -> Option<&'static str> {
        let task = thread.task.as_ref();
        let words = match (thread.pause, task.and_then(|task| task.calls.first())) {
            (Pause::Together, Some(Call::Abort)) => "cancels those that it awaits, as it is cancelled",
            (Pause::Together, Some(Call::Ended(None))) => "hears that one of those that it awaits has ended",
            (Pause::Together, Some(Call::Ended(Some(CANCELLED)))) => {
                "hears that one of those that it awaits was cancelled"
            }
            (Pause::Together, _) => "hears that one of those that it awaits has failed",
            (Pause::Resume, _) => match task.and_then(|task| task.pending) {
                Some(CANCELLED) => "has `CancelledError` raised",
                Some(_) => "has an exception raised",
                None => "goes on after its wait",
            },
            _ => return None,
        };
        Some(words)
    }

    /// Whether the thread stands behind a wait for a notification.
    fn was_notified(&self, thread: &Thread) -> bool {
        let before = (thread.pc as usize).checked_sub(1).map(|before| self.model.code[before]);
        matches!(before, Some(Op::Sync { act: Act::Wait, .. }))
    }

    /// What a thread that cannot go on waits for, and who has it.
    pub fn waits_for(&self, state: &State, thread: u16) -> String {
        let number = thread as usize;
        match state.threads[number].pause {
            Pause::Together => return "awaits others that do not end".to_owned(),
            Pause::Steps => return "waits for a thread that does its steps".to_owned(),
            _ => {}
        }
        if state.threads[number].life == Life::Waiting {
            let steps = matches!(state.threads[number].origin, Origin::Steps { .. });
            return if steps { "waits for a thread of the executor" } else { "waits for its turn" }.to_owned();
        }
        if state.threads[number].pause == Pause::Until {
            return match self.model.code[state.threads[number].pc as usize - 1] {
                Op::Sync { sync, .. } => format!("waits at {}, and nobody comes", self.model.syncs[sync.index()].name),
                _ => "waits".to_owned(),
            };
        }
        match self.model.code[state.threads[number].pc as usize] {
            Op::Sync { sync, .. } => format!("waits for {}", self.model.syncs[sync.index()].name),
            Op::Acquire { lock } | Op::Reenter { lock } => {
                let name = &self.model.locks[lock.index()].name;
                let shared = self.model.locks[lock.index()].is_interprocess();
                let process = if shared { 0 } else { state.threads[number].process as usize };
                match state.owners[process * self.model.locks.len() + lock.index()].thread {
                    owner if owner == thread => format!("waits for {name}, which it holds itself"),
                    NOBODY => format!("waits for {name}"),
                    owner => format!("waits for {name}, which {} holds", self.name(state, owner)),
                }
            }
            Op::Join { program } => format!("waits for the end of {}", self.model.programs[program.index()].name),
            _ => "waits".to_owned(),
        }
    }
}

/// The first moment at which something is wrong.
fn broken_at(machine: &Machine<'_>, steps: &[Choice]) -> String {
    let mut state = machine.start();
    if state.wrong.is_some() {
        return "from the start on".to_owned();
    }
    for (number, step) in steps.iter().enumerate() {
        machine.step(&mut state, *step);
        if state.wrong.is_some() {
            return format!("after step {}, of {}", number + 1, machine.name(&state, step.thread));
        }
    }
    "at the end".to_owned()
}

/// What is wrong, and, of a deadlock, who waits for whom.
pub fn failure(machine: &Machine<'_>, steps: &[Choice], failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Final(text, value) => vec![format!("{text}: the last value is {value}")],
        Failure::Leaked(name) => vec![format!("{name} is never freed, though all references to it are dropped")],
        Failure::Livelock => {
            vec!["a livelock: from here on they can go round for ever, though each has its turn".to_owned()]
        }
        Failure::Wrong(Wrong::Moment(_), text) => {
            vec![format!("{text}: it does not hold {}", broken_at(machine, steps))]
        }
        Failure::Wrong(Wrong::Passed(thread), text) => {
            let state = machine.after_steps(steps);
            let who = machine.name(&state, *thread);
            vec![format!("{text}: {who} could go on, and is passed over once more {}", broken_at(machine, steps))]
        }
        Failure::Unseen(text) => vec![format!("{text}: it never comes to that")],
        Failure::AtEnd(text, values) => vec![format!("{text}: in the end {values}")],
        Failure::Wrong(Wrong::Op(op), _) => match machine.model.code[*op as usize] {
            Op::Release { lock } => {
                vec![format!("{} is released by somebody who does not hold it", machine.model.locks[lock.index()].name)]
            }
            Op::Refer { object, .. } | Op::Mutate { object, .. } => {
                vec![format!("{} is used after it was freed", machine.object_name(object))]
            }
            Op::Fail { text } => {
                let asserted = &machine.model.texts[text.index()];
                vec![format!("asserted is {asserted}, which does not hold {}", broken_at(machine, steps))]
            }
            _ => vec!["a loop never comes to a step that others could see".to_owned()],
        },
        Failure::Deadlock(names) => {
            let mut state = machine.start();
            steps.iter().for_each(|step| machine.step(&mut state, *step));
            let waiting =
                (0..state.threads.len() as u16).filter(|thread| names.contains(&machine.name(&state, *thread)));
            let lines =
                waiting.map(|thread| format!("{} {}", machine.name(&state, thread), machine.waits_for(&state, thread)));
            std::iter::once("a deadlock".to_owned()).chain(lines).collect()
        }
    }
}

/// Whether all that a coroutine did was to give its loop back.
fn step_back(before: &State, after: &State, thread: &Thread, number: usize) -> bool {
    let process = thread.process as usize;
    let had = thread.coroutine && before.busy[process] == number as u16;
    let is = &after.threads[number];
    had && after.busy[process] != number as u16 && (is.pc, is.pause, is.life) == (thread.pc, thread.pause, thread.life)
}
