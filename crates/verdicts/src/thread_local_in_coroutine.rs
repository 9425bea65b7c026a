//! Thread-locals that coroutines write: all tasks of a loop share them.

use raddle_facts::{ActKind, Value};
use raddle_program::ValueRef;
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Found, is_instance};

/// The rule's name.
pub const ID: &str = "thread-local-in-coroutine";

const LOCALS: &[&str] = &["threading.local", "_thread._local", "_threading_local.local"];

/// Finds coroutines that keep something of their own in a thread-local.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for entry in &judged.loop_code.entries {
        let function = entry.function;
        let facts = &program.unit(function.unit).facts;
        if !program.function(function).is_async {
            continue;
        }
        let waits = facts
            .acts_of(function.function)
            .iter()
            .any(|act| matches!(act.kind, ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_)));
        for act in facts.acts_of(function.function) {
            let (ActKind::Write(place, _) | ActKind::Update(place, _)) = act.kind else { continue };
            let Value::Attribute(base, name) = facts.value(place) else { continue };
            if !waits || !is_instance(program, ValueRef { unit: function.unit, value: base }, LOCALS) {
                continue;
            }
            acc.push(
                Found {
                    rule: ID,
                    function,
                    span: act.span,
                    message: Message::new("written")
                        .arg("place", format!("{}.{}", program.written(function, base), facts.text(name)))
                        .arg("function", program.short_name(function)),
                    help: "help-contextvar",
                    level: Level::Warning,
                    confidence: Confidence::Likely,
                    because: vec![Message::new("because-loop")],
                    story: Vec::new(),
                }
                .finish(program),
            );
            break;
        }
    }
}
