//! Waits in `finally` in front of a release: a second cancellation there loses what comes after.

use raddle_facts::{ActKind, BlockId, FileFacts, Flow, Value, ValueId};
use raddle_program::cancel::RELEASES;
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::Found;
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "cleanup-not-shielded";

/// What takes something back besides the methods that end a handle.
const TAKES_BACK: &[&str] = &["stop", "cleanup", "remove", "discard", "pop", "unregister", "rollback"];
/// Waits that end soon, or are themselves the release.
const SHORT: &[&str] =
    &["shield", "wait_closed", "cancel", "exit", "__aexit__", "commit", "send", "write", "drain", "put"];

fn releases(name: &str) -> bool {
    RELEASES.contains(&name) || TAKES_BACK.contains(&name)
}

/// Finds them.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for (unit, _) in program.own_units() {
        for function in program.functions_of(unit).filter(|it| program.function(*it).is_async) {
            let facts = &program.unit(unit).facts;
            for flow in facts.steps_below(program.function(function).body) {
                let Flow::Try { finally, .. } = flow else { continue };
                if let Some((waits, releases)) = waits_first(facts, finally) {
                    acc.push(finding(program, function, waits, releases));
                }
            }
        }
    }
}

/// The wait and the release after it, where nothing in between protects the release.
fn waits_first(facts: &FileFacts, finally: BlockId) -> Option<(u32, u32)> {
    let mut waits = None;
    // What stands in a `try` or `with` of the block looks after itself.
    let plain = facts.block(finally).iter().filter_map(|it| match *it {
        Flow::Acts { start, end } => Some(start..end),
        _ => None,
    });
    for at in plain.flatten() {
        match facts.acts[at as usize].kind {
            ActKind::Await(awaited) => match waits {
                None if is_long(facts, awaited) => waits = Some(at),
                None => {}
                Some(waits) if name_of(facts, awaited).is_some_and(releases) => {
                    return Some((waits, at));
                }
                Some(_) => {}
            },
            ActKind::Call(call) => {
                let is_release = name_of(facts, call).is_some_and(releases);
                if let Some(waits) = waits.filter(|_| is_release) {
                    return Some((waits, at));
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether a wait takes as long as somebody else does: for tasks, queues, conditions and events, or a function whose
/// name says that it waits.
fn is_long(facts: &FileFacts, awaited: ValueId) -> bool {
    match facts.value(awaited) {
        Value::Call(..) => name_of(facts, awaited).is_some_and(|name| {
            let waits = name.contains("wait") || name.contains("join") || name.contains("drain_");
            !SHORT.contains(&name) && !releases(name) && (waits || matches!(name, "gather" | "sleep"))
        }),
        _ => false,
    }
}

/// The last name of what is called, also within `shield` and the like.
fn name_of(facts: &FileFacts, call: ValueId) -> Option<&str> {
    let Value::Call(callee, arguments) = facts.value(call) else { return None };
    let name = facts.called_name(callee)?;
    match facts.arguments(arguments).first() {
        Some(first) if matches!(name, "shield" | "wait_for") => name_of(facts, first.value),
        _ => Some(name),
    }
}

fn finding(program: &Program, function: FunctionRef, waits: u32, releases: u32) -> Finding {
    let span = |at: u32| act_at(program, function, at).span;
    let step = |at: u32, key: &str| Step {
        actor: Actor::EventLoop,
        act: Act::Await,
        site: site_of(program, function.unit, span(at)),
        message: Message::new(key),
    };
    Found {
        rule: ID,
        function,
        span: span(waits),
        message: Message::new("loses").arg("function", program.short_name(function)),
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new("because-after")],
        story: vec![step(waits, "step-again"), step(releases, "step-lost")],
    }
    .finish(program)
}
