//! Functions that are wrapped under their own name and then sent: pickle looks for the name and finds the wrapper.

use raddle_facts::{ActKind, Keyword, ScopeId, Value, ValueId};
use raddle_program::{FunctionRef, Program, UnitId, ValueRef};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::{Found, calls};
use crate::processes::near_processes;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "name-hides-function";

/// Wrappers that keep the function they are given, and are pickled with it by its name.
const WRAPPERS: &[&str] = &["numpy.vectorize", "np.vectorize", "functools.partial"];
/// Methods that send what they are given to other processes, now or later.
const SENDERS: &[&str] = &[
    "map_blocks",
    "map_partitions",
    "map_overlap",
    "blockwise",
    "apply_gufunc",
    "delayed",
    "submit",
    "map",
    "imap",
    "imap_unordered",
    "starmap",
    "apply_async",
    "map_async",
    "Process",
];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for unit in near_processes(program, 1) {
        for (name, wrapped) in hidden(program, unit) {
            for function in program.functions_of(unit) {
                for called in calls(program, function) {
                    let facts = &program.unit(unit).facts;
                    let sends = facts.called_name(called.callee).is_some_and(|it| SENDERS.contains(&it));
                    let given = facts
                        .arguments(called.arguments)
                        .iter()
                        .any(|it| is_global(program, function, it.value, &name));
                    if sends && given {
                        acc.push(finding(program, function, called.act.span, &name, wrapped));
                    }
                }
            }
        }
    }
}

/// The names of a module that hide the function they wrap.
fn hidden(program: &Program, unit: UnitId) -> Vec<(String, raddle_vocabulary::Span)> {
    let facts = &program.unit(unit).facts;
    let module = FunctionRef { unit, function: raddle_facts::FunctionId::MODULE };
    let mut found = Vec::new();
    for called in calls(program, module) {
        let names = program.known_names(ValueRef { unit, value: called.callee });
        let wraps = names.iter().any(|it| WRAPPERS.contains(&&**it))
            || matches!(facts.called_name(called.callee), Some("vectorize" | "partial"));
        let first = facts.arguments(called.arguments).first().filter(|it| it.keyword == Keyword::Positional);
        let (true, Some(first)) = (wraps, first) else { continue };
        let Value::Function(inner) = facts.value(first.value) else { continue };
        let name = facts.text(facts.function(inner).name);
        let rebinds = facts.acts_of(module.function).iter().any(|act| match act.kind {
            ActKind::Write(place, value) => value == called.call && facts.last_name(place) == Some(name),
            _ => false,
        });
        if rebinds {
            found.push((name.to_owned(), called.act.span));
        }
    }
    found
}

/// Whether a value of a function is the module's variable of this name.
fn is_global(program: &Program, function: FunctionRef, value: ValueId, name: &str) -> bool {
    let facts = &program.unit(function.unit).facts;
    match facts.value(value) {
        Value::Name(_, sym) => {
            facts.text(sym) == name && facts.bindings(program.function(function).scope, name).is_empty()
        }
        Value::Union(list) => facts.list(list).iter().any(|it| is_global(program, function, *it, name)),
        Value::Call(..) => facts.bindings(ScopeId::MODULE, name).iter().any(|(_, it)| *it == value),
        _ => false,
    }
}

fn finding(
    program: &Program,
    function: FunctionRef,
    span: raddle_vocabulary::Span,
    name: &str,
    wrapped: raddle_vocabulary::Span,
) -> Finding {
    let step = Step {
        actor: Actor::Import,
        act: Act::Write,
        site: site_of(program, function.unit, wrapped),
        message: Message::new("step-wrapped").arg("name", name),
    };
    Found {
        rule: ID,
        function,
        span,
        message: Message::new("hidden").arg("name", name),
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-by-name")],
        story: vec![step],
    }
    .finish(program)
}
