//! One sentence per model: how it compares, and why, as far as the figures tell.

use super::Runs;
use super::cell::Cell;
use crate::metrics::figures::{Figures, Interval, ModelFigures, StateTimes};
use crate::model::{Execution, Model};
use crate::report::chart::axis;
use crate::time::Duration;

/// One sentence per model, in the order of the scenario.
pub fn verdicts(runs: &Runs<'_>, figures: &[ModelFigures], baseline: Option<Execution>) -> Vec<String> {
    let base = figures.iter().find(|figures| baseline.is_some_and(|base| base.to_string() == figures.model));
    let verdict = |((model, cells), figures): ((&Model, &[Cell]), &ModelFigures)| {
        if let Some(words) = unmeasured(model, figures) {
            return format!("{}: {words}", model.execution);
        }
        let against = base.filter(|base| base.model != figures.model);
        format!("{}: {}; {}", model.execution, headline(figures, against), reason(model, cells))
    };
    runs.models().zip(figures).map(verdict).collect()
}

/// All runs ended before anything was measured: figures of nothing tell nothing.
fn unmeasured(model: &Model, figures: &ModelFigures) -> Option<String> {
    let nothing = model.warm_up > Duration::ZERO && figures.runs.iter().all(|run| run.window == Duration::ZERO);
    let words = || format!("nothing was measured: every run ended within the warm-up of {}", model.warm_up);
    nothing.then(words)
}

/// How fast it was.
fn headline(figures: &ModelFigures, base: Option<&ModelFigures>) -> String {
    let irregular = |run: &&Figures| run.outcome != "finished" && run.outcome != "until";
    let bad = figures.runs.iter().filter(irregular).count();
    if let Some(run) = figures.runs.iter().find(irregular) {
        let all = figures.runs.len();
        let of = if all > 1 { format!(" in {bad} of {all} runs") } else { String::new() };
        return format!("ended in {}{of}", outcome(&run.outcome));
    }
    match (figures.speedup, base) {
        (Some(speedup), Some(base)) => format!("{} the speed of {}", times(speedup), base.model),
        _ if figures.runs.iter().all(|run| run.outcome == "finished") => {
            format!("done in {}", axis::duration(figures.makespan.mean))
        }
        (_, base) => load(figures, base),
    }
}

/// Of a run that ends with the clock: what was completed, and how soon.
fn load(figures: &ModelFigures, base: Option<&ModelFigures>) -> String {
    let p99 = |figures: &ModelFigures| mean(&figures.runs, |run| run.response.p99.0 as f64);
    let own = p99(figures);
    let mut words = format!("{} jobs/s", axis::number(figures.throughput.mean));
    if own > 0.0 {
        words += &format!(", p99 {}", axis::duration(own));
    }
    if let Some(base) = base.filter(|base| own > 0.0 && p99(base) > 0.0) {
        let ratio = own / p99(base);
        let (times, than) = if ratio < 1.0 { (1.0 / ratio, "shorter") } else { (ratio, "longer") };
        // What rounds to once is neither.
        words += &if times < 1.005 {
            format!(" (as {})", base.model)
        } else {
            format!(" ({}x {than} than {})", axis::number(times), base.model)
        };
    }
    words
}

fn outcome(word: &str) -> &str {
    match word {
        "deadlock" => "a deadlock",
        "limit" => "the limit of events",
        "livelock" => "a loop without time",
        "not-held" => "the release of a lock that was not held",
        other => other,
    }
}

fn times(speedup: Interval) -> String {
    let digits = |value: f64| if value < 10.0 { format!("{value:.2}") } else { axis::number(value) };
    if speedup.half_width > 0.0 {
        format!("{}x (±{:.1} %)", digits(speedup.mean), speedup.half_width / speedup.mean * 100.0)
    } else {
        format!("{}x", digits(speedup.mean))
    }
}

fn mean<T>(items: &[T], figure: impl Fn(&T) -> f64) -> f64 {
    if items.is_empty() { 0.0 } else { items.iter().map(figure).sum::<f64>() / items.len() as f64 }
}

/// A share in percent; with a digit more where it is nearly all.
fn percent(share: f64) -> String {
    let tenths = (share * 1_000.0).round();
    if (990.0..1_000.0).contains(&tenths) { format!("{:.1} %", tenths / 10.0) } else { axis::percent(share) }
}

/// What the figures of a model tell, as means over its runs.
struct Evidence {
    /// Of the busiest GIL.
    held: f64,
    busy: f64,
    /// Completed of arrived jobs.
    arrived: f64,
    completed: f64,
    /// Shares of what waits: the coroutines if there are any, else the threads. Without idle time.
    gil: f64,
    lock: f64,
    io: f64,
    sleeping: f64,
    ready: f64,
    /// Requests under way at once.
    overlap: f64,
    coroutines: bool,
    lag_p99: f64,
}

/// The states of what does the work.
fn workers(run: &Figures) -> &StateTimes {
    let coroutines = &run.coroutines;
    if life(coroutines) > 0.0 { coroutines } else { &run.threads }
}

fn life(times: &StateTimes) -> f64 {
    let all = [
        times.running,
        times.native,
        times.switching,
        times.ready,
        times.gil,
        times.lock,
        times.io,
        times.sleeping,
        times.join,
    ];
    all.iter().map(|time| time.0 as f64).sum()
}

impl Evidence {
    fn of(cells: &[Cell]) -> Evidence {
        let over = |figure: &dyn Fn(&Figures) -> f64| mean(cells, |cell| figure(&cell.figures));
        let share = |state: &dyn Fn(&StateTimes) -> u64| {
            over(&|run| {
                let all = life(workers(run));
                if all > 0.0 { state(workers(run)) as f64 / all } else { 0.0 }
            })
        };
        Evidence {
            held: over(&|run| run.gils.iter().map(|gil| gil.held).fold(0.0, f64::max)),
            busy: over(&|run| run.utilization),
            arrived: over(&|run| run.arrived as f64),
            completed: over(&|run| run.completed as f64),
            gil: share(&|times| times.gil.0),
            lock: share(&|times| times.lock.0),
            io: share(&|times| times.io.0),
            sleeping: share(&|times| times.sleeping.0),
            ready: share(&|times| times.ready.0),
            overlap: over(&|run| workers(run).io.0 as f64 / run.window.0.max(1) as f64),
            coroutines: over(&|run| life(&run.coroutines)) > 0.0,
            lag_p99: over(&|run| run.loop_lag.as_ref().map_or(0.0, |lag| lag.p99.0 as f64)),
        }
    }
}

/// The device with slots that was busiest: its name and share.
fn device(model: &Model, cells: &[Cell]) -> Option<(String, f64)> {
    let limited = model.devices.iter().enumerate().filter(|(_, device)| device.slots.is_some());
    let share = |index: usize| mean(cells, |cell| cell.figures.devices.get(index).map_or(0.0, |d| d.utilization));
    let all = limited.map(|(index, device)| (device.name.clone(), share(index)));
    all.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Why: the resource that was used up, else what was waited for, else how busy the cores were.
fn reason(model: &Model, cells: &[Cell]) -> String {
    let evidence = Evidence::of(cells);
    let behind = evidence.arrived >= 50.0 && evidence.completed < 0.95 * evidence.arrived;
    let cause =
        bottleneck(model, cells, &evidence).or_else(|| waits(&evidence)).unwrap_or_else(|| cores(model, evidence.busy));
    if behind {
        let share = percent(evidence.completed / evidence.arrived);
        format!("it falls behind, completing {share} of what arrives; {cause}")
    } else {
        cause
    }
}

/// A resource that was in use nearly all the time.
fn bottleneck(model: &Model, cells: &[Cell], evidence: &Evidence) -> Option<String> {
    const FULL: f64 = 0.9;
    if evidence.coroutines && evidence.ready > 0.4 {
        let (share, lag) = (percent(evidence.ready), axis::duration(evidence.lag_p99));
        return Some(format!(
            "a loop runs one coroutine at a time: they waited for it {share} of their time (p99 {lag} each time)"
        ));
    }
    if evidence.held >= FULL && evidence.gil > 0.05 {
        let which = if cells.iter().any(|cell| cell.figures.gils.len() > 1) { "the busiest GIL" } else { "the GIL" };
        return Some(format!("{which} was held {} of the time", percent(evidence.held)));
    }
    if let Some((name, share)) = device(model, cells).filter(|(_, share)| *share >= FULL) {
        return Some(format!("the device \"{name}\" was busy {} of the time", percent(share)));
    }
    (evidence.busy >= FULL && model.machine.cores > 1)
        .then(|| format!("all {} cores were busy {} of the time", model.machine.cores, percent(evidence.busy)))
}

/// What took most of the time, if it was a wait.
fn waits(evidence: &Evidence) -> Option<String> {
    let who = if evidence.coroutines { "coroutines" } else { "threads" };
    if evidence.lock >= 0.3 {
        return Some(format!("{who} waited for locks {} of their time", percent(evidence.lock)));
    }
    if evidence.io >= 0.5 && evidence.overlap > 1.2 {
        let at_once = axis::number(evidence.overlap);
        return Some(format!("{who} waited for IO {} of their time, {at_once} at once", percent(evidence.io)));
    }
    if evidence.io >= 0.5 {
        return Some(format!("it waited for IO {} of the time, one request after the other", percent(evidence.io)));
    }
    if evidence.sleeping >= 0.5 {
        return Some(format!("{who} slept {} of their time", percent(evidence.sleeping)));
    }
    if evidence.gil >= 0.2 {
        return Some(format!("{who} waited for the GIL {} of their time", percent(evidence.gil)));
    }
    (evidence.ready >= 0.3 && !evidence.coroutines)
        .then(|| format!("threads were ready but had no core {} of their time", percent(evidence.ready)))
}

fn cores(model: &Model, busy: f64) -> String {
    match model.machine.cores {
        1 => format!("the core was busy {} of the time", percent(busy)),
        cores => {
            let used = axis::number(busy * f64::from(cores));
            format!("{used} of {cores} cores were busy on average")
        }
    }
}
