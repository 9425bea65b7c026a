//! Waits for a future or task that others wait for too: cancelling one waiter cancels it for all.

use raddle_facts::{ActKind, FileFacts, Value, ValueId};
use raddle_program::{ClassRef, FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::{Found, calls, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "shared-future-not-shielded";

/// Finds such waits.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        let facts = &it.facts;
        let makes = ["create_future", "Future", "create_task", "ensure_future"];
        if makes.iter().all(|it| facts.symbols.find(it).is_none()) {
            continue;
        }
        for function in program.functions_of(unit).filter(|it| is_coroutine(program, *it)) {
            let Some(class) = program.class_of(function) else { continue };
            if !waits_for_others(facts.text(program.function(function).name)) {
                continue;
            }
            let Some((value, span)) = only_wait(facts, function) else { continue };
            let Value::Attribute(_, name) = facts.value(value) else { continue };
            let Some(made) = made_elsewhere(program, class, function, facts.text(name)) else { continue };
            acc.push(finding(program, function, value, span, made));
        }
    }
}

/// Whether a function is a coroutine, also one of before `async def`.
fn is_coroutine(program: &Program, function: FunctionRef) -> bool {
    let it = program.function(function);
    let facts = &program.unit(function.unit).facts;
    it.is_async
        || it.is_generator && it.decorators.iter().any(|decorator| facts.last_name(*decorator) == Some("coroutine"))
}

/// Whether a method's name says that anybody may call it to wait for something.
fn waits_for_others(name: &str) -> bool {
    !name.starts_with('_') && (name.starts_with("wait") || name.starts_with("join") || name.contains("wait_"))
}

/// The attribute of the object that a method awaits, where that is all it awaits and it cancels nothing.
fn only_wait(facts: &FileFacts, function: FunctionRef) -> Option<(ValueId, Span)> {
    let mut found = None;
    let delegates = !facts.function(function.function).is_async;
    for act in facts.acts_of(function.function) {
        match act.kind {
            // `yield from self.future` is an iteration with a `yield` of its own.
            ActKind::Iterate(value) if delegates => {
                let of_self = matches!(facts.value(value), Value::Attribute(base, _)
                    if matches!(facts.value(base), Value::Parameter(_, 0)));
                found = of_self.then_some((value, act.span));
            }
            ActKind::Await(value) => {
                let of_self = matches!(facts.value(value), Value::Attribute(base, _)
                    if matches!(facts.value(base), Value::Parameter(_, 0)));
                if !of_self || found.is_some() {
                    return None;
                }
                found = Some((value, act.span));
            }
            ActKind::Call(call) => {
                let Value::Call(callee, _) = facts.value(call) else { continue };
                if facts.called_name(callee).is_some_and(|it| it.contains("cancel") && it != "cancelled") {
                    return None;
                }
            }
            _ => {}
        }
    }
    found
}

/// Where another method makes the future or task, once.
fn made_elsewhere(program: &Program, class: ClassRef, waiter: FunctionRef, name: &str) -> Option<Span> {
    let facts = &program.unit(class.unit).facts;
    let is_made = |value: ValueId| match facts.value(value) {
        Value::Call(callee, _) => {
            matches!(facts.called_name(callee), Some("create_future" | "Future" | "create_task" | "ensure_future"))
        }
        _ => false,
    };
    let values = facts.attributes(class.class, name);
    if values.is_empty() || !values.iter().all(|(_, it)| is_made(*it) || facts.value(*it) == Value::None) {
        return None;
    }
    let methods = program.functions_of(class.unit).filter(|it| program.function(*it).class == Some(class.class));
    let mut made = methods.filter(|it| *it != waiter).flat_map(|it| facts.acts_of(it.function)).filter_map(|act| {
        let ActKind::Write(place, value) = act.kind else { return None };
        let same = matches!(facts.value(place), Value::Attribute(_, sym) if facts.text(sym) == name);
        (same && is_made(value)).then_some(act.span)
    });
    let writes_itself = facts.acts_of(waiter.function).iter().any(|act| match act.kind {
        ActKind::Write(place, _) => matches!(facts.value(place), Value::Attribute(_, sym) if facts.text(sym) == name),
        _ => false,
    });
    // A class that only ever waits in order to stop means its own task.
    let stops = calls(program, waiter).any(|it| method(program, waiter, it.callee).is_some_and(|(_, it)| it == "set"));
    made.next().filter(|_| !writes_itself && !stops)
}

fn finding(program: &Program, function: FunctionRef, value: ValueId, span: Span, made: Span) -> Finding {
    let name = program.written(function, value);
    let site = |span| site_of(program, function.unit, span);
    let step = |span, act, key: &str| Step {
        actor: Actor::EventLoop,
        act,
        site: site(span),
        message: Message::new(key).arg("name", &*name),
    };
    Found {
        rule: ID,
        function,
        span,
        message: Message::new("shared").arg("name", &*name).arg("function", program.short_name(function)),
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-others")],
        story: vec![step(made, Act::Keep, "step-made"), step(span, Act::Cancel, "step-cancelled")],
    }
    .finish(program)
}
