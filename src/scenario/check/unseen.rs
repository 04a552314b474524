//! E08: names and titles with characters that are not seen, but do something.

use super::{Finding, Findings, Path, Subject, entry, key};
use crate::scenario::control::{acts, visible};

pub fn check(subject: &Subject<'_>, found: &mut Findings) {
    let scenario = subject.scenario;
    if let Some(title) = scenario.title.as_deref().filter(|title| title.contains(acts)) {
        let spot = Path::root().name("title");
        found.push(finding(&format!("the title \"{}\"", visible(title)), spot.into()));
    }
    let names = [
        ("devices", scenario.devices.keys().collect::<Vec<_>>()),
        ("network", scenario.network.keys().collect::<Vec<_>>()),
        ("shared", scenario.shared.keys().collect()),
        ("programs", scenario.programs.keys().collect()),
        ("tasks", scenario.tasks.keys().collect()),
    ];
    for (section, names) in names {
        for name in names.into_iter().filter(|name| name.contains(acts)) {
            found.push(finding(&format!("the name \"{}\"", visible(name)), key(&entry(section, name))));
        }
    }
}

fn finding(what: &str, spot: super::Spot) -> Finding {
    let title = format!("{what} has characters that act instead of being seen");
    Finding::error("E08", title, spot, "control characters").help("one line of letters, digits and signs")
}
