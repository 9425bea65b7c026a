//! What runs on threads: who hands what to them, and everything that runs there from then on.

use raddle_facts::Value;
use raddle_facts::models::Runner;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::Program;
use crate::calls::{Sure, Target};
use crate::unit::{ClassRef, FunctionRef, UnitId};

/// How a thread comes to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It was handed over: its place in the list of hand-offs.
    Handed(usize),
    /// It is the `run` method of a thread class.
    Class(ClassRef),
    /// This function calls it, with this act.
    Called(FunctionRef, u32),
}

/// Everything that threads run, with the shortest way there.
#[derive(Debug, Default)]
pub struct ThreadCode {
    /// Functions by how a thread comes to them.
    pub reached: FxHashMap<FunctionRef, Reached>,
    /// The same in the order found.
    pub order: Vec<FunctionRef>,
}

impl Program {
    /// Everything that runs on threads.
    #[must_use]
    pub fn thread_code(&self) -> &ThreadCode {
        self.memo.shared.thread_code.get_or_init(|| self.find_thread_code())
    }

    fn find_thread_code(&self) -> ThreadCode {
        let mut code = ThreadCode::default();
        for (at, spawn) in self.spawns().iter().enumerate() {
            if matches!(spawn.to, Runner::Thread | Runner::ThreadPool) {
                code.reach(self, spawn.callee, Reached::Handed(at));
            }
        }
        let runs: Vec<Vec<(FunctionRef, ClassRef)>> =
            (0..self.own).into_par_iter().map(|at| self.thread_classes(UnitId(at as u32))).collect();
        for (function, class) in runs.into_iter().flatten() {
            code.reach(self, function, Reached::Class(class));
        }
        let mut done = 0;
        while done < code.order.len() {
            let round: Vec<FunctionRef> = code.order[done..].to_vec();
            done = code.order.len();
            let leads: Vec<Vec<(u32, FunctionRef)>> = round.par_iter().map(|it| self.runs_from(*it)).collect();
            for (caller, leads) in round.iter().zip(leads) {
                for (act, callee) in leads {
                    code.reach(self, callee, Reached::Called(*caller, act));
                }
            }
        }
        code
    }

    fn runs_from(&self, function: FunctionRef) -> Vec<(u32, FunctionRef)> {
        let facts = &self.unit(function.unit).facts;
        let (start, _) = self.function(function).acts;
        let mut leads = Vec::new();
        for (at, act) in facts.acts_of(function.function).iter().enumerate() {
            for target in self.targets(function, act) {
                if let Target::Run { callee, sure: Sure::Only | Sure::Perhaps, .. } = target {
                    leads.push((start + at as u32, callee));
                }
            }
        }
        leads
    }

    /// The `run` methods of classes that inherit from `threading.Thread`.
    fn thread_classes(&self, unit: UnitId) -> Vec<(FunctionRef, ClassRef)> {
        let facts = &self.unit(unit).facts;
        let mut found = Vec::new();
        for class in self.classes_of(unit) {
            let it = facts.class(class.class);
            let run = facts.bindings(it.scope, "run");
            if it.bases.is_empty() || run.is_empty() {
                continue;
            }
            let is_thread = self
                .ancestors(class)
                .iter()
                .filter_map(|it| self.outside_name(it))
                .any(|name| matches!(&*name, "threading.Thread" | "threading.Timer"));
            for (_, value) in run.iter().filter(|_| is_thread) {
                if let Value::Function(function) = facts.value(*value) {
                    found.push((FunctionRef { unit, function }, class));
                }
            }
        }
        found
    }
}

impl ThreadCode {
    fn reach(&mut self, program: &Program, function: FunctionRef, how: Reached) {
        if !program.is_own(function.unit) || program.function(function).is_async || self.reached.contains_key(&function)
        {
            return;
        }
        self.reached.insert(function, how);
        self.order.push(function);
    }

    /// The way from where a thread starts to a function, first the start.
    #[must_use]
    pub fn way(&self, function: FunctionRef) -> Vec<(FunctionRef, Reached)> {
        let mut way = Vec::new();
        let mut at = Some(function);
        while let Some(function) = at {
            let Some(how) = self.reached.get(&function) else { break };
            way.push((function, *how));
            at = match how {
                Reached::Called(caller, _) if way.len() < 20 => Some(*caller),
                _ => None,
            };
        }
        way.reverse();
        way
    }
}
