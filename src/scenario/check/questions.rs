//! E13: conditions in expectations, which are about variables by name and not about anybody's own copies.

use super::names::{Kind, unknown};
use super::{Finding, Findings, Path, Subject, entry, key};
use crate::scenario::ast::{Computed, Condition, Expect, Value};

pub fn check(subject: &Subject<'_>, path: &Path, asked: &Condition, found: &mut Findings) {
    match asked {
        Condition::Is(a, b)
        | Condition::IsNot(a, b)
        | Condition::Below(a, b)
        | Condition::AtMost(a, b)
        | Condition::Above(a, b)
        | Condition::AtLeast(a, b) => {
            number(subject, &path.index(0), a, found);
            number(subject, &path.index(1), b, found);
            if variables(asked).is_empty() {
                let finding = Finding::error("E13", "no variable is asked about", path, "always the same");
                found.push(finding.help("write names of variables: Is(\"paid\", \"received\")"));
            }
        }
        Condition::CompareAndSwap(..) => {
            let finding = Finding::error("E13", "an expectation changes nothing", path, "this would be a step");
            found.push(finding.help("write `Is(\"variable\", 1)`"));
        }
        Condition::All(inner) | Condition::Any(inner) => {
            if inner.is_empty() {
                let title = "this condition asks nothing";
                found.push(Finding::error("E13", title, path, "such as Is(\"variable\", 1)"));
            }
            for (index, asked) in inner.iter().enumerate() {
                check(subject, &path.index(0).index(index), asked, found);
            }
        }
    }
}

/// Most conditions that are asked at every moment.
const MOST: usize = 64;

/// E13: more of them than that.
pub fn count(expects: &[Expect], path: &Path, found: &mut Findings) {
    fn of(expects: &[Expect]) -> usize {
        let each = |expect: &Expect| match expect {
            Expect::Always(_) | Expect::Never(_) | Expect::Eventually(_) => 1,
            Expect::Sometimes(inner) => of(std::slice::from_ref(inner)),
            Expect::In(_, inner) | Expect::At(_, inner) => of(inner),
            _ => 0,
        };
        expects.iter().map(each).sum()
    }
    let all = of(expects);
    if all > MOST {
        let title = format!("{all} conditions at every moment are more than {MOST}");
        found.push(Finding::error("E13", title, path, "put several into one: All([..])"));
    }
}

fn number(subject: &Subject<'_>, path: &Path, value: &Value, found: &mut Findings) {
    match value {
        Value::Number(_) => {}
        Value::Variable(name) => variable(subject, path, name, found),
        Value::Computed(computed) => match &**computed {
            Computed::Own(name) => {
                let title = "an expectation is about variables, not about the own copy of a thread";
                let right = format!("{name:?}");
                found.push(Finding::error("E13", title, path, format!("write {right}")).fix(path, right));
            }
            Computed::Sum(a, b) | Computed::Difference(a, b) | Computed::Product(a, b) => {
                number(subject, &path.index(0), a, found);
                number(subject, &path.index(1), b, found);
            }
            Computed::Quotient(a, b) | Computed::Remainder(a, b) => {
                number(subject, &path.index(0), a, found);
                if !matches!(b, Value::Number(1..)) {
                    let title = "a divisor is a number above zero";
                    found.push(Finding::error("E13", title, path.index(1), "write 1 or more"));
                }
            }
        },
    }
}

fn variable(subject: &Subject<'_>, path: &Path, name: &str, found: &mut Findings) {
    match subject.scenario.shared.get(name) {
        Some(shared) if !matches!(Kind::of(shared), Kind::Int | Kind::Object) => {
            let finding = Finding::error("E13", Kind::of(shared).without_value(name), path, "a variable");
            found.push(finding.and(key(&entry("shared", name)), "declared here"));
        }
        None if subject.is_whole("shared") => found.push(unknown("E13", subject.scenario, "shared", name, path)),
        _ => {}
    }
}

/// All variables that are asked about.
pub fn variables(asked: &Condition) -> Vec<&str> {
    fn of(value: &Value) -> Vec<&str> {
        match value {
            Value::Number(_) => Vec::new(),
            Value::Variable(name) => vec![name],
            Value::Computed(computed) => match &**computed {
                Computed::Own(name) => vec![name],
                Computed::Sum(a, b)
                | Computed::Difference(a, b)
                | Computed::Product(a, b)
                | Computed::Quotient(a, b)
                | Computed::Remainder(a, b) => [of(a), of(b)].concat(),
            },
        }
    }
    match asked {
        Condition::Is(a, b)
        | Condition::IsNot(a, b)
        | Condition::Below(a, b)
        | Condition::AtMost(a, b)
        | Condition::Above(a, b)
        | Condition::AtLeast(a, b) => [of(a), of(b)].concat(),
        Condition::CompareAndSwap(name, ..) => vec![name],
        Condition::All(inner) | Condition::Any(inner) => inner.iter().flat_map(variables).collect(),
    }
}
