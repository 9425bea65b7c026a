//! Locks held across a point where the event loop turns to other tasks.

use std::sync::Arc;

use raddle_facts::models::Waiter;
use raddle_facts::{ActKind, HeldId, Value, ValueId};
use raddle_vocabulary::Span;

use crate::Program;
use crate::members::Ancestor;
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Val;

/// A thread lock that a coroutine holds while it waits for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAcross {
    /// The coroutine.
    pub function: FunctionRef,
    /// The lock, as it is written.
    pub lock: String,
    /// Where it is taken.
    pub taken: Span,
    /// Where the coroutine waits.
    pub waits: Span,
    /// Whether the same task may take it again.
    pub reentrant: bool,
}

impl Program {
    /// Thread locks that coroutines hold across an `await`, once per `with` item.
    #[must_use]
    pub fn held_across_await(&self, function: FunctionRef) -> Vec<HeldAcross> {
        let facts = &self.unit(function.unit).facts;
        let mut found: Vec<HeldAcross> = Vec::new();
        let mut taken: Vec<(ValueId, Span, bool)> = Vec::new();
        for act in facts.acts_of(function.function) {
            match act.kind {
                ActKind::Call(call) if !act.awaited => self.explicit(function, call, act.span, &mut taken),
                ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) => {
                    for held in facts.held_by(act).filter(|it| !it.is_async) {
                        if found.iter().any(|it| it.taken == held.span) {
                            continue;
                        }
                        let manager = ValueRef { unit: function.unit, value: held.manager };
                        if let Some(reentrant) = self.thread_lock(manager) {
                            let lock = self.written(function, held.manager);
                            let (taken, waits) = (held.span, act.span);
                            found.push(HeldAcross { function, lock, taken, waits, reentrant });
                        }
                    }
                    for (lock, span, reentrant) in taken.drain(..) {
                        let lock = self.written(function, lock);
                        found.push(HeldAcross { function, lock, taken: span, waits: act.span, reentrant });
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// `lock.acquire()` and `lock.release()` on their own.
    fn explicit(&self, function: FunctionRef, call: ValueId, span: Span, taken: &mut Vec<(ValueId, Span, bool)>) {
        let facts = &self.unit(function.unit).facts;
        let Value::Call(callee, arguments) = facts.value(call) else { return };
        let Value::Attribute(lock, name) = facts.value(callee) else { return };
        match facts.text(name) {
            // A lock that was made just now is taken at once, and marks something as taken.
            "acquire" if arguments.len == 0 && !matches!(facts.value(lock), Value::Call(..)) => {
                if let Some(reentrant) = self.thread_lock(ValueRef { unit: function.unit, value: lock }) {
                    taken.push((lock, span, reentrant));
                }
            }
            "release" => taken.retain(|(it, ..)| *it != lock),
            "enter_context" => {
                for argument in facts.arguments(arguments).iter().take(1) {
                    let at = ValueRef { unit: function.unit, value: argument.value };
                    if let Some(reentrant) = self.thread_lock(at) {
                        taken.push((argument.value, span, reentrant));
                    }
                }
            }
            _ => {}
        }
    }

    /// Whether a context manager is, or holds while it is entered, a lock that stops the thread; and whether it is re-entrant.
    fn thread_lock(&self, at: ValueRef) -> Option<bool> {
        let vals = self.evaluate(at);
        if vals.known.is_empty() {
            return None;
        }
        // Every reading must be a lock: `nullcontext() if free else lock` says nothing certain.
        let mut answer = None;
        for val in &vals.known {
            let reentrant = match val {
                Val::Instance(class, _) => self.lock_class(*class)?,
                Val::OutsideInstance(name) => self.lock_name(name)?,
                Val::Manager(function) => self.yields_under_lock(*function)?,
                _ => return None,
            };
            answer = Some(reentrant);
        }
        answer
    }

    fn lock_name(&self, name: &str) -> Option<bool> {
        let (_, reentrant, waiter) = self.models.lock(name)?;
        matches!(waiter, Waiter::Thread | Waiter::Process).then_some(reentrant)
    }

    fn lock_class(&self, class: ClassRef) -> Option<bool> {
        self.ancestors(class).iter().find_map(|ancestor| match ancestor {
            Ancestor::Class(class) => self.lock_name(&self.class_name(*class)),
            Ancestor::Outside(name) => self.lock_name(name),
            Ancestor::Unknown => None,
        })
    }

    /// A `@contextmanager` that yields inside `with lock:`.
    fn yields_under_lock(&self, function: FunctionRef) -> Option<bool> {
        if !self.is_own(function.unit) {
            return None;
        }
        let facts = &self.unit(function.unit).facts;
        let yields = facts.acts_of(function.function).iter().find(|act| act.kind == ActKind::Yield)?;
        if yields.held == HeldId::NOTHING {
            return None;
        }
        facts
            .held_by(yields)
            .filter(|it| !it.is_async)
            .find_map(|held| self.thread_lock(ValueRef { unit: function.unit, value: held.manager }))
    }

    /// A value as a person would write it: `self.guard`, `lock`, `locked()`.
    #[must_use]
    pub fn written(&self, function: FunctionRef, value: ValueId) -> String {
        let facts = &self.unit(function.unit).facts;
        match facts.value(value) {
            Value::Name(_, name) | Value::ImportFrom(_, name) | Value::Import(name) => facts.text(name).to_owned(),
            Value::Parameter(owner, place) => facts
                .function(owner)
                .parameters
                .get(place as usize)
                .map_or_else(String::new, |it| facts.text(it.name).to_owned()),
            Value::Attribute(base, name) => {
                let base = self.written(function, base);
                if base.is_empty() { facts.text(name).to_owned() } else { format!("{base}.{}", facts.text(name)) }
            }
            Value::Call(callee, _) => format!("{}()", self.written(function, callee)),
            Value::Subscript(base, _) => format!("{}[…]", self.written(function, base)),
            Value::Function(function) => facts.text(facts.function(function).name).to_owned(),
            Value::Class(class) => facts.text(facts.class(class).name).to_owned(),
            Value::Union(list) => facts.list(list).first().map_or_else(String::new, |it| self.written(function, *it)),
            _ => String::new(),
        }
    }

    /// A name as a reader expects it: without `builtins.`.
    #[must_use]
    pub fn shown(path: &str) -> Arc<str> {
        path.strip_prefix("builtins.").unwrap_or(path).into()
    }
}
