//! Semaphores of one permit: mutexes by another name.

use raddle_facts::{Keyword, ScopeId, Sym, Value, ValueId};

use super::LockKey;
use super::summary::LockWorld;
use crate::Program;
use crate::unit::UnitId;

impl Program {
    /// What is bound to the place of a lock.
    #[must_use]
    pub fn bindings_of_lock(&self, key: &LockKey) -> Option<(UnitId, &[(Sym, ValueId)])> {
        Some(match key {
            LockKey::Global(unit, name) => (*unit, self.unit(*unit).facts.bindings(ScopeId::MODULE, name)),
            LockKey::Member(class, name) => {
                let facts = &self.unit(class.unit).facts;
                let assigned = facts.attributes(class.class, name);
                let in_body = || facts.bindings(facts.class(class.class).scope, name);
                (class.unit, if assigned.is_empty() { in_body() } else { assigned })
            }
            LockKey::Local(function, name) => {
                let facts = &self.unit(function.unit).facts;
                (function.unit, facts.bindings(facts.function(function.function).scope, name))
            }
            _ => return None,
        })
    }

    /// Whether a semaphore lets one holder in, and nobody gives it back who has not taken it.
    #[must_use]
    pub fn is_single(&self, world: &LockWorld, key: &LockKey) -> bool {
        let Some((unit, bindings)) = self.bindings_of_lock(key) else { return false };
        let facts = &self.unit(unit).facts;
        let one = |value: ValueId| {
            let Value::Call(_, arguments) = facts.value(value) else { return false };
            match facts.arguments(arguments) {
                [] => true,
                [first, ..] => match first.keyword {
                    Keyword::Positional => facts.value(first.value) == Value::One,
                    Keyword::Named(name) => facts.text(name) == "value" && facts.value(first.value) == Value::One,
                    Keyword::Star | Keyword::DoubleStar => false,
                },
            }
        };
        !bindings.is_empty() && bindings.iter().all(|(_, value)| one(*value)) && !world.dropped.contains(key)
    }
}
