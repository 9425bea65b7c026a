//! Processes that are joined before what they put into a queue is read.

use raddle_facts::{ActKind, Value, ValueId};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::{Found, calls, is_instance, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "join-before-drain";

const PROCESSES: &[&str] = &["multiprocessing.Process"];
const QUEUES: &[&str] = &["multiprocessing.Queue", "multiprocessing.JoinableQueue"];

/// Finds a join that comes before the first read of a queue the process was given.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("join").is_none() || it.facts.symbols.find("Queue").is_none() {
            continue;
        }
        for function in program.functions_of(unit) {
            if let Some((queue, join, read)) = joined_first(program, function) {
                acc.push(found(program, function, queue, join, read));
            }
        }
    }
}

fn joined_first(program: &Program, function: FunctionRef) -> Option<(ValueId, Span, Span)> {
    let at = |value| ValueRef { unit: function.unit, value };
    let facts = &program.unit(function.unit).facts;
    let mut given: Vec<ValueId> = Vec::new();
    let mut join = None;
    for called in calls(program, function) {
        let names = program.known_names(at(called.callee));
        if names.iter().any(|it| PROCESSES.contains(&&**it)) {
            let arguments = program.argument_at(function.unit, called.arguments, Some("args"), Some(3));
            if let Some(Value::Display(_, list)) = arguments.map(|it| facts.value(it)) {
                given.extend(facts.list(list).iter().filter(|it| is_instance(program, at(**it), QUEUES)));
            }
            continue;
        }
        let Some((base, name)) = method(program, function, called.callee) else { continue };
        match name {
            "join" if called.arguments.len == 0 && is_instance(program, at(base), PROCESSES) => {
                join = join.or(Some(called.act.span));
            }
            "get" | "get_nowait" | "cancel_join_thread" if given.contains(&base) => {
                return join.map(|join| (base, join, called.act.span));
            }
            _ => {}
        }
    }
    None
}

fn found(program: &Program, function: FunctionRef, queue: ValueId, join: Span, read: Span) -> Finding {
    let facts = &program.unit(function.unit).facts;
    let name = facts.acts_of(function.function).iter().find_map(|act| match act.kind {
        ActKind::Write(place, value) if value == queue => Some(program.written(function, place)),
        _ => None,
    });
    Found {
        rule: ID,
        function,
        span: join,
        message: Message::new("joined").arg("queue", name.unwrap_or_else(|| program.written(function, queue))),
        help: "help-drain",
        level: Level::Error,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-order")],
        story: vec![Step {
            actor: Actor::Main,
            act: vocabulary::Act::Read,
            site: site_of(program, function.unit, read),
            message: Message::new("step-read"),
        }],
    }
    .finish(program)
}
