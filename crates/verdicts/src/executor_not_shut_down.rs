//! Executors that a function makes, uses and forgets.

use raddle_facts::flow::Usage;
use raddle_facts::{ActKind, ScopeId, Value, ValueId};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls, method};

/// The rule's name.
pub const ID: &str = "executor-not-shut-down";

const EXECUTORS: &[&str] = &[
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.ProcessPoolExecutor",
    "multiprocessing.pool.ThreadPool",
    "multiprocessing.pool.Pool",
    "multiprocessing.Pool",
];

/// Finds pools that nobody shuts down.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, _) in program.own_units() {
        for function in program.functions_of(unit).filter(|it| program.function(*it).scope != ScopeId::MODULE) {
            acc.extend(default_executor(program, function));
            // Asked before who is called, which costs more.
            let stays = |called: &Called<'_>| matches!(called.act.usage, Usage::Receiver | Usage::Bound);
            for called in calls(program, function).filter(stays) {
                let names = program.known_names(ValueRef { unit, value: called.callee });
                let Some(name) = names.iter().find(|it| EXECUTORS.contains(&&***it)) else { continue };
                let Some(confidence) = forgotten(program, function, &called) else { continue };
                acc.push(
                    Found {
                        rule: ID,
                        function,
                        span: called.act.span,
                        message: Message::new("forgotten")
                            .arg("class", name.rsplit('.').next().unwrap_or_default())
                            .arg("function", program.short_name(function)),
                        help: "help-with",
                        level: Level::Warning,
                        confidence,
                        because: vec![Message::new("because-local")],
                        story: Vec::new(),
                    }
                    .finish(program),
                );
            }
        }
    }
}

/// A loop that a function runs and closes by hand, without its default executor.
fn default_executor(program: &Program, function: FunctionRef) -> Option<Finding> {
    let facts = &program.unit(function.unit).facts;
    facts.symbols.find("shutdown_asyncgens")?;
    let called: Vec<Called<'_>> = calls(program, function).collect();
    let on = |wanted: &str| {
        called.iter().find_map(|it| {
            let (base, name) = method(program, function, it.callee)?;
            (name == wanted).then_some((it, base))
        })
    };
    let (generators, of) = on("shutdown_asyncgens")?;
    let closes = called.iter().any(|it| method(program, function, it.callee) == Some((of, "close")));
    if !closes || on("run_until_complete").is_none() || on("shutdown_default_executor").is_some() {
        return None;
    }
    let name = program.short_name(function);
    Some(
        Found {
            rule: ID,
            function,
            span: generators.act.span,
            message: Message::new("default").arg("function", name),
            help: "help-default",
            level: Level::Warning,
            confidence: Confidence::Likely,
            because: vec![Message::new("because-closed")],
            story: Vec::new(),
        }
        .finish(program),
    )
}

/// How sure it is that a pool is used in this function alone and never shut down.
fn forgotten(program: &Program, function: FunctionRef, made: &Called<'_>) -> Option<Confidence> {
    let facts = &program.unit(function.unit).facts;
    match made.act.usage {
        // `ThreadPoolExecutor().submit(…)`.
        Usage::Receiver => {
            let ends = calls(program, function).any(|it| {
                method(program, function, it.callee)
                    .is_some_and(|(base, name)| base == made.call && matches!(name, "__enter__" | "shutdown"))
            });
            return (!ends).then_some(Confidence::Likely);
        }
        Usage::Bound => {}
        _ => return None,
    }
    let mut name = None;
    for act in facts.acts_of(function.function) {
        match act.kind {
            ActKind::Write(place, value) if holds(program, function, value, made.call) => match facts.value(place) {
                Value::Name(scope, sym) if scope == program.function(function).scope => name = Some(sym),
                _ => return None,
            },
            ActKind::Enter(value) | ActKind::AsyncEnter(value) if holds(program, function, value, made.call) => {
                return None;
            }
            ActKind::Call(call) => {
                let Value::Call(callee, arguments) = facts.value(call) else { continue };
                if facts.arguments(arguments).iter().any(|it| holds(program, function, it.value, made.call)) {
                    // `loop.run_in_executor(pool, …)` uses it and keeps nothing.
                    let named = method(program, function, callee).map(|(_, name)| name);
                    if named != Some("run_in_executor") {
                        return None;
                    }
                }
                if let Some((base, last)) = method(program, function, callee)
                    && holds(program, function, base, made.call)
                    && matches!(last, "shutdown" | "close" | "terminate" | "join" | "__exit__")
                {
                    return None;
                }
            }
            _ => {}
        }
    }
    let it = program.function(function);
    let leaves = it.returned.iter().chain(&it.yielded).any(|value| mentions(program, function, *value, made.call, 0));
    let name = name?;
    if leaves || program.functions_of(function.unit).any(|inner| captures(program, inner, function, name)) {
        return None;
    }
    Some(Confidence::Likely)
}

fn holds(program: &Program, function: FunctionRef, value: ValueId, made: ValueId) -> bool {
    let facts = &program.unit(function.unit).facts;
    value == made
        || match facts.value(value) {
            Value::Union(list) => facts.list(list).contains(&made),
            Value::Name(..) => program.origin(ValueRef { unit: function.unit, value }).value == made,
            Value::Declared(_, value) => value == made,
            _ => false,
        }
}

fn mentions(program: &Program, function: FunctionRef, value: ValueId, made: ValueId, depth: u32) -> bool {
    let facts = &program.unit(function.unit).facts;
    holds(program, function, value, made)
        || depth < 3
            && match facts.value(value) {
                Value::Display(_, list) => {
                    facts.list(list).iter().any(|it| mentions(program, function, *it, made, depth + 1))
                }
                Value::Call(_, arguments) => {
                    facts.arguments(arguments).iter().any(|it| mentions(program, function, it.value, made, depth + 1))
                }
                _ => false,
            }
}

/// Whether a function inside another one reads a variable of it.
fn captures(program: &Program, inner: FunctionRef, outer: FunctionRef, name: raddle_facts::Sym) -> bool {
    if program.enclosing_function(inner) != Some(outer) {
        return false;
    }
    let facts = &program.unit(inner.unit).facts;
    let is_it = |value: ValueId| matches!(facts.value(value), Value::Name(_, sym) if sym == name);
    calls(program, inner).any(|called| {
        method(program, inner, called.callee).is_some_and(|(base, _)| is_it(base))
            || facts.arguments(called.arguments).iter().any(|it| is_it(it.value))
    }) || facts.acts_of(inner.function).iter().any(|act| matches!(act.kind, ActKind::Read(value) if is_it(value)))
}
