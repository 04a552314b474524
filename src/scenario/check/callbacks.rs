//! E10: callbacks that wait, and calls of a loop where there is none.

use super::model::{awaits_others, execution, has_loop};
use super::walk::{Body, inside};
use super::{Finding, Findings, Path, Subject, head};
use crate::scenario::ast::{Shared, SpawnWhat, Step};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let code = &subject.code;
    if code.references().iter().all(|reference| !reference.callback) {
        return;
    }
    let waits = code.bottom_up(|body, known| waits(subject, body, known));
    let used = code.used();
    let children = code.references().iter().filter(|r| r.spawn == Some(SpawnWhat::Process) && used[r.from]);
    let in_child = code.reach(children.map(|r| r.to), |r| !r.threadsafe);
    for reference in code.references().iter().filter(|reference| reference.callback) {
        let name = subject.scenario.programs.get_index(reference.to).map_or("", |(name, _)| name.as_str());
        if let Some(Some((path, why))) = &waits[reference.to] {
            let title = format!("a callback waits for nothing, and \"{name}\" does: {why}");
            let finding = Finding::error("E10", title, head(&reference.path), "called by the loop, not awaited");
            found.push(
                finding.and(head(path), "waits").help("let the callback Spawn a coroutine that waits, or set an Event"),
            );
        }
        if !reference.threadsafe {
            continue;
        }
        let loopless = subject.scenario.models.iter().position(|model| !has_loop(model));
        if let Some(index) = loopless.filter(|_| used[reference.from]) {
            let model = execution(&subject.scenario.models[index]);
            let title = format!("CallSoonThreadsafe calls an event loop, and {model} has none");
            let finding = Finding::error("E10", title, head(&reference.path), "asked for here");
            let models = Path::root().name("models").index(index);
            found.push(finding.and(models, "this model has no event loop").help("list only models with an event loop"));
        } else if in_child[reference.from] {
            let title = "CallSoonThreadsafe calls the event loop of its process, and a child process has none";
            found.push(Finding::error("E10", title, head(&reference.path), "asked for here"));
        }
    }
}

/// The first step of the list that waits for something, and why.
fn waits(
    subject: &Subject<'_>,
    body: &Body<'_>,
    known: &[Option<Option<(Path, &'static str)>>],
) -> Option<(Path, &'static str)> {
    body.own().find_map(|(path, step)| {
        if let Step::Call(name) = step {
            let called = subject.code.program(name).and_then(|program| known[program].clone()).flatten();
            return called.map(|(_, why)| (path, why));
        }
        if let Some(why) = awaits(subject, step) {
            return Some((path, why));
        }
        if let Step::Blocking(_) = step {
            return None;
        }
        inside(&path, step).iter().find_map(|body| waits(subject, body, known))
    })
}

fn awaits(subject: &Subject<'_>, step: &Step) -> Option<&'static str> {
    match step {
        step if awaits_others(step) => Some("it awaits others"),
        Step::Sleep(_) | Step::Yield => Some("it sleeps or gives way; CallLater is for later"),
        Step::Io(..) | Step::Connect(..) | Step::Accept(..) | Step::Send(..) | Step::Recv(..) => {
            Some("it awaits a device")
        }
        Step::Join(_) => Some("it joins others"),
        Step::Acquire(_) | Step::AcquireRead(_) | Step::With(..) | Step::WithRead(..) => Some("a lock may not be free"),
        Step::Wait(_) => Some("it waits for others"),
        Step::Get(..) => Some("a queue may be empty"),
        Step::Put(name, _) => match subject.scenario.shared.get(name).map(Shared::plain) {
            Some(Shared::Queue { capacity: Some(_) }) => Some("a queue with a capacity may be full"),
            _ => None,
        },
        _ => None,
    }
}
