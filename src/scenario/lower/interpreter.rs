//! An interpreter: what its name and version set, and what the scenario sets instead.

use crate::model::{CountTimes, Interpreter, Ticks, Version};
use crate::runtime::gil::Rules;
use crate::scenario::ast;
use crate::time::Duration;

/// The interpreter that is meant. A version that is not known counts as the newest: the checks say so.
pub fn interpreter(written: &ast::Interpreter) -> Interpreter {
    match written {
        ast::Interpreter::CPython { .. } => cpython(written),
        ast::Interpreter::PyPy { check_interval, poll, increment } => {
            Interpreter { increment: *increment, ..Interpreter::pypy(*check_interval, *poll) }
        }
        ast::Interpreter::Ruby { quantum, increment } => {
            Interpreter { increment: *increment, ..Interpreter::ruby(*quantum) }
        }
        ast::Interpreter::OCaml4 { tick, increment } => {
            Interpreter { increment: *increment, ..Interpreter::ocaml4(*tick) }
        }
        ast::Interpreter::Jython => Interpreter::without_lock("Jython"),
        ast::Interpreter::IronPython => Interpreter::without_lock("IronPython"),
        ast::Interpreter::Native => Interpreter::without_lock("native code"),
    }
}

fn cpython(written: &ast::Interpreter) -> Interpreter {
    let ast::Interpreter::CPython {
        version,
        switch_interval,
        check_interval,
        bytecode,
        release_window,
        signal,
        check_points,
        increment,
        free_threading,
        shared_access,
        plain_count,
        atomic_count,
        moved_count,
        unsafe_extension,
        eager_tasks,
        start_handshake,
    } = written
    else {
        unreachable!("called for CPython")
    };
    let version = Version::parse(version).unwrap_or(Version::DEFAULT);
    let preset = Interpreter::cpython(version);
    let ticks = Ticks::default();
    let gil = match version.has_check_interval() {
        true => Some(
            Ticks {
                check_interval: check_interval.unwrap_or(ticks.check_interval),
                bytecode: bytecode.unwrap_or(ticks.bytecode),
                release_window: release_window.unwrap_or(ticks.release_window),
                signal: signal.unwrap_or(ticks.signal),
            }
            .rules(),
        ),
        false => switch_interval.map(Rules::switching).or(preset.gil),
    };
    Interpreter {
        gil,
        increment: increment.unwrap_or(preset.increment),
        check_points: check_points.unwrap_or(preset.check_points),
        free_threading_permille: free_threading
            .map_or(preset.free_threading_permille, |factor| (factor * 1_000.0 + 0.5) as u32),
        shared_access: shared_access.unwrap_or(preset.shared_access),
        counts: CountTimes {
            plain: plain_count.unwrap_or(preset.counts.plain),
            atomic: atomic_count.unwrap_or(preset.counts.atomic),
            moved: moved_count.unwrap_or(preset.counts.moved),
        },
        unsafe_extension: *unsafe_extension,
        eager_tasks: *eager_tasks,
        start_handshake: *start_handshake,
        ..preset
    }
}

/// Every time in an interpreter, with the name of its field.
pub fn times(written: &ast::Interpreter) -> Vec<(&'static str, Duration)> {
    match written {
        ast::Interpreter::CPython {
            switch_interval,
            bytecode,
            release_window,
            signal,
            increment,
            shared_access,
            plain_count,
            atomic_count,
            moved_count,
            ..
        } => {
            let given = [
                ("switch_interval", switch_interval),
                ("bytecode", bytecode),
                ("release_window", release_window),
                ("signal", signal),
                ("increment", increment),
                ("shared_access", shared_access),
                ("plain_count", plain_count),
                ("atomic_count", atomic_count),
                ("moved_count", moved_count),
            ];
            given.into_iter().filter_map(|(name, time)| Some((name, (*time)?))).collect()
        }
        ast::Interpreter::PyPy { check_interval, poll, increment } => {
            vec![("check_interval", *check_interval), ("poll", *poll), ("increment", *increment)]
        }
        ast::Interpreter::Ruby { quantum, increment } => vec![("quantum", *quantum), ("increment", *increment)],
        ast::Interpreter::OCaml4 { tick, increment } => vec![("tick", *tick), ("increment", *increment)],
        ast::Interpreter::Jython | ast::Interpreter::IronPython | ast::Interpreter::Native => Vec::new(),
    }
}
