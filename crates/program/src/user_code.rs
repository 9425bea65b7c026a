//! Plain functions that a library's user supplies and a coroutine runs as they are.
//!
//! Two shapes say that the code knows it may be given anything: a coroutine that passes all its arguments on to a
//! parameter of the function around it, and the other branch of a test for coroutine functions.

use raddle_facts::{Act, ActKind, FileFacts, GuardKind, Keyword, Test, Value, ValueId};
use raddle_vocabulary::Span;

use crate::Program;
use crate::unit::FunctionRef;

/// A call of a function that the user supplied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCall {
    /// The function, as it is written.
    pub callee: String,
    /// The call.
    pub span: Span,
}

impl Program {
    /// The calls in a coroutine that run what the user supplied.
    #[must_use]
    pub fn user_code_on_loop(&self, function: FunctionRef) -> Vec<UserCall> {
        if !self.function(function).is_async {
            return Vec::new();
        }
        let facts = &self.unit(function.unit).facts;
        let acts = facts.acts_of(function.function);
        let mut found = Vec::new();
        for act in acts {
            let ActKind::Call(call) = act.kind else { continue };
            let Value::Call(callee, _) = facts.value(call) else { continue };
            if act.awaited || act.discarded || is_awaited_later(facts, acts, call) {
                continue;
            }
            let subject = if self.passes_everything_on(function, facts, acts, call) {
                Some(callee)
            } else {
                self.plain_branch(function, facts, act, call)
            };
            if let Some(subject) = subject
                && comes_from_outside(facts, subject, 0)
                && !hands_over_too(facts, acts, subject)
                && !self.is_method_of_project(function, callee)
            {
                found.push(UserCall { callee: self.written(function, subject), span: act.span });
            }
        }
        found
    }

    /// Whether a method of the project is called: what it does is seen, and so is what overrides it.
    fn is_method_of_project(&self, function: FunctionRef, callee: ValueId) -> bool {
        let vals = self.evaluate(crate::ValueRef { unit: function.unit, value: callee });
        vals.known.iter().any(|val| match val {
            crate::val::Val::Bound(method, _) => self.is_own(method.unit),
            _ => false,
        })
    }

    /// `async def wrapper(*args, **kwargs): return function(*args, **kwargs)`, with nothing awaited.
    fn passes_everything_on(&self, function: FunctionRef, facts: &FileFacts, acts: &[Act], call: ValueId) -> bool {
        let Value::Call(callee, arguments) = facts.value(call) else { return false };
        let arguments = facts.arguments(arguments);
        let everything = arguments.iter().any(|it| it.keyword == Keyword::Star)
            && arguments.iter().all(|it| matches!(it.keyword, Keyword::Star | Keyword::DoubleStar));
        let awaits = acts
            .iter()
            .any(|it| matches!(it.kind, ActKind::Await(_) | ActKind::AsyncEnter(_) | ActKind::AsyncIterate(_)));
        if !everything || awaits || !facts.function(function.function).returned.contains(&call) {
            return false;
        }
        let Value::Name(_, name) = facts.value(callee) else { return false };
        self.enclosing_function(function).is_some_and(|outer| {
            let outer = facts.function(outer.function);
            !outer.is_async && outer.parameters.iter().any(|it| it.name == name)
        })
    }

    /// What was found not to be a coroutine function and is called, here or by the helper it is given to.
    fn plain_branch(&self, function: FunctionRef, facts: &FileFacts, act: &Act, call: ValueId) -> Option<ValueId> {
        let subjects: Vec<ValueId> = facts
            .guards_of(act)
            .filter_map(|guard| match guard {
                GuardKind::Unless(test) => coroutine_test(facts, test),
                GuardKind::If(test) => match facts.value(test) {
                    Value::Test(Test::Not, parts) => coroutine_test(facts, *facts.list(parts).first()?),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        if subjects.is_empty() {
            return None;
        }
        let Value::Call(callee, arguments) = facts.value(call) else { return None };
        if subjects.contains(&callee) {
            return Some(callee);
        }
        let arguments = facts.arguments(arguments);
        let given = arguments.iter().find(|it| subjects.contains(&it.value))?.value;
        let callees = self.evaluate(crate::ValueRef { unit: function.unit, value: callee });
        let runs = callees.known.iter().any(|val| {
            let (helper, bound) = match val {
                crate::val::Val::Function(helper) => (*helper, false),
                crate::val::Val::Bound(helper, _) => (*helper, true),
                _ => return false,
            };
            self.is_own(helper.unit)
                && !self.function(helper).is_async
                && self
                    .parameters_of(helper, bound, facts, arguments)
                    .iter()
                    .any(|(place, value)| *value == given && self.uses(helper, *place).now)
        });
        runs.then_some(given)
    }
}

/// `iscoroutinefunction(x)` asks about `x`.
fn coroutine_test(facts: &FileFacts, test: ValueId) -> Option<ValueId> {
    let Value::Call(callee, arguments) = facts.value(test) else { return None };
    let name = match facts.value(callee) {
        Value::Attribute(_, name) | Value::Name(_, name) | Value::ImportFrom(_, name) => facts.text(name),
        _ => return None,
    };
    let asks = matches!(
        name,
        "iscoroutinefunction"
            | "is_coroutine_function"
            | "is_async_callable"
            | "iscoroutinefunction_or_partial"
            | "is_async_function"
            | "is_coroutine_callable"
    );
    asks.then(|| facts.arguments(arguments).first().map(|it| it.value)).flatten()
}

/// Whether a callable came in through a parameter or is kept on an object: what the code makes itself it knows.
fn comes_from_outside(facts: &FileFacts, value: ValueId, depth: u32) -> bool {
    if depth > 6 {
        return false;
    }
    match facts.value(value) {
        Value::Parameter(..) | Value::Name(..) => true,
        Value::Attribute(base, _) => matches!(facts.value(base), Value::Parameter(..) | Value::Name(..)),
        Value::Subscript(base, _) | Value::Element(base) | Value::Unpacked(base, _) | Value::Narrowed(base, _) => {
            comes_from_outside(facts, base, depth + 1)
        }
        Value::Call(callee, _) => match facts.value(callee) {
            Value::Attribute(base, _) => comes_from_outside(facts, base, depth + 1),
            _ => false,
        },
        Value::Union(list) => facts.list(list).iter().all(|it| comes_from_outside(facts, *it, depth + 1)),
        _ => false,
    }
}

/// Whether the function also hands the callable to something it awaits (an executor), besides awaiting it itself: then
/// it chose where plain functions run.
fn hands_over_too(facts: &FileFacts, acts: &[Act], subject: ValueId) -> bool {
    acts.iter().filter(|act| act.awaited).any(|act| {
        let ActKind::Call(call) = act.kind else { return false };
        let Value::Call(_, arguments) = facts.value(call) else { return false };
        let given = facts.arguments(arguments).iter().any(|it| it.value == subject);
        let as_coroutine = facts
            .guards_of(act)
            .any(|guard| matches!(guard, GuardKind::If(test) if coroutine_test(facts, test) == Some(subject)));
        given && !as_coroutine
    })
}

/// Whether a function awaits what a call of it returned.
pub(crate) fn is_awaited_later(facts: &FileFacts, acts: &[Act], call: ValueId) -> bool {
    acts.iter().any(|act| match act.kind {
        ActKind::Await(value) => value == call || mentions(facts, value, call),
        _ => false,
    })
}

fn mentions(facts: &FileFacts, value: ValueId, call: ValueId) -> bool {
    match facts.value(value) {
        Value::Union(list) => facts.list(list).contains(&call),
        Value::Narrowed(value, _) => value == call,
        _ => false,
    }
}
