//! Points and lengths of simulated time, in whole nanoseconds.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Deserializer, Serialize};

/// A point in simulated time: nanoseconds since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Time(pub u64);

/// A length of simulated time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Duration(pub u64);

impl Time {
    /// The start of every run.
    pub const ZERO: Time = Time(0);
    /// Later than anything that happens.
    pub const NEVER: Time = Time(u64::MAX);

    /// The time passed since `earlier`.
    pub fn since(self, earlier: Time) -> Duration {
        debug_assert!(earlier <= self, "time runs forward");
        Duration(self.0 - earlier.0)
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);
    /// Longer than anything lasts.
    pub const FOREVER: Duration = Duration(u64::MAX);

    /// Whole microseconds.
    pub const fn us(us: u64) -> Duration {
        Duration(us * 1_000)
    }

    /// Whole milliseconds.
    pub const fn ms(ms: u64) -> Duration {
        Duration(ms * 1_000_000)
    }

    /// Whole seconds.
    pub const fn s(s: u64) -> Duration {
        Duration(s * 1_000_000_000)
    }

    /// The length in seconds, for ratios and reports; never for the clock.
    pub fn as_secs(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Reads `"5ms"`, `"0.5us"`, `"30min"` exactly, without going through a float.
    ///
    /// # Errors
    /// What is wrong with the text, and where in it.
    pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
        let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'));
        let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
        let fail = |kind, at: std::ops::Range<usize>| Err(ParseDurationError { kind, at });
        if text.starts_with('-') {
            return fail(DurationErrorKind::Negative, 0..text.len());
        }
        if number.is_empty() {
            return fail(DurationErrorKind::NoNumber, 0..text.len());
        }
        let unit_at = number.len()..text.len();
        let scale: u128 = match unit.trim() {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "min" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return fail(DurationErrorKind::NoUnit, 0..text.len()),
            _ => return fail(DurationErrorKind::UnknownUnit(unit.trim().to_owned()), unit_at),
        };
        match decimal(number, scale) {
            Some(ns) => Ok(Duration(ns)),
            None => fail(DurationErrorKind::BadNumber, 0..number.len()),
        }
    }
}

/// `number * scale`, exact; `None` if malformed, finer than a nanosecond's worth of digits, or too large.
fn decimal(number: &str, scale: u128) -> Option<u64> {
    let clean = number.replace('_', "");
    let (whole, fraction) = clean.split_once('.').unwrap_or((&clean, ""));
    if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) || fraction.len() > 18 {
        return None;
    }
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part = part.checked_mul(scale)? / 10u128.pow(fraction.len() as u32);
    u64::try_from(whole.checked_mul(scale)?.checked_add(part)?).ok()
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseDurationError {
    /// What is wrong.
    pub kind: DurationErrorKind,
    /// The guilty bytes of the text.
    pub at: std::ops::Range<usize>,
}

/// The ways in which a text fails to be a duration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurationErrorKind {
    /// `"-5ms"`.
    Negative,
    /// `"ms"`.
    NoNumber,
    /// `"5"`.
    NoUnit,
    /// `"5sec"`.
    UnknownUnit(String),
    /// `"1.2.3ms"`, or more than 584 years.
    BadNumber,
}

impl fmt::Display for ParseDurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationErrorKind::Negative => write!(f, "a duration cannot be negative"),
            DurationErrorKind::NoNumber => write!(f, "a duration starts with a number, such as \"5ms\""),
            DurationErrorKind::NoUnit => write!(f, "a duration needs a unit, such as \"5ms\""),
            DurationErrorKind::UnknownUnit(unit) => write!(f, "unknown unit `{unit}`"),
            DurationErrorKind::BadNumber => {
                write!(f, "not a number that fits a clock of 584 years in nanoseconds")
            }
        }
    }
}

impl std::error::Error for ParseDurationError {}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Duration::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Duration {
    /// At most three digits after the point: `5ms`, `1.25us`, `2.5s`; whole minutes from ten on: `45min`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scale, unit) = match self.0 {
            minutes if minutes >= 600_000_000_000 && minutes.is_multiple_of(60_000_000_000) => (60_000_000_000, "min"),
            0..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "us"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let whole = self.0 / scale;
        let thousandths = (self.0 % scale) * 1_000 / scale;
        if thousandths == 0 {
            write!(f, "{whole}{unit}")
        } else {
            let digits = format!("{thousandths:03}");
            write!(f, "{whole}.{}{unit}", digits.trim_end_matches('0'))
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Duration(self.0).fmt(f)
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, length: Duration) -> Time {
        Time(self.0.saturating_add(length.0))
    }
}

impl Add for Duration {
    type Output = Duration;
    fn add(self, other: Duration) -> Duration {
        Duration(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Duration) {
        *self = *self + other;
    }
}

impl Sub for Duration {
    type Output = Duration;
    fn sub(self, other: Duration) -> Duration {
        debug_assert!(other <= self, "a duration is never negative");
        Duration(self.0 - other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact_decimals() {
        for (text, ns) in [
            ("5ms", 5_000_000),
            ("0.5us", 500),
            ("30min", 1_800_000_000_000),
            ("1_000ns", 1_000),
            ("0.000000001s", 1),
            ("2h", 7_200_000_000_000),
        ] {
            assert_eq!(Duration::parse(text), Ok(Duration(ns)), "{text}");
        }
    }

    #[test]
    fn a_wrong_duration_says_where_it_is_wrong() {
        let error = Duration::parse("5sec").unwrap_err();
        assert_eq!((error.at.clone(), error.to_string().as_str()), (1..4, "unknown unit `sec`"));
        for text in ["", "5", "ms", "-5ms", "1.2.3ms", "99999999999999h"] {
            assert!(Duration::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_print_in_the_unit_a_person_would_choose() {
        let printed: Vec<String> =
            [0, 999, 1_250, 5_000_000, 2_500_000_000, 2_700_000_000_000].map(|ns| Duration(ns).to_string()).into();
        assert_eq!(printed, ["0ns", "999ns", "1.25us", "5ms", "2.5s", "45min"]);
    }
}
