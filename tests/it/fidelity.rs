//! Measured workloads of real CPython against the model: every cell of `tests/fidelity/cells.json` of which a scenario can be
//! written. `docs/fidelity.md` has every figure, `docs/validation.md` a summary.
//!
//! A prediction beyond its tolerance is an error unless [`KNOWN`] says why; a reason that nothing needs any more is one, too.

use gilsim::scenario::compile;
use serde_json::Value;

use crate::fidelity_figures::{figures, quantile};
use crate::fidelity_scenarios::{Place, scenario};
use crate::validation::{Table, digits, say};

/// What is predicted wrongly, and why: kind, what the cell's name contains, where, figure, reason, and the factor that it
/// must stay within.
const KNOWN: [(&str, &str, &str, &str, &str, f64); 28] = [
    (
        "a",
        "proc",
        "",
        "",
        "Four processes on two cores: the kernel leaves one core with one process for longer than here before it evens them out.",
        1.15,
    ),
    ("a", "interp", "", "", "The same for two threads beside the one that hands out the work.", 1.05),
    (
        "a",
        "",
        "",
        "lat_ms",
        "Who of several threads that compute is ahead at the end: the last turns decide the median of so few.",
        1.1,
    ),
    (
        "b",
        "",
        "",
        "wall_ms",
        "The Python code of a request (submitting, callbacks, futures), 30 to 120 us, is no part of the scenario.",
        1.2,
    ),
    (
        "c",
        "pool16",
        "",
        "lat_ms",
        "A thread that comes back from a sleep of one interval stands in front of those whose timed waits for the GIL begin anew just then, so that some finish early; in reality all finish together. Why is not known.",
        1.6,
    ),
    ("c", "proc", "", "", "Four processes on two cores collide more often than here: see 1.", 1.2),
    (
        "c",
        "",
        "",
        "",
        "Sleeps on that machine end 0.12 to 0.18 ms late, and 0.08 ms here, as its idle cores wake the more slowly the longer they have idled; where computing and sleeping take equally long, that shifts who meets whom.",
        1.2,
    ),
    (
        "d",
        "cpu0",
        "",
        "",
        "Two regimes in reality: server and client on one core or on two. Here they are always on two.",
        1.6,
    ),
    (
        "d",
        "cpu1_si20",
        "2",
        "",
        "In reality the talking thread loses the GIL a second time during `send` in two of five requests: to rouse the server's core takes it longer, the longer that core has slept. Here to wake somebody costs the waker nothing.",
        1.6,
    ),
    ("d", "cpu2_si5", "3.13.5t", "", "Measured with a spread of a third.", 1.3),
    ("d", "cpu2_si5", "", "", "Two hogs on two cores: see the text below the table of validation.", 6.0),
    (
        "d",
        "",
        "1",
        "cpu_threads",
        "On one core the talking thread and its server get a tenth more than they should.",
        1.2,
    ),
    (
        "e",
        "none",
        "",
        "lag_ms.max",
        "The greatest of 9,400 lags on a host that others use; its repeats differ by as much.",
        3.0,
    ),
    (
        "f",
        "c1_0_0us",
        "3.13.0, 1",
        "wall_ms",
        "The loop speed of the machine differed between the microbenchmark of a queue and this cell; README of the measurements: a factor of 1.6.",
        1.5,
    ),
    ("f", "asyncio", "", "wall_ms", "The loop speed of the machine, as 14.", 1.5),
    (
        "f",
        "max1",
        "",
        "wall_ms",
        "Each item is handed over twice, with the queue's own lock and conditions, that is, several futex calls, which cost the waker nothing here.",
        1.5,
    ),
    (
        "f",
        "",
        "3.13.5t",
        "",
        "Without a GIL the queue's inner lock is contended; here a queue is one atomic thing. With two producers and two consumers what is ahead at the start stays ahead: single runs have medians of 0.06 to 12 ms here, and its repeats differ by 4 ms.",
        40.0,
    ),
    (
        "f",
        "",
        "",
        "lat_ms",
        "The median wait depends on when the first switch comes, and its repeats differ by a factor of two and more.",
        2.7,
    ),
    (
        "g",
        "",
        "3.13.5t",
        "",
        "Without a GIL wake-ups between two busy cores take 10 us or less, and the mean is that of a few waits of milliseconds on a core that others have; the time inside also grows, as the cores share data.",
        100.0,
    ),
    (
        "g",
        "n4_out90",
        "",
        "frac_wait",
        "A waiter here always sleeps; in reality some find the lock free before they have gone to sleep.",
        1.7,
    ),
    ("h", "call", "", "lost_frac", "Nine switches a run decide it, each by chance.", 2.5),
    ("i", "", "", "", "Four threads on two cores: see 1.", 1.1),
    (
        "k",
        "asyncio",
        "",
        "",
        "The coroutine that submits sleeps until the next arrival, which asyncio rounds up to a whole millisecond; it is no part of the scenario.",
        1.15,
    ),
    (
        "k",
        "pool8_rate425",
        "",
        "",
        "At 85 % load the thread that submits competes for the same GIL, and is no part of the scenario.",
        2.0,
    ),
    ("k", "", "", "", "The submitting thread and the code of the pool, as 24.", 1.1),
    (
        "l",
        "n2",
        "1",
        "nvcsw",
        "The fixed grid of the ticks locks the phase of two threads that swap the GIL every interval: see the model's page on `Fair`.",
        2.0,
    ),
    (
        "l",
        "n2",
        "",
        "",
        "A waiter that asks is often served before it has gone to sleep, which saves a switch, and both run for that moment; here a wait is a switch at once.",
        1.5,
    ),
    ("l", "n4", "", "share", "Shares over one second of turns of 20 ms, or of two runs.", 1.3),
];

fn cells() -> Vec<Value> {
    let path = format!("{}/tests/fidelity/cells.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// How far a prediction may be off before the difference means anything.
#[derive(Clone, Copy)]
enum Tolerance {
    /// A share of what was measured.
    Share(f64),
    Factor(f64),
    Absolute(f64),
}

impl Tolerance {
    /// How many times its tolerance a prediction is off.
    fn used(self, measured: f64, found: f64) -> f64 {
        match self {
            Tolerance::Share(share) => (found - measured).abs() / (share * measured),
            Tolerance::Factor(factor) => (apart(found / measured) - 1.0) / (factor - 1.0),
            Tolerance::Absolute(off) => (found - measured).abs() / off,
        }
    }

    fn written(self) -> String {
        match self {
            Tolerance::Share(share) => format!("{:.0} %", share * 100.0),
            Tolerance::Factor(factor) => format!("factor {factor}"),
            Tolerance::Absolute(off) => format!("± {off}"),
        }
    }
}

/// By what factor two are apart whose ratio this is.
fn apart(ratio: f64) -> f64 {
    ratio.max(ratio.recip())
}

/// The tolerances that the measurements allow, as whoever took them says.
fn tolerance(kind: &str, figure: &str, cell: &Value, place: Place<'_>, measured: f64) -> Option<Tolerance> {
    use Tolerance::{Absolute, Factor, Share};
    let spec = &cell["spec"];
    let one_core = place.cores == 1;
    Some(match (kind, figure) {
        ("a" | "i", _) => Share(if one_core { 0.01 } else { 0.03 }),
        ("b", _) => Share((0.03 * spec["tasks"].as_f64().unwrap() / measured).max(0.05)),
        ("c", "wall_ms") => Share(0.05),
        ("c", _) => Share(0.08),
        ("d", "cpu_threads_cpu_share") => Share(0.05),
        ("d", _) if one_core => Factor(2.0),
        ("d", _) => Share(if spec["cpu_threads"].as_u64().unwrap() > 1 { 0.5 } else { 0.25 }),
        ("e", "lag_ms.p50") => Factor(1.5),
        ("e", "lag_ms.max") => Share(0.1),
        ("e", _) => Absolute(if spec["mode"].as_str().unwrap().starts_with("executor") { 0.02 } else { 0.002 }),
        ("f", "wall_ms") => Share(0.15),
        ("f", _) => Factor(2.0),
        ("g", "wall_ms") => Share(if place.free_threaded() || one_core { 0.1 } else { 0.15 }),
        ("g", "lock_wait_ms.mean") if spec["threads"] == 1 => return None,
        ("g", "lock_wait_ms.mean") => Share(0.4),
        ("g", _) => Absolute(0.1),
        // No update is ever safe in 3.9: its repeats differ by that much.
        ("h", _) if place.interpreter == "3.9.18" => Absolute(0.25),
        ("h", _) if place.free_threaded() => Absolute(0.12),
        ("h", _) => Absolute(if matches!(spec["variant"].as_str().unwrap(), "call" | "work") { 0.12 } else { 0.01 }),
        ("j", _) => Share(if one_core { 0.01 } else { 0.15 }),
        ("k", "lat_ms.p99") => Share(if is_loaded(spec) { 0.25 } else { 0.15 }),
        ("k", _) => Share(if is_loaded(spec) { 0.2 } else { 0.05 }),
        ("l", "total_cpu_share") => Share(0.02),
        ("l", "nvcsw_per_s") if place.free_threaded() => return None,
        ("l", "nvcsw_per_s") => Share(0.25),
        ("l", _) => Absolute(0.03),
        _ => return None,
    })
}

/// Open arrivals beyond 60 % of what one GIL can do, at 2 ms of computing each.
fn is_loaded(spec: &Value) -> bool {
    let arrivals = spec["arrivals_ms"].as_array().unwrap();
    arrivals.len() as f64 / arrivals[arrivals.len() - 1].as_f64().unwrap() * 2.0 > 0.62
}

/// The figures of all cells of a kind.
struct Kind {
    rows: Vec<String>,
    /// How often the tolerance was kept, and model / measured of all, and of the one that is furthest off.
    kept: usize,
    ratios: Vec<f64>,
    worst: (f64, String),
    wrong: Vec<String>,
    excused: [bool; KNOWN.len()],
}

impl Kind {
    /// Runs the model of every undisturbed measurement under three seeds, where few things happen under seven, and takes medians.
    fn compare(what: &str) -> Kind {
        let kind = &what[..1];
        let mut found = Kind {
            rows: Vec::new(),
            kept: 0,
            ratios: Vec::new(),
            worst: (1.0, String::new()),
            wrong: Vec::new(),
            excused: [false; KNOWN.len()],
        };
        for cell in cells().iter().filter(|cell| cell["kind"] == kind) {
            for (run, measured) in cell["runs"].as_object().unwrap() {
                if !measured["disturbed"].is_null() {
                    continue;
                }
                let (interpreter, cores) = run.trim_end_matches('c').split_once('/').unwrap();
                let place = Place { interpreter, cores: cores.parse().unwrap() };
                let Some(text) = scenario(kind, &cell["spec"], place) else { continue };
                let compiled = compile("cell", &text, &[]).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
                assert!(compiled.warnings.is_empty(), "{:?}\n{text}", compiled.warnings);
                let model = &compiled.scenario.points[0].models[0];
                // Single runs of these two differ by factors.
                let seeds = match kind {
                    "f" => 9,
                    "h" => 7,
                    _ => 3,
                };
                let runs: Vec<_> = (1..=seeds).map(|seed| figures(kind, &cell["spec"], model, seed)).collect();
                for (figure, values) in measured["figures"].as_object().unwrap() {
                    let mut model: Vec<f64> = runs.iter().map(|figures| figures[figure.as_str()]).collect();
                    model.sort_by(f64::total_cmp);
                    let measured = values[0].as_f64().unwrap();
                    let tolerance = tolerance(kind, figure, cell, place, measured);
                    if let Some(tolerance) = tolerance {
                        let name = cell["cell"].as_str().unwrap();
                        let name = format!("{} {name} | {interpreter}, {cores}", cell["id"].as_str().unwrap());
                        found.add(what, &name, figure, values, quantile(&model, 0.5), tolerance);
                    }
                }
            }
        }
        found
    }

    fn add(&mut self, what: &str, cell: &str, figure: &str, values: &Value, model: f64, tolerance: Tolerance) {
        let measured = values[0].as_f64().unwrap();
        let used = tolerance.used(measured, model);
        let ratio = if measured == model { 1.0 } else { model / measured };
        let spread = values[1].as_f64().map_or("–".to_owned(), digits);
        let (value, found, allowed) = (digits(measured), digits(model), tolerance.written());
        let mut row = format!("| {what} | {cell} | {figure} | {value} | {spread} | {found} | {ratio:.2} | {allowed} |");
        let known = KNOWN.iter().position(|(kind, part, place, about, ..)| {
            let (name, at) = cell.split_once(" | ").unwrap();
            let here = at.contains(place) && (place.len() != 1 || at.ends_with(place));
            what.starts_with(kind) && name.contains(part) && here && figure.contains(about)
        });
        let within = |factor: f64| apart(ratio) <= factor;
        match known {
            _ if used <= 1.0 => self.kept += 1,
            Some(known) if within(KNOWN[known].5) => {
                self.excused[known] = true;
                row.push_str(&format!(" {} |", known + 1));
            }
            _ => self.wrong.push(row.clone()),
        }
        if used <= 1.0 {
            row.push_str(" |");
        }
        if ratio.is_finite() && ratio > 0.0 {
            self.ratios.push(ratio);
            if apart(ratio) > apart(self.worst.0) {
                self.worst = (ratio, format!("{cell}, {figure}").replace(" | ", ", "));
            }
        }
        self.rows.push(row);
    }

    fn done(mut self, what: &'static str) {
        let all = self.rows.len();
        assert!(self.wrong.is_empty(), "\n{}", self.wrong.join("\n"));
        for (known, (kind, part, place, figure, ..)) in KNOWN.iter().enumerate() {
            let needed = self.excused[known] || !what.starts_with(kind);
            assert!(needed, "nothing is beyond its tolerance at {part} {place} {figure}: drop the reason");
        }
        self.ratios.sort_by(f64::total_cmp);
        let median = quantile(&self.ratios, 0.5);
        let (worst, cell) = self.worst;
        let row = format!("| {what} | {all} | {} | {median:.2} | {worst:.2} | {cell} |", self.kept);
        say(Table::Workloads, what, &[row]);
        say(Table::Cells, what, &self.rows);
    }
}

macro_rules! kinds {
    ($($test:ident $what:literal)*) => {
        $(#[test] fn $test() { Kind::compare($what).done($what); })*

        /// The reasons stand on the page as they stand here.
        #[test]
        fn the_reasons_are_on_the_page() {
            let reasons = KNOWN.iter().enumerate().map(|(n, known)| format!("| reason | {} | {} |", n + 1, known.4));
            say(Table::Reasons, "reason", &reasons.collect::<Vec<_>>());
            let kinds = [$($what),*];
            assert!(KNOWN.iter().all(|known| kinds.iter().any(|what| what.starts_with(known.0))));
        }
    };
}

kinds! {
    computing "a, tasks that compute"
    waiting "b, tasks that wait"
    computing_and_waiting "c, tasks that do both"
    convoys "d, convoys"
    loops_that_stall "e, event loops that stall"
    queues "f, queues"
    contended_locks "g, contended locks"
    lost_updates "h, lost updates"
    native_work "i, native work"
    more_processes_than_cores "j, more processes than cores"
    open_arrivals "k, open arrivals"
    fairness "l, fairness of the GIL"
}
