//! Failures of `gather` after which the other coroutines run on, and failures that nobody looks at.

use raddle_facts::flow::{BlockId, Flow, Handler};
use raddle_facts::{ActKind, FileFacts, Keyword, Usage, Value, ValueId};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::{Called, Found, gathers};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "gather-errors-ignored";

/// Finds both.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (function, called) in gathers(program) {
        if !called.act.awaited || !starts_several(program, function, &called) {
            continue;
        }
        let facts = &program.unit(function.unit).facts;
        if returns_exceptions(facts, &called) {
            if is_discarded(facts, function, &called) && !cleans_up(facts, &called) {
                acc.push(found(program, function, &called, "unseen", "help-look", None));
            }
        } else if let Some(handler) = goes_on(facts, function, &called) {
            acc.push(found(program, function, &called, "siblings", "help-group", Some(handler)));
        }
    }
}

/// Whether `gather` itself makes the tasks, of at least two coroutines: nobody else has them in hand.
fn starts_several(program: &Program, function: FunctionRef, called: &Called<'_>) -> bool {
    let facts = &program.unit(function.unit).facts;
    let makes = |value: ValueId| match facts.value(value) {
        Value::Call(callee, _) => {
            let vals = program.evaluate(ValueRef { unit: function.unit, value: callee });
            let own = |val: &Val| match val {
                Val::Function(it) | Val::Bound(it, _) => program.function(*it).is_async && may_last(program, *it),
                _ => false,
            };
            !vals.is_empty() && vals.known.iter().all(own)
        }
        _ => false,
    };
    let mut count = 0;
    for argument in facts.arguments(called.arguments) {
        match (argument.keyword, facts.value(argument.value)) {
            (Keyword::Positional, _) if makes(argument.value) => count += 1,
            (Keyword::Star, Value::Display(_, list)) if facts.list(list).iter().all(|it| makes(*it)) => count += 2,
            (Keyword::Named(_), _) => {}
            _ => return false,
        }
    }
    count > 1
}

/// Whether a coroutine waits for anything, so that it can still be running when another one fails.
fn may_last(program: &Program, function: FunctionRef) -> bool {
    let facts = &program.unit(function.unit).facts;
    facts
        .acts_of(function.function)
        .iter()
        .any(|act| matches!(act.kind, ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_)))
}

fn returns_exceptions(facts: &FileFacts, called: &Called<'_>) -> bool {
    facts.arguments(called.arguments).iter().any(|it| {
        matches!(it.keyword, Keyword::Named(name) if facts.text(name) == "return_exceptions")
            && facts.value(it.value) != Value::False
    })
}

/// Whether the results are thrown away.
fn is_discarded(facts: &FileFacts, function: FunctionRef, called: &Called<'_>) -> bool {
    facts
        .acts_of(function.function)
        .iter()
        .any(|act| act.kind == ActKind::Await(called.call) && act.usage == Usage::Discarded)
}

/// Whether the coroutines close things, where failing is nobody's business any more.
fn cleans_up(facts: &FileFacts, called: &Called<'_>) -> bool {
    const ENDINGS: &[&str] =
        &["close", "disconnect", "stop", "shutdown", "cancel", "clean", "terminate", "exit", "release"];
    let ends = |value: ValueId| match facts.value(value) {
        Value::Call(callee, _) => {
            facts.called_name(callee).is_some_and(|name| ENDINGS.iter().any(|ending| name.contains(ending)))
        }
        _ => false,
    };
    facts.arguments(called.arguments).iter().any(|it| match facts.value(it.value) {
        Value::Display(_, list) => facts.list(list).iter().any(|it| ends(*it)),
        _ => ends(it.value),
    })
}

/// The handler that catches what a coroutine raises and goes on, cancelling nothing.
fn goes_on(facts: &FileFacts, function: FunctionRef, called: &Called<'_>) -> Option<Handler> {
    let (start, _) = facts.function(function.function).acts;
    let at = facts.acts_of(function.function).iter().position(|it| it.span == called.act.span)? as u32 + start;
    let handlers = handlers_around(facts, facts.function(function.function).body, at, 0)?;
    let handler = handlers.iter().find(|it| catches_errors(facts, it))?;
    (!leaves(facts, handler.body, 0)).then_some(*handler)
}

/// The handlers of the innermost `try` in whose body an act stands.
fn handlers_around(facts: &FileFacts, block: BlockId, act: u32, depth: u32) -> Option<Vec<Handler>> {
    if depth > 60 {
        return None;
    }
    let inner = |block: BlockId| handlers_around(facts, block, act, depth + 1);
    facts.block(block).iter().find_map(|flow| match *flow {
        Flow::Branch { then, orelse, .. } => inner(then).or_else(|| inner(orelse)),
        Flow::Loop { body, orelse, .. } => inner(body).or_else(|| inner(orelse)),
        Flow::With { body, .. } => inner(body),
        Flow::Match { cases, .. } => (cases.0..cases.0 + cases.1).find_map(|at| inner(facts.cases[at as usize])),
        Flow::Try { body, handlers, orelse, finally, .. } => {
            let own = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
            inner(body)
                .or_else(|| (!own.is_empty() && holds(facts, body, act, 0)).then(|| own.to_vec()))
                .or_else(|| own.iter().find_map(|it| inner(it.body)))
                .or_else(|| inner(orelse))
                .or_else(|| inner(finally))
        }
        Flow::Acts { .. }
        | Flow::Return { .. }
        | Flow::Raise { .. }
        | Flow::Break(_)
        | Flow::Continue(_)
        | Flow::Unreachable => None,
    })
}

/// Whether an act stands in a block.
fn holds(facts: &FileFacts, block: BlockId, act: u32, depth: u32) -> bool {
    any_flow(facts, block, depth, &|flow| matches!(flow, Flow::Acts { start, end } if (*start..*end).contains(&act)))
}

/// Whether a handler raises again, or cancels something.
fn leaves(facts: &FileFacts, block: BlockId, depth: u32) -> bool {
    any_flow(facts, block, depth, &|flow| match flow {
        Flow::Raise { .. } => true,
        Flow::Acts { start, end } => facts.acts[*start as usize..*end as usize].iter().any(|act| match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => facts
                    .called_name(callee)
                    .is_some_and(|name| name.contains("cancel") || name.contains("exit") || name == "fail"),
                _ => false,
            },
            _ => false,
        }),
        _ => false,
    })
}

fn any_flow(facts: &FileFacts, block: BlockId, depth: u32, wanted: &dyn Fn(&Flow) -> bool) -> bool {
    if depth > 60 {
        return false;
    }
    let inner = |block: BlockId| any_flow(facts, block, depth + 1, wanted);
    facts.block(block).iter().any(|flow| {
        wanted(flow)
            || match *flow {
                Flow::Branch { then, orelse, .. } => inner(then) || inner(orelse),
                Flow::Loop { body, orelse, .. } => inner(body) || inner(orelse),
                Flow::With { body, .. } => inner(body),
                Flow::Match { cases, .. } => (cases.0..cases.0 + cases.1).any(|at| inner(facts.cases[at as usize])),
                Flow::Try { body, handlers, orelse, finally, .. } => {
                    let own = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
                    inner(body) || own.iter().any(|it| inner(it.body)) || inner(orelse) || inner(finally)
                }
                Flow::Acts { .. }
                | Flow::Return { .. }
                | Flow::Raise { .. }
                | Flow::Break(_)
                | Flow::Continue(_)
                | Flow::Unreachable => false,
            }
    })
}

/// Whether a handler is for errors of the coroutines, and not for the end of a time or a cancellation.
fn catches_errors(facts: &FileFacts, handler: &Handler) -> bool {
    let Some(class) = handler.class else { return true };
    let names: Vec<&str> = match facts.value(class) {
        Value::Display(_, list) => facts.list(list).iter().filter_map(|it| facts.last_name(*it)).collect(),
        _ => facts.last_name(class).into_iter().collect(),
    };
    let other = |name: &&str| {
        matches!(*name, "CancelledError" | "TimeoutError" | "KeyboardInterrupt" | "SystemExit" | "GeneratorExit")
    };
    !names.iter().all(other)
}

fn found(
    program: &Program,
    function: FunctionRef,
    called: &Called<'_>,
    key: &str,
    help: &'static str,
    handler: Option<Handler>,
) -> Finding {
    let story = handler.map(|it| Step {
        actor: Actor::EventLoop,
        act: Act::Compute,
        site: site_of(program, function.unit, it.head),
        message: Message::new("step-handler"),
    });
    Found {
        rule: ID,
        function,
        span: called.act.span,
        message: Message::new(key),
        help,
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-own")],
        story: story.into_iter().collect(),
    }
    .finish(program)
}
