//! Scenarios that are a little smaller than one: candidates for the smallest that still shows something.

use std::ops::Range;

use super::diagnostic::Diagnostic;
use super::one_line::one_line;
use super::syntax::{Cst, Entry, Kind, Node, Trust, read};

/// The text with edits as `--set` makes them.
///
/// # Errors
/// The text or an edit is wrong.
pub fn edited(text: &str, sets: &[(String, String)]) -> Result<String, Vec<Diagnostic>> {
    super::compile::edited(text, sets)
}

/// Texts with something left out or made smaller, the largest parts first. Not all of them are scenarios.
pub fn candidates(text: &str) -> Vec<String> {
    let cst = read(text, Trust::Valid).cst;
    let mut cuts = Cuts { cst: &cst, whole: Vec::new(), parts: Vec::new(), numbers: Vec::new() };
    cuts.file(cst.root());
    let all = cuts.whole.into_iter().chain(cuts.parts).chain(cuts.numbers);
    all.map(|(span, with)| format!("{}{with}{}", &text[..span.start], &text[span.end..])).collect()
}

/// Sections that say what happens; what else stands in a file is left out if it makes no difference.
const SECTIONS: &[&str] = &["tasks", "models", "expect", "shared", "programs", "devices", "network"];

/// What to write instead of what.
struct Cuts<'c> {
    cst: &'c Cst,
    whole: Vec<(Range<usize>, String)>,
    parts: Vec<(Range<usize>, String)>,
    numbers: Vec<(Range<usize>, String)>,
}

impl Cuts<'_> {
    fn file(&mut self, root: &Node) {
        for entry in &root.entries {
            let name = entry.key.as_ref().map(|key| self.cst.plain(key).into_owned()).unwrap_or_default();
            if !SECTIONS.contains(&name.as_str()) {
                self.whole.push((entry.span.clone(), String::new()));
                continue;
            }
            let inner = &entry.value.entries;
            if inner.len() > 1 || !matches!(name.as_str(), "tasks" | "models" | "expect") {
                self.whole.extend(inner.iter().map(|entry| (entry.span.clone(), String::new())));
            }
            match name.as_str() {
                "tasks" => inner.iter().for_each(|task| self.task(&task.value)),
                "programs" => inner.iter().for_each(|program| self.steps(&program.value)),
                "models" => inner.iter().for_each(|model| self.shrink(&model.value)),
                _ => {}
            }
        }
    }

    fn task(&mut self, task: &Node) {
        for entry in &task.entries {
            match entry.key.as_ref().map(|key| self.cst.plain(key).into_owned()).as_deref() {
                Some("steps") => self.steps(&entry.value),
                _ => {
                    self.whole.push((entry.span.clone(), String::new()));
                    self.shrink(&entry.value);
                }
            }
        }
    }

    /// A list of steps: without each of them, and with what is inside of it instead of it.
    fn steps(&mut self, list: &Node) {
        for entry in &list.entries {
            self.parts.push((entry.span.clone(), String::new()));
        }
        for Entry { value, .. } in &list.entries {
            self.inside(value, value);
        }
    }

    /// The lists of steps in a step; `node` is the step or a part of it.
    fn inside(&mut self, step: &Node, node: &Node) {
        for Entry { value, .. } in &node.entries {
            match value.kind {
                Kind::List => {
                    let inner = match (value.entries.first(), value.entries.last()) {
                        (Some(first), Some(last)) => &self.cst.text()[first.span.start..last.value.span.end],
                        _ => "",
                    };
                    if !inner.is_empty() {
                        self.parts.push((step.span.clone(), inner.to_owned()));
                    }
                    self.steps(value);
                }
                Kind::Map => self.inside(step, value),
                _ => self.shrink(value),
            }
        }
    }

    /// Whole numbers above 1, made smaller.
    fn shrink(&mut self, node: &Node) {
        let number = self.cst.text()[node.span.clone()].parse::<u64>();
        if let (Kind::Number, Ok(number @ 2..)) = (node.kind, number) {
            let mut smaller = vec![1, number / 2, number - 1];
            smaller.dedup();
            self.numbers.extend(smaller.into_iter().map(|smaller| (node.span.clone(), smaller.to_string())));
        }
        if node.kind != Kind::Number {
            node.entries.iter().for_each(|entry| self.shrink(&entry.value));
        }
    }
}

/// Columns of a line.
const WIDTH: usize = 100;

/// The text in a plain layout, without comments.
pub fn laid_out(text: &str) -> String {
    let cst = read(text, Trust::Valid).cst;
    let mut out = String::new();
    lay_out(&cst, cst.root(), 0, true, &mut out);
    out.push('\n');
    out
}

fn lay_out(cst: &Cst, node: &Node, depth: usize, open: bool, out: &mut String) {
    let line = one_line(&cst.text()[node.span.clone()]);
    let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    let (Some(opening), Some(closing)) = (&node.open, &node.close) else { return out.push_str(&line) };
    if node.entries.is_empty() || !open && column + line.len() < WIDTH {
        return out.push_str(&line);
    }
    out.push_str(cst.name(node).unwrap_or_default());
    out.push_str(&cst.text()[opening.clone()]);
    out.push('\n');
    for entry in &node.entries {
        out.push_str(&"    ".repeat(depth + 1));
        if let Some(key) = &entry.key {
            out.push_str(&cst.text()[key.span.clone()]);
            out.push_str(": ");
        }
        lay_out(cst, &entry.value, depth + 1, false, out);
        out.push_str(",\n");
    }
    out.push_str(&"    ".repeat(depth));
    out.push_str(&cst.text()[closing.clone()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"(
        // What is left out is left out with its comma.
        title: "t",
        tasks: { "a": (count: 4, steps: [With("l", [Load("x"), Yield])]), "b": (steps: [Yield]) },
        models: [Threads(5)],
    )"#;

    #[test]
    fn something_is_left_out_or_made_smaller() {
        let all: Vec<String> = candidates(TEXT).iter().map(|text| one_line(text)).collect();
        for part in [
            r#"(tasks: {"a": (count: 4, "#,
            r#"tasks: {"b": (steps: [Yield])}"#,
            "(steps: [With(",
            "count: 2, ",
            "count: 3, ",
            "Threads(1)",
            r#"steps: [Load("x"), Yield]), "b""#,
            r#"With("l", [Yield])"#,
            r#"steps: []), "b""#,
        ] {
            assert!(all.iter().any(|text| text.contains(part)), "{part}: {all:#?}");
        }
        assert!(all.iter().all(|text| text.len() < one_line(TEXT).len()
            || text.contains("count: 3")
            || text.contains("Threads(")
            || text.contains("count: ")));
    }

    #[test]
    fn a_layout_means_the_same() {
        assert_eq!(one_line(&laid_out(TEXT)), one_line(TEXT));
        assert!(laid_out(TEXT).lines().count() > 3 && !laid_out(TEXT).contains("//"));
    }
}
