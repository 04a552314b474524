//! What must hold at the end of every schedule.

use super::machine::Machine;
use super::state::{Life, Origin, State};
use crate::id::{ObjectId, VarId};
use crate::model::{Model, Object, Op};
use crate::scenario::expect::{Asked, Bounds, Expect, ObjectEnd};

/// Bounds on the last value of a variable (of the first process, unless it is interprocess).
#[derive(Clone, Debug)]
pub struct LastValue {
    /// Of which variable.
    pub var: VarId,
    /// Within which bounds.
    pub bounds: Bounds<i64>,
    /// As written.
    pub text: String,
}

/// What must hold.
#[derive(Clone, Debug, Default)]
pub struct Property {
    /// At the end of every schedule.
    pub always: Vec<LastValue>,
    /// At the end of at least one.
    pub possible: Vec<LastValue>,
    /// A deadlock is what is expected: it must be possible, and is no failure.
    pub deadlock: bool,
    /// These ends of objects are what is expected, in the same way.
    pub objects: Vec<(ObjectId, ObjectEnd)>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// Some threads wait for ever; their names.
    Deadlock(Vec<String>),
    /// A step that must not be: release of a lock that is not held, or a loop that never gets on; its op.
    Wrong(u32),
    /// An object of this name is never freed.
    Leaked(String),
    /// A last value out of its bounds: the expectation, and the value.
    Final(String, i64),
    /// From some state on no schedule ever ends.
    Livelock,
}

impl Property {
    /// What the expectations say about every schedule of the model: those on last values and deadlocks. Those on times are
    /// for timed runs.
    pub fn of(expects: &[Expect], model: &Model, settings: &impl Fn(&str) -> Option<String>) -> Property {
        let mut property = Property::default();
        property.add(expects, model, settings, false);
        property
    }

    fn add(&mut self, expects: &[Expect], model: &Model, settings: &impl Fn(&str) -> Option<String>, sometimes: bool) {
        for expect in expects {
            match &expect.what {
                Asked::In(execution, inner) if *execution == model.execution => {
                    self.add(inner, model, settings, sometimes);
                }
                Asked::At(at, inner) if at.iter().all(|(path, value)| settings(path).as_ref() == Some(value)) => {
                    self.add(inner, model, settings, sometimes);
                }
                Asked::Sometimes(inner) => self.add(std::slice::from_ref(inner), model, settings, true),
                Asked::Deadlock => self.deadlock = true,
                Asked::Object { name, end } => {
                    let is_named = |object: &&Object| model.vars[object.count.index()].name == *name;
                    let index = model.objects.iter().position(|object| is_named(&object));
                    self.objects.extend(index.map(|index| (ObjectId::from(index), *end)));
                }
                Asked::Final { var, bounds } => {
                    let Some(index) = model.vars.iter().position(|known| known.name == *var) else { continue };
                    let last = LastValue { var: VarId::from(index), bounds: *bounds, text: expect.text.clone() };
                    if sometimes { self.possible.push(last) } else { self.always.push(last) }
                }
                _ => {}
            }
        }
    }

    /// Whether the op is a use after free that is expected.
    fn expects_wrong(&self, machine: &Machine<'_>, op: u32) -> bool {
        match machine.model.code[op as usize] {
            Op::Refer { object, .. } | Op::Mutate { object, .. } => {
                self.objects.contains(&(object, ObjectEnd::UsedAfterFree))
            }
            _ => false,
        }
    }

    /// Whether the object ends so in a state in which nobody can take a step.
    pub fn ends(machine: &Machine<'_>, state: &State, (object, end): (ObjectId, ObjectEnd)) -> bool {
        match end {
            ObjectEnd::Leaked => machine.leaked(state).any(|leaked| leaked == object),
            ObjectEnd::UsedAfterFree => state.wrong.is_some_and(
                |op| matches!(machine.model.code[op as usize], Op::Refer { object: of, .. } | Op::Mutate { object: of, .. } if of == object),
            ),
        }
    }

    /// Whether the state, in which nobody can take a step, has a last value that must be possible.
    pub fn shows(&self, state: &State, last: &LastValue) -> bool {
        last.bounds.contain(&state.vars[last.var.index()])
    }

    /// What is wrong with a state in which nobody can take a step.
    pub fn at_end(&self, machine: &Machine<'_>, state: &State) -> Option<Failure> {
        if let Some(op) = state.wrong {
            return (!self.expects_wrong(machine, op)).then_some(Failure::Wrong(op));
        }
        let left = |number: &usize| {
            let thread = &state.threads[*number];
            let idle = matches!(thread.origin, Origin::Worker { job: None, .. });
            thread.life != Life::Over && !idle
        };
        let left: Vec<String> =
            (0..state.threads.len()).filter(left).map(|number| machine.name(state, number as u16)).collect();
        if !left.is_empty() {
            return (!self.deadlock).then_some(Failure::Deadlock(left));
        }
        let mut leaked = machine.leaked(state);
        if let Some(object) = leaked.find(|object| !self.objects.contains(&(*object, ObjectEnd::Leaked))) {
            return Some(Failure::Leaked(machine.object_name(object).to_owned()));
        }
        self.always.iter().find_map(|last| {
            let value = state.vars[last.var.index()];
            (!last.bounds.contain(&value)).then(|| Failure::Final(last.text.clone(), value))
        })
    }
}
