//! Processes that are forked while threads run: the child has a copy of their locks and none of the threads.

use raddle_facts::ValueId;
use raddle_program::crossing::Start;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Span, Step};

use crate::Judged;
use crate::plain::{Called, Found, calls, is_instance, method};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "fork-while-threaded";

const THREADS: &[&str] = &["threading.Thread", "threading.Timer"];

/// Finds forks between the start and the join of a thread.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("start").is_none() {
            continue;
        }
        for function in program.functions_of(unit) {
            forks_of(program, function, acc);
        }
    }
}

fn forks_of(program: &Program, function: FunctionRef, acc: &mut Vec<Finding>) {
    let mut running: Vec<(ValueId, Span)> = Vec::new();
    for called in calls(program, function) {
        let at = |value| ValueRef { unit: function.unit, value };
        if let Some((base, name)) = method(program, function, called.callee) {
            match name {
                "start" if is_instance(program, at(base), THREADS) => running.push((base, called.act.span)),
                "join" => running.retain(|(it, _)| *it != base),
                _ => {}
            }
        }
        let Some((_, started)) = running.first() else { continue };
        let Some((call, confidence)) = fork(program, function, &called) else { continue };
        let site = |span| site_of(program, function.unit, span);
        acc.push(
            Found {
                rule: ID,
                function,
                span: called.act.span,
                message: Message::new("fork").arg("call", call),
                help: "help-spawn",
                level: Level::Warning,
                confidence,
                because: vec![Message::new(if confidence == Confidence::Possible {
                    "because-default"
                } else {
                    "because-fork"
                })],
                story: vec![
                    Step {
                        actor: Actor::Main,
                        act: vocabulary::Act::Spawn,
                        site: site(*started),
                        message: Message::new("step-thread"),
                    },
                    Step {
                        actor: Actor::Main,
                        act: vocabulary::Act::Spawn,
                        site: site(called.act.span),
                        message: Message::new("step-fork"),
                    },
                ],
            }
            .finish(program),
        );
        return;
    }
}

/// Whether a call forks, and how sure that is.
fn fork(program: &Program, function: FunctionRef, called: &Called<'_>) -> Option<(&'static str, Confidence)> {
    let at = |value| ValueRef { unit: function.unit, value };
    if program.known_names(at(called.callee)).iter().any(|it| matches!(&**it, "os.fork" | "os.forkpty" | "posix.fork"))
    {
        return Some(("os.fork", Confidence::Likely));
    }
    let (base, name) = method(program, function, called.callee)?;
    if name != "start" || !is_instance(program, at(base), &["multiprocessing.Process"]) {
        return None;
    }
    let start = match program.made_by(at(base)) {
        Some((callee, arguments)) => program.start_of(callee.unit, callee.value, arguments),
        None => program.start_by_default(),
    };
    match start {
        Start::Fork => Some(("Process.start", Confidence::Likely)),
        Start::Default if program.python_version < (3, 14) => Some(("Process.start", Confidence::Possible)),
        Start::Default | Start::Spawn | Start::Forkserver => None,
    }
}
