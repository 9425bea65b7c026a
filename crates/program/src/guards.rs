//! Conditions that say where or how often code runs: tests of the thread or loop, modes, first-time initialisation.

use raddle_facts::{ActKind, FileFacts, FunctionId, GuardId, GuardKind, Test, Value, ValueId};

use crate::Program;
use crate::unit::{FunctionRef, UnitId, ValueRef};
use crate::val::Val;

/// What the conditions around an act say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Guarded {
    /// The code asked which thread or loop runs it.
    pub knows_where: bool,
    /// A flag says whether the synchronous way is meant.
    pub by_mode: bool,
    /// The code runs only when something is not there yet.
    pub once: bool,
    /// The code runs only when something else failed.
    pub on_error: bool,
}

/// Helpers that ask where they run are followed this far.
const DEEPEST: u32 = 3;

impl Program {
    /// What the conditions around an act of a unit say.
    #[must_use]
    pub fn guarded(&self, unit: UnitId, guard: GuardId) -> Guarded {
        let facts = &self.unit(unit).facts;
        let mut guarded = Guarded::default();
        let mut at = guard;
        while at != GuardId::ALWAYS {
            let it = facts.guards[at.0 as usize];
            match it.kind {
                GuardKind::If(test) => self.condition(unit, test, true, &mut guarded),
                GuardKind::Unless(test) => self.condition(unit, test, false, &mut guarded),
                GuardKind::Handler(_, start, end) => {
                    guarded.knows_where |= self.range_probes(unit, start, end);
                    guarded.on_error = true;
                }
                GuardKind::NoException(..) | GuardKind::Always => {}
            }
            at = it.parent;
        }
        guarded
    }

    fn condition(&self, unit: UnitId, test: ValueId, holds: bool, guarded: &mut Guarded) {
        guarded.knows_where |= self.is_probe(ValueRef { unit, value: test }, 0);
        let facts = &self.unit(unit).facts;
        guarded.by_mode |= is_mode(facts, test, 0);
        guarded.once |= is_first_time(facts, test, holds);
    }

    /// Whether a condition looks at the running thread or loop.
    fn is_probe(&self, at: ValueRef, depth: u32) -> bool {
        let facts = &self.unit(at.unit).facts;
        let inner = |value| ValueRef { unit: at.unit, value };
        match facts.value(at.value) {
            Value::Test(_, parts) => facts.list(parts).iter().any(|it| self.is_probe(inner(*it), depth)),
            Value::Union(parts) => facts.list(parts).iter().any(|it| self.is_probe(inner(*it), depth)),
            Value::Call(callee, _) => self.evaluate(inner(callee)).known.iter().any(|val| match val {
                Val::Outside(path, _) => self.models.probes(path),
                Val::Function(function) | Val::Bound(function, _) => self.asks_where(*function, depth + 1),
                _ => false,
            }),
            Value::Attribute(base, name) => {
                let name_text = facts.text(name);
                if matches!(name_text, "ident" | "native_id" | "name") {
                    return self.is_probe(inner(base), depth + 1);
                }
                self.property_probes(inner(base), name_text, depth)
            }
            Value::Name(scope, sym) if depth < DEEPEST => {
                let bindings = raddle_facts::file::equal_range(&facts.scope(scope).bindings, sym);
                bindings.iter().any(|(_, value)| *value != at.value && self.is_probe(inner(*value), depth + 1))
            }
            _ => false,
        }
    }

    fn property_probes(&self, base: ValueRef, name: &str, depth: u32) -> bool {
        if depth >= DEEPEST || !self.is_property_name(name) {
            return false;
        }
        self.evaluate(base).known.iter().any(|val| {
            let Val::Instance(class, _) = val else { return false };
            self.ancestors(*class).iter().any(|ancestor| {
                let crate::members::Ancestor::Class(class) = ancestor else { return false };
                let facts = &self.unit(class.unit).facts;
                facts.bindings(facts.class(class.class).scope, name).iter().any(|(_, value)| {
                    let Value::Function(function) = facts.value(*value) else { return false };
                    self.asks_where(FunctionRef { unit: class.unit, function }, depth + 1)
                })
            })
        })
    }

    /// Whether a function of the project looks at the running thread or loop.
    fn asks_where(&self, function: FunctionRef, depth: u32) -> bool {
        if !self.is_own(function.unit) {
            return self.models.probes(&self.function_name(function));
        }
        if depth > DEEPEST || function.function == FunctionId::MODULE {
            return false;
        }
        let (start, end) = self.function(function).acts;
        end - start < 40 && self.acts_probe(function.unit, start, end, depth)
    }

    fn range_probes(&self, unit: UnitId, start: u32, end: u32) -> bool {
        end - start < 40 && self.acts_probe(unit, start, end, 1)
    }

    fn acts_probe(&self, unit: UnitId, start: u32, end: u32, depth: u32) -> bool {
        let facts = &self.unit(unit).facts;
        facts.acts[start as usize..end as usize].iter().any(|act| match act.kind {
            ActKind::Call(call) => self.is_probe(ValueRef { unit, value: call }, depth),
            ActKind::Load(value) => self.is_probe(ValueRef { unit, value }, depth),
            _ => false,
        })
    }
}

/// Whether a condition is a flag that chooses between a synchronous and an asynchronous way.
fn is_mode(facts: &FileFacts, test: ValueId, depth: u32) -> bool {
    if depth > 4 {
        return false;
    }
    let named = |sym| {
        matches!(
            facts.text(sym),
            "asynchronous"
                | "is_async"
                | "async_mode"
                | "_async"
                | "async_"
                | "use_async"
                | "sync"
                | "is_sync"
                | "_asynchronous"
                | "_is_async"
                | "aio"
                | "in_async"
                | "async_flag"
        )
    };
    match facts.value(test) {
        Value::Test(_, parts) => facts.list(parts).iter().any(|it| is_mode(facts, *it, depth + 1)),
        Value::Name(_, sym) | Value::Attribute(_, sym) => named(sym),
        Value::Parameter(function, place) => {
            facts.function(function).parameters.get(place as usize).is_some_and(|it| named(it.name))
        }
        Value::Call(callee, _) => match facts.value(callee) {
            Value::Attribute(_, sym) | Value::Name(_, sym) | Value::ImportFrom(_, sym) => named(sym),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a condition asks if a kept thing is not there yet: `self._x is None`, `not _cache`, `key not in self._seen`.
fn is_first_time(facts: &FileFacts, test: ValueId, holds: bool) -> bool {
    let kept = |value: ValueId| is_kept(facts, value);
    match facts.value(test) {
        Value::Test(Test::IsNone, parts) => holds && facts.list(parts).first().is_some_and(|it| kept(*it)),
        Value::Test(Test::IsNotNone, parts) => !holds && facts.list(parts).first().is_some_and(|it| kept(*it)),
        Value::Test(Test::NotIn, parts) => holds && facts.list(parts).last().is_some_and(|it| kept(*it)),
        Value::Test(Test::In, parts) => !holds && facts.list(parts).last().is_some_and(|it| kept(*it)),
        Value::Test(Test::Not, parts) => {
            facts.list(parts).iter().any(|it| if kept(*it) { holds } else { is_first_time(facts, *it, !holds) })
        }
        Value::Test(Test::And, parts) => holds && facts.list(parts).iter().any(|it| is_first_time(facts, *it, true)),
        Value::Attribute(..) | Value::Name(..) => !holds,
        _ => false,
    }
}

/// Whether a value lives longer than the call: an attribute, a variable of the module, `getattr(function, "_cached", None)`.
fn is_kept(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Attribute(..) | Value::Name(..) => true,
        Value::Union(list) => {
            let parts = facts.list(list);
            let is_attribute = |it: &ValueId| matches!(facts.value(*it), Value::Attribute(..));
            parts.iter().any(is_attribute) && parts.iter().all(|it| is_attribute(it) || facts.value(*it) == Value::None)
        }
        _ => false,
    }
}
