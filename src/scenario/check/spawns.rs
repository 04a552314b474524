//! E05: more threads, processes and coroutines than can be simulated.

use super::numbers::MOST_CHILDREN;
use super::walk::{Body, inside};
use super::{Finding, Findings, Path, Subject, head};
use crate::scenario::ast::{Arrive, ReturnWhen, Step};

/// So many may be alive at once, all jobs together.
const MOST_ALIVE: f64 = 1e6;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let alive = subject.code.bottom_up(|body, known| children(subject, body, known));
    for (index, (name, task)) in subject.scenario.tasks.iter().enumerate() {
        let jobs = match task.arrive {
            Arrive::AtOnce => f64::from(task.count.unwrap_or(1)),
            Arrive::Closed { users, .. } => f64::from(users),
            Arrive::Every(_) | Arrive::Poisson(_) | Arrive::Recorded(_) => 1.0,
        };
        let each = alive[subject.code.task(index)].unwrap_or(0.0);
        if jobs * each > MOST_ALIVE {
            let title = format!("task \"{name}\" may have more than {MOST_ALIVE} children alive at once");
            let path = super::entry("tasks", name).name("steps");
            let (spot, text) = match jobs > 1.0 {
                true => (path, format!("about {} for each of {jobs} jobs", words(each))),
                false => (path, format!("about {}", words(each))),
            };
            found.push(Finding::error("E05", title, spot, text).help("spawn fewer, or Join them before spawning more"));
        }
    }
    endless(subject, found);
}

fn words(number: f64) -> String {
    if number < 1e9 { format!("{number}") } else { format!("{number:.1e}") }
}

/// The most children of one execution that can be alive at once: joined ones are gone.
fn children(subject: &Subject<'_>, body: &Body<'_>, known: &[Option<f64>]) -> f64 {
    let program = |name: &str| subject.code.program(name).and_then(|program| known[program]).unwrap_or(0.0);
    let mut total = 0.0;
    for (path, step) in body.own() {
        total += match step {
            // More than that in one step is reported by itself.
            Step::Spawn(_, name, count) => f64::from((*count).min(MOST_CHILDREN)) * (1.0 + program(name)),
            Step::Gather(names, count, _) | Step::TaskGroup(names, count) => {
                let each: f64 = names.iter().map(|name| 1.0 + program(name)).fold(0.0, |a, b| a + b);
                f64::from((*count).min(MOST_CHILDREN)) * each
            }
            Step::Shield(name) | Step::CallSoon(name) | Step::CallLater(_, name) | Step::CallSoonThreadsafe(name) => {
                1.0 + program(name)
            }
            Step::Call(name) => program(name),
            Step::Repeat(times, _) => {
                let rounds = if joins_all(&inside(&path, step)) { 1.0 } else { f64::from(*times) };
                rounds * inner(subject, &path, step, known)
            }
            _ => inner(subject, &path, step, known),
        };
    }
    total
}

fn inner(subject: &Subject<'_>, path: &Path, step: &Step, known: &[Option<f64>]) -> f64 {
    inside(path, step).iter().map(|body| children(subject, body, known)).fold(0.0, |a, b| a + b)
}

/// Whether everything spawned directly in these lists is also joined in them. What is called or nested may spawn as well:
/// only the plain pattern counts.
fn joins_all(bodies: &[Body<'_>]) -> bool {
    let (mut spawned, mut joined) = (Vec::new(), Vec::new());
    for (_, step) in bodies.iter().flat_map(Body::own) {
        match step {
            Step::Spawn(_, name, _) => spawned.push(name),
            Step::Join(name) => joined.push(name),
            Step::WaitTasks(names, ReturnWhen::AllCompleted, None, _) => joined.extend(names),
            Step::Gather(names, _, _) | Step::TaskGroup(names, _) => {
                spawned.extend(names);
                joined.extend(names);
            }
            _ => {}
        }
    }
    !spawned.is_empty() && spawned.iter().all(|name| joined.contains(name))
}

/// `Forever` with a `Spawn` and no `Join`: children of which each round adds one.
fn endless(subject: &Subject<'_>, found: &mut Findings) {
    let never = super::loops::never_ending(subject);
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            let Step::Forever(steps) = step else { return };
            for step in steps {
                if let Step::Spawn(_, name, _) = step
                    && subject.code.program(name).and_then(|program| never[program]) == Some(true)
                {
                    let title = format!("this loop spawns \"{name}\" without end, and no \"{name}\" ever ends");
                    found.push(Finding::error("E05", title, head(path), "more and more children"));
                }
            }
        });
    }
}
