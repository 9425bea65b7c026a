//! Calls that hide in syntax: `with`, `for`, an attribute that is a property, an index.

use raddle_facts::{Act, Keyword, Value, ValueId};

use super::{NO_ARGUMENTS, Place, Target, Via, sureness};
use crate::Program;
use crate::evaluate::Evaluation;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::{Val, Vals};

impl Program {
    pub(super) fn enter_targets(&self, function: FunctionRef, act: &Act, manager: ValueId, acc: &mut Vec<Target>) {
        let managers = self.evaluate(ValueRef { unit: function.unit, value: manager });
        let sure = sureness(&managers);
        let place = Place { function, act, arguments: NO_ARGUMENTS };
        for val in &managers.known {
            match val {
                Val::Manager(callee) if self.is_own(callee.unit) && !self.function(*callee).is_async => {
                    acc.push(Target::Run { callee: *callee, via: Via::Enter, sure });
                }
                Val::Instance(class, _) => {
                    for name in ["__enter__", "__exit__"] {
                        self.method_targets(*class, name, place, Via::Enter, sure, acc);
                    }
                }
                Val::OutsideInstance(class) => {
                    for name in ["__enter__", "__exit__"] {
                        self.block(&format!("{class}.{name}").into(), place, Via::Enter, sure, acc);
                    }
                }
                _ => {}
            }
        }
    }

    pub(super) fn iterate_targets(&self, function: FunctionRef, act: &Act, iterable: ValueId, acc: &mut Vec<Target>) {
        let iterables = self.evaluate(ValueRef { unit: function.unit, value: iterable });
        self.iteration(&iterables, Place { function, act, arguments: NO_ARGUMENTS }, acc);
    }

    fn iteration(&self, iterables: &Vals, place: Place<'_>, acc: &mut Vec<Target>) {
        let sure = sureness(iterables);
        for val in &iterables.known {
            match val {
                Val::Generator(callee) if self.is_own(callee.unit) && !self.function(*callee).is_async => {
                    acc.push(Target::Run { callee: *callee, via: Via::Iterate, sure });
                }
                Val::Instance(class, _) => {
                    for name in ["__iter__", "__next__"] {
                        self.method_targets(*class, name, place, Via::Iterate, sure, acc);
                    }
                }
                Val::OutsideInstance(class) => {
                    for name in ["__iter__", "__next__"] {
                        self.block(&format!("{class}.{name}").into(), place, Via::Iterate, sure, acc);
                    }
                }
                _ => {}
            }
        }
    }

    /// `list(generator())`, `sum(…)`, `"".join(…)`: a builtin that runs what it is given.
    pub(super) fn consumed_generators(&self, callees: &Vals, place: Place<'_>, acc: &mut Vec<Target>) {
        let consumes = callees.known.iter().any(|val| match val {
            Val::Class(class) => {
                let name = self.class_name(*class);
                matches!(
                    &*name,
                    "builtins.list" | "builtins.tuple" | "builtins.set" | "builtins.frozenset" | "builtins.dict"
                )
            }
            Val::Function(function) | Val::Bound(function, _) => is_consumer(&self.function_name(*function)),
            Val::Outside(path, _) | Val::Gives(path, _) => is_consumer(path),
            _ => false,
        });
        if !consumes {
            return;
        }
        let facts = &self.unit(place.function.unit).facts;
        for argument in facts.arguments(place.arguments) {
            if argument.keyword == Keyword::Positional {
                let vals = self.evaluate(ValueRef { unit: place.function.unit, value: argument.value });
                let lazily = Vals {
                    known: vals
                        .known
                        .iter()
                        .filter(|val| matches!(val, Val::Generator(_) | Val::OutsideInstance(_) | Val::Instance(..)))
                        .cloned()
                        .collect(),
                    unknown: vals.unknown,
                };
                self.iteration(&lazily, place, acc);
            }
        }
    }

    pub(super) fn load_targets(&self, function: FunctionRef, attribute: ValueId, acc: &mut Vec<Target>) {
        let facts = &self.unit(function.unit).facts;
        let Value::Attribute(base, name) = facts.value(attribute) else { return };
        let name = facts.text(name);
        if !self.is_property_name(name) {
            return;
        }
        let bases = self.evaluate(ValueRef { unit: function.unit, value: base });
        let sure = sureness(&bases);
        for val in &bases.known {
            let Val::Instance(class, _) = val else { continue };
            for ancestor in self.ancestors(*class).iter() {
                let crate::members::Ancestor::Class(class) = ancestor else { continue };
                let facts = &self.unit(class.unit).facts;
                let members = facts.bindings(facts.class(class.class).scope, name);
                if members.is_empty() {
                    continue;
                }
                for (_, value) in members {
                    let Value::Function(member) = facts.value(*value) else { continue };
                    let callee = FunctionRef { unit: class.unit, function: member };
                    let decoration = self.decoration(callee);
                    if decoration.is_property && self.is_own(class.unit) && !self.function(callee).is_async {
                        acc.push(Target::Run { callee, via: Via::Property, sure });
                    }
                }
                break;
            }
        }
    }

    pub(super) fn index_targets(&self, function: FunctionRef, value: ValueId, acc: &mut Vec<Target>) {
        let facts = &self.unit(function.unit).facts;
        let Value::Subscript(base, _) = facts.value(value) else { return };
        let bases = self.evaluate(ValueRef { unit: function.unit, value: base });
        let sure = sureness(&bases);
        for val in &bases.known {
            let Val::Instance(class, _) = val else { continue };
            if !self.is_own(class.unit) {
                continue;
            }
            let Ok(method) = Evaluation::new(self).attribute(class.unit, val, "__getitem__") else { continue };
            for val in &method.known {
                if let Val::Bound(callee, _) = val
                    && self.is_own(callee.unit)
                    && !self.function(*callee).is_async
                {
                    acc.push(Target::Run { callee: *callee, via: Via::Index, sure });
                }
            }
        }
    }
}

fn is_consumer(path: &str) -> bool {
    matches!(
        path,
        "builtins.next"
            | "builtins.sum"
            | "builtins.min"
            | "builtins.max"
            | "builtins.any"
            | "builtins.all"
            | "builtins.sorted"
            | "builtins.len"
            | "builtins.list"
            | "builtins.tuple"
            | "builtins.set"
            | "builtins.dict"
            | "builtins.frozenset"
            | "builtins.str.join"
            | "builtins.list.extend"
            | "builtins.set.update"
            | "builtins.dict.update"
            | "collections.deque"
            | "functools.reduce"
    )
}
