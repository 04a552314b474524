//! E05: objects without references. E10: interpreters that count none, objects of native code that are to be locked.

use super::{Finding, Findings, Path, Subject, entry, head, interpreter, key};
use crate::scenario::ast::{Interpreter, Shared, Step};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            if let (Step::Mutate(..), Interpreter::Native) = (step, &scenario.interpreter) {
                let title = "an object of native code has no lock of its own";
                let finding = Finding::error("E10", title, head(path), "CPython's objects have one");
                found.push(finding.help("declare a lock for it: With(\"lock\", [Use(\"object\"), Cpu(\"100ns\")])"));
            }
        });
    }
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            if let (Step::Collect(_), Interpreter::Native) = (step, &scenario.interpreter) {
                found.push(Finding::error(
                    "E10",
                    "native code has no collector",
                    head(path),
                    "only an interpreter has",
                ));
            }
        });
    }
    for (name, shared) in &scenario.shared {
        let Shared::Object { references, .. } = shared.plain() else { continue };
        let at = entry("shared", name);
        if let Interpreter::PyPy { .. }
        | Interpreter::Ruby { .. }
        | Interpreter::OCaml4 { .. }
        | Interpreter::Jython
        | Interpreter::IronPython = scenario.interpreter
        {
            let title = format!("{} counts no references: its collector finds what nobody uses", name_of(subject));
            let finding = Finding::error("E10", title, key(&at), "an object with a reference count");
            let finding = finding.and(Path::root().name("interpreter"), "CPython does, and `Native` code may");
            found.push(finding);
        }
        let inner = if matches!(shared, Shared::Interprocess(_)) { at.index(0) } else { at };
        if *references == 0 || *references > MOST_REFERENCES {
            let title = format!("an object has 1 to {MOST_REFERENCES} references at the start, not {references}");
            found.push(Finding::error("E05", title, inner.name("references"), "without one it would not be there"));
        }
    }
}

/// References to an object at the start.
const MOST_REFERENCES: u32 = 1_000_000_000;

fn name_of(subject: &Subject<'_>) -> String {
    interpreter::name(&subject.scenario.interpreter)
}
