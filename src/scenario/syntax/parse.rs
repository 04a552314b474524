//! Tokens to tree.

use std::collections::BTreeMap;
use std::ops::Range;

use super::slips::{Slips, Sure};
use super::token::{Token, What};
use super::{Cst, Entry, Kind, Node};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::words;

/// Brackets inside each other that are looked into: more than ron itself accepts.
const DEEPEST: usize = 200;

/// Reads the tokens of a text.
pub(super) fn parse(text: &str, tokens: &[Token], slips: &mut Slips) -> Node {
    Parser { text, tokens, at: 0, open: Vec::new(), suspect: None, slips }.file()
}

pub(super) struct Parser<'a, 's> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) at: usize,
    /// The brackets that are open, outermost first.
    open: Vec<Token>,
    /// A bracket, and an entry that stands where only something after its end would stand, by its indentation.
    suspect: Option<(Range<usize>, Range<usize>)>,
    pub(super) slips: &'s mut Slips,
}

impl Parser<'_, '_> {
    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn file(&mut self) -> Node {
        let root = match (self.peek().what, self.tokens.get(1).map(|token| token.what)) {
            (What::End, _) => {
                let all = 0..self.text.len();
                let empty = Diagnostic::error("S01", "nothing stands in this file", all, "a scenario is expected");
                self.slips
                    .report(Sure::Yes, empty.help("the shortest: (tasks: { \"job\": (steps: [Cpu(\"10ms\")]) })"));
                return Node::leaf(Kind::Missing, 0..0);
            }
            (What::Value(Kind::Word), Some(What::Colon | What::Equals)) => return self.naked(),
            _ => self.value(),
        };
        let rest = self.peek().span.clone();
        if self.peek().what != What::End {
            let rest = rest.start..rest.start + self.text[rest.start..].lines().next().map_or(0, str::len);
            let mut trailing =
                Diagnostic::error("S08", "text after the end of the scenario", rest, "nothing may follow");
            if let Some(close) = root.close.clone() {
                trailing = trailing.label(close, "the scenario ends here");
            }
            self.slips.report(Sure::No, trailing.help("is there a closing bracket too many before?"));
        }
        root
    }

    /// `tasks: { .. }` without parentheses around it.
    fn naked(&mut self) -> Node {
        let first = self.peek().span.clone();
        let naked = Diagnostic::error("S01", "a scenario stands in `( )`", first.clone(), "write `(` before this");
        self.slips.report(Sure::Yes, naked.help("and `)` at the end of the file"));
        let mut root = Node::leaf(Kind::Record, first.start..self.text.len());
        while self.peek().what != What::End {
            let before = self.at;
            self.entry(&mut root);
            self.at += usize::from(self.at == before);
        }
        root
    }

    /// A value; takes at least one token unless a comma, closing bracket or the like stands here.
    fn value(&mut self) -> Node {
        let token = self.peek().clone();
        match token.what {
            What::Value(Kind::Word) => {
                self.at += 1;
                self.word(&token)
            }
            What::Value(kind) => {
                self.at += 1;
                Node::leaf(kind, token.span)
            }
            What::Open(_) => self.bracket(None),
            _ => Node::leaf(Kind::Missing, token.span.start..token.span.start),
        }
    }

    fn word(&mut self, word: &Token) -> Node {
        if let Some(text) = self.prefixed_text(word) {
            return text;
        }
        let next = self.peek().clone();
        match next.what {
            What::Open('(') => self.bracket(Some(word.span.clone())),
            What::Open(wrong) if next.span.start == word.span.end && self.slips.guessing() => {
                let name = &self.text[word.span.clone()];
                let title = format!("`{name}` takes its values in `( )`, not `{wrong}`");
                let slip = Diagnostic::error("S18", title, next.span.clone(), "write `(`");
                let mut node = self.bracket(Some(word.span.clone()));
                node.kind = Kind::Record;
                let close = node.close.clone();
                self.slips.patch(next.span, "(");
                if let Some(close) = close.clone() {
                    self.slips.patch(close, ")");
                }
                let slip = close.into_iter().fold(slip, |slip, close| slip.label(close, "and `)`"));
                self.slips.report(Sure::Yes, slip);
                node
            }
            _ => Node::leaf(Kind::Word, word.span.clone()),
        }
    }

    fn bracket(&mut self, name: Option<Range<usize>>) -> Node {
        let open = self.next();
        let kind = match open.what {
            What::Open('(') => Kind::Record,
            What::Open('[') => Kind::List,
            _ => Kind::Map,
        };
        let start = name.as_ref().map_or(open.span.start, |name| name.start);
        let mut node = Node {
            kind,
            span: start..open.span.end,
            name,
            open: Some(open.span.clone()),
            close: None,
            entries: Vec::new(),
        };
        if self.open.len() >= DEEPEST {
            self.skip_deep(&mut node);
            return node;
        }
        self.open.push(open);
        self.entries(&mut node);
        self.open.pop();
        let last = node.entries.last().map_or(node.span.end, |entry| entry.span.end);
        node.span.end = node.close.as_ref().map_or(last, |close| close.end);
        node
    }

    /// Brackets inside each other without end: their content is skipped, without recursion.
    fn skip_deep(&mut self, node: &mut Node) {
        let at = node.span.clone();
        let deep = Diagnostic::error("T11", "nested too deeply", at, format!("{DEEPEST} brackets are open here"));
        let help = "give the inner steps a name in `programs` and write Call(\"name\")";
        self.slips.report(Sure::Yes, deep.help(help));
        let mut level = 1;
        while level > 0 && self.peek().what != What::End {
            match self.next().what {
                What::Open(_) => level += 1,
                What::Close(_) => level -= 1,
                _ => {}
            }
        }
        node.span.end = self.tokens[self.at - 1].span.end;
        if level == 0 {
            node.close = Some(self.tokens[self.at - 1].span.clone());
        } else {
            self.unclosed();
        }
    }

    fn entries(&mut self, node: &mut Node) {
        loop {
            let token = self.peek().clone();
            match token.what {
                What::End => return self.unclosed(),
                What::Close(close) => return self.close(close, node),
                _ => self.entry(node),
            }
        }
    }

    /// The end of the text, and brackets are open.
    fn unclosed(&mut self) {
        let Some(inner) = self.open.last().map(|open| open.span.clone()) else { return };
        self.lost_bracket(inner, None);
    }

    /// A closing bracket: of this one, of one further out, or a slip.
    fn close(&mut self, close: char, node: &mut Node) {
        let Some(opened) = self.open.last().cloned() else { return };
        let token = self.peek().clone();
        if opened.what == What::Open(partner(close)) {
            node.close = Some(token.span);
            self.at += 1;
        } else if self.open.iter().any(|open| open.what == What::Open(partner(close))) {
            self.lost_bracket(opened.span, Some(token.span));
        } else {
            let right = closing(&self.text[opened.span.clone()]);
            let title = format!("`{close}` closes a `{}`", &self.text[opened.span.clone()]);
            let wrong = Diagnostic::error("S10", title, token.span.clone(), format!("write `{right}`"));
            self.slips.report(Sure::No, wrong.label(opened.span, "opened here").fix(token.span.clone(), right));
            self.slips.patch(token.span.clone(), right);
            node.close = Some(token.span);
            self.at += 1;
        }
    }

    fn lost_bracket(&mut self, inner: Range<usize>, met: Option<Range<usize>>) {
        let (open, before) = match self.suspect.take() {
            Some((open, entry)) => (open, Some(entry)),
            None => (inner, None),
        };
        let bracket = &self.text[open.clone()];
        let title = format!("this `{bracket}` is never closed");
        let label = format!("needs a `{}`", closing(bracket));
        let mut lost = Diagnostic::error("S10", title, open.clone(), label);
        if let Some(entry) = before {
            lost = lost.label(entry, "the indentation says the closing bracket belongs before this");
        } else if let Some(met) = met {
            lost = lost.label(met, "the closing bracket belongs before this");
        }
        self.slips.lost(open.start, lost);
    }

    /// One entry with the comma after it, or a slip: takes at least one token.
    fn entry(&mut self, node: &mut Node) {
        self.look_at_indentation();
        if self.foreign() {
            return;
        }
        let token = self.peek().clone();
        let first = match token.what {
            What::Comma | What::Semicolon => return self.comma_too_many(),
            What::Colon | What::Equals => return self.stray("S16", "a name is missing before this"),
            What::Other | What::Close(_) => return self.stray("S20", "this means nothing here"),
            _ => self.value(),
        };
        let start = first.span.start;
        let (key, value) = match self.peek().what {
            What::Colon | What::Equals => {
                self.colon();
                (Some(first), self.keyed_value())
            }
            _ => (None, first),
        };
        let mut entry = Entry { span: start..value.span.end.max(start), key, value, lost: false };
        if node.open.is_some() {
            self.check_shape(node, &entry);
        }
        let value = entry.value.clone();
        self.separator(&mut entry.span, &value);
        node.entries.push(entry);
    }

    /// The first entry of a line that stands no further right than the line of its opening bracket.
    fn look_at_indentation(&mut self) {
        let Some(open) = self.open.last().filter(|_| self.slips.guessing()) else { return };
        let at = self.peek().span.clone();
        let line = self.slips.line_of(at.start);
        let open_line = self.slips.line_of(open.span.start);
        let indent = at.start - line;
        // The outermost bracket may stand at the left edge like its fields.
        if self.suspect.is_some() || self.open.len() == 1 || line == open_line {
            return;
        }
        let outer = self.text[open_line..].len() - self.text[open_line..].trim_start_matches([' ', '\t']).len();
        if indent <= outer && self.text[line..at.start].trim().is_empty() {
            self.suspect = Some((open.span.clone(), at));
        }
    }

    fn colon(&mut self) {
        let token = self.next();
        if token.what == What::Equals {
            let equals = Diagnostic::error("S12", "a value follows `:`", token.span.clone(), "write `:`");
            self.slips.report(Sure::Yes, equals.fix(token.span.clone(), ":"));
            self.slips.patch(token.span, ":");
        }
        while self.peek().what == What::Colon {
            self.stray("S16", "one `:` is enough");
        }
    }

    fn keyed_value(&mut self) -> Node {
        let before = self.tokens[self.at - 1].span.clone();
        let value = self.value();
        if value.kind == Kind::Missing {
            let missing = Diagnostic::error("S09", "a value is missing", before.clone(), "what is the value?");
            self.slips.report(Sure::No, missing);
            return Node::leaf(Kind::Missing, before.end..before.end);
        }
        if value.kind == Kind::Word && self.peek().what == What::Value(Kind::Word) && self.same_line(value.span.end) {
            return self.bare_text(value);
        }
        value
    }

    fn same_line(&self, from: usize) -> bool {
        !self.text[from..self.peek().span.start].contains('\n')
    }

    /// `title: Hello world`: words to the end of the line or to the comma, unless a field starts there.
    fn bare_text(&mut self, first: Node) -> Node {
        let after = self.tokens.get(self.at + 1).map(|token| token.what);
        if matches!(after, Some(What::Colon | What::Equals | What::Open(_))) {
            return first;
        }
        let mut span = first.span;
        while matches!(self.peek().what, What::Value(Kind::Word | Kind::Number)) && self.same_line(span.end) {
            span.end = self.next().span.end;
        }
        let text = format!("\"{}\"", &self.text[span.clone()]);
        let bare = Diagnostic::error("S05", "text is written in `\"`", span.clone(), format!("write {text}"));
        self.slips.report(Sure::Yes, bare.fix(span.clone(), text));
        Node::leaf(Kind::Text, span)
    }

    fn check_shape(&mut self, node: &Node, entry: &Entry) {
        if self.decimal_comma(node, entry) {
            return;
        }
        let fields = node.entries.first().is_some_and(|first| first.key.is_some());
        match (&node.kind, &entry.key) {
            (Kind::List, Some(key)) => {
                let pair = Diagnostic::error("S14", "a list has no names", key.span.clone(), "a name in a list");
                self.slips
                    .report(Sure::No, pair.help("`[ ]` holds values, `{ }` names and values, `( )` fields and values"));
            }
            (Kind::Record, Some(key)) if key.kind == Kind::Text => {
                let name = self.text[key.span.clone()].trim_matches('"').to_owned();
                let quoted =
                    Diagnostic::error("S13", "a field name has no quotes", key.span.clone(), format!("write {name}"));
                let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_');
                let quoted = if is_name { quoted.fix(key.span.clone(), name) } else { quoted };
                self.slips.report(Sure::Yes, quoted.help("names of your own stand in `{ }`: there they have quotes"));
            }
            (Kind::Record, Some(key)) if key.kind != Kind::Word || !fields && !node.entries.is_empty() => {
                let title = "values and fields do not mix";
                let mixed = Diagnostic::error("S15", title, key.span.clone(), "the values before this have no names");
                let usage = node.name.clone().and_then(|name| words::usage(&self.text[name]));
                let mixed = usage.into_iter().fold(mixed, |mixed, usage| mixed.help(format!("it is written {usage}")));
                self.slips.report(Sure::No, mixed);
            }
            (Kind::Record, None) if fields => {
                let span = entry.value.head(self.text);
                let unnamed = Diagnostic::error("S15", "a name is missing", span, "which field is this?");
                self.slips.report(Sure::No, unnamed.help("write it as `field: value`"));
            }
            (Kind::Map, None) => {
                let span = entry.value.head(self.text);
                let unnamed = Diagnostic::error("S15", "a name is missing", span, "`{ }` needs `name: value`");
                self.slips.report(Sure::No, unnamed.help("a list of values without names stands in `[ ]`"));
            }
            _ => {}
        }
    }

    /// What stands after an entry: a comma, nothing more, or a slip.
    fn separator(&mut self, entry: &mut Range<usize>, value: &Node) {
        let token = self.peek().clone();
        match token.what {
            What::Comma | What::Semicolon => {
                self.at += 1;
                entry.end = token.span.end;
                if token.what == What::Semicolon {
                    let wrong =
                        Diagnostic::error("S07", "values are separated by `,`", token.span.clone(), "write `,`");
                    self.slips.report(Sure::Yes, wrong.fix(token.span.clone(), ","));
                    self.slips.patch(token.span, ",");
                }
            }
            What::Value(_) if self.statement().is_some() => {}
            What::Value(_) | What::Open(_) => {
                let (end, start) = (self.tokens[self.at - 1].span.end, token.span.start);
                let missing = Diagnostic::error("S17", "a comma is missing", token.span, "write `,` before this");
                // A blank before it can become the comma; a line end cannot.
                if self.text[end..start].ends_with([' ', '\t']) {
                    self.slips.patch(start - 1..start, ",");
                }
                self.slips.report(Sure::No, missing.fix(end..end, ","));
            }
            What::Colon | What::Equals => self.stray("S16", "a comma or a name is missing before this"),
            What::Other => {
                if !self.operator(value) {
                    return self.stray("S20", "this means nothing here");
                }
                let last = self.tokens[self.at - 1].span.end;
                entry.end = if self.peek().what == What::Comma { self.next().span.end } else { last };
            }
            What::Close(_) | What::End => {}
        }
    }

    fn comma_too_many(&mut self) {
        let token = self.next();
        let comma =
            Diagnostic::error("S11", "a comma too many", token.span.clone(), "nothing stands before this comma");
        self.slips.report(Sure::Yes, comma.fix(token.span.clone(), ""));
        self.slips.patch(token.span, "");
    }

    fn stray(&mut self, code: &'static str, label: &str) {
        let token = self.next();
        let title = format!("unexpected `{}`", &self.text[token.span.clone()]);
        self.slips.report(Sure::No, Diagnostic::error(code, title, token.span, label));
    }
}

fn partner(close: char) -> char {
    match close {
        ')' => '(',
        ']' => '[',
        _ => '{',
    }
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// Fields and text keys that are given twice. ron says nothing about keys, and takes the last.
pub(super) fn given_twice(cst: &Cst, node: &Node, diagnostics: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<std::borrow::Cow<'_, str>, Range<usize>> = BTreeMap::new();
    for entry in &node.entries {
        if let Some(key) = entry.key.as_ref().filter(|key| matches!(key.kind, Kind::Word | Kind::Text)) {
            let name = cst.plain(key);
            if let Some(first) = seen.get(&name) {
                let title = format!("`{name}` is given twice");
                let twice = Diagnostic::error("S19", title, key.span.clone(), "given again");
                diagnostics.push(twice.label(first.clone(), "first given here"));
            } else {
                seen.insert(name, key.span.clone());
            }
        }
        given_twice(cst, &entry.value, diagnostics);
    }
}
