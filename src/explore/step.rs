//! One step: the op at a point, and all that follows it up to the next one.

use super::machine::Machine;
use super::raise::RAISED;
use super::state::{Life, Origin, Owner, Pause, State, Thread, Wrong};
use crate::id::{LockId, VarId};
use crate::model::{Op, evaluate};

/// Ops without a point in between, after which a loop is taken for endless.
const MOST_OPS: u32 = 10_000_000;

/// Who takes the next step, and which way, where the step is a `Choose`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Choice {
    /// The number of the thread.
    pub thread: u16,
    /// The branch; 0 for steps without.
    pub branch: u16,
}

impl Machine<'_> {
    /// All steps that can be next, by thread.
    pub fn choices(&self, state: &State, out: &mut Vec<Choice>) {
        out.clear();
        if self.daemons && self.is_over(state) {
            return;
        }
        for number in 0..state.threads.len() {
            if self.is_enabled(state, number) {
                let thread = number as u16;
                out.extend((0..self.branches(&state.threads[number])).map(|branch| Choice { thread, branch }));
            }
            self.timeouts(state, number, out);
        }
    }

    fn branches(&self, thread: &Thread) -> u16 {
        match self.model.code.get(thread.pc as usize) {
            Some(Op::Choose { table }) if thread.life == Life::Going && thread.pause == Pause::No => {
                let choice = &self.model.choices[*table as usize];
                // What is left over has a share only if the branches leave one.
                let rest = choice.branches.last().is_none_or(|(upto, _)| *upto < u64::MAX);
                choice.branches.len() as u16 + u16::from(rest)
            }
            _ => 1,
        }
    }

    /// Takes the step.
    pub fn step(&self, state: &mut State, choice: Choice) {
        if let Some(bound) = self.bypass {
            self.pass_over(state, choice.thread as usize, bound);
        }
        self.take(state, choice.thread as usize, choice);
        if self.watches() {
            self.look(state);
        }
    }

    fn take(&self, state: &mut State, number: usize, choice: Choice) {
        let thread = &state.threads[number];
        let (life, pause, coroutine) = (thread.life, thread.pause, thread.coroutine);
        if choice.expires() {
            self.expire(state, number, choice.branch);
        } else if pause == Pause::Together {
            return self.hear(state, number);
        } else if coroutine && self.take_turn(state, number) {
            return;
        } else {
            match (life, pause) {
                (Life::Waiting, _) => self.take_up(state, number),
                (_, Pause::Begin) => self.begin(state, number),
                (_, Pause::Resume) => self.resume(state, number),
                _ => self.execute(state, number, choice.branch),
            }
        }
        // A coroutine that is cancelled goes on in its turn.
        if !(coroutine && choice.expires()) {
            self.run_to_point(state, number);
        }
    }

    /// A worker takes a job, or a thread of an executor takes steps.
    fn take_up(&self, state: &mut State, number: usize) {
        let thread = &mut state.threads[number];
        match thread.origin {
            Origin::Steps { .. } => thread.life = Life::Going,
            _ => self.take_job(state, number),
        }
    }

    /// One that was cancelled before never begins.
    fn begin(&self, state: &mut State, number: usize) {
        let thread = &mut state.threads[number];
        thread.pause = Pause::No;
        let pending = thread.task.as_ref().and_then(|task| task.pending);
        if pending.is_some() {
            self.end(state, number, pending);
        }
    }

    /// Goes on until others may come in between.
    pub(super) fn run_to_point(&self, state: &mut State, number: usize) {
        for _ in 0..MOST_OPS {
            let thread = &state.threads[number];
            let alike = self.reduced && self.bypass.is_none() && state.processes == 1 && self.locals == 0;
            if thread.life == Life::Waiting && alike && self.is_enabled(state, number) {
                // Workers of one process are all alike: it makes no difference which of them takes the job.
                self.take_job(state, number);
                continue;
            }
            if thread.life != Life::Going || thread.pause != Pause::No {
                return self.rest(state, number, false);
            }
            if let Some(keeps) = self.stop_at(state, number, thread) {
                return self.rest(state, number, keeps);
            }
            self.execute(state, number, 0);
        }
        // A loop in which nothing happens that others could see: it never gets on.
        state.wrong.get_or_insert(Wrong::Op(state.threads[number].pc));
        state.threads[number].life = Life::Over;
        self.rest(state, number, false);
    }

    pub(super) fn lock(&self, state: &State, number: usize, lock: LockId) -> usize {
        let shared = self.model.locks[lock.index()].is_interprocess();
        let process = if shared { 0 } else { state.threads[number].process as usize };
        process * self.model.locks.len() + lock.index()
    }

    /// Executes the op at the program counter.
    fn execute(&self, state: &mut State, number: usize, branch: u16) {
        let pc = state.threads[number].pc;
        let op = self.model.code[pc as usize];
        state.threads[number].pc = pc + 1;
        let operand = |thread: &Thread, id| evaluate(&self.model.operands, &thread.registers, id);
        match op {
            Op::Load { var, register } => {
                state.threads[number].registers[register as usize] = self.read(state, number, var);
            }
            Op::Store { var, register } => {
                self.write(state, number, var, state.threads[number].registers[register as usize]);
            }
            Op::Set { register, value } => {
                let thread = &mut state.threads[number];
                thread.registers[register as usize] = operand(thread, value);
            }
            Op::Add { register, by } => {
                let thread = &mut state.threads[number];
                let sum = thread.registers[register as usize].wrapping_add(operand(thread, by));
                thread.registers[register as usize] = sum;
            }
            Op::Swap { var, register, value } => {
                let value = operand(&state.threads[number], value);
                self.exchange(state, number, var, register, |_| value);
            }
            Op::FetchAdd { var, register, by } => {
                let by = operand(&state.threads[number], by);
                self.exchange(state, number, var, register, |found| found.wrapping_add(by));
            }
            Op::CompareAndSwap { var, register, from, to } => {
                let thread = &state.threads[number];
                let (from, to) = (operand(thread, from), operand(thread, to));
                let found = self.exchange(state, number, var, register, |found| if found == from { to } else { found });
                state.threads[number].pc += u32::from(found == from);
            }
            Op::Branch { left, comparison, right, to } => {
                let thread = &mut state.threads[number];
                if comparison.holds(operand(thread, left), operand(thread, right)) {
                    thread.pc = to;
                }
            }
            Op::Acquire { lock } => {
                let at = self.lock(state, number, lock);
                state.owners[at] = Owner { thread: number as u16, again: 0 };
            }
            Op::Release { lock } => {
                let at = self.lock(state, number, lock);
                if state.owners[at].thread != number as u16 {
                    state.wrong.get_or_insert(Wrong::Op(pc));
                }
                state.owners[at] = Owner::NONE;
            }
            Op::Reenter { lock } => {
                let at = self.lock(state, number, lock);
                let again = if state.owners[at].is_none() { 0 } else { state.owners[at].again + 1 };
                state.owners[at] = Owner { thread: number as u16, again };
            }
            Op::Leave { lock } => {
                let at = self.lock(state, number, lock);
                if state.owners[at].thread != number as u16 {
                    state.wrong.get_or_insert(Wrong::Op(pc));
                }
                match &mut state.owners[at] {
                    Owner { again, .. } if *again > 0 => *again -= 1,
                    owner => *owner = Owner::NONE,
                }
            }
            Op::Sync { sync, act } => {
                if !self.share(state, number, sync, act) {
                    state.wrong.get_or_insert(Wrong::Op(pc));
                }
            }
            Op::Refer { object, by } => {
                if !self.refer(state, number, object, by) {
                    state.wrong.get_or_insert(Wrong::Op(pc));
                }
            }
            Op::Fail { .. } => {
                state.wrong.get_or_insert(Wrong::Op(pc));
            }
            Op::Repeat { times } => state.threads[number].stack.push(times),
            Op::Again { start } => {
                let thread = &mut state.threads[number];
                let rounds = thread.stack.last_mut().expect("lowering pairs every loop end with a start");
                *rounds -= 1;
                if *rounds == 0 {
                    thread.stack.pop();
                } else {
                    thread.pc = start;
                }
            }
            Op::Jump { to } => state.threads[number].pc = to,
            Op::Choose { table } => {
                let choice = &self.model.choices[table as usize];
                let to = choice.branches.get(branch as usize).map_or(choice.otherwise, |(_, to)| *to);
                state.threads[number].pc = to;
            }
            Op::Call { entry } => {
                let thread = &mut state.threads[number];
                thread.stack.push(pc + 1);
                thread.pc = entry;
            }
            Op::Return => match state.threads[number].stack.pop() {
                Some(back) => state.threads[number].pc = back,
                None => self.end(state, number, None),
            },
            Op::Spawn { kind, program, count } => self.spawn_all(state, number, kind, program, count),
            Op::BeginBlocking => state.threads[number].blocking += 1,
            Op::EndBlocking => state.threads[number].blocking -= 1,
            Op::ToThread { end } if state.threads[number].coroutine && state.threads[number].blocking == 0 => {
                self.hand_over(state, number, end);
            }
            Op::EndThread if matches!(state.threads[number].origin, Origin::Steps { .. }) => {
                self.hand_back(state, number, None);
            }
            // A thread does the steps itself.
            Op::ToThread { .. } | Op::EndThread => {}
            Op::CallBack { program, .. } => self.call_back(state, number, program),
            Op::Begin { how } => self.begin_group(state, number, how),
            Op::Await => self.await_group(state, number, pc),
            Op::WaitTasks { wait } => self.wait_tasks(state, number, wait),
            Op::TasksWaited { wait, to } => self.tasks_waited(state, number, wait, to),
            Op::Cancel { program } => self.cancel_all(state, number, program),
            Op::Join { program } => self.know_ended(state, number, program),
            Op::Mutate { object, .. } => {
                if !self.refer(state, number, object, 0) {
                    state.wrong.get_or_insert(Wrong::Op(pc));
                }
            }
            Op::Touch { .. }
            | Op::Collect { .. }
            | Op::Compute { .. }
            | Op::Io { .. }
            | Op::Sleep { .. }
            | Op::Yield
            | Op::Print { .. } => {}
            Op::Socket { .. } => unreachable!("a model with connections is not searched"),
            Op::Raise => self.unwind(state, number, RAISED, pc),
            Op::Reraise => self.reraise(state, number, pc),
            Op::Deliver => self.deliver(state, number, pc),
            Op::BeginTimeout { .. } => self.begin_timeout(state, number),
            Op::EndTimeout => self.end_timeout(state, number, pc),
            Op::Exit => unreachable!("models whose workers exit are not searched"),
        }
    }

    fn exchange(
        &self,
        state: &mut State,
        number: usize,
        var: VarId,
        register: u16,
        new: impl FnOnce(i64) -> i64,
    ) -> i64 {
        let found = self.read(state, number, var);
        state.threads[number].registers[register as usize] = found;
        self.write(state, number, var, new(found));
        found
    }
}
