//! Steps with ids for names.

use super::{Object, dist};
use crate::id::{DeviceId, LockId, ProgramId, VarId};
use crate::model::{SpawnKind, Stmt};
use crate::scenario::ast::{Scenario, SpawnWhat, Step};
use crate::trace::CpuKind;

/// What the names in steps stand for. All of them are known: the checks have seen to it.
pub(super) struct Names<'a> {
    pub scenario: &'a Scenario,
    pub shared: Vec<Object>,
}

impl Names<'_> {
    pub fn steps(&self, steps: &[Step]) -> Vec<Stmt> {
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &Step) -> Stmt {
        match step {
            Step::Cpu(time) => Stmt::Cpu(CpuKind::Python, dist(time)),
            Step::CpuNoGil(time) => Stmt::Cpu(CpuKind::NoGil, dist(time)),
            Step::CpuHoldGil(time) => Stmt::Cpu(CpuKind::HoldGil, dist(time)),
            Step::Io(device, time) => Stmt::Io(self.device(device), time.as_ref().map(dist)),
            Step::Sleep(time) => Stmt::Sleep(dist(time)),
            Step::Yield => Stmt::Yield,
            Step::Acquire(lock) => Stmt::Acquire(self.lock(lock)),
            Step::Release(lock) => Stmt::Release(self.lock(lock)),
            Step::With(lock, steps) => Stmt::With(self.lock(lock), self.steps(steps)),
            Step::Load(var) => Stmt::Load(self.var(var)),
            Step::Add(var, by) => Stmt::Add(self.var(var), *by),
            Step::Store(var) => Stmt::Store(self.var(var)),
            Step::Incr(var, by) => Stmt::Incr(self.var(var), *by),
            Step::Repeat(times, steps) => Stmt::Repeat(*times, self.steps(steps)),
            Step::Forever(steps) => Stmt::Forever(self.steps(steps)),
            Step::Choose(branches) => {
                Stmt::Choose(branches.0.iter().map(|(p, steps)| (*p, self.steps(steps))).collect())
            }
            Step::Call(program) => Stmt::Call(self.program(program)),
            Step::Spawn(what, program, count) => Stmt::Spawn(kind(*what), self.program(program), *count),
            Step::Join(program) => Stmt::Join(self.program(program)),
            Step::Print(text) => Stmt::Print(text.clone()),
            Step::Blocking(steps) => Stmt::Blocking(self.steps(steps)),
        }
    }

    fn device(&self, name: &str) -> DeviceId {
        DeviceId::from(self.scenario.devices.get_index_of(name).expect("names are checked"))
    }

    fn program(&self, name: &str) -> ProgramId {
        ProgramId::from(self.scenario.programs.get_index_of(name).expect("names are checked"))
    }

    fn object(&self, name: &str) -> Object {
        self.shared[self.scenario.shared.get_index_of(name).expect("names are checked")]
    }

    fn lock(&self, name: &str) -> LockId {
        match self.object(name) {
            Object::Lock(lock) => lock,
            Object::Var(_) => unreachable!("kinds are checked"),
        }
    }

    fn var(&self, name: &str) -> VarId {
        match self.object(name) {
            Object::Var(var) => var,
            Object::Lock(_) => unreachable!("kinds are checked"),
        }
    }
}

fn kind(what: SpawnWhat) -> SpawnKind {
    match what {
        SpawnWhat::Thread => SpawnKind::Thread,
        SpawnWhat::Process => SpawnKind::Process,
        SpawnWhat::Coroutine => SpawnKind::Coroutine,
    }
}
