//! Shared things with ids for names.

use indexmap::IndexMap;

use crate::id::{LockId, ObjectId, SyncId, VarId};
use crate::model::{self, Builder};
use crate::scenario::ast::{self, Shared};
use crate::sync::Config;

/// A shared object with its id.
#[derive(Clone, Copy, Debug)]
pub(super) enum Object {
    Var(VarId),
    Lock(LockId),
    /// With its lock.
    Condition(SyncId, LockId),
    Sync(SyncId),
    Counted(ObjectId),
}

/// All of them, in the order written. Conditions come after the locks that they share.
pub(super) fn declare(builder: &mut Builder, shared: &IndexMap<String, Shared>) -> Vec<Object> {
    let first: Vec<Option<Object>> = shared.iter().map(|(name, shared)| one(builder, name, shared, false)).collect();
    let mut objects = Vec::new();
    for ((name, declared), object) in shared.iter().zip(&first) {
        let everywhere = matches!(declared, Shared::Interprocess(_));
        objects.push(object.unwrap_or_else(|| {
            let own = match declared.plain() {
                Shared::Condition { lock: Some(lock) } => shared.get_index_of(lock).and_then(|index| first[index]),
                _ => None,
            };
            let lock = match own {
                Some(Object::Lock(lock)) => lock,
                _ => builder.lock(name, everywhere),
            };
            Object::Condition(builder.sync(name, Config::Condition { lock }, everywhere), lock)
        }));
    }
    objects
}

/// All but conditions.
fn one(builder: &mut Builder, name: &str, shared: &Shared, everywhere: bool) -> Option<Object> {
    let config = match shared {
        Shared::Int(initial) => return Some(Object::Var(builder.var(name, *initial, everywhere))),
        Shared::ThreadLocal(initial) => return Some(Object::Var(builder.thread_local(name, *initial))),
        Shared::Lock(lock) => {
            let id = builder.lock(name, everywhere);
            builder.protocol(id, protocol(lock));
            return Some(Object::Lock(id));
        }
        Shared::RLock => {
            let id = builder.lock(name, everywhere);
            builder.reentrant(id);
            return Some(Object::Lock(id));
        }
        Shared::Interprocess(inner) => return one(builder, name, inner, true),
        Shared::Condition { .. } => return None,
        Shared::Object { references, counts } => {
            return Some(Object::Counted(builder.object(name, *references, *counts, everywhere)));
        }
        Shared::Semaphore(permits) => Config::Semaphore { permits: *permits, bounded: false },
        Shared::BoundedSemaphore(permits) => Config::Semaphore { permits: *permits, bounded: true },
        Shared::Event => Config::Event,
        Shared::Barrier(parties) => Config::Barrier { parties: *parties },
        Shared::Queue { capacity } => Config::Queue { capacity: *capacity },
        Shared::RwLock(preference) => Config::RwLock(*preference),
    };
    Some(Object::Sync(builder.sync(name, config, everywhere)))
}

fn protocol(lock: &ast::Lock) -> model::Protocol {
    match lock.protocol {
        ast::Protocol::None => model::Protocol::None,
        ast::Protocol::Inherit => model::Protocol::Inherit,
        ast::Protocol::Ceiling => {
            let least = model::Ceiling::default();
            model::Protocol::Ceiling(model::Ceiling { priority: lock.ceiling.unwrap_or(least.priority), ..least })
        }
    }
}
