//! Connections that only the thread that made them may use.

use raddle_facts::{ScopeId, Value, ValueId};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::{Found, calls, is_instance, method, thread_story};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "connection-across-threads";

const BOUND: &[&str] = &["sqlite3.Connection", "sqlite3.Cursor"];

/// Finds connections made on one thread and used on another.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let imports = program.own_units().any(|(_, it)| it.facts.symbols.find("sqlite3").is_some());
    if !imports {
        return;
    }
    let code = program.thread_code();
    for function in &code.order {
        let mut seen: Vec<ValueId> = Vec::new();
        for called in calls(program, *function) {
            let Some((base, _)) = method(program, *function, called.callee) else { continue };
            let at = ValueRef { unit: function.unit, value: base };
            if seen.contains(&base) || !is_instance(program, at, BOUND) {
                continue;
            }
            let Some((made, confidence)) = made_elsewhere(program, *function, at) else { continue };
            seen.push(base);
            let name = program.written(*function, base);
            let mut story = thread_story(program, code, *function);
            story.insert(
                0,
                Step {
                    actor: Actor::Main,
                    act: vocabulary::Act::Keep,
                    site: made,
                    message: Message::new("step-made").arg("connection", &*name),
                },
            );
            acc.push(
                Found {
                    rule: ID,
                    function: *function,
                    span: called.act.span,
                    message: Message::new("used")
                        .arg("connection", name)
                        .arg("function", program.short_name(*function)),
                    help: "help-own",
                    level: Level::Error,
                    confidence,
                    because: vec![Message::new("because-made")],
                    story,
                }
                .finish(program),
            );
        }
    }
}

/// Where a connection was made, if that is at module level or in a constructor and nobody switched the check off.
fn made_elsewhere(program: &Program, user: FunctionRef, at: ValueRef) -> Option<(vocabulary::Site, Confidence)> {
    let (callee, arguments) = program.made_by(at)?;
    if !program.known_names(callee).iter().any(|it| it.starts_with("sqlite3.")) {
        return None;
    }
    if program.argument_at(callee.unit, arguments, Some("check_same_thread"), Some(4)).is_some() {
        return None;
    }
    let made = program.origin(at);
    program.functions_of(made.unit).filter(|it| *it != user).find_map(|function| {
        let called = calls(program, function).find(|it| it.call == made.value)?;
        let it = program.function(function);
        let facts = &program.unit(made.unit).facts;
        let confidence = if it.scope == ScopeId::MODULE {
            Confidence::Certain
        } else if facts.text(it.name) == "__init__"
            && matches!(program.unit(at.unit).facts.value(at.value), Value::Attribute(..))
        {
            Confidence::Likely
        } else {
            Confidence::Possible
        };
        Some((site_of(program, made.unit, called.act.span), confidence))
    })
}
