//! Answers that do not depend on where the question came from, kept for all threads.

use std::sync::{Arc, OnceLock};

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Vals;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// What a value is.
    Value(ValueRef),
    /// What an annotation stands for.
    Annotation(ValueRef),
    /// What calling a function returns, before generators and coroutines wrap it.
    Return(FunctionRef),
    /// What a generator yields.
    Yields(FunctionRef),
    /// What an attribute of a class is, before binding.
    Member(ClassRef, Arc<str>),
    /// What a name of a module is.
    Symbol(crate::unit::UnitId, Arc<str>),
}

/// An answer and what it took, so that asking costs the same whether or not somebody asked before.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) vals: Arc<Vals>,
    pub(crate) cost: u32,
    pub(crate) height: u32,
}

/// Answers about the whole program. Most are worked out in parallel, so none may be asked for the first time from work that
/// is parallel itself: a working thread that waits for the rest of an answer takes up other work meanwhile, and if that
/// work asks for the same answer, it waits for itself. [`crate::Program::prepare`] asks for all of them.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) handed: OnceLock<Vec<(FunctionRef, crate::wrong_sinks::Handed)>>,
    pub(crate) lost: OnceLock<Vec<(FunctionRef, crate::pending::Lost)>>,
    pub(crate) spawns: OnceLock<Vec<crate::spawns::Spawn>>,
    pub(crate) lock_world: OnceLock<Arc<crate::locks::summary::LockWorld>>,
    pub(crate) given_to_threads: OnceLock<rustc_hash::FxHashSet<FunctionRef>>,
    pub(crate) mentions: OnceLock<crate::locks::caller::Mentions>,
    pub(crate) lock_names: OnceLock<Arc<crate::locks::peer::LockNames>>,
    pub(crate) registry: OnceLock<Arc<crate::locks::registry::Registry>>,
    pub(crate) crossings: OnceLock<Vec<crate::crossing::Crossing>>,
    pub(crate) thread_code: OnceLock<crate::threads::ThreadCode>,
    pub(crate) races: OnceLock<Vec<crate::sharing::races::Race>>,
    pub(crate) unguarded: OnceLock<Vec<crate::sharing::guarding::Unguarded>>,
    pub(crate) actors: OnceLock<crate::actors::Actors>,
    pub(crate) given: OnceLock<crate::sharing::given::Given>,
    pub(crate) start: OnceLock<crate::crossing::Start>,
    pub(crate) undone: OnceLock<Vec<(FunctionRef, crate::cancel::Undone)>>,
}

/// The answers about the values of one unit, by their place in its arena.
type OfUnit = Box<[OnceLock<Box<Answer>>]>;

/// The answers so far.
#[derive(Default)]
pub(crate) struct Memo {
    answers: DashMap<Key, Answer, FxBuildHasher>,
    /// Most questions are about values, which have numbers: they need no hashing. A unit's answers have room from the
    /// first of them on; with it stands the number of its values.
    values: Vec<(usize, OnceLock<OfUnit>)>,
    pub(crate) shared: Shared,
    pub(crate) decorations: DashMap<FunctionRef, Arc<crate::decoration::Decoration>, FxBuildHasher>,
    pub(crate) uses: DashMap<(FunctionRef, u16), Arc<crate::handing::Uses>, FxBuildHasher>,
    pub(crate) implementations: DashMap<(ClassRef, Box<str>), Arc<[FunctionRef]>, FxBuildHasher>,
    pub(crate) overrides: DashMap<(FunctionRef, ClassRef), Arc<[FunctionRef]>, FxBuildHasher>,
    pub(crate) locks: DashMap<(FunctionRef, u8), Arc<crate::locks::held::FunctionLocks>, FxBuildHasher>,
    pub(crate) ancestors: DashMap<ClassRef, Arc<[crate::members::Ancestor]>, FxBuildHasher>,
    pub(crate) touches: DashMap<FunctionRef, Arc<crate::sharing::touches::Touches>, FxBuildHasher>,
}

impl Memo {
    /// Room for the answers about a program of units with so many values.
    pub(crate) fn of(values: impl Iterator<Item = usize>) -> Memo {
        Memo { values: values.map(|it| (it, OnceLock::new())).collect(), ..Memo::default() }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Answer> {
        let Key::Value(at) = key else { return self.answers.get(key).map(|it| it.clone()) };
        let (_, answers) = self.values.get(at.unit.0 as usize)?;
        let answer = answers.get()?.get(at.value.0 as usize)?.get()?;
        Some((**answer).clone())
    }

    pub(crate) fn put(&self, key: Key, answer: Answer) {
        let place = match &key {
            Key::Value(at) => self.values.get(at.unit.0 as usize).and_then(|(count, answers)| {
                answers.get_or_init(|| (0..*count).map(|_| OnceLock::new()).collect()).get(at.value.0 as usize)
            }),
            _ => None,
        };
        match place {
            // Whoever answers first gives the answer that everybody gives.
            Some(place) => drop(place.set(Box::new(answer))),
            None => drop(self.answers.insert(key, answer)),
        }
    }
}

impl crate::Program {
    /// Works out all that verdicts share, so that they may be asked side by side.
    pub fn prepare(&self) {
        // Taken apart by name, so that a new answer has to be added here.
        let Shared {
            handed,
            lost,
            spawns,
            lock_world,
            given_to_threads,
            mentions,
            lock_names,
            registry,
            races,
            unguarded,
            actors,
            given,
            crossings,
            thread_code,
            start,
            undone,
        } = &self.memo.shared;
        let _ = (
            self.all_wrongly_handed(),
            self.all_lost(),
            self.spawns(),
            self.lock_names(),
            self.registry(),
            self.thread_code(),
            // Places of parameters rest on it, so it comes before all that looks at places.
            self.given_by_starters(),
            self.lock_world(),
            self.handed_to_threads(),
            self.actors(),
            self.races(),
            self.unguarded(),
            self.crossings(),
            self.start_by_default(),
            self.all_undone(),
        );
        let done = [
            handed.get().is_some(),
            lost.get().is_some(),
            spawns.get().is_some(),
            lock_world.get().is_some(),
            given_to_threads.get().is_some(),
            mentions.get().is_some(),
            lock_names.get().is_some(),
            registry.get().is_some(),
            races.get().is_some(),
            unguarded.get().is_some(),
            actors.get().is_some(),
            given.get().is_some(),
            crossings.get().is_some(),
            thread_code.get().is_some(),
            start.get().is_some(),
            undone.get().is_some(),
        ];
        assert!(done.iter().all(|it| *it), "every shared answer is worked out before verdicts run side by side");
    }
}
