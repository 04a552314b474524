//! The points of a sweep, each as a text of its own. E12: sweeps that cannot be.

use std::collections::BTreeMap;
use std::ops::Range;

use ron::value::RawValue;

use super::ast::{Raw, Scenario, Sweep};
use super::check::{Finding, Part, Settings, Spot};
use super::diagnostic::Severity;
use super::draft::{By, Draft};
use super::edit::SetError;
use super::one_line::one_line;
use super::path::{Path, Segment};
use super::syntax::Cst;

/// Points of one sweep: each is a whole scenario, run under every model.
const MOST_POINTS: usize = 1_000;

/// Fields that can differ between points; the others belong to the scenario as a whole.
const FIELDS: &[&str] = &[
    "machine",
    "interpreter",
    "executor",
    "devices",
    "network",
    "shared",
    "programs",
    "tasks",
    "models",
    "until",
    "warm_up",
    "max_events",
];

/// One point as text.
pub struct TextPoint {
    /// Swept paths and their values.
    pub settings: Settings,
    /// The text with the values in place; its edits lead back to the text with the sweep.
    pub draft: Draft,
}

/// The points of the scenario that stands in `text`, or what is wrong with its sweep. One point if nothing is swept.
pub fn points(text: &str, cst: &Cst, scenario: &Scenario) -> Result<Vec<TextPoint>, Vec<Finding>> {
    let Some(sweep) = &scenario.sweep else {
        return Ok(vec![TextPoint { settings: Settings::new(), draft: Draft::new(text) }]);
    };
    let (axes, mut found) = axes(sweep);
    // Swept paths do not overlap: each leads somewhere or nowhere, whatever the others do.
    for axis in axes.iter().filter(|axis| unfit(axis).is_none()) {
        let Some((key, value)) = written(cst, &axis.place, &axis.place.index(0)) else { continue };
        let by = By::Sweep { path: key, value: value.clone() };
        let tried = Draft::new(text).set(cst, &axis.path, &text[value], by);
        found.extend(tried.err().map(|error| axis.cannot(&error)));
    }
    if !found.is_empty() {
        return Err(found);
    }
    let mut points = Vec::new();
    for numbers in combinations(sweep, &axes)? {
        let mut draft = Draft::new(text);
        let mut settings = Settings::new();
        let mut tree = cst.clone();
        for (axis, number) in axes.iter().zip(numbers) {
            let at = axis.place.index(number);
            let Some((key, value)) = written(cst, &axis.place, &at) else { continue };
            let new = &text[value.clone()];
            let by = By::Sweep { path: key, value: value.clone() };
            tree = draft.set(&tree, &axis.path, new, by).map_err(|error| vec![axis.cannot(&error)])?;
            settings.insert(axis.path.to_string(), one_line(new));
        }
        points.push(TextPoint { settings, draft });
    }
    Ok(points)
}

/// A swept path with one value instead of its own.
pub struct Fixed {
    /// Where its values stand.
    pub place: Path,
    /// The list to put there.
    pub values: String,
}

/// What gives a swept path this one value; `None` if the path is not swept.
///
/// # Errors
/// The path is swept in part, in words.
pub fn fix(sweep: &Sweep, path: &Path, value: &str) -> Result<Option<Fixed>, String> {
    let (Sweep::Grid(map) | Sweep::Zip(map)) = sweep;
    for (key, values) in map {
        let Ok(swept) = Path::parse(key) else { continue };
        if swept == *path {
            let place = Path::root().name("sweep").index(0).name(key);
            // What is not RON is a text without its quotes, as everywhere on the command line.
            let value = if RawValue::from_ron(value).is_ok() { value.to_owned() } else { format!("{value:?}") };
            // The values of a Zip are taken together with those of the other paths.
            let alone = matches!(sweep, Sweep::Grid(_)) || map.len() == 1;
            let count = if alone { 1 } else { values.len() };
            return Ok(Some(Fixed { place, values: format!("[{}]", vec![value; count].join(", ")) }));
        }
        if swept.0.starts_with(&path.0) || path.0.starts_with(&swept.0) {
            return Err(format!("the scenario sweeps {swept}, which would write over it; set {swept} instead"));
        }
    }
    Ok(None)
}

fn written(cst: &Cst, axis: &Path, value: &Path) -> Option<(Range<usize>, Range<usize>)> {
    Some((cst.place(axis)?.key?, cst.place(value)?.value))
}

/// A swept path and its values.
struct Axis<'a> {
    /// Where in the sweep it stands.
    place: Path,
    /// What it changes.
    path: Path,
    values: &'a [Raw],
}

impl Axis<'_> {
    fn key(&self) -> Spot {
        Spot { path: self.place.clone(), part: Part::Key }
    }

    fn cannot(&self, error: &SetError) -> Finding {
        let part = Part::InKey(error.at.start, error.at.end);
        let spot = Spot { path: self.place.clone(), part };
        let mut finding = wrong(error.title.clone(), spot.clone(), "no such place");
        if let Some(nearest) = &error.nearest {
            finding.labels[0].1 = format!("did you mean `{nearest}`?");
            finding.fix = Some((spot, nearest.clone()));
        }
        finding.help_with(&known(error))
    }
}

/// Paths as they are written.
pub const PATHS: &str = "such as machine.cores, tasks[\"fib(40)\"].count, models[1][0]";

/// What to write instead of a path that leads nowhere.
pub fn known(error: &SetError) -> String {
    match error.known.is_empty() {
        true => "a path goes from the top of the scenario: tasks.fib.count, models[1][0]".to_owned(),
        false => format!("known here: {}", error.known.join(", ")),
    }
}

fn wrong(title: impl Into<String>, spot: Spot, text: &str) -> Finding {
    let labels = vec![(spot, text.to_owned())];
    Finding { severity: Severity::Error, code: "E12", title: title.into(), labels, help: None, fix: None }
}

impl Finding {
    fn help_with(mut self, help: &str) -> Finding {
        self.help = Some(help.to_owned());
        self
    }
}

/// The swept paths, and what is wrong with them.
fn axes(sweep: &Sweep) -> (Vec<Axis<'_>>, Vec<Finding>) {
    let (Sweep::Grid(map) | Sweep::Zip(map)) = sweep;
    let top = Path::root().name("sweep").index(0);
    let mut axes: Vec<Axis<'_>> = Vec::new();
    let mut found = Vec::new();
    for (text, values) in map {
        let place = top.name(text);
        let key = Spot { path: place.clone(), part: Part::Key };
        let Ok(path) = Path::parse(text) else {
            let finding = wrong(format!("`{text}` is not a path"), key, "not a path");
            found.push(finding.help_with(PATHS));
            continue;
        };
        let axis = Axis { place, path, values };
        found.extend(unfit(&axis));
        if let Sweep::Grid(_) = sweep {
            found.extend(repeated(&axis));
        }
        let overlaps =
            |other: &&Axis<'_>| other.path.0.starts_with(&axis.path.0) || axis.path.0.starts_with(&other.path.0);
        if let Some(other) = axes.iter().find(overlaps) {
            let mut finding = wrong("two swept paths change the same place", axis.key(), "this one");
            finding.labels.push((other.key(), "and this one".to_owned()));
            found.push(finding);
        }
        axes.push(axis);
    }
    if map.is_empty() {
        found.push(wrong("nothing is swept", top.into(), "empty"));
    }
    (axes, found)
}

fn unfit(axis: &Axis<'_>) -> Option<Finding> {
    let Some(Segment::Name(field)) = axis.path.0.first() else {
        return Some(wrong("a path begins with a field of the scenario", axis.key(), "begins with a number"));
    };
    if !FIELDS.contains(&field.as_str()) {
        let title = format!("nothing named `{field}` to sweep over");
        let finding = wrong(title, axis.key(), "cannot be swept");
        return Some(finding.help_with(&format!("a swept path begins with one of: {}", FIELDS.join(", "))));
    }
    axis.values.is_empty().then(|| wrong("no values to sweep over", axis.place.clone().into(), "give at least one"))
}

/// A value that a grid has twice: the same points again.
fn repeated(axis: &Axis<'_>) -> Option<Finding> {
    let mut known = BTreeMap::new();
    let places = axis.values.iter().enumerate().map(|(index, value)| (index, *known.entry(&value.0).or_insert(index)));
    let (again, first) = places.into_iter().find(|(index, first)| index != first)?;
    let mut finding = wrong("a grid has the same value twice", axis.place.index(again).into(), "again");
    finding.labels.push((axis.place.index(first).into(), "first here".to_owned()));
    Some(finding)
}

/// For each point the number of the value of each axis.
fn combinations(sweep: &Sweep, axes: &[Axis<'_>]) -> Result<Vec<Vec<usize>>, Vec<Finding>> {
    let top = || Spot::from(Path::root().name("sweep"));
    let many = || vec![wrong(format!("a sweep has at most {MOST_POINTS} points"), top(), "too many")];
    match sweep {
        Sweep::Grid(_) => {
            let mut all: Vec<Vec<usize>> = vec![Vec::new()];
            for axis in axes {
                if all.len().saturating_mul(axis.values.len()) > MOST_POINTS {
                    return Err(many());
                }
                let extend = |prefix: Vec<usize>| {
                    (0..axis.values.len()).map(move |number| [prefix.as_slice(), &[number]].concat())
                };
                all = all.into_iter().flat_map(extend).collect();
            }
            Ok(all)
        }
        Sweep::Zip(_) => {
            let length = axes.first().map_or(0, |axis| axis.values.len());
            if let Some(other) = axes.iter().find(|axis| axis.values.len() != length) {
                let title = "Zip takes the values of all paths together: there must be equally many";
                let mut finding = wrong(title, other.place.clone().into(), "a different number of values");
                finding.labels.push((axes[0].place.clone().into(), "than here".to_owned()));
                return Err(vec![finding]);
            }
            if length > MOST_POINTS {
                return Err(many());
            }
            Ok((0..length).map(|number| vec![number; axes.len()]).collect())
        }
    }
}
