//! Cancellation that is caught goes on: `raise`.

use raddle_source::syntax::ast::{ExceptHandler, ExceptHandlerExceptHandler, Expr, ExprTuple, Stmt};
use raddle_source::syntax::{Ranged, TextLen, TextRange, TextSize};
use raddle_vocabulary::{Edit, Remedy};

use crate::page::{Node, Page};
use crate::{Asked, imports, to_look_over};

/// `raise` at the end of the handler that catches the cancellation, or a handler of its own before a broad one.
pub(crate) fn passed_on(asked: &Asked<'_>) -> Option<Remedy> {
    if asked.finding.message.key == "named" {
        return unnamed(asked);
    }
    if !matches!(&*asked.finding.message.key, "swallowed" | "swallowed-broad" | "goes-on" | "converted") {
        return None;
    }
    let page = asked.page;
    let handler = asked.way.outwards().find_map(|node| match node {
        Node::Handler(ExceptHandler::ExceptHandler(handler)) => Some(handler),
        _ => None,
    })?;
    let statement = asked.way.stmt()?;
    let Stmt::Try(whole) = statement else { return None };
    if whole.is_star {
        return None;
    }
    if handler.type_.as_deref().is_some_and(|it| is_cancelled(page, it)) {
        return Some(to_look_over("remedy-raise", raised(page, handler)?));
    }
    if let Some(Expr::Tuple(classes)) = handler.type_.as_deref()
        && let Some(edit) = taken_out(page, classes)
    {
        return Some(to_look_over("remedy-not-caught", vec![edit]));
    }
    // The loop that a task of trio or anyio runs on has a cancellation of its own.
    let known = page.says(whole_text(page), "asyncio");
    if !known && (page.says(whole_text(page), "trio") || page.says(whole_text(page), "anyio")) {
        return None;
    }
    let class = imports::member(page, "asyncio", "CancelledError")?;
    let (indent, newline) = (page.indent(handler.start()), page.newline());
    let clause = format!("except {}:{newline}{indent}{}raise{newline}{indent}", class.name, page.unit());
    let mut edits = class.edits;
    let above = page.comments_above(handler.start());
    let at = above + page.indent(above).text_len();
    edits.push(page.insert(at, clause));
    let begins = page.between(page.line_start(handler.start()), handler.start()).trim().is_empty();
    begins.then(|| to_look_over("remedy-raise-before", edits))
}

fn whole_text(page: &Page) -> TextRange {
    TextRange::up_to(TextSize::new(page.text().len() as u32))
}

/// `asyncio.CancelledError`, and nothing else.
fn is_cancelled(page: &Page, class: &Expr) -> bool {
    match class {
        Expr::Tuple(it) => it.elts.len() == 1 && is_cancelled(page, &it.elts[0]),
        _ => page.of_node(class).ends_with("CancelledError"),
    }
}

/// A name for several classes without `CancelledError`.
fn unnamed(asked: &Asked<'_>) -> Option<Remedy> {
    let page = asked.page;
    let value = match asked.way.stmt()? {
        Stmt::Assign(it) => &*it.value,
        Stmt::AnnAssign(it) => it.value.as_deref()?,
        _ => return None,
    };
    let classes = value.as_tuple_expr()?;
    let place = classes.elts.iter().position(|it| is_cancelled(page, it))?;
    let class = &classes.elts[place];
    if classes.elts.len() < 2 || classes.elts.iter().filter(|it| is_cancelled(page, it)).count() > 1 {
        return None;
    }
    let line = TextRange::new(page.line_start(class.start()), page.next_line(class.end()));
    let alone = page.between(line.start(), class.start()).trim().is_empty()
        && matches!(page.between(class.end(), line.end()).trim(), "," | "");
    let range = match (alone, classes.elts.get(place + 1)) {
        (true, _) => line,
        (false, Some(next)) => TextRange::new(class.start(), next.start()),
        (false, None) => TextRange::new(classes.elts[place - 1].end(), class.end()),
    };
    let text = page.of_node(range);
    (!text.contains('#')).then(|| to_look_over("remedy-not-caught", vec![page.replace(range, "")]))
}

/// The classes without `CancelledError`, where they name it beside others that do not catch it.
fn taken_out(page: &Page, classes: &ExprTuple) -> Option<Edit> {
    let is_base = |it: &&Expr| page.of_node(*it).ends_with("BaseException");
    let kept: Vec<&Expr> = classes.elts.iter().filter(|it| !is_cancelled(page, it)).collect();
    let text = page.of_node(classes);
    if kept.is_empty() || kept.len() == classes.elts.len() || kept.iter().any(is_base) || text.contains(['#', '\n']) {
        return None;
    }
    let names: Vec<&str> = kept.iter().map(|it| page.of_node(*it)).collect();
    let text = if let [name] = &names[..] { (*name).to_owned() } else { format!("({})", names.join(", ")) };
    Some(page.replace(classes.range(), text))
}

/// The edits that end a handler with `raise`.
fn raised(page: &Page, handler: &ExceptHandlerExceptHandler) -> Option<Vec<Edit>> {
    let last = handler.body.last()?;
    let begins_line = page.between(page.line_start(last.start()), last.start()).trim().is_empty();
    // What leaves the handler elsewhere would still swallow.
    let (_, before) = handler.body.split_last()?;
    let leaves = |stmt: &Stmt| {
        let text = stmt.range();
        ["return", "break", "continue", "raise"].iter().any(|it| page.says(text, it))
    };
    if before.iter().any(leaves) {
        return None;
    }
    let is_dots = |it: &Stmt| matches!(it, Stmt::Expr(it) if it.value.is_ellipsis_literal_expr());
    match last {
        Stmt::Raise(_) => None,
        Stmt::Pass(_) | Stmt::Break(_) | Stmt::Continue(_) => Some(vec![page.replace(last.range(), "raise")]),
        Stmt::Return(it) if it.value.as_deref().is_none_or(is_plain) => Some(vec![page.replace(last.range(), "raise")]),
        it if is_dots(it) => Some(vec![page.replace(last.range(), "raise")]),
        _ if leaves(last) || !begins_line || page.comment_behind(last).is_none() => None,
        _ => {
            let raise = format!("{}{}raise", page.newline(), page.indent(last.start()));
            Some(vec![page.insert(page.line_end(last.end()), raise)])
        }
    }
}

/// A value that costs nothing to leave out.
fn is_plain(value: &Expr) -> bool {
    value.is_literal_expr() || value.is_name_expr()
}
