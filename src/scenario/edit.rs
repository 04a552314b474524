//! Puts a value at a path of a scenario's text: what `--set` and sweeps do. Comments and layout stay.

use std::fmt;
use std::ops::Range;

use ron::error::Error;
use ron::value::RawValue;

use crate::scenario::path::{Path, Segment};
use crate::scenario::syntax::{Cst, Kind, Node};
use crate::scenario::{types, words};

/// A changed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// All of it.
    pub text: String,
    /// Where in it the new value stands.
    pub span: Range<usize>,
}

/// A path that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetError {
    /// The first segment that nothing has, counted from 0.
    pub segment: usize,
    /// The bytes of that segment in the path as it prints.
    pub at: Range<usize>,
    /// What is wrong, in one line.
    pub title: String,
    /// The name that was probably meant.
    pub nearest: Option<String>,
    /// The names there are.
    pub known: Vec<String>,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(nearest) = &self.nearest {
            write!(f, ": did you mean `{nearest}`?")?;
        }
        if !self.known.is_empty() {
            write!(f, " (known: {})", self.known.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for SetError {}

/// The text with `value` at `path`. See [`set_at`].
///
/// # Errors
/// The path leads nowhere.
pub fn set(text: &str, cst: &Cst, path: &Path, value: &str) -> Result<String, SetError> {
    set_at(text, cst, path, value).map(|edited| edited.text)
}

/// The text with `value` at `path`; a field that the file leaves out is inserted. A value that fits only with quotes
/// around it gets them: `5s` for a duration. Whether it fits at all is for `load` to say. `cst` is the tree of `text`,
/// which has no errors.
///
/// # Errors
/// The path leads nowhere.
pub fn set_at(text: &str, cst: &Cst, path: &Path, value: &str) -> Result<Edited, SetError> {
    let slot = slot(text, cst, path)?;
    let quoted = slot.fill(&format!("{value:?}"));
    let Ok(raw) = RawValue::from_ron(value) else {
        return Ok(quoted);
    };
    let plain = slot.fill(raw.trim().get_ron());
    let fits = |edited: &Edited| types::parse(&edited.text).is_ok();
    Ok(if !fits(&plain) && fits(&quoted) { quoted } else { plain })
}

/// A place for a value, and what must stand around it.
struct Slot<'a> {
    text: &'a str,
    span: Range<usize>,
    before: String,
    after: String,
}

impl Slot<'_> {
    fn fill(&self, value: &str) -> Edited {
        let head = format!("{}{}", &self.text[..self.span.start], self.before);
        let span = head.len()..head.len() + value.len();
        Edited { text: format!("{head}{value}{}{}", self.after, &self.text[self.span.end..]), span }
    }

    /// What ron says about this value here; `None` if it says nothing, or something about another place.
    fn probe(&self, value: &str) -> Option<Error> {
        let edited = self.fill(value);
        let wrong = types::parse(&edited.text).err()?;
        let near = self.span.start..=edited.span.end;
        near.contains(&wrong.range.start).then_some(wrong.code)
    }

    /// The fields of the record that may stand here.
    fn fields(&self, name: &str) -> &'static [&'static str] {
        match self.probe(&format!("{name}({}: 0)", types::NOBODY)) {
            Some(Error::NoSuchStructField { expected, .. }) => expected,
            _ => &[],
        }
    }

    /// Goes one field down; the known fields if there is none of this name.
    fn descend(&mut self, field: &str) -> Result<(), Vec<&'static str>> {
        let names = match self.probe(types::NOBODY) {
            Some(Error::NoSuchEnumVariant { expected, .. }) => expected,
            _ => &[""],
        };
        let mut known = Vec::new();
        for name in names {
            let fields = self.fields(name);
            if fields.contains(&field) {
                self.before += &format!("{name}({field}: ");
                self.after.insert(0, ')');
                return Ok(());
            }
            known.extend_from_slice(fields);
        }
        Err(known)
    }
}

fn slot<'a>(text: &'a str, cst: &Cst, path: &Path) -> Result<Slot<'a>, SetError> {
    let (node, _, depth) = cst.walk(path);
    let Some((first, rest)) = path.0[depth..].split_first() else {
        return Ok(Slot { text, span: node.span.clone(), before: String::new(), after: String::new() });
    };
    let Segment::Name(name) = first else {
        return Err(nothing(path, depth, &[]));
    };
    let after_open = node.open.as_ref().filter(|_| node.kind == Kind::Record).map(|open| open.end);
    let Some(at) = after_open else {
        return Err(nothing(path, depth, &keys(cst, node)));
    };
    let after = if node.entries.is_empty() { String::new() } else { ", ".to_owned() };
    let mut slot = Slot { text, span: at..at, before: String::new(), after };
    let known = match slot.probe(&format!("{}: 0", types::NOBODY)) {
        Some(Error::NoSuchStructField { expected, .. }) => expected,
        _ => &[],
    };
    if !known.contains(&name.as_str()) {
        return Err(nothing(path, depth, known));
    }
    slot.before = format!("{name}: ");
    for (further, segment) in rest.iter().enumerate() {
        let found = match segment {
            Segment::Name(name) => slot.descend(name),
            Segment::Index(_) => Err(Vec::new()),
        };
        found.map_err(|known| nothing(path, depth + 1 + further, &known))?;
    }
    Ok(slot)
}

/// The names of the entries.
fn keys<'a>(cst: &'a Cst, node: &'a Node) -> Vec<&'a str> {
    let keys = node.entries.iter().filter_map(|entry| entry.key.as_ref());
    keys.map(|key| cst.text()[key.span.clone()].trim_matches('"')).collect()
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// `models[0][0]` for `models.0.0`.
fn bracketed(path: &Path) -> Path {
    let segment = |segment: &Segment| match segment {
        Segment::Name(name) if is_number(name) => name.parse().map_or_else(|_| segment.clone(), Segment::Index),
        other => other.clone(),
    };
    Path(path.0.iter().map(segment).collect())
}

fn nothing(path: &Path, segment: usize, known: &[&str]) -> SetError {
    let printed = |length: usize| Path(path.0[..length].to_vec()).to_string();
    let start = printed(segment).len();
    let end = printed(segment + 1).len();
    let dotted = path.to_string()[start..].starts_with('.');
    let holder = if segment == 0 { "the scenario".to_owned() } else { format!("`{}`", printed(segment)) };
    let (title, nearest) = match &path.0[segment] {
        Segment::Index(index) => (format!("{holder} has no element {index}"), None),
        Segment::Name(name) if segment > 0 && is_number(name) => {
            let title =
                format!("{holder} has no `{name}`: elements are counted in brackets, as in {}", bracketed(path));
            (title, None)
        }
        Segment::Name(name) => (format!("{holder} has no `{name}`"), words::nearest(name, known).map(str::to_owned)),
    };
    let known = known.iter().map(|&name| name.to_owned()).collect();
    SetError { segment, at: start + usize::from(dotted)..end, title, nearest, known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::load::load;

    const TEXT: &str = "(\n    devices: { \"disk\": (latency: \"5ms\") }, // slow\n    tasks: { \"a b\": (count: Some(2), steps: [Cpu(\"1ms\")]) },\n    models: [Serial, Threads(2)],\n)\n";

    fn change(path: &str, value: &str) -> Result<String, String> {
        let loaded = load(TEXT);
        assert_eq!(loaded.diagnostics, []);
        let edited =
            set_at(TEXT, &loaded.cst, &Path::parse(path).unwrap(), value).map_err(|error| error.to_string())?;
        assert_eq!(load(&edited.text).diagnostics, [], "{}", edited.text);
        let common = edited.text.bytes().zip(TEXT.bytes()).take_while(|(new, old)| new == old).count();
        let tail = edited.text.bytes().rev().zip(TEXT.bytes().rev()).take_while(|(new, old)| new == old).count();
        let end = (edited.text.len() - tail).max(common);
        assert!(edited.text[..end].len() >= edited.span.start, "the span is that of the value");
        Ok(edited.text[common..end].to_owned())
    }

    #[test]
    fn values_are_replaced_and_fields_inserted() {
        for (path, value, inserted) in [
            ("models[1][0]", "8", "8"),
            ("tasks.a b.count", "3", "3"),
            ("devices.disk.latency", "9ms", "9"),
            ("devices.disk.latency", "Exp(\"2ms\")", "Exp(\"2ms\")"),
            ("devices.disk.slots", "4", "slots: 4, "),
            ("machine.cores", "8 /* many */", "machine: (cores: 8), "),
            ("machine.costs", "Zero", "machine: (costs: Zero), "),
            ("machine.costs.syscall", "2us", "machine: (costs: Set(syscall: \"2us\")), "),
            ("interpreter.switch_interval", "1ms", "interpreter: CPython(switch_interval: \"1ms\"), "),
            ("until", "5s", "until: \"5s\", "),
            ("title", "A \"title\"", "title: \"A \\\"title\\\"\", "),
            ("tasks.a b.steps[0][0]", "7us", "7u"),
        ] {
            assert_eq!(change(path, value).as_deref(), Ok(inserted), "{path} = {value}");
        }
    }

    #[test]
    fn a_path_to_nothing_says_where_it_ends() {
        for (path, at, nearest) in [
            ("machine.corse", 8..13, Some("cores")),
            ("machin.cores", 0..6, Some("machine")),
            ("interpreter.switch_intervall", 12..28, Some("switch_interval")),
            ("devices.dsik.slots", 8..12, Some("disk")),
            ("models[2]", 6..9, None),
            ("models[0].x", 10..11, None),
            ("tasks.a b.steps[0][1]", 18..21, None),
            ("machine.cores.x", 14..15, None),
        ] {
            let error = slot(TEXT, &load(TEXT).cst, &Path::parse(path).unwrap()).map(|_| ()).unwrap_err();
            assert_eq!((error.at, error.nearest.as_deref()), (at, nearest), "{path}");
        }
    }

    #[test]
    fn a_value_cannot_smuggle_in_fields() {
        let loaded = load(TEXT);
        let text = set(TEXT, &loaded.cst, &Path::parse("machine.cores").unwrap(), "1, costs: Zero").unwrap();
        assert!(load(&text).diagnostics.iter().any(|wrong| wrong.code.starts_with('T')), "{text}");
    }
}
