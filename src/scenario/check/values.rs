//! E02, E05: numbers that steps compute with. A variable itself is read by `Load`, or on the left of a comparison.

use super::objects::values;
use super::{Finding, Findings, Path, Subject};
use crate::scenario::ast::{Computed, Condition, Step, Value};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            for (path, value, left) in values(path, step) {
                if !(left && matches!(value, Value::Variable(_))) {
                    computes(&path, value, found);
                }
            }
            if let Step::If(condition, ..)
            | Step::While(condition, _)
            | Step::RepeatUntil(condition, _)
            | Step::Assert(condition) = step
            {
                asks(&path.index(0), condition, found);
            }
        });
    }
}

fn computes(path: &Path, value: &Value, found: &mut Findings) {
    match value {
        Value::Number(_) => {}
        Value::Variable(name) => {
            let title = "steps compute with numbers and own copies: a variable itself is read one at a time";
            let right = format!("Own(\"{name}\")");
            let finding = Finding::error("E02", title, path, format!("write {right}")).fix(path, right);
            found.push(
                finding.help(format!("Load(\"{name}\") before this step makes the own copy what the variable is")),
            );
        }
        Value::Computed(computed) => match &**computed {
            Computed::Own(_) => {}
            Computed::Sum(a, b) | Computed::Difference(a, b) | Computed::Product(a, b) => {
                computes(&path.index(0), a, found);
                computes(&path.index(1), b, found);
            }
            Computed::Quotient(a, b) | Computed::Remainder(a, b) => {
                computes(&path.index(0), a, found);
                if !matches!(b, Value::Number(1..)) {
                    let title = "a divisor is a number above zero";
                    found.push(Finding::error("E05", title, path.index(1), "write 1 or more"));
                }
            }
        },
    }
}

/// Conditions that ask nothing.
fn asks(path: &Path, condition: &Condition, found: &mut Findings) {
    let (Condition::All(inner) | Condition::Any(inner)) = condition else { return };
    if inner.is_empty() {
        let title = "this condition asks nothing";
        found.push(Finding::error("E05", title, path, "such as Is(\"variable\", 1)"));
    }
    let list = path.index(0);
    for (index, condition) in inner.iter().enumerate() {
        asks(&list.index(index), condition, found);
    }
}
