//! What is wrong with a duration or a rate, to the character.

use std::ops::Range;

use super::ast::Rate;
use super::diagnostic::Diagnostic;
use super::syntax::{Kind, Node};
use super::words;
use crate::time::{Duration, DurationErrorKind};

const HELP: &str = "units: ns, us, ms, s, min, h";

/// A text of which ron says `message`, because a duration or rate said so.
pub(super) fn explain(text: &str, node: &Node, message: &str) -> Diagnostic {
    let span = node.head(text);
    let written = text.get(node.span.clone()).unwrap_or_default();
    let plain = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|inner| !inner.contains('\\'));
    let Some(inner) = plain.filter(|_| node.kind == Kind::Text) else {
        return Diagnostic::error("T10", message, span, "does not fit");
    };
    let start = node.span.start + 1;
    let inside = |at: Range<usize>| if at.is_empty() { span.clone() } else { start + at.start..start + at.end };
    if let Some(comma) = decimal_comma(inner) {
        return point(inside(comma));
    }
    if message.contains("rate") || inner.contains('/') {
        let error = Rate::parse(inner).err();
        let at = error.map_or(0..inner.len(), |error| error.at);
        let unit = inner[at.clone()].trim();
        if let Some(meant) = words::nearest(unit, words::UNITS).filter(|_| inner[..at.start].ends_with('/')) {
            let label = format!("did you mean `{meant}`?");
            let unknown = Diagnostic::error("T10", format!("unknown unit `{unit}`"), inside(at.clone()), label);
            return unknown.help("such as \"200/s\"").fix(inside(at), meant);
        }
        return Diagnostic::error("T10", message, inside(at), "not a rate").help("such as \"200/s\"");
    }
    match Duration::parse(inner) {
        Err(error) if error.to_string() == message => duration(inner, &error.kind, inside(error.at)),
        _ => Diagnostic::error("T10", message, span, "does not fit"),
    }
}

/// The comma of `1,5ms`.
fn decimal_comma(inner: &str) -> Option<Range<usize>> {
    let (whole, rest) = inner.trim_start().split_once(',')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let at = inner.find(',')?;
    (digits(whole) && digits(&fraction)).then_some(at..at + 1)
}

fn point(comma: Range<usize>) -> Diagnostic {
    Diagnostic::error("T10", "a fraction is written with a point", comma.clone(), "write `.`").fix(comma, ".")
}

fn duration(inner: &str, kind: &DurationErrorKind, at: Range<usize>) -> Diagnostic {
    match kind {
        DurationErrorKind::UnknownUnit(unit) => {
            let meant = words::nearest(unit, words::UNITS);
            let label = meant.map_or("not a unit".to_owned(), |meant| format!("did you mean `{meant}`?"));
            let unknown = Diagnostic::error("T10", format!("unknown unit `{unit}`"), at.clone(), label).help(HELP);
            meant.into_iter().fold(unknown, |unknown, meant| unknown.fix(at.clone(), meant))
        }
        DurationErrorKind::NoUnit => {
            let label = format!("such as \"{}ms\"", inner.trim());
            Diagnostic::error("T10", "a duration needs a unit", at, label).help(HELP)
        }
        DurationErrorKind::NoNumber => {
            Diagnostic::error("T10", "a duration starts with a number", at, "such as \"5ms\"").help(HELP)
        }
        DurationErrorKind::Negative => Diagnostic::error("T10", "a duration cannot be negative", at, "negative"),
        DurationErrorKind::BadNumber => {
            Diagnostic::error("T10", "not a number that fits", at, "malformed or too large")
                .help("the clock counts nanoseconds, and ends after 584 years")
        }
    }
}

/// Something else stands where a duration should.
pub(super) fn no_duration(text: &str, node: &Node) -> Diagnostic {
    let written = text.get(node.span.clone()).unwrap_or_default();
    let after = |at: usize| text.get(at..).unwrap_or_default();
    let fraction: String = match after(node.span.end).strip_prefix(',') {
        Some(rest) => rest.chars().take_while(char::is_ascii_digit).collect(),
        None => String::new(),
    };
    match node.kind {
        Kind::Number if !written.starts_with('-') && !fraction.is_empty() => {
            let all = node.span.start..node.span.end + 1 + fraction.len();
            let title = "a duration needs a unit, and a fraction is written with a point";
            Diagnostic::error("T10", title, all, format!("such as \"{written}.{fraction}ms\"")).help(HELP)
        }
        Kind::Number if !written.starts_with('-') => {
            let wrong = Diagnostic::error(
                "T10",
                "a duration needs a unit",
                node.span.clone(),
                format!("such as \"{written}ms\""),
            );
            wrong.help(HELP)
        }
        Kind::Record if node.name.is_some() && node.entries.is_empty() => {
            let title = format!("`{written}` says nothing: a time is missing between its brackets");
            Diagnostic::error("T10", title, node.head(text), "such as Exp(\"5ms\")")
        }
        Kind::Record => {
            let title = "a fixed duration is expected here, not a distribution";
            Diagnostic::error("T10", title, node.head(text), "such as \"5ms\"")
        }
        _ => Diagnostic::error("T10", "a duration is expected", node.head(text), "such as \"5ms\"").help(HELP),
    }
}

/// Something else stands where a rate should.
pub(super) fn no_rate(text: &str, node: &Node) -> Diagnostic {
    let label = match node.kind {
        Kind::Number => format!("such as \"{}/s\"", text.get(node.span.clone()).unwrap_or_default()),
        _ => "such as \"200/s\"".to_owned(),
    };
    Diagnostic::error("T10", "a rate is a number per unit, in quotes", node.head(text), label)
}
