//! One step: the op at a point, and all that follows it up to the next one.

use super::machine::{Machine, Preemption};
use super::raise::{EXPIRE, RAISED, TIMEOUT};
use super::state::{Life, NOBODY, Origin, Owner, Pause, State, Thread, Wrong};
use crate::id::{LockId, ProgramId, VarId};
use crate::model::{Op, SpawnKind, evaluate};

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
    /// Whether the thread can take a step.
    pub(super) fn is_enabled(&self, state: &State, number: usize) -> bool {
        let thread = &state.threads[number];
        if thread.pause == Pause::Begin {
            return true;
        }
        match thread.life {
            Life::Over => false,
            Life::Waiting => matches!(thread.origin, Origin::Worker { .. }) && self.next_job(state).is_some(),
            Life::Going if thread.pause == Pause::Until => false,
            Life::Going => match self.model.code[thread.pc as usize] {
                Op::Acquire { lock } => state.owners[self.lock(state, number, lock)].is_none(),
                Op::Reenter { lock } => {
                    let owner = state.owners[self.lock(state, number, lock)];
                    owner.is_none() || owner.thread == number as u16
                }
                Op::Sync { sync, act } => self.can_share(state, number, sync, act),
                Op::Join { program } => !self.has_children(state, number, program),
                _ => true,
            },
        }
    }

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
            let timeouts = self.timeouts(state, number);
            out.extend((0..timeouts).map(|timeout| Choice { thread: number as u16, branch: EXPIRE + timeout }));
        }
    }

    /// Whether nobody is left but daemons, and no job.
    fn is_over(&self, state: &State) -> bool {
        let ends = |thread: &Thread| {
            thread.daemon || thread.life == Life::Over || matches!(thread.origin, Origin::Worker { job: None, .. })
        };
        state.threads.iter().all(ends) && self.next_job(state).is_none()
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
        let number = choice.thread as usize;
        if choice.expires() {
            self.expire(state, number, choice.branch - EXPIRE);
        } else if state.threads[number].life == Life::Waiting {
            self.take_job(state, number);
            state.threads[number].pause = Pause::No;
        } else if state.threads[number].pause == Pause::Begin {
            state.threads[number].pause = Pause::No;
        } else {
            self.execute(state, number, choice.branch);
        }
        self.run_to_point(state, number);
        if self.watches() {
            self.look(state);
        }
    }

    fn take_job(&self, state: &mut State, number: usize) {
        let job = self.next_job(state).expect("an idle worker is enabled if there is a job");
        state.taken[job] = true;
        // Children of its last job are none of this one.
        state.threads.iter_mut().filter(|child| child.parent == number as u16).for_each(|child| child.parent = NOBODY);
        let thread = &mut state.threads[number];
        if let Origin::Worker { job: own, .. } = &mut thread.origin {
            *own = Some(job as u32);
        }
        self.enter(thread, self.model.tasks[self.jobs[job].0.index()].program);
    }

    /// Goes on until others may come in between.
    pub(super) fn run_to_point(&self, state: &mut State, number: usize) {
        for _ in 0..MOST_OPS {
            let thread = &state.threads[number];
            if thread.life == Life::Waiting
                && self.reduced
                && state.processes == 1
                && self.locals == 0
                && self.is_enabled(state, number)
            {
                // Workers of one process are all alike: it makes no difference which of them takes the job.
                self.take_job(state, number);
                state.threads[number].pause = Pause::No;
                continue;
            }
            if thread.life != Life::Going || thread.pause != Pause::No || self.stops_at(state, number, thread) {
                return;
            }
            self.execute(state, number, 0);
        }
        // A loop in which nothing happens that others could see: it never gets on.
        state.wrong.get_or_insert(Wrong::Op(state.threads[number].pc));
        state.threads[number].life = Life::Over;
    }

    fn stops_at(&self, state: &State, number: usize, thread: &Thread) -> bool {
        if self.preemption != Preemption::Awaits {
            return self.is_point(thread.pc);
        }
        let op = self.model.code[thread.pc as usize];
        let waits = matches!(op, Op::Acquire { .. } | Op::Reenter { .. } | Op::Join { .. } | Op::Sync { .. });
        // asyncio lets nobody overtake those who wait: who comes to what others wait for has to wait, too.
        if waits && (!self.is_enabled(state, number) || self.others_wait(state, number, op)) {
            return true;
        }
        thread.blocking == 0 && self.is_point(thread.pc)
    }

    /// Whether somebody else stands before an op with the same lock or thing.
    fn others_wait(&self, state: &State, number: usize, op: Op) -> bool {
        let process = state.threads[number].process;
        state.threads.iter().enumerate().any(|(other, thread)| {
            let stands = thread.life == Life::Going && thread.pause == Pause::No && thread.process == process;
            other != number
                && stands
                && match (self.model.code[thread.pc as usize], op) {
                    (
                        Op::Acquire { lock: a } | Op::Reenter { lock: a },
                        Op::Acquire { lock: b } | Op::Reenter { lock: b },
                    ) => a == b,
                    (Op::Sync { sync: a, .. }, Op::Sync { sync: b, .. }) => a == b,
                    _ => false,
                }
        })
    }

    pub(super) fn lock(&self, state: &State, number: usize, lock: LockId) -> usize {
        let shared = self.model.locks[lock.index()].is_interprocess();
        let process = if shared { 0 } else { state.threads[number].process as usize };
        process * self.model.locks.len() + lock.index()
    }

    fn has_children(&self, state: &State, number: usize, program: ProgramId) -> bool {
        state.threads.iter().any(|child| {
            let spawned = matches!(child.origin, Origin::Spawned { program: of, .. } if of == program);
            spawned && child.parent == number as u16 && child.life != Life::Over
        })
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
                None => self.end(state, number),
            },
            Op::Spawn { kind, program, count } => (0..count).for_each(|_| self.spawn(state, number, kind, program)),
            Op::BeginBlocking => state.threads[number].blocking += 1,
            Op::EndBlocking => state.threads[number].blocking -= 1,
            // A thread does the steps itself.
            Op::ToThread { .. } | Op::EndThread => {}
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
            | Op::Print { .. }
            | Op::Join { .. } => {}
            Op::Socket { .. } => unreachable!("a model with connections is not searched"),
            Op::Raise => self.unwind(state, number, RAISED, pc),
            Op::Reraise => {
                let raised = *state.threads[number].stack.last().expect("a handler is entered with the exception");
                self.unwind(state, number, raised, pc);
            }
            // Nobody is cancelled while he cannot be.
            Op::Deliver => {}
            Op::BeginTimeout { .. } => state.threads[number].deadlines.push(false),
            Op::EndTimeout => {
                let given_up = state.threads[number].deadlines.pop() == Some(true);
                if given_up && !state.threads[number].coroutine {
                    // A thread has given up its wait, which is an exception inside.
                    self.unwind(state, number, TIMEOUT, pc - 1);
                }
            }
            Op::Begin { .. }
            | Op::Await
            | Op::WaitTasks { .. }
            | Op::TasksWaited { .. }
            | Op::Exit
            | Op::CallBack { .. }
            | Op::Cancel { .. } => unreachable!("models that gather, cancel, call back or exit are not fit"),
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

    fn spawn(&self, state: &mut State, number: usize, kind: SpawnKind, program: ProgramId) {
        let index = state.spawned[program.index()];
        state.spawned[program.index()] += 1;
        let Thread { process: parent, daemon, .. } = state.threads[number];
        // A thread that a daemon starts is one; a process is not.
        let daemon = kind.is_daemon() || daemon && kind.is_thread();
        let process = match kind {
            SpawnKind::Thread | SpawnKind::DaemonThread | SpawnKind::Coroutine => parent,
            SpawnKind::Process | SpawnKind::DaemonProcess => {
                let (vars, from) = (self.model.vars.len(), parent as usize * self.model.vars.len());
                state.vars.extend_from_within(from..from + vars);
                state.owners.resize(state.owners.len() + self.model.locks.len(), Owner::NONE);
                state.things.extend(self.things());
                let (objects, from) = (self.model.objects.len(), parent as usize * self.model.objects.len());
                state.objects.extend_from_within(from..from + objects);
                state.processes += 1;
                state.processes - 1
            }
        };
        let mut child = Thread {
            origin: Origin::Spawned { program, index },
            process,
            pc: 0,
            stack: Vec::new(),
            registers: Vec::new(),
            life: Life::Going,
            pause: Pause::No,
            parent: number as u16,
            blocking: 0,
            coroutine: kind == SpawnKind::Coroutine,
            daemon,
            deadlines: Vec::new(),
        };
        self.enter(&mut child, program);
        self.push(state, child);
        let child = state.threads.len() - 1;
        self.run_to_point(state, child);
    }

    pub(super) fn end(&self, state: &mut State, number: usize) {
        let thread = &mut state.threads[number];
        thread.deadlines.clear();
        // What it computed with is of no interest any more, and states that differ in nothing else are the same.
        thread.registers.clear();
        thread.pc = 0;
        thread.life = Life::Over;
        let task = match &mut thread.origin {
            Origin::Worker { job, .. } => {
                thread.life = Life::Waiting;
                job.take().map(|job| self.jobs[job as usize].0)
            }
            Origin::Job { task, .. } => Some(*task),
            Origin::Spawned { .. } => None,
        };
        if self.locals > 0 && state.threads[number].life == Life::Over {
            self.forget_own(state, number);
        }
        if let Some(task) = task {
            state.ended[task.index()] += 1;
            if Some(state.ended[task.index()]) == self.model.tasks[task.index()].count {
                self.release_jobs(state);
            }
        }
    }
}
