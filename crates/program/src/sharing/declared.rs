//! Guards that the project declares: in a comment, or with `Annotated[int, GuardedBy("_lock")]` as Clang's thread-safety
//! analysis has them in attributes.

use std::sync::Arc;

use raddle_facts::{Value, ValueId};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Place;
use super::touches::Touch;
use crate::Program;
use crate::locks::LockKey;
use crate::unit::{ClassRef, FunctionRef, UnitId};

/// A touch of a place without the lock that is declared to guard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The place.
    pub place: Place,
    /// The lock.
    pub lock: LockKey,
    /// Who touches it.
    pub function: FunctionRef,
    /// With which act.
    pub act: u32,
    /// How.
    pub touch: Touch,
}

impl Program {
    /// Touches of places without their declared locks, the first of each function.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let guards: FxHashMap<Place, LockKey> = self.own_units().flat_map(|(unit, _)| self.declared_in(unit)).collect();
        if guards.is_empty() {
            return Vec::new();
        }
        let functions: Vec<FunctionRef> = self.own_units().flat_map(|(unit, _)| self.functions_of(unit)).collect();
        functions.par_iter().map(|it| self.violations_of(*it, &guards)).collect::<Vec<_>>().concat()
    }

    fn violations_of(&self, function: FunctionRef, guards: &FxHashMap<Place, LockKey>) -> Vec<Violation> {
        let mut found: Vec<Violation> = Vec::new();
        for touched in &self.all_touches(function).all {
            let Some(lock) = guards.get(&touched.spot.place) else { continue };
            let begins = self.is_alone(function) && self.is_of_self(function, &touched.spot);
            if begins || found.iter().any(|it| it.place == touched.spot.place && it.touch != Touch::Read) {
                continue;
            }
            let (held, covered) = self.protection(function, touched.act);
            let always = || self.always_held(function).into_iter().any(|it| it.key == *lock);
            if covered || held.contains(lock) || always() || self.decoration_covers(function) {
                continue;
            }
            let violation = Violation {
                place: touched.spot.place.clone(),
                lock: lock.clone(),
                function,
                act: touched.act,
                touch: touched.touch,
            };
            // A write says more than the read before it.
            match found.iter_mut().find(|it| it.place == violation.place) {
                Some(known) if violation.touch != Touch::Read => *known = violation,
                Some(_) => {}
                None => found.push(violation),
            }
        }
        found
    }

    fn declared_in(&self, unit: UnitId) -> Vec<(Place, LockKey)> {
        let facts = &self.unit(unit).facts;
        let mut found = Vec::new();
        for it in &facts.declared_guards {
            let class = it.class.map(|class| ClassRef { unit, class });
            let name: Arc<str> = facts.text(it.name).into();
            let place = match class {
                Some(class) => self.guarded_place(class, &name),
                None => Place::Global(unit, name),
            };
            found.extend(self.lock_named(unit, class, &it.lock).map(|lock| (place, lock)));
        }
        if facts.symbols.find("GuardedBy").is_some() {
            for class in self.classes_of(unit) {
                let it = facts.class(class.class);
                let in_body = &facts.scope(it.scope).bindings;
                for (name, value) in it.attributes.iter().chain(in_body) {
                    if let Some(lock) = self.annotated_guard(unit, *value)
                        && let Some(lock) = self.lock_named(unit, Some(class), &lock)
                    {
                        found.push((self.guarded_place(class, facts.text(*name)), lock));
                    }
                }
            }
        }
        found
    }

    fn guarded_place(&self, class: ClassRef, name: &str) -> Place {
        let owner = self.defines(class, name).map_or(class, |(owner, _)| owner);
        Place::Member(owner, name.into())
    }

    /// `self._lock`, `_lock` of the class, or a variable of the module.
    fn lock_named(&self, unit: UnitId, class: Option<ClassRef>, text: &str) -> Option<LockKey> {
        let own = text.strip_prefix("self.").or_else(|| text.strip_prefix("cls."));
        let name = own.unwrap_or(text);
        if let Some((owner, _)) = class.and_then(|class| self.defines(class, name)) {
            return Some(LockKey::Member(owner, name.into()));
        }
        (own.is_none() && !text.contains('.')).then(|| LockKey::Global(unit, name.into()))
    }

    /// The lock that `Annotated[…, GuardedBy("lock")]` names.
    fn annotated_guard(&self, unit: UnitId, value: ValueId) -> Option<String> {
        let facts = &self.unit(unit).facts;
        let Value::Declared(annotation, _) = facts.value(value) else { return None };
        let Value::Subscript(_, index) = facts.value(annotation) else { return None };
        let Value::Display(_, entries) = facts.value(index) else { return None };
        facts.list(entries).iter().find_map(|entry| {
            let Value::Call(callee, arguments) = facts.value(*entry) else { return None };
            let named = match facts.value(callee) {
                Value::Class(class) => Some(facts.text(facts.class(class).name)),
                _ => facts.called_name(callee),
            };
            let first = facts.arguments(arguments).first()?;
            match facts.value(first.value) {
                _ if named != Some("GuardedBy") => None,
                Value::Word(name) | Value::Name(_, name) => Some(facts.text(name).to_owned()),
                Value::Attribute(_, name) => Some(facts.text(name).to_owned()),
                _ => None,
            }
        })
    }
}
