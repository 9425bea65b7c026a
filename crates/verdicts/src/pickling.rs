//! What the rules about pickling say of a value: what it holds, and how it comes to hold it.

use raddle_facts::models::Packing;
use raddle_program::crossing::{Crossing, Role, Start};
use raddle_program::pickling::{Hindrance, What, Within};
use raddle_program::{Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Level, Message, Step};

use crate::story::{act_at, site_of};

/// `ProcessPoolExecutor.submit`.
pub(crate) fn call_of(crossing: &Crossing) -> String {
    let mut parts = crossing.call.rsplit('.');
    let last = parts.next().unwrap_or_default();
    match parts.next() {
        Some("__call__") | None => last.to_owned(),
        Some(owner) if owner.starts_with(char::is_uppercase) && last != "__call__" => format!("{owner}.{last}"),
        Some(owner) if last == "__call__" => owner.to_owned(),
        Some(_) => last.to_owned(),
    }
}

/// The value as it is written, or the word for it.
pub(crate) fn value_of(program: &Program, crossing: &Crossing, at: ValueRef) -> String {
    let written = program.written(crossing.function, at.value);
    if written.is_empty() { "…".to_owned() } else { written }
}

/// How bad and how sure, with the reasons.
pub(crate) struct Judgement {
    pub(crate) level: Level,
    pub(crate) confidence: Confidence,
    pub(crate) because: Vec<Message>,
}

pub(crate) fn judge(program: &Program, crossing: &Crossing, found: Confidence) -> Judgement {
    let mut level = Level::Error;
    let mut confidence = found;
    let mut because = Vec::new();
    match found {
        Confidence::Certain => because.push(Message::new("because-known")),
        Confidence::Likely => because.push(Message::new("because-perhaps")),
        Confidence::Possible => because.push(Message::new("because-sometimes")),
    }
    if !crossing.sure {
        confidence = Confidence::Possible;
        because.push(Message::new("because-several"));
    }
    if crossing.packing == Packing::Start {
        match crossing.start {
            Start::Default if program.python_version < (3, 14) => {
                (level, confidence) = (Level::Warning, Confidence::Possible);
                because.push(Message::new("because-fork"));
            }
            Start::Default => {
                confidence = confidence.min(Confidence::Likely);
                because.push(Message::new("because-forkserver"));
            }
            Start::Spawn | Start::Forkserver => because.push(Message::new("because-spawn")),
            Start::Fork => {}
        }
    }
    if program.is_test(crossing.function) {
        confidence = Confidence::Possible;
        because.push(Message::new("because-test"));
    }
    Judgement { level, confidence, because }
}

/// The title for what is in the way.
pub(crate) fn title(program: &Program, found: &Hindrance, call: &str, value: &str) -> Message {
    let inside = !found.within.is_empty();
    let with = |key: &str| Message::new(key).arg("call", call);
    match &found.what {
        What::Lambda if inside => with("holds-lambda").arg("value", value),
        What::Lambda => with("lambda"),
        What::Nested(function) => with("nested").arg("name", program.short_name(*function)),
        What::NestedClass(class) => with("nested-class").arg("name", class_name(program, *class)),
        What::Replaced(function, wrapper) => {
            with("replaced").arg("name", program.short_name(*function)).arg("wrapper", program.short_name(*wrapper))
        }
        What::Private(function) => with("private").arg("name", program.short_name(*function)),
        What::Kind(kind) if inside => with("holds").arg("value", value).arg("what", format!("@held-{kind}")),
        What::Kind(kind) => with("is").arg("value", value).arg("what", format!("@held-{kind}")),
        What::Inherited => with("inherited").arg("value", value),
    }
}

/// One thing to do about it.
pub(crate) fn help(program: &Program, found: &Hindrance) -> Message {
    match &found.what {
        What::Lambda | What::Nested(_) | What::NestedClass(_) | What::Private(_) => Message::new("help-module-level"),
        What::Replaced(_, wrapper) => Message::new("help-wraps").arg("wrapper", program.short_name(*wrapper)),
        What::Inherited => Message::new("help-inherit"),
        What::Kind(_) => match found.within.iter().rev().find_map(|it| match it {
            Within::Attribute(class, attribute) => Some((class, attribute)),
            _ => None,
        }) {
            Some((class, attribute)) => {
                Message::new("help-getstate").arg("class", class_name(program, *class)).arg("attribute", &**attribute)
            }
            None => Message::new("help-inside"),
        },
    }
}

/// From the call to what is in the way.
pub(crate) fn story(program: &Program, crossing: &Crossing, found: &Hindrance, role: Role, value: &str) -> Vec<Step> {
    let here = site_of(program, crossing.function.unit, act_at(program, crossing.function, crossing.act).span);
    let step = |site, act, message| Step { actor: Actor::Main, act, site, message };
    let call = call_of(crossing);
    let key = match (role, crossing.through) {
        (_, Some(_)) => "step-through",
        (Role::Items | Role::Tuples, None) => "step-items",
        (Role::Function | Role::Argument, None) => "step-send",
    };
    let mut message = Message::new(key).arg("call", call).arg("value", value);
    if let Some(through) = crossing.through {
        message = message.arg("helper", program.short_name(through));
    }
    let mut steps = vec![step(here.clone(), vocabulary::Act::Send, message)];
    let mut at = here;
    for within in &found.within {
        let message = match within {
            Within::Receiver(method) => Message::new("step-receiver").arg("method", program.short_name(*method)),
            Within::Attribute(class, attribute) => {
                at = site_of(program, class.unit, program.class(*class).name_span);
                Message::new("step-attribute").arg("class", class_name(program, *class)).arg("attribute", &**attribute)
            }
            Within::Entry => Message::new("step-entry"),
            Within::Argument => Message::new("step-argument"),
        };
        steps.push(step(at.clone(), vocabulary::Act::Keep, message));
    }
    if let Some((unit, span)) = found.site {
        let site = site_of(program, unit, span);
        if steps.last().is_none_or(|last| last.site != site) {
            steps.push(step(site, vocabulary::Act::Keep, Message::new("step-defined")));
        }
    }
    steps
}

pub(crate) fn class_name(program: &Program, class: raddle_program::ClassRef) -> String {
    program.unit(class.unit).facts.text(program.class(class).qualified).to_owned()
}
