//! Which locks a function holds at each of its acts.

use std::sync::Arc;

use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, ActKind, FileFacts, Flow, Held, Keyword, Test, Usage, Value, ValueId};
use rustc_hash::FxHashMap;

use super::{LockKey, LockRef};
use crate::Program;
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Val;

/// A lock that is held, and by which act it was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The lock.
    pub lock: LockRef,
    /// The act that took it, in the pool of the file.
    pub act: u32,
    /// Whether a `with` lets go of it again.
    pub scoped: bool,
}

/// A place where a function takes a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The act, in the pool of the file.
    pub act: u32,
    /// The lock.
    pub lock: LockRef,
    /// Whether it waits for the lock for as long as it takes.
    pub waits: bool,
}

/// What one function does with locks by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionLocks {
    /// What is surely held before an act, by the act's place in the pool; acts that hold nothing are left out.
    pub held: FxHashMap<u32, Vec<Hold>>,
    /// Where it takes locks, in order.
    pub taken: Vec<Taken>,
    /// What it holds when it returns.
    pub keeps: Vec<Hold>,
    /// What it lets go without having taken it.
    pub drops: Vec<LockRef>,
    /// Locks that a try-lock on every way here found free, or that were given back for the caller, by act: no caller
    /// holds them.
    pub free: FxHashMap<u32, Vec<LockRef>>,
    /// Locks that some way out leaves held while others do not, with whether that way is an exception.
    pub leaks: Vec<(Hold, bool)>,
    /// Locks that are given back once more, with where they were given back first.
    pub twice: Vec<Twice>,
}

/// A lock that is given back twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twice {
    /// The lock.
    pub lock: LockRef,
    /// The act that gives it back first.
    pub first: u32,
    /// The act that gives it back again; nothing for the end of a `with`.
    pub again: Option<u32>,
    /// Whether every way to the second one gave it back before.
    pub always: bool,
}

/// Context managers inside context managers are followed this far.
const DEEPEST: u8 = 3;

impl Program {
    /// The locks a function itself surely holds before each of its acts, by the act's place in the pool of its file;
    /// acts that are not there hold nothing.
    #[must_use]
    pub fn held_at(&self, function: FunctionRef) -> Arc<FunctionLocks> {
        self.function_locks(function, 0)
    }

    pub(crate) fn function_locks(&self, function: FunctionRef, depth: u8) -> Arc<FunctionLocks> {
        if let Some(known) = self.memo.locks.get(&(function, depth)) {
            return known.clone();
        }
        let facts = &self.unit(function.unit).facts;
        let answer = if depth > DEEPEST || !self.is_own(function.unit) || !self.touches_locks(function, depth) {
            Arc::default()
        } else {
            let mut walk = Walk {
                program: self,
                facts,
                function,
                depth,
                last: 0,
                out: FunctionLocks::default(),
                seen: FxHashMap::default(),
            };
            let exits = interpret(facts, function.function, &mut walk, State::default());
            Arc::new(walk.finish(exits))
        };
        self.memo.locks.insert((function, depth), answer.clone());
        answer
    }

    /// Whether there is anything to follow.
    fn touches_locks(&self, function: FunctionRef, depth: u8) -> bool {
        let facts = &self.unit(function.unit).facts;
        facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Enter(_) | ActKind::AsyncEnter(_) => true,
            ActKind::Call(call) => match called_method(facts, call) {
                Some((_, name)) => is_lock_call(name) || depth < DEEPEST && looks_like_locking(name),
                None => false,
            },
            _ => false,
        })
    }
}

fn is_lock_call(name: &str) -> bool {
    matches!(name, "acquire" | "release" | "enter_context" | "enter_async_context")
}

/// Methods whose names say that they take or let go of a lock: `self._lock_table()`, `begin()`.
fn looks_like_locking(name: &str) -> bool {
    ["lock", "acquire", "release", "enter", "exit"].iter().any(|it| name.contains(it))
}

/// `base` and `method` of `base.method(…)`.
pub(crate) fn called_method(facts: &FileFacts, call: ValueId) -> Option<(ValueId, &str)> {
    let Value::Call(callee, _) = facts.value(call) else { return None };
    match facts.value(callee) {
        Value::Attribute(base, name) => Some((base, facts.text(name))),
        _ => None,
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    /// Held on every way here.
    must: Vec<Hold>,
    /// Held on some way here, taken by a bare `acquire`.
    may: Vec<Hold>,
    /// Found free by a try-lock, or given back for the caller, on every way here.
    free: Vec<LockRef>,
    /// Given back for the caller on some way here; taken again, they are the caller's.
    lent: Vec<LockRef>,
    /// Given back on some way here and not taken since, by which act, and whether that is so on every way.
    released: Vec<(LockRef, u32, bool)>,
}

struct Walk<'p> {
    program: &'p Program,
    facts: &'p FileFacts,
    function: FunctionRef,
    depth: u8,
    last: u32,
    out: FunctionLocks,
    seen: FxHashMap<u32, Vec<Hold>>,
}

fn add(list: &mut Vec<Hold>, hold: Hold) {
    if !list.iter().any(|it| it.lock == hold.lock) {
        list.push(hold);
    }
}

impl Walk<'_> {
    fn at(&self, value: ValueId) -> ValueRef {
        ValueRef { unit: self.function.unit, value }
    }

    fn take(&mut self, state: &mut State, lock: LockRef, scoped: bool) {
        let hold = Hold { lock, act: self.last, scoped };
        state.released.retain(|(it, ..)| it.key != hold.lock.key);
        if !scoped && !state.lent.contains(&hold.lock) {
            add(&mut state.may, hold.clone());
        }
        add(&mut state.must, hold);
    }

    fn note(&mut self, lock: &LockRef, waits: bool) {
        let act = self.last;
        if !self.out.taken.iter().any(|it| it.act == act && it.lock == *lock) {
            self.out.taken.push(Taken { act, lock: lock.clone(), waits });
        }
    }

    fn drop_lock(&mut self, state: &mut State, lock: &LockRef) {
        let held = state.must.iter().chain(&state.may).any(|it| it.lock.key == lock.key);
        let before = state.released.iter().find(|(it, ..)| it == lock).map(|(_, act, always)| (*act, *always));
        if let Some((first, always)) = before {
            self.note_twice(Twice { lock: lock.clone(), first, again: Some(self.last), always });
        } else if !held && !self.out.drops.contains(lock) {
            self.out.drops.push(lock.clone());
        }
        if before.is_none() && !held {
            for list in [&mut state.free, &mut state.lent] {
                if !list.contains(lock) {
                    list.push(lock.clone());
                }
            }
        }
        if before.is_none() && state.must.iter().any(|it| it.lock == *lock) {
            state.released.push((lock.clone(), self.last, true));
        }
        state.must.retain(|it| it.lock.key != lock.key);
        state.may.retain(|it| it.lock.key != lock.key);
    }

    fn note_twice(&mut self, twice: Twice) {
        match self.out.twice.iter_mut().find(|it| it.again == twice.again && it.lock == twice.lock) {
            Some(known) => known.always &= twice.always,
            None => self.out.twice.push(twice),
        }
    }

    /// `lock.acquire(…)`: whether it takes the lock whatever happens, and whether it waits without end.
    fn acquire_kind(&self, arguments: raddle_facts::ArgumentRange) -> (bool, bool) {
        let mut certain = true;
        for (at, argument) in self.facts.arguments(arguments).iter().enumerate() {
            let name = match argument.keyword {
                Keyword::Named(name) => self.facts.text(name),
                Keyword::Positional if at == 0 => "blocking",
                Keyword::Positional => "timeout",
                _ => return (false, false),
            };
            let value = self.facts.value(argument.value);
            certain &= match name {
                "blocking" | "block" => value == Value::True,
                "timeout" => value == Value::None,
                _ => true,
            };
        }
        (certain, certain)
    }

    fn called(&mut self, state: &mut State, act: &Act, call: ValueId) {
        let Some((base, name)) = called_method(self.facts, call) else { return };
        let Value::Call(_, arguments) = self.facts.value(call) else { return };
        match name {
            "acquire" => {
                let Some(lock) = self.program.lock_at(self.function, base) else { return self.helper(state, call) };
                let (certain, waits) = self.acquire_kind(arguments);
                self.note(&lock, waits);
                if certain {
                    self.take(state, lock, false);
                } else if !matches!(act.usage, Usage::Tested | Usage::Bound | Usage::Compared) {
                    let hold = Hold { lock, act: self.last, scoped: false };
                    add(&mut state.may, hold);
                }
            }
            "release" => match self.program.lock_at(self.function, base) {
                Some(lock) => self.drop_lock(state, &lock),
                None => self.helper(state, call),
            },
            "enter_context" | "enter_async_context" => {
                if let Some(first) = self.facts.arguments(arguments).first() {
                    for lock in self.managed(first.value) {
                        self.note(&lock, true);
                        self.take(state, lock, true);
                    }
                }
            }
            name if looks_like_locking(name) => self.helper(state, call),
            _ => {}
        }
    }

    /// A method of the project that takes a lock and keeps it, or lets go of one.
    fn helper(&mut self, state: &mut State, call: ValueId) {
        if self.depth >= DEEPEST {
            return;
        }
        let Value::Call(callee, _) = self.facts.value(call) else { return };
        for val in &self.program.evaluate(self.at(callee)).known {
            let (Val::Function(callee) | Val::Bound(callee, _)) = val else { continue };
            let inner = self.program.function_locks(*callee, self.depth + 1);
            for lock in &inner.drops {
                if let Some(lock) = self.program.carry(lock, *callee, self.function, call) {
                    self.drop_lock(state, &lock);
                }
            }
            for hold in &inner.keeps {
                if let Some(lock) = self.program.carry(&hold.lock, *callee, self.function, call) {
                    self.take(state, lock, true);
                }
            }
        }
    }

    /// The locks that entering a context manager takes.
    fn managed(&self, manager: ValueId) -> Vec<LockRef> {
        if let Some(lock) = self.program.lock_at(self.function, manager) {
            return vec![lock];
        }
        if self.depth >= DEEPEST {
            return Vec::new();
        }
        let vals = self.program.evaluate(self.at(manager));
        let [val] = &vals.known[..] else { return Vec::new() };
        let (callee, locks) = match val {
            Val::Manager(function) => {
                let inner = self.program.function_locks(*function, self.depth + 1);
                (*function, self.program.held_at_yield(*function, &inner))
            }
            Val::Instance(class, _) if self.program.is_own(class.unit) => {
                let Some(enter) = self.program.own_method(*class, &["__enter__", "__aenter__"]) else {
                    return Vec::new();
                };
                let inner = self.program.function_locks(enter, self.depth + 1);
                (enter, inner.keeps.iter().map(|it| it.lock.clone()).collect())
            }
            _ => return Vec::new(),
        };
        locks.iter().filter_map(|lock| self.program.carry(lock, callee, self.function, manager)).collect()
    }

    fn is_stack(&self, manager: ValueId) -> bool {
        self.program.evaluate(self.at(manager)).known.iter().any(|val| {
            let name = match val {
                Val::Instance(class, _) => self.program.class_name(*class),
                Val::OutsideInstance(name) => name.clone(),
                _ => return false,
            };
            matches!(&*name, "contextlib.ExitStack" | "contextlib.AsyncExitStack")
        })
    }

    /// A condition that is the truth of a try-lock.
    fn tested(&mut self, state: &mut State, test: ValueId, holds: bool) {
        match self.facts.value(test) {
            Value::Test(Test::Not, list) => {
                if let Some(inner) = self.facts.list(list).first() {
                    self.tested(state, *inner, !holds);
                }
            }
            Value::Test(Test::And, list) if holds => {
                for inner in self.facts.list(list).to_vec() {
                    self.tested(state, inner, true);
                }
            }
            Value::Await(inner) => self.tested(state, inner, holds),
            Value::Call(..) => {
                let Some((base, "acquire")) = called_method(self.facts, test) else { return };
                match self.program.lock_at(self.function, base) {
                    Some(lock) if holds => {
                        if !state.free.contains(&lock) {
                            state.free.push(lock.clone());
                        }
                        self.take(state, lock, false);
                    }
                    Some(lock) => {
                        state.must.retain(|it| it.lock != lock);
                        state.may.retain(|it| it.lock != lock);
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn finish(mut self, exits: raddle_facts::flow::Exits<State>) -> FunctionLocks {
        self.seen.retain(|_, held| !held.is_empty());
        self.out.held = self.seen;
        self.out.taken.sort_by(|a, b| (a.act, &a.lock.key).cmp(&(b.act, &b.lock.key)));
        let normal: Vec<&State> = exits.fall.iter().chain(&exits.returned).collect();
        let kept = |hold: &Hold| normal.iter().all(|it| it.must.iter().any(|other| other.lock == hold.lock));
        if let Some(first) = normal.first() {
            self.out.keeps = first.must.iter().filter(|it| kept(it)).cloned().collect();
        }
        let mut leaks: Vec<(Hold, bool)> = Vec::new();
        for state in &normal {
            leaks.extend(state.may.iter().filter(|it| !kept(it)).map(|it| (it.clone(), false)));
        }
        if let Some(state) = &exits.raised {
            leaks.extend(state.may.iter().filter(|it| !kept(it)).map(|it| (it.clone(), true)));
        }
        leaks.sort_by_key(|(hold, raised)| (hold.act, *raised));
        leaks.dedup_by(|a, b| a.0.act == b.0.act && a.0.lock == b.0.lock);
        self.out.leaks = leaks;
        self.out
    }
}

impl Domain for Walk<'_> {
    type State = State;

    fn act(&mut self, state: &mut State, at: u32, act: &Act) {
        self.last = at;
        match self.seen.entry(at) {
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(state.must.clone());
            }
            std::collections::hash_map::Entry::Occupied(mut slot) => {
                slot.get_mut().retain(|it| state.must.iter().any(|other| other.lock == it.lock));
            }
        }
        if !state.free.is_empty() {
            self.out.free.insert(at, state.free.clone());
        }
        if let ActKind::Call(call) = act.kind {
            self.called(state, act, call);
        }
    }

    fn join(&mut self, state: &mut State, other: &State) {
        state.must.retain(|it| other.must.iter().any(|hold| hold.lock == it.lock));
        for hold in &other.may {
            add(&mut state.may, hold.clone());
        }
        state.free.retain(|it| other.free.contains(it));
        for lock in &other.lent {
            if !state.lent.contains(lock) {
                state.lent.push(lock.clone());
            }
        }
        for (lock, _, always) in &mut state.released {
            *always &= other.released.iter().any(|(it, _, always)| it == lock && *always);
        }
        for (lock, act, _) in &other.released {
            if !state.released.iter().any(|(it, ..)| it == lock) {
                state.released.push((lock.clone(), *act, false));
            }
        }
    }

    fn raises(&mut self, _: &State, _: u32, act: &Act) -> bool {
        let ActKind::Call(call) = act.kind else { return matches!(act.kind, ActKind::Await(_) | ActKind::Yield) };
        !matches!(called_method(self.facts, call), Some((_, "acquire" | "release")))
    }

    fn catches(&mut self, _: &State, handler: &Handler) -> Catch {
        let Some(class) = handler.class else { return Catch::All };
        match self.facts.value(class) {
            Value::Name(_, name) if matches!(self.facts.text(name), "Exception" | "BaseException") => Catch::All,
            _ => Catch::Some,
        }
    }

    fn test(&mut self, state: &mut State, test: ValueId, holds: bool) {
        self.tested(state, test, holds);
    }

    fn enter(&mut self, state: &mut State, held: &Held) {
        for lock in self.managed(held.manager) {
            self.note(&lock, true);
            self.take(state, lock, true);
        }
    }

    fn leave(&mut self, state: &mut State, held: &Held) {
        for lock in self.managed(held.manager) {
            let before = state.released.iter().find(|(it, ..)| *it == lock).map(|(_, act, _)| *act);
            if let Some(first) = before {
                self.note_twice(Twice { lock: lock.clone(), first, again: None, always: false });
            }
            state.must.retain(|it| it.lock.key != lock.key || it.lock != lock);
        }
        if self.is_stack(held.manager) {
            let before: Vec<Hold> = std::mem::take(&mut state.must);
            state.must = before.into_iter().filter(|it| !self.entered_by_stack(it.act)).collect();
        }
    }

    fn exit(&mut self, _: &mut State, _: &Flow) {}
}

impl Walk<'_> {
    fn entered_by_stack(&self, act: u32) -> bool {
        let ActKind::Call(call) = self.facts.acts[act as usize].kind else { return false };
        matches!(called_method(self.facts, call), Some((_, "enter_context" | "enter_async_context")))
    }
}

impl Program {
    /// What a generator context manager holds while its body runs.
    fn held_at_yield(&self, function: FunctionRef, locks: &FunctionLocks) -> Vec<LockRef> {
        let (start, end) = self.function(function).acts;
        let acts = &self.unit(function.unit).facts.acts;
        let yields = (start..end).find(|at| acts[*at as usize].kind == ActKind::Yield);
        yields
            .and_then(|at| locks.held.get(&at))
            .map_or_else(Vec::new, |it| it.iter().map(|it| it.lock.clone()).collect())
    }

    /// The first method of these names that a class of the project has.
    pub(crate) fn own_method(&self, class: ClassRef, names: &[&str]) -> Option<FunctionRef> {
        self.ancestors(class).iter().find_map(|ancestor| {
            let crate::members::Ancestor::Class(at) = ancestor else { return None };
            let facts = &self.unit(at.unit).facts;
            let scope = facts.class(at.class).scope;
            names.iter().find_map(|name| match facts.bindings(scope, name) {
                [.., (_, value)] => match facts.value(*value) {
                    Value::Function(function) if self.is_own(at.unit) => Some(FunctionRef { unit: at.unit, function }),
                    _ => None,
                },
                [] => None,
            })
        })
    }

    /// Whether nobody but the function itself can know the lock.
    #[must_use]
    pub fn is_private_lock(&self, lock: &LockRef) -> bool {
        matches!(lock.key, LockKey::Local(..))
    }
}
