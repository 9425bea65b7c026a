//! Definitions: functions, lambdas, classes and imports.

use raddle_source::syntax::ast::{self, Expr, Stmt};
use raddle_vocabulary::Span;

use super::{Frame, Walker, span};
use crate::file::{Class, ClassId, Function, FunctionId, Parameter, ParameterKind, Scope, ScopeId, ScopeKind};
use crate::flow::{BlockId, Flow, Usage};
use crate::value::{Sym, Value, ValueId};

/// What is the same for a `def` and a `lambda`.
struct Shape<'a> {
    name: &'a str,
    parameters: Option<&'a ast::Parameters>,
    returns: Option<&'a Expr>,
    decorators: Vec<ValueId>,
    is_async: bool,
    is_lambda: bool,
    is_abstract: bool,
    name_span: Span,
    span: Span,
}

enum Body<'a> {
    Block(&'a [Stmt]),
    Expression(&'a Expr),
}

impl Walker {
    pub(super) fn function(&mut self, it: &ast::StmtFunctionDef) {
        let decorators = it.decorator_list.iter().map(|it| self.expr(&it.expression)).collect();
        let shape = Shape {
            name: &it.name,
            parameters: Some(&it.parameters),
            returns: it.returns.as_deref(),
            decorators,
            is_async: it.is_async,
            is_lambda: false,
            is_abstract: is_abstract(&it.body),
            name_span: span(&it.name),
            span: span(it),
        };
        let id = self.define(shape, Body::Block(&it.body));
        let sym = self.build.symbol(&it.name);
        let value = self.build.value(Value::Function(id));
        self.write(sym, value);
    }

    pub(super) fn lambda_function(&mut self, it: &ast::ExprLambda, at: Span) -> FunctionId {
        let shape = Shape {
            name: "<lambda>",
            parameters: it.parameters.as_deref(),
            returns: None,
            decorators: Vec::new(),
            is_async: false,
            is_lambda: true,
            is_abstract: false,
            name_span: at,
            span: at,
        };
        self.define(shape, Body::Expression(&it.body))
    }

    fn define(&mut self, shape: Shape, body: Body) -> FunctionId {
        let id = FunctionId(u32::try_from(self.functions.len()).expect("a file has fewer than 2^32 functions"));
        let scope = ScopeId(u32::try_from(self.scopes.len()).expect("a file has fewer than 2^32 scopes"));
        self.scopes.push(Scope {
            kind: ScopeKind::Function(id),
            parent: Some(self.frame.scope),
            bindings: Vec::new(),
            stars: Vec::new(),
        });
        let class = match self.scopes[self.frame.scope.0 as usize].kind {
            ScopeKind::Class(class) => Some(class),
            ScopeKind::Module | ScopeKind::Function(_) => None,
        };
        let qualified_text = format!("{}{}", self.frame.qualifier, shape.name);
        let name = self.build.symbol(shape.name);
        let qualified = self.build.symbol(&qualified_text);
        let parameters = shape.parameters.map(|it| self.parameters(it)).unwrap_or_default();
        let returns = shape.returns.map(|it| self.annotation(it));
        self.functions.push(Function {
            name,
            qualified,
            scope,
            class,
            is_async: shape.is_async,
            is_generator: false,
            is_lambda: shape.is_lambda,
            is_abstract: shape.is_abstract,
            parameters: parameters.clone(),
            returns,
            returned: Vec::new(),
            yielded: Vec::new(),
            decorators: shape.decorators,
            acts: (0, 0),
            body: BlockId::EMPTY,
            name_span: shape.name_span,
            span: shape.span,
        });
        let mut frame = Frame::new(id, scope, format!("{qualified_text}."));
        frame.receiver = match class {
            Some(class) => parameters.first().map(|it| (class, it.name)),
            // A nested function sees the method's `self`.
            None => self.frame.receiver.filter(|(_, name)| parameters.iter().all(|it| it.name != *name)),
        };
        let outer = std::mem::replace(&mut self.frame, frame);
        for (at, parameter) in parameters.iter().enumerate() {
            let place = u16::try_from(at).unwrap_or(u16::MAX);
            let value = self.build.value(Value::Parameter(id, place));
            self.write(parameter.name, value);
        }
        match body {
            Body::Block(body) => self.block(body),
            Body::Expression(body) => {
                let value = self.used(body, Usage::Returned);
                self.frame.returned.push(value);
                let at = span(body);
                self.step(Flow::Return { value, span: at });
            }
        }
        self.close_frame();
        let inner = std::mem::replace(&mut self.frame, outer);
        let function = &mut self.functions[id.0 as usize];
        function.is_generator = !function.yielded.is_empty();
        drop(inner);
        id
    }

    fn parameters(&mut self, it: &ast::Parameters) -> Vec<Parameter> {
        let mut all = Vec::with_capacity(it.len());
        for plain in it.posonlyargs.iter().chain(&it.args) {
            all.push(self.parameter(&plain.parameter, plain.default.as_deref(), ParameterKind::Plain));
        }
        if let Some(star) = &it.vararg {
            all.push(self.parameter(star, None, ParameterKind::Star));
        }
        for keyword in &it.kwonlyargs {
            all.push(self.parameter(&keyword.parameter, keyword.default.as_deref(), ParameterKind::Keyword));
        }
        if let Some(star) = &it.kwarg {
            all.push(self.parameter(star, None, ParameterKind::DoubleStar));
        }
        all
    }

    fn parameter(&mut self, it: &ast::Parameter, default: Option<&Expr>, kind: ParameterKind) -> Parameter {
        Parameter {
            name: self.build.symbol(&it.name),
            kind,
            annotation: it.annotation.as_deref().map(|it| self.annotation(it)),
            default: default.map(|it| self.expr(it)),
        }
    }

    pub(super) fn class(&mut self, it: &ast::StmtClassDef) {
        let decorators = it.decorator_list.iter().map(|it| self.expr(&it.expression)).collect();
        let mut bases = Vec::new();
        if let Some(arguments) = &it.arguments {
            bases.extend(arguments.args.iter().map(|base| self.expr(base)));
            for keyword in &arguments.keywords {
                self.expr(&keyword.value);
            }
        }
        let id = ClassId(u32::try_from(self.classes.len()).expect("a file has fewer than 2^32 classes"));
        let scope = ScopeId(u32::try_from(self.scopes.len()).expect("a file has fewer than 2^32 scopes"));
        self.scopes.push(Scope {
            kind: ScopeKind::Class(id),
            parent: Some(self.frame.scope),
            bindings: Vec::new(),
            stars: Vec::new(),
        });
        let qualified = format!("{}{}", self.frame.qualifier, it.name);
        let name = self.build.symbol(&it.name);
        self.classes.push(Class {
            name,
            qualified: self.build.symbol(&qualified),
            scope,
            bases,
            decorators,
            attributes: Vec::new(),
            name_span: span(&it.name),
        });
        self.class_body(&it.body, scope, format!("{qualified}."));
        let value = self.build.value(Value::Class(id));
        self.write(name, value);
    }

    /// A class body runs in the function around it, with names of its own.
    fn class_body(&mut self, body: &[Stmt], scope: ScopeId, qualifier: String) {
        let outer_scope = std::mem::replace(&mut self.frame.scope, scope);
        let outer_qualifier = std::mem::replace(&mut self.frame.qualifier, qualifier);
        let outer_bindings = std::mem::take(&mut self.frame.bindings);
        let outer_receiver = self.frame.receiver.take();
        self.block(body);
        self.frame.scope = outer_scope;
        self.frame.qualifier = outer_qualifier;
        self.frame.bindings = outer_bindings;
        self.frame.receiver = outer_receiver;
        self.frame.reachable = true;
    }

    pub(super) fn import(&mut self, it: &ast::StmtImport) {
        for alias in &it.names {
            let full = self.build.symbol(&alias.name);
            self.imports.insert(full);
            if let Some(name) = &alias.asname {
                let value = self.build.value(Value::Import(full));
                let sym = self.build.symbol(name);
                self.write(sym, value);
            } else {
                let first = alias.name.split('.').next().unwrap_or(&alias.name);
                let sym = self.build.symbol(first);
                let value = self.build.value(Value::Import(sym));
                self.write(sym, value);
            }
        }
    }

    pub(super) fn import_from(&mut self, it: &ast::StmtImportFrom) {
        let mut module = ".".repeat(it.level as usize);
        if let Some(name) = &it.module {
            module.push_str(name);
        }
        let from = self.build.symbol(&module);
        self.imports.insert(from);
        for alias in &it.names {
            if alias.name.as_str() == "*" {
                self.scopes[self.frame.scope.0 as usize].stars.push(from);
                continue;
            }
            let joint = if module.ends_with('.') || module.is_empty() { "" } else { "." };
            let full = self.build.symbol(&format!("{module}{joint}{}", alias.name));
            self.imports.insert(full);
            let name = self.build.symbol(&alias.name);
            let value = self.build.value(Value::ImportFrom(from, name));
            let bound = self.build.symbol(alias.asname.as_ref().unwrap_or(&alias.name));
            self.write(bound, value);
        }
    }

    /// `global` and `nonlocal`: the names belong to the module, or to the nearest function around that binds them.
    pub(super) fn outer_names(&mut self, names: &[ast::Identifier], is_global: bool) {
        for name in names {
            let sym = self.build.symbol(name);
            let scope = if is_global { Some(ScopeId::MODULE) } else { self.enclosing_scope_of(sym) };
            if let Some(scope) = scope {
                self.frame.outer_names.insert(sym, scope);
                self.frame.bindings.forget(sym);
            }
        }
    }

    fn enclosing_scope_of(&self, sym: Sym) -> Option<ScopeId> {
        let mut at = self.scopes[self.frame.scope.0 as usize].parent;
        while let Some(id) = at {
            let scope = &self.scopes[id.0 as usize];
            if matches!(scope.kind, ScopeKind::Function(_)) && scope.bindings.iter().any(|(it, _)| *it == sym) {
                return Some(id);
            }
            at = scope.parent;
        }
        None
    }
}

/// Whether a body only says that somebody else writes it.
fn is_abstract(body: &[Stmt]) -> bool {
    body.iter().all(|stmt| match stmt {
        Stmt::Pass(_) => true,
        Stmt::Expr(it) => it.value.is_ellipsis_literal_expr() || it.value.is_string_literal_expr(),
        Stmt::Raise(it) => it.exc.as_deref().is_some_and(|exc| {
            let class = match exc {
                Expr::Call(call) => &*call.func,
                other => other,
            };
            class.as_name_expr().is_some_and(|name| name.id.as_str() == "NotImplementedError")
        }),
        _ => false,
    })
}
