//! Lists, maps and records in each other's brackets, or in the wrong order.

use super::{Asking, words};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::syntax::Kind;

impl Asking<'_> {
    /// `Repeat([..], 3)`.
    pub(super) fn wrong_order(&self) -> Option<Diagnostic> {
        let record = self.cst.record_around(self.at).filter(|_| self.node.kind == Kind::List)?;
        let name = self.cst.name(record)?;
        let example = words::example(name).filter(|example| example.contains("[..]"))?;
        let open = self.node.open.clone().unwrap_or_else(|| self.node.head(self.text));
        let title = format!("`{name}` takes its list last");
        Some(Diagnostic::error("T06", title, open, format!("the order is {example}")))
    }

    pub(super) fn wrong_brackets(&self, wanted: &str, open: char) -> Diagnostic {
        let close = if open == '[' { ']' } else { '}' };
        let title = format!("{wanted} is expected, not {}: it stands in `{open} {close}`", self.kind());
        match (self.node.kind, &self.node.open, &self.node.close) {
            (Kind::Record | Kind::List | Kind::Map, Some(from), Some(to)) if self.node.name.is_none() => {
                let wrong = Diagnostic::error("T07", title, from.clone(), format!("use `{open}`"));
                let wrong = wrong.label(to.clone(), format!("and `{close}`"));
                match (open, self.pair()) {
                    ('{', Some((map, name))) => {
                        wrong.help(format!("`{map}` is a map: write {map}: {{ {name}: (..), .. }}"))
                    }
                    ('{', None) => wrong.help("every entry is `\"name\": value`"),
                    _ => wrong,
                }
            }
            _ if open == '[' => {
                let right = format!("[{}]", self.written());
                self.say("T07", title, "write `[` and `]` around it").fix(self.node.span.clone(), right)
            }
            _ => self.say("T07", title, "every entry is `\"name\": value`"),
        }
    }

    /// `tasks: [("a", ..)]`: the key of the list, and the first name in it.
    fn pair(&self) -> Option<(String, &str)> {
        let first = &self.node.entries.first()?.value;
        let name = &first.entries.first().filter(|_| first.kind == Kind::Record)?.value;
        let key = self.cst.key_of(self.node).filter(|_| name.kind == Kind::Text)?;
        Some((self.cst.plain(key).into_owned(), &self.text[name.span.clone()]))
    }

    pub(super) fn not_a_record(&self, rust_type: &str) -> Diagnostic {
        let (one, _) = words::noun(rust_type);
        let title = format!("{} {one} is a record: it takes `( )`", words::article(one));
        let wrong = match (self.node.kind, &self.node.open, &self.node.close) {
            (Kind::Map | Kind::List, Some(from), Some(to)) => {
                Diagnostic::error("T07", title, from.clone(), "use `(`").label(to.clone(), "and `)`")
            }
            _ => self.say("T07", title, "write `(field: value, ..)`"),
        };
        self.with_fields(wrong)
    }
}
