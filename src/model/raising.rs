//! Exceptions: what guards which ops, and the code that an exception leads to.
//!
//! The way of an exception is known when a model is built, as in the exception tables of CPython 3.11: a program that raises
//! none pays nothing. Handlers stand behind the program, so that its own code is the same with and without them.

use super::{Act, Builder, Op, SpawnKind, Stmt};
use crate::dist::Dist;
use crate::id::{DistId, LockId, ProgramId, SyncId, VarId, WaitId};
use crate::trace::{Called, Together};

/// Ops that an exception leaves in a certain way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first of them.
    pub from: u32,
    /// The one behind the last.
    pub to: u32,
    /// What leaving them means.
    pub guard: Guard,
}

/// What it means that an exception leaves a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// A number is popped: the rounds of a loop, or an exception that was put off.
    Slot,
    /// The waits of a coroutine block its thread no more.
    Blocking,
    /// If a thread of the executor does these steps for a coroutine, they are over.
    Thread,
    /// Nothing: inside, a coroutine cannot be cancelled.
    Shield,
    /// The context goes on at this op, unless it is cancelled.
    Except(u32),
    /// The context goes on at this op with the exception pushed.
    Finally(u32),
    /// The timeout is over. If it was this that cancelled the coroutine, that goes on at the op if one is given, else the
    /// exception is another one from here on.
    Timeout(Option<u32>),
}

/// A wait for some of the coroutines that one has spawned: `asyncio.wait`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskWait {
    /// For how many of them.
    pub how: Together,
    /// Those that execute one of these.
    pub programs: Vec<ProgramId>,
    /// For no longer than this.
    pub time: Option<DistId>,
}

/// Code behind a program.
#[derive(Clone, Debug)]
struct Handler {
    code: Code,
    /// Where it leads if it catches; else the exception goes on.
    after: Option<u32>,
    /// What is around the region that leads here, outermost first.
    around: Vec<Guard>,
    at: u32,
}

#[derive(Clone, Debug)]
enum Code {
    Steps(Vec<Stmt>),
    Retake(LockId),
    /// Somebody else is notified.
    PassOn(SyncId),
}

/// What the builder knows about exceptions. Until the model is complete, guards have the numbers of their handlers.
#[derive(Clone, Debug, Default)]
pub(super) struct Raising {
    /// Whether anything can be raised.
    pub on: bool,
    /// The guards around the op that is emitted next, outermost first.
    open: Vec<Guard>,
    handlers: Vec<Handler>,
    emitted: usize,
}

/// Whether any of the steps can raise an exception or cancel a coroutine.
pub(super) fn can_raise(steps: &[Stmt]) -> bool {
    steps.iter().any(|step| match step {
        Stmt::Raise
        | Stmt::Try(..)
        | Stmt::Finally(..)
        | Stmt::Gather(..)
        | Stmt::WaitTasks(..)
        | Stmt::Timeout(..)
        | Stmt::Cancel(_) => true,
        Stmt::With(_, body)
        | Stmt::WithSync(_, _, body)
        | Stmt::Repeat(_, body)
        | Stmt::Forever(body)
        | Stmt::While(_, body)
        | Stmt::RepeatUntil(_, body)
        | Stmt::Blocking(body)
        | Stmt::ToThread(body)
        | Stmt::Atomic(body) => can_raise(body),
        Stmt::Socket(_, _, Some(failed)) => can_raise(failed),
        Stmt::If(_, steps, otherwise) => can_raise(steps) || can_raise(otherwise),
        Stmt::Choose(branches) => branches.iter().any(|(_, steps)| can_raise(steps)),
        _ => false,
    })
}

impl Builder {
    /// Emits ops inside of a guard.
    pub(super) fn inside(&mut self, guard: Guard, emit: impl FnOnce(&mut Builder)) {
        let from = self.here();
        self.raising.open.push(guard);
        emit(self);
        self.raising.open.pop();
        let to = self.here();
        self.region(from, to, guard);
    }

    fn region(&mut self, from: u32, to: u32, guard: Guard) {
        if self.raising.on && from < to {
            self.model.regions.push(super::Region { from, to, guard });
        }
    }

    /// The number of a new handler.
    fn handler(&mut self, code: Code, catches: bool) -> u32 {
        let after = catches.then_some(0);
        let around = self.raising.open.clone();
        self.raising.handlers.push(Handler { code, after, around, at: 0 });
        self.raising.handlers.len() as u32 - 1
    }

    fn lead_back(&mut self, handler: u32) {
        self.raising.handlers[handler as usize].after = Some(self.here());
    }

    /// The body, and `last` if an exception leaves it.
    pub(super) fn guarded(&mut self, last: Vec<Stmt>, body: &[Stmt], registers: &mut Vec<VarId>) {
        if !self.raising.on {
            return self.steps(body, registers);
        }
        let handler = self.handler(Code::Steps(last), false);
        self.inside(Guard::Finally(handler), |builder| builder.steps(body, registers));
    }

    pub(super) fn try_steps(&mut self, body: &[Stmt], except: &[Stmt], registers: &mut Vec<VarId>) {
        let handler = self.handler(Code::Steps(except.to_vec()), true);
        self.inside(Guard::Except(handler), |builder| builder.steps(body, registers));
        self.lead_back(handler);
    }

    pub(super) fn timeout(
        &mut self,
        time: &Dist,
        body: &[Stmt],
        otherwise: Option<&[Stmt]>,
        registers: &mut Vec<VarId>,
    ) {
        let time = self.dist(time.clone());
        let handler = otherwise.map(|steps| self.handler(Code::Steps(steps.to_vec()), true));
        self.emit(Op::BeginTimeout { time });
        self.inside(Guard::Timeout(handler), |builder| builder.steps(body, registers));
        self.emit(Op::EndTimeout);
        if let Some(handler) = handler {
            self.lead_back(handler);
        }
    }

    pub(super) fn in_thread(&mut self, body: &[Stmt], registers: &mut Vec<VarId>) {
        let at = self.emit(Op::ToThread { end: 0 });
        self.inside(Guard::Thread, |builder| builder.steps(body, registers));
        self.emit(Op::EndThread);
        self.model.code[at] = Op::ToThread { end: self.here() };
    }

    pub(super) fn gather(&mut self, how: Together, programs: &[ProgramId], count: u32) {
        self.emit(Op::Begin { how });
        for program in programs {
            self.emit(Op::Spawn { kind: SpawnKind::Coroutine, program: *program, count });
        }
        self.emit(Op::Await);
    }

    pub(super) fn call_back(&mut self, how: Called, program: ProgramId, after: Option<Dist>) {
        let after = after.map(|after| self.dist(after));
        self.emit(Op::CallBack { program, how, after });
    }

    pub(super) fn wait_tasks(
        &mut self,
        how: Together,
        programs: &[ProgramId],
        time: Option<Dist>,
        late: &[Stmt],
        registers: &mut Vec<VarId>,
    ) {
        let time = time.map(|time| self.dist(time));
        let wait = WaitId::from(self.model.task_waits.len());
        self.model.task_waits.push(TaskWait { how, programs: programs.to_vec(), time });
        self.emit(Op::WaitTasks { wait });
        let end = self.emit(Op::TasksWaited { wait, to: 0 });
        self.steps(late, registers);
        self.model.code[end] = Op::TasksWaited { wait, to: self.here() };
    }

    /// After a wait for a notification the lock is taken again, also if the wait was cancelled, and cannot be cancelled then. Who
    /// was cancelled may have been notified: with the lock it notifies somebody else, or does not, by the version.
    pub(super) fn wait_for_notification(&mut self, sync: SyncId, lock: LockId) {
        let wait = Op::Sync { sync, act: Act::Wait };
        if !self.raising.on {
            self.emit(wait);
            self.emit(Op::Acquire { lock });
            return;
        }
        let waits = |builder: &mut Builder| {
            let handler = builder.handler(Code::Retake(lock), false);
            builder.inside(Guard::Finally(handler), |builder| _ = builder.emit(wait));
            builder.retake(lock);
            builder.emit(Op::Deliver);
        };
        if self.model.interpreter.passes_notifications_on && self.model.execution.has_loops() {
            let handler = self.handler(Code::PassOn(sync), false);
            self.inside(Guard::Finally(handler), waits);
        } else {
            waits(self);
        }
    }

    fn retake(&mut self, lock: LockId) {
        self.inside(Guard::Shield, |builder| _ = builder.emit(Op::Acquire { lock }));
    }

    /// Emits what exceptions in the program lead to. The last op of a program always ends it.
    pub(super) fn handlers(&mut self, registers: &mut Vec<VarId>) {
        let first = self.raising.emitted;
        while let Some(handler) = self.raising.handlers.get(self.raising.emitted).cloned() {
            let from = self.here();
            self.raising.handlers[self.raising.emitted].at = from;
            self.raising.emitted += 1;
            let mut around = handler.around;
            around.extend(handler.after.is_none().then_some(Guard::Slot));
            self.raising.open.clone_from(&around);
            match handler.code {
                Code::Steps(steps) => self.steps(&steps, registers),
                Code::Retake(lock) => self.retake(lock),
                Code::PassOn(sync) => drop(self.emit(Op::Sync { sync, act: Act::Notify(1) })),
            }
            self.raising.open.clear();
            self.emit(handler.after.map_or(Op::Reraise, |to| Op::Jump { to }));
            let to = self.here();
            for guard in around.into_iter().rev() {
                self.region(from, to, guard);
            }
        }
        if self.raising.emitted > first {
            self.emit(Op::Return);
        }
    }

    /// Ops for numbers of handlers.
    pub(super) fn link_handlers(&mut self) {
        let handlers = &self.raising.handlers;
        for region in &mut self.model.regions {
            if let Guard::Except(handler) | Guard::Finally(handler) | Guard::Timeout(Some(handler)) = &mut region.guard
            {
                *handler = handlers[*handler as usize].at;
            }
        }
    }
}

impl super::Model {
    /// The regions around an op, innermost first.
    pub(crate) fn regions_around(&self, op: u32) -> impl Iterator<Item = Region> + '_ {
        let first = self.regions.partition_point(|region| region.to <= op);
        let after = self.programs.partition_point(|program| program.entry <= op);
        let end = self.programs.get(after).map_or(u32::MAX, |next| next.entry);
        let own = self.regions[first..].iter().take_while(move |region| region.from < end);
        own.filter(move |region| region.from <= op).copied()
    }

    /// Whether some program can raise an exception or cancel a coroutine.
    pub fn raises(&self) -> bool {
        self.cancels() || self.code.contains(&Op::Raise)
    }

    /// Whether some coroutine has steps done by threads of an executor.
    pub fn has_executor(&self) -> bool {
        self.execution.has_loops() && self.code.iter().any(|op| matches!(op, Op::ToThread { .. }))
    }

    /// Whether a job can be over without being complete, other than by its deadline.
    pub fn fails(&self) -> bool {
        self.raises() || self.code.contains(&Op::Exit)
    }

    /// Whether somebody asks a loop for a callback.
    pub fn calls_back(&self) -> bool {
        self.code.iter().any(|op| matches!(op, Op::CallBack { .. }))
    }

    /// Whether coroutines begin inside of the steps that create them.
    pub fn starts_eagerly(&self) -> bool {
        let spawns = |op: &Op| matches!(op, Op::Spawn { kind: SpawnKind::Coroutine, .. });
        self.interpreter.eager_tasks && self.execution.has_loops() && self.code.iter().any(spawns)
    }

    /// Whether some coroutine waits for some of those that it has spawned.
    pub fn waits_for_tasks(&self) -> bool {
        self.execution.has_loops() && !self.task_waits.is_empty()
    }

    /// Whether some coroutine can be cancelled or awaits several together.
    pub fn cancels(&self) -> bool {
        let cancels = |op: &Op| {
            matches!(op, Op::Begin { .. } | Op::BeginTimeout { .. } | Op::WaitTasks { .. } | Op::Cancel { .. })
        };
        self.code.iter().any(cancels)
    }
}
