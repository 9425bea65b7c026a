//! Locks that a forked child may find taken for ever, in code that knows it may run in one.

use raddle_facts::models::{LockKind, Waiter};
use raddle_facts::{ActKind, FileFacts, FunctionId, GuardKind, Test, Value, ValueId};
use raddle_program::locks::{LockKey, LockRef};
use raddle_program::{ClassRef, FunctionRef, Program, UnitId};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::locking::{Said, finding, function_name, lock_name, step, take_step};

/// The rule's name.
pub const ID: &str = "lock-kept-across-fork";

/// Finds locks of objects that ask which process they are in.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let mut told = FxHashSet::default();
    for (unit, it) in program.own_units() {
        let facts = &it.facts;
        let asks = facts.symbols.find("getpid").is_some() || facts.symbols.find("current_process").is_some();
        if !asks || facts.symbols.find("register_at_fork").is_some() {
            continue;
        }
        for (function, test) in questions(program, unit) {
            let Some(class) = program.class_of(function) else { continue };
            for taken in &program.held_at(function).taken {
                let kept = taken.waits && is_kept(program, class, &taken.lock);
                let in_parent = knows_parent(facts, &facts.acts[taken.act as usize], test);
                if kept && !in_parent && told.insert(taken.lock.key.clone()) {
                    acc.push(found(program, (function, taken.act), &taken.lock));
                }
            }
        }
    }
}

/// Methods that compare the process they were made in with the one they are in, with the comparison.
fn questions(program: &Program, unit: UnitId) -> Vec<(FunctionRef, ValueId)> {
    let facts = &program.unit(unit).facts;
    let mut found = Vec::new();
    for (at, value) in facts.values.iter().enumerate() {
        let Value::Test(Test::Equal | Test::NotEqual, list) = value else { continue };
        let [one, two] = facts.list(*list) else { continue };
        let owner = match (is_this_process(facts, *one), is_this_process(facts, *two)) {
            (true, false) => owner_of(facts, *two),
            (false, true) => owner_of(facts, *one),
            _ => None,
        };
        if let Some(function) = owner {
            found.push((FunctionRef { unit, function }, ValueId(at as u32)));
        }
    }
    found
}

/// `os.getpid()`, `multiprocessing.current_process()` or what was read from it.
fn is_this_process(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Call(callee, _) => matches!(facts.called_name(callee), Some("getpid" | "current_process")),
        Value::Attribute(base, name) => facts.text(name) == "pid" && is_this_process(facts, base),
        _ => false,
    }
}

/// The method of whose `self` a value is an attribute.
fn owner_of(facts: &FileFacts, value: ValueId) -> Option<FunctionId> {
    match facts.value(value) {
        Value::Attribute(base, _) => match facts.value(base) {
            Value::Parameter(function, 0) => facts.function(function).class.map(|_| function),
            _ => None,
        },
        _ => None,
    }
}

/// A plain lock of the object that is made once, and that no child makes anew.
fn is_kept(program: &Program, class: ClassRef, lock: &LockRef) -> bool {
    let plain = lock.info.is_some_and(|it| it.kind == LockKind::Mutex && matches!(it.waiter, Waiter::Thread));
    let LockKey::Member(owner, _) = &lock.key else { return false };
    let inherits = program.ancestors(class).contains(&raddle_program::Ancestor::Class(*owner));
    let Some((unit, bindings)) = program.bindings_of_lock(&lock.key) else { return false };
    let facts = &program.unit(unit).facts;
    // A factory may know about forks.
    let made_here = |value: ValueId| match facts.value(value) {
        Value::Call(callee, _) => matches!(facts.called_name(callee), Some("Lock" | "RLock" | "allocate_lock")),
        _ => false,
    };
    plain && inherits && bindings.iter().all(|(_, value)| made_here(*value)) && is_made_once(program, unit, &lock.key)
}

/// Whether only what makes or unpickles an object makes its lock.
fn is_made_once(program: &Program, unit: UnitId, lock: &LockKey) -> bool {
    let facts = &program.unit(unit).facts;
    let mut makers = program.functions_of(unit).filter(|function| {
        facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Write(place, _) => program.place_key(*function, place).as_ref() == Some(lock),
            _ => false,
        })
    });
    makers.all(|function| {
        let name = facts.text(program.function(function).name);
        matches!(name, "__init__" | "__new__" | "__post_init__" | "__setstate__" | "<module>")
    })
}

/// Whether an act is reached in the process that made the object only.
fn knows_parent(facts: &FileFacts, act: &raddle_facts::Act, test: ValueId) -> bool {
    let equal = matches!(facts.value(test), Value::Test(Test::Equal, _));
    facts.guards_of(act).any(|guard| match guard {
        GuardKind::If(it) => it == test && equal,
        GuardKind::Unless(it) => it == test && !equal,
        _ => false,
    })
}

fn found(program: &Program, at: (FunctionRef, u32), lock: &LockRef) -> Finding {
    let name = lock_name(program, lock);
    let mut story = Vec::new();
    if let Some(made) = program.making_of(&lock.key) {
        story.push(step(program, made, Act::Compute, Message::new("step-made").arg("lock", &*name)));
    }
    let facts = &program.unit(at.0.unit).facts;
    let asked = facts.acts_of(at.0.function).iter().position(|act| match act.kind {
        ActKind::Call(call) => is_this_process(facts, call),
        _ => false,
    });
    if let Some(asked) = asked {
        let asked = program.function(at.0).acts.0 + asked as u32;
        story.push(step(program, (at.0, asked), Act::Read, Message::new("step-asked")));
    }
    story.push(take_step(program, at.0, at.1, &name));
    let message = Message::new("found").arg("lock", &*name).arg("function", function_name(program, at.0));
    let help = Message::new("help").arg("lock", &*name);
    let confidence = if program.is_test(at.0) { Confidence::Possible } else { Confidence::Likely };
    let because = vec![Message::new("because-asks")];
    let said = Said { message, help, level: Level::Warning, confidence, because, story, parts: vec![name] };
    finding(program, ID, at, said)
}
