//! Records and variants: what is missing in them, too much, without its name, with one, or in the wrong place.

use super::{Asking, words};
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::syntax::Kind;

impl Asking<'_> {
    pub(super) fn missing(&self, field: &str, outer: Option<&str>) -> Diagnostic {
        let record = self.cst.opened_at(self.at).unwrap_or(self.node);
        let key = self.cst.key_of(record);
        let what = match (key, self.cst.name(record)) {
            (_, Some(name)) => format!("`{name}`"),
            (Some(key), None) => format!("`{}`", self.cst.plain(key)),
            (None, None) => format!("the {}", words::noun(outer.unwrap_or("scenario")).0),
        };
        let name = record.name.clone().or_else(|| key.map(|key| key.span.clone()));
        let span = name.or_else(|| record.open.clone()).unwrap_or_else(|| record.head(self.text));
        let missing =
            Diagnostic::error("T03", format!("{what} has no `{field}`"), span, format!("needs `{field}: ..`"));
        let example = self.cst.name(record).and_then(words::example).or(match field {
            "steps" => Some("steps: [Cpu(\"5ms\")]"),
            "tasks" => Some("tasks: { \"job\": (steps: [Cpu(\"5ms\")]) }"),
            "latency" => Some("latency: \"5ms\""),
            _ => None,
        });
        example.into_iter().fold(missing, |missing, example| missing.help(format!("for example {example}")))
    }

    /// A variant of which values are missing.
    pub(super) fn too_few(&self) -> Diagnostic {
        let name = self.cst.name(self.node).unwrap_or("this").to_owned();
        let example = words::example(&name);
        let empty = format!("{name}()");
        if self.node.kind == Kind::Word && self.fits(self.node.span.clone(), &empty) {
            let title = format!("`{name}` is written with brackets, since it can have fields");
            return self.say("T04", title, format!("write {empty}")).fix(self.node.span.clone(), empty);
        }
        let found = self.node.entries.len();
        let title = match found {
            0 => format!("`{name}` needs values or fields"),
            1 => format!("`{name}` takes more than 1 value"),
            _ => format!("`{name}` takes more than {found} values"),
        };
        self.say("T04", title, example.map_or("a value is missing".to_owned(), |example| format!("write {example}")))
    }

    /// A variant with more values than it takes.
    pub(super) fn too_many(&self) -> Diagnostic {
        let record = self.cst.record_around(self.at).unwrap_or(self.node);
        let name = self.cst.name(record).unwrap_or("this").to_owned();
        let takes = record.entries.iter().filter(|entry| entry.value.span.start < self.at).count();
        let span = if takes == 0 { record.head(self.text) } else { self.node.head(self.text) };
        let title = match takes {
            0 => format!("`{name}` takes no values"),
            1 => format!("`{name}` takes 1 value"),
            _ => format!("`{name}` takes {takes} values"),
        };
        let many = Diagnostic::error(
            "T04",
            title,
            span,
            if takes == 0 { format!("write {name}") } else { "one too many".into() },
        );
        match (takes, words::example(&name)) {
            (0, _) => words::instead(&name).into_iter().fold(many.fix(record.span.clone(), name), Diagnostic::help),
            (_, Some(example)) => many.help(format!("for example {example}")),
            _ => many,
        }
    }

    pub(super) fn is_field_name(&self) -> bool {
        self.node.kind == Kind::Word && self.cst.is_key(self.node)
    }

    /// `Threads(n: 4)`.
    pub(super) fn no_fields(&self) -> Diagnostic {
        let record = self.cst.record_around(self.at).unwrap_or(self.node);
        let name = self.cst.name(record).unwrap_or("this");
        let fields = self.say("T04", format!("`{name}` takes its values without names"), "not a value");
        words::usage(name).into_iter().fold(fields, |fields, usage| fields.help(format!("it is written {usage}")))
    }

    /// `Hybrid(4, Asyncio)`.
    pub(super) fn fields_wanted(&self, fields: &[&str]) -> Diagnostic {
        let record = self.cst.record_around(self.at).unwrap_or(self.node);
        let name = self.cst.name(record).unwrap_or("this");
        let given = |field: &&&str| {
            record.entries.iter().filter_map(|entry| entry.key.as_ref()).any(|key| self.cst.plain(key) == **field)
        };
        let named = |field: &&str| format!("{field}: {}", self.written());
        let fits = |field: &&&str| !given(field) && self.fits(self.node.span.clone(), &named(field));
        let fitting: Vec<&&str> = fields.iter().filter(fits).collect();
        let nameless = self.cst.name(record).is_none();
        let title = match nameless {
            true => "these values have names".to_owned(),
            false => format!("the values of `{name}` have names"),
        };
        let example = match words::example(name) {
            Some(example) => format!("; for example {example}"),
            None if nameless => {
                let all: Vec<String> = fields.iter().map(|field| format!("{field}: ..")).collect();
                format!("; it is written ({})", all.join(", "))
            }
            None => String::new(),
        };
        let help = format!("fields: {}{example}", words::list(fields));
        match fitting[..] {
            [field] => {
                let right = named(field);
                let wrong = self.say("T04", title, format!("write {right}")).help(help);
                wrong.fix(self.node.span.clone(), right)
            }
            _ => self.say("T04", title, "which field is this?").help(help),
        }
    }

    /// `RoundRobin("4ms", Inherited)`: a value that belongs in another place of the same brackets. `known` is what can stand
    /// where it stands.
    pub(super) fn other_place(&self, found: &str, known: &[&str]) -> Option<Diagnostic> {
        const PLACES: [&str; 4] = ["first", "second", "third", "fourth"];
        let record = self.cst.record_around(self.at)?;
        let (name, open, close) = (self.cst.name(record)?, record.open.as_ref()?, record.close.as_ref()?);
        let place = record.entries.iter().position(|entry| entry.value.span.contains(&self.at))?;
        if record.entries.iter().any(|entry| entry.key.is_some()) {
            return None;
        }
        let values: Vec<&str> = record.entries.iter().map(|entry| &self.text[entry.value.span.clone()]).collect();
        let swaps = (0..values.len()).filter(|other| *other != place).map(|other| {
            let mut swapped = values.clone();
            swapped.swap(place, other);
            (other, swapped)
        });
        // What is left out before it has a default, which is the first of those that can stand there.
        let inserted = known.first().filter(|_| place + 1 == values.len()).map(|default| {
            let mut inserted = values.clone();
            inserted.insert(place, default);
            (place + 1, inserted)
        });
        let mut right = swaps.chain(inserted).map(|(other, values)| (other, values.join(", ")));
        let inside = open.end..close.start;
        let (other, right) = right.find(|(_, right)| self.fits(inside.clone(), right))?;
        let (there, here) = (PLACES.get(other)?, PLACES.get(place)?);
        let title = format!("`{found}` is no {here} value of `{name}`, but a {there}");
        let wrong = self.say("T02", title, format!("write {name}({right})"));
        Some(wrong.help(format!("the {here} is one of {}", words::list(known))).fix(inside, right))
    }
}
