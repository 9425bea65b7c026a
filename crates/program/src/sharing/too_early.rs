//! Threads that `__init__` starts before the object is ready: what it sets after `start()` the thread may miss.

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, FileFacts, Value};

use super::Place;
use crate::Program;
use crate::actors::{Family, Root};
use crate::unit::{ClassRef, FunctionRef};

/// An attribute that a thread may read before it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooEarly {
    /// The attribute.
    pub place: Place,
    /// The `__init__`.
    pub function: FunctionRef,
    /// The act that starts the thread.
    pub start: u32,
    /// The act that sets the attribute.
    pub write: u32,
    /// What the thread runs first.
    pub runs: FunctionRef,
    /// Who reads it there, and with which act.
    pub read: (FunctionRef, u32),
}

impl Program {
    /// Attributes that are set after a thread that reads them has started, at most one for each start.
    #[must_use]
    pub fn started_too_early(&self) -> Vec<TooEarly> {
        let actors = self.actors();
        let mut found: Vec<TooEarly> = Vec::new();
        for (at, root) in actors.roots.iter().enumerate() {
            let Some((init, class, start)) = self.start_in_init(root) else { continue };
            if found.iter().any(|it| it.function == init) {
                continue;
            }
            found.extend(self.missed_by(at, root, init, class, start));
        }
        found
    }

    /// The `__init__` that starts an actor on its own object, the class, and the act.
    fn start_in_init(&self, root: &Root) -> Option<(FunctionRef, ClassRef, u32)> {
        let Family::Class(class) = root.family else { return None };
        if !matches!(root.runner, Runner::Thread | Runner::ThreadPool) || root.window.is_some() {
            return None;
        }
        if let Some((starter, spawn)) = root.from {
            if !self.is_init(starter) || self.class_of(starter) != Some(class) {
                return None;
            }
            let (start, _) = self.lifetime(starter, spawn)?;
            return Some((starter, class, start));
        }
        // `self.start()` of a thread class.
        let init = self.own_method(class, &["__init__"])?;
        let facts = &self.unit(init.unit).facts;
        let (first, last) = self.function(init).acts;
        let start = (first..last).find(|at| is_start_of_self(facts, init, *at))?;
        (self.is_init(init) && self.class_of(init) == Some(class)).then_some((init, class, start))
    }

    fn is_init(&self, function: FunctionRef) -> bool {
        self.unit(function.unit).facts.text(self.function(function).name) == "__init__"
    }

    fn missed_by(&self, at: usize, root: &Root, init: FunctionRef, class: ClassRef, start: u32) -> Option<TooEarly> {
        let facts = &self.unit(init.unit).facts;
        let (first, last) = self.function(init).acts;
        let written = |act: u32| match facts.acts[act as usize].kind {
            ActKind::Write(place, _) => match facts.value(place) {
                Value::Attribute(base, name) if self.is_self(init, base) => Some(facts.text(name)),
                _ => None,
            },
            _ => None,
        };
        let body = facts.class(class.class).scope;
        for write in start + 1..last {
            let Some(name) = written(write) else { continue };
            let before = (first..start).any(|it| written(it) == Some(name));
            if before || !facts.bindings(body, name).is_empty() || self.inherits_attribute(class, name) {
                continue;
            }
            let place = Place::Member(class, name.into());
            if let Some(read) = self.read_early(at, root, &place) {
                return Some(TooEarly { place, function: init, start, write, runs: root.function, read });
            }
        }
        None
    }

    /// Whether a base class sets an attribute too.
    fn inherits_attribute(&self, class: ClassRef, name: &str) -> bool {
        self.ancestors(class).iter().any(|it| match it {
            crate::members::Ancestor::Class(base) if *base != class => {
                let facts = &self.unit(base.unit).facts;
                !facts.attributes(base.class, name).is_empty()
                    || !facts.bindings(facts.class(base.class).scope, name).is_empty()
            }
            _ => false,
        })
    }

    /// Where an actor itself, or what it calls at once, reads an attribute of its object.
    fn read_early(&self, at: usize, root: &Root, place: &Place) -> Option<(FunctionRef, u32)> {
        let actors = self.actors();
        let mut near: Vec<FunctionRef> = actors
            .visits
            .iter()
            .filter(|(_, visits)| visits.iter().any(|it| it.root == at && it.shared & 1 == 1))
            .map(|(function, _)| *function)
            .filter(|it| actors.way(at, *it).len() <= 2)
            .collect();
        near.sort_unstable_by_key(|it| (*it != root.function, *it));
        near.into_iter().find_map(|function| {
            let touches = self.all_touches(function);
            let found = touches.all.iter().find(|it| {
                it.spot.place == *place && self.is_of_self(function, &it.spot) && it.touch != super::touches::Touch::Set
            })?;
            Some((function, found.act))
        })
    }
}

fn is_start_of_self(facts: &FileFacts, init: FunctionRef, at: u32) -> bool {
    let ActKind::Call(call) = facts.acts[at as usize].kind else { return false };
    matches!(crate::locks::held::called_method(facts, call), Some((base, "start"))
        if facts.value(base) == Value::Parameter(init.function, 0))
}
