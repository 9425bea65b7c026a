//! Coroutines that catch their own cancellation and do not pass it on.

use std::collections::BTreeMap;

use raddle_facts::{ActKind, FileFacts, Value, ValueId};
use raddle_program::cancel::{By, Caught, Ending, Excuse, Named, Swallow, Uses};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Finding, Level, Message, Proof, RuleId, Step};

use crate::Judged;
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "cancellation-swallowed";

/// So many other handlers are shown; the title counts all.
const MOST_SHOWN: usize = 4;

/// Finds cancellations that are swallowed.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let uses = program.coroutine_uses();
    let mut by_name: BTreeMap<Named, Vec<(FunctionRef, Swallow)>> = BTreeMap::new();
    for (function, swallow) in program.all_swallowed() {
        match &swallow.named {
            Some(named) => by_name.entry(named.clone()).or_default().push((function, swallow)),
            None => acc.push(finding(program, &uses, function, &swallow)),
        }
    }
    for (named, swallows) in by_name {
        match &swallows[..] {
            [(function, swallow)] => acc.push(finding(program, &uses, *function, swallow)),
            _ => acc.push(at_the_name(program, &uses, &named, &swallows)),
        }
    }
}

/// One finding where the classes are named, for all the handlers that use the name.
fn at_the_name(program: &Program, uses: &Uses, named: &Named, swallows: &[(FunctionRef, Swallow)]) -> Finding {
    let sure = |(function, swallow): &(FunctionRef, Swallow)| sureness(program, uses, *function, swallow).0;
    let (function, witness) =
        swallows.iter().rev().max_by_key(|it| sure(it)).expect("a name is noted for a handler that uses it");
    let mut one = finding(program, uses, *function, witness);
    let caught = one.site.clone();
    one.site = site_of(program, named.unit, named.at);
    one.function = String::new();
    let count = swallows.len().to_string();
    one.message = Message::new("named").arg("name", named.name.clone()).arg("count", count);
    one.help = Some(Message::new("help-named").arg("name", named.name.clone()));
    let handler = Message::new("step-named").arg("name", named.name.clone());
    if !one.story.iter().any(|step| step.site == caught) {
        one.story.push(Step { actor: Actor::EventLoop, act: Act::SwallowCancel, site: caught, message: handler });
    }
    let others = swallows.iter().filter(|(_, it)| it != witness).take(MOST_SHOWN);
    one.story.extend(others.map(|(function, swallow)| Step {
        actor: Actor::EventLoop,
        act: Act::SwallowCancel,
        site: site_of(program, function.unit, swallow.at),
        message: Message::new("step-also").arg("function", program.short_name(*function)),
    }));
    let module = program.unit(named.unit).module.to_string();
    one.identity = vec![ID.to_owned(), module, named.name.clone(), "named".to_owned()];
    one
}

fn finding(program: &Program, uses: &Uses, function: FunctionRef, swallow: &Swallow) -> Finding {
    let name = program.short_name(function);
    let (confidence, because) = sureness(program, uses, function, swallow);
    let said = |key: &str| Message::new(key).arg("function", name.clone());
    let site = site_of(program, function.unit, swallow.at);
    let arrives = Step {
        actor: Actor::EventLoop,
        act: Act::Await,
        site: site_of(program, function.unit, swallow.awaits),
        message: said("step-arrives"),
    };
    let caught = match &swallow.by {
        By::Manager(manager, span) => Step {
            actor: Actor::EventLoop,
            act: Act::SwallowCancel,
            site: site_of(program, manager.unit, *span),
            message: Message::new("step-manager").arg("manager", program.short_name(*manager)),
        },
        _ => Step {
            actor: Actor::EventLoop,
            act: Act::SwallowCancel,
            site: site.clone(),
            message: said(ending_key(swallow.ending)),
        },
    };
    Finding {
        rule: RuleId(ID.to_owned()),
        site,
        function: name.clone(),
        message: said(message_key(swallow)),
        help: Some(said(help_key(swallow))),
        level: Level::Warning,
        confidence,
        story: vec![arrives, caught],
        proof: Proof::Inferred { because },
        remedy: None,
        identity: vec![
            ID.to_owned(),
            program.unit(function.unit).module.to_string(),
            name,
            message_key(swallow).to_owned(),
        ],
    }
}

fn message_key(swallow: &Swallow) -> &'static str {
    match (&swallow.by, swallow.ending) {
        (By::Suppress, _) => "suppressed",
        (By::Manager(..), _) => "manager",
        (By::Finally, _) => "finally",
        (By::Handler(_), Ending::GoesOn) => "goes-on",
        (By::Handler(_), Ending::Converts) => "converted",
        (By::Handler(Caught::Cancelled), _) => "swallowed",
        (By::Handler(Caught::Bare | Caught::Base), _) => "swallowed-broad",
    }
}

fn ending_key(ending: Ending) -> &'static str {
    match ending {
        Ending::GoesOn => "step-goes-on",
        Ending::Continues => "step-continues",
        Ending::Returns => "step-returns",
        Ending::Breaks => "step-breaks",
        Ending::Converts => "step-converts",
    }
}

fn help_key(swallow: &Swallow) -> &'static str {
    match &swallow.by {
        By::Suppress => "help-suppress",
        By::Manager(..) => "help-manager",
        By::Finally => "help-finally",
        By::Handler(Caught::Cancelled) => "help-raise",
        By::Handler(Caught::Bare | Caught::Base) => "help-narrow",
    }
}

fn sureness(program: &Program, uses: &Uses, function: FunctionRef, swallow: &Swallow) -> (Confidence, Vec<Message>) {
    let mut because = vec![Message::new("because-ways")];
    let mut confidence = match swallow.ending {
        Ending::GoesOn => Confidence::Certain,
        Ending::Continues | Ending::Returns | Ending::Breaks | Ending::Converts => Confidence::Likely,
    };
    let mut lower = |key: &str| {
        confidence = Confidence::Possible;
        because.push(Message::new(key));
    };
    if let Some(excuse) = swallow.excuse {
        lower(match excuse {
            Excuse::SomeWay => "because-some-way",
            Excuse::Kept => "because-kept",
            Excuse::PassedOn => "because-passed-on",
            Excuse::Cleanup => "because-cleanup",
        });
    }
    let facts = &program.unit(function.unit).facts;
    let last = facts.text(program.function(function).name);
    if swallow.ending != Ending::GoesOn && uses.only_started(last) && !is_waited_for(facts, last) {
        lower("because-top");
    }
    if awaits_another(program, function, swallow) {
        lower("because-another");
    }
    if program.is_test(function) {
        lower("because-test");
    }
    (confidence, because)
}

/// Whether the file waits, through `shield`, for the task that a coroutine of this name is started as: whoever waits goes
/// on as if the work were done.
fn is_waited_for(facts: &FileFacts, name: &str) -> bool {
    let starts_it = |value: ValueId| match facts.value(value) {
        Value::Call(callee, arguments) => {
            matches!(facts.called_name(callee), Some("create_task" | "ensure_future"))
                && facts.arguments(arguments).first().is_some_and(|it| match facts.value(it.value) {
                    Value::Call(callee, _) => facts.called_name(callee) == Some(name),
                    _ => false,
                })
        }
        _ => false,
    };
    let kept_as = |attribute: &str| {
        facts
            .classes
            .iter()
            .any(|class| class.attributes.iter().any(|(sym, value)| facts.text(*sym) == attribute && starts_it(*value)))
    };
    facts.acts.iter().any(|act| {
        let ActKind::Await(awaited) = act.kind else { return false };
        let Value::Call(callee, arguments) = facts.value(awaited) else { return false };
        facts.called_name(callee) == Some("shield")
            && facts.arguments(arguments).first().is_some_and(|it| match facts.value(it.value) {
                Value::Attribute(_, sym) => kept_as(facts.text(sym)),
                _ => false,
            })
    })
}

/// Whether the `await` is of a task kept elsewhere: a cancellation that comes out of it may be that task's own.
fn awaits_another(program: &Program, function: FunctionRef, swallow: &Swallow) -> bool {
    let facts = &program.unit(function.unit).facts;
    facts.acts_of(function.function).iter().any(|act| {
        let ActKind::Await(value) = act.kind else { return false };
        act.span == swallow.awaits && is_kept_elsewhere(facts, value)
    })
}

/// A task or future that has a name, alone or given to what waits for it.
fn is_kept_elsewhere(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Call(callee, arguments) => {
            let waits = matches!(facts.called_name(callee), Some("wait_for" | "shield" | "wait" | "gather"));
            waits && facts.arguments(arguments).first().is_some_and(|it| is_named(facts, it.value))
        }
        _ => is_named(facts, value),
    }
}

/// Whether a value is no call that makes a coroutine on the spot.
fn is_named(facts: &FileFacts, value: ValueId) -> bool {
    match facts.value(value) {
        Value::Call(callee, _) => {
            matches!(facts.called_name(callee), Some("create_task" | "ensure_future" | "create_future"))
        }
        Value::Attribute(..) | Value::Parameter(..) | Value::Name(..) | Value::Await(_) | Value::Element(_) => true,
        Value::Union(list) => facts.list(list).iter().all(|it| is_named(facts, *it)),
        Value::Declared(_, inner) | Value::Narrowed(inner, _) => is_named(facts, inner),
        _ => false,
    }
}
