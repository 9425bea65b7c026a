//! Locks across calls: a callee's lock in the words of its caller, and the locks all callers hold.

use raddle_facts::{ActKind, Keyword, Usage, Value, ValueId};
use rustc_hash::FxHashMap;

use super::{LockKey, LockRef, Owner, Root};
use crate::Program;
use crate::calls::Target;
use crate::unit::FunctionRef;

/// Where names are called, and whether they are used for anything else.
#[derive(Debug, Default)]
pub struct Mentions {
    calls: FxHashMap<Box<str>, Vec<(FunctionRef, u32)>>,
    others: rustc_hash::FxHashSet<Box<str>>,
}

/// Callers of callers are followed this far.
const DEEPEST: u8 = 4;
/// With more callers than this nobody would say that the caller holds the lock.
const MOST_CALLERS: usize = 60;

impl Program {
    /// What a parameter of a callee is given by a call, a property or a `with`.
    pub(crate) fn given(
        &self,
        callee: FunctionRef,
        place: u16,
        caller: FunctionRef,
        value: ValueId,
    ) -> Option<ValueId> {
        let facts = &self.unit(caller.unit).facts;
        let it = self.function(callee);
        let bound = it.class.is_some() && !self.decoration(callee).is_static;
        match facts.value(value) {
            Value::Call(called, arguments) => {
                let receiver = match facts.value(called) {
                    Value::Attribute(base, _) => Some(base),
                    _ => None,
                };
                if bound && place == 0 {
                    return receiver;
                }
                let wanted = if bound { place - 1 } else { place };
                let name = facts_name(self, callee, place);
                let mut position = 0;
                for argument in facts.arguments(arguments) {
                    match argument.keyword {
                        Keyword::Positional if position == wanted => return Some(argument.value),
                        Keyword::Positional => position += 1,
                        Keyword::Named(it) if facts.text(it) == name => return Some(argument.value),
                        _ => {}
                    }
                }
                None
            }
            Value::Attribute(base, _) | Value::Subscript(base, _) if bound && place == 0 => Some(base),
            _ if bound && place == 0 => Some(value),
            _ => None,
        }
    }

    /// A callee's lock as its caller sees it; `value` is the call, attribute or context manager that leads there.
    #[must_use]
    pub fn carry(&self, lock: &LockRef, callee: FunctionRef, caller: FunctionRef, value: ValueId) -> Option<LockRef> {
        if let LockKey::Parameter(of, place) = lock.key {
            if of != callee {
                return Some(lock.clone());
            }
            return self.lock_at(caller, self.given(callee, place, caller, value)?);
        }
        let owner = match lock.owner.root {
            Root::Parameter(of, place) if of == callee => match self.given(callee, place, caller, value) {
                Some(value) => {
                    let mut owner = self.owner_of(caller, value, 0);
                    if owner.root != Root::Unknown {
                        owner.fields.extend(lock.owner.fields.iter().cloned());
                    }
                    owner
                }
                None => Owner::unknown(),
            },
            Root::Local(of, _) if of == callee => Owner::unknown(),
            _ => lock.owner.clone(),
        };
        Some(LockRef { key: lock.key.clone(), owner, info: lock.info })
    }

    /// A lock of the caller in the words of a callee: only what both can name is kept.
    fn carry_in(&self, lock: &LockRef, callee: FunctionRef, caller: FunctionRef, value: ValueId) -> Option<LockRef> {
        if lock.owner.root == Root::Only {
            return (!matches!(lock.key, LockKey::Parameter(of, _) if of == caller)).then(|| lock.clone());
        }
        let count = self.function(callee).parameters.len().min(8) as u16;
        for place in 0..count {
            let Some(given) = self.given(callee, place, caller, value) else { continue };
            let owner = self.owner_of(caller, given, 0);
            if owner.root == lock.owner.root && lock.owner.fields.starts_with(&owner.fields) {
                let fields = lock.owner.fields[owner.fields.len()..].iter().cloned().collect();
                let owner = Owner { root: Root::Parameter(callee, place), fields };
                return Some(LockRef { key: lock.key.clone(), owner, info: lock.info });
            }
        }
        // A closure sees the names around it.
        (self.enclosing_function(callee) == Some(caller)).then(|| lock.clone())
    }

    /// Locks that every known caller holds when it calls the function; empty when it may be called from elsewhere too.
    #[must_use]
    pub fn always_held(&self, function: FunctionRef) -> Vec<LockRef> {
        self.always_held_within(function, 0)
    }

    fn always_held_within(&self, function: FunctionRef, depth: u8) -> Vec<LockRef> {
        let it = self.function(function);
        let name = self.unit(function.unit).facts.text(it.name);
        if depth > DEEPEST || name.starts_with("__") || it.is_lambda || !it.decorators.is_empty() {
            return Vec::new();
        }
        let mentions = self.memo.shared.mentions.get_or_init(|| self.mentions());
        if mentions.others.contains(name) {
            return Vec::new();
        }
        let Some(calls) = mentions.calls.get(name).filter(|it| it.len() <= MOST_CALLERS) else { return Vec::new() };
        let mut common: Option<Vec<LockRef>> = None;
        for (caller, at) in calls {
            let act = &self.unit(caller.unit).facts.acts[*at as usize];
            let ActKind::Call(call) = act.kind else { continue };
            let targets = self.targets(*caller, act);
            let leads = targets.iter().any(|target| match target {
                Target::Run { callee, .. } | Target::Coroutine(callee) | Target::Hand { callee, .. } => {
                    *callee == function
                }
                Target::Opaque(_) => true,
                Target::Block { .. } => false,
            });
            if !leads || *caller == function {
                continue;
            }
            let mut held: Vec<LockRef> = Vec::new();
            if let Some(here) = self.held_at(*caller).held.get(at) {
                held.extend(here.iter().map(|it| it.lock.clone()));
            }
            held.extend(self.always_held_within(*caller, depth + 1));
            let held: Vec<LockRef> =
                held.iter().filter_map(|lock| self.carry_in(lock, function, *caller, call)).collect();
            common = Some(match common {
                None => held,
                Some(before) => before.into_iter().filter(|it| held.iter().any(|other| other == it)).collect(),
            });
            if common.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        common.unwrap_or_default()
    }

    fn mentions(&self) -> Mentions {
        let mut mentions = Mentions::default();
        for (unit, it) in self.own_units() {
            let facts = &it.facts;
            for function in self.functions_of(unit) {
                let (start, end) = facts.function(function.function).acts;
                for at in start..end {
                    let act = &facts.acts[at as usize];
                    match act.kind {
                        ActKind::Call(call) => {
                            let Value::Call(callee, arguments) = facts.value(call) else { continue };
                            if let Some(name) = name_of(facts, callee) {
                                mentions.calls.entry(name.into()).or_default().push((function, at));
                            }
                            for argument in facts.arguments(arguments) {
                                mentions.note(facts, argument.value);
                            }
                        }
                        ActKind::Load(value) | ActKind::Again(value) if act.usage != Usage::Callee => {
                            mentions.note(facts, value);
                        }
                        ActKind::Write(_, value) => mentions.note(facts, value),
                        _ => {}
                    }
                }
            }
        }
        mentions
    }
}

impl Mentions {
    fn note(&mut self, facts: &raddle_facts::FileFacts, value: ValueId) {
        if let Some(name) = name_of(facts, value) {
            self.others.insert(name.into());
        }
    }
}

fn name_of(facts: &raddle_facts::FileFacts, value: ValueId) -> Option<&str> {
    match facts.value(value) {
        Value::Function(function) => Some(facts.text(facts.function(function).name)),
        _ => facts.last_name(value),
    }
}

fn facts_name(program: &Program, callee: FunctionRef, place: u16) -> &str {
    let facts = &program.unit(callee.unit).facts;
    facts.function(callee.function).parameters.get(place as usize).map_or("", |it| facts.text(it.name))
}

impl Program {
    /// Whether the function is handed on somewhere instead of being called: a thread's target, a callback.
    #[must_use]
    pub fn is_mentioned(&self, function: FunctionRef) -> bool {
        let mentions = self.memo.shared.mentions.get_or_init(|| self.mentions());
        mentions.others.contains(self.unit(function.unit).facts.text(self.function(function).name))
    }

    /// Whether something outside its class calls a method of this name.
    #[must_use]
    pub fn is_called_outside(&self, function: FunctionRef, class: crate::unit::ClassRef) -> bool {
        let mentions = self.memo.shared.mentions.get_or_init(|| self.mentions());
        let name = self.unit(function.unit).facts.text(self.function(function).name);
        mentions.calls.get(name).is_some_and(|calls| calls.iter().any(|(it, _)| self.class_of(*it) != Some(class)))
    }

    /// Calls of the name of a function, or of its class where it makes an instance.
    pub(crate) fn callers_by_name(&self, function: FunctionRef) -> Vec<(FunctionRef, u32)> {
        let facts = &self.unit(function.unit).facts;
        let mut name = facts.text(self.function(function).name);
        if name == "__init__"
            && let Some(class) = self.class_of(function)
        {
            name = facts.text(self.class(class).name);
        }
        self.callers_of_name(name)
    }

    /// Calls of a name, whatever it is called on.
    pub(crate) fn callers_of_name(&self, name: &str) -> Vec<(FunctionRef, u32)> {
        let mentions = self.memo.shared.mentions.get_or_init(|| self.mentions());
        mentions.calls.get(name).map_or_else(Vec::new, |it| it.iter().take(MOST_CALLERS).copied().collect())
    }

    /// Functions that are given to threads and pools, found once.
    pub(crate) fn handed_to_threads(&self) -> &rustc_hash::FxHashSet<FunctionRef> {
        let mentions = self.memo.shared.mentions.get_or_init(|| self.mentions());
        self.memo.shared.given_to_threads.get_or_init(|| self.given_to_threads(mentions))
    }

    /// Functions that are given to threads and pools.
    fn given_to_threads(&self, mentions: &Mentions) -> rustc_hash::FxHashSet<FunctionRef> {
        let mut found = rustc_hash::FxHashSet::default();
        for name in
            ["Thread", "Timer", "submit", "map", "apply_async", "start_new_thread", "run_in_executor", "to_thread"]
        {
            for (function, at) in mentions.calls.get(name).into_iter().flatten() {
                let act = &self.unit(function.unit).facts.acts[*at as usize];
                for target in self.targets(*function, act) {
                    if let Target::Hand { callee, .. } = target {
                        found.insert(callee);
                    }
                }
            }
        }
        found
    }

    /// Whether another actor comes to the function: it, or one that leads to it, is handed on.
    #[must_use]
    pub fn runs_elsewhere(&self, function: FunctionRef) -> bool {
        let mentions = self.memo.shared.mentions.get_or_init(|| self.mentions());
        let handed = self.handed_to_threads();
        let mut queue = vec![function];
        let mut at = 0;
        while at < queue.len() && at < 24 {
            let here = queue[at];
            at += 1;
            let name = self.unit(here.unit).facts.text(self.function(here).name);
            if handed.contains(&here) || name == "run" {
                return true;
            }
            for (caller, _) in mentions.calls.get(name).into_iter().flatten().take(8) {
                if caller.unit == here.unit && !queue.contains(caller) {
                    queue.push(*caller);
                }
            }
        }
        false
    }

    /// Whether a value made in a function is seen by other code: a function in it reads its name, a call is given it,
    /// or it is stored.
    #[must_use]
    pub fn shares_local(&self, function: FunctionRef, value: ValueId) -> bool {
        let facts = &self.unit(function.unit).facts;
        let scope = facts.function(function.function).scope;
        let names: Vec<_> =
            facts.scope(scope).bindings.iter().filter(|(_, it)| *it == value).map(|(sym, _)| *sym).collect();
        let stored = facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(_, arguments) => facts.arguments(arguments).iter().any(|it| it.value == value),
                _ => false,
            },
            ActKind::Write(place, written) => written == value && !matches!(facts.value(place), Value::Name(..)),
            _ => false,
        });
        let returned = facts.function(function.function).returned.contains(&value);
        let inside = |mut at: raddle_facts::ScopeId| loop {
            match facts.scope(at).parent {
                Some(parent) if parent == scope => break true,
                Some(parent) => at = parent,
                None => break false,
            }
        };
        let inner =
            facts.values.iter().any(|it| matches!(it, Value::Name(at, sym) if names.contains(sym) && inside(*at)));
        stored || returned || inner || facts.function(function.function).is_generator
    }
}
