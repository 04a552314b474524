//! E10: what pools of processes cannot carry, and what only they can. Warning `ignored`: messages that nobody sends.

use super::model::execution;
use super::{Finding, Findings, Path, Subject, entry, head};
use crate::scenario::ast::{Late, ModelName, Step};

fn is_pool(model: &ModelName) -> bool {
    matches!(model, ModelName::ProcessPool { .. } | ModelName::MultiprocessingPool { .. })
}

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let models = Path::root().name("models");
    let pool = scenario.models.iter().position(is_pool);
    let other = scenario.models.iter().position(|model| !is_pool(model));
    let mut spawn = None;
    let mut exit = None;
    for body in subject.code.bodies() {
        body.each(&mut |path, step| match step {
            Step::Spawn(..) => drop(spawn.get_or_insert_with(|| path.clone())),
            Step::Exit => drop(exit.get_or_insert_with(|| path.clone())),
            _ => {}
        });
    }
    if let Some(exit) = exit {
        if let Some(index) = other {
            let model = execution(&scenario.models[index]);
            let title = format!("Exit ends a worker process of a pool, and under {model} it would end everything");
            let finding = Finding::error("E10", title, &exit, "the process dies here");
            let finding = finding.and(models.index(index), "no pool of processes");
            found.push(finding.help("list only ProcessPool(..) and MultiprocessingPool(..), or Raise an exception"));
        } else if let Some(spawn) = spawn {
            let title =
                "a process that ends by Exit cannot have spawned anything: what becomes of that is not modelled";
            found.push(Finding::error("E10", title, &exit, "the process dies here").and(head(&spawn), "spawned here"));
        }
    }
    for (name, task) in &scenario.tasks {
        let path = entry("tasks", name);
        if let (Late::Abort, Some(index)) = (task.late, pool) {
            let model = execution(&scenario.models[index]);
            let title = format!("a job that is handed to another process cannot be dropped, as under {model}");
            let finding = Finding::error("E10", title, path.name("late"), "drops late jobs");
            found.push(finding.and(models.index(index), "this model hands jobs to processes"));
        }
        let messages = subject.models.iter().any(is_pool);
        for (field, size) in [("argument", task.argument), ("result", task.result)] {
            if size.is_some() && !messages {
                let title = format!("the {field} of a job is of use only to pools of processes");
                let help = "no model here is ProcessPool(..) or MultiprocessingPool(..)";
                found.push(Finding::warning("ignored", title, path.name(field), help));
            }
        }
    }
}
