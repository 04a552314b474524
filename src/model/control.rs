//! Loops, conditions and branches as jumps.

use super::{Builder, CheckPoints, Choice, Comparison, Condition, Guard, Op, Operand, Stmt, Value};
use crate::dist::Dist;
use crate::id::{OperandId, TextId, VarId};
use crate::trace::CpuKind;

impl Builder {
    /// A number as a node of the operand table.
    pub(super) fn operand(&mut self, value: &Value, registers: &mut Vec<VarId>) -> OperandId {
        let operand = match value {
            Value::Number(number) => Operand::Number(*number),
            Value::Own(var) => Operand::Register(self.register(*var, registers)),
            Value::Of(what, a, b) => {
                let (a, b) = (self.operand(a, registers), self.operand(b, registers));
                Operand::Of(*what, a, b)
            }
        };
        let operands = &mut self.model.operands;
        operands.push(operand);
        OperandId::from(operands.len() - 1)
    }

    /// Emits code that jumps if the condition comes out as `when`, and goes on at the next op if not. The jumps, whose
    /// targets are still to be filled in.
    fn ask(&mut self, condition: &Condition, when: bool, registers: &mut Vec<VarId>) -> Vec<usize> {
        match condition {
            Condition::Compare(left, comparison, right) => {
                let left = self.operand(left, registers);
                vec![self.compare(left, *comparison, right, when, registers)]
            }
            Condition::Read(var, comparison, right) => {
                let register = self.register(*var, registers);
                self.emit(Op::Load { var: *var, register });
                let left = self.operand(&Value::Own(*var), registers);
                vec![self.compare(left, *comparison, right, when, registers)]
            }
            Condition::CompareAndSwap { var, from, to } => {
                let register = self.register(*var, registers);
                let (from, to) = (self.operand(from, registers), self.operand(to, registers));
                self.emit(Op::CompareAndSwap { var: *var, register, from, to });
                // It goes on behind the next op if it swapped.
                if !when {
                    return vec![self.emit(Op::Jump { to: 0 })];
                }
                let failed = self.emit(Op::Jump { to: 0 });
                let swapped = self.emit(Op::Jump { to: 0 });
                self.land(vec![failed]);
                vec![swapped]
            }
            Condition::All(all) => self.ask_each(all, false, when, registers),
            Condition::Any(any) => self.ask_each(any, true, when, registers),
        }
    }

    /// Asks up to the first condition that comes out as `decides`; if none does, the whole comes out as the opposite.
    fn ask_each(
        &mut self,
        conditions: &[Condition],
        decides: bool,
        when: bool,
        registers: &mut Vec<VarId>,
    ) -> Vec<usize> {
        let mut decided = Vec::new();
        for condition in conditions {
            decided.extend(self.ask(condition, decides, registers));
        }
        if when == decides {
            return decided;
        }
        let other = self.emit(Op::Jump { to: 0 });
        self.land(decided);
        vec![other]
    }

    fn compare(
        &mut self,
        left: OperandId,
        comparison: Comparison,
        right: &Value,
        when: bool,
        registers: &mut Vec<VarId>,
    ) -> usize {
        let right = self.operand(right, registers);
        let comparison = if when { comparison } else { comparison.opposite() };
        self.emit(Op::Branch { left, comparison, right, to: 0 })
    }

    /// Fills in jumps that lead to the next op.
    fn land(&mut self, jumps: Vec<usize>) {
        let here = self.here();
        self.lead(jumps, here);
    }

    fn lead(&mut self, jumps: Vec<usize>, target: u32) {
        for jump in jumps {
            match &mut self.model.code[jump] {
                Op::Jump { to } | Op::Branch { to, .. } => *to = target,
                op => unreachable!("{op:?} does not jump"),
            }
        }
    }

    pub(super) fn branch(
        &mut self,
        condition: &Condition,
        steps: &[Stmt],
        otherwise: &[Stmt],
        registers: &mut Vec<VarId>,
    ) {
        let no = self.ask(condition, false, registers);
        self.steps(steps, registers);
        if otherwise.is_empty() {
            return self.land(no);
        }
        let end = self.emit(Op::Jump { to: 0 });
        self.land(no);
        self.steps(otherwise, registers);
        self.land(vec![end]);
    }

    pub(super) fn repeat_while(&mut self, condition: &Condition, body: &[Stmt], registers: &mut Vec<VarId>) {
        let start = self.here();
        let over = self.ask(condition, false, registers);
        self.steps(body, registers);
        self.emit(Op::Jump { to: start });
        self.land(over);
    }

    pub(super) fn repeat_until(&mut self, condition: &Condition, body: &[Stmt], registers: &mut Vec<VarId>) {
        let start = self.here();
        self.steps(body, registers);
        let again = self.ask(condition, false, registers);
        self.lead(again, start);
    }

    pub(super) fn assert(&mut self, condition: &Condition, text: &str, registers: &mut Vec<VarId>) {
        let holds = self.ask(condition, true, registers);
        self.model.texts.push(text.to_owned());
        let text = TextId::from(self.model.texts.len() - 1);
        self.emit(Op::Fail { text });
        self.land(holds);
    }

    pub(super) fn print(&mut self, text: &str) {
        self.model.texts.push(text.to_owned());
        let text = TextId::from(self.model.texts.len() - 1);
        self.emit(Op::Print { text });
    }

    pub(super) fn repeat(&mut self, times: u32, body: &[Stmt], registers: &mut Vec<VarId>) {
        if times == 0 {
            return;
        }
        self.emit(Op::Repeat { times });
        let start = self.here();
        self.inside(Guard::Slot, |builder| builder.steps(body, registers));
        self.emit(Op::Again { start });
    }

    pub(super) fn choose(&mut self, branches: &[(f64, Vec<Stmt>)], registers: &mut Vec<VarId>) {
        let table = self.model.choices.len() as u32;
        self.model.choices.push(Choice { branches: Vec::new(), otherwise: 0 });
        self.emit(Op::Choose { table });
        let mut ends = Vec::new();
        let mut below = 0.0;
        for (probability, body) in branches {
            below += probability;
            // 2^64 is a float; the cast saturates at the last draw for probabilities that add up to 1.
            let upto = if below >= 1.0 - 1e-12 { u64::MAX } else { (below * 18_446_744_073_709_551_616.0) as u64 };
            let start = self.here();
            self.model.choices[table as usize].branches.push((upto, start));
            self.steps(body, registers);
            ends.push(self.emit(Op::Jump { to: 0 }));
        }
        let end = self.here();
        for jump in ends {
            self.model.code[jump] = Op::Jump { to: end };
        }
        self.model.choices[table as usize].otherwise = end;
    }

    pub(super) fn increment(&mut self, var: VarId, by: i64, registers: &mut Vec<VarId>) {
        let register = self.register(var, registers);
        let kind = match self.model.interpreter.check_points {
            CheckPoints::AnyBytecode if !self.atomic => CpuKind::Python,
            _ => CpuKind::Atomic,
        };
        let time = self.dist(Dist::Const(self.model.interpreter.increment));
        let by = self.operand(&Value::Number(by), registers);
        self.emit(Op::Load { var, register });
        self.emit(Op::Compute { kind, time });
        self.emit(Op::Add { register, by });
        self.emit(Op::Store { var, register });
    }
}
