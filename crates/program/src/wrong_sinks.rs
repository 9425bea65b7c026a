//! Callables handed to something that calls them and awaits nothing: a coroutine function there never runs, and a call
//! written where a function was meant runs too early.

use std::sync::Arc;

use raddle_facts::models::Runner;
use raddle_facts::{Act, ActKind, Argument, Usage, Value, ValueId};
use raddle_vocabulary::Span;
use rayon::prelude::*;

use crate::Program;
use crate::awaitable::Kind;
use crate::evaluate::Evaluation;
use crate::handing::callable_argument;
use crate::members::Ancestor;
use crate::unit::{FunctionRef, ValueRef};
use crate::val::{Literal, Val};

/// What is wrong with what is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// It is a coroutine function.
    CoroutineFunction,
    /// It is a lambda that only makes a coroutine.
    MakesCoroutine,
    /// It is the result of a call, which cannot be called.
    Called,
}

/// Something handed to the wrong place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handed {
    /// The call that takes it.
    pub act: u32,
    /// The call in the source.
    pub span: Span,
    /// What is wrong.
    pub fault: Fault,
    /// What is handed over, as it is written.
    pub callable: String,
    /// The function that takes it.
    pub taker: Arc<str>,
    /// The call that was written where a function was meant, if it has no arguments.
    pub inner: Option<Span>,
    /// Who calls it.
    pub to: Runner,
    /// Whether the taker or the callable may be something else.
    pub perhaps: bool,
    /// Whether a helper of the project takes it.
    pub by_helper: bool,
}

impl Program {
    /// Everything the project hands to places that await nothing, in the order of its functions.
    #[must_use]
    pub fn all_wrongly_handed(&self) -> &[(FunctionRef, Handed)] {
        self.memo.shared.handed.get_or_init(|| {
            let units: Vec<_> = self.own_units().map(|(unit, _)| unit).collect();
            let found: Vec<Vec<(FunctionRef, Handed)>> = units
                .into_par_iter()
                .map(|unit| {
                    let functions = self.functions_of(unit);
                    functions
                        .flat_map(|it| self.wrongly_handed(it).into_iter().map(move |handed| (it, handed)))
                        .collect()
                })
                .collect();
            found.into_iter().flatten().collect()
        })
    }

    /// What a function hands to places that await nothing.
    #[must_use]
    pub fn wrongly_handed(&self, function: FunctionRef) -> Vec<Handed> {
        let facts = &self.unit(function.unit).facts;
        let (start, end) = facts.function(function.function).acts;
        let mut found = Vec::new();
        for at in start..end {
            let act = &facts.acts[at as usize];
            let ActKind::Call(call) = act.kind else { continue };
            let Value::Call(callee, arguments) = facts.value(call) else { continue };
            if arguments.len == 0 {
                continue;
            }
            let arguments = facts.arguments(arguments);
            let callees = self.evaluate(ValueRef { unit: function.unit, value: callee });
            for val in &callees.known {
                let site = Site { function, at, act, perhaps: callees.unknown.is_some() };
                for path in self.taker_paths(val) {
                    self.to_library(site, &path, arguments, &mut found);
                }
                if let Val::Function(helper) | Val::Bound(helper, _) = val
                    && self.is_own(helper.unit)
                {
                    self.to_helper(site, *helper, matches!(val, Val::Bound(..)), arguments, &mut found);
                }
            }
        }
        found.dedup_by(|a, b| a.act == b.act && a.fault == b.fault);
        found
    }

    /// Names that models may know a callee by; a subclass of `Thread` takes its target like the base.
    fn taker_paths(&self, val: &Val) -> Vec<Arc<str>> {
        match val {
            Val::Outside(path, _) | Val::Gives(path, _) => vec![path.clone()],
            Val::Function(it) | Val::Bound(it, _) if !self.is_own(it.unit) => vec![self.function_name(*it)],
            Val::Class(class) => {
                let ancestors = self.ancestors(*class);
                let has_own_init = self.is_own(class.unit) && {
                    let facts = &self.unit(class.unit).facts;
                    !facts.bindings(facts.class(class.class).scope, "__init__").is_empty()
                };
                let names = ancestors.iter().filter(|_| !has_own_init).filter_map(|it| match it {
                    Ancestor::Class(class) => Some(self.class_name(*class)),
                    Ancestor::Outside(name) => Some(name.clone()),
                    Ancestor::Unknown => None,
                });
                names.collect()
            }
            _ => Vec::new(),
        }
    }

    fn to_library(&self, site: Site<'_>, path: &Arc<str>, arguments: &[Argument], acc: &mut Vec<Handed>) {
        let facts = &self.unit(site.function.unit).facts;
        for handing in self.models.hands_over(path) {
            if !awaits_nothing(path, handing.to) {
                continue;
            }
            // What `map` gives may be awaited one by one.
            if matches!(&**path, "builtins.map") && site.act.usage != Usage::Discarded {
                continue;
            }
            if let Some(value) = callable_argument(facts, arguments, handing) {
                self.judge_callable(site, value, path, handing.to, false, acc);
            }
        }
    }

    /// A helper that hands its parameter on to such a place, or calls it and lets go of the result.
    fn to_helper(
        &self,
        site: Site<'_>,
        helper: FunctionRef,
        bound: bool,
        arguments: &[Argument],
        acc: &mut Vec<Handed>,
    ) {
        let facts = &self.unit(site.function.unit).facts;
        for (place, value) in self.parameters_of(helper, bound, facts, arguments) {
            if !matches!(
                facts.value(value),
                Value::Function(_) | Value::Name(..) | Value::Attribute(..) | Value::ImportFrom(..)
            ) {
                continue;
            }
            let Some(to) = self.helper_sink(helper, place) else { continue };
            let before = acc.len();
            self.judge_callable(site, value, &self.short_name(helper).into(), to, true, acc);
            let mut at = 0;
            acc.retain(|it| {
                at += 1;
                at <= before || it.fault == Fault::CoroutineFunction
            });
        }
    }

    /// Who runs a parameter of a plain function, if all the function does with it awaits nothing.
    fn helper_sink(&self, helper: FunctionRef, place: u16) -> Option<Runner> {
        let facts = &self.unit(helper.unit).facts;
        let it = self.function(helper);
        if it.is_async || it.is_generator || it.is_abstract || !it.decorators.is_empty() {
            return None;
        }
        let parameter = it.parameters.get(place as usize)?;
        let is_it = |value: ValueId| matches!(facts.value(value), Value::Parameter(of, at) if of == helper.function && at == place);
        let mut runner = None;
        for act in facts.acts_of(helper.function) {
            match act.kind {
                ActKind::Call(call) => {
                    let Value::Call(callee, arguments) = facts.value(call) else { continue };
                    if is_it(callee) {
                        if act.usage != Usage::Discarded {
                            return None;
                        }
                        runner = runner.or(Some(Runner::Caller));
                        continue;
                    }
                    let arguments = facts.arguments(arguments);
                    if arguments.iter().any(|it| is_it(it.value)) {
                        runner = Some(self.passes_to(helper, callee, arguments, &is_it)?);
                    }
                }
                ActKind::Write(_, value) if is_it(value) => return None,
                _ => {}
            }
        }
        // A function inside that uses it may do anything.
        let inside = self.functions_of(helper.unit).filter(|it| self.enclosing_function(*it) == Some(helper));
        let mut names = inside.flat_map(|it| facts.acts_of(it.function).iter());
        let seen = names.any(|act| match act.kind {
            ActKind::Call(call) => match facts.value(call) {
                Value::Call(callee, arguments) => {
                    let named = |value| matches!(facts.value(value), Value::Name(_, name) if name == parameter.name);
                    named(callee) || facts.arguments(arguments).iter().any(|it| named(it.value))
                }
                _ => false,
            },
            _ => false,
        });
        if seen { None } else { runner }
    }

    fn passes_to(
        &self,
        helper: FunctionRef,
        callee: ValueId,
        arguments: &[Argument],
        is_it: &dyn Fn(ValueId) -> bool,
    ) -> Option<Runner> {
        let facts = &self.unit(helper.unit).facts;
        let callees = self.evaluate(ValueRef { unit: helper.unit, value: callee });
        let [val] = &callees.known[..] else { return None };
        self.taker_paths(val).iter().find_map(|path| {
            let handing = self.models.hands_over(path).iter().find(|it| awaits_nothing(path, it.to))?;
            let value = callable_argument(facts, arguments, handing)?;
            is_it(value).then_some(handing.to)
        })
    }

    fn judge_callable(
        &self,
        site: Site<'_>,
        value: ValueId,
        taker: &Arc<str>,
        to: Runner,
        by_helper: bool,
        acc: &mut Vec<Handed>,
    ) {
        let facts = &self.unit(site.function.unit).facts;
        let unit = site.function.unit;
        let vals = self.evaluate(ValueRef { unit, value });
        let mut handed = Handed {
            act: site.at,
            span: site.act.span,
            fault: Fault::CoroutineFunction,
            callable: self.written(site.function, value),
            taker: taker.clone(),
            inner: None,
            to,
            perhaps: site.perhaps || vals.unknown.is_some(),
            by_helper,
        };
        if !vals.is_empty() && vals.known.iter().all(|val| self.makes_coroutine(val)) {
            let lambda = vals.known.iter().any(|val| match val {
                Val::Function(it) => self.function(*it).is_lambda,
                _ => false,
            });
            if lambda {
                handed.fault = Fault::MakesCoroutine;
            }
            acc.push(handed);
            return;
        }
        if let Value::Call(callee, arguments) = facts.value(value)
            && self.is_result_of_known(unit, callee)
            && vals.unknown.is_none()
            && vals.known.iter().all(|val| self.cannot_be_called(val))
        {
            handed.fault = Fault::Called;
            handed.callable = self.written(site.function, callee);
            let inner = facts.acts_of(site.function.function).iter().find(|it| {
                it.kind == ActKind::Call(value)
                    && site.act.span.start <= it.span.start
                    && it.span.end <= site.act.span.end
            });
            handed.inner = inner.filter(|_| arguments.len == 0).map(|it| it.span);
            if inner.is_some() {
                acc.push(handed);
            }
        }
    }

    fn makes_coroutine(&self, val: &Val) -> bool {
        match val {
            Val::Function(function) | Val::Bound(function, _) => {
                self.kind_of_function(*function, 0) == Some(Kind::Coroutine)
            }
            Val::Outside(_, Some(stub)) => self.kind_of_function(*stub, 0) == Some(Kind::Coroutine),
            Val::Partial(inner, _) => self.makes_coroutine(inner),
            _ => false,
        }
    }

    /// Whether a callee is one function of the project, or a class, whose result is what its body says.
    fn is_result_of_known(&self, unit: crate::UnitId, callee: ValueId) -> bool {
        let callees = self.evaluate(ValueRef { unit, value: callee });
        let [val] = &callees.known[..] else { return false };
        callees.unknown.is_none()
            && match val {
                Val::Function(function) | Val::Bound(function, _) => {
                    let it = self.function(*function);
                    self.is_own(function.unit)
                        && it.decorators.is_empty()
                        && (it.is_async || !it.is_abstract)
                        && !it.is_generator
                }
                _ => false,
            }
    }

    fn cannot_be_called(&self, val: &Val) -> bool {
        match val {
            Val::Literal(literal) => *literal != Literal::Number && *literal != Literal::Zero,
            Val::Coroutine(_) | Val::Generator(_) | Val::Tuple(_) | Val::Container(..) => true,
            Val::Instance(class, _) => {
                let known = self.ancestors(*class).iter().all(|it| matches!(it, Ancestor::Class(_)));
                let call = Evaluation::new(self).attribute(class.unit, val, "__call__");
                known && call.is_ok_and(|it| it.is_empty())
            }
            _ => false,
        }
    }
}

#[derive(Clone, Copy)]
struct Site<'a> {
    function: FunctionRef,
    at: u32,
    act: &'a Act,
    perhaps: bool,
}

/// Whether a library's function that takes a callable calls it and awaits nothing.
fn awaits_nothing(path: &str, to: Runner) -> bool {
    const TAKERS: [&str; 17] = [
        "threading.",
        "concurrent.futures.",
        "multiprocessing.",
        "signal.signal",
        "atexit.register",
        "weakref.finalize",
        "asyncio.to_thread",
        "asyncio.AbstractEventLoop.",
        "asyncio.BaseEventLoop.",
        "asyncio.Future.add_done_callback",
        "asyncio.Task.add_done_callback",
        "asyncio.Condition.wait_for",
        "anyio.to_thread.",
        "anyio.to_process.",
        "trio.to_thread.",
        "starlette.concurrency.run_in_threadpool",
        "fastapi.concurrency.run_in_threadpool",
    ];
    match to {
        Runner::Caller => matches!(
            path,
            "builtins.map"
                | "builtins.filter"
                | "builtins.sorted"
                | "builtins.min"
                | "builtins.max"
                | "builtins.list.sort"
                | "functools.reduce"
                | "itertools.filterfalse"
                | "itertools.takewhile"
                | "itertools.dropwhile"
        ),
        _ => TAKERS.iter().any(|it| path.starts_with(it)),
    }
}
