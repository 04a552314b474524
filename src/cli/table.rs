//! Results as text for people.

use std::fmt::Write;
use std::path::Path;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use gilsim::experiment::Explained;
use gilsim::metrics::figures::Point;
use gilsim::report::tables::{self, Grid};

use super::execute::{self, Done, Tally};
use super::terminal::Terminal;

/// With more points than this only their summary is shown.
const MOST: usize = 3;

/// More decisions of a model than this are only in its file.
const DECISIONS: usize = 40;

/// Names up to this length are not broken; longer ones break between words.
const NAME: usize = 21;

/// All about one scenario.
pub fn scenario(done: &Done, terminal: &Terminal) -> String {
    let report = &done.results.report;
    let mut out = format!("{}\n", terminal.bold(&report.title));
    let swept = report.points.len() > 1;
    let brief = report.points.len() > MOST;
    if let Some(summary) = tables::sweep(report) {
        out.push('\n');
        grid(&mut out, &summary, terminal);
    }
    if brief {
        for checked in report.points.iter().flat_map(|point| &point.expectations) {
            let _ = writeln!(out, "{}  {}: {}", terminal.mark(checked.holds), checked.expectation, checked.found);
        }
        report.points.iter().for_each(|point| outcomes(&mut out, point));
        out.push_str("\nTables and verdicts of each point are in the page.\n");
    }
    for point in report.points.iter().filter(|_| !brief) {
        describe(&mut out, point, swept, terminal);
    }
    for explained in &done.explained {
        decisions(&mut out, explained, terminal);
    }
    if done.audited && done.results.audit_is_silent() {
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

/// The first decisions of a model; the others are in a file.
fn decisions(out: &mut String, explained: &Explained, terminal: &Terminal) {
    let place = if explained.settings.is_empty() { String::new() } else { format!(" at {}", explained.settings) };
    let heading = format!("{}{place}: why each core took whom it took", explained.model);
    let _ = writeln!(out, "\n{}", terminal.bold(&heading));
    if explained.decisions.is_empty() {
        out.push_str("Nothing was decided in this part of the run.\n");
    }
    for decision in explained.decisions.iter().take(DECISIONS) {
        let _ = writeln!(out, "{decision}");
    }
    let rest = (explained.decisions.len().saturating_sub(DECISIONS)) as u64 + explained.more;
    if rest > 0 {
        let _ = writeln!(out, "{}", terminal.muted(&format!("{rest} more in {}", execute::decisions_file(explained))));
    }
}

fn describe(out: &mut String, point: &Point, swept: bool, terminal: &Terminal) {
    if swept {
        let settings: Vec<String> = point.settings.iter().map(|(path, value)| format!("{path} = {value}")).collect();
        let _ = writeln!(out, "\n{}", terminal.bold(&settings.join(", ")));
    }
    let _ = writeln!(out, "{}\n", terminal.muted(&tables::circumstances(point)));
    grid(out, &tables::overview(point), terminal);
    if !swept {
        for details in tables::details(point) {
            grid(out, &details, terminal);
        }
        for (title, lines) in tables::prints(point) {
            let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
            let _ = writeln!(out, "{}\n{lines}", terminal.bold(&title));
        }
        if let Some(path) = tables::critical_path(point) {
            let _ = writeln!(out, "{path}\n");
        }
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
    for part in parts(grid, terminal) {
        draw(out, &part, terminal);
    }
}

/// The table, or, where a terminal is too narrow for its columns, several that each begin with the names.
fn parts(grid: &Grid, terminal: &Terminal) -> Vec<Grid> {
    let room = if terminal.is_terminal { usize::from(terminal.width) } else { usize::MAX };
    let width = |column: usize| least(grid, column) + 2;
    let names: usize = (0..grid.names).map(width).sum();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut used = usize::MAX;
    for column in grid.names..grid.heads.len() {
        used = used.saturating_add(width(column));
        match groups.last_mut() {
            Some(group) if used <= room => group.push(column),
            _ => {
                groups.push((0..grid.names).chain([column]).collect());
                used = names + width(column);
            }
        }
    }
    if groups.len() < 2 {
        return vec![grid.clone()];
    }
    let pick = |cells: &[String], group: &[usize]| group.iter().map(|&column| cells[column].clone()).collect();
    let part = |(number, group): (usize, &Vec<usize>)| Grid {
        title: if number == 0 { grid.title.clone() } else { String::new() },
        heads: pick(&grid.heads, group),
        rows: grid.rows.iter().map(|row| pick(row, group)).collect(),
        names: grid.names,
    };
    groups.iter().enumerate().map(part).collect()
}

fn draw(out: &mut String, grid: &Grid, terminal: &Terminal) {
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
        let _ = writeln!(out, "{}", terminal.bold(&grid.title));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_never_leaves_the_terminal() {
        let heads: Vec<String> = (0..12).map(|column| format!("column{column}")).collect();
        let row: Vec<String> = (0..12).map(|column| format!("{column} 000 ms")).collect();
        let wide = Grid { title: "Wide".to_owned(), heads, rows: vec![row], names: 1 };
        for width in [80, 100, 200] {
            let mut terminal = Terminal::detect();
            (terminal.width, terminal.is_terminal) = (width, true);
            let mut out = String::new();
            grid(&mut out, &wide, &terminal);
            assert!(out.lines().all(|line| line.chars().count() <= usize::from(width)), "{width}: {out}");
            for column in 0..12 {
                assert!(out.contains(&format!("column{column}")), "{width}: {out}");
            }
        }
    }
}
