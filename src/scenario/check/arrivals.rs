//! E05: arrivals that cannot be. E07: work that never ends in a run without an end.

use super::{Finding, Findings, Path, Subject, entry, head};
use crate::scenario::ast::{Arrive, SpawnWhat, Step, Task};
use crate::time::Duration;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for (name, task) in &subject.scenario.tasks {
        let path = entry("tasks", name).name("arrive");
        match &task.arrive {
            Arrive::Every(Duration::ZERO) => {
                let title = "jobs every zero seconds: infinitely many at once";
                found.push(Finding::error(
                    "E05",
                    title,
                    path.index(0),
                    "a period above zero, or AtOnce with a `count`",
                ));
            }
            Arrive::Recorded(times) => {
                recorded(times, &path.index(0), found);
                fewer(task.count, times.len(), name, &path, found);
            }
            Arrive::AtOnce | Arrive::Every(_) | Arrive::Poisson(_) | Arrive::Closed { .. } => {}
        }
        if subject.scenario.until.is_none() && is_endless(task) {
            let title = format!("the jobs of \"{name}\" never stop coming, and nothing ends the run");
            let finding = Finding::error("E07", title, path, "without end");
            found.push(finding.help("write `until: \"10s\"` at the top level, or give the task a `count`"));
        }
    }
    if subject.scenario.until.is_none() {
        forever(subject, found);
    }
}

/// Whether jobs come for as long as the clock runs.
pub fn is_endless(task: &Task) -> bool {
    let bounded = matches!(task.arrive, Arrive::AtOnce | Arrive::Recorded(_));
    task.count.is_none() && !bounded
}

fn recorded(times: &[Duration], path: &Path, found: &mut Findings) {
    if times.is_empty() {
        found.push(Finding::error("E05", "no arrivals recorded", path, "give at least one time"));
    }
    for (index, pair) in times.windows(2).enumerate() {
        if pair[1] < pair[0] {
            let finding =
                Finding::error("E05", "recorded times run back", path.index(index + 1), "before the one before");
            found.push(finding.help("write the times in ascending order"));
            return;
        }
    }
}

/// A `count` takes the first of the times; it cannot add any.
fn fewer(count: Option<u32>, times: usize, task: &str, path: &Path, found: &mut Findings) {
    if let Some(count) = count.filter(|count| *count as usize > times) {
        let title = format!("task \"{task}\" has a count of {count}, and {times} recorded arrivals");
        let spot = entry("tasks", task).name("count");
        let finding = Finding::warning("few-arrivals", title, spot, "more than there are times");
        found.push(finding.and(path.index(0), format!("{times} times")).help("write more times, or leave out `count`"));
    }
}

fn forever(subject: &Subject<'_>, found: &mut Findings) {
    const HELP: &str = "write `until: \"10s\"` at the top level, or use Repeat";
    let code = &subject.code;
    // Daemons may go on for ever, as long as nobody waits for them.
    let waited_for = code.reach(code.tasks(), |r| !r.spawn.is_some_and(SpawnWhat::is_daemon));
    let never = super::loops::never_ending(subject);
    for (body, _) in code.bodies().iter().zip(&waited_for).filter(|(_, waited_for)| **waited_for) {
        body.each(&mut |path, step| match step {
            Step::Forever(_) => {
                let title = "this loop never ends, and nothing ends the run";
                found.push(Finding::error("E07", title, head(path), "without end").help(HELP));
            }
            Step::Join(name) => {
                let daemon = code.program(name).filter(|&program| !waited_for[program] && never[program] == Some(true));
                if daemon.is_some() {
                    let title = format!("this waits for \"{name}\", which never ends, and nothing ends the run");
                    found.push(Finding::error("E07", title, path.clone(), "waits for a daemon").help(HELP));
                }
            }
            _ => {}
        });
    }
}
