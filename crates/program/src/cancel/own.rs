//! The end of a task that the function itself has cancelled is no cancellation of the function.

use raddle_facts::{ActKind, FileFacts, Value, ValueId};
use rustc_hash::FxHashSet;

use crate::Program;
use crate::unit::FunctionRef;

/// Values nested deeper than this are not looked into.
const DEEPEST: u32 = 8;

impl Program {
    /// Whether each of these `await`s waits for something that was cancelled before, in the function.
    pub(crate) fn awaits_what_it_cancelled(&self, function: FunctionRef, awaits: &[u32]) -> bool {
        let facts = &self.unit(function.unit).facts;
        awaits.iter().all(|at| {
            let act = &facts.acts[*at as usize];
            let ActKind::Await(awaited) = act.kind else { return false };
            let mut waited = FxHashSet::default();
            mentioned(facts, awaited, 0, &mut waited);
            facts.acts_of(function.function).iter().any(|it| {
                let ActKind::Call(call) = it.kind else { return false };
                let Value::Call(callee, arguments) = facts.value(call) else { return false };
                if it.span.start > act.span.start || call == awaited {
                    return false;
                }
                let name = facts.called_name(callee).unwrap_or_default();
                if name != "cancel" {
                    return name.contains("cancel") && !matches!(name, "cancelled" | "cancelling");
                }
                let mut cancelled = FxHashSet::default();
                if let Value::Attribute(base, _) = facts.value(callee) {
                    mentioned(facts, base, 0, &mut cancelled);
                }
                for argument in facts.arguments(arguments) {
                    mentioned(facts, argument.value, 0, &mut cancelled);
                }
                cancelled.iter().any(|it| waited.contains(it))
            })
        })
    }
}

/// Names, attributes and parameters that a value is taken from.
fn mentioned(facts: &FileFacts, value: ValueId, depth: u32, acc: &mut FxHashSet<ValueId>) {
    if depth > DEEPEST {
        return;
    }
    match facts.value(value) {
        Value::Name(scope, name) => {
            acc.insert(value);
            for (_, bound) in facts.bindings(scope, facts.text(name)) {
                if !matches!(facts.value(*bound), Value::Call(..)) {
                    mentioned(facts, *bound, depth + 1, acc);
                }
            }
        }
        Value::Attribute(..) | Value::Parameter(..) => {
            acc.insert(value);
        }
        Value::Call(callee, arguments) => {
            acc.insert(value);
            if let Value::Attribute(base, _) = facts.value(callee) {
                mentioned(facts, base, depth + 1, acc);
            }
            for argument in facts.arguments(arguments) {
                mentioned(facts, argument.value, depth + 1, acc);
            }
        }
        Value::Element(inner)
        | Value::Subscript(inner, _)
        | Value::Await(inner)
        | Value::Declared(_, inner)
        | Value::Narrowed(inner, _)
        | Value::Unpacked(inner, _) => mentioned(facts, inner, depth + 1, acc),
        Value::Union(list) | Value::Display(_, list) => {
            for entry in facts.list(list) {
                mentioned(facts, *entry, depth + 1, acc);
            }
        }
        _ => {}
    }
}
