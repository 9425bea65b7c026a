//! A sleep between starting a thread and using what it makes: how long it takes is a guess.

use raddle_facts::{ActKind, FunctionId, Value, ValueId};
use raddle_program::sharing::Place;
use raddle_program::sharing::touches::Touch;
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::{Called, Found, calls, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "sleep-as-synchronisation";

/// Calls after which the thread is known to be done, or told to be.
const WAITS: &[&str] =
    &["join", "result", "wait", "get", "acquire", "set", "cancel", "stop", "shutdown", "terminate", "close"];

/// Finds such sleeps.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("sleep").is_none() || it.facts.symbols.find("Thread").is_none() {
            continue;
        }
        for function in program.functions_of(unit).filter(|it| it.function != FunctionId::MODULE) {
            acc.extend(sleeps(program, function));
        }
    }
}

fn sleeps(program: &Program, function: FunctionRef) -> Option<Finding> {
    let all: Vec<Called<'_>> = calls(program, function).collect();
    let (made, target) = all.iter().find_map(|it| Some((it, target_of(program, function, it)?)))?;
    let starts = all.iter().find(|it| {
        it.act.span.start >= made.act.span.start
            && method(program, function, it.callee).is_some_and(|(_, name)| name == "start")
    })?;
    let sleep = all
        .iter()
        .find(|it| it.act.span.start > starts.act.span.start && !it.act.in_loop && is_sleep(program, function, it))?;
    let waits = all.iter().any(|it| {
        it.act.span.start > starts.act.span.start
            && method(program, function, it.callee).is_some_and(|(_, name)| WAITS.contains(&name))
    });
    if waits {
        return None;
    }
    let used = uses_after(program, function, target, sleep.act.span)?;
    let step = |span, act, key: &str| Step {
        actor: Actor::Main,
        act,
        site: site_of(program, function.unit, span),
        message: Message::new(key).arg("function", program.short_name(target)),
    };
    let mut found = Found {
        rule: ID,
        function,
        span: sleep.act.span,
        message: Message::new("guess").arg("function", program.short_name(target)),
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-no-wait")],
        story: vec![step(starts.act.span, Act::Spawn, "step-start"), step(used, Act::Read, "step-used")],
    }
    .finish(program);
    // Tests are where it is done, and where it fails.
    found.confidence = Confidence::Likely;
    Some(found)
}

/// The function of the project that a new thread runs.
fn target_of(program: &Program, function: FunctionRef, called: &Called<'_>) -> Option<FunctionRef> {
    let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
    names.iter().find(|it| &***it == "threading.Thread")?;
    let target = program.argument_at(function.unit, called.arguments, Some("target"), Some(1))?;
    match program.evaluate(ValueRef { unit: function.unit, value: target }).known[..] {
        [Val::Function(it) | Val::Bound(it, _)] if program.is_own(it.unit) => Some(it),
        _ => None,
    }
}

fn is_sleep(program: &Program, function: FunctionRef, called: &Called<'_>) -> bool {
    let facts = &program.unit(function.unit).facts;
    let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
    let literal = facts
        .arguments(called.arguments)
        .first()
        .is_some_and(|it| matches!(facts.value(it.value), Value::Number | Value::One | Value::Large));
    literal && names.iter().any(|it| &**it == "time.sleep")
}

/// Where the starter uses, after the sleep, what the thread changes.
fn uses_after(program: &Program, function: FunctionRef, target: FunctionRef, sleep: Span) -> Option<Span> {
    let facts = &program.unit(function.unit).facts;
    let changed: Vec<Place> = program
        .all_touches(target)
        .all
        .iter()
        .filter(|it| matches!(it.touch, Touch::Set | Touch::Update | Touch::Change))
        .map(|it| it.spot.place.clone())
        .collect();
    if changed.is_empty() {
        return None;
    }
    let after = |span: Span| span.start >= sleep.end;
    let touched = program.all_touches(function).all.iter().find_map(|it| {
        let span = facts.acts[it.act as usize].span;
        let reads = matches!(it.touch, Touch::Read | Touch::Iterate);
        (after(span) && reads && changed.contains(&it.spot.place)).then_some(span)
    });
    touched.or_else(|| own_variable(program, function, &changed, sleep))
}

/// The same for a variable of the starter that the thread's function, which stands in it, adds to.
fn own_variable(program: &Program, function: FunctionRef, changed: &[Place], sleep: Span) -> Option<Span> {
    let facts = &program.unit(function.unit).facts;
    let names: Vec<&str> = changed
        .iter()
        .filter_map(|it| match it {
            Place::Closure(owner, name) if *owner == function => Some(&**name),
            _ => None,
        })
        .collect();
    let scope = facts.function(function.function).scope;
    let is_one =
        |value: ValueId| names.iter().any(|name| facts.bindings(scope, name).iter().any(|(_, it)| *it == value));
    facts.acts_of(function.function).iter().filter(|act| act.span.start >= sleep.end).find_map(|act| {
        let used = match act.kind {
            ActKind::Read(value) | ActKind::Index(value) | ActKind::Iterate(value) => match facts.value(value) {
                Value::Subscript(base, _) => is_one(base),
                Value::Name(_, name) => names.contains(&facts.text(name)),
                _ => is_one(value),
            },
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(_, arguments) => facts.arguments(arguments).iter().any(|it| is_one(it.value)),
                _ => false,
            },
            _ => false,
        };
        used.then_some(act.span)
    })
}
