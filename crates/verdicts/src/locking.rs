//! What the rules about locks share: names of locks, steps of a way, and the finding itself.

use raddle_facts::{ActKind, Value};
use raddle_program::calls::Sure;
use raddle_program::locks::summary::Under;
use raddle_program::locks::{LockKey, LockRef};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Proof, RuleId, Site, Step};

use crate::story::{act_at, site_of};

/// A lock as a person of the project would say it.
pub(crate) fn lock_name(program: &Program, lock: &LockRef) -> String {
    key_name(program, &lock.key)
}

pub(crate) fn key_name(program: &Program, key: &LockKey) -> String {
    raddle_program::locks::key_text(program, key)
}

/// The qualified name of a function; the module's for its own code.
pub(crate) fn function_name(program: &Program, function: FunctionRef) -> String {
    match function.function {
        raddle_facts::FunctionId::MODULE => program.unit(function.unit).module.to_string(),
        _ => program.short_name(function),
    }
}

pub(crate) fn site(program: &Program, function: FunctionRef, act: u32) -> Site {
    site_of(program, function.unit, act_at(program, function, act).span)
}

/// A step of a function, by a shared word.
pub(crate) fn step(program: &Program, at: (FunctionRef, u32), act: Act, message: Message) -> Step {
    Step { actor: Actor::Thread, act, site: site(program, at.0, at.1), message }
}

/// "takes `lock` in `function`"
pub(crate) fn take_step(program: &Program, function: FunctionRef, act: u32, lock: &str) -> Step {
    let message = Message::new("step-lock-taken").arg("lock", lock).arg("function", function_name(program, function));
    step(program, (function, act), Act::Acquire, message)
}

/// The calls from where locks are held to what happens under them, without the last act.
pub(crate) fn call_steps(program: &Program, under: &Under) -> Vec<Step> {
    let way = &under.reached.way;
    (1..way.len())
        .map(|at| {
            let callee = function_name(program, way[at].0);
            step(program, way[at - 1], Act::Compute, Message::new("step-lock-call").arg("callee", callee))
        })
        .collect()
}

/// The last act of a way.
pub(crate) fn end_of(under: &Under) -> (FunctionRef, u32) {
    under.reached.way[under.reached.way.len() - 1]
}

/// How sure a way is, and why.
pub(crate) fn sureness(program: &Program, under: &Under) -> (Confidence, Vec<Message>) {
    if under.reached.way.iter().any(|(function, _)| program.is_test(*function)) {
        return (Confidence::Possible, vec![Message::new("because-lock-test")]);
    }
    match under.reached.sure {
        Sure::Only => (Confidence::Certain, vec![Message::new("because-lock-known")]),
        Sure::Perhaps => (Confidence::Likely, vec![Message::new("because-lock-types")]),
        Sure::OneOf(_) | Sure::Override => (Confidence::Possible, vec![Message::new("because-lock-types")]),
    }
}

/// What a finding says, besides where.
pub(crate) struct Said {
    pub(crate) message: Message,
    pub(crate) help: Message,
    pub(crate) level: Level,
    pub(crate) confidence: Confidence,
    pub(crate) because: Vec<Message>,
    pub(crate) story: Vec<Step>,
    pub(crate) parts: Vec<String>,
}

/// A finding of a rule at an act.
pub(crate) fn finding(program: &Program, rule: &str, at: (FunctionRef, u32), said: Said) -> Finding {
    let mut identity = vec![
        rule.to_owned(),
        program.unit(at.0.unit).module.to_string(),
        function_name(program, at.0),
        said.message.key.clone(),
    ];
    identity.extend(said.parts);
    Finding {
        rule: RuleId(rule.to_owned()),
        site: site(program, at.0, at.1),
        function: function_name(program, at.0),
        message: said.message,
        help: Some(said.help),
        level: said.level,
        confidence: said.confidence,
        story: said.story,
        proof: Proof::Inferred { because: said.because },
        remedy: None,
        identity,
    }
}

/// `base` and `method` of a call act.
pub(crate) fn method_of(program: &Program, function: FunctionRef, act: u32) -> Option<(raddle_facts::ValueId, String)> {
    let facts = &program.unit(function.unit).facts;
    let ActKind::Call(call) = facts.acts[act as usize].kind else { return None };
    let Value::Call(callee, _) = facts.value(call) else { return None };
    match facts.value(callee) {
        Value::Attribute(base, name) => Some((base, facts.text(name).to_owned())),
        _ => None,
    }
}
