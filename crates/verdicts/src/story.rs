//! The steps of a way through the program.

use raddle_facts::Act;
use raddle_program::calls::Via;
use raddle_program::runs_on::{Edge, EntryKind, LoopCode, Sink};
use raddle_program::{FunctionRef, Program, UnitId};
use raddle_vocabulary::{self as vocabulary, Actor, Message, Site, Span, Step};

/// Where an act of a file stands.
pub(crate) fn site_of(program: &Program, unit: UnitId, span: Span) -> Site {
    Site { path: program.unit(unit).path.clone(), span }
}

pub(crate) fn act_at(program: &Program, function: FunctionRef, act: u32) -> &Act {
    &program.unit(function.unit).facts.acts[act as usize]
}

/// "the event loop runs coroutine `handle`"
pub(crate) fn entry_step(program: &Program, code: &LoopCode, entry: FunctionRef) -> Step {
    let name = program.short_name(entry);
    let kind = code.entry_of.get(&entry).map(|at| &code.entries[*at].kind);
    let message = match kind {
        Some(EntryKind::Callback(by)) => {
            Message::new("step-entry-callback").arg("function", name).arg("registrar", short_path(by))
        }
        Some(EntryKind::Framework(framework)) => {
            Message::new("step-entry-framework").arg("function", name).arg("framework", &**framework)
        }
        Some(EntryKind::Coroutine) | None => Message::new("step-entry-async").arg("function", name),
    };
    let site = site_of(program, entry.unit, program.function(entry).name_span);
    Step { actor: Actor::EventLoop, act: vocabulary::Act::Compute, site, message }
}

/// "calls `load`"
pub(crate) fn edge_step(program: &Program, edge: &Edge) -> Step {
    let callee = program.short_name(edge.callee);
    let message = match &edge.via {
        Via::Call => Message::new("step-call").arg("callee", callee),
        Via::Construct => Message::new("step-construct").arg("callee", class_of_method(&callee)),
        Via::Enter => Message::new("step-enter").arg("callee", callee),
        Via::Iterate => Message::new("step-iterate").arg("callee", callee),
        Via::Property => Message::new("step-property").arg("callee", callee),
        Via::Index => Message::new("step-call").arg("callee", callee),
        Via::Callback(through) => Message::new("step-callback").arg("callee", callee).arg("through", &**through),
        Via::Override(base) => Message::new("step-override").arg("callee", callee).arg("base", &**base),
    };
    let site = site_of(program, edge.caller.unit, act_at(program, edge.caller, edge.act).span);
    Step { actor: Actor::EventLoop, act: vocabulary::Act::Compute, site, message }
}

/// "`open` waits for the disk, and the event loop with it"
pub(crate) fn sink_step(program: &Program, sink: &Sink, key: &str) -> Step {
    let message = Message::new(key)
        .arg("call", &*Program::shown(&sink.path))
        .arg("cause", format!("@{}", sink.blocking.cause.word()));
    let site = site_of(program, sink.function.unit, act_at(program, sink.function, sink.act).span);
    Step { actor: Actor::EventLoop, act: vocabulary::Act::Block, site, message }
}

/// `Client` for `Client.__init__`.
pub(crate) fn class_of_method(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(class, _)| class)
}

/// The last two parts of a dotted path: `AbstractEventLoop.call_soon`.
fn short_path(path: &str) -> &str {
    match path.rmatch_indices('.').nth(1) {
        Some((dot, _)) => &path[dot + 1..],
        None => path,
    }
}
