//! What must hold at the end of every schedule.

use super::machine::Machine;
use super::state::{Life, Origin, State, Wrong};
use crate::id::{ObjectId, VarId};
use crate::model::{Model, Object, Op};
use crate::scenario::expect::{Asked, Bounds, Expect, ObjectEnd, Question, When};

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

/// A condition on variables (of the first process, unless they are interprocess) at moments of a schedule.
#[derive(Clone, Debug)]
pub struct Moment {
    /// At which: `Always`, `Never` or `Eventually`.
    pub when: When,
    /// The condition.
    pub question: Question<VarId>,
    /// As written.
    pub text: String,
}

/// A condition on variables at the end, or at some moment of some schedule.
#[derive(Clone, Debug)]
pub struct AtEnd {
    /// The condition.
    pub question: Question<VarId>,
    /// As written.
    pub text: String,
    /// The variables that it is about.
    pub vars: Vec<VarId>,
}

/// What must hold.
#[derive(Clone, Debug, Default)]
pub struct Property {
    /// At the end of every schedule.
    pub always: Vec<LastValue>,
    /// At the end of at least one.
    pub possible: Vec<LastValue>,
    /// At every moment, at none, or at some, of every schedule; at most 64.
    pub moments: Vec<Moment>,
    /// At the end of every schedule.
    pub ends: Vec<AtEnd>,
    /// At the end of at least one.
    pub possible_ends: Vec<AtEnd>,
    /// At some moment of at least one schedule.
    pub reached: Vec<AtEnd>,
    /// How often at most a thread that could go on is passed over by others; as written.
    pub bypass: Option<(u32, String)>,
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
    /// A step that must not be: release of a lock that is not held, or a loop that never gets on; or a condition that does
    /// not hold at every moment, or a thread that is passed over too often, with what was expected.
    Wrong(Wrong, String),
    /// A condition that must hold at some moment never does; its text.
    Unseen(String),
    /// A condition does not hold at the end; its text, and the values of its variables.
    AtEnd(String, String),
    /// An object of this name is never freed.
    Leaked(String),
    /// A last value out of its bounds: the expectation, and the value.
    Final(String, i64),
    /// No schedule ever ends from here on, or those who go round never have to, though each has its turn.
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
                Asked::Bypass(bound) if self.bypass.as_ref().is_none_or(|(least, _)| bound < least) => {
                    self.bypass = Some((*bound, expect.text.clone()));
                }
                Asked::Object { name, end } => {
                    let is_named = |object: &&Object| model.vars[object.count.index()].name == *name;
                    let index = model.objects.iter().position(|object| is_named(&object));
                    self.objects.extend(index.map(|index| (ObjectId::from(index), *end)));
                }
                Asked::Condition(when, question) => self.condition(expect, *when, question, model, sometimes),
                Asked::Final { var, bounds } => {
                    let Some(index) = model.vars.iter().position(|known| known.name == *var) else { continue };
                    let last = LastValue { var: VarId::from(index), bounds: *bounds, text: expect.text.clone() };
                    if sometimes { self.possible.push(last) } else { self.always.push(last) }
                }
                _ => {}
            }
        }
    }

    fn condition(&mut self, expect: &Expect, when: When, question: &Question<String>, model: &Model, sometimes: bool) {
        let known = |name: &String| model.vars.iter().position(|var| var.name == *name).map(VarId::from);
        let Some(question) = question.about(&known) else { return };
        let text = expect.text.clone();
        let vars = question.variables();
        match (when, sometimes) {
            (When::AtEnd, false) => self.ends.push(AtEnd { question, text, vars }),
            (When::AtEnd, true) => self.possible_ends.push(AtEnd { question, text, vars }),
            (When::Possible, _) | (When::Eventually, true) => self.reached.push(AtEnd { question, text, vars }),
            _ if self.moments.len() < 64 => self.moments.push(Moment { when, question, text }),
            _ => {}
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

    /// What is wrong with a state in which nobody can take a step.
    pub fn at_end(&self, machine: &Machine<'_>, state: &State) -> Option<Failure> {
        match state.wrong {
            Some(Wrong::Op(op)) if self.expects_wrong(machine, op) => return None,
            Some(wrong @ Wrong::Op(_)) => return Some(Failure::Wrong(wrong, String::new())),
            Some(wrong @ Wrong::Moment(moment)) => {
                return Some(Failure::Wrong(wrong, self.moments[moment as usize].text.clone()));
            }
            Some(wrong @ Wrong::Passed(_)) => {
                return Some(Failure::Wrong(
                    wrong,
                    self.bypass.as_ref().map_or_else(String::new, |(_, text)| text.clone()),
                ));
            }
            None => {}
        }
        let left = |number: &usize| {
            let thread = &state.threads[*number];
            let idle = matches!(thread.origin, Origin::Worker { job: None, .. });
            thread.life != Life::Over && !idle && !thread.daemon
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
        let last = self.always.iter().find_map(|last| {
            let value = state.vars[last.var.index()];
            (!last.bounds.contain(&value)).then(|| Failure::Final(last.text.clone(), value))
        });
        let end = || self.ends.iter().find(|end| !end.holds(state));
        let unseen =
            |(place, moment): &(usize, &Moment)| moment.when == When::Eventually && state.seen >> place & 1 == 0;
        last.or_else(|| end().map(|end| Failure::AtEnd(end.text.clone(), end.values(machine, state)))).or_else(|| {
            let unseen = self.moments.iter().enumerate().find(unseen);
            unseen.map(|(_, moment)| Failure::Unseen(moment.text.clone()))
        })
    }
}

impl AtEnd {
    /// Whether it holds in this state.
    pub fn holds(&self, state: &State) -> bool {
        self.question.holds(&|var| state.vars[var.index()])
    }

    /// What its variables are: `x = 1, y = 2`.
    fn values(&self, machine: &Machine<'_>, state: &State) -> String {
        let value = |var: &VarId| format!("{} = {}", machine.model.vars[var.index()].name, state.vars[var.index()]);
        self.vars.iter().map(value).collect::<Vec<_>>().join(", ")
    }
}
