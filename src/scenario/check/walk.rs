//! Steps and the steps inside them, with their paths.

use super::Path;
use crate::scenario::ast::Step;

/// A list of steps and where it stands.
#[derive(Clone, Debug)]
pub struct Body<'a> {
    pub path: Path,
    pub steps: &'a [Step],
}

impl<'a> Body<'a> {
    /// The steps of this list, not those inside them.
    pub fn own(&self) -> impl Iterator<Item = (Path, &'a Step)> {
        self.steps.iter().enumerate().map(|(index, step)| (self.path.index(index), step))
    }

    /// Visits every step of this list and inside it, in the order written.
    pub fn each(&self, visit: &mut impl FnMut(&Path, &'a Step)) {
        for (path, step) in self.own() {
            visit(&path, step);
            for body in inside(&path, step) {
                body.each(visit);
            }
        }
    }

    /// Visits this list and every list inside it.
    pub fn each_list(&self, visit: &mut impl FnMut(&Body<'a>)) {
        visit(self);
        for (path, step) in self.own() {
            for body in inside(&path, step) {
                body.each_list(visit);
            }
        }
    }
}

/// The lists of steps inside a step.
pub fn inside<'a>(path: &Path, step: &'a Step) -> Vec<Body<'a>> {
    match step {
        Step::With(_, steps)
        | Step::WithRead(_, steps)
        | Step::Repeat(_, steps)
        | Step::While(_, steps)
        | Step::RepeatUntil(_, steps) => {
            vec![Body { path: path.index(1), steps }]
        }
        Step::If(_, steps, otherwise) => {
            vec![Body { path: path.index(1), steps }, Body { path: path.index(2), steps: otherwise }]
        }
        Step::Forever(steps) | Step::Blocking(steps) | Step::ToThread(steps) | Step::Atomic(steps) => {
            vec![Body { path: path.index(0), steps }]
        }
        Step::Try(steps, others) | Step::Finally(steps, others) => {
            vec![Body { path: path.index(0), steps }, Body { path: path.index(1), steps: others }]
        }
        Step::Timeout(_, steps, otherwise) => {
            let mut bodies = vec![Body { path: path.index(1), steps }];
            bodies.extend(otherwise.iter().map(|steps| Body { path: path.index(2), steps }));
            bodies
        }
        Step::WaitTasks(_, _, _, late) => late.iter().map(|steps| Body { path: path.index(3), steps }).collect(),
        Step::Choose(branches) => {
            let map = path.index(0);
            branches.0.iter().enumerate().map(|(n, (_, steps))| Body { path: map.index(n), steps }).collect()
        }
        Step::Connect(_, failed) | Step::Accept(_, failed) => {
            failed.iter().map(|steps| Body { path: path.index(1), steps }).collect()
        }
        Step::Send(_, _, failed) | Step::Recv(_, _, failed) => {
            failed.iter().map(|steps| Body { path: path.index(2), steps }).collect()
        }
        Step::Cpu(_)
        | Step::CpuNoGil(_)
        | Step::CpuHoldGil(_)
        | Step::Io(..)
        | Step::Close(_)
        | Step::Sleep(_)
        | Step::Yield
        | Step::Acquire(_)
        | Step::AcquireRead(_)
        | Step::Release(_)
        | Step::Wait(_)
        | Step::SetEvent(_)
        | Step::ClearEvent(_)
        | Step::Notify(..)
        | Step::NotifyAll(_)
        | Step::Put(..)
        | Step::Get(..)
        | Step::Load(_)
        | Step::Let(..)
        | Step::Add(..)
        | Step::Store(..)
        | Step::Swap(..)
        | Step::FetchAdd(..)
        | Step::IncRef(_)
        | Step::DecRef(_)
        | Step::Use(_)
        | Step::Mutate(..)
        | Step::Collect(_)
        | Step::Incr(..)
        | Step::Assert(_)
        | Step::Call(_)
        | Step::Spawn(..)
        | Step::Join(_)
        | Step::Raise
        | Step::Exit
        | Step::Gather(..)
        | Step::TaskGroup(..)
        | Step::Shield(_)
        | Step::CallSoon(_)
        | Step::CallLater(..)
        | Step::CallSoonThreadsafe(_)
        | Step::Cancel(_)
        | Step::Print(_) => Vec::new(),
    }
}
