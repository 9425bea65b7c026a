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

/// The answers so far.
#[derive(Default)]
pub(crate) struct Memo {
    answers: DashMap<Key, Answer, FxBuildHasher>,
    pub(crate) handed: OnceLock<Vec<(FunctionRef, crate::wrong_sinks::Handed)>>,
    pub(crate) lost: OnceLock<Vec<(FunctionRef, crate::pending::Lost)>>,
    pub(crate) decorations: DashMap<FunctionRef, Arc<crate::decoration::Decoration>, FxBuildHasher>,
    pub(crate) uses: DashMap<(FunctionRef, u16), Arc<crate::handing::Uses>, FxBuildHasher>,
    pub(crate) implementations: DashMap<(ClassRef, Box<str>), Arc<[FunctionRef]>, FxBuildHasher>,
    pub(crate) spawns: std::sync::OnceLock<Vec<crate::spawns::Spawn>>,
    pub(crate) locks: DashMap<(FunctionRef, u8), Arc<crate::locks::held::FunctionLocks>, FxBuildHasher>,
    pub(crate) lock_world: std::sync::OnceLock<Arc<crate::locks::summary::LockWorld>>,
    pub(crate) given_to_threads: std::sync::OnceLock<rustc_hash::FxHashSet<FunctionRef>>,
    pub(crate) mentions: std::sync::OnceLock<crate::locks::caller::Mentions>,
    pub(crate) ancestors: DashMap<ClassRef, Arc<[crate::members::Ancestor]>, FxBuildHasher>,
    pub(crate) crossings: std::sync::OnceLock<Vec<crate::crossing::Crossing>>,
    pub(crate) thread_code: std::sync::OnceLock<crate::threads::ThreadCode>,
    pub(crate) touches: DashMap<FunctionRef, Arc<crate::sharing::touches::Touches>, FxBuildHasher>,
    pub(crate) races: std::sync::OnceLock<Vec<crate::sharing::races::Race>>,
    pub(crate) unguarded: std::sync::OnceLock<Vec<crate::sharing::guarding::Unguarded>>,
    pub(crate) actors: std::sync::OnceLock<crate::actors::Actors>,
    pub(crate) start: std::sync::OnceLock<crate::crossing::Start>,
}

impl Memo {
    pub(crate) fn get(&self, key: &Key) -> Option<Answer> {
        self.answers.get(key).map(|it| it.clone())
    }

    pub(crate) fn put(&self, key: Key, answer: Answer) {
        self.answers.insert(key, answer);
    }
}
