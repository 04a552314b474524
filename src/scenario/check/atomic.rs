//! E10: steps at which an interpreter can switch threads, inside of `Atomic`.

use super::{Finding, Findings, Subject, head};
use crate::scenario::ast::Step;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    for body in subject.code.bodies() {
        body.each(&mut |path, step| {
            let Step::Atomic(steps) = step else { return };
            for (index, inner) in steps.iter().enumerate() {
                if let Some(why) = switches(inner) {
                    let title = format!("nothing is atomic around this: {why}");
                    let finding = Finding::error("E10", title, head(&path.index(0).index(index)), "move it out");
                    let help = "inside of Atomic: Cpu, Load, Let, Add, Store, Incr, Swap, FetchAdd, IncRef, DecRef, Use, Print";
                    found.push(finding.and(head(path), "in this section").help(help));
                }
            }
        });
    }
}

/// Why another thread can come in.
fn switches(step: &Step) -> Option<&'static str> {
    match step {
        Step::Cpu(_)
        | Step::Load(_)
        | Step::Let(..)
        | Step::Add(..)
        | Step::Store(..)
        | Step::Swap(..)
        | Step::FetchAdd(..)
        | Step::IncRef(_)
        | Step::DecRef(_)
        | Step::Use(_)
        | Step::Incr(..)
        | Step::Print(_) => None,
        Step::CpuNoGil(_) => Some("it releases the GIL"),
        Step::CpuHoldGil(_) | Step::Mutate(..) | Step::Collect(_) => Some("the return from a call is a check point"),
        Step::Repeat(..)
        | Step::Forever(_)
        | Step::While(..)
        | Step::RepeatUntil(..)
        | Step::If(..)
        | Step::Assert(_)
        | Step::Choose(_) => Some("a jump is a check point"),
        Step::Call(_) => Some("the beginning of a function is a check point"),
        Step::Atomic(_) => Some("it is a section of its own"),
        Step::Exit => Some("it ends the process"),
        Step::Raise | Step::Try(..) | Step::Finally(..) => Some("an exception can lead elsewhere"),
        Step::Io(..)
        | Step::Connect(..)
        | Step::Accept(..)
        | Step::Send(..)
        | Step::Recv(..)
        | Step::Close(_)
        | Step::Sleep(_)
        | Step::Yield
        | Step::Acquire(_)
        | Step::AcquireRead(_)
        | Step::Release(_)
        | Step::With(..)
        | Step::WithRead(..)
        | Step::Wait(_)
        | Step::SetEvent(_)
        | Step::ClearEvent(_)
        | Step::Notify(..)
        | Step::NotifyAll(_)
        | Step::Put(..)
        | Step::Get(..)
        | Step::Spawn(..)
        | Step::Join(_)
        | Step::Gather(..)
        | Step::TaskGroup(..)
        | Step::Timeout(..)
        | Step::Shield(_)
        | Step::CallSoon(_)
        | Step::CallLater(..)
        | Step::CallSoonThreadsafe(_)
        | Step::WaitTasks(..)
        | Step::Cancel(_)
        | Step::ToThread(_)
        | Step::Blocking(_) => Some("it can wait, or wake somebody"),
    }
}
