//! Everything that touches one place, by whom and under which locks: what `raddle explain-place` shows.

use raddle_facts::models::Runner;
use rayon::prelude::*;

use super::Place;
use super::touches::Touch;
use crate::Program;
use crate::locks::LockKey;
use crate::unit::FunctionRef;

/// A touch of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Where the place is.
    pub place: Place,
    /// Who touches it.
    pub function: FunctionRef,
    /// With which act.
    pub act: u32,
    /// How.
    pub touch: Touch,
    /// The actors that run the function, sorted; empty where none but the program's own flow is known.
    pub actors: Vec<Runner>,
    /// The locks that are held, by the function or by all its callers.
    pub held: Vec<LockKey>,
}

impl Program {
    /// The name of a place from its module on: `shop.service.Shop.stock`.
    #[must_use]
    pub fn full_place_name(&self, place: &Place) -> String {
        let (unit, inner) = match place {
            Place::Global(unit, _) => (*unit, None),
            Place::Member(class, _) => {
                let facts = &self.unit(class.unit).facts;
                (class.unit, Some(facts.text(self.class(*class).qualified)))
            }
            Place::Closure(function, _) | Place::Made(function, ..) => {
                let facts = &self.unit(function.unit).facts;
                (function.unit, Some(facts.text(self.function(*function).qualified)))
            }
        };
        let (Place::Global(_, name) | Place::Member(_, name) | Place::Closure(_, name) | Place::Made(_, _, name)) =
            place;
        let module = &self.unit(unit).module;
        inner.map_or_else(|| format!("{module}.{name}"), |inner| format!("{module}.{inner}.{name}"))
    }

    /// The name of a place as a person of the project would say it: `Shop.stock`, `cache`.
    #[must_use]
    pub fn short_place_name(&self, place: &Place) -> String {
        match place {
            Place::Global(_, name) | Place::Closure(_, name) | Place::Made(_, _, name) => name.to_string(),
            Place::Member(class, name) => {
                let facts = &self.unit(class.unit).facts;
                format!("{}.{name}", facts.text(self.class(*class).name))
            }
        }
    }

    /// Everything that touches a place whose full name is this, or ends in it after a dot.
    #[must_use]
    pub fn accesses(&self, name: &str) -> Vec<Access> {
        self.prepare();
        let last = name.rsplit('.').next().unwrap_or(name);
        let functions: Vec<FunctionRef> = self
            .own_units()
            .filter(|(_, it)| it.facts.symbols.find(last).is_some())
            .flat_map(|(unit, _)| self.functions_of(unit))
            .collect();
        let mut all = functions.par_iter().map(|it| self.accesses_in(*it, name)).collect::<Vec<_>>().concat();
        all.sort_by(|a, b| (&a.place, a.function, a.act).cmp(&(&b.place, b.function, b.act)));
        all
    }

    fn accesses_in(&self, function: FunctionRef, name: &str) -> Vec<Access> {
        let mut found = Vec::new();
        for touched in &self.all_touches(function).all {
            let full = self.full_place_name(&touched.spot.place);
            if full != name && !full.strip_suffix(name).is_some_and(|it| it.ends_with('.')) {
                continue;
            }
            let mut held = self.protection(function, touched.act).0;
            held.extend(self.always_held(function).into_iter().map(|it| it.key));
            held.sort();
            held.dedup();
            let actors = self.actors();
            let visits = actors.visits.get(&function).map_or(&[][..], |it| it);
            let mut by: Vec<Runner> = visits.iter().map(|it| actors.roots[it.root].runner).collect();
            by.sort_unstable();
            by.dedup();
            found.push(Access {
                place: touched.spot.place.clone(),
                function,
                act: touched.act,
                touch: touched.touch,
                actors: by,
                held,
            });
        }
        found
    }
}
