//! Attributes that one method writes without the lock that guards them everywhere else.

use raddle_program::Program;
use raddle_program::sharing::escaping::Escape;
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
    acc.extend(judged.program.escaping().iter().map(|it| of_escape(judged.program, it)));
}

/// A method that leaves out the lock of several attributes.
fn of_several(program: &Program, it: &Unguarded, beside: &str) -> Finding {
    let place = program.short_place_name(&it.place);
    let lock = key_name(program, &it.lock);
    let said = |key: &str, function| {
        Message::new(key)
            .arg("place", &*place)
            .arg("beside", beside)
            .arg("lock", &*lock)
            .arg("function", function_name(program, function))
    };
    let story = vec![
        step(program, it.guarded, Act::Read, said("step-guarded-use", it.guarded.0)),
        step(program, (it.function, it.act), Act::Write, said("step-unguarded", it.function)),
    ];
    let test = program.is_test(it.function);
    let said = Said {
        message: said("several", it.function),
        help: Message::new("help").arg("lock", &*lock),
        level: Level::Warning,
        confidence: if test { Confidence::Possible } else { Confidence::Likely },
        because: vec![said("because-several", it.function)],
        story,
        parts: vec![place.clone()],
    };
    finding(program, ID, (it.function, it.act), said)
}

/// A container that leaves its lock behind.
fn of_escape(program: &Program, it: &Escape) -> Finding {
    let place = program.short_place_name(&it.place);
    let lock = key_name(program, &it.lock);
    let function = function_name(program, it.function);
    let said = |key: &str, function: &str| {
        Message::new(key).arg("place", &*place).arg("lock", &*lock).arg("function", function)
    };
    let changes = function_name(program, it.changed.0);
    let story = vec![
        step(program, (it.function, it.act), Act::Read, said("step-handed-out", &function)),
        step(program, it.changed, Act::Write, said("step-guarded", &changes)),
    ];
    let test = program.is_test(it.function);
    let confidence = if test || !it.view { Confidence::Possible } else { Confidence::Likely };
    let said = Said {
        message: said(if it.view { "view" } else { "handed" }, &function),
        help: Message::new("help-copy"),
        level: Level::Warning,
        confidence,
        because: vec![Message::new(if it.view { "because-view" } else { "because-handed" })],
        story,
        parts: vec![place.clone()],
    };
    finding(program, ID, (it.function, it.act), said)
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
    if let Some(beside) = &it.beside {
        return of_several(program, it, &program.short_place_name(beside));
    }
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
