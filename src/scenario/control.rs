//! Characters that act on a terminal or on the order of the text instead of being seen.

use std::borrow::Cow;

/// Whether a character is a control character, a line separator, or turns the direction of writing.
pub fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with each such character as Rust writes it: `\u{1b}`, `\n`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if acts(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_written_out_and_the_rest_stays() {
        assert_eq!(visible("a\u{1b}[2J\u{7}\n\u{202e}b"), "a\\u{1b}[2J\\u{7}\\n\\u{202e}b");
        assert_eq!(visible("größe 数 → µs"), "größe 数 → µs");
    }
}
