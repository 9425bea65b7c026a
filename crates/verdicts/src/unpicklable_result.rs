//! Results of another process that cannot be sent back.

use raddle_program::crossing::{Crossing, Role};
use raddle_program::pickling::Hindrance;
use raddle_program::val::Val;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Finding, Message, Proof, RuleId, Step};

use crate::Judged;
use crate::pickling::{call_of, help, judge, story, title};
use crate::story::{act_at, site_of};

/// The rule's name.
pub const ID: &str = "unpicklable-result";

/// Finds what cannot come back.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for crossing in program.crossings() {
        let Some(value) = crossing.answers else { continue };
        let at = ValueRef { unit: crossing.function.unit, value };
        // What cannot be sent never gets to return anything.
        if program.hindrance(at, crossing.packing).is_some() {
            continue;
        }
        let callees = program.evaluate(at);
        let [val] = &callees.known[..] else { continue };
        let Some(function) = callee_of(val) else { continue };
        if let Some(found) = program.answer_hindrance(function, crossing.packing) {
            acc.push(finding(program, crossing, &found, function));
        } else if let Some((class, confidence)) = program.raises_unpicklable(function) {
            acc.push(raised(program, crossing, class, confidence, function));
        }
    }
}

fn callee_of(val: &Val) -> Option<FunctionRef> {
    match val {
        Val::Function(function) | Val::Bound(function, _) => Some(*function),
        Val::Partial(inner, _) => callee_of(inner),
        _ => None,
    }
}

fn finding(program: &Program, crossing: &Crossing, found: &Hindrance, function: FunctionRef) -> Finding {
    let name = program.short_name(function);
    let mut story = story(program, crossing, found, Role::Function, &name);
    let site = site_of(program, function.unit, program.function(function).name_span);
    story.insert(
        1,
        Step {
            actor: Actor::Process,
            act: vocabulary::Act::Send,
            site,
            message: Message::new("step-return").arg("name", &*name),
        },
    );
    let message = title(program, found, &call_of(crossing), &name);
    finish(program, crossing, message, Some(help(program, found)), found.confidence, story, &name)
}

fn raised(
    program: &Program,
    crossing: &Crossing,
    class: raddle_program::ClassRef,
    confidence: vocabulary::Confidence,
    function: FunctionRef,
) -> Finding {
    let name = program.short_name(function);
    let exception = crate::pickling::class_name(program, class);
    let message = Message::new("exception").arg("name", &*name).arg("exception", &*exception);
    let step = |unit, span, message| Step {
        actor: Actor::Process,
        act: vocabulary::Act::Send,
        site: site_of(program, unit, span),
        message,
    };
    let story = vec![
        step(
            function.unit,
            program.function(function).name_span,
            Message::new("step-raise").arg("name", &*name).arg("exception", &*exception),
        ),
        step(class.unit, program.class(class).name_span, Message::new("step-rebuild").arg("exception", &*exception)),
    ];
    finish(program, crossing, message, Some(Message::new("help-exception")), confidence, story, &name)
}

fn finish(
    program: &Program,
    crossing: &Crossing,
    message: Message,
    help: Option<Message>,
    confidence: vocabulary::Confidence,
    story: Vec<Step>,
    name: &str,
) -> Finding {
    let judgement = judge(program, crossing, confidence);
    let function = program.short_name(crossing.function);
    let unit = crossing.function.unit;
    Finding {
        rule: RuleId(ID.to_owned()),
        site: site_of(program, unit, act_at(program, crossing.function, crossing.act).span),
        message,
        help,
        level: judgement.level,
        confidence: judgement.confidence,
        story,
        proof: Proof::Inferred { because: judgement.because },
        remedy: None,
        identity: vec![ID.to_owned(), program.unit(unit).module.to_string(), function.clone(), name.to_owned()],
        function,
    }
}
