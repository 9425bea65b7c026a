//! Where the program hands one of its functions to another actor.

use std::sync::Arc;

use raddle_facts::models::Runner;
use raddle_facts::{ActKind, FileFacts, Function, FunctionId, Value};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

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
            let helpers = self.starting_helpers();
            let per_unit: Vec<Vec<Spawn>> =
                (0..self.own).into_par_iter().map(|at| self.spawns_of(UnitId(at as u32), &helpers)).collect();
            per_unit.into_iter().flatten().collect()
        })
    }

    /// Names of functions that hand a parameter of theirs to another actor, and of attributes that hold one of them.
    fn starting_helpers(&self) -> FxHashSet<&str> {
        let hands_on = |facts: &FileFacts, function: &Function, id: FunctionId| {
            facts.acts[function.acts.0 as usize..function.acts.1 as usize].iter().any(|act| {
                let ActKind::Call(call) = act.kind else { return false };
                let Value::Call(callee, arguments) = facts.value(call) else { return false };
                let own = |value| matches!(facts.value(value), Value::Parameter(owner, _) if owner == id);
                facts.called_name(callee).is_some_and(|name| self.models.may_register(name))
                    && facts.arguments(arguments).iter().any(|it| own(it.value))
            })
        };
        let mut names: FxHashSet<&str> = FxHashSet::default();
        for (_, unit) in self.own_units() {
            let functions = unit.facts.functions.iter().enumerate().skip(1);
            for (at, function) in functions.filter(|(_, it)| !it.parameters.is_empty() && !it.is_lambda) {
                if hands_on(&unit.facts, function, FunctionId(at as u32)) {
                    names.insert(unit.facts.text(function.name));
                }
            }
        }
        names.remove("__init__");
        let mut aliases: Vec<&str> = Vec::new();
        for (_, unit) in self.own_units().filter(|_| !names.is_empty()) {
            for (name, value) in unit.facts.classes.iter().flat_map(|it| &it.attributes) {
                if unit.facts.last_name(*value).is_some_and(|it| names.contains(it)) {
                    aliases.push(unit.facts.text(*name));
                }
            }
        }
        names.extend(aliases);
        names
    }

    fn spawns_of(&self, unit: UnitId, helpers: &FxHashSet<&str>) -> Vec<Spawn> {
        let facts = &self.unit(unit).facts;
        let mut all = Vec::new();
        for function in self.functions_of(unit) {
            let (start, _) = facts.function(function.function).acts;
            for (at, act) in facts.acts_of(function.function).iter().enumerate() {
                let ActKind::Call(call) = act.kind else { continue };
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                let named = facts
                    .called_name(callee)
                    .is_some_and(|name| self.models.may_register(name) || helpers.contains(name));
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
