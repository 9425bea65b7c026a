//! Handlers that put something right after an error, and not after a cancellation, which passes them by.

use raddle_facts::flow::{Handler, interpret_block};
use raddle_facts::{ActKind, BlockId, FileFacts, Flow, Value, ValueId};
use raddle_vocabulary::Span;
use rayon::prelude::*;

use super::changes::Changed;
use super::undone::handlers_of;
use crate::Program;
use crate::endless::WaysOut;
use crate::unit::{FunctionRef, UnitId, ValueRef};

/// What the handler does that a cancellation leaves undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remedy {
    /// It takes back what the function has changed.
    Undoes,
    /// It resets an attribute.
    Resets,
    /// It tells whoever waits for a future.
    Tells,
}

/// A handler that a cancellation passes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorsOnly {
    /// The class it catches, or the word `except`.
    pub at: Span,
    /// What it does.
    pub remedy: Remedy,
    /// To what.
    pub subject: ValueId,
    /// The act that does it.
    pub act: u32,
    /// The `await` at which the cancellation arrives.
    pub awaits: u32,
}

/// How much a handler catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breadth {
    Everything,
    Timeout,
    Other,
}

impl Program {
    /// Such handlers in every coroutine of the project.
    #[must_use]
    pub fn errors_only(&self) -> Vec<(FunctionRef, ErrorsOnly)> {
        let units: Vec<UnitId> = self.own_units().map(|(unit, _)| unit).collect();
        let found: Vec<Vec<(FunctionRef, ErrorsOnly)>> = units
            .into_par_iter()
            .map(|unit| {
                let functions = self.functions_of(unit).filter(|it| self.function(*it).is_async);
                functions.flat_map(|it| self.errors_only_in(it).into_iter().map(move |one| (it, one))).collect()
            })
            .collect();
        found.into_iter().flatten().collect()
    }

    fn errors_only_in(&self, function: FunctionRef) -> Vec<ErrorsOnly> {
        let facts = &self.unit(function.unit).facts;
        let mut found = Vec::new();
        let mut changes: Option<Vec<Changed>> = None;
        for flow in facts.steps_below(facts.function(function.function).body) {
            let Flow::Try { body, handlers, finally, .. } = flow else { continue };
            let handlers = handlers_of(facts, handlers);
            if handlers.is_empty() || handlers.iter().any(|it| self.caught(function.unit, it).is_some()) {
                continue;
            }
            let Some(awaits) = self.escapes(function, body) else { continue };
            for handler in handlers {
                let breadth = self.breadth(function.unit, handler);
                if breadth == Breadth::Other {
                    continue;
                }
                let changes = changes.get_or_insert_with(|| self.changes(function));
                let one = Looked { program: self, facts, function, handler, finally, breadth, changes };
                if let Some((remedy, subject, act)) = one.remedy() {
                    found.push(ErrorsOnly { at: handler.head, remedy, subject, act, awaits: awaits[0] });
                }
            }
        }
        found
    }

    fn breadth(&self, unit: UnitId, handler: &Handler) -> Breadth {
        let Some(class) = handler.class else { return Breadth::Other };
        let facts = &self.unit(unit).facts;
        let classes = match facts.value(class) {
            Value::Display(_, list) => facts.list(list).to_vec(),
            _ => vec![class],
        };
        let mut breadth = Breadth::Other;
        for value in classes {
            for val in &self.evaluate(ValueRef { unit, value }).known {
                let name = match val {
                    crate::val::Val::Class(class) => self.class_name(*class),
                    crate::val::Val::Outside(name, _) => name.clone(),
                    _ => continue,
                };
                match &*name {
                    "builtins.Exception" => return Breadth::Everything,
                    "builtins.TimeoutError" | "asyncio.TimeoutError" | "asyncio.exceptions.TimeoutError" => {
                        breadth = Breadth::Timeout;
                    }
                    _ => {}
                }
            }
        }
        breadth
    }
}

struct Looked<'p> {
    program: &'p Program,
    facts: &'p FileFacts,
    function: FunctionRef,
    handler: &'p Handler,
    finally: BlockId,
    breadth: Breadth,
    changes: &'p [Changed],
}

impl Looked<'_> {
    fn remedy(&self) -> Option<(Remedy, ValueId, u32)> {
        let acts = self.facts.acts_below(self.handler.body);
        let after = self.facts.acts_below(self.finally);
        let passes_on = self.passes_on();
        acts.into_iter().find_map(|at| {
            let found = self.remedy_at(at, passes_on)?;
            let done_anyway =
                after.iter().any(|it| self.facts.acts[*it as usize].kind == self.facts.acts[at as usize].kind);
            (!done_anyway).then_some(found)
        })
    }

    fn remedy_at(&self, at: u32, passes_on: bool) -> Option<(Remedy, ValueId, u32)> {
        let facts = self.facts;
        if passes_on && let Some(changed) = self.changes.iter().find(|it| it.made < at && it.undos.contains(&at)) {
            return Some((Remedy::Undoes, changed.subject, at));
        }
        match facts.acts[at as usize].kind {
            ActKind::Write(place, value) if passes_on => {
                let resets = matches!(facts.value(value), Value::None)
                    && matches!(facts.value(place), Value::Attribute(base, _) if matches!(facts.value(base), Value::Parameter(..)));
                resets.then_some((Remedy::Resets, place, at))
            }
            ActKind::Call(call) if self.breadth == Breadth::Everything => {
                let Value::Call(callee, _) = facts.value(call) else { return None };
                let Value::Attribute(base, name) = facts.value(callee) else { return None };
                let tells = facts.text(name) == "set_exception" && self.gets_result(base);
                tells.then_some((Remedy::Tells, base, at))
            }
            _ => None,
        }
    }

    /// Whether the handler always raises in the end.
    fn passes_on(&self) -> bool {
        let exits = interpret_block(self.facts, self.handler.body, &mut WaysOut, ());
        exits.raised.is_some()
            && exits.fall.is_none()
            && exits.returned.is_none()
            && exits.broke.is_none()
            && exits.continued.is_none()
    }

    /// Whether the function gives the same future its result.
    fn gets_result(&self, future: ValueId) -> bool {
        let facts = self.facts;
        facts.acts_of(self.function.function).iter().any(|act| {
            let ActKind::Call(call) = act.kind else { return false };
            let Value::Call(callee, _) = facts.value(call) else { return false };
            matches!(facts.value(callee), Value::Attribute(base, name) if base == future && facts.text(name) == "set_result")
        }) && self.program.is_own(self.function.unit)
    }
}
