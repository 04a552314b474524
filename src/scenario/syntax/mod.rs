//! Reads RON without giving up at the first slip: a tree with the place of every key, value and bracket, and what is
//! wrong with the brackets, commas and quotes. ron itself decides what is valid and what the values mean; this tree
//! says where they stand.

mod find;
mod foreign;
mod parse;
mod slips;
mod token;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

pub use find::Place;

use crate::scenario::diagnostic::Diagnostic;

/// The tree of a text. Every span is in bytes of that text and lies on character boundaries.
#[derive(Clone, Debug)]
pub struct Cst {
    text: String,
    root: Node,
}

/// A value, or the key of an entry.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// All of it: name and brackets included.
    pub span: Range<usize>,
    /// The name before the bracket, or the word itself: `Threads` of `Threads(2)`, `Serial` of `Serial`.
    pub name: Option<Range<usize>>,
    /// The opening bracket.
    pub open: Option<Range<usize>>,
    /// The closing bracket, unless it is lost.
    pub close: Option<Range<usize>>,
    /// What stands between the brackets.
    pub entries: Vec<Entry>,
}

/// The kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `5`, `0.5`, `1..=8`.
    Number,
    /// `"text"`, `r#"raw"#`.
    Text,
    /// `'c'`.
    Char,
    /// `Serial`, `true`.
    Word,
    /// `( .. )`, with a name or without.
    Record,
    /// `[ .. ]`.
    List,
    /// `{ .. }`.
    Map,
    /// Nothing stands where a value should; the span is empty.
    Missing,
}

/// What stands between two commas.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The field name or map key.
    pub key: Option<Node>,
    /// The value.
    pub value: Node,
    /// Key, value and the comma after it.
    pub span: Range<usize>,
    /// The scenario was read without it: paths do not count it.
    pub lost: bool,
}

/// A text read tolerantly.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// The tree.
    pub cst: Cst,
    /// What is wrong, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// What to write where so that the text becomes right and no place moves; filled up with blanks.
    pub patches: Vec<(Range<usize>, &'static str)>,
}

/// Whether ron has accepted the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It has: no syntax message can be right.
    Valid,
    /// It has not: guess what was meant.
    Suspect,
}

/// Reads a text.
pub(super) fn read(text: &str, trust: Trust) -> Reading {
    let mut slips = slips::Slips::new(text, trust);
    let tokens = token::tokens(text, trust, &mut slips);
    let root = parse::parse(text, &tokens, &mut slips);
    let cst = Cst { text: text.to_owned(), root };
    let (mut diagnostics, patches) = slips.done();
    parse::given_twice(&cst, &cst.root, &mut diagnostics);
    diagnostics.truncate(slips::MOST);
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels[0].span.start);
    Reading { cst, diagnostics, patches }
}

impl Cst {
    /// The text this is the tree of.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Marks the entries within these spans as lost.
    pub(in crate::scenario) fn lose(&mut self, blanked: &[Range<usize>]) {
        fn lose(node: &mut Node, blanked: &[Range<usize>]) {
            for entry in &mut node.entries {
                entry.lost = blanked.iter().any(|b| b.start <= entry.span.start && entry.span.end <= b.end);
                lose(&mut entry.value, blanked);
            }
        }
        if !blanked.is_empty() {
            lose(&mut self.root, blanked);
        }
    }

    /// The whole file.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The text of a key or of a text value without its quotes; of anything else as it is written.
    pub fn plain(&self, node: &Node) -> Cow<'_, str> {
        let raw = &self.text[node.span.clone()];
        if node.kind != Kind::Text {
            return Cow::Borrowed(raw.strip_prefix("r#").unwrap_or(raw));
        }
        match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).filter(|inner| !inner.contains('\\')) {
            Some(inner) => Cow::Borrowed(inner),
            None => Cow::Owned(ron::from_str(raw).unwrap_or_else(|_| raw.trim_matches('"').to_owned())),
        }
    }

    /// The name of a variant or record.
    pub fn name(&self, node: &Node) -> Option<&str> {
        node.name.clone().map(|name| &self.text[name])
    }
}

impl Node {
    pub(super) fn leaf(kind: Kind, span: Range<usize>) -> Node {
        let name = (kind == Kind::Word).then(|| span.clone());
        Node { kind, span, name, open: None, close: None, entries: Vec::new() }
    }

    /// The culprit to underline: the value if it is on one line, else its name or opening bracket.
    pub(super) fn head(&self, text: &str) -> Range<usize> {
        match text.get(self.span.clone()) {
            Some(all) if all.contains('\n') => {
                self.name.clone().or_else(|| self.open.clone()).unwrap_or_else(|| self.span.clone())
            }
            _ => self.span.clone(),
        }
    }
}
