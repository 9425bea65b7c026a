//! Locks that a decorator holds around what it decorates, and that a function holds around a callable it is given.

use raddle_facts::{ActKind, FunctionId, Value, ValueId};
use smallvec::SmallVec;

use super::held::{FunctionLocks, Hold};
use super::summary::{Effect, Reached, Under};
use super::{LockKey, LockRef, Owner, Root};
use crate::Program;
use crate::calls::{Sure, Target};
use crate::handing::Wanted;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

/// A callable that is given to a function, which calls it under locks.
#[derive(Debug, Clone)]
pub(super) struct GivenUnder {
    caller: FunctionRef,
    act: u32,
    held: Vec<Hold>,
    value: ValueId,
    /// The callable.
    pub(super) callable: FunctionRef,
}

impl Program {
    /// What the wrappers of a decorated function hold when they call it, in its own words; `fronts` are those that the
    /// wrapper cannot name.
    pub(super) fn held_by_wrappers(
        &self,
        function: FunctionRef,
        depth: u8,
        around: &mut Vec<Hold>,
        fronts: &mut Vec<Hold>,
    ) {
        if self.function(function).decorators.is_empty() {
            return;
        }
        for wrapper in &self.decoration(function).wrappers {
            let front = wrapper.function;
            let Some(decorator) = self.enclosing_function(front) else { continue };
            if !wrapper.inner.now || !self.is_own(front.unit) || front == function {
                continue;
            }
            let locks = self.function_locks(front, depth + 1);
            let facts = &self.unit(front.unit).facts;
            let (start, end) = self.function(front).acts;
            let places = self.function(decorator).parameters.len().min(2) as u16;
            let call = (start..end).find(|at| {
                let ActKind::Call(call) = facts.acts[*at as usize].kind else { return false };
                let Value::Call(callee, _) = facts.value(call) else { return false };
                (0..places).any(|place| Wanted { facts, owner: decorator, place }.is(callee, 0))
            });
            let Some(call) = call else { continue };
            for hold in locks.held.get(&call).into_iter().flatten() {
                match hold.lock.key {
                    LockKey::Parameter(of, place) => {
                        let lock = self.given_to_decorator(function, of, place);
                        fronts.extend(lock.map(|lock| Hold { lock, scoped: true, ..hold.clone() }));
                    }
                    _ => around.extend(self.as_decorated(hold, front, function)),
                }
            }
            if locks.held.get(&call).is_none_or(Vec::is_empty) {
                fronts.extend(self.own_lock_around(function, front, call));
            }
        }
    }

    /// The lock in `@synchronized(lock)`.
    fn given_to_decorator(&self, function: FunctionRef, factory: FunctionRef, place: u16) -> Option<LockRef> {
        let facts = &self.unit(function.unit).facts;
        let module = FunctionRef { unit: function.unit, function: FunctionId::MODULE };
        self.function(function).decorators.iter().find_map(|decorator| {
            let Value::Call(callee, _) = facts.value(*decorator) else { return None };
            let vals = self.evaluate(ValueRef { unit: function.unit, value: callee });
            if !vals.known.iter().any(|val| matches!(val, Val::Function(it) if *it == factory)) {
                return None;
            }
            self.lock_at(module, self.given(factory, place, module, *decorator)?)
        })
    }

    /// `with self._lock` around the call in a wrapper that does not know whose method it stands before.
    fn own_lock_around(&self, function: FunctionRef, front: FunctionRef, call: u32) -> Option<Hold> {
        let class = self.class_of(function)?;
        let facts = &self.unit(front.unit).facts;
        let (start, _) = self.function(front).acts;
        facts.held_by(&facts.acts[call as usize]).filter(|it| !it.is_async).find_map(|held| {
            let Value::Attribute(base, name) = facts.value(held.manager) else { return None };
            if facts.value(base) != Value::Parameter(front.function, 0) {
                return None;
            }
            let act = (start..call).find(|at| facts.acts[*at as usize].kind == ActKind::Enter(held.manager))?;
            let owner = Owner { root: Root::Parameter(function, 0), fields: SmallVec::new() };
            let lock = self.lock_of_class(class, facts.text(name), &owner)?;
            Some(Hold { lock, taker: front, act, scoped: true })
        })
    }

    /// A lock of a wrapper as the decorated function names it.
    fn as_decorated(&self, hold: &Hold, front: FunctionRef, function: FunctionRef) -> Option<Hold> {
        if !matches!(hold.lock.key, LockKey::Global(..) | LockKey::Member(..)) {
            return None;
        }
        let owner = match hold.lock.owner.root {
            Root::Only => hold.lock.owner.clone(),
            Root::Parameter(of, 0) if of == front && self.function(function).class.is_some() => {
                Owner { root: Root::Parameter(function, 0), fields: hold.lock.owner.fields.clone() }
            }
            _ => return None,
        };
        Some(Hold { lock: LockRef { owner, ..hold.lock.clone() }, scoped: true, ..hold.clone() })
    }

    /// Callables that are given to functions which call their parameter under locks.
    pub(super) fn given_under(&self, locking: &[(FunctionRef, std::sync::Arc<FunctionLocks>)]) -> Vec<GivenUnder> {
        let mut found = Vec::new();
        for (function, locks) in locking {
            let facts = &self.unit(function.unit).facts;
            for (act, held) in locks.held.iter().filter(|(_, held)| !held.is_empty()) {
                let ActKind::Call(call) = facts.acts[*act as usize].kind else { continue };
                let Value::Call(callee, _) = facts.value(call) else { continue };
                let Value::Parameter(of, place) = facts.value(callee) else { continue };
                if of == function.function {
                    self.given_to(*function, place, held, &mut found);
                }
            }
        }
        found.sort_by_key(|it| (it.caller, it.act, it.callable));
        found
    }

    fn given_to(&self, function: FunctionRef, place: u16, held: &[Hold], acc: &mut Vec<GivenUnder>) {
        for (caller, act) in self.callers_by_name(function) {
            let facts = &self.unit(caller.unit).facts;
            let ActKind::Call(call) = facts.acts[act as usize].kind else { continue };
            let runs = self
                .targets(caller, &facts.acts[act as usize])
                .iter()
                .any(|it| matches!(it, Target::Run { callee, .. } if *callee == function));
            let Some(value) = self.given(function, place, caller, call).filter(|_| runs) else { continue };
            let held: Vec<Hold> = held
                .iter()
                .filter_map(|it| self.carry(&it.lock, function, caller, call).map(|lock| Hold { lock, ..it.clone() }))
                .collect();
            let vals = self.evaluate(ValueRef { unit: caller.unit, value });
            let [Val::Function(callable) | Val::Bound(callable, _)] = &vals.known[..] else { continue };
            if self.is_own(callable.unit) {
                acc.push(GivenUnder { caller, act, held, value, callable: *callable });
            }
        }
    }

    /// What such a callable does under the locks that are held around it.
    pub(super) fn under_given(&self, given: &GivenUnder, reached: &[Reached]) -> Vec<Under> {
        reached
            .iter()
            .filter_map(|it| {
                let effect = match &it.effect {
                    Effect::Take(lock) => Effect::Take(self.carry(lock, given.callable, given.caller, given.value)?),
                    Effect::Wait(path, blocking) => Effect::Wait(path.clone(), blocking.clone()),
                    Effect::Inner(..) | Effect::User(_) => return None,
                };
                let mut way = vec![(given.caller, given.act)];
                way.extend_from_slice(&it.way);
                let reached = Reached { effect, way, sure: it.sure.max(Sure::Only) };
                Some(Under { function: given.caller, held: given.held.clone(), reached })
            })
            .collect()
    }
}
