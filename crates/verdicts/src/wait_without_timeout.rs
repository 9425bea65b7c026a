//! Waits for an event that nobody sets.

use raddle_facts::{GuardKind, Value, ValueId};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls, is_instance, method};

/// The rule's name.
pub const ID: &str = "wait-without-timeout";

const EVENTS: &[&str] = &["threading.Event", "multiprocessing.synchronize.Event", "multiprocessing.Event"];

/// Finds waits that cannot end.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("wait").is_none() || it.facts.symbols.find("Event").is_none() {
            continue;
        }
        for function in program.functions_of(unit) {
            for called in calls(program, function).filter(|it| it.arguments.len == 0) {
                let Some((event, "wait")) = method(program, function, called.callee) else { continue };
                let at = ValueRef { unit, value: event };
                if !is_instance(program, at, EVENTS) {
                    continue;
                }
                if asks_alive(program, function, &called) {
                    acc.push(
                        Found {
                            rule: ID,
                            function,
                            span: called.act.span,
                            message: Message::new("may-die").arg("event", program.written(function, event)),
                            help: "help-timeout",
                            level: Level::Warning,
                            confidence: Confidence::Likely,
                            because: vec![Message::new("because-asked")],
                            story: Vec::new(),
                        }
                        .finish(program),
                    );
                    continue;
                }
                let made = program.origin(at);
                if made.unit == unit && made.value != event && nobody_sets(program, function, made.value) {
                    acc.push(
                        Found {
                            rule: ID,
                            function,
                            span: called.act.span,
                            message: Message::new("never-set").arg("event", program.written(function, event)),
                            help: "help-set",
                            level: Level::Warning,
                            confidence: Confidence::Likely,
                            because: vec![Message::new("because-file")],
                            story: Vec::new(),
                        }
                        .finish(program),
                    );
                }
            }
        }
    }
}

/// Whether the wait stands under a question whether a thread is alive: it may end, or be stuck, right after.
fn asks_alive(program: &Program, function: FunctionRef, called: &Called<'_>) -> bool {
    let facts = &program.unit(function.unit).facts;
    facts.guards_of(called.act).any(|guard| match guard {
        GuardKind::If(test) => {
            matches!(facts.value(test), Value::Call(callee, _) if facts.called_name(callee) == Some("is_alive"))
        }
        _ => false,
    })
}

/// Whether an event is a variable of its module that this file never sets, and that no other file knows.
fn nobody_sets(program: &Program, waiter: FunctionRef, made: ValueId) -> bool {
    let unit = waiter.unit;
    let facts = &program.unit(unit).facts;
    let Some((_, event)) = facts
        .scope(raddle_facts::ScopeId::MODULE)
        .bindings
        .iter()
        .map(|(sym, value)| (*sym, *value))
        .find(|(_, value)| *value == made)
    else {
        return false;
    };
    let is_it = |value: ValueId| value == event || program.origin(ValueRef { unit, value }).value == made;
    let known_here = program.functions_of(unit).all(|function| {
        calls(program, function).all(|called| {
            let touches = method(program, function, called.callee)
                .is_some_and(|(base, name)| is_it(base) && !matches!(name, "wait" | "is_set" | "clear"));
            let given = facts.arguments(called.arguments).iter().any(|it| is_it(it.value));
            !touches && !given
        })
    });
    let name = facts
        .scope(raddle_facts::ScopeId::MODULE)
        .bindings
        .iter()
        .find(|(_, value)| *value == made)
        .map(|(sym, _)| facts.text(*sym));
    let known_elsewhere = program
        .own_units()
        .any(|(other, it)| other != unit && name.is_some_and(|name| it.facts.symbols.find(name).is_some()));
    let shared = facts.functions.iter().any(|it| it.returned.iter().any(|value| is_it(*value)));
    known_here && !known_elsewhere && !shared
}
