//! Reaching definitions: which bindings of a name can be meant at a point of a function.

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use crate::value::{Sym, ValueId};

type Reaching = SmallVec<[ValueId; 2]>;

/// More definitions than this reaching one point are as good as "every binding of the name".
const MOST: usize = 12;

/// For each name the definitions that reach the point.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings {
    reaching: FxHashMap<Sym, Reaching>,
}

impl Bindings {
    pub(super) fn get(&self, sym: Sym) -> Option<&[ValueId]> {
        self.reaching.get(&sym).map(|it| &it[..])
    }

    pub(super) fn set(&mut self, sym: Sym, value: ValueId) {
        self.reaching.insert(sym, smallvec![value]);
    }

    pub(super) fn forget(&mut self, sym: Sym) {
        self.reaching.remove(&sym);
    }

    /// Joins what reaches by another way. A name bound on one way only keeps that binding.
    pub(super) fn join(&mut self, other: Bindings) {
        if self.reaching.is_empty() {
            self.reaching = other.reaching;
            return;
        }
        for (sym, values) in other.reaching {
            match self.reaching.entry(sym) {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(values);
                }
                std::collections::hash_map::Entry::Occupied(mut slot) => {
                    let ours = slot.get_mut();
                    for value in values {
                        if !ours.contains(&value) && ours.len() < MOST {
                            ours.push(value);
                        }
                    }
                }
            }
        }
    }
}
