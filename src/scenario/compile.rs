//! From text to a [`Scenario`]: edits, reading, sweep, checks, meaning.

use std::collections::BTreeMap;

use super::ast::{self, ModelName};
use super::check::{self, Finding, Part, Settings, Spot, at};
use super::diagnostic::{Diagnostic, Severity};
use super::draft::{Argument, By, Draft};
use super::load::{self, Loaded};
use super::lower;
use super::one_line::one_line;
use super::path::Path;
use super::sweep::{self, TextPoint};
use super::syntax::{Cst, Entry};
use super::words;
use super::{Compiled, Point, Scenario};

/// Sections of which it matters whether something in them could not be read.
const SECTIONS: &[&str] = &["devices", "network", "shared", "programs", "tasks", "models", "until"];

/// Compiles the text of a scenario.
///
/// `name` is the file's, without its ending. `sets` are edits before anything else: paths and values, as `--set` takes
/// them. All spans in diagnostics are of `text`, also where an edit or a swept value is the cause.
///
/// # Errors
/// Everything that is wrong, at once, in the order of the text. Warnings come when there is nothing else.
pub fn compile(name: &str, text: &str, sets: &[(String, String)]) -> Result<Compiled, Vec<Diagnostic>> {
    let base = apply(text, sets)?;
    let loaded = load::load(&base.draft.text);
    let trace = |found: Vec<Diagnostic>| tidy(found.into_iter().map(|one| base.draft.trace(one)).collect());
    let Some(scenario) = &loaded.scenario else { return Err(trace(loaded.diagnostics)) };
    if !loaded.diagnostics.is_empty() {
        let mut found = loaded.diagnostics.clone();
        let findings = check::check(scenario, &lost(&loaded), &scenario.models);
        let sure = findings.iter().filter(|finding| is_error(finding) && !held_back(finding, &loaded));
        found.extend(sure.map(|finding| locate(finding, &loaded.cst)));
        return Err(trace(found));
    }
    let fixed = |path: &str| base.fixed.iter().any(|fixed| fixed == path);
    let compiled = points(&base.draft.text, &loaded.cst, scenario, &fixed).map_err(&trace)?;
    let expect = Path::root().name("expect");
    let written =
        |path: &Path| loaded.cst.place(path).map_or_else(String::new, |place| one_line(&base.draft.text[place.value]));
    let expects = scenario.expect.iter().enumerate();
    let scenario = Scenario {
        name: name.to_owned(),
        title: scenario.title.clone().unwrap_or_else(|| name.to_owned()),
        seed: scenario.seed,
        runs: scenario.runs,
        points: compiled.0,
        charts: scenario.charts.iter().map(chart).collect(),
        expect: expects.map(|(n, one)| lower::expect::expect(&expect.index(n), one, &written)).collect(),
    };
    Ok(Compiled { scenario, warnings: trace(compiled.1) })
}

/// The text with edits.
pub(super) fn edited(text: &str, sets: &[(String, String)]) -> Result<String, Vec<Diagnostic>> {
    Ok(apply(text, sets)?.draft.text)
}

/// The text with the edits of the command line.
struct Base {
    draft: Draft,
    /// Swept paths that the command line gave one value.
    fixed: Vec<String>,
}

fn apply(text: &str, sets: &[(String, String)]) -> Result<Base, Vec<Diagnostic>> {
    let mut base = Base { draft: Draft::new(text), fixed: Vec::new() };
    if sets.is_empty() {
        return Ok(base);
    }
    let Loaded { mut cst, diagnostics, scenario, .. } = load::load(text);
    if !diagnostics.is_empty() {
        return Err(tidy(diagnostics));
    }
    let mut sweep = scenario.and_then(|scenario| scenario.sweep);
    // Another sweep, or none, comes first: it decides which paths are swept.
    let changes_sweep = |path: &str| path.trim_start().starts_with("sweep");
    let (first, then): (Vec<_>, Vec<_>) = sets.iter().partition(|(path, _)| changes_sweep(path));
    for (path, value) in first.into_iter().chain(then) {
        let argument = Argument::set(path, value);
        let start = argument.path.start;
        let refuse = |title: &str, span, label: &str| {
            let wrong = Diagnostic::error("E12", title, span, label);
            Diagnostic { argument: Some(argument.text.clone()), ..wrong }
        };
        let parsed = Path::parse(path).map_err(|at| {
            let rest = start + at..argument.path.end;
            vec![refuse(&format!("`{path}` is not a path"), rest, "not a path from here on").help(sweep::PATHS)]
        })?;
        let by = By::Command(argument.clone());
        let part_swept = |why: String| vec![refuse(&why, argument.path.clone(), "")];
        let axis =
            sweep.as_ref().map(|sweep| sweep::fix(sweep, &parsed, value)).transpose().map_err(part_swept)?.flatten();
        let set = match &axis {
            // The sweep would write over the value: it is the sweep that changes.
            Some(fixed) => base.draft.set(&cst, &fixed.place, &fixed.values, by),
            None => base.draft.set(&cst, &parsed, value, by),
        };
        cst = set.map_err(|error| {
            let as_printed = parsed.to_string() == *path;
            let at = if as_printed { start + error.at.start..start + error.at.end } else { argument.path.clone() };
            let label = error.nearest.as_ref().map(|nearest| format!("did you mean `{nearest}`?"));
            let wrong = refuse(&error.title, at, label.as_deref().unwrap_or("no such place"));
            vec![wrong.help(sweep::known(&error))]
        })?;
        base.fixed.extend(axis.map(|_| parsed.to_string()));
        if changes_sweep(path) {
            sweep = load::load(&base.draft.text).scenario.and_then(|scenario| scenario.sweep);
        }
    }
    Ok(base)
}

type Points = (Vec<Point>, Vec<Diagnostic>);

/// All points with their models, and the warnings.
fn points(
    text: &str,
    cst: &Cst,
    scenario: &ast::Scenario,
    fixed: &dyn Fn(&str) -> bool,
) -> Result<Points, Vec<Diagnostic>> {
    let points = match sweep::points(text, cst, scenario) {
        Ok(points) => points,
        Err(findings) => {
            let all = check::check(scenario, &[], &scenario.models).into_iter().chain(findings);
            return Err(all.filter(is_error).map(|finding| locate(&finding, cst)).collect());
        }
    };
    let loaded: Vec<Loaded> = points.iter().map(|point| load::load(&point.draft.text)).collect();
    let mut models: Vec<ModelName> = Vec::new();
    for model in loaded.iter().filter_map(|point| point.scenario.as_ref()).flat_map(|scenario| &scenario.models) {
        if !models.contains(model) {
            models.push(model.clone());
        }
    }
    let settings: Vec<Settings> = points.iter().map(|point| point.settings.clone()).collect();
    let mut found: Vec<Diagnostic> =
        at::check(&scenario.expect, &settings, fixed).iter().map(|finding| locate(finding, cst)).collect();
    let mut warnings = Warnings::default();
    for (point, loaded) in points.iter().zip(&loaded) {
        found.extend(loaded.diagnostics.iter().map(|one| point.draft.trace(one.clone())));
        let Some(scenario) = &loaded.scenario else { continue };
        for finding in check::check(scenario, &lost(loaded), &models) {
            let diagnostic = point.draft.trace(locate(&finding, &loaded.cst));
            match finding.severity {
                Severity::Error => found.push(diagnostic),
                Severity::Warning => warnings.add(&finding, diagnostic),
            }
        }
    }
    if !found.is_empty() {
        return Err(found);
    }
    let points = points.into_iter().zip(&loaded).filter_map(|(point, loaded)| lowered(point, loaded)).collect();
    Ok((points, warnings.of(loaded.len())))
}

fn lowered(point: TextPoint, loaded: &Loaded) -> Option<Point> {
    let scenario = loaded.scenario.as_ref()?;
    let costs = loaded.cst.place(&Path::root().name("machine").name("costs"));
    let costs = costs.map(|place| one_line(&point.draft.text[place.value]));
    let models = scenario.models.iter().map(|model| lower::model(scenario, check::execution(model)));
    Some(Point {
        settings: point.settings,
        machine: lower::machine(&scenario.machine, costs.as_deref()),
        models: models.collect(),
    })
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// Whether what the finding is about lost something that could not be read: that may be all that is wrong with it.
fn held_back(finding: &Finding, loaded: &Loaded) -> bool {
    let Some((spot, _)) = finding.labels.first() else { return false };
    let (node, _, depth) = loaded.cst.walk(&spot.path);
    let incomplete = match depth == spot.path.0.len() {
        true => loaded.lost_within(&node.span),
        false => node.entries.iter().any(|entry| entry.lost),
    };
    // What a lock or a child needs may stand in a step that could not be read.
    let by_steps = matches!(finding.code, "E09" | "E10" | "E16");
    let steps_lost = || {
        let sections = ["tasks", "programs"].map(|section| loaded.cst.place(&Path::root().name(section)));
        sections.into_iter().flatten().any(|place| loaded.lost_within(&place.value))
    };
    let endless = finding.code == "E07" && lost(loaded).contains(&"until");
    incomplete || endless || by_steps && steps_lost()
}

/// Sections in which something could not be read.
fn lost(loaded: &Loaded) -> Vec<&'static str> {
    let in_section = |section: &&&str| {
        // A section of which the name is misspelt is lost, too.
        let meant = |entry: &Entry| {
            let key = entry.key.as_ref().filter(|_| entry.lost);
            key.is_some_and(|key| words::nearest(&loaded.cst.plain(key), SECTIONS) == Some(**section))
        };
        let (node, entry, _) = loaded.cst.walk(&Path::root().name(section));
        let gone = entry.is_some_and(|entry| entry.lost || node.entries.iter().any(|inner| inner.lost));
        gone || loaded.cst.root().entries.iter().any(meant)
    };
    SECTIONS.iter().filter(in_section).copied().collect()
}

/// Spots become spans of the text of the tree.
fn locate(finding: &Finding, cst: &Cst) -> Diagnostic {
    // What helps to understand must be there to be seen; the culprit has at least a neighbourhood.
    let shown =
        finding.labels.iter().enumerate().filter(|(number, (spot, _))| *number == 0 || cst.place(&spot.path).is_some());
    let mut labels = shown.map(|(_, (spot, text))| (span(spot, cst), text));
    let (first, text) = labels.next().unwrap_or((0..0, &finding.title));
    let diagnostic = Diagnostic::error(finding.code, finding.title.clone(), first, text);
    let mut diagnostic = labels.fold(diagnostic, |diagnostic, (span, text)| diagnostic.label(span, text));
    diagnostic.severity = finding.severity;
    diagnostic.help.clone_from(&finding.help);
    match &finding.fix {
        Some((spot, text)) if cst.place(&spot.path).is_some() => diagnostic.fix(span(spot, cst), text),
        _ => diagnostic,
    }
}

fn span(spot: &Spot, cst: &Cst) -> std::ops::Range<usize> {
    let place = cst.place(&spot.path);
    let part = match spot.part {
        Part::Value => None,
        Part::Key => place.and_then(|place| place.key),
        Part::Head => place.and_then(|place| place.name),
        // A path in quotes, printed as it is written in all but the strangest cases.
        Part::InKey(start, end) => place.and_then(|place| place.key).map(|key| {
            let at = |offset: usize| (key.start + 1 + offset).min(key.end);
            at(start)..at(end)
        }),
    };
    part.unwrap_or_else(|| cst.spot(&spot.path))
}

/// Warnings of all points. A sweep goes to extremes on purpose: only what is so at every point is worth a warning, and
/// overload, which changes what the figures of a point mean.
#[derive(Default)]
struct Warnings(BTreeMap<(&'static str, Path), (usize, Diagnostic)>);

impl Warnings {
    fn add(&mut self, finding: &Finding, diagnostic: Diagnostic) {
        let Some((spot, _)) = finding.labels.first() else { return };
        self.0.entry((finding.code, spot.path.clone())).or_insert((0, diagnostic)).0 += 1;
    }

    fn of(self, points: usize) -> Vec<Diagnostic> {
        let counts = |(code, count): (&str, usize)| count >= points || code == "overload";
        self.0.into_iter().filter(|((code, _), (count, _))| counts((code, *count))).map(|(_, (_, one))| one).collect()
    }
}

/// In the order of the text, each once: several points of a sweep may say the same of one place in different words.
fn tidy(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by(|a, b| {
        let key = |one: &Diagnostic| {
            let span = &one.labels[0].span;
            (one.argument.is_none(), span.start, span.end, one.severity)
        };
        key(a).cmp(&key(b)).then_with(|| a.code.cmp(b.code)).then_with(|| a.title.cmp(&b.title))
    });
    found.dedup_by(|a, b| a.code == b.code && a.argument == b.argument && a.labels[0].span == b.labels[0].span);
    found
}

fn chart(name: &ast::ChartName) -> String {
    match name {
        ast::ChartName::Timeline => "timeline",
        ast::ChartName::Throughput => "throughput",
        ast::ChartName::Latency => "latency",
        ast::ChartName::States => "states",
    }
    .to_owned()
}
