//! Questions that the tree alone answers: static conditions, bound names, loops that spin.

use raddle_source::syntax::ast::{self, Expr, Stmt};

use super::Environment;

/// Whether a condition is decided before the program runs.
pub(super) fn truth(test: &Expr, environment: Environment) -> Option<bool> {
    match test {
        Expr::BooleanLiteral(it) => Some(it.value),
        Expr::NumberLiteral(it) => match &it.value {
            ast::Number::Int(int) => Some(*int != 0u8),
            ast::Number::Float(_) | ast::Number::Complex { .. } => None,
        },
        Expr::UnaryOp(it) if it.op == ast::UnaryOp::Not => truth(&it.operand, environment).map(|it| !it),
        Expr::BoolOp(it) => {
            let mut all = it.values.iter().map(|it| truth(it, environment));
            match it.op {
                ast::BoolOp::And if it.values.iter().any(|it| truth(it, environment) == Some(false)) => Some(false),
                ast::BoolOp::And => all.all(|it| it == Some(true)).then_some(true),
                ast::BoolOp::Or if it.values.iter().any(|it| truth(it, environment) == Some(true)) => Some(true),
                ast::BoolOp::Or => all.all(|it| it == Some(false)).then_some(false),
            }
        }
        Expr::Compare(it) => version_truth(it, environment),
        _ => None,
    }
}

/// `sys.version_info >= (3, 11)` and its like.
fn version_truth(it: &ast::ExprCompare, environment: Environment) -> Option<bool> {
    let ([op], [Expr::Tuple(bound)]) = (&*it.ops, &*it.comparators) else { return None };
    let Expr::Attribute(left) = &*it.left else { return None };
    if left.attr.as_str() != "version_info" {
        return None;
    }
    let mut parts = Vec::new();
    for element in bound.elts.iter().take(2) {
        let Expr::NumberLiteral(number) = element else { return None };
        let ast::Number::Int(int) = &number.value else { return None };
        parts.push(int.as_u8()?);
    }
    let ours = [environment.python_version.0, environment.python_version.1];
    let ours = &ours[..parts.len()];
    match op {
        ast::CmpOp::GtE => Some(ours >= &parts[..]),
        ast::CmpOp::Lt => Some(ours < &parts[..]),
        ast::CmpOp::Gt => Some(ours > &parts[..] || (parts.len() < 2 && ours == &parts[..])),
        ast::CmpOp::LtE => Some(ours <= &parts[..]),
        _ => None,
    }
}

/// `TYPE_CHECKING`, however it is imported.
pub(super) fn is_type_checking(test: &Expr) -> bool {
    match test {
        Expr::Name(it) => it.id.as_str() == "TYPE_CHECKING",
        Expr::Attribute(it) => it.attr.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}

/// Names bound by a target.
pub(super) fn target_names<'a>(target: &'a Expr, acc: &mut Vec<&'a str>) {
    match target {
        Expr::Name(it) => acc.push(it.id.as_str()),
        Expr::Tuple(it) => it.elts.iter().for_each(|it| target_names(it, acc)),
        Expr::List(it) => it.elts.iter().for_each(|it| target_names(it, acc)),
        Expr::Starred(it) => target_names(&it.value, acc),
        _ => {}
    }
}

/// Names bound by statements, without what nested functions and classes bind inside.
pub(super) fn bound_names<'a>(body: &'a [Stmt], acc: &mut Vec<&'a str>) {
    for stmt in body {
        match stmt {
            Stmt::FunctionDef(it) => acc.push(it.name.as_str()),
            Stmt::ClassDef(it) => acc.push(it.name.as_str()),
            Stmt::Assign(it) => it.targets.iter().for_each(|target| target_names(target, acc)),
            Stmt::AugAssign(it) => target_names(&it.target, acc),
            Stmt::AnnAssign(it) => target_names(&it.target, acc),
            Stmt::With(it) => {
                for item in &it.items {
                    if let Some(target) = &item.optional_vars {
                        target_names(target, acc);
                    }
                }
            }
            Stmt::For(it) => target_names(&it.target, acc),
            Stmt::Import(it) => {
                for alias in &it.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    acc.push(name.split('.').next().unwrap_or(name));
                }
            }
            Stmt::ImportFrom(it) => {
                acc.extend(it.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).as_str()));
            }
            _ => {}
        }
        for body in inner_blocks(stmt) {
            bound_names(body, acc);
        }
    }
}

/// The blocks of a compound statement that run in the same function.
fn inner_blocks(stmt: &Stmt) -> Vec<&[Stmt]> {
    match stmt {
        Stmt::If(it) => {
            let mut blocks: Vec<&[Stmt]> = vec![&it.body];
            blocks.extend(it.elif_else_clauses.iter().map(|clause| &clause.body[..]));
            blocks
        }
        Stmt::For(it) => vec![&it.body, &it.orelse],
        Stmt::While(it) => vec![&it.body, &it.orelse],
        Stmt::With(it) => vec![&it.body],
        Stmt::Try(it) => {
            let mut blocks: Vec<&[Stmt]> = vec![&it.body, &it.orelse, &it.finalbody];
            for handler in &it.handlers {
                let ast::ExceptHandler::ExceptHandler(handler) = handler;
                blocks.push(&handler.body);
            }
            blocks
        }
        Stmt::Match(it) => it.cases.iter().map(|case| &case.body[..]).collect(),
        _ => Vec::new(),
    }
}

/// Whether a loop body has a `break` of its own.
pub(super) fn breaks(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::Break(_) => true,
        Stmt::For(it) => breaks(&it.orelse),
        Stmt::While(it) => breaks(&it.orelse),
        _ => inner_blocks(stmt).into_iter().any(breaks),
    })
}

/// Whether a block ends by raising, here or in the last compound statement.
pub(super) fn raises_last(body: &[Stmt]) -> bool {
    match body.last() {
        Some(Stmt::Raise(_)) => true,
        Some(stmt) => inner_blocks(stmt).into_iter().any(raises_last),
        None => false,
    }
}

/// Whether a loop only asks again: its body does nothing, and its test neither calls nor awaits anything that could
/// let another task run.
pub(super) fn spins(it: &ast::StmtWhile) -> bool {
    let idle = it.body.iter().all(|stmt| match stmt {
        Stmt::Pass(_) | Stmt::Continue(_) => true,
        Stmt::Expr(it) => it.value.is_ellipsis_literal_expr() || it.value.is_string_literal_expr(),
        _ => false,
    });
    idle && waits_for_a_state(&it.test)
}

/// A test that reads a state somebody else must change: names, attributes, `is_set()`, `done()` and comparisons of them.
fn waits_for_a_state(test: &Expr) -> bool {
    match test {
        Expr::Name(_) | Expr::Attribute(_) => true,
        Expr::BooleanLiteral(it) => it.value,
        Expr::UnaryOp(it) => waits_for_a_state(&it.operand),
        Expr::BoolOp(it) => it.values.iter().all(waits_for_a_state),
        Expr::Compare(it) => {
            let side = |it: &Expr| waits_for_a_state(it) || it.is_literal_expr();
            side(&it.left) && it.comparators.iter().all(side)
        }
        Expr::Subscript(it) => waits_for_a_state(&it.value),
        Expr::Call(it) => {
            let asks = ["is_set", "done", "is_alive", "locked", "empty", "full", "cancelled", "running", "ready"];
            let clocks = ["time", "monotonic", "perf_counter", "now", "time_ns", "monotonic_ns"];
            let name = match &*it.func {
                Expr::Attribute(func) => func.attr.as_str(),
                Expr::Name(func) => func.id.as_str(),
                _ => return false,
            };
            it.arguments.is_empty() && (clocks.contains(&name) || (asks.contains(&name) && it.func.is_attribute_expr()))
        }
        _ => false,
    }
}
