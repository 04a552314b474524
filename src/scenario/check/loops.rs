//! E07: loops in which no time passes.

use super::spins::spins;
use super::walk::{Body, inside};
use super::{Finding, Findings, Path, Subject, head};
use crate::model::Costs;
use crate::scenario::ast::{Arrive, Peer, Random, SpawnWhat, Step, When};
use crate::scenario::lower;
use crate::time::Duration;

/// So many steps without time passing end a run.
const STEPS: f64 = 1e6;

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let clock = Clock::new(subject);
    let passes = clock.programs();
    let used = subject.code.used();
    for (body, _) in subject.code.bodies().iter().zip(used).filter(|(_, used)| *used) {
        body.each(&mut |path, step| match step {
            Step::Forever(_) if !clock.passes(step, &passes) => found.push(stuck(path)),
            Step::Repeat(times, steps)
                if f64::from(*times) * steps.len() as f64 > STEPS && !clock.passes(step, &passes) =>
            {
                found.push(stuck(path));
            }
            Step::While(..) | Step::RepeatUntil(..) if !clock.passes(step, &passes) && spins(subject, step) => {
                found.push(spinning(path));
            }
            _ => {}
        });
    }
    users(subject, &clock, &passes, found);
}

fn stuck(path: &Path) -> Finding {
    Finding::error("E07", "no time passes in this loop: the clock would stand still", head(path), "takes no time")
        .help("put a step into it that takes time, such as Cpu or Sleep")
}

fn spinning(path: &Path) -> Finding {
    let title = "no time passes in this loop and nothing in it changes what it asks: the clock would stand still";
    Finding::error("E07", title, head(path), "once it goes round, it never ends").help(
        "others can change what it asks only while time passes: put a step into it that takes time, such as the \
         Cpu(\"50ns\") that one test takes",
    )
}

/// Users who neither think nor wait for their jobs.
fn users(subject: &Subject<'_>, clock: &Clock<'_>, passes: &[Option<bool>], found: &mut Findings) {
    for (index, (name, task)) in subject.scenario.tasks.iter().enumerate() {
        let Arrive::Closed { think: When::Fixed(Duration::ZERO), .. } = task.arrive else { continue };
        let body = &subject.code.bodies()[subject.code.task(index)];
        if task.count.is_none_or(|count| f64::from(count) > STEPS) && !clock.any_passes(body, passes) {
            let title =
                format!("users of \"{name}\" do not think, and its steps take no time: the clock would stand still");
            let path = super::entry("tasks", name).name("arrive").name("think");
            found.push(Finding::error("E07", title, path, "such as \"10ms\""));
        }
    }
}

/// Which programs never end.
pub fn never_ending(subject: &Subject<'_>) -> Vec<Option<bool>> {
    subject.code.bottom_up(|body, known| body.own().any(|(_, step)| never_ends(subject, step, known)))
}

/// Whether a step certainly never ends.
pub fn never_ends(subject: &Subject<'_>, step: &Step, known: &[Option<bool>]) -> bool {
    let any = |steps: &[Step]| steps.iter().any(|step| never_ends(subject, step, known));
    match step {
        Step::Forever(_) => true,
        Step::Repeat(times, steps) => *times > 0 && any(steps),
        Step::With(_, steps) | Step::WithRead(_, steps) | Step::RepeatUntil(_, steps) => any(steps),
        Step::Blocking(steps) | Step::ToThread(steps) => any(steps),
        Step::If(_, steps, otherwise) => any(steps) && any(otherwise),
        Step::Call(name) => subject.code.program(name).and_then(|program| known[program]).unwrap_or(false),
        Step::Choose(branches) => {
            let sum: f64 = branches.0.iter().map(|(probability, _)| probability).sum();
            sum > 1.0 - 1e-9 && branches.0.iter().all(|(probability, steps)| *probability == 0.0 || any(steps))
        }
        _ => false,
    }
}

/// Knows which steps can take time.
struct Clock<'a> {
    subject: &'a Subject<'a>,
    costs: Costs,
    /// Whether it takes time to change a reference count.
    counts: bool,
    increment: Duration,
}

impl<'a> Clock<'a> {
    fn new(subject: &'a Subject<'a>) -> Clock<'a> {
        let interpreter = lower::interpreter::interpreter(&subject.scenario.interpreter);
        let (counts, increment) = (interpreter.counts.plain > Duration::ZERO, interpreter.increment);
        Clock { subject, costs: lower::costs(&subject.scenario.machine.costs), counts, increment }
    }

    fn programs(&self) -> Vec<Option<bool>> {
        self.subject.code.bottom_up(|body, known| self.any_passes(body, known))
    }

    fn any_passes(&self, body: &Body<'_>, known: &[Option<bool>]) -> bool {
        body.steps.iter().any(|step| self.passes(step, known))
    }

    /// Whether it takes time to reach the peer.
    fn is_away(&self, peer: &str) -> bool {
        match self.subject.scenario.network.get(peer) {
            Some(Peer::Host { latency, .. } | Peer::Listener { latency, .. }) => *latency > Duration::ZERO,
            None => true,
        }
    }

    /// Whether time can pass in a step. Waiting for a lock does not count: it is free when nobody else takes time. Waiting for
    /// what others bring does: there is an end of it when they end.
    fn passes(&self, step: &Step, known: &[Option<bool>]) -> bool {
        let costs = &self.costs;
        match step {
            Step::Cpu(time)
            | Step::CpuNoGil(time)
            | Step::CpuHoldGil(time)
            | Step::Mutate(_, time)
            | Step::Collect(time) => takes_time(time),
            Step::IncRef(_) | Step::DecRef(_) => self.counts,
            Step::Sleep(time) => takes_time(time) || costs.timer_slack > Duration::ZERO,
            Step::Io(device, own) => {
                let declared = self.subject.scenario.devices.get(device).map(|device| &device.latency);
                own.as_ref().or(declared).is_none_or(takes_time) || costs.syscall + costs.completion > Duration::ZERO
            }
            Step::Incr(..) => self.increment > Duration::ZERO,
            Step::Call(name) => self.subject.code.program(name).and_then(|program| known[program]).unwrap_or(true),
            // A child may take time, and creating it may.
            Step::Spawn(SpawnWhat::Thread | SpawnWhat::DaemonThread, ..) => costs.thread_start > Duration::ZERO,
            Step::Spawn(SpawnWhat::Process | SpawnWhat::DaemonProcess, ..) => costs.process_start > Duration::ZERO,
            Step::Join(name) => self.subject.code.program(name).and_then(|program| known[program]).unwrap_or(true),
            Step::Wait(_) | Step::Get(..) | Step::Accept(..) | Step::Recv(..) => true,
            Step::Connect(peer, _) => self.is_away(peer) || costs.syscall > Duration::ZERO,
            Step::Send(..) | Step::Close(_) => costs.syscall > Duration::ZERO,
            Step::Gather(names, _, _) | Step::TaskGroup(names, _) => {
                let passes = |name| self.subject.code.program(name).and_then(|program| known[program]).unwrap_or(true);
                names.iter().any(|name| passes(name))
            }
            Step::Shield(name) => self.subject.code.program(name).and_then(|program| known[program]).unwrap_or(true),
            // Those that it waits for may have ended before.
            Step::WaitTasks(..) | Step::CallSoon(_) | Step::CallLater(..) => false,
            Step::CallSoonThreadsafe(_) => costs.self_pipe > Duration::ZERO,
            // An exception ends the loop, or leads to steps that are asked by themselves.
            Step::Raise | Step::Exit => true,
            Step::Repeat(0, _) => false,
            Step::With(..)
            | Step::WithRead(..)
            | Step::Repeat(..)
            | Step::Forever(_)
            | Step::If(..)
            | Step::Assert(_)
            | Step::While(..)
            | Step::RepeatUntil(..)
            | Step::Choose(_)
            | Step::Atomic(_)
            | Step::Try(..)
            | Step::Finally(..)
            | Step::Timeout(..)
            | Step::ToThread(_)
            | Step::Blocking(_) => inside(&Path::root(), step).iter().any(|body| self.any_passes(body, known)),
            // The others may be done at once.
            _ => false,
        }
    }
}

/// Whether a time can be other than zero.
pub fn takes_time(time: &When) -> bool {
    match time {
        When::Fixed(time) | When::Random(Random::Exp(time)) => *time > Duration::ZERO,
        When::Random(Random::Uniform(_, high)) => *high > Duration::ZERO,
        When::Random(Random::Empirical(values)) => values.iter().any(|value| *value > Duration::ZERO),
        When::Random(Random::Normal { .. } | Random::LogNormal { .. } | Random::Pareto { .. }) => true,
    }
}
