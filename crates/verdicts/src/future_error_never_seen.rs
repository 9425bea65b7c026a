//! Futures that nobody keeps, so that an exception in them is never seen.

use raddle_facts::flow::{BlockId, Flow};
use raddle_facts::{FileFacts, Value};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Found, calls, method, short};

/// The rule's name.
pub const ID: &str = "future-error-never-seen";

/// Finds results that are dropped where they are made.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, _) in program.own_units() {
        for function in program.functions_of(unit) {
            for called in calls(program, function).filter(|it| it.act.discarded) {
                let Some((_, name)) = method(program, function, called.callee) else { continue };
                if !matches!(name, "submit" | "apply_async" | "map_async" | "starmap_async") {
                    continue;
                }
                let callee = ValueRef { unit, value: called.callee };
                let names = program.known_names(callee);
                let Some(call) = names.iter().find(|it| makes_future(it)) else { continue };
                let observed = ["error_callback", "callback"]
                    .iter()
                    .any(|it| program.argument_at(unit, called.arguments, Some(it), None).is_some());
                if observed || names.len() > 1 {
                    continue;
                }
                let Some(task) = program.argument_at(unit, called.arguments, Some("fn"), Some(0)) else { continue };
                let Some((shown, confidence)) = may_raise(program, ValueRef { unit, value: task }) else { continue };
                acc.push(
                    Found {
                        rule: ID,
                        function,
                        span: called.act.span,
                        message: Message::new("dropped").arg("call", short(call)).arg("function", shown),
                        help: "help-keep",
                        level: Level::Warning,
                        confidence,
                        because: vec![Message::new("because-dropped")],
                        story: Vec::new(),
                    }
                    .finish(program),
                );
            }
        }
    }
}

fn makes_future(name: &str) -> bool {
    (name.starts_with("concurrent.futures.") && name.ends_with("Executor.submit"))
        || name.starts_with("multiprocessing.pool.") && name.ends_with("_async")
}

/// What runs, and how sure it is that it lets exceptions out; nothing if it does not.
fn may_raise(program: &Program, task: ValueRef) -> Option<(String, Confidence)> {
    let vals = program.evaluate(task);
    match &vals.known[..] {
        [Val::Function(function) | Val::Bound(function, _)] if program.is_own(function.unit) => {
            let lets_out = !catches_all(program, *function) && does_something(program, *function);
            lets_out.then(|| (program.short_name(*function), Confidence::Likely))
        }
        _ => Some((
            program.written(FunctionRef { unit: task.unit, function: raddle_facts::FunctionId::MODULE }, task.value),
            Confidence::Possible,
        )),
    }
}

fn does_something(program: &Program, function: FunctionRef) -> bool {
    let facts = &program.unit(function.unit).facts;
    let computes =
        |value: &raddle_facts::ValueId| matches!(facts.value(*value), Value::Operator(..) | Value::Subscript(..));
    !facts.acts_of(function.function).is_empty() || program.function(function).returned.iter().any(computes)
}

/// Whether a function's whole body stands in a `try` that catches everything, however it ends.
pub(crate) fn catches_all(program: &Program, function: FunctionRef) -> bool {
    let facts = &program.unit(function.unit).facts;
    block_catches(program, function, facts, program.function(function).body)
}

fn block_catches(program: &Program, function: FunctionRef, facts: &FileFacts, body: BlockId) -> bool {
    facts.block(body).iter().any(|flow| match flow {
        Flow::Try { handlers, .. } => {
            let handlers = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
            handlers.iter().any(|handler| match handler.class {
                None => true,
                Some(class) => is_broad(program, ValueRef { unit: function.unit, value: class }),
            })
        }
        Flow::Loop { body, .. } | Flow::With { body, .. } => block_catches(program, function, facts, *body),
        _ => false,
    })
}

fn is_broad(program: &Program, class: ValueRef) -> bool {
    let facts = &program.unit(class.unit).facts;
    match facts.value(class.value) {
        Value::Name(_, name) => matches!(facts.text(name), "Exception" | "BaseException"),
        Value::Display(_, list) => {
            facts.list(list).iter().any(|it| is_broad(program, ValueRef { unit: class.unit, value: *it }))
        }
        _ => false,
    }
}
