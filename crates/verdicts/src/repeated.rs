//! Threads and pools that are made again and again: one for each item, or one for each round.

use raddle_facts::flow::LoopKind;
use raddle_facts::{ActKind, FileFacts, Flow, Value, ValueId};
use raddle_program::{FunctionRef, Program, ValueRef};
use raddle_vocabulary::{Confidence, Finding, Level, Message};

use crate::Judged;
use crate::plain::{Called, Found, calls};

/// `unbounded-threads`.
pub const THREADS: &str = "unbounded-threads";
/// `pool-created-per-call`.
pub const POOL: &str = "pool-created-per-call";

const EXECUTORS: &[&str] = &[
    "concurrent.futures.ThreadPoolExecutor",
    "concurrent.futures.ProcessPoolExecutor",
    "multiprocessing.pool.ThreadPool",
    "multiprocessing.pool.Pool",
    "multiprocessing.Pool",
];
/// Calls that say the number of threads is looked after.
const LIMITS: &[&str] = &["acquire", "join", "active_count", "enumerate_threads", "wait", "result", "sleep"];
/// Calls that give as much as there is.
const OPEN_ENDED: &[&str] = &[
    "open",
    "listdir",
    "glob",
    "iglob",
    "rglob",
    "iterdir",
    "walk",
    "scandir",
    "readlines",
    "fetchall",
    "splitlines",
    "split",
    "all",
    "iter_rows",
    "reader",
    "DictReader",
];

/// Finds loops that start a thread for each item of what has no bound.
pub fn threads(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    each(program, "Thread", |function, called, at| {
        let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
        if !names.iter().any(|it| &**it == "threading.Thread") {
            return;
        }
        let facts = &program.unit(function.unit).facts;
        let Some(round) = loop_around(facts, function, at) else { return };
        let Some(items) = round.items.filter(|it| is_open_ended(program, function, *it, 0)) else { return };
        let looked_after = round.acts.iter().any(|it| match facts.acts[*it as usize].kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, _) => facts.called_name(callee).is_some_and(|name| LIMITS.contains(&name)),
                _ => false,
            },
            ActKind::Enter(_) => true,
            _ => false,
        });
        if looked_after {
            return;
        }
        let name = program.written(function, items);
        let key = if name.is_empty() { "per-item" } else { "per-item-of" };
        acc.push(found(
            program,
            THREADS,
            (function, called),
            Message::new(key).arg("items", name).arg("function", program.short_name(function)),
            "because-open",
        ));
    });
}

/// Finds pools that are made anew in each round of a loop.
pub fn pools(judged: &Judged<'_>, acc: &mut Vec<Finding>) {
    let program = judged.program;
    for name in ["ThreadPoolExecutor", "ProcessPoolExecutor", "Pool", "ThreadPool"] {
        each(program, name, |function, called, at| {
            let names = program.known_names(ValueRef { unit: function.unit, value: called.callee });
            let Some(name) = names.iter().find(|it| EXECUTORS.contains(&&***it)) else { return };
            let facts = &program.unit(function.unit).facts;
            let Some(round) = loop_around(facts, function, at) else { return };
            if is_kept(facts, function, called) || round.may_end_at_once(facts) {
                return;
            }
            let class = name.rsplit('.').next().unwrap_or_default();
            acc.push(found(
                program,
                POOL,
                (function, called),
                Message::new("per-round").arg("class", class).arg("function", program.short_name(function)),
                "because-loop",
            ));
        });
    }
}

fn each(program: &Program, name: &str, mut look: impl FnMut(FunctionRef, &Called<'_>, u32)) {
    for (unit, it) in program.own_units().filter(|(_, it)| it.facts.symbols.find(name).is_some()) {
        for function in program.functions_of(unit) {
            let (start, _) = program.function(function).acts;
            for called in calls(program, function).filter(|called| called.act.in_loop) {
                if it.facts.called_name(called.callee) != Some(name) {
                    continue;
                }
                let place = it.facts.acts_of(function.function).iter().position(|act| std::ptr::eq(act, called.act));
                if let Some(place) = place {
                    look(function, &called, start + place as u32);
                }
            }
        }
    }
}

fn found(
    program: &Program,
    rule: &'static str,
    (function, called): (FunctionRef, &Called<'_>),
    message: Message,
    because: &str,
) -> Finding {
    Found {
        rule,
        function,
        span: called.act.span,
        message,
        help: "help",
        level: Level::Warning,
        confidence: Confidence::Likely,
        because: vec![Message::new(because)],
        story: Vec::new(),
    }
    .finish(program)
}

/// The innermost loop around an act.
struct Round {
    items: Option<ValueId>,
    acts: Vec<u32>,
    body: Option<raddle_facts::BlockId>,
}

impl Round {
    /// Whether the loop is left in its first round where nothing goes wrong, as one that tries again.
    fn may_end_at_once(&self, facts: &FileFacts) -> bool {
        self.items.is_none()
            && self.body.is_some_and(|body| {
                facts.steps_below(body).iter().any(|it| matches!(it, Flow::Break(_) | Flow::Return { .. }))
            })
    }
}

fn loop_around(facts: &FileFacts, function: FunctionRef, at: u32) -> Option<Round> {
    let mut best: Option<Round> = None;
    for flow in facts.steps_below(facts.function(function.function).body) {
        let Flow::Loop { kind, body, .. } = flow else { continue };
        let acts = facts.acts_below(body);
        if acts.contains(&at) && best.as_ref().is_none_or(|it| acts.len() < it.acts.len()) {
            let items = match kind {
                LoopKind::For(value) => Some(value),
                LoopKind::While(_) | LoopKind::Forever | LoopKind::AsyncFor(_) => None,
            };
            best = Some(Round { items, acts, body: Some(body) });
        }
    }
    best.or_else(|| in_comprehension(facts, function, at))
}

/// `[Thread(…) for item in items]`: the nearest iteration before, whose text holds nothing of the act's.
fn in_comprehension(facts: &FileFacts, function: FunctionRef, at: u32) -> Option<Round> {
    let (start, _) = facts.function(function.function).acts;
    (start..at).rev().find_map(|it| match facts.acts[it as usize].kind {
        ActKind::Iterate(items) => Some(Round { items: Some(items), acts: vec![at], body: None }),
        _ => None,
    })
}

/// Values nested deeper than this are not looked into.
const DEEPEST: u32 = 6;

/// Whether nothing bounds how much iterating a value gives.
fn is_open_ended(program: &Program, function: FunctionRef, items: ValueId, depth: u32) -> bool {
    if depth > DEEPEST {
        return false;
    }
    let facts = &program.unit(function.unit).facts;
    match facts.value(items) {
        Value::Call(callee, arguments) => {
            let name = facts.called_name(callee).unwrap_or_default();
            let given = facts.arguments(arguments);
            match name {
                "range" => given.iter().any(|it| facts.value(it.value) == Value::Large),
                "enumerate" | "zip" | "sorted" | "list" | "tuple" | "set" | "reversed" | "tqdm" | "filter" | "map" => {
                    given.iter().any(|it| is_open_ended(program, function, it.value, depth + 1))
                }
                _ => OPEN_ENDED.contains(&name),
            }
        }
        Value::Entered(inner) | Value::Narrowed(inner, _) | Value::Declared(_, inner) => {
            is_open_ended(program, function, inner, depth + 1)
        }
        Value::Parameter(owner, place) => {
            let name = facts.function(owner).parameters.get(place as usize).map(|it| facts.text(it.name));
            name.is_some_and(is_many)
        }
        _ => false,
    }
}

/// Whether a parameter's name says that it holds as many things as there are to do.
fn is_many(name: &str) -> bool {
    const MANY: &[&str] = &[
        "urls",
        "paths",
        "files",
        "filenames",
        "items",
        "records",
        "rows",
        "jobs",
        "tasks",
        "requests",
        "messages",
        "users",
        "ids",
        "links",
        "pages",
        "images",
        "lines",
        "documents",
        "docs",
        "events",
        "data",
        "inputs",
        "targets",
        "addresses",
        "emails",
        "orders",
        "work_items",
        "keys",
        "batch",
    ];
    let name = name.trim_start_matches('_');
    MANY.iter().any(|it| name == *it || name.strip_suffix(it).is_some_and(|rest| rest.ends_with('_')))
}

/// Whether a pool gets another owner than the round that makes it.
fn is_kept(facts: &FileFacts, function: FunctionRef, made: &Called<'_>) -> bool {
    let is_it = |value: ValueId| value == made.call;
    facts
        .function(function.function)
        .returned
        .iter()
        .chain(&facts.function(function.function).yielded)
        .any(|it| is_it(*it))
        || facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Write(place, value) => is_it(value) && !matches!(facts.value(place), Value::Name(..)),
            ActKind::Call(call) => {
                let Value::Call(_, arguments) = facts.value(call) else { return false };
                facts.arguments(arguments).iter().any(|it| is_it(it.value))
            }
            _ => false,
        })
}
