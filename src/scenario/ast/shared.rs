//! What threads share: variables and locks.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::quantity::{Kind, raw, skip_comments};

/// Something that threads share.
#[derive(Clone, Debug)]
pub enum Shared {
    /// A variable with its first value.
    Int(i64),
    /// A lock that one thread or coroutine holds.
    Lock(Lock),
    /// The same for all processes; without this each has its own.
    Interprocess(Box<Shared>),
}

/// A lock as it is written: `Lock` or `Lock(protocol: Inherit)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lock {
    /// What it does against priority inversion.
    pub protocol: Protocol,
    /// The priority of its holders; that of its most urgent user if left out.
    pub ceiling: Option<u32>,
}

/// What a lock does against priority inversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Protocol {
    /// Nothing.
    #[default]
    None,
    /// The holder is as urgent as the most urgent waiter.
    Inherit,
    /// The holder is as urgent as the most urgent user.
    Ceiling,
}

/// What serde derives. RON does not let one name stand with and without values.
#[derive(Debug, Deserialize)]
#[serde(rename = "Shared", deny_unknown_fields)]
pub(crate) enum Written {
    Int(i64),
    Lock {
        #[serde(default)]
        protocol: Protocol,
        #[serde(default)]
        ceiling: Option<u32>,
    },
    Interprocess(Box<Shared>),
}

impl Shared {
    /// Reads RON text.
    ///
    /// # Errors
    /// What ron says, with its place in `text`.
    pub fn read(text: &str) -> Result<Shared, ron::error::SpannedError> {
        if text.strip_prefix("Lock").is_some_and(|rest| skip_comments(rest).is_empty()) {
            return Ok(Shared::Lock(Lock::default()));
        }
        Ok(match crate::scenario::load::dialect().from_str(text)? {
            Written::Int(value) => Shared::Int(value),
            Written::Lock { protocol, ceiling } => Shared::Lock(Lock { protocol, ceiling }),
            Written::Interprocess(inner) => Shared::Interprocess(inner),
        })
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shared, D::Error> {
        let (text, address) = raw(Kind::Shared, deserializer)?;
        Shared::read(text).map_err(|_| D::Error::custom(address))
    }
}
