//! What leaves a lock behind: a live view of a container, or the container itself, that a method hands out.

use raddle_facts::{ActKind, Display, FileFacts, Usage, Value, ValueId};
use rayon::prelude::*;

use super::touches::Touch;
use super::{Place, Spot};
use crate::Program;
use crate::locks::LockKey;
use crate::unit::{ClassRef, FunctionRef, UnitId};

/// A container that a method hands out although a lock guards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escape {
    /// The attribute.
    pub place: Place,
    /// The lock.
    pub lock: LockKey,
    /// Who hands it out.
    pub function: FunctionRef,
    /// The act that makes what is handed out.
    pub act: u32,
    /// Whether it is a view (`items()`), and not the container itself.
    pub view: bool,
    /// Who changes the container under the lock, and with which act.
    pub changed: (FunctionRef, u32),
}

impl Program {
    /// Containers that leave their locks behind, in order.
    #[must_use]
    pub fn escaping(&self) -> Vec<Escape> {
        let units: Vec<UnitId> = self.own_units().map(|(unit, _)| unit).collect();
        units.par_iter().map(|unit| self.escapes_in(*unit)).collect::<Vec<_>>().concat()
    }

    fn escapes_in(&self, unit: UnitId) -> Vec<Escape> {
        let facts = &self.unit(unit).facts;
        let mut found = Vec::new();
        for function in self.functions_of(unit) {
            let Some(class) = self.class_of(function) else { continue };
            for value in &self.function(function).returned {
                let Some((container, act, view)) = handed_out(facts, function, *value) else { continue };
                let Some(spot) = self.spot_at(function, container).filter(|it| self.is_of_self(function, it)) else {
                    continue;
                };
                // A container that is handed out without the lock is only read by convention.
                let held = self.protection(function, act).0;
                if !view && held.is_empty() {
                    continue;
                }
                if let Some((lock, changed)) = self.changed_under_lock(class, &spot, function)
                    && (held.contains(&lock) || held.is_empty() && matches!(lock, LockKey::Member(..)))
                {
                    found.push(Escape { place: spot.place, lock, function, act, view, changed });
                    break;
                }
            }
        }
        found
    }

    fn changed_under_lock(
        &self,
        class: ClassRef,
        spot: &Spot,
        but: FunctionRef,
    ) -> Option<(LockKey, (FunctionRef, u32))> {
        for other in self.functions_of(class.unit) {
            if other == but || self.class_of(other) != Some(class) || self.is_alone(other) {
                continue;
            }
            for touched in &self.touches(other).all {
                let changes =
                    matches!(touched.touch, Touch::Change | Touch::Remove) && touched.spot.place == spot.place;
                if !changes || !self.is_of_self(other, &touched.spot) {
                    continue;
                }
                let mut held = self.protection(other, touched.act).0;
                held.extend(self.always_held(other).into_iter().map(|it| it.key));
                if let Some(lock) = held.into_iter().find(|it| matches!(it, LockKey::Member(..) | LockKey::Global(..)))
                {
                    return Some((lock, (other, touched.act)));
                }
            }
        }
        None
    }
}

/// The container behind what a function returns, the act that reads it, and whether it is a view.
fn handed_out(facts: &FileFacts, function: FunctionRef, value: ValueId) -> Option<(ValueId, u32, bool)> {
    let (start, end) = facts.function(function.function).acts;
    let act_of = |wanted: &dyn Fn(ActKind) -> bool| {
        (start..end).find(|at| {
            let act = &facts.acts[*at as usize];
            act.usage == Usage::Returned && wanted(act.kind)
        })
    };
    match facts.value(value) {
        Value::Call(callee, arguments) if arguments.len == 0 => {
            let Value::Attribute(base, name) = facts.value(callee) else { return None };
            if !matches!(facts.text(name), "items" | "keys" | "values") {
                return None;
            }
            Some((base, act_of(&|kind| kind == ActKind::Call(value))?, true))
        }
        Value::Attribute(..) => {
            let act = act_of(&|kind| matches!(kind, ActKind::Load(it) | ActKind::Again(it) if it == value))?;
            Some((value, act, false))
        }
        // `return (x for x in self._items)`: it goes through the container when the lock is long gone.
        Value::Display(Display::Generator, _) => {
            let at = (start..end).rev().find(|at| matches!(facts.acts[*at as usize].kind, ActKind::Iterate(_)))?;
            let ActKind::Iterate(over) = facts.acts[at as usize].kind else { return None };
            let base = match facts.value(over) {
                Value::Call(callee, _) => match facts.value(callee) {
                    Value::Attribute(base, name) if matches!(facts.text(name), "items" | "keys" | "values") => base,
                    _ => return None,
                },
                _ => over,
            };
            Some((base, at, true))
        }
        _ => None,
    }
}
