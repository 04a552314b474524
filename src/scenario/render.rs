//! Diagnostics for people: the source line, underlined, and what to write instead.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Level, Patch, Renderer, Snippet};

use crate::scenario::diagnostic::{Diagnostic, Severity};

/// More are counted, not drawn.
const MOST_DRAWN: usize = 20;
/// Replacements are drawn if there are at most so many errors: they need room.
const MOST_WITH_FIX: usize = 5;
/// Longer lines are not drawn.
const LONGEST_LINE: usize = 2_000;

/// Draws diagnostics of the text of `file`, for a terminal; with escape codes if `color`.
pub fn render(file: &str, text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(MOST_DRAWN) {
        if text.lines().any(|line| line.len() > LONGEST_LINE) {
            let _ = writeln!(out, "{}", short(file, text, diagnostic));
        } else {
            let _ = writeln!(out, "{}\n", draw(file, text, diagnostic, errors <= MOST_WITH_FIX, &renderer));
        }
    }
    if diagnostics.len() > MOST_DRAWN {
        let _ = writeln!(out, "{file}: {} more messages", diagnostics.len() - MOST_DRAWN);
    }
    out
}

fn draw(file: &str, text: &str, diagnostic: &Diagnostic, with_fix: bool, renderer: &Renderer) -> String {
    // What came from the command line is shown as it stands there.
    let argument = diagnostic.argument.as_deref();
    let text = argument.unwrap_or(text);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let labels = diagnostic.labels.iter().enumerate().map(|(place, label)| {
        let kind = if place == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
        kind.span(clamp(text, &label.span)).label(&*label.text)
    });
    let snippet = Snippet::<Annotation<'_>>::source(text)
        .path(argument.map_or(Some(file), |_| None))
        .line_start(1)
        .annotations(labels);
    let title = level.primary_title(&*diagnostic.title).id(diagnostic.code);
    let mut message = title.element(snippet);
    if let Some(help) = &diagnostic.help {
        message = message.element(Level::HELP.message(&**help));
    }
    let mut report = vec![message];
    if let Some(fix) = diagnostic.fix.as_ref().filter(|_| with_fix) {
        let patch = Patch::new(clamp(text, &fix.span), &*fix.text);
        let snippet = Snippet::<Patch<'_>>::source(text).path(file).patch(patch);
        report.push(Level::HELP.secondary_title("write").element(snippet));
    }
    renderer.render(&report)
}

/// One line for tools: `file:line:column: error E01: no device named "dsik"`.
pub fn short(file: &str, text: &str, diagnostic: &Diagnostic) -> String {
    if let Some(argument) = &diagnostic.argument {
        return format!("{argument}: error {}: {}", diagnostic.code, diagnostic.title);
    }
    let start = diagnostic.labels.first().map_or(0, |label| label.span.start);
    let (line, column) = position(text, start);
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{file}:{line}:{column}: {severity} {}: {}", diagnostic.code, diagnostic.title)
}

/// Line and column of a byte, both from 1; columns count characters.
pub fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..floor(text, byte)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The span within the text, on character boundaries.
fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor(text, span.start);
    start..floor(text, span.end).max(start)
}

fn floor(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len());
    (0..=byte).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_shows_the_place_and_what_to_write() {
        let text = "(\n    machine: (corse: 2),\n)\n";
        let wrong = Diagnostic::error("T01", "no field `corse`", 16..21, "did you mean `cores`?").fix(16..21, "cores");
        let drawn = render("a.ron", text, std::slice::from_ref(&wrong), false);
        let expected = "\
error[T01]: no field `corse`
 --> a.ron:2:15
  |
2 |     machine: (corse: 2),
  |               ^^^^^ did you mean `cores`?
  |
help: write
  |
2 -     machine: (corse: 2),
2 +     machine: (cores: 2),
  |

";
        assert_eq!(drawn, expected);
        assert_eq!(short("a.ron", text, &wrong), "a.ron:2:15: error T01: no field `corse`");
    }

    #[test]
    fn spans_outside_the_text_do_no_harm() {
        let text = "(\"µ\")";
        for span in [0..100, 3..3, 2..3, 90..100] {
            let wrong = Diagnostic::error("T01", "x", span.clone(), "y").fix(span.clone(), "z");
            assert!(render("a.ron", text, &[wrong], true).contains("T01"), "{span:?}");
        }
        assert_eq!(position(text, 3), (1, 3));
        assert_eq!(position("a\nb", 2), (2, 1));
    }

    #[test]
    fn many_messages_are_counted() {
        let wrong = vec![Diagnostic::error("T01", "x", 0..1, "y"); 25];
        assert!(render("a.ron", "()", &wrong, false).ends_with("a.ron: 5 more messages\n"));
    }
}
