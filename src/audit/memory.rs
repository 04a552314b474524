//! Processes and their variables: a load sees the last store, and an atomic operation is one.

use std::collections::BTreeMap;

use super::rule::{Reports, Rule};
use super::threads::Threads;
use crate::id::{ContextId, ProcessId, ThreadId, VarId};
use crate::model::{Execution, Home, Model};
use crate::trace::{Record, What};

/// The values of all variables of all living processes.
#[derive(Debug)]
pub(super) struct Memory {
    homes: Vec<Home>,
    initial: Vec<i64>,
    /// Values of interprocess variables.
    common: Vec<i64>,
    processes: BTreeMap<ProcessId, Vec<i64>>,
    /// Of threads that have written to a variable of their own.
    threads: BTreeMap<ThreadId, Vec<i64>>,
    /// The load that was the record before.
    loaded: Option<(ContextId, VarId)>,
    /// The process whose main thread only starts threads for jobs and is not modelled.
    main: Option<ProcessId>,
}

impl Memory {
    pub fn new(model: &Model) -> Memory {
        let has_main = matches!(
            model.execution,
            Execution::ThreadPerTask
                | Execution::Threads(_)
                | Execution::FreeThreaded(_)
                | Execution::ThreadPool
                | Execution::InterpreterPool(_)
        );
        let initial: Vec<i64> = model.vars.iter().map(|var| var.initial).collect();
        Memory {
            homes: model.vars.iter().map(|var| var.home).collect(),
            threads: BTreeMap::new(),
            common: initial.clone(),
            initial,
            processes: BTreeMap::new(),
            loaded: None,
            main: has_main.then_some(ProcessId(0)),
        }
    }

    pub fn record(&mut self, record: &Record, threads: &Threads, reports: &mut Reports) {
        let loaded = self.loaded.take();
        match record.what {
            What::ProcessStart { process, parent } => self.start(process, parent, reports),
            What::ProcessEnd { process } => self.end(process, threads, reports),
            What::ThreadStart { thread, process, .. } => {
                self.threads.remove(&thread);
                let known = self.processes.contains_key(&process);
                reports.require(known, Rule::Existence, || format!("{thread:?} starts in no process"));
            }
            What::Load { var, process, context, value } => {
                let Some(cell) = self.cell(var, process, context, threads, reports) else { return };
                let stored = *cell;
                reports.require(stored == value, Rule::Memory, || {
                    format!("{context:?} loads {value} from {var:?} of {process:?}, which is {stored}")
                });
                self.loaded = Some((context, var));
            }
            What::Update { var, process, context, value } => {
                reports.require(loaded == Some((context, var)), Rule::Atomic, || {
                    format!("{context:?} updates {var:?} of {process:?} and has not just read it")
                });
                if let Some(cell) = self.cell(var, process, context, threads, reports) {
                    *cell = value;
                }
            }
            What::Store { var, process, context, value } => {
                if let Some(cell) = self.cell(var, process, context, threads, reports) {
                    *cell = value;
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, process: ProcessId, parent: Option<ProcessId>, reports: &mut Reports) {
        let values = match parent {
            Some(parent) => self.processes.get(&parent).cloned(),
            None => Some(self.initial.clone()),
        };
        reports.require(values.is_some(), Rule::Existence, || format!("{process:?} has no {parent:?}"));
        let values = values.unwrap_or_else(|| self.initial.clone());
        let twice = self.processes.insert(process, values).is_some();
        reports.require(!twice, Rule::Existence, || format!("{process:?} starts a second time"));
    }

    fn end(&mut self, process: ProcessId, threads: &Threads, reports: &mut Reports) {
        let known = self.processes.remove(&process).is_some();
        reports.require(known, Rule::Existence, || format!("{process:?} ends but does not exist"));
        let left = threads.threads.iter().find(|(_, thread)| thread.process == process).map(|(id, _)| *id);
        reports.require(left.is_none(), Rule::Existence, || format!("{process:?} ends before {left:?}"));
    }

    fn cell(
        &mut self,
        var: VarId,
        process: ProcessId,
        context: ContextId,
        threads: &Threads,
        reports: &mut Reports,
    ) -> Option<&mut i64> {
        let home = *self.homes.get(var.index())?;
        let of = if home == Home::Everywhere { Some(ProcessId(0)) } else { threads.process_of(context) };
        reports.require(of == Some(process), Rule::Memory, || format!("{context:?} uses {var:?} of {process:?}"));
        let values = match home {
            Home::Everywhere => &mut self.common,
            Home::Process => self.processes.get_mut(&process)?,
            Home::Thread => self.threads.entry(threads.thread_of(context)?).or_insert_with(|| self.initial.clone()),
        };
        values.get_mut(var.index())
    }

    pub fn finish(&self, threads: &Threads, reports: &mut Reports) {
        for process in self.processes.keys().filter(|process| Some(**process) != self.main) {
            let inhabited = threads.threads.values().any(|thread| thread.process == *process);
            reports.require(inhabited, Rule::Existence, || format!("{process:?} has no threads and did not end"));
        }
    }
}
