//! Locks used in ways that protect nothing: a result that nobody looks at, a lock of one's own, a wait without a loop.

use raddle_facts::models::LockKind;
use raddle_facts::{ActKind, GuardKind, Keyword, Usage, Value};
use raddle_program::locks::held::Twice;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Confidence, Finding, Level, Message};

use crate::Judged;
use crate::locking::{Said, finding, lock_name, method_of, step, take_step};
use crate::story::act_at;

/// `acquire-result-ignored`.
pub const IGNORED: &str = "acquire-result-ignored";
/// `lock-created-per-call`.
pub const PER_CALL: &str = "lock-created-per-call";
/// `condition-wait-without-loop`.
pub const NO_LOOP: &str = "condition-wait-without-loop";
/// `lock-released-twice`.
pub const TWICE: &str = "lock-released-twice";
/// `child-pipe-not-read`.
pub const PIPE: &str = "child-pipe-not-read";

fn each_act(program: &Program, mut look: impl FnMut(FunctionRef, u32)) {
    for function in program.own_units().flat_map(|(unit, _)| program.functions_of(unit)) {
        let (start, end) = program.function(function).acts;
        (start..end).for_each(|at| look(function, at));
    }
}

fn simple(program: &Program, rule: &str, at: (FunctionRef, u32), level: Level, what: &str) -> Finding {
    let message = Message::new("found").arg("what", what);
    let story = vec![step(program, at, Act::Acquire, message.clone())];
    let confidence = if program.is_test(at.0) { Confidence::Possible } else { Confidence::Likely };
    let because = vec![Message::new("because-lock-known")];
    let help = Message::new("help").arg("what", what);
    let said = Said { message, help, level, confidence, because, story, parts: vec![what.to_owned()] };
    finding(program, rule, at, said)
}

/// Finds try-locks whose answer is thrown away.
pub fn ignored(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    each_act(program, |function, at| {
        let act = act_at(program, function, at);
        let ActKind::Call(call) = act.kind else { return };
        if act.usage != Usage::Discarded {
            return;
        }
        let Some((base, name)) = method_of(program, function, at) else { return };
        let facts = &program.unit(function.unit).facts;
        let Value::Call(_, arguments) = facts.value(call) else { return };
        if name != "acquire" || arguments.len == 0 {
            return;
        }
        let gives_up =
            facts.arguments(arguments).iter().enumerate().any(|(at, it)| match (it.keyword, facts.value(it.value)) {
                (Keyword::Positional, Value::False) => at == 0,
                (Keyword::Positional, value) => at == 1 && matches!(value, Value::One | Value::Number),
                (Keyword::Named(name), Value::False) => matches!(facts.text(name), "blocking" | "block"),
                (Keyword::Named(name), value) => {
                    facts.text(name) == "timeout" && matches!(value, Value::One | Value::Number | Value::Zero)
                }
                _ => false,
            });
        let is_lock = program.lock_info(ValueRef { unit: function.unit, value: base });
        if gives_up && is_lock.is_some() && releases_later(program, function, at, base) {
            acc.push(simple(program, IGNORED, (function, at), Level::Error, &program.written(function, base)));
        }
    });
}

/// Whether the function goes on as if it had the lock.
fn releases_later(program: &Program, function: FunctionRef, at: u32, base: raddle_facts::ValueId) -> bool {
    let (_, end) = program.function(function).acts;
    (at + 1..end).any(|at| method_of(program, function, at).is_some_and(|(it, name)| it == base && name == "release"))
}

/// Finds locks that are made where they are taken.
pub fn per_call(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    each_act(program, |function, at| {
        let act = act_at(program, function, at);
        let (ActKind::Enter(value) | ActKind::AsyncEnter(value)) = act.kind else { return };
        let facts = &program.unit(function.unit).facts;
        let Value::Call(callee, arguments) = facts.value(value) else { return };
        let is_module = function.function == raddle_facts::FunctionId::MODULE;
        if arguments.len > 0 || is_module || program.lock_info(ValueRef { unit: function.unit, value }).is_none() {
            return;
        }
        // The class itself is called, not a factory that may keep what it makes.
        let classes = program.evaluate(ValueRef { unit: function.unit, value: callee });
        let made = |val: &raddle_program::val::Val| {
            use raddle_program::val::Val;
            match val {
                Val::Class(class) => program.models.lock(&program.class_name(*class)).is_some(),
                Val::Outside(name, _) => program.models.lock(name).is_some(),
                Val::Function(function) => program.models.lock(&program.function_name(*function)).is_some(),
                _ => false,
            }
        };
        let shared = program.shares_local(function, value);
        if classes.known.iter().all(made) && !shared {
            acc.push(simple(program, PER_CALL, (function, at), Level::Error, &program.written(function, callee)));
        }
    });
}

/// Finds waits for a condition that are not repeated.
pub fn no_loop(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    each_act(program, |function, at| {
        let act = act_at(program, function, at);
        let Some((base, name)) = method_of(program, function, at) else { return };
        if name != "wait" || act.in_loop && !program.goes_on_after_wait(function, at) {
            return;
        }
        let ActKind::Call(call) = act.kind else { return };
        let facts = &program.unit(function.unit).facts;
        let timed = matches!(facts.value(call), Value::Call(_, arguments) if arguments.len > 0);
        let info = program.lock_info(ValueRef { unit: function.unit, value: base });
        let tested = facts.guards_of(act).next().is_some();
        let used = !matches!(act.usage, Usage::Discarded | Usage::Awaited);
        if info.is_some_and(|it| it.kind == LockKind::Condition) && tested && !timed && !used {
            acc.push(simple(program, NO_LOOP, (function, at), Level::Error, &program.written(function, base)));
        }
    });
}

/// Finds locks that are given back once more than they were taken.
pub fn twice(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for function in program.own_units().flat_map(|(unit, _)| program.functions_of(unit)) {
        for it in &program.held_at(function).twice {
            let plain = it.lock.info.is_some_and(|it| it.kind == LockKind::Mutex && !it.reentrant);
            if plain && it.again.is_none_or(|at| is_plain_way(program, function, it.first, at)) {
                acc.push(of_twice(program, function, it));
            }
        }
    }
}

/// Whether a release stands outside conditions, handlers and `with raises(…)`, unless the first one stands there too.
fn is_plain_way(program: &Program, function: FunctionRef, first: u32, again: u32) -> bool {
    let facts = &program.unit(function.unit).facts;
    let (first, again) = (&facts.acts[first as usize], &facts.acts[again as usize]);
    let handled = facts.guards_of(again).any(|it| matches!(it, GuardKind::Handler(..)));
    again.held == first.held && (again.guard == first.guard || !handled)
}

fn of_twice(program: &Program, function: FunctionRef, it: &Twice) -> Finding {
    let facts = &program.unit(function.unit).facts;
    let at = it.again.unwrap_or(it.first);
    let conditional = facts.guards_of(&facts.acts[at as usize]).any(|it| !matches!(it, GuardKind::Always));
    let (_, end) = program.function(function).acts;
    let retaken = (it.first..end).any(|at| {
        method_of(program, function, at).is_some_and(|(base, name)| {
            name == "acquire" && program.lock_at(function, base).is_some_and(|lock| lock.key == it.lock.key)
        })
    });
    // An exception between giving a lock back and taking it again is rare.
    let unsure = !it.always && (retaken || conditional && it.again.is_some());
    let confidence = if unsure || program.is_test(function) { Confidence::Possible } else { Confidence::Likely };
    let name = lock_name(program, &it.lock);
    let released = Message::new("step-released").arg("lock", &*name);
    let mut story = vec![step(program, (function, it.first), Act::Release, released)];
    let taken = program.held_at(function).taken.iter().find(|one| one.lock == it.lock).map(|one| one.act);
    if let Some(taken) = taken {
        story.insert(0, take_step(program, function, taken, &name));
    }
    let key = if it.again.is_some() { "again" } else { "scoped" };
    let message = Message::new(key).arg("lock", &*name);
    let help = Message::new("help").arg("lock", &*name);
    let because = vec![Message::new("because-lock-known")];
    let said = Said { message, help, level: Level::Error, confidence, because, story, parts: vec![name] };
    finding(program, TWICE, (function, at), said)
}

/// Finds waits for a child process whose pipe nobody reads meanwhile.
pub fn pipe(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    each_act(program, |function, at| {
        let Some((base, name)) = method_of(program, function, at) else { return };
        let facts = &program.unit(function.unit).facts;
        if name != "wait" || !is_piped(program, function, base) || is_read_before(program, function, at, base) {
            return;
        }
        let ActKind::Call(call) = facts.acts[at as usize].kind else { return };
        if matches!(facts.value(call), Value::Call(_, arguments) if arguments.len == 0) {
            acc.push(simple(program, PIPE, (function, at), Level::Error, "Popen.wait"));
        }
    });
}

/// `Popen(…, stdout=PIPE)` or `stderr=PIPE`.
fn is_piped(program: &Program, function: FunctionRef, value: raddle_facts::ValueId) -> bool {
    let facts = &program.unit(function.unit).facts;
    let Value::Call(callee, arguments) = facts.value(value) else { return false };
    let named = |value| match facts.value(value) {
        Value::Attribute(_, name) | Value::Name(_, name) | Value::ImportFrom(_, name) => Some(facts.text(name)),
        Value::Class(class) => Some(facts.text(facts.class(class).name)),
        _ => None,
    };
    named(callee) == Some("Popen")
        && facts.arguments(arguments).iter().any(|it| {
            matches!(it.keyword, Keyword::Named(name) if matches!(facts.text(name), "stdout" | "stderr"))
                && named(it.value) == Some("PIPE")
        })
}

/// Whether somebody reads the pipe before the wait, or is given the child to do so.
fn is_read_before(program: &Program, function: FunctionRef, wait: u32, child: raddle_facts::ValueId) -> bool {
    let facts = &program.unit(function.unit).facts;
    let (start, _) = program.function(function).acts;
    (start..wait).any(|at| match facts.acts[at as usize].kind {
        ActKind::Load(value) | ActKind::Again(value) => match facts.value(value) {
            Value::Attribute(base, name) => {
                base == child && matches!(facts.text(name), "stdout" | "stderr" | "communicate")
            }
            _ => false,
        },
        ActKind::Call(call) => match facts.value(call) {
            Value::Call(callee, arguments) => {
                facts.arguments(arguments).iter().any(|it| it.value == child)
                    || matches!(facts.value(callee), Value::Attribute(base, name)
                        if base == child && matches!(facts.text(name), "communicate" | "kill" | "terminate"))
            }
            _ => false,
        },
        _ => false,
    })
}
