//! Results as text for people.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use gilsim::metrics::figures::{Point, Printed};

use super::execute::{Done, Tally};
use super::figures::{self, Grid};
use super::terminal::Terminal;

/// Lines shown of what a model's programs print.
const PRINTS: usize = 12;

/// Names up to this length are not broken; longer ones break between words.
const NAME: usize = 21;

/// All about one scenario.
pub fn scenario(done: &Done, terminal: &Terminal) -> String {
    let report = &done.results.report;
    let mut out = format!("{}\n", terminal.bold(&report.title));
    let swept = report.points.len() > 1;
    for point in &report.points {
        describe(&mut out, point, swept, terminal);
    }
    if done.audited && done.results.passed {
        out.push_str("\nThe auditor watched every run and found nothing.\n");
    }
    if done.checked && done.results.difference.is_none() {
        out.push_str("\nEvery run was repeated under other conditions: all records are the same.\n");
    }
    if let Ok(folder) = &done.published {
        let page = folder.join("index.html");
        let _ = writeln!(out, "\n{}", terminal.muted(&format!("Files: {}", page.display())));
    }
    out.push('\n');
    out
}

fn describe(out: &mut String, point: &Point, swept: bool, terminal: &Terminal) {
    if swept {
        let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let _ = writeln!(out, "\n{}", terminal.bold(&settings.join(", ")));
    }
    let runs = point.models.iter().map(|model| model.runs.len()).max().unwrap_or(0);
    let seed = point.models.iter().flat_map(|model| &model.runs).map(|run| run.seed).next().unwrap_or(0);
    let luck = if runs > 1 {
        format!("{runs} runs from seed {seed} on: means ± 95 % confidence; the rest is of the first run")
    } else {
        format!("seed {seed}")
    };
    let _ = writeln!(out, "{}\n", terminal.muted(&format!("{}; {luck}", point.machine)));
    grid(out, &figures::overview(point), terminal);
    if !swept {
        for details in figures::details(point) {
            grid(out, &details, terminal);
        }
        prints(out, point, terminal);
        critical_path(out, point);
    }
    for verdict in &point.verdicts {
        let _ = writeln!(out, "{verdict}");
    }
    outcomes(out, point);
    if !point.expectations.is_empty() {
        out.push('\n');
    }
    for checked in &point.expectations {
        let _ = writeln!(out, "{}  {}: {}", terminal.mark(checked.holds), checked.expectation, checked.found);
    }
}

fn grid(out: &mut String, grid: &Grid, terminal: &Terminal) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    // A number and its unit stay together, even if the table gets wider than the terminal.
    let needed: usize = (0..grid.heads.len()).map(|column| least(grid, column) + 2).sum();
    let width = usize::from(terminal.width).max(needed).min(usize::from(u16::MAX));
    table.set_width(width as u16).set_header(&grid.heads);
    for row in &grid.rows {
        table.add_row(row.iter().enumerate().map(|(column, cell)| match column < grid.names {
            true => cell.clone(),
            false => cell.replace(' ', "\u{a0}").replace("\u{a0}±", " ±"),
        }));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least(grid, index) as u16 + 2)));
        column.set_cell_alignment(if index < grid.names { CellAlignment::Left } else { CellAlignment::Right });
    }
    if !grid.title.is_empty() {
        let _ = writeln!(out, "{}", terminal.bold(grid.title));
    }
    for (index, line) in table.lines().enumerate() {
        let line = line.replace('\u{a0}', " ");
        let line = line.trim_end();
        let _ = writeln!(out, "{}", if index == 0 { terminal.muted(line) } else { line.to_owned() });
    }
    out.push('\n');
}

/// The least width of a column: a name, or a word.
fn least(grid: &Grid, column: usize) -> usize {
    let longest = |parts: std::str::Split<'_, char>| parts.map(|part| part.chars().count()).max().unwrap_or(0);
    let cells = grid.rows.iter().map(|row| row[column].as_str());
    let head = longest(grid.heads[column].split(' '));
    if column < grid.names {
        return cells.map(|cell| cell.chars().count()).max().unwrap_or(0).min(NAME).max(head);
    }
    cells.map(|cell| longest(cell.replace(" ±", "±").split('±'))).max().unwrap_or(0).max(head)
}

/// What the programs of the first run of each model printed, once if all printed the same.
fn prints(out: &mut String, point: &Point, terminal: &Terminal) {
    for model in &point.models {
        let Some(run) = model.runs.first().filter(|run| !run.prints.is_empty()) else { continue };
        let _ = writeln!(out, "{}", terminal.bold(&format!("{} prints", model.model)));
        let shown: Vec<&Printed> = run.prints.iter().take(PRINTS).collect();
        let who = shown.iter().map(|printed| printed.who.chars().count()).max().unwrap_or(0);
        for printed in &shown {
            let at = gilsim::report::chart::axis::duration(printed.at.0 as f64);
            let _ = writeln!(out, "  {at:>8}  {:who$}  {}", printed.who, printed.text.escape_debug());
        }
        if run.prints.len() > PRINTS {
            let _ = writeln!(out, "  ... and {} lines more, in figures.json", run.prints.len() - PRINTS);
        }
        out.push('\n');
    }
}

fn critical_path(out: &mut String, point: &Point) {
    let run = point.models.first().and_then(|model| model.runs.first());
    if let Some(path) = run.and_then(|run| run.critical_path.as_ref()) {
        let _ = writeln!(out, "Critical path, {}: {}\n", path.length, path.tasks.join(" -> "));
    }
}

/// How runs ended that did not end as usual; the first of each model.
fn outcomes(out: &mut String, point: &Point) {
    for model in &point.models {
        if let Some(run) = model.runs.iter().find(|run| !run.explanation.is_empty()) {
            let _ = writeln!(out, "\n{}, seed {}: {}", model.model, run.seed, run.outcome);
            for line in &run.explanation {
                let _ = writeln!(out, "  {line}");
            }
        }
    }
}

/// One line per scenario of a batch, with what failed, and what came of it together. `overview` is the page of all, if
/// it could be written.
pub fn batch(tally: &Tally, overview: Option<&Path>, terminal: &Terminal) -> String {
    let mut out = String::new();
    let width = tally.done.iter().map(|done| done.results.report.name.chars().count()).max().unwrap_or(0);
    for done in &tally.done {
        let report = &done.results.report;
        let room =
            if terminal.is_terminal { usize::from(terminal.width).saturating_sub(width + 8) } else { usize::MAX };
        // What failed is told in full.
        let room = if done.results.passed { room } else { usize::MAX };
        let verdict = shortened(&report.verdict, room);
        let _ = writeln!(out, "{}  {:width$}  {verdict}", terminal.mark(done.results.passed), report.name);
        let checked = report.points.iter().flat_map(|point| &point.expectations);
        // The first is the verdict.
        for failed in checked.filter(|checked| !checked.holds).skip(1) {
            let _ = writeln!(out, "      {:width$}  {}: {}", "", failed.expectation, failed.found);
        }
    }
    for file in &tally.refused {
        let _ = writeln!(out, "{}  {file}: not valid", terminal.mark(false));
    }
    let passed = tally.done.iter().filter(|done| done.results.passed).count();
    let all = tally.done.len() + tally.refused.len();
    let _ = writeln!(out, "\n{passed} of {all} scenarios passed");
    if let Some(page) = overview {
        let _ = writeln!(out, "{}", terminal.muted(&format!("Files: {}", page.display())));
    }
    out
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}
