//! Thousands of coroutines that are started at once.

use raddle_facts::{Value, ValueId};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls, gathers, is_instance};

/// The rule's name.
pub const ID: &str = "unbounded-gather";

const LIMITERS: &[&str] = &[
    "asyncio.Semaphore",
    "asyncio.BoundedSemaphore",
    "asyncio.Lock",
    "anyio.Semaphore",
    "anyio.CapacityLimiter",
    "asyncio.Queue",
    "aiolimiter.AsyncLimiter",
];

/// Finds `gather` over a large range with no limiter on the way.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (function, called) in gathers(program) {
        let Some(coroutine) = spread(program, function, &called) else { continue };
        if !is_large(program, function, &called) || is_limited(program, coroutine) {
            continue;
        }
        acc.push(
            Found {
                rule: ID,
                function,
                span: called.act.span,
                message: Message::new("unbounded").arg("coroutine", program.short_name(coroutine)),
                help: "help-limit",
                level: Level::Warning,
                confidence: Confidence::Likely,
                because: vec![Message::new("because-large")],
                story: Vec::new(),
            }
            .finish(program),
        );
    }
}

/// The coroutine function that a starred comprehension calls for each item.
fn spread(program: &Program, function: FunctionRef, called: &Called<'_>) -> Option<FunctionRef> {
    let facts = &program.unit(function.unit).facts;
    facts.arguments(called.arguments).iter().find_map(|argument| {
        let made = program.origin(ValueRef { unit: function.unit, value: argument.value });
        let Value::Display(_, list) = facts.value(made.value) else { return None };
        let [item] = facts.list(list) else { return None };
        let Value::Call(callee, _) = facts.value(*item) else { return None };
        match program.evaluate(ValueRef { unit: function.unit, value: callee }).known[..] {
            [Val::Function(it) | Val::Bound(it, _)] if program.function(it).is_async && program.is_own(it.unit) => {
                Some(it)
            }
            _ => None,
        }
    })
}

/// Whether a large range stands in the call.
fn is_large(program: &Program, function: FunctionRef, gather: &Called<'_>) -> bool {
    let facts = &program.unit(function.unit).facts;
    calls(program, function).any(|called| {
        let is_range = program
            .known_names(ValueRef { unit: function.unit, value: called.callee })
            .iter()
            .any(|it| &**it == "builtins.range");
        let large = |value: ValueId| matches!(facts.value(value), Value::Large);
        let inside = gather.act.span.start <= called.act.span.start && called.act.span.end <= gather.act.span.end;
        is_range && inside && facts.arguments(called.arguments).iter().any(|it| large(it.value))
    })
}

/// Whether a coroutine, or what it enters, waits for a limiter.
fn is_limited(program: &Program, coroutine: FunctionRef) -> bool {
    let facts = &program.unit(coroutine.unit).facts;
    facts.acts_of(coroutine.function).iter().any(|act| match act.kind {
        raddle_facts::ActKind::AsyncEnter(value) => {
            let at = ValueRef { unit: coroutine.unit, value };
            program.evaluate(at).is_empty() || is_instance(program, at, LIMITERS)
        }
        raddle_facts::ActKind::Call(call) => match facts.value(call) {
            Value::Call(callee, _) => matches!(
                facts.value(callee),
                Value::Attribute(_, name) if matches!(facts.text(name), "acquire" | "wait" | "get")
                    && is_instance(program, ValueRef { unit: coroutine.unit, value: attribute_base(facts, callee) }, LIMITERS)
            ),
            _ => false,
        },
        _ => false,
    })
}

fn attribute_base(facts: &raddle_facts::FileFacts, value: ValueId) -> ValueId {
    match facts.value(value) {
        Value::Attribute(base, _) => base,
        _ => value,
    }
}
