//! Warnings about steps: `does-nothing`, `unreachable`, `blocks-the-loop`.

use super::loops::{never_ending, never_ends, takes_time};
use super::model::{execution, has_loop};
use super::walk::Body;
use super::{Finding, Findings, Path, Subject, head};
use crate::scenario::ast::{Condition, Step, Value};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let never = never_ending(subject);
    let used = subject.code.used();
    for (body, used) in subject.code.bodies().iter().zip(used) {
        body.each(&mut |path, step| does_nothing(path, step, found));
        body.each_list(&mut |list| unreachable(subject, list, &never, found));
        if used {
            body.each(&mut |path, step| blocks(subject, path, step, found));
        }
    }
    for (name, task) in &subject.scenario.tasks {
        if task.steps.is_empty() {
            let path = super::entry("tasks", name).name("steps");
            found.push(Finding::warning("does-nothing", format!("task \"{name}\" has no steps"), path, "empty"));
        }
    }
}

fn does_nothing(path: &Path, step: &Step, found: &mut Findings) {
    let why = match step {
        Step::Repeat(0, _) => "zero times",
        Step::Repeat(_, steps) | Step::Blocking(steps) | Step::ToThread(steps) | Step::Atomic(steps)
            if steps.is_empty() =>
        {
            "no steps inside"
        }
        Step::Choose(branches) if branches.0.iter().all(|(_, steps)| steps.is_empty()) => "no steps in any branch",
        Step::Cpu(time) | Step::CpuNoGil(time) | Step::CpuHoldGil(time) | Step::Collect(time) if !takes_time(time) => {
            "no time"
        }
        Step::Add(_, Value::Number(0)) | Step::Incr(_, 0) => "adds nothing",
        Step::If(condition, steps, otherwise)
            if steps.is_empty() && otherwise.is_empty() && !matches!(condition, Condition::CompareAndSwap(..)) =>
        {
            "no steps inside"
        }
        _ => return,
    };
    found.push(Finding::warning("does-nothing", "this step does nothing", head(path), why));
}

fn unreachable(subject: &Subject<'_>, list: &Body<'_>, never: &[Option<bool>], found: &mut Findings) {
    let ending = list.own().find(|(_, step)| never_ends(subject, step, never));
    if let Some((endless, _)) = ending
        && let Some((after, _)) = list.own().skip_while(|(path, _)| *path != endless).nth(1)
    {
        let finding = Finding::warning("unreachable", "this step is never reached", after, "unreachable");
        found.push(finding.and(head(&endless), "this never ends"));
    }
    for (path, step) in list.own() {
        let Step::Choose(branches) = step else { continue };
        for (index, (probability, steps)) in branches.0.iter().enumerate() {
            if *probability == 0.0 && !steps.is_empty() {
                let spot = super::key(&path.index(0).index(index));
                found.push(Finding::warning("unreachable", "this branch is never taken", spot, "probability 0"));
            }
        }
    }
}

fn blocks(subject: &Subject<'_>, path: &Path, step: &Step, found: &mut Findings) {
    let Step::Blocking(steps) = step else { return };
    let Some(index) = subject.scenario.models.iter().position(has_loop) else {
        if !steps.is_empty() {
            let text = "threads block anyway";
            found.push(Finding::warning(
                "does-nothing",
                "Blocking changes nothing: no model here has an event loop",
                head(path),
                text,
            ));
        }
        return;
    };
    let waits = |step: &Step| {
        matches!(step, Step::Connect(..) | Step::Accept(..) | Step::Send(..) | Step::Recv(..))
            || matches!(step, Step::Io(..) | Step::Sleep(_) | Step::Acquire(_) | Step::With(..) | Step::Join(_))
            || matches!(step, Step::AcquireRead(_) | Step::WithRead(..) | Step::Wait(_) | Step::Put(..) | Step::Get(..))
    };
    let mut waiting = false;
    Body { path: path.index(0), steps }.each(&mut |_, step| waiting |= waits(step) || matches!(step, Step::Call(_)));
    if waiting {
        let title = "a blocking call inside a coroutine stops the event loop for everyone";
        let model = execution(&subject.scenario.models[index]);
        let finding = Finding::warning("blocks-the-loop", title, head(path), "called without await");
        let finding = finding.and(Path::root().name("models").index(index), format!("in {model}"));
        found.push(finding.help("drop Blocking(..) to await it, or have a thread do it: ToThread([..])"));
    }
}
