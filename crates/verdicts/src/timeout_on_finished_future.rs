//! Time-outs on futures that are done already.

use raddle_facts::Value;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Found, calls, method};

/// The rule's name.
pub const ID: &str = "timeout-on-finished-future";

/// Finds time-outs that never run out.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("as_completed").is_none() && it.facts.symbols.find("wait").is_none() {
            continue;
        }
        for function in program.functions_of(unit) {
            for called in calls(program, function) {
                let Some((base, name)) = method(program, function, called.callee) else { continue };
                let limit = program.argument_at(unit, called.arguments, Some("timeout"), Some(0));
                let Some(limit) = limit.filter(|_| matches!(name, "result" | "exception")) else { continue };
                // `result(timeout=0)` says that the author knows.
                if matches!(it.facts.value(limit), Value::Zero | Value::None) {
                    continue;
                }
                let Some(source) = finished(program, function, base) else { continue };
                acc.push(
                    Found {
                        rule: ID,
                        function,
                        span: called.act.span,
                        message: Message::new("finished").arg("method", name).arg("source", source),
                        help: "help-timeout",
                        level: Level::Warning,
                        confidence: Confidence::Certain,
                        because: vec![Message::new("because-done")],
                        story: Vec::new(),
                    }
                    .finish(program),
                );
            }
        }
    }
}

/// Whether a future comes from `as_completed`, or from the first set of `wait`.
fn finished(program: &Program, function: FunctionRef, future: raddle_facts::ValueId) -> Option<&'static str> {
    let facts = &program.unit(function.unit).facts;
    let Value::Element(items) = facts.value(future) else { return None };
    let (call, source) = match facts.value(items) {
        Value::Call(..) => (items, "as_completed"),
        Value::Unpacked(call, 0) => (call, "wait"),
        _ => return None,
    };
    let Value::Call(callee, _) = facts.value(call) else { return None };
    let wanted = format!("concurrent.futures.{source}");
    program
        .known_names(ValueRef { unit: function.unit, value: callee })
        .iter()
        .any(|it| **it == *wanted)
        .then_some(source)
}
