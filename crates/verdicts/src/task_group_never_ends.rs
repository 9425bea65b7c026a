//! Task groups that wait for a child that never ends.

use raddle_facts::{ActKind, Keyword, Value, ValueId};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::{Called, Found, calls, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "task-group-never-ends";

/// Finds children that loop for ever in a group whose block is meant to end.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        let has = |name: &str| it.facts.symbols.find(name).is_some();
        if !has("TaskGroup") && !has("create_task_group") && !has("open_nursery") {
            continue;
        }
        for function in program.functions_of(unit).filter(|it| program.function(*it).is_async) {
            for called in calls(program, function) {
                if let Some((child, manager)) = endless_child(program, function, &called)
                    && means_to_end(program, function, &called, manager)
                {
                    acc.push(found(program, function, &called, child));
                }
            }
        }
    }
}

/// The child that a call starts in a group, if it never ends, and the context manager of the group.
fn endless_child(program: &Program, function: FunctionRef, called: &Called<'_>) -> Option<(FunctionRef, ValueId)> {
    let facts = &program.unit(function.unit).facts;
    let (base, name) = method(program, function, called.callee)?;
    if !matches!(name, "create_task" | "start_soon") {
        return None;
    }
    let Value::AsyncEntered(manager) = facts.value(base) else { return None };
    let Value::Call(made, _) = facts.value(manager) else { return None };
    let names = program.known_names(ValueRef { unit: function.unit, value: made });
    let is_group = names.iter().any(|it| {
        matches!(
            it.rsplit('.').find(|part| *part != "__init__"),
            Some("TaskGroup" | "create_task_group" | "open_nursery")
        )
    });
    let first = facts.arguments(called.arguments).first().filter(|it| it.keyword == Keyword::Positional)?;
    let callee = match facts.value(first.value) {
        Value::Call(callee, _) => callee,
        _ => first.value,
    };
    let vals = program.evaluate(ValueRef { unit: function.unit, value: callee });
    let [Val::Function(child) | Val::Bound(child, _)] = vals.known[..] else { return None };
    (is_group && program.function(child).is_async && program.never_ends_by_itself(child)).then_some((child, manager))
}

/// Whether the block waits for something else once the child runs, and nothing in the function cancels.
fn means_to_end(program: &Program, function: FunctionRef, called: &Called<'_>, manager: ValueId) -> bool {
    let facts = &program.unit(function.unit).facts;
    let cancels = calls(program, function)
        .any(|it| method(program, function, it.callee).is_some_and(|(_, name)| name.contains("cancel")));
    let waits = facts.acts_of(function.function).iter().any(|act| {
        let ActKind::Await(value) = act.kind else { return false };
        let inside = facts.held_by(act).any(|it| it.manager == manager);
        inside && !act.in_loop && act.span.start > called.act.span.start && !stays(program, function, value)
    });
    waits && !cancels
}

/// Whether what is awaited is meant to go on for ever too, or is another child.
fn stays(program: &Program, function: FunctionRef, value: ValueId) -> bool {
    let facts = &program.unit(function.unit).facts;
    let Value::Call(callee, _) = facts.value(value) else { return false };
    let name = facts.called_name(callee).unwrap_or_default();
    let vals = program.evaluate(ValueRef { unit: function.unit, value: callee });
    name.contains("serve")
        || name.contains("forever")
        || matches!(name, "start" | "run" | "main" | "gather")
        || vals
            .known
            .iter()
            .any(|it| matches!(it, Val::Function(it) | Val::Bound(it, _) if program.never_ends_by_itself(*it)))
}

fn found(program: &Program, function: FunctionRef, called: &Called<'_>, child: FunctionRef) -> Finding {
    let name = program.short_name(child);
    let site = site_of(program, child.unit, program.function(child).name_span);
    let message = Message::new("step-endless").arg("child", &*name);
    Found {
        rule: ID,
        function,
        span: called.act.span,
        message: Message::new("endless").arg("child", &*name),
        help: "help-cancel",
        level: Level::Error,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-loop")],
        story: vec![Step { actor: Actor::EventLoop, act: Act::Compute, site, message }],
    }
    .finish(program)
}
