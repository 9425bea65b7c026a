//! Calls that wait under a lock that somebody else needs.

use raddle_facts::models::Waiter;
use raddle_program::locks::held::Hold;
use raddle_program::locks::summary::{Effect, LockWorld, Under};
use raddle_program::locks::{LockKey, LockRef};
use raddle_program::val::Val;
use raddle_program::{Ancestor, ClassRef, FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Cause, Confidence, Cost, Finding, Level, Message};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::locking::{
    Said, call_steps, end_of, finding, function_name, lock_name, method_of, step, sureness, take_step,
};

/// The rule's name.
pub const ID: &str = "wait-while-holding-lock";

/// Finds waits under locks.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    crate::fed_under_lock::verdict(judged, acc);
    let program = judged.program;
    let world = program.lock_world();
    let mut seen = FxHashSet::default();
    for under in &world.under {
        let Effect::Wait(path, blocking) = &under.reached.effect else { continue };
        let Some(hold) = under.held.iter().find(|it| counts(program, under, it)) else { continue };
        let Some((peer, most)) = kind_of(path, blocking.cause, blocking.cost) else { continue };
        let others = other_users(program, &world, &hold.lock, under);
        let handed = program.is_mentioned(under.function);
        if others.is_empty() && !handed || !seen.insert((under.function, hold.act)) {
            continue;
        }
        let (sure, mut because) = sureness(program, under);
        let name = lock_name(program, &hold.lock);
        let confidence = match others.first() {
            Some((other, _)) => {
                because.push(Message::new("because-other-user").arg("function", function_name(program, *other)));
                sure.min(most)
            }
            None => sure.min(Confidence::Likely).min(most),
        };
        let confidence = if peer
            && (is_bounded(program, under) || !others.iter().any(|it| answers(program, *it, under, blocking.cause)))
        {
            Confidence::Possible
        } else {
            confidence
        };
        let confidence = if under.reached.way.len() > 3 { Confidence::Possible } else { confidence };
        let call = Program::shown(path);
        let mut story = vec![take_step(program, hold.taker, hold.act, &name)];
        story.extend(call_steps(program, under));
        let waits =
            Message::new("step-lock-wait").arg("call", &*call).arg("cause", format!("@{}", blocking.cause.word()));
        story.push(step(program, end_of(under), Act::Block, waits));
        if let Some(other) = others.first() {
            story.push(take_step(program, other.0, other.1, &name));
        }
        let key = if peer { "peer" } else { "slow" };
        let message = Message::new(key)
            .arg("lock", &*name)
            .arg("call", &*call)
            .arg("cause", format!("@{}", blocking.cause.word()));
        let level = if peer { Level::Error } else { Level::Warning };
        let help = Message::new(if peer { "help-peer" } else { "help-slow" }).arg("lock", &*name);
        let parts = vec![name, call.to_string()];
        let said = Said { message, help, level, confidence, because, story, parts };
        acc.push(finding(program, ID, under.reached.way[0], said));
    }
}

/// A thread lock that the wait itself does not give back.
fn counts(program: &Program, under: &Under, hold: &Hold) -> bool {
    let threads = hold.lock.info.is_some_and(|it| matches!(it.waiter, Waiter::Thread));
    let place = matches!(hold.lock.key, LockKey::Global(..) | LockKey::Member(..));
    if !threads || !place {
        return false;
    }
    let (end, act) = end_of(under);
    let Some((base, method)) = method_of(program, end, act) else { return true };
    let same = program.lock_at(end, base).is_some_and(|it| it.key == hold.lock.key);
    !(same && matches!(&*method, "wait" | "wait_for" | "acquire"))
}

/// Whether somebody else must act before the wait ends, and how sure such a wait is to hurt.
fn kind_of(path: &str, cause: Cause, cost: Cost) -> Option<(bool, Confidence)> {
    let last = path.rsplit('.').next().unwrap_or(path);
    match cause {
        Cause::Lock if matches!(last, "acquire" | "__enter__") => None,
        Cause::Lock | Cause::Queue | Cause::Future | Cause::Join => Some((true, Confidence::Likely)),
        Cause::Sleep => Some((false, Confidence::Likely)),
        Cause::Network if cost >= Cost::Network && is_request(path) => Some((false, Confidence::Likely)),
        Cause::Network | Cause::Subprocess | Cause::Database => Some((false, Confidence::Possible)),
        _ => None,
    }
}

/// A whole exchange with another machine, not one step on a connection that the lock may be there to protect.
fn is_request(path: &str) -> bool {
    ["requests.", "urllib.request.", "httpx.", "urllib3."].iter().any(|it| path.starts_with(it))
}

/// Where else the lock is taken.
fn other_users(program: &Program, world: &LockWorld, lock: &LockRef, under: &Under) -> Vec<(FunctionRef, u32)> {
    let users = world.users.get(&lock.key).map_or(&[][..], |it| it);
    users.iter().copied().filter(|(function, _)| *function != under.function && !program.is_test(*function)).collect()
}

/// Whether another user of the lock does what the wait is for while it has the lock, or is what is waited for.
fn answers(program: &Program, other: (FunctionRef, u32), under: &Under, cause: Cause) -> bool {
    if matches!(cause, Cause::Join | Cause::Future) {
        return program.runs_elsewhere(other.0) && may_be_of_joined(program, other.0, under);
    }
    let locks = program.held_at(other.0);
    locks.held.keys().any(|act| {
        method_of(program, other.0, *act).is_some_and(|(_, name)| {
            matches!(&*name, "put" | "put_nowait" | "set" | "notify" | "notify_all" | "release")
        })
    })
}

/// Whether a method can belong to the thread that is waited for: where its class is known, it is one of that class.
fn may_be_of_joined(program: &Program, other: FunctionRef, under: &Under) -> bool {
    let (end, act) = end_of(under);
    let Some((base, _)) = method_of(program, end, act) else { return true };
    let vals = program.evaluate(ValueRef { unit: end.unit, value: base });
    let classes = vals.known.iter().filter_map(|val| match val {
        Val::Instance(class, _) if program.is_own(class.unit) => Some(*class),
        _ => None,
    });
    let mut known = classes.peekable();
    let (Some(_), Some(class)) = (known.peek(), program.class_of(other)) else { return true };
    let is_over = |one: ClassRef, two: ClassRef| program.ancestors(one).contains(&Ancestor::Class(two));
    known.any(|joined| is_over(joined, class) || is_over(class, joined))
}

/// Whether a wait gives up by itself, or is asked only when something is there.
fn is_bounded(program: &Program, under: &Under) -> bool {
    use raddle_facts::{ActKind, Keyword, Value};
    let (function, act) = end_of(under);
    let facts = &program.unit(function.unit).facts;
    let ActKind::Call(call) = facts.acts[act as usize].kind else { return false };
    let Value::Call(_, arguments) = facts.value(call) else { return false };
    let Some((base, method)) = method_of(program, function, act) else { return false };
    let timed = facts.arguments(arguments).iter().any(|it| match it.keyword {
        Keyword::Named(name) => facts.text(name) == "timeout" && facts.value(it.value) != Value::None,
        Keyword::Positional => matches!(&*method, "join" | "wait" | "result"),
        _ => false,
    });
    let (start, end) = program.function(function).acts;
    let asked = method == "get"
        && (start..end).any(|at| {
            method_of(program, function, at).is_some_and(|(it, name)| it == base && matches!(&*name, "empty" | "qsize"))
        });
    matches!(&*method, "join" | "wait" | "result" | "get" | "exception") && timed || asked
}
