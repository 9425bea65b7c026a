//! Exceptions that no other process can send here: what they pass on as `args` does not fit their `__init__`.

use raddle_facts::{Flow, Value};
use raddle_program::{ClassRef, FunctionRef, Program, UnitId};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::plain::Found;
use crate::processes::near_processes;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "exception-not-rebuilt";

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let near = near_processes(program, 1);
    let raised = raised_in(program, &near);
    for (unit, _) in program.own_units() {
        for class in program.classes_of(unit) {
            if let Some(init) = own_init(program, class)
                && program.cannot_be_rebuilt(class)
            {
                let why = match (
                    near.contains(&unit) && raised.contains(name_of(program, class)),
                    program.misreads_args(init),
                ) {
                    (true, _) => "because-processes",
                    (false, true) => "because-misread",
                    (false, false) => "because-no-process",
                };
                acc.push(finding(program, class, init, why));
            }
        }
    }
}

/// The names of what the code of these modules raises.
fn raised_in<'p>(program: &'p Program, units: &FxHashSet<UnitId>) -> FxHashSet<&'p str> {
    let mut names = FxHashSet::default();
    for unit in units {
        let facts = &program.unit(*unit).facts;
        for flow in &facts.flow {
            let Flow::Raise { value: Some(value), .. } = *flow else { continue };
            names.extend(match facts.value(value) {
                Value::Call(callee, _) => facts.called_name(callee),
                Value::Class(class) => Some(facts.text(facts.class(class).name)),
                _ => facts.last_name(value),
            });
            if let Value::Call(callee, _) = facts.value(value)
                && let Value::Class(class) = facts.value(callee)
            {
                names.insert(facts.text(facts.class(class).name));
            }
        }
    }
    names
}

fn name_of(program: &Program, class: ClassRef) -> &str {
    program.unit(class.unit).facts.text(program.class(class).name)
}

/// The `__init__` that stands in the very class.
fn own_init(program: &Program, class: ClassRef) -> Option<FunctionRef> {
    let facts = &program.unit(class.unit).facts;
    facts.bindings(facts.class(class.class).scope, "__init__").iter().find_map(|(_, value)| match facts.value(*value) {
        Value::Function(function) => Some(FunctionRef { unit: class.unit, function }),
        _ => None,
    })
}

fn finding(program: &Program, class: ClassRef, init: FunctionRef, why: &str) -> Finding {
    let name = crate::pickling::class_name(program, class);
    let step = |span, key: &str| Step {
        actor: Actor::Process,
        act: Act::Send,
        site: site_of(program, class.unit, span),
        message: Message::new(key).arg("exception", &*name),
    };
    let init_name = program.function(init).name_span;
    Found {
        rule: ID,
        function: init,
        span: init_name,
        message: Message::new("rebuilt").arg("exception", &*name),
        help: "help-reduce",
        level: Level::Warning,
        confidence: if why == "because-no-process" { Confidence::Possible } else { Confidence::Likely },
        because: vec![Message::new(why)],
        story: vec![step(program.class(class).name_span, "step-class"), step(init_name, "step-args")],
    }
    .finish(program)
}
