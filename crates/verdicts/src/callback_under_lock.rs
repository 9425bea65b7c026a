//! Callbacks that are called while a plain lock is held, and that may want the same lock.

use raddle_facts::Value;
use raddle_facts::models::{LockKind, Waiter};
use raddle_program::locks::held::Hold;
use raddle_program::locks::registry::{UserCall, UserKind};
use raddle_program::locks::summary::{Effect, LockWorld, Reached, Under};
use raddle_program::locks::{LockKey, LockRef};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::locking::{Said, call_steps, end_of, finding, function_name, lock_name, step, sureness, take_step};

/// The rule's name.
pub const ID: &str = "callback-under-lock";

/// A callback that was registered and takes the lock that is held when it is called.
struct Seen<'w> {
    callback: FunctionRef,
    registered: (FunctionRef, u32),
    reached: &'w Reached,
}

/// Finds callbacks that are called under locks.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let world = program.lock_world();
    let mut told = FxHashSet::default();
    for under in &world.under {
        let Effect::User(call) = &under.reached.effect else { continue };
        let Some(hold) = under.held.iter().find(|it| is_plain(&it.lock)) else { continue };
        let seen = seen(program, &world, call, &hold.lock);
        let known = match (&seen, call.kind) {
            (Some(_), _) => Confidence::Likely,
            (None, UserKind::Listener) => of_listeners(program, call, &hold.lock),
            (None, UserKind::Completion) => of_futures(program, under, &hold.lock),
            (None, UserKind::Callable) => continue,
        };
        if !is_made(program, under.function) && told.insert((under.function, hold.act)) {
            acc.push(found(program, under, hold, call, seen.as_ref(), known));
        }
    }
}

/// A lock that its holder cannot take again, and that others know of.
fn is_plain(lock: &LockRef) -> bool {
    let plain =
        lock.info.is_some_and(|it| !it.reentrant && it.kind == LockKind::Mutex && matches!(it.waiter, Waiter::Thread));
    plain && matches!(lock.key, LockKey::Global(..) | LockKey::Member(..))
}

/// Nobody else has an object while it is being made.
fn is_made(program: &Program, function: FunctionRef) -> bool {
    let name = program.unit(function.unit).facts.text(program.function(function).name);
    matches!(name, "__init__" | "__new__" | "<module>")
}

fn seen<'w>(program: &Program, world: &'w LockWorld, call: &UserCall, lock: &LockRef) -> Option<Seen<'w>> {
    let registry = program.registry();
    let given = registry.given.get(call.kept.as_ref()?)?;
    given.iter().find_map(|(callback, caller, act)| {
        let reached = world.reach.get(callback)?.iter().find(|it| match &it.effect {
            Effect::Take(taken) => taken.key == lock.key,
            _ => false,
        })?;
        Some(Seen { callback: *callback, registered: (*caller, *act), reached })
    })
}

/// Whoever adds a listener takes the same lock, and so does one that removes itself.
fn of_listeners(program: &Program, call: &UserCall, lock: &LockRef) -> Confidence {
    let registry = program.registry();
    let registrars = registry.registrars.iter().filter(|it| Some(&it.kept) == call.kept.as_ref());
    let takes = |function: FunctionRef| program.held_at(function).taken.iter().any(|it| it.lock.key == lock.key);
    let open = registrars.map(|it| it.function).any(|it| is_public(program, it) && takes(it));
    let known = call.kept.as_ref().is_some_and(|kept| registry.given.contains_key(kept));
    if open && !known { Confidence::Likely } else { Confidence::Possible }
}

/// A method that takes the lock hands out the futures, so whoever has one can come back.
fn of_futures(program: &Program, under: &Under, lock: &LockRef) -> Confidence {
    let LockKey::Member(class, _) = lock.key else { return Confidence::Possible };
    let hands_out = |function: FunctionRef| {
        let facts = &program.unit(function.unit).facts;
        let is_future = |value| match facts.value(value) {
            Value::Call(callee, _) => facts.called_name(callee).is_some_and(|it| it.ends_with("Future")),
            _ => false,
        };
        program.function(function).returned.iter().any(|value| match facts.value(*value) {
            Value::Union(list) => facts.list(list).iter().any(|it| is_future(*it)),
            _ => is_future(*value),
        })
    };
    let comes_back = program.functions_of(class.unit).any(|it| {
        program.class_of(it) == Some(class)
            && it != under.function
            && is_public(program, it)
            && hands_out(it)
            && program.held_at(it).taken.iter().any(|taken| taken.lock.key == lock.key)
    });
    if comes_back { Confidence::Likely } else { Confidence::Possible }
}

fn is_public(program: &Program, function: FunctionRef) -> bool {
    let facts = &program.unit(function.unit).facts;
    !facts.text(program.function(function).name).starts_with('_')
}

fn found(
    program: &Program,
    under: &Under,
    hold: &Hold,
    call: &UserCall,
    seen: Option<&Seen<'_>>,
    known: Confidence,
) -> Finding {
    let name = lock_name(program, &hold.lock);
    let (sure, mut because) = sureness(program, under);
    let mut story = vec![take_step(program, under.function, hold.act, &name)];
    story.extend(call_steps(program, under));
    let runs = Message::new("step-user").arg("call", &*call.written);
    story.push(step(program, end_of(under), Act::Compute, runs));
    let (key, level) = match (seen, call.kind) {
        (Some(_), _) => ("seen", Level::Error),
        (None, UserKind::Completion) => ("completion", Level::Warning),
        (None, _) => ("listener", Level::Warning),
    };
    let mut message = Message::new(key).arg("call", &*call.written).arg("lock", &*name);
    match seen {
        Some(seen) => {
            message = message.arg("callback", function_name(program, seen.callback));
            story.extend(steps_of(program, seen, &name));
        }
        None => because.push(Message::new("because-comes-back").arg("lock", &*name)),
    }
    let help = if call.kind == UserKind::Completion { "help-completion" } else { "help" };
    let help = Message::new(help).arg("lock", &*name);
    let parts = vec![name, call.written.to_string()];
    let said = Said { message, help, level, confidence: sure.min(known), because, story, parts };
    finding(program, ID, under.reached.way[0], said)
}

/// Where the callback was registered, and its way to the lock.
fn steps_of(program: &Program, seen: &Seen<'_>, lock: &str) -> Vec<Step> {
    let callback = function_name(program, seen.callback);
    let registered = Message::new("step-registered").arg("callback", callback);
    let mut story = vec![step(program, seen.registered, Act::Send, registered)];
    let under = Under { function: seen.callback, held: Vec::new(), reached: seen.reached.clone() };
    story.extend(call_steps(program, &under));
    let (end, act) = end_of(&under);
    story.push(take_step(program, end, act, lock));
    story
}
