//! Calls that cannot be what they look like: what they return is awaited, or an argument of theirs decides otherwise.

use raddle_facts::{ActKind, FunctionId, GuardKind, Value, ValueId};

use crate::Program;
use crate::members::Ancestor;
use crate::runs_on::Edge;
use crate::unit::{FunctionRef, ValueRef};
use crate::user_code::is_awaited_later;
use crate::val::Val;

impl Program {
    /// Whether a coroutine awaits later what a call returned: then a plain function that makes nothing to await is not
    /// what ran, but the async twin that a decorator or a factory puts in its place.
    pub(crate) fn is_twin(&self, function: FunctionRef, act: u32, callee: FunctionRef) -> bool {
        let facts = &self.unit(function.unit).facts;
        let it = facts.acts[act as usize];
        let ActKind::Call(call) = it.kind else { return false };
        let plain = !self.function(callee).is_async && self.function(callee).returns.is_some();
        plain
            && !it.awaited
            && self.function(function).is_async
            && is_awaited_later(facts, facts.acts_of(function.function), call)
            && self.made(function.unit, call).is_none()
    }

    /// Whether an act stands in the branch that a call into its function does not take: the other side of
    /// `isinstance(parameter, Class)`, where the argument is known to be one.
    pub(crate) fn argument_rules_out(&self, edge: &Edge, act: u32) -> bool {
        let callee = edge.callee;
        let facts = &self.unit(callee.unit).facts;
        let it = &facts.acts[act as usize];
        facts.guards_of(it).any(|guard| {
            let GuardKind::Unless(test) = guard else { return false };
            let Some((place, class)) = asks_class(facts, callee.function, test) else { return false };
            self.given_for(edge, place)
                .is_some_and(|given| self.is_surely(given, ValueRef { unit: callee.unit, value: class }))
        })
    }

    /// What a call gives for a parameter.
    fn given_for(&self, edge: &Edge, place: u16) -> Option<ValueRef> {
        let facts = &self.unit(edge.caller.unit).facts;
        let ActKind::Call(call) = facts.acts[edge.act as usize].kind else { return None };
        let Value::Call(_, arguments) = facts.value(call) else { return None };
        let bound = self.function(edge.callee).class.is_some();
        let pairs = self.parameters_of(edge.callee, bound, facts, facts.arguments(arguments));
        let (_, value) = pairs.into_iter().find(|(at, _)| *at == place)?;
        Some(ValueRef { unit: edge.caller.unit, value })
    }

    /// Whether everything that a value may be is an instance of a class.
    fn is_surely(&self, given: ValueRef, class: ValueRef) -> bool {
        let [Val::Class(wanted)] = &self.evaluate(class).known[..] else { return false };
        let vals = self.evaluate(given);
        vals.unknown.is_none()
            && !vals.known.is_empty()
            && vals.known.iter().all(|val| match val {
                Val::Instance(class, _) => {
                    self.ancestors(*class).iter().any(|it| matches!(it, Ancestor::Class(it) if it == wanted))
                }
                _ => false,
            })
    }

    /// Whether the project tells a socket, by the name of the attribute that holds it, never to wait.
    pub(crate) fn never_waits(&self, attribute: &str) -> bool {
        self.own_units().any(|(_, unit)| {
            let facts = &unit.facts;
            let mentioned = |name: &str| facts.symbols.find(name).is_some();
            mentioned(attribute)
                && (mentioned("setblocking") || mentioned("settimeout"))
                && facts.acts.iter().any(|act| {
                    let ActKind::Call(call) = act.kind else { return false };
                    let Value::Call(callee, arguments) = facts.value(call) else { return false };
                    let Value::Attribute(base, name) = facts.value(callee) else { return false };
                    let first = facts.arguments(arguments).first().map(|it| facts.value(it.value));
                    matches!(facts.text(name), "setblocking" | "settimeout")
                        && matches!(first, Some(Value::False | Value::Zero))
                        && matches!(facts.value(base), Value::Attribute(_, it) if facts.text(it) == attribute)
                })
        })
    }
}

/// `isinstance(parameter, Class)`: which parameter, and the class.
fn asks_class(facts: &raddle_facts::FileFacts, function: FunctionId, test: ValueId) -> Option<(u16, ValueId)> {
    let Value::Call(callee, arguments) = facts.value(test) else { return None };
    let [subject, class] = facts.arguments(arguments) else { return None };
    let Value::Parameter(owner, place) = facts.value(subject.value) else { return None };
    (owner == function && facts.last_name(callee) == Some("isinstance")).then_some((place, class.value))
}
