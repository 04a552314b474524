//! Expectations without names of models and with bounds.

use crate::scenario::ast;
use crate::scenario::check::execution;
use crate::scenario::expect::{Asked, Bounds, Expect, ObjectEnd};
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
