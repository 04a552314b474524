//! What can be wrong with the meaning of a scenario: one file per concern. Checks speak in paths, not in positions, so
//! that they work on any scenario, however it was made.
//!
//! To add a check: one file with a function from [`Subject`] to [`Findings`], and one row in one of the lists below.

mod allow;
mod arrivals;
pub mod at;
mod atomic;
mod callbacks;
mod capacities;
mod circles;
mod code;
mod connections;
mod cores;
mod counted;
mod daemons;
mod deadlines;
mod depth;
mod executor;
mod expects;
mod idle;
mod ignored;
mod interpreter;
mod joins;
mod locks;
mod loops;
mod meetings;
mod model;
mod names;
mod network;
mod nothing;
mod numbers;
mod objects;
mod overload;
mod pools;
mod protocols;
mod questions;
mod scheduler;
mod shared;
mod spawns;
mod spins;
mod start;
mod times;
mod twice;
mod unseen;
mod unused;
mod values;
mod walk;

pub use allow::NAMES as WARNINGS;
pub use expects::Settings;
pub(super) use model::execution;
pub(super) use numbers::range;

use std::collections::BTreeSet;

use super::ast::{ModelName, Scenario};
use super::diagnostic::Severity;
use super::path::Path;
use code::Code;

/// What is checked.
pub struct Subject<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Its programs and who refers to whom.
    code: Code<'a>,
    /// Sections in which something was unreadable: a name that seems to be missing there may be what was lost.
    lost: &'a [&'static str],
    /// Models that are run at some point of the sweep.
    models: &'a [ModelName],
}

impl Subject<'_> {
    /// Whether the names of a section are all known.
    fn is_whole(&self, section: &str) -> bool {
        !self.lost.contains(&section)
    }
}

/// Checks that hold for every scenario.
const CHECKS: &[fn(&Subject<'_>, &mut Findings)] = &[
    names::check,
    values::check,
    unseen::check,
    circles::check,
    depth::check,
    numbers::check,
    network::check,
    interpreter::check,
    atomic::check,
    scheduler::check,
    cores::check,
    times::check,
    arrivals::check,
    deadlines::check,
    callbacks::check,
    capacities::check,
    executor::check,
    pools::check,
    daemons::check,
    model::check,
    twice::check,
    allow::check,
    expects::check,
    unused::check,
    shared::check,
    counted::check,
    protocols::check,
    ignored::check,
    joins::check,
    meetings::check,
];

/// Checks that follow calls, which therefore must not go round in circles, nor too deep.
const DEEP_CHECKS: &[fn(&Subject<'_>, &mut Findings)] = &[
    loops::check,
    locks::check,
    connections::check,
    spawns::check,
    start::check,
    nothing::check,
    idle::check,
    overload::check,
];

/// All that is wrong with one scenario, errors and warnings, but for warnings that it allows. `models` are those that are
/// run at some point of the sweep, `lost` the sections in which something was unreadable.
pub fn check(scenario: &Scenario, lost: &[&'static str], models: &[ModelName]) -> Vec<Finding> {
    let subject = Subject { scenario, code: Code::new(scenario), lost, models };
    let mut findings = Findings::default();
    for check in CHECKS {
        check(&subject, &mut findings);
    }
    if subject.code.order().is_some() && depth::is_bounded(&subject.code) {
        for check in DEEP_CHECKS {
            check(&subject, &mut findings);
        }
    }
    findings
        .list
        .retain(|found| found.severity == Severity::Error || !scenario.allow.iter().any(|name| name == found.code));
    findings.list
}

/// Collects what the checks find, each thing once.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    /// The same, to be looked up.
    known: BTreeSet<Finding>,
}

impl Findings {
    fn push(&mut self, finding: Finding) {
        if self.known.insert(finding.clone()) {
            self.list.push(finding);
        }
    }
}

/// Something that is wrong, as a [`super::diagnostic::Diagnostic`] with spots for positions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Code of an error or name of a warning.
    pub code: &'static str,
    /// In one line.
    pub title: String,
    /// Where; the first is the culprit.
    pub labels: Vec<(Spot, String)>,
    /// Advice.
    pub help: Option<String>,
    /// A text that would be right.
    pub fix: Option<(Spot, String)>,
}

/// A part of what stands at a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Where.
    pub path: Path,
    /// Which part.
    pub part: Part,
}

/// Parts of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of the value.
    Value,
    /// The name of the field or entry.
    Key,
    /// The word before the brackets, such as `Repeat`.
    Head,
    /// These bytes of the name of the entry, without its quotes.
    InKey(usize, usize),
}

impl From<Path> for Spot {
    fn from(path: Path) -> Spot {
        Spot { path, part: Part::Value }
    }
}

impl From<&Path> for Spot {
    fn from(path: &Path) -> Spot {
        Spot { path: path.clone(), part: Part::Value }
    }
}

/// The name of the entry at a path.
fn key(path: &Path) -> Spot {
    Spot { path: path.clone(), part: Part::Key }
}

/// The word before the brackets of the value at a path.
fn head(path: &Path) -> Spot {
    Spot { path: path.clone(), part: Part::Head }
}

/// A path of two names.
fn entry(section: &str, name: &str) -> Path {
    Path::root().name(section).name(name)
}

impl Finding {
    fn error(code: &'static str, title: impl Into<String>, spot: impl Into<Spot>, text: impl Into<String>) -> Finding {
        let labels = vec![(spot.into(), text.into())];
        Finding { severity: Severity::Error, code, title: title.into(), labels, help: None, fix: None }
    }

    fn warning(
        name: &'static str,
        title: impl Into<String>,
        spot: impl Into<Spot>,
        text: impl Into<String>,
    ) -> Finding {
        Finding { severity: Severity::Warning, ..Finding::error(name, title, spot, text) }
    }

    fn and(mut self, spot: impl Into<Spot>, text: impl Into<String>) -> Finding {
        self.labels.push((spot.into(), text.into()));
        self
    }

    fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    fn fix(mut self, spot: impl Into<Spot>, text: impl Into<String>) -> Finding {
        self.fix = Some((spot.into(), text.into()));
        self
    }
}
