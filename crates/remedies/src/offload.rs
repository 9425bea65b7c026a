//! A call that blocks is awaited in a thread, in the way the project has for it, or becomes its async counterpart.

use raddle_source::syntax::ast::{self, Expr, ExprCall, Stmt};
use raddle_source::syntax::{Ranged, TextRange, TextSize, range};
use raddle_vocabulary::{Edit, Remedy};

use crate::habits::{Habit, Shape};
use crate::page::{Node, Page, Way};
use crate::wrap::names;
use crate::{Asked, imports, safe, to_look_over};

/// Calls whose object belongs to the thread that made it, or is of no use in another one.
const OF_THEIR_THREAD: &[&str] = &[
    "open",
    "io.open",
    "codecs.open",
    "gzip.open",
    "pathlib.Path.open",
    "threading.Lock",
    "threading.RLock",
    "threading.Condition",
];

/// Calls that only begin to read: the rest follows where what they return is used.
const LATER: &[&str] = &[".iterdir", ".glob", ".rglob", ".iglob", ".scandir", ".walk", ".open"];

/// What all tasks of a program share on the loop's thread, and no two threads may use at once.
const NOT_FOR_THREADS: &[&str] = &[
    "sqlite3.",
    "sqlalchemy.orm.Session.",
    "sqlalchemy.orm.Query.",
    "sqlalchemy.orm.scoped_session.",
    "sqlalchemy.engine.Connection.",
    "sqlalchemy.engine.Result.",
    "sqlalchemy.engine.CursorResult.",
];

/// Takes what blocks off the event loop, everywhere that the finding names.
pub(crate) fn off_the_loop(asked: &Asked<'_>) -> Option<Remedy> {
    let finding = asked.finding;
    if !matches!(&*finding.message.key, "direct" | "through-helper") {
        return None;
    }
    let mut edits: Vec<Edit> = Vec::new();
    let mut sleeps = true;
    let call = finding.message.args.get("call")?;
    let mut calls = vec![(asked.at, &**call)];
    let is_direct = finding.message.key == "direct";
    for step in &finding.story {
        let also = match &*step.message.key {
            "step-also-block" if is_direct => step.message.args.get("call")?,
            "step-also-from" => call,
            _ => continue,
        };
        if step.site.path != finding.site.path {
            return None;
        }
        calls.push((range(step.site.span), also));
    }
    for (at, blocking) in calls {
        let there = Asked { page: asked.page, finding, habits: asked.habits, way: asked.page.way(at), at };
        let (more, sleep) = one(&there, blocking, is_direct)?;
        sleeps &= sleep;
        let new: Vec<Edit> = more.into_iter().filter(|it| !edits.contains(it)).collect();
        edits.extend(new);
    }
    Some(match (sleeps, imported(asked.page)) {
        (true, Some(_)) => safe("remedy-sleep", edits),
        (true, None) => to_look_over("remedy-sleep", edits),
        (false, _) => to_look_over("remedy-thread", edits),
    })
}

/// The edits for one call, and whether it only sleeps.
fn one(asked: &Asked<'_>, blocking: &str, is_direct: bool) -> Option<(Vec<Edit>, bool)> {
    let page = asked.page;
    let function = asked.way.function().filter(|it| it.is_async)?;
    let (expr, around) = asked.way.expr(asked.at)?;
    let call = expr.as_call_expr()?;
    let nodes = asked.way.outwards().take_while(|it| !matches!(it, Node::Stmt(Stmt::FunctionDef(_))));
    if nodes.into_iter().any(|it| is_closed(page, it)) || in_header(function, asked.at) {
        return None;
    }
    if matches!(around, Some(Expr::Await(_))) {
        return None;
    }
    if is_direct && blocking == "time.sleep" {
        return Some((asleep(asked, call, around)?, true));
    }
    let is_own = |it: &&str| {
        let rest = blocking.strip_prefix(*it);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || it.ends_with('.'))
    };
    let waits_for_lock = asked.finding.message.args.get("cause").is_some_and(|it| it == "@lock");
    // What blocks is going through it, or entering it, and not the call.
    let hidden = is_direct && blocking.ends_with("__");
    let later =
        hidden || is_direct && (LATER.iter().any(|it| blocking.ends_with(it)) || is_entered(&asked.way, asked.at));
    let of_thread =
        is_direct && OF_THEIR_THREAD.iter().any(is_own) || NOT_FOR_THREADS.iter().any(|it| blocking.starts_with(it));
    if of_thread || later || waits_for_lock {
        return None;
    }
    let mut edits = in_thread(asked, function, call)?;
    edits.extend(parenthesized(page, expr, around));
    Some((edits, false))
}

/// Where nothing can be awaited, or a lock of threads would be held meanwhile.
fn is_closed(page: &Page, node: Node<'_>) -> bool {
    match node {
        Node::Stmt(Stmt::With(it)) if !it.is_async => it.items.iter().any(|item| {
            let manager = page.of_node(&item.context_expr).to_lowercase();
            ["lock", "mutex", "cond", "sem"].iter().any(|it| manager.contains(it))
        }),
        Node::Expr(Expr::Lambda(_) | Expr::Generator(_)) | Node::Comprehension => true,
        _ => false,
    }
}

/// Whether something is entered with a plain `with`, under which it goes on to block.
fn is_entered(way: &Way<'_>, at: TextRange) -> bool {
    way.outwards().any(|it| match it {
        Node::Stmt(Stmt::With(it)) => !it.is_async && it.items.iter().any(|it| it.context_expr.range() == at),
        _ => false,
    })
}

/// Defaults, decorators and annotations are evaluated outside.
fn in_header(function: &ast::StmtFunctionDef, at: TextRange) -> bool {
    function.body.first().is_none_or(|it| at.start() < it.start())
}

/// `await` needs parentheses where something is looked up on the result at once.
fn parenthesized(page: &Page, expr: &Expr, around: Option<&Expr>) -> Option<Edit> {
    needs_parentheses(expr, around).then(|| page.insert(expr.end(), ")"))
}

fn needs_parentheses(expr: &Expr, around: Option<&Expr>) -> bool {
    match around {
        Some(Expr::Attribute(it)) => it.value.range() == expr.range(),
        Some(Expr::Subscript(it)) => it.value.range() == expr.range(),
        Some(Expr::Call(it)) => it.func.range() == expr.range(),
        _ => false,
    }
}

/// `await asyncio.sleep(…)`, or that of the library in use.
fn asleep(asked: &Asked<'_>, call: &ExprCall, around: Option<&Expr>) -> Option<Vec<Edit>> {
    let page = asked.page;
    if call.arguments.args.len() != 1 || !call.arguments.keywords.is_empty() || around.is_some() {
        return None;
    }
    let sleep = imports::member(page, library(page), "sleep")?;
    let mut edits = sleep.edits;
    edits.push(page.replace(call.func.range(), format!("await {}", sleep.name)));
    Some(edits)
}

/// The async library that a file is written for; without a sign of one, the standard one.
fn library(page: &Page) -> &'static str {
    imported(page).unwrap_or("asyncio")
}

/// The async library that a file imports.
fn imported(page: &Page) -> Option<&'static str> {
    let has = |module: &str| {
        page.module().iter().any(|stmt| match stmt {
            Stmt::Import(it) => it.names.iter().any(|it| it.name.as_str() == module),
            Stmt::ImportFrom(it) => it.module.as_ref().is_some_and(|it| it.as_str() == module),
            _ => false,
        })
    };
    ["asyncio", "anyio", "trio"].into_iter().find(|it| has(it))
}

/// How work is taken to a thread here.
struct Thread {
    /// What stands before the function.
    before: String,
    /// Whether the call's own parentheses follow those of the function.
    curried: bool,
    keywords: bool,
    edits: Vec<Edit>,
}

fn in_thread(asked: &Asked<'_>, function: &ast::StmtFunctionDef, call: &ExprCall) -> Option<Vec<Edit>> {
    let page = asked.page;
    let habits = asked.habits.near(&asked.finding.site.path);
    let thread = habits.iter().find_map(|it| in_the_way_of(asked, function, it)).or_else(|| by_default(page))?;
    let mut edits = thread.edits;
    let open = if needs_parentheses_of(asked) { "(" } else { "" };
    let before = format!("{open}await {}", thread.before);
    if thread.curried {
        edits.push(page.insert(call.start(), before));
        edits.push(page.insert(call.func.end(), ")"));
        return Some(edits);
    }
    let arguments = &call.arguments;
    let has_keywords = !arguments.keywords.is_empty();
    let partial = (has_keywords && !thread.keywords).then(|| imports::member(page, "functools", "partial"));
    let (mut head, mut tail) = (before, "");
    if let Some(partial) = partial {
        let partial = partial?;
        edits.extend(partial.edits);
        head = format!("{head}{}(", partial.name);
        tail = ")";
    }
    let parenthesis = TextRange::new(call.func.end(), arguments.start() + TextSize::new(1));
    let first = arguments.iter_source_order().next().map(|it| it.range().start());
    let lines = first.map(|it| page.between(parenthesis.end(), it));
    match lines {
        None => {
            edits.push(page.insert(call.start(), head));
            let inner = page.between(parenthesis.end(), arguments.end()).trim_end_matches(')');
            if !inner.trim().is_empty() {
                return None;
            }
            edits.push(page.replace(parenthesis, ""));
        }
        Some(lines) if lines.contains('\n') && !lines.contains('#') => {
            let gap = lines.trim_end_matches([' ', '\t']).len();
            edits.push(page.insert(call.start(), format!("{}{}{}", head.trim_end(), page.newline(), &lines[gap..])));
            edits.push(page.replace(parenthesis, ","));
        }
        Some(_) => {
            edits.push(page.insert(call.start(), head));
            edits.push(page.replace(parenthesis, ", "));
        }
    }
    if !tail.is_empty() {
        edits.push(page.insert(call.end(), tail));
    }
    Some(edits)
}

fn needs_parentheses_of(asked: &Asked<'_>) -> bool {
    asked.way.expr(asked.at).is_some_and(|(expr, around)| needs_parentheses(expr, around))
}

/// The way of a file or its neighbours, where it can be gone here.
fn in_the_way_of(asked: &Asked<'_>, function: &ast::StmtFunctionDef, habit: &Habit) -> Option<Thread> {
    let page = asked.page;
    let plain = |known: imports::Known, keywords: bool| Thread {
        before: format!("{}(", known.name),
        curried: false,
        keywords,
        edits: known.edits,
    };
    match &habit.shape {
        Shape::Library(module, member, keywords) => {
            let (root, rest) = member.split_once('.').map_or((&**member, None), |(root, rest)| (root, Some(rest)));
            let mut known = imports::member(page, module, root)?;
            if let Some(rest) = rest {
                known.name = format!("{}.{rest}", known.name);
            }
            // `run_in_threadpool` is imported by its name.
            if known.name.starts_with("starlette.") && !known.edits.is_empty() {
                known = imports::from(page, module, member)?;
            }
            Some(plain(known, *keywords))
        }
        Shape::Executor => {
            let receiver = &habit.receiver;
            let here = !receiver.is_empty() && is_in_reach(asked, function, receiver);
            let (receiver, edits) = if here {
                (receiver.clone(), Vec::new())
            } else {
                let known = imports::member(page, "asyncio", "get_running_loop")?;
                (format!("{}()", known.name), known.edits)
            };
            let before = format!("{receiver}.run_in_executor(None, ");
            Some(Thread { before, curried: false, keywords: false, edits })
        }
        Shape::Curried => {
            let known = imports::from(page, "asgiref.sync", "sync_to_async")?;
            Some(Thread { before: format!("{}(", known.name), curried: true, keywords: true, edits: known.edits })
        }
        Shape::Function(module, name, keywords) => {
            let own = page.module().iter().any(|it| matches!(it, Stmt::FunctionDef(it) if it.name.as_str() == name));
            let known = match own {
                true => imports::Known { name: name.clone(), edits: Vec::new() },
                false if name.starts_with('_') => return None,
                false => imports::from(page, module, name)?,
            };
            (function.name.as_str() != name).then(|| plain(known, *keywords))
        }
        Shape::Method(name, keywords) => {
            if function.name.as_str() == name || !is_in_reach(asked, function, &habit.receiver) {
                return None;
            }
            let before = format!("{}.{name}(", habit.receiver);
            Some(Thread { before, curried: false, keywords: *keywords, edits: Vec::new() })
        }
    }
}

/// Whether an object can be named in a function as it is elsewhere.
fn is_in_reach(asked: &Asked<'_>, function: &ast::StmtFunctionDef, receiver: &str) -> bool {
    let page = asked.page;
    let root = receiver.split(['.', '(', '[']).next().unwrap_or(receiver);
    let is_plain = receiver.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '.'));
    if !is_plain || root.is_empty() {
        return false;
    }
    let takes = function.parameters.iter().any(|it| it.name().as_str() == root);
    let is_bare = root.len() == receiver.len();
    if takes {
        let class = asked.way.class();
        return is_bare || class.is_some_and(|it| page.says(it.range(), receiver));
    }
    let body = function.body.iter().take_while(|it| it.start() < asked.at.start());
    let assigned = body.into_iter().any(|stmt| match stmt {
        Stmt::Assign(it) => it.end() <= asked.at.start() && it.targets.iter().any(|it| names(it).contains(&root)),
        _ => false,
    });
    assigned && is_bare
}

fn by_default(page: &Page) -> Option<Thread> {
    let (known, keywords) = match library(page) {
        "asyncio" if page.version < (3, 9) => return None,
        "asyncio" => (imports::member(page, "asyncio", "to_thread")?, true),
        other => {
            let known = imports::member(page, other, "to_thread")?;
            (imports::Known { name: format!("{}.run_sync", known.name), edits: known.edits }, false)
        }
    };
    Some(Thread { before: format!("{}(", known.name), curried: false, keywords, edits: known.edits })
}
