//! Expressions: each becomes a symbolic value, and what evaluating it does becomes acts.

use raddle_source::syntax::Ranged;
use raddle_source::syntax::ast::{self, Expr};

use super::{DEEPEST, Walker, span};
use crate::file::{ActKind, GuardKind};
use crate::flow::Usage;
use crate::value::{Argument, Display, Keyword, Test, Value, ValueId};

/// Left on the stack before a new piece is taken, and the size of that piece.
const RED_ZONE: usize = 128 * 1024;
const NEW_STACK: usize = 4 * 1024 * 1024;

/// From here on a number is [`Value::Large`].
const LARGE: u64 = 10_000;

/// Names of modes are kept, other text is not: it would only fill the table of names.
fn is_word(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')
}

impl Walker {
    /// The value of an expression that this becomes of.
    pub(super) fn used(&mut self, expr: &Expr, usage: Usage) -> ValueId {
        self.usage = usage;
        self.expr(expr)
    }

    /// The value of an expression; evaluating it leaves its acts in the frame.
    pub(super) fn expr(&mut self, expr: &Expr) -> ValueId {
        let usage = std::mem::take(&mut self.usage);
        match expr {
            Expr::Name(it) => {
                let sym = self.build.symbol(&it.id);
                self.note_read(sym, span(it), usage);
                return self.read(sym);
            }
            Expr::NoneLiteral(_) => return self.build.value(Value::None),
            Expr::StringLiteral(it) if !self.annotating => {
                let text = it.value.to_str();
                if is_word(text) {
                    let sym = self.build.symbol(text);
                    return self.build.value(Value::Word(sym));
                }
                return self.build.value(Value::Text);
            }
            _ => {}
        }
        if self.nesting >= DEEPEST {
            self.too_deep = true;
            return ValueId::UNKNOWN;
        }
        self.nesting += 1;
        let value = if self.nesting.is_multiple_of(16) {
            stacker::maybe_grow(RED_ZONE, NEW_STACK, || self.compound(expr, usage))
        } else {
            self.compound(expr, usage)
        };
        self.nesting -= 1;
        value
    }

    fn compound(&mut self, expr: &Expr, usage: Usage) -> ValueId {
        match expr {
            Expr::BoolOp(it) => {
                let last = it.values.len() - 1;
                let mut values = Vec::with_capacity(it.values.len());
                for (at, value) in it.values.iter().enumerate() {
                    let tested = at < last && usage == Usage::Discarded;
                    values.push(self.used(value, if tested { Usage::Tested } else { usage }));
                }
                self.build.union(values)
            }
            Expr::Named(it) => {
                let value = self.used(&it.value, Usage::Bound);
                self.bind(&it.target, value);
                value
            }
            Expr::BinOp(it) => self.binary(it),
            Expr::UnaryOp(it) => {
                let inner = if it.op == ast::UnaryOp::Not { Usage::Tested } else { Usage::Operand };
                let operand = self.used(&it.operand, inner);
                match it.op {
                    ast::UnaryOp::Not => self.test(Test::Not, vec![operand]),
                    ast::UnaryOp::USub | ast::UnaryOp::UAdd => match self.build.get(operand) {
                        Value::Number | Value::Zero | Value::One | Value::Large => operand,
                        _ => ValueId::UNKNOWN,
                    },
                    ast::UnaryOp::Invert => ValueId::UNKNOWN,
                }
            }
            Expr::Lambda(it) => self.lambda(it),
            Expr::If(it) => self.conditional(it, usage),
            Expr::Dict(it) => {
                let mut values = Vec::with_capacity(it.items.len());
                for item in &it.items {
                    if let Some(key) = &item.key {
                        self.used(key, Usage::Element);
                    }
                    values.push(self.used(&item.value, Usage::Element));
                }
                self.display(Display::Dict, values, expr)
            }
            Expr::Set(it) => self.entries(Display::Set, &it.elts, expr),
            Expr::List(it) => self.entries(Display::List, &it.elts, expr),
            Expr::Tuple(it) => self.entries(Display::Tuple, &it.elts, expr),
            Expr::ListComp(it) => self.comprehension(Display::List, None, &it.elt, &it.generators),
            Expr::SetComp(it) => self.comprehension(Display::Set, None, &it.elt, &it.generators),
            Expr::Generator(it) => self.comprehension(Display::Generator, None, &it.elt, &it.generators),
            Expr::DictComp(it) => self.comprehension(Display::Dict, it.key.as_deref(), &it.value, &it.generators),
            Expr::Await(it) => self.awaited(it, usage),
            Expr::Yield(it) => {
                let value = match &it.value {
                    Some(value) => self.used(value, Usage::Yielded),
                    None => self.build.value(Value::None),
                };
                self.frame.yielded.push(value);
                self.act(ActKind::Yield, span(it));
                ValueId::UNKNOWN
            }
            Expr::YieldFrom(it) => {
                let value = self.used(&it.value, Usage::Iterated);
                self.act(ActKind::Iterate(value), span(&*it.value));
                let element = self.build.value(Value::Element(value));
                self.frame.yielded.push(element);
                self.act(ActKind::Yield, span(it));
                ValueId::UNKNOWN
            }
            Expr::Compare(it) => self.compare(it),
            Expr::Call(it) => self.call(it, usage),
            Expr::FString(it) => {
                for element in it.value.elements() {
                    if let ast::InterpolatedStringElement::Interpolation(part) = element {
                        self.used(&part.expression, Usage::Formatted);
                    }
                }
                self.build.value(Value::Text)
            }
            Expr::StringLiteral(it) => self.string_annotation(it),
            Expr::TString(_) | Expr::EllipsisLiteral(_) | Expr::IpyEscapeCommand(_) => ValueId::UNKNOWN,
            Expr::BytesLiteral(_) => self.build.value(Value::Bytes),
            Expr::NumberLiteral(it) => {
                let number = match &it.value {
                    ast::Number::Int(int) if *int == 0u8 => Value::Zero,
                    ast::Number::Int(int) if *int == 1u8 => Value::One,
                    // A number past 64 bits has no value here, and is large.
                    ast::Number::Int(int) if int.as_u64().is_none_or(|it| it >= LARGE) => Value::Large,
                    ast::Number::Float(float) if *float == 0.0 => Value::Zero,
                    ast::Number::Int(_) | ast::Number::Float(_) | ast::Number::Complex { .. } => Value::Number,
                };
                self.build.value(number)
            }
            Expr::BooleanLiteral(it) => self.build.value(if it.value { Value::True } else { Value::False }),
            Expr::NoneLiteral(_) => self.build.value(Value::None),
            Expr::Name(it) => {
                let sym = self.build.symbol(&it.id);
                self.read(sym)
            }
            Expr::Attribute(it) => {
                let value = self.attribute(it);
                if self.silent == 0 {
                    let first = self.frame.loaded.insert(value);
                    let kind = if first { ActKind::Load(value) } else { ActKind::Again(value) };
                    self.act_used(kind, span(it), usage);
                }
                value
            }
            Expr::Subscript(it) => {
                let base = self.used(&it.value, Usage::Indexed);
                let index = self.expr(&it.slice);
                let value = self.build.value(Value::Subscript(base, index));
                if self.silent == 0 && it.ctx.is_load() {
                    let first = self.frame.loaded.insert(value);
                    let kind = if first { ActKind::Index(value) } else { ActKind::Again(value) };
                    self.act_used(kind, span(it), usage);
                }
                value
            }
            Expr::Starred(it) => {
                let value = self.used(&it.value, usage);
                self.build.value(Value::Element(value))
            }
            Expr::Slice(it) => {
                for part in [&it.lower, &it.upper, &it.step].into_iter().flatten() {
                    self.expr(part);
                }
                ValueId::UNKNOWN
            }
        }
    }

    /// The value of a condition, with its shape kept.
    pub(super) fn condition(&mut self, expr: &Expr) -> ValueId {
        match expr {
            Expr::BoolOp(it) => {
                let test = match it.op {
                    ast::BoolOp::And => Test::And,
                    ast::BoolOp::Or => Test::Or,
                };
                let parts = it.values.iter().map(|it| self.condition(it)).collect();
                self.test(test, parts)
            }
            Expr::UnaryOp(it) if it.op == ast::UnaryOp::Not => {
                let operand = self.condition(&it.operand);
                self.test(Test::Not, vec![operand])
            }
            _ => self.used(expr, Usage::Tested),
        }
    }

    /// An annotation: strings are read as expressions, nothing is done.
    pub(super) fn annotation(&mut self, expr: &Expr) -> ValueId {
        let outside = std::mem::replace(&mut self.annotating, true);
        let value = self.silently(|walker| walker.expr(expr));
        self.annotating = outside;
        value
    }

    fn string_annotation(&mut self, it: &ast::ExprStringLiteral) -> ValueId {
        match raddle_source::syntax::parse_expression(it.value.to_str()) {
            Ok(parsed) => self.expr(parsed.expr()),
            // A string that is no expression is an argument of `Literal` or `Annotated`.
            Err(_) => self.build.value(Value::Text),
        }
    }

    fn binary(&mut self, it: &ast::ExprBinOp) -> ValueId {
        let left = self.expr(&it.left);
        let right = self.expr(&it.right);
        match it.op {
            ast::Operator::BitOr if self.annotating => self.build.union(vec![left, right]),
            _ => self.build.value(Value::Operator(left, right)),
        }
    }

    fn test(&mut self, test: Test, parts: Vec<ValueId>) -> ValueId {
        let parts = self.build.list(parts);
        self.build.value(Value::Test(test, parts))
    }

    fn compare(&mut self, it: &ast::ExprCompare) -> ValueId {
        let mut parts = vec![self.used(&it.left, Usage::Compared)];
        parts.extend(it.comparators.iter().map(|it| self.used(it, Usage::Compared)));
        let none = matches!(&*it.comparators, [Expr::NoneLiteral(_)]);
        let test = match &*it.ops {
            [ast::CmpOp::Is | ast::CmpOp::Eq] if none => Test::IsNone,
            [ast::CmpOp::IsNot | ast::CmpOp::NotEq] if none => Test::IsNotNone,
            [ast::CmpOp::Is | ast::CmpOp::Eq] => Test::Equal,
            [ast::CmpOp::IsNot | ast::CmpOp::NotEq] => Test::NotEqual,
            [ast::CmpOp::In] => Test::In,
            [ast::CmpOp::NotIn] => Test::NotIn,
            _ => Test::Order,
        };
        self.test(test, parts)
    }

    fn conditional(&mut self, it: &ast::ExprIf, usage: Usage) -> ValueId {
        let test = self.condition(&it.test);
        let outside = self.frame.guard;
        let before = self.frame.bindings.clone();
        self.frame.guard = self.guard(GuardKind::If(test));
        self.narrow(&it.test, true);
        let body = self.used(&it.body, usage);
        let then = std::mem::replace(&mut self.frame.bindings, before);
        self.frame.guard = outside;
        self.frame.guard = self.guard(GuardKind::Unless(test));
        self.narrow(&it.test, false);
        let orelse = self.used(&it.orelse, usage);
        self.frame.guard = outside;
        self.frame.bindings.join(then);
        self.build.union(vec![body, orelse])
    }

    fn display(&mut self, display: Display, values: Vec<ValueId>, expr: &Expr) -> ValueId {
        let values = match display {
            Display::Tuple | Display::Generator => self.build.list(values),
            Display::List | Display::Set | Display::Dict => self.build.own_list(&values, span(expr).start),
        };
        self.build.value(Value::Display(display, values))
    }

    fn entries(&mut self, display: Display, entries: &[Expr], expr: &Expr) -> ValueId {
        let values = entries.iter().map(|it| self.used(it, Usage::Element)).collect();
        self.display(display, values, expr)
    }

    fn comprehension(
        &mut self,
        display: Display,
        key: Option<&Expr>,
        element: &Expr,
        generators: &[ast::Comprehension],
    ) -> ValueId {
        let before = self.frame.bindings.clone();
        let outside = self.frame.guard;
        for generator in generators {
            let how = if generator.is_async { Usage::AsyncIterated } else { Usage::Iterated };
            let iterable = self.used(&generator.iter, how);
            let part = if generator.is_async {
                self.note_awaited(iterable);
                self.act(ActKind::AsyncIterate(iterable), span(&generator.iter));
                Value::AsyncElement(iterable)
            } else {
                self.act(ActKind::Iterate(iterable), span(&generator.iter));
                Value::Element(iterable)
            };
            let part = self.build.value(part);
            self.bind_here(&generator.target, part);
            self.frame.loops += 1;
            for test in &generator.ifs {
                let condition = self.condition(test);
                self.frame.guard = self.guard(GuardKind::If(condition));
                self.narrow(test, true);
            }
        }
        if let Some(key) = key {
            self.used(key, Usage::Element);
        }
        let value = self.used(element, Usage::Element);
        self.frame.loops -= u32::try_from(generators.len()).expect("a comprehension has few `for` clauses");
        self.frame.guard = outside;
        self.frame.bindings = before;
        self.display(display, vec![value], element)
    }

    /// Binds a comprehension's target: seen inside the comprehension only.
    fn bind_here(&mut self, target: &Expr, value: ValueId) {
        match target {
            Expr::Name(it) => {
                let sym = self.build.symbol(&it.id);
                self.frame.bindings.set(sym, value);
            }
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) => {
                for (at, target) in elts.iter().enumerate() {
                    let part = self.build.value(Value::Unpacked(value, u16::try_from(at).unwrap_or(u16::MAX)));
                    self.bind_here(target, part);
                }
            }
            Expr::Starred(it) => self.bind_here(&it.value, ValueId::UNKNOWN),
            _ => {
                self.expr(target);
            }
        }
    }

    fn awaited(&mut self, it: &ast::ExprAwait, usage: Usage) -> ValueId {
        let value = self.used(&it.value, Usage::Awaited);
        self.note_awaited(value);
        self.act_used(ActKind::Await(value), span(it), usage);
        self.build.value(Value::Await(value))
    }

    fn attribute(&mut self, it: &ast::ExprAttribute) -> ValueId {
        let base = self.used(&it.value, Usage::Receiver);
        let sym = self.build.symbol(&it.attr);
        self.build.value(Value::Attribute(base, sym))
    }

    fn call(&mut self, it: &ast::ExprCall, usage: Usage) -> ValueId {
        if let Some(value) = self.special_call(it, usage) {
            return value;
        }
        let callee = match &*it.func {
            // A method that is called on the spot is no property.
            Expr::Attribute(func) => self.attribute(func),
            func => self.used(func, Usage::Callee),
        };
        let mut arguments = Vec::with_capacity(it.arguments.args.len() + it.arguments.keywords.len());
        for argument in &it.arguments.args {
            arguments.push(match argument {
                Expr::Starred(it) => Argument { keyword: Keyword::Star, value: self.used(&it.value, Usage::Argument) },
                _ => Argument { keyword: Keyword::Positional, value: self.used(argument, Usage::Argument) },
            });
        }
        for keyword in &it.arguments.keywords {
            let how = match &keyword.arg {
                Some(name) => Keyword::Named(self.build.symbol(name)),
                None => Keyword::DoubleStar,
            };
            arguments.push(Argument { keyword: how, value: self.used(&keyword.value, Usage::Argument) });
        }
        let arguments = self.build.arguments(&arguments);
        let value = self.build.value(Value::Call(callee, arguments));
        self.act_used(ActKind::Call(value), span(it), usage);
        value
    }

    /// Calls that the language, or everybody, gives one meaning: `super()`, `getattr(x, "name")`, `cast(T, x)`.
    fn special_call(&mut self, it: &ast::ExprCall, usage: Usage) -> Option<ValueId> {
        let name = match &*it.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return None,
        };
        match (name, &*it.arguments.args) {
            ("super", []) if it.func.is_name_expr() => {
                let (class, _) = self.frame.receiver?;
                Some(self.build.value(Value::Super(class, self.frame.function)))
            }
            ("super", [_, _]) if it.func.is_name_expr() => {
                let (class, _) = self.frame.receiver?;
                Some(self.build.value(Value::Super(class, self.frame.function)))
            }
            ("getattr", [base, Expr::StringLiteral(attribute), rest @ ..]) if it.func.is_name_expr() => {
                let base = self.expr(base);
                let sym = self.build.symbol(attribute.value.to_str());
                let value = self.build.value(Value::Attribute(base, sym));
                let mut values = vec![value];
                values.extend(rest.iter().map(|it| self.expr(it)));
                Some(self.build.union(values))
            }
            ("cast", [class, value]) if it.arguments.keywords.is_empty() => {
                let class = self.annotation(class);
                let value = self.used(value, usage);
                Some(self.build.value(Value::Declared(class, value)))
            }
            _ => None,
        }
    }

    /// What a condition that holds, or does not, says about names: `isinstance(x, C)`.
    pub(super) fn narrow(&mut self, test: &Expr, holds: bool) {
        match test {
            Expr::UnaryOp(it) if it.op == ast::UnaryOp::Not => self.narrow(&it.operand, !holds),
            Expr::BoolOp(it) if (it.op == ast::BoolOp::And) == holds => {
                it.values.iter().for_each(|it| self.narrow(it, holds));
            }
            Expr::Call(it) if holds && it.func.as_name_expr().is_some_and(|it| it.id.as_str() == "isinstance") => {
                let [Expr::Name(name), class] = &*it.arguments.args else { return };
                let sym = self.build.symbol(&name.id);
                if self.frame.outer_names.contains_key(&sym) {
                    return;
                }
                let subject = self.read(sym);
                let class = self.silently(|walker| walker.expr(class));
                let narrowed = self.build.value(Value::Narrowed(subject, class));
                self.frame.bindings.set(sym, narrowed);
            }
            _ => {}
        }
    }

    fn lambda(&mut self, it: &ast::ExprLambda) -> ValueId {
        let function = self.lambda_function(it, span(it));
        debug_assert!(it.start() <= it.end());
        self.build.value(Value::Function(function))
    }
}
