//! Races: a gap of one actor, a write of another that may overlap, and no lock that both hold.
//!
//! What is compared are sets of locks, as in Eraser (Savage et al., 1997) and RacerD (Blackshear et al., 2018), but only
//! where one side is a [`Gap`] or goes through a container: a single store or load of CPython is never torn, and a stale
//! read alone is nobody's bug.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Value};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::touches::{Gap, Iteration, Keeps, Rests, Touch, Touched};
use super::{Place, Spot};
use crate::Program;
use crate::actors::{Actors, Family, Root, Visit};
use crate::locks::LockKey;
use crate::members::Ancestor;
use crate::unit::FunctionRef;

/// Which builds of CPython a race can happen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Builds {
    /// With the GIL too: threads can switch in between.
    Any,
    /// Only without the GIL: since 3.10 the eval loop looks for other threads at calls, at jumps back and at the start of
    /// functions only (`Python/ceval.c`, `CHECK_EVAL_BREAKER`), and there is none in between.
    FreeThreaded,
}

/// What one side does that the other can spoil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It writes what rests on an earlier look.
    Gap(Gap),
    /// It goes through a container.
    Iterate(Iteration),
}

/// Something that an actor does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Where.
    pub function: FunctionRef,
    /// The act.
    pub act: u32,
    /// The actor's place in the list of roots.
    pub root: usize,
}

/// Two actors that may be out of step at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Race {
    /// Where.
    pub place: Place,
    /// What can be spoilt.
    pub fault: Fault,
    /// Who.
    pub side: Side,
    /// Who spoils it.
    pub other: Side,
    /// What it does.
    pub touch: Touch,
    /// On which builds.
    pub builds: Builds,
    /// Whether the side that can be spoilt holds a lock, which the other does not.
    pub locked: bool,
    /// Whether both are tasks of an event loop, which switch at `await` only.
    pub tasks: bool,
}

/// A write that some actor may make.
struct Writing<'p> {
    function: FunctionRef,
    touched: Touched,
    visit: &'p Visit,
    held: Vec<LockKey>,
}

impl Program {
    /// Every race, at most one for each place and function, in order.
    #[must_use]
    pub fn races(&self) -> &[Race] {
        self.memo.shared.races.get_or_init(|| self.find_races())
    }

    fn find_races(&self) -> Vec<Race> {
        let actors = self.actors();
        let mut functions: Vec<FunctionRef> = actors.visits.keys().copied().collect();
        functions.sort_unstable();
        let mut writings: FxHashMap<Place, Vec<Writing<'_>>> = FxHashMap::default();
        let found: Vec<Vec<(Place, Writing<'_>)>> =
            functions.par_iter().map(|function| self.writings_of(actors, *function)).collect();
        for (place, writing) in found.into_iter().flatten() {
            writings.entry(place).or_default().push(writing);
        }
        functions.par_iter().map(|it| self.races_of(actors, *it, &writings)).collect::<Vec<_>>().concat()
    }

    /// Whether an actor comes to a spot that others come to; `contents` says that what the container in it holds is meant.
    fn is_reached(&self, actors: &Actors, function: FunctionRef, visit: &Visit, spot: &Spot, contents: bool) -> bool {
        let root = &actors.roots[visit.root];
        match (&spot.place, spot.object) {
            (Place::Closure(owner, _), _) => self.encloses(*owner, root),
            (place, Some(object)) => {
                contents && root.kept.contains(place) || self.is_shared(function, visit, root, object, 0)
            }
            (Place::Global(..) | Place::Member(..) | Place::Made(..), None) => true,
        }
    }

    fn writings_of<'p>(&self, actors: &'p Actors, function: FunctionRef) -> Vec<(Place, Writing<'p>)> {
        let mut found = Vec::new();
        let alone = self.is_alone(function);
        for touched in &self.touches(function).all {
            if matches!(touched.touch, Touch::Read | Touch::Iterate)
                || alone && self.is_of_self(function, &touched.spot)
            {
                continue;
            }
            let (mut here, covered) = self.protection(function, touched.act);
            if covered {
                continue;
            }
            here.extend(self.always_held(function).into_iter().map(|it| it.key));
            for visit in &actors.visits[&function] {
                let runs = actors.roots[visit.root].runs(function, touched.act);
                if runs
                    && !visit.covered
                    && self.is_reached(actors, function, visit, &touched.spot, touched.touch.is_inside())
                {
                    let mut held = here.clone();
                    held.extend(visit.held.iter().cloned());
                    let writing = Writing { function, touched: touched.clone(), visit, held };
                    found.push((touched.spot.place.clone(), writing));
                }
            }
        }
        found
    }

    fn races_of(
        &self,
        actors: &Actors,
        function: FunctionRef,
        writings: &FxHashMap<Place, Vec<Writing<'_>>>,
    ) -> Vec<Race> {
        let alone = self.is_alone(function);
        let touches = self.touches(function);
        let gaps = touches.gaps.iter().map(|gap| (&gap.spot, Fault::Gap(gap.clone())));
        let iterations = touches.iterations.iter().map(|it| (&it.spot, Fault::Iterate(it.clone())));
        let mut races: Vec<Race> = Vec::new();
        for (spot, fault) in gaps.chain(iterations) {
            let Some(list) = writings.get(&spot.place) else { continue };
            if alone && self.is_of_self(function, spot) {
                continue;
            }
            if let Some(race) = self.race_at(actors, function, spot, &fault, list)
                && !races.iter().any(|it| it.place == race.place && kind(&it.fault) == kind(&race.fault))
            {
                races.push(race);
            }
        }
        races
    }

    fn race_at(
        &self,
        actors: &Actors,
        function: FunctionRef,
        spot: &Spot,
        fault: &Fault,
        writings: &[Writing<'_>],
    ) -> Option<Race> {
        let (first, last, inside) = match fault {
            Fault::Gap(gap) => (gap.look, gap.write, gap.touch.is_inside()),
            Fault::Iterate(it) => (it.act, it.act, true),
        };
        let (here, covered) = self.protection(function, last);
        if covered || self.asks_for_lock(function) {
            return None;
        }
        let mut held = if first == last { here } else { self.held_over(function, first, last) };
        held.extend(self.always_held(function).into_iter().map(|it| it.key));
        for visit in &actors.visits[&function] {
            let runs = actors.roots[visit.root].runs(function, last);
            if !runs || visit.covered || !self.is_reached(actors, function, visit, spot, inside) {
                continue;
            }
            let root = &actors.roots[visit.root];
            for writing in writings {
                let other = &actors.roots[writing.visit.root];
                let common = writing.held.iter().any(|it| held.contains(it) || visit.held.contains(it));
                if common
                    || !actors.overlap(visit.root, writing.visit.root)
                    || !same_object(&spot.place, spot.object.is_some(), root, other)
                    || self.is_ordered(actors, (function, last), visit.root, writing.visit.root)
                    || self.is_ordered(actors, (writing.function, writing.touched.act), writing.visit.root, visit.root)
                {
                    continue;
                }
                let tasks = root.runner == Runner::EventLoop && other.runner == Runner::EventLoop;
                let callers = root.runner == Runner::Caller && other.runner == Runner::Caller;
                if callers && !self.counts_for_callers(fault, spot, &root.family) {
                    continue;
                }
                if !self.can_spoil(fault, writing, tasks) {
                    continue;
                }
                return Some(Race {
                    place: spot.place.clone(),
                    fault: fault.clone(),
                    side: Side { function, act: last, root: visit.root },
                    other: Side { function: writing.function, act: writing.touched.act, root: writing.visit.root },
                    touch: writing.touched.touch,
                    builds: self.builds(fault),
                    locked: !held.is_empty() || !visit.held.is_empty(),
                    tasks,
                });
            }
        }
        None
    }

    /// That an object has a lock says that threads share it, and no more: only plain counting on the object itself is
    /// told.
    fn counts_for_callers(&self, fault: &Fault, spot: &Spot, family: &Family) -> bool {
        let reckons = matches!(fault, Fault::Gap(gap)
            if matches!(gap.rests, Rests::Update | Rests::Value) || gap.rests == Rests::Test && gap.touch == Touch::Update);
        let (Place::Member(owner, _), Family::Class(class)) = (&spot.place, family) else { return false };
        let own = self.ancestors(*class).iter().any(|it| matches!(it, Ancestor::Class(it) if it == owner));
        reckons && own && spot.object.is_some()
    }

    /// Whether a write does harm in the midst of a fault.
    fn can_spoil(&self, fault: &Fault, writing: &Writing<'_>, tasks: bool) -> bool {
        let touch = writing.touched.touch;
        match fault {
            Fault::Gap(gap) if tasks && gap.awaited.is_none() => false,
            Fault::Gap(Gap { keeps: Some(Keeps::Entry), .. }) => {
                touch == Touch::Remove || self.empties(writing.function, writing.touched.act)
            }
            Fault::Gap(Gap { keeps: Some(Keeps::Value), .. }) => self.empties(writing.function, writing.touched.act),
            // Whoever takes out needs not fear who puts in.
            Fault::Gap(gap) => gap.touch != Touch::Remove || matches!(touch, Touch::Remove | Touch::Set),
            // Other tasks come in only where the loop awaits; a list may grow under a loop.
            Fault::Iterate(it) => {
                (it.awaited.is_some() || !tasks)
                    && (touch == Touch::Remove || touch == Touch::Change && (!it.is_list || self.inserts(writing)))
            }
        }
    }

    /// `place = None`, `del place`, `place = {}`.
    pub(crate) fn empties(&self, function: FunctionRef, act: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        match facts.acts[act as usize].kind {
            ActKind::Write(place, value) => {
                let empty = match facts.value(value) {
                    Value::None => true,
                    Value::Display(_, list) => list.len == 0,
                    _ => false,
                };
                empty && !matches!(facts.value(place), Value::Subscript(..))
            }
            ActKind::Delete(place) => !matches!(facts.value(place), Value::Subscript(..)),
            _ => false,
        }
    }

    /// `place.insert(0, …)`: what is gone through moves.
    fn inserts(&self, writing: &Writing<'_>) -> bool {
        let facts = &self.unit(writing.function.unit).facts;
        match facts.acts[writing.touched.act as usize].kind {
            ActKind::Call(call) => {
                matches!(crate::locks::held::called_method(facts, call), Some((_, "insert")))
            }
            _ => false,
        }
    }

    /// On which builds threads can switch in the midst of a fault.
    #[must_use]
    pub fn builds(&self, fault: &Fault) -> Builds {
        match fault {
            Fault::Gap(gap) if gap.call.is_none() && gap.awaited.is_none() && self.python_version >= (3, 10) => {
                Builds::FreeThreaded
            }
            Fault::Gap(_) | Fault::Iterate(_) => Builds::Any,
        }
    }
}

/// Faults of one kind at one place in one function have one cause.
fn kind(fault: &Fault) -> u8 {
    match fault {
        Fault::Gap(gap) => u8::from(gap.touch == Touch::Read),
        Fault::Iterate(_) => 2,
    }
}

/// Whether two actors that come to an attribute come to it in the same object.
fn same_object(place: &Place, of_instance: bool, first: &Root, second: &Root) -> bool {
    // Whoever lends an object waits until it is given back.
    let lent = |root: &Root| root.lent || root.runner == Runner::Caller;
    let apart = (first.lent || second.lent) && lent(first) && lent(second);
    match place {
        Place::Global(..) => true,
        Place::Closure(..) | Place::Made(..) => first.family == second.family && !apart,
        Place::Member(..) => !of_instance || first.family == second.family && !apart,
    }
}
