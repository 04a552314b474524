//! What threads share: variables, locks and what else they wait for each other with.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::quantity::{Kind, raw, skip_comments};
use crate::model::Counting;
use crate::sync::Preference;

/// Something that threads share.
#[derive(Clone, Debug)]
pub enum Shared {
    /// A variable with its first value.
    Int(i64),
    /// A variable of which every thread has its own, with its first value.
    ThreadLocal(i64),
    /// A lock that one thread or coroutine holds.
    Lock(Lock),
    /// A lock that its holder may take again.
    RLock,
    /// So many permits.
    Semaphore(u32),
    /// So many permits, and never more.
    BoundedSemaphore(u32),
    /// A flag that any number wait for.
    Event,
    /// A place to wait for notifications, with a lock of its own or this one.
    Condition { lock: Option<String> },
    /// A meeting of so many.
    Barrier(u32),
    /// Numbers in order, at most so many if given.
    Queue { capacity: Option<u32> },
    /// Many readers or one writer.
    RwLock(Preference),
    /// Something that is freed when nobody refers to it any more: references at the start, and how they are counted if given.
    Object { references: u32, counts: Option<Counting> },
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
    ThreadLocal(i64),
    Lock {
        #[serde(default)]
        protocol: Protocol,
        #[serde(default)]
        ceiling: Option<u32>,
    },
    RLock,
    Semaphore(u32),
    BoundedSemaphore(u32),
    Event,
    Condition {
        #[serde(default)]
        lock: Option<String>,
    },
    Barrier(u32),
    Queue {
        #[serde(default)]
        capacity: Option<u32>,
    },
    RwLock {
        #[serde(default)]
        prefer: Preference,
    },
    Object {
        #[serde(default = "one")]
        references: u32,
        #[serde(default)]
        counts: Option<Counting>,
    },
    Interprocess(Box<Shared>),
}

fn one() -> u32 {
    1
}

/// Words that stand with and without values.
const BARE: &[&str] = &["Lock", "Condition", "Queue", "RwLock", "Object"];

impl Shared {
    /// Reads RON text.
    ///
    /// # Errors
    /// What ron says, with its place in `text`.
    pub fn read(text: &str) -> Result<Shared, ron::error::SpannedError> {
        let is_bare = |word: &&&str| text.strip_prefix(**word).is_some_and(|rest| skip_comments(rest).is_empty());
        let bare = BARE.iter().find(is_bare).map(|word| format!("{word}()"));
        Ok(match crate::scenario::load::dialect().from_str(bare.as_deref().unwrap_or(text))? {
            Written::Int(value) => Shared::Int(value),
            Written::ThreadLocal(value) => Shared::ThreadLocal(value),
            Written::Lock { protocol, ceiling } => Shared::Lock(Lock { protocol, ceiling }),
            Written::RLock => Shared::RLock,
            Written::Semaphore(permits) => Shared::Semaphore(permits),
            Written::BoundedSemaphore(permits) => Shared::BoundedSemaphore(permits),
            Written::Event => Shared::Event,
            Written::Condition { lock } => Shared::Condition { lock },
            Written::Barrier(parties) => Shared::Barrier(parties),
            Written::Queue { capacity } => Shared::Queue { capacity },
            Written::RwLock { prefer } => Shared::RwLock(prefer),
            Written::Object { references, counts } => Shared::Object { references, counts },
            Written::Interprocess(inner) => Shared::Interprocess(inner),
        })
    }
}

impl Shared {
    /// The thing itself, `Interprocess` or not.
    pub fn plain(&self) -> &Shared {
        match self {
            Shared::Interprocess(inner) => inner.plain(),
            plain => plain,
        }
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shared, D::Error> {
        let (text, address) = raw(Kind::Shared, deserializer)?;
        Shared::read(text).map_err(|_| D::Error::custom(address))
    }
}
