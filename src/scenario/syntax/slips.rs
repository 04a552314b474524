//! Collects what is wrong, and keeps one slip from becoming many messages.

use std::ops::Range;

use super::Trust;
use crate::scenario::diagnostic::Diagnostic;

/// How sure we are that a message says what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// Nothing else can be meant.
    Yes,
    /// It may be the consequence of an earlier slip: one such message per line, none after a lost bracket.
    No,
}

/// Messages to keep: nobody reads more.
const MOST: usize = 200;

/// The messages so far.
pub(super) struct Slips<'a> {
    text: &'a str,
    trust: Trust,
    diagnostics: Vec<Diagnostic>,
    patches: Vec<(Range<usize>, &'static str)>,
    /// Where a bracket or quote was lost: what follows is not to be trusted.
    lost_at: Option<usize>,
}

impl<'a> Slips<'a> {
    pub(super) fn new(text: &'a str, trust: Trust) -> Slips<'a> {
        Slips { text, trust, diagnostics: Vec::new(), patches: Vec::new(), lost_at: None }
    }

    /// Whether anything may be wrong at all.
    pub(super) fn guessing(&self) -> bool {
        self.trust == Trust::Suspect
    }

    /// Something is wrong.
    pub(super) fn report(&mut self, sure: Sure, diagnostic: Diagnostic) {
        if !self.guessing() || self.diagnostics.len() >= MOST {
            return;
        }
        let at = diagnostic.labels[0].span.start;
        if sure == Sure::No {
            if self.lost_at.is_some_and(|lost| at >= lost) {
                return;
            }
            let line = self.line_of(at);
            if self.diagnostics.iter().any(|other| self.line_of(other.labels[0].span.start) == line) {
                return;
            }
        }
        self.diagnostics.push(diagnostic);
    }

    /// A bracket, quote or comment has no end.
    pub(super) fn lost(&mut self, from: usize, diagnostic: Diagnostic) {
        self.report(Sure::No, diagnostic);
        self.lost_at = Some(self.lost_at.map_or(from, |lost| lost.min(from)));
    }

    /// The text is right with these bytes and blanks, together as many as it has now.
    pub(super) fn patch(&mut self, span: Range<usize>, text: &'static str) {
        if self.guessing() {
            self.patches.push((span, text));
        }
    }

    pub(super) fn done(self) -> (Vec<Diagnostic>, Vec<(Range<usize>, &'static str)>) {
        (self.diagnostics, self.patches)
    }

    /// The start of the line.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }
}
