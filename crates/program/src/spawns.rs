//! Where the program hands one of its functions to another actor.

use std::sync::Arc;

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, Value};
use rayon::prelude::*;

use crate::Program;
use crate::calls::Target;
use crate::unit::{FunctionRef, UnitId};

/// A call that hands a function of the project to another actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawn {
    /// Who calls.
    pub function: FunctionRef,
    /// The act, in the pool of the caller's file.
    pub act: u32,
    /// What is handed over.
    pub callee: FunctionRef,
    /// Who will run it.
    pub to: Runner,
    /// The call that takes it.
    pub by: Arc<str>,
}

impl Program {
    /// Every such call of the project, in order of files and acts.
    #[must_use]
    pub fn spawns(&self) -> &[Spawn] {
        self.memo.shared.spawns.get_or_init(|| {
            let per_unit: Vec<Vec<Spawn>> =
                (0..self.own).into_par_iter().map(|at| self.spawns_of(UnitId(at as u32))).collect();
            per_unit.into_iter().flatten().collect()
        })
    }

    fn spawns_of(&self, unit: UnitId) -> Vec<Spawn> {
        let facts = &self.unit(unit).facts;
        let mut all = Vec::new();
        for function in self.functions_of(unit) {
            let (start, _) = facts.function(function.function).acts;
            for (at, act) in facts.acts_of(function.function).iter().enumerate() {
                let ActKind::Call(call) = act.kind else { continue };
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                let named = facts.called_name(callee).is_some_and(|name| self.models.may_register(name));
                if !named || arguments.len == 0 {
                    continue;
                }
                for target in self.targets(function, act) {
                    if let Target::Hand { callee, to, by } = target {
                        all.push(Spawn { function, act: start + at as u32, callee, to, by });
                    }
                }
            }
        }
        all
    }
}
