//! Classes that expect to be forked, and whose lock or pool goes into the child as it is.

use raddle_facts::{ActKind, FileFacts, Flow, Test, Value, ValueId};
use raddle_program::{ClassRef, FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::Found;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "lock-inherited-by-fork";

const LOCKS: &[&str] = &["threading.Lock", "threading.RLock", "threading.Condition"];
const POOLS: &[&str] = &["concurrent.futures.ThreadPoolExecutor"];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let resets = |facts: &FileFacts| facts.symbols.find("register_at_fork").is_some();
    let aware = program.own_units().any(|(_, it)| resets(&it.facts));
    for (unit, it) in program.own_units() {
        let facts = &it.facts;
        if resets(facts) {
            continue;
        }
        for class in program.classes_of(unit) {
            if facts.symbols.find("getpid").is_some()
                && let Some((function, span)) = asks_pid(program, class)
            {
                acc.extend(lock(program, class, function, span));
            }
            if aware {
                acc.extend(pool(program, class));
            }
        }
    }
}

/// The method of a class that compares the process with the one it kept, and where it asks.
fn asks_pid(program: &Program, class: ClassRef) -> Option<(FunctionRef, Span)> {
    let facts = &program.unit(class.unit).facts;
    methods(program, class).find_map(|function| {
        let compares = facts.steps_below(program.function(function).body).iter().any(|flow| match *flow {
            Flow::Branch { test, .. } => compares_pid(facts, test, 0),
            _ => false,
        });
        let asks = facts.acts_of(function.function).iter().find(|act| is_getpid(facts, act.kind))?;
        compares.then_some((function, asks.span))
    })
}

fn methods(program: &Program, class: ClassRef) -> impl Iterator<Item = FunctionRef> + '_ {
    program.functions_of(class.unit).filter(move |it| program.function(*it).class == Some(class.class))
}

fn is_getpid(facts: &FileFacts, kind: ActKind) -> bool {
    matches!(kind, ActKind::Call(call) if is_pid(facts, call))
}

fn is_pid(facts: &FileFacts, value: ValueId) -> bool {
    matches!(facts.value(value), Value::Call(callee, _) if facts.called_name(callee) == Some("getpid"))
}

/// Tests nested deeper than this are not looked into.
const DEEPEST: u32 = 6;

/// Whether a condition compares `os.getpid()` with an attribute.
fn compares_pid(facts: &FileFacts, test: ValueId, depth: u32) -> bool {
    let Value::Test(kind, list) = facts.value(test) else { return false };
    let parts = facts.list(list);
    match kind {
        Test::Equal | Test::NotEqual => {
            parts.iter().any(|it| is_pid(facts, *it))
                && parts.iter().any(|it| matches!(facts.value(*it), Value::Attribute(..)))
        }
        _ => depth < DEEPEST && parts.iter().any(|it| compares_pid(facts, *it, depth + 1)),
    }
}

/// The lock that the method holds while it starts anew.
fn lock(program: &Program, class: ClassRef, asks: FunctionRef, asked: Span) -> Option<Finding> {
    let facts = &program.unit(class.unit).facts;
    let held = facts.acts_of(asks.function).iter().find_map(|act| match act.kind {
        ActKind::Enter(value) => match facts.value(value) {
            Value::Attribute(base, name) if is_self(facts, base) => Some((value, facts.text(name), act.span)),
            _ => None,
        },
        _ => None,
    });
    let (place, name, taken) = held?;
    let (init, made) = made_once(program, class, name, LOCKS)?;
    let shown = program.written(asks, place);
    let site = |span| site_of(program, class.unit, span);
    let step = |span, key: &str| Step {
        actor: Actor::Process,
        act: Act::Acquire,
        site: site(span),
        message: Message::new(key).arg("name", &*shown).arg("function", program.short_name(asks)),
    };
    Some(found(
        program,
        init,
        made,
        Message::new("lock").arg("name", &*shown).arg("function", program.short_name(asks)),
        "because-asks",
        vec![step(asked, "step-asks"), step(taken, "step-takes")],
    ))
}

/// A pool of threads in a project that sees to forks elsewhere.
fn pool(program: &Program, class: ClassRef) -> Option<Finding> {
    let facts = &program.unit(class.unit).facts;
    facts.symbols.find("ThreadPoolExecutor")?;
    let names: Vec<&str> = facts.class(class.class).attributes.iter().map(|(name, _)| facts.text(*name)).collect();
    // A lock says that the object is used from anywhere, and not made by whoever runs the process.
    names.iter().find(|it| made_once(program, class, it, LOCKS).is_some())?;
    names.into_iter().find_map(|name| {
        let (init, made) = made_once(program, class, name, POOLS)?;
        let message = Message::new("pool").arg("name", format!("self.{name}"));
        Some(found(program, init, made, message, "because-elsewhere", Vec::new()))
    })
}

/// Where `__init__` gives an attribute such an object, if nothing gives it another one.
fn made_once(program: &Program, class: ClassRef, name: &str, of: &[&str]) -> Option<(FunctionRef, Span)> {
    let facts = &program.unit(class.unit).facts;
    let [(_, value)] = facts.attributes(class.class, name) else { return None };
    let Value::Call(callee, _) = facts.value(*value) else { return None };
    let names = program.known_names(ValueRef { unit: class.unit, value: callee });
    if !names.iter().any(|it| of.contains(&&**it)) {
        return None;
    }
    methods(program, class).filter(|it| facts.text(program.function(*it).name) == "__init__").find_map(|init| {
        let writes = facts.acts_of(init.function).iter().find(|act| match act.kind {
            ActKind::Write(place, it) => {
                it == *value && matches!(facts.value(place), Value::Attribute(_, sym) if facts.text(sym) == name)
            }
            _ => false,
        })?;
        Some((init, writes.span))
    })
}

fn is_self(facts: &FileFacts, value: ValueId) -> bool {
    matches!(facts.value(value), Value::Parameter(_, 0))
}

fn found(
    program: &Program,
    function: FunctionRef,
    span: Span,
    message: Message,
    because: &str,
    story: Vec<Step>,
) -> Finding {
    Found {
        rule: ID,
        function,
        span,
        message,
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new(because)],
        story,
    }
    .finish(program)
}
