//! E10: steps that a thread of an executor cannot do for a coroutine. E05: how many threads it has. Warning `ignored`: an
//! executor that nobody uses.

use super::model::{awaits_others, has_loop};
use super::walk::Body;
use super::{Finding, Findings, Path, Subject, head};
use crate::scenario::ast::Step;

/// As many as other pools of threads.
const MOST: u32 = 100_000;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let bodies = subject.code.bodies();
    let mut used = None;
    // What a program does by itself or by those it calls, as far as those are known.
    let known = subject.code.bottom_up(|body, known| {
        let mut first = None;
        body.each(&mut |_, step| first = first.or_else(|| cannot(subject, step, known)));
        first
    });
    let known: Vec<Option<Option<&str>>> = known;
    for body in bodies {
        body.each(&mut |path, step| {
            let Step::ToThread(steps) = step else { return };
            used.get_or_insert_with(|| path.clone());
            Body { path: path.index(0), steps }.each(&mut |inner, step| {
                let Some(what) = cannot(subject, step, &known) else { return };
                let title = format!("a thread of the executor cannot do this for a coroutine: {what}");
                let finding = Finding::error("E10", title, head(inner), "move it out");
                found.push(finding.and(head(path), "done by a thread"));
            });
        });
    }
    let loops = subject.models.iter().any(has_loop);
    if let (Some(path), false) = (&used, loops) {
        let title = "ToThread changes nothing: no model here has an event loop";
        found.push(Finding::warning("does-nothing", title, head(path), "threads do these steps themselves"));
    }
    let Some(threads) = subject.scenario.executor else { return };
    let path = Path::root().name("executor");
    if threads == 0 || threads > MOST {
        let title = format!("an executor has 1 to {MOST} threads");
        found.push(Finding::error("E05", title, path, "such as 8; left out, it has the default of the interpreter"));
    } else if used.is_none() && subject.is_whole("tasks") && subject.is_whole("programs") {
        let title = "nobody uses the executor";
        found.push(Finding::warning("ignored", title, path, "no step is ToThread([..])"));
    }
}

/// Why a thread cannot do the step for a coroutine.
fn cannot(subject: &Subject<'_>, step: &Step, known: &[Option<Option<&'static str>>]) -> Option<&'static str> {
    match step {
        step if awaits_others(step) => Some("it awaits"),
        Step::CallSoon(_) | Step::CallLater(..) => Some("only CallSoonThreadsafe may be called from there"),
        Step::Spawn(..) | Step::Join(_) | Step::Cancel(_) => Some("children belong to the coroutine"),
        Step::Call(name) => subject.code.program(name).and_then(|program| known[program])?,
        _ => None,
    }
}
