//! Objects with reference counts.

use super::{Builder, Execution, Op, Value};
use crate::dist::Dist;
use crate::id::{ObjectId, VarId};
use crate::time::Duration;
use crate::trace::CpuKind;

/// An object that is freed when its count comes down to zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its count: a variable of the same name.
    pub count: VarId,
    /// How many references there are at the start.
    pub references: u32,
    /// How its count is changed.
    pub counting: Counting,
}

/// How a reference count is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
pub enum Counting {
    /// Load, add, store: safe only if nobody else comes in between.
    Plain,
    /// One atomic instruction of the processor.
    Atomic,
    /// The thread that owns the object adds as if it were alone, others by atomic instructions on a field of their own.
    Biased,
}

/// What it takes to change a reference count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CountTimes {
    /// Load, add and store.
    pub plain: Duration,
    /// An atomic instruction.
    pub atomic: Duration,
    /// Either of them, if another core had the cache line last.
    pub moved: Duration,
}

impl Default for CountTimes {
    fn default() -> CountTimes {
        CountTimes { plain: Duration(1), atomic: Duration(5), moved: Duration(40) }
    }
}

impl Builder {
    /// Declares an object. Without `counting` it is counted as the interpreter does.
    pub fn object(&mut self, name: &str, references: u32, counting: Option<Counting>, interprocess: bool) -> ObjectId {
        let usual = match self.model.execution {
            Execution::FreeThreaded(_) => Counting::Biased,
            _ => Counting::Plain,
        };
        let count = self.var(name, references.into(), interprocess);
        self.model.objects.push(Object { count, references, counting: counting.unwrap_or(usual) });
        ObjectId::from(self.model.objects.len() - 1)
    }

    /// Takes a reference (`by` is 1), drops one (-1), or uses the object (0).
    pub(super) fn refer(&mut self, object: ObjectId, by: i8, registers: &mut Vec<VarId>) {
        let Object { count: var, counting, .. } = self.model.objects[object.index()];
        let register = self.register(var, registers);
        if by != 0 {
            let kind = if self.atomic { CpuKind::Atomic } else { CpuKind::Python };
            let sum = self.operand(&Value::Number(by.into()), registers);
            if counting == Counting::Plain && !self.model.has_gil() {
                self.emit(Op::Load { var, register });
                self.emit(Op::Touch { object, by, kind });
                self.emit(Op::Add { register, by: sum });
                self.emit(Op::Store { var, register });
            } else {
                self.emit(Op::Touch { object, by, kind });
                self.emit(Op::FetchAdd { var, register, by: sum });
            }
        }
        self.emit(Op::Refer { object, by });
    }

    pub(super) fn collect(&mut self, time: Dist) {
        let time = self.dist(time);
        self.emit(Op::Collect { time });
    }

    pub(super) fn mutate(&mut self, object: ObjectId, time: Dist) {
        let time = self.dist(time);
        self.emit(Op::Mutate { object, time });
    }
}
