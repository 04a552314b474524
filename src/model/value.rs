//! Numbers that steps compute from a context's own copies of variables, and what is asked about them.
//!
//! Nothing here looks at a shared variable: steps read those one at a time, because each read is an event that others can
//! come before or after.

use crate::id::{OperandId, VarId};

/// A number, of constants and own copies.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Always the same.
    Number(i64),
    /// The context's own copy of the variable.
    Own(VarId),
    /// Computed from two others.
    Of(Arithmetic, Box<Value>, Box<Value>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number)
    }
}

/// What a step asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// About own copies alone.
    Compare(Value, Comparison, Value),
    /// Reads the variable into the own copy, then compares that.
    Read(VarId, Comparison, Value),
    /// If the variable is `from`, it becomes `to`, in one atomic operation: whether it did. The own copy is what was found.
    CompareAndSwap { var: VarId, from: Value, to: Value },
    /// Each holds; asked in order, up to the first that does not.
    All(Vec<Condition>),
    /// One holds; asked in order, up to the first that does.
    Any(Vec<Condition>),
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// Equal.
    Is,
    /// Not equal.
    IsNot,
    /// Less than.
    Below,
    /// Less or equal.
    AtMost,
    /// Greater than.
    Above,
    /// Greater or equal.
    AtLeast,
}

impl Comparison {
    /// Whether it holds.
    pub fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Comparison::Is => left == right,
            Comparison::IsNot => left != right,
            Comparison::Below => left < right,
            Comparison::AtMost => left <= right,
            Comparison::Above => left > right,
            Comparison::AtLeast => left >= right,
        }
    }

    /// Holds exactly if this one does not.
    pub fn opposite(self) -> Comparison {
        match self {
            Comparison::Is => Comparison::IsNot,
            Comparison::IsNot => Comparison::Is,
            Comparison::Below => Comparison::AtLeast,
            Comparison::AtMost => Comparison::Above,
            Comparison::Above => Comparison::AtMost,
            Comparison::AtLeast => Comparison::Below,
        }
    }
}

/// What is computed of two numbers, in 64 bits that wrap around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// `a + b`.
    Sum,
    /// `a - b`.
    Difference,
    /// `a * b`.
    Product,
    /// `a // b`, rounded down for `b` above zero; 0 for `b` of zero, which checks exclude.
    Quotient,
    /// `a % b`, never negative; `a` for `b` of zero, which checks exclude.
    Remainder,
}

impl Arithmetic {
    /// The result.
    pub fn of(self, a: i64, b: i64) -> i64 {
        match self {
            Arithmetic::Sum => a.wrapping_add(b),
            Arithmetic::Difference => a.wrapping_sub(b),
            Arithmetic::Product => a.wrapping_mul(b),
            Arithmetic::Quotient if b == 0 => 0,
            Arithmetic::Quotient => a.wrapping_div_euclid(b),
            Arithmetic::Remainder if b == 0 => a,
            Arithmetic::Remainder => a.wrapping_rem_euclid(b),
        }
    }
}

/// A [`Value`] as ops have it: a node of a tree in [`super::Model::operands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// Always the same.
    Number(i64),
    /// The content of a register.
    Register(u16),
    /// Computed from two others, which stand before it.
    Of(Arithmetic, OperandId, OperandId),
}

/// What an operand is worth, given the registers of a context.
pub fn evaluate(operands: &[Operand], registers: &[i64], operand: OperandId) -> i64 {
    match operands[operand.index()] {
        Operand::Number(number) => number,
        Operand::Register(register) => registers[register as usize],
        Operand::Of(what, a, b) => what.of(evaluate(operands, registers, a), evaluate(operands, registers, b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposites_never_agree() {
        use Comparison::*;
        for comparison in [Is, IsNot, Below, AtMost, Above, AtLeast] {
            for (left, right) in [(1, 2), (2, 2), (3, 2), (i64::MIN, i64::MAX)] {
                assert_ne!(comparison.holds(left, right), comparison.opposite().holds(left, right));
            }
        }
    }

    #[test]
    fn arithmetic_never_panics_and_rounds_down() {
        use Arithmetic::*;
        assert_eq!((Quotient.of(-7, 2), Remainder.of(-7, 2)), (-4, 1));
        for what in [Sum, Difference, Product, Quotient, Remainder] {
            for a in [i64::MIN, -1, 0, i64::MAX] {
                for b in [i64::MIN, -1, 0, i64::MAX] {
                    let _ = what.of(a, b);
                }
            }
        }
        assert_eq!(Sum.of(i64::MAX, 1), i64::MIN);
    }
}
