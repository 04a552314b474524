//! E05: times and distributions that cannot be.

use super::{Finding, Findings, Path, Subject, entry};
use crate::scenario::ast::{Arrive, CostsName, Random, Step, When};
use crate::time::Duration;

/// One time may be this long: runs of centuries are mistakes, and sums must stay on the clock.
pub const LONGEST: Duration = Duration::s(366 * 24 * 3_600);

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    let root = Path::root();
    machine(subject, found);
    for (name, device) in &scenario.devices {
        when(&device.latency, &entry("devices", name).name("latency"), found);
    }
    for (name, task) in &scenario.tasks {
        let path = entry("tasks", name);
        for (field, time) in [("slice", task.slice), ("deadline", task.deadline)] {
            length(time.unwrap_or(Duration::ZERO), &path.name(field), found);
        }
        let path = path.name("arrive");
        match &task.arrive {
            Arrive::AtOnce => {}
            Arrive::Every(period) => length(*period, &path.index(0), found),
            Arrive::Poisson(rate) => {
                if rate.gap > LONGEST {
                    let title = "less than once a year: is the unit right?";
                    found.push(Finding::error("E05", title, path.index(0), "such as \"200/s\""));
                }
            }
            Arrive::Closed { think, .. } => when(think, &path.name("think"), found),
            Arrive::Recorded(times) => {
                for (index, time) in times.iter().enumerate() {
                    length(*time, &path.index(0).index(index), found);
                }
            }
        }
    }
    for body in subject.code.bodies() {
        body.each(&mut |path, step| match step {
            Step::Cpu(time)
            | Step::CpuNoGil(time)
            | Step::CpuHoldGil(time)
            | Step::Collect(time)
            | Step::Sleep(time) => {
                when(time, &path.index(0), found);
            }
            Step::Timeout(time, ..) | Step::CallLater(time, _) => when(time, &path.index(0), found),
            Step::WaitTasks(_, _, Some(time), _) => when(time, &path.index(2), found),
            Step::Io(_, Some(time)) | Step::Mutate(_, time) => when(time, &path.index(1), found),
            _ => {}
        });
    }
    length(scenario.warm_up, &root.name("warm_up"), found);
    if let Some(until) = scenario.until {
        length(until, &root.name("until"), found);
        if until == Duration::ZERO {
            found.push(Finding::error("E05", "the run ends before it begins", root.name("until"), "later than \"0s\""));
        } else if scenario.warm_up >= until {
            let title = "the warm-up lasts as long as the run: nothing would be measured";
            let finding = Finding::error("E05", title, root.name("warm_up"), "must be shorter than `until`");
            found.push(finding.and(root.name("until"), "the run ends here"));
        }
    }
}

fn machine(subject: &Subject<'_>, found: &mut Findings) {
    let path = Path::root().name("machine");
    let costs = path.name("costs");
    let CostsName::Set {
        context_switch,
        switch_charged: _,
        migration,
        wake_latency,
        timer_slack,
        syscall,
        completion,
        thread_start,
        process_start,
        process_boot,
        interpreter_boot,
        callback,
        iteration,
        watched,
        reported,
        self_pipe,
        dispatch,
        pool_dispatch,
        message,
        pickle,
        kilobyte,
        spawn_start,
        spawn_boot,
        forkserver_start,
        forkserver_boot,
        timer_granularity,
        check_point,
    } = &subject.scenario.machine.costs
    else {
        return;
    };
    if let Some(time) = wake_latency {
        when(time, &costs.name("wake_latency"), found);
    }
    for (name, cost) in [
        ("context_switch", context_switch),
        ("migration", migration),
        ("timer_slack", timer_slack),
        ("syscall", syscall),
        ("completion", completion),
        ("thread_start", thread_start),
        ("process_start", process_start),
        ("process_boot", process_boot),
        ("interpreter_boot", interpreter_boot),
        ("callback", callback),
        ("iteration", iteration),
        ("watched", watched),
        ("reported", reported),
        ("self_pipe", self_pipe),
        ("dispatch", dispatch),
        ("pool_dispatch", pool_dispatch),
        ("message", message),
        ("pickle", pickle),
        ("kilobyte", kilobyte),
        ("spawn_start", spawn_start),
        ("spawn_boot", spawn_boot),
        ("forkserver_start", forkserver_start),
        ("forkserver_boot", forkserver_boot),
        ("timer_granularity", timer_granularity),
        ("check_point", check_point),
    ] {
        if let Some(cost) = cost {
            length(*cost, &costs.name(name), found);
        }
    }
}

pub(super) fn length(time: Duration, path: &Path, found: &mut Findings) {
    if time > LONGEST {
        let title = "longer than a year: is the unit right?";
        found.push(Finding::error("E05", title, path, "at most 366 days (\"8784h\")"));
    }
}

pub(super) fn when(time: &When, path: &Path, found: &mut Findings) {
    match time {
        When::Fixed(time) => length(*time, path, found),
        When::Random(random) => distribution(random, path, found),
    }
}

fn distribution(random: &Random, path: &Path, found: &mut Findings) {
    let mut wrong = |title: &str, at: Path, text: &str| found.push(Finding::error("E05", title, at, text));
    match random {
        Random::Exp(Duration::ZERO) => wrong("a mean of zero", path.index(0), "write \"0s\" for no time at all"),
        Random::Uniform(low, high) if low > high => {
            wrong("the lower end is above the upper end", path.clone(), "write the smaller one first");
        }
        Random::Normal { sd: Duration::ZERO, .. } => {
            wrong("a normal distribution without spread", path.name("sd"), "write a plain time instead");
        }
        Random::LogNormal { median: Duration::ZERO, .. } => {
            wrong("a median of zero", path.name("median"), "must be above zero");
        }
        Random::LogNormal { median, p99 } if p99 < median => {
            wrong("the 99th percentile is below the median", path.name("p99"), "must be at least the median");
        }
        Random::Pareto { min: Duration::ZERO, .. } => {
            wrong("a Pareto distribution begins above zero", path.name("min"), "must be above zero");
        }
        Random::Pareto { alpha, .. } if !(*alpha > 0.0 && alpha.is_finite()) => {
            wrong("the shape of a Pareto distribution is above zero", path.name("alpha"), "such as 1.5");
        }
        Random::Empirical(values) if values.is_empty() => {
            wrong("no values to choose from", path.index(0), "give at least one time");
        }
        _ => {}
    }
    match random {
        Random::Exp(mean) => length(*mean, &path.index(0), found),
        Random::Uniform(low, high) => {
            length(*low, &path.index(0), found);
            length(*high, &path.index(1), found);
        }
        Random::Normal { mean, sd } => {
            length(*mean, &path.name("mean"), found);
            length(*sd, &path.name("sd"), found);
        }
        Random::LogNormal { median, p99 } => {
            length(*median, &path.name("median"), found);
            length(*p99, &path.name("p99"), found);
        }
        Random::Pareto { min, .. } => length(*min, &path.name("min"), found),
        Random::Empirical(values) => {
            for (index, value) in values.iter().enumerate() {
                length(*value, &path.index(0).index(index), found);
            }
        }
    }
}
