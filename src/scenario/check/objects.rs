//! Which shared objects a step uses by name, and where in it.

use super::Path;
use super::names::Kind;
use crate::scenario::ast::{Computed, Condition, Step, Value};

/// A shared object that a step names.
pub struct Named<'a> {
    /// Where.
    pub path: Path,
    /// The name.
    pub name: &'a str,
    /// The word that needs it, and as what.
    pub by: (&'static str, &'static [Kind]),
}

/// All shared objects that a step itself names, in the order written; not those of the steps inside it.
pub fn objects<'a>(path: &Path, step: &'a Step) -> Vec<Named<'a>> {
    let mut list = List { found: Vec::new() };
    list.step(path, step);
    list.found
}

/// Every value of a step, with its path; what a comparison has on its left is marked.
pub fn values<'a>(path: &Path, step: &'a Step) -> Vec<(Path, &'a Value, bool)> {
    match step {
        Step::Let(_, value) | Step::Add(_, value) | Step::FetchAdd(_, value) | Step::Put(_, value) => {
            vec![(path.index(1), value, false)]
        }
        Step::Store(_, value) | Step::Swap(_, value) => {
            value.iter().map(|value| (path.index(1), value, false)).collect()
        }
        Step::If(condition, ..)
        | Step::While(condition, _)
        | Step::RepeatUntil(condition, _)
        | Step::Assert(condition) => {
            let mut found = Vec::new();
            condition_values(&path.index(0), condition, &mut found);
            found
        }
        _ => Vec::new(),
    }
}

fn condition_values<'a>(path: &Path, condition: &'a Condition, found: &mut Vec<(Path, &'a Value, bool)>) {
    match condition {
        Condition::CompareAndSwap(_, from, to) => {
            found.extend([(path.index(1), from, false), (path.index(2), to, false)]);
        }
        Condition::All(inner) | Condition::Any(inner) => {
            let list = path.index(0);
            for (index, condition) in inner.iter().enumerate() {
                condition_values(&list.index(index), condition, found);
            }
        }
        Condition::Is(left, right)
        | Condition::IsNot(left, right)
        | Condition::Below(left, right)
        | Condition::AtMost(left, right)
        | Condition::Above(left, right)
        | Condition::AtLeast(left, right) => {
            found.extend([(path.index(0), left, true), (path.index(1), right, false)]);
        }
    }
}

/// What is taken and given back.
const ACQUIRED: &[Kind] = &[Kind::Lock, Kind::RLock, Kind::Semaphore, Kind::RwLock, Kind::Condition];
const INT: &[Kind] = &[Kind::Int, Kind::ThreadLocal];

struct List<'a> {
    found: Vec<Named<'a>>,
}

impl<'a> List<'a> {
    fn step(&mut self, path: &Path, step: &'a Step) {
        let (name, word, kinds): (_, _, &'static [Kind]) = match step {
            Step::Acquire(name) => (name, "Acquire", ACQUIRED),
            Step::AcquireRead(name) => (name, "AcquireRead", &[Kind::RwLock]),
            Step::Release(name) => (name, "Release", ACQUIRED),
            Step::With(name, _) => (name, "With", ACQUIRED),
            Step::WithRead(name, _) => (name, "WithRead", &[Kind::RwLock]),
            Step::Wait(name) => (name, "Wait", &[Kind::Event, Kind::Condition, Kind::Barrier]),
            Step::SetEvent(name) => (name, "SetEvent", &[Kind::Event]),
            Step::ClearEvent(name) => (name, "ClearEvent", &[Kind::Event]),
            Step::Notify(name, _) => (name, "Notify", &[Kind::Condition]),
            Step::NotifyAll(name) => (name, "NotifyAll", &[Kind::Condition]),
            Step::Put(name, _) => (name, "Put", &[Kind::Queue]),
            Step::Get(name, into) => {
                let into = into.iter().map(|var| Named { path: path.index(1), name: var, by: ("Get", INT) });
                self.found.extend(into);
                (name, "Get", &[Kind::Queue])
            }
            Step::Load(name) => (name, "Load", INT),
            Step::Let(name, _) => (name, "Let", INT),
            Step::Add(name, _) => (name, "Add", INT),
            Step::Store(name, _) => (name, "Store", INT),
            Step::Swap(name, _) => (name, "Swap", INT),
            Step::FetchAdd(name, _) => (name, "FetchAdd", INT),
            Step::Incr(name, _) => (name, "Incr", INT),
            Step::IncRef(name) => (name, "IncRef", &[Kind::Object]),
            Step::DecRef(name) => (name, "DecRef", &[Kind::Object]),
            Step::Use(name) => (name, "Use", &[Kind::Object]),
            Step::Mutate(name, _) => (name, "Mutate", &[Kind::Object]),
            Step::If(condition, ..)
            | Step::While(condition, _)
            | Step::RepeatUntil(condition, _)
            | Step::Assert(condition) => {
                return self.condition(&path.index(0), condition);
            }
            _ => return,
        };
        self.found.push(Named { path: path.index(0), name, by: (word, kinds) });
        for (path, value, _) in values(path, step) {
            self.value(&path, value);
        }
    }

    fn condition(&mut self, path: &Path, condition: &'a Condition) {
        match condition {
            Condition::CompareAndSwap(name, from, to) => {
                self.found.push(Named { path: path.index(0), name, by: ("CompareAndSwap", INT) });
                self.value(&path.index(1), from);
                self.value(&path.index(2), to);
            }
            Condition::All(inner) | Condition::Any(inner) => {
                let list = path.index(0);
                for (index, condition) in inner.iter().enumerate() {
                    self.condition(&list.index(index), condition);
                }
            }
            Condition::Is(left, right)
            | Condition::IsNot(left, right)
            | Condition::Below(left, right)
            | Condition::AtMost(left, right)
            | Condition::Above(left, right)
            | Condition::AtLeast(left, right) => {
                self.value(&path.index(0), left);
                self.value(&path.index(1), right);
            }
        }
    }

    fn value(&mut self, path: &Path, value: &'a Value) {
        match value {
            Value::Number(_) => {}
            Value::Variable(name) => self.found.push(Named { path: path.clone(), name, by: ("a condition", INT) }),
            Value::Computed(computed) => match &**computed {
                Computed::Own(name) => {
                    self.found.push(Named { path: path.index(0), name, by: ("Own", INT) });
                }
                Computed::Sum(a, b)
                | Computed::Difference(a, b)
                | Computed::Product(a, b)
                | Computed::Quotient(a, b)
                | Computed::Remainder(a, b) => {
                    self.value(&path.index(0), a);
                    self.value(&path.index(1), b);
                }
            },
        }
    }
}
