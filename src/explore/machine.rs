//! A model as threads that take steps.

use super::property::{Moment, Property};
use super::state::{NOBODY, Origin, Owner, State, Wrong};
use super::unfit::Unfit;
use crate::id::TaskId;
use crate::model::{CheckPoints, Execution, Model, Op, SpawnKind};
use crate::scenario::expect::When;
use crate::trace::{CpuKind, Role};

/// Where another thread may come in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// Before every op that others can see: native threads, builds without a GIL, processes, CPython up to 3.9.
    EveryOp,
    /// At calls, backward jumps, in code that takes time, and whatever waits or releases the GIL: CPython from 3.10.
    Calls,
    /// Where a coroutine awaits.
    Awaits,
}

/// More jobs than this are never explored to an end.
pub(super) const MOST_JOBS: u64 = 200;

/// A model, and how its threads can come between each other.
pub struct Machine<'m> {
    pub(super) model: &'m Model,
    pub(super) preemption: Preemption,
    /// All jobs: task and number within it.
    pub(super) jobs: Vec<(TaskId, u32)>,
    /// How many variables a thread has for itself.
    pub(super) locals: usize,
    /// Whether there are threads that the end of a run does not wait for.
    pub(super) daemons: bool,
    /// Whether there are event loops.
    pub(super) loops: bool,
    /// Whether a coroutine begins inside of the step that creates it.
    pub(super) eager: bool,
    /// Whether anybody can be cancelled, or have an exception raised by others.
    pub(super) tracks: bool,
    /// By op: whether a coroutine awaits there.
    pub(super) awaits: Vec<bool>,
    /// By op: whether it is a point, before which others may come.
    points: Vec<bool>,
    /// Whether steps that nobody could notice are taken at once.
    pub(super) reduced: bool,
    /// What must hold at every moment, or at some.
    moments: Vec<Moment>,
    /// How often a thread may be passed over.
    pub(super) bypass: Option<u32>,
}

impl<'m> Machine<'m> {
    /// Looks at a model.
    ///
    /// # Errors
    /// It has jobs without end, or what is not searched.
    pub fn new(model: &'m Model, preemption: Preemption) -> Result<Machine<'m>, Unfit> {
        let jobs = Machine::fit(model)?;
        let locals = Machine::locals_of(model);
        let daemons = model.code.iter().any(|op| matches!(op, Op::Spawn { kind, .. } if kind.is_daemon()));
        let ends = |op: &Op| matches!(op, Op::Return | Op::Raise | Op::Reraise);
        // Daemons notice when somebody ends, for that may be the end of them all.
        let is_point = |(at, op): (usize, &Op)| is_point(model, preemption, at, op) || daemons && ends(op);
        let points = model.code.iter().enumerate().map(is_point).collect();
        let loops = model.execution.has_loops();
        let awaits = |op: &Op| loops && matches!(op, Op::Yield | Op::Io { .. } | Op::Sleep { .. });
        let awaits = model.code.iter().map(awaits).collect();
        let eager = model.starts_eagerly();
        let tracks = loops && (model.cancels() || model.has_executor() || eager);
        let (reduced, moments, bypass) = (false, Vec::new(), None);
        Ok(Machine {
            model,
            preemption,
            jobs,
            locals,
            daemons,
            loops,
            eager,
            tracks,
            awaits,
            points,
            reduced,
            moments,
            bypass,
        })
    }

    /// The same machine, with an eye on what the property says about every moment.
    pub fn watching(mut self, property: &Property) -> Machine<'m> {
        self.moments.clone_from(&property.moments);
        self.bypass = property.bypass.as_ref().map(|(bound, _)| *bound);
        self
    }

    pub(super) fn watches(&self) -> bool {
        !self.moments.is_empty()
    }

    /// Looks at the variables between two steps.
    pub(super) fn look(&self, state: &mut State) {
        for (place, moment) in self.moments.iter().enumerate() {
            let holds = moment.question.holds(&|var| state.vars[var.index()]);
            match moment.when {
                When::Always if !holds => _ = state.wrong.get_or_insert(Wrong::Moment(place as u16)),
                When::Never if holds => _ = state.wrong.get_or_insert(Wrong::Moment(place as u16)),
                // More than 64 are refused when they are collected.
                When::Eventually if holds => state.seen |= 1 << place,
                _ => {}
            }
        }
    }

    /// The same machine with fewer schedules: a step that no other thread could notice is taken at once, for it makes no
    /// difference when. Whether something can happen is not changed by that; the number of schedules is.
    pub fn reduced(mut self) -> Machine<'m> {
        self.reduced = true;
        // Where steps are counted, none is taken at once with another.
        if self.bypass.is_some() {
            return self;
        }
        // An exception can lead from any await to anywhere, and the end of all others cuts daemons off.
        if self.model.raises() || self.daemons || self.tracks || self.model.calls_back() {
            return self;
        }
        let quiet: Vec<bool> = (0..self.points.len()).map(|at| self.stops(at) && self.is_quiet(at)).collect();
        for (at, _) in quiet.iter().enumerate().filter(|(_, quiet)| **quiet) {
            (self.points[at], self.awaits[at]) = (false, false);
        }
        self
    }

    /// The same machine with more points: before everything that others can see.
    pub(super) fn finer(&self) -> Option<Machine<'m>> {
        let mut finer = Machine::new(self.model, Preemption::EveryOp).ok()?;
        for (at, (point, op)) in finer.points.iter_mut().zip(&self.model.code).enumerate() {
            *point |= is_point(self.model, self.preemption, at, op);
        }
        Some(finer)
    }

    fn stops(&self, at: usize) -> bool {
        self.points[at] || self.awaits[at]
    }

    /// Whether neither the op nor anything after it, up to the next point, is noticed by others.
    fn is_quiet(&self, at: usize) -> bool {
        if is_noticed(&self.model.code[at]) {
            return false;
        }
        let mut seen = vec![false; self.points.len()];
        let mut open = self.after(at);
        while let Some(at) = open.pop() {
            if seen[at] || self.stops(at) {
                continue;
            }
            seen[at] = true;
            if is_noticed(&self.model.code[at]) {
                return false;
            }
            open.extend(self.after(at));
        }
        true
    }

    /// The ops that can come next.
    fn after(&self, at: usize) -> Vec<usize> {
        let calls = || self.model.code.iter().enumerate().filter(|(_, op)| matches!(op, Op::Call { .. }));
        match self.model.code[at] {
            Op::Jump { to } => vec![to as usize],
            Op::Again { start: to } | Op::Branch { to, .. } => vec![at + 1, to as usize],
            Op::Call { entry } => vec![entry as usize],
            // Where from is not known here.
            Op::Return => calls().map(|(call, _)| call + 1).collect(),
            _ => vec![at + 1],
        }
    }

    /// Where the interpreter of the model lets others in; before every op if there is more than one process or loop.
    pub fn preemption_of(model: &Model) -> Preemption {
        let spawns = |kinds: fn(SpawnKind) -> bool| {
            model.code.iter().any(|op| matches!(op, Op::Spawn { kind, .. } if kinds(*kind)))
        };
        let in_loop = matches!(model.execution, Execution::Asyncio | Execution::Polling);
        let threads = spawns(SpawnKind::is_thread) || model.has_executor();
        if spawns(|kind| !kind.is_thread() && kind != SpawnKind::Coroutine) || in_loop && threads {
            return Preemption::EveryOp;
        }
        let one_process = matches!(
            model.execution,
            Execution::Serial | Execution::Threads(_) | Execution::ThreadPool | Execution::ThreadPerTask
        );
        let calls_only = model.interpreter.check_points == CheckPoints::CallsAndJumps;
        match model.execution {
            Execution::Asyncio | Execution::Polling => Preemption::Awaits,
            _ if one_process && model.has_gil() && calls_only => Preemption::Calls,
            _ => Preemption::EveryOp,
        }
    }

    /// Whether others may come before the op.
    pub(super) fn is_point(&self, pc: u32) -> bool {
        self.points[pc as usize]
    }

    /// The state in which nobody has taken a step.
    pub fn start(&self) -> State {
        let (processes, workers) = match self.model.execution {
            Execution::Serial => (1, 1),
            Execution::Threads(threads) | Execution::FreeThreaded(threads) => (1, threads),
            Execution::ThreadPool => (1, self.model.default_workers()),
            Execution::Processes(processes) | Execution::Subinterpreters(processes) => (processes, 1),
            Execution::InterpreterPool(most) => (most.unwrap_or(self.model.default_workers()), 1),
            Execution::ProcessPool(pool) => (self.model.pool_workers(pool), 1),
            Execution::HybridThreads { processes, threads } => (processes, threads),
            Execution::ThreadPerTask | Execution::Asyncio | Execution::Polling => (1, 0),
            Execution::HybridAsyncio { processes } => (processes, 0),
        };
        let initial: Vec<i64> = self.model.vars.iter().map(|var| var.initial).collect();
        let mut state = State {
            vars: initial.repeat(processes as usize),
            owners: vec![Owner::NONE; self.model.locks.len() * processes as usize],
            things: (0..processes).flat_map(|_| self.things()).collect(),
            objects: self.objects().repeat(processes as usize),
            threads: Vec::new(),
            locals: Vec::new(),
            taken: vec![false; self.jobs.len()],
            ended: vec![0; self.model.tasks.len()],
            spawned: vec![0; self.model.programs.len()],
            busy: if self.loops { vec![NOBODY; processes as usize] } else { Vec::new() },
            processes: processes as u16,
            wrong: None,
            seen: 0,
            passed: Vec::new(),
        };
        // More workers than jobs would only stand about; in a process of its own each has its turn.
        let enough = if processes == 1 { workers.min(self.jobs.len() as u32) } else { workers };
        // But for what its last job has left in variables of its own.
        let each_its_own = workers > 0 && processes == 1 && enough as usize == self.jobs.len() && self.locals == 0;
        if workers == 0 || each_its_own {
            for (number, (task, index)) in self.jobs.iter().enumerate() {
                let process = number as u32 % processes;
                let thread = self.thread(Origin::Job { task: *task, index: *index }, process as u16);
                self.push(&mut state, thread);
                state.taken[number] = true;
            }
        } else {
            for number in 0..processes * enough {
                let origin = Origin::Worker { number, job: None };
                let thread = self.thread(origin, (number / enough) as u16);
                self.push(&mut state, thread);
            }
        }
        self.release_jobs(&mut state);
        self.look(&mut state);
        state
    }

    /// What people call the thread.
    pub fn name(&self, state: &State, thread: u16) -> String {
        let name = |task, index| self.model.role_name(Role::Task { task, index });
        match state.threads[thread as usize].origin {
            Origin::Worker { number, job: None } => format!("worker {number}"),
            Origin::Worker { job: Some(job), .. } => {
                let (task, index) = self.jobs[job as usize];
                name(task, index)
            }
            Origin::Job { task, index } => name(task, index),
            Origin::Spawned { program, index } => self.model.role_name(Role::Spawned { program, index }),
            Origin::Steps { of, nth: 0 } => format!("{} in a thread", self.name(state, of)),
            Origin::Steps { of, nth } => format!("{} in a thread ({})", self.name(state, of), nth + 1),
        }
    }
}

/// Whether others can notice the op, or it is for others to decide.
fn is_noticed(op: &Op) -> bool {
    matches!(
        op,
        Op::Acquire { .. }
            | Op::Release { .. }
            | Op::Reenter { .. }
            | Op::Leave { .. }
            | Op::Sync { .. }
            | Op::Load { .. }
            | Op::Store { .. }
            | Op::Swap { .. }
            | Op::FetchAdd { .. }
            | Op::CompareAndSwap { .. }
            | Op::Choose { .. }
            | Op::Spawn { .. }
            | Op::Join { .. }
            | Op::Refer { by: 0, .. }
            | Op::Mutate { .. }
            | Op::ToThread { .. }
            | Op::EndThread
            | Op::CallBack { .. }
    )
}

fn is_point(model: &Model, preemption: Preemption, at: usize, op: &Op) -> bool {
    let visible = is_noticed(op) || matches!(op, Op::Yield);
    match preemption {
        Preemption::EveryOp => visible,
        Preemption::Calls => match op {
            // `Thread.start` waits until the thread has come up: others come in when it is there already.
            _ if at > 0 && model.interpreter.start_handshake && starts_thread(&model.code[at - 1]) => true,
            Op::Load { .. } | Op::Store { .. } => false,
            Op::Jump { to } | Op::Again { start: to } => *to as usize <= at,
            // Code has check points inside; nobody notices where.
            Op::Compute { kind, .. } => *kind != CpuKind::Atomic,
            Op::Io { .. } | Op::Sleep { .. } | Op::Print { .. } | Op::Call { .. } => true,
            _ => visible,
        },
        // Nobody comes in between; but which branch it takes, is a step of its own.
        Preemption::Awaits => matches!(op, Op::Choose { .. }),
    }
}

fn starts_thread(op: &Op) -> bool {
    matches!(op, Op::Spawn { kind, .. } if kind.is_thread())
}
