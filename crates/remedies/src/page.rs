//! One file as a remedy sees it: its text, its tree, and what stands where.

use std::sync::Arc;

use raddle_source::syntax::ast::{self, ExceptHandler, Expr, Stmt};
use raddle_source::syntax::source_order::{self, SourceOrderVisitor};
use raddle_source::syntax::{Ranged, TextRange, TextSize, TokenKind};
use raddle_source::{Kind, Text};
use raddle_source::{Tree, parse};
use raddle_vocabulary::{Edit, Site, Span};

/// Stack that looking at one level of a tree may take, with room to spare.
const LEVEL_STACK: usize = 4096;

/// A file that findings stand in.
pub(crate) struct Page {
    path: Arc<str>,
    text: Arc<str>,
    tree: Tree,
    /// The Python version it is written for.
    pub(crate) version: (u8, u8),
}

/// Something that a place stands in.
#[derive(Clone, Copy)]
pub(crate) enum Node<'a> {
    /// Statements in a row.
    Suite(&'a [Stmt]),
    Stmt(&'a Stmt),
    Expr(&'a Expr),
    Handler(&'a ExceptHandler),
    /// `for … in …` of a comprehension.
    Comprehension,
}

/// What a place stands in, from the module inwards.
pub(crate) struct Way<'a>(Vec<Node<'a>>);

impl Page {
    /// The page of a text; `None` where it cannot be parsed or nests too deep.
    pub(crate) fn of(text: &Arc<str>, path: &Arc<str>, version: (u8, u8)) -> Option<Page> {
        let kind = match path.rsplit('.').next() {
            Some("pyi") => Kind::Stub,
            _ => Kind::Python,
        };
        let whole = Text {
            display: path.clone(),
            content: text.clone(),
            hash: [0; 16],
            cells: Arc::new([]),
            encoding: "utf-8".into(),
            mark: false,
        };
        let tree = parse(&whole, kind, version).ok()?;
        Some(Page { path: path.clone(), text: text.clone(), tree, version })
    }

    /// Works on the page with a stack that its tree fits on.
    pub(crate) fn deep<T>(&self, work: impl FnOnce(&Page) -> T) -> T {
        let stack = self.tree.depth_bound() as usize * LEVEL_STACK;
        stacker::maybe_grow(stack, stack.max(1 << 20), || work(self))
    }

    /// Whether the file stands in a package of this name.
    pub(crate) fn belongs_to(&self, package: &str) -> bool {
        self.path.rsplit('/').skip(1).any(|it| it == package)
    }

    /// The statements of the module.
    pub(crate) fn module(&self) -> &[Stmt] {
        &self.tree.body
    }

    /// What a place stands in.
    pub(crate) fn way(&self, at: TextRange) -> Way<'_> {
        let mut finder = Finder { at, way: vec![Node::Suite(&self.tree.body)] };
        source_order::walk_body(&mut finder, &self.tree.body);
        Way(finder.way)
    }

    /// The text of a node.
    pub(crate) fn of_node(&self, node: impl Ranged) -> &str {
        self.between(node.start(), node.end())
    }

    /// The text from one offset to another.
    pub(crate) fn between(&self, from: TextSize, to: TextSize) -> &str {
        &self.text[from.to_usize()..to.to_usize()]
    }

    /// All of the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where the line of an offset begins.
    pub(crate) fn line_start(&self, at: TextSize) -> TextSize {
        let before = &self.text[..at.to_usize()];
        let start = before.rfind('\n').map_or(0, |it| it + 1);
        TextSize::new(start as u32)
    }

    /// Where the line of an offset ends, before its line end.
    pub(crate) fn line_end(&self, at: TextSize) -> TextSize {
        let end = self.text[at.to_usize()..].find('\n').map_or(self.text.len(), |it| at.to_usize() + it);
        let end = if self.text[..end].ends_with('\r') && end > at.to_usize() { end - 1 } else { end };
        TextSize::new(end as u32)
    }

    /// Where the line after the one of an offset begins.
    pub(crate) fn next_line(&self, at: TextSize) -> TextSize {
        let end = self.text[at.to_usize()..].find('\n').map_or(self.text.len(), |it| at.to_usize() + it + 1);
        TextSize::new(end as u32)
    }

    /// The white space that the line of an offset begins with.
    pub(crate) fn indent(&self, at: TextSize) -> &str {
        let line = &self.text[self.line_start(at).to_usize()..];
        let end = line.find(|it| !matches!(it, ' ' | '\t' | '\u{c}')).unwrap_or(line.len());
        &line[..end]
    }

    /// How this file ends its lines.
    pub(crate) fn newline(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// One step of indentation, as the file has it first.
    pub(crate) fn unit(&self) -> &str {
        let first = self.tree.tokens().iter().find(|it| it.kind() == TokenKind::Indent);
        first.map_or("    ", |it| self.of_node(it.range()))
    }

    /// Whether a statement stands alone on its lines, but for a comment behind it.
    pub(crate) fn is_alone(&self, stmt: &Stmt) -> bool {
        let before = self.between(self.line_start(stmt.start()), stmt.start());
        before.trim().is_empty() && self.comment_behind(stmt).is_some()
    }

    /// What follows a statement on its last line, if that is nothing or a comment.
    pub(crate) fn comment_behind(&self, stmt: &Stmt) -> Option<&str> {
        let behind = self.between(stmt.end(), self.line_end(stmt.end())).trim();
        (behind.is_empty() || behind.starts_with('#')).then_some(behind)
    }

    /// A replacement.
    pub(crate) fn replace(&self, range: TextRange, text: impl Into<String>) -> Edit {
        let span = Span { start: range.start().to_u32(), end: range.end().to_u32() };
        Edit { site: Site { path: self.path.clone(), span }, text: text.into() }
    }

    /// An insertion.
    pub(crate) fn insert(&self, at: TextSize, text: impl Into<String>) -> Edit {
        self.replace(TextRange::empty(at), text)
    }

    /// Indents the lines of a range by one step; what stands inside of texts over several lines stays as it is.
    pub(crate) fn indented(&self, range: TextRange) -> Vec<Edit> {
        let mut edits = Vec::new();
        let inside = self.texts_in(range);
        let mut at = self.line_start(range.start());
        while at < range.end() {
            let next = self.next_line(at);
            let is_blank = self.between(at, next).trim().is_empty();
            if !is_blank && !inside.iter().any(|it| it.start() < at && at < it.end()) {
                edits.push(self.insert(at, self.unit()));
            }
            if next == at {
                break;
            }
            at = next;
        }
        edits
    }

    /// Strings in a range that go over several lines.
    fn texts_in(&self, range: TextRange) -> Vec<TextRange> {
        let mut texts = Vec::new();
        let mut open = Vec::new();
        for token in self.tree.tokens().iter().filter(|it| it.end() > range.start() && it.start() < range.end()) {
            match token.kind() {
                TokenKind::String => texts.push(token.range()),
                TokenKind::FStringStart | TokenKind::TStringStart => open.push(token.start()),
                TokenKind::FStringEnd | TokenKind::TStringEnd => {
                    if let Some(start) = open.pop() {
                        texts.push(TextRange::new(start, token.end()));
                    }
                }
                _ => {}
            }
        }
        texts
    }

    /// Where the own-line comments above a statement begin.
    pub(crate) fn above(&self, stmt: &Stmt) -> TextSize {
        self.comments_above(stmt.start())
    }

    /// Where the own-line comments above a line begin.
    pub(crate) fn comments_above(&self, line: TextSize) -> TextSize {
        let mut at = self.line_start(line);
        while at > TextSize::new(0) {
            let before = self.line_start(at - TextSize::new(1));
            let same = self.indent(before) == self.indent(line);
            if !same || !self.between(before, at).trim_start().starts_with('#') {
                break;
            }
            at = before;
        }
        at
    }
}

impl<'a> Way<'a> {
    /// The nodes, innermost first.
    pub(crate) fn outwards(&self) -> impl Iterator<Item = Node<'a>> + '_ {
        self.0.iter().rev().copied()
    }

    /// The innermost expression of exactly this range, and what it stands in directly, if that is an expression.
    pub(crate) fn expr(&self, at: TextRange) -> Option<(&'a Expr, Option<&'a Expr>)> {
        let place = self.0.iter().rposition(|it| matches!(it, Node::Expr(expr) if expr.range() == at))?;
        let Node::Expr(expr) = self.0[place] else { return None };
        let around = match place.checked_sub(1).map(|it| self.0[it]) {
            Some(Node::Expr(around)) => Some(around),
            _ => None,
        };
        Some((expr, around))
    }

    /// The innermost statement.
    pub(crate) fn stmt(&self) -> Option<&'a Stmt> {
        self.outwards().find_map(|it| if let Node::Stmt(stmt) = it { Some(stmt) } else { None })
    }

    /// The innermost statement with the suite it stands in, and its place there.
    pub(crate) fn placed(&self) -> Option<(&'a [Stmt], usize)> {
        self.all_placed().next()
    }

    /// The statements it stands in with their suites, innermost first.
    pub(crate) fn all_placed(&self) -> impl Iterator<Item = (&'a [Stmt], usize)> + '_ {
        (1..self.0.len()).rev().filter_map(|at| match (self.0[at - 1], self.0[at]) {
            (Node::Suite(suite), Node::Stmt(stmt)) => {
                suite.iter().position(|it| it.range() == stmt.range()).map(|place| (suite, place))
            }
            _ => None,
        })
    }

    /// The function whose body it stands in directly; `None` in a lambda, a class body or a generator.
    pub(crate) fn function(&self) -> Option<&'a ast::StmtFunctionDef> {
        for node in self.outwards() {
            match node {
                Node::Stmt(Stmt::FunctionDef(function)) => return Some(function),
                Node::Stmt(Stmt::ClassDef(_)) | Node::Expr(Expr::Lambda(_) | Expr::Generator(_)) => return None,
                _ => {}
            }
        }
        None
    }

    /// The class whose method it stands in.
    pub(crate) fn class(&self) -> Option<&'a ast::StmtClassDef> {
        let mut inside = false;
        for node in self.outwards() {
            match node {
                Node::Stmt(Stmt::FunctionDef(_)) => inside = true,
                Node::Stmt(Stmt::ClassDef(class)) => return inside.then_some(class),
                _ => {}
            }
        }
        None
    }

    /// The statement of the module it stands in.
    pub(crate) fn top(&self) -> Option<&'a Stmt> {
        self.0.iter().find_map(|it| if let Node::Stmt(stmt) = it { Some(*stmt) } else { None })
    }
}

struct Finder<'a> {
    at: TextRange,
    way: Vec<Node<'a>>,
}

impl<'a> Finder<'a> {
    fn enter(&mut self, range: TextRange, node: Node<'a>, walk: impl FnOnce(&mut Self)) {
        if range.contains_range(self.at) {
            self.way.push(node);
            walk(self);
        }
    }
}

impl<'a> SourceOrderVisitor<'a> for Finder<'a> {
    fn visit_body(&mut self, body: &'a [Stmt]) {
        if let (Some(first), Some(last)) = (body.first(), body.last()) {
            let range = TextRange::new(first.start(), last.end());
            self.enter(range, Node::Suite(body), |it| source_order::walk_body(it, body));
        }
    }

    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        self.enter(stmt.range(), Node::Stmt(stmt), |it| source_order::walk_stmt(it, stmt));
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        self.enter(expr.range(), Node::Expr(expr), |it| source_order::walk_expr(it, expr));
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        self.enter(handler.range(), Node::Handler(handler), |it| source_order::walk_except_handler(it, handler));
    }

    fn visit_comprehension(&mut self, comprehension: &'a ast::Comprehension) {
        self.enter(comprehension.range(), Node::Comprehension, |it| {
            source_order::walk_comprehension(it, comprehension);
        });
    }
}
