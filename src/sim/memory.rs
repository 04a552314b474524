//! Variables and a context's own copies of them. Each op happens at one instant: what comes between two of them, and what
//! cannot, is the business of the cores and the GIL.

use super::{Chooser, Sim};
use crate::id::{ContextId, OperandId, ProcessId, VarId};
use crate::model::{Comparison, evaluate};
use crate::trace::{Sink, What};

impl<S: Sink, C: Chooser> Sim<'_, S, C> {
    pub(super) fn load(&mut self, context: ContextId, var: VarId, register: u16) -> bool {
        let process = self.home_of_var(context, var);
        let value = self.world.processes[process.index()].vars[var.index()];
        self.world.contexts[context].registers[register as usize] = value;
        self.note(What::Load { var, process, context, value });
        true
    }

    pub(super) fn store(&mut self, context: ContextId, var: VarId, register: u16) -> bool {
        let process = self.home_of_var(context, var);
        let value = self.world.contexts[context].registers[register as usize];
        self.world.processes[process.index()].vars[var.index()] = value;
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
        self.world.processes[process.index()].vars[var.index()] = value;
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

    pub(super) fn home_of_var(&self, context: ContextId, var: VarId) -> ProcessId {
        if self.model.vars[var.index()].interprocess { ProcessId(0) } else { self.process_of(context) }
    }
}
