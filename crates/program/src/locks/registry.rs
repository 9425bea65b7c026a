//! Callables that an object keeps and calls later: listeners, handlers, callbacks of futures.
//!
//! A function that stores its parameter under an attribute is a registrar of that attribute. What the project gives to
//! its registrars is what a call through the attribute may run.

use std::sync::Arc;

use raddle_facts::{ActKind, FileFacts, Keyword, Value, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::LockKey;
use super::held::called_method;
use crate::Program;
use crate::calls::Target;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

/// A function that keeps what its parameter is given, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registrar {
    /// The function.
    pub function: FunctionRef,
    /// The parameter.
    pub place: u16,
    /// The attribute or variable it is kept under.
    pub kept: LockKey,
}

/// All that objects of the project keep to call later.
#[derive(Debug, Default)]
pub struct Registry {
    /// Who keeps what.
    pub registrars: Vec<Registrar>,
    /// What was given, by where it is kept, with the act that gave it.
    pub given: FxHashMap<LockKey, Vec<(FunctionRef, FunctionRef, u32)>>,
}

/// How a callable that somebody else supplied is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserKind {
    /// One of several that were registered.
    Listener,
    /// A future is completed, which calls what was added to it.
    Completion,
    /// One that was given to the object.
    Callable,
}

/// A call of code that somebody else supplied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserCall {
    /// How.
    pub kind: UserKind,
    /// What is called, as it is written.
    pub written: Arc<str>,
    /// Where the callable is kept.
    pub kept: Option<LockKey>,
}

/// Registrars that hand on to registrars are followed this far.
const ROUNDS: usize = 3;
/// More callables under one attribute than this say nothing.
const MOST: usize = 40;

impl Program {
    /// What the objects of the project keep to call later, found once.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.memo.shared.registry.get_or_init(|| Arc::new(self.find_registry())).clone()
    }

    fn find_registry(&self) -> Registry {
        let mut registry = Registry::default();
        for (unit, _) in self.own_units() {
            for function in self.functions_of(unit) {
                self.registrars_in(function, &mut registry.registrars);
            }
        }
        let mut seen: FxHashSet<Registrar> = registry.registrars.iter().cloned().collect();
        let mut news = registry.registrars.clone();
        for _ in 0..ROUNDS {
            let mut next = Vec::new();
            for registrar in &news {
                self.follow_registrar(registrar, &mut registry.given, &mut next);
            }
            next.retain(|it| seen.insert(it.clone()));
            registry.registrars.extend(next.iter().cloned());
            news = next;
        }
        self.added_to_futures(&mut registry.given);
        registry.given.values_mut().for_each(|it| {
            it.sort_unstable();
            it.dedup_by_key(|(callable, ..)| *callable);
        });
        registry.given.retain(|_, it| it.len() <= MOST);
        registry
    }

    /// What is added to futures, whatever futures they are.
    fn added_to_futures(&self, given: &mut FxHashMap<LockKey, Vec<(FunctionRef, FunctionRef, u32)>>) {
        for spawn in
            self.spawns().iter().filter(|it| it.by.ends_with("add_done_callback") && self.is_own(it.callee.unit))
        {
            given.entry(of_futures()).or_default().push((spawn.callee, spawn.function, spawn.act));
        }
        for (caller, act) in self.callers_of_name("add_done_callback") {
            let facts = &self.unit(caller.unit).facts;
            let ActKind::Call(call) = facts.acts[act as usize].kind else { continue };
            let Value::Call(_, arguments) = facts.value(call) else { continue };
            let Some(first) = facts.arguments(arguments).first() else { continue };
            for val in &self.evaluate(ValueRef { unit: caller.unit, value: first.value }).known {
                if let Val::Function(callable) | Val::Bound(callable, _) = val
                    && self.is_own(callable.unit)
                {
                    given.entry(of_futures()).or_default().push((*callable, caller, act));
                }
            }
        }
    }

    /// Where a function keeps its own parameters.
    fn registrars_in(&self, function: FunctionRef, acc: &mut Vec<Registrar>) {
        let facts = &self.unit(function.unit).facts;
        let mut keep = |container: ValueId, value: ValueId| {
            if let Some(place) = parameter_in(facts, function, value, 0)
                && let Some(kept) = self.kept_under(function, container)
            {
                acc.push(Registrar { function, place, kept });
            }
        };
        for act in facts.acts_of(function.function) {
            match act.kind {
                ActKind::Call(call) => {
                    let Some((base, "append" | "add" | "insert" | "appendleft")) = called_method(facts, call) else {
                        continue;
                    };
                    let Value::Call(_, arguments) = facts.value(call) else { continue };
                    if let Some(last) = facts.arguments(arguments).last() {
                        keep(base, last.value);
                    }
                }
                ActKind::Write(place, value) => match facts.value(place) {
                    Value::Attribute(..) => keep(place, value),
                    Value::Subscript(base, _) => keep(base, value),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// What the calls of a registrar give it.
    fn follow_registrar(
        &self,
        registrar: &Registrar,
        given: &mut FxHashMap<LockKey, Vec<(FunctionRef, FunctionRef, u32)>>,
        next: &mut Vec<Registrar>,
    ) {
        for (caller, act) in self.callers_by_name(registrar.function) {
            let facts = &self.unit(caller.unit).facts;
            let ActKind::Call(call) = facts.acts[act as usize].kind else { continue };
            let leads = self.targets(caller, &facts.acts[act as usize]).iter().any(|target| match target {
                Target::Run { callee, .. } => *callee == registrar.function,
                // The name alone says it where the object is not known.
                Target::Opaque(_) => self.function(registrar.function).class.is_some(),
                _ => false,
            });
            if !leads {
                continue;
            }
            let Some(value) = self.given(registrar.function, registrar.place, caller, call) else { continue };
            if let Some(place) = parameter_in(facts, caller, value, 0) {
                next.push(Registrar { function: caller, place, kept: registrar.kept.clone() });
            }
            for val in &self.evaluate(ValueRef { unit: caller.unit, value }).known {
                let mut val = val.clone();
                while let Val::Partial(inner, _) = val {
                    val = (*inner).clone();
                }
                if let Val::Function(callable) | Val::Bound(callable, _) = val
                    && self.is_own(callable.unit)
                {
                    given.entry(registrar.kept.clone()).or_default().push((callable, caller, act));
                }
            }
        }
    }

    /// The attribute or variable behind `list(self._listeners.values())`, `self._listeners[event]` and the like.
    pub(super) fn kept_under(&self, function: FunctionRef, container: ValueId) -> Option<LockKey> {
        let facts = &self.unit(function.unit).facts;
        let mut at = container;
        for _ in 0..8 {
            at = match facts.value(at) {
                Value::Subscript(base, _) | Value::Element(base) | Value::Unpacked(base, _) => base,
                Value::Declared(_, inner) | Value::Narrowed(inner, _) => inner,
                Value::Call(callee, arguments) => match (facts.value(callee), facts.arguments(arguments)) {
                    (Value::Attribute(base, name), _)
                        if matches!(facts.text(name), "copy" | "values" | "items" | "get" | "setdefault" | "pop") =>
                    {
                        base
                    }
                    (_, [only]) if only.keyword == Keyword::Positional => {
                        let name = facts.called_name(callee)?;
                        if !matches!(name, "list" | "tuple" | "set" | "sorted" | "reversed" | "iter" | "enumerate") {
                            return None;
                        }
                        only.value
                    }
                    _ => return None,
                },
                Value::Attribute(..) | Value::Name(..) => {
                    let (key, _) = self.place_of(function, at, 0)?;
                    return matches!(key, LockKey::Global(..) | LockKey::Member(..)).then_some(key);
                }
                _ => return None,
            };
        }
        None
    }

    /// What a call runs that somebody else supplied.
    pub(super) fn user_call(&self, function: FunctionRef, call: ValueId) -> Option<UserCall> {
        let facts = &self.unit(function.unit).facts;
        let Value::Call(callee, _) = facts.value(call) else { return None };
        let kind = match facts.value(callee) {
            Value::Attribute(_, name) if matches!(facts.text(name), "set_result" | "set_exception") => {
                if self.is_loop_future(function, callee) || self.is_fresh_receiver(function, call) {
                    return None;
                }
                UserKind::Completion
            }
            Value::Element(_) | Value::Unpacked(..) | Value::Subscript(..) => UserKind::Listener,
            Value::Attribute(base, name) if is_event_name(facts.text(name)) && is_element(facts, base) => {
                UserKind::Listener
            }
            Value::Attribute(..) => UserKind::Callable,
            _ => return None,
        };
        let written: Arc<str> = self.written(function, callee).into();
        if kind == UserKind::Completion {
            return Some(UserCall { kind, written: facts.called_name(callee)?.into(), kept: Some(of_futures()) });
        }
        let container = match facts.value(callee) {
            Value::Attribute(base, _) if kind == UserKind::Listener => base,
            _ => callee,
        };
        let kept = self.kept_under(function, container).or_else(|| self.kept_by_callers(function, container))?;
        let kept_there = self.registry().registrars.iter().any(|it| it.kept == kept);
        let written = if kind == UserKind::Listener { crate::locks::key_text(self, &kept).into() } else { written };
        kept_there.then_some(UserCall { kind, written, kept: Some(kept) })
    }

    /// Whether a method is called on an object that the function has made itself.
    pub(super) fn is_fresh_receiver(&self, function: FunctionRef, call: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let Some((base, _)) = called_method(facts, call) else { return false };
        let Value::Call(made, _) = facts.value(base) else { return false };
        let vals = self.evaluate(ValueRef { unit: function.unit, value: made });
        let is_class = |val: &Val| match val {
            Val::Class(_) => true,
            Val::Outside(name, _) => name.rsplit('.').next().is_some_and(|it| it.starts_with(char::is_uppercase)),
            _ => false,
        };
        !vals.known.is_empty() && vals.known.iter().all(is_class)
    }

    /// The container that every caller of its class passes to a helper: `self._call_all(self._callbacks, value)`.
    fn kept_by_callers(&self, function: FunctionRef, container: ValueId) -> Option<LockKey> {
        let facts = &self.unit(function.unit).facts;
        let Value::Element(inner) = facts.value(container) else { return None };
        let Value::Parameter(of, place) = facts.value(inner) else { return None };
        if of != function.function {
            return None;
        }
        self.callers_by_name(function).into_iter().filter(|(caller, _)| caller.unit == function.unit).find_map(
            |(caller, act)| {
                let ActKind::Call(call) = facts.acts[act as usize].kind else { return None };
                self.kept_under(caller, self.given(function, place, caller, call)?)
            },
        )
    }

    /// Whether `future.set_result` belongs to an event loop, which calls its callbacks later.
    fn is_loop_future(&self, function: FunctionRef, callee: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let at = ValueRef { unit: function.unit, value: callee };
        let names = self.known_names(at);
        let known = !self.evaluate(at).is_empty();
        let of_loop = names.iter().any(|it| it.starts_with("asyncio.") || it.starts_with("tornado."));
        let imports = |name: &str| facts.imports.iter().any(|it| facts.text(*it).split('.').next() == Some(name));
        of_loop || !known && (imports("asyncio") || imports("trio") || imports("anyio")) && !imports("concurrent")
    }
}

/// Where the callbacks of futures are kept, of all of them together.
fn of_futures() -> LockKey {
    LockKey::Outside("add_done_callback".into())
}

fn is_event_name(name: &str) -> bool {
    name.starts_with("on_") || matches!(name, "notify" | "handle_event" | "callback")
}

fn is_weak(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Call(callee, _) => matches!(facts.called_name(callee), Some("ref" | "WeakMethod" | "ReferenceType")),
        _ => false,
    }
}

fn is_element(facts: &FileFacts, value: ValueId) -> bool {
    matches!(facts.value(value), Value::Element(_) | Value::Unpacked(..))
}

/// The parameter of a function that a value is, or wraps in a `partial` or an entry.
fn parameter_in(facts: &FileFacts, function: FunctionRef, value: ValueId, depth: u8) -> Option<u16> {
    if depth > 3 {
        return None;
    }
    let inside = |list: &[ValueId]| list.iter().find_map(|it| parameter_in(facts, function, *it, depth + 1));
    match facts.value(value) {
        Value::Parameter(of, place) if of == function.function => {
            let is_self = place == 0 && facts.function(of).class.is_some();
            (!is_self).then_some(place)
        }
        // A weak reference is called to get at what it refers to.
        Value::Union(list) if facts.list(list).iter().any(|it| is_weak(facts, *it)) => None,
        Value::Union(list) | Value::Display(_, list) => inside(facts.list(list)),
        Value::Declared(_, inner) | Value::Narrowed(inner, _) => parameter_in(facts, function, inner, depth + 1),
        Value::Call(callee, arguments) => {
            let wraps = matches!(facts.called_name(callee), Some("partial" | "wraps"));
            let first = facts.arguments(arguments).first()?;
            if wraps { parameter_in(facts, function, first.value, depth + 1) } else { None }
        }
        _ => None,
    }
}
