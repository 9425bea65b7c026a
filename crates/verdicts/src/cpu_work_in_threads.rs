//! Computations in pure Python that are handed to threads, where the GIL runs one of them at a time.

use raddle_facts::models::Runner;
use raddle_program::cpu::{Kernel, Shape, many_at_once};
use raddle_program::spawns::Spawn;
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Step};

use crate::Judged;
use crate::plain::{Found, short};
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "cpu-work-in-threads";

/// Finds computations that are spread over threads.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for spawn in program.spawns() {
        if !matches!(spawn.to, Runner::Thread | Runner::ThreadPool) {
            continue;
        }
        let Some(kernel) = program.kernel(spawn.callee) else { continue };
        acc.push(finding(program, spawn, &kernel));
    }
}

fn finding(program: &Program, spawn: &Spawn, kernel: &Kernel) -> Finding {
    let facts = &program.unit(spawn.function.unit).facts;
    let many = many_at_once(facts, spawn.function.function, spawn.act, &spawn.by);
    let mut because = vec![Message::new(shape_word(kernel.shape)), Message::new("because-pure")];
    let mut confidence = Confidence::Likely;
    if !many {
        confidence = Confidence::Possible;
        because.push(Message::new("because-alone"));
    }
    if kernel.shape == Shape::Loop {
        confidence = Confidence::Possible;
        because.push(Message::new("because-small"));
    }
    let callee = program.short_name(spawn.callee);
    let at = site_of(program, spawn.function.unit, act_at(program, spawn.function, spawn.act).span);
    let actor = if spawn.to == Runner::Thread { Actor::Thread } else { Actor::ThreadPool };
    let mut story = vec![Step {
        actor: Actor::Main,
        act: Act::Spawn,
        site: at,
        message: Message::new("step-hand").arg("callee", callee.clone()).arg("call", short(&spawn.by)),
    }];
    story.extend(computation(program, kernel, actor));
    Found {
        rule: ID,
        function: spawn.function,
        span: act_at(program, spawn.function, spawn.act).span,
        message: Message::new("spread").arg("callee", callee),
        help: "help-processes",
        level: Level::Warning,
        confidence,
        because,
        story,
    }
    .finish(program)
}

/// The calls to the loop, and the loop.
pub(crate) fn computation(program: &Program, kernel: &Kernel, actor: Actor) -> Vec<Step> {
    let mut story = Vec::new();
    for (at, (caller, act)) in kernel.way.iter().enumerate() {
        let callee = kernel.way.get(at + 1).map_or(kernel.function, |(next, _)| *next);
        story.push(Step {
            actor,
            act: Act::Compute,
            site: site_of(program, caller.unit, act_at(program, *caller, *act).span),
            message: Message::new("step-call").arg("callee", program.short_name(callee)),
        });
    }
    story.push(Step {
        actor,
        act: Act::Compute,
        site: site_of(program, kernel.function.unit, first_line(program, kernel.function, kernel)),
        message: Message::new(match kernel.shape {
            Shape::Recursion => "step-recursion",
            Shape::Long => "step-long",
            Shape::Nested | Shape::Loop => "step-loop",
        })
        .arg("function", program.short_name(kernel.function)),
    });
    story
}

/// Where the loop begins: a frame that shows all of it would hide the rest of the story.
fn first_line(program: &Program, function: FunctionRef, kernel: &Kernel) -> raddle_vocabulary::Span {
    let facts = &program.unit(function.unit).facts;
    let first = facts
        .acts_of(function.function)
        .iter()
        .map(|act| act.span)
        .find(|span| kernel.span.start <= span.start && span.end <= kernel.span.end);
    first.unwrap_or(kernel.span)
}

pub(crate) fn shape_word(shape: Shape) -> &'static str {
    match shape {
        Shape::Loop => "because-loop",
        Shape::Nested => "because-nested",
        Shape::Recursion => "because-recursion",
        Shape::Long => "because-long",
    }
}
