//! A lock that its holder takes again, and that does not let it.

use raddle_facts::models::LockKind;
use raddle_program::locks::summary::Effect;
use raddle_vocabulary::{Finding, Level, Message};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::locking::{Said, call_steps, end_of, finding, function_name, lock_name, sureness, take_step};

/// The rule's name.
pub const ID: &str = "self-deadlock";

/// Finds locks taken again by their holder.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let world = program.lock_world();
    let mut seen = FxHashSet::default();
    for under in &world.under {
        let Effect::Take(lock) = &under.reached.effect else { continue };
        let excludes = lock.info.is_some_and(|it| match it.kind {
            LockKind::Mutex => !it.reentrant,
            LockKind::Semaphore => program.is_single(&world, &lock.key),
            LockKind::Condition | LockKind::ReadWrite => false,
        });
        if !excludes {
            continue;
        }
        let Some(hold) = under.held.iter().find(|it| it.lock.is_same(lock)) else { continue };
        let first = under.reached.way[0];
        if !seen.insert((first, lock.key.clone())) {
            continue;
        }
        let name = lock_name(program, lock);
        let (end, act) = end_of(under);
        let key = if under.reached.way.len() > 1 { "through" } else { "direct" };
        let (confidence, because) = sureness(program, under);
        let mut story = vec![take_step(program, under.function, hold.act, &name)];
        story.extend(call_steps(program, under));
        story.push(take_step(program, end, act, &name));
        let message = Message::new(key).arg("lock", &*name).arg("function", function_name(program, end));
        let help = Message::new("help").arg("lock", &*name).arg("function", function_name(program, end));
        let said = Said { message, help, level: Level::Error, confidence, because, story, parts: vec![name] };
        acc.push(finding(program, ID, first, said));
    }
}
