//! Loops that ask a pool again and again whether its work is done: the work of a worker that died never is.

use raddle_facts::{ActKind, Flow, LoopKind, Value};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message, Span};

use crate::Judged;
use crate::plain::{Found, calls, method};

/// The rule's name.
pub const ID: &str = "pool-worker-death-unnoticed";

/// Finds such loops.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units().filter(|(_, it)| it.facts.symbols.find("ready").is_some()) {
        let looks = ["exitcode", "is_alive", "_pool", "sentinel", "pid"];
        if looks.iter().any(|name| it.facts.symbols.find(name).is_some()) {
            continue;
        }
        for function in program.functions_of(unit) {
            if let Some(span) = polls(program, function).filter(|_| hands_out(program, function)) {
                acc.push(found(program, function, span));
            }
        }
    }
}

/// Whether a function hands work to a pool of `multiprocessing` and keeps the results.
fn hands_out(program: &Program, function: FunctionRef) -> bool {
    calls(program, function).any(|called| {
        let Some((_, name)) = method(program, function, called.callee) else { return false };
        if !matches!(name, "apply_async" | "map_async" | "starmap_async") || called.act.discarded {
            return false;
        }
        let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
        names.iter().any(|it| it.starts_with("multiprocessing.pool.Pool") || it.starts_with("multiprocessing.Pool"))
    })
}

/// Where a loop without an end of its own asks `ready()`.
fn polls(program: &Program, function: FunctionRef) -> Option<Span> {
    let facts = &program.unit(function.unit).facts;
    let loops = facts.steps_below(program.function(function).body).into_iter().filter_map(|flow| match flow {
        Flow::Loop { kind: LoopKind::Forever | LoopKind::While(_), body, .. } => Some(facts.acts_below(body)),
        _ => None,
    });
    for acts in loops {
        let asked = acts.iter().find_map(|at| {
            let act = &facts.acts[*at as usize];
            let ActKind::Call(call) = act.kind else { return None };
            let Value::Call(callee, _) = facts.value(call) else { return None };
            (facts.called_name(callee) == Some("ready")).then_some(act.span)
        });
        let timed = acts.iter().any(|at| match facts.acts[*at as usize].kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => {
                    facts.called_name(callee).is_some_and(|it| matches!(it, "monotonic" | "time" | "perf_counter"))
                }
                _ => false,
            },
            _ => false,
        });
        if asked.is_some() && !timed {
            return asked;
        }
    }
    None
}

fn found(program: &Program, function: FunctionRef, span: Span) -> Finding {
    Found {
        rule: ID,
        function,
        span,
        message: Message::new("polls").arg("function", program.short_name(function)),
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-replaced")],
        story: Vec::new(),
    }
    .finish(program)
}
