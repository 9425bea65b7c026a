//! Processes that are joined before what they put into a queue is read.

use raddle_facts::{ActKind, ArgumentRange, Value, ValueId};
use raddle_program::locks::LockKey;
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::{Found, calls, is_instance, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "join-before-drain";

const PROCESSES: &[&str] = &["multiprocessing.Process"];
const QUEUES: &[&str] = &["multiprocessing.Queue", "multiprocessing.JoinableQueue", "multiprocessing.SimpleQueue"];

/// Finds a join that comes before the first read of a queue or pipe the process was given.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        let sends = ["Queue", "SimpleQueue", "JoinableQueue", "Pipe"];
        let has = |name: &str| it.facts.symbols.find(name).is_some();
        if !has("join") || !sends.iter().any(|name| has(name)) {
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
    let mut given = given_by_maker(program, function);
    let mut join = None;
    for called in calls(program, function) {
        if is_process(program, function, called.callee) {
            given.extend(given_to_process(program, function, called.callee, called.arguments));
            continue;
        }
        let Some((base, name)) = method(program, function, called.callee) else { continue };
        match name {
            "join" if called.arguments.len == 0 && !given.is_empty() && may_be_process(program, function, base) => {
                join = join.or(Some(called.act.span));
            }
            "get" | "get_nowait" | "recv" | "cancel_join_thread" => {
                let read = given.iter().any(|it| is_other_end(program, function, *it, base));
                if read && (name == "recv" || is_instance(program, at(base), QUEUES)) {
                    return join.map(|join| (base, join, called.act.span));
                }
            }
            _ => {}
        }
    }
    None
}

/// `Process(…)`, or a class of the project that inherits from it.
fn is_process(program: &Program, function: FunctionRef, callee: ValueId) -> bool {
    let names = program.known_names(ValueRef { unit: function.unit, value: callee });
    names.iter().any(|it| PROCESSES.contains(&&**it))
}

/// What is joined: a process, or one of the things that a list holds of which nothing is known.
fn may_be_process(program: &Program, function: FunctionRef, base: ValueId) -> bool {
    let at = ValueRef { unit: function.unit, value: base };
    let facts = &program.unit(function.unit).facts;
    let element = matches!(facts.value(base), Value::Element(_)) && program.evaluate(at).is_empty();
    element || is_instance(program, at, PROCESSES)
}

/// The queues and ends of pipes that a process is given and that its function puts something into.
fn given_to_process(
    program: &Program,
    function: FunctionRef,
    callee: ValueId,
    arguments: ArgumentRange,
) -> Vec<ValueId> {
    let facts = &program.unit(function.unit).facts;
    let argument = |name, place| program.argument_at(function.unit, arguments, Some(name), Some(place));
    let listed = |value: Option<ValueId>| match value.map(|it| facts.value(it)) {
        Some(Value::Display(_, list)) => facts.list(list).to_vec(),
        _ => Vec::new(),
    };
    let class = program.evaluate(ValueRef { unit: function.unit, value: callee });
    let is_own = class.known.iter().any(|val| matches!(val, Val::Class(class) if program.is_own(class.unit)));
    let values = if is_own {
        facts.arguments(arguments).iter().map(|it| it.value).collect()
    } else {
        let places = listed(argument("args", 3));
        let target = argument("target", 1);
        let kept = places.iter().enumerate().filter(|(place, _)| puts_into(program, function, target, *place));
        kept.map(|(_, it)| *it).chain(listed(argument("kwargs", 4))).collect::<Vec<_>>()
    };
    let sends = |value: ValueId| {
        is_instance(program, ValueRef { unit: function.unit, value }, QUEUES)
            || pipe_of(program, function, value).is_some()
    };
    values.into_iter().filter(|it| sends(*it)).collect()
}

/// Whether the function that a process runs puts something into its argument; where it is not known, it may.
fn puts_into(program: &Program, function: FunctionRef, target: Option<ValueId>, place: usize) -> bool {
    let Some(target) = target else { return true };
    let vals = program.evaluate(ValueRef { unit: function.unit, value: target });
    let [Val::Function(run)] = &vals.known[..] else { return true };
    if !program.is_own(run.unit) {
        return true;
    }
    let facts = &program.unit(run.unit).facts;
    let is_it = |value| facts.value(value) == Value::Parameter(run.function, u16::try_from(place).unwrap_or(u16::MAX));
    calls(program, *run).any(|called| {
        let puts = method(program, *run, called.callee)
            .is_some_and(|(base, name)| is_it(base) && matches!(name, "put" | "put_nowait" | "send" | "send_bytes"));
        puts || facts.arguments(called.arguments).iter().any(|it| is_it(it.value))
    })
}

/// What `__init__` gives to a process that another method of the object joins.
fn given_by_maker(program: &Program, function: FunctionRef) -> Vec<ValueId> {
    let Some(class) = program.class_of(function) else { return Vec::new() };
    let maker = program.functions_of(function.unit).find(|it| {
        let facts = &program.unit(it.unit).facts;
        *it != function
            && program.class_of(*it) == Some(class)
            && matches!(facts.text(program.function(*it).name), "__init__" | "start" | "setup")
            && calls(program, *it).any(|called| is_process(program, *it, called.callee))
    });
    let Some(maker) = maker else { return Vec::new() };
    let given: Vec<LockKey> = calls(program, maker)
        .filter(|called| is_process(program, maker, called.callee))
        .flat_map(|called| given_to_process(program, maker, called.callee, called.arguments))
        .filter_map(|value| program.place_key(maker, value))
        .filter(|key| matches!(key, LockKey::Member(..)))
        .collect();
    // The same attributes, as this method writes them.
    let bases = calls(program, function).filter_map(|called| method(program, function, called.callee));
    bases
        .map(|(base, _)| base)
        .filter(|base| program.place_key(function, *base).is_some_and(|key| given.contains(&key)))
        .collect()
}

/// The call of `Pipe` that a value is one end of.
fn pipe_of(program: &Program, function: FunctionRef, value: ValueId) -> Option<(ValueId, u16)> {
    let facts = &program.unit(function.unit).facts;
    let Value::Unpacked(call, end) = facts.value(value) else { return None };
    let Value::Call(callee, _) = facts.value(call) else { return None };
    let names = program.known_names(ValueRef { unit: function.unit, value: callee });
    names.iter().any(|it| it.ends_with(".Pipe") && it.starts_with("multiprocessing")).then_some((call, end))
}

/// Whether reading from one value gives what is put into the other: one queue, or the two ends of one pipe.
fn is_other_end(program: &Program, function: FunctionRef, given: ValueId, read: ValueId) -> bool {
    match (pipe_of(program, function, given), pipe_of(program, function, read)) {
        (Some((pipe, end)), Some((other, read))) => pipe == other && end != read,
        _ => given == read,
    }
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
