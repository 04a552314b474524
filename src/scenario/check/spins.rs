//! Loops with a condition that, once they go round, go round for ever at one instant: what they ask is changed by nobody,
//! because nobody else acts while no time passes.

use super::Subject;
use crate::scenario::ast::{Computed, Condition, Step, Value};

/// Whether a loop in which no time passes certainly never ends once it goes round. What only a run can tell is left to it.
pub fn spins(subject: &Subject<'_>, step: &Step) -> bool {
    let (condition, steps, until) = match step {
        Step::While(condition, steps) => (condition, steps, false),
        Step::RepeatUntil(condition, steps) => (condition, steps, true),
        _ => return false,
    };
    let mut writes = Vec::new();
    if !steps.iter().all(|step| repeats_itself(subject, step, &mut writes)) {
        return false;
    }
    // After one round everything is as after all others: what was written then decides.
    let ends = |var: &str, number: i64| match asked(condition) {
        Some((name, test)) => name == var && test(number) == until,
        None => true,
    };
    let asked_again = match condition {
        Condition::CompareAndSwap(_, from, to) => until && is_number(from) && is_number(to) && writes.is_empty(),
        Condition::All(_) | Condition::Any(_) => writes.is_empty() && !swaps(condition),
        _ => true,
    };
    asked_again && !writes.iter().any(|(var, number)| ends(var, *number))
}

/// Whether a second round of the step would change nothing. Which numbers it writes to which variables and own copies.
fn repeats_itself<'a>(subject: &'a Subject<'_>, step: &'a Step, writes: &mut Vec<(&'a str, i64)>) -> bool {
    match step {
        Step::Load(_) | Step::Store(_, None) | Step::Print(_) => true,
        Step::Let(var, Value::Number(number))
        | Step::Store(var, Some(Value::Number(number)))
        | Step::Swap(var, Some(Value::Number(number))) => {
            writes.push((var, *number));
            true
        }
        Step::Blocking(steps) | Step::ToThread(steps) | Step::Atomic(steps) => {
            steps.iter().all(|step| repeats_itself(subject, step, writes))
        }
        Step::If(condition, steps, otherwise) => {
            !swaps(condition) && steps.iter().chain(otherwise).all(|step| repeats_itself(subject, step, writes))
        }
        Step::Call(name) => match subject.code.program(name) {
            Some(program) => {
                let body = &subject.code.bodies()[program];
                body.steps.iter().all(|step| repeats_itself(subject, step, writes))
            }
            None => false,
        },
        _ => false,
    }
}

fn swaps(condition: &Condition) -> bool {
    match condition {
        Condition::CompareAndSwap(..) => true,
        Condition::All(inner) | Condition::Any(inner) => inner.iter().any(swaps),
        _ => false,
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Number(_))
}

/// Whether a number passes the test of a condition.
type Test = Box<dyn Fn(i64) -> bool>;

/// The variable (or own copy) that is compared with a number, and the test of what it is; `None` for all other conditions.
fn asked(condition: &Condition) -> Option<(&str, Test)> {
    let (left, right, holds): (_, _, fn(&i64, &i64) -> bool) = match condition {
        Condition::Is(left, right) => (left, right, i64::eq),
        Condition::IsNot(left, right) => (left, right, i64::ne),
        Condition::Below(left, right) => (left, right, i64::lt),
        Condition::AtMost(left, right) => (left, right, i64::le),
        Condition::Above(left, right) => (left, right, i64::gt),
        Condition::AtLeast(left, right) => (left, right, i64::ge),
        Condition::CompareAndSwap(..) | Condition::All(_) | Condition::Any(_) => return None,
    };
    let name = match left {
        Value::Variable(name) => name,
        Value::Computed(computed) => match &**computed {
            Computed::Own(name) => name,
            _ => return None,
        },
        Value::Number(_) => return None,
    };
    match *right {
        Value::Number(right) => Some((name, Box::new(move |number| holds(&number, &right)))),
        _ => None,
    }
}
