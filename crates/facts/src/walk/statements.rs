//! Statements: control flow, bindings and the conditions acts stand under.

use raddle_source::syntax::ast::{self, Expr, Stmt};

use super::{Exports, Walker, span, statics};
use crate::file::{ActKind, GuardKind, Held, HeldId, ScopeId};
use crate::flow::{BlockId, Flow, Handler, LoopKind, Usage};
use crate::value::{Display, Value, ValueId};

/// Whether an assignment to `__all__` names everything, or more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Adds {
    All,
    More,
}

impl Walker {
    /// Walks statements in order; conditions that an early exit leaves behind hold to the end of the block.
    pub(super) fn block(&mut self, body: &[Stmt]) {
        let guard = self.frame.guard;
        for stmt in body {
            if !self.frame.reachable {
                break;
            }
            self.statement(stmt);
        }
        self.frame.guard = guard;
    }

    fn statement(&mut self, stmt: &Stmt) {
        match stmt {
            Stmt::FunctionDef(it) => self.function(it),
            Stmt::ClassDef(it) => self.class(it),
            Stmt::Return(it) => {
                let value = match &it.value {
                    Some(value) => self.used(value, Usage::Returned),
                    None => self.build.value(Value::None),
                };
                self.step(Flow::Return { value, span: span(it) });
                if !self.frame.returned.contains(&value) {
                    self.frame.returned.push(value);
                }
                self.frame.reachable = false;
            }
            Stmt::Delete(it) => it.targets.iter().for_each(|target| self.delete(target)),
            Stmt::TypeAlias(it) => {
                let value = self.annotation(&it.value);
                self.bind(&it.name, value);
            }
            Stmt::Assign(it) => self.assign(it),
            Stmt::AugAssign(it) => {
                self.note_exports(&it.target, &it.value, Adds::More);
                let left = self.expr(&it.target);
                let right = self.expr(&it.value);
                let value = self.build.value(Value::Operator(left, right));
                self.quietly_bind(&it.target, value);
                if let Some(place) = self.place(&it.target) {
                    self.update(place, right, span(it), it.op == ast::Operator::Sub);
                }
            }
            Stmt::AnnAssign(it) => self.annotated_assign(it),
            Stmt::For(it) => self.for_loop(it),
            Stmt::While(it) => self.while_loop(it),
            Stmt::If(it) => self.if_chain(&it.test, &it.body, &it.elif_else_clauses),
            Stmt::With(it) => self.with(it),
            Stmt::Match(it) => self.match_statement(it),
            Stmt::Raise(it) => {
                let value = it.exc.as_deref().map(|part| self.used(part, Usage::Raised));
                if let Some(cause) = &it.cause {
                    self.expr(cause);
                }
                self.step(Flow::Raise { value, span: span(it) });
                self.frame.reachable = false;
            }
            Stmt::Try(it) => self.try_statement(it),
            Stmt::Assert(it) => {
                let test = self.condition(&it.test);
                self.narrow(&it.test, true);
                self.frame.guard = self.guard(GuardKind::If(test));
            }
            Stmt::Import(it) => self.import(it),
            Stmt::ImportFrom(it) => self.import_from(it),
            Stmt::Global(it) => self.outer_names(&it.names, true),
            Stmt::Nonlocal(it) => self.outer_names(&it.names, false),
            Stmt::Expr(it) => self.expression_statement(&it.value),
            Stmt::Break(it) => {
                self.step(Flow::Break(span(it)));
                self.frame.reachable = false;
            }
            Stmt::Continue(it) => {
                self.step(Flow::Continue(span(it)));
                self.frame.reachable = false;
            }
            Stmt::Pass(_) | Stmt::IpyEscapeCommand(_) => {}
        }
    }

    fn expression_statement(&mut self, expr: &Expr) {
        let value = self.used(expr, Usage::Discarded);
        if self.silent == 0
            && let Some(last) = self.frame.acts.last_mut()
            && last.kind == ActKind::Call(value)
        {
            last.discarded = true;
        }
    }

    /// `__all__ = […]` and `__all__ += […]`.
    fn note_exports(&mut self, target: &Expr, value: &Expr, adds: Adds) {
        let named = target.as_name_expr().is_some_and(|it| it.id.as_str() == "__all__");
        if !named || self.frame.scope != ScopeId::MODULE {
            return;
        }
        let entries = match value {
            Expr::List(it) => &it.elts[..],
            Expr::Tuple(it) => &it.elts[..],
            _ => {
                self.exports = Exports::Computed;
                return;
            }
        };
        let mut names = match std::mem::replace(&mut self.exports, Exports::Computed) {
            Exports::Names(names) if adds == Adds::More => names,
            Exports::Computed => return,
            Exports::Names(_) | Exports::Unsaid => Vec::new(),
        };
        for entry in entries {
            let Expr::StringLiteral(text) = entry else { return };
            names.push(self.build.symbol(text.value.to_str()));
        }
        self.exports = Exports::Names(names);
    }

    fn assign(&mut self, it: &ast::StmtAssign) {
        for target in &it.targets {
            self.note_exports(target, &it.value, Adds::All);
        }
        let value = self.used(&it.value, Usage::Bound);
        for target in &it.targets {
            self.bind(target, value);
        }
    }

    fn annotated_assign(&mut self, it: &ast::StmtAnnAssign) {
        let annotation = self.annotation(&it.annotation);
        let value = match &it.value {
            Some(value) => self.used(value, Usage::Bound),
            None => ValueId::UNKNOWN,
        };
        let declared = self.build.value(Value::Declared(annotation, value));
        match it.value {
            Some(_) => self.bind(&it.target, declared),
            None => self.quietly_bind(&it.target, declared),
        }
    }

    /// Gives a target its value, and notes the write.
    pub(super) fn bind(&mut self, target: &Expr, value: ValueId) {
        self.quietly_bind(target, value);
        if let Some(place) = self.place(target) {
            self.act(ActKind::Write(place, value), span(target));
        }
    }

    /// What a target names: a variable, an attribute or an item.
    fn place(&mut self, target: &Expr) -> Option<ValueId> {
        if self.silent > 0 {
            return None;
        }
        match target {
            Expr::Name(it) => {
                let sym = self.build.symbol(&it.id);
                Some(self.variable(sym))
            }
            Expr::Attribute(it) => Some(self.silently(|walker| {
                let base = walker.expr(&it.value);
                let sym = walker.build.symbol(&it.attr);
                walker.build.value(Value::Attribute(base, sym))
            })),
            Expr::Subscript(it) => Some(self.silently(|walker| {
                let base = walker.expr(&it.value);
                let index = walker.expr(&it.slice);
                walker.build.value(Value::Subscript(base, index))
            })),
            _ => None,
        }
    }

    /// Gives a target its value.
    fn quietly_bind(&mut self, target: &Expr, value: ValueId) {
        match target {
            Expr::Name(name) => {
                let sym = self.build.symbol(&name.id);
                self.write(sym, value);
            }
            Expr::Tuple(it) => self.unpack(&it.elts, value),
            Expr::List(it) => self.unpack(&it.elts, value),
            Expr::Starred(it) => {
                let element = self.build.value(Value::Element(value));
                let entries = self.build.list(vec![element]);
                let rest = self.build.value(Value::Display(Display::List, entries));
                self.bind(&it.value, rest);
            }
            Expr::Attribute(it) => {
                if let Expr::Name(base) = &*it.value
                    && let Some((class, receiver)) = self.frame.receiver
                    && self.build.text(receiver) == base.id.as_str()
                {
                    let sym = self.build.symbol(&it.attr);
                    self.classes[class.0 as usize].attributes.push((sym, value));
                } else {
                    self.used(&it.value, Usage::Receiver);
                }
            }
            Expr::Subscript(it) => {
                self.used(&it.value, Usage::Indexed);
                self.expr(&it.slice);
            }
            _ => {}
        }
    }

    fn unpack(&mut self, targets: &[Expr], value: ValueId) {
        let known: Option<Vec<ValueId>> = match self.build.get(value) {
            Value::Display(Display::Tuple | Display::List, entries) if entries.len as usize == targets.len() => {
                Some(self.build.entries(entries).to_vec())
            }
            _ => None,
        };
        for (at, target) in targets.iter().enumerate() {
            let part = match &known {
                Some(parts) => parts[at],
                None => self.build.value(Value::Unpacked(value, u16::try_from(at).unwrap_or(u16::MAX))),
            };
            self.bind(target, part);
        }
    }

    fn delete(&mut self, target: &Expr) {
        if let Some(place) = self.place(target) {
            self.act(ActKind::Delete(place), span(target));
        }
        match target {
            Expr::Name(name) => {
                let sym = self.build.symbol(&name.id);
                self.frame.bindings.forget(sym);
            }
            Expr::Attribute(it) => {
                self.expr(&it.value);
            }
            Expr::Subscript(it) => {
                self.expr(&it.value);
                self.expr(&it.slice);
            }
            _ => {}
        }
    }

    fn if_chain(&mut self, test: &Expr, body: &[Stmt], clauses: &[ast::ElifElseClause]) {
        let condition = self.condition(test);
        let truth = statics::truth(test, self.environment);
        let hidden = u32::from(statics::is_type_checking(test));
        let outside = self.frame.guard;
        let before = self.frame.bindings.clone();

        self.frame.reachable = truth != Some(false);
        self.frame.guard = self.guard(GuardKind::If(condition));
        self.narrow(test, true);
        let known = self.frame.reachable;
        self.frame.reachable &= hidden == 0;
        self.open_block();
        self.frame.reachable = known;
        self.silent += hidden;
        self.block(body);
        self.silent -= hidden;
        let then_block = self.close_block();
        let then_reachable = self.frame.reachable;
        let then = std::mem::replace(&mut self.frame.bindings, before);

        self.frame.reachable = truth != Some(true) || hidden > 0;
        self.frame.guard = outside;
        self.frame.guard = self.guard(GuardKind::Unless(condition));
        let unless = self.frame.guard;
        self.narrow(test, false);
        self.open_block();
        match clauses.split_first() {
            Some((ast::ElifElseClause { test: Some(test), body, .. }, rest)) => self.if_chain(test, body, rest),
            Some((ast::ElifElseClause { test: None, body, .. }, _)) => self.block(body),
            None => {}
        }
        let orelse = self.close_block();
        self.step_after(Flow::Branch { test: condition, then: then_block, orelse });
        let else_reachable = self.frame.reachable;

        // What follows an early exit stands under the condition that did not exit.
        self.frame.guard = match (then_reachable, else_reachable) {
            (false, true) => unless,
            (true, false) => {
                self.frame.guard = outside;
                self.guard(GuardKind::If(condition))
            }
            _ => outside,
        };
        self.frame.reachable = then_reachable || else_reachable;
        match (then_reachable, else_reachable) {
            (true, true) => self.frame.bindings.join(then),
            (true, false) => self.frame.bindings = then,
            (false, _) => {}
        }
    }

    /// Names that a loop binds may hold any of their bindings when it comes round.
    fn blur(&mut self, body: &[Stmt], target: Option<&Expr>) {
        let mut names = Vec::new();
        statics::bound_names(body, &mut names);
        if let Some(target) = target {
            statics::target_names(target, &mut names);
        }
        for name in names {
            let sym = self.build.symbol(name);
            if self.frame.bindings.get(sym).is_some() {
                let every = self.build.value(Value::Name(self.frame.scope, sym));
                self.frame.bindings.set(sym, every);
            }
        }
    }

    fn for_loop(&mut self, it: &ast::StmtFor) {
        let iterable = self.used(&it.iter, if it.is_async { Usage::AsyncIterated } else { Usage::Iterated });
        let element = if it.is_async {
            self.note_awaited(iterable);
            self.act(ActKind::AsyncIterate(iterable), span(&*it.iter));
            Value::AsyncElement(iterable)
        } else {
            self.act(ActKind::Iterate(iterable), span(&*it.iter));
            Value::Element(iterable)
        };
        self.blur(&it.body, Some(&it.target));
        let before = self.frame.bindings.clone();
        let element = self.build.value(element);
        self.open_block();
        self.bind(&it.target, element);
        self.frame.loops += 1;
        self.block(&it.body);
        self.frame.loops -= 1;
        let body = self.close_block();
        self.frame.reachable = true;
        self.frame.bindings.join(before);
        let orelse = self.own_block(&it.orelse);
        let kind = if it.is_async { LoopKind::AsyncFor(iterable) } else { LoopKind::For(iterable) };
        self.step_after(Flow::Loop { kind, body, orelse, span: span(it) });
        self.frame.reachable = true;
    }

    fn while_loop(&mut self, it: &ast::StmtWhile) {
        self.blur(&it.body, None);
        let before = self.frame.bindings.clone();
        if statics::spins(it) {
            self.act(ActKind::Spin, span(it));
        }
        self.frame.loops += 1;
        self.open_block();
        let test = self.condition(&it.test);
        let outside = self.frame.guard;
        self.frame.guard = self.guard(GuardKind::If(test));
        self.narrow(&it.test, true);
        self.block(&it.body);
        let body = self.close_block();
        self.frame.guard = outside;
        self.frame.loops -= 1;
        let always = statics::truth(&it.test, self.environment) == Some(true);
        let forever = always && !statics::breaks(&it.body);
        self.frame.reachable = true;
        self.frame.bindings.join(before);
        let orelse = self.own_block(&it.orelse);
        let kind = if always { LoopKind::Forever } else { LoopKind::While(test) };
        self.step_after(Flow::Loop { kind, body, orelse, span: span(it) });
        self.frame.reachable = !forever;
        // Behind a loop that only its test ends, the test is false.
        if !statics::breaks(&it.body) {
            self.frame.guard = self.guard(GuardKind::Unless(test));
        }
    }

    /// A block of its own.
    fn own_block(&mut self, body: &[Stmt]) -> BlockId {
        self.open_block();
        self.block(body);
        self.close_block()
    }

    fn with(&mut self, it: &ast::StmtWith) {
        let outside = self.frame.held;
        let mut items = Vec::with_capacity(it.items.len());
        for item in &it.items {
            let how = if it.is_async { Usage::AsyncEntered } else { Usage::Entered };
            let manager = self.used(&item.context_expr, how);
            let at = span(&item.context_expr);
            let entered = if it.is_async {
                self.note_awaited(manager);
                self.act(ActKind::AsyncEnter(manager), at);
                Value::AsyncEntered(manager)
            } else {
                self.act(ActKind::Enter(manager), at);
                Value::Entered(manager)
            };
            self.open_block();
            if let Some(target) = &item.optional_vars {
                let entered = self.build.value(entered);
                self.bind(target, entered);
            }
            let id = HeldId(u32::try_from(self.held.len()).expect("a file has fewer than 2^32 `with` items"));
            self.held.push(Held { parent: self.frame.held, manager, is_async: it.is_async, span: at });
            self.frame.held = id;
            items.push(id);
        }
        let before = self.frame.bindings.clone();
        self.block(&it.body);
        for held in items.into_iter().rev() {
            let body = self.close_block();
            self.step_after(Flow::With { held, body, span: span(it) });
        }
        self.frame.held = outside;
        // A context manager may swallow the exception that ended the body.
        if !self.frame.reachable && statics::raises_last(&it.body) {
            self.frame.reachable = true;
            self.frame.bindings.join(before);
        }
    }

    fn try_statement(&mut self, it: &ast::StmtTry) {
        let before = self.frame.bindings.clone();
        let start = self.frame.acts.len() as u32;
        let body = self.own_block(&it.body);
        let mut handlers = Vec::with_capacity(it.handlers.len());
        let mut orelse = BlockId::EMPTY;
        let end = self.frame.acts.len() as u32;
        let body_reachable = self.frame.reachable;
        let after_body = self.frame.bindings.clone();
        let mut at_handler = before;
        at_handler.join(after_body);
        let outside = self.frame.guard;

        if body_reachable && !it.orelse.is_empty() {
            self.frame.guard = self.guard(GuardKind::NoException(start, end));
            orelse = self.own_block(&it.orelse);
            self.frame.guard = outside;
        }
        let mut reachable = self.frame.reachable;
        let mut after = self.frame.bindings.clone();
        let fell_through = reachable;
        for handler in &it.handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            self.frame.bindings = at_handler.clone();
            self.frame.reachable = true;
            let handler = self.handler(handler, start, end);
            handlers.push(handler);
            if self.frame.reachable {
                if reachable {
                    after.join(std::mem::take(&mut self.frame.bindings));
                } else {
                    after = std::mem::take(&mut self.frame.bindings);
                    reachable = true;
                }
            }
            self.frame.guard = outside;
        }
        self.frame.bindings = if reachable { after } else { at_handler };
        self.frame.reachable = true;
        let finally = self.own_block(&it.finalbody);
        let handlers = self.add_handlers(handlers);
        self.step_after(Flow::Try { body, handlers, orelse, finally, span: span(it) });
        self.frame.reachable &= reachable;
        // Every handler leaves, so what follows knows that the body went through.
        if fell_through && !it.handlers.is_empty() && self.all_handlers_leave(it) {
            self.frame.guard = self.guard(GuardKind::NoException(start, end));
        }
    }

    fn all_handlers_leave(&self, it: &ast::StmtTry) -> bool {
        it.handlers.iter().all(|handler| {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            matches!(handler.body.last(), Some(Stmt::Return(_) | Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_)))
        })
    }

    fn handler(&mut self, handler: &ast::ExceptHandlerExceptHandler, start: u32, end: u32) -> Handler {
        let caught = handler.type_.as_deref().map(|class| self.silently(|walker| walker.expr(class)));
        let class = caught.unwrap_or(ValueId::UNKNOWN);
        self.frame.guard = self.guard(GuardKind::Handler(class, start, end));
        if let Some(name) = &handler.name {
            let sym = self.build.symbol(name);
            let raised = self.build.value(Value::Annotated(class));
            self.write(sym, raised);
        }
        let body = self.own_block(&handler.body);
        let whole = span(handler);
        let head = match &handler.type_ {
            Some(class) => span(&**class),
            None => raddle_vocabulary::Span { start: whole.start, end: whole.start + "except".len() as u32 },
        };
        let name = handler.name.as_ref().map(|name| self.build.symbol(name));
        Handler { class: caught, name, body, span: whole, head }
    }

    fn match_statement(&mut self, it: &ast::StmtMatch) {
        let subject = self.expr(&it.subject);
        let before = self.frame.bindings.clone();
        let outside = self.frame.guard;
        let mut after = None;
        let mut exhaustive = false;
        let mut cases = Vec::with_capacity(it.cases.len());
        for case in &it.cases {
            self.frame.bindings = before.clone();
            self.frame.reachable = true;
            self.open_block();
            self.pattern(&case.pattern, subject);
            if let Some(guard) = &case.guard {
                let test = self.condition(guard);
                self.frame.guard = self.guard(GuardKind::If(test));
            }
            self.block(&case.body);
            cases.push(self.close_block());
            self.frame.guard = outside;
            exhaustive |= case.guard.is_none() && case.pattern.is_irrefutable();
            if self.frame.reachable {
                let bindings = std::mem::take(&mut self.frame.bindings);
                match &mut after {
                    None => after = Some(bindings),
                    Some(after) => after.join(bindings),
                }
            }
        }
        let cases = self.add_cases(cases);
        self.step_after(Flow::Match { cases, exhaustive });
        self.frame.reachable = after.is_some() || !exhaustive;
        self.frame.bindings = match after {
            Some(mut after) => {
                if !exhaustive {
                    after.join(before);
                }
                after
            }
            None => before,
        };
    }

    fn pattern(&mut self, pattern: &ast::Pattern, subject: ValueId) {
        match pattern {
            ast::Pattern::MatchAs(it) => {
                if let Some(inner) = &it.pattern {
                    self.pattern(inner, subject);
                }
                if let Some(name) = &it.name {
                    let value = match it.pattern.as_deref() {
                        Some(ast::Pattern::MatchClass(class)) => {
                            let class = self.expr(&class.cls);
                            self.build.value(Value::Narrowed(subject, class))
                        }
                        _ => subject,
                    };
                    let sym = self.build.symbol(name);
                    self.write(sym, value);
                }
            }
            ast::Pattern::MatchOr(it) => it.patterns.iter().for_each(|inner| self.pattern(inner, subject)),
            ast::Pattern::MatchSequence(it) => {
                for (at, inner) in it.patterns.iter().enumerate() {
                    let part = self.build.value(Value::Unpacked(subject, u16::try_from(at).unwrap_or(u16::MAX)));
                    self.pattern(inner, part);
                }
            }
            ast::Pattern::MatchMapping(it) => {
                it.patterns.iter().for_each(|inner| self.pattern(inner, ValueId::UNKNOWN));
            }
            ast::Pattern::MatchClass(it) => {
                for inner in &it.arguments.patterns {
                    self.pattern(inner, ValueId::UNKNOWN);
                }
                for keyword in &it.arguments.keywords {
                    let sym = self.build.symbol(&keyword.attr);
                    let part = self.build.value(Value::Attribute(subject, sym));
                    self.pattern(&keyword.pattern, part);
                }
            }
            ast::Pattern::MatchStar(it) => {
                if let Some(name) = &it.name {
                    let sym = self.build.symbol(name);
                    self.write(sym, ValueId::UNKNOWN);
                }
            }
            ast::Pattern::MatchValue(it) => {
                self.expr(&it.value);
            }
            ast::Pattern::MatchSingleton(_) => {}
        }
    }
}
