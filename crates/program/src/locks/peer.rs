//! Another object of the same kind: `other.lock` in a method, where nothing says what `other` is.
//!
//! `a.transfer(b)` takes two locks of one class. Its parameter is seldom annotated; that its attribute is the name of
//! the class's own lock, and of no other class's, says enough.

use std::sync::Arc;

use raddle_facts::{Value, ValueId};
use rustc_hash::FxHashMap;

use super::held::called_method;
use super::{LockKey, Owner, Root};
use crate::Program;
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Val;

/// Classes of the project by the names of the attributes that hold their locks.
#[derive(Debug, Default)]
pub struct LockNames {
    by_name: FxHashMap<Box<str>, Vec<ClassRef>>,
}

/// Names of attributes that a lock is looked for under.
pub(super) fn names_a_lock(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("lock") || name.contains("mutex") || name.contains("cond")
}

impl Program {
    pub(crate) fn lock_names(&self) -> Arc<LockNames> {
        self.memo.shared.lock_names.get_or_init(|| Arc::new(self.find_lock_names())).clone()
    }

    fn find_lock_names(&self) -> LockNames {
        let mut names = LockNames::default();
        for (unit, it) in self.own_units() {
            for class in self.classes_of(unit) {
                for (sym, value) in &it.facts.class(class.class).attributes {
                    let name = it.facts.text(*sym);
                    if names_a_lock(name) && self.lock_info(ValueRef { unit, value: *value }).is_some() {
                        let classes = names.by_name.entry(name.into()).or_default();
                        if !classes.contains(&class) {
                            classes.push(class);
                        }
                    }
                }
            }
        }
        names
    }

    /// The lock `parameter.name` of a parameter that nothing is known of.
    pub(super) fn lock_of_peer(&self, function: FunctionRef, base: ValueId, name: &str) -> Option<(LockKey, Owner)> {
        if !names_a_lock(name) || !self.is_unknown_parameter(function, base) {
            return None;
        }
        let names = self.lock_names();
        let classes = names.by_name.get(name)?;
        let own = self.class_of(function);
        let class = match (&classes[..], own) {
            ([only], _) if own == Some(*only) || only.unit == function.unit && own.is_none() => *only,
            (several, Some(own)) if several.contains(&own) && self.is_called_other(function, base) => own,
            _ => return None,
        };
        Some((LockKey::Member(class, name.into()), self.owner_of(function, base, 0)))
    }

    /// The method that `other.method()` runs in a method of the one class that has it.
    pub(super) fn method_of_peer(&self, function: FunctionRef, call: ValueId) -> Option<FunctionRef> {
        let facts = &self.unit(function.unit).facts;
        let (base, name) = called_method(facts, call)?;
        let class = self.class_of(function)?;
        if !self.is_unknown_parameter(function, base) || !self.is_called_other(function, base) {
            return None;
        }
        match facts.bindings(facts.class(class.class).scope, name) {
            [(_, value)] => match facts.value(*value) {
                Value::Function(found) => Some(FunctionRef { unit: function.unit, function: found }),
                _ => None,
            },
            _ => None,
        }
    }

    /// A parameter without annotation, of this very function, other than `self`.
    fn is_unknown_parameter(&self, function: FunctionRef, base: ValueId) -> bool {
        let Root::Parameter(of, place) = self.owner_of(function, base, 0).root else { return false };
        let vals = self.evaluate(ValueRef { unit: function.unit, value: base });
        let bare = vals.known.iter().all(|it| matches!(it, Val::Parameter(..)));
        let is_self = place == 0 && self.function(function).class.is_some();
        of == function && bare && !is_self && matches!(self.unit(function.unit).facts.value(base), Value::Parameter(..))
    }

    /// Whether a parameter's name says that it is another one of the same kind.
    fn is_called_other(&self, function: FunctionRef, base: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let Value::Parameter(_, place) = facts.value(base) else { return false };
        let name = self.function(function).parameters.get(place as usize).map_or("", |it| facts.text(it.name));
        let class = self.class_of(function).map_or("", |it| facts.text(self.class(it).name)).to_ascii_lowercase();
        let word = name.trim_start_matches('_').to_ascii_lowercase();
        matches!(&*word, "other" | "another" | "that" | "peer" | "target" | "destination" | "dest" | "source" | "src")
            || !class.is_empty() && (word.ends_with(&class) || word.starts_with("other"))
    }
}
