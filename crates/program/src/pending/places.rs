//! Where the value of a call goes, as far as its own statement says.

use raddle_facts::flow::Flow;
use raddle_facts::{Act, ActKind, BlockId, Display, FileFacts, Sym, Usage, Value, ValueId};
use raddle_vocabulary::Span;

use super::How;
use crate::Program;
use crate::awaitable::Kind;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::Val;

/// Where the value of a call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere.
    Lost(How),
    /// The write at this place of the pool binds it, or the display it is an element of, to a local name.
    Name(u32),
    /// It is added to the container of this local name.
    Container(Sym),
    /// Somewhere it may be awaited.
    Elsewhere,
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

impl Program {
    /// Where the value of a call goes.
    #[must_use]
    pub fn destination(&self, function: FunctionRef, at: u32) -> Destination {
        let facts = &self.unit(function.unit).facts;
        let act = &facts.acts[at as usize];
        let ActKind::Call(call) = act.kind else { return Destination::Elsewhere };
        match act.usage {
            Usage::Discarded => Destination::Lost(How::Dropped),
            Usage::Formatted => Destination::Lost(How::Formatted),
            Usage::Compared => Destination::Lost(How::Compared),
            Usage::Tested => Destination::Lost(How::Tested),
            Usage::Indexed | Usage::Iterated | Usage::Entered => Destination::Lost(How::UsedAsResult),
            Usage::Receiver => self.as_receiver(function, at, call),
            Usage::Argument => self.as_argument(function, at),
            Usage::Bound => self.written_to(function, at, call),
            Usage::Element => self.element(function, at, call),
            Usage::Returned if self.returns_itself(function, call) => Destination::Lost(How::Returned),
            Usage::Returned
            | Usage::Awaited
            | Usage::Yielded
            | Usage::AsyncEntered
            | Usage::AsyncIterated
            | Usage::Callee
            | Usage::Raised
            | Usage::Operand => Destination::Elsewhere,
        }
    }

    /// Whether a coroutine function returns the coroutine of itself, which whoever awaits it once gets as its result.
    fn returns_itself(&self, function: FunctionRef, call: ValueId) -> bool {
        let it = self.function(function);
        it.is_async
            && !it.is_generator
            && it.decorators.is_empty()
            && self.made(function.unit, call).is_some_and(|made| made.function == Some(function) && !made.perhaps)
    }

    /// The innermost call, `await` or the like around an expression.
    pub(super) fn around(&self, function: FunctionRef, at: u32) -> Option<(u32, &Act)> {
        let facts = &self.unit(function.unit).facts;
        let (_, end) = facts.function(function.function).acts;
        let span = facts.acts[at as usize].span;
        (at + 1..end)
            .map(|it| (it, &facts.acts[it as usize]))
            .find(|(_, act)| !matches!(act.kind, ActKind::Write(..)) && contains(act.span, span) && act.span != span)
    }

    fn as_receiver(&self, function: FunctionRef, at: u32, call: ValueId) -> Destination {
        let facts = &self.unit(function.unit).facts;
        let Some((_, outer)) = self.around(function, at) else { return Destination::Elsewhere };
        let attribute = match outer.kind {
            ActKind::Call(outer) => match facts.value(outer) {
                Value::Call(callee, _) => callee,
                _ => return Destination::Elsewhere,
            },
            ActKind::Load(value) | ActKind::Again(value) => value,
            _ => return Destination::Elsewhere,
        };
        match facts.value(attribute) {
            Value::Attribute(base, name) if base == call => match facts.text(name) {
                "add_done_callback" if outer.usage == Usage::Discarded => Destination::Lost(How::CallbackOnly),
                "close" | "send" | "throw" | "cancel" | "result" | "exception" => Destination::Elsewhere,
                name if name.starts_with("__") || name.starts_with("cr_") => Destination::Elsewhere,
                name => Destination::Lost(How::Attribute(name.to_owned())),
            },
            _ => Destination::Elsewhere,
        }
    }

    fn as_argument(&self, function: FunctionRef, at: u32) -> Destination {
        let facts = &self.unit(function.unit).facts;
        let Some((_, outer)) = self.around(function, at) else { return Destination::Elsewhere };
        let ActKind::Call(call) = outer.kind else { return Destination::Elsewhere };
        if let Some(name) = self.inert(function, call) {
            return Destination::Lost(How::Inert(name));
        }
        let Value::Call(callee, _) = facts.value(call) else { return Destination::Elsewhere };
        match facts.value(callee) {
            Value::Attribute(_, name) if is_adding(facts.text(name)) => {
                match self.receiver_name(function, outer.span) {
                    Some(sym) => Destination::Container(sym),
                    None => Destination::Elsewhere,
                }
            }
            _ => Destination::Elsewhere,
        }
    }

    /// The local name whose method a call at this place is, where the name holds a display made here.
    fn receiver_name(&self, function: FunctionRef, call: Span) -> Option<Sym> {
        let facts = &self.unit(function.unit).facts;
        let scope = facts.function(function.function).scope;
        let read = facts.acts_of(function.function).iter().find(|it| {
            it.usage == Usage::Receiver && it.span.start == call.start && matches!(it.kind, ActKind::Read(_))
        })?;
        let ActKind::Read(place) = read.kind else { return None };
        let Value::Name(of, sym) = facts.value(place) else { return None };
        let bindings = facts.bindings(scope, facts.text(sym));
        let own = of == scope
            && !bindings.is_empty()
            && bindings.iter().all(|(_, value)| is_fresh_container(facts, *value, 0));
        own.then_some(sym)
    }

    /// The function's name, if it only looks at what it is given.
    pub(super) fn inert(&self, function: FunctionRef, call: ValueId) -> Option<String> {
        let facts = &self.unit(function.unit).facts;
        let Value::Call(callee, _) = facts.value(call) else { return None };
        let callees = self.evaluate(ValueRef { unit: function.unit, value: callee });
        let mut inert = None;
        for val in &callees.known {
            let path = match val {
                Val::Outside(path, _) => path.clone(),
                Val::Function(it) | Val::Bound(it, _) if !self.is_own(it.unit) => self.function_name(*it),
                Val::Class(class) if !self.is_own(class.unit) => self.class_name(*class),
                _ => return None,
            };
            inert = Some(is_inert(&path).then(|| Program::shown(&path).to_string())?);
        }
        inert
    }

    fn written_to(&self, function: FunctionRef, at: u32, call: ValueId) -> Destination {
        let facts = &self.unit(function.unit).facts;
        let (_, end) = facts.function(function.function).acts;
        let scope = facts.function(function.function).scope;
        let from = facts.acts[at as usize].span;
        let write = (at + 1..end).find_map(|it| match facts.acts[it as usize].kind {
            ActKind::Write(place, value) if mentions(facts, value, call, 0) => Some((it, place)),
            _ => None,
        });
        let Some((write, place)) = write else { return Destination::Elsewhere };
        // A chained assignment keeps it in two places.
        let next = facts.acts.get(write as usize + 1).filter(|_| write + 1 < end);
        let chained = next.is_some_and(|it| {
            matches!(it.kind, ActKind::Write(_, value) if mentions(facts, value, call, 0)) && it.span.start < from.start
        });
        match facts.value(place) {
            Value::Name(of, _) if of == scope && !chained => Destination::Name(write),
            _ => Destination::Elsewhere,
        }
    }

    fn element(&self, function: FunctionRef, at: u32, call: ValueId) -> Destination {
        let facts = &self.unit(function.unit).facts;
        let span = facts.acts[at as usize].span;
        if let Some((_, outer)) = self.around(function, at) {
            return match outer.kind {
                ActKind::Call(outer) => match self.inert(function, outer) {
                    Some(name) => Destination::Lost(How::Inert(name)),
                    None => Destination::Elsewhere,
                },
                _ => Destination::Elsewhere,
            };
        }
        let it = facts.function(function.function);
        match leaving(facts, it.body, span, 0) {
            Some(Flow::Return { value, .. }) => {
                let in_dict = matches!(facts.value(value), Value::Display(Display::Dict, list)
                    if facts.list(list).contains(&call));
                if it.is_async && in_dict && !it.is_generator {
                    return Destination::Lost(How::Returned);
                }
                return Destination::Elsewhere;
            }
            Some(_) => return Destination::Elsewhere,
            None => {}
        }
        match self.written_to(function, at, call) {
            Destination::Name(write) if starts_before(facts, write, span) => Destination::Name(write),
            // The keys of a dict are no entries of its value.
            Destination::Elsewhere if self.is_assigned(function, at) || !self.is_statement(function, at) => {
                Destination::Elsewhere
            }
            Destination::Elsewhere => Destination::Lost(How::DroppedDisplay),
            _ => Destination::Elsewhere,
        }
    }

    /// Whether an assignment whose target stands before the expression comes right after it.
    fn is_assigned(&self, function: FunctionRef, at: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        let (_, end) = facts.function(function.function).acts;
        let span = facts.acts[at as usize].span;
        let write = facts.acts[at as usize + 1..end as usize].iter().find(|it| matches!(it.kind, ActKind::Write(..)));
        write.is_some_and(|it| it.span.start < span.start)
    }

    /// Whether nothing else of the function follows from the display a call stands in: no write mentions it, nothing
    /// returns it, no condition asks it.
    fn is_statement(&self, function: FunctionRef, at: u32) -> bool {
        let facts = &self.unit(function.unit).facts;
        let ActKind::Call(call) = facts.acts[at as usize].kind else { return false };
        let it = facts.function(function.function);
        let written = facts.acts_of(function.function).iter().any(|act| match act.kind {
            ActKind::Write(_, value) | ActKind::Update(_, value) => mentions(facts, value, call, 0),
            _ => false,
        });
        let yielded = it.yielded.iter().chain(&it.returned).any(|value| mentions(facts, *value, call, 0));
        !written && !yielded && !it.is_lambda
    }
}

fn starts_before(facts: &FileFacts, write: u32, span: Span) -> bool {
    facts.acts[write as usize].span.start < span.start
}

/// The `return` or `raise` that an expression stands in.
fn leaving(facts: &FileFacts, block: BlockId, span: Span, depth: u32) -> Option<Flow> {
    if depth > 60 {
        return None;
    }
    facts.block(block).iter().find_map(|flow| match flow {
        Flow::Return { span: outer, .. } | Flow::Raise { span: outer, .. } => contains(*outer, span).then_some(*flow),
        Flow::Branch { then, orelse, .. } => {
            leaving(facts, *then, span, depth + 1).or_else(|| leaving(facts, *orelse, span, depth + 1))
        }
        Flow::Loop { body, orelse, .. } => {
            leaving(facts, *body, span, depth + 1).or_else(|| leaving(facts, *orelse, span, depth + 1))
        }
        Flow::With { body, .. } => leaving(facts, *body, span, depth + 1),
        Flow::Try { body, handlers, orelse, finally, .. } => leaving(facts, *body, span, depth + 1)
            .or_else(|| {
                let handlers = &facts.handlers[handlers.0 as usize..(handlers.0 + handlers.1) as usize];
                handlers.iter().find_map(|it| leaving(facts, it.body, span, depth + 1))
            })
            .or_else(|| leaving(facts, *orelse, span, depth + 1))
            .or_else(|| leaving(facts, *finally, span, depth + 1)),
        Flow::Match { cases, .. } => {
            (cases.0..cases.0 + cases.1).find_map(|at| leaving(facts, facts.cases[at as usize], span, depth + 1))
        }
        Flow::Acts { .. } | Flow::Break(_) | Flow::Continue(_) | Flow::Unreachable => None,
    })
}

/// Whether a value is a call, or holds it as an entry or alternative.
pub(super) fn mentions(facts: &FileFacts, value: ValueId, call: ValueId, depth: u32) -> bool {
    if value == call {
        return true;
    }
    if depth > 6 {
        return false;
    }
    match facts.value(value) {
        Value::Union(list) | Value::Display(_, list) => {
            facts.list(list).iter().any(|it| mentions(facts, *it, call, depth + 1))
        }
        Value::Declared(_, inner) | Value::Narrowed(inner, _) => mentions(facts, inner, call, depth + 1),
        Value::Operator(left, right) => {
            mentions(facts, left, call, depth + 1) || mentions(facts, right, call, depth + 1)
        }
        _ => false,
    }
}

pub(super) fn is_adding(name: &str) -> bool {
    matches!(name, "append" | "add" | "insert" | "appendleft")
}

fn is_fresh_container(facts: &FileFacts, value: ValueId, depth: u32) -> bool {
    match facts.value(value) {
        Value::Display(Display::List | Display::Set | Display::Dict, _) => true,
        Value::Declared(_, inner) if depth < 4 => is_fresh_container(facts, inner, depth + 1),
        Value::Call(callee, arguments) => {
            arguments.len == 0
                && matches!(facts.value(callee), Value::Name(_, name) if matches!(facts.text(name), "list" | "set"))
        }
        _ => false,
    }
}

/// Functions that look at what they are given and neither keep nor await it.
fn is_inert(path: &str) -> bool {
    let name = path.strip_prefix("builtins.").unwrap_or(path);
    matches!(
        name,
        "print"
            | "str"
            | "repr"
            | "len"
            | "bool"
            | "int"
            | "float"
            | "isinstance"
            | "hasattr"
            | "callable"
            | "id"
            | "hash"
            | "format"
            | "sum"
            | "all"
            | "any"
            | "json.dumps"
            | "json.dump"
            | "pprint.pprint"
    ) || path.strip_prefix("logging.").is_some_and(|it| {
        let last = it.rsplit('.').next().unwrap_or(it);
        matches!(last, "debug" | "info" | "warning" | "error" | "exception" | "critical" | "log")
    })
}

/// Whether only coroutines are lost this way: a task may well be compared or asked for an attribute.
pub(super) fn only_coroutines(how: &How, kind: Kind) -> bool {
    match how {
        How::Tested
        | How::Attribute(_)
        | How::Compared
        | How::UsedAsResult
        | How::Inert(_)
        | How::Formatted
        | How::Returned => kind != Kind::Coroutine,
        How::CallbackOnly => kind != Kind::Task,
        _ => false,
    }
}
