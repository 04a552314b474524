//! Objects with reference counts: who changes a count, when an object is freed, and what a run says about it in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::rule::{Reports, Rule};
use crate::id::{ContextId, ObjectId, ProcessId, VarId};
use crate::model::Model;
use crate::sim::Outcome;
use crate::trace::{Handled, Record, What};

/// What the records say of one object of one process.
#[derive(Clone, Debug, Default)]
struct Object {
    references: i64,
    freed: bool,
    /// What those have read who have not written yet.
    read: BTreeMap<ContextId, i64>,
    /// What was written by the record before.
    written: Option<(ContextId, i64)>,
    /// Who has just brought the count to zero.
    frees: Option<ContextId>,
}

/// All objects.
#[derive(Debug, Default)]
pub(super) struct Objects {
    counts: Vec<VarId>,
    names: Vec<String>,
    fresh: Vec<Object>,
    processes: BTreeMap<ProcessId, Vec<Object>>,
}

impl Objects {
    pub fn new(model: &Model) -> Objects {
        let object =
            |object: &crate::model::Object| Object { references: object.references.into(), ..Object::default() };
        Objects {
            counts: model.objects.iter().map(|object| object.count).collect(),
            names: model.objects.iter().map(|object| model.vars[object.count.index()].name.clone()).collect(),
            fresh: model.objects.iter().map(object).collect(),
            processes: BTreeMap::new(),
        }
    }

    pub fn record(&mut self, record: &Record, reports: &mut Reports) {
        if self.fresh.is_empty() {
            return;
        }
        match record.what {
            What::ProcessStart { process, parent } => {
                let copies = parent.and_then(|parent| self.processes.get(&parent)).unwrap_or(&self.fresh).clone();
                self.processes.insert(process, copies);
            }
            What::Load { var, process, context, value } => {
                if let Some(object) = self.counted(var, process) {
                    let before = object.read.insert(context, value);
                    reports.require(before.is_none() && object.written.is_none(), Rule::ReferenceCounted, || {
                        format!("{context:?} reads {var:?} and has not said what it did before")
                    });
                }
            }
            What::Store { var, process, context, value } | What::Update { var, process, context, value } => {
                if let Some(object) = self.counted(var, process) {
                    object.written = Some((context, value));
                }
            }
            What::JobDrop { by: Some(context), .. } | What::Kill { context } => {
                let objects = self.processes.values_mut().flatten();
                objects.for_each(|object| object.read.retain(|reader, _| *reader != context));
            }
            What::Object { object, process, context, handled } => {
                self.handle(object, process, context, handled, reports)
            }
            _ => {}
        }
    }

    fn counted(&mut self, var: VarId, process: ProcessId) -> Option<&mut Object> {
        let index = self.counts.iter().position(|count| *count == var)?;
        self.processes.get_mut(&process)?.get_mut(index)
    }

    fn handle(
        &mut self,
        id: ObjectId,
        process: ProcessId,
        context: ContextId,
        handled: Handled,
        reports: &mut Reports,
    ) {
        let Some(object) = self.processes.get_mut(&process).and_then(|objects| objects.get_mut(id.index())) else {
            return reports.require(false, Rule::ReferenceCounted, || format!("{process:?} has no {id:?}"));
        };
        reports.require(!object.freed, Rule::ObjectFreed, || format!("{context:?} touches {id:?}, which is freed"));
        let frees = object.frees.take();
        let by = match handled {
            Handled::Use => 0,
            Handled::Take => 1,
            Handled::Drop => -1,
            Handled::Free => {
                object.freed = true;
                return reports.require(frees == Some(context), Rule::ObjectFreed, || {
                    format!("{context:?} frees {id:?} and has not brought its count to zero")
                });
            }
        };
        reports.require(frees.is_none(), Rule::ObjectFreed, || format!("{frees:?} has not freed {id:?}"));
        if by == 0 {
            return;
        }
        let (read, written) = (object.read.remove(&context), object.written.take());
        let counted = read.map(|read| (context, read + by));
        reports.require(counted.is_some() && counted == written, Rule::ReferenceCounted, || {
            format!("{context:?} changes the references of {id:?} by {by}, read {read:?} and wrote {written:?}")
        });
        object.references += by;
        object.frees = (by < 0 && written == Some((context, 0))).then_some(context);
    }

    pub fn finish(&self, outcome: &Outcome, reports: &mut Reports) {
        let all = || self.processes.values().flat_map(|objects| objects.iter().zip(&self.names));
        let unfreed = all().find(|(object, _)| object.frees.is_some() || object.written.is_some());
        reports.require(unfreed.is_none(), Rule::ObjectFreed, || format!("not told: {unfreed:?}"));
        if let Outcome::UsedAfterFree { object, .. } = outcome {
            let real = all().any(|(state, name)| name == object && state.freed);
            return reports.require(real, Rule::ObjectOutcome, || format!("\"{object}\" is not freed"));
        }
        if !(outcome.is_regular() || matches!(outcome, Outcome::Leaked { .. })) {
            return;
        }
        let is_leaked = |object: &Object| object.references == 0 && !object.freed && object.read.is_empty();
        let leaked: BTreeSet<&String> = all().filter(|(object, _)| is_leaked(object)).map(|(_, name)| name).collect();
        let said: BTreeSet<&String> = outcome.objects().iter().collect();
        reports.require(leaked == said, Rule::ObjectOutcome, || format!("leaked: {leaked:?}, said: {said:?}"));
    }
}
