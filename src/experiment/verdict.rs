//! One sentence per model: how it compares, and why, as far as the figures tell.

use super::Runs;
use super::cell::Cell;
use crate::metrics::figures::{Figures, Interval, ModelFigures, StateTimes};
use crate::model::{Execution, Late, Model};
use crate::report::chart::axis;
use crate::time::Duration;

/// One sentence per model, in the order of the scenario.
pub fn verdicts(runs: &Runs<'_>, figures: &[ModelFigures], baseline: Option<Execution>) -> Vec<String> {
    let base = figures.iter().find(|figures| baseline.is_some_and(|base| base.to_string() == figures.model));
    let differ = differing(figures);
    let verdict = |((model, cells), figures): ((&Model, &[Cell]), &ModelFigures)| {
        if let Some(words) = unmeasured(model, figures) {
            return format!("{}: {words}", model.execution);
        }
        let against = base.filter(|base| base.model != figures.model);
        let why = explained(cells).unwrap_or_else(|| reason(model, cells));
        let (finals, cut) = (finals(figures, &differ), cut_off(cells));
        let starved = starved(cells).unwrap_or_default();
        format!("{}: {}; {why}{starved}{cut}{finals}", model.execution, headline(figures, against))
    };
    runs.models().zip(figures).map(verdict).collect()
}

/// Who waits for whom, or who did what to an object, of the first run that ended so.
fn explained(cells: &[Cell]) -> Option<String> {
    const SHOWN: usize = 3;
    let ends = ["deadlock", "used-after-free", "leaked"];
    let run = &cells.iter().find(|cell| ends.contains(&cell.figures.outcome.as_str()))?.figures;
    // When each began to wait is told below the table.
    let words = |line: &String| line.split(", since ").next().unwrap_or(line).to_owned();
    let shown: Vec<String> = run.explanation.iter().take(SHOWN).map(words).collect();
    let more = run.explanation.len().saturating_sub(SHOWN);
    Some(if more > 0 { format!("{}; and {more} more", shown.join("; ")) } else { shown.join("; ") })
}

/// Who waited for more than half of the first run for something that others, who came later, had twice or more in the meantime.
fn starved(cells: &[Cell]) -> Option<String> {
    let run = &cells.first()?.figures;
    let wait = run.longest_wait.as_ref()?;
    let share = wait.length.0 as f64 / run.window.0 as f64;
    let words = || {
        let length = axis::duration(wait.length.0 as f64);
        let (who, what, times) = (&wait.who, &wait.what, wait.overtaken);
        let since = axis::duration(wait.since.0 as f64);
        format!(
            "; {who} starved: it waited {length} for {what} from {since} on, {} of the run, and was overtaken {times} times",
            percent(share)
        )
    };
    (share > 0.5 && wait.overtaken >= 2).then(words)
}

/// Daemons that the end of the first run has cut off.
fn cut_off(cells: &[Cell]) -> String {
    match cells.first().map_or(0, |cell| cell.figures.daemons) {
        0 => String::new(),
        1 => "; the end cut off a daemon".to_owned(),
        n => format!("; the end cut off {n} daemons"),
    }
}

/// Names of the variables whose last values are not the same in every run of every model.
fn differing(figures: &[ModelFigures]) -> Vec<String> {
    let runs = || figures.iter().flat_map(|model| &model.runs);
    let Some(first) = runs().next() else { return Vec::new() };
    let differs = |name: &&String| runs().any(|run| run.finals.get(*name) != first.finals.get(*name));
    first.finals.keys().filter(differs).cloned().collect()
}

/// Last values where models or runs disagree about them: what the order of execution decided.
fn finals(figures: &ModelFigures, differ: &[String]) -> String {
    let value = |name: &String| {
        let values = figures.runs.iter().filter_map(|run| run.finals.get(name));
        let (least, most) = (values.clone().min()?, values.max()?);
        let range = if least == most { least.to_string() } else { format!("{least} to {most}") };
        Some(format!("; {name} = {range} at the end"))
    };
    differ.iter().take(3).filter_map(value).collect()
}

/// All runs ended before anything was measured: figures of nothing tell nothing.
fn unmeasured(model: &Model, figures: &ModelFigures) -> Option<String> {
    let empty = |run: &Figures| run.window == Duration::ZERO && matches!(&*run.outcome, "finished" | "until");
    let nothing = model.warm_up > Duration::ZERO && figures.runs.iter().all(empty);
    let words = || format!("nothing was measured: every run ended within the warm-up of {}", model.warm_up);
    nothing.then(words)
}

/// How fast it was.
fn headline(figures: &ModelFigures, base: Option<&ModelFigures>) -> String {
    let irregular = |run: &&Figures| run.outcome != "finished" && run.outcome != "until";
    let mut ends: Vec<(&str, usize)> = Vec::new();
    for run in figures.runs.iter().filter(irregular) {
        match ends.iter_mut().find(|(word, _)| *word == run.outcome) {
            Some((_, times)) => *times += 1,
            None => ends.push((&run.outcome, 1)),
        }
    }
    if !ends.is_empty() {
        let all = figures.runs.len();
        let of = |times: usize| if all > 1 { format!(" in {times} of {all} runs") } else { String::new() };
        let words: Vec<String> = ends.iter().map(|(word, times)| format!("{}{}", outcome(word), of(*times))).collect();
        return format!("ended in {}", words.join(", in "));
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
    // Of the first run, as in the tables.
    let p99 = |figures: &ModelFigures| figures.runs.first().map_or(0.0, |run| run.response.p99.0 as f64);
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
        "clock-end" => "the end of the clock",
        "broken" => "a broken assertion",
        "used-after-free" => "a use after free",
        "leaked" => "a leak",
        "not-held" => "the use of something that was not held",
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

/// A share in percent; with a digit more where it is nearly all.
fn percent(share: f64) -> String {
    let tenths = (share * 1_000.0).round();
    if (990.0..1_000.0).contains(&tenths) { format!("{:.1} %", tenths / 10.0) } else { axis::percent(share) }
}

/// What the figures of the first run of a model tell: the tables below it are of that run, too.
struct Evidence<'a> {
    run: &'a Figures,
    /// The states of what does the work: the coroutines if there are any, else the threads.
    times: &'a StateTimes,
    coroutines: bool,
    /// Of the busiest GIL.
    held: f64,
    /// Without what had nothing to do: decides what is worth a word.
    active: f64,
    /// All of it, as in the table: the base of every share that is written.
    life: f64,
}

impl<'a> Evidence<'a> {
    fn of(run: &'a Figures) -> Evidence<'a> {
        let coroutines = life(&run.coroutines) > 0.0;
        let times = if coroutines { &run.coroutines } else { &run.threads };
        let life = life(times);
        Evidence {
            run,
            times,
            coroutines,
            held: run.gils.iter().map(|gil| gil.held).fold(0.0, f64::max),
            active: life - times.idle.0 as f64,
            life,
        }
    }

    /// Whether a state took this share of the time in which there was something to do.
    fn much(&self, state: Duration, share: f64) -> bool {
        self.active > 0.0 && state.0 as f64 >= share * self.active
    }

    fn share(&self, state: Duration) -> String {
        percent(state.0 as f64 / self.life)
    }

    fn who(&self) -> &'static str {
        if self.coroutines { "coroutines" } else { "threads" }
    }
}

fn life(times: &StateTimes) -> f64 {
    times.parts().iter().map(|time| time.0 as f64).sum()
}

/// The device with slots that was busiest: its name and share.
fn device(model: &Model, run: &Figures) -> Option<(String, f64)> {
    let limited = model.devices.iter().enumerate().filter(|(_, device)| device.slots.is_some());
    let share = |index: usize| run.devices.get(index).map_or(0.0, |device| device.utilization);
    let all = limited.map(|(index, device)| (device.name.clone(), share(index)));
    all.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Why: the resource that was used up, else what was waited for, else how busy the cores were.
fn reason(model: &Model, cells: &[Cell]) -> String {
    let Some(cell) = cells.first() else { return "it was not run".to_owned() };
    let evidence = Evidence::of(&cell.figures);
    let (arrived, completed) = (evidence.run.arrived as f64, evidence.run.completed as f64);
    let cause = bottleneck(model, &evidence)
        .or_else(|| waits(model, &evidence))
        .unwrap_or_else(|| cores(model, evidence.run.utilization));
    if arrived >= 50.0 && completed < 0.95 * arrived {
        // What nobody has room or time for does not wait.
        let limited = model.tasks.iter().any(|task| task.capacity.is_some() || task.late == Late::Abort);
        let how = if limited { "it cannot do all of it" } else { "it falls behind" };
        format!("{how}, completing {} of what arrives; {cause}", percent(completed / arrived))
    } else {
        cause
    }
}

/// A resource that was in use nearly all the time, or made others wait.
fn bottleneck(model: &Model, evidence: &Evidence<'_>) -> Option<String> {
    const FULL: f64 = 0.9;
    let run = evidence.run;
    if let Some(words) = blocked_loop(evidence) {
        return Some(words);
    }
    if evidence.held >= FULL && evidence.much(evidence.times.gil, 0.05) {
        let which = if run.gils.len() > 1 { "the busiest GIL" } else { "the GIL" };
        return Some(format!("{which} was held {} of the time", percent(evidence.held)));
    }
    if let Some((name, share)) = device(model, run).filter(|(_, share)| *share >= FULL) {
        return Some(format!("the device \"{name}\" was busy {} of the time", percent(share)));
    }
    (run.utilization >= FULL && model.machine.cores > 1)
        .then(|| format!("all {} cores were busy {} of the time", model.machine.cores, percent(run.utilization)))
}

/// A loop whose coroutines could run and did not: often, or seldom but long.
fn blocked_loop(evidence: &Evidence<'_>) -> Option<String> {
    let lag = evidence.run.loop_lag.as_ref().filter(|lag| evidence.coroutines && lag.count > 0)?;
    let long = lag.p99.0 as f64 >= 0.25 * evidence.run.response.p99.0 as f64 && lag.p99.0 > 0;
    (evidence.much(evidence.times.ready, 0.4) || long && evidence.much(evidence.times.ready, 0.05)).then(|| {
        format!(
            "a loop runs one coroutine at a time: they waited for it {} of their lives (loop lag p99 {})",
            evidence.share(evidence.times.ready),
            axis::duration(lag.p99.0 as f64)
        )
    })
}

/// What took most of the time, if it was a wait.
fn waits(model: &Model, evidence: &Evidence<'_>) -> Option<String> {
    let (times, who) = (evidence.times, evidence.who());
    if evidence.much(times.lock, 0.3) {
        return Some(format!("{who} waited for locks {} of their lives", evidence.share(times.lock)));
    }
    if evidence.much(times.signal, 0.5) {
        return Some(format!("{who} waited for signals of others {} of their lives", evidence.share(times.signal)));
    }
    if evidence.much(times.io, 0.5) {
        let share = evidence.share(times.io);
        if matches!(model.execution, Execution::Serial | Execution::Threads(1) | Execution::FreeThreaded(1)) {
            return Some(format!("it waited for IO {share} of the time, one request after the other"));
        }
        let at_once = times.io.0 as f64 / evidence.run.window.0.max(1) as f64;
        let at_once =
            if at_once > 1.2 { format!(", {} at once on average", axis::number(at_once)) } else { String::new() };
        return Some(format!("{who} waited for IO {share} of their lives{at_once}"));
    }
    if evidence.much(times.sleeping, 0.5) {
        return Some(format!("{who} slept {} of their lives", evidence.share(times.sleeping)));
    }
    if evidence.much(times.gil, 0.2) {
        return Some(format!("{who} waited for the GIL {} of their lives", evidence.share(times.gil)));
    }
    // What is counted as ready begins with the wake-up, so that on idle cores most of it is the latency of waking.
    let state =
        if evidence.run.utilization >= 0.9 { "ready but had no core" } else { "ready, or woken and not yet running," };
    (evidence.much(times.ready, 0.3) && !evidence.coroutines)
        .then(|| format!("threads were {state} {} of their lives", evidence.share(times.ready)))
}

fn cores(model: &Model, busy: f64) -> String {
    match model.machine.cores {
        1 => format!("the core was busy {} of the time", percent(busy)),
        cores => {
            let used = axis::number(busy * f64::from(cores));
            let was = if used == "1" { "was" } else { "were" };
            format!("{used} of {cores} cores {was} busy on average")
        }
    }
}
