//! RON text on one line, the same for texts that mean the same.

/// The text without comments, line ends, blanks that mean nothing, and trailing commas.
pub fn one_line(text: &str) -> String {
    let mut line = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(length) = skipped(rest) {
            rest = &rest[length..];
            continue;
        }
        let length = match first {
            '"' => quoted(rest),
            'r' if rest.starts_with("r\"") || rest.starts_with("r#") => raw(rest),
            '\'' => character(rest),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        if matches!(token, ")" | "]" | "}") && line.ends_with(", ") {
            line.truncate(line.len() - 2);
        }
        line.push_str(token);
        if matches!(token, "," | ":") {
            line.push(' ');
        }
        rest = after;
    }
    line.truncate(line.trim_end_matches([' ', ',']).len());
    line
}

/// The length of a blank or comment.
fn skipped(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(block_comment(rest));
    }
    let first = rest.chars().next()?;
    first.is_whitespace().then_some(first.len_utf8())
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A raw string; one byte if it is a raw identifier.
fn raw(rest: &str) -> usize {
    let marks = rest[1..].chars().take_while(|c| *c == '#').count();
    if !rest[1 + marks..].starts_with('"') {
        return 1;
    }
    let end = format!("\"{}", "#".repeat(marks));
    let start = 2 + marks;
    rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
}

fn character(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1).take(4) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return at + 1,
            _ => {}
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn layout_means_nothing() {
        for (text, line) in [
            ("RoundRobin( \"10 ms\" )", "RoundRobin(\"10 ms\")"),
            ("[\n    Call(\"in place\"), // here\n]", "[Call(\"in place\")]"),
            ("Elapsed(is :\"1s\",at_most: \"2s\" ,)", "Elapsed(is: \"1s\", at_most: \"2s\")"),
            ("\"a // no comment \\\" /* */\"", "\"a // no comment \\\" /* */\""),
            ("/* a /* b */ c */ 1", "1"),
            ("r#\"a \" b\"#", "r#\"a \" b\"#"),
            ("'\\''", "'\\''"),
            ("", ""),
            ("\"open", "\"open"),
        ] {
            assert_eq!(one_line(text), line, "{text}");
        }
    }
}
