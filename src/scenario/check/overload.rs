//! Warning `overload`: more work arrives than a model, the machine or a device can do.
//!
//! Rates times means against capacities; an open load above 1 grows its queues for as long as the run lasts.

use super::model::{execution, has_loop, processes};
use super::walk::Body;
use super::{Finding, Findings, Path, Subject, entry};
use crate::dist::Dist;
use crate::scenario::ast::{Arrive, Each, Late, Machine, ModelName, Step};
use crate::scenario::lower;

/// Mean times of one execution, in seconds.
#[derive(Clone, Debug)]
struct Demand {
    /// Core time under the GIL, if there is one.
    gil: f64,
    /// Core time without it, or in another process.
    free: f64,
    /// From start to end if nobody is in the way, children included only where they are joined.
    length: f64,
    /// Service time at each device.
    devices: Vec<f64>,
}

impl Demand {
    fn none(devices: usize) -> Demand {
        Demand { gil: 0.0, free: 0.0, length: 0.0, devices: vec![0.0; devices] }
    }

    fn add(&mut self, times: f64, other: &Demand) {
        self.gil += times * other.gil;
        self.free += times * other.free;
        self.length += times * other.length;
        for (sum, device) in self.devices.iter_mut().zip(&other.devices) {
            *sum += times * device;
        }
    }
}

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let demands = subject.code.bottom_up(|body, known| demand(subject, body, known));
    // Per second, and the arrivals that bring the most core time.
    let mut total = Demand::none(subject.scenario.devices.len());
    let mut worst: Option<(f64, &str)> = None;
    let mut waits = false;
    for (index, (name, task)) in subject.scenario.tasks.iter().enumerate() {
        let rate = match task.arrive {
            Arrive::Every(gap) if gap.0 > 0 => 1.0 / gap.as_secs(),
            Arrive::Poisson(rate) if rate.gap.0 > 0 => 1.0 / rate.gap.as_secs(),
            _ => continue,
        };
        if task.count.is_some() {
            continue;
        }
        let Some(job) = &demands[subject.code.task(index)] else { continue };
        // A job without end is one more hog, not a load.
        if job.length.is_nan() {
            continue;
        }
        total.add(rate, job);
        waits |= task.capacity.is_none() && task.late == Late::Continue;
        let weight = rate * (job.gil + job.free + job.length);
        if worst.is_none_or(|(most, _)| weight > most) {
            worst = Some((weight, name));
        }
    }
    let Some((_, task)) = worst else { return };
    let arrive = entry("tasks", task).name("arrive");
    let then = if waits { "the queue grows without end" } else { "what is too much is refused or dropped" };
    for (index, (name, device)) in subject.scenario.devices.iter().enumerate() {
        if let Some(slots) = device.slots
            && total.devices[index] > f64::from(slots)
        {
            let title = format!(
                "device \"{name}\" cannot keep up: the load needs {} slots, it has {slots}",
                round(total.devices[index])
            );
            let finding = Finding::warning("overload", title, &arrive, then);
            found.push(finding.and(entry("devices", name).name("slots"), "too few"));
        }
    }
    for (index, model) in subject.scenario.models.iter().enumerate() {
        if let Some(what) = overloaded(subject, model, &total) {
            let title = format!("{} cannot keep up: {what}", execution(model));
            let finding = Finding::warning("overload", title, &arrive, then);
            found.push(finding.and(Path::root().name("models").index(index), "in this model"));
        }
    }
}

/// What there is too little of under the model.
fn overloaded(subject: &Subject<'_>, model: &ModelName, total: &Demand) -> Option<String> {
    let machine = &subject.scenario.machine;
    let cores = capacity(machine);
    let fastest = fastest(machine);
    let processes = f64::from(processes(subject.scenario, model));
    if total.gil + total.free > cores {
        return Some(format!("the load needs {} cores, the machine has {cores}", round(total.gil + total.free)));
    }
    let has_gil = super::interpreter::has_gil(&subject.scenario.interpreter, model);
    // A loop is one thread, with or without a GIL.
    if (has_gil || has_loop(model)) && total.gil > processes * fastest {
        let what = if has_gil { "cores of Python" } else { "threads" };
        return Some(format!("the load needs {} {what}, it has {processes}", round(total.gil)));
    }
    let workers = match model {
        ModelName::Serial => 1.0,
        ModelName::ThreadPool => f64::from(super::model::default_workers(subject.scenario)),
        ModelName::InterpreterPool { workers } => {
            f64::from(workers.unwrap_or(super::model::default_workers(subject.scenario)))
        }
        ModelName::ProcessPool { workers, .. } | ModelName::MultiprocessingPool { workers, .. } => {
            f64::from(workers.unwrap_or(machine.cores))
        }
        ModelName::Threads(n)
        | ModelName::FreeThreaded(n)
        | ModelName::Processes(n)
        | ModelName::Subinterpreters(n) => f64::from(*n),
        ModelName::Hybrid { each: Each::Threads(n), .. } => processes * f64::from(*n),
        ModelName::ThreadPerTask
        | ModelName::Asyncio
        | ModelName::Polling
        | ModelName::Hybrid { each: Each::Asyncio, .. } => f64::INFINITY,
    };
    (total.length > workers && fastest <= 1.0)
        .then(|| format!("the load needs {} workers, it has {workers}", round(total.length)))
}

/// What all cores can do together, in cores of speed 1 with cold caches.
fn capacity(machine: &Machine) -> f64 {
    let speeds = match &machine.speeds {
        Some(speeds) => speeds.iter().sum(),
        None => f64::from(machine.cores),
    };
    let shared = machine.smt.map_or(1.0, |smt| smt.factor.max(1.0 / f64::from(smt.siblings.max(1))));
    speeds * shared * machine.caches.map_or(1.0, |caches| caches.warm.max(caches.cold).max(1.0))
}

/// What one core can do at most.
fn fastest(machine: &Machine) -> f64 {
    let speed = machine.speeds.iter().flatten().copied().fold(0.0, f64::max);
    let speed = if speed > 0.0 { speed } else { 1.0 };
    speed * machine.caches.map_or(1.0, |caches| caches.warm.max(caches.cold).max(1.0))
}

fn round(value: f64) -> f64 {
    (value * 100.0 + 0.5).floor() / 100.0
}

/// `length` is NaN if the program never ends.
fn demand(subject: &Subject<'_>, body: &Body<'_>, known: &[Option<Demand>]) -> Demand {
    let devices = &subject.scenario.devices;
    let mut sum = Demand::none(devices.len());
    let program = |name: &str| subject.code.program(name).and_then(|program| known[program].as_ref());
    for (path, step) in body.own() {
        match step {
            Step::Cpu(time) | Step::CpuHoldGil(time) | Step::Mutate(_, time) | Step::Collect(time) => {
                let time = mean(&lower::dist(time));
                sum.gil += time;
                sum.length += time;
            }
            Step::CpuNoGil(time) => {
                let time = mean(&lower::dist(time));
                sum.free += time;
                sum.length += time;
            }
            Step::Io(name, own) => {
                let Some((index, _, device)) = devices.get_full(name) else { continue };
                let time = mean(&lower::dist(own.as_ref().unwrap_or(&device.latency)));
                sum.devices[index] += time;
                sum.length += time;
            }
            Step::Sleep(time) => sum.length += mean(&lower::dist(time)),
            Step::Call(name) => {
                if let Some(called) = program(name) {
                    sum.add(1.0, called);
                }
            }
            Step::Spawn(what, name, count) => {
                if let Some(child) = program(name) {
                    let mut child = child.clone();
                    if what.is_process() {
                        child.free += child.gil;
                        child.gil = 0.0;
                    }
                    child.length = 0.0;
                    sum.add(f64::from(*count), &child);
                }
            }
            Step::Join(name) => sum.length += program(name).map_or(0.0, |child| child.length),
            Step::Gather(names, count, _) | Step::TaskGroup(names, count) => {
                let mut longest = 0.0f64;
                for child in names.iter().filter_map(|name| program(name)) {
                    longest = longest.max(child.length);
                    sum.add(f64::from(*count), &Demand { length: 0.0, ..child.clone() });
                }
                sum.length += longest;
            }
            Step::CallSoon(name) | Step::CallLater(_, name) | Step::CallSoonThreadsafe(name) => {
                if let Some(child) = program(name) {
                    sum.add(1.0, &Demand { length: 0.0, ..child.clone() });
                }
            }
            Step::Shield(name) => {
                if let Some(child) = program(name) {
                    sum.add(1.0, child);
                }
            }
            // What comes after it is not done.
            Step::Raise | Step::Exit => break,
            // How much of these is done is not known.
            Step::Timeout(..) | Step::Try(..) | Step::WaitTasks(..) => {}
            Step::Finally(..) => inner(subject, &path, step, |n| f64::from(n as u32), known, &mut sum),
            Step::Repeat(times, _) => inner(subject, &path, step, |_| f64::from(*times), known, &mut sum),
            Step::Choose(branches) => inner(subject, &path, step, |n| branches.0[n].0, known, &mut sum),
            // How often these are done is not known: as seldom as can be, so that the warning is right.
            Step::If(..) | Step::While(..) | Step::Assert(_) => {}
            Step::With(..) | Step::WithRead(..) | Step::RepeatUntil(..) => {
                inner(subject, &path, step, |_| 1.0, known, &mut sum)
            }
            Step::Blocking(_) | Step::ToThread(_) | Step::Atomic(_) => {
                inner(subject, &path, step, |_| 1.0, known, &mut sum)
            }
            Step::Forever(_) => sum.length = f64::NAN,
            // How long the others wait is for others to say.
            _ => {}
        }
    }
    sum
}

fn inner(
    subject: &Subject<'_>,
    path: &Path,
    step: &Step,
    weight: impl Fn(usize) -> f64,
    known: &[Option<Demand>],
    sum: &mut Demand,
) {
    for (index, body) in super::walk::inside(path, step).iter().enumerate() {
        sum.add(weight(index), &demand(subject, body, known));
    }
}

fn mean(dist: &Dist) -> f64 {
    dist.mean().map_or(f64::INFINITY, |ns| ns / 1e9)
}
