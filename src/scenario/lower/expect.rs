//! Expectations without names of models and with bounds.

use crate::model::{Arithmetic, Comparison};
use crate::scenario::ast;
use crate::scenario::ast::{Computed, Condition, Value};
use crate::scenario::check::execution;
use crate::scenario::expect::{Asked, Bounds, Expect, Number, ObjectEnd, Question, When};
use crate::scenario::one_line::one_line;
use crate::scenario::path::Path;

/// The expectation that stands at `path`; `written` gives the text of a path.
pub fn expect(path: &Path, expect: &ast::Expect, written: &impl Fn(&Path) -> String) -> Expect {
    Expect { text: written(path), what: asked(path, expect, written) }
}

fn asked(path: &Path, written: &ast::Expect, text: &impl Fn(&Path) -> String) -> Asked {
    use ast::Expect as Ast;
    let all = |inner: &[ast::Expect]| {
        inner.iter().enumerate().map(|(n, inner)| expect(&path.index(1).index(n), inner, text)).collect()
    };
    match written {
        Ast::Elapsed { is, at_least, at_most } => Asked::Elapsed(bounds(*is, *at_least, *at_most)),
        Ast::Throughput { task, is, at_least, at_most } => {
            Asked::Throughput { task: task.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Latency { task, p, is, at_least, at_most } => {
            Asked::Latency { task: task.clone(), p: *p, bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Response { task, is, at_least, at_most } => {
            Asked::Response { task: task.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Missed { task, is, at_least, at_most } => {
            Asked::Missed { task: task.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Failed { task, is, at_least, at_most } => {
            Asked::Failed { task: task.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Refused { task, is, at_least, at_most } => {
            Asked::Refused { task: task.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Sockets { of, count, is, at_least, at_most } => {
            Asked::Sockets { of: of.clone(), count: *count, bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::LoopLag { p, is, at_least, at_most } => Asked::LoopLag { p: *p, bounds: bounds(*is, *at_least, *at_most) },
        Ast::Starvation { is, at_least, at_most } => Asked::Starvation(bounds(*is, *at_least, *at_most)),
        Ast::Bypass { at_most } => Asked::Bypass(*at_most),
        Ast::Utilization { of, is, at_least, at_most } => {
            Asked::Utilization { of: of.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::SlowCallbacks { is, at_least, at_most } => Asked::SlowCallbacks(bounds(*is, *at_least, *at_most)),
        Ast::GilSwitches { is, at_least, at_most } => Asked::GilSwitches(bounds(*is, *at_least, *at_most)),
        Ast::Final { var, is, at_least, at_most } => {
            Asked::Final { var: var.clone(), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::Speedup { of, over, is, at_least, at_most } => {
            Asked::Speedup { of: execution(of), over: execution(over), bounds: bounds(*is, *at_least, *at_most) }
        }
        Ast::CriticalPath { is, at_least, at_most } => Asked::CriticalPath(bounds(*is, *at_least, *at_most)),
        Ast::Always(asked) => Asked::Condition(When::Always, question(asked)),
        Ast::Never(asked) => Asked::Condition(When::Never, question(asked)),
        Ast::Eventually(asked) => Asked::Condition(When::Eventually, question(asked)),
        Ast::Possible(asked) => Asked::Condition(When::Possible, question(asked)),
        Ast::AtEnd(asked) => Asked::Condition(When::AtEnd, question(asked)),
        Ast::Deadlock => Asked::Deadlock,
        Ast::Leaked(name) => Asked::Object { name: name.clone(), end: ObjectEnd::Leaked },
        Ast::UsedAfterFree(name) => Asked::Object { name: name.clone(), end: ObjectEnd::UsedAfterFree },
        Ast::Sometimes(inner) => Asked::Sometimes(Box::new(expect(&path.index(0), inner, text))),
        Ast::In(model, inner) => Asked::In(execution(model), all(inner)),
        Ast::At(settings, inner) => Asked::At(at(settings), all(inner)),
    }
}

/// Settings of `At` in the form in which points have them.
pub fn at(settings: &indexmap::IndexMap<String, ast::Raw>) -> Vec<(String, String)> {
    settings.iter().map(|(path, value)| (canonical(path), one_line(&value.0))).collect()
}

/// A path as paths print.
pub fn canonical(path: &str) -> String {
    Path::parse(path).map_or_else(|_| path.to_owned(), |path| path.to_string())
}

fn bounds<T: Copy>(is: Option<T>, at_least: Option<T>, at_most: Option<T>) -> Bounds<T> {
    Bounds { at_least: is.or(at_least), at_most: is.or(at_most) }
}

fn question(asked: &Condition) -> Question<String> {
    let compare = |a, comparison, b| Question::Compare(number(a), comparison, number(b));
    match asked {
        Condition::Is(a, b) => compare(a, Comparison::Is, b),
        Condition::IsNot(a, b) => compare(a, Comparison::IsNot, b),
        Condition::Below(a, b) => compare(a, Comparison::Below, b),
        Condition::AtMost(a, b) => compare(a, Comparison::AtMost, b),
        Condition::Above(a, b) => compare(a, Comparison::Above, b),
        Condition::AtLeast(a, b) => compare(a, Comparison::AtLeast, b),
        Condition::All(all) => Question::All(all.iter().map(question).collect()),
        Condition::Any(any) => Question::Any(any.iter().map(question).collect()),
        Condition::CompareAndSwap(..) => unreachable!("expectations change nothing: checks have seen to it"),
    }
}

fn number(value: &Value) -> Number<String> {
    let of = |what, a, b| Number::Of(what, Box::new(number(a)), Box::new(number(b)));
    match value {
        Value::Number(fixed) => Number::Fixed(*fixed),
        Value::Variable(name) => Number::Variable(name.clone()),
        Value::Computed(computed) => match &**computed {
            Computed::Own(name) => Number::Variable(name.clone()),
            Computed::Sum(a, b) => of(Arithmetic::Sum, a, b),
            Computed::Difference(a, b) => of(Arithmetic::Difference, a, b),
            Computed::Product(a, b) => of(Arithmetic::Product, a, b),
            Computed::Quotient(a, b) => of(Arithmetic::Quotient, a, b),
            Computed::Remainder(a, b) => of(Arithmetic::Remainder, a, b),
        },
    }
}
