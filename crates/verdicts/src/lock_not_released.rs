//! A lock that some way out of a function leaves taken.

use raddle_facts::{ActKind, GuardKind, Value};
use raddle_program::locks::LockKey;
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Judged;
use crate::locking::{Said, finding, function_name, lock_name, method_of, step, take_step};

/// The rule's name.
pub const ID: &str = "lock-not-released";

/// Finds locks that are not given back on some way.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let functions: Vec<FunctionRef> = program.own_units().flat_map(|(unit, _)| program.functions_of(unit)).collect();
    let mut dropped: FxHashMap<LockKey, FxHashSet<FunctionRef>> = FxHashMap::default();
    for function in &functions {
        for lock in &program.held_at(*function).drops {
            dropped.entry(lock.key.clone()).or_default().insert(*function);
        }
    }
    for function in functions {
        let locks = program.held_at(function);
        for (hold, raised) in &locks.leaks {
            // A lock that is given, or that implements another one, is its caller's business.
            if matches!(hold.lock.key, LockKey::Parameter(..)) || is_lock_method(program, function) {
                continue;
            }
            // Where the function never gives it back, somebody else does.
            let (start, end) = program.function(function).acts;
            let releases = (start..end).find(|at| {
                method_of(program, function, *at).is_some_and(|(base, name)| {
                    name == "release" && program.lock_at(function, base).is_some_and(|it| it.key == hold.lock.key)
                })
            });
            let Some(release) = releases else { continue };
            // What somebody else gives back later is handed over, and not forgotten.
            if dropped.get(&hold.lock.key).is_some_and(|it| it.iter().any(|other| *other != function)) {
                continue;
            }
            if *raised && !(hold.act + 1..release).any(|at| may_fail(program, function, at)) {
                continue;
            }
            let name = lock_name(program, &hold.lock);
            let lies_between = |at: &u32| {
                let facts = &program.unit(function.unit).facts;
                matches!(facts.acts[*at as usize].kind, ActKind::Call(_) | ActKind::Await(_) | ActKind::Yield)
            };
            let mut story = vec![take_step(program, function, hold.act, &name)];
            if *raised && let Some(between) = (hold.act + 1..release).find(lies_between) {
                story.push(step(program, (function, between), Act::Compute, Message::new("step-raises")));
            }
            let released = Message::new("step-released").arg("lock", &*name);
            story.push(step(program, (function, release), Act::Release, released));
            let by_condition =
                is_conditional(program, function, hold.act) && is_conditional(program, function, release);
            let confidence = match program.is_test(function) || by_condition {
                true => Confidence::Possible,
                false => Confidence::Likely,
            };
            let key = if *raised { "raised" } else { "returned" };
            let message = Message::new(key).arg("lock", &*name).arg("function", function_name(program, function));
            let level = if *raised { Level::Warning } else { Level::Error };
            let mut because = vec![Message::new("because-lock-known")];
            if by_condition {
                because.push(Message::new("because-conditions"));
            }
            let help = Message::new("help").arg("lock", &*name);
            let said = Said { message, help, level, confidence, because, story, parts: vec![name] };
            acc.push(finding(program, ID, (function, hold.act), said));
        }
    }
}

/// Whether a function is itself what takes or gives back a lock.
fn is_lock_method(program: &Program, function: FunctionRef) -> bool {
    let name = program.unit(function.unit).facts.text(program.function(function).name);
    ["acquire", "release", "lock", "__enter__", "__exit__", "__aenter__", "__aexit__"]
        .iter()
        .any(|it| name.contains(it))
}

/// Whether an act stands under a condition: taking and giving back may ask the same one.
fn is_conditional(program: &Program, function: FunctionRef, act: u32) -> bool {
    let facts = &program.unit(function.unit).facts;
    // `if lock.acquire(False)` is no condition of the caller's.
    let asks_it_itself = |test| matches!(facts.value(test), Value::Call(..));
    facts.guards_of(&facts.acts[act as usize]).any(|guard| match guard {
        GuardKind::If(test) | GuardKind::Unless(test) => !asks_it_itself(test),
        GuardKind::Always | GuardKind::Handler(..) | GuardKind::NoException(..) => false,
    })
}

/// Whether an act can raise more than memory or an interrupt: not the clock, a container's own method, or a notification.
fn may_fail(program: &Program, function: FunctionRef, act: u32) -> bool {
    let facts = &program.unit(function.unit).facts;
    match facts.acts[act as usize].kind {
        ActKind::Await(_) | ActKind::Yield | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_) => true,
        ActKind::Call(call) => {
            let Value::Call(callee, _) = facts.value(call) else { return false };
            let vals = program.evaluate(ValueRef { unit: function.unit, value: callee });
            vals.is_empty()
                || vals.known.iter().any(|val| match val {
                    Val::Gives(..) => false,
                    Val::Function(it) | Val::Bound(it, _) if !program.is_own(it.unit) => {
                        !is_calm(&program.function_name(*it))
                    }
                    Val::Outside(path, _) => !is_calm(path),
                    Val::Class(class) if !program.is_own(class.unit) => !is_calm(&program.class_name(*class)),
                    _ => true,
                })
        }
        _ => false,
    }
}

fn is_calm(path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    let container = matches!(
        last,
        "append"
            | "appendleft"
            | "add"
            | "discard"
            | "clear"
            | "extend"
            | "update"
            | "setdefault"
            | "get"
            | "items"
            | "keys"
            | "values"
            | "copy"
            | "notify"
            | "notify_all"
            | "set"
            | "is_set"
            | "len"
            | "max"
            | "min"
            | "list"
            | "dict"
            | "tuple"
            | "isinstance"
            | "id"
            | "print"
            | "bool"
            | "range"
    );
    let from = path.split('.').next().unwrap_or(path);
    from == "time" && last != "sleep" || container && matches!(from, "builtins" | "collections" | "threading")
}
