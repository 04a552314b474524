//! Variables and a context's own copies of them. Each op happens at one instant: what comes between two of them, and what
//! cannot, is the business of the cores and the GIL.

use super::{Chooser, Sim};
use crate::id::{ContextId, OperandId, ProcessId, ThreadId, VarId};
use crate::model::{Comparison, Home, evaluate};
use crate::trace::{Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    pub(super) fn load(&mut self, context: ContextId, var: VarId, register: u16) -> bool {
        let process = self.home_of_var(context, var);
        let value = self.value_of(context, var);
        self.world.contexts[context].registers[register as usize] = value;
        self.note(What::Load { var, process, context, value });
        true
    }

    pub(super) fn store(&mut self, context: ContextId, var: VarId, register: u16) -> bool {
        let process = self.home_of_var(context, var);
        let value = self.world.contexts[context].registers[register as usize];
        *self.cell(context, var) = value;
        self.note(What::Store { var, process, context, value });
        true
    }

    pub(super) fn set(&mut self, context: ContextId, register: u16, value: OperandId) -> bool {
        let value = self.operand(context, value);
        self.world.contexts[context].registers[register as usize] = value;
        true
    }

    pub(super) fn add(&mut self, context: ContextId, register: u16, by: OperandId) -> bool {
        let by = self.operand(context, by);
        let register = &mut self.world.contexts[context].registers[register as usize];
        *register = register.wrapping_add(by);
        true
    }

    pub(super) fn swap(&mut self, context: ContextId, var: VarId, register: u16, value: OperandId) -> bool {
        let value = self.operand(context, value);
        self.load(context, var, register);
        self.update(context, var, value)
    }

    pub(super) fn fetch_add(&mut self, context: ContextId, var: VarId, register: u16, by: OperandId) -> bool {
        let by = self.operand(context, by);
        self.load(context, var, register);
        let found = self.world.contexts[context].registers[register as usize];
        self.update(context, var, found.wrapping_add(by))
    }

    pub(super) fn compare_and_swap(
        &mut self,
        context: ContextId,
        var: VarId,
        register: u16,
        (from, to): (OperandId, OperandId),
    ) -> bool {
        let (from, to) = (self.operand(context, from), self.operand(context, to));
        self.load(context, var, register);
        let state = &mut self.world.contexts[context];
        if state.registers[register as usize] == from {
            state.pc += 1;
            self.update(context, var, to);
        }
        true
    }

    /// The second half of an atomic operation, whose first half was a load.
    fn update(&mut self, context: ContextId, var: VarId, value: i64) -> bool {
        let process = self.home_of_var(context, var);
        *self.cell(context, var) = value;
        self.note(What::Update { var, process, context, value });
        true
    }

    /// Whether the comparison of two numbers of the context holds.
    pub(super) fn holds(&self, context: ContextId, left: OperandId, comparison: Comparison, right: OperandId) -> bool {
        comparison.holds(self.operand(context, left), self.operand(context, right))
    }

    pub(super) fn operand(&self, context: ContextId, operand: OperandId) -> i64 {
        evaluate(&self.model.operands, &self.world.contexts[context].registers, operand)
    }

    /// The process whose variable the context uses; of a variable of threads the process of its thread.
    pub(super) fn home_of_var(&self, context: ContextId, var: VarId) -> ProcessId {
        if self.model.vars[var.index()].is_interprocess() { ProcessId(0) } else { self.process_of(context) }
    }

    /// What the context finds in the variable.
    pub(super) fn value_of(&self, context: ContextId, var: VarId) -> i64 {
        match self.model.vars[var.index()].home {
            Home::Thread => self.world.locals[self.local(context, var)],
            Home::Process | Home::Everywhere => {
                self.world.processes[self.home_of_var(context, var).index()].vars[var.index()]
            }
        }
    }

    fn cell(&mut self, context: ContextId, var: VarId) -> &mut i64 {
        match self.model.vars[var.index()].home {
            Home::Thread => {
                let place = self.local(context, var);
                &mut self.world.locals[place]
            }
            Home::Process | Home::Everywhere => {
                let home = self.home_of_var(context, var);
                &mut self.world.processes[home.index()].vars[var.index()]
            }
        }
    }

    fn local(&self, context: ContextId, var: VarId) -> usize {
        self.world.contexts[context].thread.index() * self.model.vars.len() + var.index()
    }

    /// A new thread has first values of its own.
    pub(super) fn first_values(&mut self, thread: ThreadId) {
        if !self.model.vars.iter().any(|var| var.home == Home::Thread) {
            return;
        }
        let (each, locals) = (self.model.vars.len(), &mut self.world.locals);
        let from = thread.index() * each;
        locals.resize(locals.len().max(from + each), 0);
        for (place, var) in locals[from..].iter_mut().zip(&self.model.vars) {
            *place = var.initial;
        }
    }
}
