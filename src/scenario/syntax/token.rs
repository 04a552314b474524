//! Text to tokens.

use std::ops::Range;

use super::slips::{Slips, Sure};
use super::{Kind, Trust};
use crate::scenario::diagnostic::Diagnostic;

/// One token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub what: What,
    pub span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A word, number, text or character.
    Value(Kind),
    /// `(`, `[` or `{`.
    Open(char),
    /// `)`, `]` or `}`.
    Close(char),
    Colon,
    Comma,
    Equals,
    Semicolon,
    /// Anything else, in one piece.
    Other,
    /// The end of the text.
    End,
}

/// All tokens; the last is `End`. Comments are left out.
pub(super) fn tokens(text: &str, trust: Trust, slips: &mut Slips) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, guessing: trust == Trust::Suspect, slips };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let what = lexer.token();
        debug_assert!(what == What::End || lexer.at > start, "every token takes some text");
        tokens.push(Token { what, span: start..lexer.at });
        if what == What::End {
            return tokens;
        }
    }
}

struct Lexer<'a, 's> {
    text: &'a str,
    at: usize,
    guessing: bool,
    slips: &'s mut Slips,
}

impl<'a> Lexer<'a, '_> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take_while(&mut self, test: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !test(c)).unwrap_or(rest.len());
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(is_blank);
            let rest = self.rest();
            if rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if rest.starts_with("/*") {
                self.block_comment();
            } else if rest.starts_with("#!") && self.text[..self.at].chars().all(is_blank) {
                // An attribute of the file, such as `#![enable(implicit_some)]`.
                self.take_while(|c| c != '\n' && c != ']');
                self.at += usize::from(self.rest().starts_with(']'));
            } else if rest.starts_with('#') && self.guessing {
                self.hash_comment();
            } else {
                return;
            }
        }
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut level = 0;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                level += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                level -= 1;
                self.at += 2;
                if level == 0 {
                    return;
                }
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
            } else {
                let open = start..start + 2;
                let comment = Diagnostic::error("S03", "comment is never closed", open, "this comment has no `*/`");
                self.slips.lost(start, comment.help("`//` makes a comment to the end of its line"));
                return;
            }
        }
    }

    fn hash_comment(&mut self) {
        let start = self.at;
        self.take_while(|c| c != '\n');
        let sign = start..start + 1;
        let comment = Diagnostic::error("S04", "a comment starts with `//`", sign.clone(), "write `//`");
        self.slips.report(Sure::Yes, comment.fix(sign, "//"));
        self.slips.patch(start..self.at, "");
    }

    fn token(&mut self) -> What {
        let Some(c) = self.peek() else { return What::End };
        let what = match c {
            '(' | '[' | '{' => What::Open(c),
            ')' | ']' | '}' => What::Close(c),
            ':' => What::Colon,
            ',' => What::Comma,
            '=' => What::Equals,
            ';' => What::Semicolon,
            _ => return self.long_token(c),
        };
        self.at += 1;
        what
    }

    fn long_token(&mut self, first: char) -> What {
        match first {
            '"' => self.text_token(),
            '\'' => self.char_token(),
            '`' | '“' | '”' | '„' | '‘' | '’' | '«' => self.odd_quotes(first),
            _ if raw_or_byte_text(self.rest()) => self.raw_text(),
            _ if first.is_ascii_digit() || self.starts_signed_number() => self.number(),
            _ if first.is_alphabetic() || first == '_' => self.word(),
            _ => {
                self.at += first.len_utf8();
                self.take_while(|c| !is_blank(c) && !is_word(c) && !"()[]{}:,=;\"'#/".contains(c));
                What::Other
            }
        }
    }

    fn starts_signed_number(&self) -> bool {
        let rest = self.rest();
        let unsigned = rest.trim_start_matches(['+', '-']);
        rest.len() - unsigned.len() <= 1
            && (unsigned.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit())
                || rest.len() > unsigned.len() && (unsigned.starts_with("inf") || unsigned.starts_with("NaN")))
            && !unsigned.starts_with("..")
    }

    fn word(&mut self) -> What {
        if self.rest().starts_with("r#") {
            self.at += 2;
            self.take_while(|c| c.is_alphanumeric() || "_.+-".contains(c));
            return What::Value(Kind::Word);
        }
        let start = self.at;
        self.take_while(is_word);
        if self.guessing && self.rest().strip_prefix('-').is_some_and(|rest| rest.starts_with(char::is_alphabetic)) {
            self.hyphenated(start);
        }
        What::Value(Kind::Word)
    }

    fn hyphenated(&mut self, start: usize) {
        self.take_while(|c| is_word(c) || c == '-');
        let name = self.text[start..self.at].replace('-', "_");
        let wrong = Diagnostic::error("S20", "a name has `_`, not `-`", start..self.at, format!("write `{name}`"));
        self.slips.report(Sure::Yes, wrong.fix(start..self.at, name));
        for (offset, _) in self.text[start..self.at].match_indices('-') {
            self.slips.patch(start + offset..start + offset + 1, "_");
        }
    }

    fn number(&mut self) -> What {
        let start = self.at;
        self.digits();
        // A range: valid RON, although the language has no use for it.
        if self.rest().starts_with("..") {
            self.at += if self.rest().starts_with("..=") { 3 } else { 2 };
            self.digits();
        }
        if self.guessing {
            self.unquoted_quantity(start);
        }
        What::Value(Kind::Number)
    }

    fn digits(&mut self) {
        self.at += usize::from(self.rest().starts_with(['+', '-']));
        loop {
            let before = self.at;
            self.take_while(is_word);
            let exponent = self.text[..self.at].ends_with(['e', 'E']);
            if self.rest().starts_with('.') && !self.rest().starts_with("..")
                || exponent && self.rest().starts_with(['+', '-'])
            {
                self.at += 1;
            }
            if self.at == before {
                return;
            }
        }
    }

    /// `5ms`, `5 ms`, `200/s`, `20MB/s`, `50%`.
    fn unquoted_quantity(&mut self, start: usize) {
        let unit = self.rest().trim_start_matches([' ', '\t']);
        let word = &unit[..unit.find(|c: char| !c.is_alphanumeric()).unwrap_or(unit.len())];
        if ["ns", "us", "µs", "ms", "s", "min", "h", "sec"].contains(&word) {
            self.at = self.text.len() - unit.len() + word.len();
        }
        if let Some(per) = self.rest().strip_prefix('/').filter(|per| per.starts_with(char::is_alphabetic)) {
            self.at = self.text.len() - per.len();
            self.take_while(char::is_alphanumeric);
        }
        let written = &self.text[start..self.at];
        if self.rest().starts_with('%') {
            self.at += 1;
            let share =
                Diagnostic::error("S06", "a share is a number from 0 to 1", start..self.at, "write it as a fraction");
            self.slips.report(Sure::Yes, share.help(format!("{written} percent is {written} divided by 100")));
        } else if ron::from_str::<ron::Value>(written).is_err() {
            let span = start..self.at;
            let title = "a quantity with a unit is written in quotes";
            let quantity = Diagnostic::error("S06", title, span.clone(), format!("write \"{written}\""));
            self.slips.report(Sure::Yes, quantity.fix(span, format!("\"{written}\"")));
        }
    }

    fn text_token(&mut self) -> What {
        let start = self.at;
        match closing_quote(&self.rest()[1..]) {
            Some(length) if !self.guessing || closes(&self.rest()[1..], length) => self.at += length + 2,
            _ if self.guessing => self.unclosed_text(start),
            _ => self.at = self.text.len(),
        }
        What::Value(Kind::Text)
    }

    /// A text of which the closing quote is not on its line: it stops before the next comma or closing bracket.
    fn unclosed_text(&mut self, start: usize) {
        self.at += 1;
        self.take_while(|c| !",)]}\r\n".contains(c));
        self.at = start + self.text[start..self.at].trim_end().len();
        let span = start..self.at;
        let title = "text is never closed";
        let text = Diagnostic::error("S02", title, span, "this text has no closing `\"`");
        let help =
            "add `\"` at the end of the text; a text over several lines stays as it is once everything else is right";
        self.slips.lost(self.at, text.help(help).fix(self.at..self.at, "\""));
    }

    fn raw_text(&mut self) -> What {
        let start = self.at;
        self.take_while(|c| c == 'b' || c == 'r');
        let raw = self.text[start..self.at].contains('r');
        if !raw {
            return if self.rest().starts_with('"') { self.text_token() } else { self.char_token() };
        }
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        let end = format!("\"{}", "#".repeat(hashes));
        let body = &self.rest()[hashes + 1..];
        match body.find(&end) {
            Some(length) => self.at += hashes + 1 + length + end.len(),
            None => {
                self.at = self.text.len();
                let open = start..start + 2;
                let text = Diagnostic::error("S02", "text is never closed", open, format!("it ends with `{end}`"));
                self.slips.lost(start, text);
            }
        }
        What::Value(Kind::Text)
    }

    /// `'c'`, or a text as Python writes it.
    fn char_token(&mut self) -> What {
        let start = self.at;
        let body = &self.rest()[1..];
        let inner = char_length(body);
        if body[inner..].starts_with('\'') {
            self.at += inner + 2;
            return What::Value(Kind::Char);
        }
        if self.guessing {
            return self.quoted(start, '\'', '\'');
        }
        self.at += 1;
        What::Other
    }

    fn odd_quotes(&mut self, open: char) -> What {
        let close = match open {
            '“' | '„' => '”',
            '‘' => '’',
            '«' => '»',
            other => other,
        };
        self.quoted(self.at, open, close)
    }

    /// A text in wrong quotes, to the closing one on the same line.
    fn quoted(&mut self, start: usize, open: char, close: char) -> What {
        let body = &self.text[start + open.len_utf8()..];
        let line = &body[..body.find('\n').unwrap_or(body.len())];
        let Some(length) = line.find([close, '“']) else {
            self.at = start + open.len_utf8();
            self.take_while(|c| !",)]}\r\n".contains(c));
            let span = start..self.at;
            let text = Diagnostic::error("S05", "text is written in `\"`", span, "these quotes do not open a text");
            self.slips.lost(self.at, text);
            return What::Value(Kind::Text);
        };
        let inner = &line[..length];
        let end = line[length..].chars().next().map_or(1, char::len_utf8);
        self.at = start + open.len_utf8() + length + end;
        let right = format!("\"{}\"", inner.replace('\\', "\\\\").replace('"', "\\\""));
        let span = start..self.at;
        let wrong = Diagnostic::error("S05", "text is written in `\"`", span.clone(), format!("write {right}"));
        self.slips.report(Sure::Yes, wrong.fix(span, right));
        if open == '\'' && !inner.contains(['"', '\\']) {
            self.slips.patch(start..start + 1, "\"");
            self.slips.patch(self.at - 1..self.at, "\"");
        }
        What::Value(Kind::Text)
    }
}

/// The blanks of RON: Unicode's `Pattern_White_Space`.
fn is_blank(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{85}' | '\u{200E}' | '\u{200F}' | '\u{2028}' | '\u{2029}')
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// `r"`, `r#"`, `br"`, `b"`, `b'`.
fn raw_or_byte_text(rest: &str) -> bool {
    let after = rest.strip_prefix('b').unwrap_or(rest);
    if after.len() < rest.len() && after.starts_with(['"', '\'']) {
        return true;
    }
    after.strip_prefix('r').is_some_and(|raw| raw.trim_start_matches('#').starts_with('"'))
}

/// Bytes before the first quote that no backslash precedes.
fn closing_quote(body: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether the quote after so many bytes closes the text. If a word follows, or it stands on a later line and nothing that
/// may follow a text does, it rather opens the next text.
fn closes(body: &str, length: usize) -> bool {
    let after = &body[length + 1..];
    let end = after.trim_start_matches([' ', '\t']);
    !after.starts_with(is_word) && (!body[..length].contains('\n') || end.starts_with([',', ')', ']', '}', ':']))
}

/// Bytes of the character, or of the escape, at the start of what stands between `'` and `'`.
fn char_length(body: &str) -> usize {
    let mut chars = body.chars();
    match chars.next() {
        Some('\\') => {
            let line = &body[..body.find('\n').unwrap_or(body.len())];
            let from = 1 + chars.next().map_or(0, char::len_utf8);
            from.min(line.len()) + line.get(from..).and_then(|rest| rest.find('\'')).unwrap_or(0)
        }
        Some(c) => c.len_utf8(),
        None => 0,
    }
}
