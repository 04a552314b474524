//! What a test found, for people.

use std::fmt::Write as _;

use gilsim::experiment::Frequency;
use gilsim::explore::{Counts, Explored, Sampled, Smaller, Verdict};

use super::matrix::{Timed, World};
use super::{Case, Shown};
use crate::cli::load::Loaded;
use crate::cli::terminal::Terminal;

/// Steps of a schedule that are printed; the others can be seen by `replay`.
const STEPS: usize = 30;

/// All cases of a scenario.
pub fn scenario(loaded: &Loaded, cases: &[Case<'_>], terminal: &Terminal) -> String {
    let mut out = format!("{}\n", terminal.bold(&loaded.source.shown()));
    for case in cases {
        let name = case.name();
        let (good, bad) = (terminal.mark(true), terminal.mark(false));
        match &case.verdict {
            Err(why) => _ = writeln!(out, "  {name}: not searched, {}", why),
            Ok(Verdict::Proved(explored)) => _ = writeln!(out, "  {good}  {name}: proved, {}", amount(explored)),
            Ok(Verdict::Impossible(explored, text)) => {
                _ = writeln!(out, "  {bad}  {name}: impossible is {text}; {}", amount(explored));
            }
            Ok(Verdict::Passed(sampled)) => _ = writeln!(out, "  {good}  {name}: {}", passed(sampled)),
            Ok(Verdict::Undecided { states, runs, why }) => {
                let looked = if *runs > 0 { format!("{runs} random schedules") } else { format!("{states} states") };
                _ = writeln!(out, "  {}  {name}: inconclusive after {looked}: {why}", terminal.unsure());
            }
            Ok(verdict @ (Verdict::Drawn { .. } | Verdict::Failed(..))) => {
                _ = write!(out, "  {bad}  {name}: ");
                failed(&mut out, loaded, case, &place(verdict));
            }
        }
        if let (Some(still), false) = (&case.kept.still_bad, matches!(&case.verdict, Ok(v) if v.found().is_some())) {
            _ = write!(out, "  {bad}  {name}: ");
            schedule(&mut out, loaded, still, "in a schedule that an earlier test kept", None);
        }
        if let Some(timed) = &case.timed {
            let Frequency { bad, runs, first } = timed;
            let seed = first.map_or_else(String::new, |seed| format!("; the first with seed {seed}"));
            _ = writeln!(out, "        with times: {bad} of {runs} runs go wrong, {}{seed}", share(timed.interval()));
        }
        if let Some(Smaller { text, tried, smallest }) = &case.smaller {
            let said = if *smallest { "nothing can be left out of this any more" } else { "stopped early" };
            _ = writeln!(out, "        the same failure in a smaller scenario ({tried} tried; {said}):");
            text.lines().for_each(|line| _ = writeln!(out, "          {line}"));
        }
        if case.kept.tried > 0 && case.kept.still_bad.is_none() {
            let (s, tense) = if case.kept.tried == 1 { ("", "breaks") } else { ("s", "break") };
            _ = writeln!(out, "        {} schedule{s} of earlier tests {tense} nothing any more", case.kept.tried);
        }
    }
    out.push('\n');
    out
}

/// From where to where a probability is.
fn share((low, high): (f64, f64)) -> String {
    let percent = |p: f64| if p > 0.0 && p < 0.001 { format!("{:.3}", p * 100.0) } else { format!("{:.1}", p * 100.0) };
    format!("{} to {} %", percent(low), percent(high))
}

/// The table of worlds; nothing if there are none.
pub fn worlds(worlds: &[World]) -> String {
    if worlds.is_empty() {
        return String::new();
    }
    let head = ["", "all schedules", "1 core", "2 cores", "8 cores"].map(str::to_owned);
    let mut rows = vec![head.to_vec()];
    for world in worlds {
        let timed = |timed: &Timed| match (timed.bad, timed.bad == timed.runs) {
            (0, _) => format!("never, < {:.2} %", timed.high * 100.0),
            (_, true) => "always".to_owned(),
            _ => share((timed.low, timed.high)),
        };
        let mut row = vec![world.name.to_owned(), world.words.clone()];
        row.extend(world.timed.iter().map(timed));
        row.resize(5, "-".to_owned());
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        _ = writeln!(out, "  {}", cells.join("  ").trim_end());
    }
    let runs = worlds.iter().flat_map(|world| &world.timed).map(|timed| timed.runs).next().unwrap_or(0);
    _ = writeln!(out, "  With cores: how often {runs} runs with times go wrong, as a 95 % interval.\n");
    out
}

/// How many schedules are bad, and which is shown.
fn place(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Failed(explored, _) => {
            let share = match &explored.counts {
                Some(Counts { schedules, bad, .. }) if !explored.reduced => format!("{bad} of {schedules} schedules"),
                Some(_) => "some schedules".to_owned(),
                None => "some of endless schedules".to_owned(),
            };
            format!("in {share} ({} states); the nearest", explored.states)
        }
        Verdict::Drawn { run, strategy, .. } => format!("in random schedule {run} ({strategy}), made shorter, which"),
        _ => String::new(),
    }
}

fn failed(out: &mut String, loaded: &Loaded, case: &Case<'_>, place: &str) {
    let (Ok(verdict), Some(shown)) = (&case.verdict, &case.bad) else { return };
    let Some(found) = verdict.found() else { return };
    let preemptions = match found.preemptions {
        0 => "no preemption".to_owned(),
        1 => "1 preemption".to_owned(),
        more => format!("{more} preemptions"),
    };
    schedule(out, loaded, shown, &format!("{place} has {preemptions}"), found.point_of_no_return());
    match found.delays {
        _ if !found.nearest => {}
        0 => {}
        1 => out.push_str("        1 deviation from the base schedule, which by itself breaks nothing\n"),
        more => _ = writeln!(out, "        {more} deviations from the base schedule; with fewer nothing is broken"),
    }
}

/// What is wrong, and how it comes to that.
fn schedule(out: &mut String, loaded: &Loaded, shown: &Shown, place: &str, no_return: Option<usize>) {
    for (number, line) in shown.failure.iter().enumerate() {
        _ = writeln!(out, "{}{line}", if number == 0 { "" } else { "          " });
    }
    _ = writeln!(out, "        {place}:");
    let width = shown.steps.iter().map(|(who, _)| who.chars().count()).max().unwrap_or(0);
    if no_return == Some(0) {
        _ = writeln!(out, "             it goes wrong from the start on");
    }
    for (number, (who, what)) in shown.steps.iter().enumerate().take(STEPS) {
        let lost = if no_return == Some(number + 1) { "   <- from here on it goes wrong" } else { "" };
        _ = writeln!(out, "        {:>3}  {who:width$}  {what}{lost}", number + 1);
    }
    if shown.steps.len() > STEPS {
        _ = writeln!(out, "             and {} more", shown.steps.len() - STEPS);
    }
    _ = writeln!(out, "        gilsim replay {} --schedule '{}'", loaded.source.shown(), shown.token);
}

fn amount(explored: &Explored) -> String {
    match &explored.counts {
        Some(Counts { schedules: 1, .. }) => "there is one schedule".to_owned(),
        Some(Counts { schedules: u128::MAX, .. }) if !explored.reduced => {
            format!("all schedules, more than 2^128, {} states", explored.states)
        }
        Some(Counts { schedules, .. }) if !explored.reduced => {
            format!("all {schedules} schedules, {} states", explored.states)
        }
        Some(_) => format!("all schedules, {} states", explored.states),
        None => format!("schedules without end, {} states", explored.states),
    }
}

fn passed(sampled: &Sampled) -> String {
    let Sampled { states, runs, behaviours, .. } = sampled;
    let more = if *states > 0 { format!("; more than {states} states") } else { String::new() };
    let missed: Vec<String> = (1..=3)
        .filter(|depth| sampled.by_priorities[depth - 1] > 0)
        .map(|depth| format!("{depth} with at most {}", probability(sampled.missed(depth))))
        .collect();
    let missed = match missed.is_empty() {
        true => String::new(),
        false => format!("\n        a bug of depth {} would have been missed", missed.join(", of ")),
    };
    format!(
        "not proved, but none of {runs} random schedules breaks anything ({behaviours} different behaviours){more}{missed}"
    )
}

fn probability(p: f64) -> String {
    if p > 0.001 { format!("{:.1} %", p * 100.0) } else { format!("{p:.0e}") }
}
