//! `async def` methods in the place of plain ones, whose callers await nothing.

use std::sync::Arc;

use raddle_facts::{ActKind, Usage, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Program;
use crate::awaitable::{Kind, Made};
use crate::members::Ancestor;
use crate::pending::{How, Lost};
use crate::unit::{ClassRef, FunctionRef, ValueRef};
use crate::val::Val;

/// An `async def` that overrides a plain method of a library, which the library calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unawaited {
    /// The method.
    pub method: FunctionRef,
    /// What it overrides.
    pub base: Arc<str>,
}

impl Program {
    /// Calls of plain methods that are `async def` in a subclass, where the call is a statement.
    #[must_use]
    pub fn calls_of_overridden(&self) -> Vec<(FunctionRef, Lost)> {
        let overridden = self.overridden();
        let names: FxHashSet<&str> =
            overridden.keys().map(|it| self.unit(it.unit).facts.text(self.function(*it).name)).collect();
        let mut found = Vec::new();
        if overridden.is_empty() {
            return found;
        }
        for (unit, it) in self.own_units() {
            for caller in self.functions_of(unit) {
                let (start, end) = self.function(caller).acts;
                for at in start..end {
                    let act = &it.facts.acts[at as usize];
                    let ActKind::Call(call) = act.kind else { continue };
                    if act.awaited || !matches!(act.usage, Usage::Discarded | Usage::Tested) {
                        continue;
                    }
                    let Value::Call(callee, _) = it.facts.value(call) else { continue };
                    let Value::Attribute(_, name) = it.facts.value(callee) else { continue };
                    if !names.contains(it.facts.text(name)) {
                        continue;
                    }
                    let callees = self.evaluate(ValueRef { unit, value: callee });
                    let [Val::Bound(method, receiver)] = &callees.known[..] else { continue };
                    let Some(overrides) = overridden.get(method) else { continue };
                    let Some(by) = overrides.iter().filter(|by| !self.overrides_too(**by, caller)).find(|by| {
                        self.class_of(**by)
                            .is_some_and(|class| self.ancestors(class).contains(&Ancestor::Class(*receiver)))
                    }) else {
                        continue;
                    };
                    let made = Made { kind: Kind::Coroutine, function: Some(*by), perhaps: true };
                    let how = How::Override(self.short_name(*by));
                    found.push((caller, Lost { act: at, span: act.span, made, how, at: None }));
                }
            }
        }
        found
    }

    /// For each plain method of the project the `async def`s that override it.
    fn overridden(&self) -> FxHashMap<FunctionRef, Vec<FunctionRef>> {
        let mut all: FxHashMap<FunctionRef, Vec<FunctionRef>> = FxHashMap::default();
        let methods = self.async_methods();
        let mut of_class: FxHashMap<ClassRef, usize> = FxHashMap::default();
        for (method, _) in &methods {
            *of_class.entry(self.class_of(*method).expect("only methods override")).or_default() += 1;
        }
        for (method, base) in methods {
            let Base::Own(base) = base else { continue };
            let class = self.class_of(method).expect("only methods override");
            if of_class[&class] < TWIN_FROM && !self.is_named_as_twin(class, base) {
                all.entry(base).or_default().push(method);
            }
        }
        all
    }

    /// Whether the class of an override has, of its own or from another base, another method in the place of the one
    /// that calls, so that the call is never made on it.
    fn overrides_too(&self, by: FunctionRef, caller: FunctionRef) -> bool {
        let (Some(class), Some(of_caller)) = (self.class_of(by), self.class_of(caller)) else { return false };
        let name = self.unit(caller.unit).facts.text(self.function(caller).name);
        let others = self.ancestors(class);
        let mut others = others.iter().filter_map(|ancestor| match ancestor {
            Ancestor::Class(other) if *other != of_caller => Some(*other),
            _ => None,
        });
        others.any(|other| {
            let facts = &self.unit(other.unit).facts;
            !facts.bindings(facts.class(other.class).scope, name).is_empty()
        })
    }

    /// Whether a class is by its name the asynchronous twin of the one that it overrides, which other code calls.
    fn is_named_as_twin(&self, class: ClassRef, base: FunctionRef) -> bool {
        let name = |class: ClassRef| {
            let facts = &self.unit(class.unit).facts;
            facts.text(facts.class(class.class).name).to_lowercase()
        };
        let of_base = self.class_of(base).map(name).unwrap_or_default();
        let own = name(class);
        let asynchronous = ["async", "aio", "coroutine"].iter().any(|it| own.contains(it) && !of_base.contains(it));
        own == of_base || asynchronous
    }

    /// The `async def`s that override plain methods of libraries which are called by the library.
    #[must_use]
    pub fn async_in_library_class(&self) -> Vec<Unawaited> {
        self.async_methods()
            .into_iter()
            .filter_map(|(method, base)| match base {
                Base::Library(base) => Some(Unawaited { method, base }),
                Base::Own(_) => None,
            })
            .collect()
    }

    fn async_methods(&self) -> Vec<(FunctionRef, Base)> {
        let mut found = Vec::new();
        for (unit, it) in self.own_units() {
            for method in self.functions_of(unit) {
                let function = self.function(method);
                if function.is_async
                    && !function.is_generator
                    && function.decorators.is_empty()
                    && let Some(base) = self.plain_base(method, it.facts.text(function.name))
                {
                    found.push((method, base));
                }
            }
        }
        found
    }

    /// The plain method that a method overrides, the nearest one.
    fn plain_base(&self, method: FunctionRef, name: &str) -> Option<Base> {
        let class = self.class_of(method)?;
        for ancestor in self.ancestors(class).iter().skip(1) {
            let Ancestor::Class(base) = ancestor else { return None };
            let facts = &self.unit(base.unit).facts;
            let bindings = facts.bindings(facts.class(base.class).scope, name);
            let [(_, value)] = bindings else {
                if bindings.is_empty() {
                    continue;
                }
                return None;
            };
            let Value::Function(function) = facts.value(*value) else { return None };
            let function = FunctionRef { unit: base.unit, function };
            let it = self.function(function);
            if it.is_async || it.is_generator {
                return None;
            }
            if self.is_own(base.unit) {
                let plain = it.decorators.is_empty() || self.decoration(function).is_abstract;
                let gives_awaitable = it.returns.is_some_and(|it| self.says_awaitable(base.unit, it));
                let known = plain && !gives_awaitable && self.kind_of_function(function, 0).is_none();
                return known.then_some(Base::Own(function));
            }
            let path = self.function_name(function);
            return is_called_by_library(&path).then_some(Base::Library(path));
        }
        if name.starts_with("test") {
            return self.plain_test(class);
        }
        None
    }

    /// A test method of a plain `unittest.TestCase`, which makes the coroutine and throws it away.
    fn plain_test(&self, class: ClassRef) -> Option<Base> {
        let ancestors = self.ancestors(class);
        let mut is_test = false;
        for ancestor in ancestors.iter().skip(1) {
            let Ancestor::Class(base) = ancestor else { return None };
            if self.is_own(base.unit) {
                continue;
            }
            let name = self.class_name(*base);
            if !name.starts_with("unittest.case.TestCase") && &*name != "builtins.object" {
                return None;
            }
            is_test |= name.starts_with("unittest.case.TestCase");
        }
        is_test.then(|| Base::Library("unittest.TestCase".into()))
    }

    /// Whether an annotation names something to await somewhere in it.
    fn says_awaitable(&self, unit: crate::UnitId, annotation: raddle_facts::ValueId) -> bool {
        let facts = &self.unit(unit).facts;
        match facts.value(annotation) {
            Value::Subscript(base, _) => self.says_awaitable(unit, base),
            Value::Union(list) => facts.list(list).iter().any(|it| self.says_awaitable(unit, *it)),
            Value::Name(_, name) | Value::ImportFrom(_, name) | Value::Attribute(_, name) => {
                let name = facts.text(name);
                ["Await", "Corou", "Future", "Task", "Any", "Async"].iter().any(|it| name.contains(it))
            }
            _ => false,
        }
    }
}

/// A class that makes so many plain methods asynchronous is another interface, not an override by mistake.
const TWIN_FROM: usize = 3;

enum Base {
    Own(FunctionRef),
    Library(Arc<str>),
}

/// Methods that the standard library calls without awaiting.
fn is_called_by_library(path: &str) -> bool {
    const CALLED: [&str; 14] = [
        "threading.Thread.run",
        "multiprocessing.process.BaseProcess.run",
        "multiprocessing.Process.run",
        "logging.Handler.",
        "logging.Filter.filter",
        "logging.Formatter.format",
        "logging.Filterer.filter",
        "asyncio.BaseProtocol.",
        "asyncio.Protocol.",
        "asyncio.DatagramProtocol.",
        "asyncio.SubprocessProtocol.",
        "socketserver.BaseRequestHandler.",
        "json.encoder.JSONEncoder.default",
        "unittest.case.TestCase.",
    ];
    CALLED.iter().any(|it| path.starts_with(it))
}
