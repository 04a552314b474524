//! Collects what is wrong, and keeps one slip from becoming many messages.

use std::collections::BTreeSet;
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
pub(super) const MOST: usize = 200;

/// The messages so far.
pub(super) struct Slips {
    trust: Trust,
    /// Where the lines start.
    lines: Vec<usize>,
    /// The lines that have a message.
    marked: BTreeSet<usize>,
    diagnostics: Vec<Diagnostic>,
    patches: Vec<(Range<usize>, &'static str)>,
    /// Where a bracket or quote was lost: what follows is not to be trusted.
    lost_at: Option<usize>,
}

impl Slips {
    pub(super) fn new(text: &str, trust: Trust) -> Slips {
        let ends = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = [0].into_iter().chain(ends).collect();
        let (diagnostics, patches) = (Vec::new(), Vec::new());
        Slips { trust, lines, marked: BTreeSet::new(), diagnostics, patches, lost_at: None }
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
        let line = self.line_of(at);
        let doubtful = self.marked.contains(&line) || self.lost_at.is_some_and(|lost| at >= lost);
        if sure == Sure::No && doubtful {
            return;
        }
        self.marked.insert(line);
        self.diagnostics.push(diagnostic);
    }

    /// A bracket, quote or comment has no end.
    pub(super) fn lost(&mut self, from: usize, diagnostic: Diagnostic) {
        self.report(Sure::No, diagnostic);
        self.lost_at = Some(self.lost_at.map_or(from, |lost| lost.min(from)));
    }

    /// The text is right with these bytes and blanks, together as many as it has now.
    pub(super) fn patch(&mut self, span: Range<usize>, text: &'static str) {
        if self.guessing() && self.patches.len() < 4 * MOST {
            self.patches.push((span, text));
        }
    }

    pub(super) fn done(self) -> (Vec<Diagnostic>, Vec<(Range<usize>, &'static str)>) {
        (self.diagnostics, self.patches)
    }

    /// The start of the line.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.lines[self.lines.partition_point(|start| *start <= at) - 1]
    }
}
