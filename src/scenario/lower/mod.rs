//! The meaning of a checked scenario: names become ids, written values become numbers.

pub mod expect;
pub mod interpreter;
mod network;
mod shared;
mod steps;

use super::ast::{self, Arrive, CostsName, Machine, Random, Scenario, When};
use crate::dist::Dist;
use crate::id::TaskId;
use crate::kernel::pace::{Caches, Paces, Smt};
use crate::model::{self, Arrivals, Builder, Costs, Execution, Model, Selector, Urgency};
use steps::Names;

/// The model of a scenario under one execution model. The scenario must have passed all checks.
pub fn model(scenario: &Scenario, execution: Execution) -> Model {
    let mut builder = Builder::new(scenario.machine.cores, execution);
    let parts = builder.model_mut();
    parts.machine.policy = scenario.machine.scheduler.clone();
    parts.machine.queues = scenario.machine.queues;
    parts.machine.interrupt = scenario.machine.interrupt;
    parts.machine.loses = scenario.machine.loses.unwrap_or_default();
    parts.machine.paces = paces(&scenario.machine);
    parts.machine.selector = scenario.machine.selector;
    parts.machine.costs = costs(&scenario.machine.costs);
    parts.interpreter = interpreter::interpreter(&scenario.interpreter);
    parts.executor = scenario.executor;
    parts.until = scenario.until;
    parts.warm_up = scenario.warm_up;
    parts.max_events = scenario.max_events;
    for (name, device) in &scenario.devices {
        builder.device(name, dist(&device.latency), device.slots);
    }
    for (name, peer) in &scenario.network {
        network::declare(&mut builder, name, peer);
    }
    let shared = shared::declare(&mut builder, &scenario.shared);
    let programs: Vec<_> = scenario.programs.keys().map(|name| builder.declare(name)).collect();
    let names = Names { scenario, shared };
    for (program, steps) in programs.into_iter().zip(scenario.programs.values()) {
        builder.define(program, names.steps(steps));
    }
    for (name, task) in &scenario.tasks {
        let arrivals = arrivals(&mut builder, &task.arrive);
        let after = task.after.iter().filter_map(|before| scenario.tasks.get_index_of(before)).map(TaskId::from);
        let count = match &task.arrive {
            Arrive::AtOnce => Some(task.count.unwrap_or(1)),
            Arrive::Recorded(times) => Some(task.count.unwrap_or(u32::MAX).min(times.len() as u32)),
            Arrive::Every(_) | Arrive::Poisson(_) | Arrive::Closed { .. } => task.count,
        };
        let id = builder.task(name, count, arrivals, after.collect(), names.steps(&task.steps));
        builder.urgency(id, urgency(task));
        if let Some(capacity) = task.capacity {
            builder.capacity(id, capacity);
        }
        builder.late(
            id,
            match task.late {
                ast::Late::Continue => model::Late::Continue,
                ast::Late::Abort => model::Late::Abort,
            },
        );
        builder.messages(id, task.argument.map_or(0, |size| size.0), task.result.map_or(0, |size| size.0));
        builder.working_set(id, task.working_set.unwrap_or(0));
        builder.affinity(id, task.affinity.as_deref().unwrap_or_default());
    }
    builder.build()
}

/// A factor in thousandths.
fn permille(factor: f64) -> u32 {
    (factor * 1_000.0 + 0.5) as u32
}

fn paces(machine: &Machine) -> Paces {
    let speeds = machine.speeds.iter().flatten().map(|speed| permille(*speed));
    Paces {
        speeds: speeds.collect(),
        smt: machine.smt.map(|smt| Smt { siblings: smt.siblings, factor: permille(smt.factor) }),
        caches: machine.caches.map(|caches| Caches {
            size: u64::from(caches.size),
            warm: permille(caches.warm),
            cold: permille(caches.cold),
            warm_up: caches.warm_up,
            tick: caches.tick,
        }),
    }
}

fn urgency(task: &ast::Task) -> Urgency {
    let default = Urgency::default();
    Urgency {
        priority: task.priority.unwrap_or(default.priority),
        nice: task.nice.unwrap_or(default.nice),
        tickets: task.tickets.unwrap_or(default.tickets),
        slice: task.slice,
        deadline: task.deadline,
    }
}

fn arrivals(builder: &mut Builder, arrive: &Arrive) -> Arrivals {
    match arrive {
        Arrive::AtOnce => Arrivals::AtOnce,
        Arrive::Every(period) => Arrivals::Every(*period),
        Arrive::Poisson(rate) => Arrivals::Poisson { mean_gap: Dist::Exp { mean: rate.gap } },
        Arrive::Closed { users, think } => Arrivals::Closed { users: *users, think: builder.dist(dist(think)) },
        Arrive::Recorded(times) => Arrivals::Recorded(times.as_slice().into()),
    }
}

/// A time as it is written.
pub(super) fn dist(when: &When) -> Dist {
    match when {
        When::Fixed(time) => Dist::Const(*time),
        When::Random(Random::Exp(mean)) => Dist::Exp { mean: *mean },
        When::Random(Random::Uniform(low, high)) => Dist::Uniform { low: *low, high: *high },
        When::Random(Random::Normal { mean, sd }) => Dist::Normal { mean: *mean, sd: *sd },
        When::Random(Random::LogNormal { median, p99 }) => Dist::log_normal(*median, *p99),
        When::Random(Random::Pareto { min, alpha }) => Dist::Pareto { min: *min, alpha: *alpha },
        When::Random(Random::Empirical(values)) => Dist::Empirical(values.as_slice().into()),
    }
}

/// A named cost profile, or Linux with changes.
pub(super) fn costs(name: &CostsName) -> Costs {
    let linux = Costs::linux();
    match name {
        CostsName::Zero => Costs::zero(),
        CostsName::Linux => linux,
        CostsName::Uvloop => Costs::uvloop(),
        CostsName::Set {
            context_switch,
            switch_charged,
            migration,
            wake_latency,
            timer_slack,
            syscall,
            completion,
            thread_start,
            process_start,
            process_boot,
            interpreter_boot,
            dispatch,
            pool_dispatch,
            message,
            pickle,
            kilobyte,
            spawn_start,
            spawn_boot,
            forkserver_start,
            forkserver_boot,
            callback,
            iteration,
            watched,
            reported,
            self_pipe,
            timer_granularity,
            check_point,
        } => Costs {
            context_switch: context_switch.unwrap_or(linux.context_switch),
            switch_charged: switch_charged.unwrap_or(linux.switch_charged),
            migration: migration.unwrap_or(linux.migration),
            wake_latency: wake_latency.as_ref().map_or(linux.wake_latency, dist),
            timer_slack: timer_slack.unwrap_or(linux.timer_slack),
            syscall: syscall.unwrap_or(linux.syscall),
            completion: completion.unwrap_or(linux.completion),
            thread_start: thread_start.unwrap_or(linux.thread_start),
            process_start: process_start.unwrap_or(linux.process_start),
            process_boot: process_boot.unwrap_or(linux.process_boot),
            interpreter_boot: interpreter_boot.unwrap_or(linux.interpreter_boot),
            dispatch: dispatch.unwrap_or(linux.dispatch),
            pool_dispatch: pool_dispatch.unwrap_or(linux.pool_dispatch),
            message: message.unwrap_or(linux.message),
            pickle: pickle.unwrap_or(linux.pickle),
            kilobyte: kilobyte.unwrap_or(linux.kilobyte),
            spawn_start: spawn_start.unwrap_or(linux.spawn_start),
            spawn_boot: spawn_boot.unwrap_or(linux.spawn_boot),
            forkserver_start: forkserver_start.unwrap_or(linux.forkserver_start),
            forkserver_boot: forkserver_boot.unwrap_or(linux.forkserver_boot),
            callback: callback.unwrap_or(linux.callback),
            iteration: iteration.unwrap_or(linux.iteration),
            watched: watched.unwrap_or(linux.watched),
            reported: reported.unwrap_or(linux.reported),
            self_pipe: self_pipe.unwrap_or(linux.self_pipe),
            timer_granularity: timer_granularity.unwrap_or(linux.timer_granularity),
            check_point: check_point.unwrap_or(linux.check_point),
        },
    }
}

/// The machine in words: `4 cores, RoundRobin("4ms"), costs Linux`. `costs` is how the scenario writes them.
pub fn machine(machine: &Machine, costs: Option<&str>) -> String {
    let cores = if machine.cores == 1 { "1 core".to_owned() } else { format!("{} cores", machine.cores) };
    let queues = machine.queues.map_or(String::new(), |queues| format!(", queues {queues}"));
    let speeds = machine.speeds.as_ref().map_or(String::new(), |speeds| format!(", speeds {speeds:?}"));
    let smt =
        machine.smt.map_or(String::new(), |ast::Smt { siblings, factor }| format!(", {siblings} siblings at {factor}"));
    let caches = machine.caches.map_or(String::new(), |caches| format!(", caches of {}", caches.size));
    let selector = match machine.selector {
        Selector::Epoll => String::new(),
        other => format!(", selector {other:?}"),
    };
    let others = format!("{queues}{speeds}{smt}{caches}{selector}");
    format!("{cores}, {}{others}, costs {}", machine.scheduler, costs.unwrap_or("Linux"))
}
