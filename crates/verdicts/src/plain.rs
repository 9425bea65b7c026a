//! Findings that stand at one act and need no search: put together in one place.

use raddle_facts::{Act, ActKind, ArgumentRange, Value, ValueId};
use raddle_program::threads::{Reached, ThreadCode};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Proof, RuleId, Span, Step};

use crate::story::{act_at, site_of};

/// What a rule has found at an act.
pub(crate) struct Found {
    pub(crate) rule: &'static str,
    pub(crate) function: FunctionRef,
    pub(crate) span: Span,
    pub(crate) message: Message,
    pub(crate) help: &'static str,
    pub(crate) level: Level,
    pub(crate) confidence: Confidence,
    pub(crate) because: Vec<Message>,
    pub(crate) story: Vec<Step>,
}

impl Found {
    /// The finding, less sure where only tests run the code.
    pub(crate) fn finish(self, program: &Program) -> Finding {
        let mut because = self.because;
        let mut confidence = self.confidence;
        if program.is_test(self.function) {
            confidence = Confidence::Possible;
            because.push(Message::new("because-test"));
        }
        let name = program.short_name(self.function);
        let mut identity =
            vec![self.rule.to_owned(), program.unit(self.function.unit).module.to_string(), name.clone()];
        identity.push(self.message.key.clone());
        identity.extend(self.message.args.values().cloned());
        Finding {
            rule: RuleId(self.rule.to_owned()),
            site: site_of(program, self.function.unit, self.span),
            function: name,
            help: Some(Message { key: self.help.to_owned(), args: self.message.args.clone() }),
            message: self.message,
            level: self.level,
            confidence,
            story: self.story,
            proof: Proof::Inferred { because },
            remedy: None,
            identity,
        }
    }
}

/// A call of a function's body.
pub(crate) struct Called<'p> {
    pub(crate) act: &'p Act,
    pub(crate) call: ValueId,
    pub(crate) callee: ValueId,
    pub(crate) arguments: ArgumentRange,
}

/// The calls of a function in source order.
pub(crate) fn calls(program: &Program, function: FunctionRef) -> impl Iterator<Item = Called<'_>> {
    let facts = &program.unit(function.unit).facts;
    facts.acts_of(function.function).iter().filter_map(move |act| {
        let ActKind::Call(call) = act.kind else { return None };
        let Value::Call(callee, arguments) = facts.value(call) else { return None };
        Some(Called { act, call, callee, arguments })
    })
}

/// Every call of `asyncio.gather` in the project.
pub(crate) fn gathers(program: &Program) -> impl Iterator<Item = (FunctionRef, Called<'_>)> {
    let units = program.own_units().filter(|(_, it)| it.facts.symbols.find("gather").is_some());
    let functions = units.flat_map(|(unit, _)| program.functions_of(unit));
    functions.flat_map(|function| calls(program, function).map(move |called| (function, called))).filter(
        |(function, called)| {
            let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
            names.iter().any(|it| matches!(&**it, "asyncio.gather" | "asyncio.tasks.gather"))
        },
    )
}

/// The last name of what is called, when the call is a method's.
pub(crate) fn method(program: &Program, function: FunctionRef, callee: ValueId) -> Option<(ValueId, &str)> {
    let facts = &program.unit(function.unit).facts;
    match facts.value(callee) {
        Value::Attribute(base, name) => Some((base, facts.text(name))),
        _ => None,
    }
}

/// Whether everything a value may be is an instance of a class that one of these names is, or is inherited from.
pub(crate) fn is_instance(program: &Program, at: ValueRef, names: &[&str]) -> bool {
    use raddle_program::val::Val;
    let vals = program.evaluate(at);
    !vals.is_empty()
        && vals.known.iter().all(|val| match val {
            Val::Instance(class, _) => program
                .ancestors(*class)
                .iter()
                .filter_map(|it| program.outside_name(it))
                .any(|name| names.contains(&&*name)),
            Val::OutsideInstance(class) => names.contains(&&**class),
            _ => false,
        })
}

/// How a thread comes to a function, step by step.
pub(crate) fn thread_story(program: &Program, code: &ThreadCode, function: FunctionRef) -> Vec<Step> {
    let mut steps = Vec::new();
    for (function, how) in code.way(function) {
        let name = program.short_name(function);
        let (actor, act, site, message) = match how {
            Reached::Handed(at) => {
                let spawn = &program.spawns()[at];
                let span = act_at(program, spawn.function, spawn.act).span;
                (
                    Actor::Main,
                    vocabulary::Act::Spawn,
                    site_of(program, spawn.function.unit, span),
                    Message::new("step-handed").arg("function", name).arg("call", short(&spawn.by)),
                )
            }
            Reached::Class(class) => (
                Actor::Thread,
                vocabulary::Act::Spawn,
                site_of(program, class.unit, program.class(class).name_span),
                Message::new("step-thread-class").arg("function", name),
            ),
            Reached::Called(caller, act) => (
                Actor::Thread,
                vocabulary::Act::Compute,
                site_of(program, caller.unit, act_at(program, caller, act).span),
                Message::new("step-call").arg("function", name),
            ),
        };
        steps.push(Step { actor, act, site, message });
    }
    steps
}

/// The last two parts of a dotted name: `AbstractEventLoop.call_soon`.
pub(crate) fn short(path: &str) -> &str {
    let from = match path.rsplit('.').nth(1) {
        Some(owner) if owner.starts_with(char::is_uppercase) => path.rmatch_indices('.').nth(1),
        _ => path.rmatch_indices('.').next(),
    };
    from.map_or(path, |(dot, _)| &path[dot + 1..])
}
