//! Coroutine functions handed to something that calls them and awaits nothing.

use raddle_facts::models::Runner;
use raddle_program::wrong_sinks::{Fault, Handed};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Proof, RuleId, Step};

use crate::Judged;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "coroutine-function-as-callback";

/// Finds coroutine functions that nobody will await.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    for (function, handed) in judged.program.all_wrongly_handed() {
        match handed.fault {
            Fault::CoroutineFunction => acc.push(finding(judged.program, ID, "handed", *function, handed)),
            Fault::MakesCoroutine => acc.push(finding(judged.program, ID, "lambda", *function, handed)),
            Fault::Called => {}
        }
    }
    for it in judged.program.async_in_library_class() {
        let program = judged.program;
        let site = site_of(program, it.method.unit, program.function(it.method).name_span);
        let message = Message::new("overrides").arg("callable", program.short_name(it.method)).arg("taker", &*it.base);
        let step = Step { actor: Actor::EventLoop, act: Act::Compute, site: site.clone(), message: message.clone() };
        acc.push(Finding {
            rule: RuleId(ID.to_owned()),
            site,
            function: program.short_name(it.method),
            message,
            help: Some(Message::new("help-overrides").arg("taker", &*it.base)),
            level: Level::Error,
            confidence: Confidence::Certain,
            story: vec![step],
            proof: Proof::Inferred { because: vec![Message::new("because-known")] },
            remedy: None,
            identity: vec![
                ID.to_owned(),
                program.unit(it.method.unit).module.to_string(),
                program.short_name(it.method),
                it.base.to_string(),
            ],
        });
    }
}

/// A finding about something handed over, in a rule's words.
pub(crate) fn finding(program: &Program, rule: &str, key: &str, function: FunctionRef, handed: &Handed) -> Finding {
    let taker = &*Program::shown(&handed.taker);
    let callable = if handed.callable.is_empty() { "lambda" } else { &*handed.callable };
    let said = |key: &str| Message::new(key).arg("callable", callable).arg("taker", taker);
    let site = site_of(program, function.unit, handed.span);
    let actor = match handed.to {
        Runner::EventLoop => Actor::EventLoop,
        _ => Actor::Main,
    };
    let confidence = if handed.perhaps || handed.by_helper { Confidence::Likely } else { Confidence::Certain };
    let because = if handed.by_helper { "because-helper" } else { "because-known" };
    Finding {
        rule: RuleId(rule.to_owned()),
        site: site.clone(),
        function: program.short_name(function),
        message: said(key),
        help: Some(said(help(key, handed.to))),
        level: Level::Error,
        confidence,
        story: vec![Step { actor, act: Act::Spawn, site, message: said("step-handed") }],
        proof: Proof::Inferred { because: vec![said(because)] },
        remedy: None,
        identity: vec![
            rule.to_owned(),
            program.unit(function.unit).module.to_string(),
            program.short_name(function),
            handed.taker.to_string(),
            callable.to_owned(),
        ],
    }
}

fn help(key: &str, to: Runner) -> &'static str {
    match (key, to) {
        ("called", _) => "help-pass",
        (_, Runner::EventLoop) => "help-task",
        (_, Runner::Caller) => "help-gather",
        _ => "help-run",
    }
}
