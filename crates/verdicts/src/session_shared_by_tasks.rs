//! Database sessions that several tasks use at once.

use raddle_facts::{Value, ValueId};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, gathers, is_instance, short};

/// The rule's name.
pub const ID: &str = "session-shared-by-tasks";

/// Sessions and connections that do one thing at a time, by their documentation.
const ONE_AT_A_TIME: &[&str] = &[
    "sqlalchemy.ext.asyncio.AsyncSession",
    "sqlalchemy.ext.asyncio.AsyncConnection",
    "sqlalchemy.orm.Session",
    "asyncpg.Connection",
    "asyncpg.connection.Connection",
    "aiomysql.Connection",
    "sqlmodel.ext.asyncio.session.AsyncSession",
];

/// Finds sessions that `gather` spreads.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (function, called) in gathers(program) {
        if let Some(session) = shared(program, function, &called) {
            acc.push(found(program, function, &called, session));
        }
    }
}

/// A session that two of the coroutines, or one made for each item, are given.
fn shared(program: &Program, function: FunctionRef, called: &Called<'_>) -> Option<ValueId> {
    let facts = &program.unit(function.unit).facts;
    let mut given: Vec<ValueId> = Vec::new();
    for argument in facts.arguments(called.arguments) {
        let made = program.origin(ValueRef { unit: function.unit, value: argument.value });
        if made.unit != function.unit {
            continue;
        }
        let repeated = matches!(facts.value(made.value), Value::Display(..));
        let coroutines: Vec<ValueId> = match facts.value(made.value) {
            Value::Display(_, list) => facts.list(list).to_vec(),
            _ => vec![made.value],
        };
        for coroutine in coroutines {
            for session in sessions(program, function, coroutine) {
                // An item of the iterable is another session each time.
                let each_its_own =
                    matches!(facts.value(session), Value::Element(_) | Value::Unpacked(..) | Value::Call(..));
                if given.contains(&session) || repeated && !each_its_own {
                    return Some(session);
                }
                given.push(session);
            }
        }
    }
    None
}

/// The sessions that a call of a coroutine function takes, as receiver or argument.
fn sessions(program: &Program, function: FunctionRef, coroutine: ValueId) -> Vec<ValueId> {
    let facts = &program.unit(function.unit).facts;
    let Value::Call(callee, arguments) = facts.value(coroutine) else { return Vec::new() };
    let is_session =
        |value: &ValueId| is_instance(program, ValueRef { unit: function.unit, value: *value }, ONE_AT_A_TIME);
    let receiver = match facts.value(callee) {
        Value::Attribute(base, _) if is_session(&base) => Some(base),
        _ => None,
    };
    let own = program
        .evaluate(ValueRef { unit: function.unit, value: callee })
        .known
        .iter()
        .any(|val| matches!(val, Val::Function(it) | Val::Bound(it, _) if program.function(*it).is_async));
    let arguments = facts.arguments(arguments).iter().map(|it| it.value).filter(|it| own && is_session(it));
    receiver.into_iter().chain(arguments).collect()
}

fn found(program: &Program, function: FunctionRef, called: &Called<'_>, session: ValueId) -> Finding {
    let class = program
        .evaluate(ValueRef { unit: function.unit, value: session })
        .known
        .iter()
        .find_map(|val| match val {
            Val::Instance(class, _) => Some(program.class_name(*class)),
            Val::OutsideInstance(class) => Some(class.clone()),
            _ => None,
        })
        .unwrap_or_default();
    let written = program.written(function, session);
    let class = short(&class).rsplit('.').next().unwrap_or_default().to_owned();
    Found {
        rule: ID,
        function,
        span: called.act.span,
        message: Message::new("shared")
            .arg("session", if written.is_empty() { class.clone() } else { written })
            .arg("class", class),
        help: "help-each",
        level: Level::Error,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-types")],
        story: Vec::new(),
    }
    .finish(program)
}
