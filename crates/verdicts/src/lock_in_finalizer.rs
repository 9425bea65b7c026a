//! Locks taken where a thread that already holds them may be interrupted: in finalizers and signal handlers.

use raddle_facts::models::{LockKind, Waiter};
use raddle_program::locks::Root;
use raddle_program::locks::summary::{Effect, Under};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, call_steps, end_of, finding, function_name, lock_name, sureness, take_step};

/// The rule's name.
pub const ID: &str = "lock-in-finalizer";

/// Finds finalizers and signal handlers that wait for a lock.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let world = program.lock_world();
    for function in program.interrupting() {
        let is_finalizer = program.unit(function.unit).facts.text(program.function(function).name) == "__del__";
        let taken = world.reach.get(&function).into_iter().flatten().find_map(|reached| match &reached.effect {
            Effect::Take(lock) => {
                let waits = lock.info.is_some_and(|it| {
                    !it.reentrant && it.kind == LockKind::Mutex && matches!(it.waiter, Waiter::Thread)
                });
                // Only a lock that other code holds can be in the way.
                let used = world.users.get(&lock.key).is_some_and(|it| it.iter().any(|(at, _)| *at != function));
                // Who holds an object's own lock runs one of its methods, and so keeps the object alive.
                let own =
                    is_finalizer && matches!(lock.owner.root, Root::Parameter(..)) && lock.owner.fields.is_empty();
                (waits && used && !own).then_some((reached, lock))
            }
            Effect::Wait(..) => None,
        });
        let Some((reached, lock)) = taken else { continue };
        let under = Under { function, held: Vec::new(), reached: reached.clone() };
        let (sure, because) = sureness(program, &under);
        let name = lock_name(program, lock);
        let (end, act) = end_of(&under);
        let key = if is_finalizer { "finalizer" } else { "signal" };
        let message = Message::new(key).arg("lock", &*name).arg("function", function_name(program, function));
        let help = Message::new("help").arg("lock", &*name);
        let mut story = call_steps(program, &under);
        story.push(take_step(program, end, act, &name));
        let confidence = sure.min(Confidence::Likely);
        let said = Said { message, help, level: Level::Warning, confidence, because, story, parts: vec![name] };
        acc.push(finding(program, ID, under.reached.way[0], said));
    }
}
