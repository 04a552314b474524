//! Numbers that are not whole, negative, too large, or in quotes: and which there can be.

use ron::error::Error;

use super::Asking;
use crate::scenario::check::range;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::syntax::Kind;

/// The numbers of the types of whole numbers.
const TYPES: &[(i128, i128)] = &[
    (i8::MIN as i128, i8::MAX as i128),
    (0, u8::MAX as i128),
    (i32::MIN as i128, i32::MAX as i128),
    (0, u32::MAX as i128),
    (i64::MIN as i128, i64::MAX as i128),
    (0, u64::MAX as i128),
];

impl Asking<'_> {
    pub(super) fn not_whole(&self) -> Diagnostic {
        if let Some(order) = self.wrong_order() {
            return order;
        }
        let quoted = self.quoted_number(|inner| inner.parse::<i64>().is_ok());
        quoted.unwrap_or_else(|| {
            let label = self.range().map_or("not a whole number".to_owned(), |(least, most)| {
                format!("a whole number from {least} to {most}")
            });
            self.say("T06", format!("a whole number is expected, not {}", self.kind()), label)
        })
    }

    pub(super) fn not_a_number(&self) -> Diagnostic {
        let quoted = self.quoted_number(|inner| inner.parse::<f64>().is_ok());
        quoted.unwrap_or_else(|| self.say("T06", format!("a number is expected, not {}", self.kind()), "not a number"))
    }

    /// `"3"` for `3`.
    fn quoted_number(&self, is_number: impl Fn(&str) -> bool) -> Option<Diagnostic> {
        let inner = self.cst.plain(self.node);
        (self.node.kind == Kind::Text && is_number(inner.trim())).then(|| {
            let number = inner.trim().to_owned();
            self.say("T05", "a number has no quotes", format!("write {number}")).fix(self.node.span.clone(), number)
        })
    }

    pub(super) fn out_of_bounds(&self) -> Diagnostic {
        let range = self.range();
        let title = match (self.written().starts_with('-'), range) {
            (true, Some((..0, _))) => "this number is too small",
            (true, _) => "this number cannot be negative",
            (false, _) => "this number is too large",
        };
        let negative = self.written().starts_with('-');
        let label = match range {
            None => "out of range".to_owned(),
            // Nobody means the largest number of a type.
            Some((least, most)) if negative && self.cst.key_of(self.node).is_none() && most == i128::from(u32::MAX) => {
                format!("{least} or more")
            }
            Some((least, most)) => format!("{least} to {most}"),
        };
        self.say("T06", title, label)
    }

    /// The least and the greatest number that can stand here: of the language where it says so, else of the type.
    fn range(&self) -> Option<(i128, i128)> {
        let record = || self.cst.record_around(self.at).and_then(|record| self.cst.name(record)).map(str::to_owned);
        let of = match self.cst.key_of(self.node) {
            Some(key) => Some(self.cst.plain(key).into_owned()),
            None => record(),
        };
        of.and_then(|of| range(&of)).or_else(|| {
            let beyond = |number: i128| self.probe(&number.to_string()).is_some_and(out);
            TYPES
                .iter()
                .copied()
                .find(|(least, most)| !beyond(*least) && !beyond(*most) && beyond(least - 1) && beyond(most + 1))
        })
    }
}

/// Whether ron says that a number does not fit its type.
fn out(code: Error) -> bool {
    matches!(code, Error::IntegerOutOfBounds | Error::ExpectedInteger | Error::InvalidIntegerDigit { .. })
}
