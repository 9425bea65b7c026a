//! Threads that a function starts, names and then forgets.

use raddle_facts::{ActKind, Keyword, ScopeId, Usage, Value, ValueId};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls, method};

/// The rule's name.
pub const ID: &str = "thread-error-never-seen";

/// Finds threads that nobody waits for.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units().filter(|(_, it)| it.facts.symbols.find("Thread").is_some()) {
        for function in program.functions_of(unit).filter(|it| program.function(*it).scope != ScopeId::MODULE) {
            for called in calls(program, function) {
                if it.facts.called_name(called.callee) != Some("Thread") {
                    continue;
                }
                let names = program.known_names(ValueRef { unit, value: called.callee });
                if !names.iter().any(|it| &**it == "threading.Thread") {
                    continue;
                }
                if let Some(start) = forgotten(program, function, &called) {
                    acc.push(found(program, function, &start));
                }
            }
        }
    }
}

/// The call that starts a thread which is only a local name, does its work once, and is not waited for.
fn forgotten<'p>(program: &'p Program, function: FunctionRef, made: &Called<'p>) -> Option<Called<'p>> {
    let facts = &program.unit(function.unit).facts;
    let is_daemon = facts.arguments(made.arguments).iter().any(|it| match it.keyword {
        Keyword::Named(name) => facts.text(name) == "daemon",
        Keyword::Positional => false,
        Keyword::Star | Keyword::DoubleStar => true,
    });
    if made.act.usage != Usage::Bound || is_daemon || !works_once(program, function, made) {
        return None;
    }
    // The name may stand for another thread too, such as the one of the round before.
    let may_be = |value: ValueId| {
        value == made.call
            || matches!(facts.value(value), Value::Union(list) if facts.list(list).contains(&made.call))
            || matches!(facts.value(value), Value::Name(scope, _) if scope == program.function(function).scope)
                && program.origin(ValueRef { unit: function.unit, value }).value == made.call
    };
    let mut start = None;
    for called in calls(program, function) {
        if let Some((base, name)) = method(program, function, called.callee)
            && may_be(base)
        {
            match name {
                "start" => start = Some(called),
                _ => return None,
            }
        } else if facts.arguments(called.arguments).iter().any(|it| may_be(it.value)) {
            return None;
        }
    }
    let it = program.function(function);
    let kept = facts.acts_of(function.function).iter().any(|act| match act.kind {
        ActKind::Write(place, value) => {
            let stored =
                value == made.call && !matches!(facts.value(place), Value::Name(scope, _) if scope == it.scope);
            // `thread.daemon = True`
            let set = matches!(facts.value(place), Value::Attribute(base, _) if base == made.call);
            stored || set
        }
        // `to_thread(thread.join)`
        ActKind::Load(value) | ActKind::Again(value) => {
            matches!(facts.value(value), Value::Attribute(base, _) if base == made.call)
        }
        // Part of a list, a tuple, a result.
        ActKind::Read(value) => value == made.call && act.usage != Usage::Receiver,
        _ => false,
    });
    let leaves = it.returned.iter().chain(&it.yielded).any(|value| {
        *value != ValueId::UNKNOWN && {
            *value == made.call
                || matches!(facts.value(*value), Value::Display(_, list) if facts.list(list).contains(&made.call))
        }
    });
    if kept || leaves || program.shares_local(function, made.call) {
        return None;
    }
    start
}

/// Whether the target is a function of the project that comes to an end: a service that runs for ever has nothing to
/// wait for.
fn works_once(program: &Program, function: FunctionRef, made: &Called<'_>) -> bool {
    let target = program.argument_at(function.unit, made.arguments, Some("target"), Some(1));
    let Some(value) = target else { return false };
    let vals = program.evaluate(ValueRef { unit: function.unit, value });
    let ends = |val: &Val| match val {
        Val::Function(it) | Val::Bound(it, _) => {
            let facts = &program.unit(it.unit).facts;
            let loops = facts.block(program.function(*it).body).iter().any(|flow| {
                matches!(flow, raddle_facts::Flow::Loop { kind: raddle_facts::flow::LoopKind::Forever, .. })
            });
            program.is_own(it.unit) && !loops && !program.never_ends_by_itself(*it)
        }
        _ => false,
    };
    !vals.is_empty() && vals.known.iter().all(ends)
}

fn found(program: &Program, function: FunctionRef, start: &Called<'_>) -> Finding {
    Found {
        rule: ID,
        function,
        span: start.act.span,
        message: Message::new("forgotten").arg("function", program.short_name(function)),
        help: "help-join",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-local")],
        story: Vec::new(),
    }
    .finish(program)
}
