//! Waits under a lock for what is only ever done under the same lock.

use raddle_facts::{ActKind, Keyword, Value, ValueId};
use raddle_program::locks::{LockKey, key_text};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, finding, lock_name, method_of, step, take_step};
use crate::story::act_at;
use crate::wait_while_holding_lock::ID;

/// A method that waits, what ends the wait, and whether only a bounded object makes it wait.
struct Pair {
    waits: &'static str,
    answers: &'static [&'static str],
    bounded: bool,
}

const PAIRS: &[Pair] = &[
    Pair { waits: "asyncio.Queue.get", answers: &["put", "put_nowait"], bounded: false },
    Pair { waits: "asyncio.Queue.put", answers: &["get", "get_nowait"], bounded: true },
    Pair { waits: "asyncio.Queue.join", answers: &["task_done"], bounded: false },
    Pair { waits: "asyncio.Event.wait", answers: &["set"], bounded: false },
    Pair { waits: "queue.Queue.put", answers: &["get", "get_nowait"], bounded: true },
];

/// Finds waits that nobody can end.
pub(crate) fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        if !["get", "put", "join", "wait"].iter().any(|name| it.facts.symbols.find(name).is_some()) {
            continue;
        }
        for function in program.functions_of(unit) {
            let locks = program.held_at(function);
            let mut acts: Vec<u32> = locks.held.keys().copied().collect();
            acts.sort_unstable();
            acc.extend(acts.into_iter().filter_map(|act| waits_at(program, function, act)));
        }
    }
}

fn waits_at(program: &Program, function: FunctionRef, act: u32) -> Option<Finding> {
    let (base, name) = method_of(program, function, act)?;
    if !matches!(&*name, "get" | "put" | "join" | "wait") {
        return None;
    }
    let facts = &program.unit(function.unit).facts;
    let it = act_at(program, function, act);
    let ActKind::Call(call) = it.kind else { return None };
    let Value::Call(callee, arguments) = facts.value(call) else { return None };
    let names = program.known_names(ValueRef { unit: function.unit, value: callee });
    let pair = PAIRS.iter().find(|pair| names.iter().any(|it| **it == *pair.waits))?;
    let of_task = pair.waits.starts_with("asyncio.");
    let limited = facts.arguments(arguments).iter().enumerate().any(|(at, it)| match it.keyword {
        Keyword::Named(name) => matches!(facts.text(name), "timeout" | "block"),
        Keyword::Positional => at > 0,
        _ => true,
    });
    if limited || of_task != it.awaited {
        return None;
    }
    let object = program.place_key(function, base)?;
    if pair.bounded && !is_bounded(program, &object) {
        return None;
    }
    let locks = program.held_at(function);
    let hold = locks.held.get(&act)?.iter().find(|hold| {
        let waiter = hold.lock.info.map(|it| matches!(it.waiter, raddle_facts::models::Waiter::Task));
        matches!(hold.lock.key, LockKey::Global(..) | LockKey::Member(..)) && waiter == Some(of_task)
    })?;
    let answer = only_under(program, pair, &object, &hold.lock.key)?;
    let (name, object) = (lock_name(program, &hold.lock), key_text(program, &object));
    let answers = Message::new("step-answer").arg("object", &*object).arg("lock", &*name);
    let waits = Message::new("step-fed").arg("call", pair.waits).arg("object", &*object);
    let story = vec![
        take_step(program, hold.taker, hold.act, &name),
        step(program, (function, act), Act::Block, waits),
        step(program, answer, Act::Release, answers),
    ];
    let message = Message::new("fed").arg("call", pair.waits).arg("object", &*object).arg("lock", &*name);
    let help = Message::new("help-peer").arg("lock", &*name);
    let confidence = if program.is_test(function) { Confidence::Possible } else { Confidence::Likely };
    let because = vec![Message::new("because-fed").arg("object", &*object).arg("lock", &*name)];
    let parts = vec![name, object];
    let said = Said { message, help, level: Level::Error, confidence, because, story, parts };
    Some(finding(program, ID, (function, act), said))
}

/// An act that ends the wait, where all of them stand under the lock.
fn only_under(program: &Program, pair: &Pair, object: &LockKey, lock: &LockKey) -> Option<(FunctionRef, u32)> {
    let mut found = None;
    for name in pair.answers {
        for (function, act) in program.callers_of_name(name) {
            let Some((base, _)) = method_of(program, function, act) else { continue };
            if program.place_key(function, base).as_ref() != Some(object) {
                continue;
            }
            let locks = program.held_at(function);
            let here = locks.held.get(&act).is_some_and(|it| it.iter().any(|hold| hold.lock.key == *lock));
            if !here && !program.always_held(function).iter().any(|it| it.key == *lock) {
                return None;
            }
            found = found.or(Some((function, act)));
        }
    }
    found
}

/// Whether an object is made with room for so many.
fn is_bounded(program: &Program, object: &LockKey) -> bool {
    let Some((unit, bindings)) = program.bindings_of_lock(object) else { return false };
    let facts = &program.unit(unit).facts;
    let bounded = |value: ValueId| {
        let Value::Call(_, arguments) = facts.value(value) else { return false };
        facts.arguments(arguments).first().is_some_and(|it| matches!(facts.value(it.value), Value::One | Value::Number))
    };
    bindings.iter().any(|(_, value)| bounded(*value))
}
