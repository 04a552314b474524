//! What is written as Python writes it: what there is instead.

use std::ops::Range;

use super::parse::Parser;
use super::slips::Sure;
use super::token::{Token, What};
use super::{Entry, Kind, Node};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::words::UNITS;

/// Statements, and what is written here.
const STATEMENTS: &[(&str, &str)] = &[
    ("for", "write Repeat(3, [..])"),
    ("while", "write While(Is(\"variable\", 1), [..]), Forever([..]) or Repeat(3, [..])"),
    ("if", "write If(Is(\"variable\", 1), [..], [..]), or Choose({ 0.8: [..], 0.2: [..] })"),
    ("with", "write With(\"lock\", [..])"),
    ("def", "write an entry of `programs`: \"name\": [..]"),
    ("class", "write an entry of `programs`: \"name\": [..]"),
    ("import", "leave this out: all words are known"),
    ("from", "leave this out: all words are known"),
    ("return", "leave this out: a program ends with its last step"),
    ("async", "leave this out: the model `Asyncio` makes coroutines"),
];

impl Parser<'_, '_> {
    fn token(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn written(&self, ahead: usize) -> &str {
        &self.text[self.token(ahead).span.clone()]
    }

    /// Whether a statement of Python begins here.
    pub(super) fn statement(&self) -> Option<&'static str> {
        if !self.slips.guessing() || self.token(0).what != What::Value(Kind::Word) {
            return None;
        }
        let follows = matches!(self.token(1).what, What::Value(_)) && self.same_line_as(1);
        let advice = || STATEMENTS.iter().find(|(word, _)| *word == self.written(0)).map(|(_, advice)| *advice);
        follows.then(advice).flatten()
    }

    fn same_line_as(&self, ahead: usize) -> bool {
        !self.text[self.token(0).span.end..self.token(ahead).span.start].contains('\n')
    }

    /// Takes what is Python from here on. Whether anything was.
    pub(super) fn foreign(&mut self) -> bool {
        if !self.slips.guessing() || self.token(0).what != What::Value(Kind::Word) {
            return false;
        }
        let awaits = self.written(0) == "await" && matches!(self.token(1).what, What::Value(Kind::Word));
        if awaits && self.same_line_as(1) {
            let word = self.token(0).span.clone();
            let wrong = Diagnostic::error("S21", "this is Python, not a scenario", word.clone(), "leave out `await`");
            let wrong = wrong.help("a coroutine awaits by itself where a thread would block");
            self.slips.report(Sure::Yes, wrong.fix(word.start..self.token(1).span.start, ""));
            self.slips.patch(word, "");
            self.at += 1;
            return false;
        }
        if let Some(advice) = self.statement() {
            self.skip_line("this is Python, not a scenario", advice.to_owned());
            return true;
        }
        let dotted = self.written(1) == "." && matches!(self.token(2).what, What::Value(Kind::Word));
        if dotted && self.token(3).what == What::Open('(') {
            let name = format!("{}.{}", self.written(0), self.written(2));
            let advice = match (self.written(2), self.token(4).what) {
                ("sleep", What::Value(Kind::Number)) => format!("write Sleep(\"{}s\")", self.written(4)),
                ("sleep", _) => "write Sleep(\"1s\")".to_owned(),
                _ => "steps have plain names, such as Cpu, Io, Sleep".to_owned(),
            };
            self.skip_line(&format!("no step `{name}`"), advice);
            return true;
        }
        false
    }

    /// Leaves out the rest of the line, to the comma after it or the bracket around it.
    fn skip_line(&mut self, title: &str, advice: String) {
        let first = self.token(0).span.clone();
        let follows = self.at > 0 && !matches!(self.tokens[self.at - 1].what, What::Comma | What::Open(_));
        let taken = self.rest_of_entry(true);
        let shown = first.start..taken.end;
        self.slips.report(Sure::Yes, Diagnostic::error("S21", title, shown, advice));
        let end = if self.peek().what == What::Comma { self.next().span.end } else { taken.end };
        self.slips.patch(first.start..end, if follows { "," } else { "" });
    }

    /// Takes everything to the comma or bracket that ends the entry, or to the end of the line.
    fn rest_of_entry(&mut self, line: bool) -> Range<usize> {
        let start = self.token(0).span.start;
        let (mut level, mut end) = (0, start);
        loop {
            let token = self.peek().clone();
            match token.what {
                What::End => break,
                What::Comma if level == 0 => break,
                What::Close(_) if level == 0 => break,
                _ if line && level == 0 && self.text[end..token.span.start].contains('\n') => break,
                What::Open(_) => level += 1,
                What::Close(_) => level -= 1,
                _ => {}
            }
            end = token.span.end;
            self.at += 1;
        }
        start..end
    }

    /// `5 * ms`, `Elapsed < "5ms"`: something is compared or computed. Takes the rest of the entry.
    pub(super) fn operator(&mut self, value: &Node) -> bool {
        let operator = self.written(0).to_owned();
        let compares = matches!(operator.as_str(), "<" | ">");
        if !self.slips.guessing() || !compares && !matches!(operator.as_str(), "*" | "/" | "+" | "-" | "**") {
            return false;
        }
        let left = self.text[value.span.clone()].to_owned();
        let right = self.token(1 + usize::from(self.token(1).what == What::Equals)).clone();
        let right_text = self.text[right.span.clone()].to_owned();
        let sign = self.token(0).span.clone();
        self.rest_of_entry(false);
        let slip = if compares {
            let bound = if operator == "<" { "at_most" } else { "at_least" };
            let name = left.split('(').next().unwrap_or_default();
            let label = format!("write {name}({bound}: {right_text})");
            Diagnostic::error("S21", "bounds are fields of an expectation", sign, label)
        } else if value.kind == Kind::Number && UNITS.contains(&right_text.as_str()) {
            let quantity = format!("\"{left}{right_text}\"");
            let label = format!("write {quantity}");
            let slip = Diagnostic::error("S21", "a quantity with a unit is written in quotes", sign, label);
            slip.fix(value.span.start..right.span.end, quantity)
        } else {
            Diagnostic::error("S21", "nothing is computed in a scenario", sign, "write the result")
        };
        self.slips.report(Sure::Yes, slip);
        true
    }

    /// `at_least: 0,5`, `{ 0,8: [..] }`: the comma of a fraction, which ends an entry here.
    pub(super) fn decimal_comma(&mut self, node: &Node, entry: &Entry) -> bool {
        let adjacent = |before: &Range<usize>, after: &Range<usize>| {
            before.end + 1 == after.start && &self.text[before.end..after.start] == ","
        };
        let (whole, fraction) = match node.kind {
            Kind::Record if entry.key.is_none() => match node.entries.last() {
                Some(last) if last.key.is_some() => (&last.value, entry.value.span.clone()),
                _ => return false,
            },
            Kind::Map if entry.key.is_none() => (&entry.value, self.token(1).span.clone()),
            _ => return false,
        };
        let digits =
            |at: &Range<usize>| !at.is_empty() && self.text[at.clone()].bytes().all(|byte| byte.is_ascii_digit());
        if whole.kind != Kind::Number || !digits(&fraction) || !adjacent(&whole.span, &fraction) {
            return false;
        }
        let comma = whole.span.end..fraction.start;
        let right = format!("{}.{}", &self.text[whole.span.clone()], &self.text[fraction]);
        let slip =
            Diagnostic::error("S15", "a fraction is written with a point", comma.clone(), format!("write {right}"));
        self.slips.report(Sure::Yes, slip.fix(comma.clone(), "."));
        self.slips.patch(comma, ".");
        true
    }

    /// `f"x"`: a text with a letter before it.
    pub(super) fn prefixed_text(&mut self, word: &Token) -> Option<Node> {
        let text = self.peek().clone();
        let prefix = self.text[word.span.clone()].to_owned();
        let adjacent = text.what == What::Value(Kind::Text) && text.span.start == word.span.end;
        if !self.slips.guessing() || !adjacent || !["f", "u", "F", "U"].contains(&prefix.as_str()) {
            return None;
        }
        self.at += 1;
        let title = "a text has no letter before its quotes";
        let slip = Diagnostic::error("S21", title, word.span.clone(), "leave this out").fix(word.span.clone(), "");
        self.slips.report(Sure::Yes, slip.help("nothing is put into a text: write it as it should appear"));
        self.slips.patch(word.span.clone(), "");
        Some(Node::leaf(Kind::Text, text.span))
    }
}
