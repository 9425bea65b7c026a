//! Daemon threads with something to finish: the interpreter stops them in the middle of it.

use raddle_facts::{ActKind, Flow, Keyword, Value};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::{Called, Found, calls, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "daemon-thread-with-cleanup";

/// Files that are open for writing while the thread works.
const FILES: &[&str] =
    &["builtins.open", "io.open", "_io.open", "gzip.open", "zipfile.ZipFile", "tarfile.open", "h5py.File"];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units().filter(|(_, it)| it.facts.symbols.find("daemon").is_some()) {
        if it.facts.symbols.find("join").is_some() || it.facts.symbols.find("atexit").is_some() {
            continue;
        }
        for function in program.functions_of(unit) {
            for called in calls(program, function) {
                let Some(target) = daemon_of(program, function, &called) else { continue };
                let Some(unfinished) = finishes(program, target) else { continue };
                acc.push(finding(program, function, &called, target, unfinished));
            }
        }
    }
}

/// The function that a daemon thread of this call runs.
fn daemon_of(program: &Program, function: FunctionRef, called: &Called<'_>) -> Option<FunctionRef> {
    let facts = &program.unit(function.unit).facts;
    let daemon = facts.arguments(called.arguments).iter().any(|it| match it.keyword {
        Keyword::Named(name) => facts.text(name) == "daemon" && facts.value(it.value) == Value::True,
        _ => false,
    });
    let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
    if !daemon || !names.iter().any(|it| &**it == "threading.Thread") {
        return None;
    }
    let target = program.argument_at(function.unit, called.arguments, Some("target"), Some(1))?;
    match program.evaluate(ValueRef { unit: function.unit, value: target }).known[..] {
        [Val::Function(it) | Val::Bound(it, _)] if program.is_own(it.unit) => Some(it),
        _ => None,
    }
}

/// Where the thread's function has something that must run to its end: a `finally`, or a file it writes.
fn finishes(program: &Program, target: FunctionRef) -> Option<Span> {
    let facts = &program.unit(target.unit).facts;
    facts.steps_below(program.function(target).body).into_iter().find_map(|flow| match flow {
        Flow::Try { finally, .. } => facts.acts_below(finally).into_iter().find_map(|at| {
            let act = &facts.acts[at as usize];
            matches!(act.kind, ActKind::Call(_)).then_some(act.span)
        }),
        Flow::With { held, body, .. } => {
            let held = facts.held[held.0 as usize];
            let Value::Call(callee, _) = facts.value(held.manager) else { return None };
            let names = program.known_names(ValueRef { unit: target.unit, value: callee });
            let opens = names.iter().any(|it| FILES.contains(&&**it));
            let writes = facts.acts_below(body).iter().any(|at| match facts.acts[*at as usize].kind {
                ActKind::Call(call) => match facts.value(call) {
                    Value::Call(callee, _) => {
                        method(program, target, callee).is_some_and(|(_, it)| it.starts_with("write") || it == "dump")
                            || facts.called_name(callee) == Some("dump")
                    }
                    _ => false,
                },
                _ => false,
            });
            (opens && writes).then_some(held.span)
        }
        _ => None,
    })
}

fn finding(
    program: &Program,
    function: FunctionRef,
    called: &Called<'_>,
    target: FunctionRef,
    unfinished: Span,
) -> Finding {
    let step = Step {
        actor: Actor::Thread,
        act: Act::Release,
        site: site_of(program, target.unit, unfinished),
        message: Message::new("step-cut").arg("function", program.short_name(target)),
    };
    Found {
        rule: ID,
        function,
        span: called.act.span,
        message: Message::new("cut").arg("function", program.short_name(target)),
        help: "help",
        level: Level::Note,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-not-joined")],
        story: vec![step],
    }
    .finish(program)
}
