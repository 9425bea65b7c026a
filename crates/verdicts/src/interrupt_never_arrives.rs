//! `except KeyboardInterrupt` in a coroutine: Ctrl-C does not arrive there.

use raddle_facts::flow::Handler;
use raddle_facts::{ActKind, FileFacts, Flow, Usage, Value, ValueId};
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::Found;
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "interrupt-never-arrives";

/// Libraries whose coroutines raise `KeyboardInterrupt` themselves, and loops that deliver it.
const RAISE_IT: &[&str] =
    &["trio", "anyio", "curio", "prompt_toolkit", "questionary", "IPython", "textual", "aioconsole"];

/// Finds handlers that wait for what does not come.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let units: Vec<_> =
        program.own_units().filter(|(_, it)| it.facts.symbols.find("KeyboardInterrupt").is_some()).collect();
    if units.iter().any(|(_, it)| raises_it(&it.facts)) {
        return;
    }
    for (unit, it) in units {
        if it.facts.imports.iter().any(|it_| is_known_to_raise(it.facts.text(*it_))) {
            continue;
        }
        for function in program.functions_of(unit).filter(|it| program.function(*it).is_async) {
            handlers(program, function, acc);
        }
    }
}

fn handlers(program: &Program, function: FunctionRef, acc: &mut Vec<Finding>) {
    let facts = &program.unit(function.unit).facts;
    for flow in facts.steps_below(program.function(function).body) {
        let Flow::Try { body, handlers, .. } = flow else { continue };
        let handlers = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
        let Some(handler) = handlers.iter().find(|it| catches_interrupt(program, function, it)) else { continue };
        let also = handlers.iter().any(|it| program.caught(function.unit, it).is_some());
        // `except KeyboardInterrupt: raise` is there to pass something on.
        if also || matches!(facts.block(handler.body).first(), Some(Flow::Raise { .. })) {
            continue;
        }
        let Some(awaits) = program.escapes(function, body) else { continue };
        let arrives = Step {
            actor: Actor::EventLoop,
            act: Act::Await,
            site: site_of(program, function.unit, act_at(program, function, awaits[0]).span),
            message: Message::new("step-arrives"),
        };
        acc.push(
            Found {
                rule: ID,
                function,
                span: handler.head,
                message: Message::new("never").arg("function", program.short_name(function)),
                help: "help",
                level: Level::Warning,
                confidence: Confidence::Likely,
                because: vec![Message::new("because-cancelled")],
                story: vec![arrives],
            }
            .finish(program),
        );
    }
}

fn catches_interrupt(program: &Program, function: FunctionRef, handler: &Handler) -> bool {
    let facts = &program.unit(function.unit).facts;
    let is_interrupt = |value: ValueId| {
        let vals = program.evaluate(ValueRef { unit: function.unit, value });
        vals.known
            .iter()
            .any(|it| matches!(it, Val::Class(class) if &*program.class_name(*class) == "builtins.KeyboardInterrupt"))
    };
    handler.class.is_some_and(|class| match facts.value(class) {
        Value::Display(_, list) => facts.list(list).iter().any(|it| is_interrupt(*it)),
        _ => is_interrupt(class),
    })
}

fn is_known_to_raise(module: &str) -> bool {
    RAISE_IT.contains(&module.split('.').next().unwrap_or(module))
}

/// Whether a file raises `KeyboardInterrupt` itself, or hands it on as an object.
fn raises_it(facts: &FileFacts) -> bool {
    let is_it = |value: ValueId| match facts.value(value) {
        Value::Call(callee, _) => facts.last_name(callee) == Some("KeyboardInterrupt"),
        _ => facts.last_name(value) == Some("KeyboardInterrupt"),
    };
    facts.flow.iter().any(|it| matches!(*it, Flow::Raise { value: Some(value), .. } if is_it(value)))
        || facts
            .acts
            .iter()
            .any(|act| matches!(act.kind, ActKind::Call(call) if is_it(call)) && act.usage != Usage::Discarded)
}
