//! Futures that nobody keeps, so that an exception in them is never seen.

use raddle_facts::flow::{BlockId, Flow};
use raddle_facts::{ActKind, FileFacts, Value, ValueId};
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
            acc.extend(told_twice(program, function));
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

/// A future that gets an exception which the function raises as well: without a waiter nobody takes it out.
fn told_twice(program: &Program, function: FunctionRef) -> Option<Finding> {
    let facts = &program.unit(function.unit).facts;
    facts.symbols.find("set_exception")?;
    let it = program.function(function);
    let named = |name: &'static str| {
        calls(program, function).filter_map(move |called| {
            let (base, it) = method(program, function, called.callee)?;
            (it == name).then_some((called, base))
        })
    };
    let (told, future) = facts.steps_below(it.body).into_iter().find_map(|flow| {
        let Flow::Try { handlers, .. } = flow else { return None };
        let handlers = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
        handlers.iter().find_map(|handler| {
            let steps = facts.block(handler.body);
            let raises = matches!(steps.last(), Some(Flow::Raise { .. }));
            let broad =
                handler.class.is_none_or(|class| is_broad(program, ValueRef { unit: function.unit, value: class }));
            let inside =
                |span: raddle_vocabulary::Span| handler.span.start <= span.start && span.end <= handler.span.end;
            let found = named("set_exception").find(|(called, _)| inside(called.act.span));
            found.filter(|_| raises && broad)
        })
    })?;
    if !kept_for_others(program, function, future) {
        return None;
    }
    let looked_at = ["exception", "add_done_callback", "result"]
        .into_iter()
        .any(|name| calls(program, function).any(|it| method(program, function, it.callee) == Some((future, name))));
    let awaited = facts.acts_of(function.function).iter().any(|act| match act.kind {
        ActKind::Await(value) => value == future && act.span.start > told.act.span.start,
        _ => false,
    });
    if looked_at || awaited {
        return None;
    }
    Some(
        Found {
            rule: ID,
            function,
            span: told.act.span,
            message: Message::new("told-twice").arg("function", program.short_name(function)),
            help: "help-look",
            level: Level::Warning,
            confidence: Confidence::Likely,
            because: vec![Message::new("because-raised")],
            story: Vec::new(),
        }
        .finish(program),
    )
}

/// Whether a function makes a future and leaves it in an attribute or container, for whoever else may wait.
fn kept_for_others(program: &Program, function: FunctionRef, future: ValueId) -> bool {
    let facts = &program.unit(function.unit).facts;
    let makes = |value: ValueId| match facts.value(value) {
        Value::Call(callee, _) => {
            facts.called_name(callee) == Some("create_future")
                || program
                    .known_names(ValueRef { unit: function.unit, value: callee })
                    .iter()
                    .any(|it| &**it == "asyncio.Future")
        }
        _ => false,
    };
    facts.acts_of(function.function).iter().any(|act| match act.kind {
        ActKind::Write(place, value) if !matches!(facts.value(place), Value::Name(..)) => {
            makes(value) && (value == future || place == future)
        }
        _ => false,
    })
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
