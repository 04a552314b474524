//! Text to [`ast::Scenario`](crate::scenario::ast::Scenario), with everything that is wrong with it at once.
//!
//! ron stops at its first error. So the smallest field, list element or map entry around the error is overwritten with
//! blanks, which moves nothing, and the text is read again, until ron is content.

use std::ops::Range;

use ron::error::{Error, Position, Span, SpannedError};
use ron::extensions::Extensions;
use serde::de::IgnoredAny;

use crate::scenario::ast::Scenario;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::syntax::{self, Cst, Node, Reading, Trust};
use crate::scenario::types::{self, Wrong};

/// More errors than this are not looked for: each costs a reading of the whole text.
const MOST: usize = 60;

/// What could be read of a text.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The scenario, without what is `blanked`; `None` if too little is left of it.
    pub scenario: Option<Scenario>,
    /// Where everything stands.
    pub cst: Cst,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// Parts of the text that the scenario was read without: what seems to be missing may stand there.
    pub blanked: Vec<Range<usize>>,
}

impl Loaded {
    /// Whether something inside the span was left out: complaints about what is missing there are not the author's fault.
    pub fn lost_within(&self, span: &Range<usize>) -> bool {
        self.blanked.iter().any(|blank| blank.start < span.end && span.start < blank.end)
    }
}

/// How scenarios are written: RON in which `Some` may be left out.
pub fn dialect() -> ron::Options {
    ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME)
}

/// The bytes of a span; ron counts lines and characters.
pub fn byte_range(text: &str, span: &Span) -> Range<usize> {
    let start = byte(text, span.start);
    let end = byte(text, span.end);
    start.min(end)..end
}

fn byte(text: &str, position: Position) -> usize {
    let lines = text.split_inclusive('\n');
    let line_start: usize = lines.take(position.line.saturating_sub(1)).map(str::len).sum();
    let line = text[line_start..].char_indices().map(|(at, _)| at);
    line_start + line.chain([text.len() - line_start]).nth(position.col.saturating_sub(1)).unwrap_or(0)
}

/// The text of a file; a message if it is not UTF-8, with the wrong bytes replaced.
pub fn decode(bytes: &[u8]) -> (String, Option<Diagnostic>) {
    let Err(error) = std::str::from_utf8(bytes) else {
        return (String::from_utf8_lossy(bytes).into_owned(), None);
    };
    let at = error.valid_up_to();
    let text = String::from_utf8_lossy(bytes).into_owned();
    let wrong = at..at + '\u{FFFD}'.len_utf8();
    let message = Diagnostic::error("S20", "the file is not UTF-8 text", wrong, "here");
    (text, Some(message.help("save it as UTF-8; it may be UTF-16 or not a text at all")))
}

/// Reads a scenario. Never panics, whatever the text.
pub fn load(text: &str) -> Loaded {
    // A byte-order mark: three bytes that mean nothing.
    let work = match text.strip_prefix('\u{FEFF}') {
        Some(rest) => format!("   {rest}"),
        None => text.to_owned(),
    };
    match dialect().from_str::<Scenario>(&work) {
        Ok(scenario) => {
            let Reading { cst, diagnostics, .. } = syntax::read(&work, Trust::Valid);
            Loaded { scenario: Some(scenario), cst, diagnostics, blanked: Vec::new() }
        }
        Err(_) => Retry::new(work).run(),
    }
}

/// The state of blank-and-retry.
struct Retry {
    /// The text without what is blanked.
    work: String,
    cst: Cst,
    diagnostics: Vec<Diagnostic>,
    blanked: Vec<Range<usize>>,
    /// Slips that were put right in `work`.
    patched: Vec<Range<usize>>,
}

impl Retry {
    fn new(text: String) -> Retry {
        let valid = dialect().from_str::<IgnoredAny>(&text).is_ok();
        let reading = syntax::read(&text, if valid { Trust::Valid } else { Trust::Suspect });
        let mut retry = Retry {
            work: text,
            cst: reading.cst,
            diagnostics: reading.diagnostics,
            blanked: Vec::new(),
            patched: Vec::new(),
        };
        for (span, right) in reading.patches {
            retry.overwrite(&span, right);
            retry.patched.push(span);
        }
        retry
    }

    fn run(mut self) -> Loaded {
        let readable = self.repair_syntax();
        let scenario = if readable { self.repair_types() } else { None };
        if scenario.is_none()
            && let Some(last) = self.diagnostics.last_mut()
        {
            let more = "further errors may appear once these are fixed";
            last.help = Some(last.help.take().map_or(more.to_owned(), |help| format!("{help}; {more}")));
        }
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.labels[0].span.start);
        self.cst.lose(&self.blanked);
        Loaded { scenario, cst: self.cst, diagnostics: self.diagnostics, blanked: self.blanked }
    }

    /// Takes out what has a syntax message: what is not patched, then everything. Whether ron accepts the rest; if the
    /// reader has said nothing and ron does not, what ron says is reported.
    fn repair_syntax(&mut self) -> bool {
        let Some(error) = self.syntax_error() else { return true };
        if self.diagnostics.is_empty() {
            return self.repair_unreadable(error);
        }
        let slips: Vec<Range<usize>> = self.diagnostics.iter().map(|slip| slip.labels[0].span.clone()).collect();
        let overlap = |slip: &Range<usize>, patch: &Range<usize>| patch.start < slip.end && slip.start < patch.end;
        let (patched, open): (Vec<_>, Vec<_>) =
            slips.into_iter().partition(|slip| self.patched.iter().any(|patch| overlap(slip, patch)));
        [open, patched].into_iter().any(|slips| {
            for slip in slips {
                let removable = self.cst.removable(slip.start).into_iter().next();
                if let Some(entry) = removable.filter(|entry| !self.blanked.contains(entry)) {
                    self.blank(entry);
                }
            }
            self.syntax_error().is_none()
        })
    }

    /// ron cannot read the text, and the reader sees nothing wrong with it.
    fn repair_unreadable(&mut self, mut error: SpannedError) -> bool {
        for _ in 0..MOST {
            let wrong = Wrong { range: byte_range(&self.work, &error.span), code: error.code };
            self.diagnostics.push(types::unreadable(&self.work, &wrong));
            let removable = self.cst.removable(wrong.range.start).into_iter();
            let Some(entry) = removable.into_iter().find(|entry| !self.blanked.contains(entry)) else { return false };
            self.blank(entry);
            match self.syntax_error() {
                Some(next) => error = next,
                None => return true,
            }
        }
        false
    }

    fn syntax_error(&self) -> Option<SpannedError> {
        dialect().from_str::<IgnoredAny>(&self.work).err()
    }

    fn repair_types(&mut self) -> Option<Scenario> {
        for _ in 0..MOST {
            let wrong = match types::parse(&self.work) {
                Ok(scenario) => return Some(scenario),
                Err(wrong) => wrong,
            };
            let at = types::culprit(&self.work, &self.cst, &wrong);
            // The reader has said so; or what is missing was taken out here.
            let said =
                matches!(wrong.code, Error::DuplicateStructField { .. }) || self.lost_within(self.cst.innermost(at));
            if !said {
                let explained = types::explain(&self.work, &self.cst, &wrong, at);
                let again = explained.title == types::NESTED
                    && self.diagnostics.iter().any(|other| other.title == types::NESTED);
                if !again {
                    self.diagnostics.push(explained);
                }
            }
            let entry = self.cst.removable(at).into_iter().find(|entry| !self.blanked.contains(entry))?;
            self.blank(entry);
        }
        None
    }

    /// Whether something inside the value was taken out.
    fn lost_within(&self, node: &Node) -> bool {
        self.blanked.iter().any(|blank| node.span.start <= blank.start && blank.end <= node.span.end)
    }

    fn blank(&mut self, span: Range<usize>) {
        self.overwrite(&span, "");
        self.blanked.push(span);
    }

    /// Writes `text`, blanks for the rest of the span, and keeps the line ends.
    fn overwrite(&mut self, span: &Range<usize>, text: &str) {
        let mut new = text.to_owned();
        let rest = self.work.get(span.start + text.len()..span.end).unwrap_or_default();
        new.extend(rest.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        if new.len() == span.len() && self.work.get(span.clone()).is_some() {
            self.work.replace_range(span.clone(), &new);
        }
    }
}
