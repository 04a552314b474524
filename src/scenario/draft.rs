//! Texts made from the author's text by edits, and the way back: what is wrong with an edited text is shown where the
//! author can change it.

use std::ops::Range;

use super::diagnostic::{Diagnostic, Label};
use super::edit;
use super::path::Path;
use super::syntax::{self, Cst, Trust};

/// An edited text.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The text.
    pub text: String,
    edits: Vec<Edit>,
}

/// What asked for an edit.
#[derive(Clone, Debug)]
pub enum By {
    /// The command line.
    Command(Argument),
    /// A sweep: where its path and the value stand in the text before the edits.
    Sweep {
        /// The path.
        path: Range<usize>,
        /// The value.
        value: Range<usize>,
    },
}

/// An argument of the command line, as it was given: `--set machine.cores=0`.
#[derive(Clone, Debug)]
pub struct Argument {
    /// All of it.
    pub text: String,
    /// The path in it.
    pub path: Range<usize>,
    /// The value in it.
    pub value: Range<usize>,
}

impl Argument {
    /// `--set path=value`.
    pub fn set(path: &str, value: &str) -> Argument {
        let start = "--set ".len();
        let path_at = start..start + path.len();
        let text = format!("--set {path}={value}");
        Argument { value: path_at.end + 1..text.len(), path: path_at, text }
    }
}

#[derive(Clone, Debug)]
struct Edit {
    by: By,
    /// What was replaced, in the text before; empty for an insertion.
    before: Range<usize>,
    /// What stands there now, in the text after.
    after: Range<usize>,
    /// The new value in the text after.
    value: Range<usize>,
    /// What to show of the text before if nothing was replaced.
    nearest: Range<usize>,
}

/// Where a span of the text after an edit was before it.
enum Back {
    /// Here.
    Moved(Range<usize>),
    /// It is this part of the new value.
    Value(Range<usize>),
    /// It came with the value.
    New,
}

impl Draft {
    /// The text itself.
    pub fn new(text: &str) -> Draft {
        Draft { text: text.to_owned(), edits: Vec::new() }
    }

    /// Writes `value` at `path`. `cst` is the tree of the text as it is; the tree of the new text comes back.
    ///
    /// # Errors
    /// As [`edit::set_at`].
    pub fn set(&mut self, cst: &Cst, path: &Path, value: &str, by: By) -> Result<Cst, edit::SetError> {
        let edit::Edited { text, span: value } = edit::set_at(&self.text, cst, path, value)?;
        // What is put in place is always whole RON values, so no syntax can go wrong.
        let new = syntax::read(&text, Trust::Valid).cst;
        let (before, after) = match cst.place(path) {
            Some(place) => (place.value, value.clone()),
            None => {
                // The first new name on the way begins what was inserted.
                let ways = (1..=path.0.len()).map(|depth| Path(path.0[..depth].to_vec()));
                let first = ways.into_iter().find(|way| cst.place(way).is_none()).and_then(|way| new.place(&way));
                let start = first.map_or(value.start, |place| place.key.unwrap_or(place.value).start);
                (start..start, start..start + (text.len() - self.text.len()))
            }
        };
        self.edits.push(Edit { by, before, after, value, nearest: cst.spot(path) });
        self.text = text;
        Ok(new)
    }

    /// The diagnostic with the places where the author can do something about it, in the text before all edits.
    pub fn trace(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        if let Some((argument, span)) = self.argument(&diagnostic.labels[0].span) {
            diagnostic.labels.truncate(1);
            diagnostic.labels[0].span = span;
            diagnostic.argument = Some(argument.text.clone());
            diagnostic.fix = None;
            return diagnostic;
        }
        let labels = std::mem::take(&mut diagnostic.labels);
        let mut swept = false;
        diagnostic.labels = labels
            .into_iter()
            .map(|label| {
                let (span, by) = self.origin(label.span);
                match by {
                    Some(By::Command(command)) => Label { span, text: blame(&label.text, &command.text) },
                    Some(By::Sweep { .. }) => {
                        swept = true;
                        Label { span, text: label.text }
                    }
                    None => Label { span, text: label.text },
                }
            })
            .collect();
        // The value was text in the sweep: that it does not fit is a matter of the sweep.
        if swept && diagnostic.code.starts_with(['S', 'T']) {
            diagnostic.code = "E12";
        }
        diagnostic.fix = diagnostic.fix.take().and_then(|mut fix| {
            fix.span = self.exact(fix.span)?;
            Some(fix)
        });
        diagnostic
    }

    /// The argument that put this here, and the part of it.
    fn argument(&self, span: &Range<usize>) -> Option<(&Argument, Range<usize>)> {
        let mut span = span.clone();
        for edit in self.edits.iter().rev() {
            match (edit.back(&span), &edit.by) {
                (Back::Moved(before), _) => span = before,
                (Back::Value(part), By::Command(argument)) => {
                    // Quotes may have been added around the value.
                    let same = edit.value.len() == argument.value.len();
                    let start = argument.value.start;
                    let part = if same { start + part.start..start + part.end } else { argument.value.clone() };
                    return Some((argument, part));
                }
                (Back::New, By::Command(argument)) => return Some((argument, argument.path.clone())),
                (Back::Value(_) | Back::New, By::Sweep { .. }) => return None,
            }
        }
        None
    }

    fn origin(&self, mut span: Range<usize>) -> (Range<usize>, Option<&By>) {
        let mut blamed = None;
        for edit in self.edits.iter().rev() {
            match (edit.back(&span), &edit.by) {
                (Back::Moved(before), _) => span = before,
                (Back::Value(part), By::Sweep { value, .. }) => {
                    // Quotes may have been added around the value.
                    let at = |offset: usize| (value.start + offset).min(value.end);
                    return (at(part.start)..at(part.end), Some(&edit.by));
                }
                (Back::New, By::Sweep { path, .. }) => return (path.clone(), Some(&edit.by)),
                (Back::Value(_) | Back::New, By::Command(_)) => {
                    span = if edit.before.is_empty() { edit.nearest.clone() } else { edit.before.clone() };
                    blamed = blamed.or(Some(&edit.by));
                }
            }
        }
        (span, blamed)
    }

    /// Where a span stood letter by letter; `None` if it is not the author's.
    fn exact(&self, mut span: Range<usize>) -> Option<Range<usize>> {
        for edit in self.edits.iter().rev() {
            match (edit.back(&span), &edit.by) {
                (Back::Moved(before), _) if before.len() == span.len() => span = before,
                (Back::Value(part), By::Sweep { value, .. }) if edit.value.len() == value.len() => {
                    return Some(value.start + part.start..value.start + part.end);
                }
                _ => return None,
            }
        }
        Some(span)
    }
}

fn blame(text: &str, command: &str) -> String {
    if text.is_empty() { format!("by `{command}`") } else { format!("{text} (by `{command}`)") }
}

impl Edit {
    fn back(&self, span: &Range<usize>) -> Back {
        let within = |outer: &Range<usize>| {
            outer.start <= span.start && span.end <= outer.end && (span.start < outer.end || outer.is_empty())
        };
        if within(&self.value) {
            return Back::Value(span.start - self.value.start..span.end - self.value.start);
        }
        if within(&self.after) {
            return Back::New;
        }
        let back = |at: usize, inside: usize| {
            if at <= self.after.start {
                at
            } else if at >= self.after.end {
                at - self.after.end + self.before.end
            } else {
                inside
            }
        };
        Back::Moved(back(span.start, self.before.start)..back(span.end, self.before.end))
    }
}
