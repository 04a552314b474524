//! What ron says about a value that does not fit, in the words of the language.
//!
//! ron knows what it expected, and says so poorly: "Expected comma" for `2.5`. So the guilty value is looked at in the
//! tree, and ron is asked again with another value in its place: what it says to a name that cannot exist is the list of
//! those that can.

mod brackets;
mod numbers;
mod records;

use std::ops::Range;

use ron::error::Error;

use super::ast::{self, Scenario};
use super::diagnostic::Diagnostic;
use super::load::{byte_range, dialect};
use super::syntax::{Cst, Kind, Node};
use super::{quantities, words};

/// An error of ron with its bytes.
#[derive(Clone, Debug)]
pub(super) struct Wrong {
    pub code: Error,
    pub range: Range<usize>,
}

/// Reads a text; of an error inside a value that was read for itself, says what ron says to that value.
pub(super) fn parse(text: &str) -> Result<Scenario, Wrong> {
    dialect().from_str::<Scenario>(text).map_err(|error| {
        let mut wrong = Wrong { range: byte_range(text, &error.span), code: error.code };
        while let Error::Message(message) = &wrong.code
            && let Some((kind, place)) = ast::address(text, message)
            && let Some(inner) = kind.complaint(&text[place.clone()])
        {
            let range = byte_range(&text[place.clone()], &inner.span);
            wrong = Wrong { code: inner.code, range: place.start + range.start..place.start + range.end };
        }
        wrong
    })
}

/// What ron says to `other` in the place of the span, if everything before is right.
pub(super) fn probe(text: &str, span: Range<usize>, other: &str) -> Option<Error> {
    let changed = format!("{}{other}{}", text.get(..span.start)?, text.get(span.end..)?);
    parse(&changed).err().map(|wrong| wrong.code)
}

/// One message for all lists inside a list.
pub(super) const NESTED: &str = "a list of steps has no lists of steps inside";

/// A name that nothing has.
pub(super) const NOBODY: &str = "zzz_";

/// A text that ron cannot read although the reader sees nothing wrong.
pub(super) fn unreadable(text: &str, wrong: &Wrong) -> Diagnostic {
    match &wrong.code {
        Error::ExceededRecursionLimit => too_deep(wrong.range.clone()),
        Error::InvalidEscape(_) => {
            let escape =
                Diagnostic::error("S20", "a `\\` in a text starts an escape", wrong.range.clone(), "not an escape");
            escape.help("write `\\\\` for one backslash, or the text as r\"..\"")
        }
        code => {
            let end = wrong.range.end.min(text.len());
            Diagnostic::error(
                "S20",
                format!("this cannot be read: {}", lower(&code.to_string())),
                wrong.range.start..end,
                "",
            )
        }
    }
}

fn too_deep(range: Range<usize>) -> Diagnostic {
    let deep = Diagnostic::error("T11", "nested too deeply", range, "about 20 steps inside each other are read");
    deep.help("give the inner steps a name in `programs` and write Call(\"name\")")
}

fn lower(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// A byte of the guilty value.
pub(super) fn culprit(text: &str, cst: &Cst, wrong: &Wrong) -> usize {
    let Range { start, end } = wrong.range;
    match &wrong.code {
        Error::MissingStructField { .. } => cst.closed_at(end).map_or(0, |record| record.span.start),
        // A variant without its values: ron stands behind the name.
        Error::ExpectedStructLike => text[..end].trim_end().len().saturating_sub(1),
        Error::ExpectedDifferentLength { .. } | Error::UnexpectedChar(_) => end,
        _ if text[start..end].trim().is_empty() => end,
        _ => start,
    }
}

/// Says what is wrong with the value at `at`.
pub(super) fn explain(text: &str, cst: &Cst, wrong: &Wrong, at: usize) -> Diagnostic {
    let node = cst.innermost(at);
    let asking = Asking { text, cst, node, at };
    match &wrong.code {
        // `Edf(ByTask)`
        Error::NoSuchStructField { expected, .. } if !cst.is_key(node) && node.kind == Kind::Word => {
            asking.fields_wanted(expected)
        }
        Error::NoSuchStructField { expected, found, outer } => {
            asking.unknown(wrong, "T01", "field", "fields", found, expected, outer.as_deref())
        }
        Error::NoSuchEnumVariant { expected, found, outer } => {
            let (one, many) = words::noun(outer.as_deref().unwrap_or("name"));
            let unknown = || asking.unknown(wrong, "T02", one, many, found, expected, None);
            asking.other_place(found, expected).unwrap_or_else(unknown)
        }
        Error::MissingStructField { field, outer } => asking.missing(field, outer.as_deref()),
        Error::ExpectedDifferentLength { .. } | Error::UnexpectedChar(')') | Error::ExpectedStructLike => {
            asking.too_few()
        }
        Error::ExpectedComma | Error::ExpectedStructLikeEnd if node.kind == Kind::Number && at > node.span.start => {
            asking.not_whole()
        }
        Error::ExpectedComma | Error::ExpectedStructLikeEnd => asking.too_many(),
        Error::ExpectedInteger if asking.is_field_name() => asking.no_fields(),
        Error::ExpectedInteger | Error::InvalidIntegerDigit { .. } => asking.not_whole(),
        Error::TrailingCharacters if node.kind == Kind::Number => asking.not_whole(),
        Error::IntegerOutOfBounds => asking.out_of_bounds(),
        Error::ExpectedFloat | Error::FloatUnderscore => asking.not_a_number(),
        Error::ExpectedBoolean => asking.not_a_boolean(),
        Error::ExpectedString => asking.not_a_text(),
        Error::ExpectedArray => asking.wrong_brackets("a list", '['),
        Error::ExpectedMap => asking.wrong_brackets("a map", '{'),
        Error::ExpectedNamedStructLike(name) => asking.not_a_record(name),
        Error::ExpectedDifferentStructName { expected, .. } => asking.record_name(expected),
        Error::ExpectedIdentifier | Error::SuggestRawIdentifier(_) | Error::InvalidIdentifier(_) => asking.not_a_word(),
        Error::ExceededRecursionLimit => too_deep(node.head(text)),
        Error::Message(message) => quantities::explain(text, node, message),
        code => asking.say("T12", lower(&code.to_string()), "does not fit"),
    }
}

/// A value that does not fit, and where it stands.
struct Asking<'a> {
    text: &'a str,
    cst: &'a Cst,
    node: &'a Node,
    at: usize,
}

impl Asking<'_> {
    fn say(&self, code: &'static str, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, title, self.node.head(self.text), label)
    }

    fn written(&self) -> &str {
        &self.text[self.node.span.clone()]
    }

    /// What ron says to another value here.
    fn probe(&self, other: &str) -> Option<Error> {
        probe(self.text, self.node.span.clone(), other)
    }

    /// Whether ron has nothing against `other` in the place of the span, whatever it says of what follows.
    fn fits(&self, span: Range<usize>, other: &str) -> bool {
        let (Some(before), Some(after)) = (self.text.get(..span.start), self.text.get(span.end..)) else {
            return false;
        };
        let end = span.start + other.len();
        parse(&format!("{before}{other}{after}")).err().is_none_or(|wrong| {
            let lacks = matches!(wrong.code, Error::MissingStructField { .. }) && wrong.range.start >= end;
            wrong.range.start > end || lacks
        })
    }

    #[allow(clippy::too_many_arguments)]
    fn unknown(
        &self,
        wrong: &Wrong,
        code: &'static str,
        one: &str,
        many: &str,
        found: &str,
        known: &[&str],
        of: Option<&str>,
    ) -> Diagnostic {
        let of = of.map_or(String::new(), |of| match words::noun(of).0 {
            noun if noun == of => format!(" in `{of}`"),
            noun => format!(" in the {noun}"),
        });
        let span = wrong.range.clone();
        let title = format!("no {one} `{found}`{of}");
        let meant = words::nearest(found, known);
        if let Some((meant, twice)) = meant.and_then(|meant| Some((meant, self.given(&span, meant)?))) {
            let label = format!("the same as `{meant}`: leave one of them out");
            return Diagnostic::error(code, title, span, label).label(twice, "given here");
        }
        let unknown = match one {
            "computed number" => format!("write a number or Own(\"{found}\")"),
            _ => "unknown".to_owned(),
        };
        let label = meant.map_or(unknown, |meant| format!("did you mean `{meant}`?"));
        let help = match words::instead(found) {
            Some(advice) if meant.is_none() => advice.to_owned(),
            _ => format!("{many}: {}", words::list(known)),
        };
        let unknown = Diagnostic::error(code, title, span.clone(), label).help(help);
        // A word that takes values is no value without them.
        let right = |meant| match words::example(meant) {
            Some(example)
                if self.node.kind == Kind::Word && !self.cst.is_key(self.node) && !self.fits(span.clone(), meant) =>
            {
                example
            }
            _ => meant,
        };
        meant.into_iter().fold(unknown, |unknown, meant| unknown.fix(span.clone(), right(meant)))
    }

    /// Where the field is given in the record that has the key at `span`.
    fn given(&self, span: &Range<usize>, field: &str) -> Option<Range<usize>> {
        let record = self.cst.record_around(span.start)?;
        let keys = record.entries.iter().filter_map(|entry| entry.key.as_ref());
        let mut same = keys.filter(|key| key.span != *span && self.cst.plain(key) == field);
        same.next().map(|key| key.span.clone())
    }

    fn not_a_boolean(&self) -> Diagnostic {
        let word = self.cst.plain(self.node).to_lowercase();
        let right = match word.as_str() {
            "true" | "yes" | "on" | "1" => Some("true"),
            "false" | "no" | "off" | "0" => Some("false"),
            _ => None,
        };
        let wrong = self.say(
            "T08",
            "`true` or `false` is expected",
            right.map_or("neither".into(), |right| format!("write {right}")),
        );
        right.into_iter().fold(wrong, |wrong, right| wrong.fix(self.node.span.clone(), right))
    }

    /// A text, or a duration or rate, which is one.
    fn not_a_text(&self) -> Diagnostic {
        if let Some(order) = self.wrong_order() {
            return order;
        }
        if self.cst.is_field(self.node) {
            return self.no_fields();
        }
        if self.cst.is_key(self.node) {
            let right = format!("\"{}\"", self.written().trim_matches('\''));
            let name = self.say("T05", "a name in `{ }` is written in quotes", format!("write {right}"));
            return name.fix(self.node.span.clone(), right);
        }
        let wanted = match self.probe("\"x\"") {
            Some(Error::Message(message)) if message.contains("duration") => {
                return quantities::no_duration(self.text, self.node);
            }
            Some(Error::Message(message)) if message.contains("rate") => {
                return quantities::no_rate(self.text, self.node);
            }
            _ => "text",
        };
        match self.node.kind {
            Kind::Word | Kind::Number => {
                let right = format!("\"{}\"", self.written());
                let title = format!("{wanted} is written in quotes");
                self.say("T05", title, format!("write {right}")).fix(self.node.span.clone(), right)
            }
            Kind::Char => {
                let right = format!("\"{}\"", self.written().trim_matches('\''));
                let title = format!("{wanted} is written in `\"`");
                self.say("T05", title, format!("write {right}")).fix(self.node.span.clone(), right)
            }
            _ => self.say("T05", format!("a text is expected, not {}", self.kind()), "not a text"),
        }
    }

    fn record_name(&self, rust_type: &str) -> Diagnostic {
        let (one, _) = words::noun(rust_type);
        let record = self.cst.opened_at(self.node.span.start).unwrap_or(self.node);
        match (&record.name, &record.open) {
            (Some(name), Some(_)) => {
                let title = format!("{} {one} has no name before its `(`", words::article(one));
                Diagnostic::error("T09", title, name.clone(), "leave this out").fix(name.clone(), "")
            }
            _ => self.not_a_record(rust_type),
        }
    }

    fn with_fields(&self, wrong: Diagnostic) -> Diagnostic {
        match self.probe(&format!("({NOBODY}: 0)")) {
            Some(Error::NoSuchStructField { expected, .. }) => wrong.help(format!("fields: {}", words::list(expected))),
            _ => wrong,
        }
    }

    /// A word, perhaps with values, is expected.
    fn not_a_word(&self) -> Diagnostic {
        match self.probe(NOBODY) {
            Some(Error::NoSuchEnumVariant { expected, outer, .. }) => {
                self.choice(expected, words::noun(outer.as_deref().unwrap_or("name")))
            }
            Some(Error::NoSuchStructField { expected, .. }) => self.fields_wanted(expected),
            _ => self.say("T08", format!("a word is expected, not {}", self.kind()), "not a word"),
        }
    }

    fn choice(&self, known: &[&str], (one, many): (&str, &str)) -> Diagnostic {
        if one == "distribution" && self.node.kind == Kind::Number {
            return quantities::no_duration(self.text, self.node);
        }
        let help = format!("{many}: {}", words::list(known));
        let inner = self.cst.plain(self.node);
        let name = inner.split('(').next().unwrap_or_default().trim();
        match self.node.kind {
            Kind::Text | Kind::Char => {
                // `"Serial"` and `"Threads(2)"` only need to lose their quotes.
                let inner = inner.trim().to_owned();
                let fits = known.contains(&name) && (name.len() < inner.len() || words::example(name).is_none());
                let right = match words::nearest(name, known) {
                    Some(_) if fits => inner,
                    Some(meant) => words::example(meant).unwrap_or(meant).to_owned(),
                    None => {
                        let title = format!("{} {one} is expected, not a text", words::article(one));
                        return self.say("T08", title, "not one of those below").help(help);
                    }
                };
                let title = format!("{} {one} has no quotes", words::article(one));
                let wrong = self.say("T08", title, format!("write {right}")).help(help);
                if fits { wrong.fix(self.node.span.clone(), right) } else { wrong }
            }
            Kind::Record => {
                let title = format!("the name of {} {one} is missing", words::article(one));
                let open = self.node.open.clone().unwrap_or_else(|| self.node.head(self.text));
                Diagnostic::error("T02", title, open, "write a name before this").help(help)
            }
            Kind::List if one == "step" => {
                let open = self.node.open.clone().unwrap_or_else(|| self.node.head(self.text));
                let nested = Diagnostic::error("T02", NESTED, open, "remove the inner brackets");
                self.node.close.iter().fold(nested, |nested, close| nested.label(close.clone(), "and this one"))
            }
            _ => self
                .say(
                    "T02",
                    format!("{} {one} is expected, not {}", words::article(one), self.kind()),
                    "not one of those below",
                )
                .help(help),
        }
    }

    /// What stands here, in words.
    fn kind(&self) -> String {
        match self.node.kind {
            Kind::Number => format!("`{}`", self.written()),
            Kind::Text => "a text".to_owned(),
            Kind::Char => "a character".to_owned(),
            Kind::Word => format!("`{}`", self.written()),
            Kind::Record => self.cst.name(self.node).map_or("a record".to_owned(), |name| format!("`{name}(..)`")),
            Kind::List => "a list".to_owned(),
            Kind::Map => "a map".to_owned(),
            Kind::Missing => "nothing".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
