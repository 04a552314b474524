//! E13: settings of `At` that no point of the sweep has.

use super::{Finding, Path, Settings, Spot, key};
use crate::scenario::ast::{Expect, Raw};
use crate::scenario::lower::expect::{at, canonical};

/// What is wrong with the settings in these expectations. Paths that are `fixed` were given one value for this time;
/// what is asked at others does not apply.
pub fn check(expects: &[Expect], points: &[Settings], fixed: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    walk(&Path::root().name("expect"), expects, &Sweep { points, fixed }, &mut found);
    found
}

struct Sweep<'a> {
    points: &'a [Settings],
    fixed: &'a dyn Fn(&str) -> bool,
}

fn walk(path: &Path, expects: &[Expect], sweep: &Sweep<'_>, found: &mut Vec<Finding>) {
    for (index, expect) in expects.iter().enumerate() {
        let path = path.index(index);
        match expect {
            Expect::At(settings, inner) => {
                found.extend(mismatch(&path, settings, sweep));
                walk(&path.index(1), inner, sweep, found);
            }
            Expect::In(_, inner) => walk(&path.index(1), inner, sweep, found),
            Expect::Sometimes(inner) => {
                if let Expect::At(settings, _) = &**inner {
                    found.extend(mismatch(&path.index(0), settings, sweep));
                }
            }
            _ => {}
        }
    }
}

fn mismatch(path: &Path, written: &indexmap::IndexMap<String, Raw>, sweep: &Sweep<'_>) -> Option<Finding> {
    let settings = at(written);
    let points = sweep.points;
    if settings.iter().any(|(path, _)| (sweep.fixed)(&canonical(path))) {
        return None;
    }
    let map = path.index(0);
    for (name, (path, value)) in written.keys().zip(&settings) {
        let mut values: Vec<&str> = points.iter().filter_map(|point| point.get(path)).map(String::as_str).collect();
        values.dedup();
        let swept: Vec<&str> =
            points.first().map(|point| point.keys().map(String::as_str).collect()).unwrap_or_default();
        if values.is_empty() {
            let finding =
                Finding::error("E13", format!("{path} is not swept here"), key(&map.name(name)), "not in `sweep`");
            return Some(match swept.is_empty() {
                true => finding.help("At chooses points of a sweep, and there is none"),
                false => finding.help(format!("swept here: {}", swept.join(", "))),
            });
        }
        if !values.contains(&value.as_str()) {
            let title = format!("{path} is never {value} in this sweep");
            let finding = Finding::error("E13", title, map.name(name), "not among its values");
            let sweep = Spot::from(Path::root().name("sweep"));
            return Some(finding.and(sweep, format!("its values: {}", values.join(", "))));
        }
    }
    let matches = |point: &Settings| settings.iter().all(|(path, value)| point.get(&canonical(path)) == Some(value));
    (!points.iter().any(matches)).then(|| {
        Finding::error("E13", "no point of the sweep has all of these settings", map, "never at the same time")
    })
}
