//! Statements put under a head of their own: `with lock:`, `try:`, `if …:`.

use raddle_source::syntax::ast::{Expr, Stmt};
use raddle_source::syntax::source_order::{self, SourceOrderVisitor};
use raddle_source::syntax::{Ranged, TextRange};
use raddle_vocabulary::Edit;

use crate::page::Page;

impl Page {
    /// Puts some statements of a suite under a head, one step further in.
    pub(crate) fn under(&self, head: &str, body: &[Stmt]) -> Option<Vec<Edit>> {
        let (first, last) = (body.first()?, body.last()?);
        let begins = self.between(self.line_start(first.start()), first.start()).trim().is_empty();
        if !begins || self.comment_behind(last).is_none() || self.continues(body) {
            return None;
        }
        let start = self.line_start(first.start());
        let line = format!("{}{head}{}", self.indent(first.start()), self.newline());
        let mut edits = vec![self.insert(start, line)];
        edits.extend(self.indented(TextRange::new(start, last.end())));
        Some(edits)
    }

    /// Whether a line of the statements is continued by a backslash, so that what follows may be inside of a text.
    fn continues(&self, body: &[Stmt]) -> bool {
        body.iter().any(|it| self.of_node(it).contains("\\\n") && self.of_node(it).contains(['"', '\'']))
    }

    /// Takes a statement and its line away, but for a comment behind it, which is indented by one step.
    pub(crate) fn without(&self, stmt: &Stmt) -> Option<Edit> {
        if !self.is_alone(stmt) {
            return None;
        }
        let line = TextRange::new(self.line_start(stmt.start()), self.next_line(stmt.end()));
        match self.comment_behind(stmt)? {
            "" => Some(self.replace(line, "")),
            comment => {
                let text = format!("{}{}{comment}", self.indent(stmt.start()), self.unit());
                Some(self.replace(TextRange::new(line.start(), self.line_end(stmt.end())), text))
            }
        }
    }
}

/// Whether statements wait for others or hand control away, in their own function.
pub(crate) fn waits(body: &[Stmt]) -> bool {
    let mut finder = Waits(false);
    body.iter().for_each(|it| finder.visit_stmt(it));
    finder.0
}

struct Waits(bool);

impl<'a> SourceOrderVisitor<'a> for Waits {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            Stmt::For(it) if it.is_async => self.0 = true,
            Stmt::With(it) if it.is_async => self.0 = true,
            _ => source_order::walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Await(_) | Expr::Yield(_) | Expr::YieldFrom(_) => self.0 = true,
            Expr::Lambda(_) => {}
            _ => source_order::walk_expr(self, expr),
        }
    }
}

/// The names that some code reads, and those that it binds.
pub(crate) fn names(expr: &Expr) -> Vec<&str> {
    struct Names<'a>(Vec<&'a str>);
    impl<'a> SourceOrderVisitor<'a> for Names<'a> {
        fn visit_expr(&mut self, expr: &'a Expr) {
            if let Expr::Name(name) = expr {
                self.0.push(name.id.as_str());
            }
            source_order::walk_expr(self, expr);
        }
    }
    let mut names = Names(Vec::new());
    names.visit_expr(expr);
    names.0
}

/// `receiver.method(…)` as a statement, awaited or not: the receiver, and whether arguments are given.
pub(crate) fn method_call<'a>(page: &'a Page, stmt: &'a Stmt, method: &str) -> Option<(&'a str, bool)> {
    let Stmt::Expr(it) = stmt else { return None };
    called_method(page, &it.value, method)
}

/// The same of an expression.
pub(crate) fn called_method<'a>(page: &'a Page, expr: &'a Expr, method: &str) -> Option<(&'a str, bool)> {
    let call = match expr {
        Expr::Await(it) => it.value.as_call_expr()?,
        Expr::Call(call) => call,
        _ => return None,
    };
    let function = call.func.as_attribute_expr()?;
    let is_it = function.attr.as_str() == method;
    let bare = call.arguments.args.is_empty() && call.arguments.keywords.is_empty();
    is_it.then(|| (page.of_node(&*function.value), !bare))
}
