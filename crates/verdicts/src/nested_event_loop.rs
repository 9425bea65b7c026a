//! Event loops that are started where one runs already.

use raddle_program::calls::Sure;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashMap;

use crate::Judged;
use crate::plain::{Found, calls, short};
use crate::story::{edge_step, entry_step, site_of};

/// The rule's name.
pub const ID: &str = "nested-event-loop";

const STARTS: &[&str] = &[
    "asyncio.run",
    "asyncio.runners.run",
    "asyncio.Runner.run",
    "asyncio.AbstractEventLoop.run_until_complete",
    "asyncio.AbstractEventLoop.run_forever",
    "asyncio.BaseEventLoop.run_until_complete",
    "asyncio.BaseEventLoop.run_forever",
    "uvloop.run",
];

/// Finds loops in loops.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    // `nest_asyncio.apply()` lets loops nest.
    if program.own_units().any(|(_, it)| it.facts.symbols.find("nest_asyncio").is_some()) {
        return;
    }
    let mut callers: FxHashMap<FunctionRef, usize> = FxHashMap::default();
    for (at, edge) in judged.loop_code.edges.iter().enumerate() {
        callers.entry(edge.callee).or_insert(at);
    }
    let mut functions: Vec<FunctionRef> = judged.loop_code.entries.iter().map(|it| it.function).collect();
    functions.extend(callers.keys().copied());
    functions.sort_unstable();
    functions.dedup();
    for function in functions {
        let facts = &program.unit(function.unit).facts;
        if ["run", "run_until_complete", "run_forever"].iter().all(|it| facts.symbols.find(it).is_none()) {
            continue;
        }
        for called in calls(program, function) {
            let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
            let Some(name) = names.iter().find(|it| STARTS.contains(&&***it)) else { continue };
            let guarded = program.guarded(function.unit, called.act.guard);
            if guarded.knows_where || names.len() > 1 && !names.iter().all(|it| STARTS.contains(&&**it)) {
                continue;
            }
            let mut finding = found(judged, function, &callers, called.act.span, name);
            if guarded.by_mode {
                finding.confidence = Confidence::Possible;
            }
            acc.push(finding);
        }
    }
}

fn found(
    judged: &Judged<'_>,
    function: FunctionRef,
    callers: &FxHashMap<FunctionRef, usize>,
    span: vocabulary::Span,
    name: &str,
) -> Finding {
    let program: &Program = judged.program;
    let mut story = Vec::new();
    let mut at = function;
    let mut steps = 0;
    let mut sure = true;
    while !judged.loop_code.entry_of.contains_key(&at) {
        let Some(edge) = callers.get(&at).map(|it| &judged.loop_code.edges[*it]) else { break };
        story.insert(0, edge_step(program, edge));
        sure &= edge.sure == Sure::Only
            && !program.guarded(edge.caller.unit, program.guard_of(edge.caller.unit, edge.act)).knows_where;
        at = edge.caller;
        steps += 1;
        if steps > 20 {
            break;
        }
    }
    let direct = steps == 0;
    story.insert(0, entry_step(program, &judged.loop_code, at));
    story.push(Step {
        actor: Actor::EventLoop,
        act: vocabulary::Act::Block,
        site: site_of(program, function.unit, span),
        message: Message::new("step-start").arg("call", short(name)),
    });
    let in_coroutine = direct && program.function(function).is_async;
    Found {
        rule: ID,
        function,
        span,
        message: Message::new("nested").arg("call", short(name)).arg("function", program.short_name(at)),
        help: "help-await",
        level: Level::Error,
        confidence: match (in_coroutine, sure, steps) {
            (true, ..) => Confidence::Certain,
            (false, true, 0..=2) => Confidence::Likely,
            (false, ..) => Confidence::Possible,
        },
        because: vec![Message::new("because-loop")],
        story,
    }
    .finish(program)
}
