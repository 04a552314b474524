//! Warning `ignored`: settings of cores and schedulers that something else leaves without effect.

use super::{Finding, Findings, Path, Subject, entry};
use crate::kernel::policy::Rank;
use crate::scenario::ast::{Arrive, Task};
use crate::time::Duration;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let machine = &subject.scenario.machine;
    let tasks = &subject.scenario.tasks;
    let path = Path::root().name("machine");
    let mut ignored = |title: String, path: Path, label: &str| {
        found.push(Finding::warning("ignored", title, &path, label));
    };
    let sets = |task: &Task| task.working_set.is_some_and(|size| size > 0);
    match machine.caches {
        None => {
            for (name, _) in tasks.iter().filter(|(_, task)| sets(task)) {
                let title = "a working set is of use only on a machine with caches".to_owned();
                ignored(title, entry("tasks", name).name("working_set"), "the machine has no `caches`");
            }
        }
        Some(caches) if caches.size == 0 => {
            ignored("nothing fits into these caches".to_owned(), path.name("caches").name("size"), "no core gets warm");
        }
        Some(_) if !tasks.values().any(sets) => {
            let title = "no task has a working set, so caches play no part".to_owned();
            ignored(title, path.name("caches"), "write `working_set: ..` at a task");
        }
        Some(_) => {}
    }
    let promises = machine.scheduler.promises();
    if machine.interrupt.is_some() && promises.slice.is_some() {
        let title = format!("the interrupt ends the turns of threads, not the slices of {}", machine.scheduler);
        ignored(title, path.name("interrupt"), "slices have no effect beside it");
    }
    let by_deadline = |task: &Task| task.deadline.is_some();
    let periodic = |task: &Task| matches!(task.arrive, Arrive::Every(every) if every > Duration::ZERO);
    let (what, without) = match promises.order {
        Some(Rank::Deadline | Rank::RelativeDeadline) => {
            ("deadline", !tasks.values().any(|task| by_deadline(task) || periodic(task)))
        }
        None if promises.deadlines => ("deadline", !tasks.values().any(|task| by_deadline(task) || periodic(task))),
        Some(Rank::Period) => ("period (`arrive: Every(..)`)", !tasks.values().any(periodic)),
        _ => return,
    };
    if without {
        let title = format!("{} orders threads by deadlines or periods, and no task has any", machine.scheduler);
        ignored(title, path.name("scheduler"), &format!("no task has a {what}"));
    }
}
