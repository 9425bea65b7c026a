//! Who runs each function, for a reader who looks at it.

use std::collections::{BTreeMap, BTreeSet};

use raddle_facts::FunctionId;
use raddle_facts::models::Runner;

use crate::Program;
use crate::runs_on::LoopCode;
use crate::unit::{FunctionRef, UnitId};

impl Program {
    /// The functions of some files that an actor of their own runs, each with all of those actors.
    ///
    /// Lambdas and the code at module level are left out, and so is what only its callers run.
    #[must_use]
    pub fn runners(&self, code: &LoopCode, units: &BTreeSet<UnitId>) -> BTreeMap<FunctionRef, BTreeSet<Runner>> {
        let on_loop = code.entry_of.keys().copied().chain(code.edges.iter().map(|it| it.callee));
        let handed = self.spawns().iter().map(|it| (it.callee, it.to));
        let actors = self.actors();
        let visited = actors
            .visits
            .iter()
            .flat_map(|(function, visits)| visits.iter().map(|it| (*function, actors.roots[it.root].runner)));
        let mut found: BTreeMap<FunctionRef, BTreeSet<Runner>> = BTreeMap::new();
        for (function, runner) in on_loop.map(|it| (it, Runner::EventLoop)).chain(handed).chain(visited) {
            let is_named = function.function != FunctionId::MODULE;
            if runner != Runner::Caller
                && units.contains(&function.unit)
                && is_named
                && !self.function(function).is_lambda
            {
                found.entry(function).or_default().insert(runner);
            }
        }
        found
    }
}
