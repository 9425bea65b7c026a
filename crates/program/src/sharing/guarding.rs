//! Guards that are inferred: an attribute that its class mostly touches under one of its locks, and where it does not.

use raddle_facts::ActKind;
use raddle_facts::models::Waiter;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::Place;
use super::touches::{Gap, Touch};
use crate::Program;
use crate::locks::LockKey;
use crate::unit::{ClassRef, FunctionRef, UnitId};

/// A touch of an attribute, and the locks it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Access {
    function: FunctionRef,
    act: u32,
    touch: Touch,
    held: Vec<LockKey>,
    covered: bool,
}

/// An attribute that is written without the lock that guards it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unguarded {
    /// The attribute.
    pub place: Place,
    /// The lock.
    pub lock: LockKey,
    /// Touches that hold it.
    pub with: usize,
    /// All touches.
    pub all: usize,
    /// A write that holds it.
    pub guarded: (FunctionRef, u32),
    /// Where it is not held.
    pub function: FunctionRef,
    /// The act that writes.
    pub act: u32,
    /// What the write rests on, where it rests on something.
    pub gap: Option<Gap>,
    /// Another attribute of the same lock that the function uses without it too.
    pub beside: Option<Place>,
}

impl Program {
    /// Attributes that are written without the lock that mostly guards them, in order.
    #[must_use]
    pub fn unguarded(&self) -> &[Unguarded] {
        self.memo.shared.unguarded.get_or_init(|| self.find_unguarded())
    }

    fn find_unguarded(&self) -> Vec<Unguarded> {
        let units: Vec<UnitId> = self.own_units().map(|(unit, _)| unit).collect();
        units.par_iter().map(|unit| self.unguarded_in(*unit)).collect::<Vec<_>>().concat()
    }

    fn unguarded_in(&self, unit: UnitId) -> Vec<Unguarded> {
        let functions: Vec<FunctionRef> = self.functions_of(unit).filter(|it| self.class_of(*it).is_some()).collect();
        let mut locking: Vec<ClassRef> = functions
            .iter()
            .filter(|it| self.held_at(**it).taken.iter().any(|taken| is_own_lock(&taken.lock.key)))
            .filter_map(|it| self.class_of(*it))
            .collect();
        locking.dedup();
        let mut accesses: FxHashMap<Place, Vec<Access>> = FxHashMap::default();
        for function in functions.into_iter().filter(|it| self.class_of(*it).is_some_and(|it| locking.contains(&it))) {
            if !self.is_alone(function) {
                self.collect(function, &mut accesses);
            }
        }
        // On one loop, what awaits nothing needs no lock.
        let of_loop: Vec<LockKey> = self.functions_of(unit).flat_map(|it| self.locks_of_loop(it)).collect();
        for list in accesses.values_mut().filter(|_| !of_loop.is_empty()) {
            if list.iter().any(|it| it.held.iter().any(|lock| of_loop.contains(lock))) {
                list.retain(|it| !it.held.is_empty() || self.awaits(it.function));
            }
        }
        let together = self.together(&accesses);
        let mut found: Vec<Unguarded> =
            accesses.into_iter().filter_map(|(place, list)| self.judge(place, &list)).collect();
        found.extend(
            together.into_iter().filter(|it| !found.iter().any(|known| known.place == it.place)).collect::<Vec<_>>(),
        );
        found.sort_by_key(|it| (it.function, it.act));
        found
    }

    /// The locks of a function that tasks wait for, and not threads.
    fn locks_of_loop(&self, function: FunctionRef) -> Vec<LockKey> {
        let locks = self.held_at(function);
        let of_loop = locks.taken.iter().filter(|it| it.lock.info.is_some_and(|it| it.waiter != Waiter::Thread));
        of_loop.map(|it| it.lock.key.clone()).collect()
    }

    fn awaits(&self, function: FunctionRef) -> bool {
        let facts = &self.unit(function.unit).facts;
        facts
            .acts_of(function.function)
            .iter()
            .any(|act| matches!(act.kind, ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_)))
    }

    /// Whether nobody else has the object yet, or any more.
    #[must_use]
    pub(crate) fn is_alone(&self, function: FunctionRef) -> bool {
        let name = self.unit(function.unit).facts.text(self.function(function).name);
        matches!(
            name,
            "__init__"
                | "__new__"
                | "__post_init__"
                | "__setstate__"
                | "__getstate__"
                | "__del__"
                | "__init_subclass__"
        )
    }

    fn collect(&self, function: FunctionRef, acc: &mut FxHashMap<Place, Vec<Access>>) {
        let touches = self.touches(function);
        if touches.all.is_empty() {
            return;
        }
        let always: Vec<LockKey> = self.always_held(function).into_iter().map(|it| it.key).collect();
        let decorated = self.decoration_covers(function);
        for touched in &touches.all {
            let of_self = touched.spot.object.is_some_and(|object| self.is_self(function, object));
            if !matches!(touched.spot.place, Place::Member(..)) || !of_self {
                continue;
            }
            let (mut held, covered) = self.protection(function, touched.act);
            held.extend(always.iter().cloned());
            acc.entry(touched.spot.place.clone()).or_default().push(Access {
                function,
                act: touched.act,
                touch: touched.touch,
                held,
                covered: covered || decorated,
            });
        }
    }

    /// Whether a spot belongs to the object that a method was called on.
    pub(crate) fn is_of_self(&self, function: FunctionRef, spot: &super::Spot) -> bool {
        spot.object.is_some_and(|object| self.is_self(function, object))
    }

    pub(crate) fn is_self(&self, function: FunctionRef, object: raddle_facts::ValueId) -> bool {
        self.unit(function.unit).facts.value(object) == raddle_facts::Value::Parameter(function.function, 0)
    }

    fn judge(&self, place: Place, list: &[Access]) -> Option<Unguarded> {
        let mut locks: Vec<&LockKey> = list.iter().flat_map(|it| &it.held).filter(|it| is_own_lock(it)).collect();
        locks.sort();
        locks.dedup();
        let counted = |lock: &LockKey| list.iter().filter(|it| it.held.contains(lock)).count();
        let lock = locks.into_iter().max_by_key(|it| counted(it))?;
        let with = counted(lock);
        let writes = |it: &&Access| !matches!(it.touch, Touch::Read | Touch::Iterate);
        let guarded = list.iter().filter(writes).find(|it| it.held.contains(lock))?;
        if list.iter().any(|it| it.covered) || with < 2 || with * 3 < list.len() * 2 {
            return None;
        }
        let bare = |it: &&Access| writes(it) && it.held.is_empty();
        let rests = |it: &Access| self.touches(it.function).gaps.iter().find(|gap| gap.write == it.act).cloned();
        let updated = list.iter().any(|it| it.touch == Touch::Update && it.held.contains(lock));
        let chosen =
            list.iter().filter(bare).find_map(|it| Some((it, Some(rests(it)?)))).or_else(|| {
                list.iter().filter(bare).find(|it| updated && it.touch == Touch::Set).map(|it| (it, None))
            })?;
        let (access, gap) = chosen;
        Some(Unguarded {
            place,
            lock: lock.clone(),
            with,
            all: list.len(),
            guarded: (guarded.function, guarded.act),
            function: access.function,
            act: access.act,
            gap,
            beside: None,
        })
    }

    /// Public methods that work on several attributes without the lock that all others hold for each of them.
    fn together(&self, accesses: &FxHashMap<Place, Vec<Access>>) -> Vec<Unguarded> {
        let mut by_function: FxHashMap<FunctionRef, Vec<Unguarded>> = FxHashMap::default();
        for (place, list) in accesses {
            let mut bare: Vec<&Access> = list.iter().filter(|it| it.held.is_empty() && !it.covered).collect();
            // A write says more than the read before it.
            bare.sort_by_key(|it| (it.function, matches!(it.touch, Touch::Read | Touch::Iterate), it.act));
            bare.dedup_by_key(|it| it.function);
            for access in bare {
                let found = self.held_by_others(place, list, access);
                by_function.entry(access.function).or_default().extend(found);
            }
        }
        let mut found: Vec<Unguarded> = by_function.into_values().filter_map(|it| self.of_several(it)).collect();
        found.sort_by_key(|it| (it.function, it.act));
        found
    }

    /// The lock that all other functions hold for a place.
    fn held_by_others(&self, place: &Place, list: &[Access], access: &Access) -> Option<Unguarded> {
        let others: Vec<&Access> = list.iter().filter(|it| it.function != access.function).collect();
        let first = others.first()?;
        let lock = first
            .held
            .iter()
            .find(|lock| matches!(lock, LockKey::Member(..)) && others.iter().all(|it| it.held.contains(lock)))?;
        let writes = |it: &Access| !matches!(it.touch, Touch::Read | Touch::Iterate);
        let several = others.iter().any(|it| it.function != first.function);
        let changes = writes(access) || others.iter().any(|it| writes(it));
        let mixed = list.iter().any(|it| it.function == access.function && !it.held.is_empty());
        if !several || !changes || mixed {
            return None;
        }
        Some(Unguarded {
            place: place.clone(),
            lock: lock.clone(),
            with: others.len(),
            all: list.len(),
            guarded: (first.function, first.act),
            function: access.function,
            act: access.act,
            gap: None,
            beside: None,
        })
    }

    /// One finding for a function that leaves out the lock of several attributes, one of which it writes.
    fn of_several(&self, mut list: Vec<Unguarded>) -> Option<Unguarded> {
        list.sort_by(|a, b| (a.act, &a.place).cmp(&(b.act, &b.place)));
        let function = list.first()?.function;
        let name = self.unit(function.unit).facts.text(self.function(function).name);
        if name.starts_with('_') || !self.held_at(function).taken.is_empty() {
            return None;
        }
        let facts = &self.unit(function.unit).facts;
        let writes = |it: &&Unguarded| {
            matches!(facts.acts[it.act as usize].kind, ActKind::Write(..) | ActKind::Update(..) | ActKind::Delete(_))
        };
        let written = list.iter().find(writes)?;
        let beside = list.iter().find(|it| it.place != written.place && it.lock == written.lock)?;
        Some(Unguarded { beside: Some(beside.place.clone()), ..written.clone() })
    }
}

/// A lock that an object or a module has for itself.
fn is_own_lock(key: &LockKey) -> bool {
    matches!(key, LockKey::Member(..) | LockKey::Global(..))
}
