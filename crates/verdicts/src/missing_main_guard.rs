//! Processes that are started while a module is imported.

use raddle_facts::{FunctionId, GuardKind, Value};
use raddle_program::crossing::Start;
use raddle_program::{FunctionRef, Program, UnitId, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls, is_instance, method, short};

/// The rule's name.
pub const ID: &str = "missing-main-guard";

/// Finds processes at the top level of a module.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, _) in program.own_units() {
        let module = FunctionRef { unit, function: FunctionId::MODULE };
        for called in calls(program, module) {
            let Some((call, start)) = starts(program, unit, &called) else { continue };
            if start == Start::Fork || is_guarded(program, unit, &called) {
                continue;
            }
            let by_default = start == Start::Default && program.python_version < (3, 14);
            acc.push(
                Found {
                    rule: ID,
                    function: module,
                    span: called.act.span,
                    message: Message::new("unguarded").arg("call", call),
                    help: "help-guard",
                    level: Level::Error,
                    confidence: Confidence::Likely,
                    because: vec![Message::new(if by_default { "because-platform" } else { "because-start" })],
                    story: Vec::new(),
                }
                .finish(program),
            );
            break;
        }
    }
}

/// Whether a call starts a process, and how.
fn starts(program: &Program, unit: UnitId, called: &Called<'_>) -> Option<(String, Start)> {
    let at = |value| ValueRef { unit, value };
    let (base, name) = method(program, FunctionRef { unit, function: FunctionId::MODULE }, called.callee)?;
    let start = |value| match program.made_by(at(value)) {
        Some((callee, arguments)) => program.start_of(callee.unit, callee.value, arguments),
        None => program.start_by_default(),
    };
    if name == "start" && is_instance(program, at(base), &["multiprocessing.Process"]) {
        return Some(("Process.start".to_owned(), start(base)));
    }
    let names = program.known_names(at(called.callee));
    let pool = names.iter().find(|it| {
        it.starts_with("concurrent.futures.ProcessPoolExecutor.") && matches!(name, "submit" | "map")
            || matches!(&***it, "multiprocessing.Pool" | "multiprocessing.pool.Pool")
    })?;
    let how =
        if pool.ends_with("Pool") { program.start_of(unit, called.callee, called.arguments) } else { start(base) };
    Some((short(pool).to_owned(), how))
}

/// Whether a call stands under `if __name__ == "__main__"`, or under any other condition.
fn is_guarded(program: &Program, unit: UnitId, called: &Called<'_>) -> bool {
    let facts = &program.unit(unit).facts;
    facts.guards_of(called.act).any(|it| match it {
        GuardKind::If(test) | GuardKind::Unless(test) => {
            matches!(facts.value(test), Value::Test(..) | Value::Unknown | Value::Name(..))
        }
        GuardKind::Always | GuardKind::Handler(..) | GuardKind::NoException(..) => false,
    })
}
