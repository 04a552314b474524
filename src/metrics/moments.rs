//! The sink that asks conditions on variables at every moment of a run.

use crate::id::{ProcessId, VarId};
use crate::model::Model;
use crate::scenario::expect::Question;
use crate::time::Time;
use crate::trace::{Record, Sink, What};

/// When a condition held. Variables are those of the first process, and interprocess ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// When it first held, if ever.
    pub first: Option<Time>,
    /// When it first did not.
    pub first_not: Option<Time>,
    /// Whether it does at the end.
    pub last: bool,
    /// What its variables are at the end: `x = 1, y = 2`.
    pub values: String,
}

/// Listens to one run of a model.
#[derive(Clone, Debug)]
pub struct Moments<'a> {
    model: &'a Model,
    values: Vec<i64>,
    asked: Vec<(Question<String>, Option<Question<VarId>>, Held)>,
}

impl<'a> Moments<'a> {
    /// Asks these conditions of a run of the model; `None` if there are none.
    pub fn new(model: &'a Model, questions: &[Question<String>]) -> Option<Moments<'a>> {
        let known = |name: &String| model.vars.iter().position(|var| var.name == *name).map(VarId::from);
        let held = Held { first: None, first_not: None, last: false, values: String::new() };
        let asked = questions.iter().map(|question| (question.clone(), question.about(&known), held.clone())).collect();
        let mut moments = Moments { model, values: model.vars.iter().map(|var| var.initial).collect(), asked };
        moments.ask(Time::ZERO);
        (!questions.is_empty()).then_some(moments)
    }

    fn ask(&mut self, now: Time) {
        for (_, question, held) in &mut self.asked {
            let Some(question) = question else { continue };
            held.last = question.holds(&|var| self.values[var.index()]);
            let first = if held.last { &mut held.first } else { &mut held.first_not };
            first.get_or_insert(now);
        }
    }

    /// What came of each condition; those on variables that the model does not have are left out.
    pub fn finish(self) -> Vec<(Question<String>, Held)> {
        let (model, values) = (self.model, self.values);
        let told = |question: &Question<VarId>| {
            let value = |var: &VarId| format!("{} = {}", model.vars[var.index()].name, values[var.index()]);
            question.variables().iter().map(value).collect::<Vec<_>>().join(", ")
        };
        let asked = self.asked.into_iter();
        asked.filter_map(|(text, question, held)| Some((text, Held { values: told(&question?), ..held }))).collect()
    }
}

impl Sink for Moments<'_> {
    #[inline]
    fn record(&mut self, record: &Record) {
        if let What::Store { var, process: ProcessId(0), value, .. }
        | What::Update { var, process: ProcessId(0), value, .. } = record.what
        {
            self.values[var.index()] = value;
            self.ask(record.time);
        }
    }
}
