//! Computations in pure Python that run on the event loop and keep everybody waiting.

use raddle_program::FunctionRef;
use raddle_program::cpu::{Kernel, Shape};
use raddle_vocabulary::{Actor, Confidence, Finding, Level, Message, Span, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::cpu_work_in_threads::{computation, shape_word};
use crate::plain::Found;
use crate::story::{act_at, edge_step, entry_step};

/// The rule's name.
pub const ID: &str = "cpu-work-in-coroutine";

/// Finds long computations on the loop: one finding for each function that computes.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let code = &judged.loop_code;
    for entry in &code.entries {
        if let Some(span) = program.long_loop(entry.function) {
            acc.push(own_loop(judged, entry.function, span));
        }
    }
    let mut told: FxHashSet<FunctionRef> = FxHashSet::default();
    let (mut asked, mut computes) = (FxHashSet::default(), FxHashSet::default());
    for edge in &code.edges {
        if !code.entry_of.contains_key(&edge.caller) || code.entry_of.contains_key(&edge.callee) {
            continue;
        }
        // One function is called from many places.
        if !asked.insert(edge.callee) && !computes.contains(&edge.callee) {
            continue;
        }
        let Some(kernel) = program.kernel(edge.callee) else { continue };
        computes.insert(edge.callee);
        if kernel.shape == Shape::Loop || !told.insert(kernel.function) {
            continue;
        }
        let mut story = vec![entry_step(program, code, edge.caller), edge_step(program, edge)];
        story.extend(computation(program, &kernel, Actor::EventLoop));
        let call = act_at(program, edge.caller, edge.act).span;
        acc.push(finding(judged, edge.caller, edge.callee, call, &kernel, story));
    }
}

fn own_loop(judged: &Judged<'_>, function: FunctionRef, span: Span) -> Finding {
    let program = judged.program;
    let kernel = Kernel { way: Vec::new(), function, span, shape: Shape::Long };
    let mut story = vec![entry_step(program, &judged.loop_code, function)];
    story.extend(computation(program, &kernel, Actor::EventLoop));
    let first = Span { start: span.start, end: span.start + 1 };
    finding(judged, function, function, first, &kernel, story)
}

fn finding(
    judged: &Judged<'_>,
    function: FunctionRef,
    callee: FunctionRef,
    at: Span,
    kernel: &Kernel,
    story: Vec<Step>,
) -> Finding {
    let program = judged.program;
    let name = program.short_name(callee);
    let mut because = vec![Message::new(shape_word(kernel.shape)), Message::new("because-pure")];
    let mut confidence = Confidence::Likely;
    if !matches!(kernel.shape, Shape::Long | Shape::Recursion) {
        confidence = Confidence::Possible;
        because.push(Message::new("because-small"));
    }
    if judged.loop_code.commands.contains(&function) {
        confidence = Confidence::Possible;
        because.push(Message::new("because-command"));
    }
    let message = if callee == function {
        Message::new("own-loop").arg("function", name.clone()).arg("callee", name)
    } else {
        Message::new("calls").arg("callee", name).arg("function", program.short_name(function))
    };
    Found {
        rule: ID,
        function,
        span: at,
        message,
        help: "help-process",
        level: Level::Warning,
        confidence,
        because,
        story,
    }
    .finish(program)
}
