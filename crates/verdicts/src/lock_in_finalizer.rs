//! Locks taken where a thread that already holds them may be interrupted: in finalizers and signal handlers.

use raddle_facts::ActKind;
use raddle_facts::models::{LockKind, Waiter};
use raddle_program::locks::interrupts::{Interrupt, Interruption};
use raddle_program::locks::summary::{Effect, LockWorld, Reached, Under};
use raddle_program::locks::{LockRef, Root};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{
    Said, call_steps, end_of, finding, function_name, lock_name, method_of, step, sureness, take_step,
};
use crate::story::act_at;

/// The rule's name.
pub const ID: &str = "lock-in-finalizer";

/// Finds finalizers, callbacks of weak references and signal handlers that wait for a lock.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let world = program.lock_world();
    for interrupt in program.interrupting() {
        let reached = world.reach.get(&interrupt.function).into_iter().flatten();
        if let Some((reached, lock, user)) = reached
            .filter_map(|it| in_the_way(program, &world, interrupt, it).map(|(lock, user)| (it, lock, user)))
            .next()
        {
            acc.push(found(program, interrupt, reached, lock, user));
        }
    }
}

/// The lock of an effect that the interrupted thread may hold, and who else takes it.
fn in_the_way<'w>(
    program: &Program,
    world: &LockWorld,
    interrupt: Interrupt,
    reached: &'w Reached,
) -> Option<(&'w LockRef, (FunctionRef, u32))> {
    let (lock, users) = match &reached.effect {
        Effect::Take(lock) => {
            let waits = lock
                .info
                .is_some_and(|it| !it.reentrant && it.kind == LockKind::Mutex && matches!(it.waiter, Waiter::Thread));
            if !waits {
                return None;
            }
            let users = world.users.get(&lock.key)?.iter().copied();
            (lock, users.filter(|user| does_something(program, *user, lock)).collect::<Vec<_>>())
        }
        Effect::Inner(lock, _) => (lock, program.users_of_inner(&lock.key)),
        Effect::Wait(..) | Effect::User(_) => return None,
    };
    // Whoever holds the lock of the object itself, or of one that it owns, runs one of its methods and so keeps it alive;
    // a thread of the owned one does not.
    let is_own = interrupt.by == Interruption::Finalizer && matches!(lock.owner.root, Root::Parameter(..));
    let others = users.into_iter().filter(|(at, _)| *at != interrupt.function && !program.is_test(*at));
    if !is_own {
        return others.map(|user| (lock, user)).next();
    }
    if lock.owner.fields.is_empty() {
        return None;
    }
    let class = program.class_of(interrupt.function);
    others
        .filter(|(at, _)| program.class_of(*at) != class && program.runs_elsewhere(*at))
        .map(|user| (lock, user))
        .next()
}

/// Whether a user of a lock does more under it than to count: between plain assignments nothing comes in between, since
/// CPython collects and looks for signals where something is made or called.
fn does_something(program: &Program, (function, _): (FunctionRef, u32), lock: &LockRef) -> bool {
    let locks = program.held_at(function);
    locks.held.iter().any(|(act, held)| {
        let under = held.iter().any(|it| it.lock.key == lock.key && it.act != *act);
        let acts = match act_at(program, function, *act).kind {
            ActKind::Call(_) => !method_of(program, function, *act)
                .is_some_and(|(base, name)| name == "release" && program.lock_at(function, base).is_some()),
            ActKind::Iterate(_) | ActKind::Enter(_) | ActKind::Yield => true,
            _ => false,
        };
        under && acts
    })
}

fn found(
    program: &Program,
    interrupt: Interrupt,
    reached: &Reached,
    lock: &LockRef,
    user: (FunctionRef, u32),
) -> Finding {
    let function = interrupt.function;
    let under = Under { function, held: Vec::new(), reached: reached.clone() };
    let (sure, because) = sureness(program, &under);
    let name = lock_name(program, lock);
    let (end, act) = end_of(&under);
    let mut story = call_steps(program, &under);
    let (key, help) = match &reached.effect {
        Effect::Inner(_, path) => {
            if let Some(made) = program.making_of(&lock.key) {
                let message = Message::new("step-made").arg("object", &*name);
                story.insert(0, step(program, made, Act::Compute, message));
            }
            let takes = Message::new("step-inside").arg("call", &**path).arg("object", &*name);
            story.push(step(program, (end, act), Act::Acquire, takes));
            let takes =
                Message::new("step-other").arg("object", &*name).arg("function", function_name(program, user.0));
            story.push(step(program, user, Act::Acquire, takes));
            let key = match interrupt.by {
                Interruption::Finalizer => "finalizer-inside",
                Interruption::WeakReference => "reference-inside",
                Interruption::Signal => "signal-inside",
            };
            (key, "help-inside")
        }
        Effect::Take(_) | Effect::Wait(..) | Effect::User(_) => {
            story.push(take_step(program, end, act, &name));
            story.push(take_step(program, user.0, user.1, &name));
            let key = match interrupt.by {
                Interruption::Finalizer => "finalizer",
                Interruption::WeakReference => "reference",
                Interruption::Signal => "signal",
            };
            (key, "help")
        }
    };
    let message = Message::new(key).arg("lock", &*name).arg("function", function_name(program, function));
    let help = Message::new(help).arg("lock", &*name);
    let confidence = sure.min(Confidence::Likely);
    let said = Said { message, help, level: Level::Warning, confidence, because, story, parts: vec![name] };
    finding(program, ID, under.reached.way[0], said)
}
