//! What other tasks spoil where a coroutine awaits, as far as its class or module alone can tell.
//!
//! Who calls a library's coroutines is not known, and each may be called twice before it is done: an update with an `await`
//! in it is out of step with itself, and so is a loop with one over what a sibling changes.

use raddle_facts::{ActKind, Value, ValueId};
use rayon::prelude::*;

use super::Spot;
use super::touches::{Gap, Iteration, Keeps, Touch, Touched};
use crate::Program;
use crate::unit::{FunctionRef, UnitId};

/// A loop that awaits, and what may change its container meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitLoop {
    /// Who goes through it.
    pub function: FunctionRef,
    /// The loop.
    pub iteration: Iteration,
    /// Who changes it, and with which act.
    pub other: (FunctionRef, u32),
    /// Whether that is likely to happen while the loop goes round.
    pub often: bool,
}

impl Program {
    /// Gaps with an `await` in them, in coroutines: two calls of one that overlap are out of step. Those of places that
    /// only one task comes to are among them, since who calls a library's coroutine is not known.
    #[must_use]
    pub fn split_updates(&self) -> Vec<(FunctionRef, Gap)> {
        let units: Vec<UnitId> = self.own_units().map(|(unit, _)| unit).collect();
        let of = |unit: &UnitId| -> Vec<(FunctionRef, Gap)> {
            let mut found = Vec::new();
            let splits = |it: &FunctionRef| self.may_split(*it) && !self.is_alone(*it) && !self.asks_for_lock(*it);
            for function in self.functions_of(*unit).filter(splits) {
                for gap in self.touches(function).gaps.iter().filter(|it| it.awaited.is_some()) {
                    if gap.touch == Touch::Read && !self.is_taken_elsewhere(function, gap) {
                        continue;
                    }
                    let covered = self.protection(function, gap.write).1 || self.decoration_covers(function);
                    let shared = gap.spot.object.is_none_or(|object| self.is_self(function, object));
                    if !covered && shared && self.always_held(function).is_empty() {
                        found.push((function, gap.clone()));
                    }
                }
            }
            found
        };
        units.par_iter().map(of).collect::<Vec<_>>().concat()
    }

    /// Whether a function makes sure that its caller holds a lock: `if not self.lock.locked(): raise`.
    pub(super) fn asks_for_lock(&self, function: FunctionRef) -> bool {
        let facts = &self.unit(function.unit).facts;
        facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Call(call) => matches!(crate::locks::held::called_method(facts, call), Some((_, "locked"))),
            _ => false,
        })
    }

    /// Whether a coroutine awaits and writes to anything that lives longer than it.
    fn may_split(&self, function: FunctionRef) -> bool {
        let it = self.function(function);
        let facts = &self.unit(function.unit).facts;
        let outlives = |place: ValueId| !matches!(facts.value(place), Value::Name(scope, _) if scope == it.scope);
        let acts = facts.acts_of(function.function);
        it.is_async
            && acts
                .iter()
                .any(|act| matches!(act.kind, ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_)))
            && acts.iter().any(|act| match act.kind {
                ActKind::Write(place, _) | ActKind::Update(place, _) | ActKind::Delete(place) => outlives(place),
                ActKind::Iterate(_) | ActKind::Index(_) => true,
                _ => false,
            })
    }

    /// Loops of coroutines over what another function of their class or module changes.
    #[must_use]
    pub fn split_loops(&self) -> Vec<SplitLoop> {
        let units: Vec<UnitId> = self.own_units().map(|(unit, _)| unit).collect();
        let of = |unit: &UnitId| -> Vec<SplitLoop> {
            let mut found = Vec::new();
            for function in self.functions_of(*unit).filter(|it| self.may_split(*it)) {
                for it in self.touches(function).iterations.iter().filter(|it| it.awaited.is_some()) {
                    let (held, covered) = self.protection(function, it.act);
                    let always = || !self.always_held(function).is_empty();
                    if covered || !held.is_empty() || self.decoration_covers(function) || always() {
                        continue;
                    }
                    let changes = |touched: &Touched| {
                        touched.touch == Touch::Remove || touched.touch == Touch::Change && !it.is_list
                    };
                    let removes = |touched: &Touched| touched.touch == Touch::Remove;
                    let other = self
                        .changed_in(function, &it.spot, &removes, false)
                        .or_else(|| self.changed_in(function, &it.spot, &changes, false));
                    if let Some((other, act)) = other {
                        // What only adds, and awaits nothing, is mostly called while things are set up.
                        let often = self.function(other).is_async
                            || self.touches(other).all.iter().any(|it| it.act == act && removes(it));
                        found.push(SplitLoop { function, iteration: it.clone(), other: (other, act), often });
                    }
                }
            }
            found
        };
        units.par_iter().map(of).collect::<Vec<_>>().concat()
    }

    /// Whether another function of the file takes away what a read relies on.
    fn is_taken_elsewhere(&self, function: FunctionRef, gap: &Gap) -> bool {
        self.taken_elsewhere(function, gap).is_some()
    }

    /// Who takes away what a read relies on, and with which act.
    #[must_use]
    pub fn taken_elsewhere(&self, function: FunctionRef, gap: &Gap) -> Option<(FunctionRef, u32)> {
        let changes = |touched: &Touched| touched.touch == Touch::Remove;
        match gap.keeps? {
            Keeps::Entry => self.changed_in(function, &gap.spot, &changes, true),
            Keeps::Value => None,
        }
    }

    /// Who changes a place in the same file; itself too, where a second call of it is meant.
    fn changed_in(
        &self,
        function: FunctionRef,
        spot: &Spot,
        changes: &dyn Fn(&Touched) -> bool,
        itself: bool,
    ) -> Option<(FunctionRef, u32)> {
        if spot.object.is_some_and(|object| !self.is_self(function, object)) {
            return None;
        }
        for other in self.functions_of(function.unit).filter(|it| (itself || *it != function) && !self.is_alone(*it)) {
            let touches = self.touches(other);
            let mut all = touches.all.iter().filter(|it| it.spot.place == spot.place && changes(it));
            let found = all.find(|it| it.spot.object.is_none_or(|object| self.is_self(other, object)));
            if let Some(touched) = found.filter(|_| !self.is_life_cycle(other)) {
                return Some((other, touched.act));
            }
        }
        None
    }

    /// Whether a function begins or ends what it belongs to: `start`, `close`, `__aexit__`.
    fn is_life_cycle(&self, function: FunctionRef) -> bool {
        let name = self.unit(function.unit).facts.text(self.function(function).name);
        let name = name.trim_start_matches('_').trim_start_matches("async_");
        [
            "start", "setup", "init", "load", "close", "stop", "shutdown", "aexit", "exit", "teardown", "cleanup",
            "reset", "dispose", "clear", "aclose",
        ]
        .iter()
        .any(|it| name.starts_with(it))
    }
}
