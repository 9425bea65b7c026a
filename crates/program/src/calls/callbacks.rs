//! Callables among the arguments of a call: run by the callee, handed on, or kept.

use std::sync::Arc;

use raddle_facts::models::Runner;
use raddle_facts::{Argument, Value, ValueId};

use super::{NO_ARGUMENTS, Place, Sure, Target, Via, sureness};
use crate::Program;
use crate::handing::callable_argument;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::{Val, Vals};

impl Program {
    pub(super) fn callback_targets(&self, callees: &Vals, place: Place<'_>, acc: &mut Vec<Target>) {
        let facts = &self.unit(place.function.unit).facts;
        let arguments = facts.arguments(place.arguments);
        if !arguments.iter().any(|it| self.may_be_callable(place.function, it.value)) {
            return;
        }
        for val in &callees.known {
            match val {
                Val::Function(function) if self.is_own(function.unit) => {
                    self.own_callbacks(*function, false, arguments, place, acc);
                }
                Val::Bound(function, _) if self.is_own(function.unit) => {
                    self.own_callbacks(*function, true, arguments, place, acc);
                }
                Val::Function(function) | Val::Bound(function, _) => {
                    self.library_callbacks(&self.function_name(*function), arguments, place, acc);
                }
                Val::Outside(path, _) | Val::Gives(path, _) => self.library_callbacks(path, arguments, place, acc),
                Val::Class(class) if !self.is_own(class.unit) => {
                    self.library_callbacks(&self.class_name(*class), arguments, place, acc);
                }
                Val::Class(class) => {
                    // A subclass of `Thread`, `Timer`, `Process` takes its target like the base.
                    for ancestor in self.ancestors(*class).iter().skip(1) {
                        let path = match ancestor {
                            crate::members::Ancestor::Class(base) if !self.is_own(base.unit) => self.class_name(*base),
                            crate::members::Ancestor::Outside(name) => name.clone(),
                            _ => continue,
                        };
                        self.library_callbacks(&path, arguments, place, acc);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a value has the shape of something that can be called: cheap to ask, before anything is evaluated.
    fn may_be_callable(&self, function: FunctionRef, value: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        matches!(
            facts.value(value),
            Value::Function(_)
                | Value::Name(..)
                | Value::Attribute(..)
                | Value::Union(_)
                | Value::ImportFrom(..)
                | Value::Call(..)
                | Value::Class(_)
        )
    }

    fn library_callbacks(&self, path: &str, arguments: &[Argument], place: Place<'_>, acc: &mut Vec<Target>) {
        let facts = &self.unit(place.function.unit).facts;
        for handing in self.models.hands_over(path) {
            let Some(value) = callable_argument(facts, arguments, handing) else { continue };
            self.handed(value, handing.to, &path.into(), place, acc);
        }
        if let Some(entry) = self.models.entry_call(path) {
            let handing = raddle_facts::models::Handing {
                name: entry.name.as_deref().map(Into::into),
                position: entry.position,
                to: entry.plain,
            };
            if let Some(value) = callable_argument(facts, arguments, &handing) {
                self.handed(value, entry.plain, &entry.framework.as_str().into(), place, acc);
            }
        }
    }

    fn own_callbacks(
        &self,
        function: FunctionRef,
        bound: bool,
        arguments: &[Argument],
        place: Place<'_>,
        acc: &mut Vec<Target>,
    ) {
        let facts = &self.unit(place.function.unit).facts;
        let by: Arc<str> = self.short_name(function).into();
        for (parameter, value) in self.parameters_of(function, bound, facts, arguments) {
            if !self.may_be_callable(place.function, value) {
                continue;
            }
            let uses = self.uses(function, parameter);
            if uses.now {
                self.handed(value, Runner::Caller, &by, place, acc);
            }
            for to in &uses.elsewhere {
                self.handed(value, *to, &by, place, acc);
            }
        }
    }

    fn handed(&self, value: ValueId, to: Runner, by: &Arc<str>, place: Place<'_>, acc: &mut Vec<Target>) {
        let callables = self.evaluate(ValueRef { unit: place.function.unit, value });
        let sure = sureness(&callables);
        for val in &callables.known {
            self.hand_one(val, to, by, sure, place, acc);
        }
    }

    fn hand_one(&self, val: &Val, to: Runner, by: &Arc<str>, sure: Sure, place: Place<'_>, acc: &mut Vec<Target>) {
        match (val, to) {
            (Val::Partial(inner, _), _) => self.hand_one(inner, to, by, sure, place, acc),
            (Val::Parameter(..) | Val::Class(_), _) => {}
            (_, Runner::Caller) => {
                let place = Place { arguments: NO_ARGUMENTS, ..place };
                self.call_targets(val, place, Via::Callback(by.clone()), sure, acc);
            }
            (Val::Function(callee) | Val::Bound(callee, _), to) if self.is_own(callee.unit) => {
                acc.push(Target::Hand { callee: *callee, to, by: by.clone() });
            }
            _ => {}
        }
    }
}
