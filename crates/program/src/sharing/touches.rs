//! What one function does with shared places, and the gaps between looking at a place and writing to it.

mod accessors;
mod asking;
mod going;
mod made;
mod reading;

use std::sync::Arc;

use raddle_facts::flow::{Catch, Domain, Handler, interpret};
use raddle_facts::{Act, ActKind, Display, FileFacts, FunctionId, GuardKind, Usage, Value, ValueId};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Spot;
use crate::Program;
use crate::locks::LockKey;
use crate::unit::FunctionRef;
use crate::val::Val;

pub use going::Iteration;

/// What is done with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Touch {
    /// Its value is read.
    Read,
    /// It gets another value.
    Set,
    /// It gets a value that is made of the one it had.
    Update,
    /// An entry of the container in it gets a value that is made of the one the entry had.
    Renew,
    /// The contents of the container in it change: an entry is set or added.
    Change,
    /// An entry of the container in it is taken out.
    Remove,
    /// The container in it is gone through.
    Iterate,
}

impl Touch {
    /// Whether it is about what the container at the place holds.
    #[must_use]
    pub fn is_inside(self) -> bool {
        matches!(self, Touch::Renew | Touch::Change | Touch::Remove | Touch::Iterate)
    }
}

/// Something a function does with a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// The act, in the pool of the file.
    pub act: u32,
    /// Where.
    pub spot: Spot,
    /// What.
    pub touch: Touch,
}

/// What a write rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rests {
    /// On the old value, in one statement: `n += 1`.
    Update,
    /// On the old value, with which it reckons: `n = n + 1`.
    Value,
    /// On something that was made of the old value.
    Derived,
    /// On there being nothing yet: `if not x: x = make()`.
    Absence,
    /// The same, where it is `None` that is asked for; what a container holds was not asked.
    IsNone,
    /// On what the container in it holds: `if key not in cache: cache[key] = …`.
    Contents,
    /// On some other test of it.
    Test,
    /// On a queue not being empty: `if not jobs.empty(): jobs.get()`.
    Queued,
}

/// A look at a place and a write that rests on it, with no lock held over both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Where.
    pub spot: Spot,
    /// The act that looks.
    pub look: u32,
    /// The act that writes.
    pub write: u32,
    /// How it writes.
    pub touch: Touch,
    /// What the write rests on.
    pub rests: Rests,
    /// A call in between: with the GIL too, another thread may run here.
    pub call: Option<u32>,
    /// An `await` in between: another task may run here.
    pub awaited: Option<u32>,
    /// For a [`Touch::Read`] that is right only while something is there: what another actor must not do.
    pub keeps: Option<Keeps>,
}

/// What a read that follows a test takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keeps {
    /// That nobody takes the entry out.
    Entry,
    /// That nobody sets the place to `None` or deletes it.
    Value,
}

/// What one function does with shared places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touches {
    /// Everything, in order.
    pub all: Vec<Touched>,
    /// The gaps.
    pub gaps: Vec<Gap>,
    /// The loops over containers.
    pub iterations: Vec<Iteration>,
}

impl Program {
    /// What a function itself does with places that others may come to.
    #[must_use]
    pub fn touches(&self, function: FunctionRef) -> Arc<Touches> {
        if let Some(known) = self.memo.touches.get(&function) {
            return known.clone();
        }
        let facts = &self.unit(function.unit).facts;
        let answer = if writes_anything(facts, function) { self.all_touches(function) } else { Arc::default() };
        self.memo.touches.insert(function, answer.clone());
        answer
    }

    /// The same, of functions that only read too.
    #[must_use]
    pub fn all_touches(&self, function: FunctionRef) -> Arc<Touches> {
        let facts = &self.unit(function.unit).facts;
        if !self.is_own(function.unit) || function.function == FunctionId::MODULE {
            return Arc::default();
        }
        let mut walk = Walk {
            program: self,
            facts,
            function,
            spots: FxHashMap::default(),
            known: Vec::new(),
            out: Touches::default(),
        };
        interpret(facts, function.function, &mut walk, State::default());
        let mut out = walk.out;
        out.all.sort_by_key(|it| (it.act, it.touch));
        out.all.dedup();
        out.gaps.sort_by_key(|it| (it.write, it.look));
        // What is written says more than what is read.
        out.gaps.dedup_by_key(|it| (it.write, it.touch == Touch::Read));
        Arc::new(out)
    }

    /// The locks that one and the same `with` or `acquire` holds at two acts.
    #[must_use]
    pub fn held_over(&self, function: FunctionRef, first: u32, second: u32) -> Vec<LockKey> {
        let locks = self.held_at(function);
        let (Some(before), Some(after)) = (locks.held.get(&first), locks.held.get(&second)) else { return Vec::new() };
        before
            .iter()
            .filter(|it| after.iter().any(|other| other.act == it.act && other.lock == it.lock))
            .map(|it| it.lock.key.clone())
            .collect()
    }
}

/// Whether there is anything to follow: something is written that is no local name, gone through, or changed by a method.
fn writes_anything(facts: &FileFacts, function: FunctionRef) -> bool {
    facts.acts_of(function.function).iter().any(|act| match act.kind {
        ActKind::Write(..) | ActKind::Update(..) | ActKind::Delete(_) | ActKind::Iterate(_) => true,
        ActKind::Index(_) | ActKind::Again(_) => {
            matches!(act.usage, Usage::Receiver | Usage::Callee | Usage::Indexed)
                || matches!(act.kind, ActKind::Index(_))
        }
        ActKind::Call(call) => {
            changed_by(facts, call).is_some()
                || sets_by_method(facts, call)
                || matches!(crate::locks::held::called_method(facts, call), Some((_, "empty" | "qsize")))
        }
        _ => false,
    })
}

/// Whether a call could set what its argument was made of: `a.set(a.get() + 1)`.
fn sets_by_method(facts: &FileFacts, call: ValueId) -> bool {
    let Value::Call(callee, arguments) = facts.value(call) else { return false };
    let Value::Attribute(..) = facts.value(callee) else { return false };
    matches!(facts.arguments(arguments), [only] if matches!(facts.value(only.value), Value::Operator(..)))
}

/// The container and the method of a call that changes one.
fn changed_by(facts: &FileFacts, call: ValueId) -> Option<(ValueId, &str)> {
    let (base, name) = crate::locks::held::called_method(facts, call)?;
    let changes = matches!(
        name,
        "append"
            | "appendleft"
            | "add"
            | "insert"
            | "extend"
            | "update"
            | "pop"
            | "popleft"
            | "popitem"
            | "remove"
            | "discard"
            | "clear"
            | "setdefault"
            | "move_to_end"
    );
    changes.then_some((base, name))
}

/// What is known of a place on the way to a point.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    spot: usize,
    act: u32,
    /// The test of it that led here, and how it came out; for [`Rests::Absence`], whether there was nothing.
    tested: Option<(Rests, bool)>,
    /// The key that the test asked for.
    key: Option<ValueId>,
    call: Option<u32>,
    awaited: Option<u32>,
    /// The acts that took the locks that were held when it was looked at.
    holds: SmallVec<[u32; 2]>,
}

/// The act of a look that leaves none of its own, or whose act is still to come: the condition of a `while` is judged
/// before its acts, and a parameter is read without one.
const UNPLACED: u32 = u32::MAX;

#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    seen: Vec<Seen>,
}

struct Walk<'p> {
    program: &'p Program,
    facts: &'p FileFacts,
    function: FunctionRef,
    spots: FxHashMap<ValueId, Option<usize>>,
    known: Vec<Spot>,
    out: Touches,
}

impl Walk<'_> {
    fn spot(&mut self, value: ValueId) -> Option<usize> {
        if let Some(known) = self.spots.get(&value) {
            return *known;
        }
        let at = self.program.spot_at(self.function, value).map(|spot| {
            self.known.iter().position(|it| *it == spot).unwrap_or_else(|| {
                self.known.push(spot);
                self.known.len() - 1
            })
        });
        self.spots.insert(value, at);
        at
    }

    fn holds(&self, act: u32) -> SmallVec<[u32; 2]> {
        let locks = self.program.held_at(self.function);
        locks.held.get(&act).map_or_else(SmallVec::new, |it| it.iter().map(|hold| hold.act).collect())
    }

    fn note(&mut self, act: u32, spot: usize, touch: Touch) {
        self.out.all.push(Touched { act, spot: self.known[spot].clone(), touch });
    }

    fn looked(&mut self, state: &mut State, act: u32, spot: usize) {
        let holds = self.holds(act);
        if let Some(seen) = state.seen.iter_mut().find(|it| it.spot == spot) {
            // Looking again under a lock makes the first look a hint.
            let locked = holds.iter().any(|it| !seen.holds.contains(it));
            if seen.act == UNPLACED {
                (seen.act, seen.holds) = (act, holds);
                return;
            }
            if seen.tested.is_some() && !locked {
                return;
            }
            *seen = Seen { spot, act, tested: None, key: None, call: None, awaited: None, holds };
            return;
        }
        state.seen.push(Seen { spot, act, tested: None, key: None, call: None, awaited: None, holds });
        state.seen.sort_by_key(|it| it.spot);
    }

    /// A write of a place; `made` says what it is made of, where that is known.
    fn wrote(&mut self, state: &mut State, act: u32, spot: usize, touch: Touch, made: Option<Rests>) {
        let Some(at) = state.seen.iter().position(|it| it.spot == spot) else { return };
        let seen = state.seen.remove(at);
        let Some(rests) = made.or_else(|| self.rests_on_test(seen.tested, act, touch)) else { return };
        let holds = self.holds(act);
        if seen.holds.iter().any(|it| holds.contains(it)) {
            return;
        }
        self.out.gaps.push(Gap {
            spot: self.known[spot].clone(),
            look: seen.act.min(act),
            write: act,
            touch,
            rests,
            call: seen.call,
            awaited: seen.awaited,
            keeps: None,
        });
    }

    /// What a write that follows a test rests on. A flag that is taken back, or a state that is set to a literal, is as
    /// right for the second actor as for the first.
    fn rests_on_test(&self, tested: Option<(Rests, bool)>, act: u32, touch: Touch) -> Option<Rests> {
        let (rests, absent) = tested?;
        match (touch, rests) {
            (Touch::Remove, Rests::Queued) => Some(Rests::Queued),
            (Touch::Change | Touch::Remove, Rests::Absence) => Some(Rests::Contents),
            (Touch::Change | Touch::Remove, Rests::IsNone) => None,
            (Touch::Change | Touch::Remove, _) => Some(rests),
            (_, Rests::Absence | Rests::IsNone) if absent => {
                let ActKind::Write(_, value) = self.facts.acts[act as usize].kind else { return None };
                let empty = matches!(self.facts.value(value), Value::None | Value::False | Value::Zero);
                (!empty).then_some(Rests::Absence)
            }
            (_, Rests::Contents) => Some(Rests::Test),
            _ => None,
        }
    }

    /// Whether what a failed look would raise is caught: asking forgiveness needs no lock.
    fn is_forgiven(&self, act: u32) -> bool {
        self.facts.guards.iter().any(|guard| match guard.kind {
            GuardKind::Handler(_, start, end) => (start..end).contains(&act),
            _ => false,
        })
    }

    fn is_container(&self, value: ValueId) -> bool {
        self.kind_of(value, |name| name.is_empty() || is_container(name))
    }

    /// Whether a value is an instance of a class with a name like this; displays have the names of their classes.
    fn kind_of(&self, value: ValueId, wanted: fn(&str) -> bool) -> bool {
        let vals = self.program.evaluate_given(self.function, value, 0);
        vals.known.iter().any(|val| match val {
            Val::Container(Display::List, _) => wanted("builtins.list"),
            Val::Container(Display::Set, _) => wanted("builtins.set"),
            Val::Container(Display::Dict, _) => wanted("builtins.dict"),
            Val::Instance(class, _) => wanted(&self.program.class_name(*class)),
            Val::OutsideInstance(name) => wanted(name),
            _ => false,
        })
    }

    fn called(&mut self, state: &mut State, at: u32, call: ValueId) {
        let changed = changed_by(self.facts, call)
            .map(|(base, name)| (base, name.to_owned()))
            .filter(|(base, _)| self.is_container(*base))
            .and_then(|(base, name)| Some((self.spot(base)?, name)));
        if let Some((spot, name)) = changed {
            let removes = matches!(&*name, "pop" | "popleft" | "popitem" | "remove" | "discard" | "clear");
            let touch = if removes { Touch::Remove } else { Touch::Change };
            self.note(at, spot, touch);
            let arguments = match self.facts.value(call) {
                Value::Call(_, arguments) => arguments.len,
                _ => 0,
            };
            // `pop(key, default)`, `discard` and `setdefault` are right whatever the container holds by now.
            let sure = matches!(&*name, "discard" | "setdefault" | "clear" | "update" | "move_to_end")
                || name == "pop" && arguments > 1;
            if sure || self.is_forgiven(at) {
                state.seen.retain(|it| it.spot != spot);
            } else {
                self.wrote(state, at, spot, touch, None);
            }
        }
        self.set_by_method(state, at, call);
        self.looked_by_method(state, at, call);
        if let Some((queue, "get" | "get_nowait")) = crate::locks::held::called_method(self.facts, call)
            && self.kind_of(queue, is_queue)
            && let Some(spot) = self.spot(queue)
        {
            self.note(at, spot, Touch::Remove);
            if self.is_forgiven(at) {
                state.seen.retain(|it| it.spot != spot);
            } else {
                self.wrote(state, at, spot, Touch::Remove, None);
            }
        }
        for seen in &mut state.seen {
            seen.call.get_or_insert(at);
        }
    }
}

fn is_queue(name: &str) -> bool {
    matches!(
        name,
        "queue.Queue" | "queue.LifoQueue" | "queue.PriorityQueue" | "queue.SimpleQueue" | "_queue.SimpleQueue"
    )
}

fn is_container(name: &str) -> bool {
    matches!(
        name,
        "builtins.dict"
            | "builtins.list"
            | "builtins.set"
            | "collections.OrderedDict"
            | "collections.defaultdict"
            | "collections.deque"
            | "collections.Counter"
            | "weakref.WeakSet"
            | "weakref.WeakKeyDictionary"
            | "weakref.WeakValueDictionary"
            | "_weakrefset.WeakSet"
    )
}

impl Domain for Walk<'_> {
    type State = State;

    fn act(&mut self, state: &mut State, at: u32, act: &Act) {
        match act.kind {
            ActKind::Load(value) | ActKind::Again(value) | ActKind::Read(value) | ActKind::Index(value) => {
                let looked = match self.facts.value(value) {
                    Value::Subscript(base, _) => base,
                    _ => value,
                };
                if let Some(spot) = self.spot(looked) {
                    if act.usage != Usage::Receiver && act.usage != Usage::Indexed {
                        self.note(at, spot, Touch::Read);
                    }
                    if !self.begins_update(at, value) {
                        self.relied(state, at, act, spot);
                        self.looked(state, at, spot);
                    }
                }
            }
            ActKind::Write(place, value) => match self.facts.value(place) {
                Value::Subscript(base, _) => {
                    let Some(spot) = self.spot(base) else { return };
                    self.note(at, spot, Touch::Change);
                    if self.is_own_entry(place) {
                        state.seen.retain(|it| it.spot != spot);
                        return;
                    }
                    let reckons = matches!(self.facts.value(value), Value::Operator(..));
                    let rests = (reckons && self.made_of_entry(value, place, 0)).then_some(Rests::Value);
                    self.wrote(state, at, spot, Touch::Change, rests);
                }
                _ => {
                    let Some(spot) = self.spot(place) else { return };
                    let reckons = matches!(self.facts.value(value), Value::Operator(..));
                    let made = if reckons { Rests::Value } else { Rests::Derived };
                    let made = self.made_of(value, spot, 0).then_some(made);
                    let touch = if made.is_some() { Touch::Update } else { Touch::Set };
                    self.note(at, spot, touch);
                    self.wrote(state, at, spot, touch, made);
                }
            },
            ActKind::Update(place, _) => {
                let base = match self.facts.value(place) {
                    Value::Subscript(base, _) => base,
                    _ => place,
                };
                let Some(spot) = self.spot(base) else { return };
                if base == place && self.is_container(place) {
                    // `names += more` on a list or set changes the object in place, in one step.
                    self.note(at, spot, Touch::Change);
                    return;
                }
                let touch = if base == place { Touch::Update } else { Touch::Renew };
                self.note(at, spot, touch);
                self.updated(state, at, spot, touch);
            }
            ActKind::Delete(place) => {
                let (base, touch) = match self.facts.value(place) {
                    Value::Subscript(base, _) => (base, Touch::Remove),
                    _ => (place, Touch::Set),
                };
                let Some(spot) = self.spot(base) else { return };
                self.note(at, spot, touch);
                if self.is_forgiven(at) {
                    state.seen.retain(|it| it.spot != spot);
                } else {
                    self.wrote(state, at, spot, touch, None);
                }
            }
            ActKind::Iterate(value) => self.iterated(state, at, value),
            ActKind::Call(call) => self.called(state, at, call),
            ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) | ActKind::Yield => {
                for seen in &mut state.seen {
                    seen.awaited.get_or_insert(at);
                }
            }
            // `__enter__` is a call, and one that waits where it is a lock's.
            ActKind::Enter(_) => {
                for seen in &mut state.seen {
                    seen.call.get_or_insert(at);
                }
            }
            ActKind::Spin => {}
        }
    }

    fn join(&mut self, state: &mut State, other: &State) {
        for it in &other.seen {
            match state.seen.iter_mut().find(|mine| mine.spot == it.spot) {
                Some(mine) => {
                    if mine.tested.map(|(_, holds)| holds) != it.tested.map(|(_, holds)| holds) {
                        mine.tested = None;
                    }
                    mine.call = mine.call.or(it.call);
                    mine.awaited = mine.awaited.or(it.awaited);
                    mine.act = match (mine.act, it.act) {
                        (UNPLACED, act) | (act, UNPLACED) => act,
                        (a, b) => a.max(b),
                    };
                    mine.holds.retain(|hold| it.holds.contains(hold));
                }
                None => {
                    state.seen.push(Seen { tested: None, ..it.clone() });
                    state.seen.sort_by_key(|it| it.spot);
                }
            }
        }
        for mine in &mut state.seen {
            if !other.seen.iter().any(|it| it.spot == mine.spot) {
                mine.tested = None;
            }
        }
    }

    fn raises(&mut self, _: &State, _: u32, act: &Act) -> bool {
        matches!(act.kind, ActKind::Call(_) | ActKind::Await(_) | ActKind::Index(_))
    }

    fn catches(&mut self, _: &State, _: &Handler) -> Catch {
        Catch::Some
    }

    fn ask(&mut self, state: &mut State, test: ValueId) {
        let mut asked = Vec::new();
        self.asked(test, true, 0, &mut asked);
        state.seen.retain(|seen| !asked.iter().any(|it| it.spot == seen.spot));
    }

    fn test(&mut self, state: &mut State, test: ValueId, holds: bool) {
        let mut asked = Vec::new();
        self.asked(test, holds, 0, &mut asked);
        for it in asked {
            let tested = Some((it.rests, it.holds));
            match state.seen.iter_mut().find(|seen| seen.spot == it.spot) {
                Some(seen) => (seen.tested, seen.key) = (tested, it.key),
                None => {
                    let holds = SmallVec::new();
                    let (spot, key) = (it.spot, it.key);
                    state.seen.push(Seen { spot, act: UNPLACED, tested, key, call: None, awaited: None, holds });
                    state.seen.sort_by_key(|it| it.spot);
                }
            }
        }
    }
}
