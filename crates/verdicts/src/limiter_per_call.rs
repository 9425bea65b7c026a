//! Limiters that each call makes for itself, so that they limit nothing.

use raddle_facts::{ActKind, Value};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls};

/// The rule's name.
pub const ID: &str = "limiter-per-call";

const LIMITERS: &[&str] = &[
    "asyncio.Semaphore",
    "asyncio.BoundedSemaphore",
    "threading.Semaphore",
    "threading.BoundedSemaphore",
    "anyio.Semaphore",
    "anyio.CapacityLimiter",
    "trio.Semaphore",
    "trio.CapacityLimiter",
];

/// Finds limiters that are made and entered by one call.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        let facts = &it.facts;
        if ["Semaphore", "BoundedSemaphore", "CapacityLimiter"].iter().all(|it| facts.symbols.find(it).is_none()) {
            continue;
        }
        for function in program.functions_of(unit) {
            for called in calls(program, function) {
                let names = program.known_names(ValueRef { unit, value: called.callee });
                let Some(name) = names.iter().find(|it| LIMITERS.contains(&&***it)) else { continue };
                if !only_entered(program, function, &called) {
                    continue;
                }
                acc.push(
                    Found {
                        rule: ID,
                        function,
                        span: called.act.span,
                        message: Message::new("per-call")
                            .arg("limiter", name.rsplit('.').next().unwrap_or_default())
                            .arg("function", program.short_name(function)),
                        help: "help-share",
                        level: Level::Warning,
                        confidence: Confidence::Likely,
                        because: vec![Message::new("because-local")],
                        story: Vec::new(),
                    }
                    .finish(program),
                );
            }
        }
    }
}

/// Whether a limiter is entered in the very function that makes it, and nobody else can see it.
fn only_entered(program: &Program, function: FunctionRef, made: &Called<'_>) -> bool {
    let facts = &program.unit(function.unit).facts;
    let mut entered = false;
    let mut name = None;
    for act in facts.acts_of(function.function) {
        match act.kind {
            ActKind::Enter(value) | ActKind::AsyncEnter(value) if value == made.call => {
                // In a loop, what stands in the block may start several tasks that it is meant for.
                entered = true;
            }
            ActKind::Write(place, value) if value == made.call => match facts.value(place) {
                Value::Name(_, sym) => name = Some(sym),
                _ => return false,
            },
            ActKind::Call(call) => {
                let Value::Call(_, arguments) = facts.value(call) else { continue };
                if facts.arguments(arguments).iter().any(|it| it.value == made.call) {
                    return false;
                }
            }
            _ => {}
        }
    }
    // A variable may be captured by a function or lambda inside.
    let captured = name.is_some()
        && program.functions_of(function.unit).any(|it| program.enclosing_function(it) == Some(function));
    entered && !captured && !program.function(function).returned.contains(&made.call)
}
