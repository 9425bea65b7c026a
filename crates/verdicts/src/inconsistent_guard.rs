//! Attributes that one method writes without the lock that guards them everywhere else.

use raddle_program::Program;
use raddle_program::sharing::guarding::Unguarded;
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, finding, function_name, key_name, step};

/// The rule's name.
pub const ID: &str = "inconsistent-guard";

/// Finds writes without the lock that guards their place.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for it in judged.program.unguarded() {
        acc.push(of(judged.program, it));
    }
}

fn of(program: &Program, it: &Unguarded) -> Finding {
    let place = program.short_place_name(&it.place);
    let lock = key_name(program, &it.lock);
    let function = function_name(program, it.function);
    let at = |function, act, does, key: &str| {
        let message = Message::new(key)
            .arg("place", &*place)
            .arg("lock", &*lock)
            .arg("function", function_name(program, function));
        step(program, (function, act), does, message)
    };
    let mut story = vec![at(it.guarded.0, it.guarded.1, Act::Write, "step-guarded")];
    if let Some(gap) = it.gap.as_ref().filter(|gap| gap.look < gap.write) {
        story.push(at(it.function, gap.look, Act::Read, "step-shared-looks"));
    }
    story.push(at(it.function, it.act, Act::Write, "step-unguarded"));
    let counts = Message::new("because-counts")
        .arg("with", it.with.to_string())
        .arg("all", it.all.to_string())
        .arg("lock", &*lock);
    let test = program.is_test(it.function);
    let confidence = if test || it.gap.is_none() { Confidence::Possible } else { Confidence::Likely };
    let message = Message::new("unguarded").arg("place", &*place).arg("lock", &*lock).arg("function", function);
    let help = Message::new("help").arg("lock", &*lock);
    let said = Said {
        message,
        help,
        level: Level::Warning,
        confidence,
        because: vec![counts],
        story,
        parts: vec![place.clone()],
    };
    finding(program, ID, (it.function, it.act), said)
}
