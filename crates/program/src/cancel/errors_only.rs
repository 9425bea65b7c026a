//! Handlers that put something right after an error, and not after a cancellation, which passes them by.

use raddle_facts::flow::{Handler, interpret_block};
use raddle_facts::{ActKind, BlockId, FileFacts, Flow, LoopKind, Value, ValueId};
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
    /// It closes what the object holds, or the object itself.
    Closes,
    /// It sets a flag that `finally` asks.
    Flags,
    /// It notes the error, so that a loop cleans up the rest.
    Skips,
}

/// Methods with which an object gives up what it holds.
const CLOSERS: &[&str] = &[
    "close",
    "aclose",
    "disconnect",
    "abort",
    "terminate",
    "release",
    "shutdown",
    "force_disconnect",
    "force_close",
    "_close",
    "_cleanup",
    "_disconnect",
    "_abort",
];
/// Words in the names of functions that clean up.
const CLEANUPS: &[&str] =
    &["cleanup", "clean_up", "close", "shutdown", "teardown", "tear_down", "dispose", "disconnect", "exit"];

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
        let steps = facts.steps_below(facts.function(function.function).body);
        let loops: Vec<Vec<u32>> = steps
            .iter()
            .filter_map(|it| match *it {
                Flow::Loop { kind: LoopKind::For(_), body, .. } => Some(facts.acts_below(body)),
                _ => None,
            })
            .collect();
        for flow in steps {
            let Flow::Try { body, handlers, finally, .. } = flow else { continue };
            let handlers = handlers_of(facts, handlers);
            if handlers.is_empty() || handlers.iter().any(|it| self.caught(function.unit, it).is_some()) {
                continue;
            }
            let Some(awaits) = self.escapes(function, body) else { continue };
            for handler in handlers {
                let breadth = self.breadth(function.unit, handler);
                let changes = changes.get_or_insert_with(|| self.changes(function));
                let in_loop = loops.iter().any(|it| it.contains(&awaits[0]));
                let one = Looked { program: self, facts, function, handler, finally, breadth, changes, in_loop };
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
    in_loop: bool,
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
        let kind = facts.acts[at as usize].kind;
        if let ActKind::Write(place, value) = kind
            && passes_on
            && facts.value(value) == Value::True
            && matches!(facts.value(place), Value::Name(..))
            && self.finally_asks_a_flag()
        {
            return Some((Remedy::Flags, place, at));
        }
        if self.breadth == Breadth::Other {
            return None;
        }
        if passes_on && let Some(changed) = self.changes.iter().find(|it| it.made < at && it.undos.contains(&at)) {
            return Some((Remedy::Undoes, changed.subject, at));
        }
        match kind {
            ActKind::Write(place, value) if passes_on => {
                let resets = matches!(facts.value(value), Value::None) && self.is_of_self(place);
                resets.then_some((Remedy::Resets, place, at))
            }
            ActKind::Call(call) => {
                let Value::Call(callee, arguments) = facts.value(call) else { return None };
                let Value::Attribute(base, name) = facts.value(callee) else { return None };
                let name = facts.text(name);
                if passes_on && CLOSERS.contains(&name) && (self.is_self(base) || self.is_of_self(base)) {
                    return Some((Remedy::Closes, base, at));
                }
                if self.breadth != Breadth::Everything {
                    return None;
                }
                if name == "set_exception" && self.gets_result(base) {
                    return Some((Remedy::Tells, base, at));
                }
                let notes = name == "append"
                    && self.in_loop
                    && !passes_on
                    && self.cleans_up()
                    && facts.arguments(arguments).iter().any(|it| Some(it.value) == self.handled());
                notes.then_some((Remedy::Skips, base, at))
            }
            _ => None,
        }
    }

    fn is_self(&self, value: ValueId) -> bool {
        matches!(self.facts.value(value), Value::Parameter(_, 0)) && self.program.class_of(self.function).is_some()
    }

    fn is_of_self(&self, place: ValueId) -> bool {
        matches!(self.facts.value(place), Value::Attribute(base, _) if matches!(self.facts.value(base), Value::Parameter(..)))
    }

    /// The value that the handler's name stands for.
    fn handled(&self) -> Option<ValueId> {
        let class = self.handler.class.filter(|_| self.handler.name.is_some())?;
        let at = self.facts.values.iter().position(|it| *it == Value::Annotated(class))?;
        Some(ValueId(at as u32))
    }

    fn cleans_up(&self) -> bool {
        let name = self.facts.text(self.facts.function(self.function.function).name);
        CLEANUPS.iter().any(|it| name.contains(it))
    }

    /// Whether `finally` decides by a variable that is true on some ways and false on others.
    fn finally_asks_a_flag(&self) -> bool {
        let facts = self.facts;
        // A handler that raises adds nothing to what the variable is known to be in `finally`.
        let is_flag = |value: ValueId| match facts.value(value) {
            Value::False => true,
            Value::Union(list) => {
                let values = facts.list(list);
                values.iter().all(|it| matches!(facts.value(*it), Value::True | Value::False))
            }
            _ => false,
        };
        facts.steps_below(self.finally).iter().any(|it| matches!(*it, Flow::Branch { test, .. } if is_flag(test)))
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
