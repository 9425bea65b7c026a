//! What other processes run: what is handed to them, and what that calls.

use raddle_facts::{ActKind, Value};
use raddle_program::calls::Target;
use raddle_program::crossing::{Crossing, Role};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};

/// Calls are followed this far.
const FARTHEST: usize = 3;

/// A function that another process runs.
pub(crate) struct InProcess<'p> {
    /// How it gets there.
    pub(crate) crossing: &'p Crossing,
    /// The function.
    pub(crate) function: FunctionRef,
}

/// Everything of the project that other processes run, each once for each call that hands it over. Initializers are
/// left out: what they change is meant for their process.
pub(crate) fn in_processes(program: &Program) -> Vec<InProcess<'_>> {
    let mut all = Vec::new();
    for crossing in program.crossings().iter().filter(|it| it.sure) {
        for sent in crossing.sent.iter().filter(|it| it.role == Role::Function) {
            if is_initializer(program, crossing, sent.value) {
                continue;
            }
            let vals = program.evaluate(ValueRef { unit: crossing.function.unit, value: sent.value });
            let [val] = &vals.known[..] else { continue };
            let Some(handed) = callee(val).filter(|it| program.is_own(it.unit)) else { continue };
            let mut reached = vec![(handed, 0)];
            let mut at = 0;
            while at < reached.len() {
                let (function, depth) = reached[at];
                at += 1;
                all.push(InProcess { crossing, function });
                if depth < FARTHEST {
                    for callee in called_by(program, function) {
                        if !reached.iter().any(|(it, _)| *it == callee) {
                            reached.push((callee, depth + 1));
                        }
                    }
                }
            }
        }
    }
    all
}

fn callee(val: &Val) -> Option<FunctionRef> {
    match val {
        Val::Function(function) | Val::Bound(function, _) => Some(*function),
        Val::Partial(inner, _) => callee(inner),
        _ => None,
    }
}

fn is_initializer(program: &Program, crossing: &Crossing, value: raddle_facts::ValueId) -> bool {
    let facts = &program.unit(crossing.function.unit).facts;
    let ActKind::Call(call) = facts.acts[crossing.act as usize].kind else { return false };
    let Value::Call(_, arguments) = facts.value(call) else { return false };
    program.argument_at(crossing.function.unit, arguments, Some("initializer"), None) == Some(value)
}

fn called_by(program: &Program, function: FunctionRef) -> Vec<FunctionRef> {
    let facts = &program.unit(function.unit).facts;
    let mut found = Vec::new();
    for act in facts.acts_of(function.function) {
        for target in program.targets(function, act) {
            if let Target::Run { callee, .. } = target
                && program.is_own(callee.unit)
            {
                found.push(callee);
            }
        }
    }
    found
}
