//! `gilsim list`: what a scenario can be made of.

use std::fmt::Write;

use clap::builder::PossibleValuesParser;
use gilsim::catalog;

use super::terminal::Terminal;

/// The topics that the command line takes.
pub fn topics() -> PossibleValuesParser {
    PossibleValuesParser::new(catalog::topics().into_iter().map(|topic| topic.name))
}

/// One topic, or all.
pub fn list(topic: Option<&str>, terminal: &Terminal) -> String {
    let mut out = String::new();
    for known in catalog::topics().iter().filter(|known| topic.is_none_or(|name| name == known.name)) {
        let _ = writeln!(out, "{} {}", terminal.bold(known.name), terminal.muted(&format!("- {}", known.about)));
        let width = known.entries.iter().map(|entry| entry.0.chars().count()).max().unwrap_or(0);
        for (text, about) in &known.entries {
            let _ = writeln!(out, "  {text:width$}  {about}");
        }
        out.push('\n');
    }
    out
}
