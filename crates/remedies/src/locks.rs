//! Locks: `with` for a pair of calls, `finally` for a release, `while` for a wait, and one order for two locks.

use raddle_source::syntax::ast::{self, Expr, Stmt};
use raddle_source::syntax::{Ranged, TextRange, range};
use raddle_vocabulary::{Act, Edit, Remedy, Step};

use crate::page::{Node, Page};
use crate::wrap::{called_method, method_call};
use crate::{Asked, safe, to_look_over};

/// `with lock:` for a lock that something may leave taken, or `finally` where taking it needs a call.
pub(crate) fn released(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    let (suite, place) = asked.way.placed()?;
    let stmt = &suite[place];
    if let Stmt::If(test) = stmt {
        return released_where_taken(asked, test, &suite[place + 1..]);
    }
    let (lock, has_arguments) = method_call(page, stmt, "acquire")?;
    let (body, release) = until_release(page, lock, &suite[place + 1..])?;
    if has_arguments || !page.is_alone(stmt) {
        let edits = in_finally(page, body, release)?;
        return Some(safe("remedy-finally", edits));
    }
    let is_async = matches!(stmt, Stmt::Expr(it) if it.value.is_await_expr());
    let head = if is_async { "async with" } else { "with" };
    let mut edits = vec![page.replace(stmt.range(), format!("{head} {lock}:"))];
    let lines = TextRange::new(page.next_line(stmt.end()), page.line_start(release.start()));
    edits.extend(page.indented(lines));
    edits.push(page.without(release)?);
    Some(safe("remedy-with", edits))
}

/// The statements up to the one that gives the lock back, which nothing before it does.
fn until_release<'a>(page: &Page, lock: &str, rest: &'a [Stmt]) -> Option<(&'a [Stmt], &'a Stmt)> {
    let at = rest.iter().position(|it| method_call(page, it, "release") == Some((lock, false)))?;
    let (body, release) = (&rest[..at], &rest[at]);
    let (first, last) = (body.first()?, body.last()?);
    let text = page.between(first.start(), last.end());
    let touches = text.contains(&format!("{lock}.release")) || text.contains(&format!("{lock}.acquire"));
    (!touches).then_some((body, release))
}

/// `if lock.acquire(timeout=1):` and `if not lock.acquire(timeout=1): return`.
fn released_where_taken(asked: &Asked<'_>, test: &ast::StmtIf, behind: &[Stmt]) -> Option<Remedy> {
    let page = asked.page;
    let (taken, is_not) = match &*test.test {
        Expr::UnaryOp(it) if it.op == ast::UnaryOp::Not => (&*it.operand, true),
        other => (other, false),
    };
    let (lock, _) = called_method(page, taken, "acquire")?;
    if taken.range() != asked.at {
        return None;
    }
    let leaves = |stmt: &Stmt| matches!(stmt, Stmt::Return(_) | Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_));
    let rest = match is_not {
        true if test.body.last().is_some_and(leaves) && test.elif_else_clauses.is_empty() => behind,
        true => return None,
        false => &test.body,
    };
    let (body, release) = until_release(page, lock, rest)?;
    Some(safe("remedy-finally", in_finally(page, body, release)?))
}

fn in_finally(page: &Page, body: &[Stmt], release: &Stmt) -> Option<Vec<Edit>> {
    let mut edits = page.under("try:", body)?;
    if !page.is_alone(release) {
        return None;
    }
    let (indent, newline) = (page.indent(release.start()), page.newline());
    edits.push(page.insert(release.start(), format!("finally:{newline}{indent}{}", page.unit())));
    Some(edits)
}

/// `while` for the `if` around a wait for a condition.
pub(crate) fn looped(asked: &Asked<'_>) -> Option<Remedy> {
    let mut statements = asked.way.outwards().filter_map(|it| match it {
        Node::Stmt(stmt) => Some(stmt),
        _ => None,
    });
    let wait = statements.next()?;
    let Stmt::If(test) = statements.next()? else { return None };
    let is_plain = |stmt: &Stmt| matches!(stmt, Stmt::Expr(_) | Stmt::Assign(_) | Stmt::AugAssign(_) | Stmt::Pass(_));
    let inside = test.body.iter().any(|it| it.range() == wait.range());
    if !inside || !test.elif_else_clauses.is_empty() || !test.body.iter().all(is_plain) {
        return None;
    }
    let keyword = TextRange::at(test.start(), raddle_source::syntax::TextSize::new(2));
    let is_if = asked.page.of_node(keyword) == "if";
    let edits = vec![asked.page.replace(keyword, "while")];
    if !is_if {
        return None;
    }
    Some(if test.body.len() == 1 { safe("remedy-while", edits) } else { to_look_over("remedy-while", edits) })
}

/// Two locks that are taken directly one inside of the other.
struct Nested<'a> {
    outer: &'a ast::WithItem,
    inner: &'a ast::WithItem,
    statement: &'a Stmt,
}

/// Where two steps of a story take their locks, if that is one inside of the other.
fn nested<'a>(page: &'a Page, first: &Step, second: &Step) -> Option<Nested<'a>> {
    let (first, second) = (range(first.site.span), range(second.site.span));
    let way = page.way(second);
    let withs: Vec<&Stmt> = way
        .outwards()
        .filter_map(|it| match it {
            Node::Stmt(stmt @ Stmt::With(with)) if !with.is_async => Some(stmt),
            _ => None,
        })
        .collect();
    let item = |stmt: &'a Stmt, at: TextRange| {
        let Stmt::With(with) = stmt else { return None };
        let item = with.items.iter().find(|it| it.context_expr.range().contains_range(at))?;
        item.optional_vars.is_none().then_some((item, with))
    };
    let (statement, outer_statement) = (*withs.first()?, withs.get(1).copied());
    let (inner, with) = item(statement, second)?;
    if let Some((outer, _)) = item(statement, first) {
        return (with.items.len() == 2).then_some(Nested { outer, inner, statement });
    }
    let outer_statement = outer_statement?;
    let (outer, around) = item(outer_statement, first)?;
    let direct = around.items.len() == 1 && with.items.len() == 1 && around.body.len() == 1;
    direct.then_some(Nested { outer, inner, statement: outer_statement })
}

/// The same order for two locks everywhere.
pub(crate) fn ordered(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    let here = |step: &&Step| step.act == Act::Acquire && step.site.path == asked.finding.site.path;
    let takes: Vec<&Step> = asked.finding.story.iter().filter(here).collect();
    if asked.finding.story.iter().any(|it| it.act == Act::Compute) {
        return None;
    }
    match (&*asked.finding.message.key, &takes[..]) {
        ("two-objects", [first, second]) => {
            Some(to_look_over("remedy-sorted", sorted(asked, &nested(page, first, second)?)?))
        }
        ("pair", [a, b, c, d]) => {
            let arguments = &asked.finding.message.args;
            let in_order = arguments.get("first")? < arguments.get("second")?;
            let sides = if in_order { [(c, d), (a, b)] } else { [(a, b), (c, d)] };
            let it = sides.into_iter().find_map(|(first, second)| nested(page, first, second))?;
            let text = |item: &ast::WithItem| page.of_node(&item.context_expr).to_owned();
            let edits = vec![
                page.replace(it.outer.context_expr.range(), text(it.inner)),
                page.replace(it.inner.context_expr.range(), text(it.outer)),
            ];
            Some(to_look_over("remedy-order", edits))
        }
        _ => None,
    }
}

/// `first, second = sorted((a, b), key=id)` before the locks of two objects.
fn sorted(asked: &Asked<'_>, it: &Nested<'_>) -> Option<Vec<Edit>> {
    let page = asked.page;
    let owner = |item: &ast::WithItem| match &item.context_expr {
        Expr::Attribute(lock) if lock.value.is_name_expr() => Some(lock.value.range()),
        _ => None,
    };
    let (outer, inner) = (owner(it.outer)?, owner(it.inner)?);
    let around = asked.way.top()?.range();
    let first = page.fresh(around, &["first", "first_locked"])?;
    let second = page.fresh(around, &["second", "second_locked"])?;
    let at = page.line_start(it.statement.start());
    if !page.between(at, it.statement.start()).trim().is_empty() {
        return None;
    }
    let (one, other) = (page.of_node(outer), page.of_node(inner));
    let (indent, newline) = (page.indent(it.statement.start()), page.newline());
    let line = format!("{indent}{first}, {second} = sorted(({one}, {other}), key=id){newline}");
    Some(vec![page.insert(at, line), page.replace(outer, first), page.replace(inner, second)])
}
