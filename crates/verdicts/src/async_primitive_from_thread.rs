//! asyncio objects that a thread touches: only the event loop's own thread may.

use raddle_program::threads::ThreadCode;
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{self as vocabulary, Actor, Confidence, Finding, Level, Message, Step};
use rustc_hash::FxHashSet;

use crate::Judged;
use crate::plain::{Found, calls, method, short, thread_story};
use crate::story::site_of;

/// The rule's name.
pub const ID: &str = "async-primitive-from-thread";

/// Methods that wake or change something of the loop, and are not safe from other threads.
const UNSAFE: &[&str] = &[
    "asyncio.Queue.put_nowait",
    "asyncio.Queue.get_nowait",
    "asyncio.Queue.task_done",
    "asyncio.Event.set",
    "asyncio.Event.clear",
    "asyncio.Future.set_result",
    "asyncio.Future.set_exception",
    "asyncio.Future.cancel",
    "asyncio.Task.cancel",
    "asyncio.Condition.notify",
    "asyncio.Condition.notify_all",
    "asyncio.Semaphore.release",
    "asyncio.Lock.release",
    "asyncio.BoundedSemaphore.release",
    "asyncio.AbstractEventLoop.call_soon",
    "asyncio.AbstractEventLoop.call_later",
    "asyncio.AbstractEventLoop.call_at",
    "asyncio.AbstractEventLoop.create_task",
    "asyncio.AbstractEventLoop.add_reader",
    "asyncio.AbstractEventLoop.add_writer",
    "asyncio.AbstractEventLoop.stop",
    "asyncio.StreamWriter.write",
];
/// Functions that look for the running loop of their thread, where there is none.
const NEEDS_LOOP: &[&str] = &["asyncio.create_task", "asyncio.ensure_future", "asyncio.get_running_loop"];
/// Calls with which a thread runs a loop of its own.
const OWN_LOOP: &[&str] = &[
    "asyncio.run",
    "asyncio.new_event_loop",
    "asyncio.AbstractEventLoop.run_until_complete",
    "asyncio.AbstractEventLoop.run_forever",
    "asyncio.Runner.run",
    "asyncio.set_event_loop",
];

/// Finds what a thread must not touch.
pub fn verdict(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    let code = program.thread_code();
    let on_loop: FxHashSet<FunctionRef> = judged
        .loop_code
        .entries
        .iter()
        .map(|it| it.function)
        .chain(judged.loop_code.edges.iter().map(|it| it.callee))
        .collect();
    for (unit, it) in program.own_units() {
        if it.facts.symbols.find("call_soon_threadsafe").is_some() {
            let functions = program.functions_of(unit).filter(|it| !code.reached.contains_key(it));
            functions.for_each(|it| beside(program, it, acc));
        }
    }
    for function in &code.order {
        for called in calls(program, *function) {
            let Some(name) = program
                .known_names(ValueRef { unit: function.unit, value: called.callee })
                .into_iter()
                .find_map(|it| plain_name(&it))
            else {
                continue;
            };
            let needs_loop = NEEDS_LOOP.contains(&&*name);
            let guarded = program.guarded(function.unit, called.act.guard);
            if guarded.knows_where || runs_own_loop(program, code, *function) {
                continue;
            }
            let also = on_loop.contains(function);
            // Looking for the running loop is also how code finds out that there is none.
            if needs_loop && (also || name.ends_with("get_running_loop")) {
                continue;
            }
            let mut story = thread_story(program, code, *function);
            story.push(Step {
                actor: Actor::Thread,
                act: vocabulary::Act::Write,
                site: site_of(program, function.unit, called.act.span),
                message: Message::new("step-touch").arg("call", short(&name)),
            });
            let mut because = vec![Message::new("because-known")];
            let mut confidence = Confidence::Likely;
            if also {
                confidence = Confidence::Possible;
                because.push(Message::new("because-both"));
            }
            acc.push(
                Found {
                    rule: ID,
                    function: *function,
                    span: called.act.span,
                    message: Message::new(if needs_loop { "no-loop" } else { "touch" })
                        .arg("call", short(&name))
                        .arg("function", program.short_name(*function)),
                    help: if needs_loop { "help-coroutine" } else { "help-threadsafe" },
                    level: Level::Error,
                    confidence,
                    because,
                    story,
                }
                .finish(program),
            );
        }
    }
}

/// Finds what is touched right beside a `call_soon_threadsafe`: whoever calls that is on another thread.
fn beside(program: &Program, function: FunctionRef, acc: &mut Vec<Finding>) {
    let all: Vec<_> = calls(program, function).collect();
    let wakes: Vec<_> = all
        .iter()
        .filter(|it| method(program, function, it.callee).is_some_and(|(_, name)| name == "call_soon_threadsafe"))
        .collect();
    for called in &all {
        let near = wakes.iter().find(|it| {
            it.act.guard == called.act.guard
                && it.act.held == called.act.held
                && called.act.span.end <= it.act.span.start
        });
        let (Some(wake), true) = (near, called.act.discarded) else { continue };
        let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
        let Some(name) = names.into_iter().find_map(|it| plain_name(&it)).filter(|it| !NEEDS_LOOP.contains(&&**it))
        else {
            continue;
        };
        let step = |span, key: &str| Step {
            actor: Actor::Thread,
            act: vocabulary::Act::Write,
            site: site_of(program, function.unit, span),
            message: Message::new(key).arg("call", short(&name)),
        };
        acc.push(
            Found {
                rule: ID,
                function,
                span: called.act.span,
                message: Message::new("beside").arg("call", short(&name)).arg("function", program.short_name(function)),
                help: "help-threadsafe",
                level: Level::Error,
                confidence: Confidence::Likely,
                because: vec![Message::new("because-wakes")],
                story: vec![step(called.act.span, "step-touch"), step(wake.act.span, "step-wakes")],
            }
            .finish(program),
        );
    }
}

/// The name on the lists, whichever class of loop or queue it was found on.
fn plain_name(name: &str) -> Option<String> {
    let (owner, last) = name.rsplit_once('.')?;
    let owner = match owner {
        "asyncio.BaseEventLoop" | "asyncio.SelectorEventLoop" | "asyncio.ProactorEventLoop" | "uvloop.Loop" => {
            "asyncio.AbstractEventLoop"
        }
        "asyncio.PriorityQueue" | "asyncio.LifoQueue" => "asyncio.Queue",
        "asyncio.tasks" => "asyncio",
        "asyncio.streams.StreamWriter" => "asyncio.StreamWriter",
        other => other,
    };
    let name = format!("{owner}.{last}");
    (UNSAFE.contains(&&*name) || NEEDS_LOOP.contains(&&*name)).then_some(name)
}

/// Whether some function on the way of the thread runs an event loop there.
fn runs_own_loop(program: &Program, code: &ThreadCode, function: FunctionRef) -> bool {
    code.way(function).iter().any(|(function, _)| {
        calls(program, *function).any(|called| {
            program.known_names(ValueRef { unit: function.unit, value: called.callee }).iter().any(|it| {
                OWN_LOOP.contains(
                    &&*it
                        .replace("BaseEventLoop", "AbstractEventLoop")
                        .replace("asyncio.events.", "asyncio.")
                        .replace("asyncio.runners.", "asyncio."),
                )
            })
        })
    })
}
