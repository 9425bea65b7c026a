//! A lock held over a look and the write that rests on it, where it is clear which lock.

use raddle_source::syntax::ast::{self, Expr, Stmt};
use raddle_source::syntax::{Ranged, TextRange, range};
use raddle_vocabulary::{Proof, Remedy, Step};

use crate::page::{Node, Page};
use crate::wrap::waits;
use crate::{Asked, to_look_over};

/// Longer stretches of code should not be put under a lock unread.
const MOST_LINES: usize = 12;

/// The lock that guards the place everywhere else.
pub(crate) fn as_elsewhere(asked: &Asked<'_>) -> Option<Remedy> {
    let lock = asked.finding.message.args.get("lock")?;
    let lock = match lock.rsplit_once('.') {
        Some((_, attribute)) => format!("{}.{attribute}", receiver(asked)?),
        None => lock.clone(),
    };
    let takes_it = |word: &str| asked.page.text().contains(&format!("{word} {lock}:"));
    let head = match (takes_it("async with"), takes_it("with")) {
        (true, _) => format!("async with {lock}:"),
        (false, true) => format!("with {lock}:"),
        (false, false) => return None,
    };
    held(asked, &head, &lock)
}

/// The one lock that the class, or the module, has.
pub(crate) fn by_the_only_lock(asked: &Asked<'_>) -> Option<Remedy> {
    let place = asked.finding.message.args.get("place")?;
    let Proof::Inferred { because } = &asked.finding.proof else { return None };
    let between_tasks = because.iter().any(|it| matches!(&*it.key, "because-tasks" | "because-called-twice"));
    let lock = match place.contains('.') {
        true => {
            let me = receiver(asked)?;
            let class = asked.way.class()?;
            let constructor = class.body.iter().find_map(|it| match it {
                Stmt::FunctionDef(it) if it.name.as_str() == "__init__" => Some(it),
                _ => None,
            })?;
            let lock = only_lock(asked.page, &constructor.body, between_tasks)?;
            lock.strip_prefix(me)?.starts_with('.').then_some(lock)?
        }
        false => only_lock(asked.page, asked.page.module(), between_tasks)?,
    };
    // Half a lock is none: everybody else in the story has to hold it already.
    let others = asked.finding.story.iter().filter(|it| {
        matches!(&*it.message.key, "step-shared-other" | "step-shared-also") && it.site != asked.finding.site
    });
    let holds_it = |it: &Step| {
        it.site.path == asked.finding.site.path
            && asked.page.way(range(it.site.span)).outwards().any(|node| is_under(asked.page, node, lock))
    };
    if !others.into_iter().all(holds_it) {
        return None;
    }
    let word = if between_tasks { "async with" } else { "with" };
    held(asked, &format!("{word} {lock}:"), lock)
}

/// The target of the only lock that some statements make.
fn only_lock<'a>(page: &'a Page, body: &'a [Stmt], of_tasks: bool) -> Option<&'a str> {
    let makes = |value: &Expr| match of_tasks {
        true => matches!(page.of_node(value), "asyncio.Lock()" | "anyio.Lock()" | "trio.Lock()"),
        false => matches!(page.of_node(value), "threading.Lock()" | "threading.RLock()" | "Lock()" | "RLock()"),
    };
    let mut locks = body.iter().filter_map(|stmt| match stmt {
        Stmt::Assign(it) if makes(&it.value) => it.targets.first().map(|it| page.of_node(it)),
        Stmt::AnnAssign(it) if it.value.as_deref().is_some_and(makes) => Some(page.of_node(&*it.target)),
        _ => None,
    });
    let only = locks.next()?;
    locks.next().is_none().then_some(only)
}

/// `self`, in a plain method.
fn receiver<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    let method = asked.way.function()?;
    let class = asked.way.class()?;
    let is_method = class.body.iter().any(|it| it.range() == method.range());
    let plain = method.decorator_list.iter().all(|it| {
        let text = asked.page.of_node(&it.expression);
        !text.contains("staticmethod") && !text.contains("classmethod")
    });
    let first = method.parameters.posonlyargs.first().or(method.parameters.args.first())?;
    (is_method && plain).then(|| first.parameter.name.as_str())
}

fn held(asked: &Asked<'_>, head: &str, lock: &str) -> Option<Remedy> {
    let page = asked.page;
    let is_async = head.starts_with("async");
    let function = asked.way.function()?;
    let body = stretch(asked)?;
    let (first, last) = (body.first()?, body.last()?);
    let all = TextRange::new(first.start(), last.end());
    let text = page.of_node(all);
    let too_long = text.lines().count() > MOST_LINES;
    let already = text.contains(lock) || asked.way.outwards().any(|it| is_under(page, it, lock));
    if too_long || already || is_async && !function.is_async || !is_async && waits(body) {
        return None;
    }
    if takes_through_method(asked, all, lock) {
        return None;
    }
    Some(to_look_over("remedy-hold", page.under(head, body)?))
}

/// Whether something a place stands in takes the lock already.
fn is_under(page: &Page, node: Node<'_>, lock: &str) -> bool {
    match node {
        Node::Stmt(Stmt::With(it)) => it.items.iter().any(|it| page.of_node(&it.context_expr).contains(lock)),
        _ => false,
    }
}

/// Whether the code calls a method of the class that takes the lock itself.
fn takes_through_method(asked: &Asked<'_>, code: TextRange, lock: &str) -> bool {
    let page = asked.page;
    let functions: Vec<&ast::StmtFunctionDef> = match asked.way.class() {
        Some(class) => class.body.iter().filter_map(Stmt::as_function_def_stmt).collect(),
        None => page.module().iter().filter_map(Stmt::as_function_def_stmt).collect(),
    };
    let takes = |it: &&ast::StmtFunctionDef| page.of_node(*it).contains(lock) && page.says(code, &it.name);
    functions.iter().any(takes)
}

/// The statements from the look to the write.
fn stretch<'a>(asked: &Asked<'a>) -> Option<&'a [Stmt]> {
    let looks = asked.finding.story.iter().find(|it| {
        matches!(&*it.message.key, "step-shared-looks" | "step-shared-iterates")
            && it.site.path == asked.finding.site.path
    });
    let all = looks.map_or(asked.at, |it| asked.at.cover(range(it.site.span)));
    let way = asked.page.way(all);
    for node in way.outwards() {
        match node {
            Node::Suite(suite) => {
                let from = suite.iter().position(|it| it.range().contains(all.start()))?;
                let to = suite.iter().rposition(|it| it.range().contains_inclusive(all.end()))?;
                return suite.get(from..=to);
            }
            Node::Stmt(Stmt::While(_) | Stmt::With(_) | Stmt::FunctionDef(_) | Stmt::ClassDef(_)) => return None,
            Node::Stmt(_) => {
                let (suite, place) = way.placed()?;
                return suite.get(place..=place);
            }
            _ => {}
        }
    }
    None
}
