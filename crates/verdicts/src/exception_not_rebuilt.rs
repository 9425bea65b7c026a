//! Exceptions that no other process can send here: what they pass on as `args` does not fit their `__init__`.

use raddle_facts::Value;
use raddle_program::{ClassRef, FunctionRef, Program, Unit, UnitId};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::plain::Found;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "exception-not-rebuilt";

/// Modules with which a project's exceptions come to cross processes.
const CROSSERS: &[&str] = &[
    "multiprocessing",
    "multiprocess",
    "billiard",
    "celery",
    "dask",
    "distributed",
    "joblib",
    "loky",
    "ray",
    "pathos",
    "dill",
    "cloudpickle",
    "mpi4py",
    "pyspark",
    "concurrent.futures.process",
];

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let near = near_processes(program);
    for (unit, _) in program.own_units() {
        for class in program.classes_of(unit) {
            if let Some(init) = own_init(program, class)
                && program.cannot_be_rebuilt(class)
            {
                acc.push(finding(program, class, init, near.contains(&unit)));
            }
        }
    }
}

/// Imports are followed this far.
const FARTHEST: usize = 3;

/// The modules that work with other processes, and what they import.
fn near_processes(program: &Program) -> FxHashSet<UnitId> {
    let crosses = |unit: &Unit| {
        unit.facts.symbols.find("ProcessPoolExecutor").is_some()
            || unit.facts.imports.iter().any(|it| {
                let module = unit.facts.text(*it);
                CROSSERS.contains(&module) || CROSSERS.contains(&module.split('.').next().unwrap_or(module))
            })
    };
    let mut round: Vec<UnitId> = program.own_units().filter(|(_, it)| crosses(it)).map(|(id, _)| id).collect();
    let mut near: FxHashSet<UnitId> = round.iter().copied().collect();
    for _ in 0..FARTHEST {
        let mut next = Vec::new();
        for id in round {
            let unit = program.unit(id);
            for import in &unit.facts.imports {
                let found = program.modules.find(id, &unit.absolute(unit.facts.text(*import)));
                next.extend(found.filter(|it| program.is_own(*it) && near.insert(*it)));
            }
        }
        round = next;
    }
    near
}

/// The `__init__` that stands in the very class.
fn own_init(program: &Program, class: ClassRef) -> Option<FunctionRef> {
    let facts = &program.unit(class.unit).facts;
    facts.bindings(facts.class(class.class).scope, "__init__").iter().find_map(|(_, value)| match facts.value(*value) {
        Value::Function(function) => Some(FunctionRef { unit: class.unit, function }),
        _ => None,
    })
}

fn finding(program: &Program, class: ClassRef, init: FunctionRef, crosses: bool) -> Finding {
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
        confidence: if crosses { Confidence::Likely } else { Confidence::Possible },
        because: vec![Message::new(if crosses { "because-processes" } else { "because-no-process" })],
        story: vec![step(program.class(class).name_span, "step-class"), step(init_name, "step-args")],
    }
    .finish(program)
}
