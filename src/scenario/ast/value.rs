//! Numbers that steps compute with, and conditions.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::quantity::{Kind, raw};

/// A number: written as it is, or computed from own copies of variables.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `5`.
    Number(i64),
    /// `"x"`: the variable itself, which only the left side of a comparison may be.
    Variable(String),
    /// Something that is computed.
    Computed(Box<Computed>),
}

/// A number that is computed, as it is written.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub enum Computed {
    /// The own copy of a variable.
    Own(String),
    /// `a + b`.
    Sum(Value, Value),
    /// `a - b`.
    Difference(Value, Value),
    /// `a * b`.
    Product(Value, Value),
    /// `a // b`.
    Quotient(Value, Value),
    /// `a % b`.
    Remainder(Value, Value),
}

impl Value {
    /// Reads RON text.
    ///
    /// # Errors
    /// What ron says, with its place in `text`.
    pub fn read(text: &str) -> Result<Value, ron::error::SpannedError> {
        match text.as_bytes().first() {
            Some(b'"') => ron::from_str(text).map(Value::Variable),
            Some(b'r') if text.starts_with("r\"") || text.starts_with("r#") => ron::from_str(text).map(Value::Variable),
            Some(b'0'..=b'9' | b'-' | b'+' | b'.') => ron::from_str(text).map(Value::Number),
            _ => crate::scenario::load::dialect().from_str(text).map(|computed| Value::Computed(Box::new(computed))),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        let (text, address) = raw(Kind::Value, deserializer)?;
        Value::read(text).map_err(|_| D::Error::custom(address))
    }
}

/// What `If` and loops ask.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub enum Condition {
    /// Equal.
    Is(Value, Value),
    /// Not equal.
    IsNot(Value, Value),
    /// Less than.
    Below(Value, Value),
    /// Less or equal.
    AtMost(Value, Value),
    /// Greater than.
    Above(Value, Value),
    /// Greater or equal.
    AtLeast(Value, Value),
    /// The variable was the first number and has become the second, in one atomic operation.
    CompareAndSwap(String, Value, Value),
    /// Each of these.
    All(Vec<Condition>),
    /// At least one of these.
    Any(Vec<Condition>),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let computed = match self {
            Value::Number(number) => return write!(f, "{number}"),
            Value::Variable(name) => return write!(f, "{name:?}"),
            Value::Computed(computed) => &**computed,
        };
        match computed {
            Computed::Own(name) => write!(f, "Own({name:?})"),
            Computed::Sum(a, b) => write!(f, "Sum({a}, {b})"),
            Computed::Difference(a, b) => write!(f, "Difference({a}, {b})"),
            Computed::Product(a, b) => write!(f, "Product({a}, {b})"),
            Computed::Quotient(a, b) => write!(f, "Quotient({a}, {b})"),
            Computed::Remainder(a, b) => write!(f, "Remainder({a}, {b})"),
        }
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |all: &[Condition]| all.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Condition::Is(a, b) => write!(f, "Is({a}, {b})"),
            Condition::IsNot(a, b) => write!(f, "IsNot({a}, {b})"),
            Condition::Below(a, b) => write!(f, "Below({a}, {b})"),
            Condition::AtMost(a, b) => write!(f, "AtMost({a}, {b})"),
            Condition::Above(a, b) => write!(f, "Above({a}, {b})"),
            Condition::AtLeast(a, b) => write!(f, "AtLeast({a}, {b})"),
            Condition::CompareAndSwap(name, from, to) => write!(f, "CompareAndSwap({name:?}, {from}, {to})"),
            Condition::All(all) => write!(f, "All([{}])", list(all)),
            Condition::Any(any) => write!(f, "Any([{}])", list(any)),
        }
    }
}
