//! What a coroutine takes back only if nothing interrupts it: state, handles and tasks.

use raddle_program::FunctionRef;
use raddle_program::cancel::{Change, Undone};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::Found;
use crate::story::{act_at, site_of};

/// `resource-before-try`.
pub const RESOURCE: &str = "resource-before-try";
/// `state-not-restored`.
pub const STATE: &str = "state-not-restored";
/// `task-outlives-cancellation`.
pub const TASK: &str = "task-outlives-cancellation";

/// Finds handles that are given back only where nothing goes wrong.
pub fn resource(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    each(judged, RESOURCE, acc, |change| match change {
        Change::Handle => Some("handle"),
        _ => None,
    });
}

/// Finds state that is restored only where nothing goes wrong.
pub fn state(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    each(judged, STATE, acc, |change| match change {
        Change::Counter => Some("counter"),
        Change::Flag => Some("flag"),
        Change::Entry => Some("entry"),
        Change::Handle | Change::Task => None,
    });
}

/// Finds tasks that are cancelled only where nothing goes wrong.
pub fn task(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    each(judged, TASK, acc, |change| match change {
        Change::Task => Some("task"),
        _ => None,
    });
}

fn each(judged: &Judged<'_>, rule: &'static str, acc: &mut Vec<Finding>, key: impl Fn(Change) -> Option<&'static str>) {
    for (function, undone) in judged.program.all_undone() {
        if let Some(key) = key(undone.changed.change) {
            acc.push(finding(judged, rule, key, *function, undone));
        }
    }
}

fn finding(judged: &Judged<'_>, rule: &'static str, key: &str, function: FunctionRef, undone: &Undone) -> Finding {
    let program = judged.program;
    let name = program.written(function, undone.changed.subject);
    let span = |at: u32| act_at(program, function, at).span;
    let step = |act, at, key: &str| Step {
        actor: Actor::EventLoop,
        act,
        site: site_of(program, function.unit, span(at)),
        message: Message::new(key).arg("name", &*name),
    };
    let mut because = vec![Message::new("because-ways")];
    let mut confidence = Confidence::Likely;
    let code = &judged.loop_code;
    let ends = code.once.contains(&function) || code.commands.contains(&function);
    if ends || program.short_name(function) == "main" {
        confidence = Confidence::Possible;
        because.push(Message::new("because-ends"));
    }
    Found {
        rule,
        function,
        span: span(undone.changed.made),
        message: Message::new(key).arg("name", &*name).arg("function", program.short_name(function)),
        help: "help",
        level: Level::Warning,
        confidence,
        because,
        story: vec![
            step(Act::Write, undone.changed.made, "step-made"),
            step(Act::Await, undone.awaits, "step-interrupted"),
            step(Act::Write, undone.undo, "step-undo"),
        ],
    }
    .finish(program)
}
