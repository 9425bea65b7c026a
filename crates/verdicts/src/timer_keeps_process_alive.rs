//! Timers that start themselves again and are no daemons: the program never ends.

use raddle_facts::{Flow, Value};
use raddle_program::val::Val;
use raddle_program::{ClassRef, FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message, Span};

use crate::Judged;
use crate::plain::{Found, calls};

/// The rule's name.
pub const ID: &str = "timer-keeps-process-alive";

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units().filter(|(_, it)| it.facts.symbols.find("Timer").is_some()) {
        let facts = &it.facts;
        if ["daemon", "setDaemon"].iter().any(|it| facts.symbols.find(it).is_some()) {
            continue;
        }
        for class in program.classes_of(unit) {
            acc.extend(endless(program, class));
        }
        if facts.symbols.find("cancel").is_some() {
            continue;
        }
        for function in program.functions_of(unit) {
            acc.extend(again(program, function));
        }
    }
}

/// A subclass of `Timer` whose `run` goes round and round.
fn endless(program: &Program, class: ClassRef) -> Option<Finding> {
    let facts = &program.unit(class.unit).facts;
    let is_timer = program
        .ancestors(class)
        .iter()
        .filter_map(|it| program.outside_name(it))
        .any(|name| matches!(&*name, "threading.Timer" | "threading._Timer"));
    let methods = || program.functions_of(class.unit).filter(|it| program.function(*it).class == Some(class.class));
    let run = methods().find(|it| facts.text(program.function(*it).name) == "run")?;
    let goes_round = facts.steps_below(program.function(run).body).iter().any(|it| matches!(it, Flow::Loop { .. }));
    let name = facts.text(facts.class(class.class).name);
    if !is_timer || !goes_round || made_daemon(program, name) {
        return None;
    }
    let init = methods().find(|it| facts.text(program.function(*it).name) == "__init__");
    let (function, span) = match init {
        Some(init) => (init, program.function(init).name_span),
        None => (run, facts.class(class.class).name_span),
    };
    Some(found(program, function, span, Message::new("class").arg("class", name)))
}

/// Whether somebody who names the class also says `daemon`.
fn made_daemon(program: &Program, class: &str) -> bool {
    program.own_units().any(|(_, unit)| {
        let has = |name: &str| unit.facts.symbols.find(name).is_some();
        has(class) && (has("daemon") || has("setDaemon"))
    })
}

/// A function that starts a timer for itself.
fn again(program: &Program, function: FunctionRef) -> Option<Finding> {
    let called = calls(program, function).find(|called| {
        let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
        if !names.iter().any(|it| &**it == "threading.Timer") {
            return false;
        }
        let target = program.argument_at(function.unit, called.arguments, Some("function"), Some(1));
        target.is_some_and(|value| {
            let vals = program.evaluate(ValueRef { unit: function.unit, value });
            matches!(vals.known[..], [Val::Function(it) | Val::Bound(it, _)] if it == function)
        })
    })?;
    let conditional = called.act.guard != raddle_facts::GuardId::ALWAYS;
    let starts = calls(program, function).any(|it| {
        let facts = &program.unit(function.unit).facts;
        matches!(facts.value(it.callee), Value::Attribute(_, name) if facts.text(name) == "start")
    });
    if conditional || !starts {
        return None;
    }
    let message = Message::new("again").arg("function", program.short_name(function));
    Some(found(program, function, called.act.span, message))
}

fn found(program: &Program, function: FunctionRef, span: Span, message: Message) -> Finding {
    Found {
        rule: ID,
        function,
        span,
        message,
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-no-daemon")],
        story: Vec::new(),
    }
    .finish(program)
}
