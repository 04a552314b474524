//! Builds a [`Model`] from Rust: for the compiler of scenarios, for tests, and for users of the library.

use std::collections::BTreeMap;

use super::raising::Raising;
use super::{
    Act, Arrivals, Condition, Costs, Device, Execution, Guard, Interpreter, Late, Machine, Model, Op, Program,
    Selector, SocketAct, SpawnKind, Task, Urgency, Value, Version,
};
use crate::dist::Dist;
use crate::id::{DeviceId, DistId, LockId, ObjectId, PeerId, ProgramId, SyncId, TaskId, VarId};
use crate::kernel::Loses;
use crate::kernel::pace::Paces;
use crate::kernel::policy::{Joins, PolicyConfig, RoundRobin, Timer};
use crate::time::Duration;
use crate::trace::{Called, CpuKind, Together};

/// One structured step of a program. Names are already ids.
#[derive(Clone, Debug, PartialEq)]
pub enum Stmt {
    /// Core time.
    Cpu(CpuKind, Dist),
    /// A request to a device, with a latency of its own if given.
    Io(DeviceId, Option<Dist>),
    /// A socket call, and the steps if it fails; without any a failure ends the run.
    Socket(PeerId, SocketAct, Option<Vec<Stmt>>),
    /// The wait for the clock.
    Sleep(Dist),
    /// Way for others.
    Yield,
    /// Takes a lock.
    Acquire(LockId),
    /// Releases it.
    Release(LockId),
    /// Takes a lock, does the steps, releases it.
    With(LockId, Vec<Stmt>),
    /// Uses a shared thing; after a wait for a notification the context takes the lock of the condition again.
    Sync(SyncId, Act),
    /// Takes a semaphore or a lock for readers and writers in this way, does the steps, releases it.
    WithSync(SyncId, Act, Vec<Stmt>),
    /// Puts a number into a queue.
    Put(SyncId, Value),
    /// Takes the oldest item out of a queue, into the own copy of the variable if one is given.
    Get(SyncId, Option<VarId>),
    /// Reads a variable into the context's own copy.
    Load(VarId),
    /// Changes the context's own copy to this.
    Let(VarId, Value),
    /// Adds to the context's own copy.
    Add(VarId, Value),
    /// Writes the context's own copy.
    Store(VarId),
    /// Writes this, which then is the context's own copy.
    StoreValue(VarId, Value),
    /// Writes a variable, in one atomic operation with reading it into the context's own copy.
    Swap(VarId, Value),
    /// Adds to a variable, in one atomic operation with reading it into the context's own copy.
    FetchAdd(VarId, Value),
    /// `Load`, `Interpreter::increment` of core time, `Add`, `Store`.
    Incr(VarId, i64),
    /// Takes a reference to an object (1), drops one (-1), or uses it (0).
    Refer(ObjectId, i8),
    /// Changes an object in place: C code that holds the GIL, or else the lock of the object.
    Mutate(ObjectId, Dist),
    /// Collects what nobody refers to: everybody else in the interpreter stands still.
    Collect(Dist),
    /// The steps so many times.
    Repeat(u32, Vec<Stmt>),
    /// The steps without end.
    Forever(Vec<Stmt>),
    /// The first steps if the condition holds, else the others.
    If(Condition, Vec<Stmt>, Vec<Stmt>),
    /// The steps as long as the condition holds, which is asked before each round.
    While(Condition, Vec<Stmt>),
    /// The steps until the condition holds, which is asked after each round.
    RepeatUntil(Condition, Vec<Stmt>),
    /// The run is wrong if the condition does not hold; how it was written.
    Assert(Condition, String),
    /// One of the branches, by probability; what is left over of 1 does nothing.
    Choose(Vec<(f64, Vec<Stmt>)>),
    /// The steps of a program.
    Call(ProgramId),
    /// Creates contexts that execute a program.
    Spawn(SpawnKind, ProgramId, u32),
    /// Asks a loop to execute the program as a callback, after this time if it is to be later.
    CallBack(Called, ProgramId, Option<Dist>),
    /// Waits for all contexts that this one spawned from the program.
    Join(ProgramId),
    /// Prints.
    Print(String),
    /// The steps, with waits that block the whole thread.
    Blocking(Vec<Stmt>),
    /// The steps in a thread of the executor, if a coroutine does them.
    ToThread(Vec<Stmt>),
    /// Steps without a check point in between: computing and variables only.
    Atomic(Vec<Stmt>),
    /// Ends the process of the worker that does it.
    Exit,
    /// Raises an exception.
    Raise,
    /// The first steps; the second ones after an exception in them.
    Try(Vec<Stmt>, Vec<Stmt>),
    /// The first steps, and then the second ones, however the first have ended.
    Finally(Vec<Stmt>, Vec<Stmt>),
    /// Starts so many coroutines of each program, and waits for all of them together.
    Gather(Together, Vec<ProgramId>, u32),
    /// Waits in this way for those that it has spawned from the programs, for no longer than this; the steps if it was that long.
    WaitTasks(Together, Vec<ProgramId>, Option<Dist>, Vec<Stmt>),
    /// The first steps, cancelled after this time; then the second ones if there are any, else an exception.
    Timeout(Dist, Vec<Stmt>, Option<Vec<Stmt>>),
    /// Cancels all coroutines that this one spawned from the program.
    Cancel(ProgramId),
}

/// Collects the parts of a [`Model`]. Ids are given in order of declaration.
#[derive(Clone, Debug)]
pub struct Builder {
    pub(super) model: Model,
    bodies: Vec<Option<Vec<Stmt>>>,
    /// Locks that their owners may take again.
    pub(super) reentrant: Vec<LockId>,
    /// Distributions that are already there.
    known: BTreeMap<(u8, u64, u64), DistId>,
    /// Inside of `Stmt::Atomic`.
    pub(super) atomic: bool,
    pub(super) raising: Raising,
}

impl Builder {
    /// A machine with so many cores, no costs, round robin with a slice of 4 ms, CPython's GIL, and no work.
    pub fn new(cores: u32, execution: Execution) -> Builder {
        let model = Model {
            machine: Machine {
                cores,
                policy: RoundRobin(Duration::ms(4), Joins::default(), Timer::Fresh).into(),
                queues: None,
                interrupt: None,
                loses: Loses::default(),
                paces: Paces::default(),
                selector: Selector::default(),
                costs: Costs::zero(),
            },
            interpreter: Interpreter {
                free_threading_permille: 1_000,
                shared_access: Duration::ZERO,
                ..Interpreter::cpython(Version::DEFAULT)
            },
            execution,
            executor: None,
            devices: Vec::new(),
            peers: Vec::new(),
            calls: Vec::new(),
            locks: Vec::new(),
            syncs: Vec::new(),
            vars: Vec::new(),
            objects: Vec::new(),
            code: Vec::new(),
            programs: Vec::new(),
            regions: Vec::new(),
            task_waits: Vec::new(),
            choices: Vec::new(),
            operands: Vec::new(),
            dists: Vec::new(),
            texts: Vec::new(),
            tasks: Vec::new(),
            until: None,
            warm_up: Duration::ZERO,
            max_events: 100_000_000,
        };
        Builder {
            model,
            bodies: Vec::new(),
            reentrant: Vec::new(),
            known: BTreeMap::new(),
            atomic: false,
            raising: Raising::default(),
        }
    }

    /// The parts that need no ids: machine, interpreter, limits.
    pub fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }

    /// Sets the scheduling policy.
    pub fn policy(mut self, policy: impl Into<PolicyConfig>) -> Builder {
        self.model.machine.policy = policy.into();
        self
    }

    /// Sets the costs.
    pub fn costs(mut self, costs: Costs) -> Builder {
        self.model.machine.costs = costs;
        self
    }

    /// Ends the clock.
    pub fn until(mut self, until: Duration) -> Builder {
        self.model.until = Some(until);
        self
    }

    /// Plain native threads, no GIL.
    pub fn native(mut self) -> Builder {
        self.model.interpreter.gil = None;
        self
    }

    /// Declares a device.
    pub fn device(&mut self, name: &str, latency: Dist, slots: Option<u32>) -> DeviceId {
        let latency = self.dist(latency);
        self.model.devices.push(Device { name: name.to_owned(), latency, slots });
        DeviceId::from(self.model.devices.len() - 1)
    }

    /// Declares a program whose steps follow with [`Builder::define`], so that programs can refer to each other.
    pub fn declare(&mut self, name: &str) -> ProgramId {
        let program = Program { name: name.to_owned(), entry: 0, registers: 0, draws: Some(0) };
        self.model.programs.push(program);
        self.bodies.push(None);
        ProgramId::from(self.model.programs.len() - 1)
    }

    /// Gives a declared program its steps.
    pub fn define(&mut self, program: ProgramId, steps: Vec<Stmt>) {
        self.bodies[program.index()] = Some(steps);
    }

    /// Declares and defines a program.
    pub fn program(&mut self, name: &str, steps: Vec<Stmt>) -> ProgramId {
        let program = self.declare(name);
        self.define(program, steps);
        program
    }

    /// Declares a task with a program of its own.
    pub fn task(
        &mut self,
        name: &str,
        count: Option<u32>,
        arrivals: Arrivals,
        after: Vec<TaskId>,
        steps: Vec<Stmt>,
    ) -> TaskId {
        let program = self.program(name, steps);
        let urgency = Urgency::default();
        let late = Late::default();
        self.model.tasks.push(Task {
            name: name.to_owned(),
            program,
            count,
            arrivals,
            after,
            urgency,
            late,
            capacity: None,
            affinity: Vec::new(),
            working_set: 0,
            argument: 0,
            result: 0,
        });
        TaskId::from(self.model.tasks.len() - 1)
    }

    /// A task whose `count` jobs are there from the start.
    pub fn batch(&mut self, name: &str, count: u32, steps: Vec<Stmt>) -> TaskId {
        self.task(name, Some(count), Arrivals::AtOnce, Vec::new(), steps)
    }

    /// Adds a distribution, for `Arrivals::Closed`.
    pub fn dist(&mut self, dist: Dist) -> DistId {
        let key = dist.bits();
        if let Some(known) = key.and_then(|key| self.known.get(&key)) {
            return *known;
        }
        self.model.dists.push(dist);
        let id = DistId::from(self.model.dists.len() - 1);
        self.known.extend(key.map(|key| (key, id)));
        id
    }

    /// The model. Programs may not call themselves, directly or not; the scenario compiler checks this.
    pub fn build(mut self) -> Model {
        let machine = &mut self.model.machine;
        if machine.policy.promises().free_switches {
            (machine.costs.context_switch, machine.costs.migration) = (Duration::ZERO, Duration::ZERO);
        }
        let bodies = std::mem::take(&mut self.bodies);
        self.raising.on = bodies.iter().flatten().any(|body| super::raising::can_raise(body));
        for (program, body) in self.model.programs.iter_mut().zip(&bodies) {
            // Entries are needed by `Call` before the callee is emitted: reserve one jump for each.
            program.entry = self.model.code.len() as u32;
            assert!(body.is_some(), "program `{}` was declared but not defined", program.name);
            self.model.code.push(Op::Return);
        }
        for (index, body) in bodies.into_iter().flatten().enumerate() {
            let start = self.model.code.len() as u32;
            self.model.code[index] = Op::Jump { to: start };
            let mut registers = Vec::new();
            self.steps(&body, &mut registers);
            self.model.code.push(Op::Return);
            self.handlers(&mut registers);
            let program = &mut self.model.programs[index];
            program.entry = start;
            program.registers = registers.len() as u16;
        }
        self.link_handlers();
        self.link_calls();
        super::draws::count(&mut self.model);
        super::protocol::raise_ceilings(&mut self.model);
        self.model
    }

    /// A register is one variable's copy. `Call`ed programs share the copies of their caller, as inlined code would,
    /// so all programs number their registers by variable once anything calls anything.
    pub(super) fn register(&self, var: VarId, registers: &mut Vec<VarId>) -> u16 {
        // Every program numbers registers by variable id: simple, and calls agree with their callers.
        let needed = var.index() + 1;
        while registers.len() < needed {
            registers.push(VarId::from(registers.len()));
        }
        var.0 as u16
    }

    fn link_calls(&mut self) {
        // `Call` was emitted with the program's number as its entry, which is also the index of its jump.
        for index in 0..self.model.code.len() {
            if let Op::Call { entry } = self.model.code[index] {
                let target = self.model.programs[entry as usize].entry;
                self.model.code[index] = Op::Call { entry: target };
            }
        }
        let widest = self.model.programs.iter().map(|p| p.registers).max().unwrap_or(0);
        if self.model.code.iter().any(|op| matches!(op, Op::Call { .. })) {
            for program in &mut self.model.programs {
                program.registers = widest;
            }
        }
    }

    pub(super) fn emit(&mut self, op: Op) -> usize {
        self.model.code.push(op);
        self.model.code.len() - 1
    }

    pub(super) fn here(&self) -> u32 {
        self.model.code.len() as u32
    }

    pub(super) fn steps(&mut self, steps: &[Stmt], registers: &mut Vec<VarId>) {
        for step in steps {
            self.step(step, registers);
        }
    }

    fn step(&mut self, step: &Stmt, registers: &mut Vec<VarId>) {
        match step {
            Stmt::Cpu(kind, time) => {
                let time = self.dist(time.clone());
                // Without a GIL there is nothing that a section could keep.
                let kind = if self.atomic && self.model.has_gil() { CpuKind::Atomic } else { *kind };
                self.emit(Op::Compute { kind, time });
            }
            Stmt::Io(device, time) => {
                let time = time.clone().map(|time| self.dist(time));
                self.emit(Op::Io { device: *device, time });
            }
            Stmt::Socket(peer, act, failed) => self.call_socket(*peer, *act, failed.as_deref(), registers),
            Stmt::Sleep(time) => {
                let time = self.dist(time.clone());
                self.emit(Op::Sleep { time });
            }
            Stmt::Yield => drop(self.emit(Op::Yield)),
            Stmt::Acquire(lock) => self.take(*lock),
            Stmt::Release(lock) => self.give_back(*lock),
            Stmt::With(lock, body) => {
                self.take(*lock);
                self.guarded(vec![Stmt::Release(*lock)], body, registers);
                self.give_back(*lock);
            }
            Stmt::Sync(sync, act) => self.use_shared(*sync, *act),
            Stmt::WithSync(sync, act, body) => {
                self.use_shared(*sync, *act);
                self.guarded(vec![Stmt::Sync(*sync, Act::Release)], body, registers);
                self.use_shared(*sync, Act::Release);
            }
            Stmt::Put(sync, value) => {
                let value = self.operand(value, registers);
                self.use_shared(*sync, Act::Put(value));
            }
            Stmt::Get(sync, var) => {
                let register = var.map(|var| self.register(var, registers));
                self.use_shared(*sync, Act::Get(register));
            }
            Stmt::Load(var) => {
                let register = self.register(*var, registers);
                self.emit(Op::Load { var: *var, register });
            }
            Stmt::Let(var, value) => {
                let (register, value) = (self.register(*var, registers), self.operand(value, registers));
                self.emit(Op::Set { register, value });
            }
            Stmt::Add(var, by) => {
                let (register, by) = (self.register(*var, registers), self.operand(by, registers));
                self.emit(Op::Add { register, by });
            }
            Stmt::Store(var) => {
                let register = self.register(*var, registers);
                self.emit(Op::Store { var: *var, register });
            }
            Stmt::StoreValue(var, value) => {
                let (register, value) = (self.register(*var, registers), self.operand(value, registers));
                self.emit(Op::Set { register, value });
                self.emit(Op::Store { var: *var, register });
            }
            Stmt::Swap(var, value) => {
                let (register, value) = (self.register(*var, registers), self.operand(value, registers));
                self.emit(Op::Swap { var: *var, register, value });
            }
            Stmt::FetchAdd(var, by) => {
                let (register, by) = (self.register(*var, registers), self.operand(by, registers));
                self.emit(Op::FetchAdd { var: *var, register, by });
            }
            Stmt::Incr(var, by) => self.increment(*var, *by, registers),
            Stmt::Refer(object, by) => self.refer(*object, *by, registers),
            Stmt::Mutate(object, time) => self.mutate(*object, time.clone()),
            Stmt::Collect(time) => self.collect(time.clone()),
            Stmt::Repeat(times, body) => self.repeat(*times, body, registers),
            Stmt::Forever(body) => {
                let start = self.here();
                self.steps(body, registers);
                self.emit(Op::Jump { to: start });
            }
            Stmt::If(condition, steps, otherwise) => self.branch(condition, steps, otherwise, registers),
            Stmt::While(condition, body) => self.repeat_while(condition, body, registers),
            Stmt::RepeatUntil(condition, body) => self.repeat_until(condition, body, registers),
            Stmt::Assert(condition, text) => self.assert(condition, text, registers),
            Stmt::Choose(branches) => self.choose(branches, registers),
            Stmt::Call(program) => drop(self.emit(Op::Call { entry: program.0 })),
            Stmt::Spawn(kind, program, count) => {
                self.emit(Op::Spawn { kind: *kind, program: *program, count: *count });
            }
            Stmt::CallBack(how, program, after) => self.call_back(*how, *program, after.clone()),
            Stmt::Join(program) => drop(self.emit(Op::Join { program: *program })),
            Stmt::Print(text) => self.print(text),
            Stmt::Blocking(body) => {
                self.emit(Op::BeginBlocking);
                self.inside(Guard::Blocking, |builder| builder.steps(body, registers));
                self.emit(Op::EndBlocking);
            }
            Stmt::ToThread(body) => self.in_thread(body, registers),
            Stmt::Atomic(body) => {
                self.atomic = true;
                self.steps(body, registers);
                self.atomic = false;
            }
            Stmt::Exit => drop(self.emit(Op::Exit)),
            Stmt::Raise => drop(self.emit(Op::Raise)),
            Stmt::Try(body, except) => self.try_steps(body, except, registers),
            Stmt::Finally(body, last) => {
                self.guarded(last.clone(), body, registers);
                self.steps(last, registers);
            }
            Stmt::Gather(how, programs, count) => self.gather(*how, programs, *count),
            Stmt::WaitTasks(how, programs, time, late) => {
                self.wait_tasks(*how, programs, time.clone(), late, registers)
            }
            Stmt::Timeout(time, body, otherwise) => self.timeout(time, body, otherwise.as_deref(), registers),
            Stmt::Cancel(program) => drop(self.emit(Op::Cancel { program: *program })),
        }
    }
}
