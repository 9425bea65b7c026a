//! Callbacks that come in the middle of anything, on the thread that is running: those of weak references, when an object
//! dies, and handlers of signals.
//!
//! CPython calls them between two bytecodes at the latest (`Objects/weakrefobject.c`, `Modules/signalmodule.c`), so no lock
//! keeps them out: a re-entrant one lets them through, a plain one waits for ever.

use raddle_facts::models::Runner;

use super::races::Fault;
use super::touches::{Keeps, Touch, Touched};
use super::{Place, Spot};
use crate::Program;
use crate::calls::{Sure, Target};
use crate::unit::{FunctionRef, UnitId};

/// A callback that may come in the middle of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupt {
    /// What is in the middle.
    pub function: FunctionRef,
    /// What can be spoilt.
    pub fault: Fault,
    /// Where.
    pub place: Place,
    /// The call that registers the callback.
    pub registered: (FunctionRef, u32),
    /// Whether a signal calls it, and not the death of an object.
    pub signal: bool,
    /// Who changes the place, and with which act.
    pub other: (FunctionRef, u32),
}

impl Program {
    /// What callbacks may spoil, at most once for each place and function.
    #[must_use]
    pub fn interrupts(&self) -> Vec<Interrupt> {
        let mut found: Vec<Interrupt> = Vec::new();
        for spawn in self.spawns() {
            if !matches!(spawn.to, Runner::Finalizer | Runner::SignalHandler) {
                continue;
            }
            let signal = spawn.to == Runner::SignalHandler;
            // What `atexit` registers comes when all else is done.
            if !signal && !spawn.by.contains("weakref") {
                continue;
            }
            let inside = self.run_by_callback(spawn.callee);
            for function in &inside {
                for touched in &self.touches(*function).all {
                    if !self.is_reached_by_callback(*function, &touched.spot) {
                        continue;
                    }
                    for mut it in self.spoilt_by(touched, signal, &inside) {
                        let known = found.iter().any(|old| old.function == it.function && old.place == it.place);
                        if !known {
                            it.registered = (spawn.function, spawn.act);
                            it.signal = signal;
                            it.other = (*function, touched.act);
                            found.push(it);
                        }
                    }
                }
            }
        }
        found
    }

    /// A callback and what it calls itself.
    fn run_by_callback(&self, callback: FunctionRef) -> Vec<FunctionRef> {
        let mut all = vec![callback];
        let facts = &self.unit(callback.unit).facts;
        for act in facts.acts_of(callback.function) {
            for target in self.targets(callback, act) {
                if let Target::Run { callee, sure: Sure::Only, .. } = target
                    && self.is_own(callee.unit)
                    && !all.contains(&callee)
                    && all.len() < 16
                {
                    all.push(callee);
                }
            }
        }
        all
    }

    fn is_reached_by_callback(&self, function: FunctionRef, spot: &Spot) -> bool {
        match (&spot.place, spot.object) {
            (Place::Member(..), Some(object)) => self.is_self(function, object),
            (Place::Member(..) | Place::Global(..), None) => true,
            _ => false,
        }
    }

    fn spoilt_by(&self, touched: &Touched, signal: bool, inside: &[FunctionRef]) -> Vec<Interrupt> {
        let removes = touched.touch == Touch::Remove;
        let changes = removes || signal && touched.touch == Touch::Change;
        if !changes {
            return Vec::new();
        }
        let place = &touched.spot.place;
        let unit = match place {
            Place::Member(class, _) => class.unit,
            Place::Global(unit, _) => *unit,
            Place::Closure(..) | Place::Made(..) => return Vec::new(),
        };
        self.victims(unit, place, removes, inside)
    }

    fn victims(&self, unit: UnitId, place: &Place, removes: bool, inside: &[FunctionRef]) -> Vec<Interrupt> {
        let mut found = Vec::new();
        for function in self.functions_of(unit).filter(|it| !inside.contains(it) && !self.is_alone(*it)) {
            let touches = self.touches(function);
            let here = |spot: &Spot| spot.place == *place && self.is_reached_by_callback(function, spot);
            let loops = touches.iterations.iter().filter(|it| here(&it.spot));
            let loops = loops.filter(|it| removes || !it.is_list).map(|it| Fault::Iterate(it.clone()));
            let gaps = touches
                .gaps
                .iter()
                .filter(|it| removes && it.keeps == Some(Keeps::Entry) && it.call.is_some() && here(&it.spot));
            let faults = loops.chain(gaps.map(|it| Fault::Gap(it.clone())));
            found.extend(faults.take(1).map(|fault| Interrupt {
                function,
                fault,
                place: place.clone(),
                registered: (function, 0),
                signal: false,
                other: (function, 0),
            }));
        }
        found
    }
}
