//! Handlers that put things right after an error only, so that a cancellation leaves them wrong.

use raddle_program::cancel::Remedy;
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::Found;
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "cleanup-misses-cancellation";

/// Finds such handlers.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (function, found) in program.errors_only() {
        let name = program.written(function, found.subject);
        let span = |at: u32| act_at(program, function, at).span;
        let step = |act, at, key: &str| Step {
            actor: Actor::EventLoop,
            act,
            site: site_of(program, function.unit, span(at)),
            message: Message::new(key).arg("name", &*name),
        };
        let key = match found.remedy {
            Remedy::Undoes => "undoes",
            Remedy::Resets => "resets",
            Remedy::Tells => "tells",
        };
        let message = Message::new(key).arg("name", &*name).arg("function", program.short_name(function));
        acc.push(
            Found {
                rule: ID,
                function,
                span: found.at,
                message,
                help: if found.remedy == Remedy::Tells { "help-tell" } else { "help" },
                level: Level::Warning,
                confidence: Confidence::Likely,
                because: vec![Message::new("because-class")],
                story: vec![
                    step(Act::Await, found.awaits, "step-interrupted"),
                    step(Act::Write, found.act, "step-skipped"),
                ],
            }
            .finish(program),
        );
    }
}
