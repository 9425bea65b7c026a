//! Pools of threads that go into a forked child as they are, in projects that see to forks elsewhere.

use raddle_facts::{ActKind, FileFacts, Value};
use raddle_program::{ClassRef, FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message, Span};

use crate::Judged;
use crate::plain::Found;

/// The rule's name.
pub const ID: &str = "pool-inherited-by-fork";

const LOCKS: &[&str] = &["threading.Lock", "threading.RLock", "threading.Condition"];
const POOLS: &[&str] = &["concurrent.futures.ThreadPoolExecutor"];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let resets = |facts: &FileFacts| facts.symbols.find("register_at_fork").is_some();
    if !program.own_units().any(|(_, it)| resets(&it.facts)) {
        return;
    }
    for (unit, it) in program.own_units() {
        let facts = &it.facts;
        if resets(facts) {
            continue;
        }
        for class in program.classes_of(unit) {
            acc.extend(pool(program, class));
        }
    }
}

fn methods(program: &Program, class: ClassRef) -> impl Iterator<Item = FunctionRef> + '_ {
    program.functions_of(class.unit).filter(move |it| program.function(*it).class == Some(class.class))
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
        Some(found(program, init, made, message))
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

fn found(program: &Program, function: FunctionRef, span: Span, message: Message) -> Finding {
    Found {
        rule: ID,
        function,
        span,
        message,
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-elsewhere")],
        story: Vec::new(),
    }
    .finish(program)
}
