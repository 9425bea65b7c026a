//! One operation in place of a look and an act: `setdefault`, and `get_nowait` for `empty` and `get`.

use raddle_source::syntax::ast::{self, CmpOp, Expr, Stmt};
use raddle_source::syntax::{Ranged, TextRange};
use raddle_vocabulary::Remedy;

use crate::page::{Node, Page};
use crate::wrap::called_method;
use crate::{Asked, imports, safe, to_look_over};

/// What can be done about a check and an act in one operation.
pub(crate) fn at_once(asked: &Asked<'_>) -> Option<Remedy> {
    let statement = asked.way.outwards().find_map(|it| match it {
        Node::Stmt(stmt @ Stmt::If(_)) => Some(stmt),
        _ => None,
    })?;
    match statement {
        Stmt::If(it) if it.elif_else_clauses.is_empty() => set_default(asked.page, statement, it),
        _ => None,
    }
}

/// `get_nowait` for a queue that is asked whether it is empty.
pub(crate) fn without_waiting(asked: &Asked<'_>) -> Option<Remedy> {
    let statement = asked.way.outwards().find_map(|it| match it {
        Node::Stmt(stmt @ (Stmt::If(_) | Stmt::While(_))) => Some(stmt),
        _ => None,
    })?;
    match statement {
        Stmt::If(it) if it.elif_else_clauses.is_empty() => taken(asked, statement, &it.test, &it.body),
        Stmt::While(it) if it.orelse.is_empty() => taken(asked, statement, &it.test, &it.body),
        _ => None,
    }
}

/// `if key not in table: table[key] = []` is `table.setdefault(key, [])`.
fn set_default(page: &Page, statement: &Stmt, test: &ast::StmtIf) -> Option<Remedy> {
    let Expr::Compare(look) = &*test.test else { return None };
    let ([CmpOp::NotIn], [container]) = (&look.ops[..], &look.comparators[..]) else { return None };
    let [Stmt::Assign(write)] = &test.body[..] else { return None };
    let [Expr::Subscript(target)] = &write.targets[..] else { return None };
    let same = page.of_node(&*target.value) == page.of_node(container)
        && page.of_node(&*target.slice) == page.of_node(&*look.left);
    let range = statement.range();
    let has_comment = page.of_node(range).contains('#');
    let is_plain_key =
        matches!(&*look.left, Expr::Name(_) | Expr::StringLiteral(_) | Expr::NumberLiteral(_) | Expr::Attribute(_));
    if !same || has_comment || !is_plain_key || !is_cheap(&write.value) || !page.is_alone(statement) {
        return None;
    }
    let (table, key) = (page.of_node(container), page.of_node(&*look.left));
    let made = format!("{table}.setdefault({key}, {})", page.of_node(&*write.value));
    let edits = vec![page.replace(range, made)];
    let is_dict = ["{}", "dict()"].iter().any(|it| {
        page.text().lines().any(|line| line.trim().starts_with(table) && line.trim_end().ends_with(&format!("= {it}")))
    });
    Some(if is_dict { safe("remedy-setdefault", edits) } else { to_look_over("remedy-setdefault", edits) })
}

/// A value that may be made and thrown away.
fn is_cheap(value: &Expr) -> bool {
    match value {
        Expr::List(it) => it.elts.iter().all(is_cheap),
        Expr::Tuple(it) => it.elts.iter().all(is_cheap),
        Expr::Set(it) => it.elts.iter().all(is_cheap),
        Expr::Dict(it) => it.items.iter().all(|it| it.key.as_ref().is_some_and(is_cheap) && is_cheap(&it.value)),
        Expr::Call(it) => {
            let bare = it.arguments.args.is_empty() && it.arguments.keywords.is_empty();
            let name = it.func.as_name_expr().map(|it| it.id.as_str());
            bare && matches!(name, Some("list" | "dict" | "set" | "deque" | "OrderedDict" | "Counter"))
        }
        Expr::Name(_) => true,
        other => other.is_literal_expr(),
    }
}

/// `get_nowait` and `except Empty` for a queue that is asked whether it is empty.
fn taken(asked: &Asked<'_>, statement: &Stmt, test: &Expr, body: &[Stmt]) -> Option<Remedy> {
    let page = asked.page;
    let Expr::UnaryOp(not) = test else { return None };
    let (queue, has_arguments) = called_method(page, &not.operand, "empty")?;
    let [first, rest @ ..] = body else { return None };
    let value = match first {
        Stmt::Assign(it) => &*it.value,
        Stmt::Expr(it) => &*it.value,
        _ => return None,
    };
    let is_get = called_method(page, value, "get") == Some((queue, false));
    let nowait = called_method(page, value, "get_nowait") == Some((queue, false));
    let bare_call = value.is_call_expr();
    if not.op != ast::UnaryOp::Not || has_arguments || !(is_get || nowait) || !bare_call || !page.is_alone(first) {
        return None;
    }
    let module = if page.text().contains("asyncio.Queue(") { "asyncio" } else { "queue" };
    let empty = if module == "asyncio" {
        imports::member(page, "asyncio", "QueueEmpty")?
    } else {
        imports::member(page, "queue", "Empty")?
    };
    let (newline, unit, indent) = (page.newline(), page.unit(), page.indent(statement.start()));
    let get = page.of_node(first).replace(".get()", ".get_nowait()");
    let mut edits = empty.edits;
    let head = TextRange::new(statement.start(), first.end());
    if page.of_node(head).contains('#')
        || !page.between(page.line_start(statement.start()), statement.start()).trim().is_empty()
    {
        return None;
    }
    let name = empty.name;
    let text = if statement.is_while_stmt() {
        let (one, two) = (format!("{indent}{unit}"), format!("{indent}{unit}{unit}"));
        format!("while True:{newline}{one}try:{newline}{two}{get}{newline}{one}except {name}:{newline}{two}break")
    } else {
        let one = format!("{indent}{unit}");
        let other = if rest.is_empty() { String::new() } else { format!("{newline}{indent}else:") };
        format!("try:{newline}{one}{get}{newline}{indent}except {name}:{newline}{one}pass{other}")
    };
    edits.push(page.replace(head, text));
    Some(to_look_over("remedy-nowait", edits))
}
