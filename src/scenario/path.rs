//! Where something stands in a scenario: `tasks.fib.steps[2][0]`.

use std::fmt;

/// A place in a scenario, from the top: names of fields and map entries, numbers of list elements and of positional
/// values. The value of `Threads(2)` in `models: [Serial, Threads(2)]` stands at `models[1][0]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Segment>);

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// A field or the key of a map entry.
    Name(String),
    /// An element of a list, a positional value, or an entry of a map without text keys, counted from 0.
    Index(usize),
}

impl Path {
    /// The whole scenario.
    pub fn root() -> Path {
        Path::default()
    }

    /// The field or entry `name` of what stands here.
    #[must_use]
    pub fn name(&self, name: &str) -> Path {
        self.with(Segment::Name(name.to_owned()))
    }

    /// The element `index` of what stands here.
    #[must_use]
    pub fn index(&self, index: usize) -> Path {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Path {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }

    /// Reads `machine.cores`, `hosts["example.com"].rtt`, `models[1][0]`.
    ///
    /// # Errors
    /// The byte at which the text stops being a path.
    pub fn parse(text: &str) -> Result<Path, usize> {
        let mut path = Path::root();
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            if let Some(quoted) = rest.strip_prefix("[\"") {
                let end = quoted.find("\"]").ok_or(at)?;
                path = path.name(&quoted[..end]);
                at += end + 4;
            } else if let Some(number) = rest.strip_prefix('[') {
                let end = number.find(']').ok_or(at)?;
                path = path.index(number[..end].parse().map_err(|_| at + 1)?);
                at += end + 2;
            } else {
                let start = match rest.strip_prefix('.') {
                    Some(_) if at > 0 => at + 1,
                    Some(_) => return Err(at),
                    None if at == 0 => 0,
                    None => return Err(at),
                };
                let length = text[start..].find(['.', '[']).unwrap_or(text.len() - start);
                if length == 0 {
                    return Err(start);
                }
                path = path.name(&text[start..start + length]);
                at = start + length;
            }
        }
        if path.0.is_empty() { Err(0) } else { Ok(path) }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Name(name) if name.is_empty() || name.contains(['.', '[', ']', '"']) => {
                    write!(f, "[\"{name}\"]")?;
                }
                Segment::Name(name) if place == 0 => write!(f, "{name}")?,
                Segment::Name(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_prints() {
        for text in ["machine.cores", "models[1][0]", "hosts[\"example.com\"].rtt", "tasks.fib(40).steps[2][0]"] {
            assert_eq!(Path::parse(text).map(|path| path.to_string()).as_deref(), Ok(text));
        }
        for (text, at) in [("", 0), (".a", 0), ("a..b", 2), ("a[x]", 2), ("a[1", 1), ("a.", 2)] {
            assert_eq!(Path::parse(text), Err(at), "{text}");
        }
    }
}
