//! Steps with ids for names.

use super::dist;
use super::shared::Object;
use crate::id::{DeviceId, LockId, ObjectId, PeerId, ProgramId, SyncId, VarId};
use crate::model::{self, Act, Arithmetic, Comparison, SocketAct, SpawnKind, Stmt};
use crate::scenario::ast::{Computed, Condition, Exceptions, ReturnWhen, Scenario, SpawnWhat, Step, Value};
use crate::trace::{Called, CpuKind, Together};

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
            Step::Connect(peer, failed) => self.socket(peer, SocketAct::Connect, failed.as_deref()),
            Step::Accept(peer, failed) => self.socket(peer, SocketAct::Accept, failed.as_deref()),
            Step::Send(peer, size, failed) => self.socket(peer, SocketAct::Send(size.0), failed.as_deref()),
            Step::Recv(peer, size, failed) => self.socket(peer, SocketAct::Recv(size.0), failed.as_deref()),
            Step::Close(peer) => self.socket(peer, SocketAct::Close, None),
            Step::Sleep(time) => Stmt::Sleep(dist(time)),
            Step::Yield => Stmt::Yield,
            Step::Acquire(name) => match self.object(name) {
                Object::Sync(sync) => Stmt::Sync(sync, Act::Acquire),
                _ => Stmt::Acquire(self.lock(name)),
            },
            Step::AcquireRead(lock) => Stmt::Sync(self.sync(lock), Act::AcquireRead),
            Step::Release(name) => match self.object(name) {
                Object::Sync(sync) => Stmt::Sync(sync, Act::Release),
                _ => Stmt::Release(self.lock(name)),
            },
            Step::With(name, steps) => match self.object(name) {
                Object::Sync(sync) => Stmt::WithSync(sync, Act::Acquire, self.steps(steps)),
                _ => Stmt::With(self.lock(name), self.steps(steps)),
            },
            Step::WithRead(lock, steps) => Stmt::WithSync(self.sync(lock), Act::AcquireRead, self.steps(steps)),
            Step::Wait(name) => Stmt::Sync(self.sync(name), Act::Wait),
            Step::SetEvent(event) => Stmt::Sync(self.sync(event), Act::Set),
            Step::ClearEvent(event) => Stmt::Sync(self.sync(event), Act::Clear),
            Step::Notify(condition, most) => Stmt::Sync(self.sync(condition), Act::Notify(*most)),
            Step::NotifyAll(condition) => Stmt::Sync(self.sync(condition), Act::Notify(u32::MAX)),
            Step::Put(queue, value) => Stmt::Put(self.sync(queue), self.value(value)),
            Step::Get(queue, var) => Stmt::Get(self.sync(queue), var.as_ref().map(|var| self.var(var))),
            Step::Load(var) => Stmt::Load(self.var(var)),
            Step::Let(var, value) => Stmt::Let(self.var(var), self.value(value)),
            Step::Add(var, by) => Stmt::Add(self.var(var), self.value(by)),
            Step::Store(var, None) => Stmt::Store(self.var(var)),
            Step::Store(var, Some(value)) => Stmt::StoreValue(self.var(var), self.value(value)),
            Step::Swap(var, value) => {
                let var = self.var(var);
                Stmt::Swap(var, value.as_ref().map_or(model::Value::Own(var), |value| self.value(value)))
            }
            Step::FetchAdd(var, by) => Stmt::FetchAdd(self.var(var), self.value(by)),
            Step::Incr(var, by) => Stmt::Incr(self.var(var), *by),
            Step::IncRef(name) => Stmt::Refer(self.counted(name), 1),
            Step::DecRef(name) => Stmt::Refer(self.counted(name), -1),
            Step::Collect(time) => Stmt::Collect(dist(time)),
            Step::Mutate(name, time) => Stmt::Mutate(self.counted(name), dist(time)),
            Step::Use(name) => Stmt::Refer(self.counted(name), 0),
            Step::Repeat(times, steps) => Stmt::Repeat(*times, self.steps(steps)),
            Step::Forever(steps) => Stmt::Forever(self.steps(steps)),
            Step::If(condition, steps, otherwise) => {
                Stmt::If(self.condition(condition), self.steps(steps), self.steps(otherwise))
            }
            Step::While(condition, steps) => Stmt::While(self.condition(condition), self.steps(steps)),
            Step::RepeatUntil(condition, steps) => Stmt::RepeatUntil(self.condition(condition), self.steps(steps)),
            Step::Assert(condition) => Stmt::Assert(self.condition(condition), condition.to_string()),
            Step::Choose(branches) => {
                Stmt::Choose(branches.0.iter().map(|(p, steps)| (*p, self.steps(steps))).collect())
            }
            Step::Call(program) => Stmt::Call(self.program(program)),
            Step::Spawn(what, program, count) => Stmt::Spawn(kind(*what), self.program(program), *count),
            Step::CallSoon(program) => Stmt::CallBack(Called::Soon, self.program(program), None),
            Step::CallLater(time, program) => Stmt::CallBack(Called::Later, self.program(program), Some(dist(time))),
            Step::CallSoonThreadsafe(program) => Stmt::CallBack(Called::Threadsafe, self.program(program), None),
            Step::Join(program) => Stmt::Join(self.program(program)),
            Step::Print(text) => Stmt::Print(text.clone()),
            Step::Blocking(steps) => Stmt::Blocking(self.steps(steps)),
            Step::ToThread(steps) => Stmt::ToThread(self.steps(steps)),
            Step::Atomic(steps) => Stmt::Atomic(self.steps(steps)),
            Step::Exit => Stmt::Exit,
            Step::Raise => Stmt::Raise,
            Step::Try(steps, except) => Stmt::Try(self.steps(steps), self.steps(except)),
            Step::Finally(steps, last) => Stmt::Finally(self.steps(steps), self.steps(last)),
            Step::Gather(programs, count, exceptions) => {
                let how = match exceptions {
                    Exceptions::Raise => Together::Gather,
                    Exceptions::Return => Together::GatherAll,
                };
                Stmt::Gather(how, self.programs(programs), *count)
            }
            Step::TaskGroup(programs, count) => Stmt::Gather(Together::TaskGroup, self.programs(programs), *count),
            Step::Shield(program) => Stmt::Gather(Together::Shield, vec![self.program(program)], 1),
            Step::WaitTasks(programs, when, time, late) => {
                let how = match when {
                    ReturnWhen::AllCompleted => Together::AllCompleted,
                    ReturnWhen::FirstCompleted => Together::FirstCompleted,
                    ReturnWhen::FirstException => Together::FirstException,
                };
                let late = self.steps(late.as_deref().unwrap_or_default());
                Stmt::WaitTasks(how, self.programs(programs), time.as_ref().map(dist), late)
            }
            Step::Timeout(time, steps, otherwise) => {
                let otherwise = otherwise.as_ref().map(|steps| self.steps(steps));
                Stmt::Timeout(dist(time), self.steps(steps), otherwise)
            }
            Step::Cancel(program) => Stmt::Cancel(self.program(program)),
        }
    }

    fn socket(&self, peer: &str, act: SocketAct, failed: Option<&[Step]>) -> Stmt {
        let peer = self.scenario.network.get_index_of(peer).map(PeerId::from).expect("names are checked");
        Stmt::Socket(peer, act, failed.map(|steps| self.steps(steps)))
    }

    fn programs(&self, names: &[String]) -> Vec<ProgramId> {
        names.iter().map(|name| self.program(name)).collect()
    }

    fn condition(&self, condition: &Condition) -> model::Condition {
        match condition {
            Condition::Is(left, right) => self.compare(left, Comparison::Is, right),
            Condition::IsNot(left, right) => self.compare(left, Comparison::IsNot, right),
            Condition::Below(left, right) => self.compare(left, Comparison::Below, right),
            Condition::AtMost(left, right) => self.compare(left, Comparison::AtMost, right),
            Condition::Above(left, right) => self.compare(left, Comparison::Above, right),
            Condition::AtLeast(left, right) => self.compare(left, Comparison::AtLeast, right),
            Condition::CompareAndSwap(var, from, to) => {
                let (var, from, to) = (self.var(var), self.value(from), self.value(to));
                model::Condition::CompareAndSwap { var, from, to }
            }
            Condition::All(all) => model::Condition::All(all.iter().map(|each| self.condition(each)).collect()),
            Condition::Any(any) => model::Condition::Any(any.iter().map(|each| self.condition(each)).collect()),
        }
    }

    fn compare(&self, left: &Value, comparison: Comparison, right: &Value) -> model::Condition {
        match left {
            Value::Variable(var) => model::Condition::Read(self.var(var), comparison, self.value(right)),
            left => model::Condition::Compare(self.value(left), comparison, self.value(right)),
        }
    }

    fn value(&self, value: &Value) -> model::Value {
        let of = |what, a, b| model::Value::Of(what, Box::new(self.value(a)), Box::new(self.value(b)));
        match value {
            Value::Number(number) => model::Value::Number(*number),
            Value::Variable(_) => unreachable!("only the left of a comparison is a variable: values are checked"),
            Value::Computed(computed) => match &**computed {
                Computed::Own(var) => model::Value::Own(self.var(var)),
                Computed::Sum(a, b) => of(Arithmetic::Sum, a, b),
                Computed::Difference(a, b) => of(Arithmetic::Difference, a, b),
                Computed::Product(a, b) => of(Arithmetic::Product, a, b),
                Computed::Quotient(a, b) => of(Arithmetic::Quotient, a, b),
                Computed::Remainder(a, b) => of(Arithmetic::Remainder, a, b),
            },
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
            Object::Lock(lock) | Object::Condition(_, lock) => lock,
            _ => unreachable!("kinds are checked"),
        }
    }

    fn sync(&self, name: &str) -> SyncId {
        match self.object(name) {
            Object::Sync(sync) | Object::Condition(sync, _) => sync,
            _ => unreachable!("kinds are checked"),
        }
    }

    fn counted(&self, name: &str) -> ObjectId {
        match self.object(name) {
            Object::Counted(object) => object,
            _ => unreachable!("kinds are checked"),
        }
    }

    fn var(&self, name: &str) -> VarId {
        match self.object(name) {
            Object::Var(var) => var,
            _ => unreachable!("kinds are checked"),
        }
    }
}

fn kind(what: SpawnWhat) -> SpawnKind {
    match what {
        SpawnWhat::Thread => SpawnKind::Thread,
        SpawnWhat::Process => SpawnKind::Process,
        SpawnWhat::Coroutine => SpawnKind::Coroutine,
        SpawnWhat::DaemonThread => SpawnKind::DaemonThread,
        SpawnWhat::DaemonProcess => SpawnKind::DaemonProcess,
    }
}
