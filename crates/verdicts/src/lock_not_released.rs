//! A lock that some way out of a function leaves taken.

use raddle_facts::ActKind;
use raddle_program::locks::LockKey;
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, finding, function_name, lock_name, method_of, step, take_step};

/// The rule's name.
pub const ID: &str = "lock-not-released";

/// Finds locks that are not given back on some way.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for function in program.own_units().flat_map(|(unit, _)| program.functions_of(unit)).collect::<Vec<_>>() {
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
            let confidence = match (program.is_test(function), raised) {
                (true, _) => Confidence::Possible,
                (false, _) => Confidence::Likely,
            };
            let key = if *raised { "raised" } else { "returned" };
            let message = Message::new(key).arg("lock", &*name).arg("function", function_name(program, function));
            let level = if *raised { Level::Warning } else { Level::Error };
            let because = vec![Message::new("because-lock-known")];
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
