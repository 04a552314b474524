//! Values that serde cannot derive: times that are texts or distributions, rates, probabilities.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::Step;
use crate::time::Duration;

/// A duration, or a distribution of durations.
#[derive(Clone, Debug)]
pub enum When {
    /// Always the same.
    Fixed(Duration),
    /// Drawn anew each time.
    Random(Random),
}

/// A distribution as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Random {
    /// Exponential, by its mean.
    Exp(Duration),
    /// Anything between two.
    Uniform(Duration, Duration),
    /// Cut at zero.
    Normal { mean: Duration, sd: Duration },
    /// By its median and 99th percentile.
    LogNormal { median: Duration, p99: Duration },
    /// Heavy-tailed.
    Pareto { min: Duration, alpha: f64 },
    /// One of these, each as likely.
    Empirical(Vec<Duration>),
}

/// RON text that is kept as it stands.
#[derive(Clone, Debug)]
pub struct Raw(pub String);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        let raw = <&'de ron::value::RawValue>::deserialize(deserializer)?;
        Ok(Raw(raw.trim().get_ron().to_owned()))
    }
}

impl When {
    /// Reads RON text. A quoted text is a duration, everything else a distribution: ron cannot say which without looking
    /// at the raw value.
    ///
    /// # Errors
    /// What ron says, with its place in `text`.
    pub fn read(text: &str) -> Result<When, ron::error::SpannedError> {
        if text.starts_with('"') {
            return ron::from_str(text).map(When::Fixed);
        }
        crate::scenario::load::dialect().from_str(text).map(When::Random)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<When, D::Error> {
        let (text, address) = raw(Kind::When, deserializer)?;
        When::read(text).map_err(|_| D::Error::custom(address))
    }
}

/// What ron cannot read without looking at the raw text first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::scenario) enum Kind {
    When,
    Value,
    Shared,
}

impl Kind {
    fn mark(self) -> char {
        match self {
            Kind::When => '\u{2}',
            Kind::Value => '\u{3}',
            Kind::Shared => '\u{4}',
        }
    }

    /// What ron says to the text.
    pub(in crate::scenario) fn complaint(self, text: &str) -> Option<ron::error::SpannedError> {
        match self {
            Kind::When => When::read(text).err(),
            Kind::Value => super::Value::read(text).err(),
            Kind::Shared => super::Shared::read(text).err(),
        }
    }
}

/// A value as it is written, and its address: the text of an error, which `load` turns into a position and reads again,
/// since serde has no other way to hand over what ron said.
pub(super) fn raw<'de, D: Deserializer<'de>>(kind: Kind, deserializer: D) -> Result<(&'de str, String), D::Error> {
    let raw = <&'de ron::value::RawValue>::deserialize(deserializer)?;
    let text = skip_comments(raw.get_ron());
    let start = text.as_ptr() as usize;
    Ok((text, format!("{}{start:x}:{:x}", kind.mark(), start + text.len())))
}

/// What could not be read, and its place in `source`.
pub(in crate::scenario) fn address(source: &str, message: &str) -> Option<(Kind, Range<usize>)> {
    let kind = [Kind::When, Kind::Value, Kind::Shared].into_iter().find(|kind| message.starts_with(kind.mark()))?;
    let (start, end) = message[1..].split_once(':')?;
    let base = source.as_ptr() as usize;
    let offset = |hex: &str| usize::from_str_radix(hex, 16).ok()?.checked_sub(base);
    let range = offset(start)?..offset(end)?;
    source.get(range.clone()).map(|_| (kind, range))
}

pub(super) fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after).trim_start();
        } else {
            return rest.trim_end();
        }
    }
}

/// So many per unit of time: `"200/s"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// The mean gap between two.
    pub gap: Duration,
}

/// Why a text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateError {
    /// What is wrong.
    pub message: String,
    /// The guilty bytes of the text.
    pub at: Range<usize>,
}

impl Rate {
    /// Reads `"200/s"`.
    ///
    /// # Errors
    /// What is wrong with the text, and where in it.
    pub fn parse(text: &str) -> Result<Rate, RateError> {
        let fail = |message: &str, at| Err(RateError { message: message.to_owned(), at });
        let Some((number, unit)) = text.split_once('/') else {
            return fail("a rate is a number per unit, such as \"200/s\"", 0..text.len());
        };
        let number_at = 0..number.len();
        let unit_at = number.len() + 1..text.len();
        let Ok(number) = number.trim().parse::<f64>() else {
            return fail("a rate starts with a number, such as \"200/s\"", number_at);
        };
        if !(number > 0.0 && number.is_finite()) {
            return fail("a rate is greater than zero", number_at);
        }
        let per = match Duration::parse(&format!("1{}", unit.trim())) {
            Ok(per) => per,
            Err(error) => return fail(&error.to_string(), unit_at),
        };
        match (per.0 as f64 / number + 0.5) as u64 {
            0 => fail("a rate is at most one per nanosecond", number_at),
            gap => Ok(Rate { gap: Duration(gap) }),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
        let text = String::deserialize(deserializer)?;
        Rate::parse(&text).map_err(|error| D::Error::custom(error.message))
    }
}

/// `{ 0.8: [..], 0.2: [..] }`: a map with probabilities for keys, in the order written.
#[derive(Clone, Debug)]
pub struct Branches(pub Vec<(f64, Vec<Step>)>);

impl<'de> Deserialize<'de> for Branches {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Branches, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Branches;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a map from probabilities to steps, such as {{ 0.8: [..], 0.2: [..] }}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Branches, A::Error> {
                let mut branches = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    branches.push(entry);
                }
                Ok(Branches(branches))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
