//! `raddle graph` and `raddle explain-place`: what raddle knows of locks, actors and places, for a person to look at.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use raddle_facts::models::Runner;
use raddle_program::FunctionRef;
use raddle_program::sharing::touches::Touch;
use raddle_report::{Table, table};
use raddle_rulebook::{Lang, word};
use raddle_vocabulary::Message;

use crate::arguments::{ExplainPlaceArguments, Graph, GraphArguments, GraphFormat};
use crate::output::print;
use crate::pipeline::{self, Seen};
use crate::refusal::Refusal;
use crate::request::CheckRequest;
use crate::session::Session;

/// Draws the order of locks, or who runs where.
pub(crate) fn graph(session: &Session, arguments: &GraphArguments) -> Result<ExitCode> {
    let request = CheckRequest::to_look(&arguments.paths, arguments.python.clone());
    let page = pipeline::look(&request, |seen| {
        let edges = match arguments.graph {
            Graph::Locks => lock_edges(seen),
            Graph::Actors => actor_edges(seen, session.lang),
        };
        match arguments.output_format {
            GraphFormat::Dot => dot(&edges),
            GraphFormat::Text => {
                let headings = match arguments.graph {
                    Graph::Locks => ["graph-held", "graph-taken", "graph-where"],
                    Graph::Actors => ["graph-actor", "graph-runs", "graph-where"],
                };
                lines(session.lang, headings, &edges)
            }
        }
    })?;
    print(session, page.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Shows everything that touches a place.
pub(crate) fn explain_place(session: &Session, arguments: &ExplainPlaceArguments) -> Result<ExitCode> {
    let request = CheckRequest::to_look(&arguments.paths, arguments.python.clone());
    let page = pipeline::look(&request, |seen| accesses(seen, session.lang, &arguments.place))?;
    let Some(page) = page else {
        let what = Message::new("unknown-place").arg("place", &*arguments.place);
        return Err(Refusal::new(what).help(Message::new("unknown-place-help")).into());
    };
    print(session, page.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// From, to and where.
type Edge = (String, String, String);

fn lock_edges(seen: &Seen<'_>) -> Vec<Edge> {
    let program = seen.program;
    let world = program.lock_world();
    let edges: BTreeSet<Edge> = program
        .lock_orders(&world)
        .iter()
        .map(|order| {
            let (function, act) = order.under.reached.way[0];
            let name = |key| raddle_verdicts::lock_name(program, key);
            (name(&order.from.key), name(&order.to.key), place(seen, function, act))
        })
        .collect();
    edges.into_iter().collect()
}

fn actor_edges(seen: &Seen<'_>, lang: Lang) -> Vec<Edge> {
    let program = seen.program;
    let actors = program.actors();
    let edges: BTreeSet<Edge> = actors
        .roots
        .iter()
        .filter(|root| root.runner != Runner::Caller)
        .map(|root| {
            let from = match root.from {
                Some((function, act)) => place(seen, function, act),
                None => program.unit(root.function.unit).path.to_string(),
            };
            (runner(lang, root.runner).to_owned(), program.short_name(root.function), from)
        })
        .collect();
    edges.into_iter().collect()
}

/// `path:line`
fn place(seen: &Seen<'_>, function: FunctionRef, act: u32) -> String {
    let unit = seen.program.unit(function.unit);
    format!("{}:{}", unit.path, seen.line(&unit.path, unit.facts.acts[act as usize].span.start))
}

fn runner(lang: Lang, runner: Runner) -> &'static str {
    let key = match runner {
        Runner::Caller => "actor-caller",
        Runner::EventLoop => "actor-event-loop",
        Runner::Thread => "actor-thread",
        Runner::ThreadPool => "actor-thread-pool",
        Runner::Process => "actor-process",
        Runner::SignalHandler => "actor-signal-handler",
        Runner::Finalizer => "actor-finalizer",
    };
    word(lang, key)
}

/// Three columns; a line that says there is nothing, where there is.
fn lines(lang: Lang, headings: [&str; 3], edges: &[Edge]) -> String {
    if edges.is_empty() {
        return format!("{}\n", word(lang, "graph-empty"));
    }
    let rows = edges.iter().map(|(from, to, at)| vec![from.clone(), to.clone(), at.clone()]).collect();
    table(&Table { headings: headings.map(|key| word(lang, key).to_owned()).into(), rows })
}

/// The same for Graphviz.
fn dot(edges: &[Edge]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mut page = String::from("digraph raddle {\n    rankdir=LR;\n");
    for (from, to, at) in edges {
        let _infallible = writeln!(page, "    {} -> {} [label={}];", quoted(from), quoted(to), quoted(at));
    }
    page.push_str("}\n");
    page
}

/// Everything that touches a place, one line for each; nothing when there is no such place.
fn accesses(seen: &Seen<'_>, lang: Lang, name: &str) -> Option<String> {
    let program = seen.program;
    let all = program.accesses(name);
    let mut page = String::new();
    for group in all.chunk_by(|a, b| a.place == b.place) {
        if !page.is_empty() {
            page.push('\n');
        }
        page.push_str(&program.full_place_name(&group[0].place));
        page.push('\n');
        let rows = group
            .iter()
            .map(|it| {
                let touch = match it.touch {
                    Touch::Read => "touch-read",
                    Touch::Set => "touch-set",
                    Touch::Update | Touch::Renew => "touch-update",
                    Touch::Change => "touch-change",
                    Touch::Remove => "touch-remove",
                    Touch::Iterate => "touch-iterate",
                };
                let actors: Vec<&str> = it.actors.iter().map(|it| runner(lang, *it)).collect();
                let locks: Vec<String> = it.held.iter().map(|it| raddle_verdicts::lock_name(program, it)).collect();
                vec![
                    word(lang, touch).to_owned(),
                    program.short_name(it.function),
                    actors.join(", "),
                    locks.join(", "),
                    place(seen, it.function, it.act),
                ]
            })
            .collect();
        let headings = ["graph-touch", "graph-function", "graph-actor", "graph-held", "graph-where"];
        page.push_str(&table(&Table { headings: headings.map(|key| word(lang, key).to_owned()).into(), rows }));
    }
    (!page.is_empty()).then_some(page)
}
