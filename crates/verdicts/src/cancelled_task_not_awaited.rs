//! Tasks that are cancelled and then let go: their cleanup may not have run.

use raddle_facts::ActKind;
use raddle_program::cancel::Change;
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::Found;
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "cancelled-task-not-awaited";

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units().filter(|(_, it)| it.facts.symbols.find("cancel").is_some()) {
        let facts = &it.facts;
        for function in program.functions_of(unit).filter(|it| program.function(*it).is_async) {
            for changed in program.changes(function).into_iter().filter(|it| it.change == Change::Task) {
                let Some(cancel) = changed.undos.last().copied() else { continue };
                let (_, end) = program.function(function).acts;
                let waits = (cancel + 1..end).any(|at| matches!(facts.acts[at as usize].kind, ActKind::Await(_)));
                if !waits && changed.ends.iter().all(|it| *it < cancel) {
                    acc.push(finding(
                        program,
                        function,
                        changed.made,
                        cancel,
                        &program.written(function, changed.subject),
                    ));
                }
            }
        }
    }
}

fn finding(program: &Program, function: FunctionRef, made: u32, cancel: u32, name: &str) -> Finding {
    let step = Step {
        actor: Actor::EventLoop,
        act: Act::Spawn,
        site: site_of(program, function.unit, act_at(program, function, made).span),
        message: Message::new("step-made").arg("name", name),
    };
    Found {
        rule: ID,
        function,
        span: act_at(program, function, cancel).span,
        message: Message::new("cancelled").arg("name", name).arg("function", program.short_name(function)),
        help: "help",
        level: Level::Note,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-asks")],
        story: vec![step],
    }
    .finish(program)
}
