//! What the rules about lost coroutines and tasks share: how sure a loss is, and its story.

use raddle_facts::{ActKind, Flow, GuardKind, Value, ValueId};
use raddle_program::awaitable::Kind;
use raddle_program::pending::{How, Lost};
use raddle_program::{FunctionRef, Program};
use raddle_vocabulary::{Act, Actor, Confidence, Edit, Finding, Level, Message, Proof, Remedy, RuleId, Span, Step};

use crate::Judged;
use crate::story::site_of;

/// A finding about something lost, in a rule's words.
pub(crate) fn finding(judged: &Judged<'_>, rule: &str, function: FunctionRef, lost: &Lost, level: Level) -> Finding {
    let program = judged.program;
    let call = call_name(program, function, lost);
    let (confidence, because) = sureness(judged, function, lost);
    let said = |key: &str| {
        let mut message = Message::new(key).arg("call", call.clone()).arg("function", name(program, function));
        for (placeholder, value) in arguments(&lost.how) {
            message = message.arg(placeholder, value);
        }
        message
    };
    let site = site_of(program, function.unit, lost.span);
    let shown = lost.at.map_or_else(|| site.clone(), |at| site_of(program, function.unit, at));
    let tested = matches!(lost.how, How::Tested);
    let mut story = vec![Step {
        actor: Actor::EventLoop,
        act: Act::Spawn,
        site: site.clone(),
        message: said(made_key(lost.made.kind)),
    }];
    if let (How::Override(_), Some(by)) = (&lost.how, lost.made.function) {
        let site = site_of(program, by.unit, program.function(by).name_span);
        story.push(Step { actor: Actor::EventLoop, act: Act::Compute, site, message: said("step-override") });
    }
    if lost.at.is_some() {
        story.push(Step { actor: Actor::EventLoop, act: Act::Drop, site: shown.clone(), message: said("step-lost") });
    }
    Finding {
        rule: RuleId(rule.to_owned()),
        site: if tested { shown } else { site },
        function: name(program, function),
        message: said(key(lost)),
        help: Some(said(help_key(judged, function, lost))),
        level,
        confidence,
        story,
        proof: Proof::Inferred { because },
        remedy: None,
        identity: vec![
            rule.to_owned(),
            program.unit(function.unit).module.to_string(),
            program.short_name(function),
            call,
            key(lost).to_owned(),
        ],
    }
}

/// The qualified name of a function; nothing for the module's own code.
fn name(program: &Program, function: FunctionRef) -> String {
    match function.function {
        raddle_facts::FunctionId::MODULE => program.unit(function.unit).module.to_string(),
        _ => program.short_name(function),
    }
}

fn call_name(program: &Program, function: FunctionRef, lost: &Lost) -> String {
    let facts = &program.unit(function.unit).facts;
    let call = match facts.acts[lost.act as usize].kind {
        ActKind::Call(call) => call,
        ActKind::Enter(manager) => return program.written(function, manager),
        _ => return String::new(),
    };
    let Value::Call(callee, _) = facts.value(call) else { return String::new() };
    let written = program.written(function, callee);
    match lost.made.function {
        Some(made) if written.is_empty() => program.short_name(made),
        _ => written,
    }
}

fn made_key(kind: Kind) -> &'static str {
    match kind {
        Kind::Coroutine => "step-coroutine",
        Kind::Task => "step-task",
        Kind::Future => "step-future",
        Kind::ThreadFuture => "step-thread-future",
    }
}

fn key(lost: &Lost) -> &'static str {
    match &lost.how {
        // A future that gathers has started its tasks already: they run, and nobody waits for them.
        How::Dropped if lost.made.kind == Kind::Future => "dropped-future",
        How::Dropped => "dropped",
        How::Unused(_) => "unused",
        How::SomeWay(_) => "some-way",
        How::Overwritten(_) => "overwritten",
        How::Contained(_) => "contained",
        How::DroppedDisplay => "dropped-display",
        How::Formatted => "formatted",
        How::Attribute(_) => "attribute",
        How::Compared => "compared",
        How::UsedAsResult => "used",
        How::Tested => "tested",
        How::Inert(_) => "inert",
        How::Returned => "returned",
        How::CallbackOnly => "callback-only",
        How::Override(_) => "override",
        How::PlainWith => "sync-with",
    }
}

fn arguments(how: &How) -> Vec<(&'static str, &str)> {
    match how {
        How::Unused(name) | How::SomeWay(name) | How::Overwritten(name) | How::Contained(name) => vec![("name", name)],
        How::Attribute(name) => vec![("attribute", name)],
        How::Inert(name) => vec![("taker", name)],
        How::Override(name) => vec![("override", name)],
        How::Dropped
        | How::DroppedDisplay
        | How::Formatted
        | How::Compared
        | How::UsedAsResult
        | How::Tested
        | How::Returned
        | How::CallbackOnly
        | How::PlainWith => Vec::new(),
    }
}

fn help_key(judged: &Judged<'_>, function: FunctionRef, lost: &Lost) -> &'static str {
    match lost.made.kind {
        Kind::Task => "help-keep",
        Kind::ThreadFuture => "help-result",
        Kind::Coroutine | Kind::Future => match &lost.how {
            How::Contained(_) | How::DroppedDisplay => "help-gather",
            How::PlainWith => "help-async-with",
            How::Override(_) => "help-override",
            _ if judged.program.function(function).is_async => "help-await",
            _ => "help-from-sync",
        },
    }
}

fn sureness(judged: &Judged<'_>, function: FunctionRef, lost: &Lost) -> (Confidence, Vec<Message>) {
    let program = judged.program;
    let mut confidence = Confidence::Certain;
    let mut because = Vec::new();
    let mut lower = |to: Confidence, key: &str| {
        confidence = confidence.min(to);
        because.push(Message::new(key));
    };
    if lost.made.perhaps {
        lower(Confidence::Likely, "because-types");
    }
    if matches!(lost.how, How::SomeWay(_) | How::CallbackOnly | How::Returned) {
        lower(Confidence::Likely, "because-way");
    }
    if lost.how == How::Returned && is_handed_on(program, function) {
        lower(Confidence::Possible, "because-handed");
    }
    if lost.made.kind == Kind::ThreadFuture && cannot_fail(program, function, lost) {
        lower(Confidence::Possible, "because-handled");
    }
    if expects_failure(program, function, lost) {
        lower(Confidence::Possible, "because-raises");
    }
    if matches!(lost.made.kind, Kind::Task | Kind::ThreadFuture) && program.is_test(function) {
        lower(Confidence::Possible, "because-test");
    }
    if chosen_by_mode(program, function, lost) {
        lower(Confidence::Possible, "because-mode");
    }
    if because.is_empty() {
        because.push(Message::new("because-known"));
    }
    (confidence, because)
}

/// Whether the function itself is handed to something in its file, which may know what to do with what it returns.
fn is_handed_on(program: &Program, function: FunctionRef) -> bool {
    let facts = &program.unit(function.unit).facts;
    let name = program.function(function).name;
    facts.arguments.iter().any(|it| match facts.value(it.value) {
        Value::Function(other) => other == function.function,
        Value::Name(_, other) | Value::Attribute(_, other) => other == name,
        _ => false,
    })
}

/// Whether the coroutine that is handed to another loop handles what it raises, or is a library's.
fn cannot_fail(program: &Program, function: FunctionRef, lost: &Lost) -> bool {
    let facts = &program.unit(function.unit).facts;
    let ActKind::Call(call) = facts.acts[lost.act as usize].kind else { return false };
    let Value::Call(_, arguments) = facts.value(call) else { return false };
    let Some(first) = facts.arguments(arguments).first() else { return false };
    let Some(made) = program.made(function.unit, first.value).and_then(|it| it.function) else { return false };
    if !program.is_own(made.unit) {
        return true;
    }
    let facts = &program.unit(made.unit).facts;
    facts.block(program.function(made).body).iter().any(|flow| match flow {
        Flow::Try { handlers, .. } => (handlers.0..handlers.0 + handlers.1).any(|at| {
            facts.handlers[at as usize]
                .class
                .is_none_or(|class| matches!(&*program.written(made, class), "Exception" | "BaseException"))
        }),
        _ => false,
    })
}

/// Whether a condition around the call asks if coroutines are meant at all: `if not self.is_async`.
fn chosen_by_mode(program: &Program, function: FunctionRef, lost: &Lost) -> bool {
    let facts = &program.unit(function.unit).facts;
    let act = &facts.acts[lost.act as usize];
    facts.guards_of(act).any(|guard| match guard {
        GuardKind::If(test) | GuardKind::Unless(test) => asks_for_mode(program, function, test, 0),
        GuardKind::Always | GuardKind::Handler(..) | GuardKind::NoException(..) => false,
    })
}

fn asks_for_mode(program: &Program, function: FunctionRef, test: ValueId, depth: u32) -> bool {
    let facts = &program.unit(function.unit).facts;
    match facts.value(test) {
        Value::Test(_, parts) if depth < 5 => {
            facts.list(parts).iter().any(|it| asks_for_mode(program, function, *it, depth + 1))
        }
        Value::Call(callee, _) if depth < 5 => asks_for_mode(program, function, callee, depth + 1),
        Value::Parameter(..) | Value::Name(..) | Value::Attribute(..) | Value::ImportFrom(..) => {
            let written = program.written(function, test);
            let last = written.rsplit('.').next().unwrap_or_default();
            ["async", "await", "coroutine"].iter().any(|it| last.contains(it))
        }
        _ => false,
    }
}

/// Whether the call stands in `with pytest.raises(…)` and the like, which may be all the test is about.
fn expects_failure(program: &Program, function: FunctionRef, lost: &Lost) -> bool {
    let facts = &program.unit(function.unit).facts;
    let act = &facts.acts[lost.act as usize];
    facts.held_by(act).any(|held| {
        let written = program.written(function, held.manager);
        let last = written.trim_end_matches("()").rsplit('.').next().unwrap_or_default();
        matches!(
            last,
            "raises"
                | "warns"
                | "catch_warnings"
                | "assertRaises"
                | "assertRaisesRegex"
                | "assertWarns"
                | "deprecated_call"
        )
    })
}

/// Where the `with` statement of an item begins, if it has no other item.
fn with_of(program: &Program, function: FunctionRef, item: Span) -> Option<u32> {
    let facts = &program.unit(function.unit).facts;
    let around = facts.flow.iter().filter_map(|flow| match flow {
        Flow::With { held, span, .. } if facts.held[held.0 as usize].span == item => Some(*span),
        _ => None,
    });
    let statement = around.min_by_key(|it| it.end - it.start)?;
    let items = facts.flow.iter().filter(|flow| matches!(flow, Flow::With { span, .. } if *span == statement));
    (items.count() == 1).then_some(statement.start)
}

/// `await` in front of the call, where the function is a coroutine.
pub(crate) fn await_it(judged: &Judged<'_>, function: FunctionRef, lost: &Lost) -> Option<Remedy> {
    if !judged.program.function(function).is_async {
        return None;
    }
    let insert = |at: u32, text: &str| Edit {
        site: site_of(judged.program, function.unit, Span { start: at, end: at }),
        text: text.to_owned(),
    };
    let edits = match lost.how {
        How::Attribute(_) | How::UsedAsResult => vec![insert(lost.span.start, "(await "), insert(lost.span.end, ")")],
        How::Contained(_) | How::DroppedDisplay | How::SomeWay(_) | How::CallbackOnly => return None,
        How::Override(_) => return None,
        How::PlainWith => vec![insert(with_of(judged.program, function, lost.span)?, "async ")],
        _ => vec![insert(lost.span.start, "await ")],
    };
    let safe = matches!(lost.how, How::Dropped | How::Formatted | How::Tested | How::Attribute(_));
    Some(Remedy { message: Message::new("remedy-await"), safe, edits })
}
