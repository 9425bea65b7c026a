//! Where a function leads: the calls that stay with its actor, the waits, and the locks inside library objects.

use std::sync::Arc;

use raddle_facts::models::{Blocking, LockKind, Waiter};
use raddle_facts::{ActKind, Value, ValueId};

use super::held::{FunctionLocks, called_method};
use super::registry::UserCall;
use super::{LockInfo, LockKey, LockRef, Root};
use crate::Program;
use crate::calls::{Sure, Target};
use crate::unit::{FunctionRef, ValueRef};

/// A call that stays with the actor.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The act.
    pub act: u32,
    /// The value that leads there.
    pub value: ValueId,
    /// What runs.
    pub callee: FunctionRef,
    /// How well it is known.
    pub sure: Sure,
}

/// The calls and waits of a function.
#[derive(Debug, Default)]
pub struct Leads {
    /// Functions of the project that it runs.
    pub calls: Vec<Call>,
    /// Library calls that wait.
    pub waits: Vec<(u32, Arc<str>, Arc<Blocking>, Sure)>,
    /// Library calls that take a plain lock inside an object, by the object's place.
    pub inner: Vec<(u32, LockRef, Arc<str>)>,
    /// Calls of what somebody else supplied.
    pub user: Vec<(u32, UserCall)>,
}

/// More overrides of a method than this say nothing.
const MOST_OVERRIDES: usize = 3;

/// Classes whose methods take a plain lock of the object (`Lib/queue.py`, `Lib/multiprocessing/queues.py`).
const WITH_LOCK_INSIDE: &[&str] = &[
    "queue.Queue",
    "queue.LifoQueue",
    "queue.PriorityQueue",
    "multiprocessing.Queue",
    "multiprocessing.JoinableQueue",
    "multiprocessing.queues.Queue",
    "multiprocessing.queues.JoinableQueue",
];

fn is_sure(sure: Sure) -> bool {
    matches!(sure, Sure::Only | Sure::Perhaps | Sure::OneOf(..=2))
}

impl Program {
    /// What a function does, or only what it does under locks.
    pub(crate) fn lock_leads(&self, function: FunctionRef, only: Option<&FunctionLocks>) -> Leads {
        let facts = &self.unit(function.unit).facts;
        let (start, end) = facts.function(function.function).acts;
        let mut leads = Leads::default();
        if !self.is_own(function.unit) {
            return leads;
        }
        for act in start..end {
            if only.is_some_and(|it| !it.held.contains_key(&act)) {
                continue;
            }
            let it = &facts.acts[act as usize];
            let value = match it.kind {
                ActKind::Call(value)
                | ActKind::Enter(value)
                | ActKind::AsyncEnter(value)
                | ActKind::Iterate(value)
                | ActKind::Load(value)
                | ActKind::Again(value)
                | ActKind::Index(value)
                | ActKind::Write(value, _)
                | ActKind::Update(value, _) => value,
                _ => continue,
            };
            if let Some((lock, path)) = self.inner_lock(function, value) {
                leads.inner.push((act, lock, path));
            }
            if matches!(it.kind, ActKind::Call(_))
                && let Some(user) = self.user_call(function, value)
            {
                leads.user.push((act, user));
            }
            for (callee, value) in self.hidden_calls(function, value) {
                leads.calls.push(Call { act, value, callee, sure: Sure::Perhaps });
            }
            for target in self.targets(function, it) {
                match target {
                    Target::Run { callee, sure, .. } if is_sure(sure) => {
                        leads.calls.push(Call { act, value, callee, sure });
                        for callee in self.overrides_on_self(function, value, callee) {
                            leads.calls.push(Call { act, value, callee, sure: Sure::Perhaps });
                        }
                    }
                    Target::Run { callee, sure: Sure::Override, .. } if self.is_on_self(function, value) => {
                        leads.calls.push(Call { act, value, callee, sure: Sure::Perhaps });
                    }
                    Target::Opaque(_) => {
                        if let Some(callee) = self.method_of_peer(function, value) {
                            leads.calls.push(Call { act, value, callee, sure: Sure::Perhaps });
                        }
                    }
                    Target::Coroutine(callee) if it.awaited => {
                        leads.calls.push(Call { act, value, callee, sure: Sure::Only });
                    }
                    Target::Block { path, blocking, sure, .. } if is_sure(sure) => {
                        leads.waits.push((act, path, blocking, sure));
                    }
                    _ => {}
                }
            }
        }
        leads
    }

    /// The object whose own plain lock a call takes.
    fn inner_lock(&self, function: FunctionRef, call: ValueId) -> Option<(LockRef, Arc<str>)> {
        let facts = &self.unit(function.unit).facts;
        let (base, method) = called_method(facts, call)?;
        let takes = matches!(method, "put" | "put_nowait" | "get" | "get_nowait" | "task_done" | "qsize" | "full");
        if !takes {
            return None;
        }
        let Value::Call(callee, _) = facts.value(call) else { return None };
        let names = self.known_names(ValueRef { unit: function.unit, value: callee });
        let path =
            names.iter().find(|it| it.rsplit_once('.').is_some_and(|(class, _)| WITH_LOCK_INSIDE.contains(&class)))?;
        let (key, owner) = self.place_of(function, base, 0)?;
        let info = LockInfo { kind: LockKind::Mutex, reentrant: false, waiter: Waiter::Thread };
        Some((LockRef { key, owner, info: Some(info) }, path.clone()))
    }

    /// Where the project uses an object by calls that take its own lock.
    #[must_use]
    pub fn users_of_inner(&self, key: &LockKey) -> Vec<(FunctionRef, u32)> {
        let mut found = Vec::new();
        for (unit, it) in self.own_units() {
            if !["get", "put", "get_nowait", "put_nowait"].iter().any(|name| it.facts.symbols.find(name).is_some()) {
                continue;
            }
            for function in self.functions_of(unit) {
                let (start, end) = self.function(function).acts;
                found.extend((start..end).filter_map(|act| {
                    let ActKind::Call(call) = it.facts.acts[act as usize].kind else { return None };
                    let (lock, _) = self.inner_lock(function, call)?;
                    (lock.key == *key).then_some((function, act))
                }));
            }
        }
        found
    }

    /// Where an object that holds a lock inside is made.
    #[must_use]
    pub fn making_of(&self, key: &LockKey) -> Option<(FunctionRef, u32)> {
        let (unit, bindings) = self.bindings_of_lock(key)?;
        let facts = &self.unit(unit).facts;
        let made = |act: &raddle_facts::Act| match act.kind {
            ActKind::Call(call) => bindings.iter().any(|(_, value)| *value == call),
            _ => false,
        };
        self.functions_of(unit).find_map(|function| {
            let (start, end) = self.function(function).acts;
            (start..end).find(|at| made(&facts.acts[*at as usize])).map(|at| (function, at))
        })
    }

    /// `self.method()`
    fn is_on_self(&self, function: FunctionRef, call: ValueId) -> bool {
        let Some((base, _)) = called_method(&self.unit(function.unit).facts, call) else { return false };
        let owner = self.owner_of(function, base, 0);
        matches!(owner.root, Root::Parameter(of, 0) if of == function) && owner.fields.is_empty()
    }

    /// What `self.method()` runs in the classes that inherit from this one.
    fn overrides_on_self(&self, function: FunctionRef, call: ValueId, callee: FunctionRef) -> Vec<FunctionRef> {
        let facts = &self.unit(function.unit).facts;
        let Some((_, name)) = called_method(facts, call) else { return Vec::new() };
        let Some(class) = self.class_of(function) else { return Vec::new() };
        if !self.is_on_self(function, call) || self.class_of(callee).is_none() {
            return Vec::new();
        }
        let mut found: Vec<FunctionRef> = Vec::new();
        let mut queue = self.subclasses(class).to_vec();
        let mut at = 0;
        while at < queue.len() && found.len() <= MOST_OVERRIDES {
            let below = queue[at];
            at += 1;
            let facts = &self.unit(below.unit).facts;
            for (_, value) in facts.bindings(facts.class(below.class).scope, name) {
                if let Value::Function(function) = facts.value(*value) {
                    let one = FunctionRef { unit: below.unit, function };
                    if one != callee && !found.contains(&one) {
                        found.push(one);
                    }
                }
            }
            queue.extend(self.subclasses(below).iter().filter(|it| !queue.contains(it)).copied().collect::<Vec<_>>());
        }
        if found.len() > MOST_OVERRIDES { Vec::new() } else { found }
    }
}
