//! What was compared with what: the tests that compare say it here, and `docs/validation.md` repeats it.
//!
//! Every comparison is a row, or a group of rows, between two marks of the page. A test says its row when it has passed;
//! with `GILSIM_PIN=1` the row is written, otherwise the page must have it already. What stands around the marks is
//! written by hand.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

/// The tables of the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Measurements of real systems: workload, figure, measured, model, model / measured, bounds.
    Measured,
    /// Closed forms, bounds and laws: what, cases, largest deviation, allowed.
    Theory,
    /// Recorded outputs of other programs: the same columns.
    Programs,
    /// Measured workloads, a row for each kind: figures, within tolerance, median and worst of model / measured.
    Workloads,
    /// Every figure of every measured workload; on a page of its own.
    Cells,
    /// Why some are off; on that page, too.
    Reasons,
}

impl Table {
    fn mark(self) -> &'static str {
        match self {
            Table::Measured => "<!-- measured: written by the tests -->",
            Table::Theory => "<!-- theory: written by the tests -->",
            Table::Programs => "<!-- programs: written by the tests -->",
            Table::Workloads => "<!-- workloads: written by the tests -->",
            Table::Cells => "<!-- cells: written by the tests -->",
            Table::Reasons => "<!-- reasons: written by the tests -->",
        }
    }

    fn page(self) -> PathBuf {
        let page = match self {
            Table::Cells | Table::Reasons => "docs/fidelity.md",
            _ => "docs/validation.md",
        };
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(page)
    }

    const ALL: [Table; 6] =
        [Table::Measured, Table::Theory, Table::Programs, Table::Workloads, Table::Cells, Table::Reasons];
}

const END: &str = "<!-- end -->";

/// Tests run side by side, and write one file.
static PAGE: Mutex<()> = Mutex::new(());

/// The rows of one test all begin with `what`, which must stand as a literal in a test.
pub fn say(table: Table, what: &'static str, rows: &[String]) {
    let _guard = PAGE.lock().unwrap_or_else(|broken| broken.into_inner());
    let text = fs::read_to_string(table.page()).unwrap();
    let (before, rest) = text.split_once(table.mark()).expect("the page has a mark for every table");
    let (section, after) = rest.split_once(END).expect("every table has an end");
    let mut lines: Vec<&str> = section.trim().lines().collect();
    let body = lines.split_off(2);
    let ours = format!("| {what} |");
    let (found, mut body): (Vec<&str>, Vec<&str>) = body.into_iter().partition(|line| line.starts_with(&ours));
    if found == rows {
        return;
    }
    let wanted = rows.join("\n");
    assert!(
        std::env::var_os("GILSIM_PIN").is_some(),
        "the page has\n{}\nfor\n{wanted}\nIf that was meant: GILSIM_PIN=1 cargo test --test it",
        found.join("\n")
    );
    body.extend(wanted.lines());
    // Rows of one test keep their order.
    body.sort_by_key(|line| line.split('|').nth(1).map(str::trim));
    lines.extend(body);
    let text = format!("{before}{}\n\n{}\n\n{END}{after}", table.mark(), lines.join("\n"));
    fs::write(table.page(), text).unwrap();
}

/// So many cases agreed exactly.
pub fn exact(table: Table, what: &'static str, cases: usize) {
    say(table, what, &[format!("| {what} | {cases} | 0 | exact |")]);
}

/// Cases that agree within tolerances: the one that comes closest to leaving its own is kept.
#[must_use = "a comparison is reported by `done`"]
pub struct Tally {
    table: Table,
    what: &'static str,
    cases: usize,
    /// Deviation, tolerance, and the value expected.
    worst: (f64, f64, f64),
}

impl Tally {
    pub fn new(table: Table, what: &'static str) -> Tally {
        Tally { table, what, cases: 0, worst: (0.0, f64::INFINITY, 1.0) }
    }

    /// Requires that the two agree.
    pub fn compare(&mut self, id: &str, found: f64, expected: f64, tolerance: f64) {
        let off = (found - expected).abs();
        assert!(
            off <= tolerance,
            "{}: {id}: found {found:.4}, expected {expected:.4}, off by {off:.4} of {tolerance:.4}",
            self.what
        );
        self.cases += 1;
        if off * self.worst.1 >= self.worst.0 * tolerance || self.cases == 1 {
            self.worst = (off, tolerance, expected);
        }
    }

    /// Says it.
    pub fn done(self) {
        assert!(self.cases > 0, "{}: nothing was compared", self.what);
        let (off, tolerance, expected) = self.worst;
        let (off, tolerance) = (percent(off / expected.abs()), percent(tolerance / expected.abs()));
        let Tally { what, cases, .. } = self;
        say(self.table, what, &[format!("| {what} | {cases} | {off} | {tolerance} |")]);
    }
}

/// Two digits that count.
fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value {
        _ if value < 0.01 => "< 0.01 %".to_owned(),
        _ if value < 1.0 => format!("{value:.2} %"),
        _ => format!("{value:.1} %"),
    }
}

/// Measurements of real systems against the model, by factors.
#[must_use = "a comparison is reported by `done`"]
pub struct Measurements {
    what: &'static str,
    rows: Vec<String>,
    wrong: Vec<String>,
}

impl Measurements {
    pub fn new(what: &'static str) -> Measurements {
        Measurements { what, rows: Vec::new(), wrong: Vec::new() }
    }

    /// Requires that the two differ by no more than the factor.
    pub fn compare(&mut self, figure: &str, measured: f64, found: f64, factor: f64) {
        let ratio = found / measured;
        let what = self.what;
        let row = format!("| {what} | {figure} | {} | {} | {ratio:.2} |", digits(measured), digits(found));
        if ratio > factor || ratio < 1.0 / factor {
            self.wrong.push(format!("{row} beyond a factor of {factor}"));
        }
        self.rows.push(format!("{row} {factor:.2} |"));
    }

    /// Says them.
    pub fn done(self) {
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
        say(Table::Measured, self.what, &self.rows);
    }
}

/// Three digits that count, or all before the point.
pub fn digits(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ if value >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// No row outlives its test.
#[test]
fn every_row_has_a_test() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let sources: String = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap())
        .collect::<Vec<_>>()
        .concat();
    let mut rows = 0;
    for table in Table::ALL {
        let text = fs::read_to_string(table.page()).unwrap();
        let (_, rest) = text.split_once(table.mark()).expect("the page has a mark for every table");
        let (section, _) = rest.split_once(END).expect("every table has an end");
        for line in section.trim().lines().skip(2) {
            let what = line.split('|').nth(1).unwrap().trim();
            assert!(sources.contains(&format!("\"{what}\"")), "no test says \"{what}\": remove its rows");
            rows += 1;
        }
    }
    assert!(rows > 20, "{rows}");
}
