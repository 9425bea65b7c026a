//! Threads that `__init__` starts before it has set what they read.

use raddle_program::Program;
use raddle_program::sharing::too_early::TooEarly;
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, finding, function_name, step};

/// The rule's name.
pub const ID: &str = "started-before-ready";

/// Finds threads that are started too early.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    acc.extend(judged.program.started_too_early().iter().map(|it| of(judged.program, it)));
}

fn of(program: &Program, it: &TooEarly) -> Finding {
    let place = program.short_place_name(&it.place);
    let at = |at: (_, u32), does, key: &str, function| {
        let message = Message::new(key).arg("place", &*place).arg("function", function_name(program, function));
        step(program, at, does, message)
    };
    let story = vec![
        at((it.function, it.start), Act::Spawn, "step-ready-start", it.runs),
        at(it.read, Act::Read, "step-ready-reads", it.read.0),
        at((it.function, it.write), Act::Write, "step-ready-sets", it.function),
    ];
    let test = program.is_test(it.function);
    let message = Message::new("early").arg("place", &*place).arg("function", function_name(program, it.runs));
    let said = Said {
        message,
        help: Message::new("help").arg("place", &*place),
        level: Level::Warning,
        confidence: if test { Confidence::Possible } else { Confidence::Likely },
        because: vec![Message::new("because-started")],
        story,
        parts: vec![place.clone()],
    };
    finding(program, ID, (it.function, it.write), said)
}
