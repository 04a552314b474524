//! E05: parameters of interpreters that cannot be. E10: models that an interpreter cannot carry. Warning
//! `too-early`: models of modules that came later.

use super::model::execution;
use super::{Finding, Findings, Path, Subject};
use crate::model::{StartMethod, Version};
use crate::scenario::ast::{Each, Interpreter, ModelName};
use crate::scenario::lower;
use crate::time::Duration;

/// Bytecodes of a check interval.
const MOST_BYTECODES: u32 = 1_000_000_000;

/// Times that cannot be zero: field, what it is, and what it usually is.
const POSITIVE: &[(&str, &str, &str)] = &[
    ("switch_interval", "the switch interval", "CPython's default is \"5ms\""),
    ("bytecode", "the time of a bytecode", "about \"4ns\""),
    ("check_interval", "the check interval", "PyPy's default is about \"1ms\""),
    ("poll", "the time between two looks", "PyPy's is \"100us\""),
    ("quantum", "the quantum", "Ruby's is \"100ms\""),
    ("tick", "the time between two ticks", "OCaml's is \"50ms\""),
];

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let written = &subject.scenario.interpreter;
    let path = Path::root().name("interpreter");
    for (field, time) in lower::interpreter::times(written) {
        super::times::length(time, &path.name(field), found);
        let row = POSITIVE.iter().find(|(name, ..)| *name == field && time == Duration::ZERO);
        if let Some((_, what, usual)) = row {
            found.push(Finding::error("E05", format!("{what} cannot be zero"), path.name(field), *usual));
        }
    }
    match written {
        Interpreter::CPython { version, .. } => match Version::parse(version) {
            Some(version) => cpython(subject, version, &path, found),
            None => unknown(version, &path.name("version"), found),
        },
        Interpreter::PyPy { .. } | Interpreter::Ruby { .. } | Interpreter::OCaml4 { .. } => {
            other(subject, &path, "has no build without its lock", found);
        }
        Interpreter::Jython | Interpreter::IronPython | Interpreter::Native => {
            other(subject, &path, "has no lock anyway: `Threads(n)` is that", found);
        }
    }
}

fn unknown(version: &str, path: &Path, found: &mut Findings) {
    let known: Vec<String> = Version::all().map(|version| version.to_string()).collect();
    let finding = |text: &str| Finding::error("E05", format!("CPython {version:?} is not known"), path, text);
    let help = format!("known: {}", known.join(", "));
    let Some(nearest) = Version::nearest(version) else {
        return found.push(finding("not a version").help(help));
    };
    let text = match version.strip_suffix('t').and_then(Version::parse) {
        Some(_) => format!("write \"{nearest}\"; the build without a GIL is a model: FreeThreaded(n)"),
        None => format!("did you mean \"{nearest}\"?"),
    };
    found.push(finding(&text).help(help).fix(path, format!("\"{nearest}\"")));
}

fn cpython(subject: &Subject<'_>, version: Version, path: &Path, found: &mut Findings) {
    let Interpreter::CPython {
        switch_interval,
        check_interval,
        bytecode,
        release_window,
        signal,
        free_threading,
        shared_access,
        unsafe_extension,
        eager_tasks,
        ..
    } = &subject.scenario.interpreter
    else {
        return;
    };
    let mut wrong = |field: &str, title: String, text: &str| {
        found.push(Finding::error("E05", title, path.name(field), text));
    };
    if version.has_check_interval() {
        if switch_interval.is_some() {
            let title = format!("CPython {version} has no switch interval");
            wrong("switch_interval", title, "it came with 3.2; before there is `check_interval: 100`, in bytecodes");
        }
        if matches!(check_interval, Some(0)) || check_interval.is_some_and(|bytecodes| bytecodes > MOST_BYTECODES) {
            let title = format!("a check interval is 1 to {MOST_BYTECODES} bytecodes");
            wrong("check_interval", title, "the default is 100");
        }
        let turn = lower::interpreter::interpreter(&subject.scenario.interpreter).gil.map(|gil| gil.interval());
        if release_window.is_some_and(|window| turn.is_some_and(|turn| window > turn)) {
            let title = "the GIL cannot be free for longer than a check interval";
            wrong("release_window", title.to_owned(), "about \"60ns\"");
        }
    } else {
        for (field, given) in [
            ("check_interval", check_interval.is_some()),
            ("bytecode", bytecode.is_some()),
            ("release_window", release_window.is_some()),
            ("signal", signal.is_some()),
        ] {
            if given {
                let title = format!("CPython {version} does not offer its GIL every so many bytecodes");
                wrong(field, title, "up to 3.1; from 3.2 on there is `switch_interval: \"5ms\"`");
            }
        }
    }
    if free_threading.is_some_and(|factor| !(0.1..=100.0).contains(&factor)) {
        let title = "the factor of a free-threaded build is between 0.1 and 100";
        wrong("free_threading", title.to_owned(), "such as 1.08: 8 % slower");
    }
    if !version.has_free_threading() {
        for (field, given) in [
            ("free_threading", free_threading.is_some()),
            ("shared_access", shared_access.is_some()),
            ("unsafe_extension", *unsafe_extension),
        ] {
            if given {
                let title = format!("CPython {version} has no build without a GIL");
                wrong(field, title, "only from 3.13 on");
            }
        }
    }
    if *eager_tasks && !version.has_eager_tasks() {
        wrong("eager_tasks", format!("CPython {version} has no eager tasks"), "only from 3.12 on");
    }
    too_early(subject, version, found);
    models(subject, path, found, |model| match model {
        ModelName::Subinterpreters(_) if !version.has_subinterpreters() => Some((
            format!("CPython {version} has one GIL for all interpreters of a process"),
            "each has its own from \"3.12\" on".to_owned(),
        )),
        ModelName::InterpreterPool { .. } if !version.has_interpreter_pool() => Some((
            format!("CPython {version} has no InterpreterPoolExecutor"),
            "it came with \"3.14\"; Subinterpreters(n) is a pool of one's own, from \"3.12\" on".to_owned(),
        )),
        ModelName::ProcessPool { .. } | ModelName::MultiprocessingPool { .. } if version.has_check_interval() => {
            Some((
                format!("the pools of processes of CPython {version} are not modelled"),
                "from \"3.2\" on; Processes(n) is a pool that costs nothing".to_owned(),
            ))
        }
        ModelName::ProcessPool { start: Some(start), .. }
        | ModelName::MultiprocessingPool { start: Some(start), .. }
            if *start != StartMethod::Fork && !version.has_start_methods() =>
        {
            Some((format!("CPython {version} can only fork"), "other start methods came with \"3.4\"".to_owned()))
        }
        ModelName::FreeThreaded(_) if !version.has_free_threading() => {
            Some((format!("CPython {version} has no build without a GIL"), "from \"3.13\" on".to_owned()))
        }
        _ => None,
    });
}

/// Models whose module came with a later version: they are run as that would have been.
fn too_early(subject: &Subject<'_>, version: Version, found: &mut Findings) {
    for (index, model) in subject.scenario.models.iter().enumerate() {
        let (module, since) = match model {
            ModelName::Asyncio | ModelName::Hybrid { each: Each::Asyncio, .. } if !version.has_asyncio() => {
                ("asyncio", "3.4")
            }
            ModelName::ThreadPool if version.has_check_interval() => ("concurrent.futures", "3.2"),
            _ => continue,
        };
        let path = Path::root().name("models").index(index);
        let title = format!("CPython {version} has no {module}");
        let finding = Finding::warning("too-early", title, &path, format!("it came with {since}"));
        found.push(finding.help("the run is what that module would do there"));
    }
}

/// Interpreters that are not CPython.
fn other(subject: &Subject<'_>, path: &Path, without: &str, found: &mut Findings) {
    let name = lower::interpreter::interpreter(&subject.scenario.interpreter).name;
    models(subject, path, found, |model| match model {
        ModelName::FreeThreaded(_) => {
            Some((format!("{name} {without}"), "CPython has one from \"3.13\" on".to_owned()))
        }
        ModelName::ProcessPool { .. } | ModelName::MultiprocessingPool { .. } if !name.starts_with("PyPy") => Some((
            format!("{name} has no such pools of processes"),
            "CPython and PyPy have; Processes(n) is a pool that costs nothing".to_owned(),
        )),
        ModelName::InterpreterPool { .. } | ModelName::Subinterpreters(_) => Some((
            format!("{name} has no interpreters with a GIL each in one process"),
            "CPython has them from \"3.12\" on".to_owned(),
        )),
        _ => None,
    });
}

/// Reports the first model that the interpreter cannot carry, with the reason and what to write.
fn models(
    subject: &Subject<'_>,
    path: &Path,
    found: &mut Findings,
    wrong: impl Fn(&ModelName) -> Option<(String, String)>,
) {
    let version = matches!(&subject.scenario.interpreter, Interpreter::CPython { version, .. }
        if *version != Version::DEFAULT.to_string());
    let at = if version { path.name("version") } else { path.clone() };
    for (index, model) in subject.scenario.models.iter().enumerate() {
        if let Some((title, text)) = wrong(model) {
            let finding = Finding::error("E10", title, Path::root().name("models").index(index), "this model needs it");
            found.push(finding.and(at.clone(), text));
        }
    }
}

/// Whether threads need a GIL under the model.
pub fn has_gil(written: &Interpreter, model: &ModelName) -> bool {
    let meant = lower::interpreter::interpreter(written);
    meant.has_gil(execution(model))
}

/// As a scenario writes it, for a message.
pub fn name(written: &Interpreter) -> String {
    lower::interpreter::interpreter(written).name
}
